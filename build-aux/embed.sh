#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Turns a file into a C array on stdout. src/netdox/commit.lua becomes
#
#	extern const char nv_embed_commit_lua[];        (NUL-terminated)
#	extern const size_t nv_embed_commit_lua_size;   (without the NUL)
#
# Use in a Makemodule.am (not commit.lua.c: make would take that for the source of commit.lua; and declare both symbols in the one .c or .h that uses them):
#
#	EXTRA_DIST += %D%/commit.lua
#	nodist_libnetviewfs_a_SOURCES += %D%/commit_lua.c
#	CLEANFILES += %D%/commit_lua.c
#	%D%/commit_lua.c: %D%/commit.lua $(embed_script)
#		$(embed)
set -eu
file=$1
symbol=nv_embed_$(basename "$file" | tr -c 'A-Za-z0-9\n' _)
printf '/* Made by build-aux/embed.sh from %s; edit that. */\n' "$(basename "$file")"
printf '#include "config.h"\n\n#include <stddef.h>\n\n'
printf 'extern const char %s[];\nextern const size_t %s_size;\n\n' "$symbol" "$symbol"
printf 'const char %s[] = {\n' "$symbol"
# Signed decimals, because a char array takes 0..127 and -128..-1 wherever char is signed; "(char)" covers where it is not.
od -An -v -t u1 "$file" | awk '{ line = "\t"; for (i = 1; i <= NF; i++) { line = line "(char)" $i "," } print line }'
printf '\t0\n};\n\n'
printf 'const size_t %s_size = sizeof(%s) - 1;\n' "$symbol" "$symbol"
