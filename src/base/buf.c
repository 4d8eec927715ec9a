/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 64 };

void nv_buf_release(struct nv_buf *buf)
{
	free(buf->data);
	*buf = (struct nv_buf)NV_BUF_INIT;
}

void nv_buf_reserve(struct nv_buf *buf, size_t size)
{
	size_t need;

	if (buf->failed) {
		return;
	}
	if (__builtin_add_overflow(buf->len, size, &need) ||
	    __builtin_add_overflow(need, 1, &need)) {
		buf->failed = true;
		return;
	}
	if (need <= buf->cap) {
		return;
	}

	size_t cap = buf->cap ? buf->cap : FIRST_CAP;
	while (cap < need) {
		if (__builtin_mul_overflow(cap, 2, &cap)) {
			cap = need;
		}
	}
	char *data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return;
	}
	buf->data = data;
	buf->cap = cap;
	buf->data[buf->len] = '\0';
}

void nv_buf_append(struct nv_buf *buf, const void *data, size_t size)
{
	nv_buf_reserve(buf, size);
	if (buf->failed) {
		return;
	}
	if (size > 0) {
		memcpy(buf->data + buf->len, data, size);
	}
	buf->len += size;
	buf->data[buf->len] = '\0';
}

void nv_buf_puts(struct nv_buf *buf, const char *text)
{
	nv_buf_append(buf, text, strlen(text));
}

void nv_buf_putc(struct nv_buf *buf, char byte)
{
	nv_buf_append(buf, &byte, 1);
}

void nv_buf_printf(struct nv_buf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int size = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (size < 0) {
		buf->failed = true;
		return;
	}
	nv_buf_reserve(buf, (size_t)size);
	if (buf->failed) {
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(buf->data + buf->len, (size_t)size + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)size;
}

void nv_buf_truncate(struct nv_buf *buf, size_t len)
{
	if (len < buf->len) {
		buf->len = len;
		buf->data[len] = '\0';
	}
}

int nv_buf_error(const struct nv_buf *buf)
{
	return buf->failed ? -ENOMEM : 0;
}

char *nv_buf_steal(struct nv_buf *buf, size_t *ret_size)
{
	nv_buf_reserve(buf, 0); /* an empty text is a text too */
	if (buf->failed) {
		nv_buf_release(buf);
		return NULL;
	}

	char *data = buf->data;
	if (ret_size) {
		*ret_size = buf->len;
	}
	*buf = (struct nv_buf)NV_BUF_INIT;
	return data;
}
