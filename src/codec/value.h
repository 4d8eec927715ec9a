/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VALUE of DESIGN 3: the bytes and one newline. Reading adds one, saving takes at most one away.
 */
#ifndef NV_CODEC_VALUE_H
#define NV_CODEC_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends the bytes and a newline. */
void nv_value_format(const char *data, size_t size, struct nv_buf *out);

/* The value is the first *ret_size bytes of text. 0, or -EINVAL for a text of no bytes. */
int nv_value_parse(const char *text, size_t size, size_t *ret_size, struct nv_faults *faults);

#endif
