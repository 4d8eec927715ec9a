#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What each tool does to a document's file, with the documents on SecantusDB.
NV_KINDS='own record'
export NV_KINDS
exec sh "$(dirname "$0")/../integration/on_server.sh" secantusdb ../tools/coreutils.bats ../tools/ed.bats ../tools/emacs.bats \
	../tools/git.bats ../tools/rsync.bats ../tools/sed.bats ../tools/typed.bats ../tools/vim.bats
