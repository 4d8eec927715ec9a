# SPDX-License-Identifier: GPL-3.0-or-later
#
# Two spellings of one document made equal: what the store exports (canonical extended JSON) and what the mount shows.

# Numbers plain, dates in milliseconds.
def plain:
	walk(
		if type != "object" then .
		elif has("$numberInt") then .["$numberInt"] | tonumber
		elif has("$numberLong") then .["$numberLong"] | tonumber
		elif has("$numberDouble") then .["$numberDouble"] | tonumber
		elif has("$date") and (.["$date"] | type) == "string" then
			{"$date": (.["$date"] | sub("\\.[0-9]+Z$"; "Z") | fromdate * 1000)}
		else . end);

# What the text of each kind leaves out: what its path says, what the server keeps, secrets.
def no_stamps: del(._id, .__v, .created_at, .updated_at, .createdAt, .updatedAt);
def elements(f): if . == null then . else map(f) end;

def team:
	no_stamps | del(.slug, .domain_count, .total_requests, .total_blocked, .total_bandwidth)
	| (.invites[]? |= del(.token)) | if .settings.webhooks then .settings.webhooks |= del(.signing_secret) else . end;
def user: no_stamps | del(.email, .emailVerified, .domain_count, .total_requests, .total_bandwidth, .teams, .tokens);
def domain:
	no_stamps | del(.teamId, .domain, .private_key_pem, .verified, .verification_token, .verification_attempts,
		.last_verification_check, .next_verification_check, .stats)
	| (.subdomains[]? |= del(.private_key_pem, .request_count, .blocked_count, .last_accessed));
def record: no_stamps | del(.domainId, .teamId, .domain, .type, .name, .propagated, .last_checked, .created_by);
def proxy:
	no_stamps | del(.domainId, .teamId, .subdomain, .total_requests, .total_errors, .avg_response_time)
	| (.upstream_servers[]? |= del(.health_status, .last_health_check));
def alert: no_stamps | del(.domainId, .teamId);
def incident: no_stamps | del(.domainId, .teamId);
