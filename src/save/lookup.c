/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a name stands for, and what a directory lists: the store's answer seen through the slots.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"
#include "save/made.h"

void nv_found_release(struct nv_found *found)
{
	nv_entry_release(&found->entry);
	nv_scratch_unref(found->scratch);
	*found = (struct nv_found){ 0 };
}

/* Length of a new name: to its own process what that has written, to others what was accepted.
 * Engine lock held. */
static uint64_t new_size(struct nv_save *save, const struct nv_slot *slot, const char *path)
{
	for (const struct nv_handle *h = save->handles; h; h = h->next) {
		if (h->kind == NV_HANDLE_WRITE && strcmp(h->path, path) == 0) {
			return atomic_load(&h->length);
		}
	}
	return slot->text.size;
}

/* What the slot says of the name: 1 = *ret_found is filled, 0 = ask the store, or -errno. Engine
 * lock held. */
static int from_slot(struct nv_save *save, struct nv_place place, const struct nv_slot *slot,
                     struct nv_found *ret_found, struct nv_err *err)
{
	char path[PATH_MAX];
	struct nv_at at;
	if (slot->state == NV_SLOT_GONE) {
		return 0;
	}
	if (slot->state == NV_SLOT_PARKED) {
		return nv_fail(err, ENOENT, "%s: no such name", slot->name);
	}
	*ret_found = (struct nv_found){ 0 };
	if (slot->state == NV_SLOT_NEW) {
		if (nv_at_child(save, place.path, slot->name, NULL, &at, err) < 0 ||
		    nv_path_join(path, place.path, slot->name) < 0) {
			return -ENOENT;
		}
		ret_found->entry.row = at.node.row;
		ret_found->is_new = true;
		ret_found->unsettled = true;
		ret_found->size = new_size(save, slot, path);
		ret_found->entry.size = ret_found->size;
		ret_found->entry.mtime =
			slot->has_mtime ? slot->mtime : nv_clock_wall(save->config.clock);
		ret_found->entry.stamped = true;
	}
	ret_found->entry.name = strdup(slot->name);
	if (!ret_found->entry.name) {
		*ret_found = (struct nv_found){ 0 };
		return nv_fail(err, ENOMEM, "out of memory");
	}
	ret_found->scratch = nv_scratch_ref(slot->scratch);
	return 1;
}

/* The slot's word on a name, and whether a new directory hides it from its maker. row NULL: not
 * known yet. */
static int ask_slot(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                    const struct nv_row *row, const char *name, struct nv_found *ret_found,
                    struct nv_err *err)
{
	int r = 0;
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, place, false);
	const struct nv_slot *slot = nv_slot_get(names, name);
	if (slot) {
		r = from_slot(save, place, slot, ret_found, err);
	} else if (row && nv_names_hides(names, row, name, call)) {
		r = nv_fail(err, ENOENT, "%s: not made yet", name);
	}
	nv_unlock(save);
	return r;
}

bool nv_save_has_writer(struct nv_save *save, const struct nv_call *call, const char *path,
                        uint64_t *ret_size)
{
	bool found = false;
	nv_lock(save);
	struct nv_proc proc = { 0, 0 };
	for (const struct nv_handle *h = save->writers > 0 ? save->handles : NULL; h; h = h->next) {
		if (h->kind != NV_HANDLE_WRITE || strcmp(h->path, path) != 0 ||
		    atomic_load(&h->detached) || !atomic_load(&h->unsettled)) {
			continue;
		}
		if (proc.tgid == 0) {
			proc = nv_proc_of(call->pid);
		}
		if (nv_proc_equal(h->opener, proc)) {
			*ret_size = atomic_load(&h->length);
		}
		found = true;
	}
	nv_unlock(save);
	return found;
}

/* Asks the family for a child. */
static int ask_family(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                      struct nv_entry *ret_entry, struct nv_err *err)
{
	char dir[PATH_MAX];
	struct nv_at parent;
	(void)nv_path_split(dir, at->path);
	int r = nv_at_path(save, dir, &parent, err);
	if (r < 0) {
		return r;
	}
	const struct nv_node_ops *ops = parent.node.row->ops;
	if (!ops->lookup) {
		return nv_fail(err, ENOENT, "%s: no such name", at->path);
	}
	return ops->lookup(parent.node.self, call, &at->node, ret_entry, err);
}

/* As ask_family; a name of several is asked for again when those that were removed here are gone
 * from the store too: it may be of one that is left. */
static int ask_once_more(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                         struct nv_place place, struct nv_entry *ret_entry, struct nv_err *err)
{
	int r = ask_family(save, call, at, ret_entry, err);
	if (r != -ENOTUNIQ) {
		return r;
	}
	nv_lock(save);
	const struct nv_names *names = nv_names_of(save, place, false);
	bool parked = names && nv_strmap_count(names->slots) > 0;
	nv_unlock(save);
	if (!parked || nv_commit_dir(save, place.path, false, NULL) < 0) {
		return r;
	}
	nv_err_clear(err);
	return ask_family(save, call, at, ret_entry, err);
}

int nv_save_lookup(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, struct nv_found *ret_found, struct nv_err *err)
{
	struct nv_found found = { 0 };
	struct nv_at at;
	char path[PATH_MAX];
	if (strlen(name) > NV_NAME_MAX) {
		return nv_fail(err, ENAMETOOLONG, "the name is longer than %d bytes", NV_NAME_MAX);
	}
	int r = ask_slot(save, call, place, NULL, name, ret_found, err);
	if (r != 0) {
		return r < 0 ? r : 0;
	}
	if (place.scratch) {
		return nv_fail(err, ENOENT, "%s: no such name", name);
	}
	r = nv_at_child(save, place.path, name, NULL, &at, err);
	if (r == 0) {
		r = ask_slot(save, call, place, at.node.row, name, ret_found, err);
	}
	if (r == 0) {
		r = ask_once_more(save, call, &at, place, &found.entry, err);
		if (r == -ENOENT && nv_made_find(save, place.path, name, ret_found) == 0) {
			nv_err_clear(err);
			return 0;
		}
	}
	if (r < 0) {
		return r;
	}
	nv_made_drop(save, place.path, found.entry.name);
	if (strcmp(found.entry.name, name) != 0) {
		r = ask_slot(save, call, place, found.entry.row, found.entry.name, ret_found, err);
		if (r != 0) {
			nv_found_release(&found);
			return r < 0 ? r : 0;
		}
	}
	found.size = found.entry.size;
	if (nv_path_join(path, place.path, found.entry.name) == 0) {
		found.unsettled = nv_save_has_writer(save, call, path, &found.size);
	}
	*ret_found = found;
	return 0;
}

/* Adds the names that the slots know. Engine lock held. */
static int add_slots(struct nv_save *save, struct nv_place place, struct nv_names *names,
                     struct nv_listing *listing)
{
	size_t cursor = 0;
	size_t size;
	const char *key;
	void *value;
	while (names && nv_strmap_next(names->slots, &cursor, &key, &size, &value)) {
		struct nv_found found = { 0 };
		int r = from_slot(save, place, value, &found, NULL);
		if (r == -ENOMEM) {
			return r;
		}
		if (r != 1) {
			continue;
		}
		nv_scratch_unref(found.scratch);
		r = nv_listing_add(listing, found.entry.row, found.entry.name, NULL);
		if (r < 0) {
			return r;
		}
		struct nv_entry *entry = &listing->entries[listing->count - 1];
		entry->size = found.size;
		entry->mtime = found.entry.mtime;
		entry->stamped = true;
		/* not the store's: who wants more than the name looks it up */
		entry->sampled_ms = -1;
	}
	return 0;
}

/* True when the directory has names of which the store knows nothing yet. Engine lock held. */
static bool has_own_names(struct nv_save *save, const char *path)
{
	size_t cursor = 0;
	size_t size;
	const char *key;
	void *value;
	struct nv_names *names = nv_names_of(save, (struct nv_place){ .path = path }, false);
	while (names && nv_strmap_next(names->slots, &cursor, &key, &size, &value)) {
		const struct nv_slot *slot = value;
		if (slot->state == NV_SLOT_NEW || slot->state == NV_SLOT_SCRATCH) {
			return true;
		}
	}
	return false;
}

/* The next structural directory after prev, NULL for the first, of an object's directory that has
 * such names. Engine lock held. */
static const struct nv_row *next_own(struct nv_save *save, const struct nv_at *dir,
                                     const struct nv_row *prev)
{
	char path[PATH_MAX];
	const struct nv_row *row = prev;
	while ((row = nv_tree_next_child(save->config.tree, dir->node.row, row))) {
		if ((row->flags & NV_ROW_STRUCTURAL) && !nv_row_is_capture(row) &&
		    nv_path_join(path, dir->path, nv_row_component(row)) == 0 &&
		    has_own_names(save, path)) {
			return row;
		}
	}
	return NULL;
}

/* Adds the structural directories that are empty for the store alone: rm -r and diff -r would miss
 * what is in them. Engine lock held. */
static int add_own(struct nv_save *save, const struct nv_call *call, const struct nv_at *dir,
                   struct nv_names *names, const struct nv_listing *stored,
                   struct nv_listing *listing)
{
	for (const struct nv_row *row = next_own(save, dir, NULL); row;
	     row = next_own(save, dir, row)) {
		const char *component = nv_row_component(row);
		if (nv_listing_find(stored, component) || nv_slot_get(names, component) ||
		    nv_names_hides(names, row, component, call)) {
			continue;
		}
		char *name = strdup(component);
		if (!name || nv_listing_add(listing, row, name, NULL) < 0) {
			return -ENOMEM;
		}
		listing->entries[listing->count - 1].sampled_ms = -1;
	}
	return 0;
}

/* The store's listing with parked names taken out and the engine's own put in. Engine lock held. */
static int merge(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                 const struct nv_at *dir, struct nv_names *names, const struct nv_listing *stored,
                 struct nv_listing **ret_listing)
{
	cleanup_listing struct nv_listing *merged =
		nv_listing_new(stored ? stored->sampled_ms : nv_clock_ms(save->config.clock));
	if (!merged) {
		return -ENOMEM;
	}
	for (size_t i = 0; stored && i < stored->count; i++) {
		const struct nv_entry *entry = &stored->entries[i];
		const struct nv_slot *slot = nv_slot_get(names, entry->name);
		if ((slot && slot->state != NV_SLOT_GONE) ||
		    nv_names_hides(names, entry->row, entry->name, call)) {
			continue;
		}
		char *name = strdup(entry->name);
		if (!name ||
		    nv_listing_add(merged, entry->row, name, nv_blob_ref(entry->blob)) < 0) {
			return -ENOMEM;
		}
		struct nv_entry *copy = &merged->entries[merged->count - 1];
		copy->size = entry->size;
		copy->mtime = entry->mtime;
		copy->stamped = entry->stamped;
		copy->sampled_ms = entry->sampled_ms;
	}
	int r = add_slots(save, place, names, merged);
	if (r == 0 && place.path) {
		r = nv_made_list(save, place.path, stored, merged);
	}
	if (r == 0 && stored) {
		r = add_own(save, call, dir, names, stored, merged);
	}
	if (r < 0) {
		return r;
	}
	nv_listing_sort(merged);
	*ret_listing = steal(&merged);
	return 0;
}

int nv_save_list(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                 struct nv_listing **ret_listing, struct nv_err *err)
{
	cleanup_listing struct nv_listing *stored = NULL;
	struct nv_at at;
	int r = 0;
	if (!place.scratch) {
		r = nv_at_path(save, place.path, &at, err);
		if (r < 0) {
			return r;
		}
		if (!at.node.row->ops->list) {
			return nv_fail(err, ENOTDIR, "%s: not a directory", place.path);
		}
		r = at.node.row->ops->list(at.node.self, call, &at.node, &stored, err);
		if (r == -ENOENT && nv_made_is_dir(save, place.path)) {
			nv_err_clear(err);
			stored = nv_listing_new(nv_clock_ms(save->config.clock));
			r = stored ? 0 : nv_fail(err, ENOMEM, "out of memory");
		}
		if (r < 0) {
			return r;
		}
	}
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, place, false);
	if (stored && (!names || nv_names_is_idle(names)) && !nv_made_has(save, place.path) &&
	    !next_own(save, &at, NULL)) {
		*ret_listing = steal(&stored);
	} else if (!names && !stored) {
		r = nv_fail(err, ENOTDIR, "not a directory");
	} else {
		r = merge(save, call, place, &at, names, stored, ret_listing);
		if (r < 0) {
			(void)nv_fail(err, -r, "cannot list %s",
			              place.path ? place.path : "a scratch directory");
		}
	}
	nv_unlock(save);
	return r;
}

/* The text of a file that was saved before the object it belongs to. */
static int load_made(struct nv_save *save, const struct nv_at *at, struct nv_blob **ret_blob,
                     struct nv_err *err)
{
	char dir[PATH_MAX];
	cleanup_found struct nv_found found = { 0 };
	if (nv_made_find(save, dir, nv_path_split(dir, at->path), &found) < 0) {
		return -ENOENT;
	}
	if (!found.entry.blob) {
		return nv_fail(err, EAGAIN, "%s is stored, and is shown when what it belongs to is",
		               at->path);
	}
	nv_err_clear(err);
	*ret_blob = steal(&found.entry.blob);
	return 0;
}

int nv_load(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
            struct nv_blob **ret_blob, struct nv_err *err)
{
	if (!at->node.row->ops->load) {
		return nv_fail(err, EISDIR, "%s: is a directory", at->path);
	}
	int r = at->node.row->ops->load(at->node.self, call, &at->node, ret_blob, err);
	return r == -ENOENT ? load_made(save, at, ret_blob, err) : r;
}

int nv_save_readlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     const char *name, struct nv_scratch *scratch, char **ret_target,
                     struct nv_err *err)
{
	cleanup_blob struct nv_blob *blob = NULL;
	const char *target;
	if (scratch) {
		target = scratch->target;
	} else {
		struct nv_at at;
		int r = nv_at_child(save, place.path, name, NULL, &at, err);
		if (r == 0) {
			r = nv_load(save, call, &at, &blob, err);
		}
		if (r < 0) {
			return r;
		}
		target = blob->text;
	}
	if (!target) {
		return nv_fail(err, EINVAL, "%s: not a symbolic link", name);
	}
	char *copy = strdup(target);
	if (!copy) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_target = copy;
	return 0;
}
