/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One file while the steps of its keys come in, and the text that they make. Private to builder.c.
 */
#ifndef NV_NETDOX_DRAFT_H
#define NV_NETDOX_DRAFT_H

#include <time.h>

#include "codec/data.h"
#include "codec/records.h"
#include "netdox/layout.h"
#include "node/blob.h"

/* The file whose steps are coming in. */
struct nv_draft {
	bool open;
	enum nv_netdox_kind kind;
	struct nv_bytes id;     /* borrowed from the answer; absent for fixed names */
	bool asked;             /* an index says whether it is there … */
	bool named;             /* … and names it */
	bool there;             /* its key is there */
	char *broken;           /* owned; the first fault, or NULL */
	size_t keys;            /* that are there */
	size_t stamps;          /* of these, with a time */
	struct timespec newest; /* of the times */
	struct nv_bytes body;   /* borrowed; VALUE and LINK */
	struct nv_records records;
	struct nv_lines lines;
	struct nv_fields fields;
	struct nv_data data;
	struct nv_lines claimed; /* its keys, in order of steps; only where claims are asked for */
	enum nv_redis_db db;     /* of these */
};

/* Frees what it owns; it is closed then. */
void nv_draft_reset(struct nv_draft *draft);

/* The text of a draft that is not broken, with the time of its keys. Sorts what it holds. -ENOMEM. */
int nv_draft_blob(struct nv_draft *draft, int64_t sampled_ms, struct nv_blob **ret_blob);

#endif
