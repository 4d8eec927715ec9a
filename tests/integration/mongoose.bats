#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A mount beside a program with Mongoose 8 (tests/servers/mongoose/app.js): nobody's change is lost, and each takes what the other writes.

load ../lib/mount.bash

setup() {
	NV_MONGOOSE=${NV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netviewfs-tests}/mongoose-8.24.10
	[ -n "${NV_DOCS_SERVER:-}" ] || skip "about a MongoDB server"
	[ -e "$NV_MONGOOSE" ] || [ -n "${NV_REQUIRE_SERVERS:-}" ] || skip "no Mongoose (sh tests/servers/fetch.sh mongoose)"
	nv_setup
	DOM=$NG/teams/platform/domains/example.com
	WWW=$DOM/records/www.CNAME.json
}

teardown() {
	[ -n "${NV_REDIS_PID:-}" ] || return 0
	nv_teardown
}

# app STATEMENTS: runs them in the program, beside the mount.
app() {
	NODE_PATH=$NV_MONGOOSE/node_modules node "$NV_SRCDIR/tests/servers/mongoose/app.js" "$NV_DOCS_URI" "$1" </dev/null 2>"$NV_DIR/app.log" || { cat "$NV_DIR/app.log" >&2; return 1; }
}

# app_begin STATEMENTS: the same, until its first wait(). app_end lets it run to its end; what it said is in $NV_DIR/app.
app_begin() {
	rm -f "$NV_DIR/app.in"
	mkfifo "$NV_DIR/app.in"
	: >"$NV_DIR/app"
	NODE_PATH=$NV_MONGOOSE/node_modules node "$NV_SRCDIR/tests/servers/mongoose/app.js" "$NV_DOCS_URI" "$1" \
		<"$NV_DIR/app.in" >"$NV_DIR/app" 2>"$NV_DIR/app.log" 3>&- &
	APP_PID=$!
	exec 8>"$NV_DIR/app.in"
	nv_wait_until app_waits
	grep -qx ready "$NV_DIR/app"
}

app_waits() {
	grep -qx ready "$NV_DIR/app" || ! kill -0 "$APP_PID" 2>/dev/null
}

app_end() {
	local rc=0
	echo go >&8
	exec 8>&-
	wait "$APP_PID" || rc=$?
	return "$rc"
}

# edit FILE JQ-FILTER
edit() {
	jq "$2" "$1" >"$NV_DIR/edited" && cat "$NV_DIR/edited" >"$1"
}

# field COLLECTION JQ-CONDITION JQ-FILTER: straight from the store.
field() {
	nv_docs "$1" "select($2) | $3"
}

@test "what the program creates is shown, can be edited, and is taken back" {
	app 'const team = await Team.findOne({ slug: "labs" });
		const domain = await Domain.create({ teamId: team._id, domain: "app.example.org", waf_rules: [{ name: "one", expression: "true", action: "LOG" }] });
		await DNSRecord.create({ domainId: domain._id, teamId: team._id, domain: domain.domain, type: "A", name: "www", value: "203.0.113.7" });'
	local new=$NG/teams/labs/domains/app.example.org
	nv_clock 1001
	nv_equal "203.0.113.7 3600" "$(jq -r '[.value, .ttl] | join(" ")' "$new/records/www.A.json")"
	nv_equal one "$(jq -r '.waf_rules[0].name' "$new/domain.json")"
	edit "$new/records/www.A.json" '.ttl = 60'
	edit "$new/domain.json" '.tlsStatus = "Active" | .waf_rules[0].enabled = false'
	nv_equal '60 1 true Active false 1 true' "$(app 'const record = await DNSRecord.findOne({ domain: "app.example.org" });
		const domain = await Domain.findById(record.domainId);
		say(record.ttl, record.__v, await isOurs(DNSRecord, { _id: record._id }), domain.tlsStatus, domain.waf_rules[0].enabled, domain.__v,
			await isOurs(Domain, { _id: domain._id }) && record.updated_at > record.created_at);')"
}

@test "what the mount creates, the program validates, populates and saves" {
	mkdir "$NG/teams/labs/domains/mount.example.org"
	echo '{"value": "203.0.113.8", "ttl": 5}' >"$NG/teams/labs/domains/mount.example.org/records/www.A.json"
	ln -s ../../../teams/labs "$NG/users/ann@example.com/teams/labs"
	nv_equal "true true true mount.example.org labs 0 5 ann@example.com" "$(app 'const domain = await Domain.findOne({ domain: "mount.example.org" }).populate("teamId");
		const record = await DNSRecord.findOne({ domainId: domain._id }).populate("domainId");
		const team = await Team.findOne({ slug: "labs" }).populate("members.user_id");
		await record.save();
		say(await isOurs(Domain, { _id: domain._id }), await isOurs(DNSRecord, { _id: record._id }), await isOurs(Team, { _id: team._id }),
			record.domainId.domain, domain.teamId.slug, record.__v, record.ttl, team.members.at(-1).user_id.email);')"
	app 'const record = await DNSRecord.findOne({ value: "203.0.113.8" });
		record.value = "203.0.113.9";
		await record.save();'
	nv_clock 1001
	nv_equal "203.0.113.9 5" "$(jq -r '[.value, .ttl] | join(" ")' "$NG/teams/labs/domains/mount.example.org/records/www.A.json")"
}

@test "the mount edits while the program has a document in its hands: both changes stay" {
	app_begin 'const record = await DNSRecord.findOne({ name: "www", domain: "example.com" });
		await wait();
		record.value = "elsewhere.example.net";
		await record.save();'
	edit "$WWW" '.ttl = 77'
	app_end
	nv_clock 1001
	nv_equal "elsewhere.example.net 77" "$(jq -r '[.value, .ttl] | join(" ")' "$WWW")"
}

# rewrites JQ-FILTER: a process that reads the file, waits, and writes it anew as the filter says.
rewrites() {
	nv_hold "cat:$WWW" wait "open:w+trunc:$WWW" "write:$(jq -c "$1" "$WWW")" close
}

@test "the program edits between an editor's read and save: other fields merge, the same one is refused" {
	rewrites '.ttl = 78'
	app 'await DNSRecord.updateOne({ name: "www", domain: "example.com" }, { value: "elsewhere.example.net" });'
	nv_finish
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal '["elsewhere.example.net","78"]' "$(field dnsrecords '.name == "www" and .domain == "example.com"' '[.value, .ttl["$numberInt"]]')"
	rewrites '.value = "third.example.net"'
	app 'await DNSRecord.updateOne({ name: "www", domain: "example.com" }, { value: "fourth.example.net" });'
	nv_finish
	grep -qx 'close ESTALE' "$NV_DIR/held"
	nv_equal '"fourth.example.net"' "$(field dnsrecords '.name == "www" and .domain == "example.com"' .value)"
}

@test "a stale array save gets its VersionError; appended elements merge" {
	app_begin 'const domain = await Domain.findOne({ domain: "example.com" });
		await wait();
		domain.waf_rules[0].enabled = false;
		domain.waf_rules[0].priority = 1;
		await domain.save();'
	edit "$DOM/domain.json" '.waf_rules |= [.[1], .[0]]'
	refute app_end
	nv_equal VersionError "$(tail -n 1 "$NV_DIR/app")"
	nv_equal '["log-bots","block-admin"]' "$(field domains '.domain == "example.com"' '[.waf_rules[].name]')"
	app_begin 'const domain = await Domain.findOne({ domain: "example.com" });
		await wait();
		domain.waf_rules.push({ name: "three", expression: "true", action: "LOG" });
		await domain.save();'
	edit "$DOM/domain.json" '.waf_rules[0].action = "BLOCK"'
	app_end
	nv_equal '[["log-bots","BLOCK"],["block-admin","BLOCK"],["three","LOG"]]' "$(field domains '.domain == "example.com"' '[.waf_rules[] | [.name, .action]]')"
	nv_equal "true" "$(app 'say(await isOurs(Domain, { domain: "example.com" }));')"
}

@test "a program that checks versions notices every edit" {
	app_begin 'const domain = await CheckedDomain.findOne({ domain: "example.com" });
		await wait();
		domain.target_url = "http://203.0.113.99:8080";
		await domain.save();'
	edit "$DOM/domain.json" '.active = false'
	refute app_end
	nv_equal VersionError "$(tail -n 1 "$NV_DIR/app")"
}

@test "a document that the program deletes is not brought back" {
	rewrites '.ttl = 79'
	app 'await DNSRecord.deleteOne({ name: "www", domain: "example.com" });'
	nv_finish
	refute grep -qx 'close ok' "$NV_DIR/held"
	nv_equal "" "$(field dnsrecords '.name == "www" and .domain == "example.com"' .name)"
	nv_clock 1001
	refute nv_lists "$DOM/records" www.CNAME.json
}

@test "a document that the mount deletes is gone for the program: DocumentNotFoundError" {
	app_begin 'const record = await DNSRecord.findOne({ name: "www", domain: "example.com" });
		await wait();
		record.value = "elsewhere.example.net";
		await record.save();'
	rm "$WWW"
	nv_clock 600
	nv_wait_until nv_prints "" field dnsrecords '.name == "www" and .domain == "example.com"' .name
	refute app_end
	nv_equal DocumentNotFoundError "$(tail -n 1 "$NV_DIR/app")"
}
