/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"

extern char **environ;

enum { STALE_MAX = 16 }; /* dead mounts on top of each other */

int nv_mountpoint_resolve(const char *given, char **ret_path, struct nv_err *err)
{
	char *path = realpath(given, NULL);

	if (!path && errno == ENOTCONN) {
		/* The last component is a dead mount: resolve what is before it. */
		cleanup_free char *copy = strdup(given);
		cleanup_buf struct nv_buf whole = NV_BUF_INIT;

		if (!copy) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		for (size_t len = strlen(copy); len > 1 && copy[len - 1] == '/'; len--) {
			copy[len - 1] = '\0';
		}
		char *slash = strrchr(copy, '/');
		char *name = slash ? slash + 1 : copy;
		if (slash) {
			*slash = '\0';
		}
		cleanup_free char *parent = realpath(slash ? (*copy ? copy : "/") : ".", NULL);
		if (!parent) {
			return nv_fail(err, errno, "%s: %s", given, strerror(errno));
		}
		nv_buf_printf(&whole, "%s/%s", parent[1] ? parent : "", name);
		path = nv_buf_steal(&whole, NULL);
		if (!path) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
	}
	if (!path) {
		return nv_fail(err, errno, "mount point %s: %s", given, strerror(errno));
	}
	*ret_path = path;
	return 0;
}

/* Undoes the octal escapes of /proc/self/mountinfo in place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] && from[3]) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* True when the topmost mount on path is one of this program, alive or not. Asks the kernel
 * only. */
static bool is_ours(const char *path)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	bool ours = false;

	if (!file) {
		return false;
	}
	while (getline(&line, &size, file) > 0) {
		char *save = NULL;
		char *field = strtok_r(line, " ", &save);

		for (int i = 0; field && i < 4; i++) {
			field = strtok_r(NULL, " ", &save);
		}
		if (!field) {
			continue;
		}
		unescape(field);
		if (strcmp(field, path) != 0) {
			continue;
		}
		while (field && strcmp(field, "-") != 0) {
			field = strtok_r(NULL, " ", &save);
		}
		const char *type = field ? strtok_r(NULL, " ", &save) : NULL;
		ours = type &&
		       strcmp(type, "fuse.netviewfs") == 0; /* a later line is a mount on top */
	}
	(void)fclose(file);
	return ours;
}

/* Asks the daemon behind a mount, in a process of its own, because one that hangs would hold this
 * one. By statfs(2), which the kernel never answers by itself: its attributes of a root outlive the
 * daemon by a second. 0, -errno, or -ETIMEDOUT. */
static int ask_apart(const char *path, int64_t timeout_ms)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		return -errno;
	}
	pid_t pid = fork();
	if (pid == 0) {
		struct statfs answer;
		_exit(statfs(path, &answer) == 0 ? 0 : errno);
	}
	(void)close(ends[1]);
	if (pid < 0) {
		int result = -errno;
		(void)close(ends[0]);
		return result;
	}
	struct pollfd end = { .fd = ends[0], .events = POLLIN };
	bool ended = poll(&end, 1, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX) > 0;
	(void)close(ends[0]);
	if (!ended) {
		(void)kill(pid, SIGKILL);
	}
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	return ended && WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
}

/* Detaches what is on path; users who are not root need the helper for that. */
static int detach(const char *path)
{
	char *words[] = { (char *)"fusermount3", (char *)"-u", (char *)"-z", (char *)"-q",
		          (char *)"--",          (char *)path, NULL };
	pid_t pid;
	int status = 0;

	if (umount2(path, MNT_DETACH) == 0) {
		return 0;
	}
	int result = posix_spawnp(&pid, words[0], NULL, NULL, words, environ);
	if (result != 0) {
		return -result;
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			return -errno;
		}
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

int nv_mountpoint_prepare(const char *path, int64_t timeout_ms, struct nv_err *err)
{
	struct stat stat_buf;

	for (int i = 0; i < STALE_MAX && is_ours(path); i++) {
		int result = ask_apart(path, timeout_ms);

		if (result == -ETIMEDOUT) {
			return nv_fail(
				err, ETIMEDOUT,
				"%s: a netviewfs is mounted there and does not answer; fusermount3 -u -z %s takes it away",
				path, path);
		}
		if (result != -ENOTCONN && result != -ECONNABORTED) {
			return nv_fail(err, EBUSY, "%s: a netviewfs is mounted there already",
			               path);
		}
		result = detach(path);
		if (result < 0) {
			return nv_fail(err, -result,
			               "%s: a dead netviewfs mount could not be taken away: %s",
			               path, strerror(-result));
		}
		nv_log(NV_LOG_INFO, "%s: took away a dead mount", path);
	}
	if (stat(path, &stat_buf) != 0) {
		return nv_fail(err, errno, "mount point %s: %s", path, strerror(errno));
	}
	if (!S_ISDIR(stat_buf.st_mode)) {
		return nv_fail(err, ENOTDIR, "mount point %s: not a directory", path);
	}
	return 0;
}
