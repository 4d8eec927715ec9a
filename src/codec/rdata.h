/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a text the data of a DNS record of that type, as Netgoat stores it? (RFC 1035, 1123, 2782,
 * 3596, 8659)
 */
#ifndef NV_CODEC_RDATA_H
#define NV_CODEC_RDATA_H

#include <stdbool.h>
#include <stddef.h>

/* Checks value for A, AAAA, CNAME, MX, TXT, NS, SRV, CAA, PTR (any letter case of type). 0;
 * -EINVAL with a reason that says what would be right, cut to reason_size; -ENOTSUP for another
 * type (value not looked at, no reason written). ret_reason may be NULL. MX is "host" or
 * "priority host"; SRV "weight port target" or "priority weight port target" (Netgoat keeps the
 * priority in a field of its own); CAA "flags tag value"; host names may end in a dot; "." is
 * allowed as the target of MX and SRV ("no such service"). */
int nv_rdata_check(const char *type, const char *value, size_t size, char *ret_reason,
                   size_t reason_size);

/* Checks a name: labels of letters, digits and hyphens (also '_' where underscore is set), each at
 * most 63, in all at most 253, a final dot allowed. Labels of digits only are fine: it may be
 * relative to a zone (10 in 2.0.192.in-addr.arpa). 0 or -EINVAL with a reason as above. */
int nv_rdata_host_check(const char *name, size_t size, bool underscore, char *ret_reason,
                        size_t reason_size);

#endif
