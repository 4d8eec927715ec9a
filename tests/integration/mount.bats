#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The program: its options, its ways to start, fail and end, and .netviewfs/.

load ../lib/mount.bash

setup() {
	nv_dir
	mkdir "$MNT"
	STORE=docs=sqlite:$NV_DIR/docs.sqlite
}

teardown() {
	nv_teardown
}

# nv_mount_docs [OPTIONS]: mounts the document store alone.
nv_mount_docs() {
	NV_STORES=$STORE nv_mount "$@"
}

# Runs the daemon to its end, which must be one line on standard error, then in $NV_DIR/err, and status 1, or 2 for a wrong usage.
fails() {
	local rc=0
	timeout 20 "$NV_BIN" "$@" </dev/null >"$NV_DIR/out" 2>"$NV_DIR/err" 3>&- || rc=$?
	refute mountpoint -q "$MNT"
	[ "$rc" -eq 1 ] || nv_equal 2 "$rc"
	nv_equal 1 "$(wc -l <"$NV_DIR/err")"
}

@test "--help names every option, --version the version and the build" {
	local word
	"$NV_BIN" --help >"$NV_DIR/out"
	for word in docs redis processed_db config schema plugin actor ro timeout scratch layout changelog; do
		grep -qE "(^|[^a-z])$word([=, ]|$)" "$NV_DIR/out" || nv_fail "no $word"
	done
	"$NV_BIN" --version | grep -q '^netviewfs [0-9]'
}

@test "no store, a bad option, a missing mount point: one line, non-zero" {
	fails "$MNT"
	fails -o "$STORE,nonsense=1" "$MNT"
	grep -q nonsense "$NV_DIR/err"
	fails -o "$STORE,timeout=soon" "$MNT"
	fails -o "docs=nonsense:x" "$MNT"
	fails -o "$STORE" "$NV_DIR/nonesuch"
	fails -o "$STORE"
}

@test "a store that does not answer: one line without secrets, within the timeout" {
	local start=$SECONDS
	fails -f -o "redis=unix://$NV_DIR/nonesuch.sock,timeout=2" "$MNT"
	printf 'redis=redis://user:s3cret@127.0.0.1:1/0\n' >"$NV_DIR/conf"
	chmod 600 "$NV_DIR/conf"
	fails -f -o "config=$NV_DIR/conf,timeout=2" "$MNT"
	refute grep -q s3cret "$NV_DIR/err" "$NV_DIR/out"
	[ $((SECONDS - start)) -le 10 ]
}

@test "a store that takes connections and says nothing: one line, when the timeout is over" {
	nv_redis_start
	kill -STOP "$NV_REDIS_PID"
	local start=$SECONDS
	fails -f -o "redis=unix://$NV_DIR/redis.sock,timeout=2" "$MNT"
	[ $((SECONDS - start)) -le 10 ]
	fails -o "redis=unix://$NV_DIR/redis.sock,timeout=2" "$MNT"
	[ $((SECONDS - start)) -le 20 ]
}

@test "a password in -o is refused, and not repeated" {
	fails -o "redis=redis://user:s3cret@127.0.0.1:6379" "$MNT"
	refute grep -q s3cret "$NV_DIR/err"
	grep -qi config "$NV_DIR/err"
}

@test "only one store given: only its tree" {
	NV_STORES=$STORE nv_mount
	nv_equal "netgoat views" "$(ls "$MNT" | paste -sd ' ')"
	nv_umount
	nv_redis_start
	NV_STORES=redis=unix://$NV_DIR/redis.sock nv_mount
	refute [ -e "$MNT/netgoat" ]
	[ -d "$MNT/netdox" ]
}

@test "empty stores give empty trees" {
	nv_redis_start
	nv_mount
	nv_equal "" "$(cat "$NX/changelog" "$NG/changelog")"
	nv_equal "" "$(find "$NX" "$NG" -mindepth 2 -type f)"
	refute [ -e "$NX/default_network" ]
}

@test "the configuration file: same keys, refused when others can read it" {
	printf '# stores\ndocs=sqlite:%s/docs.sqlite\nplugin=from-file\n' "$NV_DIR" >"$NV_DIR/conf"
	chmod 644 "$NV_DIR/conf"
	fails -o "config=$NV_DIR/conf" "$MNT"
	grep -q 'conf' "$NV_DIR/err"
	chmod 600 "$NV_DIR/conf"
	NV_STORES=config=$NV_DIR/conf nv_mount
	mkdir "$NG/teams/ops"
	nv_equal '"from-file"' "$(nv_docs changelog .plugin)"
}

@test "stores from the environment" {
	NETVIEWFS_DOCS=sqlite:$NV_DIR/docs.sqlite NV_STORES=plugin=x nv_mount
	[ -d "$NG" ]
	nv_umount
	nv_redis_start
	NETVIEWFS_REDIS=unix://$NV_DIR/redis.sock NV_STORES=plugin=x nv_mount
	[ -d "$NX" ]
}

@test "processed_db: another database than the first, or it is refused" {
	nv_redis_start
	sh "$NV_SRCDIR/examples/seed.sh" "$NV_DIR/docs.sqlite" "$NV_DIR/redis.sock" >/dev/null
	nv_mount
	find "$NX/processed" "$NX/dns_nodes" | sed "s|^$NX||" >"$NV_DIR/first"
	find "$NX/processed" -type f -exec cat {} + >"$NV_DIR/texts"
	nv_umount
	[ -s "$NV_DIR/texts" ]
	nv_redis swapdb 1 7 >/dev/null
	nv_mount processed_db=7
	nv_equal "$(cat "$NV_DIR/first")" "$(find "$NX/processed" "$NX/dns_nodes" | sed "s|^$NX||")"
	nv_equal "$(cat "$NV_DIR/texts")" "$(find "$NX/processed" -type f -exec cat {} +)"
	nv_umount
	fails -o "redis=unix://$NV_DIR/redis.sock,processed_db=0" "$MNT"
}

@test "schema: what it says of fields holds; one that cannot be read or parsed is refused" {
	nv_mount_docs
	jq '.record.fields.ttl.default = 77' "$MNT/.netviewfs/schema.json" >"$NV_DIR/schema.json"
	nv_umount
	nv_mount_docs "schema=$NV_DIR/schema.json"
	mkdir -p "$NG/teams/ops/domains/example.net"
	echo '{"value": "192.0.2.1"}' >"$NG/teams/ops/domains/example.net/records/www.A.json"
	nv_equal 77 "$(jq .ttl "$NG/teams/ops/domains/example.net/records/www.A.json")"
	nv_equal 77 "$(jq .record.fields.ttl.default "$MNT/.netviewfs/schema.json")"
	nv_umount
	fails -o "$STORE,schema=$NV_DIR/nonesuch" "$MNT"
	printf '{\n  "record": nonsense\n}\n' >"$NV_DIR/schema.json"
	fails -o "$STORE,schema=$NV_DIR/schema.json" "$MNT"
	grep -q 'schema.json.*line 2' "$NV_DIR/err"
}

@test "uid, gid, umask and FUSE's own options" {
	nv_mount_docs "umask=027,uid=65534,gid=1,noatime,max_read=131072"
	nv_equal "750 65534 1" "$(stat -c '%a %u %g' "$NG/teams")"
	nv_equal "640 65534 1" "$(stat -c '%a %u %g' "$NG/changelog")"
	grep "^netviewfs $MNT fuse.netviewfs " /proc/mounts >"$NV_DIR/mounts"
	grep -q noatime "$NV_DIR/mounts"
	grep -q max_read=131072 "$NV_DIR/mounts"
	refute grep -q allow_other "$NV_DIR/mounts"
}

@test "allow_other: others may what the modes allow, and no more" {
	[ "$(id -u)" -eq 0 ] || skip "only root can be somebody else"
	nv_mount_docs allow_other,umask=002
	chmod 755 "$NV_DIR"
	mkdir "$NG/teams/ops"
	grep "^netviewfs $MNT " /proc/mounts | grep -q 'default_permissions.*allow_other'
	nv_equal '"ops"' "$(setpriv --reuid 65534 --clear-groups cat "$NG/teams/ops/team.json" | jq .name)"
	refute setpriv --reuid 65534 --clear-groups mkdir "$NG/teams/other" 2>"$NV_DIR/err"
	grep -q 'Permission denied' "$NV_DIR/err"
	nv_equal ops "$(ls "$NG/teams")"
	nv_umount
	nv_mount_docs
	refute setpriv --reuid 65534 --clear-groups ls "$MNT" 2>"$NV_DIR/err"
}

@test "ro: nothing can be written" {
	nv_redis_start
	sh "$NV_SRCDIR/examples/seed.sh" "$NV_DIR/docs.sqlite" "$NV_DIR/redis.sock" >/dev/null
	nv_mount ro
	nv_equal "open EROFS" "$(nv_sys "open:w:$NX/default_network")"
	nv_equal "mkdir EROFS" "$(nv_sys "mkdir:$NG/teams/ops")"
	nv_equal "unlink EROFS" "$(nv_sys "unlink:$NX/default_network")"
	nv_equal lan "$(cat "$NX/default_network")"
}

@test "daemon mode: returns when mounted, ends with fusermount3 -u and with umount" {
	"$NV_BIN" -o "$STORE" "$MNT" </dev/null >"$NV_DIR/out" 2>&1 3>&-
	mountpoint -q "$MNT"
	[ -d "$NG" ]
	fusermount3 -u "$MNT"
	refute mountpoint -q "$MNT"
	"$NV_BIN" -o "$STORE" "$MNT" </dev/null >"$NV_DIR/out" 2>&1 3>&-
	umount "$MNT"
	refute mountpoint -q "$MNT"
}

@test "SIGINT and SIGHUP end it cleanly" {
	local signal
	for signal in INT HUP; do
		NV_STORES=$STORE nv_mount
		kill "-$signal" "$NV_PID"
		nv_umount
	done
}

@test "its own stale mount is cleared at start" {
	NV_STORES=$STORE nv_mount
	kill -KILL "$NV_PID"
	wait "$NV_PID" || true
	nv_watchdog_stop
	refute nv_quiet ls "$MNT"
	NV_STORES=$STORE nv_mount
	[ -d "$NG" ]
}

@test "the mount table and the argument list have no secrets" {
	nv_redis_start
	nv_redis config set requirepass s3cret >/dev/null
	printf 'redis=unix://:s3cret@%s/redis.sock\n' "$NV_DIR" >"$NV_DIR/conf"
	chmod 600 "$NV_DIR/conf"
	NV_STORES=config=$NV_DIR/conf nv_mount
	refute grep -q s3cret /proc/mounts "/proc/$NV_PID/cmdline"
	refute grep -rq s3cret "$MNT/.netviewfs" "$NV_DIR/log"
}

@test ".netviewfs: status, metrics, errors, README, schema.json" {
	nv_redis_start
	nv_mount
	grep -qi sqlite "$MNT/.netviewfs/status"
	grep -qi redis "$MNT/.netviewfs/status"
	grep -q spec "$MNT/.netviewfs/status"
	grep -qi uptime "$MNT/.netviewfs/status"
	grep -qi durability "$MNT/.netviewfs/status"
	nv_equal "" "$(cat "$MNT/.netviewfs/errors")"
	[ "$(wc -l <"$MNT/.netviewfs/README")" -gt 5 ]
	jq -e . "$MNT/.netviewfs/schema.json" >/dev/null
	grep -qx .netviewfs <(ls -A "$MNT")
	nv_equal "open EACCES" "$(nv_sys "open:w:$MNT/.netviewfs/status")"
}

@test "the test clock exists only when it was asked for" {
	NV_STORES=$STORE nv_mount
	[ -e "$MNT/.netviewfs/clock" ]
	nv_umount
	"$NV_BIN" -o "$STORE" "$MNT" </dev/null >"$NV_DIR/out" 2>&1 3>&-
	refute [ -e "$MNT/.netviewfs/clock" ]
	fusermount3 -u "$MNT"
}

@test "two mounts of the same stores see each other's changes" {
	nv_redis_start
	nv_redis set default_network lan >/dev/null
	nv_mount
	mkdir "$NV_DIR/second"
	"$NV_BIN" -o "$STORE,redis=unix://$NV_DIR/redis.sock" "$NV_DIR/second" </dev/null 3>&-
	mkdir -p "$NX/dns/lan/a.example.com"
	echo 'bind A 192.0.2.1' >"$NX/dns/lan/a.example.com/records"
	nv_equal 'bind A [lan]192.0.2.1' "$(cat "$NV_DIR/second/netdox/dns/lan/a.example.com/records")"
	mkdir "$NV_DIR/second/netgoat/teams/ops"
	nv_clock 1001
	[ -f "$NG/teams/ops/team.json" ]
	fusermount3 -u "$NV_DIR/second"
}

@test "another layout than the specification's is refused" {
	nv_redis_start
	fails -f -o "redis=unix://$NV_DIR/redis.sock,layout=nonsense" "$MNT"
	nv_redis sadd dns '[lan]a.example.com' >/dev/null
	nv_redis hset 'dns;[lan]a.example.com' name a.example.com >/dev/null
	fails -f -o "redis=unix://$NV_DIR/redis.sock" "$MNT"
	NV_STORES=redis=unix://$NV_DIR/redis.sock nv_mount layout=spec
	[ -d "$NX/dns/lan/a.example.com" ]
}
