#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netviewfs-docs: documents go in and out of a store unchanged, and a refused line changes nothing.

setup() {
	: "${NV_BUILDDIR:=.}"
	tool=$NV_BUILDDIR/netviewfs-docs
	dir=$(mktemp -d)
	file=$dir/docs.sqlite
	cat >"$dir/odd" <<'EOS'
{ "_id" : { "$numberInt" : "7" }, "long" : { "$numberLong" : "5" }, "double" : { "$numberDouble" : "1.0" }, "nan" : { "$numberDouble" : "NaN" } }
{ "_id" : "text", "null" : null, "date" : { "$date" : { "$numberLong" : "-1" } }, "empty" : {  }, "list" : [  ] }
{ "_id" : { "a" : { "$numberInt" : "1" } }, "decimal" : { "$numberDecimal" : "1.10" }, "binary" : { "$binary" : { "base64" : "AAE=", "subType" : "04" } } }
{ "_id" : { "$oid" : "65e2d0000001000000000001" }, "a.b" : { "$numberInt" : "1" }, "$c" : true }
EOS
}

teardown() {
	rm -rf "$dir"
}

@test "documents come out as they went in" {
	"$tool" import "$file" odd <"$dir/odd"
	"$tool" export "$file" odd >"$dir/out"
	diff "$dir/odd" "$dir/out"
	[ "$("$tool" list "$file")" = odd ]
}

@test "the changelog keeps its order" {
	for n in 3 1 2; do
		echo '{ "_id" : { "$oid" : "65e2d000000900000000000'$n'" }, "change" : "c'$n'" }'
	done >"$dir/log"
	"$tool" import "$file" changelog <"$dir/log"
	"$tool" export "$file" changelog | diff "$dir/log" -
}

@test "replace and delete go by _id" {
	"$tool" import "$file" odd <"$dir/odd"
	echo '{ "_id" : "text", "now" : true }' | "$tool" replace "$file" odd
	echo '{ "_id" : "new" }' | "$tool" replace "$file" odd
	echo '{ "_id" : { "$numberDouble" : "7.0" } }' | "$tool" delete "$file" odd
	[ "$("$tool" export "$file" odd | grep -c .)" -eq 4 ]
	"$tool" export "$file" odd | grep -qx '{ "_id" : "text", "now" : true }'
	"$tool" export "$file" odd | grep -qx '{ "_id" : "new" }'
	run "$tool" delete "$file" odd <<<'{ "_id" : "none" }'
	[ "$status" -eq 1 ]
	[[ $output == *"line 1"* ]]
}

@test "a refused line is named, and its commit changes nothing" {
	"$tool" import "$file" odd <"$dir/odd"
	run "$tool" import "$file" odd <<<'{ "_id" : "fresh" }
{ "_id" : "text" }'
	[ "$status" -eq 1 ]
	[[ $output == *"line 2"* ]]
	run "$tool" import "$file" odd <<<'{ "a" : 1 }'
	[ "$status" -eq 1 ]
	run "$tool" import "$file" odd <<<'{ "_id" : '
	[ "$status" -eq 1 ]
	"$tool" export "$file" odd | diff "$dir/odd" -
}

@test "a store that is not there is not made by looking" {
	run "$tool" export "$dir/none.sqlite" odd
	[ "$status" -eq 1 ]
	[[ $output == *"does not exist"* ]]
	[ ! -e "$dir/none.sqlite" ]
	run "$tool" export "$file"
	[ "$status" -eq 2 ]
}

@test "plain SQL is another writer" {
	command -v sqlite3 >/dev/null || skip "no sqlite3"
	"$tool" import "$file" odd <"$dir/odd"
	sqlite3 "$file" "DELETE FROM documents WHERE id_key = x'0f74657874';
		INSERT INTO documents(collection, id_key, bson)
		VALUES('sql', x'2365e2d0000001000000000009', x'16000000075f69640065e2d000000100000000000900');"
	[ "$("$tool" export "$file" odd | grep -c .)" -eq 3 ]
	[ "$("$tool" export "$file" sql)" = '{ "_id" : { "$oid" : "65e2d0000001000000000009" } }' ]
	[ "$("$tool" list "$file" | tr '\n' ' ')" = "odd sql " ]
	[ "$(sqlite3 "$file" 'PRAGMA integrity_check')" = ok ]
}
