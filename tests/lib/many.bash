# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Many objects of one kind, written to the stores directly, for what counts and measures. Needs mount.bash.

# nv_many_names COUNT: so many DNS names in network lan, ten records and one field of metadata each.
nv_many_names() {
	awk -v count="$1" 'BEGIN {
		for (i = 0; i < count; i++) {
			n = sprintf("[lan]host-%04d.example.com", i)
			print "SADD dns " n; print "SADD dns;" n ";plugins bind"; print "SADD dns;" n ";bind A TXT"
			print "SADD dns;" n ";bind;A [lan]192.0.2." i % 250
			for (j = 0; j < 9; j++) print "SADD dns;" n ";bind;TXT text-" j
			print "HSET meta;" n " owner ann"; print "SADD meta " n
		}
	}' | nv_redis --pipe >/dev/null
}

# nv_many_records COUNT: the domain example.com of the team platform, with so many records.
nv_many_records() {
	nv_import teams <<<'{"_id":{"$oid":"65e2d0000001000000000001"},"name":"Platform","slug":"platform"}'
	nv_import domains <<<'{"_id":{"$oid":"65e2d0000003000000000001"},"teamId":{"$oid":"65e2d0000001000000000001"},"domain":"example.com"}'
	awk -v count="$1" 'BEGIN {
		for (i = 0; i < count; i++)
			printf "{\"_id\":{\"$oid\":\"65e2d0000004%012x\"},\"domainId\":{\"$oid\":\"65e2d0000003000000000001\"},\"type\":\"A\",\"name\":\"host-%04d\",\"value\":\"192.0.2.%d\",\"ttl\":{\"$numberInt\":\"60\"}}\n", i + 1, i, i % 250
	}' | nv_import dnsrecords
}
