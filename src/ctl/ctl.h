/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ctl family: what the mount says of itself, under .netviewfs/.
 *
 * Knows no store: who has something to say registers a callback. Texts are made outside of any lock
 * of their owners.
 */
#ifndef NV_CTL_CTL_H
#define NV_CTL_CTL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/conflicts.h"
#include "base/error.h"
#include "base/errors_ring.h"
#include "base/metrics.h"
#include "node/node.h"

/* Kinds of paths: nv_row.kind of the rows of this family. */
enum nv_ctl_kind {
	NV_CTL_DIR,
	NV_CTL_README,
	NV_CTL_CLOCK,         /* only with test_control */
	NV_CTL_CONFLICTS,     /* conflicts/ */
	NV_CTL_CONFLICT,      /* conflicts/TIME-NAME/ */
	NV_CTL_CONFLICT_TEXT, /* base, mine, theirs */
	NV_CTL_ERRORS,
	NV_CTL_METRICS,
	NV_CTL_SCHEMA, /* only once a schema is set */
	NV_CTL_STATUS,
};

struct nv_ctl;

struct nv_ctl_config {
	struct nv_clock *clock; /* borrowed for the family's life, as the next three */
	struct nv_errors_ring *errors;
	struct nv_metrics *metrics;
	struct nv_conflicts *conflicts;
	const struct nv_row *rows; /* nv_tree_rows; borrowed for the family's life */
	size_t rows_count;
	const char *build;   /* text of --version; copied */
	const char *options; /* of nv_options_describe: no secrets; copied */
	bool has_netgoat;    /* what README speaks of */
	bool has_netdox;
	bool test_control; /* NETVIEWFS_TEST=1: .netviewfs/clock moves the daemon's clock */
};

/* Asks nobody. Errors: -ENOMEM. Owns: free with nv_ctl_free. */
int nv_ctl_new(const struct nv_ctl_config *config, struct nv_ctl **ret_ctl);

/* No request may be under way. NULL is allowed. */
void nv_ctl_free(struct nv_ctl *ctl);

/* Appends lines "topic…: text" to out. May ask its store, within the deadline: called on each fresh
 * read of status, never with a lock held. */
typedef void nv_ctl_describe_fn(void *self, struct nv_buf *out);

/* Adds a part of status, in the order of the calls. Before the mount only; self is borrowed for the
 * family's life. At most 8: -ENOSPC. */
int nv_ctl_add_status(struct nv_ctl *ctl, nv_ctl_describe_fn *describe, void *self);

/* The text of schema.json (copied). Before the mount only. -ENOMEM. */
int nv_ctl_set_schema(struct nv_ctl *ctl, const char *text, size_t size);

/* Ops of every other row under .netviewfs/; self is the nv_ctl. */
extern const struct nv_node_ops nv_ctl_ops;

/* Ops of conflicts/ and what is in it; self is the nv_ctl. */
extern const struct nv_node_ops nv_ctl_conflicts_ops;

#endif
