/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Saving a text as a document: edit, check, compare and swap, merge, and again (DESIGN 3, 4, law
 * 5). */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/json.h"
#include "netgoat/check.h"
#include "netgoat/docop.h"
#include "netgoat/whole.h"

/* Each try follows a change by somebody else; so many in a row are no accident. */
#define TRIES 16

/* One update under way. */
struct update {
	struct nv_subject *subject;
	const struct nv_save_request *request;
	struct nv_save_result *result;
	const char *collection;
	const bson_t *base; /* what the writer read; an empty document when it saw none */
	bson_t *mine;       /* owned; what it should become */
	bson_t *stored;     /* owned; the version to write to */
};

/* The references and names that must not have moved while the text was edited, and what makes a
 * record's data right together. */
static const enum nv_role kept_roles[] = { NV_ROLE_NAME, NV_ROLE_TYPE, NV_ROLE_TEAM, NV_ROLE_DOMAIN,
	                                   NV_ROLE_NONE };
static const enum nv_role kept_data_roles[] = { NV_ROLE_NAME,   NV_ROLE_TYPE,  NV_ROLE_TEAM,
	                                        NV_ROLE_DOMAIN, NV_ROLE_VALUE, NV_ROLE_PRIORITY,
	                                        NV_ROLE_NONE };

static int set_result(struct update *update, const bson_t *doc, bool changed, struct nv_err *err)
{
	struct nv_subject *subject = update->subject;
	int rc = nv_subject_blob(subject, doc, update->collection, &update->result->blob, err);
	update->result->changed = changed;
	if (rc || subject->own || nv_subject_is(subject, doc)) {
		return rc;
	}
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	bool said = false;
	if (nv_docname_plain(subject->dir.kind, subject->dir.by_id, doc, subject->dir.suffix, &name,
	                     &said)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (strcmp(name.data, subject->name.plain) != 0) {
		update->result->name = nv_buf_steal(&name, NULL);
	}
	return 0;
}

static int fail_stale(struct update *update, const bson_t *theirs, struct nv_err *err)
{
	if (theirs && nv_subject_is(update->subject, theirs)) {
		int rc = nv_subject_blob(update->subject, theirs, update->collection,
		                         &update->result->theirs, err);
		if (rc) {
			return rc;
		}
		return nv_fail(err, ESTALE, "somebody else changed the same field");
	}
	return nv_fail(err, ESTALE, "somebody else removed or moved the document");
}

/* What is still to be written to the stored version. -ESTALE with the reason: it clashes. */
static int plan(struct update *update, struct nv_bson_changes *changes, struct nv_err *err)
{
	cleanup_bson_changes struct nv_bson_changes conflicts = NV_BSON_CHANGES_INIT;
	int rc = nv_bson_merge3(update->base, update->mine, update->stored, changes, &conflicts,
	                        err);
	if (rc != -ESTALE) {
		return rc;
	}
	for (size_t i = 0; i < conflicts.count; i++) {
		cleanup_buf struct nv_buf reason = NV_BUF_INIT;
		nv_buf_printf(&reason, "%s: changed by somebody else meanwhile",
		              conflicts.items[i].path);
		(void)nv_edit_fault(update->subject->faults, update->request->text,
		                    update->request->size, conflicts.items[i].path,
		                    reason.data ? reason.data
		                                : "changed by somebody else meanwhile");
	}
	return fail_stale(update, update->stored, err);
}

/* The merged document must be right as a whole: two right halves may not be. */
static int check_merged(struct update *update, const struct nv_bson_changes *changes,
                        bson_t **ret_merged, struct nv_err *err)
{
	struct nv_subject *subject = update->subject;
	cleanup_bson bson_t *merged = NULL;
	int rc = nv_bson_apply(update->stored, changes, &merged, err);
	if (rc) {
		return rc;
	}
	struct nv_check_ctx check = { .kind = subject->dir.kind,
		                      .placed = subject->place.scope != NV_NG_IN_ORPHANS,
		                      .zone = subject->zone,
		                      .text = update->request->text,
		                      .size = update->request->size,
		                      .faults = subject->faults };
	rc = nv_check_doc(&check, update->stored, merged, err);
	if (rc == 0) {
		*ret_merged = steal(&merged);
	}
	return rc;
}

static bool touches(const struct nv_schema_kind *kind, const struct nv_bson_changes *changes,
                    enum nv_role role)
{
	const char *const *paths = NULL;
	size_t count = nv_schema_role_paths(kind, role, &paths);
	for (size_t c = 0; c < changes->count; c++) {
		for (size_t p = 0; p < count; p++) {
			if (strcmp(changes->items[c].path, paths[p]) == 0) {
				return true;
			}
		}
	}
	return false;
}

/* One try. -EAGAIN: the stored version is another by now (it is in update->stored). */
static int try_commit(struct update *update, const struct nv_bson_changes *changes,
                      struct nv_err *err)
{
	struct nv_subject *subject = update->subject;
	const struct nv_schema_kind *kind = subject->dir.kind;
	cleanup_bson bson_t *merged = NULL;
	int rc = check_merged(update, changes, &merged, err);
	if (rc) {
		return rc;
	}
	cleanup_doctx struct nv_doctx tx;
	nv_doctx_init(&tx, subject->ng);
	cleanup_docresult struct nv_docresult result = { 0 };
	if (touches(kind, changes, NV_ROLE_NAME) || touches(kind, changes, NV_ROLE_TYPE) ||
	    touches(kind, changes, NV_ROLE_ACTIVE)) {
		rc = nv_subject_guard_dns(subject, &tx, merged, nv_doc_id(&tx.arena, merged));
	}
	bool data = touches(kind, changes, NV_ROLE_TYPE) || touches(kind, changes, NV_ROLE_VALUE) ||
	            touches(kind, changes, NV_ROLE_PRIORITY);
	rc = rc ? rc
	        : nv_doctx_update(&tx, kind, update->collection, update->stored, changes,
	                          data ? kept_data_roles : kept_roles);
	if (rc) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	rc = nv_doctx_log_changes(&tx, "update", kind, update->collection, update->stored,
	                          subject->node->path, changes, err);
	rc = rc ? rc : nv_doctx_commit(&tx, &result, err);
	if (rc == 0) {
		return set_result(update, result.after[result.count - 1], true, err);
	}
	if (rc == -ENOTEMPTY) {
		return nv_subject_refused(subject, &tx, &result, err);
	}
	if (rc == -ENOENT) {
		return fail_stale(update, NULL, err);
	}
	if (rc != -ESTALE || !result.stored) {
		return rc;
	}
	if (!nv_subject_is(subject, result.stored)) {
		return fail_stale(update, NULL, err);
	}
	bson_destroy(update->stored);
	update->stored = steal(&result.stored);
	return nv_fail(err, EAGAIN, "somebody else changes the document all the time");
}

static int run_update(struct update *update, struct nv_err *err)
{
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
		rc = plan(update, &changes, err);
		if (rc == 0) {
			rc = changes.count ? try_commit(update, &changes, err)
			                   : set_result(update, update->stored, false, err);
		}
	}
	return rc == -EAGAIN ? fail_stale(update, update->stored, err) : rc;
}

/* The text that says what is stored already: what is stored now is read, so that nothing old is
 * taken for it. */
static int no_change(struct update *update, struct nv_err *err)
{
	cleanup_bson bson_t *now = NULL;
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	const bson_value_t *id = nv_doc_id(&arena, update->stored);
	if (!id) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = nv_docstore_get(update->subject->ng->store, update->collection, id, &now, err);
	if (rc == -ENOENT || (rc == 0 && !nv_subject_is(update->subject, now))) {
		return fail_stale(update, NULL, err);
	}
	return rc ? rc : set_result(update, now, false, err);
}

static struct nv_fresh fresh_of(const struct nv_subject *subject, const bson_t *const *samples,
                                size_t count)
{
	struct timespec now = nv_clock_wall(subject->ng->clock);
	return (struct nv_fresh){ .samples = samples,
		                  .samples_count = count,
		                  .actor = subject->ng->actor,
		                  .now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 };
}

/* What a text makes of a document, and whether that is allowed. *ret_mine: owned, may be set on
 * failure too. */
static int edit_over(struct nv_subject *subject, const bson_t *doc, const struct nv_facts *facts,
                     const char *text, size_t size, bson_t **ret_mine, struct nv_err *err)
{
	struct nv_fresh fresh = fresh_of(subject, &doc, 1);
	struct nv_edit edit = { .schema = subject->ng->schema,
		                .kind = subject->dir.kind,
		                .facts = facts,
		                .fresh = &fresh,
		                .base = doc,
		                .free_references = subject->place.scope == NV_NG_IN_ORPHANS ||
		                                   (subject->own &&
		                                    subject->place.scope == NV_NG_IN_ORPHAN_DOMAIN),
		                .text = text,
		                .size = size,
		                .faults = subject->faults };
	int rc = nv_edit_apply(&edit, ret_mine, err);
	if (rc) {
		return rc;
	}
	struct nv_check_ctx check = { .kind = subject->dir.kind,
		                      .placed = !edit.free_references,
		                      .zone = subject->zone,
		                      .text = text,
		                      .size = size,
		                      .faults = subject->faults };
	return nv_check_doc(&check, doc, *ret_mine, err);
}

/* Judges a whole text as early as a write: against the version it replaces, or as far as a new
 * document's path tells. What only the store can tell waits for the save. */
static int check_meaning(struct nv_netgoat *ng, const struct nv_call *call,
                         const struct nv_node *node, const struct nv_blob *base, const char *text,
                         size_t size, struct nv_err *err)
{
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	cleanup_subject struct nv_subject subject = { 0 };
	const struct nv_version *version = nv_version_of(base);
	if ((role != NV_NG_DOC && role != NV_NG_OWN) || (base && base->readonly) ||
	    nv_subject_init(&subject, ng, node, call->faults, NULL)) {
		return 0; /* the save says it better */
	}
	bson_t path = BSON_INITIALIZER;
	const char *const *types = NULL;
	if (subject.name.type && nv_schema_role_paths(subject.dir.kind, NV_ROLE_TYPE, &types) > 0) {
		(void)bson_append_utf8(&path, types[0], -1, subject.name.type,
		                       (int)subject.name.type_size);
	}
	struct nv_facts facts = version ? nv_subject_facts(&subject, version->doc)
	                                : nv_docdir_facts(&subject.dir, subject.name.named);
	bson_t *mine = NULL;
	int rc =
		edit_over(&subject, version ? version->doc : &path, &facts, text, size, &mine, err);
	if (mine) {
		bson_destroy(mine);
	}
	bson_destroy(&path);
	return rc == -EINVAL ? rc : 0;
}

/* Whether text is, or may become, that of a document without a plain text, which tools put back. */
static bool is_opaque(const struct nv_blob *base, const char *text, size_t size, enum nv_check how)
{
	return base && base->readonly && size <= base->size &&
	       (how == NV_CHECK_PREFIX || size == base->size) &&
	       memcmp(base->text, text, size) == 0;
}

static int has_no_text(struct nv_err *err)
{
	return nv_fail(
		err, EROFS,
		"the document has no plain JSON form, so it can only be saved in a full mount");
}

int nv_docop_check(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob *base, const char *text, size_t size, size_t from,
                   enum nv_check how, struct nv_err *err)
{
	(void)from;
	struct nv_netgoat *ng = self;
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	unsigned flags = ng->mode >= NV_MOUNT_FULL ? NV_JSON_ALLOW_BSON : 0;
	bson_t *doc = NULL;
	if (role == NV_NG_CHANGELOG || role == NV_NG_CHUNK) {
		return how == NV_CHECK_WHOLE && !(node->row->flags & NV_ROW_READONLY)
		               ? nv_ndjson_check(text, size, call->faults, err)
		               : 0;
	}
	if (is_opaque(base, text, size, how)) {
		return 0;
	}
	if (base && base->readonly) {
		return has_no_text(err);
	}
	if (how == NV_CHECK_WHOLE) {
		int rc = nv_json_parse(text, size, flags, &doc, call->faults);
		if (rc == 0) {
			bson_destroy(doc);
			return 0;
		}
		return nv_fail(err, rc == -EFBIG ? EINVAL : -rc,
		               rc == -ENOMEM ? "out of memory" : "not a JSON document");
	}
	switch (nv_json_scan(text, size, flags, call->faults)) {
	case NV_JSON_WRONG:
	case NV_JSON_BROKEN:
		return nv_fail(err, EINVAL, "not a JSON document");
	case NV_JSON_NOMEM:
		return nv_fail(err, ENOMEM, "out of memory");
	case NV_JSON_GOOD:
		return flags ? nv_whole_check_text(ng, node, text, size, call->faults, err)
		             : check_meaning(self, call, node, base, text, size, err);
	default:
		return 0;
	}
}

/* Saves over version; unseen: its writer saw no datum there, so every field of the text is a
 * change. */
static int save_over(struct nv_subject *subject, const struct nv_version *version, bool unseen,
                     const struct nv_save_request *request, struct nv_save_result *result,
                     struct nv_err *err)
{
	bson_t nothing = BSON_INITIALIZER;
	struct update update = { .subject = subject,
		                 .request = request,
		                 .result = result,
		                 .collection = version->collection,
		                 .base = unseen ? &nothing : version->doc };
	struct nv_facts facts = nv_subject_facts(subject, version->doc);
	int rc = edit_over(subject, version->doc, &facts, request->text, request->size,
	                   &update.mine, err);
	if (rc == 0) {
		update.stored = bson_copy(version->doc);
		rc = nv_bson_same(version->doc, update.mine) ? no_change(&update, err)
		                                             : run_update(&update, err);
	}
	if (update.stored) {
		bson_destroy(update.stored);
	}
	if (update.mine) {
		bson_destroy(update.mine);
	}
	bson_destroy(&nothing);
	return rc;
}

/* A document without a plain text takes only the bytes it has. */
static int save_opaque(struct nv_subject *subject, const struct nv_save_request *request,
                       struct nv_save_result *result, struct nv_err *err)
{
	cleanup_founddoc struct nv_founddoc found = { 0 };
	int rc = nv_docs_find(subject->ng, subject->node, NV_TEXT_FILE, true, &found, err);
	if (rc) {
		return rc;
	}
	if (!is_opaque(found.item->blob, request->text, request->size, NV_CHECK_WHOLE)) {
		return has_no_text(err);
	}
	result->blob = nv_blob_ref(found.item->blob);
	return 0;
}

static int save_known(struct nv_subject *subject, const struct nv_save_request *request,
                      struct nv_save_result *result, struct nv_err *err)
{
	const struct nv_version *version = nv_version_of(request->base);
	if (!version) {
		return nv_fail(err, EINVAL, "the version that was read is not known");
	}
	if (request->base->readonly) {
		return save_opaque(subject, request, result, err);
	}
	return save_over(subject, version, false, request, result, err);
}

static int save_unseen(struct nv_subject *subject, const struct nv_call *call,
                       const struct nv_save_request *request, struct nv_save_result *result,
                       struct nv_err *err)
{
	int rc = -EAGAIN;
	for (int i = 0; rc == -EAGAIN && i < TRIES; i++) {
		cleanup_founddoc struct nv_founddoc found = { 0 };
		struct nv_err missing = NV_ERR_INIT;
		rc = subject->own || !subject->name.has_id || subject->name.id
		             ? nv_docs_find(subject->ng, subject->node, NV_TEXT_FILE, true, &found,
		                            &missing)
		             : -ENOENT;
		if (rc == -ENOENT && !subject->own) {
			rc = nv_docop_create(subject, call, request, result, err);
		} else if (rc == 0 && found.item->blob->readonly) {
			rc = save_opaque(subject, request, result, err);
		} else if (rc == 0) {
			rc = save_over(subject, nv_version_of(found.item->blob), true, request,
			               result, err);
		} else {
			rc = nv_fail(err, rc == -ENOTUNIQ ? EEXIST : -rc, "%s", missing.msg);
		}
	}
	return rc == -EAGAIN
	               ? nv_fail(err, EEXIST, "%s", "the name is made and removed all the time")
	               : rc;
}

int nv_docop_save(void *self, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err)
{
	struct nv_netgoat *ng = self;
	enum nv_ng_role role = NV_NG_ROLE(node->row->kind);
	bool restore = ng->mode == NV_MOUNT_RESTORE;
	bool lines = role == NV_NG_CHANGELOG || role == NV_NG_CHUNK;
	if ((role != NV_NG_DOC && role != NV_NG_OWN && !(lines && ng->mode >= NV_MOUNT_FULL)) ||
	    (node->row->flags & NV_ROW_READONLY)) {
		return nv_fail(err, EPERM, "%s is not written by hand", node->path);
	}
	if (lines || restore) {
		return lines ? nv_ndjson_save(ng, call, node, request, result, err)
		             : nv_restore_document(ng, call, node, request, result, err);
	}
	if (ng->mode == NV_MOUNT_FULL) {
		return nv_whole_save(ng, call, node, request, result, err);
	}
	cleanup_subject struct nv_subject subject = { 0 };
	int rc = nv_subject_init(&subject, self, node, call->faults, err);
	if (rc) {
		return rc;
	}
	return request->base ? save_known(&subject, request, result, err)
	                     : save_unseen(&subject, call, request, result, err);
}
