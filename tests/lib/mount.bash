# SPDX-License-Identifier: GPL-3.0-or-later
#
# What every suite on a real mount needs: private stores, the daemon, bounded waits, and a watchdog.
#
# A suite calls nv_setup and nv_teardown from setup/teardown (or setup_file/teardown_file). nv_setup makes a private directory,
# starts a redis-server on a unix socket in it, seeds both stores and mounts. nv_teardown unmounts, and fails the test when the
# daemon did not exit 0, left its mount, or logged an error or a warning that the test did not ask for (nv_expect_log).
#
# Not under /tmp: vim and emacs treat files there differently.

: "${NV_SRCDIR:=$(cd "${BATS_TEST_DIRNAME:-.}/../.." && pwd)}"
: "${NV_BUILDDIR:=$NV_SRCDIR}"
: "${NV_BIN:=$NV_BUILDDIR/netviewfs}"
: "${NV_DOCS_TOOL:=$NV_BUILDDIR/netviewfs-docs}"
: "${NV_DEADLINE:=20}" # seconds for any single wait
: "${NV_WATCHDOG:=400}" # seconds of one test after which a mount that still stands is aborted
export NV_SRCDIR NV_BUILDDIR NV_BIN NV_DOCS_TOOL
export LC_ALL=C.UTF-8 TZ=UTC
# What another program that uses the driver left in shared memory when it was killed makes the driver warn the next process of that id.
export MONGOC_DISABLE_SHM=1

# Ids of the example data.
NV_TEAM_PLATFORM=65e2d0000001000000000001
NV_TEAM_SHOP=65e2d0000001000000000002
NV_TEAM_LABS=65e2d0000001000000000003
NV_USER_ANN=65e2d0000002000000000001
NV_USER_BEN=65e2d0000002000000000002
NV_DOMAIN_EXAMPLE_COM=65e2d0000003000000000001

nv_fail() {
	printf '%s\n' "$*" >&2
	return 1
}

# refute COMMAND…: the command must fail ("!" alone would not fail a test).
refute() {
	if "$@"; then
		echo "succeeded, but must not: $*" >&2
		return 1
	fi
}

# nv_equal WANTED GOT
nv_equal() {
	if [ "$1" != "$2" ]; then
		printf 'wanted:\n%s\ngot:\n%s\n' "$1" "$2" >&2
		return 1
	fi
}

# nv_need COMMAND…: skips the test where a tool is missing; fails it where all must be there (NV_REQUIRE_SERVERS).
nv_need() {
	local tool
	for tool in "$@"; do
		if ! command -v "$tool" >/dev/null; then
			[ -z "${NV_REQUIRE_SERVERS:-}" ] || nv_fail "no $tool"
			skip "no $tool"
		fi
	done
}

# nv_wait_until COMMAND…: runs it until it succeeds; fails after NV_DEADLINE seconds. The only place that polls.
nv_wait_until() {
	local end=$((SECONDS + NV_DEADLINE))
	until "$@"; do
		if ((SECONDS >= end)); then
			nv_fail "gave up waiting for: $*"
			return 1
		fi
		perl -e 'select undef, undef, undef, 0.02'
	done
}

# --- Redis ---------------------------------------------------------------------------------------------------------------

nv_redis_start() {
	redis-server --port 0 --unixsocket "$NV_DIR/redis.sock" --unixsocketperm 700 --dir "$NV_DIR" --save '' \
		--appendonly no --daemonize no >"$NV_DIR/redis.log" 2>&1 3>&- &
	NV_REDIS_PID=$!
	export NV_REDIS_PID
	nv_wait_until nv_redis_up
}

nv_redis_up() {
	kill -0 "$NV_REDIS_PID" && [ "$(redis-cli -s "$NV_DIR/redis.sock" ping 2>/dev/null)" = PONG ]
}

# nv_redis ARG…: a redis-cli command on the store itself. Raw output.
nv_redis() {
	redis-cli -s "$NV_DIR/redis.sock" "$@"
}

nv_redis_stop() {
	if [ -n "${NV_REDIS_PID:-}" ]; then
		kill -CONT "$NV_REDIS_PID" 2>/dev/null || true
		kill "$NV_REDIS_PID" 2>/dev/null || true
		wait "$NV_REDIS_PID" 2>/dev/null || true
		NV_REDIS_PID=
	fi
}

# The newest entries of the stream as lines "CHANGE|VALUE|PLUGIN", oldest first, without the seeded ones.
nv_changes() {
	nv_redis --json xrange changelog "(${NV_STREAM_START:-1772423100000-0}" + |
		jq -r '.[] | .[1] as $f | [$f[1], $f[3], $f[5]] | join("|")'
}

# Every key's type and value, hashed, in a stable order: done by the server, since a process a key takes seconds.
NV_REDIS_DUMP_LUA='
local function value(key, kind)
	if kind == "string" then return { redis.call("GET", key) } end
	if kind == "list" then return redis.call("LRANGE", key, 0, -1) end
	if kind == "zset" then return redis.call("ZRANGE", key, 0, -1, "WITHSCORES") end
	local lines = {}
	if kind == "set" then
		lines = redis.call("SMEMBERS", key)
	elseif kind == "hash" then
		local flat = redis.call("HGETALL", key)
		for i = 1, #flat, 2 do lines[#lines + 1] = flat[i] .. "\t" .. flat[i + 1] end
	end
	table.sort(lines)
	return lines
end
local out = {}
local keys = redis.call("KEYS", "*")
table.sort(keys)
for _, key in ipairs(keys) do
	local kind = redis.call("TYPE", key).ok
	if kind ~= "stream" then
		out[#out + 1] = ARGV[1] .. " " .. key .. " " .. kind .. " " .. redis.sha1hex(table.concat(value(key, kind), "\n"))
	end
end
return out'

# nv_redis_both LUA: what the script prints of each database, whose number it is given.
nv_redis_both() {
	local db
	for db in 0 1; do
		nv_redis -n "$db" eval "$1" 0 "$db"
	done
}

# The whole of Redis, byte for byte in a stable order (streams apart), to compare before and after.
nv_redis_dump() {
	nv_redis_both "$NV_REDIS_DUMP_LUA"
}

# One key's value as lines, sets and hashes sorted.
nv_redis_value() {
	case $(nv_redis -n "$1" type "$2") in
	string) nv_redis -n "$1" get "$2" ;;
	set) nv_redis -n "$1" smembers "$2" | sort ;;
	list) nv_redis -n "$1" lrange "$2" 0 -1 ;;
	hash) nv_redis -n "$1" hgetall "$2" | paste - - | sort ;;
	zset) nv_redis -n "$1" zrange "$2" 0 -1 withscores ;;
	stream) nv_redis -n "$1" xrange "$2" - + ;;
	*) echo none ;;
	esac
}

# --- Documents -------------------------------------------------------------------------------------------------------------
#
# NV_DOCS_SERVER, "mongodb://HOST:PORT", makes all suites that use what is below keep their documents there, a database a test, and
# not in an SQLite file (on_server.sh starts one and runs suites on it).

# What netviewfs-docs and -o docs= take.
nv_docs_names() {
	if [ -n "${NV_DOCS_SERVER:-}" ]; then
		NV_DOCS_STORE=$NV_DOCS_SERVER/netgoat_${NV_DIR##*.}
		NV_DOCS_URI=$NV_DOCS_STORE
	else
		NV_DOCS_STORE=$NV_DIR/docs.sqlite
		NV_DOCS_URI=sqlite:$NV_DOCS_STORE
	fi
	export NV_DOCS_STORE NV_DOCS_URI
}

# nv_docs_empty: from now on, an empty store in the place of the one before. Not while it is mounted.
nv_docs_empty() {
	if [ -n "${NV_DOCS_SERVER:-}" ]; then
		NV_DOCS_STORE=${NV_DOCS_STORE}_
		NV_DOCS_URI=$NV_DOCS_STORE
	else
		rm -f "$NV_DOCS_STORE"*
	fi
}

# nv_sqlite_only: skips a test that is about the SQLite file.
nv_sqlite_only() {
	[ -z "${NV_DOCS_SERVER:-}" ] || skip "about the SQLite file"
}

# nv_docs COLLECTION [JQ-FILTER]: the documents as canonical extended JSON, one a line, straight from the store.
nv_docs() {
	"$NV_DOCS_TOOL" export "$NV_DOCS_STORE" "$1" | jq -c "${2:-.}"
}

# nv_doc COLLECTION ID: one document by the hex digits of its ObjectId; nothing when there is none.
nv_doc() {
	nv_docs "$1" "select(._id == {\"\$oid\": \"$2\"})"
}

# nv_doc_id COLLECTION JQ-CONDITION: hex digits of the ids that match.
nv_doc_id() {
	nv_docs "$1" "select($2) | ._id[\"\$oid\"]" | tr -d '"'
}

# nv_import COLLECTION: NDJSON on standard input, straight into the store.
nv_import() {
	"$NV_DOCS_TOOL" import "$NV_DOCS_STORE" "$1"
}

# Document changes since the seed as lines "CHANGE|PATH".
nv_doc_changes() {
	nv_docs changelog | tail -n "+$((${NV_DOC_CHANGES_START:-4} + 1))" | jq -r '[.change, .path] | join("|")'
}

# --- The mount -------------------------------------------------------------------------------------------------------------

# nv_mount [OPTIONS]: mounts both stores, or what OPTIONS (a -o list that begins with its own stores) say.
nv_mount() {
	local options=${NV_STORES:-docs=$NV_DOCS_URI,redis=unix://$NV_DIR/redis.sock}
	[ -z "${1:-}" ] || options=$options,$1
	mkdir -p "$MNT"
	: >"$NV_DIR/log"
	NETVIEWFS_TEST=1 "$NV_BIN" -f -o "$options" "$MNT" </dev/null >>"$NV_DIR/log" 2>&1 3>&- &
	NV_PID=$!
	export NV_PID
	nv_wait_until nv_mounted_or_dead
	if ! mountpoint -q "$MNT"; then
		cat "$NV_DIR/log" >&2
		nv_fail "the daemon ended before it mounted"
		return 1
	fi
	nv_watchdog_start
}

# Not by mountpoint(1): it takes a dead mount that the daemon is about to clear for its own.
nv_mounted_or_dead() {
	grep -aq '^netviewfs: info: mounted at ' "$NV_DIR/log" || ! kill -0 "$NV_PID" 2>/dev/null
}

# A mount that hangs cannot be unmounted by anybody: only the abort file of its connection frees its callers.
nv_watchdog_start() {
	local minor
	nv_alive
	minor=$(mountpoint -d "$MNT")
	minor=${minor#*:}
	perl -e 'my ($file, $seconds) = (shift, shift);
		while ((my $left = ((stat $file)[9] // 0) + $seconds - time) > 0) { sleep $left }
		exec "sh", "-c", shift, "watchdog", @ARGV' "$NV_DIR/alive" "$NV_WATCHDOG" '
		echo "watchdog: the mount still stands, aborting it" >>"$3"
		mkdir -p "$2" && mount -t fusectl none "$2" && echo 1 >"$2/$1/abort"
		umount "$2"' "$minor" "$NV_DIR/fusectl" "$NV_DIR/log" >/dev/null 2>&1 3>&- &
	NV_WATCHDOG_PID=$!
}

# A test begins: the watchdog of a mount that serves a whole file of them counts from now. Other suites have a setup of their own.
nv_alive() {
	touch "$NV_DIR/alive"
}

setup() {
	nv_alive
}

# By a signal that nobody can catch: a child of bash that is not yet the program it shall be runs its parent's EXIT trap on SIGTERM,
# here all of a teardown.
nv_watchdog_stop() {
	if [ -n "${NV_WATCHDOG_PID:-}" ]; then
		kill -KILL "$NV_WATCHDOG_PID" 2>/dev/null || true
		wait "$NV_WATCHDOG_PID" 2>/dev/null || true
		NV_WATCHDOG_PID=
	fi
}

# nv_expect_log REGEX: lines of the daemon's log that this test causes on purpose.
nv_expect_log() {
	NV_EXPECTED_LOG=${NV_EXPECTED_LOG:+$NV_EXPECTED_LOG|}$1
}

# Ends the daemon with SIGTERM. Fails when it does not exit 0, leaves the mount, or has logged something unexpected.
nv_umount() {
	local rc=0 bad
	[ -n "${NV_PID:-}" ] || return 0
	kill -TERM "$NV_PID" 2>/dev/null || true
	wait "$NV_PID" || rc=$?
	NV_PID=
	nv_watchdog_stop
	if mountpoint -q "$MNT"; then
		umount -l "$MNT" || true
		nv_fail "still mounted after SIGTERM"
		return 1
	fi
	if [ "$rc" -ne 0 ]; then
		cat "$NV_DIR/log" >&2
		nv_fail "the daemon ended with status $rc"
		return 1
	fi
	bad=$(grep -aEi 'error|warning|watchdog|==[0-9]+==' "$NV_DIR/log" | grep -avE "${NV_EXPECTED_LOG:-^$}" || true)
	if [ -n "$bad" ]; then
		nv_fail "unexpected lines in the daemon's log:" "$bad"
		return 1
	fi
}

# Unmounts and mounts again: empty caches everywhere.
nv_remount() {
	nv_umount && nv_mount "$@"
}

# A private directory, nothing else.
nv_dir() {
	NV_DIR=$(mktemp -d "${NV_TEST_TMP:-/var/tmp}/netviewfs-test.XXXXXX")
	MNT=$NV_DIR/mnt
	NX=$MNT/netdox
	NG=$MNT/netgoat
	nv_docs_names
	NV_EXPECTED_LOG=
	NV_PID=
	NV_REDIS_PID=
	NV_WATCHDOG_PID=
	NV_STREAM_START=1772423100000-0
	NV_DOC_CHANGES_START=4
	export NV_DIR MNT NX NG NV_STREAM_START NV_DOC_CHANGES_START
}

# nv_setup [OPTIONS]: everything, with the example data.
nv_setup() {
	nv_dir
	nv_redis_start
	sh "$NV_SRCDIR/examples/seed.sh" "$NV_DOCS_STORE" "$NV_DIR/redis.sock" >"$NV_DIR/seed.log" 2>&1 || {
		cat "$NV_DIR/seed.log" >&2
		return 1
	}
	nv_mount "$@"
}

# nv_setup_empty [OPTIONS]: everything, with empty stores but a default network.
nv_setup_empty() {
	nv_dir
	nv_redis_start
	nv_redis set default_network lan >/dev/null
	NV_STREAM_START=0-0
	NV_DOC_CHANGES_START=0
	nv_mount "$@"
}

# What a test that failed half way left mounted besides $MNT: rm -rf would delete its data.
nv_umount_others() {
	local device path rc=0
	while read -r device path _; do
		case $path in
		"$NV_DIR"/*)
			echo "left mounted: $device $path" >&2
			umount -l "$path" || true
			rc=1
			;;
		esac
	done </proc/self/mounts
	return "$rc"
}

nv_teardown() {
	local rc=0
	[ -n "${NV_DIR:-}" ] || return 0 # setup ended before there was anything; and below, no directory would mean all of them
	nv_umount || rc=1
	nv_umount_others || rc=1
	nv_redis_stop
	if [ "$rc" -eq 0 ]; then
		rm -rf --one-file-system "$NV_DIR"
	else
		echo "left for you to look at: $NV_DIR" >&2
	fi
	return "$rc"
}

# --- Asking the mount -----------------------------------------------------------------------------------------------------

# nv_metric NAME…: the sum of these counters.
nv_metric() {
	local name
	for name in "$@"; do
		awk -v name="netviewfs_$name" '$1 == name { print $2; found = 1 } END { exit !found }' "$MNT/.netviewfs/metrics" ||
			return 1
	done | awk '{ sum += $1 } END { print sum }'
}

# nv_count METRIC COMMAND…: runs the command (output to $NV_DIR/out) and sets NV_COUNT to how far the counter moved.
nv_count() {
	local metric=$1 before after
	shift
	before=$(nv_metric "$metric") || return 1
	"$@" >"$NV_DIR/out" || return 1
	after=$(nv_metric "$metric") || return 1
	NV_COUNT=$((after - before))
}

# nv_clock MS: moves the daemon's clock forward. nv_clock stop: from now on nothing else does.
nv_clock() {
	echo "$1" >"$MNT/.netviewfs/clock"
}

# A process that can be told what to do next: nv_hold STEP… (sys.pl, with "wait" steps) starts it and returns at its first wait; nv_go
# lets it run to its next wait or its end; its output is then in $NV_DIR/held.
nv_hold() {
	rm -f "$NV_DIR/go"
	mkfifo "$NV_DIR/go"
	: >"$NV_DIR/held"
	nv_sys "$@" <"$NV_DIR/go" >"$NV_DIR/held" 2>&1 3>&- &
	NV_HELD_PID=$!
	exec 9>"$NV_DIR/go"
	NV_WAITS=1
	nv_wait_until nv_held_waits
}

nv_held_waits() {
	[ "$(grep -c '^ready$' "$NV_DIR/held")" -ge "$NV_WAITS" ] || ! kill -0 "$NV_HELD_PID" 2>/dev/null
}

nv_go() {
	NV_WAITS=$((NV_WAITS + 1))
	echo go >&9
	nv_wait_until nv_held_waits
}

# The held process's last "go"; waits for its end.
nv_finish() {
	echo go >&9
	exec 9>&-
	wait "$NV_HELD_PID" || true
}

# nv_prints TEXT COMMAND…: for nv_wait_until, when something happens after a close that waits for nobody.
nv_prints() {
	local want=$1
	shift
	[ "$("$@" 2>/dev/null)" = "$want" ]
}

# The newest line of .netviewfs/errors.
nv_last_error() {
	tail -n 1 "$MNT/.netviewfs/errors"
}

# nv_lists DIRECTORY NAME
nv_lists() {
	ls -A -- "$1" | grep -qxF -- "$2"
}

# nv_refused PATTERN: the newest error line matches the pattern (bash's regular expressions).
nv_refused() {
	local line
	line=$(nv_last_error)
	[[ $line =~ $1 ]] || nv_fail "the newest error is: $line" "wanted: $1"
}

# nv_same FILE TEXT: the file has exactly this text (read anew).
nv_same() {
	diff <(printf '%s' "$2") "$1" >&2
}

# nv_sys STEP…: system calls of one process, see sys.pl.
nv_sys() {
	perl "$NV_SRCDIR/tests/lib/sys.pl" "$@"
}

# A command whose messages nobody wants to see.
nv_quiet() {
	"$@" >/dev/null 2>&1
}
