/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What only a server behind a connection can suffer: clients killed and connections cut at each
 * command of a commit, in a transaction and by a pending entry; servers that hang, die and come
 * back; logins; faults that the server is told to have.
 *
 * The program runs itself as the client that is killed: docstore_mongo_faults commit URI CASE.
 */
#include "config.h"

#include <errno.h>
#include <mongoc/mongoc.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/mongo_sites.h"

extern char **environ;

enum {
	STEPS_MAX = 60,
	URI_SIZE = 256,
	TIMEOUT_MS = 3000,
	SLACK_MS = 1000,
	LEASE_PASSED_MS = 120000
};

/* What a test has. */
struct bench {
	struct site *site;
	struct fixture *f; /* its store is on the server itself */
	char database[64];
	char direct[URI_SIZE];
	char proxied[URI_SIZE];
};

static const char *self; /* this program */

static int64_t now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Commits under test ---- */

/* A commit and what it is made of. */
struct made_commit {
	struct nv_docwrite writes[3];
	struct nv_docexpect expect;
	struct nv_docset set;
	bson_value_t ids[2];
	bson_value_t one;
	bson_value_t two;
	bson_t *doc;
	bson_t *entries[2];
	struct nv_doccommit commit;
};

static bson_value_t number(int32_t n)
{
	return (bson_value_t){ .value_type = BSON_TYPE_INT32, .value.v_int32 = n };
}

/* "one": an update and an entry. "many": an update, a delete, an insert, and two entries. */
static void make_commit(struct made_commit *made, const char *which)
{
	bool many = strcmp(which, "many") == 0;
	*made = (struct made_commit){ .one = number(1), .two = number(2) };
	made->ids[0] = number(1);
	made->ids[1] = number(2);
	made->expect = (struct nv_docexpect){ "n", &made->one };
	made->set = (struct nv_docset){ "n", &made->two, NV_DOCWHEN_ALWAYS };
	made->doc = BCON_NEW("_id", BCON_INT32(3), "n", BCON_INT32(3));
	made->entries[0] = entry("first", 1);
	made->entries[1] = entry("second", 2);
	made->writes[0] = (struct nv_docwrite){ .kind = NV_DOCWRITE_UPDATE,
		                                .collection = "d",
		                                .id = &made->ids[0],
		                                .expects = &made->expect,
		                                .expects_count = 1,
		                                .sets = &made->set,
		                                .sets_count = 1 };
	made->writes[1] = (struct nv_docwrite){ .kind = NV_DOCWRITE_DELETE,
		                                .collection = "d",
		                                .id = &made->ids[1] };
	made->writes[2] = (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
		                                .collection = "e",
		                                .doc = made->doc };
	made->commit = (struct nv_doccommit){ .writes = made->writes,
		                              .writes_count = many ? 3 : 1,
		                              .entries = (const bson_t *const *)made->entries,
		                              .entries_count = many ? 2 : 1 };
}

static void free_commit(struct made_commit *made)
{
	bson_destroy(made->doc);
	bson_destroy(made->entries[0]);
	bson_destroy(made->entries[1]);
}

/* The client that is killed: opens, says so, waits for a byte, commits. */
static int run_client(const char *uri, const char *which)
{
	struct nv_docstore_config config = { .timeout_ms = 10000 };
	struct nv_docstore *store = NULL;
	struct nv_docresult result = { 0 };
	struct nv_err err = NV_ERR_INIT;
	struct made_commit made;
	char byte = 'o';
	if (nv_clock_new(&config.clock) < 0 || nv_docstore_open(uri, &config, &store, &err) < 0 ||
	    write(STDOUT_FILENO, &byte, 1) != 1 || read(STDIN_FILENO, &byte, 1) != 1) {
		(void)fprintf(stderr, "# client: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	make_commit(&made, which);
	int rc = nv_docstore_commit(store, &made.commit, &result, &err);
	if (rc < 0) {
		(void)fprintf(stderr, "# client: %s\n", err.msg);
	}
	nv_docresult_release(&result);
	free_commit(&made);
	nv_docstore_close(store);
	nv_clock_free(config.clock);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- Benches ---- */

static struct nv_docstore *open_at(struct bench *bench, const char *uri, uint32_t timeout_ms)
{
	return open_store(bench->f, uri, timeout_ms);
}

/* Runs a command on the server itself. */
static void command(struct bench *bench, const char *database, const char *json)
{
	bson_error_t error;
	mongoc_client_t *client = mongoc_client_new(bench->site->server.uri);
	assert_non_null(client);
	if (!mongoc_client_command_simple(client, database, D(bench->f, json), NULL, NULL,
	                                  &error)) {
		fail_msg("%s: %s", json, error.message);
	}
	mongoc_client_destroy(client);
}

/* Two documents, and nothing else. */
static void fresh(struct bench *bench)
{
	command(bench, bench->database, "{'dropDatabase':1}");
	insert(bench->f, "d", "{'_id':1,'n':1}");
	insert(bench->f, "d", "{'_id':2,'n':1}");
}

/* Who opens a store settles what was left pending in it. */
static void reopen(struct bench *bench)
{
	nv_docstore_close(bench->f->store);
	bench->f->store = open_at(bench, bench->direct, TIMEOUT_MS);
}

static int setup(void **state)
{
	struct site *site = *state;
	struct bench *bench = calloc(1, sizeof(*bench));
	void *fixture = &site->backend;
	if (!bench || docstore_setup(&fixture) != 0) {
		free(bench);
		return -1;
	}
	bench->site = site;
	bench->f = fixture;
	*state = bench;
	(void)snprintf(bench->database, sizeof(bench->database), "%s",
	               strrchr(store_uri(bench->f), '/') + 1);
	(void)snprintf(bench->direct, URI_SIZE, "%s/%s", site->server.uri, bench->database);
	(void)snprintf(bench->proxied, URI_SIZE, "mongodb://127.0.0.1:%u/%s?directConnection=true",
	               nv_test_proxy_port(site->proxy), bench->database);
	nv_test_proxy_arm(site->proxy, 0, NV_TEST_CUT_BEFORE, 0);
	fresh(bench);
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;
	void *fixture = bench->f;
	free(bench);
	return docstore_teardown(&fixture);
}

/* SecantusDB keeps the locks of a transaction whose client is dead for a minute. */
static void forget_dead(struct bench *bench)
{
	if (!bench->site->pending) {
		command(bench, "admin", "{'killAllSessions':[]}");
	}
}

/* Whether the commit is stored: all of it, with its entries, or nothing. */
static bool is_stored(struct bench *bench, const char *which)
{
	struct fixture *f = bench->f;
	bool many = strcmp(which, "many") == 0;
	char got[2048];
	char all[2048];
	static const char first[] =
		"{ \"_id\" : { \"$oid\" : \"650000000000000000000001\" }, \"change\" : \"first\" }\n";
	static const char second[] =
		"{ \"_id\" : { \"$oid\" : \"650000000000000000000002\" }, \"change\" : \"second\" }\n";
	(void)snprintf(got, sizeof(got), "%s", docs(f, "d"));
	(void)strcat(got, docs(f, "e"));
	(void)strcat(got, docs(f, NV_DOCSTORE_CHANGELOG));
	(void)snprintf(all, sizeof(all), "{ \"_id\" : 1, \"n\" : 2 }\n%s%s%s",
	               many ? "{ \"_id\" : 3, \"n\" : 3 }\n" : "{ \"_id\" : 2, \"n\" : 1 }\n",
	               first, many ? second : "");
	if (strcmp(got, all) == 0) {
		return true;
	}
	assert_string_equal(got, "{ \"_id\" : 1, \"n\" : 1 }\n{ \"_id\" : 2, \"n\" : 1 }\n");
	return false;
}

/* ---- Killed clients ---- */

struct child {
	pid_t pid;
	int to;
	int from;
};

static void start_client(const char *uri, const char *which, struct child *child)
{
	char *args[] = { (char *)self, (char *)"commit", (char *)uri, (char *)which, NULL };
	posix_spawn_file_actions_t actions;
	int in[2];
	int out[2];
	char byte = 0;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
	assert_int_equal(posix_spawn(&child->pid, self, &actions, NULL, args, environ), 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(in[0]);
	(void)close(out[1]);
	child->to = in[1];
	child->from = out[0];
	assert_int_equal(read(child->from, &byte, 1), 1);
}

static int end_client(struct child *child)
{
	int status = 0;
	assert_int_equal(write(child->to, "g", 1), 1);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	(void)close(child->to);
	(void)close(child->from);
	return status;
}

/* Kills the client at every command of the commit; the next to open the store finds all or nothing.
 */
static void kill_everywhere(struct bench *bench, const char *which, enum nv_test_cut cut)
{
	unsigned stored = 0;
	unsigned lost = 0;
	for (unsigned step = 1;; step++) {
		struct child child;
		assert_true(step < STEPS_MAX);
		nv_test_proxy_arm(bench->site->proxy, 0, cut, 0);
		fresh(bench);
		start_client(bench->proxied, which, &child);
		nv_test_proxy_arm(bench->site->proxy, step, cut, child.pid);
		int status = end_client(&child);
		if (!nv_test_proxy_has_cut(bench->site->proxy)) {
			assert_int_equal(status, 0);
			assert_true(is_stored(bench, which));
			print_message("# killed at %u commands: stored %u times, not %u times\n",
			              step - 1, stored, lost);
			assert_true(step > 3 && lost > 0 &&
			            (stored > 0 || cut == NV_TEST_CUT_BEFORE));
			return;
		}
		assert_true(WIFSIGNALED(status));
		forget_dead(bench);
		if (bench->site->pending) {
			reopen(bench);
		}
		if (is_stored(bench, which)) {
			stored++;
		} else {
			lost++;
		}
	}
}

static void test_killed_before(void **state)
{
	kill_everywhere(*state, "one", NV_TEST_CUT_BEFORE);
	kill_everywhere(*state, "many", NV_TEST_CUT_BEFORE);
}

static void test_killed_after(void **state)
{
	kill_everywhere(*state, "one", NV_TEST_CUT_AFTER);
	kill_everywhere(*state, "many", NV_TEST_CUT_AFTER);
}

/* Document 2, which the dead client was about to delete, is changed before anybody settles. */
static void test_changed_meanwhile(void **state)
{
	struct bench *bench = *state;
	struct fixture *f = bench->f;
	const char *const kept = "{ \"_id\" : 1, \"n\" : 1 }\n{ \"_id\" : 2, \"n\" : 9 }\n";
	unsigned back = 0;
	for (unsigned step = 1;; step++) {
		struct child child;
		nv_test_proxy_arm(bench->site->proxy, 0, NV_TEST_CUT_AFTER, 0);
		fresh(bench);
		start_client(bench->proxied, "many", &child);
		nv_test_proxy_arm(bench->site->proxy, step, NV_TEST_CUT_AFTER, child.pid);
		int status = end_client(&child);
		if (!nv_test_proxy_has_cut(bench->site->proxy)) {
			assert_int_equal(status, 0);
			break;
		}
		struct nv_docset set = { "n", V(f, "9"), NV_DOCWHEN_ALWAYS };
		struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
			                     .collection = "d",
			                     .id = V(f, "2"),
			                     .sets = &set,
			                     .sets_count = 1 };
		int rc = commit_one(f, &write);
		reopen(bench);
		if (rc == -ENOENT) { /* it was deleted: the rest is done too */
			assert_true(is_stored(bench, "many"));
		} else {
			back++;
			assert_int_equal(rc, 0);
			assert_string_equal(docs(f, "d"), kept);
			assert_string_equal(docs(f, "e"), "");
			assert_string_equal(docs(f, NV_DOCSTORE_CHANGELOG), "");
		}
	}
	assert_true(back >= 3);
}

/* ---- Cut connections ---- */

/* Cuts the connection at every command. What is said to be saved is; what is said not to be is not;
 * what is unknown is one or the other once somebody else has settled it. */
static void cut_everywhere(struct bench *bench, const char *which, enum nv_test_cut cut)
{
	unsigned saved = 0;
	unsigned unknown = 0;
	struct nv_docstore *store = open_at(bench, bench->proxied, 10000);
	for (unsigned step = 1;; step++) {
		struct nv_docresult result = { 0 };
		struct made_commit made;
		assert_true(step < STEPS_MAX);
		fresh(bench);
		make_commit(&made, which);
		nv_test_proxy_arm(bench->site->proxy, step, cut, 0);
		int rc = nv_docstore_commit(store, &made.commit, &result, &bench->f->err);
		bool has_cut = nv_test_proxy_has_cut(bench->site->proxy);
		nv_test_proxy_arm(bench->site->proxy, 0, cut, 0);
		nv_docresult_release(&result);
		free_commit(&made);
		forget_dead(bench);
		bool doubt = rc < 0 && strstr(bench->f->err.msg, "unknown") != NULL;
		if (doubt) {
			nv_clock_advance(bench->f->clock, LEASE_PASSED_MS);
			reopen(bench);
		}
		bool stored = is_stored(bench, which);
		assert_true(doubt || stored == (rc == 0));
		saved += rc == 0;
		unknown += doubt;
		if (!has_cut) {
			assert_int_equal(rc, 0);
			print_message("# cut at %u commands: saved %u times, unknown %u times\n",
			              step - 1, saved - 1, unknown);
			nv_docstore_close(store);
			return;
		}
	}
}

static void test_cut_before(void **state)
{
	cut_everywhere(*state, "one", NV_TEST_CUT_BEFORE);
	cut_everywhere(*state, "many", NV_TEST_CUT_BEFORE);
}

static void test_cut_after(void **state)
{
	cut_everywhere(*state, "one", NV_TEST_CUT_AFTER);
	cut_everywhere(*state, "many", NV_TEST_CUT_AFTER);
}

/* ---- Servers that hang, die and come back ---- */

static int query_all(struct nv_docstore *store, struct nv_err *err)
{
	bson_value_t id = number(1);
	bson_t *doc = NULL;
	int rc = nv_docstore_get(store, "d", &id, &doc, err);
	bson_destroy(doc);
	return rc;
}

struct asker {
	struct nv_docstore *store;
	int64_t took_ms;
	int rc;
	struct nv_err err;
};

static void *ask(void *arg)
{
	struct asker *asker = arg;
	int64_t started_ms = now_ms();
	asker->rc = query_all(asker->store, &asker->err);
	asker->took_ms = now_ms() - started_ms;
	return NULL;
}

/* Many ask at once, then one more: everybody gets an error in time, the last at once. */
static void check_down(struct nv_docstore *store)
{
	enum { ASKERS = 20 };
	struct asker askers[ASKERS];
	pthread_t threads[ASKERS];
	for (size_t i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){ .store = store };
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (size_t i = 0; i < ASKERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (size_t i = 0; i < ASKERS; i++) {
		if ((askers[i].rc != -EIO && askers[i].rc != -ETIMEDOUT) ||
		    askers[i].took_ms > TIMEOUT_MS + SLACK_MS) {
			fail_msg("%d after %lld ms: %s", askers[i].rc, (long long)askers[i].took_ms,
			         askers[i].err.msg);
		}
	}
	struct asker last = { .store = store };
	(void)ask(&last);
	assert_true(last.rc == -EIO || last.rc == -ETIMEDOUT);
	assert_true(last.took_ms < SLACK_MS / 2);
}

/* Answers again, by itself, within some seconds. */
static void check_up(struct nv_docstore *store)
{
	struct nv_err err = NV_ERR_INIT;
	int64_t deadline_ms = now_ms() + 15000;
	while (query_all(store, &err) < 0) {
		if (now_ms() > deadline_ms) {
			fail_msg("still down: %s", err.msg);
		}
		(void)poll(NULL, 0, 50);
	}
}

static void test_a_server_that_hangs(void **state)
{
	struct bench *bench = *state;
	struct nv_docstore *store = open_at(bench, bench->direct, TIMEOUT_MS);
	assert_int_equal(query_all(store, &bench->f->err), 0);
	nv_test_mongo_pause(&bench->site->server);
	check_down(store);
	nv_test_mongo_resume(&bench->site->server);
	check_up(store);
	nv_docstore_close(store);
}

static void test_a_server_that_dies(void **state)
{
	struct bench *bench = *state;
	struct nv_docstore *store = open_at(bench, bench->direct, TIMEOUT_MS);
	struct nv_docstore_config config = { .timeout_ms = TIMEOUT_MS, .clock = bench->f->clock };
	struct nv_docstore *none = NULL;
	assert_int_equal(query_all(store, &bench->f->err), 0);
	nv_test_mongo_kill(&bench->site->server);
	check_down(store);
	int64_t started_ms = now_ms();
	assert_true(nv_docstore_open(bench->direct, &config, &none, &bench->f->err) < 0);
	assert_true(now_ms() - started_ms < TIMEOUT_MS + SLACK_MS);
	assert_null(none);
	assert_true(nv_test_mongo_start(&bench->site->server, NULL));
	if (bench->site->kind != NV_TEST_MONGO_JAVA) { /* which kept it in memory */
		check_up(store);
	}
	nv_docstore_close(store);
}

/* ---- Opening ---- */

/* errnum 0: -EIO or -ETIMEDOUT. */
static void refused(struct bench *bench, const char *uri, int errnum, const char *reason)
{
	struct nv_docstore_config config = { .timeout_ms = TIMEOUT_MS, .clock = bench->f->clock };
	struct nv_docstore *store = NULL;
	struct nv_err err = NV_ERR_INIT;
	int64_t started_ms = now_ms();
	int rc = nv_docstore_open(uri, &config, &store, &err);
	assert_true(now_ms() - started_ms < TIMEOUT_MS + SLACK_MS);
	bool right = errnum > 0 ? rc == -errnum : rc == -EIO || rc == -ETIMEDOUT;
	if (!right || !strstr(err.msg, reason) || strstr(err.msg, "hunter2") ||
	    strchr(err.msg, '\n')) {
		fail_msg("%s: %d, %s", uri, rc, err.msg);
	}
	assert_null(store);
}

static void test_what_cannot_be_opened(void **state)
{
	struct bench *bench = *state;
	char uri[2 * URI_SIZE];
	refused(bench, "mongodb://", EINVAL, "does not understand");
	refused(bench, "mongodb://h", EINVAL, "names no database");
	refused(bench, "mongodb://h/", EINVAL, "names no database");
	refused(bench, "mongodb://u:hunter2@/x@y/db", EINVAL, "percent-encode");
	refused(bench, "mongodb://u:hunter2@h/db?w=0", EINVAL, "w=0");
	refused(bench, "mongodb://u:hunter2@no-such-host.invalid/db", 0, "no-such-host.invalid");
	refused(bench, "mongodb://127.0.0.1:1/db", 0, "127.0.0.1:1");
	(void)snprintf(uri, sizeof(uri), "%s?replicaSet=other", bench->direct);
	refused(bench, uri, 0, "No suitable servers");
}

static void test_logins(void **state)
{
	struct bench *bench = *state;
	const char *const with_auth[] = { "--auth", NULL };
	struct nv_test_mongo *server = &bench->site->server;
	char uri[2 * URI_SIZE];
	command(bench, "admin", "{'createUser':'ann','pwd':'hunter2','roles':['root']}");
	nv_test_mongo_stop(server);
	assert_true(nv_test_mongo_start(server, with_auth));
	(void)snprintf(uri, sizeof(uri), "mongodb://ann:hunter2@127.0.0.1:%u/%s?authSource=admin",
	               server->port, bench->database);
	struct nv_docstore *store = open_at(bench, uri, TIMEOUT_MS);
	struct nv_docstore_info info;
	assert_int_equal(query_all(store, &bench->f->err), 0);
	nv_docstore_describe(store, &info);
	assert_null(strstr(info.location, "hunter2"));
	assert_null(strstr(info.location, "ann"));
	nv_docstore_close(store);
	(void)snprintf(uri, sizeof(uri), "mongodb://ann:hunter22@127.0.0.1:%u/%s?authSource=admin",
	               server->port, bench->database);
	refused(bench, uri, EACCES, "refuses the login");
	refused(bench, bench->direct, EACCES, "says");
	nv_test_mongo_stop(server);
	assert_true(nv_test_mongo_start(server, NULL));
}

/* ---- Faults that the server has ---- */

/* Commits "one" with a fault set; the fault is gone afterwards. */
static int commit_with(struct bench *bench, const char *fault)
{
	struct nv_docresult result = { 0 };
	struct made_commit made;
	fresh(bench);
	make_commit(&made, "one");
	command(bench, "admin", fault);
	int rc = nv_docstore_commit(bench->f->store, &made.commit, &result, &bench->f->err);
	command(bench, "admin", "{'configureFailPoint':'failCommand','mode':'off'}");
	if (rc == 0) {
		assert_true(bson_equal(result.after[0], D(bench->f, "{'_id':1,'n':2}")));
	}
	nv_docresult_release(&result);
	free_commit(&made);
	forget_dead(bench);
	return rc;
}

#define FAULT(times, commands, more)                                                               \
	"{'configureFailPoint':'failCommand','mode':{'times':" times                               \
	"},'data':{'failCommands':[" commands "]," more "}}"

static void test_faults_of_the_server(void **state)
{
	struct bench *bench = *state;
	static const struct {
		const char *fault;
		int rc;
		bool stored;
	} rows[] = {
		/* Committed, but the answer says that nobody knows: the entry tells. */
		{ FAULT("9", "'commitTransaction'",
		        "'writeConcernError':{'code':64,'errmsg':'waiting'},"
		        "'errorLabels':['UnknownTransactionCommitResult']"),
		  0, true },
		/* Not committed: the second try is. */
		{ FAULT("1", "'commitTransaction'",
		        "'errorCode':64,'errorLabels':['UnknownTransactionCommitResult']"),
		  0, true },
		/* Never committed: the whole transaction is done again. */
		{ FAULT("8", "'commitTransaction'",
		        "'errorCode':50,'errorLabels':['UnknownTransactionCommitResult']"),
		  0, true },
		{ FAULT("3", "'commitTransaction'",
		        "'errorCode':112,'errorLabels':['TransientTransactionError']"),
		  0, true },
		{ FAULT("5", "'findAndModify'",
		        "'errorCode':112,'errorLabels':['TransientTransactionError']"),
		  0, true },
		{ FAULT("1", "'insert'",
		        "'errorCode':251,'errorLabels':['TransientTransactionError']"),
		  0, true },
		{ FAULT("1", "'insert'", "'errorCode':14031"), -ENOSPC, false },
		{ FAULT("1", "'findAndModify'", "'errorCode':13"), -EACCES, false },
		{ FAULT("1", "'find'", "'closeConnection':true"), 0, true },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = commit_with(bench, rows[i].fault);
		if (rc != rows[i].rc) {
			fail_msg("%s: %d, %s", rows[i].fault, rc, bench->f->err.msg);
		}
		assert_int_equal(is_stored(bench, "one"), rows[i].stored);
	}
}

/* ---- Main ---- */

static struct site sites[] = {
	{ .kind = NV_TEST_MONGO_SECANTUS, .name = "SecantusDB, replica set" },
	{ .kind = NV_TEST_MONGO_JAVA, .name = "mongo-java-server", .pending = true },
};

static const struct site_case cases[] = {
	{ "a client killed before each command leaves all or nothing", test_killed_before, 0 },
	{ "a client killed after each command leaves all or nothing", test_killed_after, 0 },
	{ "what others change before it is settled is kept", test_changed_meanwhile,
	  NEEDS_PENDING },
	{ "a connection cut before each command loses nothing", test_cut_before, 0 },
	{ "a connection cut after each command loses nothing", test_cut_after, 0 },
	{ "what cannot be opened says why", test_what_cannot_be_opened, 0 },
	{ "faults of the server", test_faults_of_the_server, NEEDS_SECANTUS },
	{ "a server that hangs", test_a_server_that_hangs, 0 },
	{ "logins", test_logins, NEEDS_SECANTUS },
	{ "a server that dies", test_a_server_that_dies, 0 },
};

static const struct site_suite suite = {
	.name = "document stores behind a connection",
	.sites = sites,
	.sites_count = sizeof(sites) / sizeof(sites[0]),
	.cases = cases,
	.cases_count = sizeof(cases) / sizeof(cases[0]),
	.setup = setup,
	.teardown = teardown,
};

/* An argument: only the site of that number. */
int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "commit") == 0) {
		return run_client(argv[2], argv[3]);
	}
	self = argv[0];
	/* The driver's counters would stay in shared memory for each client that is killed. */
	(void)setenv("MONGOC_DISABLE_SHM", "1", 1);
	return run_sites(&suite, argv[1]);
}
