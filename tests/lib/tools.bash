# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# One edit by one tool on one file of each kind, and what must be true after it (DESIGN 1, laws 2 to 4). A suite defines how its tool edits
# and calls nv_matrix, nv_matrix_refused or both.

load ../lib/mount.bash

: "${NV_KINDS:=own record lines records fields pdata}"

# nv_kind KIND: FILE, OLD and NEW (words: what the tool replaces), BAD (a word that makes the text wrong), the ENTRIES that the change needs,
# and where the datum is in its STORE: KEYS, a pattern, or a collection and a condition.
nv_kind() {
	local name='dns;[lan]web-2.example.com'
	STORE=redis KEYS=
	case $1 in
	own)
		FILE=$NG/teams/platform/domains/example.com/domain.json OLD=errors NEW=all BAD=loud STORE=docs
		KEYS='domains .domain=="example.com"'
		ENTRIES='update domain|netgoat/teams/platform/domains/example.com/domain.json'
		;;
	record)
		FILE=$NG/teams/platform/domains/example.com/records/www.CNAME.json OLD=300 NEW=301 BAD=often STORE=docs
		KEYS='dnsrecords .name=="www"'
		ENTRIES='update record|netgoat/teams/platform/domains/example.com/records/www.CNAME.json'
		;;
	lines)
		FILE=$NX/dns/lan/192.0.2.10/maps OLD=203.0.113.10 NEW=203.0.113.19 BAD='x\q'
		KEYS='dns;?lan?192.0.2.10;maps'
		ENTRIES=$'updated network mapping|dns;[lan]192.0.2.10;maps|netviewfs\nupdated network mapping|dns;[lan]192.0.2.10;maps|netviewfs'
		;;
	records)
		FILE=$NX/dns/lan/web-2.example.com/records OLD=proxmox NEW=hand BAD='x\q'
		KEYS='dns;?lan?web-2.example.com*'
		ENTRIES="add plugin to dns name|$name;plugins|hand
add record type to dns name|$name;hand|hand
create dns record|$name;hand;A|hand
delete dns record|$name;proxmox;A|proxmox
remove record type from dns name|$name;proxmox|proxmox
remove plugin from dns name|$name;plugins|proxmox"
		;;
	fields)
		FILE=$NX/dns/lan/web-2.example.com/meta OLD=ann NEW=bob BAD='x\q'
		KEYS='meta;?lan?web-2.example.com'
		ENTRIES='updated metadata|meta;[lan]web-2.example.com|netviewfs'
		;;
	pdata)
		FILE=$NX/dns/lan/web-1.example.com/pdata/disks OLD=sda NEW=sdz BAD='x\q'
		KEYS='pdata;dns;?lan?web-1.example.com;disks*'
		ENTRIES='updated plugin data list|pdata;dns;[lan]web-1.example.com;disks|proxmox'
		;;
	esac
	DIR=${FILE%/*}
}

# All entries of both changelogs so far, Redis first.
nv_entries() {
	case $STORE in
	redis) nv_changes ;;
	docs) nv_doc_changes ;;
	esac
}

# Entries after the first N.
nv_entries_after() {
	nv_entries | tail -n "+$(($1 + 1))"
}

# --- The poller: another reader of the store ------------------------------------------------------------------------------------

NV_DATUM_LUA='
local keys = redis.call("KEYS", ARGV[1])
table.sort(keys)
local text = ""
for _, key in ipairs(keys) do
	text = text .. redis.sha1hex(redis.call("DUMP", key)) .. key
end
return redis.sha1hex(text)'

# What the store holds, as one line, read in one step.
nv_datum() {
	case $STORE in
	redis) nv_redis eval "$NV_DATUM_LUA" 0 "$KEYS" ;;
	docs) nv_docs "${KEYS%% *}" "select(${KEYS#* })" | sha1sum ;;
	esac
}

nv_datum_for_ever() {
	if [ "$STORE" = redis ]; then
		exec redis-cli -s "$NV_DIR/redis.sock" -r -1 -i 0.002 eval "$NV_DATUM_LUA" 0 "$KEYS"
	fi
	while :; do
		nv_datum
	done
}

# From now on the store is asked all the time what it holds.
nv_poll() {
	nv_datum >"$NV_DIR/wanted"
	: >"$NV_DIR/polled"
	nv_datum_for_ever >"$NV_DIR/polled" 2>/dev/null 3>&- &
	NV_POLLER=$!
	nv_wait_until [ -s "$NV_DIR/polled" ]
}

# It held the old datum or the new one, and never anything else.
nv_polled() {
	kill -KILL "$NV_POLLER"
	wait "$NV_POLLER" 2>/dev/null || true
	nv_datum >>"$NV_DIR/wanted"
	# the last line may have been cut
	nv_equal "" "$(sed '$d' "$NV_DIR/polled" | grep -vxFf "$NV_DIR/wanted" | sort | uniq -c)"
}

# nv_edited EDIT-FUNCTION KIND [LEFTOVER…]: the edit is one commit with just its entries, and leaves nothing but LEFTOVER (@ = the file's name).
nv_edited() {
	local edit=$1 kind=$2 entries commits extra
	shift 2
	nv_kind "$kind"
	cp "$FILE" "$NV_DIR/original"
	ls -A "$DIR" >"$NV_DIR/names"
	for extra in "$@"; do
		echo "${extra//@/${FILE##*/}}" >>"$NV_DIR/names"
	done
	entries=$(nv_entries | wc -l)
	commits=$(nv_metric commits)
	nv_poll
	"$edit" "$FILE" "$OLD" "$NEW" || nv_fail "$edit on $kind: exit status $?"
	nv_wait_until nv_prints "$((commits + 1))" nv_metric commits
	nv_polled
	nv_equal "$(sed "s/$OLD/$NEW/g" "$NV_DIR/original" | nv_order "$kind")" "$(nv_order "$kind" <"$FILE")"
	nv_equal "$ENTRIES" "$(nv_entries_after "$entries")"
	nv_clock 3000
	nv_equal "$(sort -u "$NV_DIR/names")" "$(ls -A "$DIR" | sort)"
	nv_equal "$((commits + 1))" "$(nv_metric commits)"
	for extra in "$@"; do
		rm -f "$DIR/${extra//@/${FILE##*/}}"
	done
}

# A file of lines is shown sorted; lists and documents are not.
nv_order() {
	case $1 in
	lines | records | fields) LC_ALL=C sort ;;
	*) cat ;;
	esac
}

# nv_untouched_by EDIT-FUNCTION KIND: a refused edit leaves the datum, logs nothing, and its reason is told. Some tools cannot say so by their status.
nv_untouched_by() {
	local edit=$1 kind=$2 entries
	nv_kind "$kind"
	cp "$FILE" "$NV_DIR/original"
	entries=$(nv_entries | wc -l)
	: >"$NV_DIR/status"
	"$edit" "$FILE" "$OLD" "$BAD" >/dev/null 2>&1 || echo "$?" >"$NV_DIR/status"
	nv_clock 3000
	nv_wait_until [ -e "$FILE" ]
	nv_clock 3000
	cmp "$NV_DIR/original" "$FILE"
	nv_equal "" "$(nv_entries_after "$entries")"
	tail -n 4 "$MNT/.netviewfs/errors" | grep -qF "${FILE#"$MNT/"}" ||
		nv_fail "$edit on $kind: no reason in errors:" "$(tail -n 4 "$MNT/.netviewfs/errors")"
	find "$DIR" -maxdepth 1 \( -name '*~' -o -name '.*.sw?' -o -name '*.bak' -o -name '*.rej' -o -name '*.orig' \) -delete
}

# The same on all kinds.
nv_matrix() {
	local edit=$1 kind
	shift
	for kind in $NV_KINDS; do
		nv_edited "$edit" "$kind" "$@"
	done
}

nv_matrix_refused() {
	local kind
	for kind in $NV_KINDS; do
		nv_untouched_by "$1" "$kind"
	done
}

# nv_pty COMMAND…: runs it on a terminal of its own, with nobody typing; its exit status. script(1) takes the shell from SHELL, and the
# quotes are bash's. One that waits for an answer is ended, and what it showed is told.
nv_pty() {
	local line rc=0
	printf -v line '%q ' "$@"
	TERM=xterm SHELL=$BASH timeout -k 5 60 script -qec "$line" /dev/null </dev/null >"$NV_DIR/screen" 2>&1 || rc=$?
	[ "$rc" -ne 124 ] || cat "$NV_DIR/screen" >&2
	return "$rc"
}

# --- Editors that have to be typed at -----------------------------------------------------------------------------------------

nv_term() {
	SHELL=$BASH tmux -L "nv$$" -f /dev/null "$@"
}

# nv_term_start COMMAND…: on a terminal that shows the whole file, in a directory where an editor may leave what it saves when it is killed.
nv_term_start() {
	local line
	printf -v line '%q ' "$@"
	nv_term new-session -d -c "$NV_DIR" -x 120 -y 60 -s nv "exec env TERM=screen $line; echo" 3>&-
}

nv_term_shows() {
	nv_term capture-pane -p -t nv | grep -qF -- "$1"
}

# nv_term_expect TEXT: waits until the screen shows it.
nv_term_expect() {
	nv_wait_until nv_term_shows "$1" || {
		nv_term capture-pane -p -t nv >&2
		return 1
	}
}

nv_term_keys() {
	nv_term send-keys -t nv "$@"
}

nv_term_gone() {
	! nv_term has-session -t nv 2>/dev/null
}

# Waits until the editor has ended.
nv_term_end() {
	nv_wait_until nv_term_gone
}

nv_term_kill() {
	nv_term kill-server 2>/dev/null || true
}
