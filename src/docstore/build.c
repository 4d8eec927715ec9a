/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents built as bytes (build.h).
 */
#include "config.h"

#include "docstore/build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { POSITION_SIZE = 24, MS_BITS = 32 };

static void put_le64(uint8_t bytes[8], uint64_t number)
{
	nv_put_le32(bytes, (uint32_t)number);
	nv_put_le32(bytes + 4, (uint32_t)(number >> MS_BITS));
}

size_t nv_build_open(struct nv_buf *out, bson_type_t type, const char *key)
{
	nv_buf_putc(out, (char)type);
	nv_buf_append(out, key, strlen(key) + 1);
	return nv_bval_begin(out);
}

size_t nv_build_open_at(struct nv_buf *out, bson_type_t type, size_t position)
{
	char key[POSITION_SIZE];
	(void)snprintf(key, sizeof(key), "%zu", position);
	return nv_build_open(out, type, key);
}

void nv_build_value(struct nv_buf *out, const char *key, const struct nv_bval *value)
{
	nv_bval_put(out, key, strlen(key), value);
}

void nv_build_value_at(struct nv_buf *out, size_t position, const struct nv_bval *value)
{
	char key[POSITION_SIZE];
	(void)snprintf(key, sizeof(key), "%zu", position);
	nv_build_value(out, key, value);
}

void nv_build_int32(struct nv_buf *out, const char *key, int32_t number)
{
	uint8_t bytes[4];
	nv_put_le32(bytes, (uint32_t)number);
	nv_build_value(out, key, &(struct nv_bval){ BSON_TYPE_INT32, bytes, sizeof(bytes) });
}

void nv_build_int64(struct nv_buf *out, const char *key, int64_t number)
{
	uint8_t bytes[8];
	put_le64(bytes, (uint64_t)number);
	nv_build_value(out, key, &(struct nv_bval){ BSON_TYPE_INT64, bytes, sizeof(bytes) });
}

void nv_build_bool(struct nv_buf *out, const char *key, bool value)
{
	uint8_t byte = value;
	nv_build_value(out, key, &(struct nv_bval){ BSON_TYPE_BOOL, &byte, 1 });
}

void nv_build_null(struct nv_buf *out, const char *key)
{
	nv_build_value(out, key, &(struct nv_bval){ BSON_TYPE_NULL, (const uint8_t *)"", 0 });
}

void nv_build_utf8(struct nv_buf *out, const char *key, const char *text)
{
	uint8_t size[4];
	nv_put_le32(size, (uint32_t)strlen(text) + 1);
	nv_buf_putc(out, BSON_TYPE_UTF8);
	nv_buf_append(out, key, strlen(key) + 1);
	nv_buf_append(out, size, sizeof(size));
	nv_buf_append(out, text, strlen(text) + 1);
}

void nv_build_date(struct nv_buf *out, const char *key, int64_t ms)
{
	uint8_t bytes[8];
	put_le64(bytes, (uint64_t)ms);
	nv_build_value(out, key, &(struct nv_bval){ BSON_TYPE_DATE_TIME, bytes, sizeof(bytes) });
}

void nv_build_binary(struct nv_buf *out, const char *key, const void *data, size_t size)
{
	uint8_t bytes[4];
	nv_put_le32(bytes, (uint32_t)size);
	nv_buf_putc(out, BSON_TYPE_BINARY);
	nv_buf_append(out, key, strlen(key) + 1);
	nv_buf_append(out, bytes, sizeof(bytes));
	nv_buf_putc(out, BSON_SUBTYPE_BINARY);
	nv_buf_append(out, data, size);
}

struct nv_bval nv_build_doc(const struct nv_buf *buf)
{
	return (struct nv_bval){ BSON_TYPE_DOCUMENT, (const uint8_t *)buf->data, buf->len };
}

int nv_build_view(const struct nv_buf *buf, bson_t *ret_view, struct nv_err *err)
{
	if (nv_buf_error(buf) ||
	    !bson_init_static(ret_view, (const uint8_t *)buf->data, buf->len)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}
