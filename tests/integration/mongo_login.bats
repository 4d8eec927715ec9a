#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Logins, TLS and servers that cannot be had: what the URI says reaches the driver, no secret is seen anywhere, and what goes wrong is
# one line within the timeout. (docstore_mongo_uri.c has replica sets, read preferences and concerns.)

load ../lib/mount.bash

setup() {
	[[ $("$NV_BIN" --version) == *mongodb* ]] || skip "built without the MongoDB driver"
	local cache=${NV_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/netviewfs-tests}
	[ -e "$cache/secantusdb-0.6.0b17" ] || [ -n "${NV_REQUIRE_SERVERS:-}" ] || skip "no SecantusDB (sh tests/servers/fetch.sh secantusdb)"
	nv_dir
	mkdir "$NV_DIR/server" "$MNT"
	SERVER_PID=
}

teardown() {
	[ -n "${NV_DIR:-}" ] || return 0
	server_stop
	nv_teardown
}

# server_start [ARGUMENT…]: PORT is its port.
server_start() {
	: >"$NV_DIR/server/log"
	sh "$NV_SRCDIR/tests/servers/start.sh" secantusdb "$NV_DIR/server" "$@" 3>&- &
	SERVER_PID=$!
	nv_wait_until grep -q 'listening on 127\.0\.0\.1:[0-9]' "$NV_DIR/server/log"
	PORT=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$NV_DIR/server/log" | head -n 1)
}

server_stop() {
	[ -n "${SERVER_PID:-}" ] || return 0
	kill "$SERVER_PID" 2>/dev/null || true
	wait "$SERVER_PID" || true
	SERVER_PID=
}

# refused PATTERN COMMAND…: ends in time, not with 0, and says one line, which matches and has no password in it.
refused() {
	local pattern=$1 start=$SECONDS
	shift
	run timeout 20 "$@" </dev/null
	echo "$output"
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	[ $((SECONDS - start)) -le 4 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output =~ $pattern ]]
	[[ $output != *hunter* ]]
	refute mountpoint -q "$MNT"
}

# login USER:PASSWORD: the configuration file.
login() {
	(umask 077 && echo "docs = mongodb://$1@127.0.0.1:$PORT/netgoat?authSource=admin" >"$NV_DIR/conf")
}

# What others may see of the mount has no password in it.
no_secret() {
	refute grep -aq hunter2 "/proc/$NV_PID/cmdline" /proc/mounts "$NV_DIR/log" "$MNT/.netviewfs/status" "$MNT/.netviewfs/errors" "$NG/changelog"
}

@test "a login of the configuration file or of the environment is used and not shown; a wrong one is one line" {
	server_start
	nv_equal $'port\nok' "$(echo 'command admin {"createUser": "ann", "pwd": "hunter2", "roles": ["root"]}' |
		"$NV_BUILDDIR/tests/lib/mongo_proxy" "$PORT" | cut -d ' ' -f 1)"
	server_stop
	server_start --auth
	login ann:hunter2
	NV_STORES=config=$NV_DIR/conf nv_mount
	mkdir "$NG/teams/red"
	grep -q '"create team"' "$NG/changelog"
	no_secret
	nv_umount
	NETVIEWFS_DOCS="mongodb://ann:hunter2@127.0.0.1:$PORT/netgoat?authSource=admin" NV_STORES=timeout=5 nv_mount
	nv_equal red "$(ls "$NG/teams")"
	no_secret
	nv_umount
	login ann:hunter22
	refused 'refuses the login' "$NV_BIN" -f -o "timeout=2,config=$NV_DIR/conf" "$MNT"
	refused '[Aa]uth' "$NV_BIN" -f -o "timeout=2,docs=mongodb://127.0.0.1:$PORT/netgoat" "$MNT"
	refused 'config|password' "$NV_BIN" -f -o "docs=mongodb://ann:hunter2@127.0.0.1:$PORT/netgoat" "$MNT"
	chmod 644 "$NV_DIR/conf"
	refused '0600' "$NV_BIN" -f -o "config=$NV_DIR/conf" "$MNT"
}

@test "an unknown host, a port where nobody listens, a set without a primary: one line within the timeout" {
	server_start
	refused 'no-such-host.invalid' "$NV_BIN" -f -o timeout=2,docs=mongodb://no-such-host.invalid/netgoat "$MNT"
	refused '127.0.0.1:1' "$NV_BIN" -f -o timeout=2,docs=mongodb://127.0.0.1:1/netgoat "$MNT"
	refused 'No suitable servers' "$NV_BIN" -f -o "timeout=2,docs=mongodb://127.0.0.1:$PORT/netgoat?replicaSet=other" "$MNT"
	NV_STORES="docs=mongodb://127.0.0.1:$PORT/netgoat?replicaSet=secantus&readPreference=secondaryPreferred" nv_mount
	mkdir "$NG/teams/red"
	nv_equal red "$(ls "$NG/teams")"
}

@test "TLS options of the URI: the right authority is trusted, another is not, and without TLS there is nothing" {
	nv_need openssl
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext 'subjectAltName=IP:127.0.0.1' \
		-keyout "$NV_DIR/key.pem" -out "$NV_DIR/cert.pem" 2>/dev/null
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=other -keyout "$NV_DIR/other.key" -out "$NV_DIR/other.pem" 2>/dev/null
	server_start --tls-cert-file "$NV_DIR/cert.pem" --tls-key-file "$NV_DIR/key.pem"
	local uri=mongodb://127.0.0.1:$PORT/netgoat
	NV_STORES="docs=$uri?tls=true&tlsCAFile=$NV_DIR/cert.pem" nv_mount
	mkdir "$NG/teams/red"
	nv_equal red "$(ls "$NG/teams")"
	nv_umount
	refused 'TLS|certificate' "$NV_BIN" -f -o "timeout=2,docs=$uri?tls=true&tlsCAFile=$NV_DIR/other.pem" "$MNT"
	refused "127.0.0.1:$PORT" "$NV_BIN" -f -o "timeout=2,docs=$uri" "$MNT"
}
