#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints what the contract of document stores came to, a case a line and a store a column, from the logs of a test run:
#
#   sh tests/contract/table.sh BUILD-DIRECTORY
#
# ok; FAILED; - for what was not run (no such server here). What a server does not do as MongoDB does is left out of its cases, by the
# flags in docstore_mongo.c; docs/stores.md lists it.
set -eu

cd "$1/tests/contract"
logs=
for log in docstore.log docstore_mongo.log; do
	[ ! -e "$log" ] || logs="$logs $log"
done
[ -n "$logs" ] || exit 0
# shellcheck disable=SC2086
awk '
/^(not )?ok [0-9]+ - / {
	result = $1 == "ok" ? "ok" : "FAILED"
	text = $0
	sub(/^(not )?ok [0-9]+ - /, "", text)
	store = text
	sub(/: .*/, "", store)
	test = substr(text, length(store) + 3)
	if (test == "") {
		next
	}
	if (!(store in stores)) {
		stores[store] = ++stores_count
		store_names[stores_count] = store
	}
	if (!(test in tests)) {
		tests[test] = ++tests_count
		test_names[tests_count] = test
	}
	results[test, store] = result
}
END {
	line = "| case |"
	rule = "|---|"
	for (s = 1; s <= stores_count; s++) {
		line = line " " store_names[s] " |"
		rule = rule "---|"
	}
	print line
	print rule
	for (t = 1; t <= tests_count; t++) {
		line = "| " test_names[t] " |"
		for (s = 1; s <= stores_count; s++) {
			result = results[test_names[t], store_names[s]]
			line = line " " (result == "" ? "-" : result) " |"
		}
		print line
	}
}' $logs
