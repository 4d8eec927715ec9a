#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Names and values that nobody would choose, put into the stores from outside and through the mount (DESIGN 1, law 6). NV_SEED= repeats
# a run; the seed is printed when a check fails.

load ../lib/mount.bash

setup() {
	NV_WATCHDOG=600
	: "${NV_SEED:=1}" # sh tests/run.sh full takes another each time
	nv_dir
	nv_redis_start
	NV_STREAM_START=0-0
	NV_DOC_CHANGES_START=0
}

teardown() {
	nv_teardown
}

# hostile COMMAND ARGUMENT…: with the test's seed.
hostile() {
	local command=$1
	shift
	perl "$NV_SRCDIR/tests/lib/hostile.pl" "$command" "$NV_SEED" "$@" || {
		echo "NV_SEED=$NV_SEED"
		return 1
	}
}

@test "keys of every name and value are listed, can be stat'ed and read, hide no sibling, and are saved byte for byte" {
	[ -z "${NV_DOCS_SERVER:-}" ] || skip "about Redis"
	hostile redis "$NV_DIR/redis.sock"
	nv_mount
	hostile check-redis "$NV_DIR/redis.sock" "$MNT"
}

# The documents as they are stored, byte for byte.
documents() {
	sqlite3 "$NV_DOCS_STORE" 'SELECT collection, hex(id_key), hex(bson) FROM documents WHERE collection <> "changelog" ORDER BY 1, 2'
}

@test "documents of every name, type and depth, written as bytes, are listed, read, and saved byte for byte" {
	nv_sqlite_only
	nv_need sqlite3
	nv_import alerts </dev/null
	hostile sql | sqlite3 -bail "$NV_DOCS_STORE"
	nv_mount
	documents >"$NV_DIR/documents"
	hostile check-docs "$MNT"
	documents | diff "$NV_DIR/documents" -
}

@test "documents that JSON can say, on every store" {
	local collection
	for collection in teams domains dnsrecords alerts; do
		hostile json "$collection" | nv_import "$collection"
	done
	nv_mount
	hostile check-docs "$MNT" json
}

@test "the same names through the mount: made, or refused with a reason" {
	local made
	nv_redis set default_network lan
	nv_import teams <<<'{"_id":{"$oid":"65e2d0000001000000000001"},"name":"Home","slug":"home"}'
	nv_import domains <<<'{"_id":{"$oid":"65e2d0000003000000000001"},"teamId":{"$oid":"65e2d0000001000000000001"},"domain":"home.example.com"}'
	nv_mount
	made=$(hostile make "$NV_DIR/redis.sock" "$MNT" ${NV_DOCS_SERVER:+utf8}) || nv_fail "$made"
	diff <(echo "$made") <(nv_docs dnsrecords .name | jq -r . | LC_ALL=C sort)
}
