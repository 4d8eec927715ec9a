/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring of reads, newest last, looked through by path hash. Small on purpose: a save asks it once.
 */
#include "config.h"

#include "save/base.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BASES_MAX 4096              /* reads remembered */
#define BASES_TEXT_MAX (64UL << 20) /* bytes of text they may hold */

#define COMMIT_TID ((pid_t)-1)

struct read_record {
	char *path; /* owned */
	/* who read; COMMIT_TID: a commit by uid, whoever of its processes made it */
	pid_t tid;
	uid_t uid;
	uint64_t sequence; /* of the record */
	/* when, since boot: a process that started later is another one with the same pid */
	unsigned long long ticks;
	struct nv_blob *blob; /* owned reference; NULL = free */
};

struct nv_bases {
	pthread_mutex_t lock;
	/* lock; CRC of each path, apart so that a search touches little memory */
	uint32_t hashes[BASES_MAX];
	struct read_record ring[BASES_MAX]; /* lock */
	uint64_t sequence;                  /* lock; of the newest record */
	size_t next;                        /* lock; where the next record goes */
	size_t text_bytes;                  /* lock; sum of blob sizes */
};

int nv_bases_new(struct nv_bases **ret_bases)
{
	struct nv_bases *bases = calloc(1, sizeof(*bases));
	if (!bases) {
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&bases->lock, NULL);
	*ret_bases = bases;
	return 0;
}

static void forget(struct nv_bases *bases, struct read_record *record)
{
	if (!record->blob) {
		return;
	}
	bases->text_bytes -= record->blob->size;
	nv_blob_unref(record->blob);
	free(record->path);
	*record = (struct read_record){ 0 };
}

void nv_bases_free(struct nv_bases *bases)
{
	if (!bases) {
		return;
	}
	for (size_t i = 0; i < BASES_MAX; i++) {
		forget(bases, &bases->ring[i]);
	}
	(void)pthread_mutex_destroy(&bases->lock);
	free(bases);
}

static bool matches(const struct nv_bases *bases, size_t i, uint32_t hash, const char *path)
{
	return bases->hashes[i] == hash && bases->ring[i].blob &&
	       strcmp(bases->ring[i].path, path) == 0;
}

static unsigned long long boot_ticks(void)
{
	struct timespec now = { 0, 0 };
	unsigned long long hz = (unsigned long long)sysconf(_SC_CLK_TCK);
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (unsigned long long)now.tv_sec * hz +
	       (unsigned long long)now.tv_nsec / (1000000000ULL / hz);
}

/* True when the record was made by a thread of proc. Threads other than the first are resolved only
 * here: a read costs no look into /proc. */
static bool read_by(const struct read_record *record, struct nv_proc proc)
{
	if (record->tid == COMMIT_TID || record->ticks < proc.start) {
		return false;
	}
	return record->tid == proc.tgid || nv_proc_equal(nv_proc_of(record->tid), proc);
}

/* Remembers; lock held. */
static void record_read(struct nv_bases *bases, const char *path, uint32_t hash, pid_t tid,
                        uid_t uid, struct nv_blob *blob)
{
	char *copy = strdup(path);
	if (!copy) {
		return;
	}
	for (size_t i = 0; i < BASES_MAX; i++) {
		if (matches(bases, i, hash, path) && bases->ring[i].tid == tid &&
		    (tid != COMMIT_TID || bases->ring[i].uid == uid)) {
			forget(bases, &bases->ring[i]);
		}
	}
	size_t drop = bases->next;
	while (bases->text_bytes + blob->size > BASES_TEXT_MAX && bases->text_bytes > 0) {
		forget(bases, &bases->ring[drop]);
		drop = (drop + 1) % BASES_MAX;
	}
	struct read_record *record = &bases->ring[bases->next];
	forget(bases, record);
	*record = (struct read_record){ copy,         tid,
		                        uid,          ++bases->sequence,
		                        boot_ticks(), nv_blob_ref(blob) };
	bases->hashes[bases->next] = hash;
	bases->text_bytes += blob->size;
	bases->next = (bases->next + 1) % BASES_MAX;
}

void nv_bases_record(struct nv_bases *bases, const char *path, pid_t tid, uid_t uid,
                     struct nv_blob *blob)
{
	(void)pthread_mutex_lock(&bases->lock);
	record_read(bases, path, nv_crc32(path, strlen(path)), tid, uid, blob);
	(void)pthread_mutex_unlock(&bases->lock);
}

struct nv_blob *nv_bases_find(struct nv_bases *bases, const char *path, struct nv_proc proc,
                              uid_t uid, uint64_t since)
{
	uint32_t hash = nv_crc32(path, strlen(path));
	struct nv_blob *read = NULL;
	struct nv_blob *own = NULL;
	(void)pthread_mutex_lock(&bases->lock);
	for (size_t n = 0; n < BASES_MAX && !read; n++) {
		size_t i = (bases->next + BASES_MAX - 1 - n) % BASES_MAX;
		const struct read_record *record = &bases->ring[i];
		if (!matches(bases, i, hash, path)) {
			continue;
		}
		if (proc.tgid > 0 && read_by(record, proc)) {
			read = record->blob;
		} else if (!own && record->tid == COMMIT_TID && record->uid == uid &&
		           record->sequence > since) {
			own = record->blob;
		}
	}
	struct nv_blob *found = nv_blob_ref(read ? read : own);
	(void)pthread_mutex_unlock(&bases->lock);
	return found;
}

void nv_bases_committed(struct nv_bases *bases, const char *path, uid_t uid, struct nv_blob *blob)
{
	uint32_t hash = nv_crc32(path, strlen(path));
	(void)pthread_mutex_lock(&bases->lock);
	for (size_t i = 0; i < BASES_MAX; i++) {
		struct read_record *record = &bases->ring[i];
		if (!matches(bases, i, hash, path) || record->uid != uid) {
			continue;
		}
		if (!blob) {
			forget(bases, record);
			continue;
		}
		bases->text_bytes += blob->size;
		bases->text_bytes -= record->blob->size;
		struct nv_blob *old = record->blob;
		record->blob = nv_blob_ref(blob);
		nv_blob_unref(old);
	}
	if (blob) {
		record_read(bases, path, hash, COMMIT_TID, uid, blob);
	}
	(void)pthread_mutex_unlock(&bases->lock);
}

uint64_t nv_bases_now(struct nv_bases *bases)
{
	(void)pthread_mutex_lock(&bases->lock);
	uint64_t now = bases->sequence;
	(void)pthread_mutex_unlock(&bases->lock);
	return now;
}
