#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The parts of pjdfstest and fsx that have a meaning here, ported (neither is packaged): on scratch files, which are opaque, so that all
# of it must hold, and on a Value and its directory, where the model decides. NV_SEED= repeats a random run.

load ../lib/mount.bash

setup() {
	: "${NV_SEED:=1}" # sh tests/run.sh full takes another each time
	nv_setup
	SCRATCH=$NX/dns/lan/web-2.example.com/.scratch
	mkdir "$SCRATCH"
}

teardown() {
	nv_teardown
}

# posix DIRECTORY <TABLE
posix() {
	perl "$NV_SRCDIR/tests/lib/posix.pl" "$1"
}

@test "a scratch directory: files are made, opened and removed as POSIX says" {
	posix "$SCRATCH" <<'EOS'
ok           | create a                 | a new name
EEXIST       | create a                 | O_EXCL and the name is taken
ok           | open w+creat a           | O_CREAT alone takes what is there
ENOENT       | open r none              | no such name
ENOENT       | create none/a            | no such directory
ENOTDIR      | create a/b               | a file is no directory
ENOTDIR      | open r+dir a             | O_DIRECTORY wants one
ok           | mkdir d                  | a directory in scratch space
EISDIR       | open w d                 | a directory is not written
ok           | open r d                 | but can be opened
EEXIST       | mkdir d                  | the name is taken
EEXIST       | mkdir a                  | by a file, too
ENOENT       | mkdir none/d             | no such directory
ENOTDIR      | mkdir a/d                | a file is no directory
ENAMETOOLONG | create LONGER            | NAME_MAX is 255
ok           | create LONG              | and no less
ok           | unlink LONG              | it goes as it came
ENAMETOOLONG | mkdir LONGER             | for directories, too
ok           | write a hello            | O_TRUNC and a write
"hello"      | read a                   | what was written
5            | size a                   | exact
ok           | open w+trunc a           | O_TRUNC alone empties
0            | size a                   | in scratch nothing has to be written then
EISDIR       | unlink d                 | Linux says EISDIR, not EPERM
ENOTDIR      | rmdir a                  | rmdir is for directories
ENOENT       | unlink none              | no such name
ENOENT       | rmdir none               | no such name
ok           | create d/x               | a file inside
ENOTEMPTY    | rmdir d                  | it is not empty
ok           | unlink d/x               | now it is
EINVAL       | rmdir d/.                | the last component may not be a dot
ok           | rmdir d                  | empty
ENOENT       | type d                   | and gone
4            | unlinked a               | a file without a name goes on living in its handle
ENOENT       | type a                   | and has none
[]           | list .                   | nothing is left
EOS
}

@test "a scratch directory: sizes, modes, times, owners" {
	posix "$SCRATCH" <<'EOS'
ok           | write f abcdef           | six bytes
ok           | truncate f 3             | cut
"abc"        | read f                   | the beginning stays
ok           | truncate f 6             | made longer
"abc\0\0\0"  | read f                   | by NULs
ok           | ftruncate f 1            | by its handle
1            | size f                   | cut
ENOENT       | truncate none 1          | no such name
EINVAL       | truncate f -1            | no such size
ok           | mkdir d                  | for the next line
EISDIR       | truncate d 0             | a directory has no size to set
0644         | mode f                   | as created
ok           | chmod 0600 f             | scratch files keep their modes: editors copy them
0600         | mode f                   | kept
ok           | chmod 0755 f             | any of the nine bits
0755         | mode f                   | kept
ENOENT       | chmod 0600 none          | no such name
ok           | utime 1234567890 f       | times are kept: rsync and tar look at them
1234567890   | mtime f                  | to the second at least
ok           | chown 0 f                | to who owns it
ENOENT       | chown 0 none             | no such name
EPERM        | mkfifo p                 | no tool makes one on the way, and no store keeps one
EOS
}

@test "a scratch directory: links" {
	posix "$SCRATCH" <<'EOS'
ok           | write f text             | what is linked
ok           | link f g                 | a second name: emacs and git make backups so
yes          | same f g                 | of one file
2            | nlink f                  | counted
ok           | write g more             | written by one name
"more"       | read f                   | read by the other
EEXIST       | link f g                 | the name is taken
ENOENT       | link none h              | no such name
ok           | unlink f                 | one of two
"more"       | read g                   | the other stays
1            | nlink g                  | and is alone
ok           | mkdir d                  | for the next line
EPERM        | link d e                 | a directory has one name
ok           | symlink g s              | lock files of emacs are links
g            | readlink s               | its text, whatever it is
"more"       | read s                   | followed
link         | type s                   | itself
EEXIST       | symlink g s              | the name is taken
EINVAL       | readlink g               | a file is no link
ok           | symlink nowhere t        | to nothing
ENOENT       | read t                   | and so it reads
ELOOP        | open r+nofollow s        | O_NOFOLLOW
ok           | symlink l l              | to itself
ELOOP        | read l                   | without end
ok           | unlink s                 | the link
"more"       | read g                   | and not the file
EOS
}

@test "a scratch directory: rename" {
	posix "$SCRATCH" <<'EOS'
ok           | write a one              | a file
ok           | write b two              | another
ok           | rename a c               | to a free name
ENOENT       | type a                   | the old one is gone
ok           | rename c b               | over a file: what atomic writers do
"one"        | read b                   | it is the new one
ENOENT       | rename none x            | no such name
ENOENT       | rename b none/x          | no such directory
ok           | rename b b               | to itself: nothing
ok           | link b h                 | two names of one file
ok           | rename b h               | POSIX: nothing, and both stay
yes          | same b h                 | both are there
ok           | mkdir d                  | a directory
ok           | mkdir e                  | another
ok           | create e/x               | not empty
EISDIR       | rename b d               | a file over a directory
ENOTDIR      | rename d b               | a directory over a file
ENOTEMPTY    | rename d e               | a directory over one that is not empty
ok           | rename e d               | but over an empty one
[x]          | list d                   | with all it has
EINVAL       | rename d d/sub           | a directory into itself
ok           | rename b d/b             | into another directory
ok           | rename d/b b             | and back
ok           | symlink b s              | a link
ok           | rename s t               | is renamed itself
b            | readlink t               | and not what it leads to
ENAMETOOLONG | rename b LONGER          | NAME_MAX is 255
EOS
}

@test "a Value and its directory: the same calls, as far as the model has a word for them" {
	posix "$NX" <<'EOS'
EEXIST       | create default_network       | it is there
ENOTDIR      | create default_network/x     | a file is no directory
"lan\12"     | read default_network         | the bytes and one newline
4            | size default_network         | exact
ok           | open rw default_network      | opened and not written: nothing
EINVAL       | open w+trunc default_network | emptied and never written: the datum stays
"lan\12"     | read default_network         | it does
ok           | write default_network dmz\n  | a new text
"dmz\12"     | read default_network         | stored
ok           | write default_network dmz    | the last newline may be missing
EINVAL       | write default_network a b    | no name of a network
"dmz\12"     | read default_network         | a refused text changes nothing
EINVAL       | truncate default_network 0   | a Value has at least a byte
ok           | truncate default_network 2   | what is left is a value
"dm\12"      | read default_network         | and is read with its newline
EINVAL       | truncate default_network 9   | NULs are in no network's name
EINVAL       | ftruncate default_network 9  | nor by a handle
EINVAL       | truncate default_network -1  | no such size
0644         | mode default_network         | data files are all alike
ok           | chmod 0600 default_network   | rsync, git and tar need it to succeed
0644         | mode default_network         | and it changes nothing
ok           | chown 0 default_network      | likewise
ok           | utime 1234567890 default_network | remembered by the mount
1234567890   | mtime default_network        | and never written to the store
EPERM        | link default_network reports/copy | a datum has one name
ok           | link default_network default_network.bak | but for a backup, which is a copy
no           | same default_network default_network.bak | and another file
ok           | unlink default_network.bak   | in memory only
EPERM        | symlink x reports/link       | netdox/ has no links that are made by hand
EPERM        | mkfifo pipe                  | nothing a store could keep
EINVAL       | readlink default_network     | a file is no link
ENOTDIR      | rmdir default_network        | rmdir is for directories
EISDIR       | unlink dns                   | unlink is for files
EPERM        | rename default_network dns/lan/x | the model has one place for it
EISDIR       | rename default_network dns   | a file over a directory
ENOTEMPTY    | rename dns reports           | a directory over one that is not empty
EPERM        | rename dns names             | nor is there another word for it
ENAMETOOLONG | create LONGER                | NAME_MAX is 255
"dm\12"      | read default_network         | after all that
EOS
	nv_equal dm "$(nv_redis get default_network)"
}

@test "fsx on a scratch file: 20,000 operations, closed and opened, synced, cut, renamed" {
	perl "$NV_SRCDIR/tests/lib/fsx.pl" "$NV_SEED" 20000 "$SCRATCH/f" 65536 free >"$NV_DIR/end" || {
		cat "$NV_DIR/end"
		nv_fail "NV_SEED=$NV_SEED"
	}
	cmp "$NV_DIR/end" "$SCRATCH/f"
}

@test "fsx on a Value: 20,000 operations by one handle are one save" {
	local before
	before=$(nv_changes | wc -l)
	perl "$NV_SRCDIR/tests/lib/fsx.pl" "$NV_SEED" 20000 "$NX/default_network" 65536 >"$NV_DIR/end" || {
		cat "$NV_DIR/end"
		nv_fail "NV_SEED=$NV_SEED"
	}
	cmp "$NV_DIR/end" "$NX/default_network"
	nv_equal "$(cat "$NV_DIR/end")" "$(nv_redis get default_network)"
	nv_equal "updated default network|default_network|netviewfs" "$(nv_changes | tail -n "+$((before + 1))")"
}
