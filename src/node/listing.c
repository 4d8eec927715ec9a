/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listings and entries, and the one directory that has no family: the root.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/node.h"

enum { FIRST_CAP = 16 };

struct nv_listing *nv_listing_new(int64_t sampled_ms)
{
	struct nv_listing *listing = calloc(1, sizeof(*listing));

	if (listing) {
		atomic_init(&listing->refs, 1);
		listing->sampled_ms = sampled_ms;
	}
	return listing;
}

struct nv_listing *nv_listing_ref(struct nv_listing *listing)
{
	if (listing) {
		atomic_fetch_add_explicit(&listing->refs, 1, memory_order_relaxed);
	}
	return listing;
}

void nv_listing_unref(struct nv_listing *listing)
{
	if (!listing || atomic_fetch_sub_explicit(&listing->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < listing->count; i++) {
		nv_entry_release(&listing->entries[i]);
	}
	free(listing->entries);
	free(listing);
}

static int grow(struct nv_listing *listing)
{
	size_t cap = listing->cap ? listing->cap : FIRST_CAP;

	if (listing->count < listing->cap) {
		return 0;
	}
	if (listing->cap > 0 && __builtin_mul_overflow(listing->cap, 2, &cap)) {
		return -ENOMEM;
	}
	struct nv_entry *entries = reallocarray(listing->entries, cap, sizeof(*entries));
	if (!entries) {
		return -ENOMEM;
	}
	listing->entries = entries;
	listing->cap = cap;
	return 0;
}

int nv_listing_add(struct nv_listing *listing, const struct nv_row *row, char *name,
                   struct nv_blob *blob)
{
	if (!name || grow(listing) != 0) {
		free(name);
		nv_blob_unref(blob);
		return -ENOMEM;
	}
	struct nv_entry *entry = &listing->entries[listing->count++];
	*entry = (struct nv_entry){
		.name = name, .row = row, .blob = blob, .sampled_ms = listing->sampled_ms
	};
	if (blob) {
		entry->size = blob->size;
		entry->mtime = blob->mtime;
		entry->stamped = blob->stamped;
		entry->sampled_ms = blob->sampled_ms;
	}
	return 0;
}

static bool is_own(const struct nv_entry *entry)
{
	return entry->row && (entry->row->flags & NV_ROW_OWN) != 0;
}

static int compare_entries(const void *left, const void *right)
{
	const struct nv_entry *a = left;
	const struct nv_entry *b = right;

	if (is_own(a) != is_own(b)) {
		return is_own(a) ? 1 : -1;
	}
	return strcmp(a->name, b->name);
}

void nv_listing_sort(struct nv_listing *listing)
{
	if (listing->count < 2) {
		return;
	}
	qsort(listing->entries, listing->count, sizeof(*listing->entries), compare_entries);
	/* Now it is whole; a large one is kept until its reader has gone through it. */
	struct nv_entry *fitting =
		reallocarray(listing->entries, listing->count, sizeof(*listing->entries));
	if (fitting) {
		listing->entries = fitting;
		listing->cap = listing->count;
	}
}

const struct nv_entry *nv_listing_find(const struct nv_listing *listing, const char *name)
{
	size_t high = listing->count;

	/* The object's own json stands last, out of the order. */
	while (high > 0 && is_own(&listing->entries[high - 1])) {
		high--;
		if (strcmp(listing->entries[high].name, name) == 0) {
			return &listing->entries[high];
		}
	}
	for (size_t low = 0; low < high;) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, listing->entries[middle].name);

		if (order == 0) {
			return &listing->entries[middle];
		}
		if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return NULL;
}

void nv_entry_release(struct nv_entry *entry)
{
	free(entry->name);
	nv_blob_unref(entry->blob);
	*entry = (struct nv_entry){ 0 };
}

int nv_entry_copy(struct nv_entry *ret_entry, const struct nv_entry *entry)
{
	char *name = strdup(entry->name);

	if (!name) {
		return -ENOMEM;
	}
	*ret_entry = *entry;
	ret_entry->name = name;
	ret_entry->blob = nv_blob_ref(entry->blob);
	return 0;
}

void nv_save_result_release(struct nv_save_result *result)
{
	nv_blob_unref(result->blob);
	nv_blob_unref(result->theirs);
	free(result->name);
	*result = (struct nv_save_result){ 0 };
}

/* self is the tree itself. */
static int static_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                         struct nv_entry *ret_entry, struct nv_err *err)
{
	(void)self;
	(void)call;
	if (nv_row_is_capture(child->row)) {
		return nv_fail(err, ENOENT, "nothing of that name is here");
	}
	struct nv_entry entry = { .name = strdup(child->name),
		                  .row = child->row,
		                  .sampled_ms = NV_SAMPLED_ALWAYS };
	if (!entry.name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_entry = entry;
	return 0;
}

static int static_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                       struct nv_listing **ret_listing, struct nv_err *err)
{
	const struct nv_tree *tree = self;
	cleanup_listing struct nv_listing *listing = nv_listing_new(NV_SAMPLED_ALWAYS);

	(void)call;
	if (!listing) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (const struct nv_row *row = nv_tree_next_child(tree, dir->row, NULL); row;
	     row = nv_tree_next_child(tree, dir->row, row)) {
		if (nv_row_is_capture(row)) {
			continue;
		}
		if (nv_listing_add(listing, row, strdup(nv_row_component(row)), NULL) != 0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	nv_listing_sort(listing);
	*ret_listing = nv_listing_ref(listing);
	return 0;
}

const struct nv_node_ops nv_static_dir_ops = {
	.name = "static directory",
	.lookup = static_lookup,
	.list = static_list,
};
