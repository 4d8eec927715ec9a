/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests about names and directories.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/cleanup.h"
#include "fs/internal.h"
#include "node/name.h"

#define INDEX_MASK ((1ULL << NV_SCAN_INDEX_BITS) - 1)

void nv_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	/* once a mount: the kernel then opens directories by itself and keeps their listings */
	(void)fuse_reply_err(req, ENOSYS);
}

/* One reply of READDIR or READDIRPLUS in the making. */
struct fill {
	struct nv_request *request;
	struct nv_place place;
	char *data; /* of readdir() */
	size_t size;
	size_t used;
	bool plus;
	/* of readdir(); inodes that the reply tells the kernel of: a lookup each, unless it never
	 * gets there */
	uint64_t *entered;
	size_t entered_count;
};

#define ENTRY_LEAST 128 /* no entry of READDIRPLUS takes fewer bytes */

/* Adds a name without a node: "." and "..", and what is gone by now. */
static bool add_plain(struct fill *fill, const char *name, mode_t type, uint64_t ino, off_t next)
{
	struct fuse_entry_param entry = { 0 };
	entry.attr.st_mode = type;
	entry.attr.st_ino = ino;
	char *at = fill->data + fill->used;
	size_t room = fill->size - fill->used;
	size_t n =
		fill->plus
			? fuse_add_direntry_plus(fill->request->req, at, room, name, &entry, next)
			: fuse_add_direntry(fill->request->req, at, room, name, &entry.attr, next);
	if (n > room) {
		return false;
	}
	fill->used += n;
	return true;
}

static mode_t type_mode(const struct nv_entry *entry)
{
	if (!entry->row) {
		return S_IFREG;
	}
	return entry->row->type == NV_DIR    ? S_IFDIR
	       : entry->row->type == NV_LINK ? S_IFLNK
	                                     : S_IFREG;
}

/* What an entry of a listing stands for: mostly itself; names of the engine's own are looked up for
 * their node. */
static int find_entry(struct fill *fill, const struct nv_entry *entry, const char *path,
                      struct nv_found *ret_found)
{
	struct nv_request *request = fill->request;
	if (!entry->row || entry->sampled_ms < 0) {
		return nv_save_lookup(request->fs->save, &request->call, fill->place, entry->name,
		                      ret_found, NULL);
	}
	*ret_found = (struct nv_found){ .size = entry->size };
	if (nv_entry_copy(&ret_found->entry, entry) < 0) {
		return -ENOMEM;
	}
	ret_found->unsettled =
		nv_save_has_writer(request->fs->save, &request->call, path, &ret_found->size);
	return 0;
}

/* Adds one name; false when the reply is full. */
static bool add_entry(struct fill *fill, const struct nv_entry *entry, off_t next)
{
	struct nv_request *request = fill->request;
	struct nv_fs *fs = request->fs;
	char path[PATH_MAX];
	cleanup_found struct nv_found found = { 0 };
	struct fuse_entry_param param;
	const char *dir = fill->place.path ? fill->place.path : "";
	if (snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", entry->name) >=
	    (int)sizeof(path)) {
		return true;
	}
	size_t room = fill->size - fill->used;
	if (!fill->plus) {
		return add_plain(fill, entry->name, type_mode(entry), nv_path_ino(fs, path), next);
	}
	if (fuse_add_direntry_plus(request->req, NULL, 0, entry->name, NULL, 0) > room) {
		return false; /* before the inode is entered: the kernel counts only what it gets */
	}
	if (find_entry(fill, entry, path, &found) < 0 ||
	    nv_entry_found(request, request->inode, fill->place, &found, &param) < 0) {
		return add_plain(fill, entry->name, type_mode(entry), nv_path_ino(fs, path), next);
	}
	fill->used += fuse_add_direntry_plus(request->req, fill->data + fill->used, room,
	                                     entry->name, &param, next);
	fill->entered[fill->entered_count++] = param.ino;
	return true;
}

/* The listing that a READDIR goes on in, its scan's number and place. */
static int find_scan(struct nv_request *request, struct nv_place place, off_t offset,
                     struct nv_listing **ret_listing, uint64_t *ret_scan, size_t *ret_index)
{
	struct nv_fs *fs = request->fs;
	*ret_scan = (uint64_t)offset >> NV_SCAN_INDEX_BITS;
	*ret_index = (size_t)((uint64_t)offset & INDEX_MASK);
	*ret_listing = offset > 0 ? nv_scans_get(fs->scans, *ret_scan) : NULL;
	if (*ret_listing) {
		return 0;
	}
	int r = nv_save_list(fs->save, &request->call, place, ret_listing, &request->err);
	if (r < 0) {
		return r;
	}
	if (place.path) {
		(void)nv_times_listed(fs->times, nv_path_ino(fs, place.path),
		                      nv_listing_crc(*ret_listing));
	}
	nv_inode_set_listed(fs->inodes, request->inode);
	*ret_scan = nv_scans_put(fs->scans, *ret_listing);
	return 0;
}

static void readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool plus)
{
	struct nv_request request;
	char path[PATH_MAX];
	cleanup_listing struct nv_listing *listing = NULL;
	uint64_t scan = 0;
	size_t index = 0;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_READDIR)) {
		return;
	}
	struct fill fill = { .request = &request, .size = size, .plus = plus };
	nv_request_about(&request, request.inode, NULL);
	int r = nv_place_of(request.fs, request.inode, path, &fill.place);
	if (r == 0) {
		r = find_scan(&request, fill.place, offset, &listing, &scan, &index);
	}
	cleanup_free char *data = r == 0 ? malloc(size) : NULL;
	cleanup_free uint64_t *entered =
		r == 0 ? calloc(size / ENTRY_LEAST + 1, sizeof(*entered)) : NULL;
	if (r == 0 && (!data || !entered)) {
		r = nv_fail(&request.err, ENOMEM, "out of memory");
	}
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	fill.data = data;
	fill.entered = entered;
	bool more = true;
	for (; more && index < listing->count + 2; index++) {
		off_t next = (off_t)(scan << NV_SCAN_INDEX_BITS | (index + 1));
		more = index < 2 ? add_plain(&fill, index == 0 ? "." : "..", S_IFDIR, ino, next)
		                 : add_entry(&fill, &listing->entries[index - 2], next);
	}
	if (fill.used == 0 && more) {
		nv_scans_end(request.fs->scans, scan); /* an empty reply is the end */
	}
	if (fuse_reply_buf(req, data, fill.used) != 0) {
		for (size_t i = 0; i < fill.entered_count; i++) {
			nv_inode_forget(request.fs->inodes, entered[i], 1);
		}
	}
	nv_request_end(&request);
}

void nv_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   struct fuse_file_info *fi)
{
	(void)fi;
	readdir(req, ino, size, offset, false);
}

void nv_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
	(void)fi;
	readdir(req, ino, size, offset, true);
}

/* Begins a request about a name in a directory. False: replied already. */
static bool begin_name(struct nv_request *request, fuse_req_t req, fuse_ino_t parent,
                       const char *name, enum nv_metric metric, char *path,
                       struct nv_place *ret_place)
{
	if (!nv_request_begin(request, req, parent, metric)) {
		return false;
	}
	nv_request_about(request, request->inode, name);
	int r = strlen(name) > NV_NAME_MAX
	                ? nv_fail(&request->err, ENAMETOOLONG, "the name is longer than %d bytes",
	                          NV_NAME_MAX)
	                : nv_place_of(request->fs, request->inode, path, ret_place);
	if (r < 0) {
		nv_request_reply_err(request, r);
		return false;
	}
	return true;
}

void nv_dir_changed(struct nv_fs *fs, struct nv_place place)
{
	if (place.path) {
		nv_times_dir_changed(fs->times, nv_path_ino(fs, place.path));
	}
}

/* Replies with the entry of a name just made. */
static void reply_entry(struct nv_request *request, struct nv_inode *dir, struct nv_place place,
                        const char *name, int r)
{
	struct fuse_entry_param entry;
	if (r == 0) {
		nv_dir_changed(request->fs, place);
		r = nv_entry_lookup(request, dir, name, &entry);
	}
	if (r < 0) {
		nv_request_reply_err(request, r);
		return;
	}
	if (fuse_reply_entry(request->req, &entry) != 0) {
		nv_inode_forget(request->fs->inodes, entry.ino, 1);
	}
	nv_request_end(request);
}

void nv_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	if (begin_name(&request, req, parent, name, NV_METRIC_FUSE_MKDIR, path, &place)) {
		reply_entry(&request, request.inode, place, name,
		            nv_save_mkdir(request.fs->save, &request.call, place, name, mode,
		                          &request.err));
	}
}

void nv_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	if (begin_name(&request, req, parent, name, NV_METRIC_FUSE_SYMLINK, path, &place)) {
		reply_entry(&request, request.inode, place, name,
		            nv_save_symlink(request.fs->save, &request.call, place, name, target,
		                            &request.err));
	}
}

void nv_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	(void)mode;
	(void)rdev;
	if (begin_name(&request, req, parent, name, NV_METRIC_FUSE_OTHER, path, &place)) {
		nv_request_reply_err(&request, nv_fail(&request.err, EPERM,
		                                       "special files cannot be made here"));
	}
}

void nv_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	if (!begin_name(&request, req, parent, name, NV_METRIC_FUSE_UNLINK, path, &place)) {
		return;
	}
	int r = nv_save_unlink(request.fs->save, &request.call, place, name, &request.err);
	if (r == 0) {
		nv_inode_detach(request.fs->inodes, request.inode, name);
		nv_dir_changed(request.fs, place);
	}
	nv_request_reply_err(&request, r);
}

void nv_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	if (!begin_name(&request, req, parent, name, NV_METRIC_FUSE_RMDIR, path, &place)) {
		return;
	}
	int r = nv_save_rmdir(request.fs->save, &request.call, place, name, &request.err);
	if (r == 0) {
		nv_inode_detach(request.fs->inodes, request.inode, name);
		nv_dir_changed(request.fs, place);
	}
	nv_request_reply_err(&request, r);
}

/* After a rename: the inode that moved is what now stands at its new name. */
static void follow(struct nv_request *request, struct nv_inode *from, struct nv_place from_place,
                   const char *from_name, struct nv_inode *to, struct nv_place to_place,
                   const char *to_name)
{
	struct nv_fs *fs = request->fs;
	struct nv_inode *moved = nv_inode_peek(fs->inodes, from, from_name);
	struct nv_inode_name was = { 0 };
	cleanup_found struct nv_found found = { 0 };
	if (moved) {
		nv_inode_name(fs->inodes, moved, &was);
	}
	if (nv_save_lookup(fs->save, &request->call, to_place, to_name, &found, NULL) < 0) {
		/* gone again already; the kernel will ask */
		nv_inode_detach(fs->inodes, from, from_name);
	} else {
		if (was.row && found.entry.row && !found.is_new && from_place.path &&
		    to_place.path) {
			nv_times_move(fs->times, nv_path_ino(fs, from_place.path), from_name,
			              nv_path_ino(fs, to_place.path), found.entry.name);
		}
		nv_inode_move(fs->inodes, from, from_name, to, found.entry.name, found.entry.row,
		              found.scratch);
	}
	if (moved) {
		nv_inode_name_release(fs->inodes, &was);
		nv_inode_unref(fs->inodes, moved);
	}
}

void nv_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
                  const char *to_name, unsigned int flags)
{
	struct nv_request request;
	struct nv_place from_place;
	struct nv_place to_place;
	char from_path[PATH_MAX];
	char to_path[PATH_MAX];
	if (!begin_name(&request, req, parent, name, NV_METRIC_FUSE_RENAME, from_path,
	                &from_place)) {
		return;
	}
	struct nv_fs *fs = request.fs;
	request.second = nv_inode_get(fs->inodes, to);
	int r = request.second ? nv_place_of(fs, request.second, to_path, &to_place) : -ESTALE;
	if (r == 0 && strlen(to_name) > NV_NAME_MAX) {
		r = nv_fail(&request.err, ENAMETOOLONG, "the name is longer than %d bytes",
		            NV_NAME_MAX);
	}
	if (r == 0) {
		nv_request_about(&request, request.second, to_name);
		r = nv_save_rename(fs->save, &request.call, from_place, name, to_place, to_name,
		                   flags, &request.err);
		/* mv says of EINVAL that a directory cannot be moved into itself, whatever it was
		 * asked to move. */
		r = r == -EINVAL && !(flags & ~(unsigned)RENAME_NOREPLACE) ? -EPERM : r;
	}
	if (r == 0) {
		follow(&request, request.inode, from_place, name, request.second, to_place,
		       to_name);
		nv_dir_changed(fs, from_place);
		nv_dir_changed(fs, to_place);
	}
	nv_request_reply_err(&request, r);
}

void nv_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t to, const char *to_name)
{
	struct nv_request request;
	struct nv_inode_name from;
	struct nv_place from_place;
	struct nv_place to_place;
	char from_path[PATH_MAX];
	char to_path[PATH_MAX];
	if (!begin_name(&request, req, to, to_name, NV_METRIC_FUSE_LINK, to_path, &to_place)) {
		return;
	}
	struct nv_fs *fs = request.fs;
	request.second = nv_inode_get(fs->inodes, ino);
	if (!request.second) {
		nv_request_reply_err(&request, -ESTALE);
		return;
	}
	nv_inode_name(fs->inodes, request.second, &from);
	int r = from.detached || !from.parent
	                ? nv_fail(&request.err, EPERM, "a file without a name cannot be linked")
	                : nv_place_of(fs, from.parent, from_path, &from_place);
	if (r == 0) {
		r = nv_save_link(fs->save, &request.call, from_place, from.name, to_place, to_name,
		                 &request.err);
	}
	nv_inode_name_release(fs->inodes, &from);
	reply_entry(&request, request.inode, to_place, to_name, r);
}

void nv_op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct nv_request request;
	struct nv_inode_name name;
	struct nv_place place = { 0 };
	char path[PATH_MAX];
	cleanup_free char *target = NULL;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_READLINK)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	nv_inode_name(request.fs->inodes, request.inode, &name);
	int r = name.parent ? nv_place_of(request.fs, name.parent, path, &place) : -EINVAL;
	if (r == 0) {
		r = nv_save_readlink(request.fs->save, &request.call, place, name.name,
		                     name.scratch, &target, &request.err);
	}
	nv_inode_name_release(request.fs->inodes, &name);
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	(void)fuse_reply_readlink(req, target);
	nv_request_end(&request);
}

void nv_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct nv_request request;
	struct nv_place place;
	char path[PATH_MAX];
	(void)datasync;
	(void)fi;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_FSYNC)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	int r = nv_place_of(request.fs, request.inode, path, &place);
	nv_request_reply_err(
		&request,
		r < 0 ? r : nv_save_sync_dir(request.fs->save, &request.call, place, &request.err));
}

void nv_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	/* Space is the stores' matter; tools only want to see that there is some. */
	const struct statvfs answer = { .f_bsize = 4096,
		                        .f_frsize = 4096,
		                        .f_blocks = 1 << 28,
		                        .f_bfree = 1 << 28,
		                        .f_bavail = 1 << 28,
		                        .f_files = 1 << 28,
		                        .f_ffree = 1 << 28,
		                        .f_favail = 1 << 28,
		                        .f_namemax = NV_NAME_MAX };
	const struct nv_fs *fs = fuse_req_userdata(req);
	(void)ino;
	nv_metric_add(fs->config.metrics, NV_METRIC_FUSE_OTHER, 1);
	(void)fuse_reply_statfs(req, &answer);
}
