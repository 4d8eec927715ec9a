/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memberships of one user as links: from the user's own list, and from the teams that list the
 * user (DESIGN 6). */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"
#include "node/name.h"

#define TARGET_TEAMS "../../../teams/"

/* What is found out about one user. */
struct links {
	struct nv_netgoat *ng;
	struct nv_arena arena;
	const struct nv_head *user;
	bool known;               /* the user's own document was seen */
	const bson_t **teams;     /* heads of teams the user is in */
	const char **collections; /* [teams_count] */
	size_t collections_cap;
	size_t teams_count;
	size_t teams_cap;
	/* owned; keys of the ids of teams, and of references that were looked at */
	struct nv_strmap *seen;
	const bson_value_t **references; /* of the user's own list, those that are no team yet */
	size_t references_count;
	size_t references_cap;
};

static int mark(struct links *links, const bson_value_t *id, bool *ret_new)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (nv_docvalue_key(id, &key)) {
		return -ENOMEM;
	}
	*ret_new = nv_strmap_get(links->seen, key.data, key.len) == NULL;
	return *ret_new ? nv_strmap_set(links->seen, key.data, key.len, links, NULL) : 0;
}

static int take_team(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct links *links = ctx;
	bson_iter_t id;
	bool is_new = false;
	if (!bson_iter_init_find(&id, doc, "_id")) {
		return 0;
	}
	bson_t *kept = nv_arena_keep(&links->arena, bson_copy(doc));
	if (!kept || mark(links, bson_iter_value(&id), &is_new) ||
	    nv_arena_grow(&links->arena, (void **)&links->teams, links->teams_count,
	                  &links->teams_cap, sizeof(*links->teams)) ||
	    nv_arena_grow(&links->arena, (void **)&links->collections, links->teams_count,
	                  &links->collections_cap, sizeof(*links->collections))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (is_new) {
		links->collections[links->teams_count] = collection;
		links->teams[links->teams_count++] = kept;
	}
	return 0;
}

static int add_reference(struct links *links, bson_iter_t *iter, struct nv_err *err)
{
	if (BSON_ITER_HOLDS_NULL(iter)) {
		return 0;
	}
	const bson_value_t *copy = nv_arena_value(&links->arena, iter);
	if (!copy ||
	    nv_arena_grow(&links->arena, (void **)&links->references, links->references_count,
	                  &links->references_cap, sizeof(*links->references))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	links->references[links->references_count++] = copy;
	return 0;
}

static int take_user(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct links *links = ctx;
	bson_iter_t iter;
	bson_iter_t element;
	if (links->known || collection != links->user->collection) {
		return 0;
	}
	links->known = true;
	if (!nv_schema_find(nv_ng_kind(links->ng, NV_DOC_USER), NV_ROLE_TEAMS, doc, &iter, NULL)) {
		return 0;
	}
	if (!BSON_ITER_HOLDS_ARRAY(&iter)) {
		return add_reference(links, &iter, err);
	}
	int rc = 0;
	if (bson_iter_recurse(&iter, &element)) {
		while (rc == 0 && bson_iter_next(&element)) {
			rc = add_reference(links, &element, err);
		}
	}
	return rc;
}

/* Teams that list the user, and the user's own list. */
static int ask_memberships(struct links *links, struct nv_docbatch *batch)
{
	struct nv_netgoat *ng = links->ng;
	struct nv_docask user = { .kind = nv_ng_kind(ng, NV_DOC_USER),
		                  .fn = take_user,
		                  .ctx = links };
	nv_docask_id(&user, NV_DOCTERM_EQ, &links->user->id, 1);
	struct nv_docask teams = { .kind = nv_ng_kind(ng, NV_DOC_TEAM),
		                   .fn = take_team,
		                   .ctx = links };
	nv_docask_term(&teams, NV_ROLE_MEMBER_USER, NV_DOCTERM_EQ, &links->user->id, 1);
	nv_docask_heads(&teams, &batch->arena);
	int rc = nv_docbatch_add(batch, &user);
	return rc ? rc : nv_docbatch_add(batch, &teams);
}

/* References that no team found so far has are looked up; what is left of them dangles. */
static int resolve_references(struct links *links, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, links->ng->store);
	bson_value_t *ids = nv_arena_alloc(&batch.arena, links->references_count + 1, sizeof(*ids));
	size_t count = 0;
	for (size_t i = 0; ids && i < links->references_count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		if (nv_docvalue_key(links->references[i], &key)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		if (!nv_strmap_get(links->seen, key.data, key.len)) {
			ids[count++] = *links->references[i];
		}
	}
	if (ids && count == 0) {
		return 0;
	}
	struct nv_docask teams = { .kind = nv_ng_kind(links->ng, NV_DOC_TEAM),
		                   .fn = take_team,
		                   .ctx = links };
	nv_docask_id(&teams, NV_DOCTERM_IN, ids, count);
	nv_docask_heads(&teams, &batch.arena);
	return !ids || nv_docbatch_add(&batch, &teams) ? nv_fail(err, ENOMEM, "out of memory")
	                                               : nv_docbatch_run(&batch, err);
}

/* All teams that share a name with one of the user's: only with them are names what teams/
 * lists. */
static int name_teams(struct links *links, struct nv_collect *names, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, links->ng->store);
	const struct nv_schema_kind *kind = nv_ng_kind(links->ng, NV_DOC_TEAM);
	bson_value_t *values =
		nv_arena_alloc(&batch.arena, links->teams_count + 1, sizeof(*values));
	int rc = values ? 0 : nv_fail(err, ENOMEM, "out of memory");
	names->dedupe = true;
	for (size_t i = 0; rc == 0 && i < links->teams_count; i++) {
		const char *text = NULL;
		size_t size = 0;
		cleanup_buf struct nv_buf id = NV_BUF_INIT;
		if (!nv_doc_string(kind, NV_ROLE_NAME, links->teams[i], &text, &size)) {
			rc = nv_docname_id_text(links->teams[i], &id)
			             ? nv_fail(err, ENOMEM, "out of memory")
			             : 0;
			text = id.data ? id.data : "";
			size = id.len;
		}
		const bson_value_t *value = rc ? NULL : nv_arena_utf8(&batch.arena, text, size);
		rc = rc || value ? rc : nv_fail(err, ENOMEM, "out of memory");
		if (rc == 0) {
			values[i] = *value;
			rc = nv_collect_doc(names, links->collections[i], links->teams[i], err);
		}
	}
	if (rc || links->teams_count == 0) {
		return rc;
	}
	struct nv_docask ask = { .kind = kind, .fn = nv_collect_doc, .ctx = names };
	nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, values, links->teams_count);
	nv_docask_heads(&ask, &batch.arena);
	return nv_docbatch_add(&batch, &ask) ? nv_fail(err, ENOMEM, "out of memory")
	                                     : nv_docbatch_run(&batch, err);
}

static struct nv_blob *link_blob(const char *name, int64_t sampled_ms)
{
	char *target = NULL;
	int size = asprintf(&target, TARGET_TEAMS "%s", name);
	return size < 0 ? NULL : nv_blob_new(target, (size_t)size, sampled_ms, NULL, NULL);
}

static int add_link(struct nv_docsnap *snap, const char *name, const bson_value_t *id,
                    const char *collection)
{
	bson_t *head = bson_new();
	struct nv_blob *blob = link_blob(name, snap->sampled_ms);
	if (!blob || !bson_append_value(head, "_id", 3, id)) {
		bson_destroy(head);
		nv_blob_unref(blob);
		return -ENOMEM;
	}
	return nv_docsnap_add(snap, strdup(name), blob, head, collection) ? 0 : -ENOMEM;
}

static int add_teams(struct links *links, const struct nv_docsnap *names, struct nv_docsnap *snap)
{
	int rc = 0;
	struct nv_strmap *mine = nv_strmap_new();
	for (size_t i = 0; mine && rc == 0 && i < links->teams_count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		bson_iter_t id;
		(void)bson_iter_init_find(&id, links->teams[i], "_id");
		rc = nv_docvalue_key(bson_iter_value(&id), &key);
		rc = rc ? rc : nv_strmap_set(mine, key.data, key.len, links, NULL);
	}
	for (size_t i = 0; mine && rc == 0 && i < names->count; i++) {
		const bson_t *doc = nv_docitem_doc(&names->items[i]);
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		bson_iter_t id;
		if (!doc || !bson_iter_init_find(&id, doc, "_id") ||
		    (rc = nv_docvalue_key(bson_iter_value(&id), &key))) {
			continue;
		}
		if (nv_strmap_get(mine, key.data, key.len)) {
			rc = add_link(snap, names->items[i].name, bson_iter_value(&id),
			              names->items[i].collection);
		}
	}
	nv_strmap_free(mine, NULL);
	return mine ? rc : -ENOMEM;
}

static int add_dangling(struct links *links, struct nv_docsnap *snap)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < links->references_count; i++) {
		bool is_new = false;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_buf struct nv_buf name = NV_BUF_INIT;
		rc = mark(links, links->references[i], &is_new);
		if (rc || !is_new) {
			continue;
		}
		rc = nv_docname_value_text(links->references[i], &text);
		if (rc == 0) {
			nv_name_encode(&name, text.data ? text.data : "", text.len, "", 0, NULL);
			rc = nv_buf_error(&name);
		}
		rc = rc ? rc : add_link(snap, name.data, links->references[i], NULL);
	}
	return rc;
}

static int make_snap(struct links *links, int64_t sampled_ms, struct nv_docsnap **ret_snap,
                     struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	struct nv_docdir teams = nv_docdir_of(links->ng, &top, NV_DOC_TEAM, NV_TEXT_FILE);
	cleanup_collect struct nv_collect names = { 0 };
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(sampled_ms);
	if (!snap || nv_collect_init(&names, &teams, sampled_ms)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = resolve_references(links, err);
	rc = rc ? rc : name_teams(links, &names, err);
	rc = rc ? rc : nv_collect_finish(&names, err);
	if (rc) {
		return rc;
	}
	if (add_teams(links, names.snap, snap) || add_dangling(links, snap) ||
	    nv_docsnap_finish(snap, "")) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_snap = steal(&snap);
	return 0;
}

int nv_links_key(struct nv_netgoat *ng, const struct nv_ng_place *place, struct nv_buf *out)
{
	struct nv_docdir dir = nv_docdir_of(ng, place, NV_DOC_TEAM, NV_TEXT_FILE);
	return nv_docdir_key(&dir, out);
}

int nv_links_read(struct nv_netgoat *ng, struct nv_ng_place *place, struct nv_docsnap **ret_snap,
                  struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	struct nv_head *user = nv_head_ref(place->user);
	struct links links = {
		.ng = ng, .arena = NV_ARENA_INIT, .user = user, .seen = nv_strmap_new()
	};
	int rc = !links.seen || ask_memberships(&links, &batch)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0 && !links.known) {
		rc = nv_fail(err, ENOENT, "the user is gone");
	}
	rc = rc ? rc : make_snap(&links, stamp.sampled_ms, ret_snap, err);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (rc == 0 && nv_links_key(ng, place, &key) == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, *ret_snap, stamp, false,
		                   NULL); /* not kept: asked for again */
	}
	nv_strmap_free(links.seen, NULL);
	nv_arena_release(&links.arena);
	nv_head_unref(user);
	return rc;
}
