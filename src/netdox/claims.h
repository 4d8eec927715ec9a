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

struct nv_claims {
	struct nv_netdox *netdox;                /* borrowed */
	struct nv_lines keys[NV_REDIS_DB_COUNT]; /* of the models' names, sorted */
	struct nv_strmap *claimed; /* database digit and key → the claims themselves */
	struct nv_lines lists[NV_OBJECT_COUNT]; /* members, by list; sorted */
	/* Keys `nodes;ID` with members that have no path … */
	struct nv_lines plugins;
	/* … and the member, at the same index. */
	struct nv_lines members;
	int64_t sampled_ms; /* just before the first question */
};

/* Asks for all of it. 0, the store's errors, -ENOMEM. */
int nv_claims_collect(struct nv_claims *claims, struct nv_err *err);
void nv_claims_release(struct nv_claims *claims);

/* True when a path shows the whole of the key. */
bool nv_claims_has(const struct nv_claims *claims, enum nv_redis_db db, const struct nv_bytes *key);

/* The ids of a list as a plain array, borrowed from it; free() it. NULL when out of memory. */
struct nv_bytes *nv_claims_ids(const struct nv_lines *lines);

#endif
