/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Restore mounts: a text becomes the document it says, whatever is there or missing; nothing is
 * logged, stamped, checked or made up. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "netgoat/whole.h"

/* ---- Is there anything? ---- */

static int note_any(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	const char **found = ctx;
	(void)doc;
	(void)err;
	*found = *found ? *found : collection;
	return 1;
}

static int note_entry(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	return note_any(ctx, NV_DOCSTORE_CHANGELOG, doc, err);
}

int nv_netgoat_check_empty(struct nv_netgoat *netgoat, struct nv_err *err)
{
	static const char *const id_field[] = { "_id" };
	const char *found = NULL;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, netgoat->store);
	int rc = 0;
	for (int kind = 0; rc == 0 && kind < NV_DOC_KINDS; kind++) {
		struct nv_docask ask = { .kind = nv_ng_kind(netgoat, (enum nv_doc_kind)kind),
			                 .fields = id_field,
			                 .fields_count = 1,
			                 .limit = 1,
			                 .fn = note_any,
			                 .ctx = &found };
		rc = nv_docbatch_add(&batch, &ask);
	}
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	struct nv_docquery log = { .collection = NV_DOCSTORE_CHANGELOG,
		                   .fields = id_field,
		                   .fields_count = 1,
		                   .limit = 1 };
	rc = rc || found ? rc : nv_docstore_query(netgoat->store, &log, 1, note_entry, &found, err);
	return rc || !found
	               ? rc
	               : nv_fail(err, EEXIST,
	                         "restore: the document store is not empty: there are documents in "
	                         "the collection %s",
	                         found);
}

/* ---- Documents ---- */

/* Puts the document where its _id is; replaces: another version of it is there. */
static int commit_document(struct nv_whole *whole, struct nv_netgoat *ng, const char *collection,
                           bool replaces, struct nv_docresult *result, struct nv_err *err)
{
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, ng);
	struct nv_docwrite gone = { .kind = NV_DOCWRITE_DELETE,
		                    .collection = collection,
		                    .id = whole->id };
	struct nv_docwrite insert = { .kind = NV_DOCWRITE_INSERT,
		                      .collection = collection,
		                      .doc = whole->mine };
	return (replaces && nv_doctx_add(&tx, &gone, NV_TX_PLAIN)) ||
	                       nv_doctx_add(&tx, &insert, NV_TX_PLAIN)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : nv_doctx_commit(&tx, result, err);
}

static int put_document(struct nv_whole *whole, struct nv_netgoat *ng, const char *collection,
                        bool *ret_changed, struct nv_err *err)
{
	struct nv_err taken = NV_ERR_INIT;
	cleanup_docresult struct nv_docresult first = { 0 };
	cleanup_docresult struct nv_docresult second = { 0 };
	int rc = commit_document(whole, ng, collection, false, &first, &taken);
	*ret_changed = true;
	if (rc != -EEXIST || !first.stored) {
		return rc ? nv_fail(err, -rc, "%s", taken.msg) : 0;
	}
	*ret_changed = !nv_bson_equal(first.stored, whole->mine);
	return *ret_changed ? commit_document(whole, ng, collection, true, &second, err) : 0;
}

int nv_restore_document(struct nv_netgoat *ng, const struct nv_call *call,
                        const struct nv_node *node, const struct nv_save_request *request,
                        struct nv_save_result *result, struct nv_err *err)
{
	const struct nv_schema_kind *kind = nv_ng_kind(ng, NV_NG_DOC_KIND(node->row->kind));
	struct nv_whole whole = { .request = request,
		                  .result = result,
		                  .subject = { .arena = NV_ARENA_INIT, .faults = call->faults } };
	int rc = nv_whole_parse(&whole, err);
	rc = rc ? rc : nv_whole_has_id(&whole, err);
	bool changed = false;
	rc = rc ? rc : put_document(&whole, ng, kind->collections[0], &changed, err);
	rc = rc ? rc
	        : nv_whole_blob(ng, kind, whole.mine, kind->collections[0], &result->blob, err);
	result->changed = rc == 0 && changed;
	if (whole.mine) {
		bson_destroy(whole.mine);
	}
	nv_arena_release(&whole.subject.arena);
	return rc;
}
