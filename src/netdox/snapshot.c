/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots as values: references and look-up of parts. builder.c makes them.
 */
#include "config.h"

#include "netdox/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *nv_snapshot_ref(void *snapshot)
{
	struct nv_snapshot *s = snapshot;

	if (s) {
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	}
	return s;
}

void nv_snapshot_unref(void *snapshot)
{
	struct nv_snapshot *s = snapshot;

	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < s->parts_count; i++) {
		nv_bytes_release(&s->parts[i].id);
		free(s->parts[i].name);
		nv_blob_unref(s->parts[i].blob);
		free(s->parts[i].broken);
	}
	free(s->parts);
	nv_lines_release(&s->members);
	nv_bytes_release(&s->id);
	free(s->broken);
	free(s);
}

const struct nv_part *nv_snapshot_find(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind, const struct nv_bytes *id)
{
	for (size_t i = 0; i < snapshot->parts_count; i++) {
		const struct nv_part *part = &snapshot->parts[i];

		if (part->kind == kind && (!id || !id->data || nv_bytes_equal(&part->id, id))) {
			return part;
		}
	}
	return NULL;
}

const struct nv_part *nv_snapshot_named(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind, const char *name)
{
	for (size_t i = 0; i < snapshot->parts_count; i++) {
		const struct nv_part *part = &snapshot->parts[i];

		if (part->kind == kind && strcmp(part->name, name) == 0) {
			return part;
		}
	}
	return NULL;
}

bool nv_snapshot_has_kind(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind)
{
	return nv_snapshot_find(snapshot, kind, NULL) != NULL;
}

int nv_part_load(const struct nv_part *part, const char *path, struct nv_blob **ret_blob, struct nv_err *err)
{
	if (!part) {
		return nv_fail(err, ENOENT, "%s: nothing is stored there", path);
	}
	if (!part->blob) {
		return nv_fail(err, EIO, "%s", part->broken);
	}
	*ret_blob = nv_blob_ref(part->blob);
	return 0;
}
