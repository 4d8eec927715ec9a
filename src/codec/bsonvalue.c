/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fields of BSON documents in memory.
 */
#include "config.h"

#include "codec/bsonvalue.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_int.h"

void nv_raw_fields_release(struct nv_raw_fields *fields)
{
	free(fields->elems);
	free(fields->keys);
	*fields = (struct nv_raw_fields)NV_RAW_FIELDS_INIT;
}

static int load_keys(struct nv_raw_fields *fields)
{
	fields->keys = calloc(fields->count ? fields->count : 1, sizeof(*fields->keys));
	if (!fields->keys) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < fields->count; i++) {
		nv_raw_key_init(&fields->keys[i], fields->elems[i].key, fields->elems[i].key_size,
		                i);
	}
	nv_raw_keys_sort(fields->keys, fields->count);
	for (size_t i = 1; i < fields->count && !fields->twice; i++) {
		fields->twice = nv_raw_key_compare(&fields->keys[i - 1], &fields->keys[i]) == 0;
	}
	return 0;
}

int nv_raw_fields_load(struct nv_raw_fields *fields, const uint8_t *data, size_t size,
                       bool with_keys)
{
	struct nv_raw_iter iter;
	if (nv_raw_iter_init(&iter, data, size) < 0) {
		return -EINVAL;
	}
	size_t count = nv_raw_count(data, size);
	fields->elems = calloc(count ? count : 1, sizeof(*fields->elems));
	if (!fields->elems) {
		return -ENOMEM;
	}
	int r = 1;
	while (fields->count < count && r > 0) {
		r = nv_raw_iter_next(&iter, &fields->elems[fields->count]);
		fields->count += r > 0 ? 1 : 0;
	}
	return with_keys ? load_keys(fields) : 0;
}

const struct nv_raw_elem *nv_raw_fields_find(const struct nv_raw_fields *fields, size_t near,
                                             const char *key, size_t key_size)
{
	if (near < fields->count && nv_raw_key_is(&fields->elems[near], key, key_size)) {
		return &fields->elems[near];
	}
	struct nv_raw_key want;
	nv_raw_key_init(&want, key, key_size, 0);
	size_t low = 0;
	size_t high = fields->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (nv_raw_key_compare(&fields->keys[middle], &want) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == fields->count || nv_raw_key_compare(&fields->keys[low], &want) != 0) {
		return NULL;
	}
	return &fields->elems[fields->keys[low].index];
}

bool nv_raw_is_number(uint8_t type)
{
	return type == BSON_TYPE_INT32 || type == BSON_TYPE_INT64 || type == BSON_TYPE_DOUBLE ||
	       type == BSON_TYPE_DECIMAL128;
}

/* A number's decimal text, as a user would type it. */
static void put_number(const struct nv_raw_elem *elem, struct nv_buf *out)
{
	if (elem->type == BSON_TYPE_DECIMAL128) {
		bson_decimal128_t decimal = { .low = (uint64_t)nv_raw_int64(elem->value),
			                      .high = (uint64_t)nv_raw_int64(elem->value + 8) };
		char text[BSON_DECIMAL128_STRING];
		bson_decimal128_to_string(&decimal, text);
		nv_buf_puts(out, text);
		return;
	}
	if (elem->type != BSON_TYPE_DOUBLE) {
		nv_buf_printf(out, "%" PRId64,
		              elem->type == BSON_TYPE_INT32 ? nv_raw_int32(elem->value)
		                                            : nv_raw_int64(elem->value));
		return;
	}
	double value = nv_raw_double(elem->value);
	if (isnan(value)) {
		nv_buf_puts(out, "NaN");
	} else if (isinf(value)) {
		nv_buf_puts(out, value < 0 ? "-Infinity" : "Infinity");
	} else {
		nv_json_double_format(value, out);
	}
}

/* Brings a number's text into one form: sign, digits with no zero at either end, exponent. */
static void normalise(const char *text, struct nv_buf *out)
{
	if (strspn(text, "-0123456789.eE+") != strlen(text)) {
		nv_buf_puts(out, text); /* NaN, Infinity */
		return;
	}
	long exponent = 0;
	bool point = false;
	bool negative = *text == '-';
	const char *c = text + (negative ? 1 : 0);
	size_t start = out->len;
	for (; *c && *c != 'e' && *c != 'E'; c++) {
		if (*c == '.') {
			point = true;
			continue;
		}
		exponent -= point ? 1 : 0;
		if (*c != '0' || out->len > start) {
			nv_buf_putc(out, *c);
		}
	}
	exponent += *c ? strtol(c + 1, NULL, 10) : 0;
	while (out->len > start && nv_buf_error(out) == 0 && out->data[out->len - 1] == '0') {
		nv_buf_truncate(out, out->len - 1);
		exponent++;
	}
	if (out->len > start) { /* zero is "", whatever its sign and exponent */
		nv_buf_printf(out, "e%ld%s", exponent, negative ? "-" : "");
	}
}

/* Decimals are compared by their text: 1.1 typed as a double is the decimal 1.10, though no double
 * is. */
static int equal_texts(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	cleanup_buf struct nv_buf a_text = NV_BUF_INIT;
	cleanup_buf struct nv_buf b_text = NV_BUF_INIT;
	cleanup_buf struct nv_buf left = NV_BUF_INIT;
	cleanup_buf struct nv_buf right = NV_BUF_INIT;
	put_number(a, &a_text);
	put_number(b, &b_text);
	if (nv_buf_error(&a_text) < 0 || nv_buf_error(&b_text) < 0) {
		return -ENOMEM;
	}
	normalise(a_text.data, &left);
	normalise(b_text.data, &right);
	if (nv_buf_error(&left) < 0 || nv_buf_error(&right) < 0) {
		return -ENOMEM;
	}
	return left.len == right.len &&
	       (left.len == 0 || memcmp(left.data, right.data, left.len) == 0);
}

static int64_t integer_of(const struct nv_raw_elem *elem)
{
	return elem->type == BSON_TYPE_INT32 ? nv_raw_int32(elem->value)
	                                     : nv_raw_int64(elem->value);
}

static bool double_is(double value, int64_t integer)
{
	/* 2^63 itself is no int64: converting it would be undefined */
	return value >= -9223372036854775808.0 && value < 9223372036854775808.0 &&
	       value == trunc(value) && (int64_t)value == integer;
}

int nv_raw_equal_numbers(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	if (a->type == BSON_TYPE_DECIMAL128 || b->type == BSON_TYPE_DECIMAL128) {
		return equal_texts(a, b);
	}
	if (a->type == BSON_TYPE_DOUBLE) {
		return double_is(nv_raw_double(a->value), integer_of(b));
	}
	if (b->type == BSON_TYPE_DOUBLE) {
		return double_is(nv_raw_double(b->value), integer_of(a));
	}
	return integer_of(a) == integer_of(b);
}

/* The same for all doubles and integers that are equal. */
static int64_t mark_of_double(double value)
{
	int64_t bits = 0;
	if (value >= -9223372036854775808.0 && value < 9223372036854775808.0 &&
	    value == trunc(value)) {
		return (int64_t)value;
	}
	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

int nv_raw_number_mark(const struct nv_raw_elem *elem, int64_t *ret_mark)
{
	*ret_mark = 0;
	if (elem->type == BSON_TYPE_INT32 || elem->type == BSON_TYPE_INT64) {
		*ret_mark = integer_of(elem);
		return 0;
	}
	if (elem->type == BSON_TYPE_DOUBLE) {
		*ret_mark = mark_of_double(nv_raw_double(elem->value));
		return 0;
	}
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	double value = 0;
	put_number(elem, &text);
	if (nv_buf_error(&text) < 0) {
		return -ENOMEM;
	}
	struct nv_json_token token = nv_json_number_scan(text.data, text.len);
	if (token.bad || (token.integral && nv_json_integer_parse(text.data, text.len, ret_mark))) {
		return 0; /* NaN and infinities are few */
	}
	enum nv_json_number result = nv_json_double_parse(text.data, text.len, &value);
	*ret_mark = result == NV_NUMBER_OK ? mark_of_double(value) : 0;
	return result == NV_NUMBER_NOMEM ? -ENOMEM : 0;
}

bool nv_raw_equal(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	return a->type == b->type && a->size == b->size &&
	       (a->size == 0 || memcmp(a->value, b->value, a->size) == 0);
}

static int same_arrays(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	struct nv_raw_iter left;
	struct nv_raw_iter right;
	struct nv_raw_elem x;
	struct nv_raw_elem y;
	if (nv_raw_iter_init(&left, a->value, a->size) < 0 ||
	    nv_raw_iter_init(&right, b->value, b->size) < 0) {
		return 0;
	}
	for (;;) {
		int more = nv_raw_iter_next(&left, &x);
		if (nv_raw_iter_next(&right, &y) != more) {
			return 0;
		}
		if (more <= 0) {
			return 1;
		}
		int r = nv_raw_same(&x, &y);
		if (r <= 0) {
			return r;
		}
	}
}

static int same_documents(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	cleanup_raw_fields struct nv_raw_fields left = NV_RAW_FIELDS_INIT;
	cleanup_raw_fields struct nv_raw_fields right = NV_RAW_FIELDS_INIT;
	int r = nv_raw_fields_load(&left, a->value, a->size, true);
	r = r < 0 ? r : nv_raw_fields_load(&right, b->value, b->size, true);
	if (r < 0) {
		return r == -ENOMEM ? r : 0;
	}
	if (left.count != right.count || left.twice || right.twice) {
		return 0; /* which of two is meant cannot be told, and as bytes they differ */
	}
	r = 1;
	for (size_t i = 0; i < left.count && r > 0; i++) {
		const struct nv_raw_elem *other =
			nv_raw_fields_find(&right, i, left.elems[i].key, left.elems[i].key_size);
		r = other ? nv_raw_same(&left.elems[i], other) : 0;
	}
	return r;
}

int nv_raw_same(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	if (a->type != b->type) {
		return nv_raw_is_number(a->type) && nv_raw_is_number(b->type)
		               ? nv_raw_equal_numbers(a, b)
		               : 0;
	}
	if (nv_raw_equal(a, b)) {
		return 1;
	}
	if (a->type == BSON_TYPE_ARRAY) {
		return same_arrays(a, b);
	}
	return a->type == BSON_TYPE_DOCUMENT ? same_documents(a, b) : 0;
}
