/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"

struct nv_docdir nv_docdir_of(struct nv_netgoat *ng, const struct nv_ng_place *place,
                              enum nv_doc_kind kind, enum nv_text_mode mode)
{
	struct nv_docdir dir = { .ng = ng,
		                 .place = place,
		                 .kind = nv_ng_kind(ng, kind),
		                 .mode = mode,
		                 .suffix = nv_ng_suffix(kind) };
	dir.objects = dir.suffix[0] == '\0';
	dir.by_id = !dir.kind->has_name || (place->scope == NV_NG_IN_ORPHANS && !dir.objects);
	return dir;
}

static void append_head(struct nv_buf *out, const char *tag, const struct nv_head *head)
{
	if (head) {
		nv_buf_puts(out, tag);
		nv_buf_puts(out, head->collection);
		nv_buf_putc(out, ';');
		(void)nv_docvalue_key(&head->id, out);
	}
}

int nv_docdir_key(const struct nv_docdir *dir, struct nv_buf *out)
{
	/* Heads of objects are the same in every mode. */
	nv_buf_printf(out, "%s;%d;%d;", nv_schema_word(dir->kind->kind),
	              !dir->objects && dir->mode == NV_TEXT_STORED, dir->place->scope);
	/* The innermost object is enough: ids are unique. */
	append_head(out, "domain;", dir->place->domain);
	if (!dir->place->domain) {
		append_head(out, "team;", dir->place->team);
	}
	append_head(out, "user;", dir->place->user);
	return nv_buf_error(out);
}

static bool is_notice(const struct nv_schema_kind *kind)
{
	return kind->kind == NV_DOC_ALERT || kind->kind == NV_DOC_INCIDENT;
}

void nv_docdir_ask(const struct nv_docdir *dir, struct nv_docask *ask, struct nv_arena *arena)
{
	const struct nv_ng_place *place = dir->place;
	ask->kind = dir->kind;
	if (dir->objects) {
		nv_docask_heads(ask, arena);
	}
	switch (place->scope) {
	case NV_NG_IN_DOMAIN:
	case NV_NG_IN_ORPHAN_DOMAIN:
		nv_docask_term(ask, NV_ROLE_DOMAIN, NV_DOCTERM_EQ, &place->domain->id, 1);
		break;
	case NV_NG_IN_TEAM:
		nv_docask_term(ask, NV_ROLE_TEAM, NV_DOCTERM_EQ, &place->team->id, 1);
		break;
	case NV_NG_TOP:
		if (is_notice(dir->kind)) {
			nv_docask_term(ask, NV_ROLE_TEAM, NV_DOCTERM_NULL, NULL, 0);
			nv_docask_term(ask, NV_ROLE_DOMAIN, NV_DOCTERM_NULL, NULL, 0);
		} else if (dir->kind->kind == NV_DOC_ANALYTICS) {
			nv_docask_term(ask, NV_ROLE_DOMAIN, NV_DOCTERM_NULL, NULL, 0);
		}
		break;
	default:
		break;
	}
}

/* The value of a reference; false: null or missing. */
static bool reference(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                      bson_iter_t *ret_iter)
{
	return nv_schema_find(kind, role, doc, ret_iter, NULL);
}

static bool equal(bson_iter_t *a, bson_iter_t *b)
{
	return nv_docvalue_equal(bson_iter_value(a), bson_iter_value(b));
}

int nv_docdir_has(const struct nv_docdir *dir, const bson_t *doc)
{
	const struct nv_ng_place *place = dir->place;
	bson_iter_t team;
	bson_iter_t own;
	switch (place->scope) {
	case NV_NG_IN_DOMAIN:
	case NV_NG_IN_ORPHAN_DOMAIN:
		/* An alert that names a team is that team's, whoever owns the domain. */
		if (!is_notice(dir->kind) || !reference(dir->kind, NV_ROLE_TEAM, doc, &team)) {
			return 1;
		}
		return reference(nv_ng_kind(dir->ng, NV_DOC_DOMAIN), NV_ROLE_TEAM,
		                 place->domain->doc, &own) &&
		       equal(&team, &own);
	case NV_NG_IN_TEAM:
		return is_notice(dir->kind) && reference(dir->kind, NV_ROLE_DOMAIN, doc, &own) ? 2
		                                                                               : 1;
	case NV_NG_IN_ORPHANS:
		return 2;
	default:
		return 1;
	}
}

struct nv_facts nv_docdir_facts(const struct nv_docdir *dir, bool said)
{
	struct nv_facts facts = { .name = said };
	const struct nv_ng_place *place = dir->place;
	const struct nv_schema_kind *domain = nv_ng_kind(dir->ng, NV_DOC_DOMAIN);
	const char *path = NULL;
	bson_iter_t iter;
	if (place->scope == NV_NG_IN_TEAM) {
		(void)nv_elem_find(place->team->doc, "_id", &facts.team);
	}
	if (place->domain) {
		(void)nv_elem_find(place->domain->doc, "_id", &facts.domain);
		if (nv_schema_find(domain, NV_ROLE_TEAM, place->domain->doc, &iter, &path)) {
			(void)nv_elem_find(place->domain->doc, path, &facts.team);
		}
		if (place->domain->said &&
		    nv_schema_find(domain, NV_ROLE_NAME, place->domain->doc, &iter, &path)) {
			(void)nv_elem_find(place->domain->doc, path, &facts.domain_name);
		}
	}
	return facts;
}

struct nv_facts nv_ng_place_own_facts(const struct nv_ng_place *place, enum nv_doc_kind kind)
{
	const struct nv_head *head = kind == NV_DOC_TEAM   ? place->team
	                             : kind == NV_DOC_USER ? place->user
	                                                   : place->domain;
	struct nv_facts facts = { .name = head->said };
	if (kind == NV_DOC_DOMAIN && place->scope == NV_NG_IN_DOMAIN) {
		(void)nv_elem_find(place->team->doc, "_id", &facts.team);
	}
	return facts;
}

int nv_docsnap_pick(const struct nv_docsnap *snap, const struct nv_docname *name,
                    const struct nv_docitem **ret_item, struct nv_err *err)
{
	const struct nv_docitem *found = NULL;
	for (size_t i = 0; i < snap->count; i++) {
		const struct nv_docitem *item = &snap->items[i];
		if (name->cut) {
			found = strcmp(item->name, name->plain) == 0 ? item : found;
			continue;
		}
		if (!name->has_id) {
			if (found) {
				return nv_fail(
					err, ENOTUNIQ,
					"%zu documents have this name: use one of NAME~ID, as %s",
					snap->count, item->name);
			}
			found = item;
			continue;
		}
		bson_value_t id;
		if (name->id && nv_docitem_id(item, &id) && nv_docvalue_equal(&id, name->id)) {
			found = item;
		}
	}
	if (!found) {
		return nv_fail(err, ENOENT, "no such document");
	}
	*ret_item = found;
	return 0;
}

/* ---- Collecting ---- */

#define CONTENT_BUDGET (4 * 1024 * 1024)
#define ITEM_COST 400 /* of a document that is kept, besides its bytes and its text */

int nv_collect_init(struct nv_collect *collect, const struct nv_docdir *dir, int64_t sampled_ms)
{
	*collect = (struct nv_collect){ .dir = *dir,
		                        .budget = CONTENT_BUDGET,
		                        .arena = NV_ARENA_INIT };
	collect->snap = nv_docsnap_new(sampled_ms);
	return collect->snap ? 0 : -ENOMEM;
}

void nv_collect_release(struct nv_collect *collect)
{
	nv_docsnap_unref(collect->snap);
	nv_arena_release(&collect->arena);
	collect->snap = NULL;
}

/* The same document, asked for in two ways. */
static bool is_known(const struct nv_collect *collect, const char *collection, const bson_t *doc)
{
	bson_iter_t id;
	bson_value_t known;
	if (!collect->dedupe || !bson_iter_init_find(&id, doc, "_id")) {
		return false;
	}
	for (size_t i = 0; i < collect->snap->count; i++) {
		const struct nv_docitem *item = &collect->snap->items[i];
		if (item->collection == collection && nv_docitem_id(item, &known) &&
		    nv_docvalue_equal(bson_iter_value(&id), &known)) {
			return true;
		}
	}
	return false;
}

/* Adds the file of a document: its content while the budget lasts, else only its size. */
static int add_file(struct nv_collect *collect, const char *collection, const bson_t *doc,
                    char *name, bool said, struct nv_err *err)
{
	const struct nv_docdir *dir = &collect->dir;
	struct nv_facts facts = nv_docdir_facts(dir, said);
	struct nv_blob *blob = NULL;
	int rc = nv_text_blob(dir->ng->schema, dir->kind, &facts, doc, collection, dir->mode,
	                      collect->snap->sampled_ms, &blob, err);
	if (rc) {
		free(name);
		return rc;
	}
	size_t cost = blob->size + doc->len + ITEM_COST;
	bool keep = cost <= collect->budget;
	collect->budget = keep ? collect->budget - cost : 0;
	struct nv_docitem *item = nv_docsnap_add(collect->snap, name, blob, NULL, collection);
	if (!item) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	item->said = said;
	if (!keep) {
		if (!item->stamped) {
			item->mtime = (struct timespec){
				.tv_sec = blob->crc & 0x1ffffff
			}; /* DESIGN 2: nobody recorded one */
		}
		bson_iter_t id;
		if (bson_iter_init_find(&id, doc, "_id")) {
			bson_value_copy(bson_iter_value(&id), &item->id);
		}
		item->blob = NULL;
		nv_blob_unref(blob);
	}
	return 0;
}

static int add_document(struct nv_collect *collect, const char *collection, const bson_t *doc,
                        struct nv_err *err)
{
	const struct nv_docdir *dir = &collect->dir;
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool said = false;
	if (nv_docname_plain(dir->kind, dir->by_id, doc, dir->suffix, &plain, &said)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (collect->plain && strcmp(plain.data, collect->plain) != 0) {
		return 0;
	}
	/* A copy, because the buffer is larger, and there may be many names. */
	char *name = strdup(plain.data ? plain.data : "");
	if (!name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (!dir->objects) {
		return add_file(collect, collection, doc, name, said, err);
	}
	struct nv_docitem *item =
		nv_docsnap_add(collect->snap, name, NULL, bson_copy(doc), collection);
	if (!item) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	item->said = said;
	return 0;
}

static int put_off(struct nv_collect *collect, const char *collection, const bson_t *doc,
                   struct nv_err *err)
{
	bson_t *kept = nv_arena_keep(&collect->arena, bson_copy(doc));
	if (!kept ||
	    nv_arena_grow(&collect->arena, (void **)&collect->pending, collect->pending_count,
	                  &collect->pending_cap, sizeof(*collect->pending))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	collect->pending[collect->pending_count++] =
		(struct nv_collect_pending){ .doc = kept, .collection = collection };
	return 0;
}

int nv_collect_doc(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct nv_collect *collect = ctx;
	int has = nv_docdir_has(&collect->dir, doc);
	if (has == 2 && collect->parents) {
		has = nv_parents_place(collect->dir.ng, collect->parents, collect->dir.kind, doc) ==
		      collect->dir.place->scope;
	}
	if (has == 0 || is_known(collect, collection, doc)) {
		return 0;
	}
	if (collect->limit && collect->snap->count + collect->pending_count >= collect->limit) {
		collect->overflow = true;
		return 1;
	}
	return has == 1 ? add_document(collect, collection, doc, err)
	                : put_off(collect, collection, doc, err);
}

/* The distinct references of pending documents. */
static int gather(struct nv_collect *collect, enum nv_role role, struct nv_arena *arena,
                  bson_value_t **ret_values, size_t *ret_count)
{
	bson_value_t *values = nv_arena_alloc(arena, collect->pending_count, sizeof(*values));
	struct nv_strmap *seen = nv_strmap_new();
	size_t count = 0;
	for (size_t i = 0; values && seen && i < collect->pending_count; i++) {
		bson_iter_t iter;
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		if (!reference(collect->dir.kind, role, collect->pending[i].doc, &iter) ||
		    nv_docvalue_key(bson_iter_value(&iter), &key) ||
		    nv_strmap_get(seen, key.data, key.len)) {
			continue;
		}
		const bson_value_t *copy = nv_arena_value(arena, &iter);
		if (!copy || nv_strmap_set(seen, key.data, key.len, values, NULL)) {
			arena->failed = true;
			break;
		}
		values[count++] = *copy;
	}
	if (!seen) {
		arena->failed = true;
	}
	nv_strmap_free(seen, NULL);
	*ret_values = values;
	*ret_count = count;
	return nv_arena_error(arena);
}

static int settle(struct nv_collect *collect, struct nv_err *err)
{
	struct nv_netgoat *ng = collect->dir.ng;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_parents parents = { .arena = NV_ARENA_INIT };
	bson_value_t *domains = NULL;
	bson_value_t *teams = NULL;
	size_t domains_count = 0;
	size_t teams_count = 0;
	int rc = gather(collect, NV_ROLE_DOMAIN, &batch.arena, &domains, &domains_count);
	rc = rc ? rc : gather(collect, NV_ROLE_TEAM, &batch.arena, &teams, &teams_count);
	rc = rc ? rc
	        : nv_parents_ask(ng, &parents, &batch, domains, domains_count, teams, teams_count);
	rc = rc ? nv_fail(err, -rc, "out of memory") : nv_docbatch_run(&batch, err);
	for (size_t i = 0; rc == 0 && i < collect->pending_count; i++) {
		const struct nv_collect_pending *pending = &collect->pending[i];
		if (nv_parents_place(ng, &parents, collect->dir.kind, pending->doc) ==
		    collect->dir.place->scope) {
			rc = add_document(collect, pending->collection, pending->doc, err);
		}
	}
	nv_parents_release(&parents);
	return rc;
}

int nv_collect_finish(struct nv_collect *collect, struct nv_err *err)
{
	int rc = collect->pending_count ? settle(collect, err) : 0;
	if (rc) {
		return rc;
	}
	return nv_docsnap_finish(collect->snap, collect->dir.suffix)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

int nv_collect_ask(struct nv_collect *collect, struct nv_docbatch *batch)
{
	struct nv_docask ask = { .fn = nv_collect_doc, .ctx = collect };
	nv_docdir_ask(&collect->dir, &ask, &batch->arena);
	ask.limit = collect->limit ? collect->limit + 1 : 0;
	return nv_docbatch_add(batch, &ask);
}

int nv_collect_ask_name(struct nv_collect *collect, struct nv_docbatch *batch,
                        const struct nv_docname *name)
{
	if (name->cut) {
		return nv_collect_ask(collect, batch);
	}
	const struct nv_docdir *dir = &collect->dir;
	collect->plain = name->plain;
	collect->dedupe = true;
	int rc = 0;
	if (name->named) {
		struct nv_docask ask = { .fn = nv_collect_doc, .ctx = collect };
		nv_docdir_ask(dir, &ask, &batch->arena);
		size_t count = 0;
		const bson_value_t *values = nv_docname_forms(
			dir->kind, name->name, name->name_size, &batch->arena, &count);
		nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, values, count);
		if (dir->kind->has_type) {
			const bson_value_t *type =
				nv_arena_utf8(&batch->arena, name->type, name->type_size);
			nv_docask_term(&ask, NV_ROLE_TYPE, NV_DOCTERM_EQ, type, 1);
		}
		rc = values ? nv_docbatch_add(batch, &ask) : -ENOMEM;
	}
	if (rc == 0 && name->name_id) {
		struct nv_docask ask = { .fn = nv_collect_doc, .ctx = collect };
		nv_docdir_ask(dir, &ask, &batch->arena);
		nv_docask_id(&ask, NV_DOCTERM_EQ, name->name_id, 1);
		rc = nv_docbatch_add(batch, &ask);
	}
	return rc ? rc : nv_arena_error(&batch->arena);
}
