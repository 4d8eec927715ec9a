/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of fs/: the mount's state and one request.
 */
#ifndef NV_FS_INTERNAL_H
#define NV_FS_INTERNAL_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <pthread.h>

#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/inval.h"
#include "fs/scan.h"
#include "fs/times.h"
#include "save/save.h"

struct nv_fs {
	struct nv_fs_config config;
	struct fuse_session *session;
	struct nv_inode_table *inodes;
	struct nv_times *times;
	struct nv_inval *inval;
	struct nv_scans *scans;
	struct nv_save *save;
	bool mounted;
	pthread_t loop_thread; /* the thread in fuse_session_loop_mt */
	pthread_mutex_t stop_lock;
	pthread_cond_t stop_wake;
	bool loop_done; /* stop_lock; the loop has returned */
	pthread_mutex_t last_error_lock;
	/* last_error_lock; the kernel repeats a RENAME that got ESTALE: its reason is reported
	 * once */
	uint32_t last_error_crc;
	int64_t last_error_ms; /* last_error_lock */
};

/* One request, from decoding to its one reply. */
struct nv_request {
	fuse_req_t req;
	struct nv_fs *fs;
	struct nv_call call;
	struct nv_faults faults;
	struct nv_err err;
	struct nv_inode *inode;  /* of the node id it names; reference */
	struct nv_inode *second; /* the other directory of rename and link; reference */
	char path[PATH_MAX];     /* what it is about, for messages */
};

/* Counts it and finds its inode. False: replied already (a stale node id). */
bool nv_request_begin(struct nv_request *request, fuse_req_t req, fuse_ino_t ino,
                      enum nv_metric metric);
/* Sets path to the inode's, or to the name in it. */
void nv_request_about(struct nv_request *request, struct nv_inode *inode, const char *name);
/* Replies errno -r, and puts the reason where users look; r = 0 replies success. Ends the
 * request. */
void nv_request_reply_err(struct nv_request *request, int r);
/* Ends a request that was replied to. */
void nv_request_end(struct nv_request *request);

/* Catches SIGHUP, SIGINT and SIGTERM from now on (stop.c). -errno. */
int nv_stop_catch(void);
/* Starts the thread that ends the loop of the calling thread when one was caught; -errno. */
int nv_stop_start(struct nv_fs *fs, pthread_t *ret_thread);
/* The loop has returned: ends that thread. */
void nv_stop_end(struct nv_fs *fs, pthread_t thread);

/* The place a directory inode stands for; path is storage of PATH_MAX. -ESTALE -ENOTDIR. */
int nv_place_of(struct nv_fs *fs, struct nv_inode *inode, char *path, struct nv_place *ret_place);

/* The st_ino of a path / of a scratch node. */
uint64_t nv_path_ino(struct nv_fs *fs, const char *path);
uint64_t nv_scratch_ino(struct nv_fs *fs, uint64_t id);

/* A request made or removed a name of that directory: its mtime moves. */
void nv_dir_changed(struct nv_fs *fs, struct nv_place place);

/* Seconds the kernel may keep what was sampled then. */
double nv_timeout(struct nv_fs *fs, int64_t sampled_ms);

/* Fills *stat for a found name; path: its real path (ignored for scratch). inode may be NULL; else
 * it is noted what the kernel is told. Returns the attribute timeout. */
double nv_stat_found(struct nv_fs *fs, const char *path, const struct nv_found *found,
                     struct nv_inode *inode, struct stat *stat);

/* Looks a name up and fills an entry, entering its inode with one lookup. */
int nv_entry_lookup(struct nv_request *request, struct nv_inode *dir, const char *name,
                    struct fuse_entry_param *ret_entry);
/* The same for a name already found. */
int nv_entry_found(struct nv_request *request, struct nv_inode *dir, struct nv_place place,
                   const struct nv_found *found, struct fuse_entry_param *ret_entry);

/* CRC over the names of a listing. */
uint32_t nv_listing_crc(const struct nv_listing *listing);

/* Attributes of an inode, as GETATTR. */
int nv_getattr(struct nv_request *request, struct stat *ret_stat, double *ret_timeout);

/* Request handlers by file. */
void nv_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void nv_op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void nv_op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void nv_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void nv_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                   struct fuse_file_info *fi);
void nv_op_readlink(fuse_req_t req, fuse_ino_t ino);
void nv_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void nv_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void nv_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void nv_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void nv_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to,
                  const char *to_name, unsigned int flags);
void nv_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t to, const char *to_name);
void nv_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void nv_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void nv_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                   struct fuse_file_info *fi);
void nv_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi);
void nv_op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void nv_op_statfs(fuse_req_t req, fuse_ino_t ino);
void nv_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void nv_op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                  struct fuse_file_info *fi);
void nv_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *fi);
void nv_op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset,
                 struct fuse_file_info *fi);
void nv_op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void nv_op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void nv_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void nv_op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length,
                     struct fuse_file_info *fi);

static inline struct nv_file *nv_file_of(const struct fuse_file_info *fi)
{
	return fi ? (struct nv_file *)(uintptr_t)fi->fh : NULL;
}

#endif
