/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making the tree of field names of a kind while its schema is loaded.
 */
#ifndef NV_NETGOAT_SCHEMA_TREE_H
#define NV_NETGOAT_SCHEMA_TREE_H

#include "netgoat/arena.h"
#include "netgoat/schema.h"

/* The node of a path like "a.b[].c" below node, made on the way. hides: it and all above hide
 * something. NULL when out of memory. */
struct nv_schema_node *nv_schema_tree_add(struct nv_arena *arena, struct nv_schema_node *node,
                                          const char *path, bool hides, bool secret);

#endif
