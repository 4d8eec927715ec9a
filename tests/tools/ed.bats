#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ed: empties the file and writes it in place.

load ../lib/tools.bash

setup() {
	nv_need ed
	nv_setup
}

teardown() {
	nv_teardown
}

edit() {
	printf '%s\n' "1,\$s/$2/${3//\\/\\\\}/g" w q | ed -s "$1"
}

@test "ed" {
	nv_matrix edit
}

@test "ed, refused" {
	nv_matrix_refused edit
}
