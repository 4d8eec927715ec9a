/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inodes: what the kernel's node ids stand for.
 *
 * 1. A node id (fuse_ino_t) is a number handed out once and never again. It stands for a name in a
 *    directory (parent inode, name), real or scratch, until that name is unlinked or replaced: then
 *    the inode is detached and lives on for its open files.
 * 2. st_ino is another number: that of the datum, kept by fs/times under (st_ino of the directory,
 *    name) for the life of the mount, in the order first listed. An inode that a rename turns from
 *    scratch into a real name reports the datum's st_ino from then on.
 * 3. nlookup counts what the kernel was told (LOOKUP, CREATE, MKDIR, SYMLINK, LINK and each
 *    READDIRPLUS entry with a node id); FORGET takes it back. An inode is freed when nlookup, the
 *    children's references and the references of running requests are gone.
 * 4. Moving a directory moves its inode: children find their new path through their parent.
 *
 * Locks: the table's lock guards everything here; it is the last in the order (handle.lock → engine
 * lock → inode table lock) and nothing is called under it.
 */
#ifndef NV_FS_INODE_H
#define NV_FS_INODE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "save/save.h"

struct nv_inode_table;

struct nv_inode {
	uint64_t id; /* the kernel's node id */
	uint64_t nlookup;
	unsigned refs;              /* children and running requests */
	struct nv_inode *parent;    /* reference; NULL for the root */
	char *name;                 /* owned; "" for the root */
	const struct nv_row *row;   /* real names; NULL = scratch */
	struct nv_scratch *scratch; /* reference */
	bool detached;              /* the name is another's now, or nobody's */
	bool listed;                /* dirs: the kernel may hold its listing */
	bool told;                  /* files: told_size holds */
	uint64_t told_size;         /* the size the kernel was last told */
	uint32_t told_crc;          /* and the text it was of */
	unsigned cached_opens;      /* open read handles that use the page cache */
	uint32_t cached_crc;        /* and the text they show */
	uint64_t cached_size;
	struct nv_file *files; /* open files */
};

/* An open file. */
struct nv_file {
	struct nv_file *next;
	struct nv_inode *inode; /* reference */
	struct nv_handle *handle;
	bool cached; /* counted in cached_opens */
};

#define NV_ROOT_ID 1

/* 0 or -ENOMEM; with the root inode. */
int nv_inode_table_new(const struct nv_row *root, struct nv_inode_table **ret_table);
void nv_inode_table_free(struct nv_inode_table *table);

/* A reference to the inode of a node id, or NULL (a stale id). */
struct nv_inode *nv_inode_get(struct nv_inode_table *table, uint64_t id);
struct nv_inode *nv_inode_ref(struct nv_inode_table *table, struct nv_inode *inode);
void nv_inode_unref(struct nv_inode_table *table, struct nv_inode *inode);

/* The inode of a name: found, or made; its nlookup raised by `lookups`. A reference too. An inode
 * of that name but of another kind is detached first. NULL when out of memory. */
struct nv_inode *nv_inode_enter(struct nv_inode_table *table, struct nv_inode *parent,
                                const char *name, const struct nv_row *row,
                                struct nv_scratch *scratch, uint64_t lookups);

/* A reference to the inode of a name if there is one, or NULL. */
struct nv_inode *nv_inode_peek(struct nv_inode_table *table, struct nv_inode *parent,
                               const char *name);

/* The same by path of a real name. */
struct nv_inode *nv_inode_find(struct nv_inode_table *table, const char *path);

/* FORGET. */
void nv_inode_forget(struct nv_inode_table *table, uint64_t id, uint64_t lookups);

/* The name is gone or another datum's: its inode is detached. */
void nv_inode_detach(struct nv_inode_table *table, struct nv_inode *parent, const char *name);

/* The inode of (from, from_name), if any, now is (to, to_name) and of that kind; an inode that was
 * there is detached. */
void nv_inode_move(struct nv_inode_table *table, struct nv_inode *from, const char *from_name,
                   struct nv_inode *to, const char *to_name, const struct nv_row *row,
                   struct nv_scratch *scratch);

/* The path of a real inode below the mount into out (PATH_MAX bytes). -ESTALE when it is detached,
 * -ENAMETOOLONG. Scratch inodes too, for messages. */
int nv_inode_path(struct nv_inode_table *table, struct nv_inode *inode, char *out);

/* A copy of the fields that name an inode. parent is a reference (NULL for the root); scratch
 * too. */
struct nv_inode_name {
	struct nv_inode *parent;
	char name[256];
	const struct nv_row *row;
	struct nv_scratch *scratch;
	bool detached;
};
void nv_inode_name(struct nv_inode_table *table, struct nv_inode *inode, struct nv_inode_name *ret);
void nv_inode_name_release(struct nv_inode_table *table, struct nv_inode_name *name);

/* What the kernel was told of a file, under the lock. */
void nv_inode_tell(struct nv_inode_table *table, struct nv_inode *inode, uint64_t size,
                   uint32_t crc);

/* True when that is what the kernel was last told of the file (or nothing was). */
bool nv_inode_shows(struct nv_inode_table *table, struct nv_inode *inode, uint64_t size,
                    uint32_t crc);

/* Notes an open file; returns false when the page cache must not be used for it: another open file
 * shows another text. *ret_resized: the kernel was told another size. */
bool nv_inode_open(struct nv_inode_table *table, struct nv_inode *inode, struct nv_file *file,
                   bool cached, bool *ret_resized);
void nv_inode_close(struct nv_inode_table *table, struct nv_file *file);

/* Dirs: marks that the kernel may hold the listing / asks. */
void nv_inode_set_listed(struct nv_inode_table *table, struct nv_inode *inode);
bool nv_inode_is_listed(struct nv_inode_table *table, struct nv_inode *inode);

/* The size that an open file of the inode reads; false when none is open. */
bool nv_inode_open_size(struct nv_inode_table *table, struct nv_inode *inode, uint64_t *ret_size);

#endif
