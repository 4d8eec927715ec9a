/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changed between documents, as dotted paths. Three-way merging is in bsonmerge.c, applying in
 * bsonapply.c.
 */
#include "config.h"

#include "codec/bsondiff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "codec/bsondiff_int.h"

void nv_bson_changes_truncate(struct nv_bson_changes *changes, size_t count)
{
	while (changes->count > count) {
		struct nv_bson_change *change = &changes->items[--changes->count];
		free(change->path);
		if (change->before) {
			bson_destroy(change->before);
		}
		if (change->after) {
			bson_destroy(change->after);
		}
	}
}

void nv_bson_changes_release(struct nv_bson_changes *changes)
{
	nv_bson_changes_truncate(changes, 0);
	free(changes->items);
	*changes = (struct nv_bson_changes)NV_BSON_CHANGES_INIT;
}

/* *ret_doc = {path: value}; NULL for no element. */
static int wrap(const char *path, const struct nv_raw_elem *elem, bson_t **ret_doc)
{
	if (!elem || elem->type == 0) {
		*ret_doc = NULL;
		return 0;
	}
	cleanup_buf struct nv_buf buf = NV_BUF_INIT;
	size_t start = nv_raw_begin(&buf);
	nv_raw_put(&buf, path, strlen(path), elem);
	nv_raw_end(&buf, start);
	return nv_raw_to_bson(&buf, ret_doc);
}

int nv_bson_changes_put(struct nv_bson_changes *changes, const char *path,
                        const struct nv_raw_elem *before, const struct nv_raw_elem *after)
{
	if (changes->count == changes->cap) {
		size_t cap = changes->cap ? changes->cap * 2 : 8;
		struct nv_bson_change *items = reallocarray(changes->items, cap, sizeof(*items));
		if (!items) {
			return -ENOMEM;
		}
		changes->items = items;
		changes->cap = cap;
	}
	struct nv_bson_change change = { .path = strdup(path) };
	int r = change.path ? wrap(path, before, &change.before) : -ENOMEM;
	r = r < 0 ? r : wrap(path, after, &change.after);
	if (r < 0) {
		if (change.before) {
			bson_destroy(change.before);
		}
		free(change.path);
		return r;
	}
	changes->items[changes->count++] = change;
	return 0;
}

struct nv_raw_elem nv_bson_only(const bson_t *doc)
{
	struct nv_raw_elem elem = { .type = 0 };
	struct nv_raw_iter iter;
	if (doc && nv_raw_iter_init(&iter, bson_get_data(doc), doc->len) == 0) {
		(void)nv_raw_iter_next(&iter, &elem);
	}
	return elem;
}

int nv_bson_changes_add(struct nv_bson_changes *changes, const char *path, const bson_t *before,
                        const bson_t *after)
{
	if ((before && nv_bson_check(before, "", NULL) < 0) ||
	    (after && nv_bson_check(after, "", NULL) < 0)) {
		return -EINVAL;
	}
	struct nv_raw_elem old = nv_bson_only(before);
	struct nv_raw_elem new = nv_bson_only(after);
	if (*path == 0 || (before && old.type == 0) || (after && new.type == 0)) {
		return -EINVAL;
	}
	return nv_bson_changes_put(changes, path, &old, &new);
}

bool nv_bson_equal(const bson_t *a, const bson_t *b)
{
	return a->len == b->len && memcmp(bson_get_data(a), bson_get_data(b), a->len) == 0;
}

void nv_bson_whole(const bson_t *doc, struct nv_raw_elem *ret_elem)
{
	*ret_elem = (struct nv_raw_elem){
		.type = BSON_TYPE_DOCUMENT, .key = "", .value = bson_get_data(doc), .size = doc->len
	};
}

int nv_bson_check(const bson_t *doc, const char *which, struct nv_err *err)
{
	if (nv_raw_check(bson_get_data(doc), doc->len) < 0) {
		return nv_fail(err, EINVAL, "%s is damaged or too deep", which);
	}
	return 0;
}

bool nv_bson_same(const bson_t *a, const bson_t *b)
{
	struct nv_raw_elem left;
	struct nv_raw_elem right;
	if (nv_bson_equal(a, b)) {
		return true;
	}
	if (nv_bson_check(a, "", NULL) < 0 || nv_bson_check(b, "", NULL) < 0) {
		return false;
	}
	nv_bson_whole(a, &left);
	nv_bson_whole(b, &right);
	return nv_raw_same(&left, &right) > 0;
}

bool nv_bson_same_value(const bson_iter_t *a, const bson_iter_t *b)
{
	cleanup_buf struct nv_buf left_buf = NV_BUF_INIT;
	cleanup_buf struct nv_buf right_buf = NV_BUF_INIT;
	struct nv_raw_elem left;
	struct nv_raw_elem right;
	return nv_raw_value_of(a, &left_buf, &left) == 0 &&
	       nv_raw_value_of(b, &right_buf, &right) == 0 &&
	       nv_raw_check((const uint8_t *)left_buf.data, left_buf.len) == 0 &&
	       nv_raw_check((const uint8_t *)right_buf.data, right_buf.len) == 0 &&
	       nv_raw_same(&left, &right) > 0;
}

/* A comparison under way. */
struct differ {
	struct nv_bson_changes *changes;
	struct nv_buf path; /* owned; of the document we are in */
	char unclean[64];   /* the name that cannot stand in a path, for the reason of a refusal */
};

/* Something changed that no path of its own can say: the document around it is to be set whole. */
enum { UNCLEAN = 1 };

static bool is_clean(const struct nv_raw_elem *elem)
{
	return elem->key_size > 0 && elem->key[0] != '$' && !memchr(elem->key, '.', elem->key_size);
}

static int be_unclean(struct differ *differ, const char *key)
{
	(void)snprintf(differ->unclean, sizeof(differ->unclean), "%s", key);
	for (size_t size = strlen(differ->unclean); !nv_utf8_valid(differ->unclean, size); size--) {
		differ->unclean[size - 1] = 0; /* never half a character in a reason */
	}
	return UNCLEAN;
}

static int diff_documents(struct differ *differ, const struct nv_raw_elem *base,
                          const struct nv_raw_elem *mine);

/* One field; base or mine may be NULL. */
static int diff_field(struct differ *differ, const struct nv_raw_elem *base,
                      const struct nv_raw_elem *mine)
{
	const struct nv_raw_elem *elem = mine ? mine : base;
	bool clean = is_clean(elem);
	bool enter = clean && base && mine && base->type == BSON_TYPE_DOCUMENT &&
	             mine->type == BSON_TYPE_DOCUMENT;
	int r = 0;
	if (base && mine) {
		/* what is entered is compared there: else each level would compare all below it */
		r = enter ? nv_raw_equal(base, mine) : nv_raw_same(base, mine);
	}
	if (r != 0) {
		return r < 0 ? r : 0;
	}
	if (!clean) {
		return be_unclean(differ, elem->key);
	}
	size_t path_size = differ->path.len;
	size_t count = differ->changes->count;
	if (path_size > 0) {
		nv_buf_putc(&differ->path, '.');
	}
	nv_buf_append(&differ->path, elem->key, elem->key_size);
	if (nv_buf_error(&differ->path) < 0) {
		return -ENOMEM;
	}
	r = enter ? diff_documents(differ, base, mine) : UNCLEAN;
	if (r == UNCLEAN) {
		nv_bson_changes_truncate(differ->changes, count);
		r = nv_bson_changes_put(differ->changes, differ->path.data, base, mine);
	}
	nv_buf_truncate(&differ->path, path_size);
	return r;
}

/* lenient: fields that no path can say are passed over. */
static int diff_fields(struct differ *differ, const struct nv_raw_fields *old,
                       const struct nv_raw_fields *new, bool lenient)
{
	int r = 0;
	for (size_t i = 0; i < new->count &&r == 0; i++) {
		const struct nv_raw_elem *elem = &new->elems[i];
		r = diff_field(differ, nv_raw_fields_find(old, i, elem->key, elem->key_size), elem);
		r = r == UNCLEAN && lenient ? 0 : r;
	}
	for (size_t i = 0; i < old->count && r == 0; i++) {
		const struct nv_raw_elem *elem = &old->elems[i];
		if (!nv_raw_fields_find(new, i, elem->key, elem->key_size)) {
			r = diff_field(differ, elem, NULL);
			r = r == UNCLEAN && lenient ? 0 : r;
		}
	}
	return r;
}

static int diff_documents(struct differ *differ, const struct nv_raw_elem *base,
                          const struct nv_raw_elem *mine)
{
	cleanup_raw_fields struct nv_raw_fields old = NV_RAW_FIELDS_INIT;
	cleanup_raw_fields struct nv_raw_fields new = NV_RAW_FIELDS_INIT;
	int r = nv_raw_fields_load(&old, base->value, base->size, true);
	r = r < 0 ? r : nv_raw_fields_load(&new, mine->value, mine->size, true);
	if (r < 0) {
		return r;
	}
	if (old.twice || new.twice) {
		return nv_raw_equal(base, mine) ? 0 : be_unclean(differ, "one that stands twice");
	}
	return diff_fields(differ, &old, &new, false);
}

/* Top-level fields that no path can say are left out: others may change them, we never do. */
static int diff_sayable(struct differ *differ, const struct nv_raw_elem *base,
                        const struct nv_raw_elem *mine)
{
	cleanup_raw_fields struct nv_raw_fields old = NV_RAW_FIELDS_INIT;
	cleanup_raw_fields struct nv_raw_fields new = NV_RAW_FIELDS_INIT;
	int r = nv_raw_fields_load(&old, base->value, base->size, true);
	r = r < 0 ? r : nv_raw_fields_load(&new, mine->value, mine->size, true);
	return r < 0 ? r : diff_fields(differ, &old, &new, true);
}

int nv_bson_diff_theirs(const bson_t *base, const bson_t *theirs,
                        struct nv_bson_changes *ret_changes)
{
	struct nv_raw_elem old;
	struct nv_raw_elem new;
	nv_bson_whole(base, &old);
	nv_bson_whole(theirs, &new);
	struct differ differ = { .changes = ret_changes, .path = NV_BUF_INIT };
	int r = diff_sayable(&differ, &old, &new);
	nv_buf_release(&differ.path);
	return r;
}

int nv_bson_diff(const bson_t *base, const bson_t *mine, struct nv_bson_changes *ret_changes,
                 struct nv_err *err)
{
	int r = nv_bson_check(base, "the stored document", err);
	r = r < 0 ? r : nv_bson_check(mine, "the new document", err);
	if (r < 0) {
		return r;
	}
	struct nv_raw_elem old;
	struct nv_raw_elem new;
	nv_bson_whole(base, &old);
	nv_bson_whole(mine, &new);
	size_t count = ret_changes->count;
	struct differ differ = { .changes = ret_changes, .path = NV_BUF_INIT };
	r = diff_documents(&differ, &old, &new);
	nv_buf_release(&differ.path);
	if (r == 0) {
		return 0;
	}
	nv_bson_changes_truncate(ret_changes, count);
	if (r == UNCLEAN) {
		return nv_fail(
			err, EINVAL,
			"the field \"%s\" cannot be changed: its name is empty, has a dot, begins with $ or stands twice",
			differ.unclean);
	}
	return nv_fail(err, -r, "no memory to compare documents");
}
