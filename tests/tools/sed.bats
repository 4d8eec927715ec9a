#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sed -i and perl -i: a temporary file renamed over; with a suffix the old one is moved (sed) or linked (perl) aside first.

load ../lib/tools.bash

setup() {
	nv_setup
}

teardown() {
	nv_teardown
}

sed_i() {
	sed -i "s/$2/${3//\\/\\\\}/g" "$1"
}

sed_i_bak() {
	sed -i.bak "s/$2/$3/g" "$1"
}

perl_i() {
	perl -i -pe "s/\Q$2\E/${3//\\/\\\\}/g" "$1"
}

perl_i_bak() {
	perl -i.bak -pe "s/\Q$2\E/$3/g" "$1"
}

@test "sed -i" {
	nv_matrix sed_i
}

@test "sed -i.bak" {
	nv_matrix sed_i_bak '@.bak'
}

@test "perl -i" {
	nv_matrix perl_i
}

@test "perl -i.bak" {
	nv_matrix perl_i_bak '@.bak'
}

@test "sed -i, refused: non-zero" {
	nv_matrix_refused sed_i
	[ -s "$NV_DIR/status" ]
}

@test "perl -i, refused: non-zero" {
	nv_matrix_refused perl_i
	[ -s "$NV_DIR/status" ]
}
