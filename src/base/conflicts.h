/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What .netviewfs/conflicts shows: texts that were refused because somebody else had changed the
 * same thing (DESIGN law 5), each next to the version it was made from and the one it met. In
 * memory, bounded; the oldest go first.
 */
#ifndef NV_BASE_CONFLICTS_H
#define NV_BASE_CONFLICTS_H

#include <stddef.h>

#include "base/clock.h"

struct nv_conflicts;

enum nv_conflict_text {
	NV_CONFLICT_BASE,   /* what the writer had read; missing: no datum */
	NV_CONFLICT_MINE,   /* what it wrote */
	NV_CONFLICT_THEIRS, /* what was stored; missing: deleted */
	NV_CONFLICT_TEXTS,
};

/* Borrowed bytes; data NULL = missing. */
struct nv_conflict_bytes {
	const char *data;
	size_t size;
};

#define NV_CONFLICT_NAME_MAX 250 /* bytes of a conflict's name, with its NUL */

/* At most max_count conflicts of max_bytes in all. clock borrowed. 0 or -ENOMEM. Owns: free with
 * nv_conflicts_free. */
int nv_conflicts_new(struct nv_clock *clock, size_t max_count, size_t max_bytes,
                     struct nv_conflicts **ret_conflicts);
void nv_conflicts_free(struct nv_conflicts *conflicts);

/* Keeps the texts (copied) of a save of the file path; ret_name gets "TIME-NAME". The same texts of
 * the same path again, as when the kernel repeats a rename, are the same conflict. 0, -ENOMEM,
 * -ENOSPC (larger than all room). Any thread. */
int nv_conflicts_add(struct nv_conflicts *conflicts, const char *path,
                     const struct nv_conflict_bytes texts[NV_CONFLICT_TEXTS],
                     char ret_name[NV_CONFLICT_NAME_MAX]);

/* Calls fn with each name, oldest first, under the lock: fn must not come back here. Stops when fn
 * returns non-zero, and returns that. */
typedef int nv_conflict_name_fn(void *ctx, const char *name);
int nv_conflicts_each(struct nv_conflicts *conflicts, nv_conflict_name_fn *fn, void *ctx);

/* A copy of one text (NUL-terminated; free it). -ENOENT, -ENOMEM. */
int nv_conflicts_get(struct nv_conflicts *conflicts, const char *name, enum nv_conflict_text which,
                     char **ret_text, size_t *ret_size);

/* Forgets one. -ENOENT. */
int nv_conflicts_remove(struct nv_conflicts *conflicts, const char *name);

/* The number of conflicts kept. */
size_t nv_conflicts_count(struct nv_conflicts *conflicts);

#endif
