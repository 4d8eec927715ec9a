/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Open addressing with linear probing. A removal moves back what stands behind it, so that there
 * are no tombstones: inodes come and go as long as a mount lives.
 */
#include "config.h"

#include "fs/inodeset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/hash.h"

enum { FIRST_CAP = 64 };

static uint64_t hash_name(const struct nv_inode *parent, const char *name)
{
	return nv_hash_name(parent ? parent->id : 0, name);
}

/* The slot where a search for the inode begins. */
static size_t home(const struct nv_inode_set *set, const struct nv_inode *inode)
{
	uint64_t hash =
		set->by_name ? hash_name(inode->parent, inode->name) : nv_hash_number(inode->id);
	return hash & (set->cap - 1);
}

static void put(struct nv_inode_set *set, struct nv_inode *inode)
{
	size_t at = home(set, inode);
	while (set->slots[at]) {
		at = (at + 1) & (set->cap - 1);
	}
	set->slots[at] = inode;
}

void nv_inode_set_release(struct nv_inode_set *set)
{
	free(set->slots);
	set->slots = NULL;
	set->cap = 0;
	set->count = 0;
}

/* At most three quarters of the slots are taken. */
static int grow(struct nv_inode_set *set)
{
	struct nv_inode_set bigger = { .cap = set->cap ? set->cap * 2 : FIRST_CAP,
		                       .count = set->count,
		                       .by_name = set->by_name };
	bigger.slots = calloc(bigger.cap, sizeof(struct nv_inode *));
	if (!bigger.slots) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < set->cap; i++) {
		if (set->slots[i]) {
			put(&bigger, set->slots[i]);
		}
	}
	free(set->slots);
	*set = bigger;
	return 0;
}

int nv_inode_set_add(struct nv_inode_set *set, struct nv_inode *inode)
{
	if ((set->count + 1) * 4 > set->cap * 3 && grow(set) < 0) {
		return -ENOMEM;
	}
	put(set, inode);
	set->count++;
	return 0;
}

void nv_inode_set_remove(struct nv_inode_set *set, const struct nv_inode *inode)
{
	if (set->cap == 0) {
		return;
	}
	size_t mask = set->cap - 1;
	size_t hole = home(set, inode);
	while (set->slots[hole] && set->slots[hole] != inode) {
		hole = (hole + 1) & mask;
	}
	if (!set->slots[hole]) {
		return;
	}
	for (size_t at = (hole + 1) & mask; set->slots[at]; at = (at + 1) & mask) {
		size_t from = home(set, set->slots[at]);
		/* A search for it comes past the hole: it can stand there. */
		if (((at - from) & mask) >= ((at - hole) & mask)) {
			set->slots[hole] = set->slots[at];
			hole = at;
		}
	}
	set->slots[hole] = NULL;
	set->count--;
}

struct nv_inode *nv_inode_set_id(const struct nv_inode_set *set, uint64_t id)
{
	size_t at = set->cap ? nv_hash_number(id) & (set->cap - 1) : 0;
	while (set->cap && set->slots[at] && set->slots[at]->id != id) {
		at = (at + 1) & (set->cap - 1);
	}
	return set->cap ? set->slots[at] : NULL;
}

struct nv_inode *nv_inode_set_name(const struct nv_inode_set *set, const struct nv_inode *parent,
                                   const char *name)
{
	size_t at = set->cap ? hash_name(parent, name) & (set->cap - 1) : 0;
	while (set->cap && set->slots[at] &&
	       (set->slots[at]->parent != parent || strcmp(set->slots[at]->name, name) != 0)) {
		at = (at + 1) & (set->cap - 1);
	}
	return set->cap ? set->slots[at] : NULL;
}
