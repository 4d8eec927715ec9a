/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories and files as they are read. A directory is one snapshot, made in one batch where its
 * parents are known; what the batch brings along (the directories inside an object, the objects
 * next to it in a scan) is kept for the next question.
 */
#ifndef NV_NETGOAT_LISTING_H
#define NV_NETGOAT_LISTING_H

#include "netgoat/dir.h"

/* Documents of one directory that are read along with the directory above it, at most. */
#define NV_LISTING_AHEAD 2000

/* The snapshot of any directory row. 0; -ENOENT, -ENOTUNIQ (an object on the way), the store's. */
int nv_docs_read(struct nv_netgoat *ng, const struct nv_node *dir, enum nv_text_mode mode,
                 struct nv_docsnap **ret_snap, struct nv_err *err);

/* One file or link. item borrows from snap. */
struct nv_founddoc {
	struct nv_docsnap *snap;       /* owned reference */
	const struct nv_docitem *item; /* blob is set */
	struct nv_ng_place place; /* owned; of the directory, or of the object whose json it is */
	int64_t sampled_ms;       /* of the oldest answer it rests on */
};

void nv_founddoc_release(struct nv_founddoc *found);
#define cleanup_founddoc __attribute__((cleanup(nv_founddoc_release)))

/* The content of a file or link row. fresh_only: never from the cache (writers). 0; -ENOENT,
 * -ENOTUNIQ, the store's. */
int nv_docs_find(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                 bool fresh_only, struct nv_founddoc *ret_found, struct nv_err *err);

/* The lookup, list and load of nv_node_ops for documents. */
int nv_docs_lookup(struct nv_netgoat *ng, const struct nv_node *child, enum nv_text_mode mode,
                   struct nv_entry *ret_entry, struct nv_err *err);
int nv_docs_list(struct nv_netgoat *ng, const struct nv_node *dir, enum nv_text_mode mode,
                 struct nv_listing **ret_listing, struct nv_err *err);
int nv_docs_load(struct nv_netgoat *ng, const struct nv_node *node, enum nv_text_mode mode,
                 struct nv_blob **ret_blob, struct nv_err *err);

/* ---- object.c ---- */

/* The directory of a team, user or domain at place, which may be stale: -EAGAIN then means find
 * it anew. */
int nv_object_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_doc_kind kind,
                   enum nv_text_mode mode, struct nv_docsnap **ret_snap, struct nv_err *err);

/* The name of an object's own json: "team.json". */
const char *nv_object_own_name(enum nv_doc_kind kind);

/* Appends the cache key of an object's directory. */
int nv_object_key(enum nv_doc_kind kind, const struct nv_head *head, enum nv_text_mode mode,
                  struct nv_buf *out);

/* The object's own document as a snapshot with that one item. -ENOENT: it is gone. -EAGAIN as
 * above. */
int nv_object_own(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_doc_kind kind,
                  enum nv_text_mode mode, struct nv_docsnap **ret_snap, struct nv_err *err);

/* ---- window.c ---- */

/* Remembers the names of a large directory of files that was listed. */
void nv_windows_note(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                     const struct nv_docsnap *snap);

/* A name together with those that come next, where a reader goes through the directory; perhaps
 * read before. 1; 0: nobody does, so the name is to be asked for alone; -errno. */
int nv_window_find(struct nv_netgoat *ng, struct nv_ng_place *place, const struct nv_docdir *dir,
                   const struct nv_buf *dir_key, const char *name, struct nv_docsnap **ret_snap,
                   struct nv_err *err);

/* ---- analytics.c ---- */

/* "minute", "hour", "other". */
#define NV_CHUNK_SIZES 3
const char *nv_chunk_size_name(size_t size);

/* analytics/ (size NULL) or one of its directories. */
int nv_chunks_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_text_mode mode,
                   const char *size, struct nv_docsnap **ret_snap, struct nv_err *err);

/* One DAY.ndjson as a snapshot of one item. -ENOENT. */
int nv_chunk_read(struct nv_netgoat *ng, struct nv_ng_place *place, enum nv_text_mode mode,
                  const char *size, const char *component, struct nv_docsnap **ret_snap,
                  struct nv_err *err);

/* Where an analytics document is listed: its size (index) and the name of its day, in ret_day. */
size_t nv_chunk_of(const struct nv_schema_kind *kind, const bson_t *doc, char ret_day[32]);

/* ---- links.c ---- */

/* Appends the cache key of users/USER/teams. */
int nv_links_key(struct nv_netgoat *ng, const struct nv_ng_place *place, struct nv_buf *out);

/* users/USER/teams, from the store. An item's head has the team's _id; collection NULL =
 * dangling. */
int nv_links_read(struct nv_netgoat *ng, struct nv_ng_place *place, struct nv_docsnap **ret_snap,
                  struct nv_err *err);

/* One user whose memberships are read along. Zeroed but for head. */
struct nv_link_user {
	const struct nv_head *head; /* borrowed */
	bool known;                 /* the user's own document is there */
	struct nv_docsnap *snap;    /* owned by the caller: the links */
	const bson_value_t **references;
	size_t references_count;
	size_t references_cap;
};

/* Reads the links of several users and keeps them for the next questions. On success each has its
 * snap. */
int nv_links_read_ahead(struct nv_netgoat *ng, struct nv_link_user *users, size_t count,
                        struct nv_err *err);

/* ---- orphans.c ---- */

/* orphans/. */
int nv_orphans_read(struct nv_netgoat *ng, enum nv_text_mode mode, struct nv_docsnap **ret_snap,
                    struct nv_err *err);

/* orphans/COLLECTION/. */
int nv_orphans_read_kind(struct nv_netgoat *ng, enum nv_doc_kind kind, enum nv_text_mode mode,
                         struct nv_docsnap **ret_snap, struct nv_err *err);

/* Whether there is any orphan. 1, 0 or -errno. */
int nv_orphans_exist(struct nv_netgoat *ng, struct nv_err *err);

#endif
