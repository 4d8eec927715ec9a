/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What only a file can suffer: killed writers, other programs' writes and locks, damage,
 * replacement, full and read-only media.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

static struct backend plain = { .name = "sqlite", .scheme = "sqlite:" };
static struct backend looked_up = {
	.name = "sqlite with look-ups", .scheme = "sqlite:", .indexes = true
};

/* ---- Another program ---- */

static sqlite3 *other_program(const char *path)
{
	sqlite3 *db = NULL;
	assert_int_equal(
		sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
		SQLITE_OK);
	return db;
}

static void sql(sqlite3 *db, const char *text)
{
	char *message = NULL;
	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK) {
		fail_msg("%s: %s", text, message);
	}
}

static int64_t sql_number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t number = sqlite3_column_int64(stmt, 0);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	return number;
}

/* Runs SQL whose ?1 is a document and ?2 an ObjectId's key. */
static void sql_doc(sqlite3 *db, const char *text, const bson_t *doc, uint8_t id)
{
	sqlite3_stmt *stmt = NULL;
	uint8_t key[13] = { 0x23, [12] = id };
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_bind_blob(stmt, 1, bson_get_data(doc), (int)doc->len, SQLITE_STATIC),
		SQLITE_OK);
	if (sqlite3_bind_parameter_count(stmt) > 1) {
		assert_int_equal(sqlite3_bind_blob(stmt, 2, key, sizeof(key), SQLITE_STATIC),
		                 SQLITE_OK);
	}
	assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
}

#define ID(n) "{ \"$oid\" : \"00000000000000000000000" #n "\" }"

static void test_other_programs_writes_are_seen(void **state)
{
	struct fixture *f = *state;
	const struct nv_docterm one = T(f, "a", NV_DOCTERM_EQ, "1", NULL);
	const struct nv_docterm two = T(f, "a", NV_DOCTERM_EQ, "2", NULL);
	insert(f, "d", "{'_id':{'$oid':'000000000000000000000001'},'a':1}");
	insert(f, "d", "{'_id':{'$oid':'000000000000000000000003'},'a':3}");
	sqlite3 *db = other_program(f->path);
	sql_doc(db, "INSERT INTO documents(collection, id_key, bson) VALUES('d', ?2, ?1)",
	        D(f, "{'_id':{'$oid':'000000000000000000000002'},'a':1}"), 2);
	assert_string_equal(ids(f, "d", &one, 1), ID(1) " " ID(2));
	/* A change, past the look-ups. */
	sql_doc(db, "UPDATE documents SET bson = ?1 WHERE id_key = ?2",
	        D(f, "{'_id':{'$oid':'000000000000000000000001'},'a':2}"), 1);
	assert_string_equal(ids(f, "d", &one, 1), ID(2));
	assert_string_equal(ids(f, "d", &two, 1), ID(1));
	sql(db, "DELETE FROM documents WHERE hex(id_key) LIKE '%02'");
	assert_string_equal(ids(f, "d", &one, 1), "");
	/* The next commit of ours takes up what is not indexed. */
	assert_int_equal(sql_number(db, "SELECT count(*) FROM documents WHERE version <= 0"), 1);
	insert(f, "other", "{'_id':1}");
	assert_int_equal(sql_number(db, "SELECT count(*) FROM documents WHERE version <= 0"), 0);
	assert_string_equal(ids(f, "d", &two, 1), ID(1));
	assert_string_equal(ids(f, "d", &one, 1), "");
	/* A collection that the other program makes exists. */
	sql_doc(db, "INSERT INTO documents(collection, id_key, bson) VALUES('theirs', ?2, ?1)",
	        D(f, "{'_id':{'$oid':'000000000000000000000002'}}"), 2);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM collections WHERE name = 'theirs'"),
	                 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int set_b(struct fixture *f, const char *id, const char *value)
{
	const struct nv_docset set = { .path = "b", .value = V(f, value) };
	const struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                           .collection = "d",
		                           .id = V(f, id),
		                           .sets = &set,
		                           .sets_count = 1 };
	return commit_one(f, &write);
}

/* An update of ours of what the look-ups do not know must not make it known by what changed only.
 */
static void test_an_update_before_the_look_ups_hides_nothing(void **state)
{
	struct fixture *f = *state;
	const struct nv_docterm one = T(f, "a", NV_DOCTERM_EQ, "1", NULL);
	const struct nv_docterm two = T(f, "a", NV_DOCTERM_EQ, "2", NULL);
	insert(f, "d", "{'_id':{'$oid':'000000000000000000000001'},'a':1}");
	sqlite3 *db = other_program(f->path);
	sql_doc(db, "INSERT INTO documents(collection, id_key, bson) VALUES('d', ?2, ?1)",
	        D(f, "{'_id':{'$oid':'000000000000000000000002'},'a':1}"), 2);
	assert_int_equal(set_b(f, "{'$oid':'000000000000000000000002'}", "5"), 0);
	assert_string_equal(ids(f, "d", &one, 1), ID(1) " " ID(2));
	sql_doc(db, "UPDATE documents SET bson = ?1 WHERE id_key = ?2",
	        D(f, "{'_id':{'$oid':'000000000000000000000001'},'a':2}"), 1);
	assert_int_equal(set_b(f, "{'$oid':'000000000000000000000001'}", "6"), 0);
	assert_string_equal(ids(f, "d", &one, 1), ID(2));
	assert_string_equal(ids(f, "d", &two, 1), ID(1));
	insert(f, "other", "{'_id':1}");
	assert_int_equal(sql_number(db, "SELECT count(*) FROM documents WHERE version <= 0"), 0);
	assert_string_equal(ids(f, "d", &one, 1), ID(2));
	assert_string_equal(ids(f, "d", &two, 1), ID(1));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_lock_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1}");
	nv_docstore_close(f->store);
	f->store = open_store(f, store_uri(f), 150);
	sqlite3 *db = other_program(f->path);
	sql(db, "BEGIN IMMEDIATE; DELETE FROM documents");
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, "{'_id':2}") };
	assert_int_equal(commit_one(f, &write), -ETIMEDOUT);
	assert_non_null(strstr(f->err.msg, "locked"));
	assert_int_equal(metric(f, NV_METRIC_DOCS_ERRORS), 1);
	/* Readers see what was there before, and are not kept waiting. */
	assert_string_equal(ids(f, "d", NULL, 0), "1");
	sql(db, "ROLLBACK");
	assert_int_equal(commit_one(f, &write), 0);
	assert_string_equal(ids(f, "d", NULL, 0), "1 2");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int slow(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct fixture *f = ctx;
	(void)query;
	(void)doc;
	(void)err;
	nv_clock_advance(f->clock, 60 * 1000);
	return 0;
}

static void test_a_long_query_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 3000 };
	static struct nv_docwrite writes[COUNT];
	for (int i = 0; i < COUNT; i++) {
		writes[i] = (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
			                          .collection = "d",
			                          .doc = BCON_NEW("_id", BCON_INT32(i), "a",
			                                          BCON_INT32(i)) };
	}
	struct nv_doccommit commit = { .writes = writes, .writes_count = COUNT };
	struct nv_docresult result = { 0 };
	struct nv_docquery query = { .collection = "d" };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	nv_docresult_release(&result);
	for (int i = 0; i < COUNT; i++) {
		bson_destroy((bson_t *)writes[i].doc);
	}
	assert_int_equal(nv_docstore_query(f->store, &query, 1, slow, f, &f->err), -ETIMEDOUT);
	/* The next call has its own time. */
	const struct nv_docterm last = T(f, "a", NV_DOCTERM_EQ, "2999", NULL);
	assert_string_equal(ids(f, "d", &last, 1), "2999");
}

/* ---- Processes ---- */

/* Tells one commit; a pipe that is full has told enough. */
static int tell(int fd)
{
	return write(fd, "x", 1) == 1 || errno == EAGAIN ? 0 : -1;
}

/* Increments n of document 1 with an entry each; writes a byte for each acknowledged commit. Never
 * returns. */
static void increment_until_killed(struct fixture *f, uint32_t seed, unsigned rounds, int fd)
{
	struct nv_docstore_config config = { .clock = f->clock, .timeout_ms = 60000 };
	struct nv_docstore *store = NULL;
	struct nv_docinc inc = { "n", 1 };
	struct nv_docset set = { "last", V(f, "'a text that makes the document larger'"), 0 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = V(f, "1"),
		                     .incs = &inc,
		                     .incs_count = 1,
		                     .sets = &set,
		                     .sets_count = 1 };
	if (nv_docstore_open(store_uri(f), &config, &store, NULL) < 0) {
		_exit(3);
	}
	for (unsigned i = 0; i < rounds; i++) {
		bson_t *logged = entry("update", seed + i);
		const bson_t *entries[] = { logged };
		struct nv_doccommit commit = {
			.writes = &write, .writes_count = 1, .entries = entries, .entries_count = 1
		};
		struct nv_docresult result = { 0 };
		if (nv_docstore_commit(store, &commit, &result, NULL) < 0) {
			_exit(4);
		}
		nv_docresult_release(&result);
		bson_destroy(logged);
		if (tell(fd) < 0) {
			_exit(5);
		}
	}
	nv_docstore_close(store);
	_exit(0);
}

static int32_t stored_n(struct fixture *f)
{
	bson_t *doc = NULL;
	bson_iter_t iter;
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_true(bson_iter_init_find(&iter, doc, "n"));
	int32_t n = bson_iter_int32(&iter);
	bson_destroy(doc);
	return n;
}

static int count(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	(void)doc;
	(void)err;
	++*(int32_t *)ctx;
	return 0;
}

static int32_t stored_entries(struct fixture *f)
{
	int32_t counted = 0;
	struct nv_docquery query = { .collection = NV_DOCSTORE_CHANGELOG };
	assert_int_equal(nv_docstore_query(f->store, &query, 1, count, &counted, &f->err), 0);
	return counted;
}

static void test_killed_writers_leave_whole_commits(void **state)
{
	struct fixture *f = *state;
	unsigned seed = (unsigned)time(NULL);
	print_message("# seed %u\n", seed);
	srandom(seed);
	insert(f, "d", "{'_id':1,'n':0}");
	int32_t before = 0;
	for (uint32_t round = 1; round <= 20; round++) {
		int fds[2];
		nv_docstore_close(f->store);
		f->store = NULL;
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			(void)close(fds[0]);
			increment_until_killed(f, round * 1000000, 1000000, fds[1]);
		}
		(void)close(fds[1]);
		char byte;
		int32_t acknowledged = 0;
		for (long wait = 1 + random() % 60; wait > 0; wait--) {
			assert_int_equal(read(fds[0], &byte, 1), 1);
			acknowledged++;
		}
		assert_int_equal(kill(child, SIGKILL), 0);
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &byte, 1) == 1) {
			acknowledged++;
		}
		(void)close(fds[0]);
		f->store = open_store(f, store_uri(f), 30000);
		int32_t n = stored_n(f);
		/* What was acknowledged is there; at most one more was under way; each with its
		 * entry. */
		assert_true(n - before == acknowledged || n - before == acknowledged + 1);
		assert_int_equal(stored_entries(f), n);
		before = n;
	}
	sqlite3 *db = other_program(f->path);
	assert_int_equal(
		sql_number(
			db,
			"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
		0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_processes_share_a_file(void **state)
{
	struct fixture *f = *state;
	enum { PROCESSES = 4, ROUNDS = 250 };
	int fds[2];
	pid_t children[PROCESSES];
	insert(f, "d", "{'_id':1,'n':0}");
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	for (uint32_t i = 0; i < PROCESSES; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0) {
			increment_until_killed(f, (i + 1) * 1000000, ROUNDS, fds[1]);
		}
	}
	for (size_t i = 0; i < PROCESSES; i++) {
		int status = 0;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	(void)close(fds[0]);
	(void)close(fds[1]);
	/* This process's connections were open all the time. */
	assert_int_equal(stored_n(f), PROCESSES * ROUNDS);
	assert_int_equal(stored_entries(f), PROCESSES * ROUNDS);
}

static void test_many_make_the_file_at_once(void **state)
{
	struct fixture *f = *state;
	enum { PROCESSES = 8, ROUNDS = 10 };
	char uri[500];
	for (int round = 0; round < ROUNDS; round++) {
		int start[2];
		pid_t children[PROCESSES];
		(void)snprintf(uri, sizeof(uri), "sqlite:%s/new%d.sqlite", f->dir, round);
		assert_int_equal(pipe2(start, O_CLOEXEC), 0);
		for (int i = 0; i < PROCESSES; i++) {
			children[i] = fork();
			assert_true(children[i] >= 0);
			if (children[i] == 0) {
				char byte;
				struct nv_docstore_config config = { .clock = f->clock,
					                             .timeout_ms = 20000 };
				struct nv_docstore *store = NULL;
				(void)close(start[1]);
				(void)!read(start[0], &byte, 1); /* until all may begin */
				int rc = nv_docstore_open(uri, &config, &store, &f->err);
				if (rc < 0) {
					(void)fprintf(stderr, "# %s\n", f->err.msg);
				}
				nv_docstore_close(store);
				_exit(rc < 0);
			}
		}
		(void)close(start[0]);
		(void)close(start[1]);
		for (int i = 0; i < PROCESSES; i++) {
			int status = 0;
			assert_int_equal(waitpid(children[i], &status, 0), children[i]);
			assert_int_equal(status, 0);
		}
	}
}

static void test_the_log_is_switched_on_again(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1}");
	nv_docstore_close(f->store);
	sqlite3 *db = other_program(f->path);
	sql(db, "PRAGMA journal_mode = DELETE; VACUUM");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	f->store = open_store(f, store_uri(f), 2000);
	struct nv_docstore_info info;
	nv_docstore_describe(f->store, &info);
	assert_non_null(strstr(info.durability, "wal"));
	assert_string_equal(ids(f, "d", NULL, 0), "1");
}

/* ---- Files that are not ours ---- */

static void refuse(struct fixture *f, const char *path, bool readonly, int errnum,
                   const char *reason)
{
	struct nv_docstore_config config = { .clock = f->clock,
		                             .readonly = readonly,
		                             .timeout_ms = 2000 };
	struct nv_docstore *store = NULL;
	char uri[600];
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	f->err = (struct nv_err)NV_ERR_INIT;
	int rc = nv_docstore_open(uri, &config, &store, &f->err);
	if (rc != -errnum || !strstr(f->err.msg, reason)) {
		fail_msg("%s: %d: %s", path, rc, f->err.msg);
	}
	assert_null(store);
}

static void put_file(const char *path, const void *data, size_t size)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static void test_other_files_are_refused(void **state)
{
	struct fixture *f = *state;
	char path[400];
	static const char text[] =
		"Not a database, but longer than the header of one: 0123456789 0123456789 0123456789 0123456789\n";
	(void)snprintf(path, sizeof(path), "%s/text", f->dir);
	put_file(path, text, sizeof(text));
	refuse(f, path, false, EINVAL, "no SQLite file");
	(void)snprintf(path, sizeof(path), "%s/foreign.sqlite", f->dir);
	sqlite3 *db = other_program(path);
	sql(db, "CREATE TABLE bookmarks(url)");
	refuse(f, path, false, EINVAL, "another program");
	sql(db, "DROP TABLE bookmarks; PRAGMA application_id = 77");
	refuse(f, path, false, EINVAL, "another program");
	assert_int_equal(sql_number(db, "SELECT count(*) FROM sqlite_schema"),
	                 0); /* nothing was put in */
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	(void)snprintf(path, sizeof(path), "%s/newer.sqlite", f->dir);
	db = other_program(path);
	sql(db, "PRAGMA application_id = 1314276947; PRAGMA user_version = 2");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	refuse(f, path, false, EINVAL, "newer");
	(void)snprintf(path, sizeof(path), "%s/absent.sqlite", f->dir);
	refuse(f, path, true, ENOENT, "does not exist");
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(path, sizeof(path), "%s/none/docs.sqlite", f->dir);
	refuse(f, path, false, ENOENT, "cannot be made");
	refuse(f, f->dir, false, EIO, "");
	(void)snprintf(path, sizeof(path), "%s/empty.sqlite", f->dir);
	put_file(path, "", 0);
	refuse(f, path, true, EINVAL, "empty");
	/* An empty file that may be written becomes a store. */
	char uri[500];
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	nv_docstore_close(open_store(f, uri, 1000));
}

static void test_the_file_is_private_and_named_oddly(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[400];
	char uri[500];
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(path, sizeof(path), "%s/a b?c=d#e%%41&mode=memory", f->dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	nv_docstore_close(f->store);
	f->store = open_store(f, uri, 1000);
	insert(f, "d", "{'_id':1}");
	assert_int_equal(stat(path, &st), 0);
	(void)snprintf(path, sizeof(path), "%s/a b?c=d#e%%41&mode=memory-wal", f->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	struct nv_docstore_info info;
	nv_docstore_describe(f->store, &info);
	assert_non_null(strstr(info.durability, "wal"));
	assert_non_null(strstr(info.location, "a b?c=d#e%41"));
}

static void test_relative_paths_are_of_the_start(void **state)
{
	struct fixture *f = *state;
	char *here = getcwd(NULL, 0);
	assert_non_null(here);
	nv_docstore_close(f->store);
	assert_int_equal(chdir(f->dir), 0);
	f->store = open_store(f, "sqlite:docs.sqlite", 1000);
	assert_int_equal(chdir("/"), 0);
	insert(f, "d", "{'_id':1}");
	assert_string_equal(ids(f, "d", NULL, 0), "1");
	assert_int_equal(chdir(here), 0);
	free(here);
}

/* ---- Damage ---- */

static void test_damage_is_an_error_not_an_absence(void **state)
{
	struct fixture *f = *state;
	const struct nv_docterm one = T(f, "a", NV_DOCTERM_EQ, "1", NULL);
	struct nv_docquery all = { .collection = "d" };
	struct nv_docquery by_a = { .collection = "d", .terms = &one, .terms_count = 1 };
	int32_t counted = 0;
	insert(f, "d", "{'_id':{'$oid':'000000000000000000000001'},'a':1}");
	insert(f, "d", "{'_id':{'$oid':'000000000000000000000002'},'a':1}");
	sqlite3 *db = other_program(f->path);
	sql(db, "UPDATE documents SET bson = x'0700000061' WHERE hex(id_key) LIKE '%02'");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(nv_docstore_query(f->store, &all, 1, count, &counted, &f->err),
		                 -EIO);
		assert_string_equal(f->err.msg, "a document of d in the file is damaged");
		assert_int_equal(nv_docstore_query(f->store, &by_a, 1, count, &counted, &f->err),
		                 -EIO);
		struct nv_docwrite gone = { .kind = NV_DOCWRITE_DELETE,
			                    .collection = "d",
			                    .id = V(f, ID(2)) };
		assert_int_equal(commit_one(f, &gone), -EIO);
		/* A commit elsewhere works, and makes no difference to this. */
		char json[32];
		(void)snprintf(json, sizeof(json), "{'_id':%d}", i);
		insert(f, "other", json);
	}
	sql_doc(db, "UPDATE documents SET bson = ?1 WHERE id_key = ?2",
	        D(f, "{'_id':{'$oid':'000000000000000000000002'},'a':1}"), 2);
	assert_string_equal(ids(f, "d", &one, 1), ID(1) " " ID(2));
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_damaged_pages_are_an_error(void **state)
{
	struct fixture *f = *state;
	char json[6000];
	for (int i = 0; i < 20; i++) {
		(void)snprintf(json, sizeof(json), "{'_id':%d,'p':'%05000d'}", i, i);
		insert(f, "d", json);
	}
	nv_docstore_close(f->store);
	f->store = NULL;
	struct stat st;
	assert_int_equal(stat(f->path, &st), 0);
	int fd = open(f->path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	static const uint8_t garbage[4096] = { 0xff, 0xfe, 0xfd };
	for (off_t at = 4096 * 2; at + 4096 <= st.st_size; at += 4096) {
		assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
	}
	assert_int_equal(close(fd), 0);
	struct nv_docstore_config config = { .clock = f->clock, .timeout_ms = 2000 };
	struct nv_docquery all = { .collection = "d" };
	int32_t counted = 0;
	int rc = nv_docstore_open(store_uri(f), &config, &f->store, &f->err);
	if (rc == 0) {
		rc = nv_docstore_query(f->store, &all, 1, count, &counted, &f->err);
	}
	assert_int_equal(rc, -EIO);
	assert_non_null(strstr(f->err.msg, "malformed"));
}

/* ---- Replacement ---- */

static void test_a_replaced_file_is_seen(void **state)
{
	struct fixture *f = *state;
	char path[400];
	char uri[500];
	insert(f, "d", "{'_id':1}");
	(void)snprintf(path, sizeof(path), "%s/backup.sqlite", f->dir);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	struct nv_docstore *current = f->store;
	f->store = open_store(f, uri, 1000);
	insert(f, "d", "{'_id':2}");
	nv_docstore_close(f->store); /* its log is merged into it */
	f->store = current;
	char wal[400];
	(void)snprintf(wal, sizeof(wal), "%s-wal", f->path);
	assert_int_equal(unlink(wal), 0);
	(void)snprintf(wal, sizeof(wal), "%s-shm", f->path);
	assert_int_equal(unlink(wal), 0);
	assert_int_equal(rename(path, f->path), 0);
	assert_string_equal(ids(f, "d", NULL, 0), "2");
	insert(f, "d", "{'_id':3}");
	assert_string_equal(ids(f, "d", NULL, 0), "2 3");
	sqlite3 *db = other_program(f->path);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM documents"), 2);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_a_removed_file_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct nv_docquery all = { .collection = "d" };
	int32_t counted = 0;
	bson_t *doc = NULL;
	insert(f, "d", "{'_id':1}");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(nv_docstore_query(f->store, &all, 1, count, &counted, &f->err), -EIO);
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), -EIO);
	assert_int_equal(nv_docstore_ping(f->store, &f->err), -EIO);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, "{'_id':2}") };
	assert_int_equal(commit_one(f, &write), -EIO);
	assert_int_equal(counted, 0);
	assert_int_equal(access(f->path, F_OK), -1); /* and no empty one was made in its place */
	put_file(f->path, "", 0);
	assert_int_equal(nv_docstore_query(f->store, &all, 1, count, &counted, &f->err), -EIO);
}

/* ---- Media ---- */

/* In a child that is not root: looks at the store in a directory where it may write nothing. 0, or
 * the number of what went wrong. */
static int look_read_only(struct fixture *f)
{
	struct nv_docstore_config config = { .clock = f->clock, .timeout_ms = 2000 };
	struct nv_docstore *store = NULL;
	struct nv_docstore_info info;
	struct nv_docquery all = { .collection = "d" };
	int32_t counted = 0;
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) {
		return 10;
	}
	if (nv_docstore_open(store_uri(f), &config, &store, &f->err) != 0) {
		return 11;
	}
	nv_docstore_describe(store, &info);
	if (!info.readonly) {
		return 12;
	}
	for (int i = 0; i < 2; i++) {
		if (nv_docstore_query(store, &all, 1, count, &counted, &f->err) != 0) {
			return 13;
		}
	}
	if (counted != 2) {
		return 14;
	}
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "d",
		                     .doc = D(f, "{'_id':2}") };
	struct nv_doccommit commit = { .writes = &write, .writes_count = 1 };
	struct nv_docresult result = { 0 };
	if (nv_docstore_commit(store, &commit, &result, &f->err) != -EROFS) {
		return 15;
	}
	nv_docresult_release(&result);
	nv_docstore_close(store);
	return 0;
}

static void test_read_only_media(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1}");
	nv_docstore_close(f->store);
	f->store = NULL;
	assert_int_equal(chmod(f->path, 0444), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int wrong = look_read_only(f);
		if (wrong != 0) {
			(void)fprintf(stderr, "# %d: %s\n", wrong, f->err.msg);
		}
		_exit(wrong);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_full_disk(void **state)
{
	struct fixture *f = *state;
	char dir[300];
	char uri[400];
	(void)snprintf(dir, sizeof(dir), "%s/small", f->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	if (mount("tmpfs", dir, "tmpfs", 0, "size=512k") < 0) {
		print_message("# a small disk cannot be mounted here\n");
		skip();
	}
	struct nv_docstore *outer = f->store;
	(void)snprintf(uri, sizeof(uri), "sqlite:%s/docs.sqlite", dir);
	f->store = open_store(f, uri, 2000);
	insert(f, "d", "{'_id':1}");
	bson_t *big = BCON_NEW("_id", BCON_INT32(2));
	char *padding = calloc(1, 600 * 1024);
	assert_non_null(padding);
	memset(padding, 'x', 600 * 1024 - 1);
	BSON_APPEND_UTF8(big, "p", padding);
	free(padding);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = big };
	int rc = commit_one(f, &write);
	const char *left = ids(f, "d", NULL, 0);
	bool same = strcmp(left, "1") == 0;
	insert(f, "d", "{'_id':3}"); /* a small one still fits */
	nv_docstore_close(f->store);
	f->store = outer;
	bson_destroy(big);
	assert_int_equal(umount2(dir, 0), 0);
	assert_int_equal(rc, -ENOSPC);
	assert_true(same);
}

/* ---- Look-ups declared later ---- */

static void test_look_ups_are_made_for_what_is_there(void **state)
{
	struct fixture *f = *state;
	enum { COUNT = 2500 };
	static struct nv_docwrite writes[COUNT];
	for (int i = 0; i < COUNT; i++) {
		writes[i] = (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
			                          .collection = "d",
			                          .doc = BCON_NEW("_id", BCON_INT32(i), "a",
			                                          BCON_INT32(i % 7)) };
	}
	struct nv_doccommit commit = { .writes = writes, .writes_count = COUNT };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	nv_docresult_release(&result);
	for (int i = 0; i < COUNT; i++) {
		bson_destroy((bson_t *)writes[i].doc);
	}
	nv_docstore_close(f->store);
	f->backend = &looked_up;
	f->store = open_store(f, store_uri(f), 30000);
	sqlite3 *db = other_program(f->path);
	assert_int_equal(sql_number(db, "SELECT count(*) FROM documents WHERE version <= 0"), 0);
	assert_int_equal(
		sql_number(
			db,
			"SELECT count(*) FROM lookups JOIN indexes USING(number) WHERE path = 'a'"),
		COUNT);
	int32_t counted = 0;
	const struct nv_docterm three = T(f, "a", NV_DOCTERM_EQ, "3", NULL);
	struct nv_docquery query = { .collection = "d", .terms = &three, .terms_count = 1 };
	assert_int_equal(nv_docstore_query(f->store, &query, 1, count, &counted, &f->err), 0);
	assert_int_equal(counted, 357);
	/* A store that declares none keeps those that the file has. */
	f->backend = &plain;
	nv_docstore_close(f->store);
	f->store = open_store(f, store_uri(f), 30000);
	insert(f, "d", "{'_id':99999,'a':3}");
	assert_int_equal(
		sql_number(
			db,
			"SELECT count(*) FROM lookups JOIN indexes USING(number) WHERE path = 'a'"),
		COUNT + 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void **state);
		struct backend *backend;
	} cases[] = {
		{ "other programs' writes are seen", test_other_programs_writes_are_seen, &plain },
		{ "other programs' writes are seen, with look-ups",
		  test_other_programs_writes_are_seen, &looked_up },
		{ "an update before the look-ups hides nothing",
		  test_an_update_before_the_look_ups_hides_nothing, &looked_up },
		{ "a lock ends at the deadline", test_a_lock_ends_at_the_deadline, &plain },
		{ "a long query ends at the deadline", test_a_long_query_ends_at_the_deadline,
		  &looked_up },
		{ "killed writers leave whole commits", test_killed_writers_leave_whole_commits,
		  &looked_up },
		{ "processes share a file", test_processes_share_a_file, &looked_up },
		{ "many make the file at once", test_many_make_the_file_at_once, &looked_up },
		{ "the log is switched on again", test_the_log_is_switched_on_again, &plain },
		{ "other files are refused", test_other_files_are_refused, &plain },
		{ "the file is private and named oddly", test_the_file_is_private_and_named_oddly,
		  &plain },
		{ "relative paths are of the start", test_relative_paths_are_of_the_start, &plain },
		{ "damage is an error, not an absence", test_damage_is_an_error_not_an_absence,
		  &plain },
		{ "damage is an error, with look-ups", test_damage_is_an_error_not_an_absence,
		  &looked_up },
		{ "damaged pages are an error", test_damaged_pages_are_an_error, &plain },
		{ "a replaced file is seen", test_a_replaced_file_is_seen, &plain },
		{ "a removed file is an error", test_a_removed_file_is_an_error, &plain },
		{ "read-only media", test_read_only_media, &plain },
		{ "a full disk", test_a_full_disk, &plain },
		{ "look-ups are made for what is there", test_look_ups_are_made_for_what_is_there,
		  &plain },
	};
	struct CMUnitTest tests[sizeof(cases) / sizeof(cases[0])];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
			                        .test_func = cases[i].run,
			                        .setup_func = docstore_setup,
			                        .teardown_func = docstore_teardown,
			                        .initial_state = cases[i].backend };
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("document stores in a file", tests, NULL, NULL);
}
