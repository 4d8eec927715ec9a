#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Several at once on one datum: two mounts, two editors, two handles, and a writer that knows nothing of any mount (DESIGN 1, law 5).

load ../lib/mount.bash

setup() {
	nv_setup
	META=netdox/dns/lan/web-2.example.com/meta
	KEY='meta;[lan]web-2.example.com'
	REC=netdox/dns/lan/web-2.example.com/records
	WWW=netgoat/teams/platform/domains/example.com/records/www.CNAME.json
}

teardown() {
	other_umount
	nv_teardown
}

# Skips what has been shown without a server.
nv_redis_only() {
	[ -z "${NV_DOCS_SERVER:-}" ] || skip "about Redis"
}

# other_mount [OPTIONS]: the same stores once more, at $OTHER.
other_mount() {
	OTHER=$NV_DIR/other
	mkdir -p "$OTHER"
	NETVIEWFS_TEST=1 "$NV_BIN" -f -o "docs=$NV_DOCS_URI,redis=unix://$NV_DIR/redis.sock${1:+,$1}" "$OTHER" \
		</dev/null >"$NV_DIR/other.log" 2>&1 3>&- &
	OTHER_PID=$!
	nv_wait_until grep -aq '^netviewfs: info: mounted at ' "$NV_DIR/other.log"
}

other_umount() {
	[ -n "${OTHER_PID:-}" ] || return 0
	kill "$OTHER_PID"
	wait "$OTHER_PID" || nv_fail "the other daemon ended with status $?"
	OTHER_PID=
	nv_equal "" "$(grep -aEi 'error|warning|==[0-9]+==' "$NV_DIR/other.log" || true)"
}

# --- 10,000 increments ----------------------------------------------------------------------------------------------------------

# increments FILE: 8 writers on each of two mounts, 10,000 increments of four numbers in one file.
increments() {
	local uid=0 options=
	if [ "$(id -u)" -eq 0 ]; then
		uid=65534 options=allow_other,uid=65534
		chmod 711 "$NV_DIR"
	fi
	nv_remount $options
	other_mount $options
	perl "$NV_SRCDIR/tests/lib/count.pl" 625 4 "$MNT/$1" 8 "$uid" "$OTHER/$1" 8 "$uid" >"$NV_DIR/counted"
	cat "$NV_DIR/counted"
	grep -q '^10000 saves, ' "$NV_DIR/counted"
}

@test "8 writers on each of two mounts add 10,000 times to fields of one hash: none is lost" {
	nv_redis_only
	nv_redis hset "$KEY" n0 0 n1 0 n2 0 n3 0 >/dev/null
	increments "$META"
	nv_equal "2500 2500 2500 2500" "$(nv_redis hmget "$KEY" n0 n1 n2 n3 | xargs)"
	nv_equal "10000 updated metadata|$KEY|netviewfs" "$(nv_changes | uniq -c | sed 's/^ *//')"
	nv_equal ann "$(nv_redis hget "$KEY" owner)"
}

@test "8 writers on each of two mounts add 10,000 times to fields of one document: none is lost" {
	local field
	nv_doc_id dnsrecords '.name == "www" and .domain == "example.com"' >"$NV_DIR/id"
	nv_doc dnsrecords "$(cat "$NV_DIR/id")" |
		jq -c '. + ({n0: 0, n1: 0, n2: 0, n3: 0} | map_values({"$numberInt": tostring}))' >"$NV_DIR/doc"
	"$NV_DOCS_TOOL" replace "$NV_DOCS_STORE" dnsrecords <"$NV_DIR/doc"
	increments "$WWW"
	nv_equal '2500 2500 2500 2500' "$(nv_doc dnsrecords "$(cat "$NV_DIR/id")" | jq -r '[.n0, .n1, .n2, .n3 | .["$numberInt"]] | join(" ")')"
	# the changelog tells of each step, from the number before it
	nv_docs changelog 'select(.change == "update record") | [.before, .after | map_values(.["$numberInt"] // empty | tonumber)]' \
		>"$NV_DIR/steps"
	for field in n0 n1 n2 n3; do
		nv_equal "2500 true" "$(jq -s -r --arg f $field \
			'map(select(.[1][$f])) | sort_by(.[1][$f]) | "\(length) \([to_entries[] | .value[0][$f] == .key and .value[1][$f] == .key + 1] | all)"' \
			"$NV_DIR/steps")"
	done
}

# --- merges --------------------------------------------------------------------------------------------------------------------

# An editor that has read FILE and will save the text that it then has when `go NUMBER` lets it.
# editor NUMBER FILE TEXT
editor() {
	rm -f "$NV_DIR/go$1"
	mkfifo "$NV_DIR/go$1"
	: >"$NV_DIR/editor$1"
	nv_sys "cat:$2" wait "open:w+trunc:$2" "write:$3" close <"$NV_DIR/go$1" >"$NV_DIR/editor$1" 2>&1 3>&- &
	eval "EDITOR$1=\$!"
	eval "exec 3$1>\"\$NV_DIR/go\$1\"" # keeps it waiting
	nv_wait_until grep -qx ready "$NV_DIR/editor$1"
}

# saves NUMBER RESULT: the editor saves, with this result.
saves() {
	eval "echo go >&3$1"
	eval "exec 3$1>&-"
	eval "wait \$EDITOR$1" || true
	nv_equal "close $2" "$(tail -n 1 "$NV_DIR/editor$1")"
}

@test "fields: two mounts and a foreign writer change different ones, all are kept" {
	nv_redis_only
	nv_redis hset "$KEY" owner ann rack R1 note x >/dev/null
	nv_clock 1001
	other_mount
	editor 1 "$MNT/$META" 'owner: ben\nrack: R1\nnote: x\n'
	editor 2 "$OTHER/$META" 'owner: ann\nrack: R2\nnote: x\n'
	nv_redis hset "$KEY" note y more z >/dev/null
	saves 1 ok
	saves 2 ok
	nv_equal $'more\tz\nnote\ty\nowner\tben\nrack\tR2' "$(nv_redis_value 0 "$KEY")"
	nv_equal 2 "$(nv_changes | wc -l)"
	nv_clock 1001
	nv_equal $'more: z\nnote: y\nowner: ben\nrack: R2' "$(cat "$MNT/$META")"
	refute nv_lists "$MNT/.netviewfs" conflicts
}

@test "members: two mounts and a foreign writer add and remove different ones, all of it happens" {
	nv_redis_only
	local a='dns;[lan]web-2.example.com;bind;A'
	nv_redis sadd "$a" '[lan]192.0.2.12' >/dev/null
	nv_clock 1001
	other_mount
	editor 1 "$MNT/$REC" 'bind A 192.0.2.11\nbind A 192.0.2.12\nbind A 192.0.2.21\nnmap A 192.0.2.11\nproxmox A 192.0.2.11\n'
	editor 2 "$OTHER/$REC" 'bind A 192.0.2.11\nnmap A 192.0.2.11\nproxmox A 192.0.2.11\nhand TXT two\n'
	nv_redis sadd "$a" '[lan]192.0.2.31' >/dev/null
	saves 2 ok
	saves 1 ok
	nv_equal $'[lan]192.0.2.11\n[lan]192.0.2.21\n[lan]192.0.2.31' "$(nv_redis smembers "$a" | sort)"
	nv_equal two "$(nv_redis smembers 'dns;[lan]web-2.example.com;hand;TXT')"
}

@test "documents: two mounts and a foreign writer change different fields, all are kept" {
	local id
	id=$(nv_doc_id dnsrecords '.name == "www" and .domain == "example.com"')
	other_mount
	editor 1 "$MNT/$WWW" '{"value": "example.com", "ttl": 301, "proxied": true, "active": true}\n'
	editor 2 "$OTHER/$WWW" '{"value": "example.com", "ttl": 300, "proxied": true, "active": false}\n'
	nv_doc dnsrecords "$id" | jq -c '.note = "foreign"' | "$NV_DOCS_TOOL" replace "$NV_DOCS_STORE" dnsrecords
	saves 1 ok
	saves 2 ok
	nv_equal '[{"$numberInt":"301"},false,"foreign"]' "$(nv_doc dnsrecords "$id" | jq -c '[.ttl, .active, .note]')"
	nv_equal 2 "$(nv_doc_changes | wc -l)"
}

# What each of a mount's conflicts has, a line each: base, mine, theirs.
conflicts() {
	local dir
	for dir in "$1"/.netviewfs/conflicts/*; do
		[ -d "$dir" ] || continue
		cat "$dir/base" "$dir/mine" "$dir/theirs" | xargs
	done
}

@test "the same field from two mounts: the later save gets ESTALE, and each text is kept once, where it was refused" {
	nv_redis_only
	printf 'owner: ann\n' >"$MNT/$META"
	other_mount
	editor 1 "$MNT/$META" 'owner: ben\n'
	editor 2 "$OTHER/$META" 'owner: chen\n'
	saves 1 ok
	saves 2 ESTALE
	nv_equal ben "$(nv_redis hget "$KEY" owner)"
	refute nv_lists "$MNT/.netviewfs" conflicts
	nv_equal "owner: ann owner: chen owner: ben" "$(conflicts "$OTHER")"
	nv_equal "600 600 600" "$(stat -c %a "$OTHER"/.netviewfs/conflicts/*/* | xargs)"
	tail -n 1 "$OTHER/.netviewfs/errors" | grep -q "$META: ESTALE: .*kept in \.netviewfs/conflicts/.*-meta\$"
	# the same text again, by a rename that the kernel tries twice: still one
	for _ in 1 2; do
		nv_sys "cat:$OTHER/$META" >/dev/null
		editor 3 "$OTHER/$META" 'owner: dana\n'
		nv_redis hset "$KEY" owner eve >/dev/null
		saves 3 ESTALE
		nv_redis hset "$KEY" owner ben >/dev/null
		echo 1001 >"$OTHER/.netviewfs/clock"
	done
	nv_wait_until nv_prints $'owner: ann owner: chen owner: ben\nowner: ben owner: dana owner: eve' conflicts "$OTHER"
	nv_equal 1 "$(nv_changes | wc -l)"
}

@test "two handles of one process: members merge, a field that both change is the first one's" {
	nv_redis_only
	printf 'owner: ann\nrack: R1\n' >"$MNT/$META"
	run nv_sys use:a "open:rw:$MNT/$META" read:99 use:b "open:rw:$MNT/$META" read:99 seek:0 'write:owner: ben\nrack: R1\n' close \
		use:a seek:0 'write:owner: ann\nrack: R2\n' close
	nv_equal "close ok" "$(tail -n 1 <<<"$output")"
	nv_equal $'owner\tben\nrack\tR2' "$(nv_redis_value 0 "$KEY")"
	run nv_sys use:a "open:rw:$MNT/$META" read:99 use:b "open:rw:$MNT/$META" read:99 seek:0 'write:owner: cat\n' close \
		use:a seek:0 'write:owner: dan\n' close
	nv_equal "close ESTALE" "$(tail -n 1 <<<"$output")"
	nv_equal cat "$(nv_redis hget "$KEY" owner)"
	nv_equal "owner: ben rack: R2 owner: dan rack: R2 owner: cat rack: R2" "$(conflicts "$MNT")"
}

# --- two editors -----------------------------------------------------------------------------------------------------------------

# vim_opens NUMBER FILE SUBSTITUTION: an editor with the file in its buffer, which changes it and saves when vim_saves lets it.
vim_opens() {
	rm -f "$NV_DIR/go$1" "$NV_DIR/up$1"
	mkfifo "$NV_DIR/go$1"
	vim -u DEFAULTS -es -n -c "call writefile(['up'], '$NV_DIR/up$1')" -c "call system('cat $NV_DIR/go$1')" -c "$3" -c 'try | write! | quit! | catch | cquit | endtry' "$2" \
		</dev/null >"$NV_DIR/vim$1" 2>&1 3>&- &
	eval "VIM$1=\$!"
	nv_wait_until [ -e "$NV_DIR/up$1" ]
}

# Its exit status.
vim_saves() {
	local rc=0
	echo go >"$NV_DIR/go$1"
	eval "wait \$VIM$1" || rc=$?
	return "$rc"
}

@test "two vims on two mounts: different fields merge" {
	nv_redis_only
	nv_need vim
	printf 'owner: ann\nrack: R1\n' >"$MNT/$META"
	other_mount
	vim_opens 1 "$MNT/$META" '%s/ann/ben/'
	vim_opens 2 "$OTHER/$META" '%s/R1/R2/'
	vim_saves 1
	vim_saves 2
	nv_equal $'owner\tben\nrack\tR2' "$(nv_redis_value 0 "$KEY")"
}

@test "two vims on two mounts: of the same field the second is told, and its text is kept" {
	nv_redis_only
	nv_need vim
	printf 'owner: ann\nrack: R1\n' >"$MNT/$META"
	other_mount
	vim_opens 1 "$MNT/$META" '%s/ann/ben/'
	vim_opens 2 "$OTHER/$META" '%s/ann/dan/'
	vim_saves 1
	refute vim_saves 2
	nv_equal $'owner\tben\nrack\tR1' "$(nv_redis_value 0 "$KEY")"
	nv_equal "owner: ann rack: R1 owner: dan rack: R1 owner: ben rack: R1" "$(conflicts "$OTHER")"
}
