/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writes of one commit and their changelog entries, collected. What they point to lives in the
 * tx's arena.
 */
#ifndef NV_NETGOAT_TX_H
#define NV_NETGOAT_TX_H

#include "codec/bsondiff.h"
#include "netgoat/arena.h"
#include "netgoat/family.h"

/* What a write is for, where its refusal has a meaning of its own. */
enum nv_tx_purpose {
	NV_TX_PLAIN,
	NV_TX_GUARD_NAME,   /* no other document has the name */
	NV_TX_GUARD_DNS,    /* nothing beside a CNAME */
	NV_TX_GUARD_EMPTY,  /* nothing is in the object */
	NV_TX_GUARD_OTHERS, /* nothing has joined what goes along with the object */
};

struct nv_doctx {
	struct nv_netgoat *ng;
	struct nv_arena arena;
	struct nv_docwrite *writes;
	enum nv_tx_purpose *purposes; /* [writes_count] */
	size_t writes_count;
	size_t writes_cap;
	size_t purposes_cap;
	const bson_t **entries;
	size_t entries_count;
	size_t entries_cap;
	int64_t now_ms; /* of the whole commit */
	bool whole;     /* what is written is all that is meant: nothing is stamped */
};

void nv_doctx_init(struct nv_doctx *tx, struct nv_netgoat *ng);
void nv_doctx_release(struct nv_doctx *tx);

/* Appends a write (copied; what it points to must live as long as tx). 0 or -ENOMEM. */
int nv_doctx_add(struct nv_doctx *tx, const struct nv_docwrite *write, enum nv_tx_purpose purpose);

/* INSERT; doc is given to the tx's arena. */
int nv_doctx_insert(struct nv_doctx *tx, const char *collection, bson_t *doc);

/* UPDATE of the document that base is a version of, with the old values expected and the changes
 * made; its update time and version move along as its application keeps them. keep: roles that
 * must still be as in base (NV_ROLE_NONE ends). changes may be empty (then only kept roles are
 * checked). */
int nv_doctx_update(struct nv_doctx *tx, const struct nv_schema_kind *kind, const char *collection,
                    const bson_t *base, const struct nv_bson_changes *changes,
                    const enum nv_role *keep);

/* DELETE of what base says, but for what the server keeps. */
int nv_doctx_delete(struct nv_doctx *tx, const struct nv_schema_kind *kind, const char *collection,
                    const bson_t *base);

/* The writer's share of a change: sets its update time (where it has one), resets what says that
 * the old version has reached others, and counts its version (where it has one). Fills sets and
 * incs from the arena. */
int nv_doctx_touch(struct nv_doctx *tx, const struct nv_schema_kind *kind, struct nv_docset *sets,
                   size_t *sets_count, size_t sets_max, struct nv_docinc *incs, size_t *incs_count,
                   size_t incs_max);

/* One entry. before and after: documents with the changed fields only, or NULL; secrets are
 * masked here. subject: the kind's word, or "membership". */
struct nv_tx_entry {
	const char *verb; /* create update rename move delete */
	const char *subject;
	const struct nv_schema_kind *kind; /* whose secrets are masked */
	const char *collection;
	const bson_value_t *id;
	const char *path;
	const bson_t *before;
	const bson_t *after;
};
int nv_doctx_log(struct nv_doctx *tx, const struct nv_tx_entry *entry, struct nv_err *err);

/* An entry with what changes say, and nothing of them when there is no change. */
int nv_doctx_log_changes(struct nv_doctx *tx, const char *verb, const struct nv_schema_kind *kind,
                         const char *collection, const bson_t *doc, const char *path,
                         const struct nv_bson_changes *changes, struct nv_err *err);

/* Commits; afterwards nothing read before is trusted. result: release it. -EEXIST -ESTALE
 * -ENOENT -ENOTEMPTY of a write, and the store's. */
int nv_doctx_commit(struct nv_doctx *tx, struct nv_docresult *result, struct nv_err *err);

/* The purpose of the write that failed; NV_TX_PLAIN when none did. */
enum nv_tx_purpose nv_doctx_failed(const struct nv_doctx *tx, const struct nv_docresult *result);

/* The _id of a document, copied to the arena. NULL: it has none, or memory is short. */
const bson_value_t *nv_doc_id(struct nv_arena *arena, const bson_t *doc);

#define cleanup_doctx __attribute__((cleanup(nv_doctx_release)))
#define cleanup_docresult __attribute__((cleanup(nv_docresult_release)))

#endif
