/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of all kinds of paths of the mount (src/tree.c).
 */
#ifndef NV_TREE_H
#define NV_TREE_H

#include <stddef.h>

#include "node/node.h"

/* All rows in the order of DESIGN 2; the first is the root. Static. */
extern const struct nv_row nv_tree_rows[];
extern const size_t nv_tree_rows_count;

#endif
