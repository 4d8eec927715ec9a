/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing documents as JSON text, so that reading the text gives the same bytes again. How a BSON
 * document survives:
 *
 * 1. What JSON has is written plainly: strings, booleans, null, objects, arrays, int32, and doubles
 *    with their shortest text that reads back, always with '.' or exponent, for a number without is
 *    an integer.
 * 2. An int64 is plain when it is too big to be read as int32; else {"$numberLong":"5"}.
 * 3. What JSON has not is written in the `$` forms of Extended JSON v2, NaN, infinities and -0.0
 *    (which other programs drop the sign of) among them. A date is text inside the years 0 to 9999,
 *    else {"$date":{"$numberLong":…}}.
 * 4. A stored object with a field of a form's name, which would be read as that form, is written as
 *    {"$literal":{…}}: its own names then mean nothing; objects inside it are objects again. At the
 *    top, `$bson` is such a name too.
 * 5. What no text can bring back byte for byte: a name twice in one object; bytes that are not
 *    UTF-8; NaN with sign or payload; a decimal that has more than one encoding and is not in the
 *    usual one; array keys that are not 0, 1, 2…; regex options that are not sorted letters;
 *    booleans other than 0 and 1; deeper than NV_JSON_DEPTH_MAX; over 16 MiB; damaged BSON. Then
 *    the whole text is {"$bson":"BASE64"}.
 * 6. Nothing is decided by trying: every case is known from the bytes, and a property test holds
 *    this against the reader.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/json_int.h"

struct writer {
	struct nv_buf *out; /* borrowed */
	bool compact;
	bool odd;  /* something has no plain form: what was written does not count */
	int depth; /* documents and arrays we are in */
};

static void write_value(struct writer *writer, const struct nv_raw_elem *elem, bool whole);

/* Bytes that stand for themselves inside a string. */
static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0x7f;
}

static void put_escape(unsigned char byte, struct nv_buf *out)
{
	static const char bytes[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";
	const char *found = byte ? strchr(bytes, byte) : NULL;
	if (found) {
		char two[2] = { '\\', letters[found - bytes] };
		nv_buf_append(out, two, sizeof(two));
	} else {
		nv_buf_printf(out, "\\u%04x", byte);
	}
}

void nv_json_quote(const char *text, size_t size, struct nv_buf *out)
{
	nv_buf_putc(out, '"');
	size_t start = 0;
	for (size_t i = 0; i < size; i++) {
		if (!is_plain((unsigned char)text[i])) {
			nv_buf_append(out, text + start, i - start);
			put_escape((unsigned char)text[i], out);
			start = i + 1;
		}
	}
	nv_buf_append(out, text + start, size - start);
	nv_buf_putc(out, '"');
}

static void write_text(struct writer *writer, const char *text, size_t size)
{
	if (!nv_utf8_valid(text, size)) {
		writer->odd = true;
		return;
	}
	nv_json_quote(text, size, writer->out);
}

/* Length-prefixed text. */
static void write_string(struct writer *writer, const uint8_t *value)
{
	write_text(writer, (const char *)value + 4, (size_t)nv_raw_int32(value) - 1);
}

static void write_hex(struct writer *writer, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char two[2] = { "0123456789abcdef"[bytes[i] >> 4],
			        "0123456789abcdef"[bytes[i] & 15] };
		nv_buf_append(writer->out, two, sizeof(two));
	}
}

static void write_double(struct writer *writer, const uint8_t *value)
{
	double number = nv_raw_double(value);
	if (isnan(number)) {
		writer->odd = writer->odd || nv_raw_int64(value) != INT64_C(0x7ff8000000000000);
		nv_buf_puts(writer->out, "{\"$numberDouble\":\"NaN\"}");
	} else if (isinf(number)) {
		nv_buf_printf(writer->out, "{\"$numberDouble\":\"%sInfinity\"}",
		              number < 0 ? "-" : "");
	} else if (number == 0 && signbit(number)) {
		nv_buf_puts(writer->out, "{\"$numberDouble\":\"-0.0\"}");
	} else {
		nv_json_double_format(number, writer->out);
	}
}

static void write_date(struct writer *writer, int64_t ms)
{
	char text[32];
	if (nv_json_date_format(ms, text)) {
		nv_buf_printf(writer->out, "{\"$date\":\"%s\"}", text);
	} else {
		nv_buf_printf(writer->out, "{\"$date\":{\"$numberLong\":\"%" PRId64 "\"}}", ms);
	}
}

static void write_binary(struct writer *writer, const uint8_t *value)
{
	const uint8_t *bytes = value + 5;
	int32_t size = nv_raw_int32(value);
	if (value[4] == BSON_SUBTYPE_BINARY_DEPRECATED) {
		if (size < 4 || nv_raw_int32(bytes) != size - 4) {
			writer->odd = true;
			return;
		}
		bytes += 4;
		size -= 4;
	}
	nv_buf_puts(writer->out, "{\"$binary\":{\"base64\":\"");
	nv_base64_encode(bytes, (size_t)size, writer->out);
	nv_buf_printf(writer->out, "\",\"subType\":\"%02x\"}}", value[4]);
}

static void write_regex(struct writer *writer, const uint8_t *value)
{
	const char *pattern = (const char *)value;
	const char *options = pattern + strlen(pattern) + 1;
	writer->odd = writer->odd || !nv_json_regex_options_are_sound(options, strlen(options));
	nv_buf_puts(writer->out, "{\"$regularExpression\":{\"pattern\":");
	write_text(writer, pattern, strlen(pattern));
	nv_buf_printf(writer->out, ",\"options\":\"%s\"}}", options);
}

static void write_dbpointer(struct writer *writer, const uint8_t *value)
{
	nv_buf_puts(writer->out, "{\"$dbPointer\":{\"$ref\":");
	write_string(writer, value);
	nv_buf_puts(writer->out, ",\"$id\":{\"$oid\":\"");
	write_hex(writer, value + 4 + nv_raw_int32(value), 12);
	nv_buf_puts(writer->out, "\"}}}");
}

static void write_decimal(struct writer *writer, const uint8_t *value)
{
	bson_decimal128_t decimal = { .low = (uint64_t)nv_raw_int64(value),
		                      .high = (uint64_t)nv_raw_int64(value + 8) };
	char text[BSON_DECIMAL128_STRING];
	bson_decimal128_to_string(&decimal, text);
	writer->odd = writer->odd || !nv_json_decimal_is_canonical(&decimal);
	nv_buf_printf(writer->out, "{\"$numberDecimal\":\"%s\"}", text);
}

static void new_line(struct writer *writer)
{
	static const char blanks[] =
		"                                                                ";
	if (writer->compact) {
		return;
	}
	nv_buf_putc(writer->out, '\n');
	for (size_t left = 2 * (size_t)writer->depth; left > 0;) {
		size_t step = left < sizeof(blanks) - 1 ? left : sizeof(blanks) - 1;
		nv_buf_append(writer->out, blanks, step);
		left -= step;
	}
}

/* What the names of a document say about how it can be written. */
struct names {
	size_t count;
	bool odd;      /* damaged, not UTF-8, or a name twice */
	bool reserved; /* a name of a form is among them */
};

static struct names look_at_names(struct writer *writer, const uint8_t *data, size_t size,
                                  bool whole)
{
	struct names names = { 0, false, false };
	struct nv_raw_key few[12];
	cleanup_free struct nv_raw_key *many = NULL;
	struct nv_raw_key *keys = few;
	size_t cap = sizeof(few) / sizeof(few[0]);
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	int r = nv_raw_iter_init(&iter, data, size);
	while (r == 0 && (r = nv_raw_iter_next(&iter, &elem)) > 0) {
		if (names.count == cap) {
			/* one allocation, for the worst case would be twice the document */
			cap = nv_raw_count(data, size);
			many = cap > names.count ? calloc(cap, sizeof(*many)) : NULL;
			if (!many) {
				writer->out->failed = true;
				return names;
			}
			memcpy(many, few, sizeof(few));
			keys = many;
		}
		nv_raw_key_init(&keys[names.count], elem.key, elem.key_size, names.count);
		names.count++;
		names.odd = names.odd || !nv_utf8_valid(elem.key, elem.key_size);
		names.reserved = names.reserved ||
		                 nv_json_form_of(elem.key, elem.key_size, whole) != NV_FORM_NONE;
		r = 0;
	}
	names.odd = names.odd || r < 0 || nv_raw_keys_twice(keys, names.count) < names.count;
	return names;
}

/* The fields of a document or elements of an array, with their brackets. */
static void write_members(struct writer *writer, const uint8_t *data, size_t size, bool array)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	size_t count = 0;
	if (++writer->depth > NV_JSON_DEPTH_MAX || nv_raw_iter_init(&iter, data, size) < 0) {
		writer->odd = true;
		return;
	}
	nv_buf_putc(writer->out, array ? '[' : '{');
	int r = 0;
	while (!writer->odd && (r = nv_raw_iter_next(&iter, &elem)) > 0) {
		if (count > 0) {
			nv_buf_putc(writer->out, ',');
		}
		new_line(writer);
		if (array) {
			char key[24];
			size_t key_size = nv_raw_index_key(count, key);
			writer->odd = writer->odd || !nv_raw_key_is(&elem, key, key_size);
		} else {
			nv_json_quote(elem.key, elem.key_size, writer->out);
			nv_buf_puts(writer->out, writer->compact ? ":" : ": ");
		}
		write_value(writer, &elem, false);
		count++;
	}
	writer->odd = writer->odd || r < 0;
	writer->depth--;
	if (count > 0) {
		new_line(writer);
	}
	nv_buf_putc(writer->out, array ? ']' : '}');
}

static void write_document(struct writer *writer, const uint8_t *data, size_t size, bool whole)
{
	struct names names = look_at_names(writer, data, size, whole);
	if (names.odd) {
		writer->odd = true;
		return;
	}
	if (names.reserved) {
		nv_buf_puts(writer->out, "{\"$literal\":");
	}
	write_members(writer, data, size, false);
	if (names.reserved) {
		nv_buf_putc(writer->out, '}');
	}
}

static void write_code_scope(struct writer *writer, const struct nv_raw_elem *elem)
{
	size_t code_size = 4 + (size_t)nv_raw_int32(elem->value + 4);
	nv_buf_puts(writer->out, "{\"$code\":");
	write_string(writer, elem->value + 4);
	nv_buf_puts(writer->out, ",\"$scope\":");
	write_document(writer, elem->value + 4 + code_size, elem->size - 4 - code_size, false);
	nv_buf_putc(writer->out, '}');
}

static void write_int64(struct writer *writer, int64_t value)
{
	bool ambiguous = value >= INT32_MIN && value <= INT32_MAX;
	nv_buf_printf(writer->out, ambiguous ? "{\"$numberLong\":\"%" PRId64 "\"}" : "%" PRId64,
	              value);
}

/* The forms that hold one string or nothing. */
static void write_small_form(struct writer *writer, const struct nv_raw_elem *elem)
{
	switch (elem->type) {
	case BSON_TYPE_OID:
		nv_buf_puts(writer->out, "{\"$oid\":\"");
		write_hex(writer, elem->value, 12);
		nv_buf_puts(writer->out, "\"}");
		break;
	case BSON_TYPE_CODE:
	case BSON_TYPE_SYMBOL:
		nv_buf_puts(writer->out,
		            elem->type == BSON_TYPE_CODE ? "{\"$code\":" : "{\"$symbol\":");
		write_string(writer, elem->value);
		nv_buf_putc(writer->out, '}');
		break;
	case BSON_TYPE_TIMESTAMP:
		nv_buf_printf(writer->out, "{\"$timestamp\":{\"t\":%" PRIu32 ",\"i\":%" PRIu32 "}}",
		              (uint32_t)nv_raw_int32(elem->value + 4),
		              (uint32_t)nv_raw_int32(elem->value));
		break;
	case BSON_TYPE_UNDEFINED:
		nv_buf_puts(writer->out, "{\"$undefined\":true}");
		break;
	default:
		nv_buf_puts(writer->out,
		            elem->type == BSON_TYPE_MINKEY ? "{\"$minKey\":1}" : "{\"$maxKey\":1}");
		break;
	}
}

static void write_value(struct writer *writer, const struct nv_raw_elem *elem, bool whole)
{
	switch (elem->type) {
	case BSON_TYPE_DOUBLE:
		write_double(writer, elem->value);
		break;
	case BSON_TYPE_UTF8:
		write_string(writer, elem->value);
		break;
	case BSON_TYPE_DOCUMENT:
		write_document(writer, elem->value, elem->size, whole);
		break;
	case BSON_TYPE_ARRAY:
		write_members(writer, elem->value, elem->size, true);
		break;
	case BSON_TYPE_BINARY:
		write_binary(writer, elem->value);
		break;
	case BSON_TYPE_BOOL:
		writer->odd = writer->odd || elem->value[0] > 1;
		nv_buf_puts(writer->out, elem->value[0] ? "true" : "false");
		break;
	case BSON_TYPE_DATE_TIME:
		write_date(writer, nv_raw_int64(elem->value));
		break;
	case BSON_TYPE_NULL:
		nv_buf_puts(writer->out, "null");
		break;
	case BSON_TYPE_REGEX:
		write_regex(writer, elem->value);
		break;
	case BSON_TYPE_DBPOINTER:
		write_dbpointer(writer, elem->value);
		break;
	case BSON_TYPE_CODEWSCOPE:
		write_code_scope(writer, elem);
		break;
	case BSON_TYPE_INT32:
		nv_buf_printf(writer->out, "%" PRId32, nv_raw_int32(elem->value));
		break;
	case BSON_TYPE_INT64:
		write_int64(writer, nv_raw_int64(elem->value));
		break;
	case BSON_TYPE_DECIMAL128:
		write_decimal(writer, elem->value);
		break;
	default:
		write_small_form(writer, elem);
		break;
	}
}

/* Replaces what was written since start by the form that always works. */
static int write_opaque(struct nv_buf *out, size_t start, const uint8_t *data, size_t size)
{
	nv_buf_truncate(out, start);
	nv_buf_puts(out, "{\"$bson\":\"");
	nv_base64_encode(data, size, out);
	nv_buf_puts(out, "\"}");
	return NV_JSON_OPAQUE;
}

int nv_json_format(const bson_t *doc, unsigned flags, struct nv_buf *out)
{
	struct writer writer = { .out = out, .compact = (flags & NV_JSON_COMPACT) != 0 };
	const uint8_t *data = bson_get_data(doc);
	size_t start = out->len;
	int r = 0;
	if (doc->len <= NV_JSON_BSON_MAX) {
		write_document(&writer, data, doc->len, true);
	}
	if (writer.odd || doc->len > NV_JSON_BSON_MAX) {
		r = write_opaque(out, start, data, doc->len);
	}
	if (!writer.compact) {
		nv_buf_putc(out, '\n');
	}
	return nv_buf_error(out) < 0 ? nv_buf_error(out) : r;
}

int nv_json_format_value(const bson_iter_t *iter, struct nv_buf *out)
{
	struct writer writer = { .out = out, .compact = true };
	cleanup_buf struct nv_buf doc = NV_BUF_INIT;
	size_t start = out->len;
	struct nv_raw_elem elem;
	if (nv_raw_value_of(iter, &doc, &elem) < 0) {
		writer.odd = true;
	} else {
		write_value(&writer, &elem, true);
	}
	int r = writer.odd ? write_opaque(out, start, (const uint8_t *)doc.data, doc.len) : 0;
	return nv_buf_error(&doc) < 0 || nv_buf_error(out) < 0 ? -ENOMEM : r;
}
