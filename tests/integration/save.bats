#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# When a save is committed, with which base, and what is refused (DESIGN 4): on Redis, because its state is easy to read.

load ../lib/mount.bash

setup() {
	nv_setup
	DIR=$NX/dns/lan/web-2.example.com
	REC=$DIR/records
	META=$DIR/meta
	nv_redis_dump >"$NV_DIR/before"
}

teardown() {
	nv_teardown
}

# The stores are as before and nothing was logged.
untouched() {
	nv_redis_dump | diff "$NV_DIR/before" - >&2
	nv_equal "" "$(nv_changes)"
}

bind_a() {
	nv_redis smembers 'dns;[lan]web-2.example.com;bind;A' | sort
}

@test "no-op saves change and log nothing, whatever the tool" {
	local file
	for file in "$REC" "$META" "$NX/default_network" "$NX/dns/lan/192.0.2.10/maps" "$NX/dns/lan/web-1.example.com/pdata/disks" \
		"$NX/reports/weekly-scan" "$NX/nodes/[lan]192.0.2.40;[lan]db-1.example.com;proxmox/plugins/proxmox"; do
		cp "$file" "$NV_DIR/copy"
		cat "$NV_DIR/copy" >"$file"
		cp "$NV_DIR/copy" "$file"
		sed -i 's/zzz/zzz/' "$file"
		tee "$file" <"$NV_DIR/copy" >/dev/null
		cp --remove-destination "$NV_DIR/copy" "$file"
		mv "$NV_DIR/copy" "$file"
	done
	nv_clock 3000
	untouched
}

@test "order, blank lines, duplicates and a missing last newline are no change" {
	printf '\n  proxmox   A\t[lan]192.0.2.11  \nbind A [lan]192.0.2.11\n\nnmap A [lan]192.0.2.11\nbind A [lan]192.0.2.11' >"$REC"
	untouched
}

@test "{ cat a; cat b; } > f is one commit" {
	printf 'bind A 192.0.2.11\nnmap A 192.0.2.11\n' >"$NV_DIR/a"
	printf 'proxmox A 192.0.2.11\nhand A 192.0.2.12\n' >"$NV_DIR/b"
	{ cat "$NV_DIR/a"; cat "$NV_DIR/b"; } >"$REC"
	nv_equal "$(printf '%s\n' 'add plugin to dns name|dns;[lan]web-2.example.com;plugins|hand' \
		'add record type to dns name|dns;[lan]web-2.example.com;hand|hand' \
		'create dns record|dns;[lan]web-2.example.com;hand;A|hand')" "$(nv_changes)"
}

@test "a group whose second half is bad commits nothing" {
	refute nv_quiet bash -ec '{ /bin/echo "hand A 192.0.2.12"; /bin/echo "hand A bad\\qescape"; } >"$1"' - "$REC"
	nv_refused 'records:2:[0-9]+: EINVAL'
	untouched
}

@test "a bad complete line is refused at write, before close" {
	nv_equal $'open ok\nwrite EINVAL\nwrite EINVAL\nclose EINVAL' \
		"$(nv_sys "open:w+trunc:$REC" 'write:bind A bad\\qescape\n' 'write:bind A 192.0.2.11\n' close)"
	nv_refused 'netdox/dns/lan/web-2.example.com/records:1:[0-9]+: EINVAL'
	untouched
}

@test "echo bad > f exits non-zero" {
	refute nv_quiet bash -c 'echo "bind A 192.0.2.1 \\q" >"$1"' - "$REC"
	untouched
}

@test "all faults of a text are told, with line and column" {
	refute nv_quiet cp <(printf 'bind A 192.0.2.11\nbind A \\q\nbind A \\xZZ\n') "$REC"
	grep -qE 'records:2:8: EINVAL' "$MNT/.netviewfs/errors"
	grep -qE 'records:3:8: EINVAL' "$MNT/.netviewfs/errors"
	untouched
}

@test "DOS line ends are refused and named" {
	refute nv_quiet cp <(printf 'bind A 192.0.2.11\r\n') "$REC"
	nv_refused 'DOS'
	untouched
}

@test "emptied by O_TRUNC and never written: EINVAL, the datum stays" {
	nv_equal $'open ok\nclose EINVAL' "$(nv_sys "open:w+trunc:$REC" close)"
	nv_refused 'records.*EINVAL'
	bash -c ': >"$1"' - "$REC" || true
	jq 'no such filter' </dev/null >"$REC" 2>/dev/null || true
	untouched
	nv_equal 3 "$(wc -l <"$REC")"
}

@test "truncate -s 0 empties a line file" {
	truncate -s 0 "$REC"
	nv_equal 0 "$(nv_redis exists 'dns;[lan]web-2.example.com;plugins')"
	nv_equal 3 "$(nv_changes | grep -c '^remove plugin')"
}

@test "truncate by path commits or refuses at once" {
	nv_equal "truncatepath EINVAL" "$(nv_sys "truncatepath:0:$NX/default_network")"
	untouched
	nv_equal $'truncatepath ok' "$(nv_sys "truncatepath:23:$REC")"
	nv_equal "bind A [lan]192.0.2.11" "$(cat "$REC")"
}

@test "ftruncate counts as writing" {
	nv_equal $'open ok\ntruncate ok\nclose ok' "$(nv_sys "open:rw:$META" truncate:0 close)"
	nv_equal 0 "$(nv_redis exists 'meta;[lan]web-2.example.com')"
}

@test "a process killed half way saves nothing" {
	nv_sys "open:w+trunc:$REC" 'write:bind A 192.0.2.66\n' kill || true
	nv_sys "open:rw:$META" 'write:owner: zz' kill || true
	nv_clock 3000
	untouched
	nv_equal 3 "$(wc -l <"$REC")"
}

@test "a refused write poisons the handle: what follows is refused too" {
	nv_equal $'open ok\nwrite EINVAL\nwrite EINVAL\nfsync EINVAL\nclose EINVAL' \
		"$(nv_sys "open:w+trunc:$REC" 'write:bind A \\q\n' 'write:bind A 192.0.2.66\n' fsync close)"
	untouched
	# Said once, with its place.
	nv_refused "records:1:8: EINVAL"
	nv_equal 1 "$(wc -l <"$MNT/.netviewfs/errors")"
}

@test "fsync commits a complete text, refuses an incomplete one and poisons nothing" {
	local json=$NG/teams/platform/domains/example.com/records/vpn.A.json
	nv_equal $'open ok\nwrite 10\nfsync EINVAL\nwrite 17\nfsync ok\nclose ok' \
		"$(nv_sys "open:w+trunc:$json" 'write:{"value": ' fsync 'write:"198.51.100.11"}\n' fsync close)"
	nv_equal '"198.51.100.11"' "$(jq .value "$json")"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
	nv_hold "open:w+append:$META" 'write:floor: 2\n' fsync wait close
	nv_equal 2 "$(nv_redis hget 'meta;[lan]web-2.example.com' floor)"
	nv_finish
	nv_equal 1 "$(nv_changes | wc -l)"
}

@test "uncommitted text is seen by its writer only" {
	cp "$REC" "$NV_DIR/old"
	nv_hold "open:w+trunc:$REC" 'write:bind A 192.0.2.66\n' size wait close
	diff "$NV_DIR/old" "$REC"
	nv_equal "$(wc -c <"$NV_DIR/old")" "$(stat -c %s "$REC")"
	nv_finish
	grep -qx 'size 18' "$NV_DIR/held"
	nv_equal 'bind A [lan]192.0.2.66' "$(cat "$REC")"
}

@test "a read handle is one snapshot" {
	nv_hold "open:r:$REC" read:5 wait read:1000
	nv_redis sadd 'dns;[lan]web-2.example.com;bind;A' '[lan]192.0.2.1' >/dev/null
	nv_finish
	refute grep -q '192\.0\.2\.1$' "$NV_DIR/held"
	nv_equal 3 "$(grep -c '192\.0\.2\.11$' "$NV_DIR/held")"
}

@test "append goes to the end, whatever others appended meanwhile" {
	nv_hold "open:w+append:$REC" wait 'write:bind A 192.0.2.66\n' close
	echo 'bind A 192.0.2.67' >>"$REC"
	nv_finish
	nv_equal $'[lan]192.0.2.11\n[lan]192.0.2.66\n[lan]192.0.2.67' "$(bind_a)"
	nv_equal 2 "$(nv_changes | wc -l)"
}

@test "the base is what the process last read: a foreign member survives a save that does not have it" {
	nv_hold "cat:$REC" wait "open:w+trunc:$REC" 'write:bind A 192.0.2.11\nnmap A 192.0.2.11\nproxmox A 192.0.2.11\nbind A 192.0.2.66\n' close
	nv_redis sadd 'dns;[lan]web-2.example.com;bind;A' '[lan]192.0.2.77' >/dev/null
	nv_finish
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal $'[lan]192.0.2.11\n[lan]192.0.2.66\n[lan]192.0.2.77' "$(bind_a)"
	nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
}

@test "a process that has not read: the version at open is its base" {
	nv_redis sadd 'dns;[lan]web-2.example.com;bind;A' '[lan]192.0.2.77' >/dev/null
	printf 'bind A 192.0.2.11\n' >"$REC"
	nv_equal '[lan]192.0.2.11' "$(bind_a)"
}

@test "what the same user changed through this mount counts as read" {
	nv_hold "cat:$REC" wait "open:w+trunc:$REC" 'write:bind A 192.0.2.11\n' close
	echo 'bind A 192.0.2.77' >>"$REC"
	nv_finish
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal '[lan]192.0.2.11' "$(bind_a)"
}

@test "fields of one hash merge; the same field changed both ways is ESTALE" {
	printf 'owner: ann\nrack: R1\n' >"$META"
	nv_hold "cat:$META" wait "open:w+trunc:$META" 'write:owner: ben\nrack: R1\n' close
	nv_redis hset 'meta;[lan]web-2.example.com' rack R7 >/dev/null
	nv_finish
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal $'owner\tben\nrack\tR7' "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	nv_changes >"$NV_DIR/changes"
	nv_hold "cat:$META" wait "open:w+trunc:$META" 'write:owner: chen\nrack: R7\n' close
	nv_redis hset 'meta;[lan]web-2.example.com' owner dana >/dev/null
	nv_finish
	grep -qx 'close ESTALE' "$NV_DIR/held"
	nv_equal $'owner\tdana\nrack\tR7' "$(nv_redis_value 0 'meta;[lan]web-2.example.com')"
	nv_changes | diff "$NV_DIR/changes" -
	nv_refused 'meta.*ESTALE'
}

@test "the text of a conflict is kept next to what was read and what is stored, once" {
	local conflict
	sed 's/ann/eve/' "$META" >"$NV_DIR/mine"
	# sed -i ends with a rename, which the kernel sends twice when it gets ESTALE
	nv_hold "cat:$META" wait "open:w+creat:$META.tmp" 'write:owner: eve\n' close "rename:$META.tmp:$META"
	nv_redis hset 'meta;[lan]web-2.example.com' owner dana >/dev/null
	nv_finish
	grep -qx 'rename ESTALE' "$NV_DIR/held"
	conflict=$(echo "$MNT/.netviewfs/conflicts/"*-meta)
	[ -d "$conflict" ]
	nv_equal 'owner: ann owner: eve owner: dana' "$(cat "$conflict/base" "$conflict/mine" "$conflict/theirs" | paste -sd ' ')"
	nv_refused "kept in \.netviewfs/conflicts/${conflict##*/}\$"
	nv_equal 700 "$(stat -c %a "$conflict")"
	rm -r "$conflict"
	refute [ -e "$conflict" ]
	refute nv_lists "$MNT/.netviewfs" conflicts
}

@test "a list or a value changed by somebody else meanwhile is ESTALE" {
	local disks=$NX/dns/lan/web-1.example.com/pdata/disks
	nv_hold "cat:$disks" "cat:$NX/default_network" wait "open:w+append:$disks" 'write:sdc\n' close \
		use:b "open:w+trunc:$NX/default_network" 'write:cloud\n' close
	nv_redis rpush 'pdata;dns;[lan]web-1.example.com;disks' 'sdx' >/dev/null
	nv_redis set default_network dmz >/dev/null
	nv_finish
	nv_equal "dmz" "$(nv_redis get default_network)"
	grep -c 'close ESTALE' "$NV_DIR/held" | grep -qx '[12]'
	nv_equal 1 "$(nv_redis lrange 'pdata;dns;[lan]web-1.example.com;disks' 0 -1 | grep -c sdx)"
}

@test "what others deleted: the save of the same line says nothing, the removal of it neither" {
	nv_hold "cat:$REC" wait "open:w+trunc:$REC" 'write:bind A 192.0.2.11\nproxmox A 192.0.2.11\n' close
	nv_redis eval 'redis.call("DEL", KEYS[1], KEYS[2]) redis.call("SREM", KEYS[3], "nmap")' 3 'dns;[lan]web-2.example.com;nmap;A' 'dns;[lan]web-2.example.com;nmap' 'dns;[lan]web-2.example.com;plugins' >/dev/null
	nv_finish
	grep -qx 'close ok' "$NV_DIR/held"
	nv_equal "" "$(nv_changes)"
}

@test "a child that outlives its parent commits when it closes" {
	bash -c '( read -r _ <"$2"; echo "bind A 192.0.2.66" ) >>"$1" &' - "$REC" <(:) 3>&-
	nv_wait_until nv_prints $'[lan]192.0.2.11\n[lan]192.0.2.66' bind_a
}

@test "exec 3>f; two echos are two commits at most and keep both lines" {
	bash -c 'exec 3>>"$1"; echo "bind A 192.0.2.66" >&3; echo "bind A 192.0.2.67" >&3; exec 3>&-' - "$REC"
	nv_equal $'[lan]192.0.2.11\n[lan]192.0.2.66\n[lan]192.0.2.67' "$(bind_a)"
	nv_equal 2 "$(nv_changes | wc -l)"
}

@test "a writable shared mapping is ENODEV" {
	run perl -e 'open my $f, "+<", shift or die; my $r = syscall(9, 0, 10, 3, 1, fileno $f, 0); print $r == -1 ? $!+0 : "mapped"' "$REC"
	[ "$(uname -m)" != x86_64 ] || nv_equal 19 "$output"
}

@test "chmod and chown of data files succeed and change nothing" {
	chmod 600 "$REC"
	chown 1:1 "$REC"
	nv_clock 1001
	untouched
}

@test "touch -d is remembered by the mount and not written to the store" {
	touch -d '2001-02-03 04:05:06Z' "$REC"
	nv_equal 981173106 "$(stat -c %Y "$REC")"
	untouched
	nv_remount
	refute [ "$(stat -c %Y "$REC")" = 981173106 ]
}

# moves DIRECTORY COMMAND…: the command moves the directory's mtime.
moves() {
	local dir=$1 before
	shift
	before=$(stat -c %y "$dir")
	"$@"
	[ "$before" != "$(stat -c %y "$dir")" ] || nv_fail "the time of $dir did not move: $*"
}

@test "a directory's mtime moves with its names, whether it was listed or not" {
	local dir=$NX/dns/lan/web-2.example.com
	moves "$NX/dns/lan" mkdir "$NX/dns/lan/new.example.com"
	moves "$NX/dns/lan" rmdir "$NX/dns/lan/new.example.com"
	moves "$dir" rm "$dir/meta"
	moves "$dir" cp "$NX/dns/lan/web-1.example.com/meta" "$dir/meta"
	moves "$dir" mv "$dir/meta" "$dir/meta~"
	ls "$dir" "$NX/dns/lan" >/dev/null
	moves "$NX/dns/lan" mkdir "$NX/dns/lan/new.example.com"
	moves "$dir" touch "$dir/meta.lock"
	moves "$dir" comes_back "$dir" meta
}

comes_back() {
	nv_clock 2001
	nv_wait_until nv_lists "$1" "$2"
}

@test "the text of a handle never flushed is not committed at SIGTERM" {
	nv_hold "open:w+append:$REC" 'write:bind A 192.0.2.66\n' wait close
	nv_expect_log 'records'
	nv_umount
	nv_finish
	grep -q 'web-2.example.com/records' "$NV_DIR/log"
	nv_equal '[lan]192.0.2.11' "$(bind_a)"
}

@test "a document's fields merge too, and the same field both ways is ESTALE" {
	local json=$NG/teams/platform/domains/example.com/records/vpn.A.json id other=$NV_DIR/other
	id=$(nv_doc_id dnsrecords '.name == "vpn"')
	mkdir "$other"
	NETVIEWFS_TEST=1 "$NV_BIN" -f -o "docs=$NV_DOCS_URI" "$other" </dev/null >>"$NV_DIR/log2" 2>&1 3>&- &
	OTHER_PID=$!
	nv_wait_until mountpoint -q "$other"
	nv_hold "cat:$json" wait "open:w+trunc:$json" 'write:{"value":"198.51.100.10","ttl":3600,"proxied":false,"active":true}\n' close
	sed -i 's/"value": .*/"value": "198.51.100.12",/' "$other/netgoat/teams/platform/domains/example.com/records/vpn.A.json"
	nv_finish
	kill "$OTHER_PID"
	wait "$OTHER_PID"
	grep -qx 'close ESTALE' "$NV_DIR/held"
	nv_equal '"198.51.100.12"' "$(nv_doc dnsrecords "$id" | jq .value)"
	nv_equal 1 "$(nv_doc_changes | wc -l)"
}
