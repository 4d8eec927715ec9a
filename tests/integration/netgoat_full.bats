#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netgoat/ in full and restore mounts, beside what tests/tools/backup.bats says of whole backups: the text is the document.

load ../lib/mount.bash

setup() {
	nv_setup
	DOM=$NG/teams/platform/domains/example.com
	NV_STORES=docs=$NV_DOCS_URI
}

teardown() {
	nv_teardown
}

full() {
	nv_remount full
	nv_clock stop
}

# A backup of the store in $NV_DIR/backup; then an empty store, mounted to restore it.
restore_mount() {
	nv_remount full,ro
	cp -a "$NG" "$NV_DIR/backup"
	nv_umount
	dump >"$NV_DIR/dump"
	nv_docs_empty
	NV_STORES=docs=$NV_DOCS_URI
	nv_mount "restore${1:-}"
	nv_clock stop
}

# told PATTERN: a line of errors, with its place; when a write was refused, the newest is that of the close.
told() {
	grep -q "$1" "$MNT/.netviewfs/errors" || nv_fail "no $1 in:" "$(cat "$MNT/.netviewfs/errors")"
}

# All documents of the store, byte for byte. The changelog in its order.
dump() {
	local collection
	for collection in $("$NV_DOCS_TOOL" list "$NV_DOCS_STORE" | awk '{ print $1 }' | sort); do
		echo "== $collection"
		"$NV_DOCS_TOOL" export "$NV_DOCS_STORE" "$collection" | if [ "$collection" = changelog ]; then cat; else sort; fi
	done
}

restored() {
	nv_umount
	dump | diff "$NV_DIR/dump" - >&2
}

@test "a text is its document, secrets and all, and an edit is one entry without a stamp" {
	local id before
	full
	id=$(nv_doc_id dnsrecords '.name == "www" and .domain == "example.com"')
	before=$(nv_doc dnsrecords "$id")
	nv_equal "$id" "$(jq -r '._id["$oid"]' "$DOM/records/www.CNAME.json")"
	sed -i 's/"ttl": 300/"ttl": 301/' "$DOM/records/www.CNAME.json"
	nv_equal "${before/\"300\"/\"301\"}" "$(nv_doc dnsrecords "$id")"
	nv_equal "update record|netgoat/teams/platform/domains/example.com/records/www.CNAME.json" "$(nv_doc_changes)"
}

@test "a text that contradicts its path is refused, with the reason" {
	full
	refute cp "$DOM/records/www.CNAME.json" "$DOM/records/web.CNAME.json"
	told "web.CNAME.json:[0-9]*:[0-9]*: EINVAL: name: contradicts the path of the file: the document's own name is www.CNAME.json"
	mkdir "$NG/teams/platform/domains/copy.example.org"
	refute cp -r "$DOM/records" "$NG/teams/platform/domains/copy.example.org/"
	told "copy.example.org/records/www.CNAME.json:[0-9]*:[0-9]*: EINVAL: domainId: contradicts the path of the file"
	nv_equal "" "$(nv_doc_changes)"
}

@test "mkdir is a name until domain.json says which document it is" {
	local text
	full
	text=$(jq '._id = {"$oid": "65e2d0000003000000000fff"} | .domain = "new.example.org"' "$DOM/domain.json")
	mkdir "$NG/teams/platform/domains/new.example.org"
	nv_equal "" "$(nv_doc_changes)"
	echo "$text" >"$NG/teams/platform/domains/new.example.org/domain.json"
	nv_equal "create domain|netgoat/teams/platform/domains/new.example.org" "$(nv_doc_changes)"
	nv_equal 65e2d0000003000000000fff "$(nv_doc_id domains '.domain == "new.example.org"')"
}

@test "what is removed under one name and saved under another is still there" {
	local id
	full
	id=$(nv_doc_id dnsrecords '.name == "www" and .domain == "example.com"')
	cp "$DOM/records/www.CNAME.json" "$NV_DIR/text"
	rm "$DOM/records/www.CNAME.json"
	cp "$NV_DIR/text" "$DOM/records/www.CNAME~$id.json"
	nv_clock 3000
	nv_wait_until test -f "$DOM/records/www.CNAME.json"
	nv_umount
	[ -n "$(nv_doc dnsrecords "$id")" ]
	nv_equal "" "$(nv_doc_changes)"
}

@test "files of many documents come in pieces, twice, and over what is there" {
	local log=$NV_DIR/backup/changelog chunk=teams/platform/domains/example.com/analytics/hour/2026-03-02.ndjson
	sed -i 's/300/301/' "$DOM/records/www.CNAME.json"
	restore_mount
	head -c 400 "$log" >"$NV_DIR/part"
	head -n 2 "$log" >"$NV_DIR/two"
	cat "$NV_DIR/two" >"$NG/changelog"
	cmp "$NV_DIR/two" "$NG/changelog"
	refute cp "$NV_DIR/part" "$NG/changelog"
	told "changelog:2:[0-9]*: EINVAL: the text ends inside a string"
	cmp "$NV_DIR/two" "$NG/changelog"
	tail -n 2 "$log" >"$NG/changelog"
	cat "$log" >"$NG/changelog"
	cat "$log" >"$NG/changelog"
	cmp "$log" "$NG/changelog"
	cp -a "$NV_DIR/backup/." "$NG/"
	tail -n 1 "$NV_DIR/backup/$chunk" >"$NG/$chunk"
	cmp "$NG/$chunk" <(tail -n 1 "$NV_DIR/backup/$chunk")
	rm "$NG/$chunk"
	cp "$NV_DIR/backup/$chunk" "$NG/$chunk"
	rm "$NG/changelog"
	cp "$log" "$NG/changelog"
	nv_clock 3000
	restored
}

@test "children before their parents, and a text without _id is refused" {
	local file
	restore_mount
	refute sh -c "echo '{\"slug\": \"x\"}' >'$NG/teams/x/team.json'"
	mkdir "$NG/teams/x"
	refute sh -c "echo '{\"slug\": \"x\"}' >'$NG/teams/x/team.json'"
	told "team.json:1:1: EINVAL: there is no _id"
	rmdir "$NG/teams/x"
	(cd "$NV_DIR/backup" && find . -type d) | (cd "$NG" && xargs -d '\n' mkdir -p)
	for file in $(cd "$NV_DIR/backup" && find . -type f | sort -r); do
		cat "$NV_DIR/backup/$file" >"$NG/$file"
	done
	restored
}

@test "a store that spells its collections otherwise is restored with the same schema" {
	nv_umount
	"$NV_DOCS_TOOL" export "$NV_DOCS_STORE" users >"$NV_DIR/users"
	"$NV_DOCS_TOOL" delete "$NV_DOCS_STORE" users <"$NV_DIR/users"
	"$NV_DOCS_TOOL" import "$NV_DOCS_STORE" user <"$NV_DIR/users"
	nv_mount
	sed 's/\["users", "user"\]/["user", "users"]/' "$MNT/.netviewfs/schema.json" >"$NV_DIR/schema.json"
	restore_mount ",schema=$NV_DIR/schema.json"
	cp -a "$NV_DIR/backup/." "$NG/"
	sed -i '/^== users$/d' "$NV_DIR/dump"
	restored
}
