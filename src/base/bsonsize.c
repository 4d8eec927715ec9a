/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a BSON value is. Knows the types' frames, nothing of what is in them.
 */
#include "config.h"

#include "base/bsonsize.h"

#include <bson/bson.h>
#include <string.h>

uint32_t nv_le32(const uint8_t *data)
{
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
	       (uint32_t)data[3] << 24;
}

/* Bytes of a string value (length, text, NUL) that begins at data, or 0. */
static size_t string_size(const uint8_t *data, size_t room)
{
	if (room < 5) {
		return 0;
	}
	size_t size = nv_le32(data);
	if (size < 1 || size > room - 4 || data[4 + size - 1] != 0) {
		return 0;
	}
	return 4 + size;
}

/* Bytes of a document that begins at data, by its own account, or 0. */
static size_t document_size(const uint8_t *data, size_t room)
{
	if (room < 5) {
		return 0;
	}
	size_t size = nv_le32(data);
	if (size < 5 || size > room || data[size - 1] != 0) {
		return 0;
	}
	return size;
}

static size_t regex_size(const uint8_t *data, size_t room)
{
	const uint8_t *end = memchr(data, 0, room);
	if (!end) {
		return 0;
	}
	size_t used = (size_t)(end - data) + 1;
	const uint8_t *options_end = memchr(data + used, 0, room - used);
	return options_end ? (size_t)(options_end - data) + 1 : 0;
}

static size_t binary_size(const uint8_t *data, size_t room)
{
	if (room < 5) {
		return 0;
	}
	size_t size = nv_le32(data);
	return size > room - 5 ? 0 : 5 + size;
}

static size_t code_size(const uint8_t *data, size_t room)
{
	if (room < 4) {
		return 0;
	}
	size_t size = nv_le32(data);
	if (size < 14 || size > room) {
		return 0;
	}
	size_t text = string_size(data + 4, size - 4);
	if (text == 0 || document_size(data + 4 + text, size - 4 - text) != size - 4 - text) {
		return 0;
	}
	return size;
}

bool nv_bson_value_size(uint8_t type, const uint8_t *data, size_t room, size_t *ret_size)
{
	size_t size = 0;
	switch (type) {
	case BSON_TYPE_UNDEFINED:
	case BSON_TYPE_NULL:
	case BSON_TYPE_MINKEY:
	case BSON_TYPE_MAXKEY:
		*ret_size = 0;
		return true;
	case BSON_TYPE_BOOL:
		size = 1;
		break;
	case BSON_TYPE_INT32:
		size = 4;
		break;
	case BSON_TYPE_DOUBLE:
	case BSON_TYPE_DATE_TIME:
	case BSON_TYPE_TIMESTAMP:
	case BSON_TYPE_INT64:
		size = 8;
		break;
	case BSON_TYPE_OID:
		size = 12;
		break;
	case BSON_TYPE_DECIMAL128:
		size = 16;
		break;
	case BSON_TYPE_UTF8:
	case BSON_TYPE_CODE:
	case BSON_TYPE_SYMBOL:
		size = string_size(data, room);
		break;
	case BSON_TYPE_DOCUMENT:
	case BSON_TYPE_ARRAY:
		size = document_size(data, room);
		break;
	case BSON_TYPE_BINARY:
		size = binary_size(data, room);
		break;
	case BSON_TYPE_REGEX:
		size = regex_size(data, room);
		break;
	case BSON_TYPE_DBPOINTER:
		size = string_size(data, room);
		size = size > 0 ? size + 12 : 0;
		break;
	case BSON_TYPE_CODEWSCOPE:
		size = code_size(data, room);
		break;
	default:
		return false;
	}
	*ret_size = size;
	return size > 0 && size <= room;
}
