#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Scratch space: bounded, private to a mount, gone after it; what does not fit loses nothing (DESIGN 4).

load ../lib/mount.bash

setup() {
	nv_setup scratch=64k
	DIR=$NX/dns/lan/web-1.example.com/pdata
	nv_redis_dump >"$NV_DIR/before"
}

teardown() {
	nv_teardown
}

untouched() {
	nv_redis_dump | diff "$NV_DIR/before" - >&2
	nv_equal "" "$(nv_changes)"
}

# letters COUNT
letters() {
	printf "%$1s" '' | tr ' ' x
}

@test "past its bound a write is ENOSPC with the reason, and no datum is touched" {
	nv_equal $'open ok\nwrite ENOSPC\nclose ok' "$(nv_sys "open:w+creat:$DIR/.big" "write:$(letters 70000)" close)"
	nv_refused 'pdata/\.big: ENOSPC: .*scratch'
	rm "$DIR/.big"
	untouched
}

@test "an editor's temporary file that does not fit: the tool says so, the datum stays, and a save in place still works" {
	printf -- '---\ntype: string\nplugin: hand\n---\n%s\n' "$(letters 100000)" >"$NX/reports/large"
	nv_clock 3000
	nv_wait_until nv_prints 100000 nv_redis strlen 'reports;large'
	refute sed -i 's/xxx/y/' "$NX/reports/large"
	nv_equal 100000 "$(nv_redis strlen 'reports;large')"
	sed 's/xx*/short/' "$NX/reports/large" >"$NV_DIR/short"
	cp "$NV_DIR/short" "$NX/reports/large"
	nv_equal short "$(nv_redis get 'reports;large')"
	nv_equal "" "$(ls -A "$NX/reports" | grep '^sed' || true)"
}

@test "closed backups make room, oldest first; what is open does not" {
	local n
	for n in 1 2 3; do
		letters 30000 >"$DIR/$n~"
	done
	nv_equal "2~ 3~" "$(ls "$DIR" | grep '~$' | xargs)"
	nv_equal 30000 "$(wc -c <"$DIR/3~")"
	rm "$DIR/2~" "$DIR/3~"
	nv_hold "open:w+creat:$DIR/.open" "write:$(letters 40000)" wait close
	nv_equal $'open ok\nwrite ENOSPC\nclose ok' "$(nv_sys "open:w+creat:$DIR/.more" "write:$(letters 30000)" close)"
	nv_finish
	nv_equal 40000 "$(wc -c <"$DIR/.open")"
	untouched
}

@test "no other mount sees it, and with the mount it is gone" {
	local other=$NV_DIR/other
	echo mine >"$DIR/.mine"
	mkdir "$DIR/.dir" "$other"
	NETVIEWFS_TEST=1 "$NV_BIN" -f -o "redis=unix://$NV_DIR/redis.sock" "$other" </dev/null >"$NV_DIR/log2" 2>&1 3>&- &
	OTHER_PID=$!
	nv_wait_until mountpoint -q "$other"
	refute nv_lists "$other/netdox/dns/lan/web-1.example.com/pdata" .mine
	refute [ -e "$other/netdox/dns/lan/web-1.example.com/pdata/.mine" ]
	kill "$OTHER_PID"
	wait "$OTHER_PID"
	nv_remount
	nv_equal "" "$(ls -A "$DIR" | grep '^\.' || true)"
	untouched
}

@test "a copy by a name that is never stored is reported when it stays; a backup that a tool made is not" {
	cp "$DIR/disks" "$DIR/notes.bak"
	sed -i.bak 's/sda/sdz/' "$DIR/disks"
	nv_clock 10000
	nv_wait_until grep -q 'pdata/notes\.bak: .*scratch file in memory' "$MNT/.netviewfs/errors"
	refute grep -q 'disks\.bak' "$MNT/.netviewfs/errors"
	nv_equal 0 "$(nv_redis exists 'pdata;dns;[lan]web-1.example.com;notes.bak')"
}
