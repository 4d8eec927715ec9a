#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Law 8: a store that is dead or slow gives an error within the deadline; the other store's tree goes on.

load ../lib/mount.bash

setup() {
	nv_setup timeout=1
	nv_expect_log .
}

teardown() {
	nv_teardown
}

# within SECONDS WANTED STEP…: one system call's line, and not later than that.
within() {
	local start=$SECONDS limit=$1 want=$2
	shift 2
	[[ $(nv_sys "$@") =~ $want ]] || nv_fail "not $want: $*"
	[ $((SECONDS - start)) -le "$limit" ]
}

@test "a stopped Redis: errors within the deadline, never ENOENT, netgoat/ goes on, and it comes back" {
	cat "$NX/default_network" >/dev/null
	kill -STOP "$NV_REDIS_PID"
	within 3 '^cat (ETIMEDOUT|EIO)$' "cat:$NX/dns/lan/web-1.example.com/records"
	within 3 '^open (ETIMEDOUT|EIO)$' "open:r:$NX/dns/lan/nonesuch.example.com/records"
	refute nv_quiet ls "$NX/dns/cloud"
	nv_equal platform "$(basename "$(ls -d "$NG/teams/platform")")"
	jq -e .value "$NG/teams/platform/domains/example.com/records/www.CNAME.json" >/dev/null
	echo '{"value": "203.0.113.1"}' >"$NG/teams/platform/domains/example.com/records/still.A.json"
	cat "$MNT/.netviewfs/status" >/dev/null
	kill -CONT "$NV_REDIS_PID"
	nv_wait_until nv_prints "bind A [lan]192.0.2.4" cat "$NX/dns/lan/sw-floor-1.example.net/records"
}

@test "a save to a stopped Redis fails and leaves no half" {
	cp "$NX/dns/lan/web-2.example.com/records" "$NV_DIR/old"
	kill -STOP "$NV_REDIS_PID"
	refute nv_quiet cp <(cat "$NV_DIR/old"; echo 'bind A 192.0.2.66'; echo 'hand TXT x') "$NX/dns/lan/web-2.example.com/records"
	refute nv_quiet rm "$NX/dns/lan/web-2.example.com/meta"
	kill -CONT "$NV_REDIS_PID"
	nv_clock 3000
	nv_wait_until cat "$NX/dns/lan/web-2.example.com/meta"
	# The command may have reached the server before it was stopped: all of it, or nothing.
	case $(nv_redis smembers 'dns;[lan]web-2.example.com;plugins' | grep -c hand) in
	0) nv_equal "" "$(nv_changes)" ;;
	1) nv_equal 4 "$(nv_changes | wc -l)" ;;
	esac
}

@test "a killed Redis: EIO at once, and all is there again when it is" {
	nv_redis save >/dev/null 2>&1 || nv_redis bgsave >/dev/null 2>&1
	kill -KILL "$NV_REDIS_PID"
	wait "$NV_REDIS_PID" || true
	within 2 '^cat (EIO|ETIMEDOUT)$' "cat:$NX/dns/lan/web-1.example.com/records"
	refute nv_quiet ls "$NX/dns/dmz"
	grep -qE 'EIO|ETIMEDOUT' "$MNT/.netviewfs/errors"
	[ -d "$NG/teams/shop" ]
	rm -f "$NV_DIR/redis.sock"
	nv_redis_start
	nv_wait_until nv_prints 120 eval 'ls -d "$NX"/dns/*/*/ | wc -l'
}

@test "a document store that cannot be read: errors, and netdox/ goes on" {
	cat "$NG/teams/shop/team.json" >/dev/null
	mv "$NV_DIR/docs.sqlite" "$NV_DIR/gone.sqlite"
	nv_clock 2000
	nv_equal lan "$(cat "$NX/default_network")"
	refute nv_quiet ls "$NG/teams"
	[[ $(nv_sys "cat:$NG/users/ben@example.com/user.json") =~ ^cat\ (EIO|ETIMEDOUT)$ ]]
}

@test "SIGTERM ends the mount within the deadline although Redis is stopped" {
	kill -STOP "$NV_REDIS_PID"
	nv_sys "cat:$NX/dns/lan/web-1.example.com/records" >/dev/null &
	local reader=$! start=$SECONDS
	nv_umount
	[ $((SECONDS - start)) -le 6 ]
	wait "$reader" || true # not for the stopped server
}

# waits_in REGEX PID: a thread of the process waits in a kernel function of that name.
waits_in() {
	cat "/proc/$2"/task/*/wchan | tr '\0' '\n' | grep -q "$1"
}

# A notice about a directory waits for the lock that a change of the directory holds. Two changes: the first is under way when the signal comes; the
# second, already behind it when the notice queues up, makes its request only after that.
@test "SIGTERM while the kernel is being told of a directory that others are changing" {
	local dir=$NX/dns/lan/web-1.example.com sys=$NV_SRCDIR/tests/lib/sys.pl first second start
	ls -l "$dir" >/dev/null
	mv "$dir/meta" "$dir/meta.bak"
	kill -STOP "$NV_REDIS_PID"
	perl "$sys" "unlink:$dir/records" >/dev/null 2>&1 3>&- &
	first=$!
	nv_wait_until waits_in request_wait_answer "$first"
	perl "$sys" "unlink:$dir/maps" >/dev/null 2>&1 3>&- &
	second=$!
	nv_wait_until waits_in do_unlinkat "$second"
	nv_clock 2000
	nv_wait_until waits_in fuse_reverse_inval_entry "$NV_PID"
	start=$SECONDS
	nv_umount
	[ $((SECONDS - start)) -le 15 ]
	kill -CONT "$NV_REDIS_PID"
	wait "$first" "$second" || true # cut off
}
