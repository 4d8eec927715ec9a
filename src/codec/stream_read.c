/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader of ENTRY lines: strict JSON (RFC 8259) of the two shapes that stream.h tells, blanks
 * allowed where JSON has them.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/body.h"
#include "codec/scan.h"
#include "codec/stream.h"

/* A walk over one line. */
struct reader {
	struct nv_scan *scan;
	const struct nv_scan_line *line;
	size_t at;
	struct nv_buf key;   /* for use again */
	struct nv_buf value; /* for use again */
	struct nv_stream_entry *entry;
	bool has_id;
	bool has_fields;
};

/* One fault a line: after it nothing can be said for sure. */
#define fail(reader, ...) nv_scan_fault((reader)->scan, (reader)->line, (reader)->at, __VA_ARGS__)

static void skip_blanks(struct reader *reader)
{
	reader->at +=
		nv_scan_blanks(reader->line->text + reader->at, reader->line->size - reader->at);
}

/* True, and one on, when the next byte after blanks is this one. */
static bool take(struct reader *reader, char byte)
{
	skip_blanks(reader);
	if (reader->at < reader->line->size && reader->line->text[reader->at] == byte) {
		reader->at++;
		return true;
	}
	return false;
}

static int expect(struct reader *reader, char byte, const char *what)
{
	return take(reader, byte) ? 0 : fail(reader, "'%c' %s is missing here", byte, what);
}

/* The four hexadecimal digits at `at`; -1 when they are not there. */
static long hex4(const struct reader *reader, size_t at)
{
	long code = 0;

	if (reader->line->size - at < 4) {
		return -1;
	}
	for (size_t i = 0; i < 4; i++) {
		char byte = reader->line->text[at + i];

		code <<= 4;
		if (byte >= '0' && byte <= '9') {
			code |= byte - '0';
		} else if (byte >= 'a' && byte <= 'f') {
			code |= byte - 'a' + 10;
		} else if (byte >= 'A' && byte <= 'F') {
			code |= byte - 'A' + 10;
		} else {
			return -1;
		}
	}
	return code;
}

/* Reads \uXXXX, or two of them that are one character; the reader stands on the backslash. */
static int read_unicode(struct reader *reader, struct nv_buf *out)
{
	const char *text = reader->line->text;
	size_t size = reader->line->size;
	size_t at = reader->at + 2;
	long code = hex4(reader, at);
	char bytes[4];
	size_t length;

	if (code < 0) {
		return fail(reader, "\\u needs four hexadecimal digits");
	}
	at += 4;
	if (code >= 0xD800 && code <= 0xDBFF && size - at >= 6 && text[at] == '\\' &&
	    text[at + 1] == 'u') {
		long low = hex4(reader, at + 2);

		if (low >= 0xDC00 && low <= 0xDFFF) {
			code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
			at += 6;
		}
	}
	length = nv_utf8_put((uint32_t)code, bytes);
	if (length == 0) {
		return fail(reader, "half of a surrogate pair is no character");
	}
	nv_buf_append(out, bytes, length);
	reader->at = at;
	return 0;
}

/* Reads one escape; the reader stands on the backslash. */
static int read_escape(struct reader *reader, struct nv_buf *out)
{
	static const char names[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	char next = reader->line->size - reader->at > 1 ? reader->line->text[reader->at + 1] : '\0';
	const char *name = next ? strchr(names, next) : NULL;

	if (next == 'u') {
		return read_unicode(reader, out);
	}
	if (!name) {
		return fail(reader, "no such escape in JSON: a backslash itself is written \\\\");
	}
	nv_buf_putc(out, bytes[name - names]);
	reader->at += 2;
	return 0;
}

/* Reads a JSON string over what out holds. */
static int read_string(struct reader *reader, struct nv_buf *out)
{
	const char *text = reader->line->text;
	size_t size = reader->line->size;

	nv_buf_truncate(out, 0);
	if (!take(reader, '"')) {
		return fail(reader, "a text in double quotes is missing here");
	}
	while (reader->at < size && text[reader->at] != '"') {
		size_t length = nv_utf8_char(text + reader->at, size - reader->at);

		if (length == 0) {
			return fail(reader,
			            "byte 0x%02X is not UTF-8 (bytes are written "
			            "{\"$base64\":\"…\"} under \"fields\")",
			            (unsigned char)text[reader->at]);
		}
		if ((unsigned char)text[reader->at] < 0x20) {
			return fail(reader, "control byte 0x%02X: it is written \\u%04X",
			            (unsigned char)text[reader->at],
			            (unsigned char)text[reader->at]);
		}
		if (text[reader->at] == '\\') {
			int status = read_escape(reader, out);

			if (status != 0) {
				return status;
			}
			continue;
		}
		nv_buf_append(out, text + reader->at, length);
		reader->at += length;
	}
	if (nv_buf_error(out) != 0) {
		return reader->scan->status =
		               -ENOMEM; /* else a lost name would be taken for another */
	}
	return expect(reader, '"', "at the end of the text");
}

/* Reads a string or {"$base64":"…"} over what out holds. */
static int read_text(struct reader *reader, struct nv_buf *out)
{
	cleanup_buf struct nv_buf base64 = NV_BUF_INIT;
	size_t start;
	int status;

	if (!take(reader, '{')) {
		return read_string(reader, out);
	}
	skip_blanks(reader);
	start = reader->at;
	status = read_string(reader, &base64);
	if (status == 0 && (base64.len != 7 || memcmp(base64.data, "$base64", 7) != 0)) {
		reader->at = start;
		status = fail(reader, "only {\"$base64\":\"…\"} can stand for a text");
	}
	status = status ? status : expect(reader, ':', "after the name");
	skip_blanks(reader);
	start = reader->at;
	status = status ? status : read_string(reader, &base64);
	if (status != 0) {
		return status;
	}
	nv_buf_truncate(out, 0);
	if (nv_base64_decode(base64.data ? base64.data : "", base64.len, out) != 0) {
		reader->at = start;
		return fail(reader, "not base64 (RFC 4648, with padding, no blanks)");
	}
	return expect(reader, '}', "after the base64 text");
}

static int add_field(struct reader *reader)
{
	const struct nv_buf *key = &reader->key;
	const struct nv_buf *value = &reader->value;

	if (nv_buf_error(key) != 0 || nv_buf_error(value) != 0 ||
	    nv_fields_add(&reader->entry->fields, key->data, key->len, value->data, value->len,
	                  reader->line->line) != 0) {
		return reader->scan->status = -ENOMEM;
	}
	return 0;
}

/* Reads [[F,V],…]. */
static int read_pairs(struct reader *reader)
{
	int status = expect(reader, '[', "of the pairs");

	if (status != 0 || take(reader, ']')) {
		return status;
	}
	do {
		status = expect(reader, '[', "of a pair");
		status = status ? status : read_text(reader, &reader->key);
		status = status ? status : expect(reader, ',', "between name and value");
		status = status ? status : read_text(reader, &reader->value);
		status = status ? status : expect(reader, ']', "at the pair's end");
		status = status ? status : add_field(reader);
		if (status != 0) {
			return status;
		}
	} while (take(reader, ','));
	return expect(reader, ']', "after the pairs");
}

static bool key_is(const struct reader *reader, const char *name)
{
	return reader->key.len == strlen(name) &&
	       memcmp(reader->key.data ? reader->key.data : "", name, reader->key.len) == 0;
}

static int read_id(struct reader *reader)
{
	size_t start;
	int status;

	skip_blanks(reader);
	start = reader->at;
	status = read_string(reader, &reader->value);
	if (status != 0) {
		return status;
	}
	if (!nv_stream_id_parse(reader->value.data ? reader->value.data : "", reader->value.len,
	                        &reader->entry->ms, &reader->entry->seq)) {
		reader->at = start;
		return fail(reader, "not the id of an entry: it is \"MILLISECONDS-NUMBER\"");
	}
	reader->has_id = true;
	return 0;
}

/* Reads "name":value of the entry's object. */
static int read_member(struct reader *reader)
{
	size_t start;
	int status;

	skip_blanks(reader);
	start = reader->at;
	status = read_string(reader, &reader->key);
	status = status ? status : expect(reader, ':', "after the name");
	if (status != 0) {
		return status;
	}
	if (key_is(reader, "id") && !reader->has_id) {
		return read_id(reader);
	}
	if (key_is(reader, "fields") && !reader->has_fields && reader->entry->fields.count == 0) {
		reader->has_fields = true;
		return read_pairs(reader);
	}
	if (key_is(reader, "id") || key_is(reader, "at") || key_is(reader, "fields") ||
	    reader->has_fields) {
		reader->at = start;
		return fail(reader, "written {\"id\":…,\"fields\":[[NAME,VALUE],…]}, "
		                    "with all others");
	}
	status = read_string(reader, &reader->value);
	return status ? status : add_field(reader);
}

/* The plain form must not have a name twice: jq and others would keep only one of the values. */
static int refuse_repeated(struct reader *reader)
{
	int repeated = nv_stream_has_repeated(&reader->entry->fields);

	if (repeated < 0) {
		return reader->scan->status = repeated;
	}
	reader->at = 0;
	return repeated ? fail(reader, "a name is given twice: write "
	                               "{\"id\":…,\"fields\":[[NAME,VALUE],…]}")
	                : 0;
}

/* Reads the line's object into reader->entry. */
static int read_entry(struct reader *reader)
{
	int status = expect(reader, '{', "of the entry");

	if (status != 0) {
		return status;
	}
	if (!take(reader, '}')) {
		do {
			status = read_member(reader);
			if (status != 0) {
				return status;
			}
		} while (take(reader, ','));
		status = expect(reader, '}', "at the entry's end");
	}
	skip_blanks(reader);
	if (status == 0 && reader->at < reader->line->size) {
		status = fail(reader, "text after the entry: one entry a line");
	}
	if (status == 0 && !reader->has_id) {
		reader->at = 0;
		status = fail(reader, "the entry has no \"id\"");
	}
	return status || reader->has_fields ? status : refuse_repeated(reader);
}

int nv_stream_read(struct nv_scan *scan, struct nv_stream *ret)
{
	struct nv_stream sink = NV_STREAM_INIT;
	struct nv_stream *stream = ret ? ret : &sink;
	struct nv_scan_line line;
	struct reader reader = {
		.scan = scan,
		.line = &line,
		.key = NV_BUF_INIT,
		.value = NV_BUF_INIT,
	};

	while (scan->status != -ENOMEM && nv_scan_next(scan, &line)) {
		reader.entry = nv_stream_add(stream, 0, 0, line.line);
		if (!reader.entry) {
			scan->status = -ENOMEM;
			break;
		}
		reader.at = 0;
		reader.has_id = false;
		reader.has_fields = false;
		(void)read_entry(&reader); /* the scan keeps its status */
		if (!ret) {
			nv_stream_release(&sink);
		}
	}
	nv_stream_release(&sink);
	nv_buf_release(&reader.key);
	nv_buf_release(&reader.value);
	return scan->status;
}
