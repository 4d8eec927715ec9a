/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64. No table of 256: the alphabet is five ranges.
 */
#include "config.h"

#include "codec/base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

static char digit(unsigned value)
{
	return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[value & 63];
}

void nv_base64_encode(const void *data, size_t size, struct nv_buf *out)
{
	const uint8_t *bytes = data;
	nv_buf_reserve(out, (size / 3 + 1) * 4);
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		unsigned word = (unsigned)bytes[i] << 16;
		word |= left > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
		word |= left > 2 ? bytes[i + 2] : 0;
		char four[4] = { digit(word >> 18), digit(word >> 12),
			         left > 1 ? digit(word >> 6) : '=', left > 2 ? digit(word) : '=' };
		nv_buf_append(out, four, sizeof(four));
	}
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z') {
		return c - 'A';
	}
	if (c >= 'a' && c <= 'z') {
		return c - 'a' + 26;
	}
	if (c >= '0' && c <= '9') {
		return c - '0' + 52;
	}
	if (c == '+') {
		return 62;
	}
	return c == '/' ? 63 : -1;
}

/* Four characters to one to three bytes, *ret_count. False when they are not base64. */
static bool decode_four(const char *four, bool last, uint8_t ret_bytes[3], size_t *ret_count)
{
	size_t digits = 4;
	if (last && four[3] == '=') {
		digits = four[2] == '=' ? 2 : 3;
	}
	uint32_t word = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < digits ? value_of(four[i]) : 0;
		if (value < 0) {
			return false;
		}
		word = word << 6 | (uint32_t)value;
	}
	/* bits that no byte uses must be 0, or two texts would say the same */
	if ((digits == 2 && (word & 0xffff)) || (digits == 3 && (word & 0xff))) {
		return false;
	}
	ret_bytes[0] = (uint8_t)(word >> 16);
	ret_bytes[1] = (uint8_t)(word >> 8);
	ret_bytes[2] = (uint8_t)word;
	*ret_count = digits - 1;
	return true;
}

int nv_base64_decode(const char *text, size_t size, struct nv_buf *out)
{
	if (size % 4 != 0) {
		return -EINVAL;
	}
	size_t start = out->len;
	nv_buf_reserve(out, size / 4 * 3);
	for (size_t i = 0; i < size; i += 4) {
		uint8_t bytes[3];
		size_t count = 0;
		if (!decode_four(text + i, i + 4 == size, bytes, &count)) {
			nv_buf_truncate(out, start);
			return -EINVAL;
		}
		nv_buf_append(out, bytes, count);
	}
	return 0;
}
