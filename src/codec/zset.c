/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/zset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/array.h"
#include "codec/atom.h"
#include "codec/body.h"
#include "codec/scan.h"

void nv_zset_release(struct nv_zset *zset)
{
	for (size_t i = 0; i < zset->count; i++) {
		nv_bytes_release(&zset->items[i].member);
	}
	free(zset->items);
	*zset = (struct nv_zset)NV_ZSET_INIT;
}

int nv_zset_add(struct nv_zset *zset, double score, const char *member, size_t size, size_t line)
{
	struct nv_zmember item = { .score = score, .line = line, .order = zset->count };

	if (NV_ARRAY_GROW(zset) != 0 ||
	    nv_bytes_copy(&item.member, member ? member : "", size) != 0) {
		return -ENOMEM;
	}
	zset->items[zset->count++] = item;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct nv_zmember *left = a;
	const struct nv_zmember *right = b;
	int order = nv_bytes_cmp(&left->member, &right->member);

	return order ? order : (left->order > right->order) - (left->order < right->order);
}

void nv_zset_sort(struct nv_zset *zset)
{
	size_t kept = 0;

	if (zset->count == 0) {
		return;
	}
	qsort(zset->items, zset->count, sizeof(*zset->items), compare);
	for (size_t i = 0; i < zset->count; i++) {
		struct nv_zmember *item = &zset->items[i];

		if (i + 1 < zset->count && nv_bytes_equal(&item->member, &item[1].member)) {
			nv_bytes_release(&item->member);
			continue;
		}
		zset->items[kept] = *item;
		zset->items[kept].order = kept; /* what is added later has a higher one */
		kept++;
	}
	zset->count = kept;
}

bool nv_zset_equal(const struct nv_zset *a, const struct nv_zset *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct nv_zmember *left = &a->items[i];
		const struct nv_zmember *right = &b->items[i];

		if (!nv_bytes_equal(&left->member, &right->member) ||
		    memcmp(&left->score, &right->score, sizeof(double)) != 0) {
			return false;
		}
	}
	return true;
}

void nv_score_format(double score, struct nv_buf *out)
{
	const double whole_max = 9007199254740992.0; /* 2^53: all integers below are exact */
	char text[40];
	char longest[40];

	if (isinf(score)) {
		nv_buf_puts(out, score < 0 ? "-inf" : "inf");
		return;
	}
	if (fabs(score) < whole_max && score == trunc(score)) {
		nv_buf_printf(out, "%.0f", score);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, score);
		if (strtod(text, NULL) == score) {
			break;
		}
	}
	/* All digits can be shorter than fewer and an exponent: 98765432109876544. */
	(void)snprintf(longest, sizeof(longest), "%.17g", score);
	nv_buf_puts(out, strlen(longest) <= strlen(text) ? longest : text);
}

static size_t skip_digits(const char *text, size_t size, size_t at)
{
	while (at < size && text[at] >= '0' && text[at] <= '9') {
		at++;
	}
	return at;
}

/* [+-] digits [. digits] [e [+-] digits]; one of the two runs of digits may be missing. (strtod
 * alone would take hexadecimal, NaN, and text after the number.) */
static bool is_decimal(const char *text, size_t size)
{
	size_t at = size > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
	size_t whole = skip_digits(text, size, at) - at;
	size_t fraction = 0;
	size_t start;

	at += whole;
	if (at < size && text[at] == '.') {
		fraction = skip_digits(text, size, at + 1) - (at + 1);
		at += fraction + 1;
	}
	if (whole + fraction == 0) {
		return false;
	}
	if (at < size && (text[at] == 'e' || text[at] == 'E')) {
		at++;
		at += at < size && (text[at] == '+' || text[at] == '-') ? 1 : 0;
		start = at;
		at = skip_digits(text, size, at);
		if (at == start) {
			return false;
		}
	}
	return at == size;
}

bool nv_score_parse(const char *text, size_t size, double *ret_score)
{
	char copy[400];
	bool negative = size > 0 && text[0] == '-';
	size_t sign = size > 0 && (negative || text[0] == '+') ? 1 : 0;
	double score;

	if ((size - sign == 3 && strncasecmp(text + sign, "inf", 3) == 0) ||
	    (size - sign == 8 && strncasecmp(text + sign, "infinity", 8) == 0)) {
		*ret_score = negative ? -(double)INFINITY : (double)INFINITY;
		return true;
	}
	if (size >= sizeof(copy) || !is_decimal(text, size)) {
		return false;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	score = strtod(copy, NULL);
	if (isinf(score)) {
		return false;
	}
	*ret_score = score;
	return true;
}

void nv_zset_format(const struct nv_zset *zset, struct nv_buf *out)
{
	size_t from = out->len;

	for (size_t i = 0; i < zset->count; i++) {
		const struct nv_zmember *item = &zset->items[i];

		nv_score_format(item->score, out);
		nv_buf_putc(out, ' ');
		nv_atom_format(out, NV_ATOM_PLAIN, item->member.data, item->member.size);
		nv_buf_putc(out, '\n');
	}
	nv_scan_sort_lines(out, from);
}

/* Reads one line; scratch is for use again. */
static int read_line(struct nv_scan *scan, const struct nv_scan_line *line, struct nv_buf *scratch,
                     struct nv_zset *ret)
{
	size_t score_size = nv_scan_word(line->text, line->size);
	size_t at = score_size + nv_scan_blanks(line->text + score_size, line->size - score_size);
	double score = 0;
	int status = 0;
	int member_status;

	nv_buf_truncate(scratch, 0);
	if (!nv_score_parse(line->text, score_size, &score)) {
		status = nv_faults_add(scan->faults, line->line, line->column,
		                       "the score is not a decimal number: a line is "
		                       "\"score member\"");
	}
	if (at == line->size) {
		member_status = nv_faults_add(scan->faults, line->line, line->column + at,
		                              "the member is missing: a line is \"score member\" "
		                              "(the empty member is written \\e)");
	} else {
		member_status =
			nv_atom_parse(scratch, NV_ATOM_PLAIN, line->text + at, line->size - at,
		                      line->line, line->column + at, scan->faults);
	}
	if (nv_buf_error(scratch) != 0) {
		return -ENOMEM;
	}
	status = status ? status : member_status;
	if (status != 0 || !ret) {
		return status;
	}
	return nv_zset_add(ret, score, scratch->data, scratch->len, line->line);
}

int nv_zset_read(struct nv_scan *scan, struct nv_zset *ret)
{
	cleanup_buf struct nv_buf scratch = NV_BUF_INIT;
	struct nv_scan_line line;

	while (scan->status != -ENOMEM && nv_scan_next(scan, &line)) {
		int status = read_line(scan, &line, &scratch, ret);

		scan->status = status ? status : scan->status;
	}
	return scan->status;
}

int nv_zset_parse(const char *text, size_t size, struct nv_zset *ret, struct nv_faults *faults)
{
	cleanup_zset struct nv_zset zset = NV_ZSET_INIT;
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (nv_zset_read(&scan, &zset) != 0) {
		return scan.status;
	}
	nv_zset_sort(&zset);
	*ret = zset;
	zset = (struct nv_zset)NV_ZSET_INIT;
	return 0;
}

int nv_zset_check(const char *text, size_t size, size_t from, bool whole, struct nv_faults *faults)
{
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, from, whole, faults);
	return nv_zset_read(&scan, NULL);
}
