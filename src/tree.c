/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE table: what each path of the mount is and which code answers for it. No logic.
 *
 * Read a path from the left column; the ops symbol names the code: nv_netdox_* is src/netdox/, nv_netgoat_* src/netgoat/,
 * nv_views_* src/views/, nv_ctl_* src/ctl/.
 */
#include "config.h"

#include "tree.h"

const struct nv_row nv_tree_rows[] = {
	{ .pattern = "", .type = NV_DIR, .family = NV_FAMILY_ROOT, .ops = &nv_static_dir_ops },

	/* netgoat/ */

	/* netdox/ */

	/* views/ */

	/* .netviewfs/ */
};

const size_t nv_tree_rows_count = sizeof(nv_tree_rows) / sizeof(nv_tree_rows[0]);
