/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Doing changes to a document, all in one walk: paths are sorted, so those below one field stand
 * together.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "codec/bsondiff_int.h"
#include "codec/json.h"

/* Elements an array may grow past its end: so many nulls are a mistake, and MongoDB's limit is of
 * this order too. */
enum { GROW_MAX = 100000 };

struct apply {
	const struct nv_bson_changes *changes; /* borrowed */
	struct nv_buf out;                     /* owned */
	struct nv_err *err;                    /* borrowed */
	int depth;                             /* documents and arrays we are in */
};

/* The changes under one field of the container at hand. */
struct group {
	const struct nv_path *paths; /* sorted */
	size_t count;
	const char *name;
	size_t name_size;
	size_t first; /* the earliest of them in the list of changes */
	bool sets;    /* not all are unsets */
	bool done;
};

struct groups {
	struct group *items; /* owned; sorted by name */
	size_t count;
};

static const struct nv_bson_change *change_of(const struct apply *apply, const struct nv_path *path)
{
	return &apply->changes->items[path->index];
}

/* Splits the paths, which agree before `from`, by their component there. */
static int split(struct apply *apply, const struct nv_path *paths, size_t count, size_t from,
                 struct groups *ret_groups)
{
	ret_groups->items = calloc(count ? count : 1, sizeof(*ret_groups->items));
	if (!ret_groups->items) {
		return -ENOMEM;
	}
	for (size_t first = 0, end = 0; first < count; first = end) {
		end = nv_paths_group_end(paths, count, first, from);
		struct group *group = &ret_groups->items[ret_groups->count++];
		*group = (struct group){
			.paths = paths + first,
			.count = end - first,
			.name = paths[first].text + from,
			.name_size = nv_path_component(&paths[first], from),
			.first = paths[first].index,
		};
		for (size_t i = first; i < end; i++) {
			group->sets = group->sets || change_of(apply, &paths[i])->after;
			group->first =
				paths[i].index < group->first ? paths[i].index : group->first;
		}
		if (group->count > 1 && paths[first].size == from + group->name_size) {
			return nv_fail(apply->err, EINVAL,
			               "%s is changed twice, or both as a whole and in parts",
			               paths[first].text);
		}
	}
	return 0;
}

static struct group *find_group(const struct groups *groups, const struct nv_raw_elem *elem)
{
	struct nv_path want = { .text = elem->key, .size = elem->key_size };
	size_t low = 0;
	size_t high = groups->count;
	if (memchr(elem->key, '.', elem->key_size)) {
		return NULL; /* no path names it */
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct nv_path at = { .text = groups->items[middle].name,
			              .size = groups->items[middle].name_size };
		int order = nv_path_compare(&at, &want);
		if (order == 0) {
			return &groups->items[middle];
		}
		if (order < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static int apply_container(struct apply *apply, const struct nv_path *paths, size_t count,
                           size_t from, const struct nv_raw_elem *container);

/* Writes the field `key` with the group's changes done to elem (type 0: there was none). */
static int apply_group(struct apply *apply, const struct group *group, size_t from, bool in_array,
                       const struct nv_raw_elem *elem)
{
	const struct nv_path *path = group->paths;
	if (path->size == from + group->name_size) {
		struct nv_raw_elem value = nv_bson_only(change_of(apply, path)->after);
		if (value.type == 0 && in_array && elem->type != 0) {
			value.type = BSON_TYPE_NULL; /* taking it out would move the others */
		}
		if (value.type != 0) {
			nv_raw_put(&apply->out, group->name, group->name_size, &value);
		}
		return 0;
	}
	if (!group->sets && (elem->type == 0 || !nv_raw_is_container(elem->type))) {
		if (elem->type != 0) {
			nv_raw_put(&apply->out, group->name, group->name_size, elem);
		}
		return 0;
	}
	if (elem->type != 0 && !nv_raw_is_container(elem->type)) {
		return nv_fail(apply->err, EINVAL, "%s cannot be set: %.*s is no document or array",
		               path->text, (int)(from + group->name_size), path->text);
	}
	nv_raw_put_key(&apply->out, elem->type ? elem->type : BSON_TYPE_DOCUMENT, group->name,
	               group->name_size);
	return apply_container(apply, path, group->count, from + group->name_size + 1, elem);
}

static int compare_first(const void *left, const void *right)
{
	const struct group *a = left;
	const struct group *b = right;
	return a->first < b->first ? -1 : a->first > b->first;
}

/* The index that a name is; false when it is none. */
static bool index_of(const struct group *group, size_t *ret_index)
{
	size_t index = 0;
	if (group->name_size == 0 || group->name_size > 9 ||
	    (group->name[0] == '0' && group->name_size > 1)) {
		return false;
	}
	for (size_t i = 0; i < group->name_size; i++) {
		if (group->name[i] < '0' || group->name[i] > '9') {
			return false;
		}
		index = index * 10 + (size_t)(group->name[i] - '0');
	}
	*ret_index = index;
	return true;
}

static int compare_index(const void *left, const void *right)
{
	size_t a = 0;
	size_t b = 0;
	bool a_is = index_of(left, &a);
	bool b_is = index_of(right, &b);
	if (!a_is || !b_is) {
		return (int)a_is - (int)b_is; /* what is no index comes first, and is refused */
	}
	return a < b ? -1 : a > b;
}

/* Elements past the array's end, with nulls up to them. */
static int grow_array(struct apply *apply, struct groups *groups, size_t from, size_t length)
{
	static const struct nv_raw_elem none = { .type = 0 };
	size_t next = length;
	qsort(groups->items, groups->count, sizeof(*groups->items), compare_index);
	for (size_t i = 0; i < groups->count; i++) {
		struct group *group = &groups->items[i];
		size_t index = 0;
		if (group->done || !group->sets) {
			continue;
		}
		if (!index_of(group, &index) || index < next || index - length >= GROW_MAX) {
			return nv_fail(apply->err, EINVAL,
			               "%s cannot be set: an array has no such element",
			               group->paths->text);
		}
		for (; next < index; next++) {
			char key[24];
			size_t key_size = nv_raw_index_key(next, key);
			nv_raw_put_key(&apply->out, BSON_TYPE_NULL, key, key_size);
		}
		int r = apply_group(apply, group, from, true, &none);
		if (r < 0) {
			return r;
		}
		next = index + 1;
	}
	return 0;
}

/* Fields that were not there. */
static int add_fields(struct apply *apply, struct groups *groups, size_t from)
{
	static const struct nv_raw_elem none = { .type = 0 };
	int r = 0;
	qsort(groups->items, groups->count, sizeof(*groups->items), compare_first);
	for (size_t i = 0; i < groups->count && r == 0; i++) {
		if (!groups->items[i].done && groups->items[i].sets) {
			r = apply_group(apply, &groups->items[i], from, false, &none);
		}
	}
	return r;
}

static int apply_fields(struct apply *apply, struct groups *groups, size_t from,
                        const struct nv_raw_elem *container)
{
	bool is_array = container->type == BSON_TYPE_ARRAY;
	size_t length = 0;
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	int r = 0;
	if (container->type != 0) {
		r = nv_raw_iter_init(&iter, container->value, container->size);
		while (r == 0 && nv_raw_iter_next(&iter, &elem) > 0) {
			struct group *group = find_group(groups, &elem);
			length++;
			if (group && !group->done) {
				group->done = true;
				r = apply_group(apply, group, from, is_array, &elem);
			} else {
				nv_raw_put(&apply->out, elem.key, elem.key_size, &elem);
			}
		}
	}
	if (r < 0) {
		return r;
	}
	return is_array ? grow_array(apply, groups, from, length) : add_fields(apply, groups, from);
}

/* Writes the container (type 0: a new document) with the changes of the paths, which agree before
 * `from`. */
static int apply_container(struct apply *apply, const struct nv_path *paths, size_t count,
                           size_t from, const struct nv_raw_elem *container)
{
	struct groups groups = { NULL, 0 };
	if (++apply->depth > NV_RAW_DEPTH_MAX) {
		return nv_fail(apply->err, EINVAL, "%.80s… is too deep", paths->text);
	}
	size_t start = nv_raw_begin(&apply->out);
	int r = split(apply, paths, count, from, &groups);
	r = r < 0 ? r : apply_fields(apply, &groups, from, container);
	free(groups.items);
	apply->depth--;
	nv_raw_end(&apply->out, start);
	return r;
}

int nv_bson_apply(const bson_t *doc, const struct nv_bson_changes *changes, bson_t **ret_doc,
                  struct nv_err *err)
{
	int r = nv_bson_check(doc, "the document", err);
	if (r < 0) {
		return r;
	}
	cleanup_free struct nv_path *paths = calloc(changes->count + 1, sizeof(*paths));
	if (!paths) {
		return nv_fail(err, ENOMEM, "no memory to change a document");
	}
	for (size_t i = 0; i < changes->count; i++) {
		nv_path_init(&paths[i], changes->items[i].path, i);
	}
	nv_paths_sort(paths, changes->count);
	struct nv_raw_elem whole;
	nv_bson_whole(doc, &whole);
	struct apply apply = { .changes = changes, .out = NV_BUF_INIT, .err = err };
	r = apply_container(&apply, paths, changes->count, 0, &whole);
	if (r == 0 && apply.out.len > NV_JSON_BSON_MAX) {
		r = nv_fail(err, EFBIG, "the document would be over 16 MiB");
	} else if (r == 0 || r == -ENOMEM) {
		r = r < 0 ? r : nv_raw_to_bson(&apply.out, ret_doc);
		r = r < 0 ? nv_fail(err, -r, "no memory to change a document") : 0;
	}
	nv_buf_release(&apply.out);
	return r;
}
