/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a saved text to the whole document it stands for: what the text leaves out comes from the
 * stored version, what contradicts its path or is kept by the server is refused with its place
 * (DESIGN 3 "JSON"). Also what a new document gets besides its text.
 */
#ifndef NV_NETGOAT_EDIT_H
#define NV_NETGOAT_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bson/bson.h>

#include "base/error.h"
#include "netgoat/schema.h"
#include "netgoat/text.h"

/* Where defaults and spellings of a new document or array element come from. All borrowed. */
struct nv_fresh {
	const bson_t *const
		*samples; /* documents of the same collection: their spelling is taken */
	size_t samples_count;
	const char *name;  /* $name: the last component of the path, unescaped, or NULL */
	const char *actor; /* $actor: used when it is an ObjectId's text, or NULL */
	int64_t now_ms;    /* $now */
};

/* One text to be saved. All borrowed. */
struct nv_edit {
	const struct nv_schema *schema;
	const struct nv_schema_kind *kind;
	const struct nv_facts *facts;
	const struct nv_fresh *fresh;
	const bson_t *base; /* the stored document the text was made from; NULL = none */
	/* NAME and TYPE of a new document's path; NULL = no base-less name to compare with */
	const char *name;
	size_t name_size;
	const char *type;
	size_t type_size;
	bool free_references; /* references to parents may be set (orphans) */
	const char *text;
	size_t size;
	struct nv_faults *faults; /* may be NULL */
};

/*
 * *ret_doc = the whole document: base with what the text says. Without base: the text without what
 * the path says. Numbers equal to base's keep its types. 0; -EINVAL (faults), -EFBIG, -ENOMEM,
 * -EIO.
 */
int nv_edit_apply(const struct nv_edit *edit, bson_t **ret_doc, struct nv_err *err);

/* Adds a fault at the place of a dotted path in a text (text NULL: no place). Returns -EINVAL. */
int nv_edit_fault(struct nv_faults *faults, const char *text, size_t size, const char *path,
                  const char *reason);

/* The alias of a field that samples use, else the first. */
const char *nv_fresh_path(const struct nv_fresh *fresh, const struct nv_schema_field *field);

/* The alias of a field that samples use; NULL: none has it, or it has one name only. */
const char *nv_fresh_spelling(const struct nv_fresh *fresh, const struct nv_schema_field *field);

/* Appends BSON bytes: all fields of data, then the defaults of those fields of node that are
 * missing. An element's node gives a new array element, a kind's root a new document. 0, -EIO,
 * -ENOMEM. */
int nv_fresh_fill(const struct nv_fresh *fresh, const struct nv_schema_node *node,
                  const uint8_t *data, size_t size, struct nv_buf *out);

#endif
