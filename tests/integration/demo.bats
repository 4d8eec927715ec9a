#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# examples/demo.sh with the build that is tested: it must run to its end, show its edits, and leave nothing behind.

load ../lib/mount.bash

setup() {
	nv_dir
	cd "$NV_DIR" || return 1
	mkdir "$NV_DIR/tmp"
	export TMPDIR=$NV_DIR/tmp
}

teardown() {
	cd /
	nv_teardown
}

# The mount, the processes (they name their files) and the files are gone.
left_nothing() {
	refute [ -e "$NV_DIR/mnt" ]
	refute grep -q "$NV_DIR" /proc/mounts
	refute pgrep -f "$NV_DIR/tmp/tmp"
	nv_equal "" "$(ls -A "$NV_DIR/tmp")"
}

@test "the demo runs, with no terminal, input or environment, and leaves nothing mounted or running" {
	env -i NV_BUILDDIR="$NV_BUILDDIR" TMPDIR="$TMPDIR" timeout 100 sh "$NV_SRCDIR/examples/demo.sh" <&- >"$NV_DIR/out" 2>"$NV_DIR/err" 3>&- || {
		cat "$NV_DIR/out" "$NV_DIR/err" >&2
		return 1
	}
	grep -q '"create dns record"' "$NV_DIR/out"
	grep -q '\["rename record"' "$NV_DIR/out"
	grep -q 'EINVAL' "$NV_DIR/out"
	left_nothing
}

@test "the demo interrupted by SIGTERM unmounts and stops what it started" {
	mkfifo "$NV_DIR/stop"
	NV_BUILDDIR=$NV_BUILDDIR sh "$NV_SRCDIR/examples/demo.sh" </dev/null >"$NV_DIR/stop" 2>&1 3>&- &
	local pid=$! line
	# Stop it in the middle of the tour; it blocks on the pipe until the rest is read.
	while IFS= read -r line; do
		[[ $line != *"Changing Netgoat"* ]] || kill -TERM "$pid"
	done <"$NV_DIR/stop"
	local rc=0
	wait "$pid" || rc=$?
	nv_equal 143 "$rc"
	left_nothing
}

@test "the demo on a terminal stays mounted until Enter" {
	mkfifo "$NV_DIR/keys" "$NV_DIR/screen"
	SHELL=/bin/sh NV_BUILDDIR=$NV_BUILDDIR timeout 100 script -qefc "sh '$NV_SRCDIR/examples/demo.sh'" /dev/null \
		<"$NV_DIR/keys" >"$NV_DIR/screen" 2>&1 3>&- &
	local pid=$! line asked=0 rc=0
	exec {keys}>"$NV_DIR/keys"
	while IFS= read -r line; do
		if [[ $line == *"until you press Enter"* ]]; then
			asked=1
			mountpoint -q "$NV_DIR/mnt"
			[ -f "$NV_DIR/mnt/netdox/default_network" ]
			echo >&"$keys"
		fi
	done <"$NV_DIR/screen"
	exec {keys}>&-
	wait "$pid" || rc=$?
	nv_equal "0 1" "$rc $asked"
	left_nothing
}

# fails_with TEXT: the demo with a program that is the shell script TEXT must fail, and leave nothing.
fails_with() {
	local rc=0
	mkdir "$NV_DIR/build"
	printf '#!/bin/sh\n%s\n' "$1" >"$NV_DIR/build/netviewfs"
	chmod 755 "$NV_DIR/build/netviewfs"
	ln -s "$NV_DOCS_TOOL" "$NV_DIR/build/netviewfs-docs"
	NV_BUILDDIR=$NV_DIR/build timeout 100 sh "$NV_SRCDIR/examples/demo.sh" </dev/null >"$NV_DIR/out" 2>&1 3>&- || rc=$?
	[ "$rc" -ne 0 ] && [ "$rc" -ne 124 ]
	left_nothing
}

@test "a demo that cannot mount fails, says why and leaves nothing" {
	fails_with 'echo "no mount today" >&2; exit 1'
	grep -q 'no mount today' "$NV_DIR/out"
}

@test "a demo with a command that fails fails too, and leaves nothing" {
	# $@ is that script's, to which -o is given again.
	# shellcheck disable=SC2016
	fails_with "exec '$NV_BIN'"' -o ro "$@"'
	grep -q 'Changing Netdox' "$NV_DIR/out"
	refute grep -q 'Changing Netgoat' "$NV_DIR/out"
}

# Where the server is not in the cache of tests/servers/fetch.sh already, the demo fetches it.
@test "the demo on a MongoDB server gives the same tour, and leaves nothing mounted or running" {
	[[ $("$NV_BIN" --version) == *mongodb* ]] || skip "built without the MongoDB driver"
	local cache=${NV_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/netviewfs-tests}
	[ -e "$cache/secantusdb-0.6.0b17" ] || [ -n "${NV_REQUIRE_SERVERS:-}" ] || skip "no SecantusDB (sh tests/servers/fetch.sh secantusdb)"
	NV_CACHE=$cache timeout 100 sh "$NV_SRCDIR/examples/demo.sh" mongo </dev/null >"$NV_DIR/out" 2>"$NV_DIR/err" 3>&- || {
		cat "$NV_DIR/out" "$NV_DIR/err" >&2
		return 1
	}
	grep -qE '^docs: mongodb mongodb://127\.0\.0\.1:[0-9]+/netgoat$' "$NV_DIR/out"
	grep -q '^docs changelog: in one transaction with its document$' "$NV_DIR/out"
	grep -q '\["create domain","netgoat/teams/labs/domains/wiki.example.org"\]' "$NV_DIR/out"
	grep -q '\["rename record"' "$NV_DIR/out"
	grep -q 'EINVAL' "$NV_DIR/out"
	left_nothing
}
