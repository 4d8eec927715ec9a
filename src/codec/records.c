/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/records.h"

#include <stdlib.h>
#include <string.h>

#include "codec/array.h"
#include "codec/atom.h"
#include "codec/body.h"
#include "codec/scan.h"

void nv_records_release(struct nv_records *records)
{
	for (size_t i = 0; i < records->count; i++) {
		free(records->items[i].plugin.data);
	}
	free(records->items);
	*records = (struct nv_records)NV_RECORDS_INIT;
}

/* Copies from to *at, moves *at past it, and makes *ret that copy. */
static void place(struct nv_bytes *ret, const struct nv_bytes *from, char **at)
{
	*ret = (struct nv_bytes)NV_BYTES_INIT;
	if (!from || !from->data) {
		return;
	}
	memcpy(*at, from->data, from->size);
	(*at)[from->size] = '\0';
	*ret = (struct nv_bytes){ *at, from->size };
	*at += from->size + 1;
}

int nv_records_add(struct nv_records *records, const struct nv_bytes *plugin,
                   const struct nv_bytes *type, const struct nv_bytes *value, size_t line)
{
	struct nv_record item = { .line = line };
	size_t size = plugin->size + 1;
	char *block;

	if (__builtin_add_overflow(size, type ? type->size + 1 : 0, &size) ||
	    __builtin_add_overflow(size, value ? value->size + 1 : 0, &size) ||
	    NV_ARRAY_GROW(records) != 0) {
		return -ENOMEM;
	}
	block = malloc(size);
	if (!block) {
		return -ENOMEM;
	}
	place(&item.plugin, plugin, &block);
	place(&item.type, type, &block);
	place(&item.value, value, &block);
	records->items[records->count++] = item;
	return 0;
}

static int compare_content(const struct nv_record *a, const struct nv_record *b)
{
	int order = nv_bytes_cmp(&a->plugin, &b->plugin);

	if (order == 0) {
		order = nv_bytes_cmp(&a->type, &b->type);
	}
	return order ? order : nv_bytes_cmp(&a->value, &b->value);
}

/* By content, then as read: the first of equals is the one that stays. */
static int compare(const void *a, const void *b)
{
	const struct nv_record *left = a;
	const struct nv_record *right = b;
	int order = compare_content(left, right);

	return order ? order : (left->line > right->line) - (left->line < right->line);
}

void nv_records_sort(struct nv_records *records)
{
	size_t kept = 0;

	if (records->count < 2) {
		return;
	}
	qsort(records->items, records->count, sizeof(*records->items), compare);
	for (size_t i = 0; i < records->count; i++) {
		struct nv_record *item = &records->items[i];

		if (kept > 0 && compare_content(&records->items[kept - 1], item) == 0) {
			free(item->plugin.data);
		} else {
			records->items[kept++] = *item;
		}
	}
	records->count = kept;
}

bool nv_records_implied(const struct nv_records *records, size_t i)
{
	const struct nv_record *item = &records->items[i];
	const struct nv_record *next = item + 1;

	/* Absent sorts first, so what extends a record is right behind it. */
	if (item->value.data || i + 1 >= records->count ||
	    !nv_bytes_equal(&item->plugin, &next->plugin)) {
		return false;
	}
	return !item->type.data || nv_bytes_equal(&item->type, &next->type);
}

bool nv_records_has(const struct nv_records *records, const struct nv_bytes *plugin,
                    const struct nv_bytes *type, const struct nv_bytes *value)
{
	struct nv_record wanted = {
		.plugin = *plugin,
		.type = type ? *type : (struct nv_bytes)NV_BYTES_INIT,
		.value = value ? *value : (struct nv_bytes)NV_BYTES_INIT,
	};
	size_t low = 0;
	size_t high = records->count;

	/* The first item not before the wanted one is it, or extends it, or neither is there. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_content(&records->items[middle], &wanted) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == records->count || !nv_bytes_equal(&records->items[low].plugin, &wanted.plugin)) {
		return false;
	}
	if (wanted.type.data && !nv_bytes_equal(&records->items[low].type, &wanted.type)) {
		return false;
	}
	return !wanted.value.data || nv_bytes_equal(&records->items[low].value, &wanted.value);
}

/* The next record at or after i that is not implied; count at the end. */
static size_t next_said(const struct nv_records *records, size_t i)
{
	while (i < records->count && nv_records_implied(records, i)) {
		i++;
	}
	return i;
}

bool nv_records_equal(const struct nv_records *a, const struct nv_records *b)
{
	size_t i = next_said(a, 0);
	size_t k = next_said(b, 0);

	while (i < a->count && k < b->count) {
		if (compare_content(&a->items[i], &b->items[k]) != 0) {
			return false;
		}
		i = next_said(a, i + 1);
		k = next_said(b, k + 1);
	}
	return i == a->count && k == b->count;
}

void nv_records_format(const struct nv_records *records, struct nv_buf *out)
{
	size_t from = out->len;

	for (size_t i = 0; i < records->count; i++) {
		const struct nv_record *item = &records->items[i];

		if (nv_records_implied(records, i)) {
			continue;
		}
		nv_atom_format(out, NV_ATOM_WORD, item->plugin.data, item->plugin.size);
		if (item->type.data) {
			nv_buf_putc(out, ' ');
			nv_atom_format(out, NV_ATOM_WORD, item->type.data, item->type.size);
		}
		if (item->value.data) {
			nv_buf_putc(out, ' ');
			nv_atom_format(out, NV_ATOM_PLAIN, item->value.data, item->value.size);
		}
		nv_buf_putc(out, '\n');
	}
	nv_scan_sort_lines(out, from);
}

/* Reads the pieces of one line into the three bufs; pieces that are not there stay untouched, and
 * *ret_count says how many are. */
static int read_pieces(struct nv_scan *scan, const struct nv_scan_line *line, struct nv_buf bufs[3],
                       size_t *ret_count)
{
	size_t at = 0;
	size_t count = 0;
	int status = 0;

	while (at < line->size) {
		bool last = count == 2;
		size_t length =
			last ? line->size - at : nv_scan_word(line->text + at, line->size - at);
		int piece;

		nv_buf_truncate(&bufs[count], 0);
		piece = nv_atom_parse(&bufs[count], last ? NV_ATOM_PLAIN : NV_ATOM_WORD,
		                      line->text + at, length, line->line, line->column + at,
		                      scan->faults);
		if (nv_buf_error(&bufs[count]) != 0) {
			return -ENOMEM;
		}
		status = piece ? piece : status;
		count++;
		at += length;
		at += nv_scan_blanks(line->text + at, line->size - at);
	}
	*ret_count = count;
	return status;
}

int nv_records_read(struct nv_scan *scan, struct nv_records *ret)
{
	struct nv_buf bufs[3] = { NV_BUF_INIT, NV_BUF_INIT, NV_BUF_INIT };
	struct nv_scan_line line;

	while (scan->status != -ENOMEM && nv_scan_next(scan, &line)) {
		struct nv_bytes pieces[3];
		size_t count = 0;
		int status = read_pieces(scan, &line, bufs, &count);

		if (status == 0 && ret) {
			for (size_t i = 0; i < count; i++) {
				/* The empty piece (\e) leaves a buf without bytes: not absent. */
				pieces[i].data = bufs[i].data ? bufs[i].data : (char *)"";
				pieces[i].size = bufs[i].len;
			}
			status = nv_records_add(ret, &pieces[0], count > 1 ? &pieces[1] : NULL,
			                        count > 2 ? &pieces[2] : NULL, line.line);
		}
		scan->status = status ? status : scan->status;
	}
	for (size_t i = 0; i < 3; i++) {
		nv_buf_release(&bufs[i]);
	}
	return scan->status;
}

int nv_records_parse(const char *text, size_t size, struct nv_records *ret,
                     struct nv_faults *faults)
{
	cleanup_records struct nv_records records = NV_RECORDS_INIT;
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (nv_records_read(&scan, &records) != 0) {
		return scan.status;
	}
	nv_records_sort(&records);
	*ret = records;
	records = (struct nv_records)NV_RECORDS_INIT;
	return 0;
}

int nv_records_check(const char *text, size_t size, size_t from, bool whole,
                     struct nv_faults *faults)
{
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, from, whole, faults);
	return nv_records_read(&scan, NULL);
}
