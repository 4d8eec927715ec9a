#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Linters of others: shellcheck, mandoc, codespell.
. "$(dirname "$0")/lib.sh"

scripts() {
	files -name '*.sh' -o -path './.ci/run' | grep -v '^build-aux/tap-driver\.sh$'
}

suites() {
	files -name '*.bats' -o -name '*.bash'
}

if command -v shellcheck >/dev/null; then
	# SC1091: what is sourced is checked by itself.
	# shellcheck disable=SC2046
	result 'shellcheck' "$(shellcheck -e SC1091 -f gcc $(scripts) 2>&1)"
	# What ls, cat and globs do on a mount is what suites look at; bash -c '$x' is meant so.
	# shellcheck disable=SC2046
	result 'shellcheck of the suites' \
		"$(shellcheck -S warning -e SC1091,SC2002,SC2010,SC2012,SC2016,SC2030,SC2031,SC2034,SC2035,SC2045 -f gcc $(suites) 2>&1)"
else
	skip 'shellcheck' 'no shellcheck (Debian package shellcheck)'
fi

if command -v mandoc >/dev/null; then
	for page in $(files -path './docs/*.[1-8]'); do
		result "mandoc $page" "$(mandoc -Tlint -W warning "$page" 2>&1)"
	done
else
	skip 'mandoc' 'no mandoc (Debian package mandoc)'
fi

if command -v codespell >/dev/null; then
	# shellcheck disable=SC2046
	result 'codespell' "$(codespell --config .codespellrc $(files -name '*.[ch1-8]' -o -name '*.md' -o -name '*.sh' -o -name '*.am' -o -name '*.m4' -o -name '*.bats') 2>&1)"
else
	skip 'codespell' 'no codespell (Debian package codespell)'
fi
plan
