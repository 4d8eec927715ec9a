/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory store's faults, which other suites rely on: at each step of each call an error or a
 * delay, and never half a commit.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"
#include "docstore/mem.h"

static struct backend mem = { .name = "mem", .scheme = "mem:" };

/* A commit of every kind of write, with two entries. */
static int commit_all(struct fixture *f, struct nv_docresult *result)
{
	const struct nv_docset sets[] = { { "n", V(f, "2"), 0 } };
	const struct nv_docterm term = T(f, "g", NV_DOCTERM_EQ, "1", NULL);
	const struct nv_docterm none = T(f, "g", NV_DOCTERM_EQ, "99", NULL);
	const struct nv_docwrite writes[] = {
		{ .kind = NV_DOCWRITE_INSERT, .collection = "new", .doc = D(f, "{'_id':9}") },
		{ .kind = NV_DOCWRITE_UPDATE,
		  .collection = "d",
		  .id = V(f, "1"),
		  .sets = sets,
		  .sets_count = 1 },
		{ .kind = NV_DOCWRITE_DELETE, .collection = "d", .id = V(f, "2") },
		{ .kind = NV_DOCWRITE_UPDATE_ALL,
		  .collection = "d",
		  .terms = &term,
		  .terms_count = 1,
		  .sets = sets,
		  .sets_count = 1 },
		{ .kind = NV_DOCWRITE_ABSENT, .collection = "d", .terms = &none, .terms_count = 1 },
	};
	bson_t *entries[] = { entry("one", 1), entry("two", 2) };
	struct nv_doccommit commit = { .writes = writes,
		                       .writes_count = 5,
		                       .entries = (const bson_t *const *)entries,
		                       .entries_count = 2 };
	f->err = (struct nv_err)NV_ERR_INIT;
	int rc = nv_docstore_commit(f->store, &commit, result, &f->err);
	bson_destroy(entries[0]);
	bson_destroy(entries[1]);
	return rc;
}

static void insert_before(struct fixture *f)
{
	insert(f, "d", "{'_id':1,'n':1}");
	insert(f, "d", "{'_id':2,'n':1}");
	insert(f, "d", "{'_id':3,'n':1,'g':1}");
}

#define BEFORE                                                                                     \
	"{ \"_id\" : 1, \"n\" : 1 }\n{ \"_id\" : 2, \"n\" : 1 }\n{ \"_id\" : 3, \"n\" : 1, \"g\" : 1 }\n"
#define AFTER "{ \"_id\" : 1, \"n\" : 2 }\n{ \"_id\" : 3, \"n\" : 2, \"g\" : 1 }\n"

static void test_commit_fails_whole_at_each_step(void **state)
{
	struct fixture *f = *state;
	static const struct {
		enum nv_mem_step step;
		unsigned passes;
	} steps[] = { { NV_MEM_COMMIT, 1 },
		      { NV_MEM_WRITE, 5 },
		      { NV_MEM_ENTRY, 2 },
		      { NV_MEM_PUBLISH, 1 } };
	insert_before(f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (unsigned skip = 0; skip < steps[i].passes; skip++) {
			struct nv_docresult result = { 0 };
			struct nv_mem_fault fault = { .skip = skip, .times = 1, .errnum = ENOSPC };
			nv_mem_inject(f->store, steps[i].step, fault);
			assert_int_equal(commit_all(f, &result), -ENOSPC);
			assert_string_equal(f->err.msg, "injected fault");
			size_t failed = steps[i].step == NV_MEM_WRITE   ? skip
			                : steps[i].step == NV_MEM_ENTRY ? 5 + skip
			                                                : SIZE_MAX;
			assert_int_equal(result.failed, failed);
			assert_null(result.after);
			nv_docresult_release(&result);
			assert_string_equal(docs(f, "d"), BEFORE);
			assert_string_equal(docs(f, "new"), "");
			assert_string_equal(docs(f, NV_DOCSTORE_CHANGELOG), "");
		}
	}
	struct nv_docresult result = { 0 };
	assert_int_equal(commit_all(f, &result), 0);
	nv_docresult_release(&result);
	assert_string_equal(docs(f, "d"), AFTER);
	assert_string_equal(ids(f, "new", NULL, 0), "9");
}

static void test_a_lost_answer_is_said(void **state)
{
	struct fixture *f = *state;
	struct nv_docresult result = { 0 };
	insert_before(f);
	nv_mem_inject(f->store, NV_MEM_ANSWER, (struct nv_mem_fault){ .times = 1, .errnum = EIO });
	assert_int_equal(commit_all(f, &result), -EIO);
	assert_non_null(strstr(f->err.msg, "unknown"));
	assert_int_equal(result.failed, SIZE_MAX);
	nv_docresult_release(&result);
	assert_string_equal(docs(f, "d"), AFTER);
}

static int nothing(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	(void)doc;
	(void)err;
	++*(unsigned *)ctx;
	return 0;
}

static int no_name(void *ctx, const char *name, struct nv_err *err)
{
	(void)ctx;
	(void)name;
	(void)err;
	return 0;
}

static void test_reads_fail_at_each_step(void **state)
{
	struct fixture *f = *state;
	struct nv_mem_fault once = { .times = 1, .errnum = EIO };
	struct nv_docquery query = { .collection = "d" };
	struct nv_doclog *log = NULL;
	unsigned seen = 0;
	insert_before(f);
	unsigned long long errors = metric(f, NV_METRIC_DOCS_ERRORS);
	nv_mem_inject(f->store, NV_MEM_PING, once);
	assert_int_equal(nv_docstore_ping(f->store, &f->err), -EIO);
	nv_mem_inject(f->store, NV_MEM_COLLECTIONS, once);
	assert_int_equal(nv_docstore_collections(f->store, no_name, NULL, &f->err), -EIO);
	nv_mem_inject(f->store, NV_MEM_QUERY, once);
	assert_int_equal(nv_docstore_query(f->store, &query, 1, nothing, &seen, &f->err), -EIO);
	assert_int_equal(seen, 0);
	/* An error after two documents is an error, not an end. */
	nv_mem_inject(f->store, NV_MEM_DOCUMENT,
	              (struct nv_mem_fault){ .skip = 2, .times = 1, .errnum = EIO });
	assert_int_equal(nv_docstore_query(f->store, &query, 1, nothing, &seen, &f->err), -EIO);
	assert_int_equal(seen, 2);
	bson_t *doc = NULL;
	nv_mem_inject(f->store, NV_MEM_QUERY, once);
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), -EIO);
	assert_null(doc);
	nv_mem_inject(f->store, NV_MEM_LOG, once);
	assert_int_equal(nv_doclog_open(f->store, 5, &log, &f->err), -EIO);
	assert_null(log);
	assert_int_equal(nv_doclog_open(f->store, 5, &log, &f->err), 0);
	nv_mem_inject(f->store, NV_MEM_LOG, once);
	assert_int_equal(nv_doclog_read(log, nothing, &seen, &f->err), -EIO);
	nv_doclog_close(log);
	assert_int_equal(metric(f, NV_METRIC_DOCS_ERRORS) - errors, 7);
	assert_int_equal(nv_mem_passes(f->store, NV_MEM_PING), 1);
}

/* A call that is delayed, on a thread of its own. */
struct delayed {
	struct fixture *f;
	struct nv_docresult result;
	int rc;
};

static void *commit_delayed(void *arg)
{
	struct delayed *delayed = arg;
	delayed->rc = commit_all(delayed->f, &delayed->result);
	return NULL;
}

/* Runs a commit that a fault delays, and moves the clock once it is at that step. */
static int delay_commit(struct fixture *f, enum nv_mem_step step, int64_t delay_ms,
                        int64_t advance_ms)
{
	struct delayed delayed = { .f = f };
	pthread_t thread;
	unsigned before = nv_mem_passes(f->store, step);
	nv_mem_inject(f->store, step, (struct nv_mem_fault){ .times = 1, .delay_ms = delay_ms });
	assert_int_equal(pthread_create(&thread, NULL, commit_delayed, &delayed), 0);
	while (nv_mem_passes(f->store, step) == before) {
		sched_yield();
	}
	nv_clock_advance(f->clock, advance_ms);
	assert_int_equal(pthread_join(thread, NULL), 0);
	nv_docresult_release(&delayed.result);
	return delayed.rc;
}

static void test_delays_end_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	insert_before(f);
	/* The store's deadline is 30 s of a clock that only this test moves on. */
	assert_int_equal(delay_commit(f, NV_MEM_WRITE, 3600 * 1000, 31 * 1000), -ETIMEDOUT);
	assert_string_equal(docs(f, "d"), BEFORE);
	assert_int_equal(delay_commit(f, NV_MEM_COMMIT, 3600 * 1000, 31 * 1000), -ETIMEDOUT);
	assert_string_equal(docs(f, "d"), BEFORE);
	assert_int_equal(delay_commit(f, NV_MEM_ENTRY, 10 * 1000, 11 * 1000), 0);
	assert_string_equal(docs(f, "d"), AFTER);
}

struct tracer {
	char text[4096];
	unsigned calls;
	int last;
};

static void trace(void *ctx, const char *text, int64_t took_ms, int result)
{
	struct tracer *tracer = ctx;
	assert_true(took_ms >= 0);
	(void)strcat(strcat(tracer->text, text), "\n");
	tracer->calls++;
	tracer->last = result;
}

static void test_trace_tells_no_values(void **state)
{
	struct fixture *f = *state;
	struct tracer tracer = { .calls = 0 };
	struct nv_docresult result = { 0 };
	insert_before(f);
	insert(f, "d", "{'_id':'SECRET','key':'SECRET'}");
	assert_int_equal(nv_docstore_trace(f->store, trace, &tracer, &f->store), 0);
	const struct nv_docterm term = T(f, "key|Key", NV_DOCTERM_IN, "'SECRET'", "5", NULL);
	assert_string_equal(ids(f, "d", &term, 1), "\"SECRET\"");
	struct nv_docset set = { "key", V(f, "'SECRET2'"), 0 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = V(f, "'SECRET'"),
		                     .sets = &set,
		                     .sets_count = 1 };
	assert_int_equal(commit_one(f, &write), 0);
	assert_true(bson_equal(f->result.after[0], D(f, "{'_id':'SECRET','key':'SECRET2'}")));
	write.id = V(f, "'no SECRET'");
	assert_int_equal(commit_one(f, &write), -ENOENT);
	assert_int_equal(tracer.last, -ENOENT);
	assert_int_equal(commit_all(f, &result), 0);
	nv_docresult_release(&result);
	assert_string_equal(tracer.text,
	                    "query d key|Key in 2 values -> 1 documents\n"
	                    "commit update d set key; 0 entries\n"
	                    "commit update d set key; 0 entries\n"
	                    "commit insert new; update d set n; delete d; update all d g eq set n; "
	                    "absent d g eq; 2 entries\n");
	struct nv_doclog *log = NULL;
	unsigned seen = 0;
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &log, &f->err), 0);
	assert_int_equal(nv_doclog_read(log, nothing, &seen, &f->err), 0);
	assert_int_equal(seen, 2);
	nv_doclog_close(log);
	assert_int_equal(nv_docstore_ping(f->store, &f->err), 0);
	assert_int_equal(nv_docstore_collections(f->store, no_name, NULL, &f->err), 0);
	assert_int_equal(nv_docstore_watch(f->store, NULL, NULL, &f->err), -EOPNOTSUPP);
	assert_int_equal(tracer.calls, 9);
	struct nv_docstore_info info;
	nv_docstore_describe(f->store, &info);
	assert_string_equal(info.kind, "mem");
	assert_false(info.push);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void **state);
	} cases[] = {
		{ "a commit fails whole at each step", test_commit_fails_whole_at_each_step },
		{ "a lost answer is said", test_a_lost_answer_is_said },
		{ "reads fail at each step", test_reads_fail_at_each_step },
		{ "delays end at the deadline", test_delays_end_at_the_deadline },
		{ "a trace tells no values", test_trace_tells_no_values },
	};
	struct CMUnitTest tests[sizeof(cases) / sizeof(cases[0])];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tests[i] = (struct CMUnitTest){ .name = cases[i].name,
			                        .test_func = cases[i].run,
			                        .setup_func = docstore_setup,
			                        .teardown_func = docstore_teardown,
			                        .initial_state = &mem };
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("faults of the memory store", tests, NULL, NULL);
}
