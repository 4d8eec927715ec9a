#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# tee, dd, install, cp, mv, sort -o, truncate, sponge: the whole text at once, in place or by unlink and create.

load ../lib/tools.bash

setup() {
	nv_setup
}

teardown() {
	nv_teardown
}

# The new text, beside the mount.
new_text() {
	sed "s/$2/${3//\\/\\\\}/g" "$1" >"$NV_DIR/text"
}

with_tee() {
	new_text "$@"
	tee "$1" <"$NV_DIR/text" >/dev/null
}

with_dd() {
	new_text "$@"
	truncate -s "$(stat -c %s "$NV_DIR/text")" "$NV_DIR/text"
	dd if="$NV_DIR/text" of="$1" status=none
}

with_install() {
	new_text "$@"
	install -m 644 "$NV_DIR/text" "$1"
}

with_install_b() {
	new_text "$@"
	install -b -m 644 "$NV_DIR/text" "$1"
}

with_cp() {
	new_text "$@"
	cp "$NV_DIR/text" "$1"
}

with_cp_b() {
	new_text "$@"
	cp -b "$NV_DIR/text" "$1"
}

with_cp_rm() {
	new_text "$@"
	cp --remove-destination "$NV_DIR/text" "$1"
}

with_cp_a() {
	new_text "$@"
	cp -a "$NV_DIR/text" "$1"
}

with_mv() {
	new_text "$@"
	mv "$NV_DIR/text" "$1"
}

with_sponge() {
	sed "s/$2/${3//\\/\\\\}/g" "$1" | sponge "$1"
}

with_cat() {
	new_text "$@"
	cat "$NV_DIR/text" >"$1"
}

# Overwrites the bytes of a word of the same length where it stands.
with_dd_notrunc() {
	local at
	at=$(grep -obF -- "$2" "$1" | head -n 1 | cut -d: -f1)
	printf %s "$3" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}

@test "tee" {
	nv_matrix with_tee
}

@test "dd" {
	nv_matrix with_dd
}

@test "dd conv=notrunc" {
	NV_KINDS="record lines fields pdata" nv_matrix with_dd_notrunc
}

@test "cat > file" {
	nv_matrix with_cat
}

@test "install" {
	nv_matrix with_install
}

@test "install -b" {
	nv_matrix with_install_b '@~'
}

@test "cp" {
	nv_matrix with_cp
}

@test "cp -b" {
	nv_matrix with_cp_b '@~'
}

@test "cp --remove-destination" {
	nv_matrix with_cp_rm
}

@test "cp -a" {
	nv_matrix with_cp_a
}

@test "mv from another filesystem" {
	nv_matrix with_mv
}

@test "sponge" {
	nv_need sponge
	nv_matrix with_sponge
}

@test "tee -a, sort -o and truncate on lines" {
	nv_kind lines
	echo '[lan]b.example.com' | tee -a "$FILE" >/dev/null
	nv_equal 1 "$(nv_changes | wc -l)"
	sort -r -o "$FILE" "$FILE"
	nv_equal 1 "$(nv_changes | wc -l)"
	truncate -s 0 "$FILE"
	nv_equal 3 "$(nv_changes | wc -l)"
	nv_equal 0 "$(nv_redis exists 'dns;[lan]192.0.2.10;maps')"
}

@test "refused: each says so by its status, and the old datum stands" {
	local tool
	for tool in with_tee with_install with_cp with_cp_rm with_mv; do
		nv_matrix_refused "$tool"
		[ -s "$NV_DIR/status" ] || nv_fail "$tool was quiet"
	done
	nv_matrix_refused with_dd
	nv_matrix_refused with_cat
	nv_matrix_refused with_sponge
}
