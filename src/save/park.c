/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer: what happens to a slot when its time has come.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"

/* What is due next: 1 = *ret_dir, *ret_name; 0 = nothing before *ret_until (-1: nothing at all). Engine lock held. */
static int next_due(struct nv_save *save, int64_t now, char **ret_dir, char **ret_name, int64_t *ret_until)
{
	size_t dirs = 0;
	size_t key_size;
	const char *key;
	void *value;
	*ret_until = -1;
	while (nv_strmap_next(save->dirs, &dirs, &key, &key_size, &value)) {
		struct nv_names *names = value;
		size_t slots = 0;
		size_t name_size;
		const char *name;
		if (nv_strmap_count(names->slots) == 0 && !nv_proc_alive(names->maker)) {
			nv_names_free(nv_strmap_remove(save->dirs, key, key_size));
			continue;
		}
		while (nv_strmap_next(names->slots, &slots, &name, &name_size, &value)) {
			const struct nv_slot *slot = value;
			if (slot->due_ms < 0 || slot->busy) {
				continue;
			}
			if (slot->due_ms <= now) {
				*ret_dir = strndup(key, key_size);
				*ret_name = strndup(name, name_size);
				return *ret_dir && *ret_name;
			}
			if (*ret_until < 0 || slot->due_ms < *ret_until) {
				*ret_until = slot->due_ms;
			}
		}
	}
	return 0;
}

/* A scratch file of no known pattern that still stands: its maker may take it for a stored one. Engine lock held. */
static void warn_scratch(struct nv_slot *slot, struct nv_err *ret_err)
{
	slot->due_ms = -1;
	slot->scratch->warned = true;
	(void)nv_fail(ret_err, EINVAL, "%s is not a name this directory can store: it is a scratch file in memory, private to this "
	              "mount, and will be lost", slot->name);
}

/* Acts on one due slot. */
static void act(struct nv_save *save, const char *dir, const char *name)
{
	struct nv_place place = { .path = dir };
	struct nv_err note = NV_ERR_INIT;
	bool commits = false;
	bool back = false;
	uid_t uid = 0;
	nv_lock(save);
	struct nv_names *names = nv_names_of(save, place, false);
	struct nv_slot *slot = nv_slot_get(names, name);
	if (slot && slot->due_ms >= 0 && slot->due_ms <= nv_clock_ms(save->config.clock) && !slot->busy) {
		uid = slot->uid;
		switch (slot->state) {
		case NV_SLOT_SCRATCH:
			back = slot->scratch->type == NV_LINK; /* the copy of a derived link */
			if (!back) {
				warn_scratch(slot, &note);
			}
			break;
		case NV_SLOT_PARKED:
			commits = slot->why == NV_PARK_UNLINK;
			back = !commits;
			break;
		case NV_SLOT_NEW:
			commits = slot->accepted;
			back = !commits;
			if (back) {
				(void)nv_fail(&note, EINVAL, "%s was created and never written; nothing was stored", name);
			}
			break;
		case NV_SLOT_GONE:
			nv_slot_drop(names, name);
			break;
		}
		if (back) {
			nv_slot_drop(names, name);
		}
	}
	nv_unlock(save);
	if (commits) {
		(void)nv_commit_slot(save, dir, name, NULL); /* it reports its own failure */
	}
	if (note.errnum != 0) {
		char path[PATH_MAX];
		if (nv_path_join(path, dir, name) == 0) {
			nv_errors_ring_add(save->config.errors, uid, path, &note, NULL);
		}
	}
	if (back && save->config.events.names_changed) {
		save->config.events.names_changed(save->config.events.arg, dir, name);
	}
}

int nv_save_run_due(struct nv_save *save)
{
	for (;;) {
		cleanup_free char *dir = NULL;
		cleanup_free char *name = NULL;
		int64_t until = -1;
		nv_lock(save);
		int due = next_due(save, nv_clock_ms(save->config.clock), &dir, &name, &until);
		nv_unlock(save);
		if (due != 1) {
			return due;
		}
		act(save, dir, name);
	}
}

static void *timer_main(void *arg)
{
	struct nv_save *save = arg;
	nv_lock(save);
	while (!save->stop) {
		cleanup_free char *dir = NULL;
		cleanup_free char *name = NULL;
		int64_t until = -1;
		if (next_due(save, nv_clock_ms(save->config.clock), &dir, &name, &until) == 1) {
			nv_unlock(save);
			act(save, dir, name);
			nv_lock(save);
			continue;
		}
		save->wake_ms = until;
		nv_clock_wait(save->config.clock, &save->wake, &save->lock, until);
	}
	nv_unlock(save);
	return NULL;
}

int nv_timer_start(struct nv_save *save)
{
	int error = pthread_create(&save->timer, NULL, timer_main, save);
	save->timer_running = error == 0;
	return -error;
}

void nv_timer_stop(struct nv_save *save)
{
	nv_lock(save);
	bool running = save->timer_running;
	save->stop = true;
	save->timer_running = false;
	(void)pthread_cond_broadcast(&save->wake);
	nv_unlock(save);
	if (running) {
		(void)pthread_join(save->timer, NULL);
	}
}
