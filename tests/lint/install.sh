#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What make install puts where, and that it can be taken away again.
. "$(dirname "$0")/lib.sh"

builddir=${NV_BUILDDIR:?}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# The flags of the make that runs the tests (-n, a job server) are not for this one.
quiet_make() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$builddir" -s "$@" DESTDIR="$root" 2>&1
}

out=$(quiet_make install) && out=
result 'make install works' "$out"
bin=$(find "$root" -path '*/bin/netviewfs' -perm -755)
result 'the program is installed' "$([ -n "$bin" ] || find "$root")"
result 'the manual is installed' "$(find "$root" -path '*/man1/netviewfs.1' | grep -q . || find "$root")"
version=$("$bin" --version 2>&1)
result 'the installed program runs' "$(echo "$version" | grep -q '^netviewfs [0-9]' || echo "$version")"
out=$(quiet_make uninstall) && out=$(find "$root" -type f)
result 'make uninstall leaves nothing' "$out"
plan
