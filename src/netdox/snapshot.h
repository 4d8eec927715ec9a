/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one query said of one object: the texts of its files. Immutable once built, refcounted
 * (nv_cache holds them).
 */
#ifndef NV_NETDOX_SNAPSHOT_H
#define NV_NETDOX_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/bytes.h"
#include "codec/data.h"
#include "codec/lines.h"
#include "netdox/layout.h"
#include "netdox/plan.h"
#include "node/blob.h"

/* One file or link of an object; or a directory in it that cannot be read (then broken says
 * why). */
struct nv_part {
	enum nv_netdox_kind kind;
	/* owned; what names it (pdata id, plugin, key); absent for fixed names */
	struct nv_bytes id;
	char *name; /* owned; its path component */
	struct nv_blob *blob; /* owned; NULL when broken */
	char *broken;         /* owned; why reading it gives EIO; else NULL */
};

struct nv_snapshot {
	atomic_uint refs;
	enum nv_object object;
	struct nv_bytes id; /* owned */
	bool exists;        /* false: the index does not name it */
	/* owned; the index or list has another type: reading anything gives EIO; else NULL */
	char *broken;
	struct nv_part *parts; /* owned; in no order */
	size_t parts_count;
	size_t parts_cap;
	struct nv_lines members; /* of lists: the ids, sorted */
	size_t bytes;            /* of all texts */
	int64_t sampled_ms;      /* just before the query was sent */
};

void *nv_snapshot_ref(void *snapshot);
void nv_snapshot_unref(void *snapshot);

static inline void nv_cleanup_snapshot(struct nv_snapshot **snapshot)
{
	nv_snapshot_unref(*snapshot);
}
#define cleanup_snapshot __attribute__((cleanup(nv_cleanup_snapshot)))

/* The part of that kind and id (absent: of that kind), or NULL. */
const struct nv_part *nv_snapshot_find(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind,
                                       const struct nv_bytes *id);

/* The part of that kind and path component, or NULL. */
const struct nv_part *nv_snapshot_named(const struct nv_snapshot *snapshot,
                                        enum nv_netdox_kind kind, const char *name);

/* True when there is a part of that kind. */
bool nv_snapshot_has_kind(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind);

/* The blob of a snapshot's part: a new reference; -ENOENT when part is NULL, -EIO with the
 * reason when it is broken. */
int nv_part_load(const struct nv_part *part, const char *path, struct nv_blob **ret_blob,
                 struct nv_err *err);

/* An empty snapshot with one reference; NULL when out of memory. */
struct nv_snapshot *nv_snapshot_new(enum nv_object object, int64_t sampled_ms);

/* Adds a part; id (absent: a fixed name) is copied, ownership of blob and broken is taken, also on
 * failure. 0 or -ENOMEM. Only before others see the snapshot. */
int nv_snapshot_add(struct nv_snapshot *snapshot, enum nv_netdox_kind kind,
                    const struct nv_bytes *id, struct nv_blob *blob, char *broken);

/* Moves all parts of from to the end of snapshot. 0 or -ENOMEM. */
int nv_snapshot_take(struct nv_snapshot *snapshot, struct nv_snapshot *from);

/* Gives a Data the whole name of its file, when the path has it cut. 0 or -ENOMEM. */
int nv_snapshot_data_name(struct nv_data *data, const struct nv_bytes *id);

/* Builds snapshots from the answer of plans: a sink for nv_plan_run. */
struct nv_builder;

/* sampled_ms: just before the query. Owns: free with nv_builder_free. 0 or -ENOMEM. */
int nv_builder_new(int64_t sampled_ms, struct nv_builder **ret_builder);
void nv_builder_free(struct nv_builder *builder);

static inline void nv_cleanup_builder(struct nv_builder **builder)
{
	nv_builder_free(*builder);
}
#define cleanup_builder __attribute__((cleanup(nv_cleanup_builder)))

/* Where the answer goes; borrowed from the builder. */
const struct nv_plan_sink *nv_builder_sink(struct nv_builder *builder,
                                           const struct nv_plan_group *groups);

/* Instead of texts: calls claim for each key that a path stands for and shows whole. For plans
 * that are run with keys_only. */
typedef int (*nv_claim_fn)(void *ctx, enum nv_redis_db db, const char *key, size_t size);
void nv_builder_claims(struct nv_builder *builder, nv_claim_fn claim, void *ctx);

/* With claims: calls leave for each member of an index that no path shows: the file cannot be read,
 * or has a name that no path can say. */
typedef int (*nv_leave_fn)(void *ctx, enum nv_redis_db db, const struct nv_bytes *key,
                           const struct nv_bytes *member);
void nv_builder_leaves(struct nv_builder *builder, nv_leave_fn leave);

/* Lists are without the objects whose directories' names would be cut: of a full mount, which says
 * all names in whole. */
void nv_builder_whole_names(struct nv_builder *builder, bool whole_names);

/* How many snapshots there are, and the i-th one (borrowed), in the order of the groups' ids. */
size_t nv_builder_count(const struct nv_builder *builder);
struct nv_snapshot *nv_builder_at(const struct nv_builder *builder, size_t i);

#endif
