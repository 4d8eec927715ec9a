/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory that lives and dies together: the strings, values and documents that the queries and
 * writes of one operation point to.
 *
 * Not thread-safe. Out of memory is sticky: nv_arena_error() says -ENOMEM; check once before use.
 */
#ifndef NV_NETGOAT_ARENA_H
#define NV_NETGOAT_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

struct nv_arena_block;

struct nv_arena {
	struct nv_arena_block *blocks; /* owned; newest first */
	bool failed;                   /* an allocation failed */
};

#define NV_ARENA_INIT                                                                              \
	{                                                                                          \
		NULL, false                                                                        \
	}

/* Frees everything; *arena is then empty and usable again. */
void nv_arena_release(struct nv_arena *arena);

/* Zeroed memory for any type; NULL when out of memory. */
void *nv_arena_alloc(struct nv_arena *arena, size_t count, size_t size);

/* Grows an array of *cap elements (doubling) to hold count + 1, copying; the old memory stays.
 * *items may be NULL. 0 or -ENOMEM. */
int nv_arena_grow(struct nv_arena *arena, void **items, size_t count, size_t *cap, size_t size);

/* A copy of size bytes with a NUL behind. */
char *nv_arena_strndup(struct nv_arena *arena, const char *text, size_t size);
char *nv_arena_strdup(struct nv_arena *arena, const char *text);
char *nv_arena_printf(struct nv_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The value iter stands on, deeply copied. */
const bson_value_t *nv_arena_value(struct nv_arena *arena, const bson_iter_t *iter);
const bson_value_t *nv_arena_value_copy(struct nv_arena *arena, const bson_value_t *value);

/* A string value; text is copied. */
const bson_value_t *nv_arena_utf8(struct nv_arena *arena, const char *text, size_t size);
const bson_value_t *nv_arena_date(struct nv_arena *arena, int64_t ms);
const bson_value_t *nv_arena_null(struct nv_arena *arena);

/* An empty document that the arena owns; NULL when out of memory. */
bson_t *nv_arena_bson(struct nv_arena *arena);

/* Gives doc (may be NULL) to the arena and returns it; NULL (doc destroyed) when out of memory. */
bson_t *nv_arena_keep(struct nv_arena *arena, bson_t *doc);

/* 0, or -ENOMEM when an allocation was lost. */
int nv_arena_error(const struct nv_arena *arena);

#define cleanup_arena __attribute__((cleanup(nv_arena_release)))

#endif
