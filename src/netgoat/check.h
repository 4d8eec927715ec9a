/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is what a save changes allowed by the schema and by DNS? Only changed fields are judged, so that
 * a document which was odd before can still be edited (DESIGN 3, 6). Pure.
 */
#ifndef NV_NETGOAT_CHECK_H
#define NV_NETGOAT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

#include "base/error.h"
#include "netgoat/schema.h"

struct nv_check_ctx {
	const struct nv_schema_kind *kind;
	bool placed;      /* references to parents come from the path: they are not judged */
	const char *zone; /* the domain's name, for records; NULL = unknown */
	const char *mask; /* refused in the place of a secret; NULL = it means the stored one */
	const char *text; /* where faults get their places from; NULL = none */
	size_t size;
	struct nv_faults *faults; /* may be NULL */
};

/* Judges what differs between base (NULL = a new document) and mine. 0; -EINVAL: faults has all
 * reasons, *err the first. */
int nv_check_doc(const struct nv_check_ctx *check, const bson_t *base, const bson_t *mine,
                 struct nv_err *err);

/* Judges a string that a field is to hold: enum, reserved, format but rdata. 0; -EINVAL with the
 * reason (and the nearest valid value) in ret_reason. */
int nv_check_string(const struct nv_schema_field *field, const char *zone, const char *text,
                    size_t size, char *ret_reason, size_t reason_size);

#endif
