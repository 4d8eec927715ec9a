#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# git with the mount as its work tree: it unlinks what it checks out, all of it first with several workers.

load ../lib/tools.bash

setup() {
	nv_need git
	nv_setup
	export GIT_DIR=$NV_DIR/repo GIT_WORK_TREE=$MNT GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
	git init -q
	git config user.name tester
	git config user.email tester@example.com
	git config core.excludesFile "$NV_DIR/ignore"
	printf '%s\n' /.netviewfs/ /views/ changelog >"$NV_DIR/ignore"
	git add -A
	git commit -qm state
}

teardown() {
	nv_teardown
}

# Changes each kind by hand, then lets git bring all back.
change_all() {
	local kind
	for kind in $NV_KINDS; do
		nv_kind "$kind"
		sed -i "s/$OLD/$NEW/" "$FILE"
	done
	nv_clock 3000
}

brought_back() {
	local kind deletes
	deletes=$(nv_doc_changes | grep -c '^delete' || true)
	nv_clock 3000
	nv_equal "" "$(git status --porcelain)"
	for kind in $NV_KINDS; do
		nv_kind "$kind"
		grep -q "$OLD" "$FILE"
		! grep -q "$NEW" "$FILE"
	done
	nv_equal 0 "$deletes"
	nv_equal "" "$(nv_changes | grep -E '^(delete plugin data|delete metadata|delete dns name)' || true)"
}

@test "git status and add of the whole tree: nothing changed" {
	nv_equal "" "$(git status --porcelain)"
	nv_equal "" "$(nv_changes)"
	nv_equal "" "$(nv_doc_changes)"
}

@test "git checkout" {
	change_all
	nv_equal "$(wc -w <<<"$NV_KINDS")" "$(git status --porcelain | wc -l)"
	git checkout -q -- .
	brought_back
}

@test "git checkout with four workers" {
	change_all
	git -c checkout.workers=4 -c checkout.thresholdForParallelism=1 checkout -q -f HEAD -- .
	brought_back
}

@test "git reset --hard" {
	change_all
	git reset -q --hard
	brought_back
}

@test "git apply" {
	change_all
	git diff >"$NV_DIR/patch"
	cd "$MNT" || return
	git apply -R "$NV_DIR/patch"
	cd / || return
	brought_back
}

@test "git stash and pop" {
	change_all
	git stash -q
	brought_back
	git stash pop -q
	nv_clock 3000
	nv_equal "$(wc -w <<<"$NV_KINDS")" "$(git status --porcelain | wc -l)"
}
