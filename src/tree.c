/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE table: what each path of the mount is and which code answers for it. No logic.
 *
 * Read a path from the left column; the ops symbol names the code: nv_netdox_* is src/netdox/,
 * nv_netgoat_* src/netgoat/, nv_views_* src/views/, nv_ctl_* src/ctl/.
 */
#include "config.h"

#include "tree.h"

#include "ctl/ctl.h"
#include "netdox/netdox.h"
#include "netgoat/netgoat.h"
#include "views/views.h"

const struct nv_row nv_tree_rows[] = {
	{ .pattern = "", .type = NV_DIR, .family = NV_FAMILY_ROOT, .ops = &nv_static_dir_ops },

/* netgoat/ (and views/stored/, which shows the same paths read-only) */
#define DOC(path, row_type, role, doc, scope, row_flags)                                           \
	{                                                                                          \
		.pattern = DOC_TOP path, .type = (row_type), .family = DOC_FAMILY,                 \
		.kind = NV_NG(role, doc, scope), .flags = (row_flags), .ops = &DOC_OPS             \
	}
#define DOC_FILES(dir, name, doc, scope, dir_flags)                                                \
	DOC(dir, NV_DIR, NV_NG_LIST, doc, scope, dir_flags),                                       \
		DOC(dir name, NV_FILE, NV_NG_DOC, doc, scope, DOC_FILE)
#define DOC_CHUNKS(dir, scope, size)                                                               \
	DOC(dir "/analytics/" size, NV_DIR, NV_NG_CHUNKS, NV_DOC_ANALYTICS, scope,                 \
	    NV_ROW_STRUCTURAL),                                                                    \
		DOC(dir "/analytics/" size "/DAY.ndjson", NV_FILE, NV_NG_CHUNK, NV_DOC_ANALYTICS,  \
	            scope, NV_ROW_READONLY | NV_ROW_DERIVED | DOC_REFILLED)
#define DOC_ANALYTICS(dir, scope)                                                                  \
	DOC(dir "/analytics", NV_DIR, NV_NG_SIZES, NV_DOC_ANALYTICS, scope,                        \
	    NV_ROW_STRUCTURAL | NV_ROW_DERIVED | DOC_REFILLED),                                    \
		DOC_CHUNKS(dir, scope, "minute"), DOC_CHUNKS(dir, scope, "hour"),                  \
		DOC_CHUNKS(dir, scope, "other")
#define DOC_DOMAIN(dir, list_scope, scope)                                                         \
	DOC(dir, NV_DIR, NV_NG_LIST, NV_DOC_DOMAIN, list_scope, NV_ROW_STRUCTURAL),                \
		DOC(dir "/DOMAIN", NV_DIR, NV_NG_OBJECT, NV_DOC_DOMAIN, scope, DOC_OBJECT),        \
		DOC_FILES(dir "/DOMAIN/records", "/NAME.TYPE.json", NV_DOC_RECORD, scope,          \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_FILES(dir "/DOMAIN/proxies", "/NAME.json", NV_DOC_PROXY, scope,                \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_FILES(dir "/DOMAIN/alerts", "/ID.json", NV_DOC_ALERT, scope,                   \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_FILES(dir "/DOMAIN/incidents", "/ID.json", NV_DOC_INCIDENT, scope,             \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_ANALYTICS(dir "/DOMAIN", scope),                                               \
		DOC(dir "/DOMAIN/domain.json", NV_FILE, NV_NG_OWN, NV_DOC_DOMAIN, scope,           \
	            DOC_FILE | NV_ROW_OWN)
#define DOC_TEAMS                                                                                  \
	DOC("/teams", NV_DIR, NV_NG_LIST, NV_DOC_TEAM, NV_NG_TOP, 0),                              \
		DOC("/teams/TEAM", NV_DIR, NV_NG_OBJECT, NV_DOC_TEAM, NV_NG_IN_TEAM, DOC_OBJECT),  \
		DOC_DOMAIN("/teams/TEAM/domains", NV_NG_IN_TEAM, NV_NG_IN_DOMAIN),                 \
		DOC_FILES("/teams/TEAM/alerts", "/ID.json", NV_DOC_ALERT, NV_NG_IN_TEAM,           \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_FILES("/teams/TEAM/incidents", "/ID.json", NV_DOC_INCIDENT, NV_NG_IN_TEAM,     \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC("/teams/TEAM/team.json", NV_FILE, NV_NG_OWN, NV_DOC_TEAM, NV_NG_IN_TEAM,       \
	            DOC_FILE | NV_ROW_OWN)
#define DOC_USERS                                                                                  \
	DOC("/users", NV_DIR, NV_NG_LIST, NV_DOC_USER, NV_NG_TOP, 0),                              \
		DOC("/users/USER", NV_DIR, NV_NG_OBJECT, NV_DOC_USER, NV_NG_IN_USER, DOC_OBJECT),  \
		DOC("/users/USER/user.json", NV_FILE, NV_NG_OWN, NV_DOC_USER, NV_NG_IN_USER,       \
	            DOC_FILE | NV_ROW_OWN)
#define DOC_REST                                                                                   \
	DOC_FILES("/alerts", "/ID.json", NV_DOC_ALERT, NV_NG_TOP, NV_ROW_STRUCTURAL),              \
		DOC_FILES("/incidents", "/ID.json", NV_DOC_INCIDENT, NV_NG_TOP,                    \
	                  NV_ROW_STRUCTURAL),                                                      \
		DOC_ANALYTICS("", NV_NG_TOP),                                                      \
		DOC("/orphans", NV_DIR, NV_NG_ORPHANS, 0, NV_NG_IN_ORPHANS,                        \
	            NV_ROW_HIDDEN_EMPTY | (DOC_OBJECT & NV_ROW_NAMED)),                            \
		DOC_DOMAIN("/orphans/domains", NV_NG_IN_ORPHANS, NV_NG_IN_ORPHAN_DOMAIN),          \
		DOC_ORPHANS("/orphans/dnsrecords", NV_DOC_RECORD, DOC_FILE),                       \
		DOC_ORPHANS("/orphans/proxyconfigs", NV_DOC_PROXY, DOC_FILE),                      \
		DOC_ORPHANS("/orphans/alerts", NV_DOC_ALERT, DOC_FILE),                            \
		DOC_ORPHANS("/orphans/incidents", NV_DOC_INCIDENT, DOC_FILE),                      \
		DOC_ORPHANS("/orphans/analytics", NV_DOC_ANALYTICS,                                \
	                    NV_ROW_READONLY | DOC_REFILLED)
#define DOC_ORPHANS(dir, doc, file_flags)                                                          \
	DOC(dir, NV_DIR, NV_NG_LIST, doc, NV_NG_IN_ORPHANS, NV_ROW_STRUCTURAL),                    \
		DOC(dir "/ID.json", NV_FILE, NV_NG_DOC, doc, NV_NG_IN_ORPHANS, file_flags)

#define DOC_TOP "netgoat"
#define DOC_FAMILY NV_FAMILY_NETGOAT
#define DOC_OPS nv_netgoat_ops
#define DOC_OBJECT (NV_ROW_OBJECT | NV_ROW_NAMED)
#define DOC_FILE 0
#define DOC_REFILLED NV_ROW_REFILLED
	DOC("", NV_DIR, NV_NG_ROOT, 0, NV_NG_TOP, 0),
	DOC("/changelog", NV_FILE, NV_NG_CHANGELOG, 0, NV_NG_TOP,
	    NV_ROW_READONLY | NV_ROW_GROWS | NV_ROW_RESTORED | NV_ROW_EMPTY),
	DOC_TEAMS,
	DOC_USERS,
	DOC("/users/USER/teams", NV_DIR, NV_NG_LINKS, NV_DOC_TEAM, NV_NG_IN_USER,
	    NV_ROW_STRUCTURAL),
	DOC("/users/USER/teams/TEAM", NV_LINK, NV_NG_LINK, NV_DOC_TEAM, NV_NG_IN_USER,
	    NV_ROW_LINKED),
	DOC_REST,
#undef DOC_TOP
#undef DOC_FAMILY
#undef DOC_OPS
#undef DOC_OBJECT
#undef DOC_FILE
#undef DOC_REFILLED

/* netdox/ */
#define NETDOX(path, row_type, row_kind, row_flags, row_ops)                                       \
	{                                                                                          \
		.pattern = "netdox" path, .type = (row_type), .family = NV_FAMILY_NETDOX,          \
		.kind = NV_NETDOX_##row_kind, .flags = (row_flags), .ops = &nv_netdox_##row_ops    \
	}
#define DNS_NAME "/dns/NETWORK/NAME"
#define NODE "/nodes/NODE_ID"
#define LINK "/processed/LINK_ID"
	NETDOX("", NV_DIR, ROOT, 0, dir_ops),
	NETDOX("/changelog", NV_FILE, CHANGELOG,
	       NV_ROW_READONLY | NV_ROW_GROWS | NV_ROW_RESTORED | NV_ROW_EMPTY, changelog_ops),
	NETDOX("/default_network", NV_FILE, DEFAULT_NETWORK, 0, file_ops),
	NETDOX("/dns", NV_DIR, DNS, 0, dir_ops),
	NETDOX("/dns/NETWORK", NV_DIR, NETWORK, NV_ROW_OBJECT, dir_ops),
	NETDOX("/dns/NETWORK/id", NV_FILE, NETWORK_ID, NV_ROW_READONLY | NV_ROW_DERIVED,
	       derived_ops),
	NETDOX(DNS_NAME, NV_DIR, NAME, NV_ROW_OBJECT, dir_ops),
	NETDOX(DNS_NAME "/records", NV_FILE, RECORDS, NV_ROW_SHARED, file_ops),
	NETDOX(DNS_NAME "/maps", NV_FILE, MAPS, NV_ROW_SHARED, file_ops),
	NETDOX(DNS_NAME "/meta", NV_FILE, DNS_META, NV_ROW_EMPTY | NV_ROW_SHARED, file_ops),
	NETDOX(DNS_NAME "/pdata", NV_DIR, DNS_PDATA_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(DNS_NAME "/pdata/ID", NV_FILE, DNS_PDATA, NV_ROW_ANYNAME | NV_ROW_SHARED, file_ops),
	NETDOX(DNS_NAME "/node", NV_LINK, NODE_LINK, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX(DNS_NAME "/id", NV_FILE, NAME_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/nodes", NV_DIR, NODES, 0, dir_ops),
	NETDOX(NODE, NV_DIR, NODE, NV_ROW_OBJECT, dir_ops),
	NETDOX(NODE "/plugins", NV_DIR, PLUGINS_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(NODE "/plugins/PLUGIN", NV_FILE, PLUGIN,
	       NV_ROW_ANYNAME | NV_ROW_EMPTY | NV_ROW_SHARED, file_ops),
	NETDOX(NODE "/meta", NV_FILE, NODE_META, NV_ROW_EMPTY | NV_ROW_SHARED, file_ops),
	NETDOX(NODE "/pdata", NV_DIR, NODE_PDATA_DIR, NV_ROW_STRUCTURAL, dir_ops),
	NETDOX(NODE "/pdata/ID", NV_FILE, NODE_PDATA, NV_ROW_ANYNAME | NV_ROW_SHARED, file_ops),
	NETDOX(NODE "/id", NV_FILE, NODE_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/processed", NV_DIR, PROCESSED_DIR, 0, dir_ops),
	NETDOX(LINK, NV_DIR, PROCESSED, NV_ROW_OBJECT, dir_ops),
	NETDOX(LINK "/name", NV_FILE, PROCESSED_NAME,
	       NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX(LINK "/alt_names", NV_FILE, PROCESSED_ALT_NAMES,
	       NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX(LINK "/dns_names", NV_FILE, PROCESSED_DNS_NAMES,
	       NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX(LINK "/plugins", NV_FILE, PROCESSED_PLUGINS,
	       NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX(LINK "/raw_keys", NV_FILE, PROCESSED_RAW_KEYS,
	       NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX(LINK "/id", NV_FILE, PROCESSED_ID, NV_ROW_READONLY | NV_ROW_DERIVED, derived_ops),
	NETDOX("/dns_nodes", NV_FILE, DNS_NODES, NV_ROW_READONLY | NV_ROW_RESTORED, derived_ops),
	NETDOX("/last-modified", NV_FILE, LAST_MODIFIED,
	       NV_ROW_READONLY | NV_ROW_RESTORED | NV_ROW_FULL, derived_ops),
	NETDOX("/reports", NV_DIR, REPORTS, 0, dir_ops),
	NETDOX("/reports/ID", NV_FILE, REPORT, NV_ROW_ANYNAME, file_ops),
	NETDOX("/orphans", NV_DIR, ORPHANS, 0, dir_ops),
	NETDOX("/orphans/DB", NV_DIR, ORPHANS_DB, 0, dir_ops),
	NETDOX("/orphans/DB/KEY", NV_FILE, ORPHAN, NV_ROW_ANYNAME | NV_ROW_UNSAVED, orphan_ops),
#undef NETDOX
#undef DNS_NAME
#undef NODE
#undef LINK

	/* views/ */
	{ .pattern = "views",
	  .type = NV_DIR,
	  .family = NV_FAMILY_VIEWS,
	  .ops = &nv_static_dir_ops },
#define DOC_TOP "views/stored"
#define DOC_FAMILY NV_FAMILY_VIEWS
#define DOC_OPS nv_views_stored_ops
#define DOC_OBJECT 0
#define DOC_FILE NV_ROW_READONLY
#define DOC_REFILLED 0
	DOC("", NV_DIR, NV_NG_ROOT, 0, NV_NG_TOP, 0),
	DOC_TEAMS,
	DOC_USERS,
	DOC_REST,
#undef DOC_TOP
#undef DOC_FAMILY
#undef DOC_OPS
#undef DOC_OBJECT
#undef DOC_FILE
#undef DOC_REFILLED
	{ .pattern = "views/edge",
	  .type = NV_DIR,
	  .family = NV_FAMILY_VIEWS,
	  .kind = NV_VIEWS_EDGE_TOP,
	  .ops = &nv_views_edge_ops },
	{ .pattern = "views/edge/TEAM",
	  .type = NV_DIR,
	  .family = NV_FAMILY_VIEWS,
	  .kind = NV_VIEWS_EDGE_TEAM,
	  .ops = &nv_views_edge_ops },
	{ .pattern = "views/edge/TEAM/DOMAIN.json",
	  .type = NV_FILE,
	  .family = NV_FAMILY_VIEWS,
	  .kind = NV_VIEWS_EDGE_DOMAIN,
	  .flags = NV_ROW_READONLY,
	  .ops = &nv_views_edge_ops },

/* .netviewfs/ */
#define CTL_OPS(path, row_type, row_kind, row_flags, row_ops)                                      \
	{                                                                                          \
		.pattern = ".netviewfs" path, .type = (row_type), .family = NV_FAMILY_CTL,         \
		.kind = NV_CTL_##row_kind, .flags = (row_flags), .ops = &(row_ops)                 \
	}
#define CTL(path, row_type, row_kind, row_flags)                                                   \
	CTL_OPS(path, row_type, row_kind, row_flags, nv_ctl_ops)
#define CONFLICT(path, row_type, row_kind, row_flags)                                              \
	CTL_OPS("/conflicts" path, row_type, row_kind, (row_flags) | NV_ROW_PRIVATE,               \
	        nv_ctl_conflicts_ops)
	CTL("", NV_DIR, DIR, 0),
	CTL("/README", NV_FILE, README, NV_ROW_READONLY | NV_ROW_FIXED),
	CTL("/clock", NV_FILE, CLOCK, NV_ROW_GROWS | NV_ROW_NO_DELAY | NV_ROW_PRIVATE),
	CONFLICT("", NV_DIR, CONFLICTS, 0),
	CONFLICT("/TIME-NAME", NV_DIR, CONFLICT, NV_ROW_OBJECT),
	CONFLICT("/TIME-NAME/base", NV_FILE, CONFLICT_TEXT, NV_ROW_READONLY | NV_ROW_DERIVED),
	CONFLICT("/TIME-NAME/mine", NV_FILE, CONFLICT_TEXT, NV_ROW_READONLY | NV_ROW_DERIVED),
	CONFLICT("/TIME-NAME/theirs", NV_FILE, CONFLICT_TEXT, NV_ROW_READONLY | NV_ROW_DERIVED),
	CTL("/errors", NV_FILE, ERRORS, NV_ROW_READONLY | NV_ROW_GROWS | NV_ROW_PRIVATE),
	CTL("/metrics", NV_FILE, METRICS, NV_ROW_READONLY | NV_ROW_GROWS),
	CTL("/schema.json", NV_FILE, SCHEMA, NV_ROW_READONLY),
	CTL("/status", NV_FILE, STATUS, NV_ROW_READONLY | NV_ROW_GROWS),
#undef CTL
#undef CONFLICT
#undef CTL_OPS
};

const size_t nv_tree_rows_count = sizeof(nv_tree_rows) / sizeof(nv_tree_rows[0]);
