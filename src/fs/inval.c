/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The only caller of fuse_lowlevel_notify_* besides OPEN.
 */
#include "config.h"

#include "fs/inval.h"

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct item {
	struct item *next;
	uint64_t id;
	char *name; /* owned; NULL = attributes of id */
};

struct nv_inval {
	struct fuse_session *session;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct item *first, **last; /* lock */
	bool stop;                  /* lock */
	bool running;               /* lock once the thread runs */
	pthread_t thread;
};

int nv_inval_new(struct fuse_session *session, struct nv_inval **ret_inval)
{
	struct nv_inval *inval = calloc(1, sizeof(*inval));
	if (!inval) {
		return -ENOMEM;
	}
	inval->session = session;
	inval->last = &inval->first;
	(void)pthread_mutex_init(&inval->lock, NULL);
	(void)pthread_cond_init(&inval->wake, NULL);
	*ret_inval = inval;
	return 0;
}

static void free_item(struct item *item)
{
	free(item->name);
	free(item);
}

/* Tells the kernel; that it knows nothing of the inode or name (-ENOENT) is the usual case. */
static void notify(struct fuse_session *session, const struct item *item)
{
	if (item->name) {
		(void)fuse_lowlevel_notify_inval_entry(session, item->id, item->name,
		                                       strlen(item->name));
		(void)fuse_lowlevel_notify_inval_inode(session, item->id, 0, 0);
	} else {
		(void)fuse_lowlevel_notify_inval_inode(session, item->id, -1, 0);
	}
}

static void *inval_main(void *arg)
{
	struct nv_inval *inval = arg;
	(void)pthread_mutex_lock(&inval->lock);
	while (!inval->stop) {
		struct item *item = inval->first;
		if (!item) {
			(void)pthread_cond_wait(&inval->wake, &inval->lock);
			continue;
		}
		inval->first = item->next;
		if (!inval->first) {
			inval->last = &inval->first;
		}
		(void)pthread_mutex_unlock(&inval->lock);
		notify(inval->session, item);
		free_item(item);
		(void)pthread_mutex_lock(&inval->lock);
	}
	(void)pthread_mutex_unlock(&inval->lock);
	return NULL;
}

int nv_inval_start(struct nv_inval *inval)
{
	int error = pthread_create(&inval->thread, NULL, inval_main, inval);
	inval->running = error == 0;
	return -error;
}

void nv_inval_stop(struct nv_inval *inval)
{
	(void)pthread_mutex_lock(&inval->lock);
	bool running = inval->running;
	inval->running = false;
	inval->stop = true;
	(void)pthread_cond_broadcast(&inval->wake);
	(void)pthread_mutex_unlock(&inval->lock);
	if (running) {
		(void)pthread_join(inval->thread, NULL);
	}
}

void nv_inval_free(struct nv_inval *inval)
{
	if (!inval) {
		return;
	}
	nv_inval_stop(inval);
	while (inval->first) {
		struct item *item = inval->first;
		inval->first = item->next;
		free_item(item);
	}
	(void)pthread_cond_destroy(&inval->wake);
	(void)pthread_mutex_destroy(&inval->lock);
	free(inval);
}

/* Out of memory drops the notice: the kernel then forgets by itself within the timeout of 1 s. */
static void put(struct nv_inval *inval, uint64_t id, const char *name)
{
	struct item *item = calloc(1, sizeof(*item));
	char *copy = name ? strdup(name) : NULL;
	if (!item || (name && !copy)) {
		free(item);
		free(copy);
		return;
	}
	item->id = id;
	item->name = copy;
	(void)pthread_mutex_lock(&inval->lock);
	*inval->last = item;
	inval->last = &item->next;
	(void)pthread_cond_signal(&inval->wake);
	(void)pthread_mutex_unlock(&inval->lock);
}

void nv_inval_attr(struct nv_inval *inval, uint64_t id)
{
	put(inval, id, NULL);
}

void nv_inval_name(struct nv_inval *inval, uint64_t dir_id, const char *name)
{
	put(inval, dir_id, name);
}
