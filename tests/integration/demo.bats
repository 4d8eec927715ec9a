#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# examples/demo.sh with the build that is tested: it must run to its end, show its edits, and leave nothing behind.

load ../lib/mount.bash

setup() {
	nv_dir
	cd "$NV_DIR" || return 1
}

teardown() {
	cd /
	nv_teardown
}

@test "the demo runs, with no terminal, input or environment, and leaves nothing mounted or running" {
	env -i NV_BUILDDIR="$NV_BUILDDIR" timeout 100 sh "$NV_SRCDIR/examples/demo.sh" <&- >"$NV_DIR/out" 2>"$NV_DIR/err" 3>&- || {
		cat "$NV_DIR/out" "$NV_DIR/err" >&2
		return 1
	}
	grep -q '"create dns record"' "$NV_DIR/out"
	grep -q '\["rename record"' "$NV_DIR/out"
	grep -q 'EINVAL' "$NV_DIR/out"
	refute [ -e "$NV_DIR/mnt" ]
	refute grep -q "$NV_DIR" /proc/mounts
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
	refute [ -e "$NV_DIR/mnt" ]
	refute grep -q "$NV_DIR" /proc/mounts
}
