/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes requests. Without printf: a listing sends thousands of arguments.
 */
#include "config.h"

#include "redis/protocol.h"

/* Appends the mark, the number and a line's end. */
static void head(struct nv_buf *out, char mark, size_t number)
{
	char text[24];
	size_t at = sizeof(text);

	text[--at] = '\n';
	text[--at] = '\r';
	do {
		text[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	text[--at] = mark;
	nv_buf_append(out, text + at, sizeof(text) - at);
}

void nv_redis_protocol_array(struct nv_buf *out, size_t count)
{
	head(out, '*', count);
}

void nv_redis_protocol_bulk(struct nv_buf *out, const void *data, size_t size)
{
	head(out, '$', size);
	nv_buf_append(out, data, size);
	nv_buf_append(out, "\r\n", 2);
}
