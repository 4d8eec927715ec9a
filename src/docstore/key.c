/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canonical keys (key.h says their form). Owns what "equal" and "before" mean for embedded stores.
 */
#include "config.h"

#include "docstore/key.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
	KIND_MINKEY = 0x01,
	KIND_NULL = NV_KEY_NULL,
	KIND_NUMBER = 0x0a,
	KIND_STRING = 0x0f,
	KIND_DOCUMENT = 0x14,
	KIND_ARRAY = 0x19,
	KIND_BINARY = 0x1e,
	KIND_OID = 0x23,
	KIND_BOOL = 0x28,
	KIND_DATE = 0x2d,
	KIND_TIMESTAMP = 0x2f,
	KIND_REGEX = 0x32,
	KIND_DBPOINTER = 0x37,
	KIND_CODE = 0x3c,
	KIND_CODEWSCOPE = 0x41,
	KIND_MAXKEY = 0x7f,
};

static enum kind kind_of(bson_type_t type)
{
	switch (type) {
	case BSON_TYPE_MINKEY:
		return KIND_MINKEY;
	case BSON_TYPE_INT32:
	case BSON_TYPE_INT64:
	case BSON_TYPE_DOUBLE:
	case BSON_TYPE_DECIMAL128:
		return KIND_NUMBER;
	case BSON_TYPE_UTF8:
	case BSON_TYPE_SYMBOL:
		return KIND_STRING;
	case BSON_TYPE_DOCUMENT:
		return KIND_DOCUMENT;
	case BSON_TYPE_ARRAY:
		return KIND_ARRAY;
	case BSON_TYPE_BINARY:
		return KIND_BINARY;
	case BSON_TYPE_OID:
		return KIND_OID;
	case BSON_TYPE_BOOL:
		return KIND_BOOL;
	case BSON_TYPE_DATE_TIME:
		return KIND_DATE;
	case BSON_TYPE_TIMESTAMP:
		return KIND_TIMESTAMP;
	case BSON_TYPE_REGEX:
		return KIND_REGEX;
	case BSON_TYPE_DBPOINTER:
		return KIND_DBPOINTER;
	case BSON_TYPE_CODE:
		return KIND_CODE;
	case BSON_TYPE_CODEWSCOPE:
		return KIND_CODEWSCOPE;
	case BSON_TYPE_MAXKEY:
		return KIND_MAXKEY;
	default:
		return KIND_NULL;
	}
}

static void append_be(struct nv_buf *out, uint64_t number, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--) {
		nv_buf_putc(out, (char)(uint8_t)(number >> (8 * i)));
	}
}

/* 8 bytes that sort as doubles do; NaN first, -0 as 0. */
static void append_ordered(struct nv_buf *out, double number)
{
	uint64_t bits = 0;
	if (!isnan(number)) {
		number = number == 0 ? 0.0 : number;
		memcpy(&bits, &number, sizeof(bits));
		bits = bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
	}
	append_be(out, bits, 8);
}

static void append_double(struct nv_buf *out, double number)
{
	append_ordered(out, number);
	nv_buf_putc(out, 0);
}

static void append_int64(struct nv_buf *out, int64_t number)
{
	/* A double has 53 bits; what is below them is the rest. Clearing low bits rounds down for
	 * either sign. */
	uint64_t size = number < 0 ? ~(uint64_t)number + 1 : (uint64_t)number;
	uint64_t mask = 0;
	while (size >> 53 != 0) {
		size >>= 1;
		mask = mask << 1 | 1;
	}
	uint64_t rest = (uint64_t)number & mask;
	append_ordered(out, (double)(int64_t)((uint64_t)number & ~mask));
	if (rest == 0) {
		nv_buf_putc(out, 0);
	} else {
		nv_buf_putc(out, 1);
		append_be(out, rest, 2);
	}
}

/* A finite decimal: ±coefficient × 10^exponent, without trailing zeros. */
struct decimal {
	bool negative;
	unsigned __int128 coefficient;
	int exponent;
};

/* The finite value of a Decimal128; false with *ret_special when it is an infinity or NaN. */
static bool decode_decimal(const uint8_t *data, struct decimal *ret_decimal, double *ret_special)
{
	const unsigned __int128 limit =
		(unsigned __int128)UINT64_C(10000000000000000) * UINT64_C(1000000000000000000);
	uint64_t low = nv_le64(data);
	uint64_t high = nv_le64(data + 8);
	unsigned top = (unsigned)(high >> 58) & 0x1f;
	bool negative = high >> 63;
	if (top >= 0x1e) {
		*ret_special = top == 0x1f ? NAN : negative ? -INFINITY : INFINITY;
		return false;
	}
	struct decimal decimal = { .negative = negative };
	bool large = top >> 3 == 3; /* such a coefficient is over 34 digits, which counts as 0 */
	decimal.exponent = (int)(high >> (large ? 47 : 49) & 0x3fff) - 6176;
	if (!large) {
		decimal.coefficient =
			(unsigned __int128)(high & UINT64_C(0x1ffffffffffff)) << 64 | low;
		if (decimal.coefficient >= limit) {
			decimal.coefficient = 0;
		}
	}
	while (decimal.coefficient != 0 && decimal.coefficient % 10 == 0) {
		decimal.coefficient /= 10;
		decimal.exponent++;
	}
	*ret_decimal = decimal;
	return true;
}

/* True when the decimal is an int64. */
static bool decimal_int64(const struct decimal *decimal, int64_t *ret_number)
{
	const unsigned __int128 limit = (unsigned __int128)1 << 63;
	unsigned __int128 size = decimal->coefficient;
	if (decimal->exponent < 0 || decimal->exponent > 18) {
		return false;
	}
	for (int i = 0; i < decimal->exponent; i++) {
		size *= 10;
		if (size > limit) {
			return false;
		}
	}
	if (size > limit || (size == limit && !decimal->negative)) {
		return false;
	}
	uint64_t bits = (uint64_t)size;
	*ret_number = (int64_t)(decimal->negative ? ~bits + 1 : bits);
	return true;
}

/* True when a double has exactly the decimal's value: coefficient × 5^e × 2^e with 53 bits or fewer
 * beside the power of two. */
static bool decimal_double(const struct decimal *decimal, double *ret_number)
{
	unsigned __int128 odd = decimal->coefficient;
	int power = decimal->exponent;
	for (int i = decimal->exponent; i < 0; i++) {
		if (odd % 5 != 0) {
			return false;
		}
		odd /= 5;
	}
	while (odd % 2 == 0) {
		odd /= 2;
		power++;
	}
	for (int i = 0; i < decimal->exponent; i++) {
		if (odd >> 53 != 0) {
			return false;
		}
		odd *= 5;
	}
	if (odd >> 53 != 0) {
		return false;
	}
	double number = ldexp((double)(uint64_t)odd, power);
	if (isinf(number) || ldexp(number, -power) != (double)(uint64_t)odd) {
		return false; /* outside a double's range, or rounded at its lower end */
	}
	*ret_number = decimal->negative ? -number : number;
	return true;
}

static void append_inexact(struct nv_buf *out, const struct decimal *decimal)
{
	char digits[64];
	size_t at = sizeof(digits);
	unsigned __int128 rest = decimal->coefficient;
	digits[--at] = 0;
	do {
		digits[--at] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest != 0);
	char text[96];
	(void)snprintf(text, sizeof(text), "%s%sE%d", decimal->negative ? "-" : "", digits + at,
	               decimal->exponent);
	/* No decimal point in it, so the locale does not matter. Finite, so never as far out as an
	 * infinity. */
	double near = strtod(text, NULL);
	append_ordered(out, isinf(near) ? copysign(DBL_MAX, near) : near);
	nv_buf_putc(out, 2);
	nv_buf_append(out, text, strlen(text) + 1);
}

static void append_decimal(struct nv_buf *out, const uint8_t *data)
{
	struct decimal decimal;
	double number = 0;
	int64_t integer = 0;
	if (!decode_decimal(data, &decimal, &number)) {
		append_double(out, number);
	} else if (decimal.coefficient == 0) {
		append_double(out, 0);
	} else if (decimal_int64(&decimal, &integer)) {
		append_int64(out, integer);
	} else if (decimal_double(&decimal, &number)) {
		append_double(out, number);
	} else {
		append_inexact(out, &decimal);
	}
}

static void append_number(struct nv_buf *out, const struct nv_bval *value)
{
	uint64_t bits = 0;
	double number = 0;
	switch (value->type) {
	case BSON_TYPE_INT32:
		append_int64(out, (int32_t)nv_le32(value->data));
		break;
	case BSON_TYPE_INT64:
		append_int64(out, (int64_t)nv_le64(value->data));
		break;
	case BSON_TYPE_DOUBLE:
		bits = nv_le64(value->data);
		memcpy(&number, &bits, sizeof(number));
		append_double(out, number);
		break;
	default:
		append_decimal(out, value->data);
		break;
	}
}

static void append_text(struct nv_buf *out, const uint8_t *text, size_t size, bool nested)
{
	if (!nested) {
		nv_buf_append(out, text, size);
		return;
	}
	for (size_t i = 0; i < size; i++) {
		nv_buf_putc(out, (char)text[i]);
		if (text[i] == 0) {
			nv_buf_putc(out, (char)0xff);
		}
	}
	nv_buf_append(out, "\0\0", 2);
}

static void append_rest(struct nv_buf *out, const struct nv_bval *value, bool nested);

static void append_fields(struct nv_buf *out, const struct nv_bval *doc)
{
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		nv_buf_putc(out, (char)kind_of(field.value.type));
		if (doc->type == BSON_TYPE_DOCUMENT) {
			nv_buf_append(out, field.key, field.key_size + 1);
		}
		append_rest(out, &field.value, true);
	}
	nv_buf_putc(out, 0);
}

static void append_code(struct nv_buf *out, const struct nv_bval *value)
{
	size_t text = nv_le32(value->data + 4);
	append_text(out, value->data + 8, text - 1, true);
	struct nv_bval scope = { BSON_TYPE_DOCUMENT, value->data + 8 + text,
		                 value->size - 8 - text };
	append_fields(out, &scope);
}

/* The key behind the kind. Deep documents were refused before (NV_BVAL_DEPTH_MAX), so the recursion
 * is bounded. */
static void append_rest(struct nv_buf *out, const struct nv_bval *value, bool nested)
{
	switch (kind_of(value->type)) {
	case KIND_NUMBER:
		append_number(out, value);
		break;
	case KIND_STRING:
	case KIND_CODE:
		append_text(out, value->data + 4, value->size - 5, nested);
		break;
	case KIND_DOCUMENT:
	case KIND_ARRAY:
		append_fields(out, value);
		break;
	case KIND_BINARY:
		append_be(out, nv_le32(value->data), 4);
		nv_buf_append(out, value->data + 4, value->size - 4);
		break;
	case KIND_DATE: /* signed */
		append_be(out, nv_le64(value->data) ^ UINT64_C(1) << 63, 8);
		break;
	case KIND_TIMESTAMP:
		append_be(out, nv_le64(value->data), 8);
		break;
	case KIND_DBPOINTER:
		append_be(out, nv_le32(value->data), 4);
		nv_buf_append(out, value->data + 4, value->size - 4);
		break;
	case KIND_CODEWSCOPE:
		append_code(out, value);
		break;
	case KIND_OID:
	case KIND_BOOL:
	case KIND_REGEX:
		nv_buf_append(out, value->data, value->size);
		break;
	case KIND_MINKEY:
	case KIND_NULL:
	case KIND_MAXKEY:
		break;
	}
}

int nv_key_append(struct nv_buf *out, const struct nv_bval *value)
{
	nv_buf_putc(out, (char)kind_of(value->type));
	append_rest(out, value, false);
	return nv_buf_error(out);
}

int nv_key_of_doc(struct nv_buf *out, const struct nv_bval *doc)
{
	struct nv_bval id;
	if (!nv_bval_field(doc, "_id", 3, &id)) {
		return -ENOENT;
	}
	nv_buf_truncate(out, 0);
	return nv_key_append(out, &id);
}

/* Types whose values are equal only when their bytes are. */
static bool is_plain(bson_type_t type)
{
	return type == BSON_TYPE_OID || type == BSON_TYPE_UTF8 || type == BSON_TYPE_BOOL ||
	       type == BSON_TYPE_INT32 || type == BSON_TYPE_INT64 || type == BSON_TYPE_DATE_TIME;
}

bool nv_bval_equal(const struct nv_bval *a, const struct nv_bval *b)
{
	if (nv_bval_same(a, b)) {
		return true;
	}
	if (kind_of(a->type) != kind_of(b->type) || (a->type == b->type && is_plain(a->type))) {
		return false;
	}
	cleanup_buf struct nv_buf left = NV_BUF_INIT;
	cleanup_buf struct nv_buf right = NV_BUF_INIT;
	return nv_key_append(&left, a) == 0 && nv_key_append(&right, b) == 0 &&
	       nv_key_compare(left.data, left.len, right.data, right.len) == 0;
}

int nv_key_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
	size_t size = a_size < b_size ? a_size : b_size;
	int order = size > 0 ? memcmp(a, b, size) : 0;
	return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}
