/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Paths as nodes, and the slots of directories. No rule of saving lives here.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/name.h"
#include "save/engine.h"

#define SWEEP_LEAST 64

static const int64_t delays_ms[NV_DELAYS] = { NV_DELETE_DELAY_MS, NV_RETURN_DELAY_MS,
	                                      NV_SCRATCH_WARN_MS };

int nv_path_join(char *out, const char *dir, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s%s%s", dir, *dir ? "/" : "", name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

const char *nv_path_split(char *out, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	memcpy(out, path, size);
	out[size] = '\0';
	return slash ? slash + 1 : path;
}

int nv_at_path(struct nv_save *save, const char *path, struct nv_at *ret_at, struct nv_err *err)
{
	if (strlen(path) >= sizeof(ret_at->path)) {
		return nv_fail(err, ENAMETOOLONG, "the path is longer than %zu bytes",
		               sizeof(ret_at->path) - 1);
	}
	memmove(ret_at->path, path, strlen(path) + 1);
	int r = nv_tree_resolve(save->config.tree, ret_at->path, ret_at->storage,
	                        sizeof(ret_at->storage), &ret_at->node);
	return r < 0 ? nv_fail(err, -r, "%s: no such path in this mount", path) : 0;
}

int nv_at_child(struct nv_save *save, const char *dir, const char *name, const struct nv_row *row,
                struct nv_at *ret_at, struct nv_err *err)
{
	const struct nv_tree *tree = save->config.tree;
	int r = nv_at_path(save, dir, ret_at, err);
	if (r < 0) {
		return r;
	}
	if (!row) {
		row = nv_tree_child(tree, ret_at->node.row, name, 0);
	}
	if (!row) {
		return nv_fail(err, ENOENT, "%s: no such name in %s", name, dir);
	}
	r = nv_node_child(tree, &ret_at->node, row, name, ret_at->path, sizeof(ret_at->path),
	                  &ret_at->node);
	return r < 0 ? nv_fail(err, -r, "the path is longer than %zu bytes",
	                       sizeof(ret_at->path) - 1)
	             : 0;
}

struct nv_names *nv_names_new(void)
{
	struct nv_names *names = calloc(1, sizeof(*names));
	if (!names) {
		return NULL;
	}
	names->slots = nv_strmap_new();
	if (!names->slots) {
		free(names);
		return NULL;
	}
	return names;
}

void nv_names_free(struct nv_names *names)
{
	if (!names) {
		return;
	}
	nv_strmap_free(names->slots, nv_slot_free);
	nv_strmap_free(names->revealed, NULL);
	free(names->path);
	free(names);
}

bool nv_names_is_idle(struct nv_names *names)
{
	return nv_strmap_count(names->slots) == 0 &&
	       (names->maker.tgid <= 0 || !nv_proc_alive(names->maker));
}

/* Frees what says nothing any more, each time their number has doubled: in the long run a look at
 * one or two for each that is made. */
static void sweep(struct nv_save *save)
{
	size_t cursor = 0;
	size_t size;
	const char *key;
	void *value;
	if (nv_strmap_count(save->dirs) < save->dirs_sweep) {
		return;
	}
	while (nv_strmap_next(save->dirs, &cursor, &key, &size, &value)) {
		if (nv_names_is_idle(value)) {
			nv_names_free(nv_strmap_remove(save->dirs, key, size));
		}
	}
	save->dirs_sweep = SWEEP_LEAST + 2 * nv_strmap_count(save->dirs);
}

struct nv_names *nv_names_of(struct nv_save *save, struct nv_place place, bool create)
{
	if (place.scratch) {
		return place.scratch->names;
	}
	struct nv_names *names = nv_strmap_get(save->dirs, place.path, strlen(place.path));
	if (names || !create) {
		return names;
	}
	sweep(save);
	names = nv_names_new();
	if (names) {
		names->path = strdup(place.path);
	}
	if (!names || !names->path ||
	    nv_strmap_set(save->dirs, place.path, strlen(place.path), names, NULL) < 0) {
		nv_names_free(names);
		return NULL;
	}
	return names;
}

struct nv_slot *nv_slot_get(struct nv_names *names, const char *name)
{
	return names ? nv_strmap_get(names->slots, name, strlen(name)) : NULL;
}

void nv_slot_free(void *arg)
{
	struct nv_slot *slot = arg;
	if (!slot) {
		return;
	}
	nv_slot_undue(slot);
	if (slot->scratch) {
		slot->scratch->nlink--;
		nv_scratch_unref(slot->scratch);
	}
	nv_blob_unref(slot->blob);
	nv_stage_release(&slot->text);
	free(slot->name);
	free(slot);
}

struct nv_slot *nv_slot_put(struct nv_save *save, struct nv_names *names, const char *name,
                            enum nv_slot_state state, const struct nv_call *call)
{
	struct nv_slot *slot = calloc(1, sizeof(*slot));
	void *old = NULL;
	if (!slot) {
		return NULL;
	}
	*slot = (struct nv_slot){ .names = names,
		                  .name = strdup(name),
		                  .id = save->next_id++,
		                  .state = state,
		                  .text = NV_STAGE_INIT };
	if (call) {
		slot->uid = call->uid;
		slot->gid = call->gid;
		slot->proc = nv_proc_of(call->pid);
	}
	if (!slot->name || nv_strmap_set(names->slots, name, strlen(name), slot, &old) < 0) {
		nv_slot_free(slot);
		return NULL;
	}
	nv_slot_free(old);
	return slot;
}

void nv_slot_drop(struct nv_names *names, const char *name)
{
	if (names) {
		nv_slot_free(nv_strmap_remove(names->slots, name, strlen(name)));
	}
}

struct nv_slot *nv_slot_settled(struct nv_save *save, struct nv_place place, const char *name)
{
	struct nv_slot *slot = nv_slot_get(nv_names_of(save, place, false), name);
	while (slot && slot->busy) {
		(void)pthread_cond_wait(&save->wake, &save->lock);
		slot = nv_slot_get(nv_names_of(save, place, false), name);
	}
	return slot;
}

void nv_slot_due(struct nv_save *save, struct nv_slot *slot, int64_t delay_ms)
{
	struct nv_due *ring = save->due;
	while (delays_ms[ring - save->due] != delay_ms && ring < &save->due[NV_DELAYS - 1]) {
		ring++;
	}
	nv_slot_undue(slot);
	/* The clock never goes back, so the last of a ring has the latest time. */
	slot->due_ms = nv_clock_ms(save->config.clock) + delay_ms;
	slot->due = (struct nv_due){ ring, ring->prev };
	ring->prev->next = &slot->due;
	ring->prev = &slot->due;
	if (save->wake_ms < 0 || slot->due_ms < save->wake_ms) {
		(void)pthread_cond_broadcast(&save->wake);
	}
}

void nv_slot_watch(struct nv_save *save, struct nv_place place, struct nv_slot *slot)
{
	if (!place.scratch && slot->scratch->type == NV_FILE &&
	    !nv_name_is_scratch(slot->name, false)) {
		nv_slot_due(save, slot, NV_SCRATCH_WARN_MS);
	}
}

void nv_slot_watch_made(struct nv_save *save, struct nv_place place, struct nv_slot *slot)
{
	if (!place.scratch && slot->scratch->type == NV_FILE && nv_name_is_copy(slot->name)) {
		nv_slot_due(save, slot, NV_SCRATCH_WARN_MS);
	} else {
		nv_slot_watch(save, place, slot);
	}
}

void nv_slot_undue(struct nv_slot *slot)
{
	if (slot->due.next) {
		slot->due.next->prev = slot->due.prev;
		slot->due.prev->next = slot->due.next;
		slot->due = (struct nv_due){ NULL, NULL };
	}
}

struct nv_slot *nv_slot_first_due(struct nv_save *save)
{
	struct nv_slot *first = NULL;
	for (size_t i = 0; i < NV_DELAYS; i++) {
		struct nv_slot *slot = save->due[i].next == &save->due[i]
		                               ? NULL
		                               : (struct nv_slot *)save->due[i].next;
		if (slot && (!first || slot->due_ms < first->due_ms)) {
			first = slot;
		}
	}
	return first;
}

void nv_slot_take(struct nv_slot *slot)
{
	slot->busy = true;
	nv_slot_undue(slot);
}

bool nv_names_hides(struct nv_names *names, const struct nv_row *row, const char *name,
                    const struct nv_call *call)
{
	bool by_itself = (row->flags & (NV_ROW_OWN | NV_ROW_STRUCTURAL | NV_ROW_SHARED)) ||
	                 (row->type == NV_LINK && (row->flags & NV_ROW_DERIVED));
	if (!names || names->maker.tgid <= 0 || !by_itself) {
		return false;
	}
	if (names->revealed && nv_strmap_get(names->revealed, name, strlen(name))) {
		return false;
	}
	if (!nv_proc_alive(names->maker)) {
		names->maker = (struct nv_proc){ 0, 0 };
		return false;
	}
	return nv_proc_equal(names->maker, nv_proc_of(call->pid));
}

void nv_names_look_empty(struct nv_save *save, const struct nv_call *call, const char *path)
{
	struct nv_names *names = nv_names_of(save, (struct nv_place){ .path = path }, true);
	if (names) {
		names->maker = nv_proc_of(call->pid);
		nv_strmap_free(names->revealed, NULL);
		names->revealed = NULL;
	}
}

bool nv_names_reveal(struct nv_names *names, const char *name, const struct nv_call *call)
{
	if (!names || names->maker.tgid <= 0 ||
	    !nv_proc_equal(names->maker, nv_proc_of(call->pid))) {
		return false;
	}
	if (names->revealed && nv_strmap_get(names->revealed, name, strlen(name))) {
		return false;
	}
	if (!names->revealed) {
		names->revealed = nv_strmap_new();
	}
	return names->revealed &&
	       nv_strmap_set(names->revealed, name, strlen(name), names, NULL) == 0;
}

/* True when path is dir or below it; *ret_rest is what follows dir. */
static bool below(const char *path, const char *dir, const char **ret_rest)
{
	size_t size = strlen(dir);
	if (strncmp(path, dir, size) != 0 || (path[size] != '\0' && path[size] != '/')) {
		return false;
	}
	*ret_rest = path + size;
	return true;
}

/* Moves the slots of one directory under its new path. Out of memory drops what this mount alone
 * knew of it; the store has all data. */
static void move_names(struct nv_save *save, const char *old, const char *to, const char *rest)
{
	cleanup_free char *path = NULL;
	struct nv_names *names = nv_strmap_remove(save->dirs, old, strlen(old));
	void *replaced = NULL;
	if (asprintf(&path, "%s%s", to, rest) < 0) {
		path = NULL;
	}
	if (!path || nv_strmap_set(save->dirs, path, strlen(path), names, &replaced) < 0) {
		nv_names_free(names);
	} else {
		free(names->path);
		names->path = steal(&path);
	}
	nv_names_free(replaced);
}

void nv_names_rebase(struct nv_save *save, const char *from, const char *to)
{
	bool moved = true;
	while (moved) { /* each set may reorder the map, so the walk starts again */
		size_t cursor = 0;
		size_t size;
		const char *key;
		void *value;
		moved = false;
		while (!moved && nv_strmap_next(save->dirs, &cursor, &key, &size, &value)) {
			cleanup_free char *old = strndup(key, size);
			const char *rest;
			if (old && below(old, from, &rest)) {
				move_names(save, old, to, rest);
				moved = true;
			}
		}
	}
	for (struct nv_handle *h = save->handles; h; h = h->next) {
		const char *rest;
		char *path = NULL;
		char *old = h->path;
		struct nv_retired *retired = NULL;
		if (!old || !below(old, from, &rest)) {
			continue;
		}
		retired = malloc(sizeof(*retired));
		if (!retired || asprintf(&path, "%s%s", to, rest) < 0) {
			/* the handle keeps a path that is gone: its save is refused with ENOENT */
			free(retired);
			continue;
		}
		*retired = (struct nv_retired){ h->retired, old };
		h->retired = retired;
		h->path = path;
	}
}
