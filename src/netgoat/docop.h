/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What users change, as slots of nv_node_ops. Each is one commit of documents and their changelog
 * entries.
 */
#ifndef NV_NETGOAT_DOCOP_H
#define NV_NETGOAT_DOCOP_H

#include "codec/json.h"
#include "netgoat/edit.h"
#include "netgoat/listing.h"
#include "netgoat/tx.h"

int nv_docop_accepts(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_err *err);
int nv_docop_check(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob *base, const char *text, size_t size, size_t from,
                   enum nv_check how, struct nv_err *err);
int nv_docop_save(void *self, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err);
int nv_docop_unlink(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob *base, bool check_only, struct nv_err *err);
int nv_docop_mkdir(void *self, const struct nv_call *call, const struct nv_node *child,
                   struct nv_err *err);
int nv_docop_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                   struct nv_err *err);
int nv_docop_rename(void *self, const struct nv_call *call, const struct nv_node *from,
                    const struct nv_node *to, bool replace, struct nv_err *err);
int nv_docop_symlink(void *self, const struct nv_call *call, const struct nv_node *child,
                     const char *target, struct nv_err *err);

/* ---- Between the files that do it ---- */

/* One document to be changed, and what its path says. */
struct nv_subject {
	struct nv_netgoat *ng;
	const struct nv_node *node;
	struct nv_arena arena;
	/* of the directory, or of the object whose own json it is; owned */
	struct nv_ng_place place;
	struct nv_docdir dir; /* kind and naming; its place is the one above, or parent */
	/* objects: the place of the directory they stand in; borrows from place */
	struct nv_ng_place parent;
	struct nv_docname name; /* of the component */
	bool own;               /* the object's own json */
	const char *zone;       /* records: the domain's name; NULL = unknown */
	struct nv_faults *faults;
};

/* Fills *subject for a file or object row that need not exist: its directory must. -ENOENT,
 * -EINVAL (a name that can be none). Owns: nv_subject_release. */
int nv_subject_init(struct nv_subject *subject, struct nv_netgoat *ng, const struct nv_node *node,
                    struct nv_faults *faults, struct nv_err *err);
void nv_subject_release(struct nv_subject *subject);

/* What the path says of a stored document. */
struct nv_facts nv_subject_facts(const struct nv_subject *subject, const bson_t *doc);

/* Whether a stored document (still) stands at subject's path. */
bool nv_subject_is(const struct nv_subject *subject, const bson_t *doc);

/* A blob of doc as subject's file shows it. */
int nv_subject_blob(const struct nv_subject *subject, const bson_t *doc, const char *collection,
                    struct nv_blob **ret_blob, struct nv_err *err);

/* Adds the guard that no document is what ask asks for. 0 or -ENOMEM. */
int nv_docop_guard(struct nv_doctx *tx, const struct nv_docask *ask, enum nv_tx_purpose purpose);

/* Adds the guards of a record: nothing else stands beside a CNAME. id: of the record itself, or
 * NULL for a new one. 0 or -ENOMEM. */
int nv_subject_guard_dns(const struct nv_subject *subject, struct nv_doctx *tx, const bson_t *doc,
                         const bson_value_t *id);

/* Adds the guard that no other document has subject's plain name; except: ids that do not count.
 * 0 or -ENOMEM. */
int nv_subject_guard_name(const struct nv_subject *subject, struct nv_doctx *tx,
                          const bson_value_t *except, size_t except_count);

/* Adds the check that the directory's object still is there. 0 or -ENOMEM. */
int nv_subject_guard_parent(const struct nv_subject *subject, struct nv_doctx *tx);

/* Makes sure that the objects on the way are what they were under a second ago. -ENOENT, the
 * store's. */
int nv_subject_confirm(struct nv_subject *subject, struct nv_err *err);

/* The reason of a guard that refused: *err says it. found: the document in the way. Returns
 * -EEXIST (a name) or -EINVAL (DNS). */
int nv_subject_refused(const struct nv_subject *subject, const struct nv_doctx *tx,
                       const struct nv_docresult *result, struct nv_err *err);

/* Makes a new document at subject from a text; existing documents of that name were not found.
 * result may be NULL (objects). -EAGAIN: one has appeared. */
int nv_docop_create(struct nv_subject *subject, const struct nv_call *call,
                    const struct nv_save_request *request, struct nv_save_result *result,
                    struct nv_err *err);

/* The documents that have subject's plain name now. */
int nv_docop_listed(const struct nv_subject *subject, struct nv_docsnap **ret_snap,
                    struct nv_err *err);

/* Documents whose spelling new ones follow: at most three of the kind. They are put in the
 * arena. *ret_collection: the one to write to. */
int nv_fresh_samples(struct nv_netgoat *ng, const struct nv_schema_kind *kind,
                     struct nv_arena *arena, const bson_t *const **ret_samples, size_t *ret_count,
                     const char **ret_collection, struct nv_err *err);

/* Joins and leaves: the link's other ends are found in the store. */
int nv_docop_leave(struct nv_netgoat *ng, const struct nv_node *node, bool check_only,
                   struct nv_err *err);

/* Adds the write that takes a team out of a user's own list (nothing where it has none). 0 or
 * -ENOMEM. */
int nv_docop_pull_team(struct nv_doctx *tx, const struct nv_schema_kind *kind,
                       const char *collection, const bson_t *user, const bson_value_t *team);

/* Adds the entry of a membership: verb create or delete. element: the team's member, or NULL. */
int nv_docop_log_membership(struct nv_doctx *tx, const char *verb,
                            const struct nv_schema_kind *kind, const char *collection,
                            const bson_value_t *user, const bson_value_t *team,
                            const bson_t *element, const char *path, struct nv_err *err);

/* Moves the directory of an object. */
int nv_docop_rename_object(struct nv_netgoat *ng, const struct nv_call *call,
                           const struct nv_node *from, const struct nv_node *to,
                           struct nv_err *err);

#define cleanup_subject __attribute__((cleanup(nv_subject_release)))

#endif
