/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel must forget: a queue and the one thread that notifies it, holding no lock and
 * never from a request (FUSE.md 5 "Deadlocks").
 */
#ifndef NV_FS_INVAL_H
#define NV_FS_INVAL_H

#include <stdint.h>

struct nv_inval;
struct fuse_session;

/* session borrowed. 0 or -ENOMEM. Owns: free with nv_inval_free. */
int nv_inval_new(struct fuse_session *session, struct nv_inval **ret_inval);

/* Starts the thread; after the last fork. 0 or -errno. */
int nv_inval_start(struct nv_inval *inval);

/* Ends the thread; what is queued, and comes later, is dropped (the mount goes with it). Call while
 * requests are still served: the notice under way may wait for a directory whose lock is held by a
 * process that waits for its request, and neither unmounting nor a signal would free the two. Once
 * is enough. Any thread. */
void nv_inval_stop(struct nv_inval *inval);

/* Stops it, if nobody has, and frees. */
void nv_inval_free(struct nv_inval *inval);

/* Queues: forget the attributes of an inode (and, for a directory, its cached listing). Any
 * thread. */
void nv_inval_attr(struct nv_inval *inval, uint64_t id);

/* Queues: forget the name in that directory, and the directory's listing. Any thread. */
void nv_inval_name(struct nv_inval *inval, uint64_t dir_id, const char *name);

#endif
