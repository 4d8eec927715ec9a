/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The family's state, and what its files share. Private to netdox/.
 *
 * Lock order: none is ever held together with another, nor while the store is asked (but
 * changelog.c's own, which makes its refreshes wait for each other).
 */
#ifndef NV_NETDOX_FAMILY_H
#define NV_NETDOX_FAMILY_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/strmap.h"
#include "netdox/layout.h"
#include "netdox/netdox.h"
#include "netdox/plan.h"
#include "netdox/snapshot.h"
#include "node/cache.h"
#include "redis/script.h"

struct nv_changelog;

struct nv_netdox {
	struct nv_redis *redis;                          /* borrowed */
	struct nv_clock *clock;                          /* borrowed */
	const struct nv_row *rows[NV_NETDOX_KIND_COUNT]; /* the row of each kind */
	char *plugin;                                    /* owned; P of entries that have none */
	bool ro;
	enum nv_mount_mode mode;
	struct nv_redis_script *read_script;   /* owned */
	struct nv_redis_script *commit_script; /* owned */
	struct nv_cache *cache;                /* owned; of struct nv_snapshot */
	struct nv_changelog *changelog;        /* owned; has its own lock */
	atomic_size_t object_bytes;            /* of one object, as last read ahead */
	pthread_mutex_t lock;
	struct nv_snapshot *lists
		/* newest of each list, of any age: the order that read-ahead follows; lock */
		[NV_OBJECT_COUNT];
	/* in memory: name → owned int64_t, until when (clock ms); lock */
	struct nv_strmap *networks;
	/* restored.c: "DB/COMPONENT" of orphans/ → owned; lock; empty but in restore mounts */
	struct nv_strmap *restored;
};

/* One object and, for its files that have one, the file's id. */
struct nv_target {
	enum nv_object object;
	struct nv_bytes id; /* owned; absent for objects without id */
	/* owned; of pdata, plugins, reports, orphans; absent when the path's name is cut */
	struct nv_bytes file_id;
	char part[272]; /* what the cache counts as shown: the kind and the path's last component */
};

void nv_target_release(struct nv_target *target);
#define cleanup_target __attribute__((cleanup(nv_target_release)))
#define NV_TARGET_INIT                                                                             \
	{                                                                                          \
		.object = NV_OBJECT_ROOT                                                           \
	}

/* paths.c: which object a path is about. A cut name is looked up in the object's list (asks the
 * store when it is not known). -ENOENT when no object can have that path. */
int nv_target_of(struct nv_netdox *netdox, const struct nv_node *node, struct nv_target *ret_target,
                 struct nv_err *err);

/* Copies a path component's name, undone. *ret_cut: it cannot be undone. -ENOENT for a bad
 * escape. */
int nv_path_decode(const char *component, struct nv_bytes *ret_name, bool *ret_cut,
                   struct nv_err *err);

/* paths.c: the network that the path component dns/NETWORK stands for; empty for dns/%. -ENOENT
 * when no network can be named so. */
int nv_network_of(struct nv_netdox *netdox, const char *component, struct nv_bytes *ret_network,
                  struct nv_err *err);

/* paths.c: dns/NETWORK/id, the whole name of a network whose path is cut. -ENOENT when it is
 * not. */
int nv_network_id_blob(const struct nv_bytes *network, int64_t sampled_ms,
                       struct nv_blob **ret_blob);
int nv_network_id_load(struct nv_netdox *netdox, const struct nv_node *node,
                       struct nv_blob **ret_blob, struct nv_err *err);

/* What a question is for: who may be answered from a cache (node/cache.h). */
enum nv_purpose {
	NV_FOR_LISTING, /* the listing of the object's directory: with read-ahead */
	NV_FOR_OBJECT,  /* is the object there? with read-ahead */
	NV_FOR_PART,    /* one file: target->part */
	NV_FRESH,       /* nothing older than now */
};

/* objects.c: an object's snapshot (one that does not exist, too: check ->exists). 1 when it comes
 * from the cache, 0 when it was just read; -EIO with the reason when its index cannot be read. */
int nv_object_get(struct nv_netdox *netdox, const struct nv_target *target, enum nv_purpose purpose,
                  struct nv_snapshot **ret_snapshot, struct nv_err *err);

/* A part of an object with the snapshot that holds it (both; part borrowed from it). That it is not
 * there is never said from a cache: what another has just made must be found. -ENOENT when there is
 * no such object or part; -EIO only for the object's own index (a broken part is a part). */
int nv_part_get(struct nv_netdox *netdox, const struct nv_node *node,
                const struct nv_target *target, struct nv_snapshot **ret_snapshot,
                const struct nv_part **ret_part, struct nv_err *err);

/* Which listing a list is asked for: the directory's own, or that of one network (each counts as
 * shown apart). */
struct nv_scope {
	enum nv_object list;
	const struct nv_bytes *network; /* NULL = the whole list */
};

/* The list of a kind of objects, for a listing (part NULL) or about one of its names. 1 when it
 * comes from the cache. */
int nv_list_get(struct nv_netdox *netdox, const struct nv_scope *scope, const char *part,
                struct nv_snapshot **ret_snapshot, struct nv_err *err);

/* As nv_list_get, but NULL when the store would have to be asked. */
struct nv_snapshot *nv_list_cached(struct nv_netdox *netdox, const struct nv_scope *scope,
                                   const char *part);

/* Reads a list now, whatever is cached. */
int nv_list_read(struct nv_netdox *netdox, const struct nv_scope *scope, const char *part,
                 struct nv_snapshot **ret_snapshot, struct nv_err *err);

/* The newest list known, of any age, or NULL. A new reference. */
struct nv_snapshot *nv_list_known(struct nv_netdox *netdox, enum nv_object list);

/* The list that names objects of this kind; NV_OBJECT_COUNT when none does. */
enum nv_object nv_list_of(enum nv_object object);

/* After a change of an object (id NULL: one without). lists: it came or went. */
void nv_object_invalidate(struct nv_netdox *netdox, enum nv_object object,
                          const struct nv_bytes *id, bool lists);

/* The part of a snapshot that a file's path names, or NULL. */
const struct nv_part *nv_target_part(const struct nv_snapshot *snapshot, const struct nv_node *node,
                                     const struct nv_target *target);

/* networks.c: names of networks that no DNS name has yet. */
bool nv_networks_has(struct nv_netdox *netdox, const struct nv_bytes *network);
/* made: by mkdir, stays until rmdir. Else it lost its last name, and stays as long as deleted
 * names are remembered (2 s). 0 or -ENOMEM. */
int nv_networks_add(struct nv_netdox *netdox, const struct nv_bytes *network, bool made);
void nv_networks_remove(struct nv_netdox *netdox, const struct nv_bytes *network);
/* Whether a list of DNS names has this network (empty: names of no network). */
bool nv_networks_in_list(const struct nv_snapshot *list, const struct nv_bytes *network);
/* Calls fn for each network of the list and each in memory, sorted; the empty name stands for
 * dns/%. Ends with fn's first error. */
int nv_networks_each(struct nv_netdox *netdox, const struct nv_snapshot *list,
                     int (*fn)(void *ctx, const struct nv_bytes *network), void *ctx);

/* changelog.c */
int nv_changelog_new(size_t entries, struct nv_changelog **ret_changelog);
void nv_changelog_free(struct nv_changelog *changelog);

/* The text as of now; one round trip. -ENOENT when there is no stream; -EIO when the key is of
 * another type. */
int nv_changelog_load(struct nv_netdox *netdox, struct nv_blob **ret_blob, struct nv_err *err);

/* Forgets what was rendered: the stream is another one now. */
void nv_changelog_forget(struct nv_netdox *netdox);

/* True when the last load found a key of another type. */
bool nv_changelog_is_broken(struct nv_netdox *netdox);

/* orphans.c: all orphans of one database as one snapshot of parts NV_NETDOX_ORPHAN, for a listing
 * (part NULL) or about one of them. 1 when it comes from the cache. */
int nv_orphans_get(struct nv_netdox *netdox, enum nv_redis_db db, const char *part,
                   struct nv_snapshot **ret_snapshot, struct nv_err *err);

/* The orphan that a path names, with the snapshot that holds it. -ENOENT (as of now). */
int nv_orphan_find(struct nv_netdox *netdox, const struct nv_node *node,
                   struct nv_snapshot **ret_snapshot, const struct nv_part **ret_part,
                   struct nv_err *err);

/* The database that orphans/DB names. False when it is none of Netdox'. */
bool nv_orphan_db(const struct nv_netdox *netdox, const char *name, enum nv_redis_db *ret_db);

/* restored.c: what was put into orphans/ of a restore mount. */

/* Remembers that the key is there: with the header's details or without; members: the text of a
 * set, which only has those that no path stands for (borrowed); NULL for others. -ENOMEM. */
int nv_restored_put(struct nv_netdox *netdox, enum nv_redis_db db, const struct nv_bytes *key,
                    bool details, struct nv_blob *members);
void nv_restored_drop(struct nv_netdox *netdox, enum nv_redis_db db, const char *component);

/* A snapshot of parts NV_NETDOX_ORPHAN, of one file or of all (component NULL). */
int nv_restored_get(struct nv_netdox *netdox, enum nv_redis_db db, const char *component,
                    struct nv_snapshot **ret_snapshot, struct nv_err *err);
void nv_restored_free(struct nv_strmap *restored);

/* Forgets the orphans that were read. */
void nv_orphans_invalidate(struct nv_netdox *netdox);

#endif
