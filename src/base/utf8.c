/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/utf8.h"

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

/* The legal range of the second byte (RFC 3629 section 4): it is what forbids overlong forms,
 * surrogates and code points above U+10FFFF. */
static bool second_is_legal(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0:
		return second >= 0xA0 && second <= 0xBF;
	case 0xED:
		return second >= 0x80 && second <= 0x9F;
	case 0xF0:
		return second >= 0x90 && second <= 0xBF;
	case 0xF4:
		return second >= 0x80 && second <= 0x8F;
	default:
		return is_continuation(second);
	}
}

size_t nv_utf8_char(const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length;

	if (size == 0) {
		return 0;
	}
	if (bytes[0] < 0x80) {
		return 1;
	}
	if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) {
		length = 2;
	} else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
		length = 3;
	} else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
		length = 4;
	} else {
		return 0;
	}
	if (size < length || !second_is_legal(bytes[0], bytes[1])) {
		return 0;
	}
	for (size_t i = 2; i < length; i++) {
		if (!is_continuation(bytes[i])) {
			return 0;
		}
	}
	return length;
}

bool nv_utf8_valid(const char *text, size_t size)
{
	size_t pos = 0;

	while (pos < size) {
		size_t length = nv_utf8_char(text + pos, size - pos);

		if (length == 0) {
			return false;
		}
		pos += length;
	}
	return true;
}

size_t nv_utf8_put(uint32_t code, char ret_text[4])
{
	if (code < 0x80) {
		ret_text[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		ret_text[0] = (char)(0xC0 | (code >> 6));
		ret_text[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	if (code >= 0xD800 && code <= 0xDFFF) {
		return 0;
	}
	if (code < 0x10000) {
		ret_text[0] = (char)(0xE0 | (code >> 12));
		ret_text[1] = (char)(0x80 | ((code >> 6) & 0x3F));
		ret_text[2] = (char)(0x80 | (code & 0x3F));
		return 3;
	}
	if (code > 0x10FFFF) {
		return 0;
	}
	ret_text[0] = (char)(0xF0 | (code >> 18));
	ret_text[1] = (char)(0x80 | ((code >> 12) & 0x3F));
	ret_text[2] = (char)(0x80 | ((code >> 6) & 0x3F));
	ret_text[3] = (char)(0x80 | (code & 0x3F));
	return 4;
}
