/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RECORDS of DESIGN 3: WORD | WORD WORD | WORD WORD ATOM (plugin; plugin and type; plugin, type,
 * value). Syntax only: what a type or a value means is not known here.
 */
#ifndef NV_CODEC_RECORDS_H
#define NV_CODEC_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"

struct nv_record {
	struct nv_bytes plugin; /* never absent; its data is the record's one allocation */
	struct nv_bytes type;   /* absent: the line says only that the plugin is there */
	/* absent: the line says only that the type is there; present only with a type */
	struct nv_bytes value;
	size_t line; /* where it was read the first time (1-based); 0 = it was not */
};

/* A line implies its plugin and its type, so (dns, A, x) and {(dns), (dns, A), (dns, A, x)} say
 * the same. */
struct nv_records {
	struct nv_record *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_RECORDS_INIT { NULL, 0, 0 }

void nv_records_release(struct nv_records *records);
#define cleanup_records __attribute__((cleanup(nv_records_release)))

/* Appends a copy. type and value may be NULL (value must be when type is). 0 or -ENOMEM. */
int nv_records_add(struct nv_records *records, const struct nv_bytes *plugin,
                   const struct nv_bytes *type, const struct nv_bytes *value, size_t line);

/* Sorts by plugin, type, value (absent first) and keeps each once (that with the smallest line). */
void nv_records_sort(struct nv_records *records);

/* True when items[i] of sorted records is only a prefix of items[i + 1], that is, implied. */
bool nv_records_implied(const struct nv_records *records, size_t i);

/* True when the sorted records say, or imply, that this plugin (type NULL), type (value NULL) or
 * value is there. */
bool nv_records_has(const struct nv_records *records, const struct nv_bytes *plugin,
                    const struct nv_bytes *type, const struct nv_bytes *value);

/* True when two sorted records say the same. */
bool nv_records_equal(const struct nv_records *a, const struct nv_records *b);

/* Appends the text of sorted records: implied ones are left out, lines sorted bytewise as
 * written. */
void nv_records_format(const struct nv_records *records, struct nv_buf *out);

/* Reads the whole text; *ret (anything in it is not freed) is sorted and holds every line that
 * was given, implied ones too. 0, -EINVAL with all faults, -ENOMEM. */
int nv_records_parse(const char *text, size_t size, struct nv_records *ret,
                     struct nv_faults *faults);

/* As nv_lines_check. */
int nv_records_check(const char *text, size_t size, size_t from, bool whole,
                     struct nv_faults *faults);

#endif
