/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LINES of DESIGN 3: an ATOM a line. A set (maps, members), or a list whose order and duplicates
 * count.
 */
#ifndef NV_CODEC_LINES_H
#define NV_CODEC_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"

struct nv_line {
	struct nv_bytes bytes; /* owned */
	/* where it was read (1-based), the first time for a set; 0 = it was not */
	size_t line;
};

struct nv_lines {
	struct nv_line *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_LINES_INIT { NULL, 0, 0 }

void nv_lines_release(struct nv_lines *lines);
#define cleanup_lines __attribute__((cleanup(nv_lines_release)))

/* Appends a copy. 0 or -ENOMEM. */
int nv_lines_add(struct nv_lines *lines, const char *data, size_t size, size_t line);

/* Makes a set of it: sorted bytewise, each once (the first added stays). */
void nv_lines_sort(struct nv_lines *lines);

/* The item with these bytes, or NULL. The lines are sorted. */
const struct nv_line *nv_lines_find(const struct nv_lines *lines, const char *data, size_t size);

/* Same bytes in the same order (sets: both sorted). */
bool nv_lines_equal(const struct nv_lines *a, const struct nv_lines *b);

/* Appends the text of a set: its lines sorted bytewise as written, so that sort -u and comm
 * agree (with LC_ALL=C). */
void nv_lines_format_set(const struct nv_lines *lines, struct nv_buf *out);

/* Appends the text of a list, in order. */
void nv_lines_format_list(const struct nv_lines *lines, struct nv_buf *out);

/* Reads the whole text of a set; *ret (anything in it is not freed) is sorted. 0, -EINVAL with
 * all faults, -ENOMEM. */
int nv_lines_parse_set(const char *text, size_t size, struct nv_lines *ret,
                       struct nv_faults *faults);

/* Reads the whole text of a list, in order. As nv_lines_parse_set. */
int nv_lines_parse_list(const char *text, size_t size, struct nv_lines *ret,
                        struct nv_faults *faults);

/* Judges syntax only, from the line that begins at `from` on (lines count from the text's
 * start). Not whole: a last line without a newline may go on, and is not judged. 0, -EINVAL with
 * all faults, -ENOMEM. */
int nv_lines_check(const char *text, size_t size, size_t from, bool whole,
                   struct nv_faults *faults);

#endif
