/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The family's inside: its state, and the files of src/netgoat/ to each other. Nothing of it is for
 * others.
 *
 * names    path components of documents             place    TEAM, DOMAIN and USER of a path, found
 * and remembered text     document -> text of its file             dir      one directory of
 * documents: what belongs in it edit     text -> document                         listing
 * directories as the mount lists them fresh    defaults of new documents                analytics
 * orphans links changelog: the directories of their names check    schema and DNS rules
 * write    writes and their entries, collected for one commit batch    questions in one round trip
 * save remove move: what ops change
 * whole restore ndjson: the same in full and restore mounts, where texts are whole documents
 */
#ifndef NV_NETGOAT_FAMILY_H
#define NV_NETGOAT_FAMILY_H

#include <pthread.h>

#include "base/strmap.h"
#include "netgoat/netgoat.h"
#include "netgoat/snap.h"
#include "netgoat/text.h"
#include "node/cache.h"

struct nv_history;

/* The names of a directory of objects in their order, as some listing had them (ahead.c). */
struct nv_order {
	char *key; /* owned; of the directory; NULL = unused */
	size_t key_size;
	struct nv_docsnap *snap; /* owned reference */
};

#define NV_NETGOAT_ORDERS 8

/* A large directory of files, as it was listed last, and what of it is read ahead (window.c). */
struct nv_window {
	char *key; /* owned; of the directory; NULL = unused */
	size_t key_size;
	const char **names; /* owned, with the texts; bytewise sorted */
	size_t count;
	size_t start; /* of the names last asked for together */
	size_t size;  /* their number; 0 = none */
	size_t last;  /* the name last asked for */
	size_t run;   /* names before it that were asked for one after the other */
};

void nv_window_release(struct nv_window *window);

#define NV_NETGOAT_WINDOWS 4

struct nv_netgoat {
	struct nv_docstore *store;      /* borrowed */
	const struct nv_schema *schema; /* borrowed */
	struct nv_clock *clock;         /* borrowed */
	struct nv_tree tree;    /* the rows, with a self for each family: for finding rows only */
	char *plugin;           /* owned */
	char *actor;            /* owned; NULL = none */
	enum nv_mount_mode mode;
	struct nv_cache *cache; /* owned; snapshots of directories */
	pthread_mutex_t heads_mutex;
	struct nv_strmap *heads;   /* owned; key of a path -> struct nv_head; heads_mutex */
	uint64_t heads_generation; /* counts invalidations; heads_mutex */
	struct nv_order orders[NV_NETGOAT_ORDERS]; /* heads_mutex */
	size_t orders_next;                        /* the slot to be used next; heads_mutex */
	pthread_mutex_t windows_mutex;
	struct nv_window windows[NV_NETGOAT_WINDOWS]; /* windows_mutex */
	size_t windows_next; /* the slot to be used next; windows_mutex */
	struct nv_history *history;                /* owned; netgoat/changelog */
};

/* How netgoat/ shows documents. */
static inline enum nv_text_mode nv_ng_text_mode(const struct nv_netgoat *ng)
{
	return ng->mode >= NV_MOUNT_FULL ? NV_TEXT_FULL : NV_TEXT_FILE;
}

/* Entries of the cache at most, and heads remembered at most. */
#define NV_NETGOAT_CACHE_MAX 4096
#define NV_NETGOAT_HEADS_MAX 8192

static inline const struct nv_schema_kind *nv_ng_kind(const struct nv_netgoat *ng,
                                                      enum nv_doc_kind kind)
{
	return nv_schema_get(ng->schema, kind);
}

/* The suffix of the files of a kind, "" for directories of objects. */
static inline const char *nv_ng_suffix(enum nv_doc_kind kind)
{
	return kind == NV_DOC_TEAM || kind == NV_DOC_USER || kind == NV_DOC_DOMAIN ? "" : ".json";
}

/* ---- changelog.c ---- */

/* The reader of netgoat/changelog, which begins with the newest entries of its first use. NULL
 * when out of memory. */
struct nv_history *nv_history_new(struct nv_netgoat *ng, size_t entries);
void nv_history_free(struct nv_history *history);

/* Forgets what was read: entries were removed or replaced. */
void nv_history_reset(struct nv_history *history);

/* Its whole text as of now. Blocks. */
int nv_history_load(struct nv_history *history, struct nv_blob **ret_blob, struct nv_err *err);

#endif
