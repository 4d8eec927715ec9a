/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inode table: two sets (by id, by name) under one lock.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/inodeset.h"

struct nv_inode_table {
	pthread_mutex_t lock;
	struct nv_inode_set by_id;   /* lock */
	struct nv_inode_set by_name; /* lock; all but the root and the detached */
	uint64_t next_id;            /* lock */
	struct nv_inode *root;
};

static void lock(struct nv_inode_table *table)
{
	(void)pthread_mutex_lock(&table->lock);
}

static void unlock(struct nv_inode_table *table)
{
	(void)pthread_mutex_unlock(&table->lock);
}

/* Frees an inode that nothing holds any more, and what only it held. */
static void drop_if_unused(struct nv_inode_table *table, struct nv_inode *inode)
{
	while (inode && inode->refs == 0 && inode->nlookup == 0 && inode != table->root) {
		struct nv_inode *parent = inode->parent;
		nv_inode_set_remove(&table->by_id, inode);
		if (!inode->detached) {
			nv_inode_set_remove(&table->by_name, inode);
		}
		nv_scratch_unref(inode->scratch);
		free(inode->name);
		free(inode);
		parent->refs--;
		inode = parent;
	}
}

int nv_inode_table_new(const struct nv_row *root, struct nv_inode_table **ret_table)
{
	struct nv_inode_table *table = calloc(1, sizeof(*table));
	if (!table) {
		return -ENOMEM;
	}
	table->by_name.by_name = true;
	table->root = calloc(1, sizeof(*table->root));
	char *name = strdup("");
	if (!table->root || !name) {
		goto fail;
	}
	*table->root = (struct nv_inode){
		.id = NV_ROOT_ID, .nlookup = 1, .refs = 1, .name = name, .row = root
	};
	if (nv_inode_set_add(&table->by_id, table->root) < 0) {
		goto fail;
	}
	table->next_id = NV_ROOT_ID + 1;
	(void)pthread_mutex_init(&table->lock, NULL);
	*ret_table = table;
	return 0;

fail:
	free(table->root);
	free(name);
	free(table);
	return -ENOMEM;
}

static void free_inode(struct nv_inode *inode)
{
	/* At the mount's end: files whose RELEASE never came. Their handles go with the engine. */
	while (inode->files) {
		struct nv_file *file = inode->files;
		inode->files = file->next;
		free(file);
	}
	nv_scratch_unref(inode->scratch);
	free(inode->name);
	free(inode);
}

void nv_inode_table_free(struct nv_inode_table *table)
{
	if (!table) {
		return;
	}
	for (size_t i = 0; i < table->by_id.cap; i++) {
		if (table->by_id.slots[i]) {
			free_inode(table->by_id.slots[i]);
		}
	}
	nv_inode_set_release(&table->by_name);
	nv_inode_set_release(&table->by_id);
	(void)pthread_mutex_destroy(&table->lock);
	free(table);
}

struct nv_inode *nv_inode_get(struct nv_inode_table *table, uint64_t id)
{
	lock(table);
	struct nv_inode *inode = nv_inode_set_id(&table->by_id, id);
	if (inode) {
		inode->refs++;
	}
	unlock(table);
	return inode;
}

struct nv_inode *nv_inode_ref(struct nv_inode_table *table, struct nv_inode *inode)
{
	lock(table);
	inode->refs++;
	unlock(table);
	return inode;
}

void nv_inode_unref(struct nv_inode_table *table, struct nv_inode *inode)
{
	if (!inode) {
		return;
	}
	lock(table);
	inode->refs--;
	drop_if_unused(table, inode);
	unlock(table);
}

/* Takes an inode out of its name. Lock held. */
static void detach(struct nv_inode_table *table, struct nv_inode *inode)
{
	if (inode->detached || !inode->parent) {
		return;
	}
	nv_inode_set_remove(&table->by_name, inode);
	inode->detached = true;
}

/* A new inode in both maps, or NULL. Lock held. */
static struct nv_inode *add(struct nv_inode_table *table, struct nv_inode *parent, const char *name,
                            const struct nv_row *row, struct nv_scratch *scratch)
{
	struct nv_inode *inode = calloc(1, sizeof(*inode));
	if (!inode) {
		return NULL;
	}
	*inode = (struct nv_inode){
		.id = table->next_id, .name = strdup(name), .row = row, .parent = parent
	};
	if (!inode->name || nv_inode_set_add(&table->by_id, inode) < 0) {
		free(inode->name);
		free(inode);
		return NULL;
	}
	if (nv_inode_set_add(&table->by_name, inode) < 0) {
		nv_inode_set_remove(&table->by_id, inode);
		free(inode->name);
		free(inode);
		return NULL;
	}
	table->next_id++;
	parent->refs++;
	inode->scratch = nv_scratch_ref(scratch);
	return inode;
}

struct nv_inode *nv_inode_enter(struct nv_inode_table *table, struct nv_inode *parent,
                                const char *name, const struct nv_row *row,
                                struct nv_scratch *scratch, uint64_t lookups)
{
	lock(table);
	struct nv_inode *inode = nv_inode_set_name(&table->by_name, parent, name);
	if (inode && (inode->row != row || inode->scratch != scratch)) {
		detach(table, inode);
		inode = NULL;
	}
	if (!inode) {
		inode = add(table, parent, name, row, scratch);
	}
	if (inode) {
		inode->nlookup += lookups;
		inode->refs++;
	}
	unlock(table);
	return inode;
}

struct nv_inode *nv_inode_peek(struct nv_inode_table *table, struct nv_inode *parent,
                               const char *name)
{
	lock(table);
	struct nv_inode *inode = nv_inode_set_name(&table->by_name, parent, name);
	if (inode) {
		inode->refs++;
	}
	unlock(table);
	return inode;
}

struct nv_inode *nv_inode_find(struct nv_inode_table *table, const char *path)
{
	char copy[PATH_MAX];
	char *saved = NULL;
	(void)snprintf(copy, sizeof(copy), "%s", path);
	lock(table);
	struct nv_inode *inode = table->root;
	for (char *name = strtok_r(copy, "/", &saved); name && inode;
	     name = strtok_r(NULL, "/", &saved)) {
		inode = nv_inode_set_name(&table->by_name, inode, name);
	}
	if (inode) {
		inode->refs++;
	}
	unlock(table);
	return inode;
}

void nv_inode_forget(struct nv_inode_table *table, uint64_t id, uint64_t lookups)
{
	lock(table);
	struct nv_inode *inode = nv_inode_set_id(&table->by_id, id);
	if (inode) {
		inode->nlookup -= lookups < inode->nlookup ? lookups : inode->nlookup;
		drop_if_unused(table, inode);
	}
	unlock(table);
}

void nv_inode_detach(struct nv_inode_table *table, struct nv_inode *parent, const char *name)
{
	lock(table);
	struct nv_inode *inode = nv_inode_set_name(&table->by_name, parent, name);
	if (inode) {
		detach(table, inode);
	}
	unlock(table);
}

void nv_inode_move(struct nv_inode_table *table, struct nv_inode *from, const char *from_name,
                   struct nv_inode *to, const char *to_name, const struct nv_row *row,
                   struct nv_scratch *scratch)
{
	char *name = strdup(to_name);
	lock(table);
	struct nv_inode *inode = nv_inode_set_name(&table->by_name, from, from_name);
	struct nv_inode *there = nv_inode_set_name(&table->by_name, to, to_name);
	if (there && there != inode) {
		detach(table, there);
	}
	if (inode && name) {
		detach(table, inode);
		to->refs++;
		from->refs--;
		inode->parent = to;
		free(inode->name);
		inode->name = name;
		name = NULL;
		inode->row = row;
		struct nv_scratch *replaced = inode->scratch;
		inode->scratch = nv_scratch_ref(scratch);
		nv_scratch_unref(replaced);
		inode->told = false;
		/* The detached one has left room. */
		inode->detached = nv_inode_set_add(&table->by_name, inode) < 0;
	}
	unlock(table);
	free(name);
}

int nv_inode_path(struct nv_inode_table *table, struct nv_inode *inode, char *out)
{
	char *at = out + PATH_MAX - 1;
	int r = 0;
	*at = '\0';
	lock(table);
	for (const struct nv_inode *i = inode; i->parent && r == 0; i = i->parent) {
		size_t size = strlen(i->name);
		if (i->detached) {
			r = -ESTALE;
		} else if ((size_t)(at - out) < size + 1) {
			r = -ENAMETOOLONG;
		} else {
			at -= size;
			memcpy(at, i->name, size);
			if (i->parent->parent) {
				*--at = '/';
			}
		}
	}
	unlock(table);
	memmove(out, at, strlen(at) + 1);
	return r;
}

void nv_inode_name(struct nv_inode_table *table, struct nv_inode *inode, struct nv_inode_name *ret)
{
	lock(table);
	*ret = (struct nv_inode_name){
		.parent = inode->parent,
		.row = inode->row,
		.scratch = nv_scratch_ref(inode->scratch),
		.detached = inode->detached,
	};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", inode->name);
	if (ret->parent) {
		ret->parent->refs++;
	}
	unlock(table);
}

void nv_inode_name_release(struct nv_inode_table *table, struct nv_inode_name *name)
{
	nv_inode_unref(table, name->parent);
	nv_scratch_unref(name->scratch);
}

void nv_inode_tell(struct nv_inode_table *table, struct nv_inode *inode, uint64_t size,
                   uint32_t crc)
{
	lock(table);
	inode->told = true;
	inode->told_size = size;
	inode->told_crc = crc;
	unlock(table);
}

bool nv_inode_shows(struct nv_inode_table *table, struct nv_inode *inode, uint64_t size,
                    uint32_t crc)
{
	lock(table);
	bool shows = !inode->told || (inode->told_size == size && inode->told_crc == crc);
	unlock(table);
	return shows;
}

bool nv_inode_open(struct nv_inode_table *table, struct nv_inode *inode, struct nv_file *file,
                   bool cached, bool *ret_resized)
{
	const struct nv_blob *blob = nv_handle_blob(file->handle);
	lock(table);
	if (cached && blob && inode->cached_opens > 0 &&
	    (inode->cached_crc != blob->crc || inode->cached_size != blob->size)) {
		/* handles share one page cache: this one would be shown the other's bytes */
		cached = false;
	}
	*ret_resized = blob && (!inode->told || inode->told_size != blob->size);
	if (cached && blob) {
		inode->cached_opens++;
		inode->cached_crc = blob->crc;
		inode->cached_size = blob->size;
	}
	file->cached = cached && blob;
	file->inode = inode;
	inode->refs++;
	file->next = inode->files;
	inode->files = file;
	unlock(table);
	return cached;
}

void nv_inode_close(struct nv_inode_table *table, struct nv_file *file)
{
	lock(table);
	struct nv_inode *inode = file->inode;
	struct nv_file **place = &inode->files;
	while (*place && *place != file) {
		place = &(*place)->next;
	}
	if (*place) {
		*place = file->next;
	}
	inode->cached_opens -= file->cached;
	inode->refs--;
	drop_if_unused(table, inode);
	unlock(table);
}

void nv_inode_set_listed(struct nv_inode_table *table, struct nv_inode *inode)
{
	lock(table);
	inode->listed = true;
	unlock(table);
}

bool nv_inode_is_listed(struct nv_inode_table *table, struct nv_inode *inode)
{
	lock(table);
	bool listed = inode->listed;
	unlock(table);
	return listed;
}

bool nv_inode_open_size(struct nv_inode_table *table, struct nv_inode *inode, uint64_t *ret_size)
{
	lock(table);
	bool open = inode->files != NULL;
	if (open) {
		/* valid: close takes it out of the list first */
		*ret_size = nv_handle_size(inode->files->handle);
	}
	unlock(table);
	return open;
}
