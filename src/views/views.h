/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The views: derived, read-only trees. Self of NV_FAMILY_VIEWS is a struct nv_views (a plain value,
 * made by main).
 */
#ifndef NV_VIEWS_VIEWS_H
#define NV_VIEWS_VIEWS_H

#include "netgoat/netgoat.h"
#include "node/node.h"

/* What the views are derived from. */
struct nv_views {
	struct nv_netgoat *netgoat; /* borrowed; never NULL while views of it are mounted */
};

/* views/stored/<path as under netgoat/>: each document whole, secrets masked. */
extern const struct nv_node_ops nv_views_stored_ops;

/* views/edge/, views/edge/TEAM/ and views/edge/TEAM/DOMAIN.json: what edge nodes get
 * (NETGOAT-FIELDS 6). */
extern const struct nv_node_ops nv_views_edge_ops;

/* Kinds of the rows of views/edge. */
enum nv_views_edge_kind {
	NV_VIEWS_EDGE_TOP,
	NV_VIEWS_EDGE_TEAM,
	NV_VIEWS_EDGE_DOMAIN,
};

/* DOMAIN.json of one domain. Appends to out; 0 or -ENOMEM. Pure. */
int nv_views_edge_format(const struct nv_schema *schema, const struct nv_netgoat_bundle *bundle,
                         struct nv_buf *out);

#endif
