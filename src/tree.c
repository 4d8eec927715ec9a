/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE table: what each path of the mount is and which code answers for it. No logic.
 *
 * Read a path from the left column; the ops symbol names the code: nv_netdox_* is src/netdox/, nv_netgoat_* src/netgoat/,
 * nv_views_* src/views/, nv_ctl_* src/ctl/.
 */
#include "config.h"

#include "tree.h"

#include "netdox/netdox.h"

const struct nv_row nv_tree_rows[] = {
	{ .pattern = "", .type = NV_DIR, .family = NV_FAMILY_ROOT, .ops = &nv_static_dir_ops },

	/* netgoat/ */

	/* netdox/ */
#define NETDOX(path, row_type, row_kind, row_flags, row_ops)                                                      \
	{ .pattern = "netdox" path, .type = (row_type), .family = NV_FAMILY_NETDOX, .kind = NV_NETDOX_##row_kind, \
	  .flags = (row_flags), .ops = &nv_netdox_##row_ops }
#define DNS_NAME "/dns/NETWORK/NAME"
#define NODE "/nodes/NODE_ID"
#define LINK "/processed/LINK_ID"
	NETDOX("", NV_DIR, ROOT, 0, dir_ops),
	NETDOX("/changelog", NV_FILE, CHANGELOG, NV_ROW_READONLY | NV_ROW_GROWS, changelog_ops),
	NETDOX("/default_network", NV_FILE, DEFAULT_NETWORK, 0, file_ops),
	NETDOX("/dns", NV_DIR, DNS, 0, dir_ops),
	NETDOX("/dns/NETWORK", NV_DIR, NETWORK, NV_ROW_OBJECT, dir_ops),
	NETDOX("/dns/NETWORK/id", NV_FILE, NETWORK_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX(DNS_NAME, NV_DIR, NAME, NV_ROW_OBJECT, dir_ops),
	NETDOX(DNS_NAME "/records", NV_FILE, RECORDS, 0, file_ops),
	NETDOX(DNS_NAME "/maps", NV_FILE, MAPS, 0, file_ops),
	NETDOX(DNS_NAME "/meta", NV_FILE, DNS_META, 0, file_ops),
	NETDOX(DNS_NAME "/pdata", NV_DIR, DNS_PDATA_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(DNS_NAME "/pdata/ID", NV_FILE, DNS_PDATA, NV_ROW_ANYNAME, file_ops),
	NETDOX(DNS_NAME "/node", NV_LINK, NODE_LINK, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX(DNS_NAME "/id", NV_FILE, NAME_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/nodes", NV_DIR, NODES, 0, dir_ops),
	NETDOX(NODE, NV_DIR, NODE, NV_ROW_OBJECT, dir_ops),
	NETDOX(NODE "/plugins", NV_DIR, PLUGINS_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(NODE "/plugins/PLUGIN", NV_FILE, PLUGIN, NV_ROW_ANYNAME, file_ops),
	NETDOX(NODE "/meta", NV_FILE, NODE_META, 0, file_ops),
	NETDOX(NODE "/pdata", NV_DIR, NODE_PDATA_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(NODE "/pdata/ID", NV_FILE, NODE_PDATA, NV_ROW_ANYNAME, file_ops),
	NETDOX(NODE "/id", NV_FILE, NODE_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/processed", NV_DIR, PROCESSED_DIR, 0, dir_ops),
	NETDOX(LINK, NV_DIR, PROCESSED, 0, dir_ops),
	NETDOX(LINK "/name", NV_FILE, PROCESSED_NAME, NV_ROW_READONLY, derived_ops),
	NETDOX(LINK "/alt_names", NV_FILE, PROCESSED_ALT_NAMES, NV_ROW_READONLY, derived_ops),
	NETDOX(LINK "/dns_names", NV_FILE, PROCESSED_DNS_NAMES, NV_ROW_READONLY, derived_ops),
	NETDOX(LINK "/plugins", NV_FILE, PROCESSED_PLUGINS, NV_ROW_READONLY, derived_ops),
	NETDOX(LINK "/raw_keys", NV_FILE, PROCESSED_RAW_KEYS, NV_ROW_READONLY, derived_ops),
	NETDOX(LINK "/id", NV_FILE, PROCESSED_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/dns_nodes", NV_FILE, DNS_NODES, NV_ROW_READONLY, derived_ops),
	NETDOX("/reports", NV_DIR, REPORTS, 0, dir_ops),
	NETDOX("/reports/ID", NV_FILE, REPORT, NV_ROW_ANYNAME, file_ops),
	NETDOX("/orphans", NV_DIR, ORPHANS, 0, dir_ops),
	NETDOX("/orphans/DB", NV_DIR, ORPHANS_DB, 0, dir_ops),
	NETDOX("/orphans/DB/KEY", NV_FILE, ORPHAN, NV_ROW_ANYNAME, orphan_ops),
#undef NETDOX
#undef DNS_NAME
#undef NODE
#undef LINK

	/* views/ */

	/* .netviewfs/ */
};

const size_t nv_tree_rows_count = sizeof(nv_tree_rows) / sizeof(nv_tree_rows[0]);
