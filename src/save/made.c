/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "save/made.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* One name. */
struct made {
	const struct nv_row *row;
	struct nv_blob *blob; /* files: the text, owned; NULL when it was too much to keep */
	uint64_t size;
	struct timespec mtime;
};

/* True in mounts whose names are all the store's: their look-ups need no second lock. */
static bool makes_nothing(const struct nv_save *save)
{
	return save->config.mode < NV_MOUNT_FULL;
}

static void free_made(void *arg)
{
	struct made *made = arg;
	if (made) {
		nv_blob_unref(made->blob);
		free(made);
	}
}

static void free_children(void *children)
{
	nv_strmap_free(children, free_made);
}

void nv_mades_free(struct nv_strmap *mades)
{
	nv_strmap_free(mades, free_children);
}

/* Engine lock held. */
static struct nv_strmap *children_of(struct nv_save *save, const char *dir)
{
	return nv_strmap_get(save->mades, dir, strlen(dir));
}

/* Engine lock held. */
static struct made *find(struct nv_save *save, const char *dir, const char *name)
{
	const struct nv_strmap *children = children_of(save, dir);
	return children ? nv_strmap_get(children, name, strlen(name)) : NULL;
}

bool nv_made_is_dir(struct nv_save *save, const char *path)
{
	char dir[PATH_MAX];
	if (makes_nothing(save)) {
		return false;
	}
	const char *name = nv_path_split(dir, path);
	nv_lock(save);
	const struct made *made = find(save, dir, name);
	bool is_dir = made && made->row->type == NV_DIR;
	nv_unlock(save);
	return is_dir;
}

/* Engine lock held. */
static struct nv_strmap *make_children(struct nv_save *save, const char *dir)
{
	struct nv_strmap *children = children_of(save, dir);
	if (children) {
		return children;
	}
	children = nv_strmap_new();
	if (children && nv_strmap_set(save->mades, dir, strlen(dir), children, NULL) < 0) {
		nv_strmap_free(children, NULL);
		return NULL;
	}
	return children;
}

/* Engine lock held. */
static void count_text(struct nv_save *save, const struct made *made, bool kept)
{
	uint64_t size = made->blob ? made->blob->size : 0;
	save->made_used = kept ? save->made_used + size : save->made_used - size;
}

/* Removes and frees. Engine lock held. */
static void drop(struct nv_save *save, struct nv_strmap *children, const char *name, size_t size)
{
	struct made *made = nv_strmap_remove(children, name, size);
	if (made) {
		count_text(save, made, false);
		free_made(made);
	}
}

int nv_made_put(struct nv_save *save, const char *dir, const char *name, const struct nv_row *row,
                struct nv_blob *blob, const struct timespec *mtime)
{
	struct made *made = calloc(1, sizeof(*made));
	if (!made) {
		return -ENOMEM;
	}
	made->row = row;
	made->size = blob ? blob->size : 0;
	made->mtime = mtime ? *mtime : nv_clock_wall(save->config.clock);
	nv_lock(save);
	struct nv_strmap *children = make_children(save, dir);
	if (children) {
		drop(save, children, name, strlen(name));
	}
	if (!children || nv_strmap_set(children, name, strlen(name), made, NULL) < 0) {
		nv_unlock(save);
		free(made);
		return -ENOMEM;
	}
	/* What was saved stands in the store; its text is kept only to be shown, within bounds. */
	if (blob && save->made_used + blob->size <= save->config.scratch_bytes) {
		made->blob = nv_blob_ref(blob);
		count_text(save, made, true);
	}
	nv_unlock(save);
	return 0;
}

/* Forgets the files of a directory. Engine lock held. */
static void drop_files(struct nv_save *save, const char *dir)
{
	struct nv_strmap *children = children_of(save, dir);
	size_t cursor = 0;
	size_t size;
	const char *name;
	void *value;
	while (children && nv_strmap_next(children, &cursor, &name, &size, &value)) {
		const struct made *made = value;
		if (made->row->type != NV_DIR) {
			drop(save, children, name, size);
		}
	}
}

/* Frees the map of a directory of which nothing is known any more. Engine lock held. */
static void sweep(struct nv_save *save, const char *dir)
{
	struct nv_strmap *children = children_of(save, dir);
	if (children && nv_strmap_count(children) == 0) {
		free_children(nv_strmap_remove(save->mades, dir, strlen(dir)));
	}
}

void nv_made_drop(struct nv_save *save, const char *dir, const char *name)
{
	char path[PATH_MAX];
	if (makes_nothing(save)) {
		return;
	}
	nv_lock(save);
	const struct made *made = find(save, dir, name);
	if (made) {
		if (made->row->type == NV_DIR && nv_path_join(path, dir, name) == 0) {
			drop_files(save, path);
			sweep(save, path);
		}
		drop(save, children_of(save, dir), name, strlen(name));
		sweep(save, dir);
	}
	nv_unlock(save);
}

/* The entry of a name. */
static int fill(struct nv_save *save, const char *name, const struct made *made,
                struct nv_entry *ret_entry)
{
	char *copy = strdup(name);
	if (!copy) {
		return -ENOMEM;
	}
	*ret_entry = (struct nv_entry){ .name = copy,
		                        .row = made->row,
		                        .blob = nv_blob_ref(made->blob),
		                        .size = made->size,
		                        .mtime = made->mtime,
		                        .stamped = true,
		                        .sampled_ms = nv_clock_ms(save->config.clock) };
	return 0;
}

int nv_made_find(struct nv_save *save, const char *dir, const char *name,
                 struct nv_found *ret_found)
{
	struct nv_found found = { .unsettled = true };
	if (makes_nothing(save)) {
		return -ENOENT;
	}
	nv_lock(save);
	const struct made *made = find(save, dir, name);
	int r = made ? fill(save, name, made, &found.entry) : -ENOENT;
	nv_unlock(save);
	if (r == 0) {
		found.size = found.entry.size;
		*ret_found = found;
	}
	return r;
}

int nv_made_list(struct nv_save *save, const char *dir, const struct nv_listing *stored,
                 struct nv_listing *listing)
{
	const struct nv_strmap *children = children_of(save, dir);
	size_t cursor = 0;
	size_t size;
	const char *name;
	void *value;
	while (children && nv_strmap_next(children, &cursor, &name, &size, &value)) {
		const struct made *made = value;
		if (stored && nv_listing_find(stored, name)) {
			continue;
		}
		char *copy = strdup(name);
		if (!copy ||
		    nv_listing_add(listing, made->row, copy, nv_blob_ref(made->blob)) < 0) {
			return -ENOMEM;
		}
		struct nv_entry *entry = &listing->entries[listing->count - 1];
		entry->size = made->size;
		entry->mtime = made->mtime;
		entry->stamped = true;
		entry->sampled_ms = -1; /* who wants more than the name looks it up */
	}
	return 0;
}

bool nv_made_has(struct nv_save *save, const char *dir)
{
	const struct nv_strmap *children = children_of(save, dir);
	return children && nv_strmap_count(children) > 0;
}
