/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters of .netviewfs/metrics. One struct a mount, passed to whoever counts.
 */
#ifndef NV_BASE_METRICS_H
#define NV_BASE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

/* X-macro: identifier, name in the file (Prometheus text form: "netviewfs_<name> N"). */
#define NV_METRICS(X)                                                                              \
	X(NV_METRIC_FUSE_LOOKUP, "fuse_lookup")                                                    \
	X(NV_METRIC_FUSE_FORGET, "fuse_forget")                                                    \
	X(NV_METRIC_FUSE_GETATTR, "fuse_getattr")                                                  \
	X(NV_METRIC_FUSE_SETATTR, "fuse_setattr")                                                  \
	X(NV_METRIC_FUSE_READLINK, "fuse_readlink")                                                \
	X(NV_METRIC_FUSE_MKDIR, "fuse_mkdir")                                                      \
	X(NV_METRIC_FUSE_UNLINK, "fuse_unlink")                                                    \
	X(NV_METRIC_FUSE_RMDIR, "fuse_rmdir")                                                      \
	X(NV_METRIC_FUSE_SYMLINK, "fuse_symlink")                                                  \
	X(NV_METRIC_FUSE_RENAME, "fuse_rename")                                                    \
	X(NV_METRIC_FUSE_LINK, "fuse_link")                                                        \
	X(NV_METRIC_FUSE_OPEN, "fuse_open")                                                        \
	X(NV_METRIC_FUSE_CREATE, "fuse_create")                                                    \
	X(NV_METRIC_FUSE_READ, "fuse_read")                                                        \
	X(NV_METRIC_FUSE_WRITE, "fuse_write")                                                      \
	X(NV_METRIC_FUSE_FLUSH, "fuse_flush")                                                      \
	X(NV_METRIC_FUSE_FSYNC, "fuse_fsync")                                                      \
	X(NV_METRIC_FUSE_RELEASE, "fuse_release")                                                  \
	X(NV_METRIC_FUSE_READDIR, "fuse_readdir")                                                  \
	X(NV_METRIC_FUSE_OTHER, "fuse_other")                                                      \
	X(NV_METRIC_REDIS_ROUND_TRIPS, "redis_round_trips")                                        \
	X(NV_METRIC_REDIS_COMMANDS, "redis_commands")                                              \
	X(NV_METRIC_REDIS_CONNECTS, "redis_connects")                                              \
	X(NV_METRIC_REDIS_ERRORS, "redis_errors")                                                  \
	X(NV_METRIC_DOCS_ROUND_TRIPS, "docs_round_trips")                                          \
	X(NV_METRIC_DOCS_COMMANDS, "docs_commands")                                                \
	X(NV_METRIC_DOCS_ERRORS, "docs_errors")                                                    \
	X(NV_METRIC_COMMITS, "commits")                                                            \
	X(NV_METRIC_COMMITS_REFUSED, "commits_refused")

#define NV_METRIC_ENUM(id, name) id,
enum nv_metric { NV_METRICS(NV_METRIC_ENUM) NV_METRIC_COUNT };
#undef NV_METRIC_ENUM

struct nv_metrics {
	atomic_ullong values[NV_METRIC_COUNT]; /* since the mount */
};

/* Adds n. metrics may be NULL. Any thread. */
static inline void nv_metric_add(struct nv_metrics *metrics, enum nv_metric metric,
                                 unsigned long long n)
{
	if (metrics) {
		atomic_fetch_add_explicit(&metrics->values[metric], n, memory_order_relaxed);
	}
}

/* Appends one line for each counter, in the order above, and the line netviewfs_fuse_requests
 * (their sum). */
void nv_metrics_format(struct nv_metrics *metrics, struct nv_buf *out);

#endif
