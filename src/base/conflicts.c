/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list, oldest first. Knows texts, not what they mean.
 */
#include "config.h"

#include "base/conflicts.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

struct kept {
	struct kept *next;
	char name[NV_CONFLICT_NAME_MAX];
	char *path; /* owned */
	struct {
		char *data; /* owned; NULL = missing */
		size_t size;
	} texts[NV_CONFLICT_TEXTS];
};

struct nv_conflicts {
	struct nv_clock *clock; /* borrowed */
	pthread_mutex_t lock;
	struct kept *first; /* lock; oldest first */
	size_t count;       /* lock */
	size_t bytes;       /* lock; of all texts */
	size_t max_count;
	size_t max_bytes;
};

int nv_conflicts_new(struct nv_clock *clock, size_t max_count, size_t max_bytes,
                     struct nv_conflicts **ret_conflicts)
{
	struct nv_conflicts *conflicts = calloc(1, sizeof(*conflicts));
	if (!conflicts) {
		return -ENOMEM;
	}
	conflicts->clock = clock;
	conflicts->max_count = max_count;
	conflicts->max_bytes = max_bytes;
	(void)pthread_mutex_init(&conflicts->lock, NULL);
	*ret_conflicts = conflicts;
	return 0;
}

static size_t size_of(const struct kept *kept)
{
	size_t size = 0;
	for (size_t i = 0; i < NV_CONFLICT_TEXTS; i++) {
		size += kept->texts[i].size;
	}
	return size;
}

static void free_kept(struct kept *kept)
{
	if (!kept) {
		return;
	}
	for (size_t i = 0; i < NV_CONFLICT_TEXTS; i++) {
		free(kept->texts[i].data);
	}
	free(kept->path);
	free(kept);
}

/* Takes the one at *place out and frees it. Lock held. */
static void drop(struct nv_conflicts *conflicts, struct kept **place)
{
	struct kept *kept = *place;
	*place = kept->next;
	conflicts->count--;
	conflicts->bytes -= size_of(kept);
	free_kept(kept);
}

void nv_conflicts_free(struct nv_conflicts *conflicts)
{
	if (!conflicts) {
		return;
	}
	while (conflicts->first) {
		drop(conflicts, &conflicts->first);
	}
	(void)pthread_mutex_destroy(&conflicts->lock);
	free(conflicts);
}

/* Where the conflict of that name stands, or the end of the list. Lock held. */
static struct kept **find(struct nv_conflicts *conflicts, const char *name)
{
	struct kept **place = &conflicts->first;
	while (*place && strcmp((*place)->name, name) != 0) {
		place = &(*place)->next;
	}
	return place;
}

/* "20261124T171940.123Z-www.A.json"; "-2" and so on behind it when there is one of that name. Lock
 * held. */
static void make_name(struct nv_conflicts *conflicts, const char *path, char *name)
{
	char time[32] = "";
	struct timespec now = nv_clock_wall(conflicts->clock);
	struct tm tm;
	const char *slash = strrchr(path, '/');
	if (gmtime_r(&now.tv_sec, &tm)) {
		(void)strftime(time, sizeof(time), "%Y%m%dT%H%M%S", &tm);
	}
	int n = snprintf(name, NV_CONFLICT_NAME_MAX, "%s.%03ldZ-%.200s", time,
	                 now.tv_nsec / 1000000, slash ? slash + 1 : path);
	for (unsigned i = 2; *find(conflicts, name); i++) {
		(void)snprintf(name + n, (size_t)(NV_CONFLICT_NAME_MAX - n), "-%u", i);
	}
}

static bool is_same(const struct kept *kept, const char *path,
                    const struct nv_conflict_bytes *texts)
{
	bool same = strcmp(kept->path, path) == 0;
	for (size_t i = 0; i < NV_CONFLICT_TEXTS && same; i++) {
		same = kept->texts[i].size == texts[i].size &&
		       (kept->texts[i].data == NULL) == (texts[i].data == NULL) &&
		       (!texts[i].data ||
		        memcmp(kept->texts[i].data, texts[i].data, texts[i].size) == 0);
	}
	return same;
}

/* A copy that is in no list yet, or NULL. */
static struct kept *copy(const char *path, const struct nv_conflict_bytes *texts)
{
	struct kept *kept = calloc(1, sizeof(*kept));
	bool failed = !kept || !(kept->path = strdup(path));
	for (size_t i = 0; i < NV_CONFLICT_TEXTS && !failed; i++) {
		if (!texts[i].data) {
			continue;
		}
		kept->texts[i].data = malloc(texts[i].size + 1);
		failed = !kept->texts[i].data;
		if (!failed) {
			memcpy(kept->texts[i].data, texts[i].data, texts[i].size);
			kept->texts[i].data[texts[i].size] = '\0';
			kept->texts[i].size = texts[i].size;
		}
	}
	if (failed) {
		free_kept(kept);
		return NULL;
	}
	return kept;
}

int nv_conflicts_add(struct nv_conflicts *conflicts, const char *path,
                     const struct nv_conflict_bytes texts[NV_CONFLICT_TEXTS],
                     char ret_name[NV_CONFLICT_NAME_MAX])
{
	struct kept *kept = copy(path, texts);
	if (!kept) {
		return -ENOMEM;
	}
	if (size_of(kept) > conflicts->max_bytes) {
		free_kept(kept);
		return -ENOSPC;
	}
	(void)pthread_mutex_lock(&conflicts->lock);
	struct kept **end = &conflicts->first;
	while (*end && !is_same(*end, path, texts)) {
		end = &(*end)->next;
	}
	if (*end) {
		memcpy(ret_name, (*end)->name, NV_CONFLICT_NAME_MAX);
		free_kept(kept);
	} else {
		make_name(conflicts, path, kept->name);
		memcpy(ret_name, kept->name, NV_CONFLICT_NAME_MAX);
		*end = kept;
		conflicts->count++;
		conflicts->bytes += size_of(kept);
		while (conflicts->count > conflicts->max_count ||
		       conflicts->bytes > conflicts->max_bytes) {
			drop(conflicts, &conflicts->first);
		}
	}
	(void)pthread_mutex_unlock(&conflicts->lock);
	return 0;
}

int nv_conflicts_each(struct nv_conflicts *conflicts, nv_conflict_name_fn *fn, void *ctx)
{
	int r = 0;
	(void)pthread_mutex_lock(&conflicts->lock);
	for (const struct kept *kept = conflicts->first; kept && r == 0; kept = kept->next) {
		r = fn(ctx, kept->name);
	}
	(void)pthread_mutex_unlock(&conflicts->lock);
	return r;
}

int nv_conflicts_get(struct nv_conflicts *conflicts, const char *name, enum nv_conflict_text which,
                     char **ret_text, size_t *ret_size)
{
	int r = -ENOENT;
	(void)pthread_mutex_lock(&conflicts->lock);
	const struct kept *kept = *find(conflicts, name);
	if (kept && kept->texts[which].data) {
		char *text = malloc(kept->texts[which].size + 1);
		r = text ? 0 : -ENOMEM;
		if (text) {
			memcpy(text, kept->texts[which].data, kept->texts[which].size + 1);
			*ret_text = text;
			*ret_size = kept->texts[which].size;
		}
	}
	(void)pthread_mutex_unlock(&conflicts->lock);
	return r;
}

int nv_conflicts_remove(struct nv_conflicts *conflicts, const char *name)
{
	(void)pthread_mutex_lock(&conflicts->lock);
	struct kept **place = find(conflicts, name);
	int r = *place ? 0 : -ENOENT;
	if (r == 0) {
		drop(conflicts, place);
	}
	(void)pthread_mutex_unlock(&conflicts->lock);
	return r;
}

size_t nv_conflicts_count(struct nv_conflicts *conflicts)
{
	(void)pthread_mutex_lock(&conflicts->lock);
	size_t count = conflicts->count;
	(void)pthread_mutex_unlock(&conflicts->lock);
	return count;
}
