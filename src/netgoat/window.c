/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading ahead inside a large directory. A reader that goes through it name by name, as ls -l
 * does, outlives the listing; from then on each name would be a question of its own. Where names
 * were asked for one after the other, in the order they were listed in, the documents of the next
 * ones are asked for together. What comes is as fresh as any answer: it is kept for a second at
 * most.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/listing.h"

/* names; smaller directories are gone through while their listing is fresh */
#define LEAST 512
#define RUN_LEAST 8    /* names asked for one by one that make a scan */
#define WINDOW_MAX 256 /* names at once */

void nv_window_release(struct nv_window *window)
{
	free(window->key);
	free(window->names);
	*window = (struct nv_window){ 0 };
}

/* ---- Orders ---- */

/* The window of a directory, or NULL. windows_mutex held. */
static struct nv_window *find_window(struct nv_netgoat *ng, const struct nv_buf *key)
{
	for (size_t i = 0; i < NV_NETGOAT_WINDOWS; i++) {
		struct nv_window *window = &ng->windows[i];
		if (window->key && window->key_size == key->len &&
		    memcmp(window->key, key->data, key->len) == 0) {
			return window;
		}
	}
	return NULL;
}

/* The names of a listing in one block: pointers, then the texts. NULL when out of memory. */
static const char **copy_names(const struct nv_docsnap *snap)
{
	size_t size = snap->count * sizeof(char *);
	for (size_t i = 0; i < snap->count; i++) {
		size += strlen(snap->items[i].name) + 1;
	}
	const char **names = malloc(size);
	char *at = names ? (char *)(names + snap->count) : NULL;
	for (size_t i = 0; names && i < snap->count; i++) {
		names[i] = at;
		at = stpcpy(at, snap->items[i].name) + 1;
	}
	return names;
}

void nv_windows_note(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                     const struct nv_docsnap *snap)
{
	if (snap->count < LEAST) {
		return;
	}
	struct nv_window made = { .key = malloc(dir_key->len),
		                  .key_size = dir_key->len,
		                  .names = copy_names(snap),
		                  .count = snap->count };
	if (!made.key || !made.names) {
		nv_window_release(&made);
		return; /* each name is asked for alone */
	}
	memcpy(made.key, dir_key->data, dir_key->len);
	(void)pthread_mutex_lock(&ng->windows_mutex);
	struct nv_window *window = find_window(ng, dir_key);
	if (!window) {
		window = &ng->windows[ng->windows_next];
		ng->windows_next = (ng->windows_next + 1) % NV_NETGOAT_WINDOWS;
	}
	struct nv_window old = *window;
	*window = made;
	(void)pthread_mutex_unlock(&ng->windows_mutex);
	nv_window_release(&old);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The place of a name; count when it is none that was listed. */
static size_t place_of(const struct nv_window *window, const char *name)
{
	const char **found = bsearch(&name, window->names, window->count, sizeof(name), compare);
	return found ? (size_t)(found - window->names) : window->count;
}

static int window_key(const struct nv_buf *dir_key, struct nv_buf *out)
{
	nv_buf_append(out, dir_key->data, dir_key->len);
	nv_buf_puts(out, "\n/"); /* no name has a slash */
	return nv_buf_error(out);
}

/* What was read ahead, if it answers for a name. */
static struct nv_docsnap *find_read(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                                    const char *name)
{
	(void)pthread_mutex_lock(&ng->windows_mutex);
	const struct nv_window *window = find_window(ng, dir_key);
	size_t at = window && window->size ? place_of(window, name) : 0;
	/* Only what was asked for: documents that came besides may not be all of their name. */
	bool inside =
		window && window->size && at >= window->start && at < window->start + window->size;
	(void)pthread_mutex_unlock(&ng->windows_mutex);
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	return inside && window_key(dir_key, &key) == 0
	               ? nv_cache_get(ng->cache, key.data, key.len, name, NULL)
	               : NULL;
}

/* ---- Questions ---- */

/* How many names from at on are to be asked for. A window that died early, because something was
 * changed, is followed by one that is about as long as it lived. windows_mutex held. */
static size_t plan(struct nv_window *window, size_t at)
{
	size_t size = 0;
	if (at == window->last) {
		return 0; /* opened after it was looked up */
	}
	if (window->size && at > window->start && at <= window->start + window->size) {
		size = 2 * (at - window->start);
	} else {
		window->run = at == window->last + 1 ? window->run + 1 : 0;
		size = window->run >= RUN_LEAST ? RUN_LEAST : 0;
	}
	size = size > WINDOW_MAX ? WINDOW_MAX : size;
	size = size > window->count - at ? window->count - at : size;
	window->last = at;
	window->start = at;
	window->size = size;
	return size;
}

/* The names to be asked for, copied. *ret_count 0: name is asked for alone. */
static int next_names(struct nv_netgoat *ng, const struct nv_buf *dir_key, const char *name,
                      struct nv_arena *arena, const char ***ret_names, size_t *ret_count)
{
	(void)pthread_mutex_lock(&ng->windows_mutex);
	struct nv_window *window = find_window(ng, dir_key);
	size_t at = window ? place_of(window, name) : 0;
	size_t count = window && at < window->count ? plan(window, at) : 0;
	const char **names = count ? nv_arena_alloc(arena, count, sizeof(*names)) : NULL;
	for (size_t i = 0; names && i < count; i++) {
		names[i] = nv_arena_strdup(arena, window->names[at + i]);
	}
	(void)pthread_mutex_unlock(&ng->windows_mutex);
	*ret_names = names;
	*ret_count = count;
	return count && (!names || nv_arena_error(arena)) ? -ENOMEM : 0;
}

/* Everything that names and ids of the names can mean. */
struct wanted {
	bson_value_t *names;
	size_t names_count;
	size_t names_cap;
	bson_value_t *ids;
	size_t ids_count;
	size_t ids_cap;
};

static int want(struct wanted *wanted, const struct nv_docdir *dir, const char *component,
                struct nv_arena *arena)
{
	struct nv_docname name;
	int rc = nv_docname_parse(dir->kind, dir->by_id, component, dir->suffix, arena, &name);
	if (rc || name.cut) {
		return rc == -ENOMEM ? rc : 0; /* it is asked for alone, when its time comes */
	}
	size_t count = 0;
	const bson_value_t *forms =
		name.named ? nv_docname_forms(dir->kind, name.name, name.name_size, arena, &count)
			   : NULL;
	for (size_t i = 0; i < count; i++) {
		if (nv_arena_grow(arena, (void **)&wanted->names, wanted->names_count,
		                  &wanted->names_cap, sizeof(*wanted->names))) {
			return -ENOMEM;
		}
		wanted->names[wanted->names_count++] = forms[i];
	}
	if (name.name_id) {
		if (nv_arena_grow(arena, (void **)&wanted->ids, wanted->ids_count, &wanted->ids_cap,
		                  sizeof(*wanted->ids))) {
			return -ENOMEM;
		}
		wanted->ids[wanted->ids_count++] = *name.name_id;
	}
	return nv_arena_error(arena);
}

static int ask(struct nv_collect *collect, struct nv_docbatch *batch, const char **names,
               size_t count)
{
	const struct nv_docdir *dir = &collect->dir;
	struct wanted wanted = { 0 };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = want(&wanted, dir, names[i], &batch->arena);
	}
	collect->dedupe = true;
	struct nv_docask question = { .fn = nv_collect_doc, .ctx = collect };
	nv_docdir_ask(dir, &question, &batch->arena);
	if (rc == 0 && wanted.names_count) {
		struct nv_docask by_name = question;
		nv_docask_term(&by_name, NV_ROLE_NAME, NV_DOCTERM_IN, wanted.names,
		               wanted.names_count);
		rc = nv_docbatch_add(batch, &by_name);
	}
	if (rc == 0 && wanted.ids_count) {
		struct nv_docask by_id = question;
		nv_docask_id(&by_id, NV_DOCTERM_IN, wanted.ids, wanted.ids_count);
		rc = nv_docbatch_add(batch, &by_id);
	}
	return rc ? rc : nv_arena_error(&batch->arena);
}

int nv_window_find(struct nv_netgoat *ng, struct nv_ng_place *place, const struct nv_docdir *dir,
                   const struct nv_buf *dir_key, const char *name, struct nv_docsnap **ret_snap,
                   struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	cleanup_collect struct nv_collect collect = { 0 };
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	const char **names = NULL;
	size_t count = 0;
	if (place->scope == NV_NG_IN_ORPHANS) {
		return 0; /* what is an orphan is told by another question */
	}
	*ret_snap = nv_ng_place_is_stale(place) ? NULL : find_read(ng, dir_key, name);
	if (*ret_snap) {
		return 1;
	}
	int rc = next_names(ng, dir_key, name, &batch.arena, &names, &count);
	if (rc == 0 && count < 2) {
		return 0;
	}
	struct nv_cache_stamp stamp = nv_cache_stamp(ng->cache);
	rc = rc ? rc : nv_collect_init(&collect, dir, stamp.sampled_ms);
	rc = rc ? rc : window_key(dir_key, &key);
	rc = rc ? rc : ask(&collect, &batch, names, count);
	rc = rc ? nv_fail(err, ENOMEM, "out of memory") : nv_ng_place_run(ng, place, &batch, err);
	rc = rc ? rc : nv_collect_finish(&collect, err);
	if (rc) {
		return rc;
	}
	(void)nv_cache_put(ng->cache, key.data, key.len, collect.snap, stamp, false,
	                   NULL); /* not kept: asked for again */
	*ret_snap = nv_docsnap_ref(collect.snap);
	return 1;
}
