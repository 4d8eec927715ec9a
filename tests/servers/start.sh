#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Becomes a server that speaks MongoDB's protocol, which fetch.sh has fetched:
#
#   sh tests/servers/start.sh secantusdb|secantusdb-standalone|mongo-java-server DIRECTORY [ARGUMENT…]
#
# It listens on a free port of the loopback interface, which it tells in DIRECTORY/log: "listening on 127.0.0.1:PORT". SecantusDB keeps
# its data in DIRECTORY, mongo-java-server in memory. Stop it by its process id. C programs have tests/lib/mongo_server.h.
set -eu

kind=$1
dir=$2
shift 2
cache=${NV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/netviewfs-tests}
secantus=$cache/secantusdb-0.6.0b17/secantusdb.scripts/secantusd-rs
java_server=$cache/mongo-java-server-1.47.0

case $kind in
secantusdb) ;;
secantusdb-standalone) set -- --standalone "$@" ;;
mongo-java-server)
	exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$java_server:$java_server/lib/*" Run 0 "$@" >"$dir/log" 2>&1
	;;
*)
	echo "start.sh: no such server: $kind" >&2
	exit 2
	;;
esac
: >"$dir/empty.toml" # a configuration in the working directory or at home would be read
exec "$secantus" --config "$dir/empty.toml" --port 0 --storage-path "$dir/db" --cache-size 64M --log-file-max 16MB --sync-on-commit \
	"$@" >"$dir/log" 2>&1
