#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rsync into the mount, tar x, patch and git: temporary files renamed over, or unlink and create.

load ../lib/tools.bash

setup() {
	nv_setup
}

teardown() {
	nv_teardown
}

# A copy of the file's directory with the new text, beside the mount.
new_copy() {
	mkdir -p "$NV_DIR/copy"
	sed "s/$2/${3//\\/\\\\}/g" "$1" >"$NV_DIR/copy/${1##*/}"
}

with_rsync() {
	new_copy "$@"
	# shellcheck disable=SC2086
	rsync -a ${RSYNC:-} "$NV_DIR/copy/${1##*/}" "${1%/*}/"
}

with_tar() {
	new_copy "$@"
	# shellcheck disable=SC2086
	tar -C "$NV_DIR/copy" -cf - "${1##*/}" | tar -C "${1%/*}" ${TAR:-} -xf -
}

with_patch() {
	new_copy "$@"
	diff -u "$1" "$NV_DIR/copy/${1##*/}" >"$NV_DIR/patch" || true
	# shellcheck disable=SC2086
	patch -s ${PATCH:-} "$1" <"$NV_DIR/patch"
}

with_python() {
	perl -e 'my ($file, $old, $new) = @ARGV; local $/; open my $in, "<", $file or die; my $text = <$in>; close $in; $text =~ s/\Q$old\E/$new/g;
		my $temp = $file; $temp =~ s|[^/]*$|tmp| and $temp .= "k3_9zQ1x"; open my $out, ">", $temp or die; print $out $text or die; close $out or die;
		rename $temp, $file or die "$!\n"' "$1" "$2" "$3"
}

@test "rsync -a" {
	nv_need rsync
	nv_matrix with_rsync
}

@test "rsync -a --inplace" {
	nv_need rsync
	RSYNC=--inplace
	nv_matrix with_rsync
}

@test "rsync -a --delay-updates" {
	nv_need rsync
	RSYNC=--delay-updates
	nv_matrix with_rsync
}

@test "rsync -a --backup" {
	nv_need rsync
	RSYNC=--backup
	nv_matrix with_rsync '@~'
}

@test "rsync -a, refused: non-zero" {
	nv_need rsync
	nv_matrix_refused with_rsync
	[ -s "$NV_DIR/status" ]
}

@test "a second rsync out transfers nothing" {
	nv_need rsync
	rsync -a "$MNT/netgoat" "$MNT/netdox" "$NV_DIR/out/"
	nv_equal "" "$(rsync -ai "$MNT/netgoat" "$MNT/netdox" "$NV_DIR/out/" | grep -v '/$')"
}

@test "tar x" {
	nv_matrix with_tar
}

@test "tar x --overwrite and -U" {
	TAR=--overwrite
	nv_matrix with_tar
	nv_remount
	TAR=-U
	export NV_KINDS=pdata
	nv_kind pdata
	sed -i 's/sdz/sda/' "$FILE"
	nv_matrix with_tar
}

@test "tar x, refused: non-zero" {
	nv_matrix_refused with_tar
	[ -s "$NV_DIR/status" ]
}

@test "patch" {
	nv_need patch
	nv_matrix with_patch
}

@test "patch -b" {
	nv_need patch
	PATCH=-b
	nv_matrix with_patch '@.orig'
}

@test "a temporary file beside it, renamed over (mkstemp and replace)" {
	nv_matrix with_python
}
