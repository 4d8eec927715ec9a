/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of one document. Owns the rules of sets, increments, pushes and pulls; how a path is put
 * or dropped is path.c's.
 */
#include "config.h"

#include "docstore/write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "docstore/key.h"
#include "docstore/path.h"

/* The document between two changes: each reads `now` and writes `next`. */
struct edit {
	struct nv_buf *now;
	struct nv_buf *next;
};

static struct nv_bval edit_doc(const struct edit *edit)
{
	return (struct nv_bval){ BSON_TYPE_DOCUMENT, (const uint8_t *)edit->now->data,
		                 edit->now->len };
}

static int convert(const bson_value_t *value, struct nv_buf *store, struct nv_bval *ret_value,
                   const char *path, struct nv_err *err)
{
	int rc = nv_bval_from(value, store, ret_value);
	if (rc == -ENOMEM) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return rc == 0 ? 0 : nv_fail(err, EINVAL, "the value for \"%s\" is no BSON", path);
}

int nv_write_expect(const struct nv_docwrite *write, const struct nv_bval *doc, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	for (size_t i = 0; i < write->expects_count; i++) {
		const struct nv_docexpect *expect = &write->expects[i];
		struct nv_bval stored;
		bool there = nv_path_find(doc, expect->path, &stored);
		if (!expect->value) {
			if (there) {
				return nv_fail(err, ESTALE, "\"%s\" is there now", expect->path);
			}
			continue;
		}
		struct nv_bval wanted;
		int rc = convert(expect->value, &store, &wanted, expect->path, err);
		if (rc < 0) {
			return rc;
		}
		if (!there) {
			return nv_fail(err, ESTALE, "\"%s\" is gone", expect->path);
		}
		if (!nv_bval_same(&stored, &wanted)) {
			return nv_fail(err, ESTALE, "\"%s\" was changed", expect->path);
		}
	}
	return 0;
}

/* Makes next the document. */
static void turn(struct edit *edit)
{
	struct nv_buf *old = edit->now;
	edit->now = edit->next;
	edit->next = old;
	nv_buf_truncate(edit->next, 0);
}

static int put(struct edit *edit, const char *path, const struct nv_bval *value, struct nv_err *err)
{
	struct nv_bval doc = edit_doc(edit);
	int rc = nv_path_put(&doc, path, value, edit->next, err);
	if (rc == 0) {
		turn(edit);
	}
	return rc;
}

static int apply_unset(struct edit *edit, const char *path, struct nv_err *err)
{
	struct nv_bval doc = edit_doc(edit);
	struct nv_bval old;
	if (!nv_path_find(&doc, path, &old)) {
		return 0;
	}
	if (nv_path_drop(&doc, path, edit->next) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	turn(edit);
	return 0;
}

static int apply_set(struct edit *edit, const struct nv_docset *set, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval value;
	int rc = convert(set->value, &store, &value, set->path, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_bval doc = edit_doc(edit);
	struct nv_bval old;
	bool there = nv_path_find(&doc, set->path, &old);
	if (set->when == NV_DOCWHEN_SAME_TYPE && (!there || old.type != value.type)) {
		return 0;
	}
	if (set->when == NV_DOCWHEN_NOTNULL &&
	    (!there || old.type == BSON_TYPE_NULL || old.type == BSON_TYPE_UNDEFINED)) {
		return 0;
	}
	if (there && nv_bval_same(&old, &value)) {
		return 0;
	}
	return put(edit, set->path, &value, err);
}

static void write_le(uint8_t *data, uint64_t number)
{
	nv_put_le32(data, (uint32_t)number);
	nv_put_le32(data + 4, (uint32_t)(number >> 32));
}

static int apply_inc(struct edit *edit, const struct nv_docinc *inc, struct nv_err *err)
{
	struct nv_bval doc = edit_doc(edit);
	struct nv_bval old;
	uint8_t bytes[8];
	struct nv_bval sum = { BSON_TYPE_INT64, bytes, sizeof(bytes) };
	if (!nv_path_find(&doc, inc->path, &old)) {
		return 0;
	}
	if (old.type == BSON_TYPE_DOUBLE) {
		uint64_t bits = nv_le64(old.data);
		double number = 0;
		memcpy(&number, &bits, sizeof(number));
		number += inc->n;
		memcpy(&bits, &number, sizeof(bits));
		write_le(bytes, bits);
		sum.type = BSON_TYPE_DOUBLE;
	} else if (old.type == BSON_TYPE_INT32 || old.type == BSON_TYPE_INT64) {
		bool small = old.type == BSON_TYPE_INT32;
		int64_t number = small ? (int32_t)nv_le32(old.data) : (int64_t)nv_le64(old.data);
		if (__builtin_add_overflow(number, (int64_t)inc->n, &number)) {
			return nv_fail(err, ESTALE, "the number \"%s\" is at its end", inc->path);
		}
		write_le(bytes, (uint64_t)number);
		if (small && number >= INT32_MIN && number <= INT32_MAX) {
			sum.type = BSON_TYPE_INT32;
			sum.size = 4;
		}
	} else {
		return 0;
	}
	return put(edit, inc->path, &sum, err);
}

/* True when an array's element is the one member names. */
static bool is_member(const struct nv_docmember *member, const struct nv_bval *value,
                      const struct nv_bval *element)
{
	struct nv_bval field = *element;
	if (member->key &&
	    (!nv_bval_is_tree(element) || !nv_path_find(element, member->key, &field))) {
		return false;
	}
	return nv_bval_equal(&field, value);
}

/* Puts the array without the members into out; true when there were any. */
static bool without_members(const struct nv_docmember *member, const struct nv_bval *value,
                            const struct nv_bval *array, struct nv_buf *out)
{
	size_t start = nv_bval_begin(out);
	struct nv_bwalk walk = nv_bwalk(array);
	struct nv_bfield field;
	size_t position = 0;
	bool any = false;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (is_member(member, value, &field.value)) {
			any = true;
			continue;
		}
		char key[24];
		int size = snprintf(key, sizeof(key), "%zu", position++);
		nv_bval_put(out, key, (size_t)size, &field.value);
	}
	nv_bval_end(out, start);
	return any;
}

static int apply_pull(struct edit *edit, const struct nv_docmember *pull, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	cleanup_buf struct nv_buf rest = NV_BUF_INIT;
	struct nv_bval value;
	int rc = convert(pull->value, &store, &value, pull->path, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_bval doc = edit_doc(edit);
	struct nv_bval old;
	if (!nv_path_find(&doc, pull->path, &old) || old.type != BSON_TYPE_ARRAY ||
	    !without_members(pull, &value, &old, &rest)) {
		return 0;
	}
	if (nv_buf_error(&rest)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_bval array = { BSON_TYPE_ARRAY, (const uint8_t *)rest.data, rest.len };
	return put(edit, pull->path, &array, err);
}

/* Puts the array with one more element into out, unless the member is there: then false. */
static bool with_member(const struct nv_docmember *member, const struct nv_bval *value,
                        const struct nv_bval *element, const struct nv_bval *array,
                        struct nv_buf *out)
{
	size_t start = nv_bval_begin(out);
	size_t count = 0;
	if (array) {
		struct nv_bwalk walk = nv_bwalk(array);
		struct nv_bfield field;
		while (nv_bwalk_next(&walk, &field) > 0) {
			if (is_member(member, value, &field.value)) {
				return false;
			}
			nv_bval_put(out, field.key, field.key_size, &field.value);
			count++;
		}
	}
	char key[24];
	int size = snprintf(key, sizeof(key), "%zu", count);
	nv_bval_put(out, key, (size_t)size, element);
	nv_bval_end(out, start);
	return true;
}

static int apply_push(struct edit *edit, const struct nv_docmember *push, struct nv_err *err)
{
	cleanup_buf struct nv_buf value_store = NV_BUF_INIT;
	cleanup_buf struct nv_buf element_store = NV_BUF_INIT;
	cleanup_buf struct nv_buf grown = NV_BUF_INIT;
	struct nv_bval value;
	struct nv_bval element;
	int rc = convert(push->value, &value_store, &value, push->path, err);
	if (rc == 0) {
		rc = convert(push->element ? push->element : push->value, &element_store, &element,
		             push->path, err);
	}
	if (rc < 0) {
		return rc;
	}
	struct nv_bval doc = edit_doc(edit);
	struct nv_bval old;
	bool there = nv_path_find(&doc, push->path, &old);
	if (there && old.type != BSON_TYPE_ARRAY) {
		return nv_fail(err, ESTALE, "\"%s\" is no array", push->path);
	}
	if (!with_member(push, &value, &element, there ? &old : NULL, &grown)) {
		return 0;
	}
	if (nv_buf_error(&grown)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_bval array = { BSON_TYPE_ARRAY, (const uint8_t *)grown.data, grown.len };
	return put(edit, push->path, &array, err);
}

static int apply_all(const struct nv_docwrite *write, struct edit *edit, struct nv_err *err)
{
	int rc = 0;
	/* What makes the document smaller comes first; the paths do not touch each other. */
	for (size_t i = 0; i < write->unsets_count && rc == 0; i++) {
		rc = apply_unset(edit, write->unsets[i], err);
	}
	for (size_t i = 0; i < write->pulls_count && rc == 0; i++) {
		rc = apply_pull(edit, &write->pulls[i], err);
	}
	for (size_t i = 0; i < write->sets_count && rc == 0; i++) {
		rc = apply_set(edit, &write->sets[i], err);
	}
	for (size_t i = 0; i < write->incs_count && rc == 0; i++) {
		rc = apply_inc(edit, &write->incs[i], err);
	}
	for (size_t i = 0; i < write->pushes_count && rc == 0; i++) {
		rc = apply_push(edit, &write->pushes[i], err);
	}
	return rc;
}

int nv_write_apply(const struct nv_docwrite *write, const struct nv_bval *doc, struct nv_buf *out,
                   struct nv_err *err)
{
	cleanup_buf struct nv_buf other = NV_BUF_INIT;
	nv_buf_truncate(out, 0);
	nv_buf_append(out, doc->data, doc->size);
	if (nv_buf_error(out)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct edit edit = { .now = out, .next = &other };
	int rc = apply_all(write, &edit, err);
	if (rc < 0) {
		return rc;
	}
	if (edit.now != out) {
		struct nv_buf made = other;
		other = *out;
		*out = made;
	}
	if (out->len > NV_DOCSTORE_DOC_MAX) {
		return nv_fail(
			err, EFBIG,
			"the document would have %zu bytes; %d is the most a document can have",
			out->len, NV_DOCSTORE_DOC_MAX);
	}
	if (nv_bval_check((const uint8_t *)out->data, out->len) < 0) {
		return nv_fail(err, EINVAL, "the document would be nested more than %d deep",
		               NV_BVAL_DEPTH_MAX);
	}
	return 0;
}
