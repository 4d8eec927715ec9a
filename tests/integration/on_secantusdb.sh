#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tree of documents on SecantusDB, a replica set: with transactions.
exec sh "$(dirname "$0")/on_server.sh" secantusdb mongo.bats counts.bats netgoat_read.bats netgoat_write.bats
