/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/fields.h"

#include <stdlib.h>
#include <string.h>

#include "codec/array.h"
#include "codec/atom.h"
#include "codec/body.h"
#include "codec/scan.h"

void nv_fields_release(struct nv_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		free(fields->items[i].key.data);
	}
	free(fields->items);
	*fields = (struct nv_fields)NV_FIELDS_INIT;
}

int nv_fields_add(struct nv_fields *fields, const char *key, size_t key_size, const char *value,
                  size_t value_size, size_t line)
{
	struct nv_field item = { .line = line, .order = fields->count };
	size_t size;
	char *block;

	if (__builtin_add_overflow(key_size, value_size, &size) ||
	    __builtin_add_overflow(size, 2, &size) || NV_ARRAY_GROW(fields) != 0) {
		return -ENOMEM;
	}
	block = calloc(1, size);
	if (!block) {
		return -ENOMEM;
	}
	if (key_size > 0) {
		memcpy(block, key, key_size);
	}
	if (value_size > 0) {
		memcpy(block + key_size + 1, value, value_size);
	}
	item.key = (struct nv_bytes){ block, key_size };
	item.value = (struct nv_bytes){ block + key_size + 1, value_size };
	fields->items[fields->count++] = item;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct nv_field *left = a;
	const struct nv_field *right = b;
	int order = nv_bytes_cmp(&left->key, &right->key);

	return order ? order : (left->order > right->order) - (left->order < right->order);
}

void nv_fields_sort(struct nv_fields *fields)
{
	size_t kept = 0;

	if (fields->count == 0) {
		return;
	}
	qsort(fields->items, fields->count, sizeof(*fields->items), compare);
	for (size_t i = 0; i < fields->count; i++) {
		struct nv_field *item = &fields->items[i];

		if (i + 1 < fields->count && nv_bytes_equal(&item->key, &item[1].key)) {
			free(item->key.data);
			continue;
		}
		fields->items[kept] = *item;
		fields->items[kept].order = kept; /* what is added later has a higher one */
		kept++;
	}
	fields->count = kept;
}

const struct nv_field *nv_fields_find(const struct nv_fields *fields, const char *key,
                                      size_t key_size)
{
	size_t low = 0;
	size_t high = fields->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nv_field *item = &fields->items[middle];
		int order = nv_bytes_compare(item->key.data, item->key.size, key, key_size);

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

bool nv_fields_equal(const struct nv_fields *a, const struct nv_fields *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (!nv_bytes_equal(&a->items[i].key, &b->items[i].key) ||
		    !nv_bytes_equal(&a->items[i].value, &b->items[i].value)) {
			return false;
		}
	}
	return true;
}

static void format_field(const struct nv_field *field, struct nv_buf *out)
{
	nv_atom_format(out, NV_ATOM_KEY, field->key.data, field->key.size);
	nv_buf_putc(out, ':');
	if (field->value.size > 0) {
		nv_buf_putc(out, ' ');
		nv_atom_format(out, NV_ATOM_PLAIN, field->value.data, field->value.size);
	}
	nv_buf_putc(out, '\n');
}

/* The place of the key among first; count when it is not there. */
static size_t place_of(const struct nv_field *field, const char *const *first, size_t count)
{
	size_t i = 0;

	while (i < count && !nv_bytes_is(&field->key, first[i])) {
		i++;
	}
	return i;
}

void nv_fields_format_first(const struct nv_fields *fields, const char *const *first, size_t count,
                            struct nv_buf *out)
{
	size_t from;

	for (size_t place = 0; place < count; place++) {
		for (size_t i = 0; i < fields->count; i++) {
			if (nv_bytes_is(&fields->items[i].key, first[place])) {
				format_field(&fields->items[i], out);
			}
		}
	}
	from = out->len;
	for (size_t i = 0; i < fields->count; i++) {
		if (place_of(&fields->items[i], first, count) == count) {
			format_field(&fields->items[i], out);
		}
	}
	nv_scan_sort_lines(out, from);
}

void nv_fields_format(const struct nv_fields *fields, struct nv_buf *out)
{
	nv_fields_format_first(fields, NULL, 0, out);
}

/* The place of the ':' that ends the key: the first that is not escaped and stands before a blank,
 * a tab or the end. size when there is none. */
static size_t find_separator(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\') {
			i++;
		} else if (text[i] == ':' &&
		           (i + 1 == size || nv_scan_blanks(text + i + 1, 1) == 1)) {
			return i;
		}
	}
	return size;
}

/* What to say of a line without a separator: the near misses first. */
static int no_separator(struct nv_scan *scan, const struct nv_scan_line *line)
{
	const char *colon = memchr(line->text, ':', line->size);
	const char *equals = memchr(line->text, '=', line->size);

	if (colon) {
		return nv_scan_fault(scan, line, (size_t)(colon - line->text) + 1,
		                     "a blank is missing after ':': a line is \"key: value\"");
	}
	if (equals) {
		return nv_scan_fault(scan, line, (size_t)(equals - line->text),
		                     "no ':' in the line: a line is \"key: value\", not key=value");
	}
	return nv_scan_fault(scan, line, line->size,
	                     "no ':' in the line: a line is \"key: value\"");
}

int nv_fields_read_line(struct nv_scan *scan, const struct nv_scan_line *line,
                        struct nv_buf *scratch, struct nv_fields *ret)
{
	size_t separator = find_separator(line->text, line->size);
	size_t key_size = separator;
	size_t value_at = separator + 1;
	size_t key_bytes;
	int status;
	int value_status = 0;

	if (separator == line->size) {
		return no_separator(scan, line);
	}
	while (key_size > 0 && nv_scan_blanks(line->text + key_size - 1, 1) == 1) {
		key_size--;
	}
	value_at += nv_scan_blanks(line->text + value_at, line->size - value_at);
	nv_buf_truncate(scratch, 0);
	status = nv_atom_parse(scratch, NV_ATOM_KEY, line->text, key_size, line->line, line->column,
	                       scan->faults);
	key_bytes = scratch->len;
	if (value_at < line->size) {
		value_status = nv_atom_parse(scratch, NV_ATOM_PLAIN, line->text + value_at,
		                             line->size - value_at, line->line,
		                             line->column + value_at, scan->faults);
	}
	status = status ? status : value_status;
	if (nv_buf_error(scratch) != 0) {
		status = -ENOMEM;
	}
	if (status == 0 && ret) {
		const char *bytes = scratch->data ? scratch->data : "";

		status = nv_fields_add(ret, bytes, key_bytes, bytes + key_bytes,
		                       scratch->len - key_bytes, line->line);
	}
	scan->status = status ? status : scan->status;
	return status;
}

int nv_fields_read(struct nv_scan *scan, struct nv_fields *ret)
{
	cleanup_buf struct nv_buf scratch = NV_BUF_INIT;
	struct nv_scan_line line;

	while (scan->status != -ENOMEM && nv_scan_next(scan, &line)) {
		(void)nv_fields_read_line(scan, &line, &scratch, ret); /* the scan keeps it */
	}
	return scan->status;
}

int nv_fields_parse(const char *text, size_t size, struct nv_fields *ret, struct nv_faults *faults)
{
	cleanup_fields struct nv_fields fields = NV_FIELDS_INIT;
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (nv_fields_read(&scan, &fields) != 0) {
		return scan.status;
	}
	nv_fields_sort(&fields);
	*ret = fields;
	fields = (struct nv_fields)NV_FIELDS_INIT;
	return 0;
}

int nv_fields_check(const char *text, size_t size, size_t from, bool whole,
                    struct nv_faults *faults)
{
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, from, whole, faults);
	return nv_fields_read(&scan, NULL);
}
