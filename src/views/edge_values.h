/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Values of stored documents as the edge payload has them. Pure.
 */
#ifndef NV_VIEWS_EDGE_VALUES_H
#define NV_VIEWS_EDGE_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>

#include "netgoat/schema.h"

/* A field as true or false; missing: what stands for null or no field. */
bool nv_edge_flag(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                  bool missing);

/* The document's _id as text; "" when it has none. */
void nv_edge_put_id(bson_t *out, const char *key, const bson_t *doc);

/* A string field. missing: what stands for one that is not there; NULL = leave it out. */
void nv_edge_put_string(bson_t *out, const char *key, const struct nv_schema_kind *kind,
                        enum nv_role role, const bson_t *doc, const char *missing);

/* A text in lower case. */
void nv_edge_put_lower(bson_t *out, const char *key, const char *text, size_t size);

/* mask where the secret field has a text, else missing (NULL = leave it out). */
void nv_edge_put_key(bson_t *out, const char *key, const struct nv_schema_kind *kind,
                     enum nv_role role, const bson_t *doc, const char *mask, const char *missing);

/* A stored value with ids as text, and "id" for "_id". */
void nv_edge_put_plain(bson_t *out, const char *key, bson_iter_t *iter);

/* Appends doc to an array and counts. */
void nv_edge_put_element(bson_t *array, uint32_t *index, const bson_t *doc);

/* "policy" as edge nodes take it: known keys within their bounds; nothing when none is left. */
void nv_edge_put_policy(bson_t *out, const struct nv_schema_kind *kind, enum nv_role role,
                        const bson_t *doc);

#endif
