/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole documents and their paths: does the text belong where it is saved? (whole.h) */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/json.h"
#include "netgoat/whole.h"

int nv_whole_parse(struct nv_whole *whole, struct nv_err *err)
{
	const struct nv_save_request *request = whole->request;
	int rc = nv_json_parse(request->text, request->size, NV_JSON_ALLOW_BSON, &whole->mine,
	                       whole->subject.faults);
	if (rc) {
		return nv_fail(err, -rc,
		               rc == -EINVAL  ? "not a JSON document"
		               : rc == -EFBIG ? "over 16 MiB"
		                              : "out of memory");
	}
	whole->id = nv_doc_id(&whole->subject.arena, whole->mine);
	return 0;
}

int nv_whole_has_id(const struct nv_whole *whole, struct nv_err *err)
{
	if (whole->id) {
		return 0;
	}
	(void)nv_edit_fault(whole->subject.faults, whole->request->text, whole->request->size, "",
	                    "there is no _id: what is restored has one");
	return nv_fail(err, EINVAL, "there is no _id: what is restored has one");
}

int nv_whole_blob(struct nv_netgoat *ng, const struct nv_schema_kind *kind, const bson_t *doc,
                  const char *collection, struct nv_blob **ret_blob, struct nv_err *err)
{
	return nv_text_blob(ng->schema, kind, NULL, doc, collection, NV_TEXT_FULL,
	                    nv_clock_ms(ng->clock), ret_blob, err);
}

/* ---- What there is of the path ---- */

/* One object on the way, if it is there. */
static int find_head(struct nv_netgoat *ng, const struct nv_ng_place *parent, enum nv_doc_kind kind,
                     const char *component, struct nv_head **ret_head, struct nv_err *err)
{
	bool stale = false;
	struct nv_err missing = NV_ERR_INIT;
	int rc = nv_ng_place_object(ng, parent, kind, component, false, ret_head, &stale, &missing);
	return rc == -ENOENT ? 0
	       : rc          ? nv_fail(err, rc == -ENOTUNIQ ? EEXIST : -rc, "%s", missing.msg)
	                     : 0;
}

int nv_whole_find_heads(struct nv_netgoat *ng, const struct nv_node *node,
                        struct nv_ng_place *place, struct nv_err *err)
{
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	bool orphan = place->scope == NV_NG_IN_ORPHAN_DOMAIN;
	int rc = 0;
	if (place->scope == NV_NG_IN_TEAM || place->scope == NV_NG_IN_DOMAIN) {
		place->team_name = node->names[0];
		rc = find_head(ng, &top, NV_DOC_TEAM, node->names[0], &place->team, err);
	}
	if (rc == 0 && (orphan || (place->scope == NV_NG_IN_DOMAIN && place->team))) {
		struct nv_ng_place domains = { .scope = orphan ? NV_NG_IN_ORPHANS : NV_NG_IN_TEAM,
			                       .team = place->team };
		rc = find_head(ng, &domains, NV_DOC_DOMAIN, node->names[orphan ? 0 : 1],
		               &place->domain, err);
	}
	if (orphan || place->scope == NV_NG_IN_DOMAIN) {
		place->domain_name = node->names[orphan ? 0 : 1];
	}
	return rc;
}

/* The zone of records: the domain's name as the store has it, else as the path has it. */
static const char *zone_of(struct nv_subject *subject)
{
	const struct nv_schema_kind *domains = nv_ng_kind(subject->ng, NV_DOC_DOMAIN);
	const struct nv_ng_place *place = &subject->place;
	struct nv_docname name;
	const char *text = NULL;
	size_t size = 0;
	if (subject->dir.kind->kind != NV_DOC_RECORD || !place->domain_name) {
		return NULL;
	}
	if (place->domain) {
		return nv_doc_string(domains, NV_ROLE_NAME, place->domain->doc, &text, &size)
		               ? nv_arena_strndup(&subject->arena, text, size)
		               : NULL;
	}
	return nv_docname_parse(domains, false, place->domain_name, "", &subject->arena, &name) == 0
	               ? name.name
	               : NULL;
}

/* The directory that an object stands in, and its name there. */
static enum nv_ng_scope scope_of_object(enum nv_ng_scope scope)
{
	return scope == NV_NG_IN_DOMAIN          ? NV_NG_IN_TEAM
	       : scope == NV_NG_IN_ORPHAN_DOMAIN ? NV_NG_IN_ORPHANS
	                                         : NV_NG_TOP;
}

/* What the path says by itself: the directory, and the name in it. */
static int read_path(struct nv_whole *whole, struct nv_netgoat *ng, const struct nv_node *node,
                     struct nv_faults *faults, struct nv_err *err)
{
	struct nv_subject *subject = &whole->subject;
	enum nv_ng_scope scope = NV_NG_SCOPE(node->row->kind);
	bool own = NV_NG_ROLE(node->row->kind) == NV_NG_OWN;
	*subject = (struct nv_subject){
		.ng = ng, .node = node, .arena = NV_ARENA_INIT, .faults = faults
	};
	subject->place = (struct nv_ng_place){ .scope = own ? scope_of_object(scope) : scope };
	subject->dir =
		nv_docdir_of(ng, &subject->place, NV_NG_DOC_KIND(node->row->kind), NV_TEXT_FULL);
	const char *component = own ? node->names[scope == NV_NG_IN_DOMAIN ? 1 : 0] : node->name;
	int rc = nv_docname_parse(subject->dir.kind, subject->dir.by_id, component,
	                          subject->dir.suffix, &subject->arena, &subject->name);
	return rc == 0 ? 0
	               : nv_fail(err, rc == -ENOENT ? EINVAL : ENOMEM,
	                         "%s cannot be the name of a document", component);
}

int nv_whole_find_path(struct nv_whole *whole, struct nv_netgoat *ng, const struct nv_node *node,
                       struct nv_faults *faults, struct nv_err *err)
{
	struct nv_subject *subject = &whole->subject;
	const struct nv_ng_place *place = &subject->place;
	bool own = NV_NG_ROLE(node->row->kind) == NV_NG_OWN;
	int rc = read_path(whole, ng, node, faults, err);
	rc = rc ? rc : nv_whole_find_heads(ng, node, &subject->place, err);
	if (rc) {
		return rc;
	}
	whole->complete = place->scope == NV_NG_IN_TEAM ? place->team != NULL
	                  : place->domain_name          ? place->domain != NULL
	                                                : true;
	subject->zone = zone_of(subject);
	size_t size = own ? strlen(node->path) - strlen(node->name) - 1 : strlen(node->path);
	whole->path = nv_arena_strndup(&subject->arena, node->path, size);
	return nv_arena_error(&subject->arena) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- Does the text belong there? ---- */

bool nv_whole_refers(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                     const bson_value_t *id)
{
	bson_iter_t iter;
	bson_iter_t element;
	if (!nv_schema_find(kind, role, doc, &iter, NULL)) {
		return false;
	}
	if (nv_docvalue_equal(bson_iter_value(&iter), id)) {
		return true;
	}
	bool found = false;
	if (BSON_ITER_HOLDS_ARRAY(&iter) && bson_iter_recurse(&iter, &element)) {
		while (!found && bson_iter_next(&element)) {
			found = nv_docvalue_equal(bson_iter_value(&element), id);
		}
	}
	return found;
}

/* Refuses for what a role's field says, at its place in the text. */
static int refuse(struct nv_whole *whole, enum nv_role role, const char *why, struct nv_err *err)
{
	const struct nv_schema_kind *kind = whole->subject.dir.kind;
	bson_iter_t iter;
	const char *path = "_id";
	const struct nv_schema_field *field = role < NV_ROLE_COUNT ? kind->roles[role] : NULL;
	bool there = !field || nv_schema_find(kind, role, whole->mine, &iter, &path);
	cleanup_buf struct nv_buf reason = NV_BUF_INIT;
	path = there ? path : field->paths[0];
	nv_buf_printf(&reason, "%s: %s: %s", path,
	              there ? "contradicts the path of the file"
	                    : "is not in the text, which must say it",
	              why);
	const char *text = reason.data ? reason.data : why;
	(void)nv_edit_fault(whole->subject.faults, whole->request->text, whole->request->size, path,
	                    text);
	return nv_fail(err, EINVAL, "%s", text);
}

static int check_name(struct nv_whole *whole, bool fresh_id, struct nv_err *err)
{
	const struct nv_docdir *dir = &whole->subject.dir;
	const struct nv_docname *name = &whole->subject.name;
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	cleanup_buf struct nv_buf why = NV_BUF_INIT;
	bool said = false;
	if (name->has_id && name->id && name->id->value_type == BSON_TYPE_OID &&
	    !nv_docvalue_equal(name->id, whole->id)) {
		return refuse(whole, NV_ROLE_NONE, "its name has another id", err);
	}
	if (nv_docname_plain(dir->kind, dir->by_id, whole->mine, dir->suffix, &plain, &said)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if ((dir->by_id && fresh_id) || strcmp(plain.data, name->plain) == 0) {
		return 0;
	}
	nv_buf_printf(&why, "the document's own name is %s", plain.data);
	bson_iter_t iter;
	bool by_id = dir->by_id || !dir->kind->has_name;
	enum nv_role role = by_id ? NV_ROLE_NONE
	                    : dir->kind->has_type && !nv_schema_find(dir->kind, NV_ROLE_TYPE,
	                                                             whole->mine, &iter, NULL)
	                            ? NV_ROLE_TYPE
	                            : NV_ROLE_NAME;
	return refuse(whole, role, why.data ? why.data : "another name", err);
}

/* A parent that a document refers to, if it exists: of the maps of parents. */
static const bson_t *find_parent(const struct nv_strmap *map, const bson_value_t *id)
{
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	return map && nv_docvalue_key(id, &key) == 0 ? nv_strmap_get(map, key.data, key.len) : NULL;
}

/* Below a directory whose object is not there yet: the parent that the text names is not there
 * either, or it is that object, which waits for its own parent among the orphans. */
static bool waits(struct nv_whole *whole, const struct nv_parents *parents, enum nv_ng_scope scope)
{
	struct nv_subject *subject = &whole->subject;
	const struct nv_schema_kind *domains = nv_ng_kind(subject->ng, NV_DOC_DOMAIN);
	bson_iter_t iter;
	struct nv_docname name;
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool said = false;
	if (scope != NV_NG_IN_DOMAIN || !subject->place.domain_name) {
		return scope == NV_NG_IN_ORPHANS;
	}
	const bson_t *domain =
		nv_schema_find(subject->dir.kind, NV_ROLE_DOMAIN, whole->mine, &iter, NULL)
			? find_parent(parents->domains, bson_iter_value(&iter))
			: NULL;
	return domain && !subject->place.team &&
	       nv_docname_parse(domains, false, subject->place.domain_name, "", &subject->arena,
	                        &name) == 0 &&
	       nv_docname_plain(domains, false, domain, "", &plain, &said) == 0 &&
	       strcmp(plain.data, name.plain) == 0;
}

static bool belongs(struct nv_whole *whole, const struct nv_parents *parents)
{
	const struct nv_subject *subject = &whole->subject;
	const struct nv_schema_kind *kind = subject->dir.kind;
	const struct nv_ng_place *place = &subject->place;
	enum nv_ng_scope scope = nv_parents_place(subject->ng, parents, kind, whole->mine);
	if (!whole->complete) {
		return waits(whole, parents, scope);
	}
	if (scope != (place->scope == NV_NG_IN_ORPHAN_DOMAIN ? NV_NG_IN_DOMAIN : place->scope)) {
		return false;
	}
	return scope == NV_NG_IN_DOMAIN
	               ? nv_whole_refers(kind, NV_ROLE_DOMAIN, whole->mine, &place->domain->id)
	       : scope == NV_NG_IN_TEAM
	               ? nv_whole_refers(kind, NV_ROLE_TEAM, whole->mine, &place->team->id)
	               : true;
}

/* The values of a reference, elements of a list apart. */
static size_t values_of(struct nv_whole *whole, enum nv_role role, bson_value_t **ret_values)
{
	struct nv_arena *arena = &whole->subject.arena;
	bson_iter_t iter;
	bson_iter_t element;
	size_t count = 0;
	size_t cap = 0;
	*ret_values = NULL;
	if (!nv_schema_find(whole->subject.dir.kind, role, whole->mine, &iter, NULL)) {
		return 0;
	}
	bool list = BSON_ITER_HOLDS_ARRAY(&iter) && bson_iter_recurse(&iter, &element);
	const bson_value_t *value = nv_arena_value(arena, &iter);
	while (value &&
	       nv_arena_grow(arena, (void **)ret_values, count, &cap, sizeof(**ret_values)) == 0) {
		(*ret_values)[count++] = *value;
		value = list && bson_iter_next(&element) ? nv_arena_value(arena, &element) : NULL;
	}
	return count;
}

/* The reference that a text in the wrong directory is refused for. */
static enum nv_role blamed(const struct nv_whole *whole)
{
	const struct nv_schema_kind *kind = whole->subject.dir.kind;
	enum nv_ng_scope scope = whole->subject.place.scope;
	bson_iter_t iter;
	bool names_domain = nv_schema_find(kind, NV_ROLE_DOMAIN, whole->mine, &iter, NULL);
	return names_domain || scope == NV_NG_IN_DOMAIN || scope == NV_NG_IN_ORPHAN_DOMAIN
	               ? NV_ROLE_DOMAIN
	               : NV_ROLE_TEAM;
}

static int check_parents(struct nv_whole *whole, struct nv_err *err)
{
	struct nv_subject *subject = &whole->subject;
	struct nv_parents parents = { .arena = NV_ARENA_INIT };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, subject->ng->store);
	bson_value_t *domains = NULL;
	bson_value_t *teams = NULL;
	size_t domains_count = values_of(whole, NV_ROLE_DOMAIN, &domains);
	size_t teams_count = values_of(whole, NV_ROLE_TEAM, &teams);
	int rc = nv_arena_error(&subject->arena) ||
	                         nv_parents_ask(subject->ng, &parents, &batch, domains,
	                                        domains_count, teams, teams_count)
	                 ? nv_fail(err, ENOMEM, "out of memory")
	                 : nv_docbatch_run(&batch, err);
	if (rc == 0 && !belongs(whole, &parents)) {
		rc = refuse(whole, blamed(whole), "the document belongs in another directory", err);
	}
	nv_parents_release(&parents);
	return rc;
}

int nv_whole_check_text(struct nv_netgoat *ng, const struct nv_node *node, const char *text,
                        size_t size, struct nv_faults *faults, struct nv_err *err)
{
	struct nv_save_request request = { .text = text, .size = size };
	struct nv_whole whole = { .request = &request };
	int rc = read_path(&whole, ng, node, faults, err);
	rc = rc ? rc : nv_whole_parse(&whole, err);
	if (rc == 0 && ng->mode == NV_MOUNT_RESTORE) {
		rc = nv_whole_has_id(&whole, err);
	} else if (rc == 0 && whole.id) {
		rc = check_name(&whole, false, err);
	}
	if (whole.mine) {
		bson_destroy(whole.mine);
	}
	nv_subject_release(&whole.subject);
	return rc;
}

int nv_whole_check_path(struct nv_whole *whole, bool fresh_id, struct nv_err *err)
{
	int rc = check_name(whole, fresh_id, err);
	return rc ? rc : check_parents(whole, err);
}
