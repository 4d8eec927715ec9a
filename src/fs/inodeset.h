/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A set of inodes that are found by what they say themselves, their number or their name: one
 * pointer a slot and no copy of a key, since a mount may have an inode of every document. The
 * table's lock guards it.
 */
#ifndef NV_FS_INODESET_H
#define NV_FS_INODESET_H

#include "fs/inode.h"

struct nv_inode_set {
	struct nv_inode **slots; /* owned; the inodes are not */
	size_t cap;              /* a power of two, or 0 */
	size_t count;
	bool by_name; /* by (parent, name); else by id */
};

void nv_inode_set_release(struct nv_inode_set *set);

/* inode must not be there, and must keep its key until it is removed. 0 or -ENOMEM; never -ENOMEM
 * right after a removal. */
int nv_inode_set_add(struct nv_inode_set *set, struct nv_inode *inode);

/* Nothing happens when it is not there. */
void nv_inode_set_remove(struct nv_inode_set *set, const struct nv_inode *inode);

/* The inode of that number, of a set by id; or NULL. */
struct nv_inode *nv_inode_set_id(const struct nv_inode_set *set, uint64_t id);

/* The inode of that name, of a set by name; or NULL. */
struct nv_inode *nv_inode_set_name(const struct nv_inode_set *set, const struct nv_inode *parent,
                                   const char *name);

#endif
