/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.
 */
#ifndef NV_BASE_UTF8_H
#define NV_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that text begins with (1 to 4); 0 when it begins with none (also when
 * size is 0). */
size_t nv_utf8_char(const char *text, size_t size);

/* True when all bytes are UTF-8. NUL and control bytes are characters too. */
bool nv_utf8_valid(const char *text, size_t size);

/* Writes the character of a code point and returns its bytes (1 to 4); 0 for a surrogate or
 * above U+10FFFF. */
size_t nv_utf8_put(uint32_t code, char ret_text[4]);

#endif
