/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing. A removed key leaves a tombstone until the next growth, so
 * that a walk may remove the key it stands on.
 */
#include "config.h"

#include "base/strmap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 16, INSIDE_MAX = sizeof(char *) - 1 };

#define KEY_MAX ((size_t)1 << 30)
#define COUNT_MAX ((size_t)1 << 31) /* slots: a slot has 32 bits of the hash */

/* FREE must be 0. */
enum state { FREE, TOMBSTONE, OUTSIDE, INSIDE };

/* 24 bytes, since a mount may have a map of every document. */
struct slot {
	uint32_t hash;
	unsigned key_size : 30;
	unsigned state : 2; /* enum state */
	union {
		char *outside;               /* owned */
		char inside[INSIDE_MAX + 1]; /* a short key, with its NUL */
	} key;
	void *value; /* borrowed */
};

struct nv_strmap {
	struct slot *slots; /* a power of two of them */
	size_t slots_count;
	size_t used;   /* keys */
	size_t filled; /* keys and tombstones */
};

/* FNV-1a, then mixed, because linear probing looks at the low bits. */
static uint32_t hash_bytes(const void *data, size_t size)
{
	const unsigned char *bytes = data;
	uint64_t hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001B3);
	}
	hash = (hash ^ (hash >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
	return (uint32_t)(hash ^ (hash >> 29));
}

static bool has_key(const struct slot *slot)
{
	return slot->state == OUTSIDE || slot->state == INSIDE;
}

static const char *key_of(const struct slot *slot)
{
	return slot->state == INSIDE ? slot->key.inside : slot->key.outside;
}

static void free_key(struct slot *slot)
{
	if (slot->state == OUTSIDE) {
		free(slot->key.outside);
	}
}

struct nv_strmap *nv_strmap_new(void)
{
	return calloc(1, sizeof(struct nv_strmap));
}

void nv_strmap_free(struct nv_strmap *map, void (*free_value)(void *value))
{
	if (!map) {
		return;
	}
	for (size_t i = 0; i < map->slots_count; i++) {
		if (has_key(&map->slots[i])) {
			if (free_value) {
				free_value(map->slots[i].value);
			}
			free_key(&map->slots[i]);
		}
	}
	free(map->slots);
	free(map);
}

/* The slot of a key, or NULL. */
static struct slot *find(const struct nv_strmap *map, uint32_t hash, const void *key,
                         size_t key_size)
{
	if (map->slots_count == 0) {
		return NULL;
	}
	for (size_t i = (size_t)hash & (map->slots_count - 1);;
	     i = (i + 1) & (map->slots_count - 1)) {
		struct slot *slot = &map->slots[i];

		if (slot->state == FREE) {
			return NULL;
		}
		if (has_key(slot) && slot->hash == hash && slot->key_size == key_size &&
		    (key_size == 0 || memcmp(key_of(slot), key, key_size) == 0)) {
			return slot;
		}
	}
}

/* The slot where a key that is not there goes. */
static struct slot *find_free(struct slot *slots, size_t slots_count, uint32_t hash)
{
	size_t i = (size_t)hash & (slots_count - 1);

	while (has_key(&slots[i])) {
		i = (i + 1) & (slots_count - 1);
	}
	return &slots[i];
}

/* Makes room for one more key: at most three quarters of the slots are filled. */
static int grow(struct nv_strmap *map)
{
	if (map->slots_count > 0 && map->filled < map->slots_count / 4 * 3) {
		return 0;
	}

	size_t count = map->slots_count ? map->slots_count : FIRST_SLOTS;
	while (map->used >= count / 2) {
		if (count >= COUNT_MAX) {
			return -ENOMEM;
		}
		count *= 2;
	}
	struct slot *slots = calloc(count, sizeof(*slots));
	if (!slots) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < map->slots_count; i++) {
		if (has_key(&map->slots[i])) {
			*find_free(slots, count, map->slots[i].hash) = map->slots[i];
		}
	}
	free(map->slots);
	map->slots = slots;
	map->slots_count = count;
	map->filled = map->used;
	return 0;
}

/* Gives a slot its copy of a key. */
static int copy_key(struct slot *slot, const void *key, size_t key_size)
{
	char *copy = slot->key.inside;

	slot->state = INSIDE;
	slot->key_size = (unsigned)key_size;
	if (key_size > INSIDE_MAX) {
		copy = malloc(key_size + 1);
		if (!copy) {
			return -ENOMEM;
		}
		slot->state = OUTSIDE;
		slot->key.outside = copy;
	}
	if (key_size > 0) {
		memcpy(copy, key, key_size);
	}
	copy[key_size] = '\0';
	return 0;
}

int nv_strmap_set(struct nv_strmap *map, const void *key, size_t key_size, void *value,
                  void **ret_old)
{
	uint32_t hash = hash_bytes(key, key_size);
	struct slot *slot = find(map, hash, key, key_size);

	if (slot) {
		if (ret_old) {
			*ret_old = slot->value;
		}
		slot->value = value;
		return 0;
	}
	struct slot made = { .hash = hash, .value = value };
	if (key_size >= KEY_MAX || grow(map) != 0 || copy_key(&made, key, key_size) != 0) {
		return -ENOMEM;
	}
	slot = find_free(map->slots, map->slots_count, hash);
	if (slot->state != TOMBSTONE) {
		map->filled++;
	}
	*slot = made;
	map->used++;
	if (ret_old) {
		*ret_old = NULL;
	}
	return 0;
}

void *nv_strmap_get(const struct nv_strmap *map, const void *key, size_t key_size)
{
	struct slot *slot = find(map, hash_bytes(key, key_size), key, key_size);

	return slot ? slot->value : NULL;
}

void *nv_strmap_remove(struct nv_strmap *map, const void *key, size_t key_size)
{
	struct slot *slot = find(map, hash_bytes(key, key_size), key, key_size);

	if (!slot) {
		return NULL;
	}
	void *value = slot->value;
	free_key(slot);
	*slot = (struct slot){ .state = TOMBSTONE };
	map->used--;
	return value;
}

size_t nv_strmap_count(const struct nv_strmap *map)
{
	return map->used;
}

bool nv_strmap_next(const struct nv_strmap *map, size_t *cursor, const char **ret_key,
                    size_t *ret_key_size, void **ret_value)
{
	for (; *cursor < map->slots_count; (*cursor)++) {
		const struct slot *slot = &map->slots[*cursor];

		if (!has_key(slot)) {
			continue;
		}
		if (ret_key) {
			*ret_key = key_of(slot);
		}
		if (ret_key_size) {
			*ret_key_size = slot->key_size;
		}
		if (ret_value) {
			*ret_value = slot->value;
		}
		(*cursor)++;
		return true;
	}
	return false;
}
