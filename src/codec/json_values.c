/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The values inside the `$` forms: each function reads what stands after the ':' and appends the
 * value's bytes. A value that is no value is a fault, and something of the right size is put in its
 * place, so that the rest of the text is checked too.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "codec/base64.h"
#include "codec/json_int.h"

/* Appends the bytes of 2 * count hex digits; false when they are none (zeros were appended). */
static bool put_hex(const char *text, size_t size, size_t count, struct nv_buf *out)
{
	bool good = size == 2 * count;
	for (size_t i = 0; i < count; i++) {
		int high = good ? nv_hex_digit(text[2 * i]) : 0;
		int low = good ? nv_hex_digit(text[2 * i + 1]) : 0;
		good = good && high >= 0 && low >= 0;
		nv_buf_putc(out, good ? (char)(high * 16 + low) : 0);
	}
	return good;
}

static void put_oid(struct nv_reader *reader, size_t text_pos, size_t word_pos, size_t size)
{
	if (!put_hex(reader->word.data + word_pos, size, 12, reader->out)) {
		(void)nv_reader_fault(reader, text_pos, "an ObjectId has 24 hex digits");
	}
}

int nv_form_read_oid(struct nv_reader *reader)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_OID, &pos, &size) < 0) {
		return -1;
	}
	put_oid(reader, text_pos, pos, size);
	return 0;
}

int nv_form_read_uuid(struct nv_reader *reader)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_UUID, &pos, &size) < 0) {
		return -1;
	}
	char digits[32] = { 0 };
	size_t count = 0;
	bool good = size == strlen(shape);
	for (size_t i = 0; good && i < size; i++) {
		char c = reader->word.data[pos + i];
		if (shape[i] == 'x') {
			digits[count++] = c;
		} else {
			good = c == '-';
		}
	}
	nv_raw_put_int32(reader->out, 16);
	nv_buf_putc(reader->out, BSON_SUBTYPE_UUID);
	if (!put_hex(digits, good ? count : 0, 16, reader->out)) {
		(void)nv_reader_fault(reader, text_pos, "a UUID has 8-4-4-4-12 hex digits");
	}
	return 0;
}

/* The text of a string form that holds an integer between the limits. */
static int64_t string_integer(struct nv_reader *reader, size_t text_pos, size_t pos, size_t size,
                              int64_t min, int64_t max)
{
	const char *text = reader->word.data + pos;
	struct nv_json_token token = nv_json_number_scan(text, size);
	int64_t value = 0;
	if (token.bad || !token.integral || token.size != size ||
	    !nv_json_integer_parse(text, size, &value) || value < min || value > max) {
		(void)nv_reader_fault(reader, text_pos, "an integer of %d bits stands here",
		                      max > INT32_MAX ? 64 : 32);
		return 0;
	}
	return value;
}

int nv_form_read_integer(struct nv_reader *reader, enum nv_json_form form)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, form, &pos, &size) < 0) {
		return -1;
	}
	if (form == NV_FORM_INT) {
		nv_raw_put_int32(reader->out, (int32_t)string_integer(reader, text_pos, pos, size,
		                                                      INT32_MIN, INT32_MAX));
	} else {
		nv_raw_put_int64(reader->out,
		                 string_integer(reader, text_pos, pos, size, INT64_MIN, INT64_MAX));
	}
	return 0;
}

int nv_form_read_double(struct nv_reader *reader)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_DOUBLE, &pos, &size) < 0) {
		return -1;
	}
	const char *text = reader->word.data + pos;
	if (nv_form_is(text, size, "NaN")) {
		nv_raw_put_int64(reader->out, INT64_C(0x7ff8000000000000));
		return 0;
	}
	if (nv_form_is(text, size, "Infinity") || nv_form_is(text, size, "-Infinity")) {
		nv_raw_put_int64(reader->out, *text == '-' ? -INT64_C(0x0010000000000000)
		                                           : INT64_C(0x7ff0000000000000));
		return 0;
	}
	double value = 0;
	struct nv_json_token token = nv_json_number_scan(text, size);
	enum nv_json_number result = token.bad || token.size != size
	                                     ? NV_NUMBER_NONE
	                                     : nv_json_double_parse(text, size, &value);
	if (result == NV_NUMBER_NOMEM) {
		reader->stopped = ENOMEM;
		return -1;
	}
	if (result != NV_NUMBER_OK) {
		(void)nv_reader_fault(
			reader, text_pos,
			"a double stands here: 1.5, 1e20, NaN, Infinity or -Infinity");
	}
	nv_raw_put_double(reader->out, value);
	return 0;
}

int nv_form_read_decimal(struct nv_reader *reader)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_DECIMAL, &pos, &size) < 0) {
		return -1;
	}
	bson_decimal128_t decimal = { 0, 0 };
	if (!nv_json_decimal_parse(reader->word.data + pos, size, &decimal)) {
		(void)nv_reader_fault(
			reader, text_pos,
			"a decimal of at most 34 digits stands here: 1.50, 1E+3, NaN, Infinity or -Infinity");
	}
	nv_raw_put_int64(reader->out, (int64_t)decimal.low);
	nv_raw_put_int64(reader->out, (int64_t)decimal.high);
	return 0;
}

int nv_form_read_date(struct nv_reader *reader)
{
	size_t pos = 0;
	size_t size = 0;
	int found = nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (found == '{') {
		reader->pos++;
		(void)nv_reader_peek(reader);
		size_t name_pos = reader->pos;
		if (nv_form_take_string(reader, NV_FORM_DATE, &pos, &size) < 0) {
			return -1;
		}
		if (!nv_form_is(reader->word.data + pos, size, "$numberLong")) {
			return nv_reader_stop(reader, name_pos, "write %s",
			                      nv_form_model(NV_FORM_DATE));
		}
		if (nv_form_take(reader, NV_FORM_DATE, ':') < 0 ||
		    nv_form_read_integer(reader, NV_FORM_LONG) < 0) {
			return -1;
		}
		return nv_form_take(reader, NV_FORM_DATE, '}');
	}
	if (nv_form_take_string(reader, NV_FORM_DATE, &pos, &size) < 0) {
		return -1;
	}
	int64_t ms = 0;
	const char *why = "";
	if (!nv_json_date_parse(reader->word.data + pos, size, &ms, &why)) {
		(void)nv_reader_fault(reader, text_pos, "not a date: %s", why);
	}
	nv_raw_put_int64(reader->out, ms);
	return 0;
}

/* One or two hex digits. */
static int subtype_of(const char *text, size_t size)
{
	int value = 0;
	if (size != 1 && size != 2) {
		return -1;
	}
	for (size_t i = 0; i < size; i++) {
		int digit = nv_hex_digit(text[i]);
		if (digit < 0) {
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

int nv_form_read_binary(struct nv_reader *reader)
{
	struct nv_form_slot slots[] = { { .name = "base64", .kind = NV_SLOT_STRING },
		                        { .name = "subType", .kind = NV_SLOT_STRING } };
	if (nv_form_read_slots(reader, NV_FORM_BINARY, slots, 2) < 0) {
		return -1;
	}
	int subtype = subtype_of(reader->word.data + slots[1].word_pos, slots[1].size);
	if (subtype < 0) {
		(void)nv_reader_fault(reader, slots[1].text_pos,
		                      "subType is one or two hex digits");
	}
	size_t start = reader->out->len;
	nv_raw_put_int32(reader->out, 0);
	nv_buf_putc(reader->out, (char)subtype);
	if (subtype == BSON_SUBTYPE_BINARY_DEPRECATED) {
		nv_raw_put_int32(reader->out, 0);
	}
	size_t data_start = reader->out->len;
	if (nv_base64_decode(reader->word.data + slots[0].word_pos, slots[0].size, reader->out) <
	    0) {
		(void)nv_reader_fault(
			reader, slots[0].text_pos,
			"not base64: A-Z a-z 0-9 + / in groups of four, the last filled with =");
	}
	size_t end = reader->out->len;
	nv_raw_set_int32(reader->out, start, (int32_t)(end - start - 5));
	if (data_start > start + 5) {
		nv_raw_set_int32(
			reader->out, start + 5,
			(int32_t)(end - data_start)); /* the old subtype has its length twice */
	}
	return 0;
}

bool nv_json_regex_options_are_sound(const char *options, size_t size)
{
	const char *rest = "ilmsux";
	for (size_t i = 0; i < size; i++) {
		const char *found = options[i] ? strchr(rest, options[i]) : NULL;
		if (!found) {
			return false;
		}
		rest = found + 1;
	}
	return true;
}

int nv_form_read_regex(struct nv_reader *reader)
{
	struct nv_form_slot slots[] = { { .name = "pattern", .kind = NV_SLOT_STRING },
		                        { .name = "options", .kind = NV_SLOT_STRING } };
	if (nv_form_read_slots(reader, NV_FORM_REGEX, slots, 2) < 0) {
		return -1;
	}
	const char *pattern = reader->word.data + slots[0].word_pos;
	const char *options = reader->word.data + slots[1].word_pos;
	if (memchr(pattern, 0, slots[0].size)) {
		(void)nv_reader_fault(reader, slots[0].text_pos,
		                      "a pattern cannot have \\u0000 in it");
	}
	if (!nv_json_regex_options_are_sound(options, slots[1].size)) {
		(void)nv_reader_fault(
			reader, slots[1].text_pos,
			"options are letters of \"ilmsux\", each once, in this order");
	}
	nv_buf_append(reader->out, pattern, slots[0].size);
	nv_buf_putc(reader->out, 0);
	nv_buf_append(reader->out, options, slots[1].size);
	nv_buf_putc(reader->out, 0);
	return 0;
}

int nv_form_read_timestamp(struct nv_reader *reader)
{
	struct nv_form_slot slots[] = { { .name = "t", .kind = NV_SLOT_UINT32 },
		                        { .name = "i", .kind = NV_SLOT_UINT32 } };
	if (nv_form_read_slots(reader, NV_FORM_TIMESTAMP, slots, 2) < 0) {
		return -1;
	}
	nv_raw_put_int32(reader->out, (int32_t)slots[1].number);
	nv_raw_put_int32(reader->out, (int32_t)slots[0].number);
	return 0;
}

int nv_form_read_dbpointer(struct nv_reader *reader)
{
	struct nv_form_slot slots[] = { { .name = "$ref", .kind = NV_SLOT_STRING },
		                        { .name = "$id", .kind = NV_SLOT_OID } };
	if (nv_form_read_slots(reader, NV_FORM_DBPOINTER, slots, 2) < 0) {
		return -1;
	}
	nv_raw_put_text(reader->out, reader->word.data + slots[0].word_pos, slots[0].size);
	put_oid(reader, slots[1].text_pos, slots[1].word_pos, slots[1].size);
	return 0;
}

int nv_form_read_symbol(struct nv_reader *reader)
{
	size_t pos = 0;
	size_t size = 0;
	if (nv_form_take_string(reader, NV_FORM_SYMBOL, &pos, &size) < 0) {
		return -1;
	}
	nv_raw_put_text(reader->out, reader->word.data + pos, size);
	return 0;
}
