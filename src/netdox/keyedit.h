/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One atomic change of the store: operations and changelog entries for commit.lua, gathered and
 sent as one call. *
 * Operations and their meaning are those of commit.lua. Out of memory is sticky and comes out of
 * nv_keyedit_run.
 */
#ifndef NV_NETDOX_KEYEDIT_H
#define NV_NETDOX_KEYEDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "netdox/family.h"

struct nv_keyedit {
	struct nv_redis_args entries;
	size_t entries_count;
	struct nv_redis_args ops;
	size_t ops_count;
	size_t changes_count; /* operations that may write */
	/* the refusal of a commit that was carried out already (ENOENT for deletions, EEXIST for
	 * new names); 0 = none */
	int done_errnum;
};

#define NV_KEYEDIT_INIT                                                                            \
	{                                                                                          \
		.entries_count = 0                                                                 \
	}

void nv_keyedit_release(struct nv_keyedit *edit);
#define cleanup_keyedit __attribute__((cleanup(nv_keyedit_release)))

/* Number of a new entry. It is logged when an operation that names it changes something. */
size_t nv_keyedit_entry(struct nv_keyedit *edit, const char *change, const struct nv_bytes *value,
                        const struct nv_bytes *plugin);

/* What must be so, else nothing is written and the result is the errno (ENOENT EEXIST ENOTEMPTY
 * ESTALE; EAGAIN: ask again). */
void nv_keyedit_member(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                       const struct nv_bytes *member, bool there, int errnum);
void nv_keyedit_absent(struct nv_keyedit *edit, const struct nv_bytes *key, int errnum);
void nv_keyedit_equals(struct nv_keyedit *edit, const struct nv_bytes *key,
                       const struct nv_bytes *value, int errnum);

/* Sets. guard (NULL = none): a key that keeps the member while it is there. */
void nv_keyedit_add(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                    const struct nv_bytes *member, size_t entry);
void nv_keyedit_remove(struct nv_keyedit *edit, const struct nv_bytes *key, const char *types,
                       const struct nv_bytes *member, const struct nv_bytes *guard, size_t entry);

/* One field of a hash, or one member's score, from old to new (absent = not there); -ESTALE when
 * it is neither. */
void nv_keyedit_field(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_bytes *field, const struct nv_bytes *old_value,
                      const struct nv_bytes *new_value, size_t entry);
void nv_keyedit_score(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_bytes *member, const struct nv_bytes *old_score,
                      const struct nv_bytes *new_score, size_t entry);

/* A whole key from the body of old (NULL = whatever is there) to that of data (type NONE or an
 * empty body: no key); -ESTALE when it is neither. */
void nv_keyedit_whole(struct nv_keyedit *edit, const struct nv_bytes *key,
                      const struct nv_data *old_data, const struct nv_data *new_data, size_t entry);

/* The rows, fields, members or entries (with their own ids) of data, one at least, besides those
 * that are there. */
void nv_keyedit_append(struct nv_keyedit *edit, const struct nv_bytes *key,
                       const struct nv_data *data);

/* As nv_keyedit_whole for a hash of these fields; NULL old = whatever is there; NULL new = no
 * key. */
void nv_keyedit_hash(struct nv_keyedit *edit, const struct nv_bytes *key,
                     const struct nv_fields *old_fields, size_t entry);

void nv_keyedit_move(struct nv_keyedit *edit, const struct nv_bytes *from,
                     const struct nv_bytes *to, size_t entry);
void nv_keyedit_note(struct nv_keyedit *edit, const struct nv_bytes *key, size_t entry);
void nv_keyedit_database(struct nv_keyedit *edit, enum nv_redis_db db);

/* What became of it. */
struct nv_keyedited {
	bool changed; /* the store was written */
	/* owned; the target's object as of right after (also when refused); NULL when it could
	 * not be read */
	struct nv_snapshot *snapshot;
};

void nv_keyedited_release(struct nv_keyedited *edited);
#define cleanup_keyedited __attribute__((cleanup(nv_keyedited_release)))

/*
 * Sends it; *ret is filled on success and with the errnos of unmet expectations. Forgets what the
 * caches hold of the object (and of its list, when lists says that it came or went). What another
 * has made so already is left alone, but a number changed to the same number and a list changed to
 * the same list are -ESTALE: each may have built on the old one. A call whose
 * answer was lost is sent once more: whatever is so already is left alone and not logged again, and
 * done_errnum means that the first call did it. Blocks. Errors: those of the expectations, -ESTALE,
 * -EIO (a key of another type; the store), -EACCES, -ENOSPC, the store's.
 */
int nv_keyedit_run(struct nv_netdox *netdox, struct nv_keyedit *edit,
                   const struct nv_target *target, bool lists, struct nv_keyedited *ret,
                   struct nv_err *err);

#endif
