/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changelog: order, where a reader begins, entries that settle later, errors on the way.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

/* Appends entries of these numbers in one commit. */
static void append(struct fixture *f, const uint32_t *numbers, size_t count)
{
	bson_t *entries[16];
	struct nv_docresult result = { 0 };
	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++) {
		char change[32];
		(void)snprintf(change, sizeof(change), "%u", numbers[i]);
		entries[i] = entry(change, numbers[i]);
	}
	struct nv_doccommit commit = { .entries = (const bson_t *const *)entries,
		                       .entries_count = count };
	assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
	nv_docresult_release(&result);
	for (size_t i = 0; i < count; i++) {
		bson_destroy(entries[i]);
	}
}

static int add_change(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	char *text = ctx;
	bson_iter_t iter;
	(void)err;
	assert_int_equal(query, 0);
	assert_true(bson_iter_init_find(&iter, doc, "change"));
	(void)strcat(strcat(text, bson_iter_utf8(&iter, NULL)), " ");
	return 0;
}

static void check_read(struct fixture *f, struct nv_doclog *log, const char *wanted)
{
	char text[512] = "";
	assert_int_equal(nv_doclog_read(log, add_change, text, &f->err), 0);
	assert_string_equal(text, wanted);
}

static void test_order_is_that_of_commits(void **state)
{
	struct fixture *f = *state;
	struct nv_doclog *log = NULL;
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &log, &f->err), 0);
	check_read(f, log, "");
	append(f, (const uint32_t[]){ 50, 40 }, 2); /* ids that descend: other machines' clocks */
	append(f, (const uint32_t[]){ 10 }, 1);
	check_read(f, log, is_remote(f) ? "10 40 50 " : "50 40 10 ");
	check_read(f, log, "");
	append(f, (const uint32_t[]){ 45, 5, 60 }, 3);
	check_read(f, log, is_remote(f) ? "5 45 60 " : "45 5 60 ");
	nv_doclog_close(log);
	nv_doclog_close(NULL);
}

static void test_begin_with_the_newest(void **state)
{
	struct fixture *f = *state;
	static const struct {
		size_t newest;
		const char *wanted;
	} rows[] = { { 0, "" },       { 1, "3 " },      { 2, "2 3 " },
		     { 3, "1 2 3 " }, { 99, "1 2 3 " }, { SIZE_MAX, "1 2 3 " } };
	append(f, (const uint32_t[]){ 1, 2 }, 2);
	append(f, (const uint32_t[]){ 3 }, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nv_doclog *log = NULL;
		assert_int_equal(nv_doclog_open(f->store, rows[i].newest, &log, &f->err), 0);
		check_read(f, log, rows[i].wanted);
		nv_doclog_close(log);
	}
	struct nv_doclog *log = NULL;
	assert_int_equal(nv_doclog_open(f->store, 0, &log, &f->err), 0);
	append(f, (const uint32_t[]){ 4 }, 1);
	check_read(f, log, "4 ");
	nv_doclog_close(log);
}

static void test_pending_entries_wait(void **state)
{
	struct fixture *f = *state;
	struct nv_doclog *log = NULL;
	append(f, (const uint32_t[]){ 1 }, 1);
	insert(f, NV_DOCSTORE_CHANGELOG,
	       "{'_id':{'$oid':'650000000000000000000002'},'change':'2','pending':{'owner':'x'}}");
	append(f, (const uint32_t[]){ 3 }, 1);
	insert(f, NV_DOCSTORE_CHANGELOG,
	       "{'_id':{'$oid':'650000000000000000000004'},'change':'4','pending':true}");
	insert(f, NV_DOCSTORE_CHANGELOG,
	       "{'_id':{'$oid':'650000000000000000000005'},'change':'5','pending':null}");
	assert_int_equal(nv_doclog_open(f->store, 2, &log, &f->err),
	                 0); /* settled ones are counted: 3 and 5 */
	check_read(f, log, "3 5 ");
	check_read(f, log, "");
	append(f, (const uint32_t[]){ 6 }, 1);
	const char *const gone[] = { "pending" };
	struct nv_docwrite settle = { .kind = NV_DOCWRITE_UPDATE,
		                      .collection = NV_DOCSTORE_CHANGELOG,
		                      .id = V(f, "{'$oid':'650000000000000000000004'}"),
		                      .unsets = gone,
		                      .unsets_count = 1 };
	assert_int_equal(commit_one(f, &settle), 0);
	check_read(f, log, "4 6 ");
	check_read(f, log, "");
	nv_doclog_close(log);
	/* One that is taken back is never delivered. */
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &log, &f->err), 0);
	check_read(f, log, "1 3 4 5 6 ");
	struct nv_docwrite back = { .kind = NV_DOCWRITE_DELETE,
		                    .collection = NV_DOCSTORE_CHANGELOG,
		                    .id = V(f, "{'$oid':'650000000000000000000002'}") };
	assert_int_equal(commit_one(f, &back), 0);
	check_read(f, log, "");
	nv_doclog_close(log);
}

struct stopper {
	char text[64];
	unsigned calls;
	unsigned fail_at;   /* that call fails */
	unsigned enough_at; /* that call says enough */
};

static int stop(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct stopper *stopper = ctx;
	stopper->calls++;
	if (stopper->calls == stopper->fail_at) {
		return nv_fail(err, ENOMEM, "no room");
	}
	(void)add_change(stopper->text, query, doc, err);
	return stopper->calls == stopper->enough_at;
}

static void test_reading_goes_on_after_an_error(void **state)
{
	struct fixture *f = *state;
	struct nv_doclog *log = NULL;
	struct stopper failing = { .fail_at = 3 };
	struct stopper enough = { .enough_at = 1 };
	append(f, (const uint32_t[]){ 1, 2, 3, 4, 5 }, 5);
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &log, &f->err), 0);
	assert_int_equal(nv_doclog_read(log, stop, &failing, &f->err), -ENOMEM);
	assert_string_equal(f->err.msg, "no room");
	assert_string_equal(failing.text, "1 2 ");
	assert_int_equal(nv_doclog_read(log, stop, &enough, &f->err), 0);
	assert_string_equal(enough.text, "3 ");
	check_read(f, log, "4 5 ");
	nv_doclog_close(log);
}

static void test_two_readers_are_apart(void **state)
{
	struct fixture *f = *state;
	struct nv_doclog *first = NULL;
	struct nv_doclog *second = NULL;
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &first, &f->err), 0);
	append(f, (const uint32_t[]){ 1 }, 1);
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &second, &f->err), 0);
	check_read(f, first, "1 ");
	check_read(f, second, "1 ");
	nv_doclog_close(first);
	append(f, (const uint32_t[]){ 2 }, 1);
	check_read(f, second, "2 ");
	nv_doclog_close(second);
}

const struct docstore_case docstore_log_cases[] = {
	{ "changelog order is that of commits", test_order_is_that_of_commits },
	{ "a changelog reader begins with the newest", test_begin_with_the_newest },
	{ "pending entries wait until they are settled", test_pending_entries_wait },
	{ "reading the changelog goes on after an error", test_reading_goes_on_after_an_error },
	{ "two changelog readers are apart", test_two_readers_are_apart },
	{ NULL, NULL },
};
