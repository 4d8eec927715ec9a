# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# A second set of stores with a mount of its own beside the first. nv_second makes the set, empty and not mounted; nv_swap makes all of
# mount.bash speak of the other set. OTHER is the mount point that is not $MNT.

load ../lib/mount.bash

NV_SET="NV_DIR MNT NX NG NV_DOCS_STORE NV_DOCS_URI NV_PID NV_REDIS_PID NV_WATCHDOG_PID NV_STREAM_START NV_DOC_CHANGES_START NV_EXPECTED_LOG"

nv_swap() {
	local name other=$MNT
	for name in $NV_SET; do
		eval "local kept=\${$name:-}; $name=\${OTHER_$name:-}; OTHER_$name=\$kept"
	done
	OTHER=$other
}

# Where the second set is in use afterwards, NV_SECOND is set.
nv_second() {
	nv_swap
	nv_dir
	nv_redis_start
	NV_SECOND=1
	nv_swap
	OTHER=$OTHER_MNT
}

nv_teardown_both() {
	local rc=0
	if [ -n "${NV_SECOND:-}" ]; then
		nv_swap
		nv_teardown || rc=1
		nv_swap
	fi
	nv_teardown || rc=1
	return "$rc"
}

NV_STREAM_DUMP_LUA='
local out = {}
local keys = redis.call("KEYS", "*")
table.sort(keys)
for _, key in ipairs(keys) do
	if redis.call("TYPE", key).ok == "stream" then
		for _, entry in ipairs(redis.call("XRANGE", key, "-", "+")) do
			out[#out + 1] = ARGV[1] .. " " .. key .. " " .. entry[1] .. " " .. table.concat(entry[2], "\t")
		end
	end
end
return out'

nv_stream_dump() {
	nv_redis_both "$NV_STREAM_DUMP_LUA"
}

# All that the stores hold, byte for byte in a stable order: what a backup must bring back.
nv_dump() {
	local collection
	nv_redis_dump
	nv_stream_dump
	for collection in $("$NV_DOCS_TOOL" list "$NV_DOCS_STORE" | awk '{ print $1 }' | sort); do
		echo "== $collection"
		"$NV_DOCS_TOOL" export "$NV_DOCS_STORE" "$collection" | sort
	done
}
