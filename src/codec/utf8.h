/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Strict UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. NUL bytes are characters.
 */
#ifndef NV_CODEC_UTF8_H
#define NV_CODEC_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest prefix of text that is whole UTF-8 characters; size when all of it is. */
size_t nv_utf8_valid_prefix(const char *text, size_t size);

/* True when all of text is UTF-8. */
bool nv_utf8_is_valid(const char *text, size_t size);

/* Bytes of the character text begins with (1 to 4), 0 when it begins with none; size is not 0. */
size_t nv_utf8_char_size(const char *text, size_t size);

/* True when text, not a whole character, is the beginning of one that more bytes can complete; size is not 0. */
bool nv_utf8_is_cut(const char *text, size_t size);

/* Writes code (a Unicode scalar value) as 1 to 4 bytes; returns how many. */
size_t nv_utf8_encode(uint32_t code, char ret_bytes[4]);

#endif
