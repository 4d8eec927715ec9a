#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The man page says of every option what --help, which is the code's table, says: both must know the same names and defaults.
. "$(dirname "$0")/lib.sh"

help=$("${NV_BIN:?}" --help)
page=docs/netviewfs.1

missing=$(echo "$help" | sed -n 's/^  \([a-z_]*\)[= ].*/\1/p' | while read -r key; do
	grep -Eq "^\.(It|Cm|Fl|Ic|Ar|Op).*\b$key\b" "$page" || echo "$page: no entry for $key"
done)
result 'every option of --help is in the man page' "$missing"

unknown=$(awk '/^\.Sh/ { inside = /MOUNT OPTIONS/ } inside && /^\.It Cm/' "$page" | grep -o 'Cm [a-z_]*' | while read -r _ key; do
	echo "$help" | grep -q "^  ${key}[= ]" || echo "--help: no entry for $key"
done)
result 'every option of the man page is in --help' "$unknown"

defaults=$(echo "$help" | sed -n 's/^  \([a-z_]*\)=.*(default: \(.*\))$/\1 \2/p' | while read -r key value; do
	awk -v key="$key" -v value="$value" '
		/^\.It/ { inside = $0 ~ "(^| |=)" key "(=| |$)" }
		inside && index($0, value) { found = 1 }
		END { exit !found }' "$page" || echo "$page: $key has not its default $value"
done)
result 'every default of --help is in the man page' "$defaults"

# "N unless given" and the like, where --help has no default, would be made up.
made_up=$(awk '
	/^\.Sh/ { inside = /MOUNT OPTIONS/ }
	inside && /^\.It/ { key = $3 }
	inside && /unless given/ && key != "" { print key; key = "" }' "$page" | while read -r key; do
	echo "$help" | grep -q "^  $key=.*(default: " || echo "$page: $key has no default"
done)
result 'every default of the man page is in --help' "$made_up"
plan
