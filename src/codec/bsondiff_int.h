/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What bsondiff.c, bsonmerge.c, bsonapply.c and bsonmatch.c share.
 */
#ifndef NV_CODEC_BSONDIFF_INT_H
#define NV_CODEC_BSONDIFF_INT_H

#include "codec/bsondiff.h"
#include "codec/bsonvalue.h"

/* Cuts the list to count changes. */
void nv_bson_changes_truncate(struct nv_bson_changes *changes, size_t count);

/* Adds a change at the end; before and after may be NULL or of type 0 for absent. 0 or -ENOMEM. */
int nv_bson_changes_put(struct nv_bson_changes *changes, const char *path,
                        const struct nv_raw_elem *before, const struct nv_raw_elem *after);

/* The document as a field without name. Borrowed. */
void nv_bson_whole(const bson_t *doc, struct nv_raw_elem *ret_elem);

/* 0; -EINVAL with the reason, naming the document by `which`, when it is damaged. */
int nv_bson_check(const bson_t *doc, const char *which, struct nv_err *err);

/* As nv_bson_diff, but changes of top-level fields that no path can say are left out. Both
 * documents were checked. 0 or -ENOMEM. */
int nv_bson_diff_theirs(const bson_t *base, const bson_t *theirs,
                        struct nv_bson_changes *ret_changes);

/* The only field of a change's before or after (well-formed: the list was built so). */
struct nv_raw_elem nv_bson_only(const bson_t *doc);

#endif
