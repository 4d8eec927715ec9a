/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The netdox family: Netdox's Redis keys as the paths under netdox/ (DESIGN 2, 3, 5).
 *
 * Which keys a path stands for, and what its change is called in the changelog, is said once, in
 * layout.c.
 */
#ifndef NV_NETDOX_NETDOX_H
#define NV_NETDOX_NETDOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "node/node.h"
#include "redis/pool.h"

/* Kinds of paths: nv_row.kind of the rows of this family. */
enum nv_netdox_kind {
	NV_NETDOX_ROOT,            /* netdox/ */
	NV_NETDOX_CHANGELOG,       /* changelog */
	NV_NETDOX_DEFAULT_NETWORK, /* default_network */
	NV_NETDOX_DNS,             /* dns/ */
	NV_NETDOX_NETWORK,         /* dns/NETWORK/ */
	NV_NETDOX_NETWORK_ID,      /* dns/NETWORK/id */
	NV_NETDOX_NAME,            /* dns/NETWORK/NAME/ */
	NV_NETDOX_RECORDS,
	NV_NETDOX_MAPS,
	NV_NETDOX_DNS_META,
	NV_NETDOX_DNS_PDATA_DIR,
	NV_NETDOX_DNS_PDATA,
	NV_NETDOX_NODE_LINK, /* dns/NETWORK/NAME/node */
	NV_NETDOX_NAME_ID,
	NV_NETDOX_NODES, /* nodes/ */
	NV_NETDOX_NODE,  /* nodes/NODE_ID/ */
	NV_NETDOX_PLUGINS_DIR,
	NV_NETDOX_PLUGIN,
	NV_NETDOX_NODE_META,
	NV_NETDOX_NODE_PDATA_DIR,
	NV_NETDOX_NODE_PDATA,
	NV_NETDOX_NODE_ID,
	NV_NETDOX_PROCESSED_DIR, /* processed/ */
	NV_NETDOX_PROCESSED,     /* processed/LINK_ID/ */
	NV_NETDOX_PROCESSED_NAME,
	NV_NETDOX_PROCESSED_ALT_NAMES,
	NV_NETDOX_PROCESSED_DNS_NAMES,
	NV_NETDOX_PROCESSED_PLUGINS,
	NV_NETDOX_PROCESSED_RAW_KEYS,
	NV_NETDOX_PROCESSED_ID,
	NV_NETDOX_DNS_NODES,     /* dns_nodes */
	NV_NETDOX_LAST_MODIFIED, /* last-modified; full and restore mounts only */
	NV_NETDOX_REPORTS,   /* reports/ */
	NV_NETDOX_REPORT,
	NV_NETDOX_ORPHANS,    /* orphans/ */
	NV_NETDOX_ORPHANS_DB, /* orphans/DB/ */
	NV_NETDOX_ORPHAN,
	NV_NETDOX_KIND_COUNT,
};

struct nv_netdox;

struct nv_netdox_config {
	struct nv_redis *redis;    /* borrowed for the family's life */
	struct nv_clock *clock;    /* borrowed for the family's life */
	const struct nv_row *rows; /* nv_tree_rows; borrowed for the family's life */
	size_t rows_count;
	/* -o plugin=: P of entries whose datum names no plugin; NULL = "netviewfs"; copied */
	const char *plugin;
	bool ro;                  /* -o ro: every change is refused with EROFS */
	/* -o changelog=: so many newest entries when first read; 0 = 10,000 */
	size_t changelog_entries;
	enum nv_mount_mode mode;
};

/* Asks no store. Errors: -EINVAL (a kind without its row), -ENOMEM. Owns: free with
 * nv_netdox_free. */
int nv_netdox_new(const struct nv_netdox_config *config, struct nv_netdox **ret_netdox,
                  struct nv_err *err);

/* No request may be under way. NULL is allowed. */
void nv_netdox_free(struct nv_netdox *netdox);

/* At mount time, unless -o layout= is given: refuses (-EINVAL, with the reason) a database that
 * looks like another layout than that of the Data Structure Specification. Blocks. Errors:
 * -EINVAL, those of the store. */
int nv_netdox_probe(struct nv_netdox *netdox, struct nv_err *err);

/* For a restore mount: refuses (-ENOTEMPTY, naming the first one found) databases that have a key of
 * the model; keys of other programs may be there. Blocks. Errors: -ENOTEMPTY, those of the store. */
int nv_netdox_check_empty(struct nv_netdox *netdox, struct nv_err *err);

/* Appends what .netviewfs/status says of the family: lines "netdox…: text". Asks no store
 * (nv_redis_describe does). Errors: -ENOMEM. */
int nv_netdox_describe(struct nv_netdox *netdox, struct nv_buf *out);

/* Forgets all that was read, as after a notice that anything may have changed. Any thread. */
void nv_netdox_forget(struct nv_netdox *netdox);

extern const struct nv_node_ops nv_netdox_dir_ops;       /* directories */
extern const struct nv_node_ops nv_netdox_file_ops;      /* files that can be saved and removed */
/* files and links that are only read, but in a restore mount */
extern const struct nv_node_ops nv_netdox_derived_ops;
extern const struct nv_node_ops nv_netdox_changelog_ops; /* the changelog */
extern const struct nv_node_ops
	nv_netdox_orphan_ops; /* files that are read and removed; written in full mounts */

#endif
