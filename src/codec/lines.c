/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/lines.h"

#include <stdlib.h>

#include "codec/array.h"
#include "codec/atom.h"
#include "codec/body.h"
#include "codec/scan.h"

void nv_lines_release(struct nv_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		nv_bytes_release(&lines->items[i].bytes);
	}
	free(lines->items);
	*lines = (struct nv_lines)NV_LINES_INIT;
}

int nv_lines_add(struct nv_lines *lines, const char *data, size_t size, size_t line)
{
	struct nv_line item = { .bytes = NV_BYTES_INIT, .line = line };

	if (NV_ARRAY_GROW(lines) != 0 || nv_bytes_copy(&item.bytes, data ? data : "", size) != 0) {
		return -ENOMEM;
	}
	lines->items[lines->count++] = item;
	return 0;
}

/* By bytes, then as read: the first of equals is the one that stays. */
static int compare(const void *a, const void *b)
{
	const struct nv_line *left = a;
	const struct nv_line *right = b;
	int order = nv_bytes_cmp(&left->bytes, &right->bytes);

	return order ? order : (left->line > right->line) - (left->line < right->line);
}

void nv_lines_sort(struct nv_lines *lines)
{
	size_t kept = 0;

	if (lines->count < 2) {
		return;
	}
	qsort(lines->items, lines->count, sizeof(*lines->items), compare);
	for (size_t i = 0; i < lines->count; i++) {
		if (kept > 0 &&
		    nv_bytes_equal(&lines->items[kept - 1].bytes, &lines->items[i].bytes)) {
			nv_bytes_release(&lines->items[i].bytes);
		} else {
			lines->items[kept++] = lines->items[i];
		}
	}
	lines->count = kept;
}

const struct nv_line *nv_lines_find(const struct nv_lines *lines, const char *data, size_t size)
{
	size_t low = 0;
	size_t high = lines->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nv_line *item = &lines->items[middle];
		int order = nv_bytes_compare(item->bytes.data, item->bytes.size, data, size);

		if (order == 0) {
			return item;
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

bool nv_lines_equal(const struct nv_lines *a, const struct nv_lines *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (!nv_bytes_equal(&a->items[i].bytes, &b->items[i].bytes)) {
			return false;
		}
	}
	return true;
}

void nv_lines_format_list(const struct nv_lines *lines, struct nv_buf *out)
{
	for (size_t i = 0; i < lines->count; i++) {
		const struct nv_bytes *bytes = &lines->items[i].bytes;

		nv_atom_format(out, NV_ATOM_PLAIN, bytes->data, bytes->size);
		nv_buf_putc(out, '\n');
	}
}

void nv_lines_format_set(const struct nv_lines *lines, struct nv_buf *out)
{
	size_t from = out->len;

	nv_lines_format_list(lines, out);
	nv_scan_sort_lines(out, from);
}

int nv_lines_read(struct nv_scan *scan, struct nv_lines *ret)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	struct nv_scan_line line;

	while (nv_scan_next(scan, &line)) {
		int status;

		nv_buf_truncate(&bytes, 0);
		status = nv_atom_parse(&bytes, NV_ATOM_PLAIN, line.text, line.size, line.line,
		                       line.column, scan->faults);
		if (status == 0) {
			status = nv_buf_error(&bytes);
		}
		if (status == 0 && ret) {
			status = nv_lines_add(ret, bytes.data, bytes.len, line.line);
		}
		if (status != 0) {
			scan->status = status;
		}
		if (status == -ENOMEM) {
			break;
		}
	}
	return scan->status;
}

static int parse(const char *text, size_t size, bool set, struct nv_lines *ret,
                 struct nv_faults *faults)
{
	cleanup_lines struct nv_lines lines = NV_LINES_INIT;
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (nv_lines_read(&scan, &lines) != 0) {
		return scan.status;
	}
	if (set) {
		nv_lines_sort(&lines);
	}
	*ret = lines;
	lines = (struct nv_lines)NV_LINES_INIT;
	return 0;
}

int nv_lines_parse_set(const char *text, size_t size, struct nv_lines *ret,
                       struct nv_faults *faults)
{
	return parse(text, size, true, ret, faults);
}

int nv_lines_parse_list(const char *text, size_t size, struct nv_lines *ret,
                        struct nv_faults *faults)
{
	return parse(text, size, false, ret, faults);
}

int nv_lines_check(const char *text, size_t size, size_t from, bool whole, struct nv_faults *faults)
{
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, from, whole, faults);
	return nv_lines_read(&scan, NULL);
}
