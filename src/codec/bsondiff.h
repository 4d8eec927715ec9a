/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing, changing and merging BSON documents by dotted path (DESIGN 3, last paragraphs of
 * "JSON"; law 5). Pure, any thread. Values are copied as bytes, so whatever BSON allows survives
 * (libbson's own append functions would sort regex options, for example).
 *
 * Documents must be well-formed BSON (-EINVAL else), but may be odd: duplicate keys, bad UTF-8, any
 * depth up to NV_JSON_DEPTH_MAX.
 */
#ifndef NV_CODEC_BSONDIFF_H
#define NV_CODEC_BSONDIFF_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* One change. before and after are documents with one field, whose key is path, so that they can be
 * strung together with bson_concat ({"a.b": 1} + {"c": 2} is a $set) or walked with bson_iter. */
struct nv_bson_change {
	char *path;     /* owned; dotted, "a.b.0.c"; never "" */
	bson_t *before; /* owned; {path: old value}; NULL = the field was absent */
	bson_t *after;  /* owned; {path: new value}; NULL = the field is unset */
};

/* Changes in the order of the edited document, none inside another's path. */
struct nv_bson_changes {
	struct nv_bson_change *items; /* owned */
	size_t count;
	size_t cap;
};

#define NV_BSON_CHANGES_INIT                                                                       \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Frees the changes; *changes is then empty and usable again. */
void nv_bson_changes_release(struct nv_bson_changes *changes);

/* Adds a change at the end; path is copied. before and after are borrowed: the value is that of the
 * first field of each, whatever its key; NULL as in the struct. 0, -ENOMEM, -EINVAL (path "" or
 * damaged BSON). */
int nv_bson_changes_add(struct nv_bson_changes *changes, const char *path, const bson_t *before,
                        const bson_t *after);

#define cleanup_bson_changes __attribute__((cleanup(nv_bson_changes_release)))

static inline void nv_cleanup_bson(bson_t **doc)
{
	if (*doc) {
		bson_destroy(*doc);
	}
}
#define cleanup_bson __attribute__((cleanup(nv_cleanup_bson)))

/* True when both are the same bytes. */
bool nv_bson_equal(const bson_t *a, const bson_t *b);

/* True when both say the same: numbers by value whatever their type, documents whatever their field
 * order, arrays in order, all else by bytes. False when either is damaged or memory is short. */
bool nv_bson_same(const bson_t *a, const bson_t *b);

/* nv_bson_same for the values that two iterators stand on. */
bool nv_bson_same_value(const bson_iter_t *a, const bson_iter_t *b);

/* *ret_doc = {"": value at the dotted path}; array elements by index. 0, -ENOENT (no such field),
 * -EINVAL, -ENOMEM. */
int nv_bson_get(const bson_t *doc, const char *path, bson_t **ret_doc);

/*
 * *ret_doc = edited, in which every number that equals the number of another type at the same path
 * of stored has the stored type and bytes again. Array elements stand at the same path when both
 * have the same `_id`, else when only a run of elements was put in or taken out around them, else
 * by position. 0, -EINVAL, -ENOMEM.
 */
int nv_bson_retype(const bson_t *stored, const bson_t *edited, bson_t **ret_doc);

/*
 * Appends to *ret_changes what makes mine of base: one set for each field that is new or says
 * something else, one unset for each that is gone; sub-documents are entered, arrays are set whole.
 * Field order alone is no change, null is a value. Where a field name is empty, has a dot, begins
 * with '$' or stands twice, the nearest ancestor with a clean path is set whole. 0, -ENOMEM;
 * -EINVAL with the reason: damaged BSON, or no such ancestor (a top-level field of such a name was
 * changed).
 */
int nv_bson_diff(const bson_t *base, const bson_t *mine, struct nv_bson_changes *ret_changes,
                 struct nv_err *err);

/*
 * *ret_doc = doc with the changes, as MongoDB's $set and $unset make it: parents are created as
 * documents, a set field keeps its place, new fields come last in the order of the changes, an
 * array grows with nulls, an unset array element becomes null, an unset of what is not there does
 * nothing. before is not looked at. 0, -ENOMEM; -EINVAL with the reason: one path inside another's,
 * a path through a value that is no document or array, an array index that is no number or over
 * 100,000 past the end, damaged BSON; -EFBIG: *ret_doc would be over 16 MiB.
 */
int nv_bson_apply(const bson_t *doc, const struct nv_bson_changes *changes, bson_t **ret_doc,
                  struct nv_err *err);

/*
 * What of mine's changes from base is still to be done to theirs: *ret_changes (appended; before =
 * theirs' value). Both changing a field to the same value, or both unsetting it, is no conflict,
 * unless they may have built on the old value, each for himself: a number made another number, an
 * array another array. -ESTALE when both changed a field otherwise, or one set something in what
 * the other unset: then *ret_conflicts (appended; may be NULL) has each such path, before = theirs'
 * value, after = mine's, and *ret_changes is as it was. A top-level field that no path can say does not hinder
 * when only theirs changed it. 0, -EINVAL (as nv_bson_diff), -ENOMEM.
 */
int nv_bson_merge3(const bson_t *base, const bson_t *mine, const bson_t *theirs,
                   struct nv_bson_changes *ret_changes, struct nv_bson_changes *ret_conflicts,
                   struct nv_err *err);

#define NV_BSON_NO_MATCH ((size_t)-1)

/*
 * Which element of the array stored each element of the array edited is (both as bson_t views of
 * the array): by `_id`; else by the field key_field (may be NULL), when exactly one stored element
 * has that value; else by position, when both arrays are of equal length. *ret_match is an array of
 * as many indexes into stored as edited has elements (free it; NULL when 0), NV_BSON_NO_MATCH for
 * elements that are new or no documents. No two have the same index. 0, -ENOMEM; -EINVAL with the
 * reason: an `_id` given twice, or an element without identity between others (which stored element
 * it is, and so which hidden fields it has, cannot be told).
 */
int nv_bson_match_elements(const bson_t *stored, const bson_t *edited, const char *key_field,
                           size_t **ret_match, size_t *ret_count, struct nv_err *err);

#endif
