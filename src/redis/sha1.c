/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHA-1 over a text that is in memory as a whole.
 */
#include "config.h"

#include "redis/sha1.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK_SIZE = 64, LENGTH_SIZE = 8 };

static uint32_t rotate(uint32_t word, unsigned bits)
{
	return word << bits | word >> (32 - bits);
}

static uint32_t read_be32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void add_block(uint32_t state[5], const unsigned char block[BLOCK_SIZE])
{
	uint32_t w[80];

	for (size_t t = 0; t < 16; t++) {
		w[t] = read_be32(block + 4 * t);
	}
	for (size_t t = 16; t < 80; t++) {
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	}

	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

	for (size_t t = 0; t < 80; t++) {
		uint32_t f, k;

		if (t < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (t < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (t < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}

		uint32_t next = rotate(a, 5) + f + e + k + w[t];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void nv_sha1_hex(const void *data, size_t size, char ret_hex[41])
{
	uint32_t state[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const unsigned char *bytes = data;
	size_t whole = size / BLOCK_SIZE;

	for (size_t i = 0; i < whole; i++) {
		add_block(state, bytes + i * BLOCK_SIZE);
	}

	unsigned char tail[2 * BLOCK_SIZE] = { 0 };
	size_t left = size % BLOCK_SIZE;
	size_t tail_size = left + 1 + LENGTH_SIZE <= BLOCK_SIZE ? BLOCK_SIZE : 2 * BLOCK_SIZE;
	uint64_t bits = (uint64_t)size * 8;

	if (left) {
		memcpy(tail, bytes + whole * BLOCK_SIZE, left);
	}
	tail[left] = 0x80;
	for (size_t i = 0; i < LENGTH_SIZE; i++) {
		tail[tail_size - 1 - i] = (unsigned char)(bits >> (8 * i));
	}
	for (size_t i = 0; i < tail_size; i += BLOCK_SIZE) {
		add_block(state, tail + i);
	}

	for (size_t i = 0; i < 40; i++) {
		ret_hex[i] = "0123456789abcdef"[state[i / 8] >> (28 - 4 * (i % 8)) & 0xf];
	}
	ret_hex[40] = '\0';
}
