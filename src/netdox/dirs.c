/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories of netdox/: what is in them. files.c has what the files say, objects_write.c what
 * mkdir and rmdir do.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netdox/family.h"
#include "netdox/names.h"
#include "netdox/write.h"
#include "node/name.h"

static enum nv_netdox_kind kind_of(const struct nv_node *node)
{
	return (enum nv_netdox_kind)node->row->kind;
}

/* Fills an entry; takes a reference of blob (NULL for directories and what cannot be read). */
static int make_entry(struct nv_netdox *netdox, enum nv_netdox_kind kind, const char *name,
                      struct nv_blob *blob, int64_t sampled_ms, struct nv_entry *ret_entry,
                      struct nv_err *err)
{
	struct nv_entry entry = { .row = netdox->rows[kind], .sampled_ms = sampled_ms };

	entry.name = strdup(name);
	if (!entry.name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (blob) {
		entry.blob = nv_blob_ref(blob);
		entry.size = blob->size;
		entry.mtime = blob->mtime;
		entry.stamped = blob->stamped;
	}
	*ret_entry = entry;
	return 0;
}

/* --- lookup --- */

static int lookup_part(struct nv_netdox *netdox, const struct nv_node *child,
                       struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	const struct nv_part *part;
	int r = nv_target_of(netdox, child, &target, err);

	if (r == 0) {
		r = nv_part_get(netdox, child, &target, &snapshot, &part, err);
	}
	if (r < 0) {
		return r;
	}
	return make_entry(netdox, part->kind, part->name, part->blob, snapshot->sampled_ms,
	                  ret_entry, err);
}

/* Whether an object is there, and as of when. */
static int find_object(struct nv_netdox *netdox, const struct nv_node *node,
                       const struct nv_target *target, int64_t *ret_sampled_ms, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_bytes network = nv_view("", 0);
	struct nv_bytes rest;
	struct nv_scope scope = { nv_list_of(target->object), NULL };
	int r;

	if (target->object == NV_OBJECT_NAME) {
		(void)nv_dns_split(&target->id, &network, &rest); /* else of no network */
		scope.network = &network;
	}
	list = nv_list_cached(netdox, &scope, target->part);
	if (list && nv_lines_find(&list->members, target->id.data, target->id.size)) {
		*ret_sampled_ms = list->sampled_ms;
		return 0;
	}
	r = nv_object_get(netdox, target, NV_FOR_OBJECT, &snapshot, err);
	if (r < 0) {
		return r;
	}
	if (!snapshot->exists) {
		return nv_fail(err, ENOENT, "%s: there is no such %s", node->path,
		               nv_netdox_plans[target->object].noun);
	}
	*ret_sampled_ms = snapshot->sampled_ms;
	return 0;
}

static int lookup_object(struct nv_netdox *netdox, const struct nv_node *child,
                         enum nv_netdox_kind kind, struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_node node = *child;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	int64_t sampled_ms;
	int r;

	node.row = netdox->rows[kind];
	r = nv_target_of(netdox, &node, &target, err);
	if (r == 0) {
		r = find_object(netdox, &node, &target, &sampled_ms, err);
	}
	if (r < 0) {
		return r;
	}
	nv_object_component(target.object, &target.id, &name, NULL);
	if (nv_buf_error(&name)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return make_entry(netdox, kind, name.data, NULL, sampled_ms, ret_entry, err);
}

/* A structural directory: there while its object is. */
static int lookup_inside(struct nv_netdox *netdox, const struct nv_node *child,
                         struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	int64_t sampled_ms;
	int r = nv_target_of(netdox, child, &target, err);

	if (r == 0) {
		r = find_object(netdox, child, &target, &sampled_ms, err);
	}
	return r < 0 ? r
	             : make_entry(netdox, kind_of(child), child->name, NULL, sampled_ms, ret_entry,
	                          err);
}

static int lookup_network(struct nv_netdox *netdox, const struct nv_node *child,
                          struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	struct nv_scope scope = { NV_OBJECT_NETWORKS, NULL };
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	int64_t sampled_ms = nv_clock_ms(netdox->clock);
	int r = nv_network_of(netdox, child->names[0], &network, err);

	if (r < 0) {
		return r;
	}
	if (!nv_networks_has(netdox, &network)) {
		r = nv_list_get(netdox, &scope, child->names[0], &list, err);
		if (r == 1 && !nv_networks_in_list(list, &network)) {
			nv_snapshot_unref(steal(&list)); /* a no is never said from a cache */
			r = nv_list_read(netdox, &scope, child->names[0], &list, err);
		}
		if (r < 0) {
			return r;
		}
		if (!nv_networks_in_list(list, &network)) {
			return nv_fail(err, ENOENT, "%s: no DNS name is in that network",
			               child->path);
		}
		sampled_ms = list->sampled_ms;
	}
	nv_name_encode(&name, network.data, network.size, "", 0, NULL);
	if (nv_buf_error(&name)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return make_entry(netdox, NV_NETDOX_NETWORK, name.data, NULL, sampled_ms, ret_entry, err);
}

/* dns/NETWORK/id: the network's own name where it is cut; else it can only be the DNS name `id`. */
static int lookup_network_id(struct nv_netdox *netdox, const struct nv_node *child,
                             struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_node name = *child;
	struct nv_blob *blob cleanup_blob = NULL;
	int r = nv_network_id_load(netdox, child, &blob, err);

	if (r == 0) {
		return make_entry(netdox, NV_NETDOX_NETWORK_ID, "id", blob, blob->sampled_ms,
		                  ret_entry, err);
	}
	if (r != -ENOENT) {
		return r;
	}
	name.names[name.names_count++] = child->name;
	return lookup_object(netdox, &name, NV_NETDOX_NAME, ret_entry, err);
}

static int lookup_changelog(struct nv_netdox *netdox, const struct nv_node *child,
                            struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_blob *blob cleanup_blob = NULL;
	int r = nv_changelog_load(netdox, &blob, err);

	if (r == -EIO && blob == NULL && nv_changelog_is_broken(netdox)) {
		nv_err_clear(err); /* a key of another type: listed, and reading it says why */
		r = 0;
	}
	return r < 0 ? r
	             : make_entry(netdox, NV_NETDOX_CHANGELOG, child->name, blob,
	                          nv_clock_ms(netdox->clock), ret_entry, err);
}

static int lookup_orphan(struct nv_netdox *netdox, const struct nv_node *child,
                         struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	const struct nv_part *part;
	int r = nv_orphan_find(netdox, child, &snapshot, &part, err);

	return r < 0 ? r
	             : make_entry(netdox, part->kind, part->name, part->blob, snapshot->sampled_ms,
	                          ret_entry, err);
}

static int op_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_netdox *netdox = self;
	enum nv_redis_db db;

	(void)call;
	switch (kind_of(child)) {
	case NV_NETDOX_DNS:
	case NV_NETDOX_NODES:
	case NV_NETDOX_PROCESSED_DIR:
	case NV_NETDOX_REPORTS:
	case NV_NETDOX_ORPHANS:
		return make_entry(netdox, kind_of(child), child->name, NULL,
		                  nv_clock_ms(netdox->clock), ret_entry, err);
	case NV_NETDOX_NETWORK:
		return lookup_network(netdox, child, ret_entry, err);
	case NV_NETDOX_NETWORK_ID:
		return lookup_network_id(netdox, child, ret_entry, err);
	case NV_NETDOX_NAME:
	case NV_NETDOX_NODE:
	case NV_NETDOX_PROCESSED:
		return lookup_object(netdox, child, kind_of(child), ret_entry, err);
	case NV_NETDOX_DNS_PDATA_DIR:
	case NV_NETDOX_PLUGINS_DIR:
	case NV_NETDOX_NODE_PDATA_DIR:
		return lookup_inside(netdox, child, ret_entry, err);
	case NV_NETDOX_CHANGELOG:
		return lookup_changelog(netdox, child, ret_entry, err);
	case NV_NETDOX_ORPHANS_DB:
		if (!nv_orphan_db(netdox, child->name, &db)) {
			return nv_fail(err, ENOENT, "%s: that database is not one of Netdox",
			               child->path);
		}
		return make_entry(netdox, NV_NETDOX_ORPHANS_DB, child->name, NULL,
		                  nv_clock_ms(netdox->clock), ret_entry, err);
	case NV_NETDOX_ORPHAN:
		return lookup_orphan(netdox, child, ret_entry, err);
	default:
		return lookup_part(netdox, child, ret_entry, err);
	}
}

/* --- list --- */

static int add_entry(struct nv_netdox *netdox, struct nv_listing *listing, enum nv_netdox_kind kind,
                     const char *name, struct nv_blob *blob)
{
	char *copy = strdup(name);

	if (!copy) {
		return -ENOMEM;
	}
	return nv_listing_add(listing, netdox->rows[kind], copy, nv_blob_ref(blob));
}

/* Whether the directory of that kind has anything to show in a snapshot. */
static bool has_inside(const struct nv_snapshot *snapshot, enum nv_netdox_kind dir)
{
	for (size_t i = 0; i < snapshot->parts_count; i++) {
		if (snapshot->parts[i].kind == dir ||
		    nv_layout_is_in(snapshot->parts[i].kind, dir)) {
			return true;
		}
	}
	return false;
}

/* The parts of a snapshot that stand in this directory, and its structural directories that are
 * not empty. */
static int add_parts(struct nv_netdox *netdox, struct nv_listing *listing,
                     const struct nv_snapshot *snapshot, enum nv_netdox_kind dir)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < snapshot->parts_count; i++) {
		const struct nv_part *part = &snapshot->parts[i];

		if (nv_layout_is_in(part->kind, dir) && netdox->rows[part->kind]->type != NV_DIR) {
			r = add_entry(netdox, listing, part->kind, part->name, part->blob);
		}
	}
	for (int kind = 0; r == 0 && kind < NV_NETDOX_KIND_COUNT; kind++) {
		const struct nv_row *row = netdox->rows[kind];

		if (row && (row->flags & NV_ROW_STRUCTURAL) &&
		    nv_layout_is_in((enum nv_netdox_kind)kind, dir) &&
		    has_inside(snapshot, (enum nv_netdox_kind)kind)) {
			r = add_entry(netdox, listing, (enum nv_netdox_kind)kind,
			              nv_row_component(row), NULL);
		}
	}
	return r;
}

/* Sorts and gives away a listing that was filled with result r. */
static int finish_listing(struct nv_listing **listing, int r, struct nv_listing **ret_listing,
                          struct nv_err *err)
{
	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	nv_listing_sort(*listing);
	*ret_listing = steal(listing);
	return 0;
}

/* The directory of an object, or a directory inside one. */
static int list_object(struct nv_netdox *netdox, const struct nv_node *dir,
                       struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	const struct nv_part *broken;
	int r = nv_target_of(netdox, dir, &target, err);

	if (r == 0) {
		r = nv_object_get(netdox, &target, NV_FOR_LISTING, &snapshot, err);
	}
	if (r < 0) {
		return r;
	}
	if (!snapshot->exists) {
		return nv_fail(err, ENOENT, "%s: there is no such %s", dir->path,
		               nv_netdox_plans[target.object].noun);
	}
	broken = nv_snapshot_find(snapshot, kind_of(dir), NULL);
	if (broken) {
		return nv_fail(err, EIO, "%s", broken->broken);
	}
	listing = nv_listing_new(snapshot->sampled_ms);
	r = listing ? add_parts(netdox, listing, snapshot, kind_of(dir)) : -ENOMEM;
	return finish_listing(&listing, r, ret_listing, err);
}

/* A directory of objects: names only. */
static int list_objects(struct nv_netdox *netdox, enum nv_netdox_kind kind,
                        struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_scope scope = { nv_list_of(nv_netdox_layouts[kind].object), NULL };
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	int r = nv_list_get(netdox, &scope, NULL, &list, err);

	if (r < 0) {
		return r;
	}
	listing = nv_listing_new(list->sampled_ms);
	r = listing ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < list->members.count; i++) {
		nv_buf_truncate(&name, 0);
		nv_object_component(nv_netdox_layouts[kind].object, &list->members.items[i].bytes,
		                    &name, NULL);
		r = nv_buf_error(&name);
		if (r == 0) {
			r = add_entry(netdox, listing, kind, name.data, NULL);
		}
	}
	return finish_listing(&listing, r, ret_listing, err);
}

struct add_network {
	struct nv_netdox *netdox;
	struct nv_listing *listing;
};

static int add_network(void *ctx, const struct nv_bytes *network)
{
	struct add_network *add = ctx;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	nv_name_encode(&name, network->data, network->size, "", 0, NULL);
	return nv_buf_error(&name)
	               ? -ENOMEM
	               : add_entry(add->netdox, add->listing, NV_NETDOX_NETWORK, name.data, NULL);
}

static int list_networks(struct nv_netdox *netdox, struct nv_listing **ret_listing,
                         struct nv_err *err)
{
	struct nv_scope scope = { NV_OBJECT_NETWORKS, NULL };
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	int r = nv_list_get(netdox, &scope, NULL, &list, err);

	if (r < 0) {
		return r;
	}
	listing = nv_listing_new(list->sampled_ms);
	struct add_network add = { netdox, listing };
	r = listing ? nv_networks_each(netdox, list, add_network, &add) : -ENOMEM;
	return finish_listing(&listing, r, ret_listing, err);
}

/* The names of one network in a list. */
static int add_names(struct nv_netdox *netdox, struct nv_listing *listing,
                     const struct nv_snapshot *list, const struct nv_bytes *network, bool *ret_any)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->members.count; i++) {
		const struct nv_bytes *member = &list->members.items[i].bytes;
		struct nv_bytes of = nv_view("", 0);
		struct nv_bytes rest;

		(void)nv_dns_split(member, &of, &rest); /* else of no network */
		if (!nv_bytes_equal(&of, network)) {
			continue;
		}
		*ret_any = true;
		nv_buf_truncate(&name, 0);
		nv_object_component(NV_OBJECT_NAME, member, &name, NULL);
		r = nv_buf_error(&name);
		if (r == 0) {
			r = add_entry(netdox, listing, NV_NETDOX_NAME, name.data, NULL);
		}
	}
	return r;
}

static int list_network(struct nv_netdox *netdox, const struct nv_node *dir,
                        struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_blob *id cleanup_blob = NULL;
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	struct nv_scope scope = { NV_OBJECT_NETWORKS, &network };
	bool any = false;
	int r = nv_network_of(netdox, dir->names[0], &network, err);

	if (r == 0) {
		r = nv_list_get(netdox, &scope, NULL, &list, err);
	}
	if (r < 0) {
		return r;
	}
	listing = nv_listing_new(list->sampled_ms);
	r = listing ? add_names(netdox, listing, list, &network, &any) : -ENOMEM;
	if (r == 0 && !any && !nv_networks_has(netdox, &network)) {
		return nv_fail(err, ENOENT, "%s: no DNS name is in that network", dir->path);
	}
	if (r == 0 && nv_network_id_blob(&network, list->sampled_ms, &id) == 0) {
		r = add_entry(netdox, listing, NV_NETDOX_NETWORK_ID, "id", id);
	}
	return finish_listing(&listing, r, ret_listing, err);
}

static int list_root(struct nv_netdox *netdox, struct nv_listing **ret_listing, struct nv_err *err)
{
	static const enum nv_netdox_kind dirs[] = { NV_NETDOX_DNS, NV_NETDOX_NODES,
		                                    NV_NETDOX_PROCESSED_DIR, NV_NETDOX_REPORTS,
		                                    NV_NETDOX_ORPHANS };
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_target stamps_target cleanup_target = { .object = NV_OBJECT_STAMPS };
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	struct nv_snapshot *stamps cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_blob *changelog cleanup_blob = NULL;
	int r = nv_object_get(netdox, &target, NV_FOR_LISTING, &snapshot, err);

	if (r < 0) {
		return r;
	}
	if (netdox->mode >= NV_MOUNT_FULL) {
		r = nv_object_get(netdox, &stamps_target, NV_FOR_LISTING, &stamps, err);
	}
	if (r < 0) {
		return r;
	}
	int changelog_r = nv_changelog_load(netdox, &changelog, err);
	if (changelog_r < 0 && changelog_r != -ENOENT && !nv_changelog_is_broken(netdox)) {
		return changelog_r;
	}
	nv_err_clear(err); /* no stream, or one of another type, is no error of the listing */
	listing = nv_listing_new(snapshot->sampled_ms);
	r = listing ? add_parts(netdox, listing, snapshot, NV_NETDOX_ROOT) : -ENOMEM;
	if (r == 0 && stamps) {
		r = add_parts(netdox, listing, stamps, NV_NETDOX_ROOT);
	}
	if (r == 0 && changelog_r != -ENOENT) {
		r = add_entry(netdox, listing, NV_NETDOX_CHANGELOG, "changelog", changelog);
	}
	for (size_t i = 0; r == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		r = add_entry(netdox, listing, dirs[i], nv_row_component(netdox->rows[dirs[i]]),
		              NULL);
	}
	return finish_listing(&listing, r, ret_listing, err);
}

static int list_orphans_db(struct nv_netdox *netdox, const struct nv_node *dir,
                           struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	struct nv_listing *listing cleanup_listing = NULL;
	enum nv_redis_db db;
	int r;

	if (!nv_orphan_db(netdox, dir->name, &db)) {
		return nv_fail(err, ENOENT, "%s: that database is not one of Netdox", dir->path);
	}
	r = nv_orphans_get(netdox, db, NULL, &snapshot, err);
	if (r < 0) {
		return r;
	}
	listing = nv_listing_new(snapshot->sampled_ms);
	r = listing ? add_parts(netdox, listing, snapshot, NV_NETDOX_ORPHANS_DB) : -ENOMEM;
	return finish_listing(&listing, r, ret_listing, err);
}

static int list_orphans(struct nv_netdox *netdox, struct nv_listing **ret_listing,
                        struct nv_err *err)
{
	struct nv_listing *listing cleanup_listing = NULL;
	int r = 0;

	for (int db = 0; r == 0 && db < NV_REDIS_DB_COUNT; db++) {
		struct nv_snapshot *snapshot cleanup_snapshot = NULL;
		char name[16];

		r = nv_orphans_get(netdox, (enum nv_redis_db)db, NULL, &snapshot, err);
		if (r < 0) {
			return r;
		}
		if (!listing) {
			listing = nv_listing_new(snapshot->sampled_ms);
		}
		snprintf(name, sizeof(name), "%d",
		         nv_redis_db_number(netdox->redis, (enum nv_redis_db)db));
		if (!listing) {
			r = -ENOMEM;
		} else if (snapshot->parts_count > 0) {
			r = add_entry(netdox, listing, NV_NETDOX_ORPHANS_DB, name, NULL);
		}
	}
	return finish_listing(&listing, r, ret_listing, err);
}

static int op_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                   struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_netdox *netdox = self;

	(void)call;
	switch (kind_of(dir)) {
	case NV_NETDOX_ROOT:
		return list_root(netdox, ret_listing, err);
	case NV_NETDOX_DNS:
		return list_networks(netdox, ret_listing, err);
	case NV_NETDOX_NETWORK:
		return list_network(netdox, dir, ret_listing, err);
	case NV_NETDOX_NODES:
		return list_objects(netdox, NV_NETDOX_NODE, ret_listing, err);
	case NV_NETDOX_PROCESSED_DIR:
		return list_objects(netdox, NV_NETDOX_PROCESSED, ret_listing, err);
	case NV_NETDOX_ORPHANS:
		return list_orphans(netdox, ret_listing, err);
	case NV_NETDOX_ORPHANS_DB:
		return list_orphans_db(netdox, dir, ret_listing, err);
	default:
		return list_object(netdox, dir, ret_listing, err);
	}
}

const struct nv_node_ops nv_netdox_dir_ops = {
	.name = "netdox directory",
	.lookup = op_lookup,
	.list = op_list,
	.accepts = nv_write_accepts,
	.mkdir = nv_write_mkdir,
	.rmdir = nv_write_rmdir,
	.rename = nv_write_rename_dir,
};
