/* SPDX-License-Identifier: GPL-3.0-or-later */
/* views/edge: the teams of netgoat/teams, and in each a file for every domain that is pushed to
 * edge nodes. */
#include "config.h"

#include "views/views.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What one answer is made of. */
struct answer {
	struct nv_views *views;
	const struct nv_row *row;   /* of the files */
	struct nv_listing *listing; /* of a directory; NULL: one file */
	struct nv_blob *blob;       /* the file */
	char *name;                 /* of the file */
};

static int take_bundle(void *ctx, const struct nv_netgoat_bundle *bundle, struct nv_err *err)
{
	struct answer *answer = ctx;
	const struct nv_schema *schema = nv_netgoat_schema(answer->views->netgoat);
	const struct nv_schema_kind *kind = nv_schema_get(schema, NV_DOC_DOMAIN);
	bson_iter_t active;
	if (nv_schema_find(kind, NV_ROLE_ACTIVE, bundle->domain, &active, NULL) &&
	    !bson_iter_as_bool(&active)) {
		return 0; /* not pushed */
	}
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	size_t size = 0;
	char *bytes =
		nv_views_edge_format(schema, bundle, &text) ? NULL : nv_buf_steal(&text, &size);
	struct nv_blob *blob =
		bytes ? nv_blob_new(bytes, size, bundle->sampled_ms, NULL, NULL) : NULL;
	char *name = NULL;
	if (!blob || asprintf(&name, "%s.json", bundle->name) < 0) {
		nv_blob_unref(blob);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (answer->listing) {
		return nv_listing_add(answer->listing, answer->row, name, blob)
		               ? nv_fail(err, ENOMEM, "out of memory")
		               : 0;
	}
	nv_blob_unref(answer->blob);
	free(answer->name);
	answer->blob = blob;
	answer->name = name;
	return 0;
}

/* One DOMAIN.json. */
static int load_domain(struct nv_views *views, const struct nv_node *node, struct answer *answer,
                       struct nv_err *err)
{
	size_t size = strlen(node->name);
	char *domain = size > 5 ? strndup(node->name, size - 5) : NULL;
	if (!domain) {
		return nv_fail(err, size > 5 ? ENOMEM : ENOENT, "%s", node->name);
	}
	*answer = (struct answer){ .views = views, .row = node->row };
	int rc = nv_netgoat_bundles(views->netgoat, node->names[0], domain, take_bundle, answer,
	                            err);
	free(domain);
	if (rc) {
		nv_blob_unref(answer->blob);
		free(answer->name);
		return rc;
	}
	return answer->blob
	               ? 0
	               : nv_fail(err, ENOENT, "the domain is not active, so nothing is pushed");
}

static int edge_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                       struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_views *views = self;
	(void)call;
	int64_t now_ms = nv_clock_ms(nv_netgoat_clock(views->netgoat));
	struct nv_entry entry = { .row = child->row, .sampled_ms = now_ms };
	if (child->row->kind == NV_VIEWS_EDGE_TOP) {
		entry.name = strdup(child->name);
	} else if (child->row->kind == NV_VIEWS_EDGE_TEAM) {
		int rc = nv_netgoat_team_name(views->netgoat, child->name, &entry.name, err);
		if (rc) {
			return rc;
		}
	} else {
		struct answer answer;
		int rc = load_domain(views, child, &answer, err);
		if (rc) {
			return rc;
		}
		entry.name = answer.name;
		entry.blob = answer.blob;
		entry.size = answer.blob->size;
		entry.sampled_ms = answer.blob->sampled_ms;
	}
	if (!entry.name) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_entry = entry;
	return 0;
}

static int add_team(void *ctx, const char *name, struct nv_err *err)
{
	struct answer *answer = ctx;
	char *copy = strdup(name);
	return !copy || nv_listing_add(answer->listing, answer->row, copy, NULL)
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

static int edge_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                     struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_views *views = self;
	(void)call;
	cleanup_listing struct nv_listing *listing =
		nv_listing_new(nv_clock_ms(nv_netgoat_clock(views->netgoat)));
	if (!listing) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct answer answer = { .views = views,
		                 .listing = listing,
		                 .row = nv_netgoat_child_row(views->netgoat, dir->row) };
	int rc = dir->row->kind == NV_VIEWS_EDGE_TOP
	                 ? nv_netgoat_team_names(views->netgoat, add_team, &answer, err)
	                 : nv_netgoat_bundles(views->netgoat, dir->names[0], NULL, take_bundle,
	                                      &answer, err);
	if (rc == 0) {
		nv_listing_sort(listing);
		*ret_listing = steal(&listing);
	}
	return rc;
}

static int edge_load(void *self, const struct nv_call *call, const struct nv_node *node,
                     struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	if (node->row->kind != NV_VIEWS_EDGE_DOMAIN) {
		return nv_fail(err, EISDIR, "a directory");
	}
	struct answer answer;
	int rc = load_domain(self, node, &answer, err);
	if (rc == 0) {
		*ret_blob = answer.blob;
		free(answer.name);
	}
	return rc;
}

const struct nv_node_ops nv_views_edge_ops = {
	.name = "views/edge",
	.lookup = edge_lookup,
	.list = edge_list,
	.load = edge_load,
};
