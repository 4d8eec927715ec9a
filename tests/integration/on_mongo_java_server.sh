#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The tree of documents on mongo-java-server: an old protocol, and no transactions.
exec sh "$(dirname "$0")/on_server.sh" mongo-java-server mongo.bats mongo_kill.bats netgoat_read.bats netgoat_write.bats netgoat_copy.bats
