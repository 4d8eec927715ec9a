/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canonical keys: byte strings that are equal exactly when two values are equal as the database
 * compares, and that sort as MongoDB sorts. Stored in sqlite files: the form is part of the file
 * format (user_version). Private to docstore/. Pure.
 *
 * First byte: the kind (all numbers are one kind, symbol is string, undefined is null). Then
 *
 * - numbers: 8 bytes, the double at or below the value, order-preserving; then 00, or 01 and the
 *   int64's rest in 2 bytes, or 02 and a decimal that no double or int64 equals, as
 *   "digitsEexponent" and 00
 * - strings: the bytes; inside a document with 00 as 00 FF, and 00 00 at the end
 * - documents: for each field kind, name, 00, the rest of its key; 00 at the end; arrays likewise
 *   without names
 * - others: fixed-size, or with their length in front
 *
 * An ObjectId is thus 23 and its 12 bytes.
 */
#ifndef NV_DOCSTORE_KEY_H
#define NV_DOCSTORE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "docstore/value.h"

#define NV_KEY_NULL 0x05 /* the whole key of null, undefined and missing */

/* Bytes of a key that an index keeps; longer ones are cut, so an index finds candidates and never
 * more. */
#define NV_KEY_INDEX_MAX 200

/* Appends the key of value. 0 or -ENOMEM. */
int nv_key_append(struct nv_buf *out, const struct nv_bval *value);

/* Sets *out (emptied first) to the key of the document's _id. -ENOENT when it has none, -ENOMEM. */
int nv_key_of_doc(struct nv_buf *out, const struct nv_bval *doc);

/* Equal as the database compares, but for the array rule. False also when out of memory. */
bool nv_bval_equal(const struct nv_bval *a, const struct nv_bval *b);

/* Bytewise order: less than, equal to or greater than 0. */
int nv_key_compare(const void *a, size_t a_size, const void *b, size_t b_size);

#endif
