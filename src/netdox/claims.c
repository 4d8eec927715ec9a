/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What keys there are, and which of them paths stand for. In this order: a key that comes in
 * between is missed until the next look, never shown wrongly.
 */
#include "config.h"

#include "netdox/claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/array.h"
#include "netdox/names.h"
#include "redis/pipeline.h"

enum { SCAN_COUNT = 10000 }; /* keys that Redis looks at for one answer */

void nv_claims_release(struct nv_claims *claims)
{
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		nv_lines_release(&claims->keys[db]);
	}
	for (int object = 0; object < NV_OBJECT_COUNT; object++) {
		nv_lines_release(&claims->lists[object]);
	}
	for (size_t i = 0; i < claims->left.count; i++) {
		nv_bytes_release(&claims->left.items[i].key);
		nv_bytes_release(&claims->left.items[i].member);
	}
	free(claims->left.items);
	nv_strmap_free(claims->claimed, NULL);
}

/* --- what there is --- */

/* A pattern that at least keeps most keys of other programs out of the answers. */
static void scan_pattern(struct nv_buf *out)
{
	nv_buf_putc(out, '[');
	for (const char *const *word = nv_netdox_words; *word; word++) {
		nv_buf_append(out, *word, 1);
	}
	nv_buf_puts(out, "]*");
}

static int take_scan(struct nv_lines *keys, const struct nv_redis_reply *reply)
{
	const struct nv_redis_reply *found = &reply->items[1];
	int r = 0;

	for (size_t i = 0; r == 0 && i < found->count; i++) {
		if (nv_layout_is_ours(found->items[i].data, found->items[i].size)) {
			r = nv_lines_add(keys, found->items[i].data, found->items[i].size, 0);
		}
	}
	return r;
}

/* One round of SCAN on each database that is not through. */
static int scan_round(struct nv_claims *claims, const char *pattern,
                      char cursors[NV_REDIS_DB_COUNT][24], struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	char count[16];
	size_t at = 0;
	int r;

	snprintf(count, sizeof(count), "%d", SCAN_COUNT);
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		if (*cursors[db]) {
			nv_redis_pipeline_use(&p, (enum nv_redis_db)db);
			nv_redis_pipeline_words(&p, "SCAN", cursors[db], "MATCH", pattern, "COUNT",
			                        count, NULL);
		}
	}
	r = nv_redis_pipeline_run(claims->netdox->redis, &p, 0, &replies, err);
	for (int db = 0; r == 0 && db < NV_REDIS_DB_COUNT; db++) {
		if (!*cursors[db]) {
			continue;
		}
		const struct nv_redis_reply *reply = &replies->items[at++];
		if (reply->type != NV_REDIS_ARRAY || reply->count != 2) {
			return nv_fail(err, EIO, "unexpected answer to SCAN");
		}
		if (take_scan(&claims->keys[db], reply) < 0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		bool through = nv_redis_reply_is(&reply->items[0], "0");
		snprintf(cursors[db], sizeof(cursors[db]), "%s",
		         through ? "" : reply->items[0].data);
	}
	return r;
}

/* until_found: ends with the first round that finds a key. */
static int scan(struct nv_claims *claims, bool until_found, struct nv_err *err)
{
	struct nv_buf pattern cleanup_buf = NV_BUF_INIT;
	char cursors[NV_REDIS_DB_COUNT][24] = { "0", "0" };
	int r = 0;

	scan_pattern(&pattern);
	if (nv_buf_error(&pattern)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	while (r == 0 && (*cursors[NV_REDIS_MAIN] || *cursors[NV_REDIS_PROCESSED])) {
		r = scan_round(claims, pattern.data, cursors, err);
		if (until_found && (claims->keys[NV_REDIS_MAIN].count > 0 ||
		                    claims->keys[NV_REDIS_PROCESSED].count > 0)) {
			break;
		}
	}
	for (int db = 0; db < NV_REDIS_DB_COUNT; db++) {
		nv_lines_sort(&claims->keys[db]); /* SCAN may give a key twice */
	}
	return r;
}

int nv_claims_first_key(struct nv_netdox *netdox, enum nv_redis_db *ret_db,
                        struct nv_bytes *ret_key, struct nv_err *err)
{
	struct nv_claims claims = { .netdox = netdox };
	int r = scan(&claims, true, err);

	for (int db = 0; r == 0 && db < NV_REDIS_DB_COUNT; db++) {
		if (claims.keys[db].count > 0) {
			const struct nv_bytes *key = &claims.keys[db].items[0].bytes;

			r = nv_bytes_copy(ret_key, key->data, key->size);
			r = r < 0 ? nv_fail(err, ENOMEM, "out of memory") : 1;
			*ret_db = (enum nv_redis_db)db;
		}
	}
	nv_claims_release(&claims);
	return r;
}

/* --- what paths stand for --- */

static int claimed_name(struct nv_buf *name, enum nv_redis_db db, const char *key, size_t size)
{
	nv_buf_truncate(name, 0);
	nv_buf_putc(name, (char)('0' + (int)db));
	nv_buf_append(name, key, size);
	return nv_buf_error(name);
}

static int claim(void *ctx, enum nv_redis_db db, const char *key, size_t size)
{
	struct nv_claims *claims = ctx;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	int r = claimed_name(&name, db, key, size);

	return r < 0 ? r : nv_strmap_set(claims->claimed, name.data, name.len, claims, NULL);
}

bool nv_claims_has(const struct nv_claims *claims, enum nv_redis_db db, const struct nv_bytes *key)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	return claimed_name(&name, db, key->data, key->size) == 0 &&
	       nv_strmap_get(claims->claimed, name.data, name.len);
}

static int leave(void *ctx, enum nv_redis_db db, const struct nv_bytes *key,
                 const struct nv_bytes *member)
{
	struct nv_claims *claims = ctx;
	struct nv_left left = { .db = db };
	int r = NV_ARRAY_GROW(&claims->left);

	if (r == 0) {
		r = nv_bytes_copy(&left.key, key->data, key->size);
	}
	if (r == 0) {
		r = nv_bytes_copy(&left.member, member->data, member->size);
	}
	if (r < 0) {
		nv_bytes_release(&left.key);
		return r;
	}
	claims->left.items[claims->left.count++] = left;
	return 0;
}

static int compare_left(const void *a, const void *b)
{
	const struct nv_left *x = a;
	const struct nv_left *y = b;
	int order = (x->db > y->db) - (x->db < y->db);

	order = order ? order : nv_bytes_cmp(&x->key, &y->key);
	return order ? order : nv_bytes_cmp(&x->member, &y->member);
}

/* Members of `meta` that are neither DNS name nor node. */
static int leave_metas(struct nv_claims *claims)
{
	const struct nv_lines *metas = &claims->lists[NV_OBJECT_METAS];
	const struct nv_lines *names = &claims->lists[NV_OBJECT_NETWORKS];
	const struct nv_lines *nodes = &claims->lists[NV_OBJECT_NODES];
	struct nv_bytes key = nv_view(nv_netdox_key_meta, strlen(nv_netdox_key_meta));
	int r = 0;

	for (size_t i = 0; r == 0 && i < metas->count; i++) {
		const struct nv_bytes *member = &metas->items[i].bytes;

		if (!nv_lines_find(names, member->data, member->size) &&
		    !nv_lines_find(nodes, member->data, member->size)) {
			r = leave(claims, NV_REDIS_MAIN, &key, member);
		}
	}
	return r;
}

/* Runs groups for their claims; keeps the members of lists. */
static int ask_claims(struct nv_claims *claims, const struct nv_plan_group *groups, size_t count,
                      struct nv_err *err)
{
	struct nv_netdox *netdox = claims->netdox;
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	int r = nv_builder_new(claims->sampled_ms, &builder);

	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	nv_builder_claims(builder, claim, claims);
	nv_builder_leaves(builder, leave);
	nv_builder_whole_names(builder, netdox->mode >= NV_MOUNT_FULL);
	r = nv_plan_run(netdox->redis, netdox->read_script, 0, groups, count,
	                nv_builder_sink(builder, groups), err);
	for (size_t i = 0; r == 0 && i < nv_builder_count(builder); i++) {
		struct nv_snapshot *snapshot = nv_builder_at(builder, i);
		struct nv_lines *list = &claims->lists[snapshot->object];

		if (list->count == 0) {
			struct nv_lines none = *list;

			*list = snapshot->members;
			snapshot->members = none;
		}
	}
	return r;
}

static int claim_lists(struct nv_claims *claims, struct nv_err *err)
{
	static const enum nv_object lists[] = { NV_OBJECT_NETWORKS, NV_OBJECT_NODES,
		                                NV_OBJECT_LINKS,    NV_OBJECT_METAS,
		                                NV_OBJECT_REPORTS,  NV_OBJECT_ROOT,
		                                NV_OBJECT_BOOKS };
	struct nv_plan_group groups[sizeof(lists) / sizeof(lists[0])];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		groups[i] = (struct nv_plan_group){
			.object = lists[i],
			.count = 1,
			.keys_only = nv_netdox_plans[lists[i]].steps[0].role != NV_ROLE_LIST
		};
	}
	return ask_claims(claims, groups, sizeof(lists) / sizeof(lists[0]), err);
}

/* The ids of a list as a plain array, borrowed from it. NULL when out of memory (or empty: then
 * *ret_count is 0). */
struct nv_bytes *nv_claims_ids(const struct nv_lines *lines)
{
	struct nv_bytes *ids = calloc(lines->count ? lines->count : 1, sizeof(*ids));

	for (size_t i = 0; ids && i < lines->count; i++) {
		ids[i] = lines->items[i].bytes;
	}
	return ids;
}

/* All objects, few calls: each takes what is left of every kind up to the batch. */
static int claim_objects(struct nv_claims *claims, struct nv_err *err)
{
	static const enum nv_object objects[] = { NV_OBJECT_NAME, NV_OBJECT_NODE, NV_OBJECT_LINK };
	enum { KINDS = sizeof(objects) / sizeof(objects[0]) };
	struct nv_bytes *ids[KINDS] = { NULL };
	size_t done[KINDS] = { 0 };
	int r = 0;

	for (size_t k = 0; r == 0 && k < KINDS; k++) {
		ids[k] = nv_claims_ids(&claims->lists[nv_list_of(objects[k])]);
		r = ids[k] ? 0 : nv_fail(err, ENOMEM, "out of memory");
	}
	for (bool more = true; r == 0 && more;) {
		struct nv_plan_group groups[KINDS];
		size_t count = 0;
		size_t room = NV_CLAIMS_BATCH;

		for (size_t k = 0; k < KINDS; k++) {
			size_t left = claims->lists[nv_list_of(objects[k])].count - done[k];
			size_t take = left < room ? left : room;

			if (take > 0) {
				groups[count++] = (struct nv_plan_group){ .object = objects[k],
					                                  .keys_only = true,
					                                  .ids = ids[k] + done[k],
					                                  .count = take };
			}
			done[k] += take;
			room -= take;
		}
		more = room == 0;
		if (count > 0) {
			r = ask_claims(claims, groups, count, err);
		}
	}
	for (size_t k = 0; k < KINDS; k++) {
		free(ids[k]);
	}
	return r;
}

int nv_claims_collect(struct nv_claims *claims, struct nv_err *err)
{
	int r;

	claims->claimed = nv_strmap_new();
	if (!claims->claimed) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	r = scan(claims, false, err);
	if (r == 0) {
		r = claim_lists(claims, err);
	}
	if (r == 0) {
		r = claim_objects(claims, err);
	}
	if (r < 0) {
		return r;
	}
	if (leave_metas(claims) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (claims->left.count > 1) {
		qsort(claims->left.items, claims->left.count, sizeof(*claims->left.items),
		      compare_left);
	}
	return 0;
}
