/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of DNS that a record must keep (DESIGN 6): owner inside the zone, data by type,
 * priority, and what may stand beside a CNAME. Pure.
 */
#ifndef NV_NETGOAT_DNSRULES_H
#define NV_NETGOAT_DNSRULES_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

#include "netgoat/schema.h"

/* Is name (relative to zone, "@" or "" = its top) an owner inside the zone? zone NULL = any. 0;
 * -EINVAL with the reason. */
int nv_dns_owner_check(const char *name, size_t size, const char *zone, char *ret_reason,
                       size_t reason_size);

/* Is name a domain to be managed: lower-case host name of two labels at least? 0; -EINVAL with
 * the reason and the right spelling. */
int nv_dns_domain_check(const char *name, size_t size, char *ret_reason, size_t reason_size);

/* Are the value and priority of a record right for its type? *ret_role is the field at fault. 0;
 * -EINVAL with the reason. */
int nv_dns_data_check(const struct nv_schema_kind *record, const bson_t *doc,
                      enum nv_role *ret_role, char *ret_reason, size_t reason_size);

/* True when a record of this type may not stand beside others of its name. */
bool nv_dns_is_alone(const char *type, size_t size);

#endif
