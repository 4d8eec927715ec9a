#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A listing is one batch: how many round trips the daily commands cost.

load ../lib/mount.bash
load ../lib/many.bash

setup() {
	nv_dir
	nv_redis_start
	nv_redis set default_network lan >/dev/null
}

teardown() {
	nv_teardown
}

# at_most LIMIT METRIC COMMAND…
at_most() {
	local limit=$1
	shift
	nv_count "$@"
	echo "$NV_COUNT round trips: ${*:2}"
	[ "$NV_COUNT" -ge 1 ]
	[ "$NV_COUNT" -le "$limit" ]
}

@test "ls -l of 1,000 DNS names: at most 8 round trips" {
	nv_many_names 1000
	nv_mount
	at_most 8 redis_round_trips ls -l "$NX/dns/lan"
	nv_equal 1001 "$(wc -l <"$NV_DIR/out")"
}

@test "ls -lR of 1,000 DNS names is a few batches, not one query a name" {
	nv_many_names 1000
	nv_mount
	at_most 100 redis_round_trips ls -lR "$NX/dns"
	nv_equal 1000 "$(grep -c ' records$' "$NV_DIR/out")"
}

@test "ls -l of 1,000 records: at most 8 round trips" {
	nv_many_records 1000
	nv_mount
	at_most 8 docs_round_trips ls -l "$NG/teams/platform/domains/example.com/records"
	nv_equal 1001 "$(wc -l <"$NV_DIR/out")"
}

@test "grep -r over 1,000 records: at most 8 round trips" {
	nv_many_records 1000
	nv_mount
	at_most 8 docs_round_trips grep -rc 192.0.2.7 "$NG/teams/platform/domains/example.com/records"
}

@test "a cold cat costs at most 4 round trips with all path components, 1 when its directory is known" {
	nv_many_names 1000
	nv_mount
	at_most 4 redis_round_trips cat "$NX/dns/lan/host-0500.example.com/records"
	cd "$NX/dns/lan/host-0600.example.com"
	at_most 1 redis_round_trips cat records
	cd /
}

@test "a cold cat of a document costs at most 4 round trips, 1 when its directory is known" {
	nv_many_records 1000
	nv_mount
	at_most 4 docs_round_trips cat "$NG/teams/platform/domains/example.com/records/host-0500.A.json"
	cd "$NG/teams/platform/domains/example.com/records"
	at_most 1 docs_round_trips cat host-0600.A.json
	cd /
}

@test "one save costs at most 3 round trips, 5 with all messages of a MongoDB transaction" {
	nv_many_names 1000
	nv_many_records 1000
	nv_mount
	cd "$NX/dns/lan/host-0500.example.com"
	cat records >/dev/null
	at_most 3 redis_round_trips sh -c 'echo "bind A 192.0.2.251" >>records'
	at_most 3 redis_round_trips sh -c 'echo "owner: ben" >>meta'
	cd "$NG/teams/platform/domains/example.com/records"
	jq '.ttl = 61' host-0500.A.json >"$NV_DIR/new"
	local most=3
	[ -z "${NV_DOCS_SERVER:-}" ] || most=5
	at_most "$most" docs_round_trips cp "$NV_DIR/new" host-0500.A.json
	cd /
	nv_equal 2 "$(NV_STREAM_START=0-0 nv_changes | wc -l)"
}

@test "cat again within a second asks nothing more than it must; after a foreign change it is new" {
	nv_many_names 1000
	nv_mount
	local file=$NX/dns/lan/host-0001.example.com/meta
	nv_equal "owner: ann" "$(cat "$file")"
	nv_redis hset 'meta;[lan]host-0001.example.com' owner ben >/dev/null
	nv_clock 1001
	nv_equal "owner: ben" "$(cat "$file")"
}

@test "stat of every listed file needs no further round trip" {
	nv_many_names 1000
	nv_mount
	ls -l "$NX/dns/lan" >/dev/null
	nv_count redis_round_trips ls -l "$NX/dns/lan"
	[ "$NV_COUNT" -le 8 ]
}

@test "metrics has every counter and their sum" {
	nv_mount
	ls "$NX" >/dev/null
	grep -qE '^netviewfs_fuse_requests [1-9][0-9]*$' "$MNT/.netviewfs/metrics"
	grep -qE '^netviewfs_redis_commands [0-9]+$' "$MNT/.netviewfs/metrics"
	grep -qE '^netviewfs_docs_round_trips [0-9]+$' "$MNT/.netviewfs/metrics"
	refute grep -vqE '^(#.*|netviewfs_[a-z_]+ [0-9]+)$' "$MNT/.netviewfs/metrics"
}
