/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renaming and moving documents that are files (DESIGN 2, 6). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/journey.h"

/* The document that is in the way, if it may be replaced. */
static int find_replaced(struct nv_journey *journey, bool replace, struct nv_founddoc *ret_found,
                         struct nv_err *err)
{
	struct nv_err missing = NV_ERR_INIT;
	if (journey->subject->name.has_id && !journey->subject->name.id) {
		return 0;
	}
	int rc = nv_docs_find(journey->ng, journey->to, nv_ng_text_mode(journey->ng), true,
	                      ret_found, &missing);
	if (rc == -ENOENT) {
		return 0;
	}
	if (rc) {
		return nv_fail(err, rc == -ENOTUNIQ ? EEXIST : -rc, "%s", missing.msg);
	}
	const struct nv_version *there = nv_version_of(ret_found->item->blob);
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	const bson_value_t *old = nv_doc_id(&arena, there->doc);
	const bson_value_t *own = nv_doc_id(&arena, journey->doc);
	if (old && own && nv_docvalue_equal(old, own)) {
		nv_founddoc_release(ret_found);
		return 0;
	}
	return replace ? 0 : nv_fail(err, EEXIST, "%s is there", journey->to->path);
}

static int add_replaced(struct nv_journey *journey, struct nv_doctx *tx,
                        const struct nv_version *there, struct nv_err *err)
{
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	struct nv_tx_entry entry = { .verb = "delete",
		                     .subject = nv_schema_word(kind->kind),
		                     .kind = kind,
		                     .collection = there->collection,
		                     .id = nv_doc_id(&tx->arena, there->doc),
		                     .path = journey->to->path,
		                     .before = there->doc };
	return nv_doctx_delete(tx, kind, there->collection, there->doc)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : nv_doctx_log(tx, &entry, err);
}

static int commit_file(struct nv_journey *journey, const struct nv_version *replaced,
                       struct nv_err *err)
{
	struct nv_subject *subject = journey->subject;
	const struct nv_schema_kind *kind = subject->dir.kind;
	cleanup_bson bson_t *after = NULL;
	int rc = nv_journey_check(journey, &after, err);
	if (rc) {
		return rc;
	}
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, journey->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	const bson_value_t *id = nv_doc_id(&tx.arena, journey->doc);
	rc = replaced ? add_replaced(journey, &tx, replaced, err) : 0;
	if (rc) {
		return rc;
	}
	rc = !id || nv_subject_guard_parent(subject, &tx) ||
	                     nv_subject_guard_name(subject, &tx, id, 1) ||
	                     nv_subject_guard_dns(subject, &tx, after, id) ||
	                     nv_doctx_update(&tx, kind, journey->collection, journey->doc,
	                                     &journey->changes, NULL)
	             ? nv_fail(err, ENOMEM, "out of memory")
	             : 0;
	rc = rc ? rc
	        : nv_doctx_log_changes(&tx, nv_journey_verb(journey), kind, journey->collection,
	                               journey->doc, journey->to->path, &journey->changes, err);
	rc = rc ? rc : nv_doctx_commit(&tx, &result, err);
	if (rc == -ENOTEMPTY) {
		return nv_subject_refused(subject, &tx, &result, err);
	}
	return rc == -ESTALE || rc == -ENOENT ? nv_fail(err, EAGAIN, "somebody else changes it")
	                                      : rc;
}

static int rename_file_once(struct nv_journey *journey, bool replace, struct nv_err *err)
{
	cleanup_founddoc struct nv_founddoc found = { 0 };
	cleanup_founddoc struct nv_founddoc there = { 0 };
	int rc = nv_docs_find(journey->ng, journey->from, nv_ng_text_mode(journey->ng), true,
	                      &found, err);
	if (rc) {
		return rc;
	}
	const struct nv_version *version = nv_version_of(found.item->blob);
	journey->doc = version->doc;
	journey->collection = version->collection;
	rc = nv_subject_confirm(journey->subject, err);
	rc = rc ? rc : nv_journey_check_ids(journey, err);
	rc = rc ? rc : find_replaced(journey, replace, &there, err);
	rc = rc ? rc : nv_journey_learn(journey, err);
	if (rc) {
		return rc;
	}
	if (nv_journey_set_names(journey) ||
	    (journey->moved && nv_journey_set_references(journey))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (journey->changes.count == 0) {
		return 0;
	}
	return commit_file(journey, there.snap ? nv_version_of(there.item->blob) : NULL, err);
}

int nv_docop_rename(void *self, const struct nv_call *call, const struct nv_node *from,
                    const struct nv_node *to, bool replace, struct nv_err *err)
{
	enum nv_ng_role role = NV_NG_ROLE(from->row->kind);
	bool alike = role == NV_NG_ROLE(to->row->kind) &&
	             NV_NG_DOC_KIND(from->row->kind) == NV_NG_DOC_KIND(to->row->kind);
	if (!alike || (role != NV_NG_DOC && role != NV_NG_OBJECT) ||
	    (from->row->flags & NV_ROW_READONLY)) {
		return nv_fail(err, EPERM, "%s cannot become %s", from->path, to->path);
	}
	enum nv_ng_scope scope = NV_NG_SCOPE(to->row->kind);
	bool same = nv_journey_same_directory(from, to);
	if (!same && (scope == NV_NG_IN_ORPHANS || scope == NV_NG_IN_ORPHAN_DOMAIN)) {
		return nv_fail(err, EPERM,
		               "nothing is moved to the orphans: they are what refers to nothing");
	}
	if (role == NV_NG_OBJECT) {
		return nv_docop_rename_object(self, call, from, to, err);
	}
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < NV_JOURNEY_TRIES; i++) {
		cleanup_subject struct nv_subject subject = { 0 };
		rc = nv_subject_init(&subject, self, to, call->faults, err);
		if (rc) {
			return rc;
		}
		struct nv_journey journey = { .ng = self,
			                      .from = from,
			                      .to = to,
			                      .subject = &subject,
			                      .changes = NV_BSON_CHANGES_INIT,
			                      .moved = !same };
		rc = rename_file_once(&journey, replace, err);
		nv_bson_changes_release(&journey.changes);
	}
	return rc == -EAGAIN ? nv_fail(err, EIO, "somebody else changes it all the time") : rc;
}
