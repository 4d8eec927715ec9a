/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's side of the mount: one FUSE session over one tree.
 */
#ifndef NV_FS_FS_H
#define NV_FS_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/conflicts.h"
#include "base/error.h"
#include "base/errors_ring.h"
#include "base/metrics.h"
#include "node/node.h"

struct nv_fs;

/* Everything borrowed for the life of the nv_fs. */
struct nv_fs_config {
	const struct nv_tree *tree;
	struct nv_clock *clock;
	struct nv_errors_ring *errors;
	struct nv_metrics *metrics;
	struct nv_conflicts *conflicts;
	const char *mount_point;      /* absolute */
	const char *const *fuse_args; /* FUSE's own -o words ("allow_other", …) */
	size_t fuse_args_count;
	size_t scratch_bytes;    /* -o scratch= */
	bool ro;                 /* -o ro */
	enum nv_mount_mode mode; /* -o full, -o restore */
	bool debug;              /* libfuse's own trace on stderr */
	mode_t umask;            /* taken from all modes */
	bool has_uid, has_gid;   /* owner shown; else the daemon's */
	uid_t uid;
	gid_t gid;
};

/* Makes the session; nothing is mounted yet. -EINVAL (a FUSE option), -ENOMEM. Owns: free with
 * nv_fs_free. */
int nv_fs_new(const struct nv_fs_config *config, struct nv_fs **ret_fs, struct nv_err *err);

/* Mounts. Installs handlers for SIGHUP, SIGINT, SIGTERM that end the loop and stand until
 * nv_fs_free. -EACCES -ENOENT -EIO with the reason (libfuse prints its own on stderr too). */
int nv_fs_mount(struct nv_fs *fs, struct nv_err *err);

/* Serves until unmounted or nv_fs_stop; starts and joins its threads. Blocks. 0 or -errno. */
int nv_fs_loop(struct nv_fs *fs, struct nv_err *err);

/* Unmounts (when mounted), commits parked deletes and late new names, reports text that was never
 * flushed in the log. */
void nv_fs_unmount(struct nv_fs *fs);

/* NULL is allowed. */
void nv_fs_free(struct nv_fs *fs);

#endif
