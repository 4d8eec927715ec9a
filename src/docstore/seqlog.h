/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a changelog reader of an embedded store remembers: how far it has read by place, and which
 * entries it passed that were not settled. Private to docstore/. Not for two threads at once.
 */
#ifndef NV_DOCSTORE_SEQLOG_H
#define NV_DOCSTORE_SEQLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "docstore/docstore.h"
#include "docstore/value.h"

struct nv_seqlog {
	int64_t next;     /* entries at this place and behind were not looked at */
	int64_t *pending; /* owned; places before next of entries that were not settled */
	size_t pending_count;
};

void nv_seqlog_release(struct nv_seqlog *log);

/* True for an entry with a non-null field `pending`. */
bool nv_seqlog_is_pending(const struct nv_bval *entry);

/* Delivers the entry at a place unless it was, or remembers it as pending: what fn says, or 0.
 * Places must come in ascending order, those in pending too. */
int nv_seqlog_entry(struct nv_seqlog *log, int64_t place, const struct nv_bval *entry,
                    nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);

/* Forgets a pending place whose entry is gone. */
void nv_seqlog_forget(struct nv_seqlog *log, int64_t place);

#endif
