#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# bash bench/mount.sh [BUILD-DIRECTORY]: what daily commands cost on a mount of private stores, in one run beside two baselines:
#
#   files    the same command on a copy of the same tree in a plain directory, page cache warm
#   client   the store's own client is asked for, or told, the same: redis-cli, or netviewfs-docs on the sqlite file
#
# A time is the best of NV_RUNS runs in milliseconds; "×" is how many times longer the mount takes. On the mount every run is cold
# (daemon and kernel know nothing yet), but for those named "again". Beside them, as the daemon counted them in one run: FUSE
# requests, round trips to the store, commands in these. There are NV_OBJECTS DNS names with two files each and as many records in
# one directory; a line with a number in its name is as many processes, one file each. Times are this machine's and this load's:
# compare within a run only.
set -eu

: "${NV_RUNS:=5}" "${NV_OBJECTS:=1000}" "${NV_ONES:=100}"
if ! [ -x "${1:-.}/netviewfs" ]; then
	echo "usage: bash bench/mount.sh BUILD-DIRECTORY (where make was run)" >&2
	exit 2
fi
export NV_BUILDDIR NV_SRCDIR NV_WATCHDOG=600
NV_BUILDDIR=$(cd "${1:-.}" && pwd)
NV_SRCDIR=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/lib/mount.bash
. "$NV_SRCDIR/tests/lib/mount.bash"
# shellcheck source=tests/lib/many.bash
. "$NV_SRCDIR/tests/lib/many.bash"

# best BEFORE COMMAND…: sets MICROSECONDS to the least that the command took in NV_RUNS runs, each after BEFORE.
best() {
	local before=$1 run start took
	shift
	MICROSECONDS=
	for ((run = 0; run < NV_RUNS; run++)); do
		"$before"
		start=${EPOCHREALTIME//[!0-9]/}
		"$@" >"$NV_DIR/out"
		took=$((${EPOCHREALTIME//[!0-9]/} - start))
		if [ -z "$MICROSECONDS" ] || ((took < MICROSECONDS)); then
			MICROSECONDS=$took
		fi
	done
}

# Sets COUNTS to the requests, round trips and commands so far.
counters() {
	read -r -a COUNTS <<<"$(awk -v store="$STORE" '
		{ value[$1] = $2 }
		END { print value["netviewfs_fuse_requests"], value["netviewfs_" store "_round_trips"], value["netviewfs_" store "_commands"] }
	' "$MNT/.netviewfs/metrics")"
}

# measure NAME BEFORE COMMAND CLIENT: prints one line. COMMAND gets the directory to work in.
measure() {
	local name=$1 before=$2 command=$3 client=$4 none start mount files
	nv_remount
	"$before"
	# What asking for the counters adds to them.
	counters
	none=("${COUNTS[@]}")
	counters
	start=("${COUNTS[@]}")
	"$command" "$MNT/$TREE" >"$NV_DIR/out"
	counters
	best "$before" "$command" "$MNT/$TREE"
	mount=$MICROSECONDS
	best true "$command" "$NV_DIR/plain/$TREE"
	files=$MICROSECONDS
	best true "$client"
	awk -v name="$name" -v mount="$mount" -v files="$files" -v client="$MICROSECONDS" \
		-v requests=$((COUNTS[0] - 2 * start[0] + none[0])) -v trips=$((COUNTS[1] - start[1])) -v commands=$((COUNTS[2] - start[2])) \
		'BEGIN { printf "%-16s %9.1f %9.1f %7.1f× %9.1f %7.1f× %9d %6d %9d\n", name, mount / 1000, files / 1000, mount / files,
			client / 1000, mount / client, requests, trips, commands }'
}

# Runs COMMAND… with the number, network name and path of one object after the other.
each_of_ones() {
	local number name
	for ((number = 0; number < NV_ONES; number++)); do
		printf -v name 'host-%04d' "$number"
		"$@"
	done
}

# The object $name's file, below a TREE.
file_of() {
	case $STORE in
	redis) FILE=$1/$name.example.com/records ;;
	docs) FILE=$1/$name.A.json ;;
	esac
}

# Other text than any save before it.
new_text() {
	TEXT=$((TEXT + 1))
}

# --- The commands, for the mount and for the copy -------------------------------------------------------------------------

list() { ls -lR "$1"; }
search() { find "$1" -type f; }
look_for() { grep -rc 192.0.2.7 "$1"; }
archive() { tar -C "$1" -cf - . | wc -c; }

read_one() {
	file_of "$1"
	cat "$FILE"
}
read_ones() { each_of_ones read_one "$1"; }

# A document's save is on the disk before close(2) returns; the copy's has to be too.
save_one() {
	file_of "$1"
	case $STORE in
	redis) echo "bind TXT saved-$TEXT" >>"$FILE" ;;
	docs) printf '{"value": "192.0.2.1", "ttl": %d}\n' $((TEXT + 60)) >"$FILE" && sync "$FILE" ;;
	esac
}
save_ones() {
	new_text
	each_of_ones save_one "$1"
}

# --- The same by the store's own client -----------------------------------------------------------------------------------

# What redis-cli is to ask for to read one object.
redis_reads() {
	printf '%s\n' "SMEMBERS dns;[lan]$name.example.com;"{plugins,bind,'bind;A','bind;TXT'} "HGETALL meta;[lan]$name.example.com"
}
client_all() {
	case $STORE in
	redis) nv_redis <"$NV_DIR/all.redis" ;;
	docs) nv_docs dnsrecords ;;
	esac
}

client_read_one() {
	case $STORE in
	redis) nv_redis smembers "dns;[lan]$name.example.com;bind;TXT" ;;
	docs) sqlite3 "$NV_DIR/docs.sqlite" "select hex(bson) from documents where collection = 'dnsrecords' and doc = $((number + 1))" ;;
	esac
}
client_read() { each_of_ones client_read_one; }

client_save_one() {
	case $STORE in
	redis) nv_redis sadd "dns;[lan]$name.example.com;bind;TXT" "saved-$TEXT" ;;
	docs)
		# shellcheck disable=SC2016
		printf '{"_id":{"$oid":"65e2d0000004%012x"},"domainId":{"$oid":"65e2d0000003000000000001"},"type":"A","name":"%s","value":"192.0.2.1","ttl":%d}\n' \
			$((number + 1)) "$name" $((TEXT + 60)) | "$NV_DOCS_TOOL" replace "$NV_DIR/docs.sqlite" dnsrecords
		;;
	esac
}
client_save() {
	new_text
	each_of_ones client_save_one
}

# --- The run --------------------------------------------------------------------------------------------------------------

known() {
	nv_remount
	ls -lR "$MNT/$TREE" >"$NV_DIR/out"
}

# measure_all STORE TREE
measure_all() {
	STORE=$1 TREE=$2
	printf '\n%s\n%-16s %9s %9s %8s %9s %8s %9s %6s %9s\n' "$TREE" '' mount files × client × requests trips commands
	measure 'ls -lR' nv_remount list client_all
	measure 'ls -lR again' known list client_all
	measure 'find' nv_remount search client_all
	measure 'grep -r' nv_remount look_for client_all
	measure 'tar' nv_remount archive client_all
	measure "cat $NV_ONES" nv_remount read_ones client_read
	measure "cat $NV_ONES again" known read_ones client_read
	measure "save $NV_ONES" nv_remount save_ones client_save
}

TEXT=0
trap 'nv_teardown || true' EXIT
nv_dir
nv_redis_start
nv_redis set default_network lan >/dev/null
nv_many_names "$NV_OBJECTS"
nv_many_records "$NV_OBJECTS"
NV_ONES=$NV_OBJECTS each_of_ones redis_reads >"$NV_DIR/all.redis"
nv_mount
mkdir "$NV_DIR/plain"
cp -a "$MNT/netdox" "$MNT/netgoat" "$NV_DIR/plain"
"$NV_BIN" --version
echo "$NV_OBJECTS names, $NV_OBJECTS records; the best of $NV_RUNS runs in milliseconds"
measure_all redis netdox/dns/lan
measure_all docs netgoat/teams/platform/domains/example.com/records
