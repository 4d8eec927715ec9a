/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memberships as links: from a user's own list, and from the teams that list the user (DESIGN 6).
 * For several users at once, since a scan wants the next ones too: who is in which team, which
 * references are teams, which names those teams are listed by.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"
#include "node/name.h"

#define TARGET_TEAMS "../../../teams/"

/* One team that somebody is in. */
struct team {
	const bson_t *doc; /* head; of the arena */
	const char *collection;
};

/* What is found out. */
struct links {
	struct nv_netgoat *ng;
	struct nv_arena arena;
	struct nv_link_user *users;
	size_t users_count;
	struct nv_strmap *by_id; /* owned; key of a user's _id -> struct nv_link_user */
	struct nv_strmap *teams; /* owned; key of a team's _id -> struct team, of the arena */
};

/* ---- What users and teams say ---- */

static int key_of(bson_iter_t *iter, struct nv_buf *ret_key)
{
	return nv_docvalue_key(bson_iter_value(iter), ret_key);
}

static int add_team(struct links *links, const char *collection, const bson_t *doc,
                    struct nv_err *err)
{
	bson_iter_t id;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (!bson_iter_init_find(&id, doc, "_id")) {
		return 0;
	}
	struct team *team = nv_arena_alloc(&links->arena, 1, sizeof(*team));
	bson_t *kept = nv_arena_keep(&links->arena, bson_copy(doc));
	if (!team || !kept || key_of(&id, &key)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*team = (struct team){ .doc = kept, .collection = collection };
	return nv_strmap_set(links->teams, key.data, key.len, team, NULL)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

static int take_team(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	return add_team(ctx, collection, doc, err);
}

static int add_reference(struct links *links, struct nv_link_user *user, bson_iter_t *iter)
{
	if (BSON_ITER_HOLDS_NULL(iter)) {
		return 0;
	}
	const bson_value_t *copy = nv_arena_value(&links->arena, iter);
	if (!copy ||
	    nv_arena_grow(&links->arena, (void **)&user->references, user->references_count,
	                  &user->references_cap, sizeof(*user->references))) {
		return -ENOMEM;
	}
	user->references[user->references_count++] = copy;
	return 0;
}

/* The references of a list, or a single one. */
static int add_list(struct links *links, struct nv_link_user *user, bson_iter_t *list)
{
	bson_iter_t element;
	if (!BSON_ITER_HOLDS_ARRAY(list)) {
		return add_reference(links, user, list);
	}
	int rc = 0;
	if (bson_iter_recurse(list, &element)) {
		while (rc == 0 && bson_iter_next(&element)) {
			rc = add_reference(links, user, &element);
		}
	}
	return rc;
}

static int take_user(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct links *links = ctx;
	bson_iter_t iter;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (!bson_iter_init_find(&iter, doc, "_id")) {
		return 0;
	}
	int rc = key_of(&iter, &key);
	struct nv_link_user *user = rc ? NULL : nv_strmap_get(links->by_id, key.data, key.len);
	if (user && !user->known && collection == user->head->collection) {
		user->known = true;
		if (nv_schema_find(nv_ng_kind(links->ng, NV_DOC_USER), NV_ROLE_TEAMS, doc, &iter,
		                   NULL)) {
			rc = add_list(links, user, &iter);
		}
	}
	return rc ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* A team that lists one of the users: its _id is one more reference of theirs. */
static int note_member(struct links *links, bson_iter_t *element, bson_iter_t *team)
{
	const struct nv_schema_kind *kind = nv_ng_kind(links->ng, NV_DOC_TEAM);
	uint32_t size = 0;
	const uint8_t *data = NULL;
	bson_t member;
	bson_iter_t user;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (!BSON_ITER_HOLDS_DOCUMENT(element)) {
		return 0;
	}
	bson_iter_document(element, &size, &data);
	if (!bson_init_static(&member, data, size) ||
	    !nv_schema_find(kind, NV_ROLE_MEMBER_USER, &member, &user, NULL)) {
		return 0;
	}
	int rc = key_of(&user, &key);
	struct nv_link_user *found = rc ? NULL : nv_strmap_get(links->by_id, key.data, key.len);
	return found ? add_reference(links, found, team) : rc;
}

static int take_members(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct links *links = ctx;
	const struct nv_schema_kind *kind = nv_ng_kind(links->ng, NV_DOC_TEAM);
	bson_iter_t id;
	bson_iter_t list;
	bson_iter_t element;
	int rc = add_team(links, collection, doc, err);
	if (rc || !bson_iter_init_find(&id, doc, "_id") ||
	    !nv_schema_find(kind, NV_ROLE_MEMBERS, doc, &list, NULL)) {
		return rc;
	}
	if (BSON_ITER_HOLDS_ARRAY(&list) && bson_iter_recurse(&list, &element)) {
		while (rc == 0 && bson_iter_next(&element)) {
			rc = note_member(links, &element, &id);
		}
	} else {
		rc = note_member(links, &list, &id);
	}
	return rc ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- Questions ---- */

/* Only what names a team, and who its members are. */
static void ask_members_only(struct nv_docask *ask, struct nv_arena *arena)
{
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(ask->kind, NV_ROLE_MEMBER_USER, &paths);
	nv_docask_heads(ask, arena);
	const char **fields = nv_arena_alloc(arena, ask->fields_count + count, sizeof(*fields));
	if (!fields) {
		return; /* the arena says so when the batch runs */
	}
	memcpy(fields, ask->fields, ask->fields_count * sizeof(*fields));
	memcpy(fields + ask->fields_count, paths, count * sizeof(*fields));
	ask->fields = fields;
	ask->fields_count += count;
}

/* Teams that list the users, and the users' own lists. */
static int ask_memberships(struct links *links, struct nv_docbatch *batch)
{
	struct nv_netgoat *ng = links->ng;
	bson_value_t *ids = nv_arena_alloc(&batch->arena, links->users_count, sizeof(*ids));
	if (!ids) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < links->users_count; i++) {
		ids[i] = links->users[i].head->id; /* borrowed from the head */
	}
	struct nv_docask users = { .kind = nv_ng_kind(ng, NV_DOC_USER),
		                   .fn = take_user,
		                   .ctx = links };
	nv_docask_id(&users, NV_DOCTERM_IN, ids, links->users_count);
	struct nv_docask teams = { .kind = nv_ng_kind(ng, NV_DOC_TEAM),
		                   .fn = take_members,
		                   .ctx = links };
	nv_docask_term(&teams, NV_ROLE_MEMBER_USER, NV_DOCTERM_IN, ids, links->users_count);
	ask_members_only(&teams, &batch->arena);
	int rc = nv_docbatch_add(batch, &users);
	return rc ? rc : nv_docbatch_add(batch, &teams);
}

/* References that no team found so far has are looked up; what is left of them dangles. */
static int resolve_references(struct links *links, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, links->ng->store);
	size_t total = 0;
	for (size_t u = 0; u < links->users_count; u++) {
		total += links->users[u].references_count;
	}
	bson_value_t *ids = nv_arena_alloc(&batch.arena, total + 1, sizeof(*ids));
	size_t count = 0;
	for (size_t u = 0; ids && u < links->users_count; u++) {
		const struct nv_link_user *user = &links->users[u];
		for (size_t i = 0; i < user->references_count; i++) {
			cleanup_buf struct nv_buf key = NV_BUF_INIT;
			if (nv_docvalue_key(user->references[i], &key)) {
				return nv_fail(err, ENOMEM, "out of memory");
			}
			if (!nv_strmap_get(links->teams, key.data, key.len)) {
				ids[count++] = *user->references[i];
			}
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

/* The text that other teams would have to be called by to share a team's name. */
static const bson_value_t *shared_name(const struct nv_schema_kind *kind, const bson_t *team,
                                       struct nv_arena *arena)
{
	const char *text = NULL;
	size_t size = 0;
	cleanup_buf struct nv_buf id = NV_BUF_INIT;
	if (!nv_doc_string(kind, NV_ROLE_NAME, team, &text, &size)) {
		if (nv_docname_id_text(team, &id)) {
			return NULL;
		}
		text = id.data ? id.data : "";
		size = id.len;
	}
	return nv_arena_utf8(arena, text, size);
}

/* All teams that share a name with one of the users': only with them are names what teams/
 * lists. */
static int name_teams(struct links *links, struct nv_collect *names, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, links->ng->store);
	const struct nv_schema_kind *kind = nv_ng_kind(links->ng, NV_DOC_TEAM);
	size_t count = 0;
	size_t cursor = 0;
	void *value = NULL;
	bson_value_t *values =
		nv_arena_alloc(&batch.arena, nv_strmap_count(links->teams) + 1, sizeof(*values));
	int rc = values ? 0 : nv_fail(err, ENOMEM, "out of memory");
	names->dedupe = true;
	while (rc == 0 && nv_strmap_next(links->teams, &cursor, NULL, NULL, &value)) {
		const struct team *team = value;
		const bson_value_t *name = shared_name(kind, team->doc, &batch.arena);
		rc = name ? nv_collect_doc(names, team->collection, team->doc, err)
		          : nv_fail(err, ENOMEM, "out of memory");
		if (name) {
			values[count++] = *name;
		}
	}
	if (rc || count == 0) {
		return rc;
	}
	struct nv_docask ask = { .kind = kind, .fn = nv_collect_doc, .ctx = names };
	nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, values, count);
	nv_docask_heads(&ask, &batch.arena);
	return nv_docbatch_add(&batch, &ask) ? nv_fail(err, ENOMEM, "out of memory")
	                                     : nv_docbatch_run(&batch, err);
}

/* ---- Snapshots ---- */

static int add_link(struct nv_docsnap *snap, const char *name, const bson_value_t *id,
                    const char *collection)
{
	char *target = NULL;
	int size = asprintf(&target, TARGET_TEAMS "%s", name);
	struct nv_blob *blob =
		size < 0 ? NULL : nv_blob_new(target, (size_t)size, snap->sampled_ms, NULL, NULL);
	bson_t *head = bson_new();
	if (!blob || !bson_append_value(head, "_id", 3, id)) {
		bson_destroy(head);
		nv_blob_unref(blob);
		return -ENOMEM;
	}
	return nv_docsnap_add(snap, strdup(name), blob, head, collection) ? 0 : -ENOMEM;
}

/* A reference to nothing is called by its own text. */
static int add_dangling(struct nv_docsnap *snap, const bson_value_t *reference)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	int rc = nv_docname_value_text(reference, &text);
	if (rc == 0) {
		nv_name_encode(&name, text.data ? text.data : "", text.len, "", 0, NULL);
		rc = nv_buf_error(&name);
	}
	return rc ? rc : add_link(snap, name.data, reference, NULL);
}

/* names: key of a team's _id -> its item. */
static int make_snap(struct nv_link_user *user, const struct nv_strmap *names, int64_t sampled_ms)
{
	struct nv_strmap *seen = nv_strmap_new();
	user->snap = nv_docsnap_new(sampled_ms);
	int rc = seen && user->snap ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < user->references_count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		rc = nv_docvalue_key(user->references[i], &key);
		if (rc || nv_strmap_get(seen, key.data, key.len)) {
			continue;
		}
		rc = nv_strmap_set(seen, key.data, key.len, user, NULL);
		const struct nv_docitem *item = nv_strmap_get(names, key.data, key.len);
		bson_value_t id;
		if (rc == 0) {
			rc = item && nv_docitem_id(item, &id)
			             ? add_link(user->snap, item->name, &id, item->collection)
			             : add_dangling(user->snap, user->references[i]);
		}
	}
	nv_strmap_free(seen, NULL);
	return rc ? rc : nv_docsnap_finish(user->snap, "");
}

static int make_snaps(struct links *links, int64_t sampled_ms, struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	struct nv_docdir teams = nv_docdir_of(links->ng, &top, NV_DOC_TEAM, NV_TEXT_FILE);
	cleanup_collect struct nv_collect names = { 0 };
	if (nv_collect_init(&names, &teams, sampled_ms)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = resolve_references(links, err);
	rc = rc ? rc : name_teams(links, &names, err);
	rc = rc ? rc : nv_collect_finish(&names, err);
	if (rc) {
		return rc;
	}
	struct nv_strmap *by_id = nv_strmap_new();
	rc = by_id ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < names.snap->count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		bson_value_t id;
		if (nv_docitem_id(&names.snap->items[i], &id)) {
			rc = nv_docvalue_key(&id, &key);
			rc = rc ? rc
			        : nv_strmap_set(by_id, key.data, key.len, &names.snap->items[i],
			                        NULL);
		}
	}
	for (size_t u = 0; rc == 0 && u < links->users_count; u++) {
		rc = make_snap(&links->users[u], by_id, sampled_ms);
	}
	nv_strmap_free(by_id, NULL);
	return rc ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- Users ---- */

static int begin(struct links *links, struct nv_netgoat *ng, struct nv_link_user *users,
                 size_t count)
{
	*links = (struct links){
		.ng = ng, .arena = NV_ARENA_INIT, .users = users, .users_count = count
	};
	links->by_id = nv_strmap_new();
	links->teams = nv_strmap_new();
	int rc = links->by_id && links->teams ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		rc = nv_docvalue_key(&users[i].head->id, &key);
		rc = rc ? rc : nv_strmap_set(links->by_id, key.data, key.len, &users[i], NULL);
	}
	return rc;
}

static void end(struct links *links)
{
	nv_strmap_free(links->by_id, NULL);
	nv_strmap_free(links->teams, NULL);
	nv_arena_release(&links->arena);
}

static int head_key(struct nv_netgoat *ng, const struct nv_head *user, struct nv_buf *out)
{
	struct nv_ng_place place = { .scope = NV_NG_IN_USER, .user = (struct nv_head *)user };
	return nv_links_key(ng, &place, out);
}

int nv_links_key(struct nv_netgoat *ng, const struct nv_ng_place *place, struct nv_buf *out)
{
	struct nv_docdir dir = nv_docdir_of(ng, place, NV_DOC_TEAM, NV_TEXT_FILE);
	return nv_docdir_key(&dir, out);
}

static void keep(struct nv_netgoat *ng, const struct nv_link_user *user,
                 struct nv_cache_stamp stamp, bool ahead)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (head_key(ng, user->head, &key) == 0) {
		(void)nv_cache_put(ng->cache, key.data, key.len, user->snap, stamp, ahead,
		                   NULL); /* not kept: asked for again */
	}
}

int nv_links_read_ahead(struct nv_netgoat *ng, struct nv_link_user *users, size_t count,
                        struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	struct links links;
	int rc = begin(&links, ng, users, count) || ask_memberships(&links, &batch)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_docbatch_run(&batch, err);
	rc = rc ? rc : make_snaps(&links, stamp.sampled_ms, err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		if (users[i].known) {
			keep(ng, &users[i], stamp, true);
		}
	}
	end(&links);
	return rc;
}

int nv_links_read(struct nv_netgoat *ng, struct nv_ng_place *place, struct nv_docsnap **ret_snap,
                  struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	struct nv_head *head = nv_head_ref(place->user);
	struct nv_link_user user = { .head = head };
	struct links links;
	int rc = begin(&links, ng, &user, 1) || ask_memberships(&links, &batch)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_ng_place_run(ng, place, &batch, err);
	if (rc == 0 && !user.known) {
		rc = nv_fail(err, ENOENT, "the user is gone");
	}
	rc = rc ? rc : make_snaps(&links, stamp.sampled_ms, err);
	if (rc == 0) {
		keep(ng, &user, stamp, false);
		*ret_snap = steal(&user.snap);
	}
	nv_docsnap_unref(user.snap);
	end(&links);
	nv_head_unref(head);
	return rc;
}
