/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields of BSON documents in memory: loaded, found by name, compared, looked up by dotted path.
 * Only for codec/. Documents were checked (nv_raw_check) before they come here.
 */
#ifndef NV_CODEC_BSONVALUE_H
#define NV_CODEC_BSONVALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/bsonraw.h"

/* The fields of one document or array. */
struct nv_raw_fields {
	struct nv_raw_elem *elems; /* owned; in stored order */
	struct nv_raw_key *keys;   /* owned; sorted by name; NULL when not asked for */
	size_t count;
	bool twice; /* a name stands twice; known only with keys */
};

#define NV_RAW_FIELDS_INIT                                                                         \
	{                                                                                          \
		NULL, NULL, 0, false                                                               \
	}

/* Loads the fields; with keys they can be found by name. 0, -ENOMEM, -EINVAL (damaged). */
int nv_raw_fields_load(struct nv_raw_fields *fields, const uint8_t *data, size_t size,
                       bool with_keys);
void nv_raw_fields_release(struct nv_raw_fields *fields);
#define cleanup_raw_fields __attribute__((cleanup(nv_raw_fields_release)))

/* The field of that name (loaded with keys), or NULL. Looks at position `near` first: documents
 * that are compared mostly have their fields in the same order. */
const struct nv_raw_elem *nv_raw_fields_find(const struct nv_raw_fields *fields, size_t near,
                                             const char *key, size_t key_size);

/* True for int32, int64, double and decimal128. */
bool nv_raw_is_number(uint8_t type);

/* 1 when two numbers of different types have the same value, 0 when not, -ENOMEM. */
int nv_raw_equal_numbers(const struct nv_raw_elem *a, const struct nv_raw_elem *b);

/* What numbers are sorted by to be found: the same for those that are equal, whatever their type
 * (but for decimals past 2^53 that have an exponent, NaN and infinities). 0 or -ENOMEM. */
int nv_raw_number_mark(const struct nv_raw_elem *elem, int64_t *ret_mark);

/* True when both values are the same type and bytes. */
bool nv_raw_equal(const struct nv_raw_elem *a, const struct nv_raw_elem *b);

/* 1 when both values say the same (nv_bson_same), 0 when not, -ENOMEM. */
int nv_raw_same(const struct nv_raw_elem *a, const struct nv_raw_elem *b);

/* One dotted path of several. */
struct nv_path {
	const char *text; /* borrowed */
	size_t size;
	size_t index; /* the caller's */
};

/* Fills *ret_path. */
void nv_path_init(struct nv_path *ret_path, const char *text, size_t index);

/* The order in which every path is followed by all that are inside it. */
int nv_path_compare(const struct nv_path *a, const struct nv_path *b);
void nv_paths_sort(struct nv_path *paths, size_t count);

/* True when inner is outer, or inside it. */
bool nv_path_is_inside(const struct nv_path *inner, const struct nv_path *outer);

/* Bytes of the path's component that begins at `from`. */
size_t nv_path_component(const struct nv_path *path, size_t from);

/* The end (exclusive) of the sorted paths from `first` on that share its component at `from`. */
size_t nv_paths_group_end(const struct nv_path *paths, size_t count, size_t first, size_t from);

/* Fills elems[path.index] for each of the sorted paths; type 0 where there is no such field. Walks
 * the document once. 0 or -ENOMEM, -EINVAL. */
int nv_paths_look_up(const struct nv_path *paths, size_t count, const uint8_t *data, size_t size,
                     struct nv_raw_elem *elems);

#endif
