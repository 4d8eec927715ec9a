#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Copies of whole directories of netgoat/: a domain made after the model of another, with the tools that people take for it.

load ../lib/mount.bash

setup() {
	nv_setup
	nv_clock stop
	SRC=$NG/teams/platform/domains/api.example.com
	DST=$NG/teams/platform/domains/api2.example.com
}

teardown() {
	nv_teardown
}

# What a user would compare: all texts below a domain but its analytics, whatever the ids in names.
texts() {
	(cd "$1" && find . -path ./analytics -prune -o -type f -print | sort | while read -r file; do
		echo "${file%/*} $(basename "$file" | sed 's/[0-9a-f]\{24\}/ID/')"
		# A new proxy has every default; those of the example have not.
		jq -cS --arg file "$file" 'del(.. | ._id?) | if $file | test("/proxies/") then {name, upstream_servers, wafRules} else . end' "$file"
	done)
}

# copied: the copy says what the original says; the original is what it was; the analytics stayed, and the tool was told once.
copied() {
	nv_equal "$(texts "$SRC")" "$(texts "$DST")"
	nv_equal "$BEFORE" "$(find "$SRC" | sort)"
	[ ! -e "$DST/analytics/hour/2026-03-02.ndjson" ]
	nv_equal 1 "$(grep -c "api2.example.com" "$MNT/.netviewfs/errors")"
	nv_refused 'api2.example.com/analytics: EPERM: .*computed from the store'
	local domain
	domain=$(nv_doc_id domains '.domain == "api2.example.com"')
	nv_equal 1 "$(nv_docs alerts "select(.domainId == {\"\$oid\": \"$domain\"})" | wc -l)"
	nv_equal 1 "$(nv_docs incidents "select(.domainId == {\"\$oid\": \"$domain\"})" | wc -l)"
	nv_equal 6 "$(nv_docs dnsrecords "select(.domainId == {\"\$oid\": \"$domain\"})" | wc -l)"
	# Every entry leads to what it made.
	nv_doc_changes | sed -n 's/^create [a-z]*|//p' | while read -r path; do
		[ -e "$MNT/$path" ] || nv_fail "no $path"
	done
}

@test "cp -a of a domain copies all but its analytics, and says so once" {
	BEFORE=$(find "$SRC" | sort)
	run cp -a "$SRC" "$DST"
	[ "$status" -eq 1 ]
	nv_equal "cp: cannot create directory '$DST/analytics': Operation not permitted" "$output"
	copied
}

@test "rsync -a of a domain does the same, and a second time nothing" {
	BEFORE=$(find "$SRC" | sort)
	run rsync -a "$SRC/" "$DST/"
	[ "$status" -eq 23 ]
	copied
	local changes
	changes=$(nv_doc_changes)
	rsync -a --exclude analytics --exclude proxies "$SRC/" "$DST/"
	nv_equal "$changes" "$(nv_doc_changes)"
}

@test "records that share a name are copied, with ids of their own" {
	cp -a "$NG/teams/platform/domains/example.com" "$NG/teams/labs/domains/" || true
	nv_equal 2 "$(ls "$NG/teams/labs/domains/example.com/records" | grep -c '^@.NS~[0-9a-f]\{24\}.json$')"
	nv_equal "$(jq -S .value "$NG"/teams/platform/domains/example.com/records/@.NS~*)" \
		"$(jq -S .value "$NG"/teams/labs/domains/example.com/records/@.NS~*)"
	nv_equal 4 "$(nv_docs dnsrecords 'select(.domain == "example.com" and .type == "NS") | ._id' | sort -u | wc -l)"
}

@test "an alert is copied to another directory, and moved by mv" {
	cp "$NG/alerts/65e2d0000006000000000006.json" "$NG/teams/labs/alerts/"
	nv_equal 2 "$(ls "$NG/teams/labs/alerts" | wc -l)"
	nv_equal 65e2d0000006000000000006.json "$(ls "$NG/alerts")"
	mv "$NG/alerts/65e2d0000006000000000006.json" "$NG/teams/shop/alerts/"
	nv_doc alerts 65e2d0000006000000000006 | jq -e --arg team "$NV_TEAM_SHOP" '.teamId == {"$oid": $team}'
	[ ! -e "$NG/alerts/65e2d0000006000000000006.json" ]
}

@test "an _id that the text names is meant: taken, it is refused with its place" {
	printf '{"title": "t", "body": "b",\n "_id": {"$oid": "65e2d0000006000000000006"}}\n' >"$NV_DIR/new"
	run cp "$NV_DIR/new" "$NG/teams/labs/alerts/new.json"
	[ "$status" -eq 1 ]
	nv_refused 'new.json:2:[0-9]+: EEXIST: _id: another document has it'
}

@test "a computed file that was removed can be made again with the bytes it has" {
	local file=$SRC/analytics/hour/2026-03-02.ndjson
	cp "$file" "$NV_DIR/chunk"
	rm "$file"
	cp "$NV_DIR/chunk" "$file"
	cmp "$NV_DIR/chunk" "$file"
	nv_equal "" "$(nv_doc_changes)"
	nv_equal "open EPERM" "$(nv_sys "open:w+creat:$SRC/analytics/hour/2026-03-03.ndjson")"
}

# tar first makes an empty file in place of each link that leads upwards, and at its end the links.
@test "tar x over links: a membership that was there stays what it was, a new one joins" {
	tar -C "$MNT" -cf "$NV_DIR/all.tar" netgoat/users netgoat/teams netdox/dns
	nv_docs teams >"$NV_DIR/teams"
	nv_docs users >"$NV_DIR/users"
	tar -C "$MNT" -xf "$NV_DIR/all.tar"
	nv_clock 3000
	[ -L "$NG/users/ann@example.com/teams/shop" ]
	[ -L "$(find "$NX/dns/lan" -name node | head -n 1)" ]
	diff "$NV_DIR/teams" <(nv_docs teams)
	diff "$NV_DIR/users" <(nv_docs users)
	nv_equal "" "$(nv_doc_changes)"
	nv_equal "" "$(nv_changes)"
	# One that takes longer than a delete waits.
	rm "$NG/users/ann@example.com/teams/shop"
	nv_sys "open:w+creat+excl:$NG/users/ann@example.com/teams/other" || true
	nv_refused 'teams/other: EINVAL'
	perl -MFcntl -e 'sysopen(my $f, $ARGV[0], O_WRONLY | O_CREAT | O_EXCL, 0) or die "$!\n"' "$NG/users/ann@example.com/teams/shop"
	nv_clock 3000
	[ -f "$NG/users/ann@example.com/teams/shop" ]
	nv_equal "" "$(nv_doc_changes)"
	rm "$NG/users/ann@example.com/teams/shop"
	ln -s ../../../teams/shop "$NG/users/ann@example.com/teams/shop"
	nv_clock 3000
	diff "$NV_DIR/teams" <(nv_docs teams)
	nv_equal "" "$(nv_doc_changes)"
	# Into a new user's directory.
	mkdir "$NG/users/gus@example.com"
	tar -C "$NG/users/ann@example.com" -cf - teams | tar -C "$NG/users/gus@example.com" -xf -
	nv_equal $'platform\nshop' "$(ls "$NG/users/gus@example.com/teams")"
	nv_equal 2 "$(nv_doc_changes | grep -c '^create membership|netgoat/users/gus@example.com/teams/')"
}
