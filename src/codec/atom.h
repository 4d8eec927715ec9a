/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ATOM, WORD and KEY of DESIGN 3: any bytes as a piece of a line, and back.
 */
#ifndef NV_CODEC_ATOM_H
#define NV_CODEC_ATOM_H

#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

enum nv_atom_kind {
	NV_ATOM_PLAIN, /* ATOM: blanks inside are written as they are */
	NV_ATOM_WORD,  /* WORD: every blank is \x20 */
	NV_ATOM_KEY,   /* KEY: a ':' before a blank or at the end is \: */
};

/* Appends the text of size bytes. Never empty, never with a newline, tab, other control byte or
 * bad UTF-8, nor a blank at an end. */
void nv_atom_format(struct nv_buf *out, enum nv_atom_kind kind, const char *data, size_t size);

/* Undoes nv_atom_format: appends the bytes of exactly this text (trimmed by the caller). line
 * and column say where the text begins, for faults. 0; -EINVAL with all faults (an empty text
 * too: the empty string is \e). A fault may leave bytes appended. Out of memory shows in
 * nv_buf_error(out). */
int nv_atom_parse(struct nv_buf *out, enum nv_atom_kind kind, const char *text, size_t size,
                  size_t line, size_t column, struct nv_faults *faults);

#endif
