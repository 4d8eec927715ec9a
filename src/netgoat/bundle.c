/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domains with their proxies and records, for views: a bounded number of domains in each round
 * trip. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/dir.h"

#define DOMAINS_AT_ONCE 32

/* One domain that is being gathered. */
struct parcel {
	const char *name;
	const bson_t *domain;
	const bson_t **proxies;
	size_t proxies_count;
	size_t proxies_cap;
	const bson_t **records;
	size_t records_count;
	size_t records_cap;
};

/* One batch of them. */
struct gather {
	struct nv_netgoat *ng;
	struct nv_arena arena;
	struct nv_strmap *by_id; /* owned; key of _id -> struct parcel */
	struct parcel parcels[DOMAINS_AT_ONCE];
	const struct nv_docitem *items[DOMAINS_AT_ONCE];
	size_t count;
	int64_t sampled_ms;
};

static struct parcel *parcel_of(struct gather *gather, const bson_iter_t *id)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	bson_iter_t copy = *id;
	return nv_docvalue_key(bson_iter_value(&copy), &key)
	               ? NULL
	               : nv_strmap_get(gather->by_id, key.data, key.len);
}

static int take_domain(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct gather *gather = ctx;
	bson_iter_t id;
	(void)collection;
	struct parcel *parcel =
		bson_iter_init_find(&id, doc, "_id") ? parcel_of(gather, &id) : NULL;
	if (parcel) {
		parcel->domain = nv_arena_keep(&gather->arena, bson_copy(doc));
	}
	return parcel && !parcel->domain ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int take_child(struct gather *gather, enum nv_doc_kind kind, const bson_t *doc,
                      struct nv_err *err)
{
	bson_iter_t reference;
	struct parcel *parcel =
		nv_schema_find(nv_ng_kind(gather->ng, kind), NV_ROLE_DOMAIN, doc, &reference, NULL)
			? parcel_of(gather, &reference)
			: NULL;
	if (!parcel) {
		return 0;
	}
	bool proxy = kind == NV_DOC_PROXY;
	const bson_t ***list = proxy ? &parcel->proxies : &parcel->records;
	size_t *count = proxy ? &parcel->proxies_count : &parcel->records_count;
	size_t *cap = proxy ? &parcel->proxies_cap : &parcel->records_cap;
	const bson_t *kept = nv_arena_keep(&gather->arena, bson_copy(doc));
	if (!kept || nv_arena_grow(&gather->arena, (void **)list, *count, cap, sizeof(**list))) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	(*list)[(*count)++] = kept;
	return 0;
}

static int take_proxy(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	return take_child(ctx, NV_DOC_PROXY, doc, err);
}

static int take_record(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	(void)collection;
	return take_child(ctx, NV_DOC_RECORD, doc, err);
}

/* One record with its file's name, for sorting. */
struct named {
	char *name;
	const bson_t *doc;
};

static int compare_named(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static int sort_records(struct gather *gather, struct parcel *parcel)
{
	const struct nv_schema_kind *kind = nv_ng_kind(gather->ng, NV_DOC_RECORD);
	struct named *named =
		nv_arena_alloc(&gather->arena, parcel->records_count + 1, sizeof(*named));
	for (size_t i = 0; named && i < parcel->records_count; i++) {
		cleanup_buf struct nv_buf name = NV_BUF_INIT;
		bool said = false;
		if (nv_docname_plain(kind, false, parcel->records[i], ".json", &name, &said) ||
		    nv_docname_id_text(parcel->records[i], &name)) {
			return -ENOMEM;
		}
		named[i] = (struct named){ nv_arena_strdup(&gather->arena, name.data),
			                   parcel->records[i] };
	}
	if (nv_arena_error(&gather->arena)) {
		return -ENOMEM;
	}
	if (parcel->records_count) {
		qsort(named, parcel->records_count, sizeof(*named), compare_named);
	}
	for (size_t i = 0; i < parcel->records_count; i++) {
		parcel->records[i] = named[i].doc;
	}
	return 0;
}

static int ask(struct gather *gather, struct nv_err *err)
{
	struct nv_netgoat *ng = gather->ng;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	bson_value_t *ids = nv_arena_alloc(&batch.arena, gather->count, sizeof(*ids));
	int rc = ids ? 0 : -ENOMEM;
	for (size_t i = 0; rc == 0 && i < gather->count; i++) {
		bson_iter_t id;
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		gather->parcels[i] = (struct parcel){ .name = gather->items[i]->name };
		(void)bson_iter_init_find(&id, nv_docitem_doc(gather->items[i]), "_id");
		ids[i] = *bson_iter_value(&id); /* points into the item's head */
		rc = nv_docvalue_key(&ids[i], &key);
		rc = rc ? rc
		        : nv_strmap_set(gather->by_id, key.data, key.len, &gather->parcels[i],
		                        NULL);
	}
	struct nv_docask domains = { .kind = nv_ng_kind(ng, NV_DOC_DOMAIN),
		                     .fn = take_domain,
		                     .ctx = gather };
	struct nv_docask proxies = { .kind = nv_ng_kind(ng, NV_DOC_PROXY),
		                     .fn = take_proxy,
		                     .ctx = gather,
		                     .sort = NV_DOCSORT_ID };
	struct nv_docask records = { .kind = nv_ng_kind(ng, NV_DOC_RECORD),
		                     .fn = take_record,
		                     .ctx = gather };
	nv_docask_id(&domains, NV_DOCTERM_IN, ids, gather->count);
	nv_docask_term(&proxies, NV_ROLE_DOMAIN, NV_DOCTERM_IN, ids, gather->count);
	nv_docask_term(&records, NV_ROLE_DOMAIN, NV_DOCTERM_IN, ids, gather->count);
	rc = rc ? rc : nv_docbatch_add(&batch, &domains);
	rc = rc ? rc : nv_docbatch_add(&batch, &proxies);
	rc = rc ? rc : nv_docbatch_add(&batch, &records);
	gather->sampled_ms = nv_clock_ms(ng->clock);
	return rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
}

static int deliver(struct gather *gather, nv_netgoat_bundle_fn *fn, void *ctx, struct nv_err *err)
{
	gather->by_id = nv_strmap_new();
	int rc = gather->by_id ? ask(gather, err) : nv_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < gather->count; i++) {
		struct parcel *parcel = &gather->parcels[i];
		if (!parcel->domain) {
			continue; /* deleted since it was listed */
		}
		rc = sort_records(gather, parcel) ? nv_fail(err, ENOMEM, "out of memory") : 0;
		struct nv_netgoat_bundle bundle = { .name = parcel->name,
			                            .domain = parcel->domain,
			                            .proxies = parcel->proxies,
			                            .proxies_count = parcel->proxies_count,
			                            .records = parcel->records,
			                            .records_count = parcel->records_count,
			                            .sampled_ms = gather->sampled_ms };
		rc = rc ? rc : fn(ctx, &bundle, err);
	}
	nv_strmap_free(gather->by_id, NULL);
	nv_arena_release(&gather->arena);
	return rc;
}

int nv_netgoat_bundles(struct nv_netgoat *netgoat, const char *team, const char *domain,
                       nv_netgoat_bundle_fn *fn, void *ctx, struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	struct nv_ng_place place = { .scope = NV_NG_IN_TEAM };
	cleanup_collect struct nv_collect collect = { 0 };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, netgoat->store);
	int rc = nv_ng_place_object(netgoat, &top, NV_DOC_TEAM, team, false, &place.team,
	                            &place.team_stale, err);
	if (rc) {
		return rc;
	}
	struct nv_docdir dir = nv_docdir_of(netgoat, &place, NV_DOC_DOMAIN, NV_TEXT_FILE);
	struct nv_docname name;
	const struct nv_docitem *only = NULL;
	rc = nv_collect_init(&collect, &dir, nv_clock_ms(netgoat->clock));
	if (rc == 0 && domain) {
		rc = nv_docname_parse(dir.kind, false, domain, "", &batch.arena, &name);
		rc = rc ? rc : nv_collect_ask_name(&collect, &batch, &name);
	} else if (rc == 0) {
		rc = nv_collect_ask(&collect, &batch);
	}
	rc = rc ? nv_fail(err, -rc, rc == -ENOENT ? "no such domain" : "out of memory")
	        : nv_docbatch_run(&batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	if (rc == 0 && domain) {
		rc = nv_docsnap_pick(collect.snap, &name, &only, err);
	}
	size_t total = rc ? 0 : only ? 1 : collect.snap->count;
	for (size_t i = 0; rc == 0 && i < total;) {
		struct gather gather = { .ng = netgoat, .arena = NV_ARENA_INIT };
		for (; i < total && gather.count < DOMAINS_AT_ONCE; i++) {
			gather.items[gather.count++] = only ? only : &collect.snap->items[i];
		}
		rc = deliver(&gather, fn, ctx, err);
	}
	nv_ng_place_release(&place);
	return rc;
}

int nv_netgoat_team_name(struct nv_netgoat *netgoat, const char *team, char **ret_name,
                         struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	struct nv_head *head = NULL;
	bool stale = false;
	int rc = nv_ng_place_object(netgoat, &top, NV_DOC_TEAM, team, false, &head, &stale, err);
	if (rc) {
		return rc;
	}
	char *name = strdup(head->name);
	nv_head_unref(head);
	if (!name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_name = name;
	return 0;
}

int nv_netgoat_team_names(struct nv_netgoat *netgoat, nv_netgoat_name_fn *fn, void *ctx,
                          struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	struct nv_docdir dir = nv_docdir_of(netgoat, &top, NV_DOC_TEAM, NV_TEXT_FILE);
	cleanup_collect struct nv_collect collect = { 0 };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, netgoat->store);
	int rc = nv_collect_init(&collect, &dir, nv_clock_ms(netgoat->clock)) ||
	                         nv_collect_ask(&collect, &batch)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_docbatch_run(&batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	for (size_t i = 0; rc == 0 && i < collect.snap->count; i++) {
		rc = fn(ctx, collect.snap->items[i].name, err);
	}
	return rc;
}

const struct nv_row *nv_netgoat_child_row(struct nv_netgoat *netgoat, const struct nv_row *dir)
{
	return nv_tree_next_child(&netgoat->tree, dir, NULL);
}
