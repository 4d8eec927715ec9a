/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a full or restore mount made of which the store does not say so yet: directories that are
 * only names until a text makes their object, and the files saved in them meanwhile. Files of a
 * directory may arrive before what makes the directory (rsync, tar and cp -a each have an order of
 * their own); to the tool that brings them all of it must be there.
 *
 * The store's word wins: a name it has is dropped here when it is next looked up.
 */
#ifndef NV_SAVE_MADE_H
#define NV_SAVE_MADE_H

#include "save/engine.h"

/* Frees save->mades with all it knows. */
void nv_mades_free(struct nv_strmap *mades);

/* True when the path is a directory that was made and the store did not have when last asked. Takes
 * the engine lock. */
bool nv_made_is_dir(struct nv_save *save, const char *path);

/* Remembers the child name of dir; blob (borrowed) is the text of a file, NULL for a directory.
 * -ENOMEM. Takes the engine lock. */
int nv_made_put(struct nv_save *save, const char *dir, const char *name, const struct nv_row *row,
                struct nv_blob *blob, const struct timespec *mtime);

/* The store has that name, or it is gone: forgets it, and the files that were saved in it. Takes
 * the engine lock. */
void nv_made_drop(struct nv_save *save, const char *dir, const char *name);

/* Fills *ret_found. -ENOENT: no such name; -ENOMEM. Takes the engine lock. */
int nv_made_find(struct nv_save *save, const char *dir, const char *name,
                 struct nv_found *ret_found);

/* Adds the names of dir that are not in stored. Engine lock held. -ENOMEM. */
int nv_made_list(struct nv_save *save, const char *dir, const struct nv_listing *stored,
                 struct nv_listing *listing);

/* True when names of dir are known here. Engine lock held. */
bool nv_made_has(struct nv_save *save, const char *dir);

#endif
