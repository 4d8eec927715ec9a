/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The `$` forms of Extended JSON v2, read strictly: what is not exactly a form is refused, never
 * guessed at. Besides the standard's: {"$literal":{…}}, a document whose own fields have such
 * names, and {"$bson":"BASE64"} as a whole text.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/json_int.h"

struct form_name {
	const char *name;
	enum nv_json_form form;
	const char *model; /* how it is written */
};

static const struct form_name form_names[] = {
	{ "$literal", NV_FORM_LITERAL, "{\"$literal\":{…}}" },
	{ "$oid", NV_FORM_OID, "{\"$oid\":\"24 hex digits\"}" },
	{ "$date", NV_FORM_DATE,
	  "{\"$date\":\"2026-11-24T13:31:01.123Z\"} or {\"$date\":{\"$numberLong\":\"MILLISECONDS\"}}" },
	{ "$numberInt", NV_FORM_INT, "{\"$numberInt\":\"5\"}" },
	{ "$numberLong", NV_FORM_LONG, "{\"$numberLong\":\"5\"}" },
	{ "$numberDouble", NV_FORM_DOUBLE, "{\"$numberDouble\":\"1.5\"}" },
	{ "$numberDecimal", NV_FORM_DECIMAL, "{\"$numberDecimal\":\"1.50\"}" },
	{ "$binary", NV_FORM_BINARY, "{\"$binary\":{\"base64\":\"…\",\"subType\":\"00\"}}" },
	{ "$uuid", NV_FORM_UUID, "{\"$uuid\":\"8-4-4-4-12 hex digits\"}" },
	{ "$regularExpression", NV_FORM_REGEX,
	  "{\"$regularExpression\":{\"pattern\":\"…\",\"options\":\"\"}}" },
	{ "$timestamp", NV_FORM_TIMESTAMP, "{\"$timestamp\":{\"t\":SECONDS,\"i\":NUMBER}}" },
	{ "$code", NV_FORM_CODE, "{\"$code\":\"…\"} or {\"$code\":\"…\",\"$scope\":{…}}" },
	{ "$scope", NV_FORM_SCOPE, "{\"$code\":\"…\",\"$scope\":{…}}" },
	{ "$symbol", NV_FORM_SYMBOL, "{\"$symbol\":\"…\"}" },
	{ "$undefined", NV_FORM_UNDEFINED, "{\"$undefined\":true}" },
	{ "$dbPointer", NV_FORM_DBPOINTER,
	  "{\"$dbPointer\":{\"$ref\":\"…\",\"$id\":{\"$oid\":\"…\"}}}" },
	{ "$minKey", NV_FORM_MINKEY, "{\"$minKey\":1}" },
	{ "$maxKey", NV_FORM_MAXKEY, "{\"$maxKey\":1}" },
	{ "$regex", NV_FORM_OLD_REGEX,
	  "{\"$regularExpression\":{\"pattern\":\"…\",\"options\":\"\"}}, or {\"$literal\":{\"$regex\":…}} for these fields as they are" },
	{ "$bson", NV_FORM_BSON, "{\"$bson\":\"BASE64\"}" },
};

enum { FORM_COUNT = sizeof(form_names) / sizeof(form_names[0]) };

enum nv_json_form nv_json_form_of(const char *key, size_t size, bool whole)
{
	if (size < 4 || key[0] != '$') {
		return NV_FORM_NONE;
	}
	for (size_t i = 0; i < FORM_COUNT; i++) {
		if (strlen(form_names[i].name) == size &&
		    memcmp(form_names[i].name, key, size) == 0) {
			return form_names[i].form == NV_FORM_BSON && !whole ? NV_FORM_NONE
			                                                    : form_names[i].form;
		}
	}
	return NV_FORM_NONE;
}

static const struct form_name *find(enum nv_json_form form)
{
	size_t i = 0;
	while (form_names[i].form != form) {
		i++; /* every form has a name */
	}
	return &form_names[i];
}

const char *nv_form_model(enum nv_json_form form)
{
	return find(form)->model;
}

/* The byte at hand is not what the form has there. */
int nv_form_refuse(struct nv_reader *reader, enum nv_json_form form)
{
	if (nv_reader_peek(reader) < 0) {
		return nv_reader_end(reader, "an object");
	}
	return nv_reader_stop(reader, reader->pos, "write %s", nv_form_model(form));
}

int nv_form_take(struct nv_reader *reader, enum nv_json_form form, char byte)
{
	if (nv_reader_peek(reader) != (unsigned char)byte) {
		return nv_form_refuse(reader, form);
	}
	reader->pos++;
	return 0;
}

/* Reads a string into the end of word. */
int nv_form_take_string(struct nv_reader *reader, enum nv_json_form form, size_t *ret_pos,
                        size_t *ret_size)
{
	if (nv_reader_peek(reader) != '"') {
		return nv_form_refuse(reader, form);
	}
	*ret_pos = reader->word.len;
	if (nv_reader_string(reader, &reader->word) < 0) {
		return -1;
	}
	*ret_size = reader->word.len - *ret_pos;
	return 0;
}

static int read_uint32(struct nv_reader *reader, enum nv_json_form form, struct nv_form_slot *slot)
{
	const char *text = reader->text + reader->pos;
	struct nv_json_token token = nv_json_number_scan(text, reader->size - reader->pos);
	if (token.bad) {
		return reader->pos + token.size == reader->size ? nv_reader_end(reader, "a number")
		                                                : nv_form_refuse(reader, form);
	}
	if (reader->scanning && reader->pos + token.size == reader->size) {
		return nv_reader_end(reader, "a number");
	}
	int64_t value = 0;
	if (!token.integral || !nv_json_integer_parse(text, token.size, &value) || value < 0 ||
	    value > UINT32_MAX) {
		(void)nv_reader_fault(reader, reader->pos,
		                      "a number from 0 to 4294967295 stands here");
	}
	slot->number = (uint32_t)value;
	reader->pos += token.size;
	return 0;
}

/* Reads {"$oid":"…"} into word. */
static int read_inner_oid(struct nv_reader *reader, enum nv_json_form form,
                          struct nv_form_slot *slot)
{
	size_t pos = 0;
	size_t size = 0;
	if (nv_form_take(reader, form, '{') < 0) {
		return -1;
	}
	(void)nv_reader_peek(reader);
	size_t name_pos = reader->pos;
	if (nv_form_take_string(reader, form, &pos, &size) < 0) {
		return -1;
	}
	if (size != 4 || memcmp(reader->word.data + pos, "$oid", 4) != 0) {
		return nv_reader_stop(reader, name_pos, "write %s", nv_form_model(form));
	}
	if (nv_form_take(reader, form, ':') < 0 ||
	    nv_form_take_string(reader, form, &slot->word_pos, &slot->size) < 0) {
		return -1;
	}
	return nv_form_take(reader, form, '}');
}

static struct nv_form_slot *find_slot(struct nv_reader *reader, size_t pos, size_t size,
                                      struct nv_form_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(slots[i].name) == size &&
		    memcmp(reader->word.data + pos, slots[i].name, size) == 0) {
			return &slots[i];
		}
	}
	return NULL;
}

static int read_slot(struct nv_reader *reader, enum nv_json_form form, struct nv_form_slot *slots,
                     size_t count)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t name_pos = reader->pos;
	if (nv_form_take_string(reader, form, &pos, &size) < 0) {
		return -1;
	}
	struct nv_form_slot *slot = find_slot(reader, pos, size, slots, count);
	if (!slot || slot->seen) {
		return nv_reader_stop(reader, name_pos, "write %s", nv_form_model(form));
	}
	if (nv_form_take(reader, form, ':') < 0) {
		return -1;
	}
	slot->seen = true;
	(void)nv_reader_peek(reader);
	slot->text_pos = reader->pos;
	switch (slot->kind) {
	case NV_SLOT_UINT32:
		return read_uint32(reader, form, slot);
	case NV_SLOT_OID:
		return read_inner_oid(reader, form, slot);
	default:
		return nv_form_take_string(reader, form, &slot->word_pos, &slot->size);
	}
}

/* Reads a form's own object: all slots, in any order, and nothing else. */
int nv_form_read_slots(struct nv_reader *reader, enum nv_json_form form, struct nv_form_slot *slots,
                       size_t count)
{
	if (nv_form_take(reader, form, '{') < 0) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if ((i > 0 && nv_form_take(reader, form, ',') < 0) ||
		    read_slot(reader, form, slots, count) < 0) {
			return -1;
		}
	}
	return nv_form_take(reader, form, '}');
}

bool nv_form_is(const char *text, size_t size, const char *want)
{
	return strlen(want) == size && memcmp(text, want, size) == 0;
}

/* $code, and $scope when it follows. */
static int read_code(struct nv_reader *reader, uint8_t *ret_type)
{
	size_t pos = 0;
	size_t size = 0;
	if (nv_form_take_string(reader, NV_FORM_CODE, &pos, &size) < 0) {
		return -1;
	}
	size_t start = reader->out->len;
	if (nv_reader_peek(reader) != ',') {
		*ret_type = BSON_TYPE_CODE;
		nv_raw_put_text(reader->out, reader->word.data + pos, size);
		return 0;
	}
	*ret_type = BSON_TYPE_CODEWSCOPE;
	reader->pos++;
	nv_raw_put_int32(reader->out, 0);
	nv_raw_put_text(reader->out, reader->word.data + pos, size);
	(void)nv_reader_peek(reader);
	size_t name_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_CODE, &pos, &size) < 0) {
		return -1;
	}
	if (!nv_form_is(reader->word.data + pos, size, "$scope")) {
		return nv_reader_stop(reader, name_pos, "write %s", nv_form_model(NV_FORM_CODE));
	}
	if (nv_form_take(reader, NV_FORM_CODE, ':') < 0) {
		return -1;
	}
	int found = nv_reader_peek(reader);
	size_t scope_pos = reader->pos;
	uint8_t type = 0;
	if (found != '{') {
		return nv_form_refuse(reader, NV_FORM_CODE);
	}
	if (nv_reader_object(reader, &type) < 0) {
		return -1;
	}
	if (type != BSON_TYPE_DOCUMENT) {
		(void)nv_reader_fault(reader, scope_pos, "a scope is a document");
	}
	nv_raw_set_int32(reader->out, start, (int32_t)(reader->out->len - start));
	return 0;
}

/* {"$bson":"BASE64"}, the whole text. */
static int read_bson(struct nv_reader *reader, size_t name_pos, uint8_t *ret_type)
{
	size_t pos = 0;
	size_t size = 0;
	(void)nv_reader_peek(reader);
	size_t text_pos = reader->pos;
	if (nv_form_take_string(reader, NV_FORM_BSON, &pos, &size) < 0) {
		return -1;
	}
	if (!(reader->flags & NV_JSON_ALLOW_BSON)) {
		(void)nv_reader_fault(
			reader, name_pos,
			"a document shown as $bson has no plain text and is read-only here");
	}
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	struct nv_raw_iter iter;
	struct nv_raw_elem elem = { .type = BSON_TYPE_NULL };
	if (nv_base64_decode(reader->word.data + pos, size, &bytes) < 0 || bytes.len < 5 ||
	    nv_raw_check((const uint8_t *)bytes.data, bytes.len) < 0 ||
	    nv_raw_iter_init(&iter, (const uint8_t *)bytes.data, bytes.len) < 0) {
		(void)nv_reader_fault(reader, text_pos, "not the base64 text of a BSON document");
	} else if (!reader->single) {
		elem = (struct nv_raw_elem){ .type = BSON_TYPE_DOCUMENT,
			                     .value = (const uint8_t *)bytes.data,
			                     .size = bytes.len };
	} else if (nv_raw_count((const uint8_t *)bytes.data, bytes.len) != 1 ||
	           nv_raw_iter_next(&iter, &elem) < 1 || elem.key_size != 0) {
		(void)nv_reader_fault(
			reader, text_pos,
			"not the base64 text of a BSON document with the one field \"\"");
	}
	*ret_type = elem.type;
	nv_buf_append(reader->out, elem.value, elem.size);
	return nv_reader_memory(reader);
}

/* Forms that say all with one word. */
static int read_constant(struct nv_reader *reader, enum nv_json_form form, const char *word)
{
	(void)nv_reader_peek(reader);
	size_t left = reader->size - reader->pos;
	size_t size = strlen(word);
	if (left < size && memcmp(reader->text + reader->pos, word, left) == 0) {
		return nv_reader_end(reader, "a value");
	}
	if (left < size || memcmp(reader->text + reader->pos, word, size) != 0) {
		return nv_form_refuse(reader, form);
	}
	reader->pos += size;
	return 0;
}

static int read_literal(struct nv_reader *reader)
{
	if (nv_reader_peek(reader) != '{') {
		return nv_form_refuse(reader, NV_FORM_LITERAL);
	}
	return nv_reader_literal(reader);
}

/* How each form is read; the two that have more than one type are apart. */
static int read_plain(struct nv_reader *reader, enum nv_json_form form)
{
	switch (form) {
	case NV_FORM_LITERAL:
		return read_literal(reader);
	case NV_FORM_OID:
		return nv_form_read_oid(reader);
	case NV_FORM_DATE:
		return nv_form_read_date(reader);
	case NV_FORM_INT:
	case NV_FORM_LONG:
		return nv_form_read_integer(reader, form);
	case NV_FORM_DOUBLE:
		return nv_form_read_double(reader);
	case NV_FORM_DECIMAL:
		return nv_form_read_decimal(reader);
	case NV_FORM_BINARY:
		return nv_form_read_binary(reader);
	case NV_FORM_UUID:
		return nv_form_read_uuid(reader);
	case NV_FORM_REGEX:
		return nv_form_read_regex(reader);
	case NV_FORM_TIMESTAMP:
		return nv_form_read_timestamp(reader);
	case NV_FORM_SYMBOL:
		return nv_form_read_symbol(reader);
	case NV_FORM_DBPOINTER:
		return nv_form_read_dbpointer(reader);
	case NV_FORM_UNDEFINED:
		return read_constant(reader, form, "true");
	default: /* $minKey and $maxKey */
		return read_constant(reader, form, "1");
	}
}

static const uint8_t types[] = {
	[NV_FORM_LITERAL] = BSON_TYPE_DOCUMENT,    [NV_FORM_OID] = BSON_TYPE_OID,
	[NV_FORM_DATE] = BSON_TYPE_DATE_TIME,      [NV_FORM_INT] = BSON_TYPE_INT32,
	[NV_FORM_LONG] = BSON_TYPE_INT64,          [NV_FORM_DOUBLE] = BSON_TYPE_DOUBLE,
	[NV_FORM_DECIMAL] = BSON_TYPE_DECIMAL128,  [NV_FORM_BINARY] = BSON_TYPE_BINARY,
	[NV_FORM_UUID] = BSON_TYPE_BINARY,         [NV_FORM_REGEX] = BSON_TYPE_REGEX,
	[NV_FORM_TIMESTAMP] = BSON_TYPE_TIMESTAMP, [NV_FORM_SYMBOL] = BSON_TYPE_SYMBOL,
	[NV_FORM_UNDEFINED] = BSON_TYPE_UNDEFINED, [NV_FORM_DBPOINTER] = BSON_TYPE_DBPOINTER,
	[NV_FORM_MINKEY] = BSON_TYPE_MINKEY,       [NV_FORM_MAXKEY] = BSON_TYPE_MAXKEY,
};

int nv_reader_form(struct nv_reader *reader, enum nv_json_form form, size_t name_pos,
                   uint8_t *ret_type)
{
	int r = 0;
	nv_buf_truncate(&reader->word, 0);
	switch (form) {
	case NV_FORM_SCOPE:
	case NV_FORM_OLD_REGEX:
		return nv_reader_stop(reader, name_pos, "write %s", nv_form_model(form));
	case NV_FORM_BSON:
		r = read_bson(reader, name_pos, ret_type);
		break;
	case NV_FORM_CODE:
		r = read_code(reader, ret_type);
		break;
	default:
		*ret_type = types[form];
		r = read_plain(reader, form);
		break;
	}
	if (r < 0 || nv_reader_memory(reader) < 0) {
		return -1;
	}
	if (nv_reader_peek(reader) == ',') {
		return nv_reader_stop(
			reader, reader->pos,
			"nothing stands beside %s: to store its fields as they are put the object in {\"$literal\":{…}}",
			find(form)->name);
	}
	return nv_form_take(reader, form, '}');
}
