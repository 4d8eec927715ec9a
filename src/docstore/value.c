/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSON values as bytes. Owns the one walker of docstore/; knows nothing of comparing (key.c) or
 * paths (path.c).
 */
#include "config.h"

#include "docstore/value.h"

#include <errno.h>
#include <string.h>

uint64_t nv_le64(const uint8_t *data)
{
	return (uint64_t)nv_le32(data) | (uint64_t)nv_le32(data + 4) << 32;
}

void nv_put_le32(uint8_t *data, uint32_t number)
{
	for (int i = 0; i < 4; i++) {
		data[i] = (uint8_t)(number >> (8 * i));
	}
}

static void append_le(struct nv_buf *out, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		nv_buf_putc(out, (char)(uint8_t)(number >> (8 * i)));
	}
}

struct nv_bwalk nv_bwalk(const struct nv_bval *doc)
{
	return (struct nv_bwalk){ .data = doc->data, .size = doc->size, .pos = 4 };
}

struct nv_bval nv_bval_doc(const bson_t *doc)
{
	return (struct nv_bval){ .type = BSON_TYPE_DOCUMENT,
		                 .data = bson_get_data(doc),
		                 .size = doc->len };
}

bool nv_bval_is_tree(const struct nv_bval *value)
{
	return value->type == BSON_TYPE_DOCUMENT || value->type == BSON_TYPE_ARRAY;
}

/* As nv_bson_value_size, and that the old subtype of binaries has its second length right, which
 * libbson trusts. */
static bool value_size(uint8_t type, const uint8_t *data, size_t room, size_t *ret_size)
{
	size_t size = 0;
	if (!nv_bson_value_size(type, data, room, &size)) {
		return false;
	}
	if (type == BSON_TYPE_BINARY && data[4] == BSON_SUBTYPE_BINARY_DEPRECATED &&
	    (size < 9 || nv_le32(data + 5) != size - 9)) {
		return false;
	}
	*ret_size = size;
	return true;
}

int nv_bwalk_next(struct nv_bwalk *walk, struct nv_bfield *ret_field)
{
	if (walk->size < 5 || walk->pos >= walk->size) {
		return -EINVAL;
	}
	uint8_t type = walk->data[walk->pos];
	if (type == 0) {
		return walk->pos + 1 == walk->size ? 0 : -EINVAL;
	}
	const uint8_t *key = walk->data + walk->pos + 1;
	const uint8_t *end = memchr(key, 0, walk->size - walk->pos - 1);
	if (!end) {
		return -EINVAL;
	}
	size_t at = (size_t)(end + 1 - walk->data);
	size_t size = 0;
	if (!value_size(type, walk->data + at, walk->size - at, &size)) {
		return -EINVAL;
	}
	ret_field->key = (const char *)key;
	ret_field->key_size = (size_t)(end - key);
	ret_field->value = (struct nv_bval){ type, walk->data + at, size };
	walk->pos = at + size;
	return 1;
}

static int check_tree(const struct nv_bval *doc, unsigned depth)
{
	if (depth > NV_BVAL_DEPTH_MAX) {
		return -EINVAL;
	}
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	int rc;
	while ((rc = nv_bwalk_next(&walk, &field)) > 0) {
		struct nv_bval inner = field.value;
		if (inner.type == BSON_TYPE_CODEWSCOPE) {
			size_t text = 4 + 4 + nv_le32(inner.data + 4);
			inner = (struct nv_bval){ BSON_TYPE_DOCUMENT, inner.data + text,
				                  inner.size - text };
		}
		if (nv_bval_is_tree(&inner)) {
			rc = check_tree(&inner, depth + 1);
			if (rc < 0) {
				return rc;
			}
		}
	}
	return rc;
}

int nv_bval_check(const uint8_t *data, size_t size)
{
	size_t own = 0;
	if (!nv_bson_value_size(BSON_TYPE_DOCUMENT, data, size, &own) || own != size) {
		return -EINVAL;
	}
	struct nv_bval doc = { BSON_TYPE_DOCUMENT, data, size };
	return check_tree(&doc, 1);
}

static void append_string(struct nv_buf *out, const char *text, size_t size)
{
	append_le(out, size + 1, 4);
	nv_buf_append(out, text, size);
	nv_buf_putc(out, 0);
}

static void append_binary(struct nv_buf *out, const bson_value_t *value)
{
	bool old = value->value.v_binary.subtype == BSON_SUBTYPE_BINARY_DEPRECATED;
	size_t size = value->value.v_binary.data_len;
	append_le(out, size + (old ? 4 : 0), 4);
	nv_buf_putc(out, (char)value->value.v_binary.subtype);
	if (old) {
		append_le(out, size, 4);
	}
	nv_buf_append(out, value->value.v_binary.data, size);
}

static void append_code(struct nv_buf *out, const bson_value_t *value)
{
	size_t text = value->value.v_codewscope.code_len;
	size_t scope = value->value.v_codewscope.scope_len;
	append_le(out, 4 + 4 + text + 1 + scope, 4);
	append_string(out, value->value.v_codewscope.code, text);
	nv_buf_append(out, value->value.v_codewscope.scope_data, scope);
}

static void append_cstring(struct nv_buf *out, const char *text)
{
	nv_buf_append(out, text, strlen(text) + 1);
}

static void append_small(struct nv_buf *out, const bson_value_t *value)
{
	uint64_t bits = 0;
	switch (value->value_type) {
	case BSON_TYPE_BOOL:
		nv_buf_putc(out, value->value.v_bool ? 1 : 0);
		break;
	case BSON_TYPE_INT32:
		append_le(out, (uint32_t)value->value.v_int32, 4);
		break;
	case BSON_TYPE_INT64:
		append_le(out, (uint64_t)value->value.v_int64, 8);
		break;
	case BSON_TYPE_DATE_TIME:
		append_le(out, (uint64_t)value->value.v_datetime, 8);
		break;
	case BSON_TYPE_DOUBLE:
		memcpy(&bits, &value->value.v_double, sizeof(bits));
		append_le(out, bits, 8);
		break;
	case BSON_TYPE_TIMESTAMP:
		append_le(out, value->value.v_timestamp.increment, 4);
		append_le(out, value->value.v_timestamp.timestamp, 4);
		break;
	case BSON_TYPE_OID:
		nv_buf_append(out, value->value.v_oid.bytes, 12);
		break;
	default: /* BSON_TYPE_DECIMAL128; nv_bval_from sends no other */
		append_le(out, value->value.v_decimal128.low, 8);
		append_le(out, value->value.v_decimal128.high, 8);
		break;
	}
}

static int append_value(struct nv_buf *out, const bson_value_t *value)
{
	switch (value->value_type) {
	case BSON_TYPE_UNDEFINED:
	case BSON_TYPE_NULL:
	case BSON_TYPE_MINKEY:
	case BSON_TYPE_MAXKEY:
		break;
	case BSON_TYPE_BOOL:
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_DATE_TIME:
	case BSON_TYPE_DOUBLE:
	case BSON_TYPE_TIMESTAMP:
	case BSON_TYPE_OID:
	case BSON_TYPE_DECIMAL128:
		append_small(out, value);
		break;
	case BSON_TYPE_UTF8:
		append_string(out, value->value.v_utf8.str, value->value.v_utf8.len);
		break;
	case BSON_TYPE_CODE:
		append_string(out, value->value.v_code.code, value->value.v_code.code_len);
		break;
	case BSON_TYPE_SYMBOL:
		append_string(out, value->value.v_symbol.symbol, value->value.v_symbol.len);
		break;
	case BSON_TYPE_DOCUMENT:
	case BSON_TYPE_ARRAY:
		nv_buf_append(out, value->value.v_doc.data, value->value.v_doc.data_len);
		break;
	case BSON_TYPE_BINARY:
		append_binary(out, value);
		break;
	case BSON_TYPE_REGEX:
		append_cstring(out, value->value.v_regex.regex);
		append_cstring(out, value->value.v_regex.options);
		break;
	case BSON_TYPE_DBPOINTER:
		append_string(out, value->value.v_dbpointer.collection,
		              value->value.v_dbpointer.collection_len);
		nv_buf_append(out, value->value.v_dbpointer.oid.bytes, 12);
		break;
	case BSON_TYPE_CODEWSCOPE:
		append_code(out, value);
		break;
	default:
		return -EINVAL;
	}
	return nv_buf_error(out);
}

int nv_bval_from(const bson_value_t *value, struct nv_buf *store, struct nv_bval *ret_value)
{
	nv_buf_truncate(store, 0);
	int rc = append_value(store, value);
	if (rc < 0) {
		return rc;
	}
	/* What a caller made of pieces is checked like what came from outside. */
	size_t size = 0;
	if (!value_size((uint8_t)value->value_type, (const uint8_t *)store->data, store->len,
	                &size) ||
	    size != store->len) {
		return -EINVAL;
	}
	struct nv_bval made = { value->value_type, (const uint8_t *)store->data, store->len };
	if (nv_bval_is_tree(&made) && nv_bval_check(made.data, made.size) < 0) {
		return -EINVAL;
	}
	*ret_value = made;
	return 0;
}

bool nv_bval_same(const struct nv_bval *a, const struct nv_bval *b)
{
	return a->type == b->type && a->size == b->size &&
	       (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

bool nv_bval_field(const struct nv_bval *doc, const char *key, size_t key_size,
                   struct nv_bval *ret_value)
{
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (field.key_size == key_size && memcmp(field.key, key, key_size) == 0) {
			*ret_value = field.value;
			return true;
		}
	}
	return false;
}

bool nv_bval_is_position(const char *key, size_t key_size, size_t *ret_position)
{
	if (key_size == 0 || key_size > 9 || (key[0] == '0' && key_size > 1)) {
		return false;
	}
	size_t position = 0;
	for (size_t i = 0; i < key_size; i++) {
		if (key[i] < '0' || key[i] > '9') {
			return false;
		}
		position = position * 10 + (size_t)(key[i] - '0');
	}
	*ret_position = position;
	return true;
}

void nv_bval_put(struct nv_buf *out, const char *key, size_t key_size, const struct nv_bval *value)
{
	nv_buf_putc(out, (char)value->type);
	nv_buf_append(out, key, key_size);
	nv_buf_putc(out, 0);
	if (value->size > 0) {
		nv_buf_append(out, value->data, value->size);
	}
}

size_t nv_bval_begin(struct nv_buf *out)
{
	size_t start = out->len;
	nv_buf_append(out, "\0\0\0\0", 4);
	return start;
}

void nv_bval_end(struct nv_buf *out, size_t start)
{
	nv_buf_putc(out, 0);
	if (!nv_buf_error(out)) {
		nv_put_le32((uint8_t *)out->data + start, (uint32_t)(out->len - start));
	}
}
