/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Snapshots of objects and lists: from the cache where its rule allows, else from the store, with
 * read-ahead for walkers.
 *
 * Read-ahead (FUSE.md 3.1): on a miss, c objects are read in the order of the list from the missing
 * one on, c = 1 + 3 * (how many just before it are valid, up to 64). It keeps no state of any
 * stream, so several walkers do not disturb each other.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netdox/family.h"
#include "netdox/names.h"
#include "node/cache.h"

enum {
	AHEAD_RUN_MAX = 64,
	AHEAD_MAX = 256,
	AHEAD_BYTES_MAX = 8 << 20, /* of one read-ahead, by the size of what was read last */
};

enum nv_object nv_list_of(enum nv_object object)
{
	switch (object) {
	case NV_OBJECT_NAME:
		return NV_OBJECT_NETWORKS;
	case NV_OBJECT_NODE:
		return NV_OBJECT_NODES;
	case NV_OBJECT_LINK:
		return NV_OBJECT_LINKS;
	default:
		return NV_OBJECT_COUNT;
	}
}

static void object_key(struct nv_buf *out, enum nv_object object, const struct nv_bytes *id)
{
	nv_buf_truncate(out, 0);
	nv_buf_putc(out, (char)('A' + (int)object));
	if (id && id->data) {
		nv_buf_append(out, id->data, id->size);
	}
}

/* The listing of the whole, and of a network (whose name may be empty), are different keys. */
static void scope_key(struct nv_buf *out, const struct nv_scope *scope)
{
	object_key(out, scope->list, NULL);
	nv_buf_putc(out, scope->network ? '=' : '/');
	if (scope->network) {
		nv_buf_append(out, scope->network->data, scope->network->size);
	}
}

struct nv_snapshot *nv_list_known(struct nv_netdox *netdox, enum nv_object list)
{
	struct nv_snapshot *known = NULL;

	if (list != NV_OBJECT_COUNT) {
		pthread_mutex_lock(&netdox->lock);
		known = nv_snapshot_ref(netdox->lists[list]);
		pthread_mutex_unlock(&netdox->lock);
	}
	return known;
}

static void remember_list(struct nv_netdox *netdox, struct nv_snapshot *list)
{
	struct nv_snapshot *old;

	pthread_mutex_lock(&netdox->lock);
	old = netdox->lists[list->object];
	netdox->lists[list->object] = nv_snapshot_ref(list);
	pthread_mutex_unlock(&netdox->lock);
	nv_snapshot_unref(old);
}

static bool is_valid(struct nv_netdox *netdox, struct nv_buf *key, enum nv_object object,
                     const struct nv_bytes *id)
{
	object_key(key, object, id);
	return nv_buf_error(key) == 0 && nv_cache_has(netdox->cache, key->data, key->len);
}

/* Puts the missing object and those to be read ahead after it into ids (borrowed from list);
 * returns how many. */
static size_t choose_ahead(struct nv_netdox *netdox, const struct nv_snapshot *list,
                           const struct nv_target *target, struct nv_bytes ids[AHEAD_MAX])
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	const struct nv_line *here =
		list ? nv_lines_find(&list->members, target->id.data, target->id.size) : NULL;
	size_t bytes = atomic_load_explicit(&netdox->object_bytes, memory_order_relaxed);
	size_t run = 0;
	size_t want;
	size_t count = 1;

	ids[0] = target->id;
	if (!here) {
		return 1;
	}
	size_t at = (size_t)(here - list->members.items);
	while (run < AHEAD_RUN_MAX && run < at &&
	       is_valid(netdox, &key, target->object, &here[-1 - (ptrdiff_t)run].bytes)) {
		run++;
	}
	want = 1 + 3 * run;
	want = want < AHEAD_MAX ? want : AHEAD_MAX;
	if (bytes > 0 && want > 1 + AHEAD_BYTES_MAX / bytes) {
		want = 1 + AHEAD_BYTES_MAX / bytes;
	}
	for (size_t i = at + 1; count < want && i < list->members.count; i++) {
		const struct nv_bytes *id = &list->members.items[i].bytes;

		if (!is_valid(netdox, &key, target->object, id)) {
			ids[count++] = *id;
		}
	}
	return count;
}

/* Keeps what was read: the first is what was asked for, the others nobody has seen. What is not
 * there is not kept: it may come. */
static void keep(struct nv_netdox *netdox, const struct nv_builder *builder,
                 struct nv_cache_stamp stamp, enum nv_purpose purpose, const char *part)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	size_t count = nv_builder_count(builder);
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		struct nv_snapshot *snapshot = nv_builder_at(builder, i);
		bool unseen = i > 0 || purpose == NV_FOR_OBJECT;

		bytes += snapshot->bytes;
		if (!snapshot->exists || snapshot->broken) {
			continue;
		}
		object_key(&key, snapshot->object, &snapshot->id);
		if (nv_buf_error(&key) == 0) {
			(void)nv_cache_put(
				netdox->cache, key.data, key.len, snapshot, stamp, unseen,
				purpose == NV_FOR_LISTING ? NULL
							  : part); /* not cached: asked again */
		}
	}
	atomic_store_explicit(&netdox->object_bytes, count ? bytes / count : 0,
	                      memory_order_relaxed);
}

static int read_objects(struct nv_netdox *netdox, const struct nv_target *target,
                        enum nv_purpose purpose, const struct nv_bytes *ids, size_t count,
                        struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_cache_stamp stamp = nv_cache_stamp(netdox->cache);
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	struct nv_plan_group group = { .object = target->object,
		                       .ids = nv_netdox_plans[target->object].has_id ? ids : NULL,
		                       .count = count };
	int r = nv_builder_new(stamp.sampled_ms, &builder);

	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	r = nv_plan_run(netdox->redis, netdox->read_script, nv_redis_deadline(netdox->redis),
	                &group, 1, nv_builder_sink(builder, &group), err);
	if (r < 0) {
		return r;
	}
	keep(netdox, builder, stamp, purpose, target->part);
	*ret_snapshot = nv_snapshot_ref(nv_builder_at(builder, 0));
	return 0;
}

static struct nv_snapshot *find_cached(struct nv_netdox *netdox, const struct nv_target *target,
                                       enum nv_purpose purpose)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;

	object_key(&key, target->object, &target->id);
	if (nv_buf_error(&key) || purpose == NV_FRESH) {
		return NULL;
	}
	if (purpose == NV_FOR_OBJECT) {
		return nv_cache_peek(netdox->cache, key.data, key.len, NULL);
	}
	return nv_cache_get(netdox->cache, key.data, key.len,
	                    purpose == NV_FOR_LISTING ? NULL : target->part, NULL);
}

int nv_object_get(struct nv_netdox *netdox, const struct nv_target *target, enum nv_purpose purpose,
                  struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = find_cached(netdox, target, purpose);
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_bytes ids[AHEAD_MAX];
	size_t count = 1;
	int r;

	if (snapshot) {
		*ret_snapshot = steal(&snapshot);
		return 1;
	}
	ids[0] = target->id;
	if (purpose == NV_FOR_LISTING || purpose == NV_FOR_OBJECT) {
		list = nv_list_known(netdox, nv_list_of(target->object));
		count = choose_ahead(netdox, list, target, ids);
	}
	r = read_objects(netdox, target, purpose, ids, count, &snapshot, err);
	if (r < 0) {
		return r;
	}
	if (snapshot->broken) {
		return nv_fail(err, EIO, "%s", snapshot->broken);
	}
	*ret_snapshot = steal(&snapshot);
	return 0;
}

const struct nv_part *nv_target_part(const struct nv_snapshot *snapshot, const struct nv_node *node,
                                     const struct nv_target *target)
{
	enum nv_netdox_kind kind = (enum nv_netdox_kind)node->row->kind;

	if (!nv_row_is_capture(node->row)) {
		return nv_snapshot_find(snapshot, kind, NULL);
	}
	if (target->file_id.data) {
		return nv_snapshot_find(snapshot, kind, &target->file_id);
	}
	return nv_snapshot_named(snapshot, kind, node->name); /* a cut name */
}

int nv_part_get(struct nv_netdox *netdox, const struct nv_node *node,
                const struct nv_target *target, struct nv_snapshot **ret_snapshot,
                const struct nv_part **ret_part, struct nv_err *err)
{
	enum nv_purpose purpose = NV_FOR_PART;

	for (;;) {
		struct nv_snapshot *snapshot cleanup_snapshot = NULL;
		const struct nv_part *part;
		int r = nv_object_get(netdox, target, purpose, &snapshot, err);

		if (r < 0) {
			return r;
		}
		part = snapshot->exists ? nv_target_part(snapshot, node, target) : NULL;
		if (part) {
			*ret_part = part;
			*ret_snapshot = steal(&snapshot);
			return 0;
		}
		if (r == 0) {
			return nv_fail(err, ENOENT, "%s: nothing is stored there", node->path);
		}
		purpose = NV_FRESH;
	}
}

/* Puts a list under the scope that it was asked for, and for the networks' listings unseen. */
struct keep_list {
	struct nv_netdox *netdox;
	struct nv_snapshot *list;
	struct nv_cache_stamp stamp;
	const struct nv_scope *scope;
};

static int keep_network(void *ctx, const struct nv_bytes *network)
{
	struct keep_list *keep_list = ctx;
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_scope scope = { keep_list->list->object, network };

	if (keep_list->scope->network && nv_bytes_equal(keep_list->scope->network, network)) {
		return 0;
	}
	scope_key(&key, &scope);
	if (nv_buf_error(&key) == 0) {
		(void)nv_cache_put(keep_list->netdox->cache, key.data, key.len, keep_list->list,
		                   keep_list->stamp, true, NULL);
	}
	return 0;
}

int nv_list_read(struct nv_netdox *netdox, const struct nv_scope *scope, const char *part,
                 struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_cache_stamp stamp = nv_cache_stamp(netdox->cache);
	struct nv_builder *builder NV_CLEANUP(builder) = NULL;
	struct nv_plan_group group = { .object = scope->list, .count = 1 };
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_snapshot *list;
	int r = nv_builder_new(stamp.sampled_ms, &builder);

	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	nv_builder_whole_names(builder, netdox->mode >= NV_MOUNT_FULL);
	r = nv_plan_run(netdox->redis, netdox->read_script, nv_redis_deadline(netdox->redis),
	                &group, 1, nv_builder_sink(builder, &group), err);
	if (r < 0) {
		return r;
	}
	list = nv_builder_at(builder, 0);
	if (list->broken) {
		return nv_fail(err, EIO, "%s", list->broken);
	}
	scope_key(&key, scope);
	if (nv_buf_error(&key) == 0) {
		(void)nv_cache_put(netdox->cache, key.data, key.len, list, stamp, false,
		                   part); /* not cached: asked again */
	}
	if (scope->list == NV_OBJECT_NETWORKS) {
		struct keep_list keep_list = { netdox, list, stamp, scope };

		(void)nv_networks_each(netdox, list, keep_network, &keep_list);
	}
	remember_list(netdox, list);
	*ret_snapshot = nv_snapshot_ref(list);
	return 0;
}

struct nv_snapshot *nv_list_cached(struct nv_netdox *netdox, const struct nv_scope *scope,
                                   const char *part)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;

	scope_key(&key, scope);
	return nv_buf_error(&key) ? NULL
	                          : nv_cache_get(netdox->cache, key.data, key.len, part, NULL);
}

int nv_list_get(struct nv_netdox *netdox, const struct nv_scope *scope, const char *part,
                struct nv_snapshot **ret_snapshot, struct nv_err *err)
{
	struct nv_snapshot *list = nv_list_cached(netdox, scope, part);

	if (list) {
		*ret_snapshot = list;
		return 1;
	}
	return nv_list_read(netdox, scope, part, ret_snapshot, err);
}

static int forget_network(void *ctx, const struct nv_bytes *network)
{
	struct nv_netdox *netdox = ctx;
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_scope scope = { NV_OBJECT_NETWORKS, network };

	scope_key(&key, &scope);
	if (nv_buf_error(&key)) {
		nv_cache_invalidate_all(netdox->cache);
		return 0;
	}
	nv_cache_invalidate(netdox->cache, key.data, key.len);
	return 0;
}

static void forget_list(struct nv_netdox *netdox, enum nv_object list)
{
	struct nv_snapshot *known cleanup_snapshot = nv_list_known(netdox, list);
	struct nv_buf key cleanup_buf = NV_BUF_INIT;
	struct nv_scope scope = { list, NULL };

	scope_key(&key, &scope);
	if (nv_buf_error(&key)) {
		nv_cache_invalidate_all(netdox->cache);
		return;
	}
	nv_cache_invalidate(netdox->cache, key.data, key.len);
	if (list == NV_OBJECT_NETWORKS && known) {
		(void)nv_networks_each(netdox, known, forget_network, netdox);
	}
}

void nv_object_invalidate(struct nv_netdox *netdox, enum nv_object object,
                          const struct nv_bytes *id, bool lists)
{
	struct nv_buf key cleanup_buf = NV_BUF_INIT;

	object_key(&key, object, id);
	if (nv_buf_error(&key)) {
		nv_cache_invalidate_all(
			netdox->cache); /* no memory for one key: forgetting too much is safe */
		return;
	}
	nv_cache_invalidate(netdox->cache, key.data, key.len);
	if (object == NV_OBJECT_REPORT) {
		object_key(&key, NV_OBJECT_REPORTS, NULL);
		nv_cache_invalidate(netdox->cache, key.data, key.len);
	}
	if (lists && nv_list_of(object) != NV_OBJECT_COUNT) {
		struct nv_bytes network = nv_view("", 0);
		struct nv_bytes name;

		forget_list(netdox, nv_list_of(object));
		if (object == NV_OBJECT_NAME) {
			(void)nv_dns_split(id, &network,
			                   &name); /* else it is of no network: the empty one */
			(void)forget_network(netdox, &network);
		}
	}
}
