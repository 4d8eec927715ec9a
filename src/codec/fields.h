/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FIELDS of DESIGN 3: KEY ':' [' ' ATOM] a line.
 */
#ifndef NV_CODEC_FIELDS_H
#define NV_CODEC_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"

struct nv_field {
	struct nv_bytes key;   /* never absent; its data is the field's one allocation */
	struct nv_bytes value; /* never absent */
	/* where it was read (1-based), of the line that won; 0 = it was not */
	size_t line;
	size_t order; /* of adding: what the sort knows "last" by */
};

struct nv_fields {
	struct nv_field *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_FIELDS_INIT { NULL, 0, 0 }

void nv_fields_release(struct nv_fields *fields);
#define cleanup_fields __attribute__((cleanup(nv_fields_release)))

/* Appends a copy. 0 or -ENOMEM. */
int nv_fields_add(struct nv_fields *fields, const char *key, size_t key_size, const char *value,
                  size_t value_size, size_t line);

/* Sorts by key, each key once: the last added wins. */
void nv_fields_sort(struct nv_fields *fields);

/* The field of that key, or NULL. The fields are sorted. */
const struct nv_field *nv_fields_find(const struct nv_fields *fields, const char *key,
                                      size_t key_size);

/* Same keys and values in the same order (both sorted, or stored order counts). */
bool nv_fields_equal(const struct nv_fields *a, const struct nv_fields *b);

/* Appends the text, lines sorted bytewise as written. */
void nv_fields_format(const struct nv_fields *fields, struct nv_buf *out);

/* As nv_fields_format, but the count keys of first come first, in that order (those that are
 * there). */
void nv_fields_format_first(const struct nv_fields *fields, const char *const *first, size_t count,
                            struct nv_buf *out);

/* Reads the whole text; *ret (anything in it is not freed) is sorted. 0, -EINVAL with all
 * faults, -ENOMEM. */
int nv_fields_parse(const char *text, size_t size, struct nv_fields *ret, struct nv_faults *faults);

/* As nv_lines_check. */
int nv_fields_check(const char *text, size_t size, size_t from, bool whole,
                    struct nv_faults *faults);

#endif
