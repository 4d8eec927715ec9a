/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Places of a changelog reader (seqlog.h).
 */
#include "config.h"

#include "docstore/seqlog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void nv_seqlog_release(struct nv_seqlog *log)
{
	free(log->pending);
	*log = (struct nv_seqlog){ 0 };
}

bool nv_seqlog_is_pending(const struct nv_bval *entry)
{
	struct nv_bval pending;
	return nv_bval_field(entry, "pending", 7, &pending) && pending.type != BSON_TYPE_NULL;
}

static bool waits(const struct nv_seqlog *log, int64_t place, size_t *ret_at)
{
	for (size_t i = 0; i < log->pending_count; i++) {
		if (log->pending[i] == place) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

void nv_seqlog_forget(struct nv_seqlog *log, int64_t place)
{
	size_t at = 0;
	if (waits(log, place, &at)) {
		log->pending_count--;
		memmove(log->pending + at, log->pending + at + 1,
		        (log->pending_count - at) * sizeof(*log->pending));
	}
}

static int remember(struct nv_seqlog *log, int64_t place, struct nv_err *err)
{
	int64_t *grown = realloc(log->pending, (log->pending_count + 1) * sizeof(*grown));
	if (!grown) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	log->pending = grown;
	log->pending[log->pending_count++] = place;
	return 0;
}

int nv_seqlog_entry(struct nv_seqlog *log, int64_t place, const struct nv_bval *entry,
                    nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	size_t at = 0;
	bool waited = waits(log, place, &at);
	int rc = 0;
	if (!waited && place < log->next) {
		return 0;
	}
	if (!nv_seqlog_is_pending(entry)) {
		bson_t doc;
		rc = bson_init_static(&doc, entry->data, entry->size)
		             ? fn(ctx, 0, &doc, err)
		             : nv_fail(err, EIO, "a changelog entry is damaged");
		if (rc >= 0) {
			nv_seqlog_forget(log, place);
		}
	} else if (!waited) {
		rc = remember(log, place, err);
	}
	if (rc >= 0 && place >= log->next) {
		log->next = place + 1;
	}
	return rc;
}
