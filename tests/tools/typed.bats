#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Editors that have to be typed at: nano, joe, mg, micro, each on a terminal of its own.

load ../lib/tools.bash

setup() {
	nv_need tmux
	nv_setup
	export HOME=$NV_DIR/home
	mkdir "$HOME"
	NANO=
}

teardown() {
	nv_term_kill
	nv_teardown
}

# Replaces the word everywhere; nano asks where to write to.
nano_edit() {
	# shellcheck disable=SC2086
	nv_term_start nano --ignorercfiles $NANO "$1"
	nv_term_expect "$2"
	nv_term_keys 'M-\' 'C-\' || return 1
	nv_term_expect 'Search (to replace)'
	nv_term_keys -l -- "$2"
	nv_term_keys Enter
	nv_term_expect 'Replace with'
	nv_term_keys -l -- "$3"
	nv_term_keys Enter
	nv_term_expect 'Replace this instance?'
	nv_term_keys a
	nv_term_expect 'Replaced'
	nv_term_keys C-o
	nv_term_expect 'File Name to Write'
	nv_term_keys Enter
}

edit_nano() {
	nano_edit "$@"
	nv_term_expect 'Wrote'
	nv_term_keys C-x
	nv_term_end
}

refused_nano() {
	nano_edit "$@"
	nv_term_expect 'Error writing'
	nv_term_keys C-x
	nv_term_expect 'Save modified buffer'
	nv_term_keys n
	nv_term_end
	return 1
}

mg_edit() {
	nv_term_start mg -n "$1"
	nv_term_expect "$2"
	nv_term_keys M-x
	nv_term_expect 'M-x'
	nv_term_keys -l 'query-replace'
	nv_term_keys Enter
	nv_term_expect 'Query replace'
	nv_term_keys -l -- "$2"
	nv_term_keys Enter
	nv_term_expect 'with:'
	nv_term_keys -l -- "$3"
	nv_term_keys Enter
	nv_term_keys '!'
	nv_term_expect 'eplaced'
	nv_term_keys C-x C-s
}

edit_mg() {
	mg_edit "$@"
	nv_term_expect 'Wrote'
	nv_term_keys C-x C-c
	nv_term_end
}

edit_micro() {
	nv_term_start micro -backup false -savecursor false "$1"
	nv_term_expect "$2"
	nv_term_keys C-e
	nv_term_expect '>'
	nv_term_keys -l -- "replaceall '$2' '$3'"
	nv_term_keys Enter
	nv_term_expect 'eplaced'
	nv_term_keys C-s
	nv_term_expect 'Saved'
	nv_term_keys C-q
	nv_term_end
}

edit_joe() {
	nv_term_start joe "$1"
	nv_term_expect "$2"
	nv_term_keys C-k f
	nv_term_expect 'Find'
	nv_term_keys -l -- "$2"
	nv_term_keys Enter
	nv_term_expect '(I)gnore'
	nv_term_keys -l r
	nv_term_keys Enter
	nv_term_expect 'Replace with'
	nv_term_keys -l -- "$3"
	nv_term_keys Enter
	nv_term_expect '(Y)es'
	nv_term_keys -l r
	nv_term_expect "$3"
	nv_term_keys C-k x
	nv_term_end
}

@test "nano" {
	nv_need nano
	nv_matrix edit_nano
}

@test "nano -B" {
	nv_need nano
	NANO=-B
	nv_matrix edit_nano '@~'
}

@test "nano, refused" {
	nv_need nano
	nv_matrix_refused refused_nano
}

@test "mg" {
	nv_need mg
	nv_matrix edit_mg
}

@test "micro" {
	nv_need micro
	nv_matrix edit_micro
}

@test "joe" {
	nv_need joe
	nv_matrix edit_joe '@~'
}
