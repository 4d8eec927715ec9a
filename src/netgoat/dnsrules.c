/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/dnsrules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "codec/rdata.h"
#include "netgoat/names.h"

#define DNS_NAME_MAX 253

#define REFUSE(...)                                                                                \
	do {                                                                                       \
		(void)snprintf(ret_reason, reason_size, __VA_ARGS__);                              \
		return -EINVAL;                                                                    \
	} while (0)

/* True when name ends in ".zone", or is the zone. */
static bool ends_in_zone(const char *name, size_t size, const char *zone, size_t *ret_rest)
{
	size_t zone_size = strlen(zone);
	if (size < zone_size || strncasecmp(name + size - zone_size, zone, zone_size) != 0) {
		return false;
	}
	*ret_rest = size - zone_size;
	if (*ret_rest == 0) {
		return true;
	}
	*ret_rest -= 1;
	return name[*ret_rest] == '.';
}

int nv_dns_owner_check(const char *name, size_t size, const char *zone, char *ret_reason,
                       size_t reason_size)
{
	if (size == 0 || (size == 1 && *name == '@')) {
		return 0;
	}
	bool absolute = name[size - 1] == '.';
	size_t rest = 0;
	if (zone && ends_in_zone(name, size - absolute, zone, &rest)) {
		REFUSE("names are relative to the zone: write %.*s", rest ? (int)rest : 1,
		       rest ? name : "@");
	}
	if (absolute) {
		REFUSE("%.*s is outside the zone %s: names are relative to it, without a final dot",
		       (int)(size > 100 ? 100 : size), name, zone ? zone : "");
	}
	if (zone && size + 1 + strlen(zone) > DNS_NAME_MAX) {
		REFUSE("the name with its zone is over %d bytes", DNS_NAME_MAX);
	}
	/* A wildcard is the whole first label. */
	size_t skip = size >= 2 && name[0] == '*' && name[1] == '.' ? 2
	              : size == 1 && *name == '*'                   ? 1
	                                                            : 0;
	return size == skip
	               ? 0
	               : nv_rdata_host_check(name + skip, size - skip, 1, ret_reason, reason_size);
}

int nv_dns_domain_check(const char *name, size_t size, char *ret_reason, size_t reason_size)
{
	char lower[DNS_NAME_MAX + 1];
	if (size == 0 || size > DNS_NAME_MAX) {
		REFUSE("a domain has 1 to %d bytes", DNS_NAME_MAX);
	}
	bool upper = false;
	bool dot = false;
	for (size_t i = 0; i < size; i++) {
		lower[i] = (char)tolower((unsigned char)name[i]);
		upper = upper || lower[i] != name[i];
		dot = dot || name[i] == '.';
	}
	lower[size] = '\0';
	/* Checked as a target is: 192.0.2.1 is no domain. */
	if (nv_rdata_check("NS", lower, size, ret_reason, reason_size) != 0) {
		return -EINVAL;
	}
	if (name[size - 1] == '.') {
		REFUSE("a domain has no final dot: write %.*s", (int)size - 1, lower);
	}
	if (!dot) {
		REFUSE("a domain has two labels at least, as example.com");
	}
	if (upper) {
		REFUSE("domains are lower-case: write %s", lower);
	}
	return 0;
}

bool nv_dns_is_alone(const char *type, size_t size)
{
	return size == 5 && strncasecmp(type, "CNAME", 5) == 0;
}

static bool is_type(const char *type, size_t size, const char *wanted)
{
	return size == strlen(wanted) && strncasecmp(type, wanted, size) == 0;
}

/* MX and SRV rank by a priority: a field of its own, or the first word of the value. */
static bool value_has_priority(const char *type, size_t type_size, const char *value, size_t size)
{
	size_t words = 0;
	for (size_t i = 0; i < size; i++) {
		words += value[i] != ' ' && (i == 0 || value[i - 1] == ' ');
	}
	return words == (is_type(type, type_size, "MX") ? 2u : 4u);
}

int nv_dns_data_check(const struct nv_schema_kind *record, const bson_t *doc,
                      enum nv_role *ret_role, char *ret_reason, size_t reason_size)
{
	const char *type = NULL;
	const char *value = NULL;
	size_t type_size = 0;
	size_t value_size = 0;
	bson_iter_t iter;
	if (!nv_doc_string(record, NV_ROLE_TYPE, doc, &type, &type_size) ||
	    !nv_doc_string(record, NV_ROLE_VALUE, doc, &value, &value_size)) {
		return 0;
	}
	*ret_role = NV_ROLE_VALUE;
	if (strlen(type) == type_size &&
	    nv_rdata_check(type, value, value_size, ret_reason, reason_size) == -EINVAL) {
		return -EINVAL;
	}
	bool ranks = is_type(type, type_size, "MX") || is_type(type, type_size, "SRV");
	if (ranks && !value_has_priority(type, type_size, value, value_size) &&
	    !nv_schema_find(record, NV_ROLE_PRIORITY, doc, &iter, NULL)) {
		*ret_role = NV_ROLE_PRIORITY;
		REFUSE("a record of type %.*s needs a priority, as 10", (int)type_size, type);
	}
	return 0;
}
