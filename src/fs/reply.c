/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The beginning and the end of every request: the only place where an error becomes an errno for a
 * user and a line in .netviewfs/errors.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "fs/internal.h"

#define REPEAT_MS 1000 /* the same reason for the same path within this time is one event */

bool nv_request_begin(struct nv_request *request, fuse_req_t req, fuse_ino_t ino,
                      enum nv_metric metric)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	*request = (struct nv_request){ .req = req,
		                        .fs = fuse_req_userdata(req),
		                        .faults = NV_FAULTS_INIT };
	request->call = (struct nv_call){
		.uid = ctx->uid, .gid = ctx->gid, .pid = ctx->pid, .faults = &request->faults
	};
	nv_metric_add(request->fs->config.metrics, metric, 1);
	request->inode = nv_inode_get(request->fs->inodes, ino);
	if (!request->inode) {
		(void)fuse_reply_err(req, ESTALE);
		return false;
	}
	return true;
}

void nv_request_about(struct nv_request *request, struct nv_inode *inode, const char *name)
{
	/* A detached inode's path is cut short: good enough for a message. */
	(void)nv_inode_path(request->fs->inodes, inode, request->path);
	if (name) {
		size_t size = strlen(request->path);
		(void)snprintf(request->path + size, sizeof(request->path) - size, "%s%s",
		               size ? "/" : "", name);
	}
}

void nv_request_end(struct nv_request *request)
{
	nv_inode_unref(request->fs->inodes, request->inode);
	nv_inode_unref(request->fs->inodes, request->second);
	nv_faults_release(&request->faults);
}

/* The errnos that a user can do something with; all others are EIO. */
static int to_errno(int r)
{
	switch (-r) {
	case EACCES:
	case EBADF:
	case EBUSY:
	case EDQUOT:
	case EEXIST:
	case EFBIG:
	case EINTR:
	case EINVAL:
	case EIO:
	case EISDIR:
	case ENAMETOOLONG:
	case ENODEV:
	case ENOENT:
	case ENOMEM:
	case ENOSPC:
	case ENOSYS:
	case ENOTDIR:
	case ENOTEMPTY:
	case ENOTUNIQ:
	case EOPNOTSUPP:
	case EPERM:
	case EROFS:
	case ESTALE:
	case ETIMEDOUT:
	case EXDEV:
		return -r;
	default:
		return EIO;
	}
}

/* Answers that need no explaining: they say what is there, not what was refused. */
static bool is_plain(int errnum)
{
	return errnum == ENOENT || errnum == EEXIST || errnum == ENOTDIR || errnum == EISDIR ||
	       errnum == ENOSYS || errnum == EXDEV || errnum == ENOTEMPTY ||
	       errnum == ENAMETOOLONG || errnum == EOPNOTSUPP;
}

/* True when the same was reported just now. */
static bool is_repeat(struct nv_request *request)
{
	struct nv_fs *fs = request->fs;
	uint32_t crc = nv_crc32(request->path, strlen(request->path)) ^
	               nv_crc32(request->err.msg, strlen(request->err.msg));
	for (size_t i = 0; i < request->faults.count; i++) {
		const struct nv_fault *fault = &request->faults.items[i];
		const size_t place[] = { fault->line, fault->column };
		crc = crc * 31 + nv_crc32(fault->reason, strlen(fault->reason)) +
		      nv_crc32(place, sizeof(place));
	}
	int64_t now = nv_clock_ms(fs->config.clock);
	(void)pthread_mutex_lock(&fs->last_error_lock);
	bool repeat = fs->last_error_crc == crc && now - fs->last_error_ms < REPEAT_MS;
	fs->last_error_crc = crc;
	fs->last_error_ms = now;
	(void)pthread_mutex_unlock(&fs->last_error_lock);
	return repeat;
}

void nv_request_reply_err(struct nv_request *request, int r)
{
	int errnum = r < 0 ? to_errno(r) : 0;
	bool has_reason = request->err.msg[0] != '\0' || nv_faults_any(&request->faults);
	if (errnum != 0 && has_reason && (!is_plain(errnum) || nv_faults_any(&request->faults)) &&
	    !is_repeat(request)) {
		request->err.errnum = errnum;
		nv_errors_ring_add(request->fs->config.errors, request->call.uid, request->path,
		                   &request->err, &request->faults);
		nv_log(NV_LOG_DEBUG, "%s: %s: %s", request->path, nv_errno_name(errnum),
		       request->err.msg);
	}
	(void)fuse_reply_err(request->req, errnum);
	nv_request_end(request);
}
