#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two functions of one name in the static library: the linker takes whichever comes first, and says nothing.
. "$(dirname "$0")/lib.sh"

library=${NV_BUILDDIR:-.}/libnetviewfs.a
if [ -r "$library" ]; then
	twice=$(nm "$library" 2>/dev/null | awk '$2 ~ /^[TDRB]$/ { print $3 }' | sort | uniq -d)
	result 'no name is defined twice' "$twice"
else
	skip 'no name is defined twice' 'the library is not built'
fi
plan
