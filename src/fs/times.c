/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two open-addressing tables of small records that only grow: names to numbers, numbers to times.
 * Small, since a mount may be shown every document: a name is 16 bytes, and a file has times only
 * once they were shown.
 */
#include "config.h"

#include "fs/times.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fs/hash.h"

#define NO_STAMP_SECONDS (1U << 25) /* DESIGN 2: 1970-01-01 + crc32(text) mod 2^25 */

/* What both tables have, first. */
struct key {
	uint64_t key; /* 0 = free. Names: hash of (dir, name). Times: ino */
};

struct name {
	struct key key;
	uint64_t ino;
};

struct record {
	struct key key;
	struct timespec mtime; /* as last shown */
	int64_t stamp_s;       /* seconds of the store's stamp when shown; 0 = none */
	uint32_t crc;          /* of the text or the names shown */
	uint32_t stamp_ns;
};

struct table {
	char *records;      /* owned */
	size_t record_size; /* struct name or struct record */
	size_t cap;         /* a power of two */
	size_t count;
};

struct nv_times {
	struct nv_clock *clock;
	pthread_mutex_t lock;
	struct table names; /* lock */
	struct table times; /* lock */
	uint64_t next_ino;  /* lock */
	unsigned dirs_set;  /* lock; counts nv_times_set_dir */
	struct timespec mounted;
	bool fingerprints;
};

int nv_times_new(struct nv_clock *clock, bool fingerprints, struct nv_times **ret_times)
{
	struct nv_times *times = calloc(1, sizeof(*times));
	if (!times) {
		return -ENOMEM;
	}
	times->clock = clock;
	times->fingerprints = fingerprints;
	times->next_ino = 2;
	times->names.record_size = sizeof(struct name);
	times->times.record_size = sizeof(struct record);
	times->mounted = nv_clock_wall(clock);
	(void)pthread_mutex_init(&times->lock, NULL);
	*ret_times = times;
	return 0;
}

void nv_times_free(struct nv_times *times)
{
	if (!times) {
		return;
	}
	free(times->names.records);
	free(times->times.records);
	(void)pthread_mutex_destroy(&times->lock);
	free(times);
}

/* 0 is no key. */
static uint64_t name_key(uint64_t dir, const char *name)
{
	uint64_t hash = nv_hash_name(dir, name);
	return hash ? hash : 1;
}

static struct key *record_at(const struct table *table, size_t at)
{
	return (struct key *)(void *)(table->records + at * table->record_size);
}

/* The record of a key, or the free one where it belongs. */
static struct key *probe(const struct table *table, uint64_t key)
{
	size_t at = nv_hash_number(key) & (table->cap - 1);
	struct key *record = record_at(table, at);
	while (record->key != 0 && record->key != key) {
		at = (at + 1) & (table->cap - 1);
		record = record_at(table, at);
	}
	return record;
}

static int grow(struct table *table)
{
	struct table bigger = { .record_size = table->record_size,
		                .cap = table->cap ? table->cap * 2 : 1024,
		                .count = table->count };
	bigger.records = calloc(bigger.cap, bigger.record_size);
	if (!bigger.records) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < table->cap; i++) {
		const struct key *record = record_at(table, i);
		if (record->key != 0) {
			memcpy(probe(&bigger, record->key), record, table->record_size);
		}
	}
	free(table->records);
	*table = bigger;
	return 0;
}

/* The record of a key; a new one is zeroed but for its key. NULL when out of memory. */
static void *find(struct table *table, uint64_t key)
{
	if ((table->count + 1) * 4 > table->cap * 3 && grow(table) < 0) {
		return NULL;
	}
	struct key *record = probe(table, key);
	if (record->key == 0) {
		record->key = key;
		table->count++;
	}
	return record;
}

uint64_t nv_times_ino(struct nv_times *times, uint64_t dir, const char *name)
{
	(void)pthread_mutex_lock(&times->lock);
	struct name *known = find(&times->names, name_key(dir, name));
	uint64_t ino = known && known->ino ? known->ino : times->next_ino++;
	if (known) {
		known->ino = ino;
	}
	(void)pthread_mutex_unlock(&times->lock);
	return ino;
}

static void show(struct record *record, struct timespec mtime, uint32_t crc, bool stamped,
                 struct timespec stamp)
{
	record->mtime = mtime;
	record->crc = crc;
	record->stamp_s = stamped ? stamp.tv_sec : 0;
	record->stamp_ns = stamped ? (uint32_t)stamp.tv_nsec : 0;
}

static struct timespec fingerprint(uint32_t crc)
{
	return (struct timespec){ crc % NO_STAMP_SECONDS, 0 };
}

static bool is_shown(const struct record *record)
{
	return record->mtime.tv_sec != 0 || record->mtime.tv_nsec != 0 || record->crc != 0;
}

struct timespec nv_times_file(struct nv_times *times, uint64_t ino, uint32_t crc, bool stamped,
                              struct timespec stamp)
{
	stamped = stamped && !times->fingerprints;
	struct timespec mtime = stamped ? stamp : fingerprint(crc);
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record) {
		bool same_stamp = stamped ? record->stamp_s == stamp.tv_sec &&
		                                    record->stamp_ns == (uint32_t)stamp.tv_nsec
		                          : record->stamp_s == 0;
		if (is_shown(record) && same_stamp && record->crc == crc) {
			mtime = record->mtime; /* nothing happened: a time set by a user stays */
		} else if (is_shown(record) && same_stamp && !times->fingerprints) {
			mtime = nv_clock_wall(times->clock); /* changed, and nobody recorded when */
		}
		show(record, mtime, crc, stamped, stamp);
	}
	(void)pthread_mutex_unlock(&times->lock);
	return mtime;
}

struct timespec nv_times_dir(struct nv_times *times, uint64_t ino)
{
	struct timespec mtime = times->mounted;
	(void)pthread_mutex_lock(&times->lock);
	const struct record *record = times->times.cap ? (void *)probe(&times->times, ino) : NULL;
	if (record && record->key.key && is_shown(record)) {
		mtime = record->mtime;
	}
	(void)pthread_mutex_unlock(&times->lock);
	return mtime;
}

struct timespec nv_times_listed(struct nv_times *times, uint64_t ino, uint32_t crc)
{
	struct timespec mtime = times->mounted;
	crc = crc ? crc : 1;
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record) {
		if (!is_shown(record)) {
			record->mtime = mtime;
		} else if (record->crc != crc && record->crc != 0) {
			struct timespec now = nv_clock_wall(times->clock);
			/* Two changes within one tick must still be two times. */
			if (now.tv_sec == record->mtime.tv_sec &&
			    now.tv_nsec <= record->mtime.tv_nsec) {
				now.tv_nsec = record->mtime.tv_nsec + 1;
			}
			record->mtime = now;
		}
		record->crc = crc;
		mtime = record->mtime;
	}
	(void)pthread_mutex_unlock(&times->lock);
	return mtime;
}

void nv_times_dir_changed(struct nv_times *times, uint64_t ino)
{
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record && record->crc == 0) { /* else the next look at its names tells */
		record->mtime = nv_clock_wall(times->clock);
	}
	(void)pthread_mutex_unlock(&times->lock);
}

void nv_times_set(struct nv_times *times, uint64_t ino, uint32_t crc, struct timespec mtime)
{
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record) {
		record->mtime = mtime;
		record->crc = crc ? crc : record->crc;
	}
	(void)pthread_mutex_unlock(&times->lock);
}

void nv_times_set_dir(struct nv_times *times, uint64_t ino, struct timespec mtime)
{
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record) {
		mtime.tv_nsec = mtime.tv_nsec / 1000 * 1000 + times->dirs_set++ % 1000;
		record->mtime = mtime;
	}
	(void)pthread_mutex_unlock(&times->lock);
}

void nv_times_stored(struct nv_times *times, uint64_t ino, uint32_t crc, bool stamped,
                     struct timespec stamp, const struct timespec *asked)
{
	stamped = stamped && !times->fingerprints;
	struct timespec mtime = asked                 ? *asked
	                        : stamped             ? stamp
	                        : times->fingerprints ? fingerprint(crc)
	                                              : nv_clock_wall(times->clock);
	(void)pthread_mutex_lock(&times->lock);
	struct record *record = find(&times->times, ino);
	if (record && (asked || stamped || !is_shown(record) || record->crc != crc)) {
		show(record, mtime, crc, stamped, stamp);
	}
	(void)pthread_mutex_unlock(&times->lock);
}

void nv_times_move(struct nv_times *times, uint64_t dir, const char *name, uint64_t to_dir,
                   const char *to_name)
{
	(void)pthread_mutex_lock(&times->lock);
	struct name *from = find(&times->names, name_key(dir, name));
	uint64_t ino = from ? from->ino : 0;
	if (from) {
		from->ino = 0; /* a later datum of that name gets a number of its own */
	}
	struct name *to = find(&times->names, name_key(to_dir, to_name));
	if (to && ino) {
		to->ino = ino;
	}
	(void)pthread_mutex_unlock(&times->lock);
}
