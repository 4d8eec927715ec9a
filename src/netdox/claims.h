/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One look for orphans: which keys there are, and which of them paths stand for. Private to
 * orphans.c and claims.c.
 */
#ifndef NV_NETDOX_CLAIMS_H
#define NV_NETDOX_CLAIMS_H

#include "netdox/family.h"

/* Objects or keys read by one call. */
#define NV_CLAIMS_BATCH 2000

/* A member of an index set that no path shows. */
struct nv_left {
	enum nv_redis_db db;
	struct nv_bytes key;    /* owned */
	struct nv_bytes member; /* owned */
};

struct nv_lefts {
	struct nv_left *items; /* owned */
	size_t count;
	size_t cap;
};

struct nv_claims {
	struct nv_netdox *netdox;                /* borrowed */
	struct nv_lines keys[NV_REDIS_DB_COUNT]; /* of the models' names, sorted */
	struct nv_strmap *claimed; /* database digit and key → the claims themselves */
	struct nv_lines lists[NV_OBJECT_COUNT]; /* members, by list; sorted */
	struct nv_lefts left; /* members that no path shows; sorted */
	int64_t sampled_ms; /* just before the first question */
};

/* Asks for all of it. 0, the store's errors, -ENOMEM. */
int nv_claims_collect(struct nv_claims *claims, struct nv_err *err);
void nv_claims_release(struct nv_claims *claims);

/* A key of the model's names in either database, the first one found. 1, 0 when there is none,
 * -ENOMEM, the store's errors. */
int nv_claims_first_key(struct nv_netdox *netdox, enum nv_redis_db *ret_db,
                        struct nv_bytes *ret_key, struct nv_err *err);

/* True when a path shows the whole of the key. */
bool nv_claims_has(const struct nv_claims *claims, enum nv_redis_db db, const struct nv_bytes *key);

/* The ids of a list as a plain array, borrowed from it; free() it. NULL when out of memory. */
struct nv_bytes *nv_claims_ids(const struct nv_lines *lines);

#endif
