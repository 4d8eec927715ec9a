/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where documents belong by what they refer to (DESIGN 2 and 6: a team that is named wins over
 * the domain's). */
#include "config.h"

#include <errno.h>

#include "netgoat/dir.h"

void nv_parents_release(struct nv_parents *parents)
{
	nv_strmap_free(parents->domains, NULL);
	nv_strmap_free(parents->teams, NULL);
	nv_arena_release(&parents->arena);
	*parents = (struct nv_parents){ .arena = NV_ARENA_INIT };
}

static int note(struct nv_parents *parents, struct nv_strmap *map, const bson_t *doc,
                struct nv_err *err)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bson_iter_t iter;
	if (!bson_iter_init_find(&iter, doc, "_id")) {
		return 0;
	}
	bson_t *kept = nv_arena_keep(&parents->arena, bson_copy(doc));
	if (!kept || nv_docvalue_key(bson_iter_value(&iter), &key) ||
	    nv_strmap_set(map, key.data, key.len, kept, NULL)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int note_domain(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	struct nv_parents *parents = ctx;
	return note(parents, parents->domains, doc, err);
}

static int note_team(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	struct nv_parents *parents = ctx;
	return note(parents, parents->teams, doc, err);
}

static int ask_kind(struct nv_netgoat *ng, struct nv_parents *parents, struct nv_docbatch *batch,
                    enum nv_doc_kind kind, const bson_value_t *ids, size_t count, bool all)
{
	struct nv_strmap **map = kind == NV_DOC_DOMAIN ? &parents->domains : &parents->teams;
	*map = nv_strmap_new();
	if (!*map) {
		return -ENOMEM;
	}
	if (!all && count == 0) {
		return 0;
	}
	struct nv_docask ask = { .kind = nv_ng_kind(ng, kind),
		                 .fn = kind == NV_DOC_DOMAIN ? note_domain : note_team,
		                 .ctx = parents };
	nv_docask_heads(&ask, &batch->arena);
	if (!all) {
		nv_docask_id(&ask, NV_DOCTERM_IN, ids, count);
	}
	return nv_docbatch_add(batch, &ask);
}

int nv_parents_ask(struct nv_netgoat *ng, struct nv_parents *parents, struct nv_docbatch *batch,
                   const bson_value_t *domains, size_t domains_count, const bson_value_t *teams,
                   size_t teams_count)
{
	int rc = ask_kind(ng, parents, batch, NV_DOC_DOMAIN, domains, domains_count, false);
	return rc ? rc : ask_kind(ng, parents, batch, NV_DOC_TEAM, teams, teams_count, false);
}

int nv_parents_ask_all(struct nv_netgoat *ng, struct nv_parents *parents, struct nv_docbatch *batch)
{
	parents->complete = true;
	int rc = ask_kind(ng, parents, batch, NV_DOC_DOMAIN, NULL, 0, true);
	return rc ? rc : ask_kind(ng, parents, batch, NV_DOC_TEAM, NULL, 0, true);
}

const bson_value_t *nv_parents_ids(struct nv_parents *parents, enum nv_doc_kind kind,
                                   size_t *ret_count)
{
	struct nv_strmap *map = kind == NV_DOC_DOMAIN ? parents->domains : parents->teams;
	bson_value_t *ids = nv_arena_alloc(&parents->arena, nv_strmap_count(map) + 1, sizeof(*ids));
	size_t count = 0;
	size_t cursor = 0;
	void *head = NULL;
	while (ids && nv_strmap_next(map, &cursor, NULL, NULL, &head)) {
		bson_iter_t iter;
		if (bson_iter_init_find(&iter, head, "_id")) {
			ids[count++] = *bson_iter_value(
				&iter); /* points into head, which the arena keeps */
		}
	}
	*ret_count = count;
	return ids;
}

static const bson_t *find_parent(const struct nv_strmap *map, bson_iter_t *reference)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (!map || nv_docvalue_key(bson_iter_value(reference), &key)) {
		return NULL;
	}
	return nv_strmap_get(map, key.data, key.len);
}

/* As find_parent, and a list of references counts if any of them resolves, as the database
 * compares. */
static const bson_t *resolve(const struct nv_strmap *map, bson_iter_t *reference)
{
	const bson_t *found = find_parent(map, reference);
	bson_iter_t element;
	if (!found && BSON_ITER_HOLDS_ARRAY(reference) && bson_iter_recurse(reference, &element)) {
		while (!found && bson_iter_next(&element)) {
			found = find_parent(map, &element);
		}
	}
	return found;
}

/* A notice: its team's, unless it names a domain of that team or no team at all. */
static enum nv_ng_scope place_notice(const struct nv_netgoat *ng, const struct nv_parents *parents,
                                     bool has_team, bson_iter_t *team, bool has_domain,
                                     bson_iter_t *domain)
{
	const bson_t *owner = has_domain ? resolve(parents->domains, domain) : NULL;
	bson_iter_t own;
	if (has_domain && !owner) {
		return NV_NG_IN_ORPHANS;
	}
	if (owner &&
	    (!has_team ||
	     (nv_schema_find(nv_ng_kind(ng, NV_DOC_DOMAIN), NV_ROLE_TEAM, owner, &own, NULL) &&
	      nv_docvalue_equal(bson_iter_value(team), bson_iter_value(&own))))) {
		return NV_NG_IN_DOMAIN;
	}
	if (!has_team) {
		return NV_NG_TOP;
	}
	return resolve(parents->teams, team) ? NV_NG_IN_TEAM : NV_NG_IN_ORPHANS;
}

enum nv_ng_scope nv_parents_place(const struct nv_netgoat *ng, const struct nv_parents *parents,
                                  const struct nv_schema_kind *kind, const bson_t *doc)
{
	bson_iter_t team;
	bson_iter_t domain;
	bool has_team = nv_schema_find(kind, NV_ROLE_TEAM, doc, &team, NULL);
	bool has_domain = nv_schema_find(kind, NV_ROLE_DOMAIN, doc, &domain, NULL);
	switch (kind->kind) {
	case NV_DOC_DOMAIN:
		return has_team && resolve(parents->teams, &team) ? NV_NG_IN_TEAM
		                                                  : NV_NG_IN_ORPHANS;
	case NV_DOC_RECORD:
	case NV_DOC_PROXY:
		return has_domain && resolve(parents->domains, &domain) ? NV_NG_IN_DOMAIN
		                                                        : NV_NG_IN_ORPHANS;
	case NV_DOC_ANALYTICS:
		return !has_domain                          ? NV_NG_TOP
		       : resolve(parents->domains, &domain) ? NV_NG_IN_DOMAIN
		                                            : NV_NG_IN_ORPHANS;
	case NV_DOC_ALERT:
	case NV_DOC_INCIDENT:
		return place_notice(ng, parents, has_team, &team, has_domain, &domain);
	default:
		return NV_NG_TOP;
	}
}
