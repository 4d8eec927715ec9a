#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What people type all day, on a real mount, compared with the stores asked directly.

load ../lib/mount.bash

setup() {
	nv_setup
	WEB2=$NX/dns/lan/web-2.example.com
	DOM=$NG/teams/platform/domains/example.com
}

teardown() {
	if [ -n "${TAIL_PID:-}" ]; then
		kill "$TAIL_PID" 2>/dev/null || true
	fi
	nv_teardown
}

@test "ls -lR lists every name of both stores" {
	ls -lR "$MNT" >"$NV_DIR/out"
	nv_equal 120 "$(grep -c '/netdox/dns/[^/]*/[^/]*:$' "$NV_DIR/out")"
	nv_equal 25 "$(grep -c '/netdox/nodes/[^/]*:$' "$NV_DIR/out")"
	nv_equal 60 "$(find "$NG" -path '*/records/*.json' | wc -l)"
}

@test "cat" {
	nv_equal lan "$(cat "$NX/default_network")"
	nv_equal '"example.com"' "$(cat "$DOM/records/www.CNAME.json" | jq .value)"
}

@test "grep -r finds what the stores hold" {
	nv_equal "$(nv_redis --scan --pattern 'dns;*;A' | while read -r key; do nv_redis smembers "$key"; done | grep -c '203\.0\.113\.')" \
		"$(grep -rhE ' A \[[a-z]*\]203\.0\.113\.' "$NX/dns" --include=records | wc -l)"
	nv_equal "$(nv_docs dnsrecords '.value' | grep -c '203\.0\.113\.')" "$(grep -rl '"value": "203\.0\.113\.' "$NG" | wc -l)"
	grep -rq 'zzz-nowhere' "$MNT" || [ $? -eq 1 ]
}

@test "find by name, type, size and time" {
	nv_equal 120 "$(find "$NX/dns" -mindepth 2 -maxdepth 2 -type d | wc -l)"
	nv_equal 8 "$(find "$NG" -name domain.json | wc -l)"
	nv_equal "$(nv_redis -n 1 hlen dns_nodes)" "$(find "$NX/dns" -type l -name node | wc -l)"
	nv_equal "" "$(find "$MNT/netdox" "$MNT/netgoat" -type f -size 0)"
	find "$NX" -newermt 2026-03-02T03:00:00Z ! -newermt 2026-03-02T03:44:00Z -type f | grep -q gw.example.net/records
}

@test "wc counts lines and bytes exactly" {
	nv_equal "$(cat "$WEB2/records" | wc -l -c | tr -s ' ')" "$(wc -l -c <"$WEB2/records" | tr -s ' ')"
	nv_equal "$(nv_redis scard 'dns;[cloud]example.com;bind')" "$(awk '{ print $2 }' "$NX/dns/cloud/example.com/records" | sort -u | wc -l)"
}

@test "tail -f changelog sees a new line within two seconds" {
	local tree start # TAIL_PID is for teardown
	for tree in "$NX" "$NG"; do
		tail -n 0 -f "$tree/changelog" >"$NV_DIR/tail" 3>&- &
		TAIL_PID=$!
		# it has read to the end once its offset has left the start
		nv_wait_until eval "grep -q '^pos:.*[1-9]' /proc/$TAIL_PID/fdinfo/3 2>/dev/null"
		start=$(date +%s%N)
		if [ "$tree" = "$NX" ]; then
			nv_redis xadd changelog '*' change 'create dns name' value '[lan]tail.example.net' plugin test >/dev/null
			nv_wait_until grep -q tail.example.net "$NV_DIR/tail"
		else
			sed -i 's/"ttl": 300/"ttl": 299/' "$DOM/records/www.CNAME.json"
			nv_wait_until grep -q www.CNAME "$NV_DIR/tail"
		fi
		[ $((($(date +%s%N) - start) / 1000000)) -le 2000 ]
		kill "$TAIL_PID"
		wait "$TAIL_PID" || true
		jq -e . "$NV_DIR/tail" >/dev/null
	done
}

@test "echo > and echo >>" {
	echo 'owner: zoe' >"$WEB2/meta"
	nv_equal $'owner\tzoe' "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	echo 'floor: 3' >>"$WEB2/meta"
	nv_equal $'floor\t3\nowner\tzoe' "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	echo '{"value": "203.0.113.98"}' >"$DOM/records/echo.A.json"
	nv_equal '"203.0.113.98"' "$(nv_docs dnsrecords 'select(.name == "echo") | .value')"
	nv_equal 2 "$(nv_changes | wc -l)"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "{ cat a; cat b; } > f" {
	printf 'owner: a\n' >"$NV_DIR/a"
	printf 'floor: b\n' >"$NV_DIR/b"
	{ cat "$NV_DIR/a"; cat "$NV_DIR/b"; } >"$WEB2/meta"
	nv_equal $'floor\tb\nowner\ta' "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	nv_equal 1 "$(nv_changes | wc -l)"
}

@test "sed -i" {
	sed -i 's/192\.0\.2\.11/192.0.2.211/' "$WEB2/records"
	nv_equal '[lan]192.0.2.211' "$(nv_redis smembers 'dns;[lan]web-2.example.com;proxmox;A')"
	sed -i 's/"active": true/"active": false/' "$DOM/records/vpn.A.json"
	nv_equal false "$(nv_docs dnsrecords 'select(.name == "vpn") | .active')"
	nv_equal 6 "$(nv_changes | wc -l)"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "tee and tee -a" {
	tee -a "$WEB2/records" <<<'hand A 192.0.2.66' >/dev/null
	nv_equal '[lan]192.0.2.66' "$(nv_redis smembers 'dns;[lan]web-2.example.com;hand;A')"
	tee "$NX/default_network" <<<cloud >/dev/null
	nv_equal cloud "$(nv_redis get default_network)"
}

@test "cp makes a new datum and overwrites one" {
	cp "$DOM/records/vpn.A.json" "$DOM/records/vpn2.A.json"
	nv_equal '"198.51.100.9"' "$(nv_docs dnsrecords 'select(.name == "vpn2") | .value')"
	cp "$DOM/records/sip.A.json" "$DOM/records/vpn2.A.json"
	nv_equal '"198.51.100.60"' "$(nv_docs dnsrecords 'select(.name == "vpn2") | .value')"
	cp "$NX/dns/lan/web-1.example.com/meta" "$WEB2/meta"
	nv_equal "$(nv_redis_value 0 'meta;[lan]web-1.example.com')" "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	nv_equal "create record update record" "$(nv_doc_changes | cut -d '|' -f 1 | paste -sd ' ')"
}

@test "mv renames" {
	mv "$DOM/records/vpn.A.json" "$DOM/records/tunnel.A.json"
	nv_equal '"198.51.100.9"' "$(nv_docs dnsrecords 'select(.name == "tunnel") | .value')"
	mv "$NX/reports/weekly-scan" "$NX/reports/scan-week-9"
	nv_equal 1 "$(nv_redis sismember reports scan-week-9)"
	nv_equal 0 "$(nv_redis exists 'reports;weekly-scan')"
}

@test "rm and rm -r" {
	rm "$DOM/records/vpn.A.json" "$NX/reports/weekly-scan"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists 'reports;weekly-scan'
	nv_wait_until nv_prints "" nv_docs dnsrecords 'select(.name == "vpn")'
	rm -r "$NX/dns/dmz/jump.example.net" "$NG/teams/labs/domains/blog.example.org" "$NX/nodes/[cloud]203.0.113.41;[cloud]edge-1.example.net;nmap"
	nv_equal 0 "$(nv_redis sismember dns '[dmz]jump.example.net')"
	nv_equal "" "$(nv_docs domains 'select(.domain == "blog.example.org")')"
	nv_equal 24 "$(nv_redis scard nodes)"
}

@test "rm -r of a whole team" {
	rm -r "$NG/teams/labs"
	nv_equal 2 "$(nv_docs teams .slug | wc -l)"
	nv_equal 6 "$(nv_docs domains .domain | wc -l)"
	nv_equal "" "$(nv_docs users "select(any(.teams[]; .[\"\$oid\"] == \"$NV_TEAM_LABS\")) | .email")"
	refute [ -e "$NG/teams/labs" ]
	refute [ -e "$NG/orphans" ]
}

@test "mkdir, mkdir -p and rmdir" {
	mkdir -p "$NG/teams/ops/domains/ops.example.net/records" "$NX/dns/lan/ops.example.net/pdata"
	nv_equal 1 "$(nv_docs domains 'select(.domain == "ops.example.net") | .domain' | wc -l)"
	nv_equal 1 "$(nv_redis sismember dns '[lan]ops.example.net')"
	rmdir "$NX/dns/lan/ops.example.net" "$NG/teams/ops/domains/ops.example.net" "$NG/teams/ops"
	nv_equal 0 "$(nv_redis sismember dns '[lan]ops.example.net')"
	nv_equal 3 "$(nv_docs teams .slug | wc -l)"
}

@test "jq reads and writes" {
	jq '.ttl = 42' "$DOM/records/vpn.A.json" >"$NV_DIR/new" && mv "$NV_DIR/new" "$DOM/records/vpn.A.json"
	nv_equal '{"$numberInt":"42"}' "$(nv_docs dnsrecords 'select(.name == "vpn") | .ttl')"
	nv_equal 60 "$(jq -s length "$NG"/teams/*/domains/*/records/*.json)"
	jq -e . "$NG/changelog" "$NX/changelog" >/dev/null
	jq 'bad syntax(' "$DOM/records/vpn.A.json" >"$DOM/records/vpn.A.json" 2>/dev/null || true
	nv_equal '{"$numberInt":"42"}' "$(nv_docs dnsrecords 'select(.name == "vpn") | .ttl')"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}

@test "tar out, and what it wrote is what the mount shows" {
	tar -C "$MNT" -cf "$NV_DIR/all.tar" netdox netgoat
	mkdir "$NV_DIR/x"
	tar -C "$NV_DIR/x" -xf "$NV_DIR/all.tar"
	diff -r --no-dereference "$MNT/netdox" "$NV_DIR/x/netdox"
	diff -r --no-dereference "$MNT/netgoat" "$NV_DIR/x/netgoat"
	tar -C "$MNT" -df "$NV_DIR/all.tar" netdox netgoat
}

@test "tar back in over the same tree changes nothing" {
	nv_redis_dump >"$NV_DIR/before"
	tar -C "$MNT" -cf "$NV_DIR/some.tar" netdox/dns/lan netgoat/teams/shop
	tar -C "$MNT" -xf "$NV_DIR/some.tar" --exclude='*/analytics/*' --exclude='*/node'
	nv_clock 3000
	nv_redis_dump | diff "$NV_DIR/before" -
	nv_equal "" "$(nv_changes)"
	nv_equal "" "$(nv_doc_changes)"
}

@test "rsync -a out, twice: the second run transfers nothing" {
	mkdir "$NV_DIR/copy"
	rsync -a "$MNT/netdox" "$MNT/netgoat" "$NV_DIR/copy/"
	diff -r --no-dereference "$MNT/netdox" "$NV_DIR/copy/netdox"
	diff -r --no-dereference "$MNT/netgoat" "$NV_DIR/copy/netgoat"
	nv_equal "" "$(rsync -ai "$MNT/netdox" "$MNT/netgoat" "$NV_DIR/copy/" | grep '^>f')"
}

@test "cp -a of the whole tree out" {
	cp -a "$MNT" "$NV_DIR/copy"
	diff -r --no-dereference "$MNT/netdox" "$NV_DIR/copy/netdox"
	diff -r --no-dereference "$MNT/netgoat" "$NV_DIR/copy/netgoat"
	diff -r --no-dereference "$MNT/views" "$NV_DIR/copy/views"
	nv_equal "$(stat -c %Y "$WEB2/records")" "$(stat -c %Y "$NV_DIR/copy/netdox/dns/lan/web-2.example.com/records")"
}

@test "diff -r, sort, comm, awk and xargs work on the files" {
	nv_equal "dmz" "$(cd "$NX/dns" && awk '$2 == "A" { print FILENAME }' */ns1.example.com/records | cut -d / -f 1 | sort -u)"
	nv_equal "" "$(comm -3 "$WEB2/records" <(cat "$WEB2/records"))"
	find "$NX/dns/lan" -name records -print0 | xargs -0 -P 4 -n 5 cat | wc -l | grep -qx "$(cat "$NX"/dns/lan/*/records | wc -l)"
}

@test "df and statfs answer" {
	df "$MNT" >/dev/null
	stat -f "$NX" >/dev/null
}
