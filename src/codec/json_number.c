/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers and their text, both ways without loss and without the locale's decimal point: strtod
 * gets digits and an exponent, never a point.
 */
#include "config.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json_int.h"

static const double powers_of_ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
	                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

enum { EXACT_POWERS = sizeof(powers_of_ten) / sizeof(powers_of_ten[0]) };

/* Integers up to here are exact as doubles. */
static const double exact_max = 9007199254740992.0;

/* Where doubles are computed with more bits than they have, one operation may round twice. */
static const bool rounds_once = FLT_EVAL_METHOD == 0;

/* A decimal number: 0.DIGITS times ten to the point. */
struct decimal {
	char digits[32]; /* no zero at either end, but for "0" itself */
	int count;
	int point;
};

static void trim(struct decimal *decimal)
{
	while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0') {
		decimal->count--;
	}
}

/* integer times ten to the -places. */
static void decimal_of_integer(uint64_t integer, int places, struct decimal *ret)
{
	char reversed[32];
	int count = 0;
	do {
		reversed[count++] = (char)('0' + integer % 10);
		integer /= 10;
	} while (integer > 0);
	for (int i = 0; i < count; i++) {
		ret->digits[i] = reversed[count - 1 - i];
	}
	ret->count = count;
	ret->point = count - places;
	trim(ret);
}

/*
 * The shortest text of most numbers that people write, by exact arithmetic: an integer up to 2^53
 * divided by a power of ten up to 10^22 is rounded once, exactly as reading that text would be; the
 * fewest places that give value back are the shortest text.
 */
static bool shortest_by_division(double value, struct decimal *ret)
{
	for (int places = 0; rounds_once && places <= 17; places++) {
		double scaled = value * powers_of_ten[places];
		if (scaled >= exact_max) {
			return false;
		}
		double integer = nearbyint(scaled);
		if (integer / powers_of_ten[places] == value) {
			decimal_of_integer((uint64_t)integer, places, ret);
			return true;
		}
	}
	return false;
}

/* The number's first `count` decimal digits, rounded. value is positive. */
static void digits_of(double value, int count, struct decimal *ret)
{
	char text[48];
	(void)snprintf(text, sizeof(text), "%.*e", count - 1, value);
	const char *exponent = strchr(text, 'e');
	ret->count = 0;
	for (const char *c = text; c < exponent; c++) {
		if (*c >= '0' && *c <= '9') { /* the rest is the locale's point */
			ret->digits[ret->count++] = *c;
		}
	}
	ret->point = atoi(exponent + 1) + 1;
}

static bool reads_back(const struct decimal *decimal, double value)
{
	char text[64];
	(void)snprintf(text, sizeof(text), "%.*se%d", decimal->count, decimal->digits,
	               decimal->point - decimal->count);
	return strtod(text, NULL) == value;
}

/* Rounds to the first `count` digits; value is what the digits are of. */
static void round_to(struct decimal *decimal, int count, double value)
{
	bool tie = decimal->digits[count] == '5';
	for (int i = count + 1; i < decimal->count && tie; i++) {
		tie = decimal->digits[i] == '0';
	}
	if (tie) { /* these digits are rounded themselves: ask what is behind them */
		digits_of(value, count, decimal);
		return;
	}
	bool up = decimal->digits[count] >= '5';
	int at = count - 1;
	decimal->count = count;
	while (up && at >= 0 && decimal->digits[at] == '9') {
		decimal->digits[at--] = '0';
	}
	if (up && at >= 0) {
		decimal->digits[at]++;
	} else if (up) { /* 99 is 100 */
		decimal->digits[0] = '1';
		decimal->point++;
	}
}

/* The shortest text of any number: 17 digits always read back, and fewer as long as they do. */
static void shortest_by_search(double value, struct decimal *ret)
{
	struct decimal all;
	digits_of(value, 17, &all);
	*ret = all;
	for (int count = 16; count > 0; count--) {
		struct decimal fewer = all;
		round_to(&fewer, count, value);
		if (!reads_back(&fewer, value)) {
			break;
		}
		*ret = fewer;
	}
	trim(ret);
}

static void put_zeros(struct nv_buf *out, int count)
{
	for (int i = 0; i < count; i++) {
		nv_buf_putc(out, '0');
	}
}

static void put_decimal(const struct decimal *decimal, struct nv_buf *out)
{
	int count = decimal->count;
	int point = decimal->point;
	const char *digits = decimal->digits;
	if (point > 21 || point < -5) {
		nv_buf_append(out, digits, 1);
		if (count > 1) {
			nv_buf_putc(out, '.');
			nv_buf_append(out, digits + 1, (size_t)count - 1);
		}
		nv_buf_printf(out, "e%s%d", point > 0 ? "+" : "", point - 1);
	} else if (point <= 0) {
		nv_buf_puts(out, "0.");
		put_zeros(out, -point);
		nv_buf_append(out, digits, (size_t)count);
	} else if (count <= point) {
		nv_buf_append(out, digits, (size_t)count);
		put_zeros(out, point - count);
		nv_buf_puts(out, ".0");
	} else {
		nv_buf_append(out, digits, (size_t)point);
		nv_buf_putc(out, '.');
		nv_buf_append(out, digits + point, (size_t)(count - point));
	}
}

void nv_json_double_format(double value, struct nv_buf *out)
{
	if (value < 0) {
		nv_buf_putc(out, '-');
		value = -value;
	}
	struct decimal decimal;
	if (!shortest_by_division(value, &decimal)) {
		shortest_by_search(value, &decimal);
	}
	put_decimal(&decimal, out);
}

/* First byte at or after pos that is no digit. */
static size_t skip_digits(const char *text, size_t size, size_t pos)
{
	while (pos < size && text[pos] >= '0' && text[pos] <= '9') {
		pos++;
	}
	return pos;
}

struct nv_json_token nv_json_number_scan(const char *text, size_t size)
{
	struct nv_json_token token = { .size = 0, .bad = true, .integral = true };
	size_t pos = size > 0 && text[0] == '-' ? 1 : 0;
	size_t end = skip_digits(text, size, pos);
	if (end == pos || (text[pos] == '0' && end > pos + 1)) {
		token.size = end == pos ? pos : pos + 1;
		return token;
	}
	if (end < size && text[end] == '.') {
		token.integral = false;
		pos = end + 1;
		end = skip_digits(text, size, pos);
		if (end == pos) {
			token.size = pos;
			return token;
		}
	}
	if (end < size && (text[end] == 'e' || text[end] == 'E')) {
		token.integral = false;
		pos = end + 1;
		pos += pos < size && (text[pos] == '+' || text[pos] == '-') ? 1 : 0;
		end = skip_digits(text, size, pos);
		if (end == pos) {
			token.size = pos;
			return token;
		}
	}
	token.size = end;
	token.bad = false;
	return token;
}

/* A number's parts: DIGITS (leading zeros skipped) times ten to the exponent. */
struct parts {
	bool negative;
	uint64_t digits; /* the first 19 at most */
	size_t count;    /* of all digits after leading zeros */
	long exponent;
	size_t digits_end; /* where the digits end in the text */
};

static struct parts split(const char *text, size_t size)
{
	static const long limit =
		100000000; /* beyond any double, and adding to it cannot overflow */
	struct parts parts = { .negative = text[0] == '-' };
	size_t pos = parts.negative ? 1 : 0;
	long places = 0;
	bool point = false;
	for (; pos < size && text[pos] != 'e' && text[pos] != 'E'; pos++) {
		if (text[pos] == '.') {
			point = true;
			continue;
		}
		places += point ? 1 : 0;
		if (parts.count == 0 && text[pos] == '0') {
			continue;
		}
		if (parts.count++ < 19) {
			parts.digits = parts.digits * 10 + (uint64_t)(text[pos] - '0');
		}
	}
	parts.digits_end = pos;
	if (pos < size) {
		pos++;
		bool minus = text[pos] == '-';
		pos += text[pos] == '-' || text[pos] == '+' ? 1 : 0;
		for (; pos < size; pos++) {
			if (parts.exponent < limit) {
				parts.exponent = parts.exponent * 10 + (text[pos] - '0');
			}
		}
		parts.exponent = minus ? -parts.exponent : parts.exponent;
	}
	parts.exponent -= places;
	return parts;
}

/* Any number, by strtod: its digits without the point, and the exponent that makes up for it. */
static enum nv_json_number parse_slowly(const char *text, const struct parts *parts,
                                        double *ret_value)
{
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	for (size_t i = 0; i < parts->digits_end; i++) {
		if (text[i] != '.') {
			nv_buf_putc(&plain, text[i]);
		}
	}
	nv_buf_printf(&plain, "e%ld", parts->exponent);
	if (nv_buf_error(&plain) < 0) {
		return NV_NUMBER_NOMEM;
	}
	double value = strtod(plain.data, NULL);
	if (isinf(value)) {
		return NV_NUMBER_BIG;
	}
	if (value == 0 && parts->count > 0) {
		return NV_NUMBER_SMALL;
	}
	*ret_value = value;
	return NV_NUMBER_OK;
}

enum nv_json_number nv_json_double_parse(const char *text, size_t size, double *ret_value)
{
	struct parts parts = split(text, size);
	if (parts.count == 0) {
		*ret_value = parts.negative ? -0.0 : 0.0;
		return NV_NUMBER_OK;
	}
	bool exact = rounds_once && parts.count <= 19 && parts.digits <= (uint64_t)exact_max;
	if (!exact || parts.exponent <= -EXACT_POWERS || parts.exponent >= EXACT_POWERS) {
		return parse_slowly(text, &parts, ret_value);
	}
	/* both operands are exact, so the one operation rounds as it must */
	double value = (double)parts.digits;
	value = parts.exponent < 0 ? value / powers_of_ten[-parts.exponent]
	                           : value * powers_of_ten[parts.exponent];
	*ret_value = parts.negative ? -value : value;
	return NV_NUMBER_OK;
}

bool nv_json_integer_parse(const char *text, size_t size, int64_t *ret_value)
{
	struct parts parts = split(text, size);
	uint64_t limit = (uint64_t)INT64_MAX + (parts.negative ? 1 : 0);
	if (parts.count > 19 || parts.digits > limit) {
		return false;
	}
	*ret_value = parts.negative ? (int64_t)(0 - parts.digits) : (int64_t)parts.digits;
	return true;
}

bool nv_json_decimal_parse(const char *text, size_t size, bson_decimal128_t *ret_decimal)
{
	static const char *const words[] = { "NaN", "Infinity", "-Infinity" };
	struct nv_json_token token = nv_json_number_scan(text, size);
	bool good = !token.bad && token.size == size;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		good = good || (strlen(words[i]) == size && memcmp(text, words[i], size) == 0);
	}
	/* libbson alone would take more: "inf", ".5", "+1" */
	return good && size <= INT_MAX &&
	       bson_decimal128_from_string_w_len(text, (int)size, ret_decimal);
}

bool nv_json_decimal_is_canonical(const bson_decimal128_t *decimal)
{
	char text[BSON_DECIMAL128_STRING];
	bson_decimal128_to_string(decimal, text);
	bson_decimal128_t again = { 0, 0 };
	return nv_json_decimal_parse(text, strlen(text), &again) && again.low == decimal->low &&
	       again.high == decimal->high;
}
