/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The document that an op is about: its path taken apart, what the path says, and the guards of
 * its name and of DNS. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/dnsrules.h"
#include "netgoat/docop.h"

void nv_subject_release(struct nv_subject *subject)
{
	nv_ng_place_release(&subject->place);
	nv_arena_release(&subject->arena);
}

/* The zone that records of a domain stand in. */
static const char *zone_of(struct nv_subject *subject)
{
	const char *text = NULL;
	size_t size = 0;
	if (subject->dir.kind->kind != NV_DOC_RECORD || !subject->place.domain ||
	    !nv_doc_string(nv_ng_kind(subject->ng, NV_DOC_DOMAIN), NV_ROLE_NAME,
	                   subject->place.domain->doc, &text, &size)) {
		return NULL;
	}
	return nv_arena_strndup(&subject->arena, text, size);
}

int nv_subject_init(struct nv_subject *subject, struct nv_netgoat *ng, const struct nv_node *node,
                    struct nv_faults *faults, struct nv_err *err)
{
	*subject = (struct nv_subject){
		.ng = ng, .node = node, .arena = NV_ARENA_INIT, .faults = faults
	};
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	enum nv_doc_kind kind = NV_NG_DOC_KIND(node->row->kind);
	subject->own = role == NV_NG_OWN;
	int rc = 0;
	if (role == NV_NG_OBJECT) {
		/* An object need not exist: only the directory it is to stand in. */
		struct nv_ng_place *place = &subject->place;
		enum nv_ng_scope scope = NV_NG_SCOPE(node->row->kind);
		static const struct nv_ng_place top = { .scope = NV_NG_TOP };
		*place = (struct nv_ng_place){ .scope = scope == NV_NG_IN_DOMAIN ? NV_NG_IN_TEAM
			                                : scope == NV_NG_IN_ORPHAN_DOMAIN
			                                        ? NV_NG_IN_ORPHANS
			                                        : NV_NG_TOP };
		if (scope == NV_NG_IN_DOMAIN) {
			place->team_name = node->names[0];
			rc = nv_ng_place_object(ng, &top, NV_DOC_TEAM, node->names[0], false,
			                        &place->team, &place->team_stale, err);
		}
	} else {
		rc = nv_ng_place_find(ng, node, true, &subject->place, err);
	}
	if (rc) {
		return rc;
	}
	subject->dir = nv_docdir_of(ng, &subject->place, kind, nv_ng_text_mode(ng));
	subject->zone = zone_of(subject);
	if (subject->own) {
		return 0;
	}
	rc = nv_docname_parse(subject->dir.kind, subject->dir.by_id, node->name,
	                      subject->dir.suffix, &subject->arena, &subject->name);
	if (rc) {
		nv_subject_release(subject);
		return nv_fail(err, rc == -ENOENT ? EINVAL : ENOMEM,
		               "%s cannot be the name of a document", node->name);
	}
	return 0;
}

static bool is_said(const struct nv_subject *subject, const bson_t *doc)
{
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool said = false;
	return nv_docname_plain(subject->dir.kind, subject->dir.by_id, doc, subject->dir.suffix,
	                        &plain, &said) == 0 &&
	       said;
}

struct nv_facts nv_subject_facts(const struct nv_subject *subject, const bson_t *doc)
{
	return subject->own ? nv_ng_place_own_facts(&subject->place, subject->dir.kind->kind)
	                    : nv_docdir_facts(&subject->dir, is_said(subject, doc));
}

/* Whether a reference of doc is the one the path says. A path that says none is content with
 * any. */
static bool refers(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                   const struct nv_head *head)
{
	bson_iter_t iter;
	if (!head || !kind->roles[role] || kind->roles[role]->copy) {
		return true;
	}
	return nv_schema_find(kind, role, doc, &iter, NULL) &&
	       nv_docvalue_equal(bson_iter_value(&iter), &head->id);
}

bool nv_subject_is(const struct nv_subject *subject, const bson_t *doc)
{
	const struct nv_schema_kind *kind = subject->dir.kind;
	const struct nv_ng_place *place = &subject->place;
	if (subject->own) {
		return kind->kind != NV_DOC_DOMAIN || refers(kind, NV_ROLE_TEAM, doc, place->team);
	}
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool said = false;
	if (nv_docname_plain(kind, subject->dir.by_id, doc, subject->dir.suffix, &plain, &said) ||
	    strcmp(plain.data, subject->name.plain) != 0) {
		return false;
	}
	return place->domain ? refers(kind, NV_ROLE_DOMAIN, doc, place->domain)
	                     : refers(kind, NV_ROLE_TEAM, doc, place->team);
}

int nv_subject_blob(const struct nv_subject *subject, const bson_t *doc, const char *collection,
                    struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_facts facts = nv_subject_facts(subject, doc);
	return nv_text_blob(subject->ng->schema, subject->dir.kind, &facts, doc, collection,
	                    subject->dir.mode, nv_clock_ms(subject->ng->clock), ret_blob, err);
}

/* ---- Guards ---- */

int nv_docop_guard(struct nv_doctx *tx, const struct nv_docask *ask, enum nv_tx_purpose purpose)
{
	struct nv_docterm *terms = nv_arena_alloc(&tx->arena, ask->terms_count + 1, sizeof(*terms));
	if (!terms) {
		return -ENOMEM;
	}
	memcpy(terms, ask->terms, ask->terms_count * sizeof(*terms));
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < ask->kind->collections_count; i++) {
		struct nv_docwrite write = { .kind = NV_DOCWRITE_ABSENT,
			                     .collection = ask->kind->collections[i],
			                     .terms = terms,
			                     .terms_count = ask->terms_count };
		rc = nv_doctx_add(tx, &write, purpose);
	}
	return rc;
}

int nv_subject_guard_name(const struct nv_subject *subject, struct nv_doctx *tx,
                          const bson_value_t *except, size_t except_count)
{
	const struct nv_docname *name = &subject->name;
	if (!name->named || name->has_id) {
		return 0;
	}
	struct nv_docask ask = { .kind = subject->dir.kind };
	nv_docdir_ask(&subject->dir, &ask, &tx->arena);
	size_t count = 0;
	const bson_value_t *forms = nv_docname_forms(subject->dir.kind, name->name, name->name_size,
	                                             &tx->arena, &count);
	nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, forms, count);
	if (subject->dir.kind->has_type) {
		nv_docask_term(&ask, NV_ROLE_TYPE, NV_DOCTERM_EQ,
		               nv_arena_utf8(&tx->arena, name->type, name->type_size), 1);
	}
	if (except_count) {
		nv_docask_id(&ask, NV_DOCTERM_NIN, except, except_count);
	}
	return nv_arena_error(&tx->arena) ? -ENOMEM : nv_docop_guard(tx, &ask, NV_TX_GUARD_NAME);
}

int nv_subject_guard_dns(const struct nv_subject *subject, struct nv_doctx *tx, const bson_t *doc,
                         const bson_value_t *id)
{
	const struct nv_schema_kind *kind = subject->dir.kind;
	const char *name = NULL;
	const char *type = NULL;
	size_t name_size = 0;
	size_t type_size = 0;
	bson_iter_t active;
	if (kind->kind != NV_DOC_RECORD || !subject->place.domain ||
	    !nv_doc_string(kind, NV_ROLE_NAME, doc, &name, &name_size) ||
	    !nv_doc_string(kind, NV_ROLE_TYPE, doc, &type, &type_size) ||
	    (nv_schema_find(kind, NV_ROLE_ACTIVE, doc, &active, NULL) &&
	     !bson_iter_as_bool(&active))) {
		return 0;
	}
	struct nv_arena *arena = &tx->arena;
	bson_value_t *off = nv_arena_alloc(arena, 1, sizeof(*off));
	size_t count = 0;
	const bson_value_t *forms = nv_docname_forms(kind, name, name_size, arena, &count);
	struct nv_docask ask = { .kind = kind };
	if (!off || !forms) {
		return -ENOMEM;
	}
	off->value_type = BSON_TYPE_BOOL;
	nv_docask_term(&ask, NV_ROLE_DOMAIN, NV_DOCTERM_EQ,
	               nv_arena_value_copy(arena, &subject->place.domain->id), 1);
	nv_docask_term(&ask, NV_ROLE_NAME, NV_DOCTERM_IN, forms, count);
	nv_docask_term(&ask, NV_ROLE_ACTIVE, NV_DOCTERM_NIN, off, 1);
	if (!nv_dns_is_alone(type, type_size)) {
		nv_docask_term(&ask, NV_ROLE_TYPE, NV_DOCTERM_EQ, nv_arena_utf8(arena, "CNAME", 5),
		               1);
	}
	if (id) {
		nv_docask_id(&ask, NV_DOCTERM_NIN, nv_arena_value_copy(arena, id), 1);
	}
	return nv_arena_error(arena) ? -ENOMEM : nv_docop_guard(tx, &ask, NV_TX_GUARD_DNS);
}

int nv_subject_guard_parent(const struct nv_subject *subject, struct nv_doctx *tx)
{
	const struct nv_head *head =
		subject->place.domain ? subject->place.domain : subject->place.team;
	if (!head) {
		return 0;
	}
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = head->collection,
		                     .id = &head->id };
	return nv_doctx_add(tx, &write, NV_TX_PLAIN);
}

int nv_subject_confirm(struct nv_subject *subject, struct nv_err *err)
{
	if (!nv_ng_place_is_stale(&subject->place)) {
		return 0;
	}
	struct nv_ng_place place = { 0 };
	int rc = nv_ng_place_find(subject->ng, subject->node, false, &place, err);
	if (rc == 0) {
		nv_ng_place_release(&subject->place);
		subject->place = place;
	}
	return rc;
}

int nv_subject_refused(const struct nv_subject *subject, const struct nv_doctx *tx,
                       const struct nv_docresult *result, struct nv_err *err)
{
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	bool said = false;
	const char *found = "another document";
	if (result->stored && nv_docname_plain(subject->dir.kind, false, result->stored,
	                                       subject->dir.suffix, &name, &said) == 0) {
		found = name.data;
	}
	if (nv_doctx_failed(tx, result) == NV_TX_GUARD_DNS) {
		nv_err_clear(err);
		int rc = nv_fail(
			err, EINVAL,
			"a CNAME allows no other record of its name, and %s is there: make one "
			"of them \"active\": false, or remove it",
			found);
		(void)nv_faults_add(subject->faults, 0, 0, "%s",
		                    err ? err->msg : "a CNAME allows no other record of its name");
		return rc;
	}
	return nv_fail(err, EEXIST, "%s is there", found);
}

int nv_docop_listed(const struct nv_subject *subject, struct nv_docsnap **ret_snap,
                    struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, subject->ng->store);
	cleanup_collect struct nv_collect collect = { 0 };
	int rc = nv_collect_init(&collect, &subject->dir, nv_clock_ms(subject->ng->clock));
	rc = rc ? rc : nv_collect_ask_name(&collect, &batch, &subject->name);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	if (rc == 0) {
		*ret_snap = nv_docsnap_ref(collect.snap);
	}
	return rc;
}
