/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a save is: DESIGN 4 between the kernel's requests (fs/) and the families' ops (node.h).
 *
 * Files are named by place and name. A place is a directory: a real one (its canonical path below
 * the mount, "" = root) or one in scratch space. The engine owns everything the store does not know
 * yet or must not know: written text, parked names, new names, scratch files. It knows no inodes
 * and no keys.
 *
 * Locks: handle.lock (one handle's text; held while its save runs in the store) → engine lock
 * (names, slots, scratch; never held while a family is called). Calls block on the store within its
 * deadline. Any thread.
 *
 * Reasons: functions fill *err and call->faults; the caller (fs/reply) puts them into
 * .netviewfs/errors. What nobody waits for (RELEASE, late deletes, late new names) is put there by
 * the engine.
 */
#ifndef NV_SAVE_SAVE_H
#define NV_SAVE_SAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/clock.h"
#include "base/conflicts.h"
#include "base/error.h"
#include "base/errors_ring.h"
#include "base/metrics.h"
#include "node/node.h"

struct nv_save;
struct nv_scratch;
struct nv_handle;

/* A directory. */
struct nv_place {
	const char *path;           /* real: canonical path below the mount; borrowed */
	struct nv_scratch *scratch; /* or a scratch directory; borrowed */
};

/* What the engine tells fs/ about its own changes; called from any thread without locks. */
struct nv_save_events {
	/* The names in directory dir changed other than by the running request (a parked name came
	 * back, a late create). */
	void (*names_changed)(void *arg, const char *dir, const char *name);
	/* The file path now holds blob (NULL: gone) by a commit of this mount; set_mtime: the time
	 * its writer asked for, or NULL. new_name: it is listed under that name from now on, or
	 * NULL. */
	void (*committed)(void *arg, const char *path, struct nv_blob *blob,
	                  const struct timespec *set_mtime, const char *new_name);
	void *arg;
};

struct nv_save_config {
	const struct nv_tree *tree;     /* borrowed */
	struct nv_clock *clock;         /* borrowed */
	struct nv_errors_ring *errors;  /* borrowed */
	struct nv_metrics *metrics;     /* borrowed */
	struct nv_conflicts *conflicts; /* borrowed; NULL: texts of conflicts are not kept */
	size_t scratch_bytes;           /* bound of all scratch text */
	bool ro;                        /* nothing is ever written: no versions are remembered */
	enum nv_mount_mode mode;        /* in full and restore, objects are made by their text */
	struct nv_save_events events;
};

/* 0 or -ENOMEM. Owns: free with nv_save_free. */
int nv_save_new(const struct nv_save_config *config, struct nv_save **ret_save, struct nv_err *err);

/* Starts the timer thread; once, after the process has forked for the last time. -EAGAIN. */
int nv_save_start(struct nv_save *save, struct nv_err *err);

/* Does what is due by the clock now, in the caller's thread, as the timer thread would: for tests
 * that hold the clock. */
void nv_save_run_due(struct nv_save *save);

/* At the mount's end: commits parked deletes and accepted new names now, logs text that was never
 * flushed. No request may be under way. */
void nv_save_finish(struct nv_save *save);
void nv_save_free(struct nv_save *save);

/* What a name stands for. */
struct nv_found {
	/* real: as the family says. New: name, row and size. Scratch: row NULL, name set */
	struct nv_entry entry;
	struct nv_scratch *scratch; /* owned reference, or NULL */
	bool is_new;                /* a created name that is not in the store yet */
	/* an uncommitted writer (or a new directory's maker) sees it otherwise: the kernel must not
	 * keep attributes */
	bool unsettled;
	uint64_t size; /* as the caller sees it */
};
void nv_found_release(struct nv_found *found);
#define cleanup_found __attribute__((cleanup(nv_found_release)))

/* -ENOENT -ENAMETOOLONG -ENOTUNIQ, store errors. */
int nv_save_lookup(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, struct nv_found *ret_found, struct nv_err *err);

/* All names: entries as in nv_found.entry. */
int nv_save_list(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                 struct nv_listing **ret_listing, struct nv_err *err);

/* True when path has an uncommitted writer; *ret_size is then the length its own process sees
 * (others: unchanged). */
bool nv_save_has_writer(struct nv_save *save, const struct nv_call *call, const char *path,
                        uint64_t *ret_size);

/* --- handles --- */

struct nv_opened {
	struct nv_handle *handle; /* owned by the caller until nv_handle_release */
	/* read handles: the snapshot (borrowed from the handle); else NULL */
	struct nv_blob *blob;
	bool direct_io; /* the page cache must not be used */
};

/* Opens a real or new file, or a scratch file, with open(2) flags (O_ACCMODE, O_TRUNC, O_APPEND).
 * -EACCES (read-only file), -EISDIR, -ENOENT. */
int nv_save_open(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                 const char *name, struct nv_scratch *scratch, int flags,
                 struct nv_opened *ret_opened, struct nv_err *err);

/* Creates and opens: a real name (committed by its text), or a scratch file. *ret_found says which.
 * -EEXIST (with O_EXCL) -EINVAL -EPERM -ENOSPC. */
int nv_save_create(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, mode_t mode, int flags, struct nv_opened *ret_opened,
                   struct nv_found *ret_found, struct nv_err *err);

/* Reads at most size bytes at offset into data. Returns the count or -errno. */
ssize_t nv_handle_read(struct nv_handle *handle, const struct nv_call *call, char *data,
                       size_t size, uint64_t offset, struct nv_err *err);

/* Writes all or refuses: -EINVAL (content no continuation can repair), -EFBIG, -ENOSPC, -EBADF. */
int nv_handle_write(struct nv_handle *handle, const struct nv_call *call, const char *data,
                    size_t size, uint64_t offset, struct nv_err *err);

/* ftruncate(2). */
int nv_handle_truncate(struct nv_handle *handle, const struct nv_call *call, uint64_t size,
                       struct nv_err *err);

/* close(2) of one descriptor: commits when it comes from the opener. As nv_node_ops.save, and
 * -EINVAL for a text never written. */
int nv_handle_flush(struct nv_handle *handle, const struct nv_call *call, struct nv_err *err);

/* fsync(2): commits a complete text; -EINVAL for an incomplete one, which stays staged. */
int nv_handle_fsync(struct nv_handle *handle, const struct nv_call *call, struct nv_err *err);

/* The last close: commits what is still dirty (errors go to the ring) and frees. */
void nv_handle_release(struct nv_handle *handle, const struct nv_call *call);

/* Length of what the handle of a real file would read; for fstat of a name that is gone. Takes no
 * lock. */
uint64_t nv_handle_size(const struct nv_handle *handle);

/* True when the handle reads a snapshot (not scratch, not live): its blob, borrowed. */
struct nv_blob *nv_handle_blob(struct nv_handle *handle);

/* --- names --- */

/* truncate(2) by path: commits or refuses at once. */
int nv_save_truncate(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     const char *name, uint64_t size, struct nv_err *err);

/* Remembers a time set on a file with an uncommitted writer, for its commit. False when there is no
 * writer (the caller keeps it). */
bool nv_save_set_mtime(struct nv_save *save, const char *path, struct timespec mtime);

int nv_save_unlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                   const char *name, struct nv_err *err);
int nv_save_mkdir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                  const char *name, mode_t mode, struct nv_err *err);
int nv_save_rmdir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                  const char *name, struct nv_err *err);
int nv_save_symlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                    const char *name, const char *target, struct nv_err *err);

/* link(2): scratch to scratch shares, real to scratch copies, scratch to a free real name creates;
 * else -EPERM. */
int nv_save_link(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                 const char *from_name, struct nv_place to, const char *to_name,
                 struct nv_err *err);

/* rename(2) and renameat2(2) with RENAME_NOREPLACE. */
int nv_save_rename(struct nv_save *save, const struct nv_call *call, struct nv_place from,
                   const char *from_name, struct nv_place to, const char *to_name, unsigned flags,
                   struct nv_err *err);

/* fsync(2) of a directory: commits the parked deletes and accepted new names in it. */
int nv_save_sync_dir(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     struct nv_err *err);

/* The target of a link found by nv_save_lookup; caller frees. */
int nv_save_readlink(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                     const char *name, struct nv_scratch *scratch, char **ret_target,
                     struct nv_err *err);

/* --- scratch nodes --- */

struct nv_scratch_attr {
	enum nv_type type;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	unsigned nlink;
	uint64_t size;
	uint64_t id; /* unique in this mount, never used again */
	struct timespec mtime;
};
struct nv_scratch *nv_scratch_ref(struct nv_scratch *scratch);
void nv_scratch_unref(struct nv_scratch *scratch);
void nv_save_scratch_attr(struct nv_save *save, struct nv_scratch *scratch,
                          struct nv_scratch_attr *ret_attr);

enum nv_set {
	NV_SET_MODE = 1 << 0,
	NV_SET_UID = 1 << 1,
	NV_SET_GID = 1 << 2,
	NV_SET_MTIME = 1 << 3,
	NV_SET_SIZE = 1 << 4,
};
/* Sets what `set` names from *attr. -ENOSPC -EFBIG. */
int nv_save_scratch_set(struct nv_save *save, struct nv_scratch *scratch, unsigned set,
                        const struct nv_scratch_attr *attr, struct nv_err *err);

#endif
