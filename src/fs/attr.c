/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attributes: what the kernel is told of a name, and how long it may believe it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fs/internal.h"
#include "node/cache.h"

int nv_place_of(struct nv_fs *fs, struct nv_inode *inode, char *path, struct nv_place *ret_place)
{
	struct nv_inode_name name;
	nv_inode_name(fs->inodes, inode, &name);
	int r = 0;
	*ret_place = (struct nv_place){ 0 };
	if (name.scratch) {
		ret_place->scratch = name.scratch; /* the inode's own reference keeps it */
	} else {
		r = nv_inode_path(fs->inodes, inode, path);
		ret_place->path = path;
	}
	nv_inode_name_release(fs->inodes, &name);
	return r;
}

uint64_t nv_path_ino(struct nv_fs *fs, const char *path)
{
	uint64_t ino = NV_ROOT_ID;
	char name[256];
	while (*path) {
		size_t size = strcspn(path, "/");
		(void)snprintf(name, sizeof(name), "%.*s", (int)(size < 255 ? size : 255), path);
		ino = nv_times_ino(fs->times, ino, name);
		path += size + (path[size] == '/');
	}
	return ino;
}

uint64_t nv_scratch_ino(struct nv_fs *fs, uint64_t id)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "%llu", (unsigned long long)id);
	return nv_times_ino(fs->times, UINT64_MAX, name);
}

double nv_timeout(struct nv_fs *fs, int64_t sampled_ms)
{
	int64_t left = NV_CACHE_MAX_AGE_MS - (nv_clock_ms(fs->config.clock) - sampled_ms);
	return left <= 0                     ? 0.0
	       : left >= NV_CACHE_MAX_AGE_MS ? NV_CACHE_MAX_AGE_MS / 1000.0
	                                     : (double)left / 1000.0;
}

/* Owner, mode and link count by type. */
static void fill_stat(const struct nv_fs *fs, enum nv_type type, unsigned flags, struct stat *stat)
{
	mode_t mode = type == NV_DIR    ? S_IFDIR | 0755
	              : type == NV_LINK ? S_IFLNK | 0777
	                                : S_IFREG | 0644;
	if ((flags & NV_ROW_PRIVATE) && type != NV_LINK) {
		mode &= ~(mode_t)077;
	}
	memset(stat, 0, sizeof(*stat));
	stat->st_mode = type == NV_LINK ? mode : mode & ~fs->config.umask;
	stat->st_nlink = 1;
	stat->st_uid = fs->config.uid;
	stat->st_gid = fs->config.gid;
	stat->st_blksize = 4096;
}

static void set_size(struct stat *stat, uint64_t size, struct timespec mtime)
{
	stat->st_size = (off_t)size;
	stat->st_blocks = (blkcnt_t)((size + 511) / 512);
	stat->st_mtim = mtime;
	stat->st_ctim = mtime;
	stat->st_atim = mtime;
}

static void stat_scratch(struct nv_fs *fs, struct nv_scratch *scratch, struct stat *stat)
{
	struct nv_scratch_attr attr;
	nv_save_scratch_attr(fs->save, scratch, &attr);
	fill_stat(fs, attr.type, 0, stat);
	stat->st_mode = (stat->st_mode & S_IFMT) | attr.mode;
	stat->st_uid = attr.uid;
	stat->st_gid = attr.gid;
	stat->st_nlink = attr.nlink ? attr.nlink : 1;
	stat->st_ino = nv_scratch_ino(fs, attr.id);
	set_size(stat, attr.size, attr.mtime);
}

double nv_stat_found(struct nv_fs *fs, const char *path, const struct nv_found *found,
                     struct nv_inode *inode, struct stat *stat)
{
	const struct nv_entry *entry = &found->entry;
	if (found->scratch) {
		stat_scratch(fs, found->scratch, stat);
		/* its inode may become a datum's by a rename; then nothing old must hold */
		return 0.0;
	}
	uint64_t ino = nv_path_ino(fs, path);
	fill_stat(fs, entry->row->type, entry->row->flags, stat);
	stat->st_ino = ino;
	if (entry->row->type == NV_DIR) {
		set_size(stat, 0, nv_times_dir(fs->times, ino));
		return nv_timeout(fs, entry->sampled_ms);
	}
	struct timespec mtime = entry->mtime;
	if (entry->blob) {
		mtime = nv_times_file(fs->times, ino, entry->blob->crc, entry->blob->stamped,
		                      entry->blob->mtime);
	}
	set_size(stat, found->size, mtime);
	if (inode && entry->blob) {
		nv_inode_tell(fs->inodes, inode, found->size, entry->blob->crc);
	}
	return found->unsettled || (entry->row->flags & NV_ROW_GROWS)
	               ? 0.0
	               : nv_timeout(fs, entry->sampled_ms);
}

int nv_entry_found(struct nv_request *request, struct nv_inode *dir, struct nv_place place,
                   const struct nv_found *found, struct fuse_entry_param *ret_entry)
{
	struct nv_fs *fs = request->fs;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", place.path ? place.path : "",
	                 place.path && *place.path ? "/" : "", found->entry.name);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		return nv_fail(&request->err, ENAMETOOLONG, "the path is longer than %zu bytes",
		               sizeof(path) - 1);
	}
	struct nv_inode *inode = nv_inode_enter(fs->inodes, dir, found->entry.name,
	                                        found->entry.row, found->scratch, 1);
	if (!inode) {
		return nv_fail(&request->err, ENOMEM, "out of memory");
	}
	memset(ret_entry, 0, sizeof(*ret_entry));
	ret_entry->ino = inode->id;
	ret_entry->attr_timeout = nv_stat_found(fs, path, found, inode, &ret_entry->attr);
	ret_entry->entry_timeout = found->scratch     ? NV_CACHE_MAX_AGE_MS / 1000.0
	                           : found->unsettled ? 0.0
	                                              : nv_timeout(fs, found->entry.sampled_ms);
	if (found->entry.row && found->entry.row->type == NV_DIR &&
	    nv_inode_is_listed(fs->inodes, inode)) {
		/* its mtime vouches for the listing the kernel holds, and was not checked now */
		ret_entry->attr_timeout = 0.0;
	}
	nv_inode_unref(fs->inodes, inode);
	return 0;
}

int nv_entry_lookup(struct nv_request *request, struct nv_inode *dir, const char *name,
                    struct fuse_entry_param *ret_entry)
{
	cleanup_found struct nv_found found = { 0 };
	struct nv_place place;
	char path[PATH_MAX];
	int r = nv_place_of(request->fs, dir, path, &place);
	if (r == 0) {
		r = nv_save_lookup(request->fs->save, &request->call, place, name, &found,
		                   &request->err);
	}
	return r < 0 ? r : nv_entry_found(request, dir, place, &found, ret_entry);
}

uint32_t nv_listing_crc(const struct nv_listing *listing)
{
	uint32_t crc = 0;
	for (size_t i = 0; i < listing->count; i++) {
		/* Rotated, so that the order of names counts. */
		crc = (crc << 5 | crc >> 27) ^
		      nv_crc32(listing->entries[i].name, strlen(listing->entries[i].name));
	}
	return crc;
}

/* A directory whose listing the kernel may hold: its mtime vouches for that listing, so the names
 * are looked at. */
static int getattr_listed(struct nv_request *request, struct nv_place place,
                          const struct nv_row *row, uint64_t ino, struct stat *ret_stat,
                          double *ret_timeout)
{
	struct nv_fs *fs = request->fs;
	cleanup_listing struct nv_listing *listing = NULL;
	int r = nv_save_list(fs->save, &request->call, place, &listing, &request->err);
	if (r < 0) {
		return r;
	}
	fill_stat(fs, NV_DIR, row->flags, ret_stat);
	ret_stat->st_ino = ino;
	set_size(ret_stat, 0, nv_times_listed(fs->times, ino, nv_listing_crc(listing)));
	*ret_timeout = nv_timeout(fs, listing->sampled_ms);
	return 0;
}

/* A file whose name is gone, still open somewhere. */
static int getattr_detached(struct nv_request *request, struct stat *ret_stat, double *ret_timeout)
{
	uint64_t size = 0;
	if (!nv_inode_open_size(request->fs->inodes, request->inode, &size)) {
		return nv_fail(&request->err, ESTALE, "the name is gone");
	}
	fill_stat(request->fs, NV_FILE, 0, ret_stat);
	ret_stat->st_nlink = 0;
	ret_stat->st_ino = request->inode->id;
	set_size(ret_stat, size, nv_clock_wall(request->fs->config.clock));
	*ret_timeout = 0.0;
	return 0;
}

int nv_getattr(struct nv_request *request, struct stat *ret_stat, double *ret_timeout)
{
	struct nv_fs *fs = request->fs;
	struct nv_inode_name name;
	char path[PATH_MAX];
	char dir[PATH_MAX];
	struct nv_place place;
	cleanup_found struct nv_found found = { 0 };
	nv_inode_name(fs->inodes, request->inode, &name);
	int r = 0;
	if (name.scratch) {
		stat_scratch(fs, name.scratch, ret_stat);
		*ret_timeout = 0.0;
	} else if (name.detached) {
		r = getattr_detached(request, ret_stat, ret_timeout);
	} else if ((r = nv_inode_path(fs->inodes, request->inode, path)) == 0 &&
	           name.row->type == NV_DIR &&
	           (!name.parent || nv_inode_is_listed(fs->inodes, request->inode))) {
		r = getattr_listed(request, (struct nv_place){ .path = path }, name.row,
		                   nv_path_ino(fs, path), ret_stat, ret_timeout);
	} else if (r == 0 && (r = nv_place_of(fs, name.parent, dir, &place)) == 0 &&
	           (r = nv_save_lookup(fs->save, &request->call, place, name.name, &found,
	                               &request->err)) == 0) {
		if (found.entry.row != name.row || found.scratch) {
			r = nv_fail(&request->err, ESTALE, "%s", "");
		} else {
			*ret_timeout = nv_stat_found(fs, path, &found, request->inode, ret_stat);
		}
	}
	nv_inode_name_release(fs->inodes, &name);
	return r;
}

void nv_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct nv_request request;
	struct fuse_entry_param entry;
	if (!nv_request_begin(&request, req, parent, NV_METRIC_FUSE_LOOKUP)) {
		return;
	}
	nv_request_about(&request, request.inode, name);
	int r = nv_entry_lookup(&request, request.inode, name, &entry);
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	if (fuse_reply_entry(req, &entry) != 0) {
		/* interrupted: the kernel never got it */
		nv_inode_forget(request.fs->inodes, entry.ino, 1);
	}
	nv_request_end(&request);
}

void nv_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	struct nv_fs *fs = fuse_req_userdata(req);
	nv_metric_add(fs->config.metrics, NV_METRIC_FUSE_FORGET, 1);
	nv_inode_forget(fs->inodes, ino, nlookup);
	fuse_reply_none(req);
}

void nv_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct nv_fs *fs = fuse_req_userdata(req);
	nv_metric_add(fs->config.metrics, NV_METRIC_FUSE_FORGET, 1);
	for (size_t i = 0; i < count; i++) {
		nv_inode_forget(fs->inodes, forgets[i].ino, forgets[i].nlookup);
	}
	fuse_reply_none(req);
}

void nv_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct nv_request request;
	struct stat stat;
	double timeout = 0.0;
	(void)fi;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_GETATTR)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	int r = nv_getattr(&request, &stat, &timeout);
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	(void)fuse_reply_attr(req, &stat, timeout);
	nv_request_end(&request);
}

/* The time a SETATTR asks for. */
static bool asked_mtime(const struct nv_fs *fs, const struct stat *attr, int to_set,
                        struct timespec *ret_mtime)
{
	if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
		*ret_mtime = nv_clock_wall(fs->config.clock);
		return true;
	}
	*ret_mtime = attr->st_mtim;
	return (to_set & FUSE_SET_ATTR_MTIME) != 0;
}

static int setattr_scratch(struct nv_request *request, struct nv_scratch *scratch,
                           const struct stat *attr, int to_set)
{
	struct nv_scratch_attr set = { .mode = attr->st_mode & 07777,
		                       .uid = attr->st_uid,
		                       .gid = attr->st_gid,
		                       .size = (uint64_t)attr->st_size };
	unsigned what = 0;
	what |= to_set & FUSE_SET_ATTR_MODE ? NV_SET_MODE : 0;
	what |= to_set & FUSE_SET_ATTR_UID ? NV_SET_UID : 0;
	what |= to_set & FUSE_SET_ATTR_GID ? NV_SET_GID : 0;
	what |= to_set & FUSE_SET_ATTR_SIZE ? NV_SET_SIZE : 0;
	what |= asked_mtime(request->fs, attr, to_set, &set.mtime) ? NV_SET_MTIME : 0;
	return nv_save_scratch_set(request->fs->save, scratch, what, &set, &request->err);
}

/* Size and time of a stored or new name; mode and owner are accepted and change nothing (rsync,
 * tar, git and install need that). */
static int setattr_real(struct nv_request *request, const struct nv_inode_name *name,
                        const struct stat *attr, int to_set, struct nv_file *file)
{
	struct nv_fs *fs = request->fs;
	char dir[PATH_MAX];
	struct nv_place place;
	struct timespec mtime;
	int r = 0;
	if (to_set & FUSE_SET_ATTR_SIZE) {
		if (file) {
			r = nv_handle_truncate(file->handle, &request->call,
			                       (uint64_t)attr->st_size, &request->err);
		} else if (!name->parent) {
			r = nv_fail(&request->err, EISDIR, "is a directory");
		} else if ((r = nv_place_of(fs, name->parent, dir, &place)) == 0) {
			r = nv_save_truncate(fs->save, &request->call, place, name->name,
			                     (uint64_t)attr->st_size, &request->err);
		}
	}
	if (r == 0 && !name->detached && asked_mtime(fs, attr, to_set, &mtime) &&
	    !nv_save_set_mtime(fs->save, request->path, mtime)) {
		uint32_t crc = 0;
		cleanup_found struct nv_found found = { 0 };
		if (name->row->type == NV_FILE && nv_place_of(fs, name->parent, dir, &place) == 0 &&
		    nv_save_lookup(fs->save, &request->call, place, name->name, &found, NULL) ==
		            0 &&
		    found.entry.blob) {
			crc = found.entry.blob->crc;
			/* Shown once before it is set, so that the stamp it overrides is known. */
			(void)nv_times_file(fs->times, nv_path_ino(fs, request->path), crc,
			                    found.entry.blob->stamped, found.entry.blob->mtime);
		}
		if (name->row->type == NV_DIR) {
			nv_times_set_dir(fs->times, nv_path_ino(fs, request->path), mtime);
		} else {
			nv_times_set(fs->times, nv_path_ino(fs, request->path), crc, mtime);
		}
	}
	return r;
}

void nv_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                   struct fuse_file_info *fi)
{
	struct nv_request request;
	struct nv_inode_name name;
	struct stat stat;
	double timeout = 0.0;
	if (!nv_request_begin(&request, req, ino, NV_METRIC_FUSE_SETATTR)) {
		return;
	}
	nv_request_about(&request, request.inode, NULL);
	nv_inode_name(request.fs->inodes, request.inode, &name);
	int r = 0;
	if (name.scratch && nv_file_of(fi) && (to_set & FUSE_SET_ATTR_SIZE)) {
		r = nv_handle_truncate(nv_file_of(fi)->handle, &request.call,
		                       (uint64_t)attr->st_size, &request.err);
		to_set &= ~FUSE_SET_ATTR_SIZE;
	}
	if (r == 0) {
		r = name.scratch ? setattr_scratch(&request, name.scratch, attr, to_set)
		                 : setattr_real(&request, &name, attr, to_set, nv_file_of(fi));
	}
	nv_inode_name_release(request.fs->inodes, &name);
	if (r == 0) {
		r = nv_getattr(&request, &stat, &timeout);
	}
	if (r < 0) {
		nv_request_reply_err(&request, r);
		return;
	}
	(void)fuse_reply_attr(req, &stat, timeout);
	nv_request_end(&request);
}
