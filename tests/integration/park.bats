#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Hidden names, late deletes, late new names and scratch files (DESIGN 4 "Parking"). The daemon's clock is advanced: nothing here waits.

load ../lib/mount.bash

setup() {
	nv_setup
	nv_clock stop
	DIR=$NX/dns/lan/web-2.example.com
	REC=$DIR/records
	DOM=$NG/teams/platform/domains/example.com
	WWW=$DOM/records/www.CNAME.json
	WWW_ID=65e2d0000004000000000008
	nv_redis_dump >"$NV_DIR/before"
}

teardown() {
	nv_teardown
}

untouched() {
	nv_redis_dump | diff "$NV_DIR/before" - >&2
	nv_equal "" "$(nv_changes)"
	nv_equal "" "$(nv_doc_changes)"
}

records_gone() {
	[ "$(nv_redis exists 'dns;[lan]web-2.example.com;plugins')" = 0 ]
}

@test "an unlinked file is hidden at once and deleted half a second later" {
	rm "$REC"
	refute [ -e "$REC" ]
	refute grep -qx records <(ls "$DIR")
	nv_clock 250
	untouched
	nv_clock 250
	nv_wait_until records_gone
	nv_equal 3 "$(nv_changes | grep -c '^delete dns record')"
}

@test "install, mv from elsewhere, cp --remove-destination and tar x are updates" {
	local tool
	printf 'bind A 192.0.2.11\nnmap A 192.0.2.11\nproxmox A 192.0.2.11\nbind A 192.0.2.66\n' >"$NV_DIR/records"
	tar -C "$NV_DIR" -cf "$NV_DIR/new.tar" records
	for tool in 'install "$1" "$2"' 'cp "$1" "$1.2"; mv "$1.2" "$2"' 'cp --remove-destination "$1" "$2"' 'tar -C "${2%/*}" -xf "${1%/*}/new.tar"' \
		'tar -C "${2%/*}" --overwrite -xf "${1%/*}/new.tar"' 'rm "$2"; cat "$1" >"$2"'; do
		nv_redis srem 'dns;[lan]web-2.example.com;bind;A' '[lan]192.0.2.66' >/dev/null
		nv_redis xtrim changelog maxlen 7 >/dev/null
		NV_STREAM_START=$(nv_redis --json xrevrange changelog + - count 1 | jq -r '.[0][0]')
		nv_clock 1001
		bash -c "$tool" - "$NV_DIR/records" "$REC"
		nv_clock 3000
		nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
	done
}

@test "at no moment does another reader of the store miss the datum" {
	printf 'bind A 192.0.2.11\n' >"$NV_DIR/records"
	nv_redis config set notify-keyspace-events Kgs >/dev/null
	timeout 20 redis-cli -s "$NV_DIR/redis.sock" psubscribe '__keyspace@0__:dns;\[lan\]web-2.example.com;bind*' >"$NV_DIR/events" 3>&- &
	local pid=$!
	nv_wait_until grep -q psubscribe "$NV_DIR/events"
	install "$NV_DIR/records" "$REC"
	mv "$NV_DIR/records" "$REC"
	sed -i 's/11$/12/' "$REC"
	nv_redis sadd 'dns;[lan]web-2.example.com;bind;END' x >/dev/null
	nv_wait_until grep -q END "$NV_DIR/events"
	kill "$pid"
	refute grep -qx del "$NV_DIR/events"
}

@test "refused content: the unlinked datum is back" {
	printf 'bind A \\q\n' >"$NV_DIR/bad"
	refute nv_quiet install "$NV_DIR/bad" "$REC"
	refute nv_quiet cp --remove-destination "$NV_DIR/bad" "$REC"
	refute nv_quiet mv "$NV_DIR/bad" "$REC"
	nv_clock 3000
	untouched
	nv_equal 3 "$(wc -l <"$REC")"
}

@test "an unlink by the process whose save was just refused deletes nothing" {
	nv_equal $'open ok\nwrite EINVAL\nclose EINVAL\nunlink ok' "$(nv_sys "open:w+trunc:$REC" 'write:bind A \\q\n' close "unlink:$REC")"
	nv_clock 3000
	untouched
	nv_equal 3 "$(wc -l <"$REC")"
}

@test "rmdir of the directory commits a delete at once" {
	nv_equal $'unlink ok\nunlink ok\nrmdir ok' "$(nv_sys "unlink:$REC" "unlink:$DIR/meta" "rmdir:$DIR")"
	nv_equal 0 "$(nv_redis sismember dns '[lan]web-2.example.com')"
	records_gone
}

@test "fsync of the directory commits a delete at once" {
	rm "$REC"
	sync "$DIR"
	records_gone
}

@test "the mount's end commits a delete" {
	rm "$REC"
	nv_umount
	records_gone
}

@test "a late failure puts the name back and says so" {
	nv_expect_log 'web-2\.example\.com/records: '
	rm "$REC"
	nv_redis del 'dns;[lan]web-2.example.com;plugins' >/dev/null
	nv_redis set 'dns;[lan]web-2.example.com;plugins' odd >/dev/null
	nv_clock 500
	nv_wait_until grep -q 'web-2.example.com/records' "$MNT/.netviewfs/errors"
	nv_equal odd "$(nv_redis get 'dns;[lan]web-2.example.com;plugins')"
	grep -qx records <(ls "$DIR")
}

@test "a create soon after the delete takes over _id and hidden fields" {
	nv_doc dnsrecords "$WWW_ID" | jq -c '[._id, .created_by, .created_at]' >"$NV_DIR/id"
	cp "$WWW" "$NV_DIR/www"
	rm "$WWW"
	nv_clock 600
	nv_wait_until nv_prints "" nv_doc dnsrecords "$WWW_ID"
	cp "$NV_DIR/www" "$WWW"
	nv_doc dnsrecords "$WWW_ID" | jq -c '[._id, .created_by, .created_at]' | diff "$NV_DIR/id" -
	rm "$WWW"
	nv_clock 600
	nv_wait_until nv_prints "" nv_doc dnsrecords "$WWW_ID"
	nv_clock 2000
	cp "$NV_DIR/www" "$WWW"
	nv_equal "" "$(nv_doc dnsrecords "$WWW_ID")"
	[ -f "$WWW" ]
}

@test "an object's own json and derived names only seem to go, for two seconds" {
	rm "$DOM/domain.json" "$DOM/analytics/hour/2026-03-02.ndjson" "$NX/dns/lan/web-2.example.com/node"
	refute [ -e "$DOM/domain.json" ]
	refute [ -e "$NX/dns/lan/web-2.example.com/node" ]
	nv_clock 2000
	nv_wait_until test -e "$DOM/domain.json"
	nv_wait_until test -L "$NX/dns/lan/web-2.example.com/node"
	nv_wait_until test -f "$DOM/analytics/hour/2026-03-02.ndjson"
	untouched
}

@test "an own json unlinked and made anew, as git does, is an update" {
	cp "$DOM/domain.json" "$NV_DIR/domain.json"
	rm "$DOM/domain.json"
	sed 's/203.0.113.10:8080/203.0.113.99:8080/' "$NV_DIR/domain.json" >"$DOM/domain.json"
	nv_equal "update domain|netgoat/teams/platform/domains/example.com/domain.json" "$(nv_doc_changes)"
	nv_doc domains "$NV_DOMAIN_EXAMPLE_COM" | jq -e '.private_key_pem and .target_url == "http://203.0.113.99:8080"'
}

@test "renamed to a backup name: back after two seconds when nothing came" {
	mv "$REC" "$DIR/records~"
	refute [ -e "$REC" ]
	nv_equal 3 "$(wc -l <"$DIR/records~")"
	nv_clock 2000
	nv_wait_until test -e "$REC"
	untouched
}

@test "renamed to a backup name and written anew, as vim and emacs do, is one update" {
	mv "$REC" "$DIR/records~"
	{ cat "$DIR/records~"; echo 'bind A 192.0.2.66'; } >"$REC"
	rm "$DIR/records~"
	nv_clock 3000
	nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
	sed -i.bak 's/192.0.2.66/192.0.2.67/' "$REC"
	[ -f "$DIR/records.bak" ]
	nv_clock 3000
	nv_equal 3 "$(nv_changes | wc -l)"
}

@test "a link to a scratch name copies" {
	ln "$REC" "$DIR/records~"
	cmp "$REC" "$DIR/records~"
	rm "$DIR/records~"
	nv_clock 3000
	untouched
}

@test "rename of a datum to a scratch name elsewhere is EPERM" {
	nv_equal "rename EPERM" "$(nv_sys "rename:$REC:$NX/dns/lan/web-1.example.com/records~")"
	untouched
}

@test "scratch files support what tools do, stay in memory and never reach the store" {
	local tmp=$DIR/.records.swp
	printf 'one\n' >"$tmp"
	printf 'two\n' >>"$tmp"
	chmod 600 "$tmp"
	nv_same "$tmp" $'one\ntwo\n'
	nv_equal "8 600" "$(stat -c '%s %a' "$tmp")"
	ln "$tmp" "$DIR/.hard"
	ln -s records "$DIR/.soft"
	nv_equal records "$(readlink "$DIR/.soft")"
	mkdir "$DIR/.dir"
	printf 'x\n' >"$DIR/.dir/any name"
	mv "$tmp" "$DIR/.dir/moved"
	nv_equal "any name moved" "$(ls "$DIR/.dir" | paste -sd ' ')"
	truncate -s 3 "$DIR/.dir/moved"
	nv_equal one "$(cat "$DIR/.dir/moved")"
	nv_equal "rmdir ENOTEMPTY" "$(nv_sys "rmdir:$DIR/.dir")"
	rm -r "$DIR/.dir" "$DIR/.hard" "$DIR/.soft"
	nv_equal "meta records" "$(ls -A "$DIR" | grep -v node | paste -sd ' ')"
	untouched
}

@test "a scratch file renamed onto a name commits its content; the inode is the datum's" {
	local inode
	inode=$(stat -c %i "$REC")
	{ cat "$REC"; echo 'bind A 192.0.2.66'; } >"$DIR/sedAbC123"
	untouched
	mv "$DIR/sedAbC123" "$REC"
	nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
	nv_equal "$inode" "$(stat -c %i "$REC")"
	refute [ -e "$DIR/sedAbC123" ]
}

@test "bad content renamed onto a name is refused by rename, and both stay" {
	printf 'bind A \\q\n' >"$DIR/records.tmp"
	nv_equal "rename EPERM" "$(nv_sys "rename:$DIR/records.tmp:$REC")"
	nv_refused 'web-2.example.com/records:1:8: EPERM'
	[ -f "$DIR/records.tmp" ]
	rm "$DIR/records.tmp"
	untouched
}

@test "a file of no known pattern that stays is reported" {
	printf '{"value": "203.0.113.1"}\n' >"$DOM/records/www.A.jsn"
	nv_clock 10000
	nv_wait_until grep -q 'www\.A\.jsn' "$MNT/.netviewfs/errors"
	rm "$DOM/records/www.A.jsn"
	untouched
}

@test "a new name of a kind without suffix is checked at close and committed half a second later" {
	local file=$NX/reports/daily
	nv_equal $'open ok\nwrite 4\nclose EINVAL' "$(nv_sys "open:w+creat:$file" 'write:---\n' close)"
	printf -- '---\ntype: string\nplugin: hand\n---\nfine\n' >"$file"
	nv_clock 250
	nv_equal 0 "$(nv_redis sismember reports daily)"
	nv_clock 250
	nv_wait_until nv_prints 1 nv_redis sismember reports daily
}

@test "a new name is committed at once by fsync or by another process's open" {
	nv_sys "open:w+creat:$NX/reports/a" $'write:---\\ntype: string\\nplugin: hand\\n---\\nfine\\n' fsync close
	nv_equal 1 "$(nv_redis sismember reports a)"
	printf -- '---\ntype: string\nplugin: hand\n---\nfine\n' >"$NX/reports/b"
	nv_equal 0 "$(nv_redis sismember reports b)"
	cat "$NX/reports/b" >/dev/null
	nv_equal 1 "$(nv_redis sismember reports b)"
}

@test "a temporary name renamed over a real one is that datum's update and nothing else" {
	sed 's/week 9/week 10/' "$NX/reports/weekly-scan" >"$NX/reports/weekly-scanA1b2C3"
	mv "$NX/reports/weekly-scanA1b2C3" "$NX/reports/weekly-scan"
	nv_clock 3000
	nv_equal "updated plugin data string|reports;weekly-scan|nmap" "$(nv_changes)"
	nv_equal "unused-addresses weekly-scan" "$(ls "$NX/reports" | paste -sd ' ')"
}

@test "a new directory looks empty to its maker, and cp -a works" {
	cp -a "$NG/teams/labs/domains/example.org" "$NV_DIR/copy"
	rm -rf "$NV_DIR/copy/analytics" "$NV_DIR/copy/alerts" "$NV_DIR/copy/incidents"
	cp -a "$NV_DIR/copy" "$NG/teams/labs/domains/copy.example.org"
	nv_equal 7 "$(nv_docs dnsrecords 'select(.domain == "copy.example.org") | .name' | wc -l)"
	diff -r "$NV_DIR/copy/records" "$NG/teams/labs/domains/copy.example.org/records"
	nv_equal "http://203.0.113.70:8080" "$(nv_docs domains 'select(.domain == "copy.example.org") | .target_url' | tr -d '"')"
}

@test "a read-only file keeps its bytes" {
	refute nv_quiet cp <(echo x) "$NX/dns_nodes"
	untouched
}
