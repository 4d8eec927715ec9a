/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Path components of documents: NAME, NAME.TYPE or the id text, and the long form NAME~ID (DESIGN 2
 * "Names"). Pure.
 */
#ifndef NV_NETGOAT_NAMES_H
#define NV_NETGOAT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

#include "base/buf.h"
#include "netgoat/arena.h"
#include "netgoat/schema.h"

/* What a component means. Memory is the arena's. */
struct nv_docname {
	const char *plain; /* the plain form as a listing would write it, suffix included */
	bool named;        /* it reads as NAME or NAME.TYPE: name (and type) are set */
	const char *name;  /* NAME, escapes undone */
	size_t name_size;
	const char *type; /* TYPE, escapes undone; NULL when the kind has none */
	size_t type_size;
	const bson_value_t *name_id; /* NAME read as id text; NULL = none has that text */
	bool has_id;                 /* it is NAME~ID */
	const bson_value_t *id;      /* ID read as id text; NULL = no document has that text */
	bool cut;                    /* a cut name: only a listing can tell whose */
};

/* Appends the id text of a document: an ObjectId's 24 hex digits, a string itself unless it
 * would be mistaken, else '=' and JSON. 0 or -ENOMEM. */
int nv_docname_id_text(const bson_t *doc, struct nv_buf *out);

/* Likewise of a value. */
int nv_docname_value_text(const bson_value_t *value, struct nv_buf *out);

/* The value that an id text stands for; NULL when it is none. */
const bson_value_t *nv_docname_parse_id(const char *text, size_t size, struct nv_arena *arena);

/*
 * Appends the plain form of doc's component with suffix; by_id: the directory names documents by id
 * only. *ret_said: the listed name tells the document's name fields exactly (they are the right
 * type, and not even the long form is cut). 0 or -ENOMEM.
 */
int nv_docname_plain(const struct nv_schema_kind *kind, bool by_id, const bson_t *doc,
                     const char *suffix, struct nv_buf *out, bool *ret_said);

/* Appends NAME~ID for a plain form and an id text. 0 or -ENOMEM. */
int nv_docname_long(const char *plain, const char *suffix, const char *id_text, struct nv_buf *out);

/* Reads a component. 0; -ENOENT: no document can have it (a bad escape, no suffix); -ENOMEM. */
int nv_docname_parse(const struct nv_schema_kind *kind, bool by_id, const char *component,
                     const char *suffix, struct nv_arena *arena, struct nv_docname *ret_name);

/* True when NAME means the top of the zone for this kind. */
bool nv_docname_is_apex(const struct nv_schema_kind *kind, const char *name, size_t size);

/* Every stored form of a NAME: itself, and for the zone's top all that mean it. NULL when out of
 * memory. */
const bson_value_t *nv_docname_forms(const struct nv_schema_kind *kind, const char *name,
                                     size_t size, struct nv_arena *arena, size_t *ret_count);

/* The string that a role's field holds (not NULL-terminated past NUL bytes); false: missing or
 * of another type. */
bool nv_doc_string(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                   const char **ret_text, size_t *ret_size);

#endif
