/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests about open files.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fs/internal.h"
#include "node/name.h"

/* Ties an open handle to its inode and sets what the kernel may do with its pages. NULL when out of
 * memory (the handle is released). */
static struct nv_file *add_file(struct nv_request *request, struct nv_inode *inode,
                                const struct nv_opened *opened, struct fuse_file_info *fi)
{
	struct nv_fs *fs = request->fs;
	bool resized = false;
	struct nv_file *file = calloc(1, sizeof(*file));
	if (!file) {
		nv_handle_release(opened->handle, &request->call);
		return NULL;
	}
	file->handle = opened->handle;
	bool cached = nv_inode_open(fs->inodes, inode, file, !opened->direct_io, &resized);
	fi->fh = (uint64_t)(uintptr_t)file;
	fi->direct_io = !cached;
	fi->keep_cache = 0;
	fi->noflush = (fi->flags & O_ACCMODE) == O_RDONLY;
	if (cached && resized) {
		/* Reads through the page cache stop at the size the kernel knows. OPEN may notify
		 * its own inode (FUSE.md 5). */
		(void)fuse_lowlevel_notify_inval_inode(fs->session, inode->id, -1, 0);
		nv_inode_tell(fs->inodes, inode, opened->blob->size, opened->blob->crc);
	}
	return file;
}

static void close_file(struct nv_request *request, struct nv_file *file)
{
	struct nv_handle *handle = file->handle;
	nv_inode_close(request->fs->inodes, file);
	nv_handle_release(handle, &request->call);
	free(file);
}

void nv_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct nv_request request;
	struct nv_inode_name name;
	struct nv_place place = { 0 };
	struct nv_opened opened = { 0 };
	char path[PATH_MAX];
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_OPEN)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	nv_inode_name(request.fs->inodes, request.inode, &name);
	int r = 0;
	if (!name.scratch) {
		r = name.detached || !name.parent
		            ? -ESTALE
		            : nv_place_of(request.fs, name.parent, path, &place);
	}
	if (r == 0) {
		r = nv_save_open(request.fs->save, &request.call, place, name.name, name.scratch,
		                 fi->flags, &opened, &request.err);
	}
	nv_inode_name_release(request.fs->inodes, &name);
	struct nv_file *file = r == 0 ? add_file(&request, request.inode, &opened, fi) : NULL;
	if (!file) {
		nv_request_reply_err(&request, r < 0 ? r : -ENOMEM);
		return;
	}
	if (fuse_reply_open(req, fi) != 0) {
		close_file(&request, file);
	}
	nv_request_end(&request);
}

void nv_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                  struct fuse_file_info *fi)
{
	struct nv_request request;
	struct nv_place place = { 0 };
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found found = { 0 };
	struct fuse_entry_param entry;
	struct nv_file *file = NULL;
	char path[PATH_MAX];
	if (!nv_request_begin(&request, req, parent, NV_METRIC_FUSE_CREATE)) {
		return;
	}
	struct nv_fs *fs = request.fs;
	nv_request_about(&request, request.inode, name);
	int r = nv_place_of(fs, request.inode, path, &place);
	if (r == 0) {
		r = nv_save_create(fs->save, &request.call, place, name, mode, fi->flags, &opened,
		                   &found, &request.err);
	}
	if (r == 0) {
		r = nv_entry_found(&request, request.inode, place, &found, &entry);
		if (r < 0) {
			nv_handle_release(opened.handle, &request.call);
		}
	}
	if (r == 0) {
		struct nv_inode *inode = nv_inode_get(fs->inodes, entry.ino);
		file = inode ? add_file(&request, inode, &opened, fi) : NULL;
		nv_inode_unref(fs->inodes, inode);
		r = file ? 0 : -ENOMEM;
	}
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	nv_dir_changed(fs, place);
	if (fuse_reply_create(req, &entry, fi) != 0) {
		close_file(&request, file);
		nv_inode_forget(fs->inodes, entry.ino, 1);
	}
	nv_request_end(&request);
}

/* A reader of an old snapshot has just told the kernel an old length by its short read: the
 * attributes must be asked for again. */
static void check_outdated(struct nv_request *request, const struct nv_blob *blob)
{
	struct nv_inode *inode = request->inode;
	struct nv_inode_table *inodes = request->fs->inodes;
	if (!nv_inode_shows(inodes, inode, blob->size, blob->crc)) {
		nv_inval_attr(request->fs->inval, inode->id);
	}
}

void nv_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi)
{
	struct nv_request request;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_READ)) {
		return;
	}
	struct nv_handle *handle = nv_file_of(fi)->handle;
	/* A reference of its own: once the reply is out, its reader may close, and the handle goes
	 * while this thread still looks at the text. */
	cleanup_blob struct nv_blob *blob = nv_blob_ref(nv_handle_blob(handle));
	if (blob) {
		size_t start = (uint64_t)offset < blob->size ? (size_t)offset : blob->size;
		size_t n = blob->size - start < size ? blob->size - start : size;
		(void)fuse_reply_buf(req, blob->text + start, n); /* no copy */
		check_outdated(&request, blob);
		nv_request_end(&request);
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	cleanup_free char *data = malloc(size ? size : 1);
	ssize_t n = data ? nv_handle_read(handle, &request.call, data, size, (uint64_t)offset,
	                                  &request.err)
	                 : -ENOMEM;
	if (n < 0) {
		nv_request_reply_err(&request, (int)n);
		return;
	}
	(void)fuse_reply_buf(req, data, (size_t)n);
	nv_request_end(&request);
}

void nv_op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                 struct fuse_file_info *fi)
{
	struct nv_request request;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_WRITE)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	int r = nv_handle_write(nv_file_of(fi)->handle, &request.call, data, size, (uint64_t)offset,
	                        &request.err);
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	(void)fuse_reply_write(req, size);
	nv_request_end(&request);
}

void nv_op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct nv_request request;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_FLUSH)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	nv_request_reply_err(&request,
	                     nv_handle_flush(nv_file_of(fi)->handle, &request.call, &request.err));
}

void nv_op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct nv_request request;
	(void)datasync;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_FSYNC)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	nv_request_reply_err(&request,
	                     nv_handle_fsync(nv_file_of(fi)->handle, &request.call, &request.err));
}

void nv_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct nv_request request;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_RELEASE)) {
		return;
	}
	close_file(&request, nv_file_of(fi));
	nv_request_reply_err(&request, 0);
}

void nv_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                     struct fuse_file_info *fi)
{
	const struct nv_fs *fs = fuse_req_userdata(req);
	(void)ino;
	(void)mode;
	(void)offset;
	(void)length;
	(void)fi;
	nv_metric_add(fs->config.metrics, NV_METRIC_FUSE_OTHER, 1);
	(void)fuse_reply_err(req, EOPNOTSUPP);
}
