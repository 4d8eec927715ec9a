/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What goes through the pipe is one struct nv_err; errnum 0 says ready. It is below PIPE_BUF, so it
 * arrives whole or not at all.
 */
#include "config.h"

#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

_Static_assert(sizeof(struct nv_err) <= 512,
               "one write to a pipe is whole up to PIPE_BUF, which is at least 512");

/* Waits for the report of the daemon. 1, or -errno. */
static int wait_for_report(pid_t pid, int report, int64_t timeout_ms, struct nv_err *err)
{
	struct pollfd end = { .fd = report, .events = POLLIN };
	struct nv_err told;
	int status = 0;

	int ready = poll(&end, 1, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX);
	if (ready <= 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
		return nv_fail(err, ETIMEDOUT, "not mounted: no answer from the stores within %g s",
		               (double)timeout_ms / 1000);
	}
	if (read(report, &told, sizeof(told)) != (ssize_t)sizeof(told)) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
		if (WIFSIGNALED(status)) {
			return nv_fail(err, EIO, "not mounted: the daemon was ended by signal %d",
			               WTERMSIG(status));
		}
		return nv_fail(err, EIO,
		               "not mounted: the daemon ended with status %d and no reason",
		               WEXITSTATUS(status));
	}
	if (told.errnum == 0) {
		return 1;
	}
	told.msg[sizeof(told.msg) - 1] = '\0';
	return nv_fail(err, told.errnum, "%s", told.msg);
}

int nv_daemon_fork(int64_t timeout_ms, int *ret_report, struct nv_err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		return nv_fail(err, errno, "pipe: %s", strerror(errno));
	}
	pid_t pid = fork();
	if (pid < 0) {
		int result = nv_fail(err, errno, "fork: %s", strerror(errno));
		(void)close(ends[0]);
		(void)close(ends[1]);
		return result;
	}
	if (pid == 0) {
		(void)close(ends[0]);
		(void)setsid(); /* a child is no group leader: cannot fail */
		*ret_report = ends[1];
		return 0;
	}
	(void)close(ends[1]);
	int result = wait_for_report(pid, ends[0], timeout_ms, err);
	(void)close(ends[0]);
	return result;
}

void nv_daemon_ready(int report)
{
	const struct nv_err ready = NV_ERR_INIT;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO) {
			(void)close(null);
		}
	}
	/* Fails in no namespace that has a root; then the old one is only kept busy. */
	int moved = chdir("/");
	(void)moved;
	/* When the starter is gone, nobody needs the answer. */
	ssize_t written = write(report, &ready, sizeof(ready));
	(void)written;
	(void)close(report);
}

void nv_daemon_failed(int report, const struct nv_err *err)
{
	struct nv_err told = *err;

	if (told.errnum == 0) {
		told.errnum = EIO;
	}
	ssize_t written = write(report, &told, sizeof(told));
	(void)written;
	(void)close(report);
}
