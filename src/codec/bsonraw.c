/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * BSON as bytes.
 */
#include "config.h"

#include "codec/bsonraw.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bsonsize.h"

int32_t nv_raw_int32(const uint8_t *bytes)
{
	uint32_t value = 0;
	memcpy(&value, bytes, sizeof(value));
	return (int32_t)BSON_UINT32_FROM_LE(value);
}

int64_t nv_raw_int64(const uint8_t *bytes)
{
	uint64_t value = 0;
	memcpy(&value, bytes, sizeof(value));
	return (int64_t)BSON_UINT64_FROM_LE(value);
}

double nv_raw_double(const uint8_t *bytes)
{
	int64_t bits = nv_raw_int64(bytes);
	double value = 0;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

int nv_raw_iter_init(struct nv_raw_iter *iter, const uint8_t *data, size_t size)
{
	if (size < 5 || nv_raw_int32(data) < 5 || (size_t)nv_raw_int32(data) != size ||
	    data[size - 1] != 0) {
		return -EINVAL;
	}
	*iter = (struct nv_raw_iter){ .data = data, .pos = 4, .end = size - 1 };
	return 0;
}

int nv_raw_iter_next(struct nv_raw_iter *iter, struct nv_raw_elem *ret_elem)
{
	if (iter->pos == iter->end) {
		return 0;
	}
	uint8_t type = iter->data[iter->pos];
	const uint8_t *key = iter->data + iter->pos + 1;
	const uint8_t *key_end = memchr(key, 0, iter->end - iter->pos - 1);
	if (type == 0 || !key_end) {
		return -EINVAL;
	}
	const uint8_t *value = key_end + 1;
	size_t left = (size_t)(iter->data + iter->end - value);
	size_t size = 0;
	if (!nv_bson_value_size(type, value, left, &size)) {
		return -EINVAL;
	}
	*ret_elem = (struct nv_raw_elem){
		.type = type,
		.key = (const char *)key,
		.key_size = (size_t)(key_end - key),
		.value = value,
		.size = size,
	};
	iter->pos = (size_t)(value - iter->data) + size;
	return 1;
}

static int check(const uint8_t *data, size_t size, int depth)
{
	struct nv_raw_iter iter;
	if (depth > NV_RAW_DEPTH_MAX || nv_raw_iter_init(&iter, data, size) < 0) {
		return -EINVAL;
	}
	struct nv_raw_elem elem;
	int r = 0;
	while ((r = nv_raw_iter_next(&iter, &elem)) > 0) {
		size_t skip = 0;
		if (elem.type == BSON_TYPE_CODEWSCOPE) {
			skip = 4 + 4 + (size_t)nv_raw_int32(elem.value + 4);
		} else if (!nv_raw_is_container(elem.type)) {
			continue;
		}
		r = check(elem.value + skip, elem.size - skip, depth + 1);
		if (r < 0) {
			break;
		}
	}
	return r;
}

int nv_raw_check(const uint8_t *data, size_t size)
{
	return check(data, size, 1);
}

size_t nv_raw_count(const uint8_t *data, size_t size)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	size_t count = 0;
	if (nv_raw_iter_init(&iter, data, size) == 0) {
		while (nv_raw_iter_next(&iter, &elem) > 0) {
			count++;
		}
	}
	return count;
}

bool nv_raw_key_is(const struct nv_raw_elem *elem, const char *key, size_t key_size)
{
	return elem->key_size == key_size && memcmp(elem->key, key, key_size) == 0;
}

size_t nv_raw_begin(struct nv_buf *buf)
{
	size_t start = buf->len;
	nv_raw_put_int32(buf, 0);
	return start;
}

void nv_raw_end(struct nv_buf *buf, size_t start)
{
	nv_buf_putc(buf, 0);
	nv_raw_set_int32(buf, start, (int32_t)(buf->len - start));
}

void nv_raw_put_key(struct nv_buf *buf, uint8_t type, const char *key, size_t key_size)
{
	nv_buf_putc(buf, (char)type);
	nv_buf_append(buf, key, key_size);
	nv_buf_putc(buf, 0);
}

void nv_raw_put(struct nv_buf *buf, const char *key, size_t key_size,
                const struct nv_raw_elem *elem)
{
	nv_raw_put_key(buf, elem->type, key, key_size);
	nv_buf_append(buf, elem->value, elem->size);
}

void nv_raw_put_int32(struct nv_buf *buf, int32_t value)
{
	uint32_t bytes = BSON_UINT32_TO_LE((uint32_t)value);
	nv_buf_append(buf, &bytes, sizeof(bytes));
}

void nv_raw_put_int64(struct nv_buf *buf, int64_t value)
{
	uint64_t bytes = BSON_UINT64_TO_LE((uint64_t)value);
	nv_buf_append(buf, &bytes, sizeof(bytes));
}

void nv_raw_put_double(struct nv_buf *buf, double value)
{
	int64_t bits = 0;
	memcpy(&bits, &value, sizeof(bits));
	nv_raw_put_int64(buf, bits);
}

void nv_raw_put_text(struct nv_buf *buf, const char *text, size_t size)
{
	nv_raw_put_int32(buf, (int32_t)(size + 1));
	nv_buf_append(buf, text, size);
	nv_buf_putc(buf, 0);
}

void nv_raw_set_int32(struct nv_buf *buf, size_t pos, int32_t value)
{
	uint32_t bytes = BSON_UINT32_TO_LE((uint32_t)value);
	if (nv_buf_error(buf) == 0) { /* else the place may not exist */
		memcpy(buf->data + pos, &bytes, sizeof(bytes));
	}
}

size_t nv_raw_index_key(size_t index, char ret_key[24])
{
	char digits[24];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + index % 10);
		index /= 10;
	} while (index > 0);
	for (size_t i = 0; i < count; i++) {
		ret_key[i] = digits[count - 1 - i];
	}
	ret_key[count] = 0;
	return count;
}

int nv_raw_value_of(const bson_iter_t *iter, struct nv_buf *buf, struct nv_raw_elem *ret_elem)
{
	/* not from iter->d1, which is no offset for types without a value */
	size_t value = iter->key + strlen(bson_iter_key(iter)) + 1;
	size_t start = nv_raw_begin(buf);
	nv_raw_put_key(buf, (uint8_t)bson_iter_type(iter), "", 0);
	nv_buf_append(buf, iter->raw + value, iter->next_off - value);
	nv_raw_end(buf, start);
	struct nv_raw_iter inner;
	if (nv_buf_error(buf) < 0 ||
	    nv_raw_iter_init(&inner, (const uint8_t *)buf->data, buf->len) < 0 ||
	    nv_raw_iter_next(&inner, ret_elem) < 1 || inner.pos != inner.end) {
		return -EINVAL;
	}
	return 0;
}

int nv_raw_to_bson(const struct nv_buf *buf, bson_t **ret_doc)
{
	if (nv_buf_error(buf) < 0) {
		return -ENOMEM;
	}
	bson_t *doc = bson_new_from_data((const uint8_t *)buf->data, buf->len);
	if (!doc) {
		return -EINVAL;
	}
	*ret_doc = doc;
	return 0;
}

/* Spreads keys that begin or end alike. Whoever makes keys collide makes sorting slower, not wrong
 * and not quadratic. */
static uint64_t hash_of(const char *key, size_t size)
{
	static const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = size * odd;
	for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
		uint64_t word = 0;
		size_t left = size - at;
		memcpy(&word, key + at, left < sizeof(word) ? left : sizeof(word));
		hash = (hash ^ word) * odd;
		hash ^= hash >> 32;
	}
	return hash;
}

void nv_raw_key_init(struct nv_raw_key *ret_key, const char *key, size_t size, size_t index)
{
	*ret_key = (struct nv_raw_key){
		.hash = hash_of(key, size), .key = key, .size = size, .index = index
	};
}

int nv_raw_key_compare(const struct nv_raw_key *a, const struct nv_raw_key *b)
{
	if (a->hash != b->hash) {
		return a->hash < b->hash ? -1 : 1;
	}
	if (a->size != b->size) {
		return a->size < b->size ? -1 : 1;
	}
	return a->size ? memcmp(a->key, b->key, a->size) : 0;
}

static int compare_keys(const void *left, const void *right)
{
	const struct nv_raw_key *a = left;
	const struct nv_raw_key *b = right;
	int order = nv_raw_key_compare(a, b);
	if (order != 0) {
		return order;
	}
	return a->index < b->index ? -1 : a->index > b->index;
}

void nv_raw_keys_sort(struct nv_raw_key *keys, size_t count)
{
	if (count > 1) {
		qsort(keys, count, sizeof(*keys), compare_keys);
	}
}

size_t nv_raw_keys_twice(struct nv_raw_key *keys, size_t count)
{
	if (count > 12) {
		nv_raw_keys_sort(keys, count);
		for (size_t i = 1; i < count; i++) {
			if (nv_raw_key_compare(&keys[i - 1], &keys[i]) == 0) {
				return i;
			}
		}
		return count;
	}
	for (size_t i = 1; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (nv_raw_key_compare(&keys[i], &keys[j]) == 0) {
				return i;
			}
		}
	}
	return count;
}
