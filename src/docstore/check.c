/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The arguments of docstore.h, checked. What MongoDB would refuse is refused for every backend, so
 * that a caller that works on one works on all.
 */
#include "config.h"

#include "docstore/check.h"

#include <errno.h>
#include <string.h>

#include "docstore/path.h"
#include "docstore/value.h"

enum {
	COLLECTION_MAX = 120, /* bytes of a collection's name: MongoDB's 255 less the database's */
};

int nv_check_collection(const char *collection, struct nv_err *err)
{
	if (!collection || collection[0] == '\0' || collection[0] == '.' ||
	    strchr(collection, '$') || strncmp(collection, "system.", 7) == 0 ||
	    strlen(collection) > COLLECTION_MAX) {
		return nv_fail(err, EINVAL, "no name of a collection: \"%s\"",
		               collection ? collection : "");
	}
	return 0;
}

static int check_path(const char *path, struct nv_err *err)
{
	return nv_path_is_valid(path)
	               ? 0
	               : nv_fail(err, EINVAL, "no field path: \"%s\"", path ? path : "");
}

static int check_term(const struct nv_docterm *term, struct nv_err *err)
{
	if (term->paths_count < 1 || term->paths_count > NV_DOCTERM_PATHS_MAX) {
		return nv_fail(err, EINVAL, "a term with %zu paths", term->paths_count);
	}
	for (size_t i = 0; i < term->paths_count; i++) {
		int rc = check_path(term->paths[i], err);
		if (rc < 0) {
			return rc;
		}
	}
	bool one =
		term->op == NV_DOCTERM_EQ || term->op == NV_DOCTERM_GE || term->op == NV_DOCTERM_LT;
	bool none = term->op == NV_DOCTERM_NULL || term->op == NV_DOCTERM_NOTNULL;
	if ((one && term->values_count != 1) || (none && term->values_count != 0) ||
	    term->op > NV_DOCTERM_NOTNULL) {
		return nv_fail(err, EINVAL, "a term of \"%s\" with %zu values", term->paths[0],
		               term->values_count);
	}
	return 0;
}

static int check_terms(const struct nv_docterm *terms, size_t count, struct nv_err *err)
{
	for (size_t i = 0; i < count; i++) {
		int rc = check_term(&terms[i], err);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

int nv_check_query(const struct nv_docquery *query, struct nv_err *err)
{
	int rc = nv_check_collection(query->collection, err);
	rc = rc < 0 ? rc : check_terms(query->terms, query->terms_count, err);
	if (rc < 0) {
		return rc;
	}
	if (query->fields_count > NV_PATH_FIELDS_MAX) {
		return nv_fail(err, EINVAL, "a query of %zu fields; %d are the most",
		               query->fields_count, NV_PATH_FIELDS_MAX);
	}
	for (size_t i = 0; i < query->fields_count; i++) {
		rc = check_path(query->fields[i], err);
		for (size_t k = 0; k < i && rc == 0; k++) {
			if (nv_path_overlaps(query->fields[i], query->fields[k])) {
				rc = nv_fail(err, EINVAL, "the fields \"%s\" and \"%s\" overlap",
				             query->fields[k], query->fields[i]);
			}
		}
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

static int check_doc(const bson_t *doc, struct nv_err *err)
{
	if (!doc) {
		return nv_fail(err, EINVAL, "no document to insert");
	}
	struct nv_bval value = nv_bval_doc(doc);
	if (value.size > NV_DOCSTORE_DOC_MAX) {
		return nv_fail(err, EFBIG,
		               "the document has %zu bytes; %d is the most a document can have",
		               value.size, NV_DOCSTORE_DOC_MAX);
	}
	if (nv_bval_check(value.data, value.size) < 0) {
		return nv_fail(err, EINVAL, "the document is no BSON, or nested more than %d deep",
		               NV_BVAL_DEPTH_MAX);
	}
	struct nv_bval id;
	if (!nv_bval_field(&value, "_id", 3, &id)) {
		return nv_fail(err, EINVAL, "a document without _id");
	}
	if (id.type == BSON_TYPE_ARRAY || id.type == BSON_TYPE_REGEX ||
	    id.type == BSON_TYPE_UNDEFINED) {
		return nv_fail(err, EINVAL,
		               "an _id may be no array, regular expression or undefined");
	}
	return 0;
}

/* The i-th path that a write changes, or NULL behind the last. */
static const char *changed_path(const struct nv_docwrite *write, size_t i)
{
	if (i < write->sets_count) {
		return write->sets[i].path;
	}
	i -= write->sets_count;
	if (i < write->unsets_count) {
		return write->unsets[i];
	}
	i -= write->unsets_count;
	if (i < write->incs_count) {
		return write->incs[i].path;
	}
	i -= write->incs_count;
	if (i < write->pushes_count) {
		return write->pushes[i].path;
	}
	i -= write->pushes_count;
	return i < write->pulls_count ? write->pulls[i].path : NULL;
}

static int check_changes(const struct nv_docwrite *write, struct nv_err *err)
{
	size_t count = write->sets_count + write->unsets_count + write->incs_count +
	               write->pushes_count + write->pulls_count;
	for (size_t i = 0; i < count; i++) {
		const char *path = changed_path(write, i);
		int rc = check_path(path, err);
		if (rc < 0) {
			return rc;
		}
		if (nv_path_overlaps(path, "_id")) {
			return nv_fail(err, EINVAL, "an _id cannot be changed");
		}
		for (size_t k = 0; k < i; k++) {
			if (nv_path_overlaps(path, changed_path(write, k))) {
				return nv_fail(err, EINVAL, "two changes touch: \"%s\" and \"%s\"",
				               changed_path(write, k), path);
			}
		}
	}
	return 0;
}

/* Values and keys of changes that point nowhere are a caller's mistake that must not become a
 * crash. */
static int check_values(const struct nv_docwrite *write, struct nv_err *err)
{
	bool lost = false;
	for (size_t i = 0; i < write->sets_count; i++) {
		lost = lost || !write->sets[i].value;
	}
	for (size_t i = 0; i < write->pushes_count + write->pulls_count; i++) {
		const struct nv_docmember *member =
			i < write->pushes_count ? &write->pushes[i]
						: &write->pulls[i - write->pushes_count];
		lost = lost || !member->value || (member->key && !nv_path_is_valid(member->key));
	}
	for (size_t i = 0; i < write->expects_count; i++) {
		int rc = check_path(write->expects[i].path, err);
		if (rc < 0) {
			return rc;
		}
	}
	return lost ? nv_fail(err, EINVAL, "a change without value") : 0;
}

static int check_write(const struct nv_docwrite *write, struct nv_err *err)
{
	int rc = nv_check_collection(write->collection, err);
	if (rc < 0) {
		return rc;
	}
	bool changes = changed_path(write, 0) != NULL;
	switch (write->kind) {
	case NV_DOCWRITE_INSERT:
		return check_doc(write->doc, err);
	case NV_DOCWRITE_UPDATE:
	case NV_DOCWRITE_DELETE:
		if (!write->id || (write->kind == NV_DOCWRITE_DELETE && changes)) {
			return nv_fail(
				err, EINVAL,
				"an update without _id, or a delete with changes");
		}
		break;
	case NV_DOCWRITE_UPDATE_ALL:
	case NV_DOCWRITE_ABSENT:
		if (write->expects_count > 0 || changes == (write->kind == NV_DOCWRITE_ABSENT)) {
			return nv_fail(
				err, EINVAL,
				"expected values for many documents, or no changes");
		}
		rc = check_terms(write->terms, write->terms_count, err);
		break;
	default:
		return nv_fail(err, EINVAL, "a write of no kind");
	}
	rc = rc < 0 ? rc : check_changes(write, err);
	return rc < 0 ? rc : check_values(write, err);
}

int nv_check_commit(const struct nv_doccommit *commit, size_t *ret_failed, struct nv_err *err)
{
	for (size_t i = 0; i < commit->writes_count; i++) {
		int rc = check_write(&commit->writes[i], err);
		if (rc < 0) {
			*ret_failed = i;
			return rc;
		}
	}
	for (size_t i = 0; i < commit->entries_count; i++) {
		int rc = check_doc(commit->entries[i], err);
		bson_iter_t iter;
		if (rc == 0 && i == 0 &&
		    (!bson_iter_init_find(&iter, commit->entries[i], "_id") ||
		     !BSON_ITER_HOLDS_OID(&iter))) {
			rc = nv_fail(err, EINVAL,
			             "the first entry's _id, the operation's, must be an ObjectId");
		}
		if (rc < 0) {
			*ret_failed = commit->writes_count + i;
			return rc;
		}
	}
	return 0;
}
