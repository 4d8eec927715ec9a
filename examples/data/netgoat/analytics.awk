# SPDX-License-Identifier: GPL-3.0-or-later
#
# One day of analytics, 2 March 2026 UTC, as NDJSON in canonical extended JSON: hour chunks of every domain in
# domains.ndjson, minute chunks of two of them, and a few events without a chunk size. The same output every time.
#
#   awk -f analytics.awk domains.ndjson

function int32(n) { return sprintf("{\"$numberInt\":\"%d\"}", n) }
function date(seconds) { return sprintf("{\"$date\":{\"$numberLong\":\"%d000\"}}", day + seconds) }

# Traffic is low at night and highest in the early afternoon; the wobble is arithmetic, not random.
function requests(domain, minute,    hour, wobble) {
	hour = minute / 60
	wobble = (minute * 7919 + domain * 104729) % 97
	return int((200 + 40 * hour * (24 - hour) / 4 + wobble) / domain)
}

function chunk(domain, interval, minute, minutes,    count) {
	n++
	count = requests(domain, minute) * minutes
	printf "{\"_id\":{\"$oid\":\"65e2d0000009%012x\"},\"domainId\":{\"$oid\":\"%s\"}", n, id[domain]
	if (interval != "") {
		printf ",\"interval\":\"%s\"", interval
	}
	printf ",\"timestamp\":%s,\"requests\":%s,\"bytes\":{\"$numberLong\":\"%.0f\"},\"blocked\":%s}\n", \
		date(minute * 60), int32(count), count * 14321, int32(count / 113)
}

BEGIN {
	day = 1772409600
	domains = 0
	n = 0
}

# The first "$oid" of a line is the document's _id.
{
	domains++
	match($0, /"_id":\{"\$oid":"[0-9a-f]*/)
	id[domains] = substr($0, RSTART + RLENGTH - 24, 24)
}

END {
	for (d = 1; d <= domains; d++) {
		for (hour = 0; hour < 24; hour++) {
			chunk(d, "hour", hour * 60, 60)
		}
	}
	for (d = 1; d <= 5; d += 4) {
		for (minute = 0; minute < 1440; minute++) {
			chunk(d, "minute", minute, 1)
		}
	}
	for (d = 1; d <= domains; d += 3) {
		for (hour = 6; hour < 24; hour += 6) {
			chunk(d, "", hour * 60 + 17, 1)
		}
	}
}
