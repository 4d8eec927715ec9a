/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The objects that a path goes through: TEAM, DOMAIN, USER. Their ids are remembered by path, so
 * that an answer needs one round trip also when they are not fresh: then the same batch that asks
 * for the datum asks whether the names still mean these objects.
 */
#ifndef NV_NETGOAT_PLACE_H
#define NV_NETGOAT_PLACE_H

#include <stdatomic.h>

#include "netgoat/batch.h"
#include "netgoat/family.h"

/* One object as its path found it. Immutable but for the two stamps, refcounted. */
struct nv_head {
	atomic_uint refs;
	char *name;             /* owned; canonical component */
	bool said;              /* the name tells the document's name fields */
	bson_t *doc;            /* owned; _id, names and references */
	bson_value_t id;        /* owned */
	const char *collection; /* of the schema */
	_Atomic int64_t sampled_ms;
	_Atomic uint64_t generation; /* nv_netgoat.heads_generation when it was sampled */
};

/* A head of an item that has a document. NULL when out of memory. */
struct nv_head *nv_head_new(const struct nv_docitem *item, int64_t sampled_ms, uint64_t generation);
struct nv_head *nv_head_ref(struct nv_head *head);
void nv_head_unref(struct nv_head *head);

/* The objects of a path. */
struct nv_ng_place {
	enum nv_ng_scope scope;
	struct nv_head *team; /* owned references; NULL where the scope has none */
	struct nv_head *domain;
	struct nv_head *user;
	const char *team_name; /* as the path has them; borrowed from the node */
	const char *domain_name;
	const char *user_name;
	bool team_stale; /* remembered, and to be confirmed */
	bool domain_stale;
	bool user_stale;
	int64_t sampled_ms; /* of the oldest of them that is not stale; INT64_MAX: there is none */
};

/* Finds the objects of node's scope. may_be_stale: remembered ones are taken for now, see
 * nv_ng_place_ask. -ENOENT -ENOTUNIQ and the store's. Owns: nv_ng_place_release. */
int nv_ng_place_find(struct nv_netgoat *ng, const struct nv_node *node, bool may_be_stale,
                     struct nv_ng_place *ret_place, struct nv_err *err);
void nv_ng_place_release(struct nv_ng_place *place);

/* Runs batch together with the questions that confirm place's stale objects. -EAGAIN: a name
 * means something else by now (it is forgotten; find the place anew and ask again); else as
 * nv_docbatch_run. Afterwards place is not stale. */
int nv_ng_place_run(struct nv_netgoat *ng, struct nv_ng_place *place, struct nv_docbatch *batch,
                    struct nv_err *err);

/* Finds one object by its component, asking the store unless it is fresh: parent is the place of
 * its directory. */
int nv_ng_place_object(struct nv_netgoat *ng, const struct nv_ng_place *parent,
                       enum nv_doc_kind kind, const char *component, bool may_be_stale,
                       struct nv_head **ret_head, bool *ret_stale, struct nv_err *err);

/* The number of invalidations so far: sample it before a query whose answers become heads. */
uint64_t nv_ng_place_generation(struct nv_netgoat *ng);

/* Remembers an object that an answer to another question told of: item stands in the directory at
 * parent. */
void nv_ng_place_note(struct nv_netgoat *ng, const struct nv_ng_place *parent,
                      enum nv_doc_kind kind, const struct nv_docitem *item, int64_t sampled_ms,
                      uint64_t generation);

/* Whether another head is the same document. */
bool nv_head_same(const struct nv_head *a, const struct nv_head *b);

/* Forgets how fresh remembered objects are (not the objects). */
void nv_ng_place_forget(struct nv_netgoat *ng);

static inline bool nv_ng_place_is_stale(const struct nv_ng_place *place)
{
	return place->team_stale || place->domain_stale || place->user_stale;
}

#define cleanup_ng_place __attribute__((cleanup(nv_ng_place_release)))

#endif
