/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A growable byte buffer. Always NUL-terminated past its length, so that text can be printed.
 *
 * Out of memory is sticky: later appends do nothing and nv_buf_error() says -ENOMEM; check once at
 * the end.
 */
#ifndef NV_BASE_BUF_H
#define NV_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct nv_buf {
	char *data;  /* owned; NULL while nothing was appended */
	size_t len;  /* bytes used, without the NUL */
	size_t cap;  /* bytes allocated */
	bool failed; /* an allocation failed */
};

#define NV_BUF_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0, false                                                                  \
	}

/* Frees the bytes; *buf is then empty and usable again. */
void nv_buf_release(struct nv_buf *buf);

/* Appends size bytes. */
void nv_buf_append(struct nv_buf *buf, const void *data, size_t size);

/* Appends a NUL-terminated string. */
void nv_buf_puts(struct nv_buf *buf, const char *text);

/* Appends one byte. */
void nv_buf_putc(struct nv_buf *buf, char byte);

/* Appends formatted text. */
void nv_buf_printf(struct nv_buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for size more bytes. */
void nv_buf_reserve(struct nv_buf *buf, size_t size);

/* Cuts to len bytes (no effect when shorter). */
void nv_buf_truncate(struct nv_buf *buf, size_t len);

/* 0, or -ENOMEM when an append was lost. */
int nv_buf_error(const struct nv_buf *buf);

/* Gives the bytes away (never NULL unless failed; NUL-terminated; free() them); *buf is then
 * empty. */
char *nv_buf_steal(struct nv_buf *buf, size_t *ret_size);

#define cleanup_buf __attribute__((cleanup(nv_buf_release)))

#endif
