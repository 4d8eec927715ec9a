#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netgoat/ written: what the document store holds afterwards (fields, BSON types, references) and which changes are logged.

load ../lib/mount.bash

setup() {
	nv_setup
	nv_clock stop
	DOM=$NG/teams/platform/domains/example.com
	WWW=$DOM/records/www.CNAME.json
	WWW_ID=65e2d0000004000000000008
}

teardown() {
	nv_teardown
}

# edit FILE JQ-FILTER: as a user does it with jq.
edit() {
	jq "$2" "$1" >"$NV_DIR/edited" && cp "$NV_DIR/edited" "$1"
}

# All documents but the changelog, to compare before and after.
documents() {
	local collection
	for collection in teams users domains dnsrecords proxyconfigs alerts incidents analytics; do
		nv_docs "$collection" | sed "s/^/$collection /"
	done
}

# The newest changelog entry, filtered.
newest() {
	nv_docs changelog | tail -n 1 | jq -c "${1:-.}"
}

@test "one field edited: that field, the update stamp, the version, nothing else" {
	nv_doc dnsrecords "$WWW_ID" >"$NV_DIR/before"
	edit "$WWW" '.ttl = 120'
	nv_doc dnsrecords "$WWW_ID" >"$NV_DIR/after"
	nv_equal '{"$numberInt":"120"}' "$(jq -c .ttl "$NV_DIR/after")"
	nv_equal "true false" "$(jq .propagated "$NV_DIR/before") $(jq .propagated "$NV_DIR/after")"
	diff <(jq -c 'del(.ttl, .updated_at, .__v, .propagated)' "$NV_DIR/before") <(jq -c 'del(.ttl, .updated_at, .__v, .propagated)' "$NV_DIR/after")
	[ "$(jq -r '.updated_at["$date"]["$numberLong"]' "$NV_DIR/after")" -gt "$(jq -r '.updated_at["$date"]["$numberLong"]' "$NV_DIR/before")" ]
	nv_equal '{"$numberInt":"1"}' "$(jq -c .__v "$NV_DIR/after")"
	nv_equal "update record|netgoat/teams/platform/domains/example.com/records/www.CNAME.json" "$(nv_doc_changes)"
	nv_equal '["dnsrecords;'"$WWW_ID"'",{"$numberInt":"300"},{"$numberInt":"120"}]' "$(newest '[.value, .before.ttl, .after.ttl]')"
}

@test "the text shows what was saved, and sed -i works on it" {
	sed -i 's/"ttl": 300/"ttl": 240/' "$WWW"
	nv_equal 240 "$(jq .ttl "$WWW")"
	nv_equal '{"$numberInt":"240"}' "$(nv_doc dnsrecords "$WWW_ID" | jq -c .ttl)"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "a save of what is there changes nothing and logs nothing" {
	local file
	documents >"$NV_DIR/before"
	for file in "$WWW" "$DOM/domain.json" "$DOM/proxies/@.json" "$NG/teams/platform/team.json" "$NG/users/ann@example.com/user.json"; do
		cp "$file" "$NV_DIR/copy"
		cp "$NV_DIR/copy" "$file"
		sed -i 's/zzz/zzz/' "$file"
	done
	documents | diff "$NV_DIR/before" -
	nv_equal "" "$(nv_doc_changes)"
}

@test "numbers keep their stored type, new ones take theirs from the text" {
	edit "$NG/teams/platform/team.json" '.max_domains = 21 | .ratio = 0.5 | .big = 5000000000'
	nv_equal '[{"$numberInt":"21"},{"$numberDouble":"0.5"},{"$numberLong":"5000000000"},{"$numberDecimal":"1250.00"}]' \
		"$(nv_doc teams "$NV_TEAM_PLATFORM" | jq -c '[.max_domains, .ratio, .big, .monthly_budget]')"
}

@test "a field removed is unset, an explicit null is kept, an unknown field survives" {
	edit "$DOM/domain.json" 'del(.route_policy) | .note = null | .settings.extra = {"a": [1, {"b": true}]}'
	nv_equal '[false,true,null,{"a":[{"$numberInt":"1"},{"b":true}]}]' \
		"$(nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -c '[has("route_policy"), has("note"), .note, .settings.extra]')"
	edit "$DOM/domain.json" '.target_url = "http://203.0.113.14:8080"'
	nv_equal '{"a":[{"$numberInt":"1"},{"b":true}]}' "$(nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -c .settings.extra)"
}

@test "secrets and server-kept fields survive a save that does not have them" {
	edit "$DOM/domain.json" '.target_url = "http://203.0.113.15:8080"'
	nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -e '(.private_key_pem | test("EXAMPLE KEY")) and (.verification_token | test("^netgoat-verify-"))
		and .stats.total_requests == {"$numberLong":"5000000000"} and .subdomains[0].request_count == {"$numberInt":"812345"}'
	edit "$NG/teams/platform/team.json" '.settings.webhooks.endpoint_url = "https://hooks.example.net/"'
	nv_doc teams "$NV_TEAM_PLATFORM" | jq -e '.settings.webhooks.signing_secret == "signing-secret-for-examples-only" and .invites[0].token == "invite-token-for-examples-only"'
	edit "$NG/users/ann@example.com/user.json" '.name = "Ann S."'
	nv_doc users "$NV_USER_ANN" | jq -e '.tokens | length == 1'
	refute grep -qE 'EXAMPLE KEY|secret-for|token-for' <(nv_docs changelog)
}

@test "a secret typed in is set, and masked in the changelog" {
	edit "$DOM/domain.json" '.private_key_pem = "-----BEGIN NEW EXAMPLE KEY-----\n-----END NEW EXAMPLE KEY-----\n"'
	nv_equal '"-----BEGIN NEW EXAMPLE KEY-----\n-----END NEW EXAMPLE KEY-----\n"' "$(nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq .private_key_pem)"
	refute grep -q 'NEW EXAMPLE KEY' <(nv_docs changelog)
	refute grep -q 'NEW EXAMPLE KEY' "$DOM/domain.json"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "a server-kept field typed in is accepted when it agrees, else refused" {
	documents >"$NV_DIR/before"
	refute nv_quiet edit "$DOM/domain.json" '.verified = false'
	nv_refused 'domain.json.*EINVAL.*verified'
	refute nv_quiet edit "$WWW" '._id = {"$oid": "65e2d0000004000000000009"}'
	documents | diff "$NV_DIR/before" -
	edit "$DOM/domain.json" '.verified = true | .active = false'
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "a text that contradicts its path is refused" {
	documents >"$NV_DIR/before"
	refute nv_quiet edit "$WWW" '.type = "A"'
	refute nv_quiet edit "$WWW" '.name = "web"'
	refute nv_quiet edit "$DOM/domain.json" '.domain = "example.net"'
	documents | diff "$NV_DIR/before" -
	nv_equal 3 "$(grep -c EINVAL "$MNT/.netviewfs/errors")"
}

@test "bad JSON is refused at write with line and column" {
	documents >"$NV_DIR/before"
	refute nv_quiet cp <(printf '{\n  "value": "example.com",\n  "ttl": 3OO\n}\n') "$WWW"
	nv_refused 'records/www.CNAME.json:3:[0-9]+: EINVAL'
	refute nv_quiet cp <(printf '{"value": "example.com", "value": "example.net"}') "$WWW"
	refute nv_quiet cp <(printf '{"value": "example.com"} x') "$WWW"
	refute nv_quiet cp <(printf '{"value": "exam') "$WWW"
	refute nv_quiet cp /dev/null "$WWW"
	documents | diff "$NV_DIR/before" -
	nv_equal "" "$(nv_doc_changes)"
}

@test "DNS rules are checked before a save" {
	documents >"$NV_DIR/before"
	refute nv_quiet edit "$DOM/records/vpn.A.json" '.value = "300.1.1.1"'
	nv_refused 'vpn.A.json.*EINVAL.*300\.1\.1\.1'
	refute nv_quiet edit "$DOM/records/mail.AAAA.json" '.value = "203.0.113.30"'
	refute nv_quiet edit "$DOM/records/vpn.A.json" '.ttl = -5'
	refute nv_quiet edit "$DOM/records/vpn.A.json" '.ttl = 3000000000'
	refute nv_quiet cp <(echo '{"value": "example.org"}') "$DOM/records/vpn.CNAME.json"
	refute nv_quiet cp <(echo '{"value": "203.0.113.9"}') "$DOM/records/www.A.json"
	refute nv_quiet cp <(echo '{"value": "mail.example.com"}') "$DOM/records/other.MX.json"
	documents | diff "$NV_DIR/before" -
	nv_equal "" "$(nv_doc_changes)"
}

@test "a record made by writing a new file: defaults, references, stamps, an entry" {
	local id
	echo '{"value": "203.0.113.99", "ttl": 60}' >"$DOM/records/new.A.json"
	id=$(nv_doc_id dnsrecords '.name == "new"')
	[[ $id =~ ^[0-9a-f]{24}$ ]]
	nv_doc dnsrecords "$id" | jq -e --arg domain "$NV_DOMAIN_EXAMPLE_COM" --arg team "$NV_TEAM_PLATFORM" '
		.domainId == {"$oid": $domain} and .teamId == {"$oid": $team} and .domain == "example.com" and .type == "A"
		and .value == "203.0.113.99" and .ttl == {"$numberInt": "60"} and .active == true and .proxied == false
		and (.created_at["$date"] != null) and (.updated_at["$date"] != null) and (has("domain_id") | not) and (has("content") | not)'
	nv_equal "create record|netgoat/teams/platform/domains/example.com/records/new.A.json" "$(nv_doc_changes)"
	nv_equal "\"dnsrecords;$id\"" "$(newest .value)"
}

@test "a new record takes the spelling its collection already uses" {
	nv_umount
	nv_docs dnsrecords 'del(.domainId) + {"domain_id": .domainId} | del(.value) + {"content": .value}' >"$NV_DIR/records"
	nv_docs_empty
	for collection in teams users domains; do
		nv_import "$collection" <"$NV_SRCDIR/examples/data/netgoat/$collection.ndjson"
	done
	nv_import dnsrecords <"$NV_DIR/records"
	nv_mount
	nv_equal example.com "$(jq -r '.content // .value' "$WWW")"
	echo '{"content": "203.0.113.99"}' >"$DOM/records/new.A.json"
	nv_docs dnsrecords 'select(.name == "new")' | jq -e 'has("domain_id") and has("content") and (has("domainId") or has("value") | not)'
	edit "$WWW" '.ttl = 11'
	nv_doc dnsrecords "$WWW_ID" | jq -e 'has("domain_id") and (has("domainId") | not)'
}

@test "a second record of a name is made with NAME~new and listed by its id" {
	local id
	cp "$DOM/records/vpn.A.json" "$NV_DIR/vpn"
	sed 's/198.51.100.9/198.51.100.10/' "$NV_DIR/vpn" >"$DOM/records/vpn.A~new.json"
	id=$(nv_doc_id dnsrecords '.value == "198.51.100.10"')
	[ -f "$DOM/records/vpn.A~$id.json" ]
	nv_equal 2 "$(ls "$DOM/records" | grep -c '^vpn\.A~')"
	nv_equal "open ENOTUNIQ" "$(nv_sys "open:r:$DOM/records/vpn.A.json")"
	rm "$DOM/records/vpn.A~$id.json"
	[ -f "$DOM/records/vpn.A.json" ] # at once: it is the only one now
	nv_clock 500
	nv_wait_until nv_prints "" nv_doc dnsrecords "$id"
	[ -f "$DOM/records/vpn.A.json" ]
}

@test "NAME~24hex makes the document with that id" {
	echo '{"value": "203.0.113.99"}' >"$DOM/records/given.A~65e2d00000ff0000000000aa.json"
	nv_equal '"given"' "$(nv_doc dnsrecords 65e2d00000ff0000000000aa | jq .name)"
	[ -f "$DOM/records/given.A.json" ]
}

@test "rm deletes a record 0.5 s later, with an entry" {
	rm "$WWW"
	refute [ -e "$WWW" ]
	[ -n "$(nv_doc dnsrecords "$WWW_ID")" ]
	nv_clock 500
	nv_wait_until nv_prints "" nv_doc dnsrecords "$WWW_ID"
	nv_equal "delete record|netgoat/teams/platform/domains/example.com/records/www.CNAME.json" "$(nv_doc_changes)"
}

@test "mv renames a record" {
	mv "$WWW" "$DOM/records/web.CNAME.json"
	nv_equal '"web"' "$(nv_doc dnsrecords "$WWW_ID" | jq .name)"
	refute [ -e "$WWW" ]
	nv_equal 1 "$(nv_doc_changes | wc -l)"
	[[ $(nv_doc_changes) == "rename record|"* ]]
}

@test "mv moves a record to another domain, with its references" {
	mv "$WWW" "$NG/teams/shop/domains/shop.example.com/records/web.CNAME.json"
	nv_doc dnsrecords "$WWW_ID" | jq -e '.name == "web" and .domain == "shop.example.com"'
	refute [ -e "$WWW" ]
	nv_equal 1 "$(nv_doc_changes | wc -l)"
	[[ $(nv_doc_changes) == "move record|"* ]]
	nv_equal "rename EPERM" "$(nv_sys "rename:$DOM/records/@.A.json:$DOM/proxies/web.json")"
}

@test "proxies: edit, new, delete" {
	edit "$DOM/proxies/@.json" '.wafRules += [{"name": "block-php", "expression": "http.path ends_with \".php\"", "action": "BLOCK", "priority": 5, "enabled": true}]'
	nv_equal 3 "$(nv_docs proxyconfigs 'select(.name == "main site") | .wafRules | length')"
	echo '{"name": "beta", "upstream_servers": [{"url": "http://203.0.113.16:8080"}]}' >"$DOM/proxies/beta.json"
	nv_docs proxyconfigs 'select(.name == "beta")' | jq -e --arg domain "$NV_DOMAIN_EXAMPLE_COM" '.subdomain == "beta" and .domainId == {"$oid": $domain} and .enabled == true'
	rm "$DOM/proxies/beta.json"
	nv_clock 500
	nv_wait_until nv_prints "" nv_docs proxyconfigs 'select(.name == "beta")'
	nv_equal "update proxy create proxy delete proxy" "$(nv_doc_changes | cut -d '|' -f 1 | paste -sd ' ')"
}

@test "alerts and incidents: new ones by id, with the parent of their path" {
	echo '{"title": "Test", "body": "Only a test."}' >"$DOM/alerts/new.json" || true
	echo '{"title": "Test", "body": "Only a test."}' >"$DOM/alerts/65e2d00000ff0000000000ab.json"
	nv_doc alerts 65e2d00000ff0000000000ab | jq -e --arg domain "$NV_DOMAIN_EXAMPLE_COM" '.domainId == {"$oid": $domain} and .variant == "blue" and .active == true'
	echo '{"title": "Slow", "description": "Slow since noon.", "severity": "major"}' >"$NG/incidents/65e2d00000ff0000000000ac.json"
	nv_doc incidents 65e2d00000ff0000000000ac | jq -e '.status == "investigating" and (has("domainId") or has("teamId") | not)'
	refute nv_quiet edit "$NG/incidents/65e2d00000ff0000000000ac.json" '.severity = "terrible"'
	nv_refused 'EINVAL.*severity'
}

@test "mkdir makes a team, a user and a domain, with their defaults" {
	mkdir "$NG/teams/ops"
	nv_docs teams 'select(.slug == "ops")' | jq -e '.active == true and .plan == "free" and (.created_at["$date"] != null)'
	mkdir "$NG/users/gus@example.com"
	nv_docs users 'select(.email == "gus@example.com")' | jq -e '.banned == false'
	mkdir "$NG/teams/ops/domains/ops.example.net"
	nv_docs domains 'select(.domain == "ops.example.net")' |
		jq -e --arg team "$(nv_doc_id teams '.slug == "ops"')" '.teamId == {"$oid": $team} and .active == true and .verified == false and (.verification_token | test("^netgoat-verify-[0-9a-f]{64}$"))'
	nv_equal "$(printf '%s\n' 'create team' 'create user' 'create domain')" "$(nv_doc_changes | cut -d '|' -f 1)"
	nv_equal "mkdir EEXIST" "$(nv_sys "mkdir:$NG/teams/ops")"
}

@test "mkdir of a bad name is refused with the right spelling" {
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NG/teams/platform/domains/Example.COM")"
	nv_refused 'EINVAL.*example\.com'
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NG/users/Gus@Example.com")"
	nv_refused 'EINVAL.*write gus@example\.com'
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NG/teams/No Slug")"
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NG/teams/platform/domains/example.com/records/sub")"
	nv_equal "" "$(nv_doc_changes)"
}

@test "membership: ln -s joins, rm leaves" {
	ln -s ../../../teams/labs "$NG/users/ann@example.com/teams/labs"
	nv_doc users "$NV_USER_ANN" | jq -e --arg team "$NV_TEAM_LABS" 'any(.teams[]; . == {"$oid": $team})'
	nv_doc teams "$NV_TEAM_LABS" | jq -e --arg user "$NV_USER_ANN" 'any(.members[]; .user_id == {"$oid": $user})'
	nv_equal "create membership" "$(nv_doc_changes | cut -d '|' -f 1)"
	nv_equal ../../../teams/labs "$(readlink "$NG/users/ann@example.com/teams/labs")"
	rm "$NG/users/ann@example.com/teams/labs"
	nv_clock 500
	nv_wait_until nv_prints "$(printf '%s\n' 'create membership' 'delete membership')" eval 'nv_doc_changes | cut -d "|" -f 1'
	nv_doc users "$NV_USER_ANN" | jq -e --arg team "$NV_TEAM_LABS" 'any(.teams[]; . == {"$oid": $team}) | not'
	nv_doc teams "$NV_TEAM_LABS" | jq -e --arg user "$NV_USER_ANN" 'any(.members[]; .user_id == {"$oid": $user}) | not'
	nv_equal "symlink EINVAL" "$(nv_sys "symlink:../../../teams/nonesuch:$NG/users/ann@example.com/teams/nonesuch")"
}

@test "rmdir of a domain with children is ENOTEMPTY; rm -r deletes all, an entry each" {
	nv_equal "rmdir ENOTEMPTY" "$(nv_sys "rmdir:$NG/teams/labs/domains/example.org")"
	nv_equal "" "$(nv_doc_changes)"
	rm -r "$NG/teams/labs/domains/example.org"
	refute [ -e "$NG/teams/labs/domains/example.org" ]
	for collection in domains dnsrecords; do
		nv_equal "" "$(nv_docs "$collection" 'select(.domain == "example.org")')"
	done
	nv_equal "" "$(nv_docs analytics 'select(.domainId["$oid"] == "65e2d0000003000000000007")')"
	nv_equal "" "$(nv_docs alerts 'select(.domainId["$oid"] == "65e2d0000003000000000007")')"
	nv_equal 7 "$(nv_doc_changes | grep -c '^delete record|')"
	nv_equal "delete domain|netgoat/teams/labs/domains/example.org" "$(nv_doc_changes | grep '^delete domain|')"
	[ -d "$NG/teams/labs/domains/blog.example.org" ]
}

@test "mv of a domain to another team moves it and its children in one entry" {
	local id=65e2d0000003000000000004
	mv "$NG/teams/platform/domains/status.example.net" "$NG/teams/shop/domains/"
	nv_equal "\"$NV_TEAM_SHOP\"" "$(nv_doc domains "$id" | jq '.teamId["$oid"]')"
	nv_equal "\"$NV_TEAM_SHOP\"" "$(nv_docs dnsrecords 'select(.domain == "status.example.net") | .teamId["$oid"]' | sort -u)"
	nv_equal "\"$NV_TEAM_SHOP\"" "$(nv_docs proxyconfigs 'select(.name == "status page") | .teamId["$oid"]')"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
	[[ $(nv_doc_changes) == "move domain|"* ]]
	[ -f "$NG/teams/shop/domains/status.example.net/records/@.A.json" ]
	refute [ -e "$NG/teams/platform/domains/status.example.net" ]
}

@test "mv of a domain within its team renames it and the copies of its name" {
	local id=65e2d0000003000000000004
	mv "$NG/teams/platform/domains/status.example.net" "$NG/teams/platform/domains/health.example.net"
	nv_equal '"health.example.net"' "$(nv_doc domains "$id" | jq .domain)"
	nv_equal 3 "$(nv_docs dnsrecords 'select(.domain == "health.example.net") | .name' | wc -l)"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
	[[ $(nv_doc_changes) == "rename domain|"* ]]
	nv_equal "rename ENOTEMPTY" "$(nv_sys "rename:$NG/teams/platform/domains/health.example.net:$NG/teams/platform/domains/example.com")" ||
		nv_equal "rename EEXIST" "$(nv_sys "rename:$NG/teams/platform/domains/health.example.net:$NG/teams/platform/domains/example.com")"
}

@test "a mv that the store cannot follow is not permitted, with the reason" {
	run mv "$DOM/records/mail.A.json" "$DOM/records/mail2.AAAA.json"
	[ "$status" -eq 1 ]
	[[ $output == *"Operation not permitted" ]]
	nv_refused 'mail2.AAAA.json: EPERM: value: 203.0.113.30: not an IPv6 address'
	run mv "$NG/teams/labs" "$NG/teams/Labs_2"
	[[ $output == *"Operation not permitted" ]]
	nv_refused 'teams/Labs_2: EPERM: .*write labs-2'
	run mv "$NG/teams/labs" "$NG/teams/platform/"
	[[ $output == *"Operation not permitted" ]]
	echo '{"value": "300.1.2.3"}' >"$DOM/records/mail.A.json.tmp"
	run mv "$DOM/records/mail.A.json.tmp" "$DOM/records/mail.A.json"
	[[ $output == *"Operation not permitted" ]]
	nv_refused 'mail.A.json:1:11: EPERM: value: 300.1.2.3'
	rm "$DOM/records/mail.A.json.tmp"
	nv_equal "" "$(nv_doc_changes)"
}

@test "mv renames a team" {
	mv "$NG/teams/labs" "$NG/teams/lab"
	nv_equal '"lab"' "$(nv_doc teams "$NV_TEAM_LABS" | jq .slug)"
	nv_equal "lab platform" "$(ls "$NG/users/chen@example.com/teams" | paste -sd ' ')"
	[[ $(nv_doc_changes) == "rename team|"* ]]
}

@test "read-only files refuse to be opened for writing" {
	local path
	for path in netgoat/changelog netgoat/teams/platform/domains/example.com/analytics/hour/2026-03-02.ndjson \
		views/edge/shop/shop.example.com.json views/stored/teams/platform/team.json; do
		nv_equal "open EACCES" "$(nv_sys "open:w:$MNT/$path")"
	done
}

@test "actor and plugin of an entry are those of the mount" {
	nv_remount actor=ops-bot,plugin=by-hand
	edit "$WWW" '.ttl = 121'
	nv_equal '["ops-bot","by-hand"]' "$(newest '[.actor, .plugin]')"
}

@test "another mount's change shows, and merges by field" {
	local other=$NV_DIR/other
	jq . "$WWW" >/dev/null
	mkdir "$other"
	NETVIEWFS_TEST=1 "$NV_BIN" -f -o "docs=$NV_DOCS_URI" "$other" </dev/null >>"$NV_DIR/log2" 2>&1 3>&- &
	OTHER_PID=$!
	nv_wait_until mountpoint -q "$other"
	nv_hold "cat:$WWW" wait "open:w+trunc:$WWW" 'write:{"value":"example.com","ttl":300,"proxied":false,"active":true}\n' close
	jq '.ttl = 77' "$other/netgoat/teams/platform/domains/example.com/records/www.CNAME.json" >"$NV_DIR/t"
	cp "$NV_DIR/t" "$other/netgoat/teams/platform/domains/example.com/records/www.CNAME.json"
	nv_finish
	kill "$OTHER_PID"
	wait "$OTHER_PID"
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal '[{"$numberInt":"77"},false]' "$(nv_doc dnsrecords "$WWW_ID" | jq -c '[.ttl, .proxied]')"
	nv_equal '[77,false]' "$(jq -c '[.ttl, .proxied]' "$WWW")"
}

@test "a whole JSON text that is wrong is refused by write already, so that echo says so" {
	local records=$NG/teams/platform/domains/example.com/records text
	for text in '{"value":"999.1.1.1"}' '{"value":"192.0.2.1","ttl":"x"}' '{"value":"192.0.2.1","type":"MX"}' '{"value":}'; do
		refute nv_quiet bash -c 'echo "$1" >"$2"' - "$text" "$records/early.A.json"
	done
	refute [ -e "$records/early.A.json" ]
	refute nv_quiet bash -c 'echo "{\"value\":\"example.com\",\"ttl\":-5}" >"$1"' - "$WWW"
	grep -qE 'early\.A\.json:1:10: EINVAL: value: 999\.1\.1\.1: not an IPv4 address' "$MNT/.netviewfs/errors"
	nv_equal "" "$(nv_doc_changes)"
}
