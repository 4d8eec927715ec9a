/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "codec/array.h"
#include "codec/base64.h"
#include "codec/body.h"
#include "codec/json.h"
#include "codec/scan.h"

void nv_stream_release(struct nv_stream *stream)
{
	for (size_t i = 0; i < stream->count; i++) {
		nv_fields_release(&stream->items[i].fields);
	}
	free(stream->items);
	*stream = (struct nv_stream)NV_STREAM_INIT;
}

struct nv_stream_entry *nv_stream_add(struct nv_stream *stream, uint64_t ms, uint64_t seq,
                                      size_t line)
{
	if (NV_ARRAY_GROW(stream) != 0) {
		return NULL;
	}
	stream->items[stream->count] = (struct nv_stream_entry){
		.ms = ms,
		.seq = seq,
		.fields = NV_FIELDS_INIT,
		.line = line,
	};
	return &stream->items[stream->count++];
}

static int compare_ids(const struct nv_stream_entry *a, const struct nv_stream_entry *b)
{
	if (a->ms != b->ms) {
		return a->ms < b->ms ? -1 : 1;
	}
	return (a->seq > b->seq) - (a->seq < b->seq);
}

static int compare(const void *a, const void *b)
{
	const struct nv_stream_entry *left = a;
	const struct nv_stream_entry *right = b;
	int order = compare_ids(left, right);

	return order ? order : (left->line > right->line) - (left->line < right->line);
}

void nv_stream_sort(struct nv_stream *stream)
{
	if (stream->count > 1) {
		qsort(stream->items, stream->count, sizeof(*stream->items), compare);
	}
}

bool nv_stream_equal(const struct nv_stream *a, const struct nv_stream *b)
{
	if (a->count != b->count) {
		return false;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (compare_ids(&a->items[i], &b->items[i]) != 0 ||
		    !nv_fields_equal(&a->items[i].fields, &b->items[i].fields)) {
			return false;
		}
	}
	return true;
}

/* Reads decimal digits up to `end` into a number: no leading zeros, no overflow. */
static bool parse_number(const char *text, const char *end, uint64_t *ret)
{
	uint64_t number = 0;

	if (text == end || (*text == '0' && end - text > 1)) {
		return false;
	}
	for (; text < end; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) {
			return false;
		}
	}
	*ret = number;
	return true;
}

bool nv_stream_id_parse(const char *text, size_t size, uint64_t *ret_ms, uint64_t *ret_seq)
{
	const char *dash = size == 0 ? NULL : memchr(text, '-', size);
	uint64_t ms;
	uint64_t seq;

	if (!dash || !parse_number(text, dash, &ms) || !parse_number(dash + 1, text + size, &seq) ||
	    (ms == 0 && seq == 0)) {
		return false;
	}
	*ret_ms = ms;
	*ret_seq = seq;
	return true;
}

/* Names that the plain form of an entry cannot have as a field. */
static bool is_reserved(const struct nv_bytes *name)
{
	return nv_bytes_is(name, "id") || nv_bytes_is(name, "at") || nv_bytes_is(name, "fields");
}

static int compare_keys(const void *a, const void *b)
{
	return nv_bytes_cmp(&(*(const struct nv_field *const *)a)->key,
	                    &(*(const struct nv_field *const *)b)->key);
}

int nv_stream_has_repeated(const struct nv_fields *fields)
{
	cleanup_free const struct nv_field **sorted = NULL;

	if (fields->count < 2) {
		return 0;
	}
	sorted = calloc(fields->count, sizeof(struct nv_field *));
	if (!sorted) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < fields->count; i++) {
		sorted[i] = &fields->items[i];
	}
	qsort(sorted, fields->count, sizeof(struct nv_field *), compare_keys);
	for (size_t i = 1; i < fields->count; i++) {
		if (nv_bytes_equal(&sorted[i - 1]->key, &sorted[i]->key)) {
			return 1;
		}
	}
	return 0;
}

/* 1 when the entry can be written as {"id":…,F:V,…}, 0 when not, -ENOMEM. */
static int is_simple(const struct nv_fields *fields)
{
	int repeated;

	for (size_t i = 0; i < fields->count; i++) {
		const struct nv_field *field = &fields->items[i];

		if (is_reserved(&field->key) || !nv_utf8_valid(field->key.data, field->key.size) ||
		    !nv_utf8_valid(field->value.data, field->value.size)) {
			return 0;
		}
	}
	repeated = nv_stream_has_repeated(fields);
	return repeated < 0 ? repeated : !repeated;
}

/* Appends one text, as {"$base64":"…"} when it is not UTF-8. */
static void format_text(const struct nv_bytes *text, struct nv_buf *out)
{
	if (nv_utf8_valid(text->data, text->size)) {
		nv_json_quote(text->data, text->size, out);
		return;
	}
	nv_buf_puts(out, "{\"$base64\":\"");
	nv_base64_encode(text->data, text->size, out);
	nv_buf_puts(out, "\"}");
}

void nv_stream_entry_format(const struct nv_stream_entry *entry, struct nv_buf *out)
{
	const struct nv_fields *fields = &entry->fields;
	int simple = is_simple(fields);

	if (simple < 0) {
		out->failed = true;
		return;
	}
	nv_buf_printf(out, "{\"id\":\"%" PRIu64 "-%" PRIu64 "\"", entry->ms, entry->seq);
	if (!simple) {
		nv_buf_puts(out, ",\"fields\":[");
	}
	for (size_t i = 0; i < fields->count; i++) {
		if (simple || i > 0) {
			nv_buf_putc(out, ',');
		}
		if (!simple) {
			nv_buf_putc(out, '[');
		}
		format_text(&fields->items[i].key, out);
		nv_buf_putc(out, simple ? ':' : ',');
		format_text(&fields->items[i].value, out);
		if (!simple) {
			nv_buf_putc(out, ']');
		}
	}
	nv_buf_puts(out, simple ? "}\n" : "]}\n");
}

void nv_stream_format(const struct nv_stream *stream, struct nv_buf *out)
{
	for (size_t i = 0; i < stream->count; i++) {
		nv_stream_entry_format(&stream->items[i], out);
	}
}

int nv_stream_settle(struct nv_scan *scan, struct nv_stream *stream)
{
	nv_stream_sort(stream);
	for (size_t i = 1; i < stream->count; i++) {
		const struct nv_stream_entry *entry = &stream->items[i];
		const struct nv_stream_entry *before = entry - 1;

		if (compare_ids(before, entry) == 0 && scan->status != -ENOMEM) {
			scan->status = nv_faults_add(scan->faults, entry->line, 1,
			                             "the id %" PRIu64 "-%" PRIu64
			                             " stands in line %zu already",
			                             entry->ms, entry->seq, before->line);
		}
	}
	return scan->status;
}

int nv_stream_parse(const char *text, size_t size, struct nv_stream *ret, struct nv_faults *faults)
{
	cleanup_stream struct nv_stream stream = NV_STREAM_INIT;
	struct nv_scan scan;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (nv_stream_read(&scan, &stream) != 0 || nv_stream_settle(&scan, &stream) != 0) {
		return scan.status;
	}
	*ret = stream;
	stream = (struct nv_stream)NV_STREAM_INIT;
	return 0;
}

int nv_stream_check(const char *text, size_t size, size_t from, bool whole,
                    struct nv_faults *faults)
{
	struct nv_scan scan;

	if (whole) {
		/* An id given twice shows only when all are known. */
		cleanup_stream struct nv_stream stream = NV_STREAM_INIT;

		return nv_stream_parse(text, size, &stream, faults);
	}
	nv_scan_init(&scan, text, size, from, whole, faults);
	return nv_stream_read(&scan, NULL);
}
