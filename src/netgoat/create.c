/* SPDX-License-Identifier: GPL-3.0-or-later */
/* New documents: what the path says, what the text says, defaults, and the spelling of their
 * collection (DESIGN 6). */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/check.h"
#include "netgoat/dnsrules.h"
#include "netgoat/docop.h"

/* ---- Names that may be made ---- */

/* A name or type by itself. 0 or -EINVAL with the reason. */
static int check_part(const struct nv_schema_field *field, const char *zone, const char *text,
                      size_t size, const char *component, struct nv_err *err)
{
	char reason[320];
	if (nv_check_string(field, zone, text, size, reason, sizeof(reason)) == 0) {
		return 0;
	}
	return nv_fail(err, EINVAL, "%s: %s", component, reason);
}

static int check_name(const struct nv_schema_kind *kind, const struct nv_docname *name,
                      const char *zone, const char *component, struct nv_err *err)
{
	if (name->cut) {
		return nv_fail(err, EINVAL,
		               "%s: a name that ends in a cut mark belongs to another document",
		               component);
	}
	if (!name->named) {
		return 0;
	}
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	bool apex = nv_docname_is_apex(kind, name->name, name->name_size);
	int rc = apex ? 0 : check_part(field, zone, name->name, name->name_size, component, err);
	return rc == 0 && kind->has_type ? check_part(kind->roles[NV_ROLE_TYPE], NULL, name->type,
	                                              name->type_size, component, err)
	                                 : rc;
}

int nv_docop_accepts(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_err *err)
{
	struct nv_netgoat *ng = self;
	(void)call;
	bool full = ng->mode >= NV_MOUNT_FULL; /* names are then the text's to say */
	enum nv_ng_role role = NV_NG_ROLE(child->row->kind);
	enum nv_ng_scope scope = NV_NG_SCOPE(child->row->kind);
	if (role == NV_NG_OWN || role == NV_NG_CHUNK || role == NV_NG_CHANGELOG) {
		return 0; /* made with its object; made again with the bytes it has */
	}
	if (role != NV_NG_DOC) {
		return nv_fail(err, EINVAL, "%s is not made by hand", child->path);
	}
	if (scope == NV_NG_IN_ORPHANS && !full) {
		return nv_fail(
			err, EINVAL,
			"orphans are not made here: a document is made in the directory of its domain or team");
	}
	struct nv_ng_place place = { .scope = scope };
	struct nv_docdir dir =
		nv_docdir_of(ng, &place, NV_NG_DOC_KIND(child->row->kind), NV_TEXT_FILE);
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	struct nv_docname name;
	int rc = nv_docname_parse(dir.kind, dir.by_id, child->name, dir.suffix, &arena, &name);
	if (rc) {
		return nv_fail(err, rc == -ENOENT ? ENOTSUP : ENOMEM,
		               "%s cannot be the name of a document", child->name);
	}
	if (full) {
		return 0;
	}
	if (!name.named && !dir.by_id) {
		return nv_fail(err, ENOTSUP,
		               "%s: files here are called NAME.TYPE.json, as www.A.json",
		               child->name);
	}
	/* The zone as the path has it: good enough to say early what the save would say. */
	struct nv_docname domain;
	const struct nv_schema_kind *domains = nv_ng_kind(ng, NV_DOC_DOMAIN);
	size_t level = scope == NV_NG_IN_DOMAIN ? 1 : 0;
	bool in_domain = scope == NV_NG_IN_DOMAIN || scope == NV_NG_IN_ORPHAN_DOMAIN;
	const char *zone = in_domain && nv_docname_parse(domains, false, child->names[level], "",
	                                                 &arena, &domain) == 0
	                           ? domain.name
	                           : NULL;
	return check_name(dir.kind, &name, dir.kind->kind == NV_DOC_RECORD ? zone : NULL,
	                  child->name, err);
}

/* ---- Composing ---- */

/* A new document under way. */
struct birth {
	struct nv_subject *subject;
	struct nv_fresh fresh;
	const char *collection;
	const bson_value_t *id;
	bool id_of_path;    /* id is only in the name of the file */
	bool taken;         /* another document has id */
	struct nv_buf head; /* BSON: _id and what the path says */
	bson_t *text;       /* owned; what the text says; NULL = nothing */
};

static void put_elem(struct nv_buf *out, const char *key, const struct nv_raw_elem *elem)
{
	nv_raw_put(out, key, strlen(key), elem);
}

static void put_value(struct nv_buf *out, const char *key, const bson_value_t *value)
{
	bson_t doc = BSON_INITIALIZER;
	struct nv_raw_elem elem;
	if (bson_append_value(&doc, "v", 1, value) && nv_elem_find(&doc, "v", &elem)) {
		put_elem(out, key, &elem);
	} else {
		out->failed = true;
	}
	bson_destroy(&doc);
}

static void put_string(struct nv_buf *out, const char *key, const char *text, size_t size)
{
	nv_raw_put_key(out, BSON_TYPE_UTF8, key, strlen(key));
	nv_raw_put_text(out, text, size);
}

/* Copies of what the parent says are an application's habit: made unless its documents have
 * none. */
static bool is_usual(const struct birth *birth, const struct nv_schema_field *field)
{
	bool copy = field->copy;
	for (size_t s = 0; copy && s < birth->fresh.samples_count; s++) {
		for (size_t p = 0; p < field->paths_count; p++) {
			bson_iter_t iter;
			if (nv_doc_find(birth->fresh.samples[s], field->paths[p], &iter)) {
				return true;
			}
		}
	}
	return !copy || birth->fresh.samples_count == 0;
}

static void put_fact(struct birth *birth, enum nv_role role, const struct nv_raw_elem *fact)
{
	const struct nv_schema_field *field = birth->subject->dir.kind->roles[role];
	if (field && fact->type && is_usual(birth, field)) {
		put_elem(&birth->head, nv_fresh_path(&birth->fresh, field), fact);
	}
}

static void put_name(struct birth *birth)
{
	const struct nv_schema_kind *kind = birth->subject->dir.kind;
	const struct nv_docname *name = &birth->subject->name;
	if (!name->named) {
		return;
	}
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	const char *text = name->name;
	size_t size = name->name_size;
	if (nv_docname_is_apex(kind, text, size)) {
		text = field->apex[0]; /* NULL: the top has no name field */
		size = text ? strlen(text) : 0;
	}
	if (text) {
		put_string(&birth->head, nv_fresh_path(&birth->fresh, field), text, size);
	}
	if (kind->has_type) {
		put_string(&birth->head, nv_fresh_path(&birth->fresh, kind->roles[NV_ROLE_TYPE]),
		           name->type, name->type_size);
	}
}

/* Notices of a domain name the domain only: a team that is named would win over the domain's. */
static void put_head(struct birth *birth)
{
	struct nv_subject *subject = birth->subject;
	struct nv_facts facts = nv_docdir_facts(&subject->dir, true);
	enum nv_doc_kind kind = subject->dir.kind->kind;
	put_value(&birth->head, "_id", birth->id);
	put_fact(birth, NV_ROLE_DOMAIN, &facts.domain);
	if (!subject->place.domain || (kind != NV_DOC_ALERT && kind != NV_DOC_INCIDENT)) {
		put_fact(birth, NV_ROLE_TEAM, &facts.team);
	}
	put_fact(birth, NV_ROLE_DOMAIN_NAME, &facts.domain_name);
	put_name(birth);
}

static int compose(struct birth *birth, bson_t **ret_doc, struct nv_err *err)
{
	nv_buf_truncate(&birth->head, 0);
	size_t start = nv_raw_begin(&birth->head);
	put_head(birth);
	bson_iter_t iter;
	struct nv_raw_elem elem;
	if (birth->text && bson_iter_init(&iter, birth->text)) {
		struct nv_raw_iter fields;
		int more = nv_raw_iter_init(&fields, bson_get_data(birth->text), birth->text->len)
		                   ? 0
		                   : 1;
		while (more > 0 && (more = nv_raw_iter_next(&fields, &elem)) > 0) {
			put_elem(&birth->head, elem.key, &elem);
		}
	}
	nv_raw_end(&birth->head, start);
	cleanup_buf struct nv_buf whole = NV_BUF_INIT;
	int rc = nv_buf_error(&birth->head);
	rc = rc ? rc
	        : nv_fresh_fill(&birth->fresh, birth->subject->dir.kind->root,
	                        (const uint8_t *)birth->head.data, birth->head.len, &whole);
	if (rc) {
		return nv_fail(err, -rc, "the document cannot be made");
	}
	*ret_doc = bson_new_from_data((const uint8_t *)whole.data, whole.len);
	return *ret_doc ? 0 : nv_fail(err, ENOMEM, "out of memory");
}

/* A deleted version comes back: its identity and what its text hid, with a new update time. */
static int revive(struct birth *birth, const struct nv_version *parent, bson_t **ret_doc,
                  struct nv_err *err)
{
	const struct nv_schema_kind *kind = birth->subject->dir.kind;
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	bson_iter_t iter;
	const char *path = NULL;
	int rc = 0;
	if (nv_schema_find(kind, NV_ROLE_UPDATED, birth->text, &iter, &path) &&
	    BSON_ITER_HOLDS_DATE_TIME(&iter)) {
		bson_t now = BSON_INITIALIZER;
		bson_append_date_time(&now, "v", 1, birth->fresh.now_ms);
		rc = nv_bson_changes_add(&changes, path, NULL, &now);
		bson_destroy(&now);
	}
	for (size_t i = 0; rc == 0 && i < kind->fields_count; i++) {
		const struct nv_schema_field *field = kind->fields[i];
		if (field->reset && field->fallback &&
		    nv_doc_find(birth->text, field->paths[0], &iter)) {
			rc = nv_bson_changes_add(&changes, field->paths[0], NULL, field->fallback);
		}
	}
	birth->collection = parent->collection;
	return rc ? nv_fail(err, ENOMEM, "out of memory")
	          : nv_bson_apply(birth->text, &changes, ret_doc, err);
}

/* ---- Identity ---- */

/* The _id that the text names. */
static const bson_value_t *typed_id(struct nv_subject *subject,
                                    const struct nv_save_request *request)
{
	cleanup_bson bson_t *doc = NULL;
	return nv_json_parse(request->text, request->size, 0, &doc, NULL)
	               ? NULL
	               : nv_doc_id(&subject->arena, doc);
}

static int choose_fresh_id(struct birth *birth, struct nv_err *err)
{
	bson_value_t *made = nv_arena_alloc(&birth->subject->arena, 1, sizeof(*made));
	if (!made) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	made->value_type = BSON_TYPE_OID;
	bson_oid_init(&made->value.v_oid, NULL);
	birth->id = made;
	birth->id_of_path = false;
	return 0;
}

static int choose_id(struct birth *birth, const struct nv_save_request *request, struct nv_err *err)
{
	struct nv_subject *subject = birth->subject;
	const struct nv_docname *name = &subject->name;
	const bson_value_t *path_id = name->has_id ? name->id : name->named ? NULL : name->name_id;
	if (path_id && path_id->value_type != BSON_TYPE_OID) {
		path_id = NULL; /* "NAME~new", "new.json": a fresh one */
	}
	const bson_value_t *typed = request->size ? typed_id(subject, request) : NULL;
	if (typed && path_id && !nv_docvalue_equal(typed, path_id)) {
		(void)nv_edit_fault(subject->faults, request->text, request->size, "_id",
		                    "_id: contradicts the id in the name of the file");
		return nv_fail(err, EINVAL, "_id contradicts the id in the name of the file");
	}
	birth->id = typed ? typed : path_id;
	birth->id_of_path = path_id && !typed;
	return birth->id ? 0 : choose_fresh_id(birth, err);
}

/* The deleted version that this creation goes on from; NULL: none, or the text names another
 * document. */
static const struct nv_version *parent_of(struct nv_subject *subject,
                                          const struct nv_save_request *request)
{
	const struct nv_version *parent = nv_version_of(request->parent);
	if (!parent || request->parent->readonly || !nv_subject_is(subject, parent->doc)) {
		return NULL;
	}
	const bson_value_t *typed = typed_id(subject, request);
	const bson_value_t *old = nv_doc_id(&subject->arena, parent->doc);
	return old && (!typed || nv_docvalue_equal(typed, old)) ? parent : NULL;
}

/* ---- Making ---- */

/* The long name of the new document, which it answers to whatever stands beside it. */
static int put_long_name(const struct nv_subject *subject, const bson_value_t *id,
                         struct nv_buf *out)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	int rc = nv_docname_value_text(id, &text);
	if (rc) {
		return rc;
	}
	if (!subject->dir.by_id) {
		return nv_docname_long(subject->name.plain, subject->dir.suffix,
		                       text.data ? text.data : "", out);
	}
	nv_buf_printf(out, "%s%s", text.data ? text.data : "", subject->dir.suffix);
	return nv_buf_error(out);
}

/* The path in the changelog: "NAME~new" would lead nobody to the document. */
static int put_path(const struct nv_subject *subject, const bson_value_t *id, struct nv_buf *out)
{
	const struct nv_node *node = subject->node;
	if (!subject->dir.by_id && !subject->name.has_id) {
		nv_buf_puts(out, node->path);
		return nv_buf_error(out);
	}
	nv_buf_append(out, node->path, strlen(node->path) - strlen(node->name));
	return put_long_name(subject, id, out);
}

static int commit_birth(struct birth *birth, bson_t *doc, const struct nv_call *call,
                        struct nv_save_result *result, struct nv_err *err)
{
	struct nv_subject *subject = birth->subject;
	(void)call;
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, subject->ng);
	cleanup_docresult struct nv_docresult outcome = { 0 };
	bson_t *whole = nv_arena_keep(&tx.arena, doc);
	int rc = whole ? nv_subject_guard_name(subject, &tx, NULL, 0) : -ENOMEM;
	rc = rc ? rc : nv_subject_guard_dns(subject, &tx, whole, NULL);
	struct nv_docwrite insert = { .kind = NV_DOCWRITE_INSERT,
		                      .collection = birth->collection,
		                      .doc = whole };
	rc = rc ? rc : nv_doctx_add(&tx, &insert, NV_TX_PLAIN);
	rc = rc ? rc : nv_subject_guard_parent(subject, &tx);
	const bson_value_t *id = rc ? NULL : nv_doc_id(&tx.arena, whole);
	if (!id) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	cleanup_buf struct nv_buf path = NV_BUF_INIT;
	if (put_path(subject, id, &path)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_tx_entry entry = { .verb = "create",
		                     .subject = nv_schema_word(subject->dir.kind->kind),
		                     .kind = subject->dir.kind,
		                     .collection = birth->collection,
		                     .id = id,
		                     .path = path.data,
		                     .after = whole };
	rc = nv_doctx_log(&tx, &entry, err);
	rc = rc ? rc : nv_doctx_commit(&tx, &outcome, err);
	birth->taken = rc == -EEXIST;
	if (rc == -ENOTEMPTY) {
		if (nv_doctx_failed(&tx, &outcome) == NV_TX_GUARD_NAME && result) {
			return nv_fail(err, EAGAIN, "somebody else made it first");
		}
		return nv_subject_refused(subject, &tx, &outcome, err);
	}
	if (rc == 0 && result) {
		result->changed = true;
		rc = nv_subject_blob(subject, whole, birth->collection, &result->blob, err);
	}
	return rc;
}

/* The name that the new document is listed under, when it is not the path's. */
static int set_listed_name(struct nv_subject *subject, const bson_value_t *id,
                           struct nv_save_result *result, struct nv_err *err)
{
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	int rc = 0;
	if (subject->dir.by_id) {
		rc = put_long_name(subject, id, &name);
	} else if (subject->name.has_id) {
		/* Alone under its name it is listed by that; the store is asked, for the long
		 * name may hide what another listing shows. */
		cleanup_docsnap struct nv_docsnap *snap = NULL;
		struct nv_err ignored = NV_ERR_INIT;
		rc = put_long_name(subject, id, &name);
		if (rc == 0 && nv_docop_listed(subject, &snap, &ignored) == 0 && snap->count == 1) {
			nv_buf_truncate(&name, 0);
			nv_buf_puts(&name, snap->items[0].name);
			rc = nv_buf_error(&name);
		}
	}
	if (rc) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (name.len && strcmp(name.data, subject->node->name) != 0) {
		result->name = nv_buf_steal(&name, NULL);
	}
	return 0;
}

static int read_text(struct birth *birth, const struct nv_save_request *request,
                     const struct nv_version *parent, struct nv_err *err)
{
	struct nv_subject *subject = birth->subject;
	struct nv_facts facts = parent ? nv_subject_facts(subject, parent->doc)
	                               : nv_docdir_facts(&subject->dir, subject->name.named);
	struct nv_edit edit = { .schema = subject->ng->schema,
		                .kind = subject->dir.kind,
		                .facts = &facts,
		                .fresh = &birth->fresh,
		                .base = parent ? parent->doc : NULL,
		                .text = request->text,
		                .size = request->size,
		                .faults = subject->faults };
	if (subject->name.named) {
		edit.name = subject->name.name;
		edit.name_size = subject->name.name_size;
		edit.type = subject->name.type;
		edit.type_size = subject->name.type_size;
	}
	return nv_edit_apply(&edit, &birth->text, err);
}

/* A copy that was made before: a document of the directory (and name) that says the same. 1 =
 * found, 0 or -errno. */
static int find_twin(struct birth *birth, const bson_t *doc, struct nv_save_result *result,
                     struct nv_err *err)
{
	struct nv_subject *subject = birth->subject;
	cleanup_blob struct nv_blob *blob = NULL;
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, subject->ng->store);
	cleanup_collect struct nv_collect collect = { 0 };
	int rc = nv_collect_init(&collect, &subject->dir, nv_clock_ms(subject->ng->clock));
	rc = rc                    ? rc
	     : subject->name.named ? nv_collect_ask_name(&collect, &batch, &subject->name)
	                           : nv_collect_ask(&collect, &batch);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_docbatch_run(&batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	rc = rc ? rc : nv_subject_blob(subject, doc, birth->collection, &blob, err);
	for (size_t i = 0; rc == 0 && i < collect.snap->count; i++) {
		const struct nv_docitem *item = &collect.snap->items[i];
		if (item->blob && item->blob->size == blob->size &&
		    memcmp(item->blob->text, blob->text, blob->size) == 0) {
			result->name = strdup(item->name);
			if (!result->name) {
				return nv_fail(err, ENOMEM, "out of memory");
			}
			result->blob = nv_blob_ref(item->blob);
			return 1;
		}
	}
	return rc;
}

/* Another document has the id: where only the file's name says it, this is a copy of that document
 * (cp -a of its directory), which gets an id of its own and is made once. */
static int make_copy(struct birth *birth, const struct nv_call *call,
                     const struct nv_save_request *request, struct nv_save_result *result,
                     struct nv_err *err)
{
	bson_t *doc = NULL;
	nv_err_clear(err);
	if (!result || !birth->id_of_path) {
		(void)nv_edit_fault(birth->subject->faults, request->text, request->size, "_id",
		                    "_id: another document has it: leave it out");
		return nv_fail(err, EEXIST, "another document has this _id");
	}
	int rc = choose_fresh_id(birth, err);
	rc = rc ? rc : compose(birth, &doc, err);
	rc = rc ? rc : find_twin(birth, doc, result, err);
	if (rc == 0) {
		rc = commit_birth(birth, steal(&doc), call, result, err);
		rc = rc ? rc : set_listed_name(birth->subject, birth->id, result, err);
	}
	if (doc) {
		bson_destroy(doc);
	}
	return rc == 1 ? 0 : rc;
}

/* Reads, composes, checks and commits. */
static int make(struct birth *birth, const struct nv_call *call,
                const struct nv_save_request *request, struct nv_save_result *result,
                struct nv_err *err)
{
	struct nv_subject *subject = birth->subject;
	const struct nv_version *parent = parent_of(subject, request);
	bson_t *doc = NULL;
	int rc = read_text(birth, request, parent, err);
	rc = rc || parent ? rc : choose_id(birth, request, err);
	rc = rc ? rc : parent ? revive(birth, parent, &doc, err) : compose(birth, &doc, err);
	if (rc == 0) {
		struct nv_check_ctx check = { .kind = subject->dir.kind,
			                      .placed = true,
			                      .zone = subject->zone,
			                      .text = request->size ? request->text : NULL,
			                      .size = request->size,
			                      .faults = subject->faults };
		rc = nv_check_doc(&check, parent ? parent->doc : NULL, doc, err);
	}
	if (rc == 0) {
		rc = commit_birth(birth, steal(&doc), call, result, err);
		rc = birth->taken              ? make_copy(birth, call, request, result, err)
		     : rc || parent || !result ? rc
		                               : set_listed_name(subject, birth->id, result, err);
	}
	if (doc) {
		bson_destroy(doc);
	}
	return rc;
}

int nv_docop_create(struct nv_subject *subject, const struct nv_call *call,
                    const struct nv_save_request *request, struct nv_save_result *result,
                    struct nv_err *err)
{
	int rc = subject->place.scope == NV_NG_IN_ORPHANS
	                 ? nv_fail(err, EPERM, "orphans are not made here")
	                 : check_name(subject->dir.kind, &subject->name, subject->zone,
	                              subject->node->name, err);
	if (rc) {
		(void)nv_faults_add(subject->faults, 0, 0, "%s",
		                    err ? err->msg : "not a name that can be made");
		return rc;
	}
	rc = nv_subject_confirm(subject, err);
	if (rc) {
		return rc;
	}
	const bson_t *const *samples = NULL;
	size_t count = 0;
	struct birth birth = { .subject = subject, .head = NV_BUF_INIT };
	rc = nv_fresh_samples(subject->ng, subject->dir.kind, &subject->arena, &samples, &count,
	                      &birth.collection, err);
	if (rc) {
		return rc;
	}
	struct timespec now = nv_clock_wall(subject->ng->clock);
	birth.fresh =
		(struct nv_fresh){ .samples = samples,
		                   .samples_count = count,
		                   .actor = subject->ng->actor,
		                   .name = subject->name.named ? subject->name.name : NULL,
		                   .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
	rc = make(&birth, call, request, result, err);
	if (birth.text) {
		bson_destroy(birth.text);
	}
	nv_buf_release(&birth.head);
	return rc;
}

int nv_docop_mkdir(void *self, const struct nv_call *call, const struct nv_node *child,
                   struct nv_err *err)
{
	if (NV_NG_ROLE(child->row->kind) != NV_NG_OBJECT) {
		return nv_fail(err, EEXIST, "%s is there by itself", child->path);
	}
	if (NV_NG_SCOPE(child->row->kind) == NV_NG_IN_ORPHAN_DOMAIN) {
		return nv_fail(
			err, EPERM,
			"orphans are not made: a domain is made in the domains/ of its team");
	}
	cleanup_subject struct nv_subject subject = { 0 };
	int rc = nv_subject_init(&subject, self, child, call->faults, err);
	if (rc) {
		return rc;
	}
	const struct nv_docname *name = &subject.name;
	if (name->has_id && (!name->id || name->id->value_type != BSON_TYPE_OID)) {
		/* Listed by its id only, the new directory would not have the name it was made
		 * by. */
		return nv_fail(err, EINVAL,
		               "%s: after ~ comes the id of the new document, 24 hex digits",
		               child->name);
	}
	struct nv_save_request request = { .text = "{}", .size = 2 };
	return nv_docop_create(&subject, call, &request, NULL, err);
}
