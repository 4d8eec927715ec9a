/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader's lowest layer: bytes, places, words for mistakes, strings.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/json_int.h"

/* Line and column of byte pos. Faults mostly come in the order of the text, so the last place is
 * where to start. */
static void place(struct nv_reader *reader, size_t pos, size_t *ret_line, size_t *ret_column)
{
	if (pos < reader->place_pos || reader->place_line == 0) {
		reader->place_pos = 0;
		reader->place_line = 1;
		reader->place_column = 1;
	}
	for (; reader->place_pos < pos; reader->place_pos++) {
		if (reader->text[reader->place_pos] == '\n') {
			reader->place_line++;
			reader->place_column = 1;
		} else {
			reader->place_column++;
		}
	}
	*ret_line = reader->place_line;
	*ret_column = reader->place_column;
}

static void add(struct nv_reader *reader, size_t pos, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void add(struct nv_reader *reader, size_t pos, const char *fmt, va_list args)
{
	reader->faults_count++;
	if (!reader->faults) {
		return;
	}
	if (reader->faults->count >= NV_FAULTS_MAX) {
		reader->faults->dropped++; /* a place costs a walk over the text: not for these */
		return;
	}
	char reason[240];
	(void)vsnprintf(reason, sizeof(reason), fmt, args);
	for (size_t size = strlen(reason); !nv_utf8_valid(reason, size); size--) {
		reason[size - 1] = 0; /* never half a character at its end */
	}
	size_t line = 0;
	size_t column = 0;
	place(reader, pos, &line, &column);
	(void)nv_faults_add(reader->faults, line, column, "%s", reason);
}

int nv_reader_fault(struct nv_reader *reader, size_t pos, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add(reader, pos, fmt, args);
	va_end(args);
	return 0;
}

int nv_reader_stop(struct nv_reader *reader, size_t pos, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	add(reader, pos, fmt, args);
	va_end(args);
	reader->stopped = EINVAL;
	return -1;
}

int nv_reader_end(struct nv_reader *reader, const char *what)
{
	reader->ended = true;
	reader->stopped = EINVAL;
	if (!reader->scanning) {
		(void)nv_reader_fault(reader, reader->size, "the text ends inside %s", what);
	}
	return -1;
}

int nv_reader_memory(struct nv_reader *reader)
{
	if (nv_buf_error(reader->out) == 0 && nv_buf_error(&reader->word) == 0) {
		return 0;
	}
	reader->stopped = ENOMEM;
	return -1;
}

/* What people write that JSON has not, recognised by how it begins. */
struct mistake {
	const char *begin;
	const char *advice;
};

static const struct mistake mistakes[] = {
	{ "'", "JSON strings stand in double quotes" },
	{ "\xe2\x80\x9c", "JSON strings stand in plain double quotes" },
	{ "//", "JSON has no comments" },
	{ "/*", "JSON has no comments" },
	{ "#", "JSON has no comments" },
	{ "<<<<<<<", "this is the mark of an unresolved merge" },
	{ "True", "write true" },
	{ "TRUE", "write true" },
	{ "False", "write false" },
	{ "FALSE", "write false" },
	{ "None", "write null" },
	{ "NULL", "write null" },
	{ "undefined", "write null or {\"$undefined\":true}" },
	{ "NaN", "write {\"$numberDouble\":\"NaN\"}" },
	{ "Infinity", "write {\"$numberDouble\":\"Infinity\"}" },
	{ "-Infinity", "write {\"$numberDouble\":\"-Infinity\"}" },
	{ "+", "a number has no leading +" },
	{ ".", "a number begins with a digit: 0.5" },
	{ "ObjectId(", "write {\"$oid\":\"24 hex digits\"}" },
	{ "ISODate(", "write {\"$date\":\"2026-11-24T13:31:01Z\"}" },
	{ "new Date(", "write {\"$date\":\"2026-11-24T13:31:01Z\"}" },
	{ "NumberLong(", "write {\"$numberLong\":\"5\"}" },
	{ "\xef\xbb\xbf", "save the file without a byte order mark" },
};

static const char *advice_for(const struct nv_reader *reader)
{
	const char *text = reader->text + reader->pos;
	size_t left = reader->size - reader->pos;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		size_t size = strlen(mistakes[i].begin);
		if (left >= size && memcmp(text, mistakes[i].begin, size) == 0) {
			return mistakes[i].advice;
		}
	}
	return NULL;
}

int nv_reader_unexpected(struct nv_reader *reader, const char *wanted)
{
	const char *advice = advice_for(reader);
	unsigned char byte = (unsigned char)reader->text[reader->pos];
	char found[16];
	size_t char_size = nv_utf8_char(reader->text + reader->pos, reader->size - reader->pos);
	if (byte < 0x20 || byte == 0x7f || char_size == 0) {
		(void)snprintf(found, sizeof(found), "byte 0x%02x", byte);
	} else {
		(void)snprintf(found, sizeof(found), "'%.*s'", (int)char_size,
		               reader->text + reader->pos);
	}
	return nv_reader_stop(reader, reader->pos, "%s expected, not %s%s%s", wanted, found,
	                      advice ? ": " : "", advice ? advice : "");
}

int nv_reader_peek(struct nv_reader *reader)
{
	while (reader->pos < reader->size) {
		char byte = reader->text[reader->pos];
		if (byte != ' ' && byte != '\n' && byte != '\t' && byte != '\r') {
			return (unsigned char)byte;
		}
		reader->pos++;
	}
	return -1;
}

int nv_reader_take(struct nv_reader *reader, char byte, const char *wanted)
{
	int found = nv_reader_peek(reader);
	if (found < 0) {
		return nv_reader_end(reader, "an object");
	}
	if (found != (unsigned char)byte) {
		return nv_reader_unexpected(reader, wanted);
	}
	reader->pos++;
	return 0;
}

/* True when what is left of the text is the beginning of a UTF-8 character. */
static bool is_cut_char(const char *text, size_t left)
{
	static const char second[] = { '\x80', '\x90',
		                       '\xa0' }; /* one of them may follow any lead */
	if (left >= 4) {
		return false;
	}
	for (size_t i = 0; i < sizeof(second); i++) {
		char whole[4] = { second[i], second[i], second[i], second[i] };
		memcpy(whole, text, left);
		if (nv_utf8_char(whole, sizeof(whole)) > left) {
			return true;
		}
	}
	return false;
}

/* Four hex digits at the byte at hand; -1 = stopped. */
static int read_hex4(struct nv_reader *reader, size_t escape_pos)
{
	int code = 0;
	for (int i = 0; i < 4; i++) {
		if (reader->pos == reader->size) {
			return nv_reader_end(reader, "a string");
		}
		char c = reader->text[reader->pos];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0) {
			return nv_reader_stop(reader, escape_pos, "\\u takes four hex digits");
		}
		code = code * 16 + digit;
		reader->pos++;
	}
	return code;
}

/* The rest of \u: one escape or a pair of surrogates. */
static int read_unicode(struct nv_reader *reader, size_t escape_pos, struct nv_buf *out)
{
	int code = read_hex4(reader, escape_pos);
	if (code < 0) {
		return -1;
	}
	if (code >= 0xdc00 && code <= 0xdfff) {
		return nv_reader_stop(reader, escape_pos,
		                      "\\u%04x is the second half of a surrogate pair", code);
	}
	uint32_t character = (uint32_t)code;
	if (code >= 0xd800 && code <= 0xdbff) {
		for (const char *want = "\\u"; *want; want++) {
			if (reader->pos == reader->size) {
				return nv_reader_end(reader, "a string");
			}
			if (reader->text[reader->pos] != *want) {
				return nv_reader_stop(
					reader, escape_pos,
					"\\u%04x needs the second half of its surrogate pair after it",
					code);
			}
			reader->pos++;
		}
		int low = read_hex4(reader, escape_pos);
		if (low < 0) {
			return -1;
		}
		if (low < 0xdc00 || low > 0xdfff) {
			return nv_reader_stop(
				reader, escape_pos,
				"\\u%04x needs the second half of its surrogate pair after it",
				code);
		}
		character = 0x10000 + (((uint32_t)code - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
	}
	char bytes[4];
	nv_buf_append(out, bytes, nv_utf8_put(character, bytes));
	return 0;
}

static int read_escape(struct nv_reader *reader, struct nv_buf *out)
{
	static const char letters[] = "\"\\/bfnrt";
	static const char bytes[] = "\"\\/\b\f\n\r\t";
	size_t escape_pos = reader->pos++;
	if (reader->pos == reader->size) {
		return nv_reader_end(reader, "a string");
	}
	char letter = reader->text[reader->pos++];
	if (letter == 'u') {
		return read_unicode(reader, escape_pos, out);
	}
	const char *found = letter ? strchr(letters, letter) : NULL;
	if (!found) {
		return nv_reader_stop(
			reader, escape_pos,
			"no such escape: a backslash itself is written \\\\, other bytes \\u and four hex digits");
	}
	nv_buf_putc(out, bytes[found - letters]);
	return 0;
}

/* The byte at hand is neither plain nor ends the string. */
static int read_odd(struct nv_reader *reader, struct nv_buf *out)
{
	const char *text = reader->text + reader->pos;
	size_t left = reader->size - reader->pos;
	unsigned char byte = (unsigned char)*text;
	if (byte == '\\') {
		return read_escape(reader, out);
	}
	if (byte == '\n' || byte == '\r') {
		return nv_reader_stop(
			reader, reader->pos,
			"a string ends on its line: write \\n for a new line, or close it with \"");
	}
	if (byte < 0x20) {
		return nv_reader_stop(reader, reader->pos, "write \\u%04x for this control byte%s",
		                      byte, byte == '\t' ? " (or \\t)" : "");
	}
	size_t size = nv_utf8_char(text, left);
	if (size == 0) {
		return is_cut_char(text, left) ? nv_reader_end(reader, "a string")
		                               : nv_reader_stop(reader, reader->pos,
		                                                "byte 0x%02x is not UTF-8", byte);
	}
	nv_buf_append(out, text, size);
	reader->pos += size;
	return 0;
}

int nv_reader_string(struct nv_reader *reader, struct nv_buf *out)
{
	reader->pos++;
	for (;;) {
		size_t start = reader->pos;
		size_t pos = start;
		while (pos < reader->size) {
			unsigned char byte = (unsigned char)reader->text[pos];
			if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
				break;
			}
			pos++;
		}
		nv_buf_append(out, reader->text + start, pos - start);
		reader->pos = pos;
		if (pos == reader->size) {
			return nv_reader_end(reader, "a string");
		}
		if (reader->text[pos] == '"') {
			reader->pos++;
			return nv_reader_memory(reader);
		}
		if (read_odd(reader, out) < 0) {
			return -1;
		}
	}
}
