/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who settles pending entries: every mount when it opens the store, and a thread of each mount that
 * writes them. Owns the rule of who may: the owner is dead, or its time is up.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "docstore/build.h"
#include "docstore/mongoexec.h"
#include "docstore/mongopending.h"
#include "docstore/mongosettle.h"

enum {
	PERIOD_MS = 10000,
	/* how old the entries are that the thread looks for; opening finds older ones */
	LOOK_BACK_S = 3600,
	TEXT_SIZE = 1024,
};

struct nv_mongosettler {
	struct nv_mongo *store; /* borrowed */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop; /* mutex */
};

/* ---- Owners ---- */

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		return false;
	}
	size_t got = fread(text, 1, size - 1, file);
	(void)fclose(file);
	text[got] = '\0';
	return got > 0;
}

/* What starts once: this boot of this machine. Pids mean something only inside a namespace. */
static void machine(char *out, size_t size)
{
	char boot[64] = "";
	char space[64] = "";
	if (!read_text("/proc/sys/kernel/random/boot_id", boot, sizeof(boot))) {
		boot[0] = '\0';
	}
	boot[strcspn(boot, "\n")] = '\0';
	ssize_t got = readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
	space[got > 0 ? got : 0] = '\0';
	(void)snprintf(out, size, "%s/%s", boot, space);
}

/* When a process began, in ticks since the boot: a pid comes again, with another time. 0: it is no
 * more. */
static unsigned long long started(long pid)
{
	char path[64];
	char text[TEXT_SIZE];
	unsigned long long ticks = 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (!read_text(path, text, sizeof(text))) {
		return 0;
	}
	/* The name, in brackets, may have blanks and brackets in it; 20 words behind it is the
	 * time. */
	const char *at = strrchr(text, ')');
	for (int word = 0; at && word < 20; word++) {
		at = strchr(at + 1, ' ');
	}
	/* A zombie does nothing any more. */
	const char *state = strrchr(text, ')');
	bool dead = state && (state[2] == 'Z' || state[2] == 'X');
	return at && !dead && sscanf(at, " %llu", &ticks) == 1 ? ticks : 0;
}

void nv_mongopending_owner(char *out, size_t size)
{
	char here[140];
	long pid = (long)getpid();
	machine(here, sizeof(here));
	(void)snprintf(out, size, "%s/%ld/%llu", here, pid, started(pid));
}

bool nv_mongopending_is_dead(const char *owner)
{
	char here[140];
	long pid = 0;
	unsigned long long ticks = 0;
	machine(here, sizeof(here));
	size_t size = strlen(here);
	/* Without a boot id and a namespace nobody knows what a pid means. */
	if (here[0] == '/' || here[size - 1] == '/' || strncmp(owner, here, size) != 0 ||
	    sscanf(owner + size, "/%ld/%llu", &pid, &ticks) != 2 || ticks == 0) {
		return false;
	}
	return started(pid) != ticks;
}

/* ---- Settling ---- */

static int64_t wall_ms(const struct nv_mongo *store)
{
	struct timespec now = nv_clock_wall(store->base.clock);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Makes this process the owner: 1, 0, -errno. */
static int claim(struct nv_mongo_call *call, const struct nv_mongosettle *entry, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t filter;
	int64_t until_ms = wall_ms(call->store) + NV_MONGO_LEASE_MS + call->store->base.timeout_ms;
	size_t doc = nv_bval_begin(&bytes);
	nv_build_value(&bytes, "_id", &entry->id);
	nv_build_utf8(&bytes, "pending.owner", entry->owner);
	nv_build_date(&bytes, "pending.deadline", entry->deadline_ms);
	nv_bval_end(&bytes, doc);
	int rc = nv_build_view(&bytes, &filter, err);
	if (rc < 0) {
		return rc;
	}
	bson_t *changes = BCON_NEW("$set", "{", "pending.owner", BCON_UTF8(call->store->owner),
	                           "pending.deadline", BCON_DATE_TIME(until_ms), "}");
	rc = nv_mongoexec_update(call, NV_DOCSTORE_CHANGELOG, &filter, changes, err);
	bson_destroy(changes);
	return rc;
}

static int settle_one(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct nv_mongo_call *call = ctx;
	struct nv_mongosettle entry;
	struct nv_bval bytes = nv_bval_doc(doc);
	bool forward = false;
	int rc = nv_mongosettle_parse(&bytes, &entry, err);
	if (rc < 0) {
		return rc == -EINVAL ? 0 : rc; /* what another program calls pending */
	}
	bool may = entry.deadline_ms < wall_ms(call->store) || nv_mongopending_is_dead(entry.owner);
	rc = may ? claim(call, &entry, err) : 0;
	if (rc == 1) {
		entry.owner = call->store->owner;
		rc = nv_mongosettle_end(call, &entry, false, &forward, err);
	}
	nv_mongosettle_release(&entry);
	return rc < 0 ? rc : 0;
}

int nv_mongopending_settle(struct nv_mongo_call *call, int64_t since_s, struct nv_err *err)
{
	bson_oid_t oldest;
	bson_t filter = BSON_INITIALIZER;
	bson_t range;
	BSON_APPEND_DOCUMENT_BEGIN(&filter, "pending.deadline", &range);
	BSON_APPEND_DATE_TIME(&range, "$gt", 0);
	bson_append_document_end(&filter, &range);
	if (since_s > 0) {
		memset(&oldest, 0, sizeof(oldest));
		for (int i = 0; i < 4; i++) {
			oldest.bytes[i] = (uint8_t)((uint64_t)since_s >> (24 - 8 * i));
		}
		BSON_APPEND_DOCUMENT_BEGIN(&filter, "_id", &range);
		BSON_APPEND_OID(&range, "$gte", &oldest);
		bson_append_document_end(&filter, &range);
	}
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG, .filter = &filter };
	int rc = nv_mongo_find(call, &find, settle_one, call, err);
	bson_destroy(&filter);
	return rc;
}

/* ---- The thread ---- */

static void settle_now(struct nv_mongo *store)
{
	struct nv_mongo_call call;
	/* What fails now is tried again the next time, and the store's other callers see why. */
	if (nv_mongo_begin(store, &call, NULL) == 0) {
		call.primary = true;
		(void)nv_mongopending_settle(&call, wall_ms(store) / 1000 - LOOK_BACK_S, NULL);
		nv_mongo_end(&call);
	}
}

static void *run(void *arg)
{
	struct nv_mongosettler *settler = arg;
	struct nv_clock *clock = settler->store->base.clock;
	pthread_mutex_lock(&settler->mutex);
	while (!settler->stop) {
		int64_t until_ms = nv_clock_ms(clock) + PERIOD_MS;
		while (!settler->stop && nv_clock_ms(clock) < until_ms) {
			nv_clock_wait(clock, &settler->wake, &settler->mutex, until_ms);
		}
		if (!settler->stop) {
			pthread_mutex_unlock(&settler->mutex);
			settle_now(settler->store);
			pthread_mutex_lock(&settler->mutex);
		}
	}
	pthread_mutex_unlock(&settler->mutex);
	return NULL;
}

static struct nv_mongosettler *settler_new(struct nv_mongo *store)
{
	struct nv_mongosettler *settler = calloc(1, sizeof(*settler));
	if (!settler) {
		return NULL;
	}
	settler->store = store;
	pthread_mutex_init(&settler->mutex, NULL);
	pthread_cond_init(&settler->wake, NULL);
	if (pthread_create(&settler->thread, NULL, run, settler) != 0) {
		pthread_cond_destroy(&settler->wake);
		pthread_mutex_destroy(&settler->mutex);
		free(settler);
		return NULL;
	}
	return settler;
}

int nv_mongosettler_start(struct nv_mongo *store, struct nv_err *err)
{
	pthread_mutex_lock(&store->mutex);
	if (!store->settler) {
		store->settler = settler_new(store);
	}
	bool there = store->settler != NULL;
	pthread_mutex_unlock(&store->mutex);
	return there ? 0 : nv_fail(err, ENOMEM, "no thread can be started");
}

void nv_mongosettler_stop(struct nv_mongosettler *settler)
{
	if (settler) {
		pthread_mutex_lock(&settler->mutex);
		settler->stop = true;
		pthread_cond_signal(&settler->wake);
		pthread_mutex_unlock(&settler->mutex);
		(void)pthread_join(settler->thread, NULL);
		pthread_cond_destroy(&settler->wake);
		pthread_mutex_destroy(&settler->mutex);
		free(settler);
	}
}
