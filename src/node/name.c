/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns how a name of a model becomes one component of a path and comes back, and what a scratch
 * name looks like.
 *
 * Why the two never meet: '~' is escaped in every name, so a component with a '~' is a cut name or
 * NAME~ID; and each scratch pattern needs a first character or a dot that is escaped in names of
 * kinds without suffix, or ends in '~'.
 */
#include "config.h"

#include "node/name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"

/* '~' and 16 hexadecimal digits. */
enum { CUT_MARK = 17 };

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-2-4 with a fixed key: a name's hash is the same in every mount and on every machine, and
 * no two names of a real store meet in it by their likeness. */
static uint64_t hash_name(const char *name, size_t size)
{
	const uint64_t key[2] = { 0x6E65747669657766, 0x737E637574206E61 };
	uint64_t v[4] = {
		key[0] ^ 0x736F6D6570736575,
		key[1] ^ 0x646F72616E646F6D,
		key[0] ^ 0x6C7967656E657261,
		key[1] ^ 0x7465646279746573,
	};
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++) {
		word |= (uint64_t)(unsigned char)name[i] << (8 * (i % 8));
		if (i % 8 == 7) {
			sip_word(v, word);
			word = 0;
		}
	}
	sip_word(v, word | (uint64_t)size << 56);
	v[2] ^= 0xFF;
	for (int i = 0; i < 4; i++) {
		sip_round(v);
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* What else is escaped in a name that would read as scratch. */
enum { ESCAPE_FIRST = 1 << 8 };

static bool must_escape(const char *name, size_t i, size_t length, unsigned flags)
{
	unsigned char byte = (unsigned char)name[i];

	if (length == 0 || byte < 0x20 || byte == 0x7F || byte == '/' || byte == '%' ||
	    byte == '~') {
		return true;
	}
	if (i == 0 && (byte == '.' || byte == '-' || (flags & ESCAPE_FIRST) != 0)) {
		return true;
	}
	return byte == '.' && (flags & NV_NAME_DOTS) != 0;
}

/* Appends the escaped name. Returns how much of it a cut to `limit` bytes keeps. */
static size_t escape_name(struct nv_buf *out, const char *name, size_t size, unsigned flags,
                          size_t limit)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t start = out->len;
	size_t fit = 0;

	for (size_t i = 0; i < size;) {
		size_t length = nv_utf8_char(name + i, size - i);
		size_t bytes = length ? length : 1;

		if (must_escape(name, i, length, flags)) {
			for (size_t k = 0; k < bytes; k++) {
				unsigned char byte = (unsigned char)name[i + k];
				char text[3] = { '%', digits[byte >> 4], digits[byte & 0xF] };

				nv_buf_append(out, text, sizeof(text));
			}
		} else {
			nv_buf_append(out, name + i, bytes);
		}
		i += bytes;
		if (out->len - start <= limit) {
			fit = out->len - start;
		}
	}
	return fit;
}

void nv_name_encode(struct nv_buf *out, const char *name, size_t size, const char *suffix,
                    unsigned flags, bool *ret_cut)
{
	size_t start = out->len;
	size_t suffix_size = strlen(suffix);
	size_t taken = suffix_size + CUT_MARK;
	size_t limit = taken < NV_NAME_CUT ? NV_NAME_CUT - taken : 0;
	size_t fit = escape_name(out, name, size, flags, limit);
	bool cut;

	if (size == 0) {
		nv_buf_putc(out, '%');
	}
	if (nv_buf_error(out) == 0 && (flags & NV_NAME_ANYNAME) != 0 &&
	    nv_name_is_scratch(out->data + start, false)) {
		nv_buf_truncate(out, start);
		fit = escape_name(out, name, size, flags | NV_NAME_DOTS | ESCAPE_FIRST, limit);
	}
	cut = out->len - start + suffix_size > NV_NAME_CUT && size > 0;
	if (cut) {
		nv_buf_truncate(out, start + fit);
		nv_buf_printf(out, "~%016" PRIx64, hash_name(name, size));
	}
	nv_buf_puts(out, suffix);
	if (ret_cut) {
		*ret_cut = cut;
	}
}

static bool ends_in_cut_mark(const char *name, size_t size)
{
	if (size < CUT_MARK || name[size - CUT_MARK] != '~') {
		return false;
	}
	for (size_t i = size - CUT_MARK + 1; i < size; i++) {
		if (nv_hex_digit(name[i]) < 0 || (name[i] >= 'A' && name[i] <= 'F')) {
			return false;
		}
	}
	return true;
}

int nv_name_decode(const char *name, size_t size, struct nv_buf *out, bool *ret_cut)
{
	size_t start = out->len;
	bool cut = ends_in_cut_mark(name, size);

	if (size == 0) {
		return -EINVAL;
	}
	if (cut) {
		size -= CUT_MARK;
	}
	if (size == 1 && name[0] == '%') {
		size = 0;
	}
	for (size_t i = 0; i < size; i++) {
		int high = size - i > 2 ? nv_hex_digit(name[i + 1]) : -1;
		int low = size - i > 2 ? nv_hex_digit(name[i + 2]) : -1;

		if (name[i] == '~' || (name[i] == '%' && (high < 0 || low < 0))) {
			nv_buf_truncate(out, start);
			return -EINVAL;
		}
		if (name[i] == '%') {
			nv_buf_putc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			nv_buf_putc(out, name[i]);
		}
	}
	if (ret_cut) {
		*ret_cut = cut;
	}
	return 0;
}

bool nv_name_split_id(const char *name, size_t size, size_t *ret_name_size, const char **ret_id,
                      size_t *ret_id_size)
{
	const char *tilde = memrchr(name, '~', size);

	if (!tilde) {
		return false;
	}
	*ret_name_size = (size_t)(tilde - name);
	*ret_id = tilde + 1;
	*ret_id_size = size - *ret_name_size - 1;
	return true;
}

/* True when text is count characters of [A-Za-z0-9_], min <= count <= max. */
static bool is_random(const char *text, size_t min, size_t max)
{
	size_t count = 0;

	for (; text[count] != '\0'; count++) {
		char byte = text[count];

		if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
		      (byte >= '0' && byte <= '9') || byte == '_')) {
			return false;
		}
	}
	return count >= min && count <= max;
}

static bool starts_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool ends_with(const char *name, size_t size, const char *suffix)
{
	size_t length = strlen(suffix);

	return size >= length && memcmp(name + size - length, suffix, length) == 0;
}

bool nv_name_is_copy(const char *name)
{
	static const char *const suffixes[] = { ".tmp", ".lock", ".bak", ".orig", ".rej" };
	size_t size = strlen(name);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (ends_with(name, size, suffixes[i])) {
			return name[0] != '.';
		}
	}
	return false;
}

bool nv_name_is_scratch(const char *name, bool directory)
{
	/* vim's probe for a free name, and where it goes when that is taken. */
	static const char *const probes[] = { "4913", "5036", "5159", "5282", "5405" };
	size_t size = strlen(name);

	if (name[0] == '.' || directory) {
		return name[0] == '.';
	}
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(name, probes[i]) == 0) {
			return true;
		}
	}
	if (nv_name_is_copy(name) || ends_with(name, size, "~")) {
		return true;
	}
	if (size >= 2 && name[0] == '#' && name[size - 1] == '#') {
		return true;
	}
	if (size >= 8 && memcmp(name + size - 8, ".o", 2) == 0 &&
	    is_random(name + size - 6, 6, 6)) {
		return true;
	}
	return (starts_with(name, "sed") && is_random(name + 3, 6, 6)) ||
	       (starts_with(name, "tmp") && is_random(name + 3, 6, 10)) ||
	       (starts_with(name, "XX") &&
	        (is_random(name + 2, 6, 6) || is_random(name + 2, 8, 8)));
}
