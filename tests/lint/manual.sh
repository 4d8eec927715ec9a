#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The man page says of every option what --help says: both must know the same names and defaults.
. "$(dirname "$0")/lib.sh"

help=$("${NV_BIN:?}" --help)
page=docs/netviewfs.1

missing=$(echo "$help" | sed -n 's/^  \([a-z_]*\)[= ].*/\1/p' | while read -r key; do
	grep -Eq "^\.(It|Cm|Fl|Ic|Ar|Op).*\b$key\b" "$page" || echo "$page: no entry for $key"
done)
result 'every option of --help is in the man page' "$missing"

defaults=$(echo "$help" | sed -n 's/^  \([a-z_]*\)=.*(default: \(.*\))$/\1 \2/p' | while read -r key value; do
	awk -v key="$key" -v value="$value" '
		/^\.It/ { inside = $0 ~ "(^| |=)" key "(=| |$)" }
		inside && index($0, value) { found = 1 }
		END { exit !found }' "$page" || echo "$page: $key has not its default $value"
done)
result 'every default of --help is in the man page' "$defaults"
plan
