/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pending entry read back, and its end: forward or back. Private to docstore/mongo*.
 */
#ifndef NV_DOCSTORE_MONGOSETTLE_H
#define NV_DOCSTORE_MONGOSETTLE_H

#include "docstore/mongo.h"
#include "docstore/mongoop.h"

/* After the owner's own deadline, so long nobody else touches its entry: no two clocks are the
 * same. */
#define NV_MONGO_LEASE_MS 30000

/* A pending entry. */
struct nv_mongosettle {
	struct nv_buf bytes; /* owned; the entry */
	struct nv_buf plan;  /* owned */
	struct nv_bval id;   /* into bytes, as the next two */
	const char *owner;
	int64_t deadline_ms;    /* wall clock */
	bool back;              /* it is being taken back */
	bool unlogged;          /* it goes in the end */
	struct nv_bval entries; /* into plan; the other entries */
	struct nv_mongoop *ops; /* owned */
	size_t ops_count;
};

/* -EINVAL: no pending entry of ours. Owns: nv_mongosettle_release. */
int nv_mongosettle_parse(const struct nv_bval *entry, struct nv_mongosettle *ret_entry,
                         struct nv_err *err);
void nv_mongosettle_release(struct nv_mongosettle *entry);

/* All by entry->owner: 1; 0: it is somebody else's by now; -errno. */

/* From now on it goes back. */
int nv_mongosettle_claim_back(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                              struct nv_err *err);

/* Takes back the first `done` operations, then the entry. */
int nv_mongosettle_back(struct nv_mongo_call *call, const struct nv_mongosettle *entry, size_t done,
                        struct nv_err *err);

/* All operations are done: adds the other entries and settles this one. */
int nv_mongosettle_finish(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                          struct nv_err *err);

/* Looks at the documents and ends it, one way or the other. patient: when a change fails, it is
 * left for later; else that change is not to be had, and it goes back. */
int nv_mongosettle_end(struct nv_mongo_call *call, struct nv_mongosettle *entry, bool patient,
                       bool *ret_forward, struct nv_err *err);

#endif
