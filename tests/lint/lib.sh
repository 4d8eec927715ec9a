# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# TAP for the checks of the sources. A check calls `result NAME FINDINGS`: no findings is ok. `plan` ends it.

srcdir=${NV_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$srcdir" || exit 1
count=0
failed=0
LC_ALL=C
export LC_ALL

# result NAME FINDINGS
result() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		failed=1
	fi
}

# skip NAME REASON: where the tool is missing; a failure where everything must be there.
skip() {
	if [ "${NV_REQUIRE_SERVERS:-}" = 1 ]; then
		result "$1" "$2"
		return
	fi
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

plan() {
	echo "1..$count"
	exit "$failed"
}

# The files of the project that match the find(1) expression given, without what builds make.
files() {
	find . \( -path './.git' -o -path './_build*' -o -path './autom4te.cache' -o -path './mnt' -o -path './netviewfs-*' \) -prune \
		-o -type f \( "$@" \) -print | sed 's|^\./||' | sort
}
