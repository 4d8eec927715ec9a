/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * getaddrinfo with a deadline. The breaker of the pool bounds how many look-ups can hang at the
 * same time: one a second.
 */
#include "config.h"

#include "redis/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "redis/conn.h"

/* One look-up, shared by the asker and its thread; the last one of them frees it. */
struct lookup {
	pthread_mutex_t mutex;
	pthread_cond_t done_cond;
	unsigned refs;         /* mutex */
	bool done;             /* mutex */
	int status;            /* of getaddrinfo; mutex */
	struct addrinfo *list; /* owned; mutex */
	char *host;            /* owned; constant */
	char port[8];          /* constant */
};

static void lookup_unref(struct lookup *lookup)
{
	(void)pthread_mutex_lock(&lookup->mutex);

	unsigned refs = --lookup->refs;

	(void)pthread_mutex_unlock(&lookup->mutex);
	if (refs > 0) {
		return;
	}
	if (lookup->list) {
		freeaddrinfo(lookup->list);
	}
	(void)pthread_cond_destroy(&lookup->done_cond);
	(void)pthread_mutex_destroy(&lookup->mutex);
	free(lookup->host);
	free(lookup);
}

static int lookup_new(const char *host, const char *port, struct lookup **ret_lookup)
{
	struct lookup *lookup cleanup_free = calloc(1, sizeof(*lookup));
	char *copy cleanup_free = strdup(host);
	pthread_condattr_t attr;

	if (!lookup || !copy || pthread_condattr_init(&attr) != 0) {
		return -ENOMEM;
	}
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* that clock is always there */

	int r = pthread_cond_init(&lookup->done_cond, &attr);

	(void)pthread_condattr_destroy(&attr);
	if (r != 0) {
		return -ENOMEM;
	}
	(void)pthread_mutex_init(&lookup->mutex, NULL); /* cannot fail for a plain mutex */
	lookup->refs = 1;
	lookup->host = steal(&copy);
	(void)snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	*ret_lookup = steal(&lookup);
	return 0;
}

static int ask(const char *host, const char *port, int flags, struct addrinfo **ret_list)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV | flags,
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
	};

	return getaddrinfo(host, port, &hints, ret_list);
}

static void *lookup_thread(void *argument)
{
	struct lookup *lookup = argument;
	struct addrinfo *list = NULL;
	int status = ask(lookup->host, lookup->port, 0, &list);

	(void)pthread_mutex_lock(&lookup->mutex);
	lookup->status = status;
	lookup->list = status == 0 ? list : NULL;
	lookup->done = true;
	(void)pthread_cond_signal(&lookup->done_cond);
	(void)pthread_mutex_unlock(&lookup->mutex);
	lookup_unref(lookup);
	return NULL;
}

static int lookup_start(struct lookup *lookup)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (pthread_attr_init(&attr) != 0) {
		return -ENOMEM;
	}
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* a legal value */
	lookup->refs++;

	int r = pthread_create(&thread, &attr, lookup_thread, lookup);

	(void)pthread_attr_destroy(&attr);
	if (r != 0) {
		lookup->refs--;
		return -ENOMEM;
	}
	return 0;
}

static int lookup_failed(int status, const char *host, struct nv_err *err)
{
	if (status == EAI_MEMORY) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return nv_fail(err, EIO, "no address for the host \"%s\": %s", host, gai_strerror(status));
}

int nv_redis_resolve(const char *host, int port, int64_t deadline_ms, struct addrinfo **ret_list,
                     struct nv_err *err)
{
	struct lookup *lookup = NULL;
	struct addrinfo *list = NULL;
	char port_text[8];

	(void)snprintf(port_text, sizeof(port_text), "%d", port);
	if (ask(host, port_text, AI_NUMERICHOST, &list) == 0) {
		*ret_list = list;
		return 0;
	}
	if (lookup_new(host, port_text, &lookup) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (lookup_start(lookup) < 0) {
		lookup_unref(lookup);
		return nv_fail(err, ENOMEM, "no thread for looking up the host");
	}

	struct timespec until = {
		.tv_sec = (time_t)(deadline_ms / 1000),
		.tv_nsec = (long)(deadline_ms % 1000) * 1000000,
	};
	int r = 0;

	(void)pthread_mutex_lock(&lookup->mutex);
	while (!lookup->done && r != ETIMEDOUT) {
		r = pthread_cond_timedwait(&lookup->done_cond, &lookup->mutex, &until);
	}
	if (!lookup->done) {
		r = nv_fail(err, ETIMEDOUT,
		            "no answer within the timeout to the question for the host's address");
	} else if (lookup->status != 0) {
		r = lookup_failed(lookup->status, host, err);
	} else {
		*ret_list = steal(&lookup->list);
		r = 0;
	}
	(void)pthread_mutex_unlock(&lookup->mutex);
	lookup_unref(lookup);
	return r;
}
