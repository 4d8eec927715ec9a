/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zset body of DATA (DESIGN 3): WORD ATOM a line, score and member.
 */
#ifndef NV_CODEC_ZSET_H
#define NV_CODEC_ZSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"

struct nv_zmember {
	struct nv_bytes member; /* owned */
	double score;           /* never NaN */
	/* where it was read (1-based), of the line that won; 0 = it was not */
	size_t line;
	size_t order; /* of adding: what the sort knows "last" by */
};

struct nv_zset {
	struct nv_zmember *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_ZSET_INIT { NULL, 0, 0 }

void nv_zset_release(struct nv_zset *zset);
#define cleanup_zset __attribute__((cleanup(nv_zset_release)))

/* Appends a copy. 0 or -ENOMEM. */
int nv_zset_add(struct nv_zset *zset, double score, const char *member, size_t size, size_t line);

/* Sorts by member, each once: the last added wins. */
void nv_zset_sort(struct nv_zset *zset);

/* Same members with the same scores (-0 is not 0), both sorted. */
bool nv_zset_equal(const struct nv_zset *a, const struct nv_zset *b);

/* Appends the shortest text that reads back as this double, as Redis prints it ("3", "0.1",
 * "1e+20", "inf"). */
void nv_score_format(double score, struct nv_buf *out);

/* Reads a decimal number or [+-]inf[inity], whole text. False when it is none, or is out of
 * range. */
bool nv_score_parse(const char *text, size_t size, double *ret_score);

/* Appends the text, lines sorted bytewise as written. */
void nv_zset_format(const struct nv_zset *zset, struct nv_buf *out);

/* Reads the whole text; *ret (anything in it is not freed) is sorted by member. 0, -EINVAL with
 * all faults, -ENOMEM. */
int nv_zset_parse(const char *text, size_t size, struct nv_zset *ret, struct nv_faults *faults);

/* As nv_lines_check. */
int nv_zset_check(const char *text, size_t size, size_t from, bool whole, struct nv_faults *faults);

#endif
