#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The same, in two parts because it takes long: beside a program with Mongoose, kill -9, copies, odd data, writers on two mounts, hostile data.
exec sh "$(dirname "$0")/on_server.sh" secantusdb mongoose.bats mongo_kill.bats netgoat_copy.bats netgoat_full.bats odd.bats ../tools/conflicts.bats ../tools/hostile.bats
