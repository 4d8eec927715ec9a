/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Deleting documents, and objects with what goes along: an empty domain's analytics, a team's
 * memberships (DESIGN 6). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/docop.h"
#include "netgoat/whole.h"

/* ---- Files ---- */

static int delete_document(struct nv_subject *subject, const struct nv_version *version,
                           struct nv_err *err)
{
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, subject->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	const struct nv_schema_kind *kind = subject->dir.kind;
	int rc = nv_doctx_delete(&tx, kind, version->collection, version->doc)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : 0;
	if (rc == 0) {
		struct nv_tx_entry entry = { .verb = "delete",
			                     .subject = nv_schema_word(kind->kind),
			                     .kind = kind,
			                     .collection = version->collection,
			                     .id = nv_doc_id(&tx.arena, version->doc),
			                     .path = subject->node->path,
			                     .before = version->doc };
		rc = nv_doctx_log(&tx, &entry, err);
	}
	rc = rc ? rc : nv_doctx_commit(&tx, &result, err);
	if (rc == -ESTALE) {
		return nv_fail(err, ESTALE, "somebody else changed the document since it was read");
	}
	return rc;
}

/* Of a file of many documents. */
static int save_nothing(struct nv_netgoat *ng, const struct nv_call *call,
                           const struct nv_node *node, struct nv_blob *base, struct nv_err *err)
{
	struct nv_save_result result = { 0 };
	struct nv_save_request request = { .base = base, .text = "" };
	int rc = nv_ndjson_save(ng, call, node, &request, &result, err);
	nv_save_result_release(&result);
	return rc;
}

int nv_docop_unlink(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob *base, bool check_only, struct nv_err *err)
{
	struct nv_netgoat *ng = self;
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	if (role == NV_NG_LINK) {
		return nv_docop_leave(ng, node, check_only, err);
	}
	bool lines = ng->mode >= NV_MOUNT_FULL && (role == NV_NG_CHANGELOG || role == NV_NG_CHUNK);
	if ((role != NV_NG_DOC && !lines) || (node->row->flags & NV_ROW_READONLY)) {
		return nv_fail(err, EPERM, "%s goes with what it belongs to", node->path);
	}
	if (lines && (check_only || role == NV_NG_CHANGELOG)) {
		return check_only ? nv_docstore_ping(ng->store, err)
		                  : save_nothing(ng, call, node, base, err);
	}
	cleanup_founddoc struct nv_founddoc found = { 0 };
	int rc = nv_docs_find(ng, node, nv_ng_text_mode(ng), true, &found, err);
	if (rc || check_only) {
		return rc;
	}
	if (lines) {
		return save_nothing(ng, call, node, base ? base : found.item->blob, err);
	}
	const struct nv_version *now = nv_version_of(found.item->blob);
	const struct nv_version *seen = base ? nv_version_of(base) : now;
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	const bson_value_t *now_id = nv_doc_id(&arena, now->doc);
	const bson_value_t *seen_id = seen ? nv_doc_id(&arena, seen->doc) : NULL;
	if (!now_id || !seen_id || !nv_docvalue_equal(now_id, seen_id)) {
		return nv_fail(err, ESTALE, "another document has the name by now");
	}
	cleanup_subject struct nv_subject subject = { 0 };
	rc = nv_subject_init(&subject, ng, node, call->faults, err);
	return rc ? rc : delete_document(&subject, seen, err);
}

/* ---- Objects ---- */

/* What is known of an object that is to go. */
struct farewell {
	struct nv_netgoat *ng;
	const struct nv_node *node;
	struct nv_ng_place place; /* owned */
	const struct nv_head *head;
	enum nv_doc_kind kind;
	struct nv_doctx tx;
	bson_t *own;              /* of the tx's arena; the whole document */
	const bson_t **others;    /* of the tx's arena: analytics of a domain, users of a team */
	const char **collections; /* [others_count] */
	size_t others_count;
	size_t others_cap;
	size_t collections_cap;
};

static int take_own(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct farewell *farewell = ctx;
	if (collection != farewell->head->collection) {
		return 0;
	}
	farewell->own = nv_arena_keep(&farewell->tx.arena, bson_copy(doc));
	return farewell->own ? 0 : nv_fail(err, ENOMEM, "out of memory");
}

static int take_other(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct farewell *farewell = ctx;
	struct nv_arena *arena = &farewell->tx.arena;
	bson_t *kept = nv_arena_keep(arena, bson_copy(doc));
	if (!kept ||
	    nv_arena_grow(arena, (void **)&farewell->others, farewell->others_count,
	                  &farewell->others_cap, sizeof(*farewell->others)) ||
	    nv_arena_grow(arena, (void **)&farewell->collections, farewell->others_count,
	                  &farewell->collections_cap, sizeof(*farewell->collections))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	farewell->others[farewell->others_count] = kept;
	farewell->collections[farewell->others_count++] = collection;
	return 0;
}

/* The object itself, and the documents that go or change with it. */
static int ask_farewell(struct farewell *farewell, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, farewell->ng->store);
	struct nv_docask own = { .kind = nv_ng_kind(farewell->ng, farewell->kind),
		                 .fn = take_own,
		                 .ctx = farewell };
	nv_docask_id(&own, NV_DOCTERM_EQ, &farewell->head->id, 1);
	int rc = nv_docbatch_add(&batch, &own);
	struct nv_docask other = { .fn = take_other, .ctx = farewell };
	if (farewell->kind == NV_DOC_DOMAIN) {
		other.kind = nv_ng_kind(farewell->ng, NV_DOC_ANALYTICS);
		nv_docask_term(&other, NV_ROLE_DOMAIN, NV_DOCTERM_EQ, &farewell->head->id, 1);
	} else if (farewell->kind == NV_DOC_TEAM) {
		other.kind = nv_ng_kind(farewell->ng, NV_DOC_USER);
		nv_docask_term(&other, NV_ROLE_TEAMS, NV_DOCTERM_EQ, &farewell->head->id, 1);
	}
	rc = rc || !other.kind ? rc : nv_docbatch_add(&batch, &other);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	return rc || farewell->own ? rc : nv_fail(err, ENOENT, "it is gone already");
}

/* Nothing of that kind refers to the object; notices count as they are listed: a team that is
 * named wins. */
static int guard_kind(struct farewell *farewell, enum nv_doc_kind kind, enum nv_role role)
{
	const struct nv_schema_kind *schema = nv_ng_kind(farewell->ng, kind);
	bool notice = kind == NV_DOC_ALERT || kind == NV_DOC_INCIDENT;
	struct nv_docask ask = { .kind = schema };
	nv_docask_term(&ask, role, NV_DOCTERM_EQ, &farewell->head->id, 1);
	if (notice && role == NV_ROLE_DOMAIN) {
		struct nv_docask same = ask;
		bson_iter_t team;
		nv_docask_term(&ask, NV_ROLE_TEAM, NV_DOCTERM_NULL, NULL, 0);
		if (nv_schema_find(nv_ng_kind(farewell->ng, NV_DOC_DOMAIN), NV_ROLE_TEAM,
		                   farewell->head->doc, &team, NULL)) {
			nv_docask_term(&same, NV_ROLE_TEAM, NV_DOCTERM_EQ,
			               nv_arena_value(&farewell->tx.arena, &team), 1);
			int rc = nv_docop_guard(&farewell->tx, &same, NV_TX_GUARD_EMPTY);
			if (rc) {
				return rc;
			}
		}
	} else if (notice) {
		nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_NULL, NULL, 0);
	}
	return nv_docop_guard(&farewell->tx, &ask, NV_TX_GUARD_EMPTY);
}

/* One chunk file that goes with its domain. */
static int log_chunk(struct farewell *farewell, const bson_t *doc, const char *collection,
                     struct nv_strmap *logged, struct nv_err *err)
{
	char day[32];
	char *path = NULL;
	const struct nv_schema_kind *kind = nv_ng_kind(farewell->ng, NV_DOC_ANALYTICS);
	size_t size = nv_chunk_of(kind, doc, day);
	path = nv_arena_printf(&farewell->tx.arena, "%s/analytics/%s/%s.ndjson",
	                       farewell->node->path, nv_chunk_size_name(size), day);
	if (!path || (!nv_strmap_get(logged, path, strlen(path)) &&
	              nv_strmap_set(logged, path, strlen(path), path, NULL))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (nv_strmap_get(logged, path, strlen(path)) != path) {
		return 0;
	}
	struct nv_tx_entry entry = { .verb = "delete",
		                     .subject = nv_schema_word(NV_DOC_ANALYTICS),
		                     .kind = kind,
		                     .collection = collection,
		                     .id = &farewell->head->id,
		                     .path = path };
	return nv_doctx_log(&farewell->tx, &entry, err);
}

static int remove_analytics(struct farewell *farewell, struct nv_err *err)
{
	struct nv_strmap *logged = nv_strmap_new();
	int rc = logged ? 0 : nv_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < farewell->others_count; i++) {
		struct nv_docwrite write = { .kind = NV_DOCWRITE_DELETE,
			                     .collection = farewell->collections[i],
			                     .id = nv_doc_id(&farewell->tx.arena,
			                                     farewell->others[i]) };
		rc = !write.id || nv_doctx_add(&farewell->tx, &write, NV_TX_PLAIN)
		             ? nv_fail(err, ENOMEM, "out of memory")
		             : 0;
		rc = rc ? rc
		        : log_chunk(farewell, farewell->others[i], farewell->collections[i], logged,
		                    err);
	}
	nv_strmap_free(logged, NULL);
	return rc;
}

/* A user's own list loses the team. */
static int remove_membership(struct farewell *farewell, const bson_t *user, const char *collection,
                             struct nv_err *err)
{
	struct nv_doctx *tx = &farewell->tx;
	const bson_value_t *id = nv_doc_id(&tx->arena, user);
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	bool said = false;
	const struct nv_schema_kind *kind = nv_ng_kind(farewell->ng, NV_DOC_USER);
	int rc = id ? nv_docop_pull_team(tx, kind, collection, user, &farewell->head->id) : -ENOMEM;
	rc = rc ? rc : nv_docname_plain(kind, false, user, "", &name, &said);
	char *path = rc ? NULL
	                : nv_arena_printf(&tx->arena, "netgoat/users/%s/teams/%s", name.data,
	                                  farewell->head->name);
	return path ? nv_docop_log_membership(tx, "delete", kind, collection, id,
	                                      &farewell->head->id, NULL, path, err)
	            : nv_fail(err, ENOMEM, "out of memory");
}

/* Nothing has come to what goes along since it was read: it would be left behind, pointing to
 * nothing and logged by nobody. */
static int guard_others(struct farewell *farewell)
{
	bool domain = farewell->kind == NV_DOC_DOMAIN;
	struct nv_arena *arena = &farewell->tx.arena;
	bson_value_t *known = nv_arena_alloc(arena, farewell->others_count + 1, sizeof(*known));
	struct nv_docask ask = {
		.kind = nv_ng_kind(farewell->ng, domain ? NV_DOC_ANALYTICS : NV_DOC_USER)
	};
	size_t count = 0;
	for (size_t i = 0; known && i < farewell->others_count; i++) {
		const bson_value_t *id = nv_doc_id(arena, farewell->others[i]);
		if (id) {
			known[count++] = *id;
		}
	}
	nv_docask_term(&ask, domain ? NV_ROLE_DOMAIN : NV_ROLE_TEAMS, NV_DOCTERM_EQ,
	               &farewell->head->id, 1);
	if (ask.terms_count == 0) { /* the kind has no such field, so there are none */
		return 0;
	}
	nv_docask_id(&ask, NV_DOCTERM_NIN, known, count);
	return known && !nv_arena_error(arena)
	               ? nv_docop_guard(&farewell->tx, &ask, NV_TX_GUARD_OTHERS)
	               : -ENOMEM;
}

static int plan_domain(struct farewell *farewell, struct nv_err *err)
{
	static const enum nv_doc_kind kinds[] = { NV_DOC_RECORD, NV_DOC_PROXY, NV_DOC_ALERT,
		                                  NV_DOC_INCIDENT };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (guard_kind(farewell, kinds[i], NV_ROLE_DOMAIN)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	return remove_analytics(farewell, err);
}

static int plan_team(struct farewell *farewell, struct nv_err *err)
{
	static const enum nv_doc_kind kinds[] = { NV_DOC_DOMAIN, NV_DOC_ALERT, NV_DOC_INCIDENT };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (guard_kind(farewell, kinds[i], NV_ROLE_TEAM)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		/* Notices of the team about another team's domain stand here too. */
		struct nv_docdir dir =
			nv_docdir_of(farewell->ng, &farewell->place, kinds[i], NV_TEXT_FILE);
		cleanup_collect struct nv_collect collect = { 0 };
		cleanup_docbatch struct nv_docbatch batch;
		nv_docbatch_init(&batch, farewell->ng->store);
		int rc = nv_collect_init(&collect, &dir, 0) || nv_collect_ask(&collect, &batch)
		                 ? nv_fail(err, ENOMEM, "out of memory")
		                 : nv_docbatch_run(&batch, err);
		rc = rc ? rc : nv_collect_finish(&collect, err);
		if (rc || collect.snap->count) {
			return rc ? rc
			          : nv_fail(err, ENOTEMPTY, "%s is in it",
			                    collect.snap->items[0].name);
		}
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < farewell->others_count; i++) {
		rc = remove_membership(farewell, farewell->others[i], farewell->collections[i],
		                       err);
	}
	return rc;
}

static int plan_user(struct farewell *farewell, struct nv_err *err)
{
	if (farewell->ng->mode >= NV_MOUNT_FULL) {
		return 0; /* there, documents say who is a member, and links cannot be removed */
	}
	cleanup_docsnap struct nv_docsnap *links = NULL;
	int rc = nv_links_read(farewell->ng, &farewell->place, &links, err);
	if (rc || links->count) {
		return rc ? rc
		          : nv_fail(err, ENOTEMPTY, "the user is in team %s", links->items[0].name);
	}
	struct nv_docask ask = { .kind = nv_ng_kind(farewell->ng, NV_DOC_TEAM) };
	nv_docask_term(&ask, NV_ROLE_MEMBER_USER, NV_DOCTERM_EQ, &farewell->head->id, 1);
	return nv_docop_guard(&farewell->tx, &ask, NV_TX_GUARD_EMPTY)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

static int say_goodbye(struct farewell *farewell, struct nv_err *err)
{
	int rc = ask_farewell(farewell, err);
	if (rc == 0) {
		rc = farewell->kind == NV_DOC_DOMAIN ? plan_domain(farewell, err)
		     : farewell->kind == NV_DOC_TEAM ? plan_team(farewell, err)
		                                     : plan_user(farewell, err);
	}
	if (rc) {
		return rc;
	}
	const struct nv_schema_kind *kind = nv_ng_kind(farewell->ng, farewell->kind);
	struct nv_tx_entry entry = { .verb = "delete",
		                     .subject = nv_schema_word(farewell->kind),
		                     .kind = kind,
		                     .collection = farewell->head->collection,
		                     .id = &farewell->head->id,
		                     .path = farewell->node->path,
		                     .before = farewell->own };
	cleanup_docresult struct nv_docresult result = { 0 };
	rc = (farewell->kind != NV_DOC_USER && guard_others(farewell)) ||
			     nv_doctx_delete(&farewell->tx, kind, farewell->head->collection,
	                                     farewell->own)
	             ? nv_fail(err, ENOMEM, "out of memory")
	             : 0;
	rc = rc ? rc : nv_doctx_log(&farewell->tx, &entry, err);
	rc = rc ? rc : nv_doctx_commit(&farewell->tx, &result, err);
	if (rc == -ENOTEMPTY && nv_doctx_failed(&farewell->tx, &result) == NV_TX_GUARD_OTHERS) {
		return nv_fail(err, EAGAIN, "somebody else adds to it");
	}
	if (rc == -ENOTEMPTY) {
		return nv_fail(err, ENOTEMPTY, "documents of other kinds are in it");
	}
	return rc == -ESTALE || rc == -ENOENT ? nv_fail(err, EAGAIN, "somebody else changes it")
	                                      : rc;
}

#define TRIES 8

int nv_docop_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                   struct nv_err *err)
{
	(void)call;
	if (NV_NG_ROLE(dir->row->kind) != NV_NG_OBJECT) {
		return nv_fail(err, EPERM, "%s is there by itself", dir->path);
	}
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		struct farewell farewell = { .ng = self,
			                     .node = dir,
			                     .kind = NV_NG_DOC_KIND(dir->row->kind) };
		nv_doctx_init(&farewell.tx, self);
		rc = nv_ng_place_find(self, dir, false, &farewell.place, err);
		if (rc == 0) {
			farewell.head = farewell.kind == NV_DOC_TEAM   ? farewell.place.team
			                : farewell.kind == NV_DOC_USER ? farewell.place.user
			                                               : farewell.place.domain;
			rc = say_goodbye(&farewell, err);
		}
		nv_doctx_release(&farewell.tx);
		nv_ng_place_release(&farewell.place);
	}
	return rc == -EAGAIN ? nv_fail(err, EIO, "somebody else changes it all the time") : rc;
}
