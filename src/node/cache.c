/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The snapshot cache. Each invalidation has a number; a snapshot is stored only if its query was
 * stamped after the latest invalidation of its key.
 *
 * An invalidated key stays as an entry without snapshot, so that an older query's answer can be
 * told when it comes. Such an entry may be evicted like any other: then `floor` rises to its
 * number, and all answers stamped before that are refused, whatever their key. That refuses too
 * much, never too little.
 */
#include "config.h"

#include "node/cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strmap.h"

/* One key. */
struct entry {
	struct entry *prev; /* older */
	struct entry *next; /* newer */
	char *key;          /* owned */
	size_t key_size;
	void *snapshot;          /* owned reference; NULL: none, or invalidated */
	int64_t sampled_ms;      /* of the snapshot */
	uint64_t invalidated_at; /* number of its latest invalidation; 0 = never */
	bool all_shown;          /* the listing was shown, so every part was */
	char **parts;            /* owned; parts shown one by one */
	size_t parts_count;
};

struct nv_cache {
	struct nv_clock *clock;        /* borrowed */
	size_t max_entries;            /* constant */
	void *(*ref)(void *snapshot);  /* constant */
	void (*unref)(void *snapshot); /* constant */
	pthread_mutex_t mutex;
	struct nv_strmap *entries; /* owned; key to struct entry; mutex */
	struct entry *oldest;      /* list of all entries in the order of their latest put or
	                              invalidation; mutex */
	struct entry *newest;      /* mutex */
	uint64_t generation;       /* number of the latest invalidation; mutex */
	uint64_t floor;            /* answers stamped before it are refused; mutex */
};

int nv_cache_new(struct nv_clock *clock, size_t max_entries, void *(*ref)(void *snapshot),
                 void (*unref)(void *snapshot), struct nv_cache **ret_cache)
{
	struct nv_cache *cache cleanup_free = calloc(1, sizeof(*cache));

	if (!cache) {
		return -ENOMEM;
	}
	cache->clock = clock;
	cache->max_entries = max_entries ? max_entries : 1;
	cache->ref = ref;
	cache->unref = unref;
	cache->entries = nv_strmap_new();
	if (!cache->entries) {
		return -ENOMEM;
	}
	if (pthread_mutex_init(&cache->mutex, NULL) != 0) {
		nv_strmap_free(cache->entries, NULL);
		return -ENOMEM;
	}
	*ret_cache = steal(&cache);
	return 0;
}

static void forget_parts(struct entry *entry)
{
	for (size_t i = 0; i < entry->parts_count; i++) {
		free(entry->parts[i]);
	}
	free(entry->parts);
	entry->parts = NULL;
	entry->parts_count = 0;
	entry->all_shown = false;
}

static void entry_free(struct nv_cache *cache, struct entry *entry)
{
	if (entry) {
		if (entry->snapshot) {
			cache->unref(entry->snapshot);
		}
		forget_parts(entry);
		free(entry->key);
		free(entry);
	}
}

static void list_free(struct nv_cache *cache, struct entry *list)
{
	while (list) {
		struct entry *next = list->next;

		entry_free(cache, list);
		list = next;
	}
}

void nv_cache_free(struct nv_cache *cache)
{
	if (cache) {
		nv_strmap_free(cache->entries, NULL);
		list_free(cache, cache->oldest);
		(void)pthread_mutex_destroy(&cache->mutex); /* nobody uses it any more */
		free(cache);
	}
}

static void unlink_entry(struct nv_cache *cache, struct entry *entry)
{
	*(entry->prev ? &entry->prev->next : &cache->oldest) = entry->next;
	*(entry->next ? &entry->next->prev : &cache->newest) = entry->prev;
	entry->prev = entry->next = NULL;
}

static void link_newest(struct nv_cache *cache, struct entry *entry)
{
	entry->prev = cache->newest;
	entry->next = NULL;
	*(cache->newest ? &cache->newest->next : &cache->oldest) = entry;
	cache->newest = entry;
}

static void take_out(struct nv_cache *cache, struct entry *entry, struct entry **list)
{
	if (entry->invalidated_at > cache->floor) {
		cache->floor = entry->invalidated_at;
	}
	(void)nv_strmap_remove(cache->entries, entry->key, entry->key_size);
	unlink_entry(cache, entry);
	entry->next = *list;
	*list = entry;
}

/* Entries looked at for age in one put: more than one, so that a cache that grew shrinks again. */
#define AGED_PER_PUT 4

/* Takes out the oldest entry when there are too many, and snapshots that are too old to be used,
 * which else would keep their memory; the caller frees the list outside the mutex. */
static struct entry *evict(struct nv_cache *cache, int64_t now_ms)
{
	struct entry *list = NULL;
	struct entry *entry = cache->oldest;

	for (int i = 0; i < AGED_PER_PUT && entry; i++) {
		struct entry *newer = entry->next;

		if (entry->snapshot && now_ms - entry->sampled_ms >= NV_CACHE_MAX_AGE_MS) {
			take_out(cache, entry, &list);
		}
		entry = newer;
	}
	if (nv_strmap_count(cache->entries) > cache->max_entries) {
		take_out(cache, cache->oldest, &list);
	}
	return list;
}

/* The entry of key, made when there is none; it becomes the newest. NULL when out of memory. */
static struct entry *touch_entry(struct nv_cache *cache, const char *key, size_t key_size)
{
	struct entry *entry = nv_strmap_get(cache->entries, key, key_size);

	if (entry) {
		unlink_entry(cache, entry);
		link_newest(cache, entry);
		return entry;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry) {
		return NULL;
	}
	entry->key = malloc(key_size + 1);
	if (!entry->key || nv_strmap_set(cache->entries, key, key_size, entry, NULL) < 0) {
		free(entry->key);
		free(entry);
		return NULL;
	}
	memcpy(entry->key, key, key_size);
	entry->key[key_size] = '\0';
	entry->key_size = key_size;
	link_newest(cache, entry);
	return entry;
}

static bool is_shown(const struct entry *entry, const char *part)
{
	if (entry->all_shown) {
		return true;
	}
	for (size_t i = 0; i < entry->parts_count; i++) {
		if (strcmp(entry->parts[i], part) == 0) {
			return true;
		}
	}
	return false;
}

/* Notes that part (NULL = the listing) was shown. A part that memory does not suffice for is asked
 * for again, no more. */
static void mark_shown(struct entry *entry, const char *part)
{
	if (!part) {
		entry->all_shown = true;
		return;
	}
	if (is_shown(entry, part)) {
		return;
	}

	char **parts = realloc(entry->parts, (entry->parts_count + 1) * sizeof(*parts));

	if (!parts) {
		return;
	}
	entry->parts = parts;
	parts[entry->parts_count] = strdup(part);
	if (parts[entry->parts_count]) {
		entry->parts_count++;
	}
}

struct nv_cache_stamp nv_cache_stamp(struct nv_cache *cache)
{
	struct nv_cache_stamp stamp = { .sampled_ms = nv_clock_ms(cache->clock) };

	(void)pthread_mutex_lock(&cache->mutex);
	stamp.generation = cache->generation;
	(void)pthread_mutex_unlock(&cache->mutex);
	return stamp;
}

/* Stores under the lock. What it replaces is left in *ret_old for the caller to drop. */
static int put_locked(struct nv_cache *cache, const char *key, size_t key_size, void *snapshot,
                      struct nv_cache_stamp stamp, bool prefetched, const char *part,
                      void **ret_old)
{
	struct entry *entry = nv_strmap_get(cache->entries, key, key_size);

	if (stamp.generation < cache->floor ||
	    (entry && stamp.generation < entry->invalidated_at)) {
		return 0;
	}
	/* An answer that was overtaken by a newer one does not replace it, and what was shown of it
	 * is not what is stored. */
	if (entry && entry->snapshot && entry->sampled_ms > stamp.sampled_ms) {
		return 0;
	}
	entry = touch_entry(cache, key, key_size);
	if (!entry) {
		return -ENOMEM;
	}
	if (entry->snapshot != snapshot) {
		*ret_old = entry->snapshot;
		entry->snapshot = cache->ref(snapshot);
		entry->sampled_ms = stamp.sampled_ms;
		forget_parts(entry);
	}
	if (!prefetched) {
		mark_shown(entry, part);
	}
	return 0;
}

int nv_cache_put(struct nv_cache *cache, const char *key, size_t key_size, void *snapshot,
                 struct nv_cache_stamp stamp, bool prefetched, const char *part)
{
	int64_t now_ms = nv_clock_ms(cache->clock);
	void *old = NULL;

	(void)pthread_mutex_lock(&cache->mutex);

	int r = put_locked(cache, key, key_size, snapshot, stamp, prefetched, part, &old);
	struct entry *evicted = evict(cache, now_ms);

	(void)pthread_mutex_unlock(&cache->mutex);
	if (old) {
		cache->unref(old);
	}
	list_free(cache, evicted);
	return r;
}

/* The entry of key when its snapshot is young enough to be used at all. */
static struct entry *find_fresh(struct nv_cache *cache, const char *key, size_t key_size,
                                int64_t now_ms)
{
	struct entry *entry = nv_strmap_get(cache->entries, key, key_size);

	if (!entry || !entry->snapshot || now_ms - entry->sampled_ms >= NV_CACHE_MAX_AGE_MS) {
		return NULL;
	}
	return entry;
}

void *nv_cache_get(struct nv_cache *cache, const char *key, size_t key_size, const char *part,
                   int64_t *ret_sampled_ms)
{
	int64_t now_ms = nv_clock_ms(cache->clock);
	void *snapshot = NULL;

	(void)pthread_mutex_lock(&cache->mutex);

	struct entry *entry = find_fresh(cache, key, key_size, now_ms);

	if (entry && (!part || is_shown(entry, part))) {
		mark_shown(entry, part);
		snapshot = cache->ref(entry->snapshot);
		if (ret_sampled_ms) {
			*ret_sampled_ms = entry->sampled_ms;
		}
	}
	(void)pthread_mutex_unlock(&cache->mutex);
	return snapshot;
}

bool nv_cache_has(struct nv_cache *cache, const char *key, size_t key_size)
{
	int64_t now_ms = nv_clock_ms(cache->clock);

	(void)pthread_mutex_lock(&cache->mutex);

	bool has = find_fresh(cache, key, key_size, now_ms) != NULL;

	(void)pthread_mutex_unlock(&cache->mutex);
	return has;
}

void *nv_cache_peek(struct nv_cache *cache, const char *key, size_t key_size,
                    int64_t *ret_sampled_ms)
{
	int64_t now_ms = nv_clock_ms(cache->clock);
	void *snapshot = NULL;

	(void)pthread_mutex_lock(&cache->mutex);

	struct entry *entry = find_fresh(cache, key, key_size, now_ms);

	if (entry) {
		snapshot = cache->ref(entry->snapshot);
		if (ret_sampled_ms) {
			*ret_sampled_ms = entry->sampled_ms;
		}
	}
	(void)pthread_mutex_unlock(&cache->mutex);
	return snapshot;
}

void nv_cache_invalidate(struct nv_cache *cache, const char *key, size_t key_size)
{
	int64_t now_ms = nv_clock_ms(cache->clock);
	void *old = NULL;

	(void)pthread_mutex_lock(&cache->mutex);
	cache->generation++;

	struct entry *entry = touch_entry(cache, key, key_size);

	if (entry) {
		entry->invalidated_at = cache->generation;
		old = steal(&entry->snapshot);
		forget_parts(entry);
	} else {
		/* No memory to remember this one key by: refuse all that is under way. The key has
		 * no entry, so nothing stale is stored. */
		cache->floor = cache->generation;
	}

	struct entry *evicted = evict(cache, now_ms);

	(void)pthread_mutex_unlock(&cache->mutex);
	if (old) {
		cache->unref(old);
	}
	list_free(cache, evicted);
}

void nv_cache_invalidate_all(struct nv_cache *cache)
{
	(void)pthread_mutex_lock(&cache->mutex);
	cache->floor = ++cache->generation;

	struct entry *list = steal(&cache->oldest);

	cache->newest = NULL;
	for (struct entry *entry = list; entry; entry = entry->next) {
		(void)nv_strmap_remove(cache->entries, entry->key, entry->key_size);
	}
	(void)pthread_mutex_unlock(&cache->mutex);
	list_free(cache, list);
}
