/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One directory of documents: which documents belong in it, under which names, and what its path
 * says of them.
 */
#ifndef NV_NETGOAT_DIR_H
#define NV_NETGOAT_DIR_H

#include "netgoat/names.h"
#include "netgoat/place.h"

struct nv_docdir {
	struct nv_netgoat *ng;
	const struct nv_ng_place *place;   /* of the directory; borrowed */
	const struct nv_schema_kind *kind; /* of the documents in it */
	const char *suffix;
	bool by_id;   /* documents are named by id only */
	bool objects; /* they are directories: heads are enough */
	enum nv_text_mode mode;
};

/* The directory that node (a LIST row, or a row of a document in it) stands in, at place. */
struct nv_docdir nv_docdir_of(struct nv_netgoat *ng, const struct nv_ng_place *place,
                              enum nv_doc_kind kind, enum nv_text_mode mode);

/* Appends the cache key of a directory. */
int nv_docdir_key(const struct nv_docdir *dir, struct nv_buf *out);

/* Adds to ask the conditions that all documents of the directory meet (not for orphans). Values
 * are borrowed from place. */
void nv_docdir_ask(const struct nv_docdir *dir, struct nv_docask *ask, struct nv_arena *arena);

/* Whether a document that met the conditions belongs here. 1 yes, 0 no, 2: if the domain it
 * refers to is another team's (nv_collect finds out). */
int nv_docdir_has(const struct nv_docdir *dir, const bson_t *doc);

/* What the path of a document says. said: its name tells its name fields. */
struct nv_facts nv_docdir_facts(const struct nv_docdir *dir, bool said);

/* What a path of an object's own document says: place is of the object itself. */
struct nv_facts nv_ng_place_own_facts(const struct nv_ng_place *place, enum nv_doc_kind kind);

/* Parents that documents refer to, as far as they exist. */
struct nv_parents {
	/* owned; key of _id -> head (of the arena); NULL = none were asked for */
	struct nv_strmap *domains;
	struct nv_strmap *teams; /* owned; key of _id -> head */
	bool complete;           /* all that exist are in it; else only those that were asked for */
	struct nv_arena arena;
};

void nv_parents_release(struct nv_parents *parents);

/* Adds questions for all domains and teams; after the batch has run, parents is complete. */
int nv_parents_ask_all(struct nv_netgoat *ng, struct nv_parents *parents,
                       struct nv_docbatch *batch);

/* Adds questions for those of the ids. */
int nv_parents_ask(struct nv_netgoat *ng, struct nv_parents *parents, struct nv_docbatch *batch,
                   const bson_value_t *domains, size_t domains_count, const bson_value_t *teams,
                   size_t teams_count);

/* The ids of all domains (or teams) of complete parents, contiguous, for terms. NULL when out of
 * memory. */
const bson_value_t *nv_parents_ids(struct nv_parents *parents, enum nv_doc_kind kind,
                                   size_t *ret_count);

/* Where a document belongs by its references: NV_NG_TOP, NV_NG_IN_TEAM, NV_NG_IN_DOMAIN or
 * NV_NG_IN_ORPHANS. parents knows all that it refers to. */
enum nv_ng_scope nv_parents_place(const struct nv_netgoat *ng, const struct nv_parents *parents,
                                  const struct nv_schema_kind *kind, const bson_t *doc);

/* Collects the documents of a directory into a snapshot. */
struct nv_collect {
	struct nv_docdir dir;
	struct nv_docsnap *snap; /* owned */
	size_t budget;     /* bytes of content that may still be kept; beyond it only sizes are */
	size_t limit;      /* documents at most; 0 = no limit */
	bool overflow;     /* there were more */
	const char *plain; /* only documents of this plain name; NULL = all */
	bool dedupe;       /* a document may be delivered twice */
	struct nv_parents *parents; /* borrowed, complete: nothing has to wait; NULL = unknown */
	struct nv_arena arena;      /* of pending */
	struct nv_collect_pending {
		const bson_t *doc;
		const char *collection;
	} * pending; /* documents that wait for nv_collect_settle */
	size_t pending_count;
	size_t pending_cap;
};

/* sampled_ms: of the query to come. 0 or -ENOMEM. Owns: nv_collect_release. */
int nv_collect_init(struct nv_collect *collect, const struct nv_docdir *dir, int64_t sampled_ms);
void nv_collect_release(struct nv_collect *collect);

/* Receiver of questions: ctx is the nv_collect. */
int nv_collect_doc(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err);

/* Asks the store about pending documents, if any, and finishes the snapshot. */
int nv_collect_finish(struct nv_collect *collect, struct nv_err *err);

/* Adds the questions for all documents of the directory, or for those that can have the name. */
int nv_collect_ask(struct nv_collect *collect, struct nv_docbatch *batch);
int nv_collect_ask_name(struct nv_collect *collect, struct nv_docbatch *batch,
                        const struct nv_docname *name);

/* The item that a parsed component means in a finished snapshot of its plain name. 0; -ENOENT;
 * -ENOTUNIQ with the reason. */
int nv_docsnap_pick(const struct nv_docsnap *snap, const struct nv_docname *name,
                    const struct nv_docitem **ret_item, struct nv_err *err);

#define cleanup_collect __attribute__((cleanup(nv_collect_release)))

#endif
