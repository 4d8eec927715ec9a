# SPDX-License-Identifier: GPL-3.0-or-later
#
# Writes the tables of this folder as Redis commands, in the key layout of Netdox's Data Structure Specification: DNS names,
# records, maps, nodes, metadata and their last-modified stamps in DB 0, and what Netdox computes of the nodes in DB 1.
#
#   awk -f netdox.awk hosts.tsv records.tsv maps.tsv meta.tsv | redis-cli --pipe

# A word in the quoting of redis-cli and of the inline protocol.
function q(text) {
	gsub(/\\/, "\\\\", text)
	gsub(/"/, "\\\"", text)
	return "\"" text "\""
}

function stamp(key, plugin) {
	print "HSET last-modified " q(key) " " q(time[plugin])
}

# A member of a set, and the set's stamp the first time.
function sadd(key, member, plugin) {
	print "SADD " q(key) " " q(member)
	if (!(key in stamped)) {
		stamped[key] = 1
		stamp(key, plugin)
	}
}

function record(network, name, plugin, type, value,    qname) {
	qname = "[" network "]" name
	sadd("dns", qname, plugin)
	sadd("dns;" qname ";plugins", plugin, plugin)
	sadd("dns;" qname ";" plugin, type, plugin)
	if (type == "A" || type == "CNAME" || type == "PTR") {
		value = "[" network "]" value
	}
	sadd("dns;" qname ";" plugin ";" type, value, plugin)
}

# A raw node in DB 0. Its id: the names it claims, sorted, then the plugin.
function node(network, address, name, plugin,    id, short) {
	id = "[" network "]" address ";[" network "]" name ";" plugin
	short = name
	sub(/\..*/, "", short)
	sadd("nodes", id, plugin)
	sadd("nodes;" id, plugin, plugin)
	print "HSET " q("nodes;" id ";" plugin) " name " short " plugin " plugin " exclusive false link_id " short
	stamp("nodes;" id ";" plugin, plugin)
	if (!(name in node_of)) {
		node_of[name] = id
	}
	links++
	link_name[links] = short
	link_id[links] = id
	link_plugin[links] = plugin
	link_network[links] = network
	link_host[links] = name
	link_address[links] = address
}

# What Netdox computes in DB 1: one processed node for all raw nodes with one link_id.
function processed(i,    key) {
	key = "nodes;" link_name[i]
	print "SADD nodes " q(link_name[i])
	print "SET " q(key) " " q(link_name[i])
	print "SADD " q(key ";alt_names") " " q(link_host[i])
	print "SADD " q(key ";dns_names") " " q("[" link_network[i] "]" link_address[i]) " " q("[" link_network[i] "]" link_host[i])
	print "SADD " q(key ";plugins") " " link_plugin[i]
	print "SADD " q(key ";raw_keys") " " q("nodes;" link_id[i] ";" link_plugin[i])
	print "HSET dns_nodes " q("[" link_network[i] "]" link_address[i]) " " q(key) " " q("[" link_network[i] "]" link_host[i]) " " q(key)
}

BEGIN {
	FS = "\t"
	time["bind"] = "2026-03-02T02:00:00.000Z"
	time["proxmox"] = "2026-03-02T02:15:30.250Z"
	time["nmap"] = "2026-03-02T03:40:12.500Z"
	time["hand"] = "2026-02-24T10:05:00.000Z"
	print "SELECT 0"
	print "SET default_network lan"
	stamp("default_network", "hand")
}

/^#/ {
	next
}

FILENAME ~ /hosts\.tsv$/ {
	record($1, $3, "bind", "A", $2)
	record($1, $2, "bind", "PTR", $3)
	if ($4 != "-") {
		record($1, $3, "nmap", "A", $2)
	}
	if ($4 == "vm" || $4 == "both") {
		record($1, $3, "proxmox", "A", $2)
		node($1, $2, $3, "proxmox")
	}
	if ($4 == "dev" || $4 == "both") {
		node($1, $2, $3, "nmap")
	}
}

FILENAME ~ /records\.tsv$/ {
	record($1, $2, $3, $4, $5)
}

FILENAME ~ /maps\.tsv$/ {
	sadd("dns;[" $1 "]" $2 ";maps", $3, "hand")
}

FILENAME ~ /meta\.tsv$/ {
	object = $1
	if (object ~ /^node:/) {
		object = node_of[substr(object, 6)]
	}
	print "SADD meta " q(object)
	print "HSET " q("meta;" object) " " q($2) " " q($3)
	stamp("meta;" object, "hand")
}

END {
	stamp("meta", "hand")
	print "SELECT 1"
	for (i = 1; i <= links; i++) {
		processed(i)
	}
	print "SELECT 0"
}
