#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Shape of the sources that a compiler does not look at.
. "$(dirname "$0")/lib.sh"

code() {
	files -name '*.[ch]' -o -name '*.sh' -o -name '*.bats' -o -name '*.bash' -o -name '*.lua' -o -name '*.am' -o -name '*.ac' \
		-o -name '*.m4' -o -name '*.awk' -o -name '*.jq' -o -name '*.pl' | grep -Ev '^(aclocal\.m4|build-aux/(ar-lib|compile|depcomp|install-sh|missing|tap-driver\.sh))$'
}

spdx=$(code | while read -r file; do
	sed -n 1,5p "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$file"
done)
result 'every file names its licence' "$spdx"

blanks=$(code | while read -r file; do
	grep -HnE '[[:blank:]]+$' "$file"
	[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at its end"
done)
result 'no blanks at the end of a line' "$blanks"

tab=$(printf '\t')
indent=$(files -name '*.[ch]' | while read -r file; do
	grep -Hn "^ *  *$tab" "$file"
done)
result 'tabs indent, spaces only align' "$indent"

long=$(files -path './src/*.[ch]' | while read -r file; do
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || echo "$file: $lines lines"
done)
result 'no file has over 600 lines' "$long"

functions=$(files -path './src/*.c' | while read -r file; do
	awk '/^{/ { start = NR } /^}/ && start { if (NR - start - 1 > 60) print FILENAME ":" start ": " NR - start - 1 " lines"; start = 0 }' "$file"
done)
result 'no function has over 60 lines' "$functions"

unfinished=$(code | grep -v '^tests/lint/' | while read -r file; do
	grep -HnE '\b(TODO|FIXME|XXX|HACK)\b' "$file"
done)
result 'nothing is marked as unfinished' "$unfinished"
plan
