/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The session: its table of handlers, its threads, and what the save engine tells it.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fs/internal.h"

/* What -o max_read= says, 0 without it. The library has parsed it too, and breaks the connection
 * unless init repeats it. */
static unsigned max_read_option(const struct nv_fs *fs)
{
	unsigned bytes = 0;
	for (size_t i = 0; i < fs->config.fuse_args_count; i++) {
		(void)sscanf(fs->config.fuse_args[i], "max_read=%u", &bytes);
	}
	return bytes;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	conn->max_read = max_read_option(userdata);
	conn->want |= conn->capable & (FUSE_CAP_READDIRPLUS | FUSE_CAP_ATOMIC_O_TRUNC |
	                               FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_AUTO_INVAL_DATA);
	/* Always READDIRPLUS; no writeback: sizes and times are ours; no ACLs: every write would
	 * ask for them. */
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_WRITEBACK_CACHE |
	                          FUSE_CAP_POSIX_ACL | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS);
}

static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = nv_op_lookup,
	.forget = nv_op_forget,
	.forget_multi = nv_op_forget_multi,
	.getattr = nv_op_getattr,
	.setattr = nv_op_setattr,
	.readlink = nv_op_readlink,
	.mknod = nv_op_mknod,
	.mkdir = nv_op_mkdir,
	.unlink = nv_op_unlink,
	.rmdir = nv_op_rmdir,
	.symlink = nv_op_symlink,
	.rename = nv_op_rename,
	.link = nv_op_link,
	.open = nv_op_open,
	.create = nv_op_create,
	.read = nv_op_read,
	.write = nv_op_write,
	.flush = nv_op_flush,
	.fsync = nv_op_fsync,
	.release = nv_op_release,
	.opendir = nv_op_opendir,
	.readdir = nv_op_readdir,
	.readdirplus = nv_op_readdirplus,
	.fsyncdir = nv_op_fsyncdir,
	.statfs = nv_op_statfs,
	.fallocate = nv_op_fallocate,
};

/* A name came back or was stored late: the kernel must not go on believing what it knows of it. */
static void on_names_changed(void *arg, const char *dir, const char *name)
{
	struct nv_fs *fs = arg;
	struct nv_inode *inode = nv_inode_find(fs->inodes, dir);
	if (inode) {
		nv_inode_detach(fs->inodes, inode, name);
		nv_inval_name(fs->inval, inode->id, name);
		nv_inode_unref(fs->inodes, inode);
	}
}

static void on_committed(void *arg, const char *path, struct nv_blob *blob,
                         const struct timespec *set_mtime, const char *new_name)
{
	struct nv_fs *fs = arg;
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	(void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 0, path);
	uint64_t dir_ino = nv_path_ino(fs, dir);
	if (blob) {
		const char *now = new_name ? new_name : name;
		nv_times_stored(fs->times, nv_times_ino(fs->times, dir_ino, now), blob->crc,
		                blob->stamped, blob->mtime, set_mtime);
	}
	if (blob && !new_name) {
		return; /* the kernel did it itself and knows */
	}
	struct nv_inode *inode = nv_inode_find(fs->inodes, dir);
	if (!inode) {
		return;
	}
	if (new_name) {
		struct nv_inode *moved = nv_inode_peek(fs->inodes, inode, name);
		if (moved) {
			nv_inode_move(fs->inodes, inode, name, inode, new_name, moved->row, NULL);
			nv_inode_unref(fs->inodes, moved);
		}
	}
	nv_inval_name(fs->inval, inode->id, name);
	nv_inode_unref(fs->inodes, inode);
}

/* The argument vector libfuse parses: program name, then each -o word. */
static int make_session(struct nv_fs *fs, struct nv_err *err)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	int r = fuse_opt_add_arg(&args, "netviewfs");
	r |= fuse_opt_add_arg(&args, "-ofsname=netviewfs,subtype=netviewfs");
	if (fs->config.ro) {
		r |= fuse_opt_add_arg(&args, "-oro");
	}
	if (fs->config.debug) {
		r |= fuse_opt_add_arg(&args, "-d");
	}
	for (size_t i = 0; i < fs->config.fuse_args_count; i++) {
		char word[512];
		(void)snprintf(word, sizeof(word), "-o%s", fs->config.fuse_args[i]);
		r |= fuse_opt_add_arg(&args, word);
	}
	fs->session = r == 0 ? fuse_session_new(&args, &operations, sizeof(operations), fs) : NULL;
	fuse_opt_free_args(&args);
	return fs->session ? 0 : nv_fail(err, EINVAL, "the FUSE library refused its options");
}

int nv_fs_new(const struct nv_fs_config *config, struct nv_fs **ret_fs, struct nv_err *err)
{
	struct nv_fs *fs = calloc(1, sizeof(*fs));
	if (!fs) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	fs->config = *config;
	fs->config.uid = config->has_uid ? config->uid : geteuid();
	fs->config.gid = config->has_gid ? config->gid : getegid();
	(void)pthread_mutex_init(&fs->last_error_lock, NULL);
	(void)pthread_mutex_init(&fs->stop_lock, NULL);
	(void)pthread_cond_init(&fs->stop_wake, NULL);
	const struct nv_save_config save = {
		.tree = config->tree,
		.clock = config->clock,
		.errors = config->errors,
		.metrics = config->metrics,
		.conflicts = config->conflicts,
		.scratch_bytes = config->scratch_bytes,
		.ro = config->ro,
		.mode = config->mode,
		.events = { .names_changed = on_names_changed,
		            .committed = on_committed,
		            .arg = fs },
	};
	int r = nv_inode_table_new(config->tree->rows, &fs->inodes);
	r = r < 0 ? r : nv_times_new(config->clock, config->mode >= NV_MOUNT_FULL, &fs->times);
	r = r < 0 ? r : nv_scans_new(&fs->scans);
	if (r < 0) {
		r = nv_fail(err, -r, "out of memory");
	}
	r = r < 0 ? r : nv_save_new(&save, &fs->save, err);
	r = r < 0 ? r : make_session(fs, err);
	if (r == 0 && nv_inval_new(fs->session, &fs->inval) < 0) {
		r = nv_fail(err, ENOMEM, "out of memory");
	}
	if (r < 0) {
		nv_fs_free(fs);
		return r;
	}
	*ret_fs = fs;
	return 0;
}

int nv_fs_mount(struct nv_fs *fs, struct nv_err *err)
{
	/* Before the mount: a signal that comes between it and the loop must end the loop, not
	 * leave a dead mount. */
	if (nv_stop_catch() < 0) {
		return nv_fail(err, EIO, "cannot install signal handlers");
	}
	if (fuse_session_mount(fs->session, fs->config.mount_point) != 0) {
		return nv_fail(err, EIO, "cannot mount on %s", fs->config.mount_point);
	}
	fs->mounted = true;
	return 0;
}

int nv_fs_loop(struct nv_fs *fs, struct nv_err *err)
{
	int r = nv_save_start(fs->save, err);
	if (r == 0 && nv_inval_start(fs->inval) < 0) {
		r = nv_fail(err, EAGAIN, "cannot start a thread");
	}
	struct fuse_loop_config *loop = r == 0 ? fuse_loop_cfg_create() : NULL;
	pthread_t stopper;
	if (r == 0 && !loop) {
		r = nv_fail(err, ENOMEM, "out of memory");
	}
	if (r == 0 && nv_stop_start(fs, &stopper) < 0) {
		r = nv_fail(err, EAGAIN, "cannot start a thread");
	}
	if (r == 0) {
		fuse_loop_cfg_set_max_threads(loop, 16);
		int result = fuse_session_loop_mt(fs->session, loop);
		nv_stop_end(fs, stopper);
		r = result < 0
		            ? nv_fail(err, EIO, "the connection to the kernel broke (%d)", -result)
		            : 0;
	}
	if (loop) {
		fuse_loop_cfg_destroy(loop);
	}
	return r;
}

void nv_fs_unmount(struct nv_fs *fs)
{
	/* Saved first, unmounted then: when umount returns, all that was asked for is stored. */
	nv_save_finish(fs->save);
	if (fs->mounted) {
		fuse_session_unmount(fs->session);
		fs->mounted = false;
	}
}

void nv_fs_free(struct nv_fs *fs)
{
	if (!fs) {
		return;
	}
	nv_inval_free(fs->inval);
	/* before save: it holds scratch files, which the engine counts */
	nv_inode_table_free(fs->inodes);
	nv_save_free(fs->save);
	nv_scans_free(fs->scans);
	if (fs->session) {
		fuse_session_destroy(fs->session);
	}
	nv_times_free(fs->times);
	(void)pthread_mutex_destroy(&fs->last_error_lock);
	(void)pthread_mutex_destroy(&fs->stop_lock);
	(void)pthread_cond_destroy(&fs->stop_wake);
	free(fs);
}
