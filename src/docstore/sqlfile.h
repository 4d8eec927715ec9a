/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sqlite store's file: its form, and a pool of connections to it. Private to the sqlite store.
 *
 * A connection belongs to one borrower at a time; one on which anything went wrong is closed. The
 * file behind the path is checked at each borrowing: when it was replaced (a restored backup), old
 * connections would go on writing to the file that is gone.
 */
#ifndef NV_DOCSTORE_SQLFILE_H
#define NV_DOCSTORE_SQLFILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "docstore/sqlite.h"

#define NV_SQLFILE_APPLICATION_ID 0x4e564653 /* "NVFS" */
#define NV_SQLFILE_VERSION 1

/* Which statement stands in which slot of a connection. */
enum nv_sqlfile_slot {
	NV_SQL_FORM,
	NV_SQL_JOURNAL,
	NV_SQL_COLLECTIONS,
	NV_SQL_GET,
	NV_SQL_GET_ID,
	NV_SQL_GET_DOC,
	NV_SQL_SCAN,
	NV_SQL_SCAN_DOWN,
	NV_SQL_LOOKUP,
	NV_SQL_UNINDEXED,
	NV_SQL_ID_KEY,
	NV_SQL_INSERT,
	NV_SQL_INSERT_NAME,
	NV_SQL_UPDATE,
	NV_SQL_DELETE,
	NV_SQL_INDEXES,
	NV_SQL_INDEX_FIND,
	NV_SQL_INDEX_ADD,
	NV_SQL_INDEX_FORGET,
	NV_SQL_LOOKUP_ADD,
	NV_SQL_LOOKUP_REMOVE,
	NV_SQL_BACKFILL,
	NV_SQL_BACKFILLED,
	NV_SQL_LOG_DOWN,
	NV_SQL_LOG_UP,
	NV_SQL_LOG_GET,
	NV_SQL_SLOT_COUNT,
};

struct nv_sqlfile;

/* A borrowed connection. */
struct nv_sqlfile_conn {
	struct nv_sqlfile_conn *next; /* in the pool */
	struct nv_sqlite *sqlite;     /* owned */
	uint64_t device;              /* the file it was opened on */
	uint64_t inode;
	bool once; /* not to be kept (a lock-free look at read-only media) */
};

/* Opens the file, makes it (0600) unless readonly, and checks its form. clock is borrowed. Errors
 * as nv_docstore_open. Owns: nv_sqlfile_close (NULL is allowed). */
int nv_sqlfile_open(const char *path, bool readonly, struct nv_clock *clock, int64_t deadline_ms,
                    struct nv_sqlfile **ret_file, struct nv_err *err);
void nv_sqlfile_close(struct nv_sqlfile *file);

/* The absolute path; the journal's mode ("wal" wherever the file system allows it); true when
 * nothing can be written. */
const char *nv_sqlfile_path(const struct nv_sqlfile *file);
const char *nv_sqlfile_journal(const struct nv_sqlfile *file);
bool nv_sqlfile_is_readonly(const struct nv_sqlfile *file);

/* Borrows a connection with that deadline. Errors: -EIO (the file is gone or no longer ours),
 * -ETIMEDOUT, -EACCES, -ENOMEM. */
int nv_sqlfile_get(struct nv_sqlfile *file, int64_t deadline_ms, struct nv_sqlfile_conn **ret_conn,
                   struct nv_err *err);

/* Gives it back; an open transaction is rolled back. */
void nv_sqlfile_put(struct nv_sqlfile *file, struct nv_sqlfile_conn *conn);

#endif
