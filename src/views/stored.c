/* SPDX-License-Identifier: GPL-3.0-or-later */
/* views/stored: the paths of netgoat/ again, each document whole. The rows say read-only; here
 * is nothing that writes. */
#include "config.h"

#include "views/views.h"

static int stored_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                         struct nv_entry *ret_entry, struct nv_err *err)
{
	(void)call;
	return nv_netgoat_stored_lookup(((struct nv_views *)self)->netgoat, child, ret_entry, err);
}

static int stored_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                       struct nv_listing **ret_listing, struct nv_err *err)
{
	(void)call;
	return nv_netgoat_stored_list(((struct nv_views *)self)->netgoat, dir, ret_listing, err);
}

static int stored_load(void *self, const struct nv_call *call, const struct nv_node *node,
                       struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	return nv_netgoat_stored_load(((struct nv_views *)self)->netgoat, node, ret_blob, err);
}

const struct nv_node_ops nv_views_stored_ops = {
	.name = "views/stored",
	.lookup = stored_lookup,
	.list = stored_list,
	.load = stored_load,
};
