/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Joining and leaving teams: in the user's own list, in the team's list of members, in both
 * where the store uses both (DESIGN 6). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/docop.h"

/* The last part of a path like "members[].user_id". */
static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

/* A write that touches a document besides what its caller puts in. */
static int begin_update(struct nv_doctx *tx, const struct nv_schema_kind *kind,
                        const char *collection, const bson_value_t *id,
                        struct nv_docwrite *ret_write)
{
	struct nv_docset *sets = nv_arena_alloc(&tx->arena, 8, sizeof(*sets));
	struct nv_docinc *incs = nv_arena_alloc(&tx->arena, 8, sizeof(*incs));
	*ret_write = (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE,
		                           .collection = collection,
		                           .id = id,
		                           .sets = sets,
		                           .incs = incs };
	return sets && incs ? nv_doctx_touch(tx, kind, sets, &ret_write->sets_count, 7, incs,
	                                     &ret_write->incs_count, 8)
	                    : -ENOMEM;
}

int nv_docop_pull_team(struct nv_doctx *tx, const struct nv_schema_kind *kind,
                       const char *collection, const bson_t *user, const bson_value_t *team)
{
	struct nv_docwrite write;
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(kind, NV_ROLE_TEAMS, &paths);
	struct nv_docmember *pulls = nv_arena_alloc(&tx->arena, count, sizeof(*pulls));
	const char **unsets = nv_arena_alloc(&tx->arena, count, sizeof(*unsets));
	const bson_value_t *value = nv_arena_value_copy(&tx->arena, team);
	int rc = begin_update(tx, kind, collection, nv_doc_id(&tx->arena, user), &write);
	if (rc || !pulls || !unsets || !value || !write.id) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		bson_iter_t iter;
		if (!nv_doc_find(user, paths[i], &iter) || BSON_ITER_HOLDS_NULL(&iter)) {
			continue;
		}
		if (BSON_ITER_HOLDS_ARRAY(&iter)) {
			pulls[write.pulls_count++] =
				(struct nv_docmember){ .path = paths[i], .value = value };
		} else {
			unsets[write.unsets_count++] =
				paths[i]; /* a single reference instead of a list */
		}
	}
	write.pulls = pulls;
	write.unsets = unsets;
	return write.pulls_count + write.unsets_count ? nv_doctx_add(tx, &write, NV_TX_PLAIN) : 0;
}

int nv_docop_log_membership(struct nv_doctx *tx, const char *verb,
                            const struct nv_schema_kind *kind, const char *collection,
                            const bson_value_t *user, const bson_value_t *team,
                            const bson_t *element, const char *path, struct nv_err *err)
{
	bson_t *values = nv_arena_bson(&tx->arena);
	if (!values || !bson_append_value(values, "user", 4, user) ||
	    !bson_append_value(values, "team", 4, team) ||
	    (element && !bson_append_document(values, "member", 6, element))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	bool gone = strcmp(verb, "delete") == 0;
	struct nv_tx_entry entry = { .verb = verb,
		                     .subject = "membership",
		                     .kind = kind,
		                     .collection = collection,
		                     .id = user,
		                     .path = path,
		                     .before = gone ? values : NULL,
		                     .after = gone ? NULL : values };
	return nv_doctx_log(tx, &entry, err);
}

/* ---- What the store uses ---- */

/* One user and one team, and where other memberships stand. */
struct pair {
	struct nv_netgoat *ng;
	struct nv_arena arena;
	const struct nv_head *user;
	const struct nv_head *team; /* NULL: it does not exist (leaving a dangling one) */
	const bson_t *user_doc;     /* of the arena; NULL = gone */
	const bson_t *team_doc;
	const bson_t *user_sample; /* a user with a list of teams; NULL: there is none */
	const bson_t *team_sample; /* a team with members */
};

/* Receivers differ only in where they put the document. */
static int keep(struct pair *pair, const bson_t **slot, const bson_t *doc, struct nv_err *err)
{
	if (!*slot) {
		*slot = nv_arena_keep(&pair->arena, bson_copy(doc));
	}
	return *slot ? 0 : nv_fail(err, ENOMEM, "out of memory");
}

static int take_user(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct pair *pair = ctx;
	return collection == pair->user->collection ? keep(pair, &pair->user_doc, doc, err) : 0;
}

static int take_team(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct pair *pair = ctx;
	return collection == pair->team->collection ? keep(pair, &pair->team_doc, doc, err) : 0;
}

static int take_user_sample(void *ctx, const char *collection, const bson_t *doc,
                            struct nv_err *err)
{
	(void)collection;
	struct pair *pair = ctx;
	return keep(pair, &pair->user_sample, doc, err);
}

static int take_team_sample(void *ctx, const char *collection, const bson_t *doc,
                            struct nv_err *err)
{
	(void)collection;
	struct pair *pair = ctx;
	return keep(pair, &pair->team_sample, doc, err);
}

static int ask_pair(struct pair *pair, struct nv_err *err)
{
	struct nv_netgoat *ng = pair->ng;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_docask user = { .kind = nv_ng_kind(ng, NV_DOC_USER),
		                  .fn = take_user,
		                  .ctx = pair };
	nv_docask_id(&user, NV_DOCTERM_EQ, &pair->user->id, 1);
	struct nv_docask users = {
		.kind = user.kind, .fn = take_user_sample, .ctx = pair, .limit = 1
	};
	nv_docask_term(&users, NV_ROLE_TEAMS, NV_DOCTERM_NOTNULL, NULL, 0);
	struct nv_docask teams = {
		.kind = nv_ng_kind(ng, NV_DOC_TEAM), .fn = take_team_sample, .ctx = pair, .limit = 1
	};
	nv_docask_term(&teams, NV_ROLE_MEMBERS, NV_DOCTERM_NOTNULL, NULL, 0);
	int rc = nv_docbatch_add(&batch, &user);
	rc = rc ? rc : nv_docbatch_add(&batch, &users);
	rc = rc ? rc : nv_docbatch_add(&batch, &teams);
	if (rc == 0 && pair->team) {
		struct nv_docask team = { .kind = teams.kind, .fn = take_team, .ctx = pair };
		nv_docask_id(&team, NV_DOCTERM_EQ, &pair->team->id, 1);
		rc = nv_docbatch_add(&batch, &team);
	}
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	if (rc == 0 && (!pair->user_doc || (pair->team && !pair->team_doc))) {
		rc = nv_fail(err, ENOENT, "the user or the team is gone");
	}
	return rc;
}

/* ---- Joining ---- */

static int join_in_user(struct pair *pair, struct nv_doctx *tx)
{
	const struct nv_schema_kind *kind = nv_ng_kind(pair->ng, NV_DOC_USER);
	const bson_t *samples[] = { pair->user_doc, pair->user_sample };
	struct nv_fresh fresh = { .samples = samples, .samples_count = pair->user_sample ? 2 : 1 };
	const char *path = nv_fresh_path(&fresh, kind->roles[NV_ROLE_TEAMS]);
	struct nv_docwrite write;
	int rc = begin_update(tx, kind, pair->user->collection, &pair->user->id, &write);
	struct nv_docmember *push = nv_arena_alloc(&tx->arena, 1, sizeof(*push));
	bson_iter_t iter;
	if (rc || !push) {
		return -ENOMEM;
	}
	if (nv_doc_find(pair->user_doc, path, &iter) && BSON_ITER_HOLDS_NULL(&iter)) {
		/* null is no list to append to: it is replaced by one. */
		bson_t list = BSON_INITIALIZER;
		bson_t holder = BSON_INITIALIZER;
		bson_append_value(&list, "0", 1, &pair->team->id);
		bson_append_array(&holder, "v", 1, &list);
		(void)bson_iter_init_find(&iter, &holder, "v");
		struct nv_docset *sets = (struct nv_docset *)write.sets;
		sets[write.sets_count++] =
			(struct nv_docset){ .path = path,
			                    .value = nv_arena_value(&tx->arena, &iter) };
		bson_destroy(&holder);
		bson_destroy(&list);
	} else {
		*push = (struct nv_docmember){ .path = path, .value = &pair->team->id };
		write.pushes = push;
		write.pushes_count = 1;
	}
	return nv_doctx_add(tx, &write, NV_TX_PLAIN);
}

/* The element of a team's list of members for a new one. */
static const bson_t *new_member(struct pair *pair, struct nv_doctx *tx, const char *user_key)
{
	const struct nv_schema_field *members =
		nv_ng_kind(pair->ng, NV_DOC_TEAM)->roles[NV_ROLE_MEMBERS];
	const struct nv_schema_node *node =
		nv_schema_child(nv_ng_kind(pair->ng, NV_DOC_TEAM)->root, members->paths[0],
	                        strlen(members->paths[0]));
	const bson_t *samples[] = { pair->team_doc, pair->team_sample };
	struct nv_fresh fresh = { .samples = samples,
		                  .samples_count = pair->team_sample ? 2 : 1,
		                  .now_ms = tx->now_ms };
	bson_t *seed = nv_arena_bson(&tx->arena);
	cleanup_buf struct nv_buf whole = NV_BUF_INIT;
	if (!seed || !bson_append_value(seed, user_key, -1, &pair->user->id)) {
		return NULL;
	}
	if (members->ids) {
		bson_oid_t oid;
		bson_oid_init(&oid, NULL);
		bson_append_oid(seed, "_id", 3, &oid);
	}
	if (!node || !node->element) {
		return seed;
	}
	if (nv_fresh_fill(&fresh, node->element, bson_get_data(seed), seed->len, &whole)) {
		return NULL;
	}
	return nv_arena_keep(&tx->arena,
	                     bson_new_from_data((const uint8_t *)whole.data, whole.len));
}

static int join_in_team(struct pair *pair, struct nv_doctx *tx, const bson_t **ret_member)
{
	const struct nv_schema_kind *kind = nv_ng_kind(pair->ng, NV_DOC_TEAM);
	const bson_t *samples[] = { pair->team_doc, pair->team_sample };
	struct nv_fresh fresh = { .samples = samples, .samples_count = pair->team_sample ? 2 : 1 };
	const char *user_key = last_part(nv_fresh_path(&fresh, kind->roles[NV_ROLE_MEMBER_USER]));
	const char *path = nv_fresh_path(&fresh, kind->roles[NV_ROLE_MEMBERS]);
	const bson_t *member = new_member(pair, tx, user_key);
	struct nv_docmember *push = nv_arena_alloc(&tx->arena, 1, sizeof(*push));
	bson_t *holder = nv_arena_bson(&tx->arena);
	struct nv_docwrite write;
	bson_iter_t iter;
	if (begin_update(tx, kind, pair->team->collection, &pair->team->id, &write) || !member ||
	    !push || !holder || !bson_append_document(holder, "v", 1, member) ||
	    !bson_iter_init_find(&iter, holder, "v")) {
		return -ENOMEM;
	}
	*push = (struct nv_docmember){ .path = path,
		                       .key = user_key,
		                       .value = &pair->user->id,
		                       .element = nv_arena_value(&tx->arena, &iter) };
	write.pushes = push;
	write.pushes_count = 1;
	*ret_member = member;
	return nv_doctx_add(tx, &write, NV_TX_PLAIN);
}

static bool has_role(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc)
{
	bson_iter_t iter;
	return doc && nv_schema_find(kind, role, doc, &iter, NULL);
}

static int join(struct pair *pair, const char *path, struct nv_err *err)
{
	const struct nv_schema_kind *users = nv_ng_kind(pair->ng, NV_DOC_USER);
	const struct nv_schema_kind *teams = nv_ng_kind(pair->ng, NV_DOC_TEAM);
	bool in_team = has_role(teams, NV_ROLE_MEMBERS, pair->team_doc) || pair->team_sample;
	bool in_user =
		has_role(users, NV_ROLE_TEAMS, pair->user_doc) || pair->user_sample || !in_team;
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, pair->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	const bson_t *member = NULL;
	int rc = in_user ? join_in_user(pair, &tx) : 0;
	rc = rc || !in_team ? rc : join_in_team(pair, &tx, &member);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory")
	        : nv_docop_log_membership(&tx, "create", users, pair->user->collection,
	                                  &pair->user->id, &pair->team->id, member, path, err);
	return rc ? rc : nv_doctx_commit(&tx, &result, err);
}

/* The component that a target names, or NULL: "../../../teams/TEAM", or an absolute path that
 * ends in netgoat/teams/TEAM. */
static const char *target_team(const char *target, struct nv_arena *arena)
{
	static const char relative[] = "../../../teams/";
	static const char absolute[] = "/netgoat/teams/";
	size_t size = strlen(target);
	while (size > 1 && target[size - 1] == '/') {
		size--;
	}
	const char *slash = memrchr(target, '/', size);
	size_t start = slash ? (size_t)(slash + 1 - target) : 0;
	bool is_relative = start == sizeof(relative) - 1 && memcmp(target, relative, start) == 0;
	bool is_absolute = target[0] == '/' && start >= sizeof(absolute) - 1 &&
	                   memcmp(target + start - (sizeof(absolute) - 1), absolute,
	                          sizeof(absolute) - 1) == 0;
	return (is_relative || is_absolute) && size > start
	               ? nv_arena_strndup(arena, target + start, size - start)
	               : NULL;
}

int nv_docop_symlink(void *self, const struct nv_call *call, const struct nv_node *child,
                     const char *target, struct nv_err *err)
{
	struct nv_netgoat *ng = self;
	(void)call;
	if (NV_NG_ROLE(child->row->kind) != NV_NG_LINK) {
		return nv_fail(err, EPERM, "links are made in users/USER/teams only");
	}
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	const char *team_name = target_team(target, &arena);
	if (!team_name) {
		return nv_fail(
			err, EINVAL,
			"a membership is a link to ../../../teams/TEAM, as ../../../teams/%s",
			child->name);
	}
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	cleanup_ng_place struct nv_ng_place place = { 0 };
	struct nv_head *team = NULL;
	struct nv_head *named = NULL;
	bool stale = false;
	int rc = nv_ng_place_find(ng, child, false, &place, err);
	rc = rc ? rc
	        : nv_ng_place_object(ng, &top, NV_DOC_TEAM, team_name, false, &team, &stale, err);
	if (rc == 0 &&
	    (nv_ng_place_object(ng, &top, NV_DOC_TEAM, child->name, false, &named, &stale, NULL) ||
	     !nv_head_same(team, named))) {
		rc = nv_fail(err, EINVAL, "the link has the name of its team: %s", team->name);
	}
	if (rc == -ENOENT && !team && place.user) {
		rc = nv_fail(err, EINVAL, "there is no team %s", team_name);
	}
	cleanup_docsnap struct nv_docsnap *links = NULL;
	rc = rc ? rc : nv_links_read(ng, &place, &links, err);
	if (rc == 0 && nv_docsnap_find(links, team->name)) {
		rc = nv_fail(err, EEXIST, "the user is in team %s", team->name);
	}
	struct pair pair = { .ng = ng, .arena = NV_ARENA_INIT, .user = place.user, .team = team };
	rc = rc ? rc : ask_pair(&pair, err);
	rc = rc ? rc : join(&pair, child->path, err);
	nv_arena_release(&pair.arena);
	nv_head_unref(team);
	nv_head_unref(named);
	return rc == -ESTALE ? nv_fail(err, EIO, "the stored list of teams or members is no list")
	                     : rc;
}

/* ---- Leaving ---- */

static int leave_team(struct pair *pair, struct nv_doctx *tx)
{
	const struct nv_schema_kind *kind = nv_ng_kind(pair->ng, NV_DOC_TEAM);
	const struct nv_schema_field *members = kind->roles[NV_ROLE_MEMBERS];
	const struct nv_schema_field *user = kind->roles[NV_ROLE_MEMBER_USER];
	struct nv_docmember *pulls = nv_arena_alloc(&tx->arena, user->paths_count, sizeof(*pulls));
	struct nv_docwrite write;
	if (!pulls || begin_update(tx, kind, pair->team->collection, &pair->team->id, &write)) {
		return -ENOMEM;
	}
	write.pulls = pulls;
	for (size_t m = 0; m < members->paths_count; m++) {
		bson_iter_t iter;
		if (!nv_doc_find(pair->team_doc, members->paths[m], &iter) ||
		    !BSON_ITER_HOLDS_ARRAY(&iter)) {
			continue;
		}
		/* One pull a path: its key is the spelling that this team's elements have. */
		const bson_t *sample = pair->team_doc;
		struct nv_fresh fresh = { .samples = &sample, .samples_count = 1 };
		pulls[write.pulls_count++] =
			(struct nv_docmember){ .path = members->paths[m],
			                       .key = last_part(nv_fresh_path(&fresh, user)),
			                       .value = &pair->user->id };
	}
	return write.pulls_count ? nv_doctx_add(tx, &write, NV_TX_PLAIN) : 0;
}

static int leave(struct pair *pair, const bson_value_t *team, const char *path, struct nv_err *err)
{
	const struct nv_schema_kind *users = nv_ng_kind(pair->ng, NV_DOC_USER);
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, pair->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	int rc = nv_docop_pull_team(&tx, users, pair->user->collection, pair->user_doc, team);
	rc = rc || !pair->team ? rc : leave_team(pair, &tx);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory")
	        : nv_docop_log_membership(&tx, "delete", users, pair->user->collection,
	                                  &pair->user->id, team, NULL, path, err);
	return rc ? rc : nv_doctx_commit(&tx, &result, err);
}

int nv_docop_leave(struct nv_netgoat *ng, const struct nv_node *node, bool check_only,
                   struct nv_err *err)
{
	cleanup_founddoc struct nv_founddoc found = { 0 };
	int rc = nv_docs_find(ng, node, NV_TEXT_FILE, true, &found, err);
	if (rc || check_only) {
		return rc;
	}
	struct nv_head *team = NULL;
	if (found.item->collection) {
		team = nv_head_new(found.item, 0, 0);
		if (!team) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	struct pair pair = {
		.ng = ng, .arena = NV_ARENA_INIT, .user = found.place.user, .team = team
	};
	const bson_value_t *id = nv_doc_id(&pair.arena, found.item->head);
	rc = id ? ask_pair(&pair, err) : nv_fail(err, ENOMEM, "out of memory");
	rc = rc ? rc : leave(&pair, id, node->path, err);
	nv_arena_release(&pair.arena);
	nv_head_unref(team);
	return rc;
}
