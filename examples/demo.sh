#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds netviewfs, starts private stores with the example data, mounts them at ./mnt and shows what one does there:
#
#   sh examples/demo.sh           documents in an SQLite file
#   sh examples/demo.sh mongo     documents on a server that speaks MongoDB's protocol, which it fetches: SecantusDB, pinned by hash
#
# Needs a Debian 12 machine, as root or with sudo; it installs the packages it needs. On a terminal the mount stays until you press
# Enter. Whatever happens, it unmounts and stops what it started. NV_BUILDDIR names a build to use instead of making one.
set -eu

# With an empty environment the shell knows a PATH, but gcc finds its parts by the exported one.
export PATH

documents=${1:-sqlite}
case $documents in
sqlite | mongo) ;;
*)
	echo "usage: sh examples/demo.sh [sqlite|mongo]" >&2
	exit 2
	;;
esac
top=$(cd "$(dirname "$0")/.." && pwd)
mnt=$PWD/mnt
work=
redis_pid=
server_pid=
mount_pid=
made_mnt=
mounted=
policy=

bold=
plain=
if [ -t 1 ]; then
	bold=$(printf '\033[1m')
	plain=$(printf '\033[0m')
fi

say() {
	printf '\n%s%s%s\n' "$bold" "== $*" "$plain"
}

# Shows a command as one would type it in ./mnt, then what it really prints.
show() {
	printf '\n%s%s%s\n' "$bold" "\$ $1" "$plain"
	(cd "$mnt" && bash -ec "$1" demo)
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

finish() {
	status=$?
	trap - EXIT
	trap '' INT TERM HUP
	if [ -n "$mount_pid" ]; then
		kill "$mount_pid" 2>/dev/null || true
		wait "$mount_pid" || status=1
	fi
	if [ -n "$mounted" ] && mountpoint -q "$mnt"; then
		fusermount3 -uz "$mnt" || true
		status=1
	fi
	for pid in $redis_pid $server_pid; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	if [ "$status" -ne 0 ] && [ "$status" -lt 128 ] && [ -n "$work" ]; then
		cat "$work"/*.log "$work"/server/log >&2 2>/dev/null || true
	fi
	[ -z "$policy" ] || as_root rm -f "$policy"
	[ -z "$made_mnt" ] || rmdir "$mnt" || true
	[ -z "$work" ] || rm -rf "$work"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# have PACKAGE…: all of them are installed.
have() {
	# shellcheck disable=SC2016
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -c '^ii')" -eq $# ]
}

# What it prints is of interest only when it fails: finish() shows it then.
apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@" >>"$work/apt.log" 2>&1
}

work=$(mktemp -d)
packages="fuse3 redis-server jq"
if [ -z "${NV_BUILDDIR:-}" ]; then
	packages="$packages gcc make automake autoconf pkgconf libc6-dev libfuse3-dev libhiredis-dev libcjson-dev libsqlite3-dev libbson-dev"
	[ "$documents" = sqlite ] || packages="$packages libmongoc-dev"
fi
# The server comes as a wheel; the first Python that is there, like Debian 12's own, can read it.
if [ "$documents" = mongo ] && ! python3 -m pip --version >/dev/null 2>&1; then
	packages="$packages python3-pip"
fi
# shellcheck disable=SC2086
if ! have $packages; then
	say "Installing: $packages"
	# The redis-server package would start a server of its own.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | as_root sh -c "cat >$policy && chmod 755 $policy"
	fi
	apt update
	# shellcheck disable=SC2086
	apt install -y --no-install-recommends $packages
	[ -z "$policy" ] || as_root rm -f "$policy"
	policy=
fi

# A user's fusermount3 wants it; the smallest installations come without.
[ -e /etc/mtab ] || as_root ln -s ../proc/self/mounts /etc/mtab

if [ -n "${NV_BUILDDIR:-}" ]; then
	build=$NV_BUILDDIR
else
	kept=$top/_build/demo
	mkdir -p "$kept" 2>/dev/null && [ -w "$kept" ] || kept=$work
	say "Building in $kept"
	build=$kept/build
	mkdir -p "$build" "$kept/src"
	# The sources stay as they are: autoreconf writes into a copy. What was built from the same sources is not built again.
	tar -C "$top" --exclude=./.git --exclude=./mnt --exclude='./_build*' --exclude=./config.status --exclude='*.o' --exclude='*.a' -cf - . |
		tar -C "$kept/src" -xf -
	if [ ! -x "$kept/src/configure" ]; then
		autoreconf -fi "$kept/src" >"$work/build.log" 2>&1
	fi
	# A build without the MongoDB driver does not find it later by itself.
	if [ "$documents" = mongo ] && [ -e "$build/netviewfs" ] && ! "$build/netviewfs" --version | grep -q mongodb; then
		rm -f "$build/Makefile"
	fi
	[ -e "$build/Makefile" ] || (cd "$build" && "$kept/src/configure") >>"$work/build.log" 2>&1
	make -C "$build" -j"$(nproc)" netviewfs netviewfs-docs >>"$work/build.log" 2>&1
fi

say "Starting a private Redis and filling both stores with the example data"
redis-server --port 0 --unixsocket "$work/redis.sock" --unixsocketperm 700 --dir "$work" --save '' --daemonize no \
	>"$work/redis.log" 2>&1 &
redis_pid=$!
tries=0
until redis-cli -s "$work/redis.sock" ping >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ]
	sleep 0.1
done
if [ "$documents" = mongo ]; then
	cache=${NV_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/netviewfs-tests}
	export NV_CACHE="$cache"
	[ -e "$cache/secantusdb-0.6.0b17" ] || say "Fetching a server that speaks MongoDB's protocol into $cache"
	sh "$top/tests/servers/fetch.sh" secantusdb >"$work/fetch.log" 2>&1
	mkdir "$work/server"
	: >"$work/server/log"
	sh "$top/tests/servers/start.sh" secantusdb "$work/server" &
	server_pid=$!
	port=
	tries=0
	until [ -n "$port" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 300 ]
		kill -0 "$server_pid"
		sleep 0.1
		port=$(sed -n 's/.*listening on 127\.0\.0\.1:\([0-9][0-9]*\).*/\1/p' "$work/server/log" | head -n 1)
	done
	store=mongodb://127.0.0.1:$port/netgoat
	uri=$store
else
	store=$work/documents.sqlite
	uri=sqlite:$store
fi
NV_DOCS_TOOL=$build/netviewfs-docs sh "$top/examples/seed.sh" "$store" "$work/redis.sock" >"$work/seed.log" 2>&1

if mountpoint -q "$mnt"; then
	echo "something is mounted at $mnt already; unmount it first: fusermount3 -u mnt" >&2
	exit 1
fi
if [ ! -d "$mnt" ]; then
	mkdir "$mnt"
	made_mnt=1
fi
say "Mounting: netviewfs -f -o docs=$uri,redis=unix://$work/redis.sock $mnt"
"$build/netviewfs" -f -o "docs=$uri,redis=unix://$work/redis.sock" "$mnt" 2>"$work/netviewfs.log" &
mount_pid=$!
mounted=1
tries=0
until mountpoint -q "$mnt"; do
	tries=$((tries + 1))
	[ "$tries" -lt 100 ]
	kill -0 "$mount_pid"
	sleep 0.1
done

say "A look around"
show 'ls'
show 'ls netgoat/teams netgoat/teams/platform/domains'
show 'ls -l netgoat/teams/shop/domains/shop.example.com/records'
show 'cat netgoat/teams/shop/domains/shop.example.com/records/@.MX.json'
show 'cat netdox/dns/cloud/example.com/records'
show 'cat netdox/dns/lan/web-1.example.com/meta netdox/dns/lan/web-1.example.com/pdata/disks'
show 'grep -r 203.0.113.60 netgoat/teams netdox/dns'
show 'readlink netgoat/users/ann@example.com/teams/* netdox/dns/lan/web-1.example.com/node'

say "Changing Netdox: append a record, edit one, set metadata, make and delete a name"
show "echo 'noc TXT moved to rack R7' >> netdox/dns/lan/web-1.example.com/records"
show "sed -i 's/192.0.2.11/192.0.2.12/' netdox/dns/lan/web-2.example.com/records"
show "echo 'owner: dana' >> netdox/dns/lan/web-2.example.com/meta"
show 'mkdir netdox/dns/lan/web-3.example.com'
show "echo 'noc A 192.0.2.13' > netdox/dns/lan/web-3.example.com/records"
show 'rm -r netdox/dns/lan/printer.example.net'

say "Changing Netgoat: edit a record with jq, add one, rename it, let ann join a team, make a domain"
show "cd netgoat/teams/platform/domains/example.com/records && jq '.ttl = 60' www.CNAME.json > .new && mv .new www.CNAME.json"
show "echo '{\"value\": \"203.0.113.44\", \"ttl\": 60}' > netgoat/teams/platform/domains/example.com/records/beta.A.json"
show 'mv netgoat/teams/platform/domains/example.com/records/beta.A.json netgoat/teams/platform/domains/example.com/records/next.A.json'
show 'ln -s ../../../teams/labs netgoat/users/ann@example.com/teams/labs'
show 'mkdir netgoat/teams/labs/domains/wiki.example.org'
show 'cat netgoat/teams/labs/domains/wiki.example.org/domain.json'

say "A mistake is refused, and nothing is changed"
show "echo '{\"value\": \"300.1.2.3\"}' > netgoat/teams/platform/domains/example.com/records/bad.A.json || echo \"exit status \$?\""
show "echo 'noc A \\q' > netdox/dns/lan/web-3.example.com/records || echo \"exit status \$?\""
show 'cat .netviewfs/errors'

if [ "$documents" = mongo ]; then
	say "What the server is, and which indexes it lacks; netviewfs --create-indexes would make them"
	show 'grep "^docs" .netviewfs/status'
fi

say "What the changelogs say about all that"
show 'tail -n +8 netdox/changelog'
show 'tail -n +5 netgoat/changelog | jq -c "[.change, .path]"'

if [ -t 0 ] && [ -t 1 ]; then
	say "The mount stays at $mnt until you press Enter."
	read -r _ || true
fi
say "Unmounting"
