/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bytes.h"

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

void nv_scan_init(struct nv_scan *scan, const char *text, size_t size, size_t from, bool whole,
                  struct nv_faults *faults)
{
	*scan = (struct nv_scan){
		.text = text,
		.size = size,
		.line = 1,
		.whole = whole,
		.faults = faults,
	};
	nv_scan_skip(scan, from);
}

void nv_scan_skip(struct nv_scan *scan, size_t to)
{
	while (scan->pos < to && scan->pos < scan->size) {
		const char *start = scan->text + scan->pos;
		size_t left = (to < scan->size ? to : scan->size) - scan->pos;
		const char *newline = memchr(start, '\n', left);

		scan->pos += newline ? (size_t)(newline - start) + 1 : left;
		scan->line += newline ? 1 : 0;
	}
}

size_t nv_scan_word(const char *text, size_t size)
{
	size_t length = 0;

	while (length < size && !is_blank(text[length])) {
		length++;
	}
	return length;
}

size_t nv_scan_blanks(const char *text, size_t size)
{
	size_t length = 0;

	while (length < size && is_blank(text[length])) {
		length++;
	}
	return length;
}

/* Takes the next line, empty or not, off the text. False at the end. */
static bool take_line(struct nv_scan *scan, struct nv_scan_line *ret_line)
{
	const char *start = scan->text + scan->pos;
	size_t left = scan->size - scan->pos;
	const char *newline = left == 0 ? NULL : memchr(start, '\n', left);

	if (left == 0 || (!newline && !scan->whole)) {
		return false;
	}
	*ret_line = (struct nv_scan_line){
		.text = start,
		.size = newline ? (size_t)(newline - start) : left,
		.line = scan->line,
		.column = 1,
	};
	scan->pos += ret_line->size + (newline ? 1 : 0);
	scan->line += newline ? 1 : 0;
	return true;
}

static void trim(struct nv_scan_line *line)
{
	size_t blanks = nv_scan_blanks(line->text, line->size);

	line->text += blanks;
	line->size -= blanks;
	line->column += blanks;
	while (line->size > 0 && is_blank(line->text[line->size - 1])) {
		line->size--;
	}
}

bool nv_scan_next(struct nv_scan *scan, struct nv_scan_line *ret_line)
{
	struct nv_scan_line line;

	/* Unseen, it would be a part of the first word, and make another plugin of the first
	 * one. */
	if (scan->pos == 0 && scan->size >= 3 && memcmp(scan->text, "\xEF\xBB\xBF", 3) == 0) {
		scan->status = nv_faults_add(scan->faults, 1, 1,
		                             "a byte order mark begins the file: save it as UTF-8 "
		                             "without (the bytes are written \\xEF\\xBB\\xBF)");
	}
	while (take_line(scan, &line)) {
		trim(&line);
		if (line.size == 0) {
			continue;
		}
		if (line.text[line.size - 1] == '\r') {
			nv_scan_fault(scan, &line, line.size - 1,
			              "a carriage return ends the line: DOS line ends? "
			              "(the byte itself is written \\x0D)");
			continue;
		}
		*ret_line = line;
		return true;
	}
	return false;
}

struct span {
	const char *text;
	size_t size; /* newline included */
};

static int compare_spans(const void *a, const void *b)
{
	const struct span *left = a;
	const struct span *right = b;

	return nv_bytes_compare(left->text, left->size - 1, right->text, right->size - 1);
}

/* Counts the lines (each ends in a newline); *ret_sorted: they are in order already. */
static size_t count_lines(const char *text, size_t size, bool *ret_sorted)
{
	struct span before = { NULL, 0 };
	size_t count = 0;

	*ret_sorted = true;
	for (size_t pos = 0; pos < size; count++) {
		const char *newline = memchr(text + pos, '\n', size - pos);
		struct span span = { text + pos, (size_t)(newline - (text + pos)) + 1 };

		if (before.text && compare_spans(&before, &span) > 0) {
			*ret_sorted = false;
		}
		before = span;
		pos += span.size;
	}
	return count;
}

void nv_scan_sort_lines(struct nv_buf *out, size_t from)
{
	cleanup_buf struct nv_buf sorted = NV_BUF_INIT;
	cleanup_free struct span *spans = NULL;
	size_t size = out->len - from;
	size_t count;
	bool is_sorted;

	if (nv_buf_error(out) != 0 || size == 0) {
		return;
	}
	count = count_lines(out->data + from, size, &is_sorted);
	if (is_sorted) {
		return;
	}
	spans = calloc(count, sizeof(*spans));
	nv_buf_reserve(&sorted, size);
	if (!spans || nv_buf_error(&sorted) != 0) {
		out->failed = true;
		return;
	}
	for (size_t i = 0, pos = from; i < count; i++) {
		const char *newline = memchr(out->data + pos, '\n', out->len - pos);

		spans[i] =
			(struct span){ out->data + pos, (size_t)(newline - (out->data + pos)) + 1 };
		pos += spans[i].size;
	}
	qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < count; i++) {
		nv_buf_append(&sorted, spans[i].text, spans[i].size);
	}
	memcpy(out->data + from, sorted.data, size);
}
