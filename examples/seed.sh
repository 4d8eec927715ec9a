#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fills empty stores with the example data, directly and not through a mount:
#
#   sh examples/seed.sh DOCUMENTS REDIS.sock
#
# DOCUMENTS is what netviewfs-docs takes: an SQLite file, or mongodb://HOST:PORT/DATABASE.
# Needs redis-cli, awk and netviewfs-docs (from the build; NV_DOCS_TOOL says where it is).
set -eu

if [ $# -ne 2 ]; then
	echo "usage: sh examples/seed.sh DOCUMENTS REDIS.sock" >&2
	exit 2
fi
documents=$1
case $2 in
/*) redis=$2 ;;
*) redis=$PWD/$2 ;;
esac
data=$(dirname "$0")/data
docs=${NV_DOCS_TOOL:-netviewfs-docs}

for collection in teams users domains dnsrecords proxyconfigs alerts incidents changelog; do
	"$docs" import "$documents" "$collection" <"$data/netgoat/$collection.ndjson"
done
awk -f "$data/netgoat/analytics.awk" "$data/netgoat/domains.ndjson" | "$docs" import "$documents" analytics

cd "$data/netdox"
{
	awk -f netdox.awk hosts.tsv records.tsv maps.tsv meta.tsv
	sed '/^#/d; /^$/d' documents.redis
} | redis-cli -s "$redis" --pipe
