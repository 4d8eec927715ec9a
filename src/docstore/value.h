/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSON values as bytes: walking, checking, and converting without libbson's appenders (which
 * re-sort regex options and refuse what a document may hold). Private to docstore/. Pure; any
 * thread.
 */
#ifndef NV_DOCSTORE_VALUE_H
#define NV_DOCSTORE_VALUE_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bsonsize.h"
#include "base/buf.h"

/* Documents and arrays inside each other that are accepted at most. */
#define NV_BVAL_DEPTH_MAX 200

/* One value. Borrowed bytes; a document's begin with its length. */
struct nv_bval {
	bson_type_t type;
	const uint8_t *data;
	size_t size;
};

/* One field of a document or array. */
struct nv_bfield {
	const char *key; /* NUL-terminated, inside the document */
	size_t key_size;
	struct nv_bval value;
};

/* Where a walk over a document's fields is. */
struct nv_bwalk {
	const uint8_t *data; /* the document */
	size_t size;
	size_t pos;
};

/* Little-endian numbers in BSON bytes. */
uint64_t nv_le64(const uint8_t *data);
void nv_put_le32(uint8_t *data, uint32_t number);

/* Begins a walk over a document or array value. */
struct nv_bwalk nv_bwalk(const struct nv_bval *doc);

/* The next field: 1; 0 at the end; -EINVAL when the bytes are no BSON. */
int nv_bwalk_next(struct nv_bwalk *walk, struct nv_bfield *ret_field);

/* The document as a value. */
struct nv_bval nv_bval_doc(const bson_t *doc);

/* 0 when the bytes are one well-formed document no deeper than NV_BVAL_DEPTH_MAX; else -EINVAL. */
int nv_bval_check(const uint8_t *data, size_t size);

/* True for a document or an array. */
bool nv_bval_is_tree(const struct nv_bval *value);

/* Converts; *ret_value points into store, which is emptied first. 0, -ENOMEM, -EINVAL (a type that
 * is none). */
int nv_bval_from(const bson_value_t *value, struct nv_buf *store, struct nv_bval *ret_value);

/* Same type and bytes. */
bool nv_bval_same(const struct nv_bval *a, const struct nv_bval *b);

/* The first field of that name. */
bool nv_bval_field(const struct nv_bval *doc, const char *key, size_t key_size,
                   struct nv_bval *ret_value);

/* True when key is an array position ("0", "17", no leading zero) below 2^31. */
bool nv_bval_is_position(const char *key, size_t key_size, size_t *ret_position);

/* Appends a field: type, key, bytes. */
void nv_bval_put(struct nv_buf *out, const char *key, size_t key_size, const struct nv_bval *value);

/* Begins a document in out and returns where; nv_bval_end closes it. */
size_t nv_bval_begin(struct nv_buf *out);
void nv_bval_end(struct nv_buf *out, size_t start);

#endif
