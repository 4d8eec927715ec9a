#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What configure says on a machine that has no library: all that is missing at once, and the Debian package of each.
. "$(dirname "$0")/lib.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# A copy, because configure refuses to run for a source directory that was built in.
mkdir -p "$root/src/src" "$root/build" "$root/none"
cp configure "$root/src"
cp -R build-aux "$root/src"
chmod -R u+w "$root/src"
: >"$root/src/src/main.c"

# bare ARGUMENT…: its output where pkg-config finds nothing; the exit status is configure's.
bare() {
	(cd "$root/build" && env -u MAKEFLAGS PKG_CONFIG_LIBDIR="$root/none" PKG_CONFIG_PATH= "$root/src/configure" "$@" 2>&1)
}

out=$(bare --with-mongo=yes)
status=$?
result 'without libraries configure fails' "$([ "$status" -ne 0 ] || printf '%s\n' "$out")"
for library in 'fuse3:libfuse3-dev' 'hiredis:libhiredis-dev' 'libcjson:libcjson-dev' 'sqlite3:libsqlite3-dev' 'libbson-1.0:libbson-dev' \
	'libmongoc-1.0:libmongoc-dev'; do
	result "it names ${library%%:*} and its package" \
		"$(printf '%s\n' "$out" | grep -q "^  ${library%%:*} .*(Debian package ${library#*:}[;)]" || printf '%s\n' "$out")"
done
result 'it gives the command that installs them all' "$(printf '%s\n' "$out" |
	grep -qx 'On Debian: apt-get install libfuse3-dev libhiredis-dev libcjson-dev libsqlite3-dev libbson-dev libmongoc-dev' || printf '%s\n' "$out")"

out=$(bare FUSE_CFLAGS=-pthread FUSE_LIBS=-lfuse3)
result 'what is there is not named, nor MongoDB unless it was asked for' "$(printf '%s\n' "$out" | grep -e fuse3-dev -e mongoc-dev)"
result 'what is missing still is' "$(printf '%s\n' "$out" | grep -q '(Debian package libhiredis-dev)' || printf '%s\n' "$out")"

out=$(cd "$root/build" && env -u MAKEFLAGS PKG_CONFIG="$root/none/pkg-config" "$root/src/configure" 2>&1)
result 'pkg-config itself is named' "$(printf '%s\n' "$out" | grep -q 'apt-get install pkgconf' || printf '%s\n' "$out")"
plan
