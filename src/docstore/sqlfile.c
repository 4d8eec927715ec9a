/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sqlite store's file (sqlfile.h). Owns its form (docs/stores.md says it for other programs),
 * and the pool.
 *
 * The form allows others to write with plain SQL: a row of documents that they insert or change has
 * version 0, by default or by the trigger, which means "lookups do not know this"; readers look at
 * such rows whatever the lookups say, and the next commit of ours indexes them. A lookup that
 * points to no document, or to one that says something else now, does no harm: every candidate is
 * held against the terms.
 */
#include "config.h"

#include "docstore/sqlfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"

enum { IDLE_MAX = 8 };

static const char form_sql[] =
	"CREATE TABLE collections(name TEXT PRIMARY KEY) WITHOUT ROWID;"
	"CREATE TABLE documents("
	" doc INTEGER PRIMARY KEY AUTOINCREMENT,"
	" collection TEXT NOT NULL,"
	" id_key BLOB NOT NULL,"
	" version INTEGER NOT NULL DEFAULT 0,"
	" bson BLOB NOT NULL);"
	"CREATE UNIQUE INDEX documents_by_id ON documents(collection, id_key);"
	"CREATE INDEX documents_unindexed ON documents(collection) WHERE version <= 0;"
	"CREATE INDEX documents_changelog ON documents(collection) WHERE collection = 'changelog';"
	"CREATE TABLE indexes("
	" number INTEGER PRIMARY KEY,"
	" collection TEXT NOT NULL,"
	" path TEXT NOT NULL,"
	" UNIQUE(collection, path));"
	"CREATE TABLE lookups("
	" number INTEGER NOT NULL,"
	" value_key BLOB NOT NULL,"
	" doc INTEGER NOT NULL,"
	" PRIMARY KEY(number, value_key, doc)) WITHOUT ROWID;"
	"CREATE TRIGGER documents_inserted AFTER INSERT ON documents WHEN NEW.version = 0 BEGIN"
	" INSERT OR IGNORE INTO collections VALUES(NEW.collection); END;"
	"CREATE TRIGGER documents_changed AFTER UPDATE OF bson ON documents"
	" WHEN NEW.version = OLD.version BEGIN"
	" UPDATE documents SET version = 0 WHERE doc = NEW.doc; END;"
	"PRAGMA application_id = 1314276947;"
	"PRAGMA user_version = 1;";

_Static_assert(NV_SQLFILE_APPLICATION_ID == 1314276947, "the SQL above has it in decimal");
_Static_assert(NV_SQLFILE_VERSION == 1, "the SQL above has it");
_Static_assert((int)NV_SQL_SLOT_COUNT <= NV_SQLITE_SLOTS, "a slot for each statement");

struct nv_sqlfile {
	char *path; /* absolute */
	bool readonly;
	bool wal;
	struct nv_clock *clock; /* borrowed */
	pthread_mutex_t mutex;
	struct nv_sqlfile_conn *idle; /* mutex; owned */
	size_t idle_count;            /* mutex */
};

/* What a file is, by its header and tables. */
enum form {
	FORM_OURS,
	FORM_EMPTY,
	FORM_NEWER,
	FORM_FOREIGN,
};

static void conn_close(struct nv_sqlfile_conn *conn)
{
	if (conn) {
		nv_sqlite_close(conn->sqlite);
		free(conn);
	}
}

static int read_form(struct nv_sqlite *sqlite, enum form *ret_form, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(
		sqlite, NV_SQL_FORM,
		"SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
		" FROM pragma_application_id, pragma_user_version",
		&stmt, err);
	rc = rc < 0 ? rc : nv_sqlite_step(stmt, err);
	if (rc < 0) {
		return rc;
	}
	int64_t application = rc > 0 ? nv_sqlite_int(stmt, 0) : -1;
	int64_t version = rc > 0 ? nv_sqlite_int(stmt, 1) : -1;
	if (application == NV_SQLFILE_APPLICATION_ID) {
		*ret_form = version == NV_SQLFILE_VERSION ? FORM_OURS : FORM_NEWER;
	} else {
		*ret_form = application == 0 && version == 0 && nv_sqlite_int(stmt, 2) == 0
		                    ? FORM_EMPTY
		                    : FORM_FOREIGN;
	}
	return 0;
}

static int check_form(const struct nv_sqlfile *file, struct nv_sqlite *sqlite, enum form *ret_form,
                      struct nv_err *err)
{
	enum form form = FORM_FOREIGN;
	int rc = read_form(sqlite, &form, err);
	if (rc < 0) {
		return rc;
	}
	if (form == FORM_FOREIGN) {
		return nv_fail(err, EINVAL, "%s is an SQLite file of another program", file->path);
	}
	if (form == FORM_NEWER) {
		return nv_fail(err, EINVAL, "%s was made by a newer netviewfs", file->path);
	}
	*ret_form = form;
	return 0;
}

static int prepare(struct nv_sqlite *sqlite, struct nv_err *err)
{
	/* FULL: in WAL mode, each commit is on the disk before it is acknowledged. */
	return nv_sqlite_exec(sqlite,
	                      "PRAGMA synchronous = FULL; PRAGMA cache_size = -4096;"
	                      "PRAGMA journal_size_limit = 67108864; PRAGMA foreign_keys = OFF",
	                      err);
}

static int stat_file(const struct nv_sqlfile *file, struct nv_sqlfile_conn *conn,
                     struct nv_err *err)
{
	struct stat st;
	if (stat(file->path, &st) < 0) {
		int errnum = errno;
		return nv_fail(err, errnum == EACCES ? EACCES : EIO, "%s: %s", file->path,
		               strerror(errnum));
	}
	conn->device = (uint64_t)st.st_dev;
	conn->inode = (uint64_t)st.st_ino;
	return 0;
}

/* True when there is no log of another program's unfinished work beside the file. */
static bool is_settled(const char *path)
{
	cleanup_buf struct nv_buf wal = NV_BUF_INIT;
	struct stat st;
	nv_buf_printf(&wal, "%s-wal", path);
	return !nv_buf_error(&wal) && (stat(wal.data, &st) < 0 ? errno == ENOENT : st.st_size == 0);
}

/* Opens one connection and checks the form of what it sees. */
static int connect_as(const struct nv_sqlfile *file, unsigned flags, int64_t deadline_ms,
                      struct nv_sqlfile_conn **ret_conn, enum form *ret_form, struct nv_err *err)
{
	struct nv_sqlfile_conn *conn = calloc(1, sizeof(*conn));
	if (!conn) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	conn->once = flags & NV_SQLITE_IMMUTABLE;
	int rc = stat_file(file, conn, err);
	struct nv_sqlfile_conn before = *conn;
	rc = rc < 0 ? rc : nv_sqlite_open(file->path, flags, file->clock, &conn->sqlite, err);
	if (rc == 0) {
		nv_sqlite_set_deadline(conn->sqlite, deadline_ms);
		rc = prepare(conn->sqlite, err);
	}
	rc = rc < 0 ? rc : check_form(file, conn->sqlite, ret_form, err);
	rc = rc < 0 ? rc : stat_file(file, conn, err);
	if (rc == 0 && (conn->device != before.device || conn->inode != before.inode)) {
		rc = nv_fail(err, EIO, "%s was being replaced", file->path);
	}
	if (rc < 0) {
		if (conn->sqlite && nv_sqlite_is_foreign(conn->sqlite)) {
			rc = nv_fail(err, EINVAL, "%s is no SQLite file", file->path);
		}
		conn_close(conn);
		return rc;
	}
	*ret_conn = conn;
	return 0;
}

static int file_connect(const struct nv_sqlfile *file, int64_t deadline_ms,
                        struct nv_sqlfile_conn **ret_conn, enum form *ret_form, struct nv_err *err)
{
	unsigned flags = file->readonly ? NV_SQLITE_READONLY : 0;
	int rc = connect_as(file, flags, deadline_ms, ret_conn, ret_form, err);
	/* A WAL file in a directory where no lock file can be made: look without locks, if nobody
	 * is writing. */
	if ((rc == -EIO || rc == -EROFS) && is_settled(file->path) &&
	    access(file->path, R_OK) == 0) {
		struct nv_err second = NV_ERR_INIT;
		char *slash = strrchr(file->path, '/');
		cleanup_free char *directory =
			strndup(file->path, (size_t)(slash - file->path) + 1);
		if (directory && access(directory, W_OK) < 0 &&
		    connect_as(file, NV_SQLITE_IMMUTABLE, deadline_ms, ret_conn, ret_form,
		               &second) == 0) {
			nv_err_clear(err);
			return 0;
		}
	}
	return rc;
}

/* Makes the form, unless another program was faster. */
static int make_form(struct nv_sqlite *sqlite, struct nv_err *err)
{
	enum form form = FORM_FOREIGN;
	int rc = nv_sqlite_exec(sqlite, "BEGIN IMMEDIATE", err);
	rc = rc < 0 ? rc : read_form(sqlite, &form, err);
	if (rc == 0 && form == FORM_EMPTY) {
		rc = nv_sqlite_exec(sqlite, form_sql, err);
	}
	rc = rc < 0 ? rc : nv_sqlite_exec(sqlite, "COMMIT", err);
	if (rc < 0) {
		nv_sqlite_rollback(sqlite);
	}
	return rc;
}

static int read_journal(struct nv_sqlfile *file, struct nv_sqlite *sqlite, struct nv_err *err)
{
	cleanup_stmt struct nv_sqlite_stmt *stmt = NULL;
	int rc = nv_sqlite_use(sqlite, NV_SQL_JOURNAL, "PRAGMA journal_mode", &stmt, err);
	rc = rc < 0 ? rc : nv_sqlite_step(stmt, err);
	if (rc > 0) {
		file->wal = strcmp(nv_sqlite_text(stmt, 0), "wal") == 0;
	}
	return rc < 0 ? rc : 0;
}

/* The first connection: makes what is missing, and learns what the file allows. */
static int first_connection(struct nv_sqlfile *file, int64_t deadline_ms, struct nv_err *err)
{
	struct nv_sqlfile_conn *conn = NULL;
	enum form form = FORM_FOREIGN;
	int rc = file_connect(file, deadline_ms, &conn, &form, err);
	if (rc < 0) {
		return rc;
	}
	if (nv_sqlite_is_readonly(conn->sqlite)) {
		file->readonly = true;
	}
	if (form == FORM_EMPTY) {
		rc = file->readonly ? nv_fail(err, EINVAL, "%s is empty, and read-only", file->path)
		                    : make_form(conn->sqlite, err);
	}
	rc = rc < 0 ? rc : read_journal(file, conn->sqlite, err);
	if (rc == 0 && !file->wal && !file->readonly) {
		/* A new file, or a copy that VACUUM made. Without a write-ahead log it works too,
		 * but readers and writers wait for each other: no reason to refuse. */
		(void)nv_sqlite_exec(conn->sqlite, "PRAGMA journal_mode = WAL", NULL);
		rc = read_journal(file, conn->sqlite, err);
	}
	nv_sqlfile_put(file, conn);
	return rc;
}

/* Makes an empty file that only its owner can read: documents hold secrets. SQLite's other files
 * take its mode. */
static int make_file(const char *path, struct nv_err *err)
{
	cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST) {
		int errnum = errno;
		bool known =
			errnum == ENOENT || errnum == EACCES || errnum == EROFS || errnum == ENOSPC;
		return nv_fail(err, known ? errnum : EIO, "%s cannot be made: %s", path,
		               strerror(errnum));
	}
	return 0;
}

/* The daemon changes its working directory later. Links are not followed, so that the file may be
 * replaced. */
static int absolute(const char *path, char **ret_path, struct nv_err *err)
{
	struct nv_buf full = NV_BUF_INIT;
	if (path[0] == '\0') {
		return nv_fail(err, EINVAL, "sqlite: needs a path");
	}
	if (path[0] != '/') {
		cleanup_free char *here = getcwd(NULL, 0);
		if (!here) {
			return nv_fail(err, EIO, "the working directory is gone");
		}
		nv_buf_printf(&full, "%s/", here);
	}
	nv_buf_puts(&full, path);
	if (nv_buf_error(&full)) {
		nv_buf_release(&full);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_path = nv_buf_steal(&full, NULL);
	return 0;
}

int nv_sqlfile_open(const char *path, bool readonly, struct nv_clock *clock, int64_t deadline_ms,
                    struct nv_sqlfile **ret_file, struct nv_err *err)
{
	struct nv_sqlfile *file = calloc(1, sizeof(*file));
	if (!file) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	file->readonly = readonly;
	file->clock = clock;
	pthread_mutex_init(&file->mutex, NULL);
	int rc = absolute(path, &file->path, err);
	if (rc == 0 && !readonly) {
		rc = make_file(file->path, err);
	} else if (rc == 0 && access(file->path, F_OK) < 0 && errno == ENOENT) {
		rc = nv_fail(err, ENOENT, "%s does not exist", file->path);
	}
	rc = rc < 0 ? rc : first_connection(file, deadline_ms, err);
	if (rc < 0) {
		nv_sqlfile_close(file);
		return rc;
	}
	*ret_file = file;
	return 0;
}

void nv_sqlfile_close(struct nv_sqlfile *file)
{
	if (!file) {
		return;
	}
	while (file->idle) {
		struct nv_sqlfile_conn *conn = file->idle;
		file->idle = conn->next;
		conn_close(conn);
	}
	pthread_mutex_destroy(&file->mutex);
	free(file->path);
	free(file);
}

const char *nv_sqlfile_path(const struct nv_sqlfile *file)
{
	return file->path;
}

const char *nv_sqlfile_journal(const struct nv_sqlfile *file)
{
	return file->wal ? "wal" : "rollback journal";
}

bool nv_sqlfile_is_readonly(const struct nv_sqlfile *file)
{
	return file->readonly;
}

/* Takes an idle connection to the file that is there now, or NULL; those to another file go. */
static struct nv_sqlfile_conn *take_idle(struct nv_sqlfile *file, const struct nv_sqlfile_conn *now)
{
	struct nv_sqlfile_conn *stale = NULL;
	pthread_mutex_lock(&file->mutex);
	struct nv_sqlfile_conn *conn = NULL;
	while (!conn && file->idle) {
		conn = file->idle;
		file->idle = conn->next;
		file->idle_count--;
		if (conn->device != now->device || conn->inode != now->inode) {
			conn->next = stale;
			stale = conn;
			conn = NULL;
		}
	}
	pthread_mutex_unlock(&file->mutex);
	while (stale) {
		struct nv_sqlfile_conn *next = stale->next;
		conn_close(stale);
		stale = next;
	}
	return conn;
}

int nv_sqlfile_get(struct nv_sqlfile *file, int64_t deadline_ms, struct nv_sqlfile_conn **ret_conn,
                   struct nv_err *err)
{
	struct nv_sqlfile_conn now = { 0 };
	int rc = stat_file(file, &now, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_sqlfile_conn *conn = take_idle(file, &now);
	if (conn) {
		nv_sqlite_set_deadline(conn->sqlite, deadline_ms);
		*ret_conn = conn;
		return 0;
	}
	enum form form = FORM_FOREIGN;
	rc = file_connect(file, deadline_ms, &conn, &form, err);
	if (rc == -EINVAL || (rc == 0 && form != FORM_OURS)) {
		/* While mounted, a file that became something else is a broken store, not a
		 * caller's mistake. */
		conn_close(rc == 0 ? conn : NULL);
		return rc == 0 ? nv_fail(err, EIO, "%s has become empty", file->path)
		               : nv_fail(err, EIO, "%s is no document store any more", file->path);
	}
	if (rc == 0) {
		*ret_conn = conn;
	}
	return rc;
}

void nv_sqlfile_put(struct nv_sqlfile *file, struct nv_sqlfile_conn *conn)
{
	nv_sqlite_rollback(conn->sqlite);
	bool keep = !conn->once && !nv_sqlite_is_broken(conn->sqlite);
	if (keep) {
		pthread_mutex_lock(&file->mutex);
		keep = file->idle_count < IDLE_MAX;
		if (keep) {
			conn->next = file->idle;
			file->idle = conn;
			file->idle_count++;
		}
		pthread_mutex_unlock(&file->mutex);
	}
	if (!keep) {
		conn_close(conn);
	}
}
