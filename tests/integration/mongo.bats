#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What only a mount on a MongoDB server has. on_secantusdb.sh and on_mongo_java_server.sh run it.

load ../lib/mount.bash
load ../lib/many.bash

setup() {
	[ -n "${NV_DOCS_SERVER:-}" ] || skip "about a MongoDB server"
	nv_setup
}

teardown() {
	[ -n "${NV_DOCS_SERVER:-}" ] || return 0
	nv_teardown
}

missing_indexes() {
	sed -n 's/^docs index missing: \([^ ]*\) .*/\1/p' "$MNT/.netviewfs/status" | sort | paste -sd ' '
}

@test "a missing index is named in status, and made on request only" {
	[[ $(missing_indexes) == *"dnsrecords.domainId dnsrecords.name"* ]]
	[[ $(missing_indexes) != *domain_id* ]]
	run "$NV_BIN" --create-indexes -o "docs=$NV_DOCS_URI"
	nv_equal 0 "$status"
	[[ $output == *"made: dnsrecords.domainId"* ]]
	nv_clock 1001
	nv_equal "" "$(missing_indexes)"
	nv_equal "no index is missing" "$("$NV_BIN" --create-indexes -o "docs=$NV_DOCS_URI")"
	nv_equal 60 "$(find "$NG" -path '*/records/*.json' | wc -l)"
}

@test "status says what the server is, and what a save is there" {
	grep -qE '^docs version: MongoDB [0-9.]+, (replica set secantus|standalone)$' "$MNT/.netviewfs/status"
	grep -qE '^docs durability: write concern majority; ' "$MNT/.netviewfs/status"
	refute grep -q 'docs.*?' "$MNT/.netviewfs/status"
}

# The daemon's memory in KiB, as /proc names it: VmRSS, or the most there ever was, VmHWM.
memory() {
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$NV_PID/status"
}

@test "a directory of 100,000 documents is listed in 64 MiB" {
	# A sanitizer's memory, or valgrind's, is not the daemon's.
	[[ $("$NV_BIN" --version) == *"instruments: none"* && -z "${NV_DAEMON:-}" ]] || skip "instrumented"
	nv_umount
	nv_docs_empty
	nv_many_records 100000
	NV_DEADLINE=60
	nv_mount timeout=30
	local dir=$NG/teams/platform/domains/example.com/records base most
	[ -d "$NG/teams" ]
	base=$(memory VmRSS)
	ls "$dir" >"$NV_DIR/names"
	most=$(memory VmHWM)
	nv_equal 100000 "$(wc -l <"$NV_DIR/names")"
	nv_equal "host-0000.A.json host-99999.A.json" "$(sed -n '1p;$p' "$NV_DIR/names" | paste -sd ' ')"
	[ $((most - base)) -le 65536 ]
}
