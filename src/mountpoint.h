/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directory to mount on: what stands there already, and what an earlier daemon left behind.
 */
#ifndef NV_MOUNTPOINT_H
#define NV_MOUNTPOINT_H

#include <stdint.h>

#include "base/error.h"

/* The absolute path of a mount point, links resolved, also when a dead mount stands on it. Errors:
 * -ENOENT and others of the path; -ENOMEM. Owns: free *ret_path. */
int nv_mountpoint_resolve(const char *given, char **ret_path, struct nv_err *err);

/* Takes away dead mounts of this program on path, and checks that path is a directory with nothing
 * of ours on it. Never waits longer than timeout_ms for a daemon that may hang. Blocks. Errors:
 * -EBUSY (a living mount), -ENOTDIR, -ETIMEDOUT, others of the path. */
int nv_mountpoint_prepare(const char *path, int64_t timeout_ms, struct nv_err *err);

#endif
