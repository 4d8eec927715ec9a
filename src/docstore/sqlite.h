/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One SQLite connection: statements, a deadline for everything, and SQLite's errors as ours.
 * sqlite.c is the only file that knows sqlite3.h; it knows no documents. Private to docstore/. A
 * connection is for one thread at a time.
 */
#ifndef NV_DOCSTORE_SQLITE_H
#define NV_DOCSTORE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

/* Statements that a connection keeps prepared. */
#define NV_SQLITE_SLOTS 32

enum nv_sqlite_flags {
	NV_SQLITE_READONLY = 1 << 0,
	/* The file is taken as it stands, without locks: for media on which no lock can be had.
	   Only for one short use. */
	NV_SQLITE_IMMUTABLE = 1 << 1,
};

struct nv_sqlite;
struct nv_sqlite_stmt;

/* "3.40.1" */
const char *nv_sqlite_version(void);

/* Opens an existing file (clock is borrowed). Nothing is read yet. Errors: -EACCES, -ENOENT, -EIO.
 * Owns: nv_sqlite_close (NULL is allowed). */
int nv_sqlite_open(const char *path, unsigned flags, struct nv_clock *clock,
                   struct nv_sqlite **ret_conn, struct nv_err *err);
void nv_sqlite_close(struct nv_sqlite *conn);

/* Everything from here on fails with -ETIMEDOUT once the clock reaches deadline_ms, waiting for
 * locks included. */
void nv_sqlite_set_deadline(struct nv_sqlite *conn, int64_t deadline_ms);

/* True when the file can only be read. */
bool nv_sqlite_is_readonly(const struct nv_sqlite *conn);

/* True once anything went wrong with it: it is to be closed, not used again. */
bool nv_sqlite_is_broken(const struct nv_sqlite *conn);

/* True once an error was that the file is no SQLite file. */
bool nv_sqlite_is_foreign(const struct nv_sqlite *conn);

/*
 * Runs SQL without results. Errors of this and of stepping: -ETIMEDOUT (locked by others, or the
 * deadline), -ENOSPC, -EROFS, -EIO (with SQLite's reason), -EACCES, -ENOMEM, -EFBIG.
 */
int nv_sqlite_exec(struct nv_sqlite *conn, const char *sql, struct nv_err *err);

/* Ends a transaction whose changes are not wanted; marks the connection broken when even that
 * fails. */
void nv_sqlite_rollback(struct nv_sqlite *conn);

/* The statement of a slot, prepared on first use, reset and without values. sql must be the same
 * for a slot always. */
int nv_sqlite_use(struct nv_sqlite *conn, unsigned slot, const char *sql,
                  struct nv_sqlite_stmt **ret_stmt, struct nv_err *err);

/* Sets the values of a statement's parameters, from 1. Bytes are borrowed until the statement is
 * reset. A failure shows when stepping. */
void nv_sqlite_bind_int(struct nv_sqlite_stmt *stmt, int at, int64_t number);
void nv_sqlite_bind_text(struct nv_sqlite_stmt *stmt, int at, const char *text);
void nv_sqlite_bind_blob(struct nv_sqlite_stmt *stmt, int at, const void *data, size_t size);

/* 1: there is a row; 0: no more (the statement is reset); -errno. */
int nv_sqlite_step(struct nv_sqlite_stmt *stmt, struct nv_err *err);

/* Steps a statement that is to give no row: 0 or -errno. */
int nv_sqlite_run(struct nv_sqlite_stmt *stmt, struct nv_err *err);

/* Columns of the row, from 0. Pointers are good until the next step or reset; text is "" for NULL,
 * a blob may be NULL when *ret_size is 0. */
int64_t nv_sqlite_int(struct nv_sqlite_stmt *stmt, int column);
const char *nv_sqlite_text(struct nv_sqlite_stmt *stmt, int column);
const uint8_t *nv_sqlite_blob(struct nv_sqlite_stmt *stmt, int column, size_t *ret_size);

/* Ends the use of a statement: gives its row and locks back. stmt may be NULL. */
void nv_sqlite_reset(struct nv_sqlite_stmt *stmt);

/* The rowid of the last insert. */
int64_t nv_sqlite_inserted(const struct nv_sqlite *conn);

static inline void nv_cleanup_stmt(struct nv_sqlite_stmt **stmt)
{
	nv_sqlite_reset(*stmt);
}
#define cleanup_stmt __attribute__((cleanup(nv_cleanup_stmt)))

#endif
