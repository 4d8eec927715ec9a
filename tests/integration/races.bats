#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Many at once: writers of one file, readers beside writers, changes from outside while the tree is read.

load ../lib/mount.bash

setup() {
	nv_setup
	PIDS=()
}

teardown() {
	stop_beside
	nv_teardown
}

# beside COMMAND…: runs it again and again until stop_beside. What it prints is in $NV_DIR/beside.
beside() {
	until [ -e "$NV_DIR/enough" ]; do "$@"; done >>"$NV_DIR/beside" 2>&1 3>&- &
	PIDS+=($!)
}

# Not by a signal: that would leave the command that is just running.
stop_beside() {
	: >"$NV_DIR/enough"
	[ "${#PIDS[@]}" -eq 0 ] || wait "${PIDS[@]}" || true
	rm "$NV_DIR/enough"
	PIDS=()
}

@test "eight processes append to one file: every line is stored once and logged once" {
	local file=$NX/dns/lan/web-2.example.com/records writer pids=()
	for writer in 1 2 3 4 5 6 7 8; do
		(for i in {1..20}; do echo "hand TXT writer $writer line $i" >>"$file" || exit 1; done) 3>&- &
		pids+=($!)
	done
	for writer in "${pids[@]}"; do
		wait "$writer"
	done
	nv_equal 160 "$(nv_redis scard 'dns;[lan]web-2.example.com;hand;TXT')"
	nv_equal 160 "$(nv_changes | grep -c '^create dns record|')"
	nv_equal 163 "$(wc -l <"$file")"
}

@test "eight processes make records in one domain: all are there, with an entry each" {
	local dir=$NG/teams/platform/domains/example.com/records writer pids=()
	for writer in 1 2 3 4 5 6 7 8; do
		(for i in {1..10}; do echo "{\"value\": \"192.0.2.$i\"}" >"$dir/host-$writer-$i.A.json" || exit 1; done) 3>&- &
		pids+=($!)
	done
	for writer in "${pids[@]}"; do
		wait "$writer"
	done
	nv_equal 80 "$(nv_docs dnsrecords 'select(.name | test("^host-")) | .name' | sort -u | wc -l)"
	nv_equal 80 "$(nv_doc_changes | grep -c '^create record|')"
	nv_equal 80 "$(ls "$dir" | grep -c '^host-')"
}

@test "a reader beside a writer sees one version or the other, whole" {
	local file=$NX/dns/lan/web-1.example.com/pdata/banner a b
	printf -- '---\ntype: string\nplugin: nmap\n---\n%s\n' "$(printf 'a%.0s' {1..9000})" >"$NV_DIR/a"
	printf -- '---\ntype: string\nplugin: nmap\n---\n%s\n' "$(printf 'b%.0s' {1..6000})" >"$NV_DIR/b"
	cp "$NV_DIR/a" "$file"
	a=$(sha1sum <"$NV_DIR/a")
	b=$(sha1sum <"$NV_DIR/b")
	beside sha1sum_of "$file"
	beside sha1sum_of "$file"
	for _ in {1..40}; do
		cp "$NV_DIR/b" "$file"
		cp "$NV_DIR/a" "$file"
	done
	stop_beside
	[ "$(wc -l <"$NV_DIR/beside")" -ge 10 ]
	nv_equal "" "$(grep -vxF -e "$a" -e "$b" "$NV_DIR/beside" | sort -u)"
}

sha1sum_of() {
	sha1sum <"$1"
}

@test "300 foreign changes while others read: each is seen, none is lost" {
	local file=$NX/dns/lan/camera-1.example.net/meta i lost=0
	nv_redis sadd meta '[lan]camera-1.example.net' >/dev/null
	nv_redis hset 'meta;[lan]camera-1.example.net' n 0 >/dev/null
	beside cat "$file"
	beside ls -l "$NX/dns/lan"
	for i in {1..300}; do
		nv_redis hset 'meta;[lan]camera-1.example.net' n "$((i * i))" >/dev/null
		nv_clock 1001
		[ "$(cat "$file")" = "n: $((i * i))" ] || lost=$((lost + 1))
	done
	stop_beside
	nv_equal 0 "$lost"
}

@test "objects come and go while the tree is listed: nothing else disappears" {
	local i
	beside ls_names
	for i in {1..30}; do
		mkdir "$NX/dns/lan/coming-$i.example.net"
		echo 'hand A 192.0.2.200' >"$NX/dns/lan/coming-$i.example.net/records"
		mkdir "$NG/teams/labs/domains/coming-$i.example.org"
		rm -r "$NX/dns/lan/coming-$i.example.net" "$NG/teams/labs/domains/coming-$i.example.org"
	done
	stop_beside
	[ "$(wc -l <"$NV_DIR/beside")" -ge 3 ]
	nv_equal "" "$(grep -v '^68 2$' "$NV_DIR/beside" | sort -u)"
	nv_equal 30 "$(nv_changes | grep -c '^delete dns name|\[lan\]coming-')"
}

# How many of the seeded names are listed: those of one network, those of one team.
ls_names() {
	echo "$(ls "$NX/dns/lan" | grep -vc '^coming-') $(ls "$NG/teams/labs/domains" | grep -vc '^coming-')"
}

@test "SIGTERM amid reads and writes: clean end, no half of a save" {
	local file=$NX/dns/lan/web-2.example.com/records
	beside bash -c 'printf "pair A 192.0.2.1\npair A 192.0.2.2\n" >>"$1"; sed -i /^pair/d "$1"' - "$file"
	beside grep -r zzz "$MNT"
	beside bash -c 'mkdir "$1/x"; rmdir "$1/x"' - "$NG/teams"
	nv_wait_until eval '[ "$(nv_changes | grep -c "^create dns record")" -ge 4 ]'
	nv_expect_log 'records|teams/x|netgoat'
	nv_umount
	stop_beside
	case $(nv_redis scard 'dns;[lan]web-2.example.com;pair;A') in
	0 | 2) ;;
	*) nv_fail "half of a save is stored" ;;
	esac
}
