#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A file includes only its own folder and those below it; one folder owns each foreign header; config.h comes first.
. "$(dirname "$0")/lib.sh"

# The folders that a folder may include.
below() {
	case $1 in
	base) echo 'base' ;;
	codec | redis | docstore) echo "$1 base" ;;
	node) echo 'node docstore redis codec base' ;;
	netdox | netgoat) echo "$1 node docstore redis codec base" ;;
	views | ctl) echo "$1 netdox netgoat node docstore redis codec base" ;;
	save) echo 'save views ctl netdox netgoat node docstore redis codec base' ;;
	fs) echo 'fs save views ctl netdox netgoat node docstore redis codec base' ;;
	*) echo "$1 fs save views ctl netdox netgoat node docstore redis codec base" ;;
	esac
}

layers=$(files -path './src/*/*.[ch]' | while read -r file; do
	folder=${file#src/}
	folder=${folder%%/*}
	allowed=" $(below "$folder") "
	sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file" | while read -r header; do
		case $header in
		config.h) continue ;;
		*/*) ;;
		*)
			echo "$file: \"$header\" is not rooted at src/"
			continue
			;;
		esac
		case $allowed in
		*" ${header%%/*} "*) ;;
		*) echo "$file includes $header" ;;
		esac
	done
done)
result 'every include points to a layer below' "$layers"

# owner HEADER-PATTERN PATH-PATTERN: the header is included there only.
foreign=
owner() {
	foreign=$foreign$(files -path './src/*.[ch]' | grep -Ev "$2" | while read -r file; do
		grep -Hn "^#include <$1>" "$file"
	done)
}
owner 'fuse.*' '^src/fs/'
owner 'hiredis/.*' '^src/redis/'
owner 'sqlite3\.h' '^src/docstore/sqlite'
owner 'cjson/.*' '^src/netgoat/schema'
owner 'mongoc.*' '^src/(docstore|watch)/mongo'
owner 'bson/.*' '^src/(base/bson|docstore/|netgoat/|views/|codec/)'
result 'every foreign header has one owner' "$foreign"

first=$(files -path './src/*.c' -o -path './tests/*.c' | while read -r file; do
	header=$(sed -n 's/^#include *//p' "$file" | sed -n 1p)
	[ "$header" = '"config.h"' ] || echo "$file begins with $header"
done)
result 'config.h is the first include of every .c' "$first"

guards=$(files -path './src/*.h' | while read -r file; do
	guard=NV_$(echo "${file#src/}" | tr 'a-z/.' 'A-Z__')
	grep -q "^#ifndef $guard\$" "$file" && grep -q "^#define $guard\$" "$file" || echo "$file: wants $guard"
done)
result 'every header has its guard' "$guards"
plan
