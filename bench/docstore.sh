#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sh bench/docstore.sh [BUILD-DIRECTORY]: the sqlite document store at 1,000 and 100,000 documents. Prints times and ratios; a
# parent's documents by look-up should cost about the same at both sizes, all documents about a hundred times as much.
set -eu

build=${1:-.}
if ! [ -f "$build/Makefile" ]; then
	echo "usage: sh bench/docstore.sh BUILD-DIRECTORY (where configure was run)" >&2
	exit 2
fi
(cd "$build" && make -s bench/docstore) >&2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$build/bench/docstore" "$directory"
