/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of objects and directories, with the freshness rule of DESIGN law 7 in one place.
 *
 * A snapshot is what one query said of one object or directory (a family's own struct, refcounted
 * by the family). It may answer
 *   - a listing of that object's directory: while under 1 s old (prefetched ones too);
 *   - a lookup or load of one part (a file in it): while under 1 s old AND that part was already
 *     shown from this snapshot, or the whole directory was listed from it. A prefetched snapshot
 *     nobody has seen never answers for a file: the user has a right to a fresh one.
 * A snapshot is dead once its key (or everything) was invalidated after it was sampled: generations
 * decide, so a query that was under way during an invalidation is not stored (FUSE.md 5 c).
 */
#ifndef NV_NODE_CACHE_H
#define NV_NODE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define NV_CACHE_MAX_AGE_MS 1000

struct nv_cache;

/* ref and unref work on the family's snapshot struct. max_entries bounds it (oldest go first).
 * clock borrowed. 0 or -ENOMEM. */
int nv_cache_new(struct nv_clock *clock, size_t max_entries, void *(*ref)(void *snapshot),
                 void (*unref)(void *snapshot), struct nv_cache **ret_cache);
void nv_cache_free(struct nv_cache *cache);

/* Sample this before sending a query; give it to nv_cache_put with the answer. */
struct nv_cache_stamp {
	uint64_t generation; /* of the whole cache */
	int64_t sampled_ms;
};
struct nv_cache_stamp nv_cache_stamp(struct nv_cache *cache);

/* Stores a snapshot (a reference is taken) unless key or everything was invalidated since the
 * stamp. prefetched: nobody asked for it yet; else part (NULL = the listing) counts as shown. 0 or
 * -ENOMEM (then simply not cached). */
int nv_cache_put(struct nv_cache *cache, const char *key, size_t key_size, void *snapshot,
                 struct nv_cache_stamp stamp, bool prefetched, const char *part);

/* A reference to a usable snapshot, or NULL. part NULL = for a listing (marks all parts shown).
 * ret_sampled_ms may be NULL. */
void *nv_cache_get(struct nv_cache *cache, const char *key, size_t key_size, const char *part,
                   int64_t *ret_sampled_ms);

/* As nv_cache_get for a listing, but only tells whether one is there, and marks nothing: for
 * run-length read-ahead. */
bool nv_cache_has(struct nv_cache *cache, const char *key, size_t key_size);

/* As nv_cache_has, but gives a reference to the snapshot, or NULL: for questions about the object
 * itself, none of its files (does its directory exist?). */
void *nv_cache_peek(struct nv_cache *cache, const char *key, size_t key_size,
                    int64_t *ret_sampled_ms);

/* Drops one key / everything; queries under way for it are not stored. Call after every own commit,
 * with what it touched. */
void nv_cache_invalidate(struct nv_cache *cache, const char *key, size_t key_size);
void nv_cache_invalidate_all(struct nv_cache *cache);

#endif
