#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs suites on a mount whose documents are on a server that speaks MongoDB's protocol:
#
#   sh tests/integration/on_server.sh secantusdb|secantusdb-standalone|mongo-java-server SUITE.bats…
#
# Starts the server, which tests/servers/fetch.sh has fetched, gives each test a database of its own there (tests/lib/mount.bash), and
# prints one TAP stream. Without the server or the driver: skipped, or, with NV_REQUIRE_SERVERS=1, failed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
kind=$1
shift
dir=
server=

finish() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null
		wait "$server"
	fi
	[ -z "$dir" ] || rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cannot() {
	if [ -n "${NV_REQUIRE_SERVERS:-}" ]; then
		echo "Bail out! $1"
		exit 1
	fi
	echo "1..0 # SKIP $1"
	exit 0
}

port_of() {
	sed -n 's/.*listening on 127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$dir/log" | head -n 1
}

case $("${NV_BIN:-${NV_BUILDDIR:-.}/netviewfs}" --version) in
*mongodb*) ;;
*)
	echo '1..0 # SKIP built without the MongoDB driver'
	exit 0
	;;
esac
dir=$(mktemp -d "${NV_TEST_TMP:-/var/tmp}/netviewfs-server.XXXXXX") || exit 1
: >"$dir/log"
sh "$here/../servers/start.sh" "$kind" "$dir" &
server=$!
tries=0
until [ -n "$(port_of)" ]; do
	tries=$((tries + 1))
	if ! kill -0 "$server" 2>/dev/null || [ "$tries" -gt 600 ]; then
		sed 's/^/# /' "$dir/log"
		cannot "no server (sh tests/servers/fetch.sh); its log is above"
	fi
	perl -e 'select undef, undef, undef, 0.05'
done
NV_DOCS_SERVER=mongodb://127.0.0.1:$(port_of)
export NV_DOCS_SERVER
suites=
for suite in "$@"; do
	suites="$suites $here/$suite"
done
# shellcheck disable=SC2086
"${BATS:-bats}" --tap $suites
