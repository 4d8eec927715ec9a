/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots as values: references, and adding and finding of parts. builder.c makes them.
 */
#include "config.h"

#include "netdox/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/array.h"
#include "netdox/names.h"

struct nv_snapshot *nv_snapshot_new(enum nv_object object, int64_t sampled_ms)
{
	struct nv_snapshot *snapshot = calloc(1, sizeof(*snapshot));

	if (snapshot) {
		atomic_init(&snapshot->refs, 1);
		snapshot->object = object;
		snapshot->exists = true;
		snapshot->sampled_ms = sampled_ms;
	}
	return snapshot;
}

int nv_snapshot_add(struct nv_snapshot *snapshot, enum nv_netdox_kind kind,
                    const struct nv_bytes *id, struct nv_blob *blob, char *broken)
{
	struct nv_part part = { .kind = kind, .blob = blob, .broken = broken };
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	const char *last = strrchr(nv_netdox_layouts[kind].path, '/');
	size_t size;
	int r;

	last = last ? last + 1 : nv_netdox_layouts[kind].path;
	if (id->data) {
		nv_file_component(id, &name, NULL);
	} else {
		nv_buf_puts(&name, last);
	}
	r = nv_buf_error(&name);
	if (r == 0) {
		r = nv_bytes_copy(&part.id, id->data, id->size);
	}
	if (r == 0 && snapshot->parts_count == snapshot->parts_cap) {
		r = nv_array_grow((void **)&snapshot->parts, &snapshot->parts_cap,
		                  sizeof(*snapshot->parts));
	}
	if (r < 0) {
		nv_bytes_release(&part.id);
		nv_blob_unref(blob);
		free(broken);
		return r;
	}
	part.name = nv_buf_steal(&name, &size);
	snapshot->parts[snapshot->parts_count++] = part;
	snapshot->bytes += blob ? blob->size : 0;
	return 0;
}

int nv_snapshot_data_name(struct nv_data *data, const struct nv_bytes *id)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	bool cut = false;

	nv_file_component(id, &name, &cut);
	if (nv_buf_error(&name)) {
		return -ENOMEM;
	}
	return cut ? nv_bytes_copy(&data->name, id->data, id->size) : 0;
}

int nv_snapshot_take(struct nv_snapshot *snapshot, struct nv_snapshot *from)
{
	for (; from->parts_count > 0; from->parts_count--) {
		if (snapshot->parts_count == snapshot->parts_cap &&
		    nv_array_grow((void **)&snapshot->parts, &snapshot->parts_cap,
		                  sizeof(*snapshot->parts)) < 0) {
			return -ENOMEM;
		}
		snapshot->parts[snapshot->parts_count++] = from->parts[from->parts_count - 1];
	}
	snapshot->bytes += from->bytes;
	from->bytes = 0;
	return 0;
}

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

const struct nv_part *nv_snapshot_find(const struct nv_snapshot *snapshot, enum nv_netdox_kind kind,
                                       const struct nv_bytes *id)
{
	for (size_t i = 0; i < snapshot->parts_count; i++) {
		const struct nv_part *part = &snapshot->parts[i];

		if (part->kind == kind && (!id || !id->data || nv_bytes_equal(&part->id, id))) {
			return part;
		}
	}
	return NULL;
}

const struct nv_part *nv_snapshot_named(const struct nv_snapshot *snapshot,
                                        enum nv_netdox_kind kind, const char *name)
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

int nv_part_load(const struct nv_part *part, const char *path, struct nv_blob **ret_blob,
                 struct nv_err *err)
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
