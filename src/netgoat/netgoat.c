/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The family's life, and its ops as the tree calls them. */
#include "config.h"

#include "netgoat/netgoat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netgoat/docop.h"
#include "netgoat/listing.h"

static char *copy_text(const char *text, bool *lost)
{
	char *copy = text ? strdup(text) : NULL;
	*lost = *lost || (text && !copy);
	return copy;
}

int nv_netgoat_new(const struct nv_netgoat_config *config, struct nv_netgoat **ret_netgoat,
                   struct nv_err *err)
{
	struct nv_netgoat *ng = calloc(1, sizeof(*ng));
	bool lost = !ng;
	if (!ng) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	ng->store = config->store;
	ng->schema = config->schema;
	ng->clock = config->clock;
	ng->mode = config->mode;
	ng->tree = (struct nv_tree){ .rows = config->rows, .rows_count = config->rows_count };
	for (size_t i = 0; i < NV_FAMILY_COUNT; i++) {
		ng->tree.self[i] = ng;
	}
	(void)pthread_mutex_init(&ng->heads_mutex, NULL);
	(void)pthread_mutex_init(&ng->windows_mutex, NULL);
	ng->plugin = copy_text(config->plugin ? config->plugin : "netviewfs", &lost);
	ng->actor = copy_text(config->actor, &lost);
	ng->heads = nv_strmap_new();
	ng->history =
		nv_history_new(ng, config->changelog_entries ? config->changelog_entries : 10000);
	if (lost || !ng->heads || !ng->history ||
	    nv_cache_new(ng->clock, NV_NETGOAT_CACHE_MAX, nv_docsnap_cache_ref,
	                 nv_docsnap_cache_unref, &ng->cache)) {
		nv_netgoat_free(ng);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_netgoat = ng;
	return 0;
}

static void unref_head(void *head)
{
	nv_head_unref(head);
}

void nv_netgoat_free(struct nv_netgoat *netgoat)
{
	if (!netgoat) {
		return;
	}
	nv_history_free(netgoat->history);
	if (netgoat->cache) {
		nv_cache_free(netgoat->cache);
	}
	nv_strmap_free(netgoat->heads, unref_head);
	for (size_t i = 0; i < NV_NETGOAT_ORDERS; i++) {
		free(netgoat->orders[i].key);
		nv_docsnap_unref(netgoat->orders[i].snap);
	}
	for (size_t i = 0; i < NV_NETGOAT_WINDOWS; i++) {
		nv_window_release(&netgoat->windows[i]);
	}
	(void)pthread_mutex_destroy(&netgoat->windows_mutex);
	(void)pthread_mutex_destroy(&netgoat->heads_mutex);
	free(netgoat->plugin);
	free(netgoat->actor);
	free(netgoat);
}

void nv_netgoat_describe(struct nv_netgoat *netgoat, struct nv_buf *out)
{
	struct nv_docstore_info info;
	nv_docstore_describe(netgoat->store, &info);
	nv_buf_printf(out, "docs: %s %s\n", info.kind, info.location);
	nv_buf_printf(out, "docs version: %s\n", info.version);
	nv_buf_printf(out, "docs durability: %s\n", info.durability);
	nv_buf_printf(out, "docs changelog: %s\n",
	              info.transactions ? "in one transaction with its document"
	                                : "pending protocol");
}

const char *nv_netgoat_schema_text(struct nv_netgoat *netgoat, size_t *ret_size)
{
	return nv_schema_text(netgoat->schema, ret_size);
}

void nv_netgoat_invalidate(struct nv_netgoat *netgoat)
{
	nv_cache_invalidate_all(netgoat->cache);
	nv_ng_place_forget(netgoat);
}

const struct nv_schema *nv_netgoat_schema(struct nv_netgoat *netgoat)
{
	return netgoat->schema;
}

struct nv_clock *nv_netgoat_clock(struct nv_netgoat *netgoat)
{
	return netgoat->clock;
}

static int ops_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                      struct nv_entry *ret_entry, struct nv_err *err)
{
	(void)call;
	return nv_docs_lookup(self, child, nv_ng_text_mode(self), ret_entry, err);
}

static int ops_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                    struct nv_listing **ret_listing, struct nv_err *err)
{
	(void)call;
	return nv_docs_list(self, dir, nv_ng_text_mode(self), ret_listing, err);
}

static int ops_load(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	return nv_docs_load(self, node, nv_ng_text_mode(self), ret_blob, err);
}

int nv_netgoat_stored_lookup(struct nv_netgoat *netgoat, const struct nv_node *child,
                             struct nv_entry *ret_entry, struct nv_err *err)
{
	return nv_docs_lookup(netgoat, child, NV_TEXT_STORED, ret_entry, err);
}

int nv_netgoat_stored_list(struct nv_netgoat *netgoat, const struct nv_node *dir,
                           struct nv_listing **ret_listing, struct nv_err *err)
{
	return nv_docs_list(netgoat, dir, NV_TEXT_STORED, ret_listing, err);
}

int nv_netgoat_stored_load(struct nv_netgoat *netgoat, const struct nv_node *node,
                           struct nv_blob **ret_blob, struct nv_err *err)
{
	return nv_docs_load(netgoat, node, NV_TEXT_STORED, ret_blob, err);
}

const struct nv_node_ops nv_netgoat_ops = {
	.name = "netgoat",
	.lookup = ops_lookup,
	.list = ops_list,
	.load = ops_load,
	.accepts = nv_docop_accepts,
	.check = nv_docop_check,
	.save = nv_docop_save,
	.unlink = nv_docop_unlink,
	.mkdir = nv_docop_mkdir,
	.rmdir = nv_docop_rmdir,
	.rename = nv_docop_rename,
	.symlink = nv_docop_symlink,
};
