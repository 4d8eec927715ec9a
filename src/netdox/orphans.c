/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netdox/orphans: every key of the models' names that no other path stands for, and of index sets
 * the members that none does.
 *
 * Found by elimination: scan the keys, then ask every object which keys its paths show whole. In
 * this order a key that comes in between is missed until the next look, never shown wrongly. The
 * cost is that of reading all names of keys; only who looks here pays it, at most once a second.
 * A restore mount shows what was put there instead (restored.c): what no other path stands for is
 * known only when all is back.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netdox/claims.h"
#include "netdox/names.h"

/* One look. */
struct search {
	struct nv_claims claims;
	struct nv_snapshot *found[NV_REDIS_DB_COUNT];
};

static void search_release(struct search *search)
{
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		nv_snapshot_unref(search->found[db]);
	}
	nv_claims_release(&search->claims);
}

/* --- what is left --- */

/* Keys that no path stands for. */
static int find_orphans(struct search *search, enum nv_redis_db db, struct nv_lines *ret_orphans)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < search->claims.keys[db].count; i++) {
		const struct nv_bytes *key = &search->claims.keys[db].items[i].bytes;

		if (!nv_claims_has(&search->claims, db, key)) {
			r = nv_lines_add(ret_orphans, key->data, key->size, 0);
		}
	}
	return r;
}

/* True when the orphan's text says that it is a hash (it was read without details, so TYPE is
 * written). */
static bool is_hash(const struct nv_part *part)
{
	static const char head[] = "--- hash";

	return part && part->blob && part->blob->size >= sizeof(head) - 1 &&
	       memcmp(part->blob->text, head, sizeof(head) - 1) == 0;
}

/* Whether `K;details` is among the orphans of K (sorted). */
static const struct nv_line *details_of(const struct nv_lines *orphans, const struct nv_bytes *key)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	nv_buf_append(&name, key->data, key->size);
	nv_buf_puts(&name, nv_netdox_details);
	return nv_buf_error(&name) ? NULL : nv_lines_find(orphans, name.data, name.len);
}

/* Reads orphans [first, first + count) into snapshots, each with and without its details. */
static int read_orphans(struct search *search, enum nv_redis_db db, const struct nv_bytes *ids,
                        size_t count, struct nv_snapshot *with, struct nv_snapshot *bare,
                        struct nv_err *err)
{
	struct nv_netdox *netdox = search->claims.netdox;
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	bool main_db = db == NV_REDIS_MAIN;
	struct nv_plan_group groups[] = {
		{ .object = main_db ? NV_OBJECT_KEY : NV_OBJECT_KEY1, .ids = ids, .count = count },
		{ .object = main_db ? NV_OBJECT_BARE_KEY : NV_OBJECT_BARE_KEY1,
		  .ids = ids,
		  .count = count },
	};
	int r = nv_builder_new(search->claims.sampled_ms, &builder);

	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	r = nv_plan_run(netdox->redis, netdox->read_script, 0, groups, 2,
	                nv_builder_sink(builder, groups), err);
	for (size_t i = 0; r == 0 && i < nv_builder_count(builder); i++) {
		r = nv_snapshot_take(i < count ? with : bare, nv_builder_at(builder, i));
		if (r < 0) {
			(void)nv_fail(err, -r, "out of memory");
		}
	}
	return r;
}

/* Adds a copy of a part. */
static int add_copy(struct nv_snapshot *snapshot, const struct nv_part *part)
{
	char *broken = part->broken ? strdup(part->broken) : NULL;

	if (part->broken && !broken) {
		return -ENOMEM;
	}
	return nv_snapshot_add(snapshot, NV_NETDOX_ORPHAN, &part->id, nv_blob_ref(part->blob),
	                       broken);
}

/* The parts of a snapshot by the index of their key among the orphans (both in the same order).
 * NULL when out of memory. */
static const struct nv_part **index_parts(const struct nv_lines *orphans,
                                          const struct nv_snapshot *snapshot)
{
	const struct nv_part **parts =
		calloc(orphans->count ? orphans->count : 1, sizeof(const struct nv_part *));
	size_t at = 0;

	for (size_t i = 0; parts && i < orphans->count && at < snapshot->parts_count; i++) {
		if (nv_bytes_equal(&snapshot->parts[at].id, &orphans->items[i].bytes)) {
			parts[i] = &snapshot->parts[at++];
		}
	}
	return parts;
}

/* Chooses for each orphan whether it has a header, is one, or is neither. Orphans are sorted, so
 * K comes before K;details. */
static int choose_headers(const struct nv_lines *orphans, const struct nv_snapshot *with,
                          const struct nv_snapshot *bare, struct nv_snapshot *ret)
{
	const struct nv_part **with_of = index_parts(orphans, with);
	const struct nv_part **bare_of = index_parts(orphans, bare);
	int r = with_of && bare_of ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < orphans->count; i++) {
		const struct nv_line *details = details_of(orphans, &orphans->items[i].bytes);
		const struct nv_part *part = bare_of[i];

		if (!part) {
			continue; /* shown with its key; or gone meanwhile */
		}
		if (details && is_hash(bare_of[details - orphans->items])) {
			bare_of[details - orphans->items] = NULL;
			part = with_of[i] ? with_of[i] : part;
		}
		r = add_copy(ret, part);
	}
	free(with_of);
	free(bare_of);
	return r;
}

/* Adds the set `key` with only these members. */
static int add_partial(struct search *search, enum nv_redis_db db, const struct nv_bytes *key,
                       struct nv_lines *members)
{
	struct nv_data data cleanup_data = NV_DATA_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_blob *blob;
	size_t size;
	char *bytes;

	data.type = NV_DATA_SET;
	data.rows = *members;
	*members = (struct nv_lines)NV_LINES_INIT;
	nv_data_normalise(&data);
	if (nv_snapshot_data_name(&data, key) < 0) {
		return -ENOMEM;
	}
	nv_data_format(&data, &text);
	bytes = nv_buf_steal(&text, &size);
	blob = bytes ? nv_blob_new(bytes, size, search->claims.sampled_ms, NULL, NULL) : NULL;
	if (!blob) {
		return -ENOMEM;
	}
	return nv_snapshot_add(search->found[db], NV_NETDOX_ORPHAN, key, blob, NULL);
}

/* Index sets of which paths show some members: those that none does. */
static int add_left(struct search *search, enum nv_redis_db db)
{
	const struct nv_lefts *left = &search->claims.left;
	int r = 0;

	for (size_t i = 0; r == 0 && i < left->count;) {
		struct nv_lines members cleanup_lines = NV_LINES_INIT;
		const struct nv_left *first = &left->items[i];

		for (; r == 0 && i < left->count && left->items[i].db == first->db &&
		       nv_bytes_equal(&left->items[i].key, &first->key);
		     i++) {
			const struct nv_bytes *member = &left->items[i].member;

			r = nv_lines_add(&members, member->data, member->size, 0);
		}
		/* An index that no path stands for is shown whole. */
		if (r == 0 && first->db == db && nv_claims_has(&search->claims, db, &first->key)) {
			r = add_partial(search, db, &first->key, &members);
		}
	}
	return r;
}

static int show_orphans(struct search *search, enum nv_redis_db db, struct nv_err *err)
{
	struct nv_lines orphans cleanup_lines = NV_LINES_INIT;
	struct nv_snapshot *with cleanup_snapshot =
		nv_snapshot_new(NV_OBJECT_KEY, search->claims.sampled_ms);
	struct nv_snapshot *bare cleanup_snapshot =
		nv_snapshot_new(NV_OBJECT_KEY, search->claims.sampled_ms);
	int r = with && bare ? find_orphans(search, db, &orphans) : -ENOMEM;
	struct nv_bytes *ids = nv_claims_ids(&orphans);

	search->found[db] = nv_snapshot_new(NV_OBJECT_KEY, search->claims.sampled_ms);
	if (r < 0 || !ids || !search->found[db]) {
		free(ids);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; r == 0 && i < orphans.count; i += NV_CLAIMS_BATCH) {
		size_t left = orphans.count - i;

		r = read_orphans(search, db, ids + i,
		                 left < NV_CLAIMS_BATCH ? left : NV_CLAIMS_BATCH, with, bare, err);
	}
	free(ids);
	if (r < 0) {
		return r;
	}
	r = choose_headers(&orphans, with, bare, search->found[db]);
	if (r == 0) {
		r = add_left(search, db);
	}
	return r < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* --- answers --- */

static void orphans_key(char key[2], enum nv_redis_db db)
{
	key[0] = (char)('A' + (int)NV_OBJECT_KEY);
	key[1] = (char)('0' + (int)db);
}

static int run_search(struct search *search, struct nv_err *err)
{
	int r = nv_claims_collect(&search->claims, err);

	for (int db = 0; r == 0 && db < NV_REDIS_DB_COUNT; db++) {
		r = show_orphans(search, (enum nv_redis_db)db, err);
	}
	return r;
}

static int read_all(struct nv_netdox *netdox, enum nv_redis_db db, const char *part,
                    struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_cache_stamp stamp = nv_cache_stamp(netdox->cache);
	struct search search __attribute__((cleanup(search_release))) = {
		.claims = { .netdox = netdox, .sampled_ms = stamp.sampled_ms },
	};
	int r;

	r = run_search(&search, err);
	if (r < 0) {
		return r;
	}
	for (int i = 0; i < NV_REDIS_DB_COUNT; i++) {
		char key[2];

		orphans_key(key, (enum nv_redis_db)i);
		(void)nv_cache_put(netdox->cache, key, sizeof(key), search.found[i], stamp,
		                   i != (int)db, part); /* else asked again */
	}
	*ret_snapshot = nv_snapshot_ref(search.found[db]);
	return 0;
}

int nv_orphans_get(struct nv_netdox *netdox, enum nv_redis_db db, const char *part,
                   struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_snapshot *snapshot;
	char key[2];

	if (netdox->mode == NV_MOUNT_RESTORE) {
		return nv_restored_get(netdox, db, NULL, ret_snapshot, err);
	}
	orphans_key(key, db);
	snapshot = nv_cache_get(netdox->cache, key, sizeof(key), part, NULL);
	if (snapshot) {
		*ret_snapshot = snapshot;
		return 1;
	}
	return read_all(netdox, db, part, ret_snapshot, err);
}

bool nv_orphan_db(const struct nv_netdox *netdox, const char *name, enum nv_redis_db *ret_db)
{
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		char number[16];

		snprintf(number, sizeof(number), "%d",
		         nv_redis_db_number(netdox->redis, (enum nv_redis_db)db));
		if (strcmp(number, name) == 0) {
			*ret_db = (enum nv_redis_db)db;
			return true;
		}
	}
	return false;
}

int nv_orphan_find(struct nv_netdox *netdox, const struct nv_node *node,
                   struct nv_snapshot **ret_snapshot, const struct nv_part **ret_part,
                   struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	const struct nv_part *part;
	enum nv_redis_db db;
	int r;

	if (!nv_orphan_db(netdox, node->names[0], &db)) {
		return nv_fail(err, ENOENT, "%s: that database is not one of Netdox", node->path);
	}
	r = nv_target_of(netdox, node, &target, err);
	if (r == 0 && netdox->mode == NV_MOUNT_RESTORE) {
		r = nv_restored_get(netdox, db, node->name, &snapshot, err);
	} else if (r == 0) {
		r = nv_orphans_get(netdox, db, target.part, &snapshot, err);
	}
	part = r >= 0 ? nv_target_part(snapshot, node, &target) : NULL;
	if (r == 1 && !part) {
		nv_snapshot_unref(steal(&snapshot)); /* a no is never said from a cache */
		r = read_all(netdox, db, target.part, &snapshot, err);
		part = r == 0 ? nv_target_part(snapshot, node, &target) : NULL;
	}
	if (r < 0) {
		return r;
	}
	if (!part) {
		return nv_fail(err, ENOENT,
		               "%s: there is no such key, or another path stands for it",
		               node->path);
	}
	*ret_part = part;
	*ret_snapshot = steal(&snapshot);
	return 0;
}

void nv_orphans_invalidate(struct nv_netdox *netdox)
{
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		char key[2];

		orphans_key(key, (enum nv_redis_db)db);
		nv_cache_invalidate(netdox->cache, key, sizeof(key));
	}
}
