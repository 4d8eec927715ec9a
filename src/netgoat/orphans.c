/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Documents whose parent does not exist. Two round trips: all ids of teams and domains, then
 * what refers to none of them. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"

static const struct {
	const char *name; /* of the directory, as src/tree.c has it */
	enum nv_doc_kind kind;
} orphan_dirs[] = {
	{ "alerts", NV_DOC_ALERT },       { "analytics", NV_DOC_ANALYTICS },
	{ "dnsrecords", NV_DOC_RECORD },  { "domains", NV_DOC_DOMAIN },
	{ "incidents", NV_DOC_INCIDENT }, { "proxyconfigs", NV_DOC_PROXY },
};

#define DIRS (sizeof(orphan_dirs) / sizeof(orphan_dirs[0]))

static const struct nv_ng_place orphans_place = { .scope = NV_NG_IN_ORPHANS };

/* One look for orphans. */
struct look {
	struct nv_netgoat *ng;
	struct nv_parents parents;
	const bson_value_t *domains;
	const bson_value_t *teams;
	size_t domains_count;
	size_t teams_count;
};

static void add_ask(struct nv_docbatch *batch, struct nv_collect *collect, struct nv_docask *ask,
                    int *rc)
{
	ask->kind = collect->dir.kind;
	ask->fn = nv_collect_doc;
	ask->ctx = collect;
	if (collect->dir.objects) {
		nv_docask_heads(ask, &batch->arena);
	}
	*rc = *rc ? *rc : nv_docbatch_add(batch, ask);
}

/* Children of domains: no domain, or one that is not there. */
static int ask_children(const struct look *look, struct nv_collect *collect,
                        struct nv_docbatch *batch)
{
	struct nv_docask ask = { 0 };
	int rc = 0;
	ask.kind = collect->dir.kind;
	if (collect->dir.kind->kind == NV_DOC_ANALYTICS) {
		nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_NOTNULL, NULL, 0);
	}
	nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_NIN, look->domains, look->domains_count);
	add_ask(batch, collect, &ask, &rc);
	return rc;
}

static int ask_domains(const struct look *look, struct nv_collect *collect,
                       struct nv_docbatch *batch)
{
	struct nv_docask ask = { .kind = collect->dir.kind };
	int rc = 0;
	nv_docask_term(&ask, NV_ROLE_TEAM, NV_DOCTERM_NIN, look->teams, look->teams_count);
	add_ask(batch, collect, &ask, &rc);
	return rc;
}

/* Alerts and incidents: a domain that is not there, or a team that is not there (unless it is
 * the domain's own). */
static int ask_notices(const struct look *look, struct nv_collect *collect,
                       struct nv_docbatch *batch)
{
	struct nv_docask lost = { .kind = collect->dir.kind };
	struct nv_docask bare = { .kind = collect->dir.kind };
	struct nv_docask both = { .kind = collect->dir.kind };
	int rc = 0;
	nv_docask_term(&lost, NV_ROLE_DOMAIN, NV_DOCTERM_NOTNULL, NULL, 0);
	nv_docask_term(&lost, NV_ROLE_DOMAIN, NV_DOCTERM_NIN, look->domains, look->domains_count);
	add_ask(batch, collect, &lost, &rc);
	nv_docask_term(&bare, NV_ROLE_DOMAIN, NV_DOCTERM_NULL, NULL, 0);
	nv_docask_term(&bare, NV_ROLE_TEAM, NV_DOCTERM_NOTNULL, NULL, 0);
	nv_docask_term(&bare, NV_ROLE_TEAM, NV_DOCTERM_NIN, look->teams, look->teams_count);
	add_ask(batch, collect, &bare, &rc);
	nv_docask_term(&both, NV_ROLE_DOMAIN, NV_DOCTERM_IN, look->domains, look->domains_count);
	nv_docask_term(&both, NV_ROLE_TEAM, NV_DOCTERM_NOTNULL, NULL, 0);
	nv_docask_term(&both, NV_ROLE_TEAM, NV_DOCTERM_NIN, look->teams, look->teams_count);
	add_ask(batch, collect, &both, &rc);
	return rc;
}

static int ask_orphans(const struct look *look, struct nv_collect *collect,
                       struct nv_docbatch *batch)
{
	collect->parents = (struct nv_parents *)&look->parents;
	switch (collect->dir.kind->kind) {
	case NV_DOC_DOMAIN:
		return ask_domains(look, collect, batch);
	case NV_DOC_ALERT:
	case NV_DOC_INCIDENT:
		return ask_notices(look, collect, batch);
	default:
		return ask_children(look, collect, batch);
	}
}

static int begin(struct nv_netgoat *ng, struct look *look, struct nv_err *err)
{
	*look = (struct look){ .ng = ng, .parents = { .arena = NV_ARENA_INIT } };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	int rc = nv_parents_ask_all(ng, &look->parents, &batch)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_docbatch_run(&batch, err);
	if (rc == 0) {
		look->domains = nv_parents_ids(&look->parents, NV_DOC_DOMAIN, &look->domains_count);
		look->teams = nv_parents_ids(&look->parents, NV_DOC_TEAM, &look->teams_count);
		rc = look->domains && look->teams ? 0 : nv_fail(err, ENOMEM, "out of memory");
	}
	if (rc) {
		nv_parents_release(&look->parents);
	}
	return rc;
}

/* Runs the second round for some kinds; limit bounds each. collects has one for each directory
 * of the table. */
static int run(struct look *look, struct nv_collect *collects, const bool *wanted,
               enum nv_text_mode mode, size_t limit, int64_t sampled_ms, struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, look->ng->store);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < DIRS; i++) {
		struct nv_docdir dir =
			nv_docdir_of(look->ng, &orphans_place, orphan_dirs[i].kind, mode);
		rc = nv_collect_init(&collects[i], &dir, sampled_ms);
		collects[i].limit = limit;
		if (rc == 0 && wanted[i]) {
			rc = ask_orphans(look, &collects[i], &batch);
		}
	}
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	for (size_t i = 0; rc == 0 && i < DIRS; i++) {
		rc = nv_collect_finish(&collects[i], err);
	}
	return rc;
}

static void release(struct look *look, struct nv_collect *collects)
{
	for (size_t i = 0; i < DIRS; i++) {
		nv_collect_release(&collects[i]);
	}
	nv_parents_release(&look->parents);
}

int nv_orphans_read(struct nv_netgoat *ng, enum nv_text_mode mode, struct nv_docsnap **ret_snap,
                    struct nv_err *err)
{
	static const bool all[DIRS] = { true, true, true, true, true, true };
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	struct look look;
	struct nv_collect collects[DIRS] = { 0 };
	int rc = begin(ng, &look, err);
	if (rc) {
		return rc;
	}
	rc = run(&look, collects, all, mode, NV_LISTING_AHEAD, stamp.sampled_ms, err);
	cleanup_docsnap struct nv_docsnap *snap = nv_docsnap_new(stamp.sampled_ms);
	bool lost = !snap;
	for (size_t i = 0; rc == 0 && !lost && i < DIRS; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		if (!collects[i].overflow && nv_docdir_key(&collects[i].dir, &key) == 0) {
			(void)nv_cache_put(ng->cache, key.data, key.len, collects[i].snap, stamp,
			                   true, NULL); /* not kept: asked for again */
		}
		lost = (collects[i].overflow || collects[i].snap->count) &&
		       !nv_docsnap_add(snap, strdup(orphan_dirs[i].name), NULL, NULL, NULL);
	}
	release(&look, collects);
	if (rc == 0 && (lost || nv_docsnap_finish(snap, ""))) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	if (rc == 0) {
		*ret_snap = steal(&snap);
	}
	return rc;
}

int nv_orphans_read_kind(struct nv_netgoat *ng, enum nv_doc_kind kind, enum nv_text_mode mode,
                         struct nv_docsnap **ret_snap, struct nv_err *err)
{
	struct look look;
	struct nv_collect collects[DIRS] = { 0 };
	bool wanted[DIRS];
	for (size_t i = 0; i < DIRS; i++) {
		wanted[i] = orphan_dirs[i].kind == kind;
	}
	int64_t sampled_ms = nv_clock_ms(ng->clock);
	int rc = begin(ng, &look, err);
	if (rc) {
		return rc;
	}
	rc = run(&look, collects, wanted, mode, 0, sampled_ms, err);
	for (size_t i = 0; rc == 0 && i < DIRS; i++) {
		if (wanted[i]) {
			*ret_snap = nv_docsnap_ref(collects[i].snap);
		}
	}
	release(&look, collects);
	return rc;
}

int nv_orphans_exist(struct nv_netgoat *ng, struct nv_err *err)
{
	static const bool all[DIRS] = { true, true, true, true, true, true };
	struct look look;
	struct nv_collect collects[DIRS] = { 0 };
	int rc = begin(ng, &look, err);
	if (rc) {
		return rc;
	}
	rc = run(&look, collects, all, NV_TEXT_FILE, 1, nv_clock_ms(ng->clock), err);
	for (size_t i = 0; rc == 0 && i < DIRS; i++) {
		rc = collects[i].snap->count ? 1 : 0;
	}
	release(&look, collects);
	return rc;
}
