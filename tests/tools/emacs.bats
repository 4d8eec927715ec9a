#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# emacs: a lock link .#file, the file moved to file~ and created anew; or a copy as the backup and the file written in place.

load ../lib/tools.bash

setup() {
	nv_need emacs
	nv_setup
	BEFORE=
}

teardown() {
	nv_teardown
}

edit() {
	nv_pty emacs -Q -nw --eval "(progn $BEFORE)" "$1" --eval "(progn (goto-char (point-min))
		(while (search-forward \"$2\" nil t) (replace-match \"${3//\\/\\\\}\" t t)) (save-buffer) (kill-emacs))"
}

edit_refused() {
	nv_pty emacs -Q -nw "$1" --eval "(progn (goto-char (point-min))
		(while (search-forward \"$2\" nil t) (replace-match \"${3//\\/\\\\}\" t t)) (ignore-errors (save-buffer)) (kill-emacs))"
}

@test "emacs, with its backup" {
	nv_matrix edit '@~'
}

@test "emacs, backup by copying" {
	BEFORE='(setq backup-by-copying t)'
	nv_matrix edit '@~'
}

@test "emacs, without backups" {
	BEFORE='(setq make-backup-files nil)'
	nv_matrix edit
}

@test "emacs, file-precious-flag: a temporary file renamed over" {
	BEFORE='(setq file-precious-flag t make-backup-files nil)'
	nv_matrix edit
}

@test "emacs, with auto-save" {
	BEFORE='(setq auto-save-visited-interval nil auto-save-interval 1)'
	nv_matrix edit '@~'
}

@test "emacs, refused" {
	nv_matrix_refused edit_refused
}
