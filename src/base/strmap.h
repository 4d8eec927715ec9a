/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash map from byte strings (copied) to pointers (borrowed). Not thread-safe: the owner locks.
 */
#ifndef NV_BASE_STRMAP_H
#define NV_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>

struct nv_strmap;

/* Owns: free with nv_strmap_free. NULL when out of memory. */
struct nv_strmap *nv_strmap_new(void);

/* Frees the map; free_value (may be NULL) is called on each value. map may be NULL. */
void nv_strmap_free(struct nv_strmap *map, void (*free_value)(void *value));

/* Sets key to value (not NULL); *ret_old (may be NULL) gets the value replaced or NULL. 0 or
 * -ENOMEM. */
int nv_strmap_set(struct nv_strmap *map, const void *key, size_t key_size, void *value,
                  void **ret_old);

/* The value of key, or NULL. */
void *nv_strmap_get(const struct nv_strmap *map, const void *key, size_t key_size);

/* Takes key out and returns its value, or NULL. */
void *nv_strmap_remove(struct nv_strmap *map, const void *key, size_t key_size);

/* Number of keys. */
size_t nv_strmap_count(const struct nv_strmap *map);

/* Walks all keys in no order: *cursor starts at 0; false at the end. Removing the key just returned
 * is allowed, setting is not. */
bool nv_strmap_next(const struct nv_strmap *map, size_t *cursor, const char **ret_key,
                    size_t *ret_key_size, void **ret_value);

#endif
