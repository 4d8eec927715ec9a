/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving in a full mount: the text is the document. By its _id: the stored one becomes it, wherever
 * it stood; what stood at the path under another _id goes in the same commit.
 */
#include "config.h"

#include "netgoat/whole.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/check.h"

/* Each try follows a change by somebody else; so many in a row are no accident. */
#define TRIES 16

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

/* ---- What there is ---- */

static bool has_id(const bson_t *doc, const bson_value_t *id)
{
	bson_iter_t iter;
	return id && bson_iter_init_find(&iter, doc, "_id") &&
	       nv_docvalue_equal(bson_iter_value(&iter), id);
}

static int take_by_id(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct nv_whole_there *there = ctx;
	const bson_t *kept = nv_arena_keep(&there->arena, bson_copy(doc));
	if (!kept) {
		return no_memory(err);
	}
	if (!there->stored && has_id(kept, there->id)) {
		there->stored = kept;
		there->collection = collection;
	} else if (!there->read && has_id(kept, there->old)) {
		there->read = kept;
		there->read_collection = collection;
	}
	return 0;
}

static int ask_ids(struct nv_whole *whole, struct nv_whole_there *there, const bson_value_t *second,
                   struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, whole->subject.ng->store);
	bson_value_t ids[2] = { *there->id };
	if (second) {
		ids[1] = *second;
	}
	struct nv_docask ask = { .kind = whole->subject.dir.kind, .fn = take_by_id, .ctx = there };
	nv_docask_id(&ask, NV_DOCTERM_IN, ids, second ? 2 : 1);
	return nv_docbatch_add(&batch, &ask) ? no_memory(err) : nv_docbatch_run(&batch, err);
}

/* Fills *there. The document to be replaced is the one that the writer read: what has come since to
 * a name that was free is in the way. */
static int look(struct nv_whole *whole, const struct nv_version *seen, struct nv_whole_there *there,
                struct nv_err *err)
{
	there->id = whole->id;
	there->old = seen ? nv_doc_id(&there->arena, seen->doc) : NULL;
	int rc = ask_ids(whole, there, there->old, err);
	if (rc == 0 && there->old && !nv_docvalue_equal(there->old, there->id)) {
		there->replaced = there->read;
		there->replaced_collection = there->read_collection;
	}
	return rc;
}

/* ---- What becomes of it ---- */

/* Whether a field that roles name is not the same in both. */
bool nv_whole_differs(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *a,
                      const bson_t *b)
{
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(kind, role, &paths);
	for (size_t i = 0; i < count; i++) {
		struct nv_raw_elem x;
		struct nv_raw_elem y;
		bool in_a = nv_elem_find(a, paths[i], &x);
		bool in_b = nv_elem_find(b, paths[i], &y);
		if (in_a != in_b || (in_a && !nv_elem_same(&x, &y))) {
			return true;
		}
	}
	return false;
}

/* Whether the document hangs on another parent. A record's team is a copy of its domain's. */
static bool changes_parent(const struct nv_schema_kind *kind, const bson_t *a, const bson_t *b)
{
	bool notice = kind->kind == NV_DOC_ALERT || kind->kind == NV_DOC_INCIDENT;
	return nv_whole_differs(kind, NV_ROLE_DOMAIN, a, b) ||
	       ((notice || kind->kind == NV_DOC_DOMAIN) &&
	        nv_whole_differs(kind, NV_ROLE_TEAM, a, b));
}

static bool changes_name(const struct nv_docdir *dir, const bson_t *a, const bson_t *b)
{
	cleanup_buf struct nv_buf x = NV_BUF_INIT;
	cleanup_buf struct nv_buf y = NV_BUF_INIT;
	bool said = false;
	return nv_docname_plain(dir->kind, false, a, dir->suffix, &x, &said) ||
	       nv_docname_plain(dir->kind, false, b, dir->suffix, &y, &said) ||
	       strcmp(x.data, y.data) != 0;
}

static int refuse_conflicts(struct nv_whole *whole, const struct nv_bson_changes *conflicts,
                            struct nv_err *err)
{
	const struct nv_save_request *request = whole->request;
	for (size_t i = 0; i < conflicts->count; i++) {
		cleanup_buf struct nv_buf reason = NV_BUF_INIT;
		nv_buf_printf(&reason, "%s: changed by somebody else meanwhile",
		              conflicts->items[i].path);
		(void)nv_edit_fault(whole->subject.faults, request->text, request->size,
		                    conflicts->items[i].path,
		                    reason.data ? reason.data
		                                : "changed by somebody else meanwhile");
	}
	return nv_fail(err, ESTALE, "somebody else changed the same field");
}

/* The text keeps off what others changed since its writer read base; where nobody did, all of it is
 * meant, to the order of its fields. */
static int plan_update(struct nv_whole *whole, struct nv_whole_there *there, const bson_t *base,
                       struct nv_whole_plan *plan, struct nv_err *err)
{
	cleanup_bson_changes struct nv_bson_changes conflicts = NV_BSON_CHANGES_INIT;
	bool alone = nv_bson_equal(base, there->stored);
	bson_t *merged = NULL;
	int rc = nv_bson_merge3(base, whole->mine, there->stored, &plan->changes, &conflicts, err);
	if (rc == -EINVAL && alone) {
		nv_err_clear(err); /* a name that no path can say */
		plan->exact = true;
		plan->final = whole->mine;
		return 0;
	}
	if (rc == -ESTALE) {
		return refuse_conflicts(whole, &conflicts, err);
	}
	rc = rc ? rc : nv_bson_apply(there->stored, &plan->changes, &merged, err);
	plan->final = rc ? NULL : nv_arena_keep(&there->arena, merged);
	if (rc || !plan->final) {
		return rc ? rc : no_memory(err);
	}
	const struct nv_docdir *dir = &whole->subject.dir;
	if (!alone && (changes_parent(dir->kind, plan->final, whole->mine) ||
	               changes_name(dir, plan->final, whole->mine))) {
		return nv_fail(err, ESTALE, "somebody else moved the document");
	}
	if (alone && !nv_bson_equal(plan->final, whole->mine)) {
		plan->exact = true;
		plan->final = whole->mine;
	}
	return 0;
}

static void name_it(struct nv_whole *whole, const struct nv_whole_there *there,
                    struct nv_whole_plan *plan)
{
	const struct nv_docdir *dir = &whole->subject.dir;
	if (!there->stored) {
		plan->verb = "create";
		plan->path = whole->path;
		plan->moves = true;
		return;
	}
	bool parent = changes_parent(dir->kind, there->stored, plan->final);
	bool name = changes_name(dir, there->stored, plan->final);
	plan->verb = parent ? "move" : name ? "rename" : "update";
	plan->moves = parent || name;
	plan->path = plan->moves ? whole->path : whole->subject.node->path;
}

/* ---- The outcome ---- */

/* The name under which the new document is listed, when it is not the path's. */
static int set_name(struct nv_whole *whole, struct nv_err *err)
{
	const struct nv_subject *subject = &whole->subject;
	cleanup_docsnap struct nv_docsnap *snap = NULL;
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	const char *name = NULL;
	bool said = false;
	if (NV_NG_ROLE(subject->node->row->kind) != NV_NG_DOC || !whole->complete) {
		return 0;
	}
	if (subject->dir.by_id) {
		if (nv_docname_plain(subject->dir.kind, true, whole->mine, subject->dir.suffix,
		                     &plain, &said)) {
			return no_memory(err);
		}
		name = plain.data;
	} else if (subject->name.has_id) {
		int rc = nv_docop_listed(subject, &snap, err);
		for (size_t i = 0; rc == 0 && i < snap->count; i++) {
			bson_value_t id;
			if (nv_docitem_id(&snap->items[i], &id) &&
			    nv_docvalue_equal(&id, whole->id)) {
				name = snap->items[i].name;
			}
		}
		if (rc) {
			return rc;
		}
	}
	if (name && strcmp(name, subject->node->name) != 0) {
		whole->result->name = strdup(name);
		return whole->result->name ? 0 : no_memory(err);
	}
	return 0;
}

static int set_theirs(struct nv_whole *whole, const bson_t *doc, const char *collection, int rc,
                      struct nv_err *err)
{
	struct nv_err ignored = NV_ERR_INIT;
	if (rc == -ESTALE && doc && !whole->result->theirs) {
		/* without memory the conflict is told without their text */
		(void)nv_whole_blob(whole->subject.ng, whole->subject.dir.kind, doc, collection,
		                    &whole->result->theirs, &ignored);
	}
	(void)err;
	return rc;
}

/* Why a commit did not take place. */
static int failed(struct nv_whole *whole, const struct nv_whole_there *there,
                  const struct nv_version *seen, const struct nv_whole_plan *plan,
                  const struct nv_doctx *tx, const struct nv_docresult *result, int rc,
                  struct nv_err *err)
{
	if (rc == -ENOTEMPTY) {
		return nv_subject_refused(&whole->subject, tx, result, err);
	}
	if (rc == -ESTALE && seen && result->failed == plan->replaced_write) {
		return set_theirs(
			whole, result->stored, there->replaced_collection,
			nv_fail(err, ESTALE, "somebody else changed the document that stood here"),
			err);
	}
	bool raced = rc == -ESTALE || rc == -ENOENT || (rc == -EEXIST && result->stored);
	return raced && result->failed < tx->writes_count
	               ? nv_fail(err, EAGAIN, "somebody else changes it all the time")
	               : rc;
}

static int commit(struct nv_whole *whole, const struct nv_whole_there *there,
                  const struct nv_version *seen, struct nv_whole_plan *plan, struct nv_err *err)
{
	struct nv_netgoat *ng = whole->subject.ng;
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, ng);
	tx.whole = true;
	cleanup_docresult struct nv_docresult result = { 0 };
	int rc = nv_whole_collect(whole, there, seen, plan, &tx, err);
	if (rc) {
		return rc;
	}
	rc = nv_doctx_commit(&tx, &result, err);
	if (rc) {
		return failed(whole, there, seen, plan, &tx, &result, rc, err);
	}
	whole->result->changed = true;
	rc = nv_whole_blob(ng, whole->subject.dir.kind, result.after[plan->main_write],
	                   there->collection, &whole->result->blob, err);
	return rc || !plan->moves ? rc : set_name(whole, err);
}

static int check(struct nv_whole *whole, const struct nv_whole_there *there,
                 const struct nv_whole_plan *plan, struct nv_err *err)
{
	struct nv_check_ctx check = { .kind = whole->subject.dir.kind,
		                      .placed = true,
		                      .zone = whole->subject.zone,
		                      .mask = nv_schema_mask(whole->subject.ng->schema),
		                      .text = whole->request->text,
		                      .size = whole->request->size,
		                      .faults = whole->subject.faults };
	return nv_check_doc(&check, there->stored, plan->final, err);
}

/* One try. */
static int save_once(struct nv_whole *whole, const struct nv_version *seen,
                     struct nv_whole_there *there, struct nv_whole_plan *plan, struct nv_err *err)
{
	int rc = look(whole, seen, there, err);
	if (rc) {
		return rc;
	}
	bool same = there->old && nv_docvalue_equal(there->old, there->id);
	if (seen && same && !there->stored) {
		return nv_fail(err, ESTALE, "somebody else removed the document");
	}
	if (there->stored) {
		/* Who names a document that it did not read here means all of the text. */
		const bson_t *base = seen && same ? seen->doc : there->stored;
		rc = plan_update(whole, there, base, plan, err);
		rc = set_theirs(whole, there->stored, there->collection, rc, err);
	} else {
		plan->final = whole->mine;
	}
	if (rc) {
		return rc;
	}
	if (there->stored && !there->replaced && nv_bson_equal(plan->final, there->stored)) {
		rc = nv_whole_blob(whole->subject.ng, whole->subject.dir.kind, there->stored,
		                   there->collection, &whole->result->blob, err);
		return rc ? rc : set_name(whole, err);
	}
	if (!there->stored) {
		const bson_t *const *samples = NULL;
		size_t count = 0;
		rc = nv_fresh_samples(whole->subject.ng, whole->subject.dir.kind, &there->arena,
		                      &samples, &count, &there->collection, err);
	}
	name_it(whole, there, plan);
	rc = rc ? rc : check(whole, there, plan, err);
	return rc ? rc : commit(whole, there, seen, plan, err);
}

/* A text without an _id is the document that stands there, or a new one. */
static int give_id(struct nv_whole *whole, const struct nv_version *seen, bool *ret_fresh,
                   struct nv_err *err)
{
	struct nv_subject *subject = &whole->subject;
	const struct nv_docname *name = &subject->name;
	const bson_value_t *path_id = name->has_id ? name->id : name->named ? NULL : name->name_id;
	bson_t *with = nv_arena_bson(&subject->arena);
	*ret_fresh = false;
	if (whole->id) {
		return 0;
	}
	if (with && seen) {
		const bson_value_t *id = nv_doc_id(&subject->arena, seen->doc);
		bson_append_value(with, "_id", 3, id);
	} else if (with && path_id && path_id->value_type == BSON_TYPE_OID) {
		bson_append_value(with, "_id", 3, path_id);
	} else if (with) {
		bson_oid_t oid;
		bson_oid_init(&oid, NULL);
		bson_append_oid(with, "_id", 3, &oid);
		*ret_fresh = true;
	}
	if (!with || !bson_concat(with, whole->mine)) {
		return no_memory(err);
	}
	bson_destroy(whole->mine);
	whole->mine = bson_copy(with);
	whole->id = nv_doc_id(&subject->arena, whole->mine);
	return whole->id ? 0 : no_memory(err);
}

static int run(struct nv_whole *whole, struct nv_err *err)
{
	const struct nv_save_request *request = whole->request;
	const struct nv_version *seen = nv_version_of(request->base);
	const struct nv_version *parent = nv_version_of(request->parent);
	bool fresh = false;
	int rc = nv_whole_parse(whole, err);
	rc = rc ? rc : give_id(whole, seen ? seen : parent, &fresh, err);
	rc = rc ? rc : nv_whole_check_path(whole, fresh, err);
	bool again = rc == 0;
	for (int i = 0; again && i < TRIES; i++) {
		struct nv_whole_there there = { .arena = NV_ARENA_INIT };
		struct nv_whole_plan plan = { .changes = NV_BSON_CHANGES_INIT };
		rc = save_once(whole, seen, &there, &plan, err);
		again = rc == -EAGAIN;
		nv_bson_changes_release(&plan.changes);
		nv_arena_release(&there.arena);
	}
	return again ? nv_fail(err, ESTALE, "somebody else changes it all the time") : rc;
}

int nv_whole_save(struct nv_netgoat *ng, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err)
{
	struct nv_whole whole = { .request = request, .result = result };
	int rc = nv_whole_find_path(&whole, ng, node, call->faults, err);
	rc = rc ? rc : run(&whole, err);
	if (whole.mine) {
		bson_destroy(whole.mine);
	}
	nv_subject_release(&whole.subject);
	return rc;
}
