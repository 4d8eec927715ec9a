/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a stored document to the text of its file: what is left out and why (DESIGN 3 "JSON"). Pure.
 */
#ifndef NV_NETGOAT_TEXT_H
#define NV_NETGOAT_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include <bson/bson.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bsonraw.h"
#include "netgoat/schema.h"
#include "node/blob.h"

/* What the path of a document says exactly: not repeated in its text. Borrowed bytes; type 0 =
 * not said. */
struct nv_facts {
	struct nv_raw_elem team;        /* the value of references to the team */
	struct nv_raw_elem domain;      /* the value of references to the domain */
	struct nv_raw_elem domain_name; /* the value of copies of the domain's name */
	bool name;                      /* the document's own name fields */
};

enum nv_text_mode {
	NV_TEXT_FILE,   /* without facts, secrets, state and _id */
	NV_TEXT_STORED, /* whole, secrets masked */
	NV_TEXT_FULL,   /* whole, as it is: full and restore mounts */
};

/* What a blob of a document keeps for a later save. */
struct nv_version {
	bson_t *doc;            /* as stored; owned */
	const char *collection; /* of the schema */
};

/* The first field of doc at a dotted path as raw bytes; false: none. */
bool nv_elem_find(const bson_t *doc, const char *path, struct nv_raw_elem *ret_elem);

/* Same type and bytes. */
bool nv_elem_same(const struct nv_raw_elem *a, const struct nv_raw_elem *b);

/* True when the field (of a top-level alias, or below it for a dotted one) says what the path
 * says. */
bool nv_facts_say(const struct nv_facts *facts, const struct nv_schema_field *field,
                  const struct nv_raw_elem *elem);

/* Appends the BSON bytes of what mode shows of doc. facts may be NULL but with NV_TEXT_FILE. 0;
 * -EIO: damaged BSON; -ENOMEM. */
int nv_text_show(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                 const struct nv_facts *facts, const bson_t *doc, enum nv_text_mode mode,
                 struct nv_buf *out, struct nv_err *err);

/* Appends its JSON text; compact: one line and a newline. 0; NV_JSON_OPAQUE (only {"$bson"} can
 * say it); -EIO; -ENOMEM. */
int nv_text_format(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                   const struct nv_facts *facts, const bson_t *doc, enum nv_text_mode mode,
                   bool compact, struct nv_buf *out, struct nv_err *err);

/* Whether a stored value has another shape than the schema says of it, so that nobody can tell
 * where the secrets in it are: all of it is one. node may be NULL. */
bool nv_text_misfits(const struct nv_schema_node *node, const struct nv_raw_elem *elem);

/* The document's own time: its update field. False: it has none. */
bool nv_text_mtime(const struct nv_schema_kind *kind, const bson_t *doc,
                   struct timespec *ret_mtime);

/* A blob of the document; its priv is a struct nv_version with a copy of doc. 0; -EIO; -ENOMEM. */
int nv_text_blob(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                 const struct nv_facts *facts, const bson_t *doc, const char *collection,
                 enum nv_text_mode mode, int64_t sampled_ms, struct nv_blob **ret_blob,
                 struct nv_err *err);

/* The version in a blob; NULL when blob is NULL or was made by something else. */
const struct nv_version *nv_version_of(const struct nv_blob *blob);

#endif
