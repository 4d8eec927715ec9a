/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving in full and restore mounts, where a text is a whole document: it says its _id, names and
 * parents itself, and the path must agree (full) or does not count (restore).
 */
#ifndef NV_NETGOAT_WHOLE_H
#define NV_NETGOAT_WHOLE_H

#include "netgoat/docop.h"

/* One text under way. */
struct nv_whole {
	const struct nv_save_request *request;
	struct nv_save_result *result;
	/* of the document; its place may lack objects, which are yet to come. An own json's is that
	 * of its object */
	struct nv_subject subject;
	const char *path;       /* of entries; subject's arena */
	bool complete;          /* the object that the file stands in exists */
	bson_t *mine;           /* owned; what the text says */
	const bson_value_t *id; /* of mine; subject's arena; NULL = the text has none */
};

/* Reads the text. -EINVAL (faults), -EFBIG, -ENOMEM. */
int nv_whole_parse(struct nv_whole *whole, struct nv_err *err);

/* As far as a whole text and its path tell without the store, whether a save would refuse it. 0,
 * -EINVAL (faults). */
int nv_whole_check_text(struct nv_netgoat *ng, const struct nv_node *node, const char *text,
                        size_t size, struct nv_faults *faults, struct nv_err *err);

/* Refuses a text without an _id. -EINVAL. */
int nv_whole_has_id(const struct nv_whole *whole, struct nv_err *err);

/* Finds what there is of the path. -EINVAL (no name of a document), -EEXIST (the name of several
 * objects), the store's. Owns: nv_subject_release of whole->subject, whatever is returned. */
int nv_whole_find_path(struct nv_whole *whole, struct nv_netgoat *ng, const struct nv_node *node,
                       struct nv_faults *faults, struct nv_err *err);

/* Whether the text is of a document that stands at the path. fresh_id: the text has no _id. 0;
 * -EINVAL with the reason; the store's. */
int nv_whole_check_path(struct nv_whole *whole, bool fresh_id, struct nv_err *err);

/* Whether a reference of doc is to that _id, as the database compares. */
bool nv_whole_refers(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                     const bson_value_t *id);

/* The blob of doc as the family's save returns it. */
int nv_whole_blob(struct nv_netgoat *ng, const struct nv_schema_kind *kind, const bson_t *doc,
                  const char *collection, struct nv_blob **ret_blob, struct nv_err *err);

/* ---- whole.c and wholecommit.c ---- */

/* What the store has now. Documents are the arena's. */
struct nv_whole_there {
	struct nv_arena arena;
	const bson_value_t *id;  /* of mine */
	const bson_value_t *old; /* of the document that its writer read; NULL = none */
	const bson_t *stored;    /* has mine's _id; NULL: there is none */
	const char *collection;  /* of stored */
	const bson_t *replaced;  /* stands at the path and has another _id; NULL: there is none */
	const char *replaced_collection;
	const bson_t *read; /* has the old _id */
	const char *read_collection;
};

/* One commit that is being prepared. */
struct nv_whole_plan {
	const bson_t *final; /* what the document becomes */
	bool exact;          /* only a whole new document says it */
	struct nv_bson_changes changes;
	const char *verb;
	const char *path; /* of its entry */
	bool moves;       /* its name or its parent is another */
	size_t main_write;
	size_t replaced_write; /* SIZE_MAX: none */
};

/* Whether a field that roles name is not the same, to the byte, in both. */
bool nv_whole_differs(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *a,
                      const bson_t *b);

/* Collects the writes and entries of plan. seen: the version of the document at the path that was
 * read, or NULL. 0; -ENOMEM; -EINVAL, -EIO (what cannot be logged). */
int nv_whole_collect(struct nv_whole *whole, const struct nv_whole_there *there,
                     const struct nv_version *seen, struct nv_whole_plan *plan, struct nv_doctx *tx,
                     struct nv_err *err);

/* Adds the DELETE of a stored document that still is as it was read: of all its fields that a path
 * can name. 0 or -ENOMEM. */
int nv_whole_remove(struct nv_doctx *tx, const char *collection, const bson_t *stored);

/* As nv_docop_save, in a full mount. */
int nv_whole_save(struct nv_netgoat *ng, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err);

/* What objects of a path there are; scope is set in place. -EEXIST (the name of several), the
 * store's. */
int nv_whole_find_heads(struct nv_netgoat *ng, const struct nv_node *node,
                        struct nv_ng_place *place, struct nv_err *err);

/* ---- restore.c: restore mounts ---- */

int nv_restore_document(struct nv_netgoat *ng, const struct nv_call *call,
                        const struct nv_node *node, const struct nv_save_request *request,
                        struct nv_save_result *result, struct nv_err *err);

/* ---- ndjson.c: files of a document a line ---- */

/* The changelog of a restore mount, or an analytics file. */
int nv_ndjson_save(struct nv_netgoat *ng, const struct nv_call *call, const struct nv_node *node,
                   const struct nv_save_request *request, struct nv_save_result *result,
                   struct nv_err *err);

/* Judges the lines of such a text. 0, -EINVAL (faults), -ENOMEM. */
int nv_ndjson_check(const char *text, size_t size, struct nv_faults *faults, struct nv_err *err);

#endif
