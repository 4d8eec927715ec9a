#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netdox/ written: what Redis holds afterwards (keys, types, TTLs, last-modified) and which changes are logged, in order.

load ../lib/mount.bash

setup() {
	nv_setup
	nv_clock stop
	WEB2=$NX/dns/lan/web-2.example.com
}

teardown() {
	nv_teardown
}

# Keys of the last-modified hash that differ from the seeded ones, sorted, "-KEY" when gone.
stamps() {
	diff "$NV_DIR/stamps" <(nv_redis hgetall last-modified | paste - - | sort) | sed -n 's/^> //p; s/^< /-/p' | cut -f1 |
		sort -u | awk '{ key = $0; sub(/^-/, "", key); seen[key] = seen[key] $0 "\n" } END { for (k in seen) print (seen[k] == "-" k "\n") ? "-" k : k }' | sort
}

remember_stamps() {
	nv_redis hgetall last-modified | paste - - | sort >"$NV_DIR/stamps"
}

@test "a value added to a plugin's type: one member, one entry, one stamp" {
	remember_stamps
	echo 'bind A 192.0.2.77' >>"$WEB2/records"
	nv_equal "dns;[lan]web-2.example.com;bind;A" "$(stamps)"
	[[ $(nv_redis hget last-modified 'dns;[lan]web-2.example.com;bind;A') =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z$ ]]
	nv_equal $'[lan]192.0.2.11\n[lan]192.0.2.77' "$(nv_redis smembers 'dns;[lan]web-2.example.com;bind;A' | sort)"
	nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
	grep -qxF 'bind A [lan]192.0.2.77' "$WEB2/records"
}

@test "a new plugin and type: three entries in order, type in upper case, unqualified values qualified" {
	remember_stamps
	printf 'hand txt hello  world\nhand cname jump.example.net\nhand AAAA 2001:db8::77\n' >>"$WEB2/records"
	nv_equal "$(printf '%s\n' \
		'add plugin to dns name|dns;[lan]web-2.example.com;plugins|hand' \
		'add record type to dns name|dns;[lan]web-2.example.com;hand|hand' \
		'create dns record|dns;[lan]web-2.example.com;hand;TXT|hand' \
		'add record type to dns name|dns;[lan]web-2.example.com;hand|hand' \
		'create dns record|dns;[lan]web-2.example.com;hand;CNAME|hand' \
		'add record type to dns name|dns;[lan]web-2.example.com;hand|hand' \
		'create dns record|dns;[lan]web-2.example.com;hand;AAAA|hand')" "$(nv_changes)"
	nv_equal 'hello  world' "$(nv_redis smembers 'dns;[lan]web-2.example.com;hand;TXT')"
	nv_equal '[lan]jump.example.net' "$(nv_redis smembers 'dns;[lan]web-2.example.com;hand;CNAME')"
	nv_equal '2001:db8::77' "$(nv_redis smembers 'dns;[lan]web-2.example.com;hand;AAAA')"
	nv_equal "$(printf 'dns;[lan]web-2.example.com;%s\n' hand 'hand;AAAA' 'hand;CNAME' 'hand;TXT' plugins)" "$(stamps)"
}

@test "a plugin's last line removed: value, type and plugin go, bottom up" {
	remember_stamps
	sed -i '/^proxmox /d' "$WEB2/records"
	nv_equal "$(printf '%s\n' \
		'delete dns record|dns;[lan]web-2.example.com;proxmox;A|proxmox' \
		'remove record type from dns name|dns;[lan]web-2.example.com;proxmox|proxmox' \
		'remove plugin from dns name|dns;[lan]web-2.example.com;plugins|proxmox')" "$(nv_changes)"
	nv_equal 0 "$(nv_redis exists 'dns;[lan]web-2.example.com;proxmox' 'dns;[lan]web-2.example.com;proxmox;A')"
	nv_equal $'bind\nnmap' "$(nv_redis smembers 'dns;[lan]web-2.example.com;plugins' | sort)"
	nv_equal "$(printf '%s\n' '-dns;[lan]web-2.example.com;proxmox' '-dns;[lan]web-2.example.com;proxmox;A' 'dns;[lan]web-2.example.com;plugins')" "$(stamps)"
}

@test "rm records: the plugins go, the name stays" {
	rm "$WEB2/records"
	nv_equal "" "$(nv_changes)"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists 'dns;[lan]web-2.example.com;plugins'
	nv_equal 1 "$(nv_redis sismember dns '[lan]web-2.example.com')"
	nv_equal "" "$(nv_redis --scan --pattern 'dns;*web-2.example.com;*')"
	nv_equal 3 "$(nv_changes | grep -c '^remove plugin from dns name|')"
}

@test "maps: one entry for each member added or removed" {
	echo '[dmz]jump.example.net' >>"$NX/dns/lan/192.0.2.10/maps"
	nv_equal "updated network mapping|dns;[lan]192.0.2.10;maps|netviewfs" "$(nv_changes)"
	printf '[dmz]jump.example.net\n[dmz]vpn.example.com\n' >"$NX/dns/lan/192.0.2.10/maps"
	nv_equal 3 "$(nv_changes | grep -c '^updated network mapping|')"
	nv_equal $'[dmz]jump.example.net\n[dmz]vpn.example.com' "$(nv_redis smembers 'dns;[lan]192.0.2.10;maps' | sort)"
}

@test "maps: an unqualified line is refused with its place" {
	nv_redis_dump >"$NV_DIR/before"
	refute nv_quiet cp <(printf '[dmz]jump.example.net\nvpn.example.com\n') "$NX/dns/lan/192.0.2.10/maps"
	nv_refused 'netdox/dns/lan/192.0.2.10/maps:2:1: EINVAL'
	nv_redis_dump | diff "$NV_DIR/before" -
	nv_equal "" "$(nv_changes)"
}

@test "maps: made by the first line, gone with the last" {
	echo '[dmz]jump.example.net' >"$WEB2/maps"
	nv_equal set "$(nv_redis type 'dns;[lan]web-2.example.com;maps')"
	: | tee "$WEB2/maps" >/dev/null || true
	nv_equal 1 "$(nv_redis scard 'dns;[lan]web-2.example.com;maps')"
	truncate -s 0 "$WEB2/maps"
	nv_equal 0 "$(nv_redis exists 'dns;[lan]web-2.example.com;maps')"
	nv_equal 0 "$(nv_redis hexists last-modified 'dns;[lan]web-2.example.com;maps')"
	nv_equal 2 "$(nv_changes | wc -l)"
}

@test "meta: the last of two lines with one key wins; the TTL stays" {
	nv_redis expire 'meta;[lan]web-2.example.com' 10000 >/dev/null
	echo 'owner: zoe' >>"$WEB2/meta"
	nv_equal zoe "$(nv_redis hget 'meta;[lan]web-2.example.com' owner)"
	[ "$(nv_redis ttl 'meta;[lan]web-2.example.com')" -gt 9000 ]
	nv_equal "updated metadata|meta;[lan]web-2.example.com|netviewfs" "$(nv_changes)"
	nv_same "$WEB2/meta" $'owner: zoe\n'
}

@test "meta: a new one joins the index, a removed one leaves it" {
	remember_stamps
	printf 'note:\naa:bb:cc: up\nkey with blank: v\n' >"$NX/dns/dmz/jump.example.net/meta"
	nv_equal 1 "$(nv_redis sismember meta '[dmz]jump.example.net')"
	nv_equal $'aa:bb:cc\tup\nkey with blank\tv\nnote\t' "$(nv_redis_value 0 'meta;[dmz]jump.example.net')"
	nv_equal "updated metadata|meta;[dmz]jump.example.net|netviewfs" "$(nv_changes)"
	nv_equal $'meta\nmeta;[dmz]jump.example.net' "$(stamps)"
	rm "$NX/dns/dmz/jump.example.net/meta"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists 'meta;[dmz]jump.example.net'
	nv_equal 0 "$(nv_redis sismember meta '[dmz]jump.example.net')"
	nv_equal "delete metadata|meta;[dmz]jump.example.net|netviewfs" "$(nv_changes | tail -n 1)"
}

@test "meta of a node is logged with the node's plugin" {
	echo 'rack: R9' >>"$NX/nodes/[lan]192.0.2.40;[lan]db-1.example.com;proxmox/meta"
	nv_equal "updated metadata|meta;[lan]192.0.2.40;[lan]db-1.example.com;proxmox|proxmox" "$(nv_changes)"
}

@test "default_network" {
	echo dmz >"$NX/default_network"
	nv_equal dmz "$(nv_redis get default_network)"
	nv_equal "updated default network|default_network|netviewfs" "$(nv_changes)"
	echo 'bind A 198.51.100.77' >>"$WEB2/records"
	nv_equal 1 "$(nv_redis sismember 'dns;[lan]web-2.example.com;bind;A' '[dmz]198.51.100.77')"
}

@test "without a default network an unqualified value is refused with the reason" {
	nv_redis del default_network >/dev/null
	nv_remount
	refute nv_quiet tee -a "$WEB2/records" <<<'bind A 192.0.2.78'
	nv_refused 'default_network'
	echo 'bind A [lan]192.0.2.78' >>"$WEB2/records"
	nv_equal "create dns record|dns;[lan]web-2.example.com;bind;A|bind" "$(nv_changes)"
	refute [ -e "$NX/default_network" ]
}

@test "mkdir makes a DNS name, rmdir deletes it, and nothing else" {
	nv_redis_dump >"$NV_DIR/before"
	remember_stamps
	mkdir "$NX/dns/lan/new.example.net"
	nv_equal "create dns name|[lan]new.example.net|netviewfs" "$(nv_changes)"
	nv_equal dns "$(stamps)"
	nv_equal "" "$(nv_redis --scan --pattern '*new.example.net*')"
	nv_equal 1 "$(nv_redis sismember dns '[lan]new.example.net')"
	rmdir "$NX/dns/lan/new.example.net"
	nv_equal "delete dns name|[lan]new.example.net|netviewfs" "$(nv_changes | tail -n 1)"
	nv_redis_dump | grep -v ' last-modified ' | diff <(grep -v ' last-modified ' "$NV_DIR/before") -
}

@test "mkdir of a network is a name in memory until it has a DNS name" {
	nv_redis_dump >"$NV_DIR/before"
	mkdir "$NX/dns/guest"
	nv_redis_dump | diff "$NV_DIR/before" -
	nv_equal "" "$(ls -A "$NX/dns/guest")"
	mkdir "$NX/dns/guest/phone.example.net"
	nv_equal 1 "$(nv_redis sismember dns '[guest]phone.example.net')"
	nv_remount
	nv_equal phone.example.net "$(ls "$NX/dns/guest")"
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NX/dns/no network")"
}

@test "rmdir of a name with data is ENOTEMPTY, rm -r deletes it with all it has" {
	nv_equal "rmdir ENOTEMPTY" "$(nv_sys "rmdir:$NX/dns/lan/web-1.example.com")"
	nv_equal "" "$(nv_changes)"
	rm -r "$NX/dns/lan/web-1.example.com"
	nv_equal "" "$(nv_redis --scan --pattern '*;\[lan\]web-1.example.com' ; nv_redis --scan --pattern 'dns;\[lan\]web-1.example.com;*'; nv_redis --scan --pattern 'pdata;dns;\[lan\]web-1.example.com*')"
	nv_equal 0 "$(nv_redis sismember dns '[lan]web-1.example.com')"
	nv_equal 0 "$(nv_redis sismember meta '[lan]web-1.example.com')"
	nv_equal "delete dns name|[lan]web-1.example.com|netviewfs" "$(nv_changes | tail -n 1)"
	nv_equal 4 "$(nv_changes | grep -c '^delete plugin data|pdata;dns;\[lan\]web-1.example.com;')"
	refute [ -e "$NX/dns/lan/web-1.example.com" ]
}

@test "mv of a DNS name is a copy and a delete" {
	nv_equal "rename EXDEV" "$(nv_sys "rename:$NX/dns/lan/web-2.example.com:$NX/dns/lan/web-9.example.com")"
	cp "$WEB2/records" "$NV_DIR/records"
	mv "$WEB2" "$NX/dns/lan/web-9.example.com"
	diff "$NV_DIR/records" "$NX/dns/lan/web-9.example.com/records"
	nv_equal ann "$(nv_redis hget 'meta;[lan]web-9.example.com' owner)"
	nv_equal 0 "$(nv_redis sismember dns '[lan]web-2.example.com')"
	nv_equal 0 "$(nv_redis exists 'meta;[lan]web-2.example.com' 'dns;[lan]web-2.example.com;plugins')"
}

@test "mv of a DNS name and back again leaves it as it was, its link to the node too" {
	local name=$NX/dns/lan/web-1.example.com before
	before=$(nv_redis_dump | grep -v ' last-modified ')
	cp -a "$name" "$NV_DIR/before"
	mv "$name" "$NX/dns/lan/web-9.example.com"
	mv "$NX/dns/lan/web-9.example.com" "$name"
	nv_equal ../../../processed/web-1 "$(readlink "$name/node")"
	diff -r --no-dereference "$NV_DIR/before" "$name"
	nv_equal "$before" "$(nv_redis_dump | grep -v ' last-modified ')"
	refute [ -e "$NX/dns/lan/web-9.example.com" ]
}

@test "mkdir of a node: index, plugins, details" {
	local id='[lan]192.0.2.120;[lan]desk-ann.example.net;hand'
	remember_stamps
	mkdir "$NX/nodes/$id"
	nv_equal "create plugin node|nodes;$id;hand|hand" "$(nv_changes)"
	nv_equal 1 "$(nv_redis sismember nodes "$id")"
	nv_equal hand "$(nv_redis smembers "nodes;$id")"
	nv_equal $'exclusive\tfalse\nplugin\thand' "$(nv_redis_value 0 "nodes;$id;hand")"
	nv_equal "$(printf '%s\n' nodes "nodes;$id" "nodes;$id;hand")" "$(stamps)"
	nv_equal "mkdir EEXIST" "$(nv_sys "mkdir:$NX/nodes/$id")"
}

@test "mkdir of a node whose id is not one is refused with the reason" {
	local id
	nv_redis_dump >"$NV_DIR/before"
	for id in 'x' '192.0.2.1;hand' '[lan]b.example.net;[lan]a.example.net;hand' '[lan]a.example.net;[lan]a.example.net;hand' '[lan]a.example.net'; do
		nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NX/nodes/$id")"
	done
	nv_refused 'EINVAL'
	nv_redis_dump | diff "$NV_DIR/before" -
}

@test "a node's plugins: edit, add, remove; rmdir deletes the node" {
	local id='[lan]192.0.2.41;[lan]db-2.example.com;proxmox'
	local dir=$NX/nodes/$id
	sed -i 's/^name: .*/name: replica/' "$dir/plugins/proxmox"
	nv_equal replica "$(nv_redis hget "nodes;$id;proxmox" name)"
	nv_equal db-2 "$(nv_redis hget "nodes;$id;proxmox" link_id)"
	nv_equal "updated plugin node|nodes;$id;proxmox|proxmox" "$(nv_changes)"
	nv_sys "open:w+creat:$dir/plugins/hand" 'write:name: second\nplugin: hand\nexclusive: false\n' fsync close
	nv_equal $'hand\nproxmox' "$(nv_redis smembers "nodes;$id" | sort)"
	nv_equal "create plugin node|nodes;$id;hand|hand" "$(nv_changes | tail -n 1)"
	rm "$dir/plugins/hand"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists "nodes;$id;hand"
	nv_equal "delete plugin node|nodes;$id;hand|hand" "$(nv_changes | tail -n 1)"
	rm -r "$dir"
	nv_equal 0 "$(nv_redis sismember nodes "$id")"
	refute grep -F "$id" <(nv_redis --scan)
	nv_equal "delete node|$id|proxmox" "$(nv_changes | tail -n 1)"
}

@test "plugin data: edits of a string, a list and a hash" {
	local dir=$NX/dns/lan/web-1.example.com/pdata key='pdata;dns;[lan]web-1.example.com'
	echo 'sdc 1 TB' >>"$dir/disks"
	nv_equal $'sda 40 GB\nsdb 200 GB\nsdb 200 GB\nsdc 1 TB' "$(nv_redis lrange "$key;disks" 0 -1)"
	sed -i 's/^days: .*/days: 213/' "$dir/uptime"
	nv_equal 213 "$(nv_redis hget "$key;uptime" days)"
	sed -i 's/ask ann/ask ben/' "$dir/banner"
	nv_equal 'Welcome to web-1, ask ben before you reboot it' "$(nv_redis get "$key;banner")"
	nv_equal "$(printf '%s\n' \
		"updated plugin data list|$key;disks|proxmox" \
		"updated plugin data map|$key;uptime|nmap" \
		"updated plugin data string|$key;banner|nmap")" "$(nv_changes)"
}

@test "plugin data: a line moved in a list is one change" {
	local file=$NX/dns/dmz/ns1.example.com/pdata/ports
	{ head -n 6 "$file"; tail -n 1 "$file"; sed -n '7,8p' "$file"; } >"$NV_DIR/new"
	cp "$NV_DIR/new" "$file"
	nv_equal $'22/tcp ssh\n53/udp domain\n53/tcp domain' "$(nv_redis lrange 'pdata;dns;[dmz]ns1.example.com;ports' 0 -1)"
	nv_equal 1 "$(nv_changes | wc -l)"
}

@test "plugin data: new, renamed, deleted" {
	local dir=$NX/dns/lan/web-2.example.com/pdata key='pdata;dns;[lan]web-2.example.com'
	printf -- '---\ntype: list\nplugin: hand\nlist_title: Notes\n---\none\ntwo\n' >"$dir/notes"
	nv_clock 500
	nv_wait_until nv_prints notes nv_redis smembers "$key"
	nv_equal $'one\ntwo' "$(nv_redis lrange "$key;notes" 0 -1)"
	nv_equal $'list_title\tNotes\nplugin\thand\ntype\tlist' "$(nv_redis_value 0 "$key;notes;details")"
	nv_equal "updated plugin data list|$key;notes|hand" "$(nv_changes)"
	mv "$dir/notes" "$dir/remarks"
	nv_equal remarks "$(nv_redis smembers "$key")"
	nv_equal 0 "$(nv_redis exists "$key;notes" "$key;notes;details")"
	nv_equal "$(printf '%s\n' "updated plugin data list|$key;remarks|hand" "delete plugin data|$key;notes|hand")" "$(nv_changes | tail -n 2)"
	rm "$dir/remarks"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists "$key"
	nv_equal "delete plugin data|$key;remarks|hand" "$(nv_changes | tail -n 1)"
	nv_equal "" "$(nv_redis --scan --pattern "pdata;dns;*web-2.example.com*")"
}

@test "reports: new, changed, deleted" {
	printf -- '---\ntype: string\nplugin: hand\ntitle: T\ncontent_type: plain\n---\nall well\n' >"$NX/reports/daily"
	nv_clock 500
	nv_wait_until nv_prints 1 nv_redis sismember reports daily
	nv_equal "create report|reports;daily|hand" "$(nv_changes)"
	nv_equal "all well" "$(nv_redis get 'reports;daily')"
	sed -i 's/all well/nothing to report/' "$NX/reports/daily"
	nv_equal "updated plugin data string|reports;daily|hand" "$(nv_changes | tail -n 1)"
	rm "$NX/reports/daily"
	nv_clock 500
	nv_wait_until nv_prints 0 nv_redis exists 'reports;daily' 'reports;daily;details'
	nv_equal "delete report|reports;daily|hand" "$(nv_changes | tail -n 1)"
	nv_equal 0 "$(nv_redis sismember reports daily)"
}

@test "names that the key grammar forbids are refused on write" {
	nv_redis_dump >"$NV_DIR/before"
	local line
	for line in 'a;b A 192.0.2.1' 'bind A;B 192.0.2.1' 'plugins A 192.0.2.1' 'maps A 192.0.2.1'; do
		refute nv_quiet tee -a "$WEB2/records" <<<"$line"
		nv_refused 'EINVAL'
	done
	nv_equal "mkdir EINVAL" "$(nv_sys "mkdir:$NX/dns/lan/a;b.example.net")"
	nv_redis_dump | diff "$NV_DIR/before" -
}

@test "what Netdox computes is read-only" {
	local path
	nv_redis_dump >"$NV_DIR/before"
	for path in changelog dns_nodes processed/web-1/name processed/web-1/alt_names; do
		nv_equal "open EACCES" "$(nv_sys "open:w:$NX/$path")"
		nv_equal "unlink EPERM" "$(nv_sys "unlink:$NX/$path")"
	done
	nv_equal "mkdir EPERM" "$(nv_sys "mkdir:$NX/processed/web-99")"
	nv_redis_dump | diff "$NV_DIR/before" -
}

@test "what the model cannot say is EPERM" {
	nv_equal "rename EPERM" "$(nv_sys "rename:$NX/dns/lan/web-1.example.com/records:$WEB2/maps")"
	nv_equal "link EPERM" "$(nv_sys "link:$WEB2/records:$WEB2/maps")"
	nv_equal "" "$(nv_changes)"
}

@test "unusual texts survive the way in and out" {
	printf 'hand TXT two\\nlines\\tand a tab\nhand TXT \\x20blank first\nhand TXT back\\\\slash\nhand TXT \\e\nhand TXT \\xff\\x01\n' >>"$WEB2/records"
	nv_equal 5 "$(nv_redis scard 'dns;[lan]web-2.example.com;hand;TXT')"
	nv_equal 1 "$(nv_redis eval 'return redis.call("SISMEMBER", KEYS[1], "two\nlines\tand a tab")' 1 'dns;[lan]web-2.example.com;hand;TXT')"
	nv_equal 1 "$(nv_redis eval 'return redis.call("SISMEMBER", KEYS[1], "\255\1")' 1 'dns;[lan]web-2.example.com;hand;TXT')"
	nv_equal 1 "$(nv_redis sismember 'dns;[lan]web-2.example.com;hand;TXT' '')"
	nv_equal 5 "$(grep -c '^hand TXT ' "$WEB2/records")"
	cp "$WEB2/records" "$NV_DIR/records"
	nv_clock 1001
	cp "$NV_DIR/records" "$WEB2/records"
	nv_equal 7 "$(nv_changes | wc -l)"
}
