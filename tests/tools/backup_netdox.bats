#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Backup and restore of netdox/ with what nobody should have in it: every byte in names, names that a path must cut, keys of other
# types, members and keys that no path stands for, empty files, every type of Redis. From a full, read-only mount by the tools that
# people use into a restore mount of another server; then both servers hold the same.

load ../lib/two.bash

setup() {
	nv_dir
	nv_redis_start
	make_odd | nv_redis >"$NV_DIR/made"
	refute grep -q . <(grep -v '^[0-9-]*$\|^OK$' "$NV_DIR/made")
	mount_redis full,ro
	dump >"$NV_DIR/dump"
}

teardown() {
	nv_teardown_both
}

mount_redis() {
	NV_STORES=redis=unix://$NV_DIR/redis.sock nv_mount "$@"
}

# Every key but what another program keeps beside them.
dump() {
	{
		nv_redis_dump
		for db in 0 1; do
			nv_redis -n "$db" eval "$NV_STREAM_DUMP_LUA" 0 "$db"
		done
	} | grep -av '^[01] somebody:'
}

make_odd() {
	local long longer
	long=$(printf 'x%.0s' {1..236})
	longer=$(printf 'y%.0s' {1..600})
	cat <<-'END'
		set default_network "no network"
		sadd dns "[lan]a" "[lan]b" "[lan]id" "[lan].hidden" "[lan]-dash" "[lan]a;b" "plain" "" "[la.n]x" "[lan]a\x01\x80/%~\n" "[wan]a"
		sadd "dns;[lan]a;plugins" scan bare plugins maps "a b" "\xff"
		sadd "dns;[lan]a;scan" A lower none
		sadd "dns;[lan]a;scan;A" 10.0.0.1 " blank " "" "\x00\n\\"
		sadd "dns;[lan]a;scan;lower" "[lan]x"
		sadd "dns;[lan]a;plugins;scan" of-a-reserved-plugin
		sadd "dns;[lan]a;b" shared-by-two-names
		sadd "dns;[lan]a;b;plugins" one
		sadd "dns;[lan]a;maps" "[wan]a" unqualified
		rpush "dns;[lan]b;plugins" not a set
		sadd meta "[lan]a" "[lan]b" "[wan]a" "nobody" "n;scan"
		hset "meta;[lan]a" owner ann "" empty "k: " v
		set "meta;[lan]b" "not a hash"
		hset "meta;orphan" k v
		sadd "pdata;dns;[lan]a" list hash string zset stream set none empty x.tmp 4913 sed123456 .dot "a/b" "x;details" broken ""
		rpush "pdata;dns;[lan]a;list" b a b "" "\n"
		hset "pdata;dns;[lan]a;list;details" type list plugin scan
		hset "pdata;dns;[lan]a;hash" k v
		set "pdata;dns;[lan]a;string" "two\nlines"
		zadd "pdata;dns;[lan]a;zset" 1.5 x -inf y 0.1 z
		xadd "pdata;dns;[lan]a;stream" 5-1 k v k w
		sadd "pdata;dns;[lan]a;set" m
		hset "pdata;dns;[lan]a;empty;details" type list
		set "pdata;dns;[lan]a;x.tmp" t
		set "pdata;dns;[lan]a;" "empty id"
		set "pdata;dns;[lan]a;broken" v
		set "pdata;dns;[lan]a;broken;details" "not a hash"
		sadd nodes "[lan]a;scan" "[lan]a" bare
		sadd "nodes;[lan]a;scan" scan empty
		hset "nodes;[lan]a;scan;scan" plugin scan link_id L
		hset "pdata;node;[lan]a;scan" x 1 y ""
		set "pdata;node;[lan]a;scan;x" v
		sadd reports r "r;1"
		set "reports;r" ""
		set "reports;unlisted" v
		hset "reports;unlisted;details" plugin p
		hset last-modified "meta;[lan]a" 2026-11-24T00:00:00.000Z gone x
		xadd changelog 1-1 change "create dns name" value "[lan]a" plugin scan
		xadd changelog 1-2 id 1 id 2
		xadd changelog 7-0 a "b\x80"
		xadd "dns;odd" 1-1 a b
		xadd "dns;emptied" 1-1 a b
		xdel "dns;emptied" 1-1
		zadd "nodes;zset" 3 a
		set somebody:else 1
	END
	printf 'sadd dns "[lan]%s" "[lan]%s" "[%s]n"\n' "$long" "$longer" "$longer"
	printf 'sadd "dns;[lan]%s;plugins" scan\nsadd "dns;[lan]%s;scan" A\nsadd "dns;[lan]%s;scan;A" v\n' "$longer" "$longer" "$longer"
	printf 'sadd meta "[lan]%s"\nhset "meta;[lan]%s" k v\n' "$longer" "$longer"
	printf 'sadd nodes "[lan]%s;scan"\nsadd "nodes;[lan]%s;scan" scan\nhset "nodes;[lan]%s;scan;scan" k v\n' "$longer" "$longer" "$longer"
	printf 'sadd "nodes;[lan]a;scan" "%s"\nhset "nodes;[lan]a;scan;%s" k v\n' "$longer" "$longer"
	printf 'sadd "pdata;dns;[lan]a" "%s"\nset "pdata;dns;[lan]a;%s" v\n' "$longer" "$longer"
	printf 'sadd reports "%s"\nset "reports;%s" v\nset "reports;gone%s" v\n' "$longer" "$longer" "$longer"
	cat <<-'END'
		select 1
		sadd nodes L lone ""
		set "nodes;L" "The name"
		sadd "nodes;L;alt_names" a b
		sadd "nodes;L;raw_keys" "nodes;[lan]a;scan"
		rpush "nodes;L;plugins" not a set
		hset dns_nodes "[lan]a" L "[lan]b" "nodes;L"
		set "meta;of db 1" v
		set somebody:else 1
	END
	printf 'sadd nodes "%s"\nset "nodes;%s" name\n' "$longer" "$longer"
}

# restore STATUS COMMAND…: copies and compares. STATUS: how the tool ends, for what cannot be read is told.
restore() {
	local status=$1 rc=0
	shift
	nv_second
	nv_swap
	nv_redis set somebody:else 2 >/dev/null
	mount_redis restore
	nv_swap
	"$@" 2>"$NV_DIR/told" || rc=$?
	cat "$NV_DIR/told" >&2
	nv_equal "$status" "$rc"
	grep -q 'Input/output error' "$NV_DIR/told"
	refute grep -v 'Input/output error\|some files\|previous errors\|Cannot open' "$NV_DIR/told"
	nv_swap
	nv_umount
	dump >"$NV_DIR/dump"
	nv_equal 2 "$(nv_redis get somebody:else)"
	nv_swap
	diff "$NV_DIR/dump" "$OTHER_NV_DIR/dump" >&2
}

by_tar() {
	local rc=0
	tar -C "$MNT" -cf "$NV_DIR/backup.tar" netdox || rc=$?
	tar -C "$OTHER" -xf "$NV_DIR/backup.tar" && return "$rc"
}

by_rsync() {
	rsync -a "$@" "$MNT/netdox" "$OTHER/"
}

by_cp() {
	cp -a "$MNT/netdox" "$OTHER/"
}

@test "rsync -a brings all of it back" {
	nv_need rsync
	restore 23 by_rsync
}

@test "rsync -a --inplace, and a second run" {
	nv_need rsync
	restore 23 by_rsync_twice
}

by_rsync_twice() {
	by_rsync --inplace
	by_rsync --inplace --ignore-times
}

@test "cp -a brings all of it back" {
	restore 1 by_cp
}

@test "tar brings all of it back" {
	restore 2 by_tar
}

# What the stores hold but for what every change leaves behind.
state() {
	grep -av '^0 changelog \|^0 last-modified '
}

@test "rsync --delete into a full mount brings back what was changed, logged" {
	nv_need rsync
	local rc=0 a=$NX/dns/lan/a changes
	mkdir "$NV_DIR/disk"
	rsync -a "$MNT/netdox" "$NV_DIR/disk/" 2>"$NV_DIR/told" || rc=$?
	nv_equal 23 "$rc"
	nv_umount
	mount_redis
	sed -i 's/10\.0\.0\.1/[lan]10.9.9.9/' "$a/records"
	echo '[lan]more' >>"$a/maps"
	rm "$a/meta" "$a/pdata/list" "$a/pdata/zset" "$a/pdata/stream" "$a/pdata/set" "$a/pdata/hash"
	echo 'k: v' >"$NX/nodes/[lan]a;scan/plugins/empty"
	rm "$NX/orphans/0/reports;unlisted" "$NX/orphans/0/dns;odd" "$NX/orphans/0/nodes;zset" "$NX/orphans/0/meta"
	rm -r "$NX/dns/wan/a"
	mkdir "$NX/dns/lan/new"
	echo 'scan A 10.0.0.9' >"$NX/dns/lan/new/records"
	nv_clock 3000
	nv_umount
	changes=$(nv_redis xlen changelog)
	mount_redis full
	rc=0
	rsync -a --delete --exclude=changelog --exclude=last-modified "$NV_DIR/disk/netdox" "$MNT/" 2>"$NV_DIR/told" || rc=$?
	cat "$NV_DIR/told" >&2
	nv_clock 3000
	nv_umount
	# what cannot be read is not on the disk, and cannot be deleted here either
	nv_equal 23 "$rc"
	refute grep -v 'Input/output error\|some files\|processed/L/plugins' "$NV_DIR/told"
	diff <(state <"$NV_DIR/dump") <(dump | state) >&2
	nv_redis xrange changelog - + | tail -n "+$((changes + 1))" >"$NV_DIR/logged"
	grep -q 'create orphan' "$NV_DIR/logged"
	grep -q 'create dns name' "$NV_DIR/logged"
	grep -q 'updated plugin data zset' "$NV_DIR/logged"
	grep -q 'delete dns record' "$NV_DIR/logged"
}

@test "in a full mount last-modified is only read, and links are as ever" {
	nv_equal 777 "$(stat -c %a "$NX/dns/lan/a/node")"
	nv_equal 600 "$(stat -c %a "$NX/last-modified")"
	nv_umount
	mount_redis full
	# shellcheck disable=SC2016
	refute bash -c 'echo "k: v" >"$NX/last-modified"' 2>"$NV_DIR/told"
	grep -q 'Permission denied' "$NV_DIR/told"
	refute rm -f "$NX/last-modified"
	dump | diff "$NV_DIR/dump" - >&2
}

@test "in a restore mount an empty file is its member in the index" {
	nv_second
	nv_swap
	mount_redis restore
	mkdir "$NX/dns/lan" "$NX/dns/lan/a" "$NX/nodes/n" "$NX/nodes/n/plugins"
	touch "$NX/dns/lan/a/meta" "$NX/nodes/n/plugins/p" "$NX/changelog"
	: >"$NX/nodes/n/meta"
	nv_clock 3000
	nv_equal "[lan]a n" "$(nv_redis smembers meta | sort | xargs)"
	nv_equal p "$(nv_redis smembers 'nodes;n')"
	nv_equal stream "$(nv_redis type changelog)"
	nv_equal none "$(nv_redis type default_network)"
	nv_equal "0 0" "$(stat -c %s "$NX/dns/lan/a/meta" "$NX/nodes/n/plugins/p" | xargs)"
}
