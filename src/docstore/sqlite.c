/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One SQLite connection (sqlite.h). Owns sqlite3.h, the busy and progress handlers, and which
 * SQLite error is which errno.
 */
#include "config.h"

#include "docstore/sqlite.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"

enum {
	PROGRESS_STEPS = 5000, /* of SQLite's machine between two looks at the clock: well under a
	                          millisecond */
	BUSY_WAIT_MAX_MS = 10, /* between two tries for another process's lock */
};

struct nv_sqlite_stmt {
	struct nv_sqlite *conn;
	sqlite3_stmt *handle; /* owned; NULL until the slot is used */
	int bind_rc;          /* first failure of a bind since the statement was taken */
};

struct nv_sqlite {
	sqlite3 *db;
	struct nv_clock *clock; /* borrowed */
	int64_t deadline_ms;
	bool broken;
	bool foreign; /* an error was that this is no SQLite file */
	struct nv_sqlite_stmt slots[NV_SQLITE_SLOTS];
};

const char *nv_sqlite_version(void)
{
	return sqlite3_libversion();
}

static int on_busy(void *ctx, int tries)
{
	const struct nv_sqlite *conn = ctx;
	if (nv_clock_ms(conn->clock) >= conn->deadline_ms) {
		return 0;
	}
	/* SQLite has no wake-up for a lock of another process; this is its own way of waiting. */
	long ms = tries < BUSY_WAIT_MAX_MS ? tries + 1 : BUSY_WAIT_MAX_MS;
	struct timespec pause = { .tv_nsec = ms * 1000000 };
	(void)nanosleep(&pause, NULL);
	return 1;
}

static int on_progress(void *ctx)
{
	const struct nv_sqlite *conn = ctx;
	return nv_clock_ms(conn->clock) >= conn->deadline_ms;
}

static int full_or_io(sqlite3 *db)
{
	int errnum = sqlite3_system_errno(db);
	return errnum == ENOSPC || errnum == EDQUOT ? ENOSPC : EIO;
}

/* SQLite's result as an errno. */
static int errno_of(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
	case SQLITE_PROTOCOL: /* lost every race for the locks of the write-ahead log */
		return ETIMEDOUT;
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_IOERR:
		return full_or_io(db);
	case SQLITE_READONLY:
		return EROFS;
	case SQLITE_AUTH:
	case SQLITE_PERM:
		return EACCES;
	case SQLITE_NOMEM:
		return ENOMEM;
	case SQLITE_TOOBIG:
		return EFBIG;
	default:
		return EIO;
	}
}

static int failed(struct nv_sqlite *conn, int rc, struct nv_err *err)
{
	int errnum = errno_of(conn->db, rc);
	conn->broken = true;
	conn->foreign = conn->foreign || (rc & 0xff) == SQLITE_NOTADB;
	if (errnum == ETIMEDOUT && (rc & 0xff) != SQLITE_INTERRUPT) {
		return nv_fail(err, errnum, "another program kept the file locked for too long");
	}
	if (errnum == ETIMEDOUT) {
		return nv_fail(err, errnum, "the file did not answer in time");
	}
	return nv_fail(err, errnum, "SQLite: %s", sqlite3_errmsg(conn->db));
}

/* "file:PATH?immutable=1", with every byte escaped that a URI could read differently. */
static char *immutable_uri(const char *path)
{
	struct nv_buf uri = NV_BUF_INIT;
	nv_buf_puts(&uri, "file:");
	for (const char *at = path; *at != '\0'; at++) {
		nv_buf_printf(&uri, *at == '/' ? "%c" : "%%%02x", (unsigned char)*at);
	}
	nv_buf_puts(&uri, "?immutable=1");
	if (nv_buf_error(&uri)) {
		nv_buf_release(&uri);
		return NULL;
	}
	return nv_buf_steal(&uri, NULL);
}

static int open_db(const char *path, unsigned flags, sqlite3 **ret_db)
{
	int how = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	how |= flags & (NV_SQLITE_READONLY | NV_SQLITE_IMMUTABLE) ? SQLITE_OPEN_READONLY
	                                                          : SQLITE_OPEN_READWRITE;
	if (!(flags & NV_SQLITE_IMMUTABLE)) {
		return sqlite3_open_v2(path, ret_db, how, NULL);
	}
	char *uri = immutable_uri(path);
	int rc = uri ? sqlite3_open_v2(uri, ret_db, how | SQLITE_OPEN_URI, NULL) : SQLITE_NOMEM;
	free(uri);
	return rc;
}

int nv_sqlite_open(const char *path, unsigned flags, struct nv_clock *clock,
                   struct nv_sqlite **ret_conn, struct nv_err *err)
{
	struct nv_sqlite *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	conn->clock = clock;
	int rc = open_db(path, flags, &conn->db);
	if (rc != SQLITE_OK) {
		int errnum = conn->db ? sqlite3_system_errno(conn->db) : 0;
		errnum = errnum == ENOENT || errnum == EACCES ? errnum : EIO;
		(void)nv_fail(err, errnum, "%s cannot be opened: %s", path,
		              conn->db ? sqlite3_errmsg(conn->db) : sqlite3_errstr(rc));
		nv_sqlite_close(conn);
		return -errnum;
	}
	for (size_t i = 0; i < NV_SQLITE_SLOTS; i++) {
		conn->slots[i].conn = conn;
	}
	(void)sqlite3_busy_handler(conn->db, on_busy, conn);
	sqlite3_progress_handler(conn->db, PROGRESS_STEPS, on_progress, conn);
	/* The file may come from elsewhere: its schema must not be able to call functions with side
	 * effects. */
	(void)sqlite3_db_config(conn->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	*ret_conn = conn;
	return 0;
}

void nv_sqlite_close(struct nv_sqlite *conn)
{
	if (!conn) {
		return;
	}
	for (size_t i = 0; i < NV_SQLITE_SLOTS; i++) {
		(void)sqlite3_finalize(conn->slots[i].handle);
	}
	(void)sqlite3_close(conn->db); /* all statements are gone, so it cannot be refused */
	free(conn);
}

void nv_sqlite_set_deadline(struct nv_sqlite *conn, int64_t deadline_ms)
{
	conn->deadline_ms = deadline_ms;
}

bool nv_sqlite_is_readonly(const struct nv_sqlite *conn)
{
	return sqlite3_db_readonly(conn->db, "main") == 1;
}

bool nv_sqlite_is_broken(const struct nv_sqlite *conn)
{
	return conn->broken;
}

bool nv_sqlite_is_foreign(const struct nv_sqlite *conn)
{
	return conn->foreign;
}

int nv_sqlite_exec(struct nv_sqlite *conn, const char *sql, struct nv_err *err)
{
	int rc = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : failed(conn, rc, err);
}

void nv_sqlite_rollback(struct nv_sqlite *conn)
{
	/* A rollback waits for nothing; the deadline that may have caused it must not stop it. */
	conn->deadline_ms = INT64_MAX;
	for (size_t i = 0; i < NV_SQLITE_SLOTS; i++) {
		(void)sqlite3_reset(conn->slots[i].handle);
	}
	if (!sqlite3_get_autocommit(conn->db) &&
	    sqlite3_exec(conn->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
		conn->broken = true;
	}
}

int nv_sqlite_use(struct nv_sqlite *conn, unsigned slot, const char *sql,
                  struct nv_sqlite_stmt **ret_stmt, struct nv_err *err)
{
	struct nv_sqlite_stmt *stmt = &conn->slots[slot];
	if (!stmt->handle) {
		int rc = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
		                            &stmt->handle, NULL);
		if (rc != SQLITE_OK) {
			return failed(conn, rc, err);
		}
	}
	nv_sqlite_reset(stmt);
	*ret_stmt = stmt;
	return 0;
}

static void bound(struct nv_sqlite_stmt *stmt, int rc)
{
	if (stmt->bind_rc == SQLITE_OK) {
		stmt->bind_rc = rc;
	}
}

void nv_sqlite_bind_int(struct nv_sqlite_stmt *stmt, int at, int64_t number)
{
	bound(stmt, sqlite3_bind_int64(stmt->handle, at, number));
}

void nv_sqlite_bind_text(struct nv_sqlite_stmt *stmt, int at, const char *text)
{
	bound(stmt, sqlite3_bind_text64(stmt->handle, at, text, strlen(text), SQLITE_STATIC,
	                                SQLITE_UTF8));
}

void nv_sqlite_bind_blob(struct nv_sqlite_stmt *stmt, int at, const void *data, size_t size)
{
	/* A NULL pointer would be bound as NULL, which equals no blob. */
	bound(stmt,
	      sqlite3_bind_blob64(stmt->handle, at, size > 0 ? data : "", size, SQLITE_STATIC));
}

int nv_sqlite_step(struct nv_sqlite_stmt *stmt, struct nv_err *err)
{
	int rc = stmt->bind_rc == SQLITE_OK ? sqlite3_step(stmt->handle) : stmt->bind_rc;
	if (rc == SQLITE_ROW) {
		return 1;
	}
	if (rc == SQLITE_DONE) {
		(void)sqlite3_reset(stmt->handle);
		return 0;
	}
	int result = failed(stmt->conn, rc, err);
	(void)sqlite3_reset(stmt->handle); /* repeats the error just told */
	return result;
}

int nv_sqlite_run(struct nv_sqlite_stmt *stmt, struct nv_err *err)
{
	int rc = nv_sqlite_step(stmt, err);
	nv_sqlite_reset(stmt);
	return rc < 0 ? rc : 0;
}

int64_t nv_sqlite_int(struct nv_sqlite_stmt *stmt, int column)
{
	return sqlite3_column_int64(stmt->handle, column);
}

const char *nv_sqlite_text(struct nv_sqlite_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt->handle, column);
	return text ? text : "";
}

const uint8_t *nv_sqlite_blob(struct nv_sqlite_stmt *stmt, int column, size_t *ret_size)
{
	const uint8_t *data = sqlite3_column_blob(stmt->handle, column);
	*ret_size = (size_t)sqlite3_column_bytes(stmt->handle, column);
	return data;
}

void nv_sqlite_reset(struct nv_sqlite_stmt *stmt)
{
	if (stmt && stmt->handle) {
		(void)sqlite3_reset(stmt->handle);          /* an error was told when it happened */
		(void)sqlite3_clear_bindings(stmt->handle); /* cannot fail */
		stmt->bind_rc = SQLITE_OK;
	}
}

int64_t nv_sqlite_inserted(const struct nv_sqlite *conn)
{
	return sqlite3_last_insert_rowid(conn->db);
}
