/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSON as bytes: a strict walker and a builder that copies values untouched. Only for codec/:
 * others use bson_t.
 *
 * Why not bson_iter and bson_append: the first takes damaged values, the second changes some (it
 * sorts regex options) and aborts when memory is short.
 */
#ifndef NV_CODEC_BSONRAW_H
#define NV_CODEC_BSONRAW_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Objects and arrays inside each other that nv_raw_check takes at most, the document counted. Twice
 * MongoDB's limit, so that what is stored can be read. */
#define NV_RAW_DEPTH_MAX 200

/* One field, as it stands in a document. Borrowed from it. */
struct nv_raw_elem {
	uint8_t type;         /* bson_type_t; 0 = no element */
	const char *key;      /* NUL-terminated */
	size_t key_size;      /* without the NUL */
	const uint8_t *value; /* the bytes after the key */
	size_t size;          /* of value */
};

struct nv_raw_iter {
	const uint8_t *data;
	size_t pos; /* of the next element */
	size_t end; /* of the closing NUL */
};

/* Stands before the first field of a document or array of size bytes. 0 or -EINVAL (its frame is
 * damaged). */
int nv_raw_iter_init(struct nv_raw_iter *iter, const uint8_t *data, size_t size);

/* 1: *ret_elem is the next field, its value of the right size (inner documents have a sound frame
 * only). 0: no more. -EINVAL: damaged. */
int nv_raw_iter_next(struct nv_raw_iter *iter, struct nv_raw_elem *ret_elem);

/* 0 when all of the document, inner ones too, is well-formed BSON within NV_RAW_DEPTH_MAX; else
 * -EINVAL. */
int nv_raw_check(const uint8_t *data, size_t size);

/* Number of fields. Damage ends the count. */
size_t nv_raw_count(const uint8_t *data, size_t size);

/* True for documents and arrays. */
static inline bool nv_raw_is_container(uint8_t type)
{
	return type == BSON_TYPE_DOCUMENT || type == BSON_TYPE_ARRAY;
}

/* True when both keys are the same bytes. */
bool nv_raw_key_is(const struct nv_raw_elem *elem, const char *key, size_t key_size);

/* Numbers in the byte order of BSON. */
int32_t nv_raw_int32(const uint8_t *bytes);
int64_t nv_raw_int64(const uint8_t *bytes);
double nv_raw_double(const uint8_t *bytes);

/* Opens a document or array at the end of buf; returns what nv_raw_end closes it with. */
size_t nv_raw_begin(struct nv_buf *buf);
void nv_raw_end(struct nv_buf *buf, size_t start);

/* Appends a field's type and key; the value's bytes must follow. */
void nv_raw_put_key(struct nv_buf *buf, uint8_t type, const char *key, size_t key_size);

/* Appends a whole field: elem's value under another key. */
void nv_raw_put(struct nv_buf *buf, const char *key, size_t key_size,
                const struct nv_raw_elem *elem);

void nv_raw_put_int32(struct nv_buf *buf, int32_t value);
void nv_raw_put_int64(struct nv_buf *buf, int64_t value);
void nv_raw_put_double(struct nv_buf *buf, double value);

/* Appends the value of a string, symbol or code: length, bytes, NUL. */
void nv_raw_put_text(struct nv_buf *buf, const char *text, size_t size);

/* Writes value over the four bytes at pos. */
void nv_raw_set_int32(struct nv_buf *buf, size_t pos, int32_t value);

/* Writes index as decimal digits; returns how many. */
size_t nv_raw_index_key(size_t index, char ret_key[24]);

/* Makes buf, which is empty, the document {"": value iter stands on}, and *ret_elem its field
 * (borrowed from buf). 0; -EINVAL: the value is damaged, or memory was short (nv_buf_error); buf
 * then has the document all the same, but for the latter. */
int nv_raw_value_of(const bson_iter_t *iter, struct nv_buf *buf, struct nv_raw_elem *ret_elem);

/* *ret_doc = a copy of the document in buf. 0, -ENOMEM; -EINVAL when buf is no document. */
int nv_raw_to_bson(const struct nv_buf *buf, bson_t **ret_doc);

/* One key of a document, for finding and for duplicates. */
struct nv_raw_key {
	uint64_t
		/* of the key: sorting by it touches the keys themselves only where they agree */
		hash;
	const char *key;
	size_t size;
	size_t index; /* the caller's */
};

/* Fills *ret_key. */
void nv_raw_key_init(struct nv_raw_key *ret_key, const char *key, size_t size, size_t index);

/* Some total order; 0 when the keys are the same. */
int nv_raw_key_compare(const struct nv_raw_key *a, const struct nv_raw_key *b);

/* Sorts by key, then by index. */
void nv_raw_keys_sort(struct nv_raw_key *keys, size_t count);

/* Of the keys (sorted here if need be) the first that stands twice: the later one's position in
 * keys after the call; count when none does. */
size_t nv_raw_keys_twice(struct nv_raw_key *keys, size_t count);

#endif
