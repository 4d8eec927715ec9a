/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which version of which file each process last read through this mount: the base of a later save
 * (DESIGN 4 "The base").
 *
 * Bounded: the least recently used are forgotten (a forgotten base falls back to the version at
 * open).
 */
#ifndef NV_SAVE_BASE_H
#define NV_SAVE_BASE_H

#include <stdint.h>
#include <sys/types.h>

#include "node/blob.h"
#include "save/proc.h"

struct nv_bases;

/* 0 or -ENOMEM. Owns: free with nv_bases_free. */
int nv_bases_new(struct nv_bases **ret_bases);
void nv_bases_free(struct nv_bases *bases);

/* Thread tid of user uid has read blob as the file path. A failed allocation forgets (the fallback
 * holds). Any thread. */
void nv_bases_record(struct nv_bases *bases, const char *path, pid_t tid, uid_t uid,
                     struct nv_blob *blob);

/* The version of path that proc (or one of its threads) last read; else what uid itself has stored
 * there after `since`: a reference, or NULL. Any thread. */
struct nv_blob *nv_bases_find(struct nv_bases *bases, const char *path, struct nv_proc proc,
                              uid_t uid, uint64_t since);

/* uid has changed path through this mount to blob (NULL: deleted): every process of that user
 * counts as having read it. Any thread. */
void nv_bases_committed(struct nv_bases *bases, const char *path, uid_t uid, struct nv_blob *blob);

/* A number that orders records: what is recorded later has a higher one. */
uint64_t nv_bases_now(struct nv_bases *bases);

#endif
