/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ENTRY of DESIGN 3: the entry of a Redis stream as one JSON object a line. (The name nv_entry is
 * that of node/node.h.)
 *
 * {"id":"MS-SEQ",F:V,…} in stored field order; with a repeated field, a field named id, at or
 * fields, or text that is not UTF-8 {"id":"MS-SEQ","fields":[[F,V],…]}, such a text as
 * {"$base64":"…"}.
 */
#ifndef NV_CODEC_STREAM_H
#define NV_CODEC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/fields.h"

struct nv_stream_entry {
	uint64_t ms;             /* of the id */
	uint64_t seq;            /* of the id */
	struct nv_fields fields; /* in stored order, never sorted; a field may be repeated */
	size_t line;             /* where it was read (1-based); 0 = it was not */
};

struct nv_stream {
	struct nv_stream_entry *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_STREAM_INIT { NULL, 0, 0 }

void nv_stream_release(struct nv_stream *stream);
#define cleanup_stream __attribute__((cleanup(nv_stream_release)))

/* Appends an entry without fields and returns it (until the next add; add its fields with
 * nv_fields_add). NULL when out of memory. */
struct nv_stream_entry *nv_stream_add(struct nv_stream *stream, uint64_t ms, uint64_t seq,
                                      size_t line);

/* Sorts by id. */
void nv_stream_sort(struct nv_stream *stream);

/* Same ids, and same fields in the same order. */
bool nv_stream_equal(const struct nv_stream *a, const struct nv_stream *b);

/* Reads the id "MS-SEQ" (decimal, no leading zeros, not 0-0). False when it is none. */
bool nv_stream_id_parse(const char *text, size_t size, uint64_t *ret_ms, uint64_t *ret_seq);

/* Appends the line of one entry with its newline; only ms, seq and fields are looked at. */
void nv_stream_entry_format(const struct nv_stream_entry *entry, struct nv_buf *out);

/* Appends all lines, in order. */
void nv_stream_format(const struct nv_stream *stream, struct nv_buf *out);

/* Reads the whole text; *ret (anything in it is not freed) is sorted by id. An id given twice is
 * refused. 0, -EINVAL with all faults, -ENOMEM. */
int nv_stream_parse(const char *text, size_t size, struct nv_stream *ret, struct nv_faults *faults);

/* As nv_lines_check. */
int nv_stream_check(const char *text, size_t size, size_t from, bool whole,
                    struct nv_faults *faults);

#endif
