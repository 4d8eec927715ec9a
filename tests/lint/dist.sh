#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A release has every file of a checkout: one that is forgotten is missed by nobody until somebody builds from the release.
. "$(dirname "$0")/lib.sh"

builddir=${NV_BUILDDIR:?}
lists=$(mktemp -d)
trap 'rm -rf "$lists"' EXIT

name='every file is in the release'
missing=
if [ -e .git ]; then
	command -v git >/dev/null || {
		skip "$name" 'no git'
		plan
	}
	# The checkout may belong to somebody else.
	git -c safe.directory='*' ls-files | grep -v '^\.gitignore$' | sort >"$lists/checkout"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$builddir" -s list-dist | sort -u >"$lists/release"
	# A file that was deleted and not yet committed is in neither.
	missing=$(comm -23 "$lists/checkout" "$lists/release" | while read -r file; do
		[ ! -e "$file" ] || echo "$file: not in the release"
	done)
	[ -s "$lists/checkout" ] || missing='git lists no file'
fi
result "$name" "$missing"
plan
