#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kill -9 of the daemon at each command of a save: what was said to be saved is, and no change is without its entry or the reverse, as
# soon as the next mount stands. With transactions on SecantusDB, with pending entries on mongo-java-server. (docstore_mongo_faults.c
# does the same to commits of many documents.)

load ../lib/mount.bash
load ../lib/many.bash

setup() {
	[ -n "${NV_DOCS_SERVER:-}" ] || skip "about a MongoDB server"
	PROXY=$NV_BUILDDIR/tests/lib/mongo_proxy
	[ -x "$PROXY" ] || nv_fail "no $PROXY (make check TESTS= builds it)"
	nv_dir
	nv_many_records 80
	NV_DOC_CHANGES_START=0
	mkfifo "$NV_DIR/proxy.in" "$NV_DIR/proxy.out"
	"$PROXY" "${NV_DOCS_SERVER##*:}" <"$NV_DIR/proxy.in" >"$NV_DIR/proxy.out" 3>&- &
	PROXY_PID=$!
	exec 7>"$NV_DIR/proxy.in" 8<"$NV_DIR/proxy.out"
	local word port
	read -r word port <&8
	nv_equal port "$word"
	NV_STORES="docs=mongodb://127.0.0.1:$port/${NV_DOCS_STORE##*/}?directConnection=true"
}

teardown() {
	[ -n "${PROXY_PID:-}" ] || return 0
	exec 7>&- 8<&-
	kill "$PROXY_PID" # the daemon has its input open too
	wait "$PROXY_PID" || true
	nv_teardown
}

# proxy WORD…: tells the proxy, and prints its answer.
proxy() {
	local answer
	echo "$*" >&7
	read -r answer <&8
	echo "$answer"
}

# The daemon is dead: nobody unmounts for it.
bury() {
	wait "$NV_PID" 2>/dev/null || true
	NV_PID=
	nv_watchdog_stop
	umount -l "$MNT"
}

# settled RECORD SAID: after a mount, the record has its old value and no entry, or the new one and one entry; the new one if SAID is 0.
settled() {
	local value entries
	value=$(jq -r .value "$RECORDS/$1.A.json")
	entries=$(nv_docs changelog "select(.path == \"netgoat/teams/platform/domains/example.com/records/$1.A.json\")")
	case $value in
	203.0.113.99)
		nv_equal 1 "$(printf '%s\n' "$entries" | grep -c '"change":"update record"')"
		SAVED=$((SAVED + 1))
		;;
	192.0.2.*)
		nv_equal "" "$entries"
		[ "$2" -ne 0 ] || nv_fail "$1 was said to be saved, and is not"
		LOST=$((LOST + 1))
		;;
	*) nv_fail "$1 is $value" ;;
	esac
	refute grep -q pending <<<"$entries"
}

# kill_everywhere before|after: each step has a record of its own. SecantusDB keeps the locks of the dead for a minute, unless told.
kill_everywhere() {
	local step=0 said=1 record last='' state
	RECORDS=$NG/teams/platform/domains/example.com/records
	SAVED=0
	LOST=0
	while :; do
		nv_mount
		[ -z "$last" ] || settled "$last" "$said"
		step=$((step + 1))
		[ "$step" -lt 30 ]
		printf -v record 'host-%04d' $((FIRST + step))
		jq '.value = "203.0.113.99"' "$RECORDS/$record.A.json" >"$NV_DIR/new"
		nv_equal armed "$(proxy arm "$step" "$1" "$NV_PID")"
		said=0
		cp "$NV_DIR/new" "$RECORDS/$record.A.json" 2>/dev/null || said=1
		state=$(proxy state)
		[[ $state == *"cut 1" ]] || break
		bury
		proxy command admin '{"killAllSessions": []}' >/dev/null # mongo-java-server has none
		last=$record
	done
	nv_equal armed "$(proxy arm 0 before 0)"
	nv_equal 0 "$said"
	settled "$record" 0
	# All messages of the transaction among them.
	[ "${NV_DOCS_KIND:-}" != transactions ] || [ "$(cut -d ' ' -f 2 <<<"$state")" -le 5 ]
	nv_umount
	FIRST=$((FIRST + step))
	echo "$1: killed $((step - 1)) times, saved $SAVED, lost $LOST"
	[ "$step" -gt 3 ]
	[ "$LOST" -gt 0 ]
}

@test "kill -9 before, and after, each command of a save: all or nothing, as it was said" {
	FIRST=-1
	if "$NV_DOCS_TOOL" list "$NV_DOCS_STORE" >/dev/null && nv_mount && grep -q '^docs changelog: in one transaction' "$MNT/.netviewfs/status"; then
		NV_DOCS_KIND=transactions
	fi
	nv_umount
	kill_everywhere before
	kill_everywhere after
	[ "$SAVED" -gt 1 ]
}
