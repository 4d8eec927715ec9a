/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timer: what happens to a slot when its time has come.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "node/name.h"
#include "save/engine.h"

/* What a slot whose time has come asks for, once the engine lock is given back. */
struct due {
	char dir[PATH_MAX];
	char name[NV_NAME_MAX + 1];
	uid_t uid;
	bool commits;       /* its commit is to be made */
	bool back;          /* it is no more: the name is what the store says */
	bool is_link;       /* back: it was the copy of a derived link */
	struct nv_err note; /* a line for errors; errnum 0 = none */
};

/* A scratch file of no known pattern that still stands: its maker may take it for a stored one.
 * Engine lock held. */
static void warn_scratch(struct nv_save *save, struct nv_slot *slot, struct nv_err *ret_err)
{
	if (slot->scratch->opens > 0 ||
	    nv_clock_ms(save->config.clock) - slot->scratch->closed_ms < NV_SCRATCH_WARN_MS) {
		/* still being written, or was until just now */
		nv_slot_due(save, slot, NV_SCRATCH_WARN_MS);
		return;
	}
	nv_slot_undue(slot);
	slot->scratch->warned = true;
	(void)nv_fail(
		ret_err, EINVAL,
		"%s is not a name this directory can store: it is a scratch file in memory, private to this "
		"mount, and will be lost",
		slot->name);
}

/* What is due first: true = it is, *due says what is to be done; false = nothing before *ret_until
 * (-1: nothing at all). Engine lock held. */
static bool next_due(struct nv_save *save, struct due *due, int64_t *ret_until)
{
	struct nv_slot *slot = nv_slot_first_due(save);
	*ret_until = slot ? slot->due_ms : -1;
	if (!slot || slot->due_ms > nv_clock_ms(save->config.clock)) {
		return false;
	}
	(void)snprintf(due->dir, sizeof(due->dir), "%s", slot->names->path);
	(void)snprintf(due->name, sizeof(due->name), "%s", slot->name);
	due->uid = slot->uid;
	due->commits = false;
	due->back = false;
	due->is_link = false;
	due->note = (struct nv_err)NV_ERR_INIT;
	switch (slot->state) {
	case NV_SLOT_SCRATCH:
		due->is_link = slot->scratch->type == NV_LINK;
		due->back = due->is_link;
		if (!due->back) {
			warn_scratch(save, slot, &due->note);
		}
		break;
	case NV_SLOT_PARKED:
		due->commits = slot->why == NV_PARK_UNLINK;
		due->back = !due->commits;
		break;
	case NV_SLOT_NEW:
		due->commits = slot->accepted;
		due->back = !due->commits;
		if (due->back) {
			(void)nv_fail(&due->note, EINVAL,
			              "%s was created and never written; nothing was stored",
			              due->name);
		}
		break;
	case NV_SLOT_GONE:
		nv_slot_drop(slot->names, due->name);
		break;
	}
	if (due->back) {
		nv_slot_drop(slot->names, due->name);
	}
	return true;
}

/* In a full mount a link that no document came to say was a wish that nobody heard. */
static void check_link(struct nv_save *save, struct due *due)
{
	struct nv_at at;
	struct nv_faults faults = NV_FAULTS_INIT;
	const struct nv_call call = { .uid = due->uid, .faults = &faults };
	cleanup_found struct nv_found found = { 0 };
	const struct nv_place dir = { .path = due->dir };
	if (save->config.mode == NV_MOUNT_FULL &&
	    nv_at_child(save, due->dir, due->name, NULL, &at, NULL) == 0 &&
	    (at.node.row->flags & NV_ROW_LINKED) &&
	    nv_save_lookup(save, &call, dir, due->name, &found, NULL) == -ENOENT) {
		(void)nv_fail(
			&due->note, EINVAL,
			"%s was not stored: in a full mount the documents say who is a member, and the "
			"links follow; write user.json or team.json",
			due->name);
	}
	nv_faults_release(&faults);
}

static void act(struct nv_save *save, struct due *due)
{
	char path[PATH_MAX];
	if (due->commits) {
		/* it reports its own failure */
		(void)nv_commit_slot(save, due->dir, due->name, NULL);
	}
	if (due->is_link) {
		check_link(save, due);
	}
	if (due->note.errnum != 0 && nv_path_join(path, due->dir, due->name) == 0) {
		nv_errors_ring_add(save->config.errors, due->uid, path, &due->note, NULL);
	}
	if (due->back && save->config.events.names_changed) {
		save->config.events.names_changed(save->config.events.arg, due->dir, due->name);
	}
}

void nv_save_run_due(struct nv_save *save)
{
	struct due due;
	int64_t until;
	nv_lock(save);
	while (next_due(save, &due, &until)) {
		nv_unlock(save);
		act(save, &due);
		nv_lock(save);
	}
	nv_unlock(save);
}

static void *timer_main(void *arg)
{
	struct nv_save *save = arg;
	struct due due;
	nv_lock(save);
	while (!save->stop) {
		int64_t until;
		if (next_due(save, &due, &until)) {
			nv_unlock(save);
			act(save, &due);
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
