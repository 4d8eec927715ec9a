/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three-way merging of documents. For each path that mine changed: what base, mine and theirs have
 * there decides, and whether the ground it stands on is still there.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "codec/bsondiff_int.h"

struct merge {
	struct nv_bson_changes mine;   /* owned; base to mine */
	struct nv_bson_changes theirs; /* owned; base to theirs */
	struct nv_path *mine_paths;    /* owned; sorted */
	struct nv_path *their_paths;   /* owned; sorted */
	struct nv_raw_elem *values;    /* owned; what theirs has at each path of mine */
	struct nv_path ground; /* the parent path has_ground was last asked about; size 0 = none */
	bool ground_is;        /* its answer */
};

static void merge_release(struct merge *merge)
{
	nv_bson_changes_release(&merge->mine);
	nv_bson_changes_release(&merge->theirs);
	free(merge->mine_paths);
	free(merge->their_paths);
	free(merge->values);
}

/* The sorted paths of changes; NULL when out of memory. */
static struct nv_path *paths_of(const struct nv_bson_changes *changes)
{
	struct nv_path *paths = calloc(changes->count ? changes->count : 1, sizeof(*paths));
	for (size_t i = 0; paths && i < changes->count; i++) {
		nv_path_init(&paths[i], changes->items[i].path, i);
	}
	if (paths) {
		nv_paths_sort(paths, changes->count);
	}
	return paths;
}

/* The first of their sorted paths that does not come before path. */
static size_t lower_bound(const struct merge *merge, const struct nv_path *path)
{
	size_t low = 0;
	size_t high = merge->theirs.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (nv_path_compare(&merge->their_paths[middle], path) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* True when theirs changed a document or array that path is inside of, as a whole. */
static bool is_above_changed(const struct merge *merge, const struct nv_path *path)
{
	struct nv_path above = *path;
	while (above.size > 0) {
		if (above.size < path->size && path->text[above.size] == '.') {
			size_t at = lower_bound(merge, &above);
			if (at < merge->theirs.count &&
			    nv_path_compare(&merge->their_paths[at], &above) == 0) {
				return true;
			}
		}
		above.size--;
	}
	return false;
}

/* How theirs treated what is at the path or inside it. */
enum treatment { UNTOUCHED, ONLY_UNSET, CHANGED };

static enum treatment treatment_of(const struct merge *merge, const struct nv_path *path)
{
	enum treatment treatment = UNTOUCHED;
	for (size_t i = lower_bound(merge, path);
	     i < merge->theirs.count && nv_path_is_inside(&merge->their_paths[i], path); i++) {
		if (merge->theirs.items[merge->their_paths[i].index].after) {
			return CHANGED;
		}
		treatment = ONLY_UNSET;
	}
	return treatment;
}

/* 1 when the parent of path is a document in theirs, 0 when not, -ENOMEM. Fields of one parent
 * follow each other, so the last answer is kept. */
static int has_ground(struct merge *merge, const bson_t *theirs, const struct nv_path *path)
{
	struct nv_path parent = *path;
	while (parent.size > 0 && path->text[parent.size] != '.') {
		parent.size--;
	}
	if (parent.size == 0) {
		return 1;
	}
	if (merge->ground.size == 0 || nv_path_compare(&merge->ground, &parent) != 0) {
		struct nv_raw_elem elem;
		parent.index = 0;
		int r = nv_paths_look_up(&parent, 1, bson_get_data(theirs), theirs->len, &elem);
		if (r < 0) {
			return r;
		}
		merge->ground = parent;
		merge->ground_is = elem.type == BSON_TYPE_DOCUMENT;
	}
	return merge->ground_is;
}

static bool is_number(bson_type_t type)
{
	return type == BSON_TYPE_INT32 || type == BSON_TYPE_INT64 || type == BSON_TYPE_DOUBLE ||
	       type == BSON_TYPE_DECIMAL128;
}

/* Whether two who both made `after` of `before` may each have meant one step of their own: a number
 * counted up twice must not have moved once, nor an array be one element short. */
static bool builds_on(const struct nv_raw_elem *before, const struct nv_raw_elem *after)
{
	return (is_number(before->type) && is_number(after->type)) ||
	       (before->type == BSON_TYPE_ARRAY && after->type == BSON_TYPE_ARRAY);
}

/* 1 = still to be done, 0 = done already, -ESTALE = conflict, -ENOMEM. */
static int judge(struct merge *merge, const bson_t *theirs, const struct nv_path *path,
                 const struct nv_raw_elem *value)
{
	const struct nv_bson_change *change = &merge->mine.items[path->index];
	struct nv_raw_elem before = nv_bson_only(change->before);
	struct nv_raw_elem after = nv_bson_only(change->after);
	enum treatment treatment = treatment_of(merge, path);
	bool above = is_above_changed(merge, path);
	if (treatment == UNTOUCHED && !above) {
		return 1;
	}
	/* type 0 is absent, and equal to itself */
	int r = nv_raw_same(value, &after);
	if (r < 0) {
		return r;
	}
	if (r > 0) {
		return builds_on(&before, &after) ? -ESTALE : 0;
	}
	if (after.type == 0 && treatment == ONLY_UNSET && !above) {
		return 1; /* they took out a part of what mine takes out */
	}
	if (treatment == UNTOUCHED) {
		/* what is above was changed as a whole, this part of it perhaps was not: if it
		 * still is a document, mine can be done to it */
		r = nv_raw_same(value, &before);
		r = r > 0 ? has_ground(merge, theirs, path) : r;
	}
	return r != 0 ? r : -ESTALE;
}

static int merge_all(struct merge *merge, const bson_t *theirs, struct nv_bson_changes *ret_changes,
                     struct nv_bson_changes *conflicts)
{
	/* in the order of the edited document, not of the sorted paths */
	cleanup_free size_t *order =
		calloc(merge->mine.count ? merge->mine.count : 1, sizeof(*order));
	if (!order) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < merge->mine.count; i++) {
		order[merge->mine_paths[i].index] = i;
	}
	for (size_t i = 0; i < merge->mine.count; i++) {
		const struct nv_bson_change *change = &merge->mine.items[i];
		struct nv_raw_elem after = nv_bson_only(change->after);
		int r = judge(merge, theirs, &merge->mine_paths[order[i]], &merge->values[i]);
		if (r == 1) {
			r = nv_bson_changes_put(ret_changes, change->path, &merge->values[i],
			                        &after);
		} else if (r == -ESTALE) {
			r = nv_bson_changes_put(conflicts, change->path, &merge->values[i], &after);
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int merge_prepare(struct merge *merge, const bson_t *base, const bson_t *mine,
                         const bson_t *theirs, struct nv_err *err)
{
	int r = nv_bson_diff(base, mine, &merge->mine, err);
	if (r < 0) {
		return r;
	}
	r = nv_bson_check(theirs, "the stored document", err);
	if (r < 0) {
		return r;
	}
	/* a field that no path can say is not among mine's changes, so theirs is no clash */
	r = nv_bson_diff_theirs(base, theirs, &merge->theirs);
	if (r < 0) {
		return nv_fail(err, -r, "no memory to merge documents");
	}
	merge->mine_paths = paths_of(&merge->mine);
	merge->their_paths = paths_of(&merge->theirs);
	merge->values = calloc(merge->mine.count ? merge->mine.count : 1, sizeof(*merge->values));
	if (!merge->mine_paths || !merge->their_paths || !merge->values) {
		return nv_fail(err, ENOMEM, "no memory to merge documents");
	}
	r = nv_paths_look_up(merge->mine_paths, merge->mine.count, bson_get_data(theirs),
	                     theirs->len, merge->values);
	return r < 0 ? nv_fail(err, -r, "no memory to merge documents") : 0;
}

int nv_bson_merge3(const bson_t *base, const bson_t *mine, const bson_t *theirs,
                   struct nv_bson_changes *ret_changes, struct nv_bson_changes *ret_conflicts,
                   struct nv_err *err)
{
	struct merge merge = { .mine = NV_BSON_CHANGES_INIT, .theirs = NV_BSON_CHANGES_INIT };
	cleanup_bson_changes struct nv_bson_changes unwanted = NV_BSON_CHANGES_INIT;
	struct nv_bson_changes *conflicts = ret_conflicts ? ret_conflicts : &unwanted;
	size_t changes_count = ret_changes->count;
	size_t conflicts_count = conflicts->count;
	int r = merge_prepare(&merge, base, mine, theirs, err);
	if (r == 0) {
		r = merge_all(&merge, theirs, ret_changes, conflicts);
		if (r < 0) {
			(void)nv_fail(err, -r, "no memory to merge documents");
		} else if (conflicts->count > conflicts_count) {
			r = nv_fail(err, ESTALE, "%s was changed meanwhile%s",
			            conflicts->items[conflicts_count].path,
			            conflicts->count > conflicts_count + 1
			                    ? ", and other fields too"
			                    : "");
		}
	}
	if (r < 0) {
		nv_bson_changes_truncate(ret_changes, changes_count);
	}
	if (r < 0 && r != -ESTALE) {
		nv_bson_changes_truncate(conflicts, conflicts_count);
	}
	merge_release(&merge);
	return r;
}
