/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The netgoat family: the tree of documents under netgoat/ (DESIGN 2 and 6). Owns the mapping from
 * paths to documents and back; knows no handle or inode (src/fs, src/save) and no SQL
 * (src/docstore).
 */
#ifndef NV_NETGOAT_NETGOAT_H
#define NV_NETGOAT_NETGOAT_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "docstore/docstore.h"
#include "netgoat/schema.h"
#include "node/node.h"

struct nv_netgoat;

/* Everything but the strings is borrowed for the life of the nv_netgoat. */
struct nv_netgoat_config {
	struct nv_docstore *store; /* opened with the indexes of schema */
	const struct nv_schema *schema;
	struct nv_clock *clock;
	const struct nv_row *rows; /* nv_tree_rows */
	size_t rows_count;
	const char *plugin; /* of changelog entries; NULL = "netviewfs" */
	/* of changelog entries, and created_by when it is an ObjectId; NULL = none */
	const char *actor;
	size_t changelog_entries; /* how many entries netgoat/changelog begins with; 0 = 10000 */
	enum nv_mount_mode mode;
};

/* Makes the family's state: .self[NV_FAMILY_NETGOAT]. Asks nothing of the store. -ENOMEM. Owns:
 * free with nv_netgoat_free. */
int nv_netgoat_new(const struct nv_netgoat_config *config, struct nv_netgoat **ret_netgoat,
                   struct nv_err *err);
void nv_netgoat_free(struct nv_netgoat *netgoat);

/* Whether the store can be restored to: nothing is in the mapped collections and the changelog.
 * -EEXIST with the reason; the store's. */
int nv_netgoat_check_empty(struct nv_netgoat *netgoat, struct nv_err *err);

/* Lines for .netviewfs/status: the store, its version and durability, the collections in use.
 * Asks nothing of the store. */
void nv_netgoat_describe(struct nv_netgoat *netgoat, struct nv_buf *out);

/* The effective schema as JSON text, for .netviewfs/schema.json. */
const char *nv_netgoat_schema_text(struct nv_netgoat *netgoat, size_t *ret_size);

/* Forgets everything remembered of the store: whoever learns of a foreign change calls it. Any
 * thread. */
void nv_netgoat_invalidate(struct nv_netgoat *netgoat);

/* ---- Rows ---- */

/* What a row is; nv_row.kind is NV_NG(role, document kind, scope). */
enum nv_ng_role {
	NV_NG_ROOT,      /* netgoat/ itself */
	NV_NG_CHANGELOG, /* its changelog */
	NV_NG_LIST,      /* a directory of documents: files, or object directories */
	NV_NG_OBJECT,    /* the directory of a team, user or domain */
	NV_NG_OWN,       /* the object's own json */
	NV_NG_DOC,       /* a document's file */
	NV_NG_SIZES,     /* analytics/ */
	NV_NG_CHUNKS,    /* analytics/minute/ … */
	NV_NG_CHUNK,     /* analytics/minute/DAY.ndjson */
	NV_NG_LINKS,     /* users/USER/teams/ */
	NV_NG_LINK,      /* users/USER/teams/TEAM */
	NV_NG_ORPHANS,   /* orphans/ */
};

/* Where in the tree: what the captured names before the last stand for. */
enum nv_ng_scope {
	NV_NG_TOP,              /* none */
	NV_NG_IN_TEAM,          /* TEAM */
	NV_NG_IN_DOMAIN,        /* TEAM, DOMAIN */
	NV_NG_IN_USER,          /* USER */
	NV_NG_IN_ORPHANS,       /* none; documents without a parent */
	NV_NG_IN_ORPHAN_DOMAIN, /* DOMAIN of orphans/domains */
};

#define NV_NG(role, doc, scope) ((role) << 8 | (doc) << 4 | (scope))
#define NV_NG_ROLE(kind) ((enum nv_ng_role)((kind) >> 8))
#define NV_NG_DOC_KIND(kind) ((enum nv_doc_kind)((kind) >> 4 & 15))
#define NV_NG_SCOPE(kind) ((enum nv_ng_scope)((kind)&15))

/* Ops of every row under netgoat/; self is the nv_netgoat. */
extern const struct nv_node_ops nv_netgoat_ops;

/* ---- For views/ ---- */

/* As the ops, but every document is shown whole as stored, secrets masked (views/stored); node's
 * row has the kinds above. */
int nv_netgoat_stored_lookup(struct nv_netgoat *netgoat, const struct nv_node *child,
                             struct nv_entry *ret_entry, struct nv_err *err);
int nv_netgoat_stored_list(struct nv_netgoat *netgoat, const struct nv_node *dir,
                           struct nv_listing **ret_listing, struct nv_err *err);
int nv_netgoat_stored_load(struct nv_netgoat *netgoat, const struct nv_node *node,
                           struct nv_blob **ret_blob, struct nv_err *err);

/* One domain with what belongs to it. Borrowed for the call. */
struct nv_netgoat_bundle {
	const char *name; /* of its directory */
	const bson_t *domain;
	const bson_t *const *proxies; /* in order of _id */
	size_t proxies_count;
	const bson_t *const *records; /* in order of their file names */
	size_t records_count;
	int64_t sampled_ms;
};

/* Returns 0 or -errno, which nv_netgoat_bundles then returns. */
typedef int nv_netgoat_bundle_fn(void *ctx, const struct nv_netgoat_bundle *bundle,
                                 struct nv_err *err);

/* Gives the bundles of a team's domains, or of the one called domain (a path component; NULL =
 * all), in batches of bounded size. -ENOENT: no such team or domain; -ENOTUNIQ. */
int nv_netgoat_bundles(struct nv_netgoat *netgoat, const char *team, const char *domain,
                       nv_netgoat_bundle_fn *fn, void *ctx, struct nv_err *err);

/* The listed name of a team that a path component names. Owns: free. -ENOENT -ENOTUNIQ. */
int nv_netgoat_team_name(struct nv_netgoat *netgoat, const char *team, char **ret_name,
                         struct nv_err *err);

/* Calls fn with the listed name of each team. fn returns 0 or what nv_netgoat_team_names shall
 * return. */
typedef int nv_netgoat_name_fn(void *ctx, const char *name, struct nv_err *err);
int nv_netgoat_team_names(struct nv_netgoat *netgoat, nv_netgoat_name_fn *fn, void *ctx,
                          struct nv_err *err);

/* The first row below a directory's, or NULL. */
const struct nv_row *nv_netgoat_child_row(struct nv_netgoat *netgoat, const struct nv_row *dir);

const struct nv_schema *nv_netgoat_schema(struct nv_netgoat *netgoat);
struct nv_clock *nv_netgoat_clock(struct nv_netgoat *netgoat);

#endif
