#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# vim and ex: with default settings it writes a swap file, probes 4913, moves the file aside and creates it anew.

load ../lib/tools.bash

setup() {
	nv_need vim
	nv_setup
	SET=
}

teardown() {
	nv_teardown
}

edit() {
	nv_pty vim -N -u DEFAULTS ${SET:+-c "set $SET"} -c "%s/$2/$3/g" -c wq "$1"
}

edit_ex() {
	ex -sc "%s/$2/$3/g|x" "$1" </dev/null
}

# A refused write keeps vim open: it has to be left without saving.
edit_refused() {
	nv_pty vim -N -u DEFAULTS ${SET:+-c "set $SET"} -c "%s/$2/${3//\\/\\\\}/g" -c 'silent! w' -c 'qa!' "$1"
}

@test "vim, default settings" {
	nv_matrix edit
}

@test "vim, backupcopy=yes" {
	SET=backupcopy=yes
	nv_matrix edit
}

@test "vim, backupcopy=no" {
	SET=backupcopy=no
	nv_matrix edit
}

@test "vim, backup" {
	SET=backup
	nv_matrix edit '@~'
}

@test "vim, nowritebackup" {
	SET='nobackup nowritebackup'
	nv_matrix edit
}

@test "ex" {
	nv_matrix edit_ex
}

@test "vim, refused" {
	nv_matrix_refused edit_refused
}

@test "vim, refused, backupcopy=yes" {
	SET=backupcopy=yes
	nv_matrix_refused edit_refused
}
