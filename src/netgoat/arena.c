/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list of blocks, each freed in its own way. */
#include "config.h"

#include "netgoat/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nv_arena_block {
	struct nv_arena_block *next;
	void (*release)(void *payload); /* NULL: plain memory */
	max_align_t payload[];
};

void nv_arena_release(struct nv_arena *arena)
{
	struct nv_arena_block *block = arena->blocks;
	while (block) {
		struct nv_arena_block *next = block->next;
		if (block->release) {
			block->release(block->payload);
		}
		free(block);
		block = next;
	}
	*arena = (struct nv_arena)NV_ARENA_INIT;
}

static void *alloc_block(struct nv_arena *arena, size_t size, void (*release)(void *payload))
{
	struct nv_arena_block *block = NULL;
	if (size <= SIZE_MAX - sizeof(*block)) {
		block = calloc(1, sizeof(*block) + size);
	}
	if (!block) {
		arena->failed = true;
		return NULL;
	}
	block->release = release;
	block->next = arena->blocks;
	arena->blocks = block;
	return block->payload;
}

void *nv_arena_alloc(struct nv_arena *arena, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		arena->failed = true;
		return NULL;
	}
	return alloc_block(arena, bytes, NULL);
}

int nv_arena_grow(struct nv_arena *arena, void **items, size_t count, size_t *cap, size_t size)
{
	if (count < *cap) {
		return 0;
	}
	size_t wanted = *cap ? *cap * 2 : 8;
	void *grown = nv_arena_alloc(arena, wanted, size);
	if (!grown) {
		return -ENOMEM;
	}
	if (count) {
		memcpy(grown, *items, count * size);
	}
	*items = grown;
	*cap = wanted;
	return 0;
}

char *nv_arena_strndup(struct nv_arena *arena, const char *text, size_t size)
{
	char *copy = size == SIZE_MAX ? NULL : nv_arena_alloc(arena, size + 1, 1);
	if (copy && size) {
		memcpy(copy, text, size);
	}
	return copy;
}

char *nv_arena_strdup(struct nv_arena *arena, const char *text)
{
	return nv_arena_strndup(arena, text, strlen(text));
}

char *nv_arena_printf(struct nv_arena *arena, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int size = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *text = size < 0 ? NULL : nv_arena_alloc(arena, (size_t)size + 1, 1);
	if (!text) {
		arena->failed = true;
		return NULL;
	}
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)size + 1, fmt, args);
	va_end(args);
	return text;
}

static void release_value(void *payload)
{
	bson_value_destroy(payload);
}

const bson_value_t *nv_arena_value_copy(struct nv_arena *arena, const bson_value_t *value)
{
	bson_value_t *copy = alloc_block(arena, sizeof(*copy), release_value);
	if (copy) {
		bson_value_copy(value, copy);
	}
	return copy;
}

const bson_value_t *nv_arena_value(struct nv_arena *arena, const bson_iter_t *iter)
{
	bson_iter_t copy = *iter;
	return nv_arena_value_copy(arena, bson_iter_value(&copy));
}

const bson_value_t *nv_arena_utf8(struct nv_arena *arena, const char *text, size_t size)
{
	char *copy = nv_arena_strndup(arena, text, size);
	bson_value_t *value = copy ? nv_arena_alloc(arena, 1, sizeof(*value)) : NULL;
	if (value) {
		value->value_type = BSON_TYPE_UTF8;
		value->value.v_utf8.str = copy;
		value->value.v_utf8.len = (uint32_t)size;
	}
	return value;
}

const bson_value_t *nv_arena_date(struct nv_arena *arena, int64_t ms)
{
	bson_value_t *value = nv_arena_alloc(arena, 1, sizeof(*value));
	if (value) {
		value->value_type = BSON_TYPE_DATE_TIME;
		value->value.v_datetime = ms;
	}
	return value;
}

const bson_value_t *nv_arena_null(struct nv_arena *arena)
{
	bson_value_t *value = nv_arena_alloc(arena, 1, sizeof(*value));
	if (value) {
		value->value_type = BSON_TYPE_NULL;
	}
	return value;
}

static void release_bson(void *payload)
{
	bson_destroy(*(bson_t **)payload);
}

bson_t *nv_arena_keep(struct nv_arena *arena, bson_t *doc)
{
	if (!doc) {
		return NULL;
	}
	bson_t **slot = alloc_block(arena, sizeof(*slot), release_bson);
	if (!slot) {
		bson_destroy(doc);
		return NULL;
	}
	*slot = doc;
	return doc;
}

bson_t *nv_arena_bson(struct nv_arena *arena)
{
	return nv_arena_keep(arena, bson_new());
}

int nv_arena_error(const struct nv_arena *arena)
{
	return arena->failed ? -ENOMEM : 0;
}
