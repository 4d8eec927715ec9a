/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading documents: RFC 8259 to the letter, straight into BSON bytes. `$` forms are in
 * json_forms.c, bytes and strings in json_token.c.
 *
 * libbson's own reader is not used: in the version we build on, texts exist that crash it, that it
 * reads as something else, or whose second half it drops. Whoever may write a file must not be able
 * to end the mount.
 *
 * The document grows in one buffer: each field's type byte is put in once its value was read.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "codec/json.h"
#include "codec/json_int.h"

static int enter(struct nv_reader *reader)
{
	if (++reader->depth > NV_JSON_DEPTH_MAX) {
		return nv_reader_stop(
			reader, reader->pos,
			"objects and arrays stand inside each other more than %d deep",
			NV_JSON_DEPTH_MAX);
	}
	return 0;
}

static int check_size(struct nv_reader *reader)
{
	if (reader->out->len > NV_JSON_BSON_MAX) {
		(void)nv_reader_stop(reader, reader->pos, "the document is over 16 MiB");
		reader->stopped = EFBIG;
		return -1;
	}
	return nv_reader_memory(reader);
}

static void set_type(struct nv_reader *reader, size_t pos, uint8_t type)
{
	if (nv_buf_error(reader->out) == 0) {
		reader->out->data[pos] = (char)type;
	}
}

static int push_key(struct nv_reader *reader, size_t out_pos, size_t size, size_t text_pos)
{
	if (reader->keys_count == reader->keys_cap) {
		size_t cap = reader->keys_cap ? reader->keys_cap * 2 : 64;
		struct nv_reader_key *keys = reallocarray(reader->keys, cap, sizeof(*keys));
		if (!keys) {
			reader->stopped = ENOMEM;
			return -1;
		}
		reader->keys = keys;
		reader->keys_cap = cap;
	}
	reader->keys[reader->keys_count++] =
		(struct nv_reader_key){ .out_pos = out_pos, .size = size, .text_pos = text_pos };
	return 0;
}

/* Takes the names from `first` on, those of the document that was just read, and says which stand
 * twice. */
static int check_names(struct nv_reader *reader, size_t first)
{
	size_t count = reader->keys_count - first;
	reader->keys_count = first;
	if (count < 2) {
		return 0;
	}
	const struct nv_reader_key *names = reader->keys + first;
	struct nv_raw_key few[12];
	cleanup_free struct nv_raw_key *many = NULL;
	struct nv_raw_key *keys = few;
	if (count > sizeof(few) / sizeof(few[0])) {
		many = calloc(count, sizeof(*many));
		if (!many) {
			reader->stopped = ENOMEM;
			return -1;
		}
		keys = many;
	}
	for (size_t i = 0; i < count; i++) {
		nv_raw_key_init(&keys[i], reader->out->data + names[i].out_pos, names[i].size, i);
	}
	size_t twice = nv_raw_keys_twice(keys, count);
	if (twice < count) {
		size_t shown = keys[twice].size < 100 ? keys[twice].size : 100;
		while (!nv_utf8_valid(keys[twice].key, shown)) {
			shown--; /* never half a character in a reason */
		}
		(void)nv_reader_fault(reader, names[keys[twice].index].text_pos,
		                      "the field \"%.*s\" stands twice", (int)shown,
		                      keys[twice].key);
	}
	return 0;
}

/* Reads a field's name and ':' as a BSON key at the end of out. */
static int read_name(struct nv_reader *reader)
{
	int found = nv_reader_peek(reader);
	if (found < 0) {
		return nv_reader_end(reader, "an object");
	}
	if (found == '}') {
		return nv_reader_stop(reader, reader->pos, "no comma after the last field");
	}
	if (found != '"') {
		return nv_reader_unexpected(reader, "a field name in double quotes");
	}
	size_t text_pos = reader->pos;
	size_t out_pos = reader->out->len;
	if (nv_reader_string(reader, reader->out) < 0) {
		return -1;
	}
	size_t size = reader->out->len - out_pos;
	if (memchr(reader->out->data + out_pos, 0, size)) {
		(void)nv_reader_fault(reader, text_pos, "a field name cannot have \\u0000 in it");
	}
	if (push_key(reader, out_pos, size, text_pos) < 0) {
		return -1;
	}
	nv_buf_putc(reader->out, 0);
	return nv_reader_take(reader, ':', "':' after the field name");
}

/* Takes the ',' or the closing byte after a member: 1 = another member follows, 0 = closed, -1 =
 * stopped. */
static int read_separator(struct nv_reader *reader, char close, const char *wanted,
                          const char *inside)
{
	int found = nv_reader_peek(reader);
	if (found < 0) {
		return nv_reader_end(reader, inside);
	}
	if (found == ',' || found == close) {
		reader->pos++;
		return found == ',';
	}
	if (found == '"' || found == '{' || found == '[') {
		return nv_reader_stop(reader, reader->pos,
		                      "%s expected: is there a comma missing before this?", wanted);
	}
	return nv_reader_unexpected(reader, wanted);
}

/* One field of the open document. first, and a form's name: the object is that form, not a
 * document; *ret_form says so and nothing was appended. */
static int read_member(struct nv_reader *reader, bool first, bool literal, bool whole,
                       enum nv_json_form *ret_form)
{
	size_t type_pos = reader->out->len;
	nv_buf_putc(reader->out, 0);
	if (read_name(reader) < 0) {
		return -1;
	}
	const struct nv_reader_key *name = &reader->keys[reader->keys_count - 1];
	if (nv_reader_memory(reader) < 0) {
		return -1;
	}
	const char *key = reader->out->data + name->out_pos;
	enum nv_json_form form = literal ? NV_FORM_NONE : nv_json_form_of(key, name->size, whole);
	if (form != NV_FORM_NONE && first) {
		*ret_form = form;
		return 0;
	}
	if (form != NV_FORM_NONE) {
		(void)nv_reader_fault(
			reader, name->text_pos,
			"%s has a meaning of its own: to store such a field put its object in {\"$literal\":{…}}",
			key);
	}
	uint8_t type = 0;
	if (nv_reader_value(reader, &type) < 0) {
		return -1;
	}
	set_type(reader, type_pos, type);
	return check_size(reader);
}

static int read_object(struct nv_reader *reader, bool literal, uint8_t *ret_type)
{
	bool whole = reader->whole;
	reader->whole = false;
	if (nv_reader_take(reader, '{', "'{'") < 0 || enter(reader) < 0) {
		return -1;
	}
	size_t start = nv_raw_begin(reader->out);
	size_t first_name = reader->keys_count;
	bool more = nv_reader_peek(reader) != '}';
	if (!more) {
		reader->pos++;
	}
	for (bool first = true; more; first = false) {
		enum nv_json_form form = NV_FORM_NONE;
		if (read_member(reader, first, literal, whole, &form) < 0) {
			return -1;
		}
		if (form != NV_FORM_NONE) {
			size_t name_pos = reader->keys[first_name].text_pos;
			reader->keys_count = first_name;
			reader->depth--;
			nv_buf_truncate(reader->out, start);
			return nv_reader_form(reader, form, name_pos, ret_type);
		}
		int r = read_separator(reader, '}', "',' or '}'", "an object");
		if (r < 0) {
			return -1;
		}
		more = r > 0;
	}
	nv_raw_end(reader->out, start);
	reader->depth--;
	*ret_type = BSON_TYPE_DOCUMENT;
	return check_size(reader) < 0 ? -1 : check_names(reader, first_name);
}

int nv_reader_object(struct nv_reader *reader, uint8_t *ret_type)
{
	return read_object(reader, false, ret_type);
}

int nv_reader_literal(struct nv_reader *reader)
{
	uint8_t type = 0;
	return read_object(reader, true, &type);
}

static int read_array(struct nv_reader *reader)
{
	if (enter(reader) < 0) {
		return -1;
	}
	reader->pos++;
	size_t start = nv_raw_begin(reader->out);
	bool more = nv_reader_peek(reader) != ']';
	if (!more) {
		reader->pos++;
	}
	for (size_t index = 0; more; index++) {
		int found = nv_reader_peek(reader);
		if (found < 0) {
			return nv_reader_end(reader, "an array");
		}
		if (found == ']') {
			return nv_reader_stop(reader, reader->pos,
			                      "no comma after the last element");
		}
		char key[24];
		size_t key_size = nv_raw_index_key(index, key);
		size_t type_pos = reader->out->len;
		nv_raw_put_key(reader->out, 0, key, key_size);
		uint8_t type = 0;
		if (nv_reader_value(reader, &type) < 0) {
			return -1;
		}
		set_type(reader, type_pos, type);
		int r = read_separator(reader, ']', "',' or ']'", "an array");
		if (r < 0 || check_size(reader) < 0) {
			return -1;
		}
		more = r > 0;
	}
	nv_raw_end(reader->out, start);
	reader->depth--;
	return check_size(reader);
}

static int read_text(struct nv_reader *reader)
{
	size_t start = reader->out->len;
	nv_raw_put_int32(reader->out, 0);
	if (nv_reader_string(reader, reader->out) < 0) {
		return -1;
	}
	nv_buf_putc(reader->out, 0);
	nv_raw_set_int32(reader->out, start, (int32_t)(reader->out->len - start - 4));
	return check_size(reader);
}

static int read_double(struct nv_reader *reader, const char *text, size_t size)
{
	double value = 0;
	enum nv_json_number result = nv_json_double_parse(text, size, &value);
	if (result == NV_NUMBER_NOMEM) {
		reader->stopped = ENOMEM;
		return -1;
	}
	if (result != NV_NUMBER_OK) {
		(void)nv_reader_fault(
			reader, reader->pos,
			"this number is too %s for a double: write {\"$numberDecimal\":\"…\"}",
			result == NV_NUMBER_BIG ? "large" : "small");
	}
	nv_raw_put_double(reader->out, value);
	return 0;
}

/* A number that is none. */
static int bad_number(struct nv_reader *reader, size_t good)
{
	if (reader->pos + good == reader->size) {
		return nv_reader_end(reader, "a number");
	}
	const char *text = reader->text + reader->pos;
	if (good > 0 && text[good - 1] == '0' && text[good] >= '0' && text[good] <= '9') {
		return nv_reader_stop(reader, reader->pos, "a number has no leading zero");
	}
	if (text[good] != 'I') { /* -Infinity is best explained from its sign on */
		reader->pos += good;
	}
	return nv_reader_unexpected(reader, "a digit");
}

static int read_number(struct nv_reader *reader, uint8_t *ret_type)
{
	const char *text = reader->text + reader->pos;
	struct nv_json_token token = nv_json_number_scan(text, reader->size - reader->pos);
	if (token.bad) {
		return bad_number(reader, token.size);
	}
	if (reader->scanning && reader->pos + token.size == reader->size) {
		return nv_reader_end(
			reader, "a number"); /* more digits, a point or an exponent may follow */
	}
	int64_t value = 0;
	if (!token.integral) {
		*ret_type = BSON_TYPE_DOUBLE;
		if (read_double(reader, text, token.size) < 0) {
			return -1;
		}
	} else if (!nv_json_integer_parse(text, token.size, &value)) {
		(void)nv_reader_fault(
			reader, reader->pos,
			"an integer has 64 bits at most: write it as a double (1.5e20) or {\"$numberDecimal\":\"…\"}");
	} else if (value >= INT32_MIN && value <= INT32_MAX) {
		*ret_type = BSON_TYPE_INT32;
		nv_raw_put_int32(reader->out, (int32_t)value);
	} else {
		*ret_type = BSON_TYPE_INT64;
		nv_raw_put_int64(reader->out, value);
	}
	reader->pos += token.size;
	return 0;
}

static int read_word(struct nv_reader *reader, const char *word)
{
	size_t left = reader->size - reader->pos;
	size_t size = strlen(word);
	if (left < size && memcmp(reader->text + reader->pos, word, left) == 0) {
		return nv_reader_end(reader, "a value");
	}
	if (left < size || memcmp(reader->text + reader->pos, word, size) != 0) {
		return nv_reader_unexpected(reader, "a value");
	}
	reader->pos += size;
	return 0;
}

int nv_reader_value(struct nv_reader *reader, uint8_t *ret_type)
{
	int found = nv_reader_peek(reader);
	switch (found) {
	case -1:
		return nv_reader_end(reader, "an object");
	case '{':
		return nv_reader_object(reader, ret_type);
	case '[':
		*ret_type = BSON_TYPE_ARRAY;
		return read_array(reader);
	case '"':
		*ret_type = BSON_TYPE_UTF8;
		return read_text(reader);
	case 't':
	case 'f':
		*ret_type = BSON_TYPE_BOOL;
		nv_buf_putc(reader->out, found == 't');
		return read_word(reader, found == 't' ? "true" : "false");
	case 'n':
		*ret_type = BSON_TYPE_NULL;
		return read_word(reader, "null");
	default:
		if (found == '-' || (found >= '0' && found <= '9')) {
			return read_number(reader, ret_type);
		}
		return nv_reader_unexpected(reader, "a value");
	}
}
