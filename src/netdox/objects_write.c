/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What names may be made in directories, and making and deleting the objects that directories stand
 * for.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "netdox/names.h"
#include "netdox/write.h"
#include "node/name.h"

static enum nv_netdox_kind kind_of(const struct nv_node *node)
{
	return (enum nv_netdox_kind)node->row->kind;
}

/* A name typed as a path component, whole: of what a cut one stands for nothing can be made. */
static int typed_name(const char *component, struct nv_bytes *ret_name, struct nv_err *err)
{
	struct nv_buf canonical cleanup_buf = NV_BUF_INIT;
	bool cut;
	int r = nv_path_decode(component, ret_name, &cut, err);

	if (r < 0) {
		return nv_fail(
			err, EINVAL,
			"'%.100s' is not a name: in a name '~' is %%7E and '%%' begins an escape",
			component);
	}
	if (!cut) {
		nv_file_component(ret_name, &canonical, &cut);
	}
	if (cut) {
		nv_bytes_release(ret_name);
		return nv_fail(err, EINVAL, "the name is longer than %d bytes", NV_NAME_CUT);
	}
	return 0;
}

/* Whether a file that is named by an id may have this one. */
static int check_file_name(const struct nv_netdox *netdox, const struct nv_node *child,
                           const struct nv_bytes *name, struct nv_err *err)
{
	const struct nv_layout *layout = &nv_netdox_layouts[child->row->kind];

	if (kind_of(child) == NV_NETDOX_ORPHAN) {
		return nv_orphan_key_check(name, err);
	}
	if (netdox->mode == NV_MOUNT_RESTORE) {
		return 0;
	}
	return nv_new_name_check(layout->codec == NV_CODEC_DATA ? "id" : "plugin",
	                         kind_of(child) == NV_NETDOX_PLUGIN, name, err);
}

int nv_write_accepts(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_err *err)
{
	struct nv_netdox *netdox = self;
	struct nv_bytes name cleanup_bytes = NV_BYTES_INIT;
	const struct nv_layout *layout = &nv_netdox_layouts[child->row->kind];
	struct nv_buf id cleanup_buf = NV_BUF_INIT;
	bool cut;

	(void)call;
	if (netdox->ro) {
		return nv_fail(err, EROFS, "%s: the mount is read-only", child->path);
	}
	if (child->row->flags & (NV_ROW_READONLY | NV_ROW_UNSAVED)) {
		return nv_fail(err, EPERM, "%s: what is there is derived, or belongs to no path",
		               child->path);
	}
	if (!nv_row_is_capture(child->row)) {
		return 0;
	}
	/* Data of a cut name brings the whole of it in its header. */
	if (layout->codec == NV_CODEC_DATA &&
	    nv_name_decode(child->name, strlen(child->name), &id, &cut) == 0 && cut) {
		return 0;
	}
	int r = typed_name(child->name, &name, err);
	return r < 0 ? r : check_file_name(netdox, child, &name, err);
}

/* --- networks --- */

static int make_network(struct nv_netdox *netdox, const struct nv_node *child, struct nv_err *err)
{
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_scope scope = { NV_OBJECT_NETWORKS, NULL };
	int r = typed_name(child->name, &network, err);
	/* dns/% comes back as well. */
	bool none = netdox->mode == NV_MOUNT_RESTORE && network.size == 0;

	if (r < 0) {
		return r;
	}
	if (!none && !nv_network_is_valid(network.data, network.size)) {
		return nv_fail(err, EINVAL,
		               "%s: the name of a network is of A-Z a-z 0-9 _ - and not empty",
		               child->path);
	}
	r = nv_list_read(netdox, &scope, child->name, &list, err);
	if (r < 0) {
		return r;
	}
	if (nv_networks_in_list(list, &network) || nv_networks_has(netdox, &network)) {
		return nv_fail(err, EEXIST, "%s: the network is there", child->path);
	}
	return nv_networks_add(netdox, &network, true) < 0 ? nv_fail(err, ENOMEM, "out of memory")
	                                                   : 0;
}

static int remove_network(struct nv_netdox *netdox, const struct nv_node *dir, struct nv_err *err)
{
	struct nv_bytes network cleanup_bytes = NV_BYTES_INIT;
	struct nv_snapshot *list cleanup_snapshot = NULL;
	struct nv_scope scope = { NV_OBJECT_NETWORKS, NULL };
	int r = nv_network_of(netdox, dir->name, &network, err);

	if (r == 0) {
		r = nv_list_read(netdox, &scope, dir->name, &list, err);
	}
	if (r < 0) {
		return r;
	}
	if (nv_networks_in_list(list, &network)) {
		return nv_fail(err, ENOTEMPTY, "%s: there are DNS names in that network",
		               dir->path);
	}
	if (!nv_networks_has(netdox, &network)) {
		return nv_fail(err, ENOENT, "%s: no DNS name is in that network", dir->path);
	}
	nv_networks_remove(netdox, &network);
	return 0;
}

/* --- DNS names and nodes --- */

static void begin(struct nv_netdox *netdox, const struct nv_call *call, const struct nv_node *node,
                  struct nv_target *target, struct nv_change *change)
{
	change->netdox = netdox;
	change->call = call;
	change->node = node;
	change->layout = &nv_netdox_layouts[node->row->kind];
	change->target = target;
	change->vars.at[0] = target->id;
}

static int check_name(const struct nv_node *child, const struct nv_target *target,
                      struct nv_err *err)
{
	struct nv_bytes typed cleanup_bytes = NV_BYTES_INIT;
	struct nv_bytes network, name, inner_network, inner_name;
	int r = typed_name(child->name, &typed, err);

	if (r < 0) {
		return r;
	}
	if (!nv_dns_split(&target->id, &network, &name)) {
		return nv_fail(err, EINVAL,
		               "%s: a DNS name has a network: make it in the directory of one",
		               child->path);
	}
	if (nv_dns_split(&name, &inner_network, &inner_name)) {
		return nv_fail(
			err, EINVAL,
			"%s: the directory says the network already: make it as dns/%.*s/%.*s",
			child->path, (int)inner_network.size, inner_network.data,
			(int)inner_name.size, inner_name.data);
	}
	return nv_new_name_check("DNS name", false, &name, err);
}

/* The plugin that a new node's id names, and its details. */
static void make_plugin(struct nv_change *change, size_t entry)
{
	const struct nv_layout *layout = &nv_netdox_layouts[NV_NETDOX_PLUGIN];
	const struct nv_bytes plugin = nv_node_plugin(&change->vars.at[0]);
	const struct nv_bytes plugin_field = nv_view("plugin", 6);
	const struct nv_bytes exclusive_field = nv_view("exclusive", 9);
	const struct nv_bytes no = nv_view("false", 5);

	change->vars.at[1] = plugin;
	struct nv_bytes index cleanup_bytes = nv_change_key(change, layout->index);
	struct nv_bytes key cleanup_bytes = nv_change_key(change, layout->key);
	nv_keyedit_absent(&change->edit, &key, EEXIST);
	nv_keyedit_add(&change->edit, &index, layout->index_types, &plugin, entry);
	nv_keyedit_field(&change->edit, &key, &plugin_field, NULL, &plugin, entry);
	nv_keyedit_field(&change->edit, &key, &exclusive_field, NULL, &no, entry);
}

static int make_object(struct nv_netdox *netdox, const struct nv_call *call,
                       const struct nv_node *child, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_change change cleanup_change = { .edit = NV_KEYEDIT_INIT };
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	bool is_node = kind_of(child) == NV_NETDOX_NODE;
	struct nv_bytes network, rest;
	int r = nv_target_of(netdox, child, &target, err);

	if (r < 0) {
		return r == -ENOENT ? nv_fail(err, EINVAL, "%s: no name can be made of that",
		                              child->path)
		                    : r;
	}
	r = is_node ? nv_node_id_check(&target.id, err) : check_name(child, &target, err);
	if (r < 0) {
		return r;
	}
	begin(netdox, call, child, &target, &change);
	if (is_node) {
		change.vars.at[1] = nv_node_plugin(&target.id);
	}
	/* The entry of a new node names its plugin's details, as Netdox itself logs it. */
	const struct nv_layout *logged =
		is_node ? &nv_netdox_layouts[NV_NETDOX_PLUGIN] : change.layout;
	struct nv_bytes plugin = nv_change_plugin(&change, &change.vars, NULL);
	struct nv_bytes value cleanup_bytes = nv_change_key(&change, logged->value);
	struct nv_bytes index cleanup_bytes = nv_change_key(&change, change.layout->index);
	size_t entry = nv_keyedit_entry(&change.edit, change.layout->created, &value, &plugin);
	nv_keyedit_member(&change.edit, &index, change.layout->index_types, &target.id, false,
	                  EEXIST);
	nv_keyedit_add(&change.edit, &index, change.layout->index_types, &target.id, entry);
	if (is_node) {
		make_plugin(&change, entry);
	}
	change.edit.done_errnum = EEXIST;
	r = nv_keyedit_run(netdox, &change.edit, &target, true, &edited, err);
	if (r == 0 && !is_node && nv_dns_split(&target.id, &network, &rest)) {
		nv_networks_remove(netdox,
		                   &network); /* the name says that it is there from now on */
	}
	return r == -EEXIST ? nv_fail(err, EEXIST,
	                              "%s: it is there, or keys of it are among the orphans",
	                              child->path)
	                    : r;
}

int nv_write_mkdir(void *self, const struct nv_call *call, const struct nv_node *child,
                   struct nv_err *err)
{
	struct nv_netdox *netdox = self;

	if (netdox->ro) {
		return nv_fail(err, EROFS, "%s: the mount is read-only", child->path);
	}
	switch (kind_of(child)) {
	case NV_NETDOX_NETWORK:
		return make_network(netdox, child, err);
	case NV_NETDOX_NAME:
	case NV_NETDOX_NODE:
		return netdox->mode == NV_MOUNT_RESTORE ? nv_restore_mkdir(netdox, child, err)
		                                        : make_object(netdox, call, child, err);
	case NV_NETDOX_PROCESSED:
		return netdox->mode == NV_MOUNT_RESTORE
		               ? nv_restore_mkdir(netdox, child, err)
		               : nv_fail(err, EPERM, "%s: Netdox computes processed nodes",
		                         child->path);
	default:
		return nv_fail(err, EEXIST, "%s: it is always there", child->path);
	}
}

/* Nothing of the object that a path shows may be left: every key of its plan, and what indexes
 * say of it. */
static void expect_empty(struct nv_change *change)
{
	const struct nv_plan *plan = &nv_netdox_plans[change->target->object];
	enum nv_netdox_kind named = NV_NETDOX_ROOT;

	for (size_t i = 0; i < plan->count; i++) {
		const struct nv_step *step = &plan->steps[i];

		if (step->depth > 0 || step->db != NV_REDIS_MAIN || step->role == NV_ROLE_OBJECT) {
			continue;
		}
		struct nv_bytes key cleanup_bytes = nv_change_key(change, step->key);
		if (step->role == NV_ROLE_NAMED) {
			struct nv_bytes member cleanup_bytes = nv_change_key(change, step->member);

			nv_keyedit_member(&change->edit, &key, step->types, &member, false,
			                  ENOTEMPTY);
			named = step->kind;
		} else if (step->kind != named) {
			/* A key whose index does not name it is an orphan, in nobody's way. */
			nv_keyedit_absent(&change->edit, &key, ENOTEMPTY);
		}
	}
}

static int remove_object(struct nv_netdox *netdox, const struct nv_call *call,
                         const struct nv_node *dir, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_change change cleanup_change = { .edit = NV_KEYEDIT_INIT };
	struct nv_keyedited edited cleanup_keyedited = { .changed = false };
	struct nv_bytes network = nv_view("", 0);
	struct nv_bytes rest;
	int r = nv_target_of(netdox, dir, &target, err);

	if (r < 0) {
		return r;
	}
	begin(netdox, call, dir, &target, &change);
	struct nv_bytes plugin = nv_change_plugin(&change, &change.vars, NULL);
	struct nv_bytes index cleanup_bytes = nv_change_key(&change, change.layout->index);
	nv_keyedit_member(&change.edit, &index, change.layout->index_types, &target.id, true,
	                  ENOENT);
	expect_empty(&change);
	nv_keyedit_remove(&change.edit, &index, change.layout->index_types, &target.id, NULL,
	                  nv_change_entry(&change, change.layout->removed, &plugin));
	change.edit.done_errnum = ENOENT;
	r = nv_keyedit_run(netdox, &change.edit, &target, true, &edited, err);
	if (r == -ENOTEMPTY) {
		return nv_fail(err, ENOTEMPTY, "%s: there are still keys of it", dir->path);
	}
	if (r == 0 && target.object == NV_OBJECT_NAME &&
	    nv_dns_split(&target.id, &network, &rest)) {
		/* `rm -r` of a network removes its directory right after its last name; no
		 * memory only means that it fails there. */
		(void)nv_networks_add(netdox, &network, false);
	}
	return r;
}

/* A directory inside an object goes when it is empty, that is, it is not listed. */
static int remove_inside(struct nv_netdox *netdox, const struct nv_node *dir, struct nv_err *err)
{
	struct nv_target target cleanup_target = NV_TARGET_INIT;
	struct nv_snapshot *snapshot cleanup_snapshot = NULL;
	int r = nv_target_of(netdox, dir, &target, err);

	if (r == 0) {
		r = nv_object_get(netdox, &target, NV_FRESH, &snapshot, err);
	}
	if (r < 0) {
		return r;
	}
	for (size_t i = 0; i < snapshot->parts_count; i++) {
		if (snapshot->parts[i].kind == kind_of(dir) ||
		    nv_layout_is_in(snapshot->parts[i].kind, kind_of(dir))) {
			return nv_fail(err, ENOTEMPTY, "%s: it is not empty", dir->path);
		}
	}
	return 0;
}

int nv_write_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                   struct nv_err *err)
{
	struct nv_netdox *netdox = self;

	if (netdox->ro) {
		return nv_fail(err, EROFS, "%s: the mount is read-only", dir->path);
	}
	switch (kind_of(dir)) {
	case NV_NETDOX_NETWORK:
		return remove_network(netdox, dir, err);
	case NV_NETDOX_NAME:
	case NV_NETDOX_NODE:
		return remove_object(netdox, call, dir, err);
	case NV_NETDOX_DNS_PDATA_DIR:
	case NV_NETDOX_PLUGINS_DIR:
	case NV_NETDOX_NODE_PDATA_DIR:
		return remove_inside(netdox, dir, err);
	default:
		return nv_fail(err, EPERM, "%s: it cannot be removed", dir->path);
	}
}

int nv_write_rename_dir(void *self, const struct nv_call *call, const struct nv_node *from,
                        const struct nv_node *to, bool replace, struct nv_err *err)
{
	struct nv_netdox *netdox = self;

	(void)call;
	(void)replace;
	if (netdox->ro) {
		return nv_fail(err, EROFS, "%s: the mount is read-only", from->path);
	}
	if (from->row == to->row &&
	    (kind_of(from) == NV_NETDOX_NAME || kind_of(from) == NV_NETDOX_NODE)) {
		return nv_fail(err, EXDEV,
		               "%s: its keys have its name in them, so it is copied and deleted",
		               from->path);
	}
	return nv_fail(err, EPERM, "%s: it has no other name", from->path);
}
