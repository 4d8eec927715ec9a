#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
#
# netdox/ against Redis asked directly: every kind of path, every object of the example data.

load ../lib/mount.bash

setup_file() {
	nv_setup
}

teardown_file() {
	nv_teardown
}

# "NETWORK/NAME TEXT" for every line of every file dns/NETWORK/NAME/FILE of the mount.
mount_lines() {
	(cd "$NX/dns" && grep -H '' -- */*/"$1") | sed "s|/$1:| |" | sort
}

@test "the example company is whole: everything that tests and demo look at is there" {
	nv_equal "120 25 2" "$(for key in dns nodes reports; do nv_redis scard "$key"; done | paste -sd ' ')"
	nv_equal "[cloud] [dmz] [lan]" "$(nv_redis smembers dns | sed 's/].*/]/' | sort -u | paste -sd ' ')"
	nv_equal "bind nmap proxmox" "$(nv_redis --raw keys 'dns;*;plugins' | while read -r key; do nv_redis --raw smembers "$key"; done |
		sort -u | paste -sd ' ')"
	nv_equal "hash list string" "$(nv_redis --raw keys 'pdata;*' | grep -E '^pdata;(dns;[^;]*|node;.*;[^;]*);[^;]*$' | grep -v ';details$' |
		while read -r key; do nv_redis --raw type "$key"; done | grep -v set | sort -u | paste -sd ' ')"
	nv_redis --raw get 'pdata;dns;[lan]web-1.example.com;backups' | grep -q '(!(dns|!|\[lan\]backup-1.example.net)!)'
	[ "$(nv_redis scard meta)" -gt 0 ]
	[ "$(nv_redis -n 1 exists dns_nodes)" -eq 1 ]
}

@test "the top of the tree" {
	nv_equal "netdox netgoat views" "$(ls "$MNT" | paste -sd ' ')"
	nv_equal "changelog default_network dns dns_nodes nodes orphans processed reports" "$(ls "$NX" | paste -sd ' ')"
	[ -d "$MNT/.netviewfs" ]
}

@test "default_network is the value and a newline" {
	nv_same "$NX/default_network" $'lan\n'
}

@test "dns/: networks and names are those of the set" {
	nv_equal "$(nv_redis smembers dns | sed 's/^\[//; s/].*//' | sort -u)" "$(ls "$NX/dns")"
	nv_equal "$(nv_redis smembers dns | sed 's|^\[||; s|]|/|' | sort)" "$(cd "$NX/dns" && ls -d */*/ | sed 's|/$||' | sort)"
}

@test "records of all names are the triples of the sets" {
	nv_redis --raw eval '
		local out = {}
		for _, name in ipairs(redis.call("SMEMBERS", "dns")) do
			local where = name:gsub("^%[(.-)%]", "%1/")
			for _, plugin in ipairs(redis.call("SMEMBERS", "dns;" .. name .. ";plugins")) do
				for _, rtype in ipairs(redis.call("SMEMBERS", "dns;" .. name .. ";" .. plugin)) do
					for _, value in ipairs(redis.call("SMEMBERS", "dns;" .. name .. ";" .. plugin .. ";" .. rtype)) do
						out[#out + 1] = where .. " " .. plugin .. " " .. rtype .. " " .. value
					end
				end
			end
		end
		return out' 0 | sort >"$NV_DIR/want"
	[ "$(wc -l <"$NV_DIR/want")" -gt 150 ]
	diff "$NV_DIR/want" <(mount_lines records)
}

@test "line files are sorted bytewise and end with a newline" {
	local file
	while IFS= read -r file; do
		sort -c "$file"
		[ "$(tail -c 1 "$file" | od -An -tx1)" = " 0a" ] || nv_fail "$file"
	done < <(find "$NX/dns" -name records -size +0 -o -name maps -o -name meta)
}

@test "maps are the members" {
	nv_redis --raw eval '
		local out = {}
		for _, name in ipairs(redis.call("SMEMBERS", "dns")) do
			for _, map in ipairs(redis.call("SMEMBERS", "dns;" .. name .. ";maps")) do
				out[#out + 1] = name:gsub("^%[(.-)%]", "%1/") .. " " .. map
			end
		end
		return out' 0 | sort >"$NV_DIR/want"
	[ -s "$NV_DIR/want" ]
	diff "$NV_DIR/want" <(mount_lines maps)
}

@test "meta of names and nodes are the hashes, and only where there is one" {
	local object file
	while IFS= read -r object; do
		case $object in
		*';'*) file=$NX/nodes/$object/meta ;;
		*) file=$NX/dns/$(sed 's|^\[||; s|]|/|' <<<"$object")/meta ;;
		esac
		diff <(nv_redis hgetall "meta;$object" | paste -d '\t' - - |
			sed 's/\t$/:/; t; s/\t/: /' | sort) "$file"
	done < <(nv_redis smembers meta)
	nv_equal "$(nv_redis scard meta)" "$(find "$NX" -name meta | wc -l)"
}

@test "node links are those of dns_nodes, and lead to the processed node" {
	nv_redis -n 1 hgetall dns_nodes | paste - - |
		sed 's|^\[\(.*\)\]\(.*\)\tnodes;\(.*\)|\1/\2/node ../../../processed/\3|' | sort >"$NV_DIR/want"
	[ -s "$NV_DIR/want" ]
	(cd "$NX/dns" && find . -name node -printf '%P %l\n') | sort | diff "$NV_DIR/want" -
	nv_same "$NX/dns/lan/web-1.example.com/node/name" $'web-1\n'
}

@test "pdata: a string, a list, a hash, with their details" {
	local dir=$NX/dns/lan/web-1.example.com/pdata
	nv_equal "backups banner disks uptime" "$(ls "$dir" | paste -sd ' ')"
	nv_same "$dir/banner" $'---\ntype: string\nplugin: nmap\ntitle: Login banner\ncontent_type: plain\n---\nWelcome to web-1, ask ann before you reboot it\n'
	nv_same "$dir/disks" $'---\ntype: list\nplugin: proxmox\nlist_title: Disks\nitem_title: Disk\n---\nsda 40 GB\nsdb 200 GB\nsdb 200 GB\n'
	nv_same "$dir/uptime" $'---\ntype: hash\nplugin: nmap\ntitle: Uptime\n---\ndays: 212\nkernel: 6.1.0-29-amd64\nlast boot: 2025-08-02T04:00:11Z\n'
	grep -F '(!(report|!|weekly-scan)!)' "$dir/backups"
}

@test "nodes: ids, plugins, details" {
	local id plugin
	diff <(nv_redis smembers nodes | sort) <(ls "$NX/nodes")
	while IFS= read -r id; do
		diff <(nv_redis smembers "nodes;$id" | sort) <(ls "$NX/nodes/$id/plugins")
		for plugin in $(nv_redis smembers "nodes;$id"); do
			diff <(nv_redis hgetall "nodes;$id;$plugin" | paste -sd '\t\n' | sed 's/\t/: /' | sort) "$NX/nodes/$id/plugins/$plugin"
		done
	done < <(nv_redis smembers nodes)
	nv_equal "resources snapshots" "$(ls "$NX/nodes/[lan]192.0.2.40;[lan]db-1.example.com;proxmox/pdata" | paste -sd ' ')"
}

@test "processed nodes and dns_nodes are DB 1" {
	local id file
	diff <(nv_redis -n 1 smembers nodes | sort) <(ls "$NX/processed")
	while IFS= read -r id; do
		diff <(nv_redis -n 1 get "nodes;$id") "$NX/processed/$id/name"
		for file in alt_names dns_names plugins raw_keys; do
			diff <(nv_redis -n 1 smembers "nodes;$id;$file" | sort) "$NX/processed/$id/$file"
		done
	done < <(nv_redis -n 1 smembers nodes)
	diff <(nv_redis -n 1 hgetall dns_nodes | paste -sd '\t\n' | sed 's/\t/: /' | sort) "$NX/dns_nodes"
}

@test "reports are Data" {
	nv_equal "unused-addresses weekly-scan" "$(ls "$NX/reports" | paste -sd ' ')"
	nv_same "$NX/reports/unused-addresses" \
		$'---\ntype: list\nplugin: nmap\nlist_title: Unused addresses\nitem_title: Address\n---\n192.0.2.13\n192.0.2.14\n198.51.100.10\n203.0.113.99\n'
	diff <(nv_redis get 'reports;weekly-scan') <(sed '1,/^---$/d' "$NX/reports/weekly-scan")
}

@test "changelog is the stream, one JSON object a line, oldest first" {
	diff <(nv_redis --json xrange changelog - + | jq -c '.[] | .[1] as $f | {id: .[0]} + ([range(0; $f | length; 2)] | map({($f[.]): $f[. + 1]}) | add)') \
		<(jq -c . "$NX/changelog")
}

@test "mtime is the newest last-modified of the file's keys" {
	nv_equal "$(date -u -d 2026-03-02T03:40:12.5Z +%s)" "$(stat -c %Y "$NX/dns/lan/gw.example.net/records")"
	nv_equal "$(date -u -d 2026-03-02T02:00:00Z +%s)" "$(stat -c %Y "$NX/dns/lan/sw-floor-1.example.net/records")"
	nv_equal "$(date -u -d 2026-03-02T03:41:00Z +%s)" "$(stat -c %Y "$NX/dns/lan/web-1.example.com/pdata/banner")"
}

@test "mtime without a stamp is 1970 + crc32 mod 2^25" {
	local file=$NX/dns/dmz/ns1.example.com/pdata/ports
	nv_equal "$(($(gzip -1 -c "$file" | tail -c 8 | od -An -N4 -tu4) % (1 << 25)))" "$(stat -c %Y "$file")"
}

@test "sizes are exact and everything can be read" {
	local file
	find "$NX" -type f | wc -l | grep -qE '^[0-9]{3,}$'
	while IFS= read -r file; do
		[ "$(stat -c %s "$file")" -eq "$(cat "$file" | wc -c)" ] || nv_fail "$file"
	done < <(find "$NX" -type f)
}

@test "modes: directories 0755, files 0644" {
	nv_equal "" "$(find "$NX" -type d ! -perm 755; find "$NX" -type f ! -perm 644)"
	nv_equal 600 "$(stat -c %a "$MNT/.netviewfs/errors")"
}

@test "inode numbers are stable and distinct" {
	find "$NX" -printf '%i\n' | sort >"$NV_DIR/inodes"
	nv_equal "" "$(uniq -d "$NV_DIR/inodes")"
	find "$NX" -printf '%i\n' | sort | diff "$NV_DIR/inodes" -
}

@test "what does not exist is ENOENT" {
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/dns/lan/nonesuch.example.com/records")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/dns/nonet/web-1.example.com/records")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/dns/lan/web-2.example.com/pdata/nonesuch")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/dns/dmz/jump.example.net/meta")"
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/nonesuch")"
}

@test "an empty structural directory is not listed but can be entered" {
	refute [ "$(ls "$NX/dns/dmz/jump.example.net" | grep -c pdata)" -gt 0 ]
	nv_equal "" "$(ls -A "$NX/dns/dmz/jump.example.net/pdata")"
}

@test "a foreign change shows at the next read" {
	local dir=$NX/dns/lan/camera-1.example.net
	nv_equal 1 "$(wc -l <"$dir/records")"
	nv_redis eval 'redis.call("SADD", KEYS[1], ARGV[1])' 1 'dns;[lan]camera-1.example.net;bind;A' '[lan]192.0.2.112' >/dev/null
	nv_clock 1001
	nv_same "$dir/records" $'bind A [lan]192.0.2.110\nbind A [lan]192.0.2.112\n'
	nv_redis srem 'dns;[lan]camera-1.example.net;bind;A' '[lan]192.0.2.112' >/dev/null
	nv_clock 1001
	nv_same "$dir/records" $'bind A [lan]192.0.2.110\n'
	nv_equal 24 "$(stat -c %s "$dir/records")"
}

@test "a file not read in the last second shows a foreign change at once" {
	nv_redis sadd 'dns;[lan]camera-2.example.net;bind;A' '[lan]192.0.2.113' >/dev/null
	grep -qx 'bind A \[lan\]192.0.2.113' "$NX/dns/lan/camera-2.example.net/records"
	nv_redis srem 'dns;[lan]camera-2.example.net;bind;A' '[lan]192.0.2.113' >/dev/null
}

@test "a foreign name appears and disappears in the listing" {
	ls "$NX/dns/dmz" >/dev/null
	nv_redis sadd dns '[dmz]late.example.net' >/dev/null
	nv_clock 1001
	nv_wait_until nv_lists "$NX/dns/dmz" late.example.net # the kernel's own second cannot be moved
	[ -d "$NX/dns/dmz/late.example.net" ]
	nv_redis srem dns '[dmz]late.example.net' >/dev/null
	nv_clock 1001
	nv_wait_until refute nv_lists "$NX/dns/dmz" late.example.net
	nv_equal "open ENOENT" "$(nv_sys "open:r:$NX/dns/dmz/late.example.net/records")"
}
