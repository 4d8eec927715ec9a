#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netgoat/ against the document store asked directly: every kind of path, every document of the example data.

load ../lib/mount.bash

setup_file() {
	nv_setup
}

teardown_file() {
	nv_teardown
}

# same KIND FILE COLLECTION ID: the file shows the document, less what its kind leaves out, fields in stored order.
same() {
	nv_doc "$3" "$4" | jq -L "$NV_SRCDIR/tests/lib" "include \"documents\"; plain | $1" >"$NV_DIR/want"
	[ -s "$NV_DIR/want" ]
	jq -L "$NV_SRCDIR/tests/lib" 'include "documents"; plain' "$2" | diff "$NV_DIR/want" - >&2 || nv_fail "$2"
}

# where DOMAIN-ID: the domain's directory.
where() {
	nv_doc domains "$1" | jq -r --arg root "$NG/teams" \
		--arg 1 labs --arg 2 platform --arg 3 shop '
		{"65e2d0000001000000000001": "platform", "65e2d0000001000000000002": "shop", "65e2d0000001000000000003": "labs"}[.teamId["$oid"]]
		as $team | "\($root)/\($team)/domains/\(.domain)"'
}

@test "the example company is whole: everything that tests and demo look at is there" {
	nv_equal "3 6 8 60" "$(for c in teams users domains dnsrecords; do nv_docs "$c" | wc -l; done | paste -sd ' ')"
	nv_equal "$(jq -r '.record.fields.type.enum[]' "$MNT/.netviewfs/schema.json" | sort)" "$(nv_docs dnsrecords .type | tr -d '"' | sort -u)"
	[ "$(nv_docs proxyconfigs '.wafRules | length' | awk '{ n += $1 } END { print n }')" -gt 0 ]
	[ "$(nv_docs alerts | wc -l)" -gt 0 ]
	[ "$(nv_docs incidents | wc -l)" -gt 0 ]
	# A day in minutes, of at least one domain.
	[ "$(nv_docs analytics '.' | wc -l)" -ge 1440 ]
}

@test "the top of netgoat/" {
	nv_equal "alerts changelog incidents teams users" "$(ls "$NG" | paste -sd ' ')"
}

@test "teams are the slugs, users the addresses" {
	diff <(nv_docs teams .slug | tr -d '"' | sort) <(ls "$NG/teams")
	diff <(nv_docs users .email | tr -d '"' | sort) <(ls "$NG/users")
}

@test "an object's own json is listed last" {
	local dir
	for dir in "$NG/teams/platform" "$NG/teams/platform/domains/example.com" "$NG/users/ann@example.com"; do
		[[ $(ls -U "$dir" | tail -n 1) =~ ^(team|domain|user)\.json$ ]]
	done
}

@test "team.json" {
	local slug
	for slug in platform shop labs; do
		same team "$NG/teams/$slug/team.json" teams "$(nv_doc_id teams ".slug == \"$slug\"")"
	done
}

@test "user.json" {
	local email
	for email in $(ls "$NG/users"); do
		same user "$NG/users/$email/user.json" users "$(nv_doc_id users ".email == \"$email\"")"
	done
}

@test "membership links are users.teams, and lead to the team" {
	local email
	for email in $(ls "$NG/users"); do
		diff <(nv_docs users "select(.email == \"$email\") | .teams[] | .[\"\$oid\"]" | tr -d '"' | sort) \
			<(for link in "$NG/users/$email/teams"/*; do
				[ "$(readlink "$link")" = "../../../teams/${link##*/}" ] || echo "odd target of $link"
				[ -f "$link/team.json" ] || echo "dangling $link"
				nv_doc_id teams ".slug == \"${link##*/}\""
			done | sort)
	done
}

@test "domains stand under their teams" {
	local id
	for id in $(nv_doc_id domains true); do
		[ -d "$(where "$id")" ]
	done
	nv_equal 8 "$(ls -d "$NG"/teams/*/domains/*/ | wc -l)"
}

@test "domain.json" {
	local id
	for id in $(nv_doc_id domains true); do
		same domain "$(where "$id")/domain.json" domains "$id"
	done
}

@test "records: one file each, NAME.TYPE.json, with the id where two would share it" {
	local id name
	for id in $(nv_doc_id domains true); do
		nv_docs dnsrecords "select(.domainId[\"\$oid\"] == \"$id\")" |
			jq -rs 'group_by([.name, .type]) | .[] | if length == 1 then .[0] | "\(.name).\(.type).json"
				else .[] | "\(.name).\(.type)~\(._id["$oid"]).json" end' | sort >"$NV_DIR/names"
		diff "$NV_DIR/names" <(ls "$(where "$id")/records")
	done
}

@test "records: the document" {
	local id domain name
	for id in $(nv_doc_id dnsrecords true); do
		domain=$(nv_doc dnsrecords "$id" | jq -r '.domainId["$oid"]')
		name=$(nv_doc dnsrecords "$id" | jq -r '"\(.name).\(.type)"')
		same record "$(where "$domain")/records/$name~$id.json" dnsrecords "$id"
	done
}

@test "a record answers to its long form; a plain name of several is ENOTUNIQ" {
	local dir=$NG/teams/platform/domains/example.com/records
	nv_equal "open ENOTUNIQ" "$(nv_sys "open:r:$dir/@.NS.json")"
	cmp "$dir/www.CNAME.json" "$dir/www.CNAME~$(nv_doc_id dnsrecords '.name == "www" and .domain == "example.com"').json"
}

@test "proxies are named by subdomain, the domain's own is @" {
	local id sub domain
	for id in $(nv_doc_id proxyconfigs true); do
		domain=$(nv_doc proxyconfigs "$id" | jq -r '.domainId["$oid"]')
		sub=$(nv_doc proxyconfigs "$id" | jq -r '.subdomain // "@"')
		same proxy "$(where "$domain")/proxies/$sub.json" proxyconfigs "$id"
	done
	nv_equal 9 "$(find "$NG" -path '*/proxies/*' | wc -l)"
}

@test "alerts and incidents stand where they belong" {
	local kind id dir
	for kind in alert incident; do
		for id in $(nv_doc_id "${kind}s" true); do
			dir=$(nv_doc "${kind}s" "$id" | jq -r '.domainId["$oid"] // ""')
			if [ -n "$dir" ]; then
				dir=$(where "$dir")
			else
				dir=$NG$(nv_doc "${kind}s" "$id" | jq -r '.teamId["$oid"] // ""' | sed "s|$NV_TEAM_PLATFORM|/teams/platform|; s|$NV_TEAM_LABS|/teams/labs|")
			fi
			same "$kind" "$dir/${kind}s/$id.json" "${kind}s" "$id"
		done
	done
}

@test "analytics: chunks by interval and day, every document a line" {
	local id dir interval where
	for id in $(nv_doc_id domains true); do
		dir=$(where "$id")
		for interval in minute hour other; do
			where=".interval == \"$interval\""
			[ "$interval" != other ] || where=".interval == null"
			nv_equal "$(nv_docs analytics "select(.domainId[\"\$oid\"] == \"$id\" and ($where)) | .requests[\"\$numberInt\"] | tonumber")" \
				"$(cat "$dir/analytics/$interval"/*.ndjson 2>/dev/null | jq .requests)"
		done
	done
	nv_equal 2026-03-02.ndjson "$(ls "$NG/teams/platform/domains/example.com/analytics/minute")"
	nv_equal 1440 "$(wc -l <"$NG/teams/platform/domains/example.com/analytics/minute/2026-03-02.ndjson")"
}

@test "changelog is the collection, oldest first" {
	diff <(nv_docs changelog '[.change, .value, .path]') <(jq -c '[.change, .value, .path]' "$NG/changelog")
}

@test "no secret is shown anywhere" {
	refute grep -rqE 'netgoat-verify-|EXAMPLE KEY|token-for-examples|token-of-|secret-for-examples' "$NG" "$MNT/views"
}

@test "views/stored shows the whole document, secrets masked" {
	local file=$MNT/views/stored/teams/platform/domains/example.com/domain.json
	nv_equal "$NV_DOMAIN_EXAMPLE_COM" "$(jq -r '._id["$oid"]' "$file")"
	nv_equal "$NV_TEAM_PLATFORM" "$(jq -r '.teamId["$oid"]' "$file")"
	nv_equal "$(nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -c keys_unsorted)" "$(jq -c keys_unsorted "$file")"
	refute [ "$(jq -r .private_key_pem "$file")" = null ]
	nv_equal "$(cd "$NG" && find teams users alerts incidents -name '*.json' | sort)" \
		"$(cd "$MNT/views/stored" && find teams users alerts incidents -name '*.json' | sort)"
}

@test "views/edge is the domain, its active proxy configuration and its active records" {
	local file=$MNT/views/edge/shop/shop.example.com.json
	# A domain that is not active is not pushed.
	nv_equal "$(nv_docs domains 'select(.active) | .domain' | tr -d '"' | sort)" "$(cd "$MNT/views/edge" && ls */*.json | sed 's|.*/||; s|\.json$||' | sort)"
	nv_equal "shop.example.com" "$(jq -r .domain "$file")"
	nv_equal "$(nv_docs dnsrecords 'select(.domain == "shop.example.com" and .active) | .value' | sort)" "$(jq '.dns_records[].value' "$file" | sort)"
	nv_equal shop "$(jq -r .proxy_config.name "$file")"
	nv_equal null "$(jq -c .proxy_config "$MNT/views/edge/platform/example.net.json")"
	refute grep -q 'EXAMPLE KEY' "$file"
}

@test "mtime is the update field" {
	nv_equal "$(($(nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -r '.updated_at["$date"]["$numberLong"]') / 1000))" \
		"$(stat -c %Y "$NG/teams/platform/domains/example.com/domain.json")"
}

@test "sizes are exact, texts end with one newline, modes are 0755 and 0644" {
	local file
	while IFS= read -r file; do
		[ "$(stat -c %s "$file")" -eq "$(cat "$file" | wc -c)" ] || nv_fail "size of $file"
		[ "$(tail -c 1 "$file" | od -An -tx1)" = " 0a" ] || nv_fail "end of $file"
	done < <(find "$NG" "$MNT/views" -type f)
	nv_equal "" "$(find "$NG" -type d ! -perm 755; find "$NG" -type f ! -perm 644)"
}

@test "what does not exist is ENOENT" {
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NG/teams/nonesuch/team.json")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NG/teams/platform/domains/nonesuch.example.com/domain.json")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NG/teams/platform/domains/example.com/records/nonesuch.A.json")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NG/teams/shop/domains/example.com/domain.json")"
}
