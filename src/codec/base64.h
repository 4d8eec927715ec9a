/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Base64 (RFC 4648, with padding).
 */
#ifndef NV_CODEC_BASE64_H
#define NV_CODEC_BASE64_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the text of size bytes. */
void nv_base64_encode(const void *data, size_t size, struct nv_buf *out);

/* Appends the bytes of size characters of text. Strict: padding required, unused bits 0, no blanks,
 * so that encode(decode(t)) is t. 0 or -EINVAL (out is then as it was, but for room). Check
 * nv_buf_error(out) as ever. */
int nv_base64_decode(const char *text, size_t size, struct nv_buf *out);

#endif
