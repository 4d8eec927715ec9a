/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * orphans/ of a restore mount: the files that were put there. Which keys no other path stands for is
 * known only when everything is back, and asking for it costs a look at all keys; so each file is
 * there because it was saved, whatever stands beside it by now.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netdox/claims.h"
#include "netdox/family.h"
#include "netdox/names.h"

/* One file. */
struct restored {
	enum nv_redis_db db;
	struct nv_bytes key;     /* owned */
	bool details;            /* its header has `K;details` */
	struct nv_blob *members; /* owned; sets: what the file says, the key may have more */
};

static void free_restored(void *arg)
{
	struct restored *restored = arg;

	if (restored) {
		nv_bytes_release(&restored->key);
		nv_blob_unref(restored->members);
		free(restored);
	}
}

void nv_restored_free(struct nv_strmap *restored)
{
	nv_strmap_free(restored, free_restored);
}

/* The name of a file in the map. */
static int make_name(struct nv_buf *name, enum nv_redis_db db, const char *component)
{
	nv_buf_printf(name, "%d/%s", (int)db, component);
	return nv_buf_error(name);
}

int nv_restored_put(struct nv_netdox *netdox, enum nv_redis_db db, const struct nv_bytes *key,
                    bool details, struct nv_blob *members)
{
	struct restored *restored = calloc(1, sizeof(*restored));
	struct nv_buf component cleanup_buf = NV_BUF_INIT;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	void *old = NULL;
	int r;

	if (!restored) {
		return -ENOMEM;
	}
	restored->db = db;
	restored->details = details;
	restored->members = nv_blob_ref(members);
	nv_file_component(key, &component, NULL);
	r = nv_buf_error(&component);
	if (r == 0) {
		r = make_name(&name, db, component.data);
	}
	if (r == 0) {
		r = nv_bytes_copy(&restored->key, key->data, key->size);
	}
	if (r == 0) {
		pthread_mutex_lock(&netdox->lock);
		r = nv_strmap_set(netdox->restored, name.data, name.len, restored, &old);
		pthread_mutex_unlock(&netdox->lock);
	}
	free_restored(r < 0 ? restored : old);
	return r;
}

void nv_restored_drop(struct nv_netdox *netdox, enum nv_redis_db db, const char *component)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	struct restored *restored;

	if (make_name(&name, db, component) < 0) {
		return; /* without memory it goes on being shown while its key is there */
	}
	pthread_mutex_lock(&netdox->lock);
	restored = nv_strmap_remove(netdox->restored, name.data, name.len);
	pthread_mutex_unlock(&netdox->lock);
	free_restored(restored);
}

/* What is to be read, copied out of the lock: keys with details, keys without. */
struct wanted {
	struct nv_lines with;
	struct nv_lines bare;
};

static void release_wanted(struct wanted *wanted)
{
	nv_lines_release(&wanted->with);
	nv_lines_release(&wanted->bare);
}

/* A set is shown as it was saved; of others the key is wanted. Lock held. */
static int want(const struct restored *restored, struct nv_snapshot *snapshot,
                struct wanted *wanted)
{
	struct nv_lines *keys = restored->details ? &wanted->with : &wanted->bare;

	return restored->members ? nv_snapshot_add(snapshot, NV_NETDOX_ORPHAN, &restored->key,
	                                           nv_blob_ref(restored->members), NULL)
	                         : nv_lines_add(keys, restored->key.data, restored->key.size, 0);
}

static int want_all(struct nv_netdox *netdox, enum nv_redis_db db, const char *component,
                    struct nv_snapshot *snapshot, struct wanted *wanted)
{
	struct nv_buf only cleanup_buf = NV_BUF_INIT;
	size_t cursor = 0;
	const char *name;
	size_t size;
	void *value;
	int r = component ? make_name(&only, db, component) : 0;

	if (r < 0) {
		return r;
	}
	pthread_mutex_lock(&netdox->lock);
	if (component) {
		value = nv_strmap_get(netdox->restored, only.data, only.len);
		r = value ? want(value, snapshot, wanted) : 0;
	}
	while (!component && r == 0 &&
	       nv_strmap_next(netdox->restored, &cursor, &name, &size, &value)) {
		const struct restored *restored = value;

		r = restored->db == db ? want(restored, snapshot, wanted) : 0;
	}
	pthread_mutex_unlock(&netdox->lock);
	return r;
}

/* Reads keys and puts them into the snapshot. */
static int read_keys(struct nv_netdox *netdox, enum nv_object object, const struct nv_lines *keys,
                     struct nv_snapshot *snapshot, struct nv_err *err)
{
	struct nv_bytes *ids = nv_claims_ids(keys);
	int r = ids ? 0 : nv_fail(err, ENOMEM, "out of memory");

	for (size_t first = 0; r == 0 && first < keys->count; first += NV_CLAIMS_BATCH) {
		struct nv_builder *builder NV_CLEANUP(builder) = NULL;
		size_t left = keys->count - first;
		struct nv_plan_group group = { .object = object,
			                       .ids = ids + first,
			                       .count = left < NV_CLAIMS_BATCH ? left
			                                                       : NV_CLAIMS_BATCH };

		if (nv_builder_new(snapshot->sampled_ms, &builder) < 0) {
			r = nv_fail(err, ENOMEM, "out of memory");
			break;
		}
		r = nv_plan_run(netdox->redis, netdox->read_script, 0, &group, 1,
		                nv_builder_sink(builder, &group), err);
		for (size_t i = 0; r == 0 && i < nv_builder_count(builder); i++) {
			r = nv_snapshot_take(snapshot, nv_builder_at(builder, i));
			r = r < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
		}
	}
	free(ids);
	return r;
}

int nv_restored_get(struct nv_netdox *netdox, enum nv_redis_db db, const char *component,
                    struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot =
		nv_snapshot_new(NV_OBJECT_KEY, nv_clock_ms(netdox->clock));
	struct wanted wanted
		__attribute__((cleanup(release_wanted))) = { NV_LINES_INIT, NV_LINES_INIT };
	bool main_db = db == NV_REDIS_MAIN;
	int r = snapshot ? want_all(netdox, db, component, snapshot, &wanted) : -ENOMEM;

	if (r < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	r = read_keys(netdox, main_db ? NV_OBJECT_KEY : NV_OBJECT_KEY1, &wanted.with, snapshot,
	              err);
	if (r == 0) {
		r = read_keys(netdox, main_db ? NV_OBJECT_BARE_KEY : NV_OBJECT_BARE_KEY1,
		              &wanted.bare, snapshot, err);
	}
	if (r == 0) {
		*ret_snapshot = steal(&snapshot);
	}
	return r;
}
