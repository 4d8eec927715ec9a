/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The commit of a whole document: its writes, what it must not meet, and its entries (whole.h). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/whole.h"

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

static bool is_clean(const char *key)
{
	return *key && *key != '$' && !strchr(key, '.');
}

int nv_whole_remove(struct nv_doctx *tx, const char *collection, const bson_t *stored)
{
	struct nv_arena *arena = &tx->arena;
	size_t count = bson_count_keys(stored);
	struct nv_docexpect *expects = nv_arena_alloc(arena, count + 1, sizeof(*expects));
	struct nv_docwrite gone = { .kind = NV_DOCWRITE_DELETE,
		                    .collection = collection,
		                    .id = nv_doc_id(arena, stored),
		                    .expects = expects };
	bson_iter_t iter;
	if (!expects || !gone.id || !bson_iter_init(&iter, stored)) {
		return -ENOMEM;
	}
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);
		bool twice = false;
		for (size_t i = 0; i < gone.expects_count; i++) {
			twice = twice || strcmp(expects[i].path, key) == 0;
		}
		if (is_clean(key) && !twice && strcmp(key, "_id") != 0) {
			expects[gone.expects_count++] =
				(struct nv_docexpect){ .path = nv_arena_strdup(arena, key),
				                       .value = nv_arena_value(arena, &iter) };
		}
	}
	return nv_arena_error(arena) ? -ENOMEM : nv_doctx_add(tx, &gone, NV_TX_PLAIN);
}

/* Takes the stored document away as it was read, for the new one to come. */
static int add_exact(struct nv_doctx *tx, const struct nv_whole_there *there, const bson_t *final)
{
	struct nv_docwrite come = { .kind = NV_DOCWRITE_INSERT,
		                    .collection = there->collection,
		                    .doc = final };
	int rc = nv_whole_remove(tx, there->collection, there->stored);
	return rc ? rc : nv_doctx_add(tx, &come, NV_TX_PLAIN);
}

static int add_main(struct nv_whole *whole, const struct nv_whole_there *there,
                    struct nv_whole_plan *plan, struct nv_doctx *tx)
{
	static const enum nv_role kept[] = { NV_ROLE_NAME, NV_ROLE_TYPE, NV_ROLE_TEAM,
		                             NV_ROLE_DOMAIN, NV_ROLE_NONE };
	int rc = 0;
	if (!there->stored) {
		struct nv_docwrite insert = { .kind = NV_DOCWRITE_INSERT,
			                      .collection = there->collection,
			                      .doc = plan->final };
		rc = nv_doctx_add(tx, &insert, NV_TX_PLAIN);
	} else if (plan->exact) {
		rc = add_exact(tx, there, plan->final);
	} else {
		rc = nv_doctx_update(tx, whole->subject.dir.kind, there->collection, there->stored,
		                     &plan->changes, kept);
	}
	plan->main_write = tx->writes_count - 1;
	return rc;
}

/* What the new version must not meet. */
static int add_guards(struct nv_whole *whole, const struct nv_whole_there *there,
                      const struct nv_whole_plan *plan, struct nv_doctx *tx)
{
	const struct nv_subject *subject = &whole->subject;
	const struct nv_schema_kind *kind = subject->dir.kind;
	bson_value_t except[2] = { *there->id };
	size_t count = 1;
	int rc = 0;
	if (there->replaced) {
		except[count++] = *there->old;
	}
	if (plan->moves && whole->complete && subject->place.scope != NV_NG_IN_ORPHANS) {
		const bson_value_t *kept = NULL;
		bson_value_t *ids = nv_arena_alloc(&tx->arena, 2, sizeof(*ids));
		for (size_t i = 0; ids && i < count; i++) {
			kept = nv_arena_value_copy(&tx->arena, &except[i]);
			ids[i] = kept ? *kept : except[i];
		}
		rc = ids ? nv_subject_guard_name(subject, tx, ids, count) : -ENOMEM;
		rc = rc ? rc : nv_subject_guard_parent(subject, tx);
	}
	bool alone = plan->moves ||
	             nv_whole_differs(kind, NV_ROLE_TYPE, there->stored, plan->final) ||
	             nv_whole_differs(kind, NV_ROLE_NAME, there->stored, plan->final) ||
	             nv_whole_differs(kind, NV_ROLE_ACTIVE, there->stored, plan->final);
	return rc || !alone ? rc : nv_subject_guard_dns(subject, tx, plan->final, there->id);
}

/* The whole document, before (if it was there) and after. */
static int log_whole(const struct nv_whole_there *there, const struct nv_schema_kind *kind,
                     const struct nv_whole_plan *plan, struct nv_doctx *tx, struct nv_err *err)
{
	struct nv_tx_entry entry = { .verb = plan->verb,
		                     .subject = nv_schema_word(kind->kind),
		                     .kind = kind,
		                     .collection = there->collection,
		                     .id = there->id,
		                     .path = plan->path,
		                     .before = there->stored,
		                     .after = plan->final };
	return nv_doctx_log(tx, &entry, err);
}

/* Each field at the top that is not the same, or, where none can be named, the whole. */
static int log_exact(struct nv_whole *whole, const struct nv_whole_there *there,
                     const struct nv_whole_plan *plan, struct nv_doctx *tx, struct nv_err *err)
{
	const struct nv_schema_kind *kind = whole->subject.dir.kind;
	cleanup_bson_changes struct nv_bson_changes fields = NV_BSON_CHANGES_INIT;
	const bson_t *sides[] = { plan->final, there->stored };
	bool whole_docs = false;
	int rc = 0;
	for (size_t side = 0; side < 2 && rc == 0; side++) {
		bson_iter_t iter;
		bool more = bson_iter_init(&iter, sides[side]);
		while (more && rc == 0 && bson_iter_next(&iter)) {
			const char *key = bson_iter_key(&iter);
			bson_t *here = NULL;
			bson_t *other = NULL;
			struct nv_raw_elem x;
			struct nv_raw_elem y;
			bool in_a = nv_elem_find(sides[0], key, &x);
			bool in_b = nv_elem_find(sides[1], key, &y);
			whole_docs = whole_docs || !is_clean(key);
			if (!is_clean(key) || (side == 1 && in_a) ||
			    (in_a && in_b && nv_elem_same(&x, &y))) {
				continue;
			}
			rc = in_a ? nv_bson_get(sides[0], key, &here) : 0;
			rc = rc || !in_b ? rc : nv_bson_get(sides[1], key, &other);
			rc = rc ? rc : nv_bson_changes_add(&fields, key, other, here);
			nv_cleanup_bson(&here);
			nv_cleanup_bson(&other);
		}
	}
	if (rc) {
		return nv_fail(err, -rc, "the changes cannot be logged");
	}
	if (fields.count && !whole_docs) {
		return nv_doctx_log_changes(tx, plan->verb, kind, there->collection, there->stored,
		                            plan->path, &fields, err);
	}
	return log_whole(there, kind, plan, tx, err);
}

static int log_main(struct nv_whole *whole, const struct nv_whole_there *there,
                    const struct nv_whole_plan *plan, struct nv_doctx *tx, struct nv_err *err)
{
	const struct nv_schema_kind *kind = whole->subject.dir.kind;
	if (there->stored && plan->exact) {
		return log_exact(whole, there, plan, tx, err);
	}
	if (there->stored) {
		return nv_doctx_log_changes(tx, plan->verb, kind, there->collection, there->stored,
		                            plan->path, &plan->changes, err);
	}
	return log_whole(there, kind, plan, tx, err);
}

static int log_replaced(struct nv_whole *whole, const struct nv_whole_there *there,
                        struct nv_doctx *tx, struct nv_err *err)
{
	const struct nv_schema_kind *kind = whole->subject.dir.kind;
	struct nv_tx_entry entry = { .verb = "delete",
		                     .subject = nv_schema_word(kind->kind),
		                     .kind = kind,
		                     .collection = there->replaced_collection,
		                     .id = there->old,
		                     .path = whole->path,
		                     .before = there->replaced };
	return nv_doctx_log(tx, &entry, err);
}

int nv_whole_collect(struct nv_whole *whole, const struct nv_whole_there *there,
                     const struct nv_version *seen, struct nv_whole_plan *plan, struct nv_doctx *tx,
                     struct nv_err *err)
{
	plan->replaced_write = SIZE_MAX;
	if (there->replaced) {
		plan->replaced_write = tx->writes_count;
		if (nv_doctx_delete(tx, whole->subject.dir.kind, there->replaced_collection,
		                    seen ? seen->doc : there->replaced)) {
			return no_memory(err);
		}
	}
	if (add_guards(whole, there, plan, tx) || add_main(whole, there, plan, tx)) {
		return no_memory(err);
	}
	int rc = log_main(whole, there, plan, tx, err);
	return rc || !there->replaced ? rc : log_replaced(whole, there, tx, err);
}
