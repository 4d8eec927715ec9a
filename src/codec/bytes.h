/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Byte strings: names, keys and values of a store. Any bytes, NUL among them.
 */
#ifndef NV_CODEC_BYTES_H
#define NV_CODEC_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct nv_bytes {
	char *data;  /* NUL-terminated past size; NULL = absent (an empty string is not absent) */
	size_t size; /* without the NUL */
};

#define NV_BYTES_INIT { NULL, 0 }

/* The order of everything that is sorted here: bytewise, a prefix first. <0, 0 or >0. */
int nv_bytes_compare(const char *a, size_t a_size, const char *b, size_t b_size);

/* As nv_bytes_compare; absent comes before all others. */
int nv_bytes_cmp(const struct nv_bytes *a, const struct nv_bytes *b);

/* True when both are absent, or both have the same bytes. */
bool nv_bytes_equal(const struct nv_bytes *a, const struct nv_bytes *b);

/* True when bytes is there and is the NUL-terminated text. */
bool nv_bytes_is(const struct nv_bytes *bytes, const char *text);

/* Copies (data NULL: absent) over *ret, which must own nothing. 0 or -ENOMEM. Owns:
 * nv_bytes_release. */
int nv_bytes_copy(struct nv_bytes *ret, const char *data, size_t size);

/* Frees an owned byte string; it is then absent. */
void nv_bytes_release(struct nv_bytes *bytes);

#define cleanup_bytes __attribute__((cleanup(nv_bytes_release)))

#endif
