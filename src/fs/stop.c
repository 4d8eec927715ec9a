/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals that end the mount. libfuse's own handlers can lose one: its loop looks at a flag and
 * then sleeps, and a signal between the two, or one that another thread takes, leaves it asleep
 * until the next request. Here a thread nudges the loop until it has returned.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "fs/internal.h"

#define NUDGE_MS 20

/* Where the handler says that a signal came. As process-wide as signal handlers are, set once
 * before them. */
static int stop_fd = -1;

static void say_stop(void)
{
	const uint64_t one = 1;
	ssize_t n;
	do {
		n = write(stop_fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

static void on_signal(int number)
{
	int saved = errno;
	(void)number;
	say_stop();
	errno = saved;
}

/* Only there to interrupt the loop's sleep. */
static void on_nudge(int number)
{
	(void)number;
}

int nv_stop_catch(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	stop_fd = eventfd(0, EFD_CLOEXEC);
	if (stop_fd < 0) {
		return -errno;
	}
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (sigaction(ends[i], &action, NULL) != 0) {
			return -errno;
		}
	}
	action.sa_handler = on_nudge;
	action.sa_flags = 0; /* the sleep must not be taken up again */
	return sigaction(SIGUSR1, &action, NULL) == 0 ? 0 : -errno;
}

static void *stop_main(void *arg)
{
	struct nv_fs *fs = arg;
	uint64_t count;
	while (read(stop_fd, &count, sizeof(count)) < 0 && errno == EINTR) {
	}
	nv_inval_stop(fs->inval); /* first: it may need a request served to come to its end */
	fuse_session_exit(fs->session);
	(void)pthread_mutex_lock(&fs->stop_lock);
	while (!fs->loop_done) {
		struct timespec until;
		(void)pthread_kill(fs->loop_thread, SIGUSR1);
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += NUDGE_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_clockwait(&fs->stop_wake, &fs->stop_lock, CLOCK_MONOTONIC,
		                             &until);
	}
	(void)pthread_mutex_unlock(&fs->stop_lock);
	return NULL;
}

int nv_stop_start(struct nv_fs *fs, pthread_t *ret_thread)
{
	fs->loop_thread = pthread_self();
	return -pthread_create(ret_thread, NULL, stop_main, fs);
}

void nv_stop_end(struct nv_fs *fs, pthread_t thread)
{
	(void)pthread_mutex_lock(&fs->stop_lock);
	fs->loop_done = true;
	(void)pthread_cond_broadcast(&fs->stop_wake);
	(void)pthread_mutex_unlock(&fs->stop_lock);
	say_stop();
	(void)pthread_join(thread, NULL);
}
