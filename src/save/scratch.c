/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scratch nodes: files, directories and links in memory that belong to this mount alone.
 *
 * Which names are scratch. A name is scratch when the directory's grammar cannot map it (no row of
 * src/tree.c matches, or the family's accepts says -ENOTSUP); where every name can be mapped, those
 * that editors and tools use on the way (nv_name_is_scratch). A stored name of that form is listed
 * escaped, so the two never meet. What cannot be told apart by name (busybox sed's noteXXXXXX
 * beside pdata ids) is not scratch but a new name that waits (NV_ROW_ANYNAME).
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "save/engine.h"

struct nv_scratch *nv_scratch_new(struct nv_save *save, enum nv_type type, mode_t mode,
                                  const struct nv_call *call)
{
	struct nv_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch) {
		return NULL;
	}
	*scratch = (struct nv_scratch){
		.save = save,
		.type = type,
		.id = save->next_id++,
		.mode = mode & 07777,
		.uid = call->uid,
		.gid = call->gid,
		.mtime = nv_clock_wall(save->config.clock),
		.text = NV_STAGE_INIT,
	};
	atomic_init(&scratch->refs, 1);
	if (type == NV_DIR) {
		scratch->names = nv_names_new();
		if (!scratch->names) {
			free(scratch);
			return NULL;
		}
	}
	return scratch;
}

struct nv_scratch *nv_scratch_ref(struct nv_scratch *scratch)
{
	if (scratch) {
		(void)atomic_fetch_add(&scratch->refs, 1);
	}
	return scratch;
}

void nv_scratch_unref(struct nv_scratch *scratch)
{
	if (!scratch || atomic_fetch_sub(&scratch->refs, 1) != 1) {
		return;
	}
	(void)__atomic_sub_fetch(&scratch->save->scratch_used, scratch->text.size,
	                         __ATOMIC_RELAXED);
	nv_stage_release(&scratch->text);
	nv_names_free(scratch->names);
	free(scratch->target);
	free(scratch);
}

/* True for names that editors give to the version before: what may go first when space is short. */
static bool is_backup(const char *name)
{
	static const char *const ends[] = { "~", ".bak", ".orig" };
	size_t size = strlen(name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t n = strlen(ends[i]);
		if (size > n && strcmp(name + size - n, ends[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* The oldest closed backup of all real directories. False when there is none. */
static bool oldest_backup(struct nv_save *save, struct nv_names **ret_names,
                          const struct nv_slot **ret_slot)
{
	size_t dirs = 0;
	size_t size;
	const char *key;
	void *value;
	int64_t oldest = INT64_MAX;
	while (nv_strmap_next(save->dirs, &dirs, &key, &size, &value)) {
		struct nv_names *names = value;
		size_t slots = 0;
		while (nv_strmap_next(names->slots, &slots, &key, &size, &value)) {
			const struct nv_slot *slot = value;
			const struct nv_scratch *scratch = slot->scratch;
			if (scratch && scratch->type == NV_FILE && scratch->opens == 0 &&
			    scratch->nlink == 1 && scratch->text.size > 0 &&
			    is_backup(slot->name) && scratch->closed_ms < oldest) {
				oldest = scratch->closed_ms;
				*ret_names = names;
				*ret_slot = slot;
			}
		}
	}
	return oldest != INT64_MAX;
}

/* The kernel keeps a node long after its name is gone; its text must not stay that long. */
static void drop_text(struct nv_scratch *scratch)
{
	(void)__atomic_sub_fetch(&scratch->save->scratch_used, scratch->text.size,
	                         __ATOMIC_RELAXED);
	nv_stage_release(&scratch->text);
}

int nv_scratch_reserve(struct nv_save *save, size_t grow, struct nv_err *err)
{
	struct nv_names *names = NULL;
	const struct nv_slot *slot = NULL;
	while (save->scratch_used + grow > save->config.scratch_bytes &&
	       oldest_backup(save, &names, &slot)) {
		drop_text(slot->scratch);
		nv_slot_drop(names, slot->name);
	}
	if (save->scratch_used + grow > save->config.scratch_bytes) {
		return nv_fail(err, ENOSPC,
		               "scratch space is full (%zu bytes; -o scratch= sets it)",
		               save->config.scratch_bytes);
	}
	return 0;
}

/* Changes the text by one stage call and keeps the count of used bytes. */
static int resize(struct nv_scratch *scratch, uint64_t size, struct nv_err *err)
{
	struct nv_save *save = scratch->save;
	size_t before = scratch->text.size;
	int r = size > before ? nv_scratch_reserve(save, size - before, err) : 0;
	if (r == 0) {
		r = nv_stage_truncate(&scratch->text, size);
		if (r < 0) {
			(void)nv_fail(err, -r, "cannot hold %llu bytes of scratch text",
			              (unsigned long long)size);
		}
	}
	/* Atomic, since the last unref of a node may come without the engine lock. */
	(void)__atomic_add_fetch(&save->scratch_used, scratch->text.size - before,
	                         __ATOMIC_RELAXED);
	return r;
}

int nv_scratch_truncate(struct nv_scratch *scratch, uint64_t size, struct nv_err *err)
{
	int r = resize(scratch, size, err);
	if (r == 0) {
		scratch->mtime = nv_clock_wall(scratch->save->config.clock);
		scratch->mtime_set = false;
	}
	return r;
}

int nv_scratch_write(struct nv_scratch *scratch, const char *data, size_t size, uint64_t offset,
                     struct nv_err *err)
{
	if (offset + size > scratch->text.size) {
		int r = resize(scratch, offset + size, err);
		if (r < 0) {
			return r;
		}
	}
	scratch->mtime = nv_clock_wall(scratch->save->config.clock);
	scratch->mtime_set = false;
	return nv_stage_write(&scratch->text, data, size, offset);
}

void nv_save_scratch_attr(struct nv_save *save, struct nv_scratch *scratch,
                          struct nv_scratch_attr *ret_attr)
{
	nv_lock(save);
	*ret_attr = (struct nv_scratch_attr){
		.type = scratch->type,
		.mode = scratch->mode,
		.uid = scratch->uid,
		.gid = scratch->gid,
		.nlink = scratch->nlink,
		.size = scratch->target ? strlen(scratch->target) : scratch->text.size,
		.id = scratch->id,
		.mtime = scratch->mtime,
	};
	nv_unlock(save);
}

int nv_save_scratch_set(struct nv_save *save, struct nv_scratch *scratch, unsigned set,
                        const struct nv_scratch_attr *attr, struct nv_err *err)
{
	int r = 0;
	nv_lock(save);
	if (set & NV_SET_MODE) {
		scratch->mode = attr->mode & 07777;
	}
	if (set & NV_SET_UID) {
		scratch->uid = attr->uid;
	}
	if (set & NV_SET_GID) {
		scratch->gid = attr->gid;
	}
	if (set & NV_SET_SIZE) {
		r = nv_scratch_truncate(scratch, attr->size, err);
	}
	if (r == 0 && (set & NV_SET_MTIME)) {
		scratch->mtime = attr->mtime;
		scratch->mtime_set = true;
	}
	nv_unlock(save);
	return r;
}
