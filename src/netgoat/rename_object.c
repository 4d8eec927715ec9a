/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Renaming and moving objects: one commit with everything that repeats the old name or refers to
 * the old parent (DESIGN 2, 6). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/journey.h"

/* The whole document of an object. */
struct whole {
	const char *collection;
	bson_t *doc; /* owned */
};

static int take_whole(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct whole *whole = ctx;
	(void)err;
	if (collection == whole->collection && !whole->doc) {
		whole->doc = bson_copy(doc);
	}
	return 0;
}

static int read_whole(struct nv_netgoat *ng, enum nv_doc_kind kind, const struct nv_head *head,
                      bson_t **ret_doc, struct nv_err *err)
{
	struct whole whole = { .collection = head->collection };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_docask ask = { .kind = nv_ng_kind(ng, kind), .fn = take_whole, .ctx = &whole };
	nv_docask_id(&ask, NV_DOCTERM_EQ, &head->id, 1);
	int rc = nv_docbatch_add(&batch, &ask) ? nv_fail(err, ENOMEM, "out of memory")
	                                       : nv_docbatch_run(&batch, err);
	if (rc == 0 && !whole.doc) {
		rc = nv_fail(err, ENOENT, "it is gone");
	}
	if (rc) {
		if (whole.doc) {
			bson_destroy(whole.doc);
		}
		return rc;
	}
	*ret_doc = whole.doc;
	return 0;
}

/* In every child that says old in an alias of role: new. The alias stands for itself only, so
 * that another one is never overwritten. */
static int update_children(struct nv_doctx *tx, const struct nv_head *domain,
                           enum nv_doc_kind kind_number, enum nv_role role, const bson_value_t *old,
                           const bson_value_t *new)
{
	const struct nv_schema_kind *kind = nv_ng_kind(tx->ng, kind_number);
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(kind, role, &paths);
	struct nv_arena *arena = &tx->arena;
	for (size_t c = 0; c < kind->collections_count; c++) {
		for (size_t p = 0; p < count; p++) {
			struct nv_docask ask = { .kind = kind };
			nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_EQ, &domain->id, 1);
			struct nv_docterm *terms = nv_arena_alloc(arena, 2, sizeof(*terms));
			struct nv_docset *sets = nv_arena_alloc(arena, 8, sizeof(*sets));
			struct nv_docinc *incs = nv_arena_alloc(arena, 8, sizeof(*incs));
			if (!terms || !sets || !incs) {
				return -ENOMEM;
			}
			terms[0] = ask.terms[0];
			terms[1] = (struct nv_docterm){ .paths = &paths[p],
				                        .paths_count = 1,
				                        .op = NV_DOCTERM_EQ,
				                        .values = old,
				                        .values_count = 1 };
			sets[0] = (struct nv_docset){ .path = paths[p],
				                      .value = new,
				                      .when = old->value_type == new->value_type
				                                      ? NV_DOCWHEN_SAME_TYPE
				                                      : NV_DOCWHEN_NOTNULL };
			struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE_ALL,
				                     .collection = kind->collections[c],
				                     .terms = terms,
				                     .terms_count = 2,
				                     .sets = sets,
				                     .sets_count = 1,
				                     .incs = incs };
			int rc = nv_doctx_touch(tx, kind, sets, &write.sets_count, 7, incs,
			                        &write.incs_count, 8);
			rc = rc ? rc : nv_doctx_add(tx, &write, NV_TX_PLAIN);
			if (rc) {
				return rc;
			}
		}
	}
	return 0;
}

static const bson_value_t *role_value(struct nv_arena *arena, const struct nv_schema_kind *kind,
                                      enum nv_role role, const bson_t *doc)
{
	bson_iter_t iter;
	return nv_schema_find(kind, role, doc, &iter, NULL) ? nv_arena_value(arena, &iter) : NULL;
}

/* What repeats a domain's name or team in other documents. */
static int add_children(struct nv_journey *journey, struct nv_doctx *tx,
                        const struct nv_head *domain, const bson_t *after)
{
	static const enum nv_doc_kind kinds[] = { NV_DOC_RECORD, NV_DOC_PROXY, NV_DOC_ALERT,
		                                  NV_DOC_INCIDENT, NV_DOC_ANALYTICS };
	static const enum nv_role own_roles[] = { NV_ROLE_NAME, NV_ROLE_TEAM };
	static const enum nv_role child_roles[] = { NV_ROLE_DOMAIN_NAME, NV_ROLE_TEAM };
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	int rc = 0;
	for (size_t r = 0; r < 2; r++) {
		const bson_value_t *old = role_value(&tx->arena, kind, own_roles[r], journey->doc);
		const bson_value_t *new = role_value(&tx->arena, kind, own_roles[r], after);
		for (size_t i = 0; old && new && !nv_docvalue_equal(old, new) && rc == 0 &&
		                   i < sizeof(kinds) / sizeof(kinds[0]);
		     i++) {
			rc = update_children(tx, domain, kinds[i], child_roles[r], old, new);
		}
	}
	return rc ? rc : nv_arena_error(&tx->arena);
}

/* Names inside the domain's own document that end in its name. */
static int set_full_names(struct nv_journey *journey, const char *old, size_t old_size)
{
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	const struct nv_docname *name = &journey->subject->name;
	bson_iter_t list;
	bson_iter_t element;
	const char *path = NULL;
	if (!kind->roles[NV_ROLE_SUB_FULL] ||
	    !nv_schema_find(kind, NV_ROLE_SUBDOMAINS, journey->doc, &list, &path) ||
	    !BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &element)) {
		return 0;
	}
	int rc = 0;
	while (rc == 0 && bson_iter_next(&element)) {
		bson_iter_t field;
		const char *key = kind->roles[NV_ROLE_SUB_FULL]->paths[0];
		const char *last = strrchr(key, '.') ? strrchr(key, '.') + 1 : key;
		if (!BSON_ITER_HOLDS_DOCUMENT(&element) || !bson_iter_recurse(&element, &field) ||
		    !bson_iter_find(&field, last) || !BSON_ITER_HOLDS_UTF8(&field)) {
			continue;
		}
		uint32_t size = 0;
		const char *text = bson_iter_utf8(&field, &size);
		if (size <= old_size + 1 || text[size - old_size - 1] != '.' ||
		    memcmp(text + size - old_size, old, old_size) != 0) {
			continue;
		}
		cleanup_buf struct nv_buf full = NV_BUF_INIT;
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
		cleanup_buf struct nv_buf at = NV_BUF_INIT;
		nv_buf_append(&full, text, size - old_size);
		nv_buf_append(&full, name->name, name->name_size);
		nv_raw_put_text(&bytes, full.data ? full.data : "", full.len);
		nv_buf_printf(&at, "%s.%s.%s", path, bson_iter_key(&element), last);
		struct nv_raw_elem elem = { .type = BSON_TYPE_UTF8,
			                    .key = "",
			                    .value = (const uint8_t *)bytes.data,
			                    .size = bytes.len };
		rc = nv_buf_error(&full) || nv_buf_error(&bytes) || nv_buf_error(&at)
		             ? -ENOMEM
		             : nv_journey_set(journey, at.data, &elem);
	}
	return rc;
}

static int commit_object(struct nv_journey *journey, const struct nv_head *head, struct nv_err *err)
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
	rc = !id || nv_subject_guard_parent(subject, &tx) ||
	                     nv_subject_guard_name(subject, &tx, id, 1) ||
	                     nv_doctx_update(&tx, kind, journey->collection, journey->doc,
	                                     &journey->changes, NULL) ||
	                     (kind->kind == NV_DOC_DOMAIN &&
	                      add_children(journey, &tx, head, after))
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

static int rename_object_once(struct nv_journey *journey, const struct nv_head *head,
                              struct nv_err *err)
{
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	cleanup_bson bson_t *doc = NULL;
	int rc = read_whole(journey->ng, kind->kind, head, &doc, err);
	if (rc) {
		return rc;
	}
	journey->doc = doc;
	journey->collection = head->collection;
	const char *old = NULL;
	size_t old_size = 0;
	rc = nv_journey_check_ids(journey, err);
	rc = rc ? rc : nv_journey_learn(journey, err);
	if (rc) {
		return rc;
	}
	bool has_old = nv_doc_string(kind, NV_ROLE_NAME, doc, &old, &old_size);
	if (nv_journey_set_names(journey) ||
	    (journey->moved && nv_journey_set_references(journey)) ||
	    (kind->kind == NV_DOC_DOMAIN && has_old && journey->changes.count &&
	     set_full_names(journey, old, old_size))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return journey->changes.count ? commit_object(journey, head, err) : 0;
}

int nv_docop_rename_object(struct nv_netgoat *ng, const struct nv_call *call,
                           const struct nv_node *from, const struct nv_node *to, struct nv_err *err)
{
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < NV_JOURNEY_TRIES; i++) {
		cleanup_subject struct nv_subject subject = { 0 };
		cleanup_ng_place struct nv_ng_place place = { 0 };
		rc = nv_subject_init(&subject, ng, to, call->faults, err);
		rc = rc ? rc : nv_ng_place_find(ng, from, false, &place, err);
		if (rc) {
			return rc;
		}
		enum nv_doc_kind kind = subject.dir.kind->kind;
		const struct nv_head *head = kind == NV_DOC_TEAM   ? place.team
		                             : kind == NV_DOC_USER ? place.user
		                                                   : place.domain;
		struct nv_journey journey = { .ng = ng,
			                      .from = from,
			                      .to = to,
			                      .subject = &subject,
			                      .changes = NV_BSON_CHANGES_INIT,
			                      .moved = !nv_journey_same_directory(from, to) };
		rc = rename_object_once(&journey, head, err);
		nv_bson_changes_release(&journey.changes);
	}
	return rc == -EAGAIN ? nv_fail(err, EIO, "somebody else changes it all the time") : rc;
}
