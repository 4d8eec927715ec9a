/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dotted paths in BSON: literal look-up, MongoDB's fan-out through arrays for queries, $set and
 * $unset, projection. Private to docstore/. Pure. Documents given must be well-formed
 * (nv_bval_check).
 */
#ifndef NV_DOCSTORE_PATH_H
#define NV_DOCSTORE_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "docstore/value.h"

/* Nulls that a set may put before a new array element at most. */
#define NV_PATH_PAD_MAX 100000

/* Projected fields of one query at most. */
#define NV_PATH_FIELDS_MAX 64

/* True for a path that may be used: components neither empty nor beginning with '$'. */
bool nv_path_is_valid(const char *path);

/* True when one path is the other or lies below it. */
bool nv_path_overlaps(const char *a, const char *b);

/* The value at path taken literally. */
bool nv_path_find(const struct nv_bval *doc, const char *path, struct nv_bval *ret_value);

/* Gets each value that a query compares; value NULL = missing. Returns false to stop. */
typedef bool nv_path_value_fn(void *ctx, const struct nv_bval *value);

/* Calls fn for each value that path stands for in a query: an array on the way for each of its
 * elements (and, for a number, the one at that position), an array at the end for itself and each
 * element. Nothing at all below an empty array. False when fn stopped. */
bool nv_path_each(const struct nv_bval *doc, const char *path, nv_path_value_fn *fn, void *ctx);

/* Appends doc with value at path to out. -ESTALE: the path leads through what is no document or
 * array, or too far behind an array's end. */
int nv_path_put(const struct nv_bval *doc, const char *path, const struct nv_bval *value,
                struct nv_buf *out, struct nv_err *err);

/* Appends doc without the field at path (in an array: with null there). doc as it is when there is
 * none. 0 or -ENOMEM. */
int nv_path_drop(const struct nv_bval *doc, const char *path, struct nv_buf *out);

/* Appends what is at or below fields (at most NV_PATH_FIELDS_MAX), and _id, to out, as MongoDB's
 * inclusion does. 0 or -ENOMEM. */
int nv_path_project(const struct nv_bval *doc, const char *const *fields, size_t fields_count,
                    struct nv_buf *out);

#endif
