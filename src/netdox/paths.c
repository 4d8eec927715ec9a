/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a path to the object and file it is about.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec/lines.h"
#include "codec/value.h"
#include "netdox/family.h"
#include "netdox/names.h"
#include "node/name.h"

void nv_target_release(struct nv_target *target)
{
	nv_bytes_release(&target->id);
	nv_bytes_release(&target->file_id);
}

int nv_path_decode(const char *component, struct nv_bytes *ret_name, bool *ret_cut,
                   struct nv_err *err)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	size_t size;

	*ret_cut = false;
	if (nv_name_decode(component, strlen(component), &name, ret_cut) < 0) {
		return nv_fail(
			err, ENOENT,
			"'%.100s' is not a name: in a name '~' is %%7E and '%%' begins an escape",
			component);
	}
	if (nv_buf_error(&name)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	ret_name->data = nv_buf_steal(&name, &size);
	ret_name->size = size;
	return 0;
}

/* Finds the object of a cut component in a list. */
static int find_cut(const struct nv_snapshot *list, enum nv_object object,
                    const struct nv_bytes *network, const char *component, struct nv_bytes *ret_id)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	for (size_t i = 0; i < list->members.count; i++) {
		const struct nv_bytes *id = &list->members.items[i].bytes;
		struct nv_bytes of = nv_view("", 0);
		struct nv_bytes rest;

		if (id->size <= NV_NAME_CUT / 3) {
			continue;
		}
		if (network) {
			(void)nv_dns_split(id, &of, &rest); /* else of no network */
			if (!nv_bytes_equal(&of, network)) {
				continue;
			}
		}
		nv_buf_truncate(&name, 0);
		nv_object_component(object, id, &name, NULL);
		if (nv_buf_error(&name)) {
			return -ENOMEM;
		}
		if (strcmp(name.data, component) == 0) {
			return nv_bytes_copy(ret_id, id->data, id->size);
		}
	}
	return -ENOENT;
}

/* A cut name never means another name, so a list of any age may answer yes; a no needs a fresh
 * one. */
static int look_up_cut(struct nv_netdox *netdox, enum nv_object object,
                       const struct nv_bytes *network, const char *component,
                       struct nv_bytes *ret_id, struct nv_err *err)
{
	struct nv_scope scope = { nv_list_of(object), NULL };
	struct nv_snapshot *list cleanup_snapshot = nv_list_known(netdox, scope.list);
	int r = list ? find_cut(list, object, network, component, ret_id) : -ENOENT;

	if (r == -ENOENT) {
		nv_snapshot_unref(steal(&list));
		r = nv_list_read(netdox, &scope, component, &list, err);
		if (r < 0) {
			return r;
		}
		r = find_cut(list, object, network, component, ret_id);
	}
	return r < 0 ? nv_fail(err, -r, "no %s has the cut name '%.60s…'",
	                       nv_netdox_plans[object].noun, component)
	             : 0;
}

static int network_of_cut(struct nv_netdox *netdox, const char *component,
                          struct nv_bytes *ret_network, struct nv_err *err);

int nv_network_of(struct nv_netdox *netdox, const char *component, struct nv_bytes *ret_network,
                  struct nv_err *err)
{
	bool cut;
	int r = nv_path_decode(component, ret_network, &cut, err);

	if (r < 0) {
		return r;
	}
	if (cut) {
		nv_bytes_release(ret_network);
		return network_of_cut(netdox, component, ret_network, err);
	}
	if (ret_network->size > 0 && !nv_network_is_valid(ret_network->data, ret_network->size)) {
		nv_bytes_release(ret_network);
		return nv_fail(err, ENOENT,
		               "'%.100s' is no network: their names are of A-Z a-z 0-9 _ -",
		               component);
	}
	return 0;
}

/* Compares networks' components with a cut one. */
struct cut_network {
	const char *component;
	struct nv_bytes *ret;
	bool found;
};

static int match_network(void *ctx, const struct nv_bytes *network)
{
	struct cut_network *cut = ctx;
	struct nv_buf name cleanup_buf = NV_BUF_INIT;

	if (cut->found || network->size <= NV_NAME_CUT / 3) {
		return 0;
	}
	nv_name_encode(&name, network->data, network->size, "", 0, NULL);
	if (nv_buf_error(&name)) {
		return -ENOMEM;
	}
	if (strcmp(name.data, cut->component) != 0) {
		return 0;
	}
	cut->found = true;
	return nv_bytes_copy(cut->ret, network->data, network->size);
}

static int network_of_cut(struct nv_netdox *netdox, const char *component,
                          struct nv_bytes *ret_network, struct nv_err *err)
{
	struct nv_scope scope = { NV_OBJECT_NETWORKS, NULL };
	struct nv_snapshot *list cleanup_snapshot = nv_list_known(netdox, scope.list);
	struct cut_network cut = { component, ret_network, false };
	int r = list ? nv_networks_each(netdox, list, match_network, &cut) : 0;

	if (r == 0 && !cut.found) {
		nv_snapshot_unref(steal(&list));
		r = nv_list_read(netdox, &scope, component, &list, err);
		if (r < 0) {
			return r;
		}
		r = nv_networks_each(netdox, list, match_network, &cut);
	}
	if (r == 0 && !cut.found) {
		r = -ENOENT;
	}
	return r < 0 ? nv_fail(err, -r, "no network has the cut name '%.60s…'", component) : 0;
}

int nv_network_id_blob(const struct nv_bytes *network, int64_t sampled_ms,
                       struct nv_blob **ret_blob)
{
	struct nv_buf name cleanup_buf = NV_BUF_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_blob *blob;
	bool cut = false;
	size_t size;
	char *bytes;

	nv_name_encode(&name, network->data, network->size, "", 0, &cut);
	if (!cut) {
		return -ENOENT;
	}
	nv_value_format(network->data, network->size, &text);
	bytes = nv_buf_steal(&text, &size);
	blob = bytes ? nv_blob_new(bytes, size, sampled_ms, NULL, NULL) : NULL;
	if (!blob) {
		return -ENOMEM;
	}
	*ret_blob = blob;
	return 0;
}

int nv_network_id_load(struct nv_netdox *netdox, const struct nv_node *node,
                       struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	int r = nv_network_of(netdox, node->names[0], &network, err);

	if (r < 0) {
		return r;
	}
	r = nv_network_id_blob(&network, nv_clock_ms(netdox->clock), ret_blob);
	return r < 0 ? nv_fail(err, -r, "%s: the network's name is not cut", node->path) : 0;
}

/* The member of `dns` that dns/NETWORK/NAME stands for. */
static int name_target(struct nv_netdox *netdox, const struct nv_node *node,
                       struct nv_bytes *ret_id, struct nv_err *err)
{
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	struct nv_bytes name cleanup_bytes = NV_BYTES_INIT;
	struct nv_bytes of, rest;
	struct nv_buf id cleanup_buf = NV_BUF_INIT;
	size_t size;
	bool cut;
	int r = nv_network_of(netdox, node->names[0], &network, err);

	if (r == 0) {
		r = nv_path_decode(node->names[1], &name, &cut, err);
	}
	if (r < 0) {
		return r;
	}
	if (cut) {
		return look_up_cut(netdox, NV_OBJECT_NAME, &network, node->names[1], ret_id, err);
	}
	if (network.size == 0 && nv_dns_split(&name, &of, &rest)) {
		return nv_fail(err, ENOENT,
		               "%s: a qualified name stands in the directory of its network",
		               node->path);
	}
	nv_dns_join(&id, &network, &name);
	if (nv_buf_error(&id)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	ret_id->data = nv_buf_steal(&id, &size);
	ret_id->size = size;
	return 0;
}

static int object_target(struct nv_netdox *netdox, const struct nv_node *node,
                         enum nv_object object, struct nv_bytes *ret_id, struct nv_err *err)
{
	bool cut;
	int r = nv_path_decode(node->names[0], ret_id, &cut, err);

	if (r < 0 || !cut) {
		return r;
	}
	nv_bytes_release(ret_id);
	return look_up_cut(netdox, object, NULL, node->names[0], ret_id, err);
}

/* reports/ID: the file is the object. A cut name is found among all reports. */
static int report_target(struct nv_netdox *netdox, const struct nv_node *node,
                         struct nv_bytes *ret_id, struct nv_err *err)
{
	struct nv_snapshot *all cleanup_snapshot = NULL;
	struct nv_target reports cleanup_target = { .object = NV_OBJECT_REPORTS };
	const struct nv_part *part;
	bool cut;
	int r = nv_path_decode(node->names[0], ret_id, &cut, err);

	if (r < 0 || !cut) {
		return r;
	}
	nv_bytes_release(ret_id);
	r = nv_object_get(netdox, &reports, NV_FRESH, &all, err);
	if (r < 0) {
		return r;
	}
	part = nv_snapshot_named(all, NV_NETDOX_REPORT, node->names[0]);
	if (!part) {
		return 0; /* no id: nothing is found there, but a text may bring the whole name */
	}
	r = nv_bytes_copy(ret_id, part->id.data, part->id.size);
	return r < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int file_target(const struct nv_node *node, struct nv_target *target, struct nv_err *err)
{
	bool cut;
	int r = nv_path_decode(node->name, &target->file_id, &cut, err);

	if (r == 0 && cut) {
		nv_bytes_release(&target->file_id);
	}
	return r;
}

static int fill_target(struct nv_netdox *netdox, const struct nv_node *node,
                       struct nv_target *target, struct nv_err *err)
{
	int r = 0;

	switch (target->object) {
	case NV_OBJECT_NAME:
		r = name_target(netdox, node, &target->id, err);
		break;
	case NV_OBJECT_NODE:
	case NV_OBJECT_LINK:
		r = object_target(netdox, node, target->object, &target->id, err);
		break;
	case NV_OBJECT_REPORT:
		r = report_target(netdox, node, &target->id, err);
		if (r == 0 &&
		    nv_bytes_copy(&target->file_id, target->id.data, target->id.size) < 0) {
			r = nv_fail(err, ENOMEM, "out of memory");
		}
		return r;
	default:
		break;
	}
	if (r == 0 && node->row->type != NV_DIR && nv_row_is_capture(node->row)) {
		r = file_target(node, target, err);
	}
	return r;
}

/* A full mount says all names in whole: keys of objects whose directories' names would be cut are in
 * orphans/, where the text has the key. */
static int check_whole(const struct nv_netdox *netdox, const struct nv_node *node,
                       const struct nv_target *target, struct nv_err *err)
{
	if (netdox->mode < NV_MOUNT_FULL || nv_list_of(target->object) == NV_OBJECT_COUNT) {
		return 0;
	}
	int r = nv_object_is_whole(target->object, &target->id);
	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	return r ? 0
	         : nv_fail(err, ENOENT,
	                   "%s: the name is too long for a path; its keys are in orphans/",
	                   node->path);
}

int nv_target_of(struct nv_netdox *netdox, const struct nv_node *node, struct nv_target *ret_target,
                 struct nv_err *err)
{
	struct nv_target target = { .object = nv_netdox_layouts[node->row->kind].object };
	int r = fill_target(netdox, node, &target, err);

	if (r == 0) {
		r = check_whole(netdox, node, &target, err);
	}
	if (r < 0) {
		nv_target_release(&target);
		return r;
	}
	snprintf(target.part, sizeof(target.part), "%d/%.255s", node->row->kind, node->name);
	*ret_target = target;
	return 0;
}
