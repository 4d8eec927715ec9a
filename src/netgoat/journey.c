/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/journey.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/check.h"

int nv_journey_set(struct nv_journey *journey, const char *path, const struct nv_raw_elem *value)
{
	struct nv_raw_elem old;
	bool had = nv_elem_find(journey->doc, path, &old);
	if (value ? had && nv_elem_same(&old, value) : !had) {
		return 0;
	}
	cleanup_bson bson_t *before = NULL;
	cleanup_bson bson_t *after = NULL;
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	if (had && nv_bson_get(journey->doc, path, &before)) {
		return -ENOMEM;
	}
	if (value) {
		size_t start = nv_raw_begin(&bytes);
		nv_raw_put(&bytes, "v", 1, value);
		nv_raw_end(&bytes, start);
		if (nv_buf_error(&bytes) || nv_raw_to_bson(&bytes, &after)) {
			return -ENOMEM;
		}
	}
	return nv_bson_changes_add(&journey->changes, path, before, after);
}

/* The alias that a document has, or the one its siblings have. */
static const char *own_path(const struct nv_journey *journey, const struct nv_schema_field *field)
{
	struct nv_fresh fresh = { .samples = journey->samples,
		                  .samples_count = journey->samples_count };
	return nv_fresh_path(&fresh, field);
}

static bool has_alias(const struct nv_journey *journey, const struct nv_schema_field *field)
{
	bson_iter_t iter;
	for (size_t p = 0; p < field->paths_count; p++) {
		if (nv_doc_find(journey->doc, field->paths[p], &iter)) {
			return true;
		}
	}
	return false;
}

/* A reference that the document gets as its first needs its collection's spelling: its readers
 * may know no other. */
int nv_journey_learn(struct nv_journey *journey, struct nv_err *err)
{
	struct nv_subject *subject = journey->subject;
	const struct nv_schema_kind *kind = subject->dir.kind;
	static const enum nv_role roles[] = { NV_ROLE_TEAM, NV_ROLE_DOMAIN };
	const bson_t *const *siblings = NULL;
	size_t count = 0;
	bool ask = false;
	for (size_t r = 0; journey->moved && r < sizeof(roles) / sizeof(roles[0]); r++) {
		const struct nv_schema_field *field = kind->roles[roles[r]];
		ask = ask || (field && !field->copy && !has_alias(journey, field));
	}
	const char *collection = NULL;
	int rc = ask ? nv_fresh_samples(journey->ng, kind, &subject->arena, &siblings, &count,
	                                &collection, err)
	             : 0;
	const bson_t **samples =
		rc ? NULL : nv_arena_alloc(&subject->arena, count + 1, sizeof(*samples));
	if (!samples) {
		return rc ? rc : nv_fail(err, ENOMEM, "out of memory");
	}
	samples[0] = journey->doc;
	for (size_t i = 0; i < count; i++) {
		samples[i + 1] = siblings[i];
	}
	journey->samples = samples;
	journey->samples_count = count + 1;
	return 0;
}

static int set_string(struct nv_journey *journey, enum nv_role role, const char *text, size_t size)
{
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	nv_raw_put_text(&bytes, text, size);
	struct nv_raw_elem elem = { .type = BSON_TYPE_UTF8,
		                    .key = "",
		                    .value = (const uint8_t *)bytes.data,
		                    .size = bytes.len };
	return nv_buf_error(&bytes)
	               ? -ENOMEM
	               : nv_journey_set(journey, own_path(journey, kind->roles[role]), &elem);
}

int nv_journey_set_names(struct nv_journey *journey)
{
	const struct nv_schema_kind *kind = journey->subject->dir.kind;
	const struct nv_docname *name = &journey->subject->name;
	if (!name->named) {
		return 0;
	}
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	const char *old = NULL;
	size_t old_size = 0;
	bool has_old = nv_doc_string(kind, NV_ROLE_NAME, journey->doc, &old, &old_size);
	bool apex = nv_docname_is_apex(kind, name->name, name->name_size);
	int rc = 0;
	if (!apex) {
		rc = set_string(journey, NV_ROLE_NAME, name->name, name->name_size);
	} else if (!has_old || !nv_docname_is_apex(kind, old, old_size)) {
		const char *text = field->apex[0];
		rc = text ? set_string(journey, NV_ROLE_NAME, text, strlen(text))
		          : nv_journey_set(journey, own_path(journey, field), NULL);
	}
	return rc == 0 && kind->has_type
	               ? set_string(journey, NV_ROLE_TYPE, name->type, name->type_size)
	               : rc;
}

/* A reference, or a copy where the document has one. */
static int set_reference(struct nv_journey *journey, enum nv_role role,
                         const struct nv_raw_elem *fact)
{
	const struct nv_schema_field *field = journey->subject->dir.kind->roles[role];
	bson_iter_t iter;
	const char *path = NULL;
	if (!field) {
		return 0;
	}
	bool has = nv_schema_find(journey->subject->dir.kind, role, journey->doc, &iter, &path);
	if (!fact->type) {
		return has && !field->copy ? nv_journey_set(journey, path, NULL) : 0;
	}
	return has || !field->copy
	               ? nv_journey_set(journey, has ? path : own_path(journey, field), fact)
	               : 0;
}

int nv_journey_set_references(struct nv_journey *journey)
{
	struct nv_facts facts = nv_docdir_facts(&journey->subject->dir, true);
	enum nv_doc_kind kind = journey->subject->dir.kind->kind;
	int rc = set_reference(journey, NV_ROLE_DOMAIN, &facts.domain);
	if (journey->subject->place.domain && (kind == NV_DOC_ALERT || kind == NV_DOC_INCIDENT)) {
		/* A notice of a domain keeps a team it names only as its domain's team. */
		bson_iter_t iter;
		bool names = nv_schema_find(journey->subject->dir.kind, NV_ROLE_TEAM, journey->doc,
		                            &iter, NULL);
		return rc || !names ? rc : set_reference(journey, NV_ROLE_TEAM, &facts.team);
	}
	rc = rc ? rc : set_reference(journey, NV_ROLE_TEAM, &facts.team);
	return rc ? rc : set_reference(journey, NV_ROLE_DOMAIN_NAME, &facts.domain_name);
}

int nv_journey_check(struct nv_journey *journey, bson_t **ret_doc, struct nv_err *err)
{
	cleanup_bson bson_t *after = NULL;
	int rc = nv_bson_apply(journey->doc, &journey->changes, &after, err);
	if (rc) {
		return rc;
	}
	struct nv_check_ctx check = { .kind = journey->subject->dir.kind,
		                      .placed = true,
		                      .zone = journey->subject->zone,
		                      .faults = journey->subject->faults };
	rc = nv_check_doc(&check, journey->doc, after, err);
	if (rc == 0) {
		*ret_doc = steal(&after);
	}
	return rc;
}

const char *nv_journey_verb(const struct nv_journey *journey)
{
	return journey->moved ? "move" : "rename";
}

int nv_journey_check_ids(struct nv_journey *journey, struct nv_err *err)
{
	const struct nv_docname *name = &journey->subject->name;
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	const bson_value_t *own = nv_doc_id(&arena, journey->doc);
	const bson_value_t *path_id = name->has_id ? name->id : name->named ? NULL : name->name_id;
	if (!own) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	bool strict = !name->named || (path_id && path_id->value_type == BSON_TYPE_OID);
	if (strict && (!path_id || !nv_docvalue_equal(path_id, own))) {
		return nv_fail(err, name->named ? EINVAL : EPERM,
		               "a document's id does not change");
	}
	return 0;
}

bool nv_journey_same_directory(const struct nv_node *a, const struct nv_node *b)
{
	size_t size = (size_t)(a->name - a->path);
	return size == (size_t)(b->name - b->path) && memcmp(a->path, b->path, size) == 0;
}
