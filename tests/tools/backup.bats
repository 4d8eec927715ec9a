#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Backup and restore (DESIGN 1, law 1): from a full, read-only mount, by the tools that people use, into a restore mount over empty
# stores. What counts is what the stores hold afterwards, not what the mounts show.

load ../lib/two.bash

setup() {
	nv_setup
	edit_a_little
	nv_remount full,ro
	nv_dump >"$NV_DIR/dump"
}

teardown() {
	nv_teardown_both
}

# The example data and some work on it, so that the changelogs have entries of every kind.
edit_a_little() {
	local domain=$NG/teams/platform/domains/example.com
	sed -i 's/300/301/' "$domain/records/www.CNAME.json"
	mkdir "$NG/teams/labs/domains/made.example.org"
	echo '{"value": "203.0.113.8"}' >"$NG/teams/labs/domains/made.example.org/records/www.A.json"
	jq '.private_key_pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"' "$domain/domain.json" >"$NV_DIR/domain.json"
	cat "$NV_DIR/domain.json" >"$domain/domain.json"
	rm "$NG/teams/platform/domains/example.com/records/mail.MX.json" 2>/dev/null || true
	sed -i 's/proxmox/hand/' "$NX/dns/lan/web-2.example.com/records"
	mkdir "$NX/dns/lan/made.example.com"
	echo 'owner: ann' >"$NX/dns/lan/made.example.com/meta"
	nv_clock 3000
}

# restore COMMAND…: runs it with the backup's mount as $MNT and the restore mount as $OTHER; then the stores are the same.
restore() {
	nv_second
	nv_swap
	nv_mount restore
	nv_swap
	"$@" || nv_fail "$*: exit status $?"
	nv_swap
	nv_umount
	nv_dump >"$NV_DIR/dump"
	nv_swap
	diff "$NV_DIR/dump" "$OTHER_NV_DIR/dump" >&2
}

by_rsync() {
	rsync -a "$@" "$MNT/netgoat" "$MNT/netdox" "$OTHER/"
}

by_cp() {
	cp -a "$MNT/netgoat" "$MNT/netdox" "$OTHER/"
}

by_tar() {
	tar -C "$MNT" -cf "$NV_DIR/backup.tar" netgoat netdox
	tar -C "$OTHER" -xf "$NV_DIR/backup.tar"
}

@test "rsync -a into a restore mount brings everything back" {
	nv_need rsync
	restore by_rsync
}

@test "rsync -a --inplace" {
	nv_need rsync
	restore by_rsync --inplace
}

@test "rsync -a --delay-updates" {
	nv_need rsync
	restore by_rsync --delay-updates
}

@test "cp -a into a restore mount brings everything back" {
	restore by_cp
}

@test "tar into a restore mount brings everything back" {
	restore by_tar
}

# --- The same of names and values that nobody would choose -----------------------------------------------------------------------

hostile_dump() {
	nv_redis_dump
	nv_stream_dump
	sqlite3 "$NV_DOCS_STORE" "SELECT collection, hex(id_key), hex(bson) FROM documents ORDER BY 1, 2"
}

# Fills the stores in the place of the example data.
hostile_stores() {
	: "${NV_SEED:=1}" # sh tests/run.sh full takes another each time
	echo "NV_SEED=$NV_SEED"
	nv_umount
	nv_docs_empty
	nv_redis flushall
	nv_import alerts </dev/null
	perl "$NV_SRCDIR/tests/lib/hostile.pl" redis "$NV_SEED" "$NV_DIR/redis.sock"
	perl "$NV_SRCDIR/tests/lib/hostile.pl" sql "$NV_SEED" | sqlite3 -bail "$NV_DOCS_STORE"
	nv_mount full,ro
	hostile_dump >"$NV_DIR/dump"
}

# hostile_restore COMMAND: what cannot be read because its key has a wrong type, and nothing else, is told as an error by the tool; the
# key itself is among the orphans.
hostile_restore() {
	nv_second
	nv_swap
	nv_mount restore
	nv_swap
	"$@" 2>"$NV_DIR/said" || true
	nv_equal "" "$(grep -v 'Input/output error\|code 23\|Exiting with failure\|error is not recoverable' "$NV_DIR/said" | head -n 20)"
	nv_swap
	nv_umount
	hostile_dump >"$NV_DIR/dump"
	nv_swap
	diff "$NV_DIR/dump" "$OTHER_NV_DIR/dump" | cut -c1-300 >"$NV_DIR/diff" || true
	nv_equal "" "$(head -n 20 "$NV_DIR/diff")"
}

@test "hostile names and values, by rsync" {
	nv_sqlite_only
	nv_need rsync sqlite3
	hostile_stores
	hostile_restore by_rsync
}

@test "hostile names and values, by cp -a" {
	nv_sqlite_only
	nv_need sqlite3
	hostile_stores
	hostile_restore by_cp
}

@test "hostile names and values, by tar" {
	nv_sqlite_only
	nv_need sqlite3
	hostile_stores
	hostile_restore by_tar
}

by_disk() {
	mkdir "$NV_DIR/disk"
	rsync -a "$MNT/netgoat" "$MNT/netdox" "$NV_DIR/disk/"
	nv_umount
	rsync -a "$NV_DIR/disk/netgoat" "$NV_DIR/disk/netdox" "$OTHER/"
}

@test "a backup on a disk, restored later" {
	nv_need rsync
	restore by_disk
}

@test "a restore mount refuses stores that are not empty" {
	nv_umount
	run timeout 20 "$NV_BIN" -f -o "restore,redis=unix://$NV_DIR/redis.sock" "$MNT"
	[ "$status" -ne 0 ]
	[[ $output == *"not empty"* ]]
	[ "${#lines[@]}" -eq 1 ]
	run timeout 20 "$NV_BIN" -f -o "restore,docs=$NV_DOCS_URI" "$MNT"
	[ "$status" -ne 0 ]
	[[ $output == *"not empty"* ]]
	[ "${#lines[@]}" -eq 1 ]
	nv_second
	nv_swap
	nv_redis set somebody:else 1
	nv_mount restore
	nv_swap
	nv_mount full,ro
}

# What rsync -a would transfer.
pending() {
	rsync -a --itemize-changes "$MNT/netgoat" "$MNT/netdox" "$NV_DIR/disk/" | grep -v '^\.d' || true
}

@test "a second backup transfers nothing; after a same-size change without a stamp, just that" {
	nv_need rsync
	pending >/dev/null
	nv_equal "" "$(pending)"
	nv_remount full,ro
	nv_equal "" "$(pending)"
	nv_redis hset 'meta;[lan]web-2.example.com' owner bob >/dev/null
	nv_docs dnsrecords 'select(.name == "www" and .domain == "example.com") | .ttl["$numberInt"] = "302"' >"$NV_DIR/record"
	"$NV_DOCS_TOOL" replace "$NV_DOCS_STORE" dnsrecords <"$NV_DIR/record"
	nv_remount full,ro
	nv_equal ">f..t...... netdox/dns/lan/web-2.example.com/meta
>f..t...... netgoat/teams/platform/domains/example.com/records/www.CNAME.json" "$(pending)"
	nv_equal "" "$(pending)"
}

@test "git keeps a backup, too" {
	nv_need git
	export GIT_DIR=$NV_DIR/git GIT_WORK_TREE=$MNT HOME=$NV_DIR GIT_CONFIG_NOSYSTEM=1
	git init -q
	cd "$MNT"
	git add netgoat netdox
	git -c user.name=nv -c user.email=nv@example.com commit -qm backup
	nv_equal "" "$(git status --porcelain netgoat netdox)"
	git archive HEAD netgoat netdox >"$NV_DIR/backup.tar"
	cd "$NV_DIR"
	restore from_tar
}

from_tar() {
	tar -C "$OTHER" -xf "$NV_DIR/backup.tar"
}

@test "rsync --delete into a full mount over changed data brings the old state back, logged" {
	nv_need rsync
	local before
	mkdir "$NV_DIR/disk"
	rsync -a "$MNT/netgoat" "$MNT/netdox" "$NV_DIR/disk/"
	nv_remount
	rm -r "$NG/teams/labs/domains/made.example.org"
	rm "$NG/teams/platform/domains/example.com/records/www.CNAME.json"
	echo '{"value": "203.0.113.77"}' >"$NG/teams/platform/domains/example.com/records/new.A.json"
	mv "$NG/teams/labs/domains/blog.example.org" "$NG/teams/platform/domains/"
	rm "$NG/users/ben@example.com/teams"/*
	jq '.name = "Other"' "$NG/teams/shop/team.json" >"$NV_DIR/team.json"
	cat "$NV_DIR/team.json" >"$NG/teams/shop/team.json"
	rm -r "$NX/dns/lan/web-1.example.com"
	mkdir "$NX/dns/lan/unwanted.example.com"
	sed -i 's/hand/foot/' "$NX/dns/lan/web-2.example.com/records"
	nv_clock 3000
	nv_remount full
	before=$(nv_docs changelog | wc -l)
	rsync -a --delete --exclude=changelog --exclude=last-modified "$NV_DIR/disk/netgoat" "$NV_DIR/disk/netdox" "$MNT/"
	nv_clock 3000
	nv_umount
	[ "$(nv_docs changelog | wc -l)" -gt "$before" ]
	nv_dump | state >"$NV_DIR/after"
	state <"$NV_DIR/dump" >"$NV_DIR/wanted"
	diff "$NV_DIR/wanted" "$NV_DIR/after" >&2
}

# A dump without what a change leaves behind: changelogs, last-modified, and times and versions of documents.
state() {
	sed '/^== changelog/,/^== /{/^== changelog/d;/^==/!d}' | grep -v '^[01] changelog \|^[01] last-modified ' |
		sed -E 's/"(updated_at|updatedAt|__v)":(\{[^}]*\}+|[0-9]+),?//g'
}

@test "full mounts are for their owner alone" {
	nv_equal "600 700 777" "$(stat -c %a "$NG/teams" "$NG/changelog" "$NX/last-modified" "$NG/users/ben@example.com/teams"/* | sort -u | xargs)"
	grep -q 'BEGIN PRIVATE KEY' "$NG/teams/platform/domains/example.com/domain.json"
	refute grep -q 'BEGIN PRIVATE KEY' "$MNT/views/stored/teams/platform/domains/example.com/domain.json"
	nv_remount
	refute grep -q 'BEGIN PRIVATE KEY' "$NG/teams/platform/domains/example.com/domain.json"
	refute [ -e "$NX/last-modified" ]
}
