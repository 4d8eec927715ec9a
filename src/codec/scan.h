/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How every line format is read and written: lines in, trimmed, with their places; lines out,
 * sorted. Private to codec/.
 */
#ifndef NV_CODEC_SCAN_H
#define NV_CODEC_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* A walk over the lines of a text. Plain value. */
struct nv_scan {
	const char *text; /* borrowed */
	size_t size;
	size_t pos;  /* where the next line begins */
	size_t line; /* number of the line at pos, 1-based */
	bool whole;  /* false: a last line without a newline may go on, and is not seen */
	struct nv_faults *faults; /* borrowed; may be NULL */
	int status;               /* 0; -EINVAL once a fault was found; -ENOMEM */
};

/* A line without the blanks and tabs at its ends; never empty. */
struct nv_scan_line {
	const char *text; /* borrowed from the scan's text */
	size_t size;
	size_t line;   /* 1-based */
	size_t column; /* of text[0], 1-based */
};

/* Starts at `from`, which is 0 or where a line begins. */
void nv_scan_init(struct nv_scan *scan, const char *text, size_t size, size_t from, bool whole,
                  struct nv_faults *faults);

/* Goes on at `to` (not before pos), where a line begins. */
void nv_scan_skip(struct nv_scan *scan, size_t to);

/* The next line that is not empty. A line that ends in a CR is a fault and is left out. False at
 * the end. */
bool nv_scan_next(struct nv_scan *scan, struct nv_scan_line *ret_line);

/* Adds a fault at text[at] of the line. */
#define nv_scan_fault(scan, where, at, ...)                                                        \
	((scan)->status = nv_faults_add((scan)->faults, (where)->line, (where)->column + (at),     \
	                                __VA_ARGS__))

/* Bytes of text before the first blank or tab. */
size_t nv_scan_word(const char *text, size_t size);

/* Bytes of text that are blanks or tabs, from its start. */
size_t nv_scan_blanks(const char *text, size_t size);

/* Sorts the lines of out from offset `from` to its end bytewise (newlines do not count). */
void nv_scan_sort_lines(struct nv_buf *out, size_t from);

#endif
