/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a backend of docstore.h implements. Only backends and docstore.c include it.
 *
 * docstore.c has checked every argument before a slot is called: names and paths are well-formed,
 * changes do not overlap, documents are valid BSON of legal size with a legal _id, a readonly store
 * gets no commit. Contracts are those of docstore.h.
 */
#ifndef NV_DOCSTORE_BACKEND_H
#define NV_DOCSTORE_BACKEND_H

#include "docstore/docstore.h"

#define NV_DOCSTORE_TIMEOUT_MS 5000 /* when a config has none */

struct nv_docstore_ops {
	const char *name;
	void (*close)(struct nv_docstore *store);
	void (*describe)(struct nv_docstore *store, struct nv_docstore_info *ret_info);
	int (*ping)(struct nv_docstore *store, struct nv_err *err);
	int (*collections)(struct nv_docstore *store, nv_docstore_name_fn *fn, void *ctx,
	                   struct nv_err *err);
	int (*query)(struct nv_docstore *store, const struct nv_docquery *queries,
	             size_t queries_count, nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err);
	/* result->after is allocated for all writes, result->failed is SIZE_MAX. */
	int (*commit)(struct nv_docstore *store, const struct nv_doccommit *commit,
	              struct nv_docresult *result, struct nv_err *err);
	int (*log_open)(struct nv_docstore *store, size_t newest, struct nv_doclog **ret_log,
	                struct nv_err *err);
	void (*log_close)(struct nv_doclog *log);
	int (*log_read)(struct nv_doclog *log, nv_docstore_doc_fn *fn, void *ctx,
	                struct nv_err *err);
	int (*indexes)(struct nv_docstore *store, bool make, nv_docstore_index_fn *fn, void *ctx,
	               struct nv_err *err); /* NULL: it keeps those that are declared itself */
	int (*watch)(struct nv_docstore *store, nv_docstore_watch_fn *fn, void *ctx,
	             struct nv_err *err); /* NULL: -EOPNOTSUPP */
};

/* What every store begins with. Set before nv_docstore_open returns, then constant. */
struct nv_docstore {
	const struct nv_docstore_ops *ops;
	uint32_t timeout_ms;
	bool readonly;
	struct nv_clock *clock;     /* borrowed */
	struct nv_metrics *metrics; /* borrowed; may be NULL */
};

/* What every changelog reader begins with. */
struct nv_doclog {
	struct nv_docstore *store; /* borrowed */
};

/* The backends. rest is the URI behind its "scheme:". */
int nv_sqlstore_open(const char *rest, const struct nv_docstore_config *config,
                     struct nv_docstore **ret_store, struct nv_err *err);
int nv_mem_open(const char *rest, const struct nv_docstore_config *config,
                struct nv_docstore **ret_store, struct nv_err *err);

/* The same; uri is the whole one. Without the driver: -EINVAL, saying so. */
int nv_mongo_open(const char *uri, const struct nv_docstore_config *config,
                  struct nv_docstore **ret_store, struct nv_err *err);

/* Fills the base from a checked config. */
void nv_docstore_init(struct nv_docstore *store, const struct nv_docstore_ops *ops,
                      const struct nv_docstore_config *config);

#endif
