/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on one document. spec is
 *   {k: kind, c: collection, i: _id, d: doc, b: before,
 *    p: [ {p: path, o: old, n: new, s: true}, … ]}
 * where o is left out for what was missing, n for what is missing afterwards, and s is false for a
 * path that must only be as it was.
 *
 * The paths are the shortest that say it: the nearest ancestor where a name cannot stand in a
 * dotted path. An array that changed is one path, because positions mean something only while the
 * array is the one that was read; a large one of the same or greater length is told by elements.
 */
#include "config.h"

#include "docstore/mongoop.h"

#include <errno.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/key.h"
#include "docstore/mongofilter.h"
#include "docstore/path.h"

enum {
	BIG_ARRAY = 16384,         /* bytes of an array that is told by elements */
	STRONG_MAX = 12 * 1048576, /* bytes of values that still fit a command twice */
};

/* A comparison of two documents under way. */
struct diff {
	struct nv_buf *out; /* the array of paths */
	struct nv_buf path; /* where we are, with a dot behind it */
	size_t count;
	bool whole; /* a name at the top cannot stand in a path */
};

static bool is_clean(const struct nv_bfield *field)
{
	return field->key_size > 0 && field->key[0] != '$' &&
	       !memchr(field->key, '.', field->key_size);
}

static bool all_clean(const struct nv_bval *doc)
{
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (!is_clean(&field)) {
			return false;
		}
	}
	return true;
}

static size_t count_fields(const struct nv_bval *doc)
{
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	size_t count = 0;
	while (nv_bwalk_next(&walk, &field) > 0) {
		count++;
	}
	return count;
}

static void put_path(struct nv_buf *out, size_t position, const char *path,
                     const struct nv_bval *before, const struct nv_bval *after, bool changes)
{
	size_t item = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	nv_build_utf8(out, "p", path);
	if (before) {
		nv_build_value(out, "o", before);
	}
	if (after) {
		nv_build_value(out, "n", after);
	}
	nv_build_bool(out, "s", changes);
	nv_bval_end(out, item);
}

/* The field of that name; looks first where the walk is, which finds it unless names were moved. */
static bool find_field(struct nv_bwalk *walk, const struct nv_bval *doc,
                       const struct nv_bfield *wanted, struct nv_bval *ret_value)
{
	struct nv_bwalk ahead = *walk;
	struct nv_bfield next;
	if (nv_bwalk_next(&ahead, &next) > 0 && next.key_size == wanted->key_size &&
	    memcmp(next.key, wanted->key, next.key_size) == 0) {
		*walk = ahead;
		*ret_value = next.value;
		return true;
	}
	return nv_bval_field(doc, wanted->key, wanted->key_size, ret_value);
}

static void diff_tree(struct diff *diff, const struct nv_bval *before, const struct nv_bval *after);

/* True when the change is told by what is inside. */
static bool goes_inside(const struct nv_bval *before, const struct nv_bval *after)
{
	if (before->type == BSON_TYPE_DOCUMENT && after->type == BSON_TYPE_DOCUMENT) {
		return all_clean(before) && all_clean(after);
	}
	return before->type == BSON_TYPE_ARRAY && after->type == BSON_TYPE_ARRAY &&
	       before->size > BIG_ARRAY && count_fields(after) >= count_fields(before);
}

static void diff_field(struct diff *diff, const struct nv_bfield *field,
                       const struct nv_bval *before, const struct nv_bval *after)
{
	if (before && after && nv_bval_same(before, after)) {
		return;
	}
	if (!is_clean(field)) {
		diff->whole = true; /* inside a document goes_inside has kept us away */
		return;
	}
	size_t start = diff->path.len;
	nv_buf_append(&diff->path, field->key, field->key_size);
	if (before && after && goes_inside(before, after)) {
		nv_buf_putc(&diff->path, '.');
		diff_tree(diff, before, after);
	} else if (!nv_buf_error(&diff->path)) {
		put_path(diff->out, diff->count++, diff->path.data, before, after, true);
	}
	nv_buf_truncate(&diff->path, start);
}

static void diff_tree(struct diff *diff, const struct nv_bval *before, const struct nv_bval *after)
{
	struct nv_bwalk walk = nv_bwalk(before);
	struct nv_bwalk other = nv_bwalk(after);
	struct nv_bfield field;
	struct nv_bval value;
	while (nv_bwalk_next(&walk, &field) > 0) {
		bool there = find_field(&other, after, &field, &value);
		diff_field(diff, &field, &field.value, there ? &value : NULL);
	}
	walk = nv_bwalk(after);
	other = nv_bwalk(before);
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (!find_field(&other, before, &field, &value)) {
			diff_field(diff, &field, NULL, &field.value);
		}
	}
}

/* The next item of a list of paths. */
struct item {
	const char *path;
	struct nv_bval before;
	struct nv_bval after;
	bool had;
	bool has;
	bool changes;
};

static bool next_item(struct nv_bwalk *walk, struct item *ret_item)
{
	struct nv_bfield field;
	struct nv_bval path;
	struct nv_bval changes;
	if (nv_bwalk_next(walk, &field) <= 0 || !nv_bval_field(&field.value, "p", 1, &path) ||
	    !nv_bval_field(&field.value, "s", 1, &changes)) {
		return false;
	}
	ret_item->path = (const char *)path.data + 4;
	ret_item->changes = changes.data[0] != 0;
	ret_item->had = nv_bval_field(&field.value, "o", 1, &ret_item->before);
	ret_item->has = nv_bval_field(&field.value, "n", 1, &ret_item->after);
	return true;
}

/* True when a path that changes is this one, or around or below it. */
static bool is_told(const struct nv_buf *list, const char *path)
{
	struct nv_bval array = { BSON_TYPE_ARRAY, (const uint8_t *)list->data, list->len };
	struct nv_bwalk walk = nv_bwalk(&array);
	struct item item;
	while (next_item(&walk, &item)) {
		if (nv_path_overlaps(item.path, path)) {
			return true;
		}
	}
	return false;
}

static void put_expects(struct diff *diff, const struct nv_bval *before, const char *const *expects,
                        size_t count)
{
	cleanup_buf struct nv_buf told = NV_BUF_INIT;
	nv_buf_append(&told, diff->out->data, diff->out->len);
	nv_bval_end(&told, 0);
	for (size_t i = 0; i < count && !nv_buf_error(&told); i++) {
		struct nv_bval value;
		if (!is_told(&told, expects[i])) {
			bool there = nv_path_find(before, expects[i], &value);
			put_path(diff->out, diff->count++, expects[i], there ? &value : NULL, NULL,
			         false);
		}
	}
}

/* The document with its _id in front. */
static void put_doc(struct nv_buf *out, const struct nv_bval *doc)
{
	struct nv_bval id;
	size_t start = nv_build_open(out, BSON_TYPE_DOCUMENT, "d");
	if (nv_bval_field(doc, "_id", 3, &id)) {
		nv_build_value(out, "_id", &id);
	}
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	bool seen = false;
	while (nv_bwalk_next(&walk, &field) > 0) {
		bool is_id = field.key_size == 3 && memcmp(field.key, "_id", 3) == 0;
		if (!is_id || seen) {
			nv_bval_put(out, field.key, field.key_size, &field.value);
		}
		seen = seen || is_id;
	}
	nv_bval_end(out, start);
}

/* Points the fields into spec. */
static int point(struct nv_mongoop *op)
{
	struct nv_bval spec = nv_build_doc(&op->spec);
	struct nv_bval kind;
	struct nv_bval collection;
	const struct nv_bval none = { BSON_TYPE_DOCUMENT, (const uint8_t *)"\5\0\0\0", 5 };
	if (!nv_bval_field(&spec, "k", 1, &kind) || kind.type != BSON_TYPE_INT32 ||
	    !nv_bval_field(&spec, "c", 1, &collection) || collection.type != BSON_TYPE_UTF8 ||
	    !nv_bval_field(&spec, "i", 1, &op->id)) {
		return -EINVAL;
	}
	op->kind = (enum nv_mongoop_kind)nv_le32(kind.data);
	op->collection = (const char *)collection.data + 4;
	if (!nv_bval_field(&spec, "p", 1, &op->paths)) {
		op->paths = none;
	}
	bool has_doc = nv_bval_field(&spec, "d", 1, &op->doc);
	bool has_before = nv_bval_field(&spec, "b", 1, &op->before);
	bool wants_doc = op->kind == NV_MONGOOP_INSERT || op->kind == NV_MONGOOP_REPLACE;
	bool wants_before = op->kind == NV_MONGOOP_DELETE || op->kind == NV_MONGOOP_REPLACE;
	return op->kind > NV_MONGOOP_DELETE || has_doc != wants_doc || has_before != wants_before
	               ? -EINVAL
	               : 0;
}

int nv_mongoop_make(const char *collection, const struct nv_bval *id, const struct nv_bval *before,
                    const struct nv_bval *after, const char *const *expects, size_t expects_count,
                    struct nv_mongoop *ret_op, struct nv_err *err)
{
	struct nv_mongoop op = { .kind = !before  ? NV_MONGOOP_INSERT
		                         : !after ? NV_MONGOOP_DELETE
		                                  : NV_MONGOOP_UPDATE,
		                 .spec = NV_BUF_INIT };
	struct nv_buf paths = NV_BUF_INIT;
	struct diff diff = { .out = &paths, .path = NV_BUF_INIT };
	size_t list = nv_bval_begin(&paths);
	if (op.kind == NV_MONGOOP_UPDATE) {
		diff_tree(&diff, before, after);
		op.kind = diff.whole ? NV_MONGOOP_REPLACE : NV_MONGOOP_UPDATE;
	}
	bool changes = op.kind != NV_MONGOOP_UPDATE || diff.count > 0;
	if (before && changes) {
		put_expects(&diff, before, expects, expects_count);
	}
	nv_bval_end(&paths, list);
	size_t start = nv_bval_begin(&op.spec);
	nv_build_int32(&op.spec, "k", op.kind);
	nv_build_utf8(&op.spec, "c", collection);
	nv_build_value(&op.spec, "i", id);
	if (op.kind == NV_MONGOOP_INSERT || op.kind == NV_MONGOOP_REPLACE) {
		put_doc(&op.spec, after);
	}
	if (op.kind == NV_MONGOOP_DELETE || op.kind == NV_MONGOOP_REPLACE) {
		nv_build_value(&op.spec, "b", before);
	}
	nv_build_value(
		&op.spec, "p",
		&(struct nv_bval){ BSON_TYPE_ARRAY, (const uint8_t *)paths.data, paths.len });
	nv_bval_end(&op.spec, start);
	bool lost = nv_buf_error(&paths) < 0 || nv_buf_error(&diff.path) < 0 ||
	            nv_buf_error(&op.spec) < 0;
	nv_buf_release(&paths);
	nv_buf_release(&diff.path);
	int rc = lost ? nv_fail(err, ENOMEM, "out of memory") : changes;
	if (rc == 1 && point(&op) < 0) {
		rc = nv_fail(err, EIO, "a change of %s cannot be told", collection);
	}
	if (rc == 1) {
		*ret_op = op;
	} else {
		nv_buf_release(&op.spec);
	}
	return rc;
}

int nv_mongoop_parse(const struct nv_bval *spec, struct nv_mongoop *ret_op, struct nv_err *err)
{
	struct nv_mongoop op = { .spec = NV_BUF_INIT };
	nv_buf_append(&op.spec, spec->data, spec->size);
	int rc = nv_buf_error(&op.spec) < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
	if (rc == 0 && (spec->type != BSON_TYPE_DOCUMENT ||
	                nv_bval_check(spec->data, spec->size) < 0 || point(&op) < 0)) {
		rc = nv_fail(err, EINVAL, "a pending entry is damaged");
	}
	if (rc < 0) {
		nv_buf_release(&op.spec);
		return rc;
	}
	*ret_op = op;
	return 0;
}

void nv_mongoop_release(struct nv_mongoop *op)
{
	nv_buf_release(&op->spec);
}

size_t nv_mongoop_size(const struct nv_mongoop *op)
{
	return op->spec.len;
}

/* Guards of every field of a whole document that can be named. */
static void put_whole(struct nv_buf *out, size_t *position, const struct nv_bval *doc, bool weak)
{
	struct nv_bwalk walk = nv_bwalk(doc);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (is_clean(&field) && strcmp(field.key, "_id") != 0) {
			nv_mongofilter_guard(out, (*position)++, field.key, &field.value, weak);
		}
	}
}

int nv_mongoop_filter(const struct nv_mongoop *op, bool back, bool whole, struct nv_buf *out,
                      struct nv_err *err)
{
	struct nv_bwalk walk = nv_bwalk(&op->paths);
	struct item item;
	size_t position = 0;
	bool weak = op->spec.len > STRONG_MAX;
	nv_buf_truncate(out, 0);
	cleanup_buf struct nv_buf guards = NV_BUF_INIT;
	size_t list = nv_bval_begin(&guards);
	while (next_item(&walk, &item)) {
		const struct nv_bval *value =
			back ? (item.has ? &item.after : NULL) : (item.had ? &item.before : NULL);
		if (item.changes || !back) {
			nv_mongofilter_guard(&guards, position++, item.path, value, weak);
		}
	}
	if (op->kind == NV_MONGOOP_REPLACE || (op->kind == NV_MONGOOP_DELETE && whole && !back)) {
		put_whole(&guards, &position, back ? &op->doc : &op->before, weak);
	}
	if (op->kind == NV_MONGOOP_INSERT && back) {
		put_whole(&guards, &position, &op->doc, weak);
	}
	nv_bval_end(&guards, list);
	size_t doc = nv_bval_begin(out);
	nv_build_value(out, "_id", &op->id);
	if (position > 0) {
		nv_build_value(out, "$and",
		               &(struct nv_bval){ BSON_TYPE_ARRAY, (const uint8_t *)guards.data,
		                                  guards.len });
	}
	nv_bval_end(out, doc);
	return nv_buf_error(out) || nv_buf_error(&guards) ? nv_fail(err, ENOMEM, "out of memory")
	                                                  : 0;
}

int nv_mongoop_filter_now(const struct nv_mongoop *op, const struct nv_bval *now,
                          struct nv_buf *out, struct nv_err *err)
{
	struct nv_bwalk walk = nv_bwalk(&op->paths);
	struct item item;
	size_t position = 0;
	bool weak = now->size > STRONG_MAX;
	nv_buf_truncate(out, 0);
	size_t doc = nv_bval_begin(out);
	nv_build_value(out, "_id", &op->id);
	size_t list = nv_build_open(out, BSON_TYPE_ARRAY, "$and");
	/* $and must not be empty. */
	size_t clause = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position++);
	nv_build_value(out, "_id", &op->id);
	nv_bval_end(out, clause);
	while (op->kind == NV_MONGOOP_UPDATE && next_item(&walk, &item)) {
		struct nv_bval value;
		bool there = nv_path_find(now, item.path, &value);
		nv_mongofilter_guard(out, position++, item.path, there ? &value : NULL, weak);
	}
	if (op->kind != NV_MONGOOP_UPDATE) {
		put_whole(out, &position, now, weak);
	}
	nv_bval_end(out, list);
	nv_bval_end(out, doc);
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* Equal but for the types of numbers, the sign of zero, the subtypes of binaries. */
static bool is_alike(const struct nv_bval *a, const struct nv_bval *b)
{
	struct nv_bwalk walk = nv_bwalk(a);
	struct nv_bwalk other = nv_bwalk(b);
	struct nv_bfield field;
	struct nv_bfield twin;
	if (a->type == BSON_TYPE_BINARY && b->type == BSON_TYPE_BINARY) {
		/* A length and a subtype stand before the bytes. */
		return a->size == b->size && memcmp(a->data, b->data, 4) == 0 &&
		       memcmp(a->data + 5, b->data + 5, a->size - 5) == 0;
	}
	if (a->type != b->type || (a->type != BSON_TYPE_DOCUMENT && a->type != BSON_TYPE_ARRAY)) {
		return nv_bval_equal(a, b);
	}
	bool alike = true;
	bool more = nv_bwalk_next(&walk, &field) > 0;
	bool more_twin = nv_bwalk_next(&other, &twin) > 0;
	while (alike && more && more_twin) {
		alike = field.key_size == twin.key_size &&
		        memcmp(field.key, twin.key, field.key_size) == 0 &&
		        is_alike(&field.value, &twin.value);
		more = nv_bwalk_next(&walk, &field) > 0;
		more_twin = nv_bwalk_next(&other, &twin) > 0;
	}
	return alike && more == more_twin;
}

static bool is_other(const struct nv_bval *now, const struct nv_bval *told)
{
	return !nv_bval_same(now, told) && is_alike(now, told);
}

bool nv_mongoop_is_altered(const struct nv_mongoop *op, const struct nv_bval *now)
{
	struct nv_bwalk walk = nv_bwalk(&op->paths);
	struct item item;
	struct nv_bval value;
	bool altered = op->kind != NV_MONGOOP_UPDATE && is_other(now, &op->doc);
	while (op->kind == NV_MONGOOP_UPDATE && !altered && next_item(&walk, &item)) {
		altered = item.changes && item.has && nv_path_find(now, item.path, &value) &&
		          is_other(&value, &item.after);
	}
	return altered;
}

int nv_mongoop_changes(const struct nv_mongoop *op, bool back, struct nv_buf *out,
                       struct nv_err *err)
{
	nv_buf_truncate(out, 0);
	size_t doc = nv_bval_begin(out);
	for (int set = 1; set >= 0; set--) {
		struct nv_bwalk walk = nv_bwalk(&op->paths);
		struct item item;
		size_t start = 0;
		size_t count = 0;
		while (next_item(&walk, &item)) {
			bool there = back ? item.had : item.has;
			if (!item.changes || there != (set == 1)) {
				continue;
			}
			if (count++ == 0) {
				start = nv_build_open(out, BSON_TYPE_DOCUMENT,
				                      set == 1 ? "$set" : "$unset");
			}
			if (set == 1) {
				nv_build_value(out, item.path, back ? &item.before : &item.after);
			} else {
				nv_build_int32(out, item.path, 1);
			}
		}
		if (count > 0) {
			nv_bval_end(out, start);
		}
	}
	nv_bval_end(out, doc);
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- What became of it ---- */

/* Equal, or made equal by a server that does not keep every type. */
static bool is_value(const struct nv_bval *now, const char *path, bool wanted,
                     const struct nv_bval *value)
{
	struct nv_bval there;
	if (!nv_path_find(now, path, &there)) {
		return !wanted;
	}
	return wanted && (nv_bval_same(&there, value) || nv_bval_equal(&there, value));
}

static bool is_doc(const struct nv_bval *now, const struct nv_bval *doc)
{
	return nv_bval_same(now, doc) || nv_bval_equal(now, doc);
}

static enum nv_mongoop_state look_update(const struct nv_mongoop *op, const struct nv_bval *now)
{
	struct nv_bwalk walk = nv_bwalk(&op->paths);
	struct item item;
	bool as_before = true;
	bool left_out = false; /* a path that would have changed has not */
	bool done = false;
	while (next_item(&walk, &item)) {
		bool before = is_value(now, item.path, item.had, &item.before);
		bool after = item.changes && is_value(now, item.path, item.has, &item.after);
		struct nv_bval there;
		if (after && before) { /* equal values of two types: the bytes decide */
			after = nv_path_find(now, item.path, &there) &&
			        nv_bval_same(&there, &item.after);
			before = !after;
		}
		done = done || after;
		left_out = left_out || (item.changes && before);
		as_before = as_before && before;
	}
	/* It is one command: all paths change, or none. Where only some are as they would be,
	 * somebody else wrote the same there; where some are otherwise, somebody came after it. */
	return as_before ? NV_MONGOOP_TODO : done && !left_out ? NV_MONGOOP_DONE : NV_MONGOOP_LOST;
}

enum nv_mongoop_state nv_mongoop_look(const struct nv_mongoop *op, const struct nv_bval *now)
{
	switch (op->kind) {
	case NV_MONGOOP_INSERT:
		return !now                    ? NV_MONGOOP_TODO
		       : is_doc(now, &op->doc) ? NV_MONGOOP_DONE
		                               : NV_MONGOOP_LOST;
	case NV_MONGOOP_DELETE:
		return !now                       ? NV_MONGOOP_DONE
		       : is_doc(now, &op->before) ? NV_MONGOOP_TODO
		                                  : NV_MONGOOP_LOST;
	case NV_MONGOOP_REPLACE:
		return !now                       ? NV_MONGOOP_LOST
		       : is_doc(now, &op->doc)    ? NV_MONGOOP_DONE
		       : is_doc(now, &op->before) ? NV_MONGOOP_TODO
		                                  : NV_MONGOOP_LOST;
	case NV_MONGOOP_UPDATE:
		break;
	}
	return now ? look_update(op, now) : NV_MONGOOP_LOST;
}
