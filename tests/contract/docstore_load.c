/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many threads and many documents: nothing is lost, memory stays bounded; and random documents, on
 * which a store with look-ups must find what one without finds.
 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

enum { THREADS = 8, INCREMENTS = 10000, MANY = 100000, REMOTE_PART = 5 };

/* What a thread does to document 1 of "d", and how it went; asserts are for the main thread. */
struct worker {
	struct nv_docstore *store;
	uint32_t number;
	unsigned rounds;
	unsigned conflicts;
	int rc;
	struct nv_err err;
};

/* One increment by comparing and setting, with its entry. */
static int increment(struct worker *worker, uint32_t entry_number)
{
	bson_value_t id = { .value_type = BSON_TYPE_INT32, .value.v_int32 = 1 };
	bson_t *doc = NULL;
	bson_iter_t iter;
	int rc = nv_docstore_get(worker->store, "d", &id, &doc, &worker->err);
	if (rc < 0) {
		return rc;
	}
	if (!bson_iter_init_find(&iter, doc, "n")) {
		bson_destroy(doc);
		return -EINVAL;
	}
	bson_value_t next = { .value_type = BSON_TYPE_INT32,
		              .value.v_int32 = bson_iter_int32(&iter) + 1 };
	struct nv_docexpect expects = { "n", bson_iter_value(&iter) };
	struct nv_docset sets = { "n", &next, 0 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = &id,
		                     .expects = &expects,
		                     .expects_count = 1,
		                     .sets = &sets,
		                     .sets_count = 1 };
	bson_t *logged = entry("update", entry_number);
	const bson_t *entries[] = { logged };
	struct nv_doccommit commit = {
		.writes = &write, .writes_count = 1, .entries = entries, .entries_count = 1
	};
	struct nv_docresult result = { 0 };
	rc = nv_docstore_commit(worker->store, &commit, &result, &worker->err);
	nv_docresult_release(&result);
	bson_destroy(logged);
	bson_destroy(doc);
	return rc;
}

static void *compare_and_set(void *arg)
{
	struct worker *worker = arg;
	for (unsigned done = 0; done < worker->rounds;) {
		int rc = increment(worker, worker->number * INCREMENTS + done);
		if (rc == 0) {
			done++;
		} else if (rc == -ESTALE) {
			worker->conflicts++;
		} else {
			worker->rc = rc;
			break;
		}
	}
	return NULL;
}

/* Increments without looking: $inc. */
static void *plain_increments(void *arg)
{
	struct worker *worker = arg;
	bson_value_t id = { .value_type = BSON_TYPE_INT32, .value.v_int32 = 1 };
	struct nv_docinc inc = { "n", 1 };
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = "d",
		                     .id = &id,
		                     .incs = &inc,
		                     .incs_count = 1 };
	struct nv_doccommit commit = { .writes = &write, .writes_count = 1 };
	for (unsigned done = 0; done < worker->rounds && worker->rc == 0; done++) {
		struct nv_docresult result = { 0 };
		worker->rc = nv_docstore_commit(worker->store, &commit, &result, &worker->err);
		nv_docresult_release(&result);
	}
	return NULL;
}

/* Makes a document of each name, unless there is one. */
static void *make_names(void *arg)
{
	static const char *const path = "name";
	struct worker *worker = arg;
	for (unsigned i = 0; i < worker->rounds && worker->rc == 0; i++) {
		bson_value_t name = { .value_type = BSON_TYPE_INT32, .value.v_int32 = (int32_t)i };
		struct nv_docterm term = { .paths = &path,
			                   .paths_count = 1,
			                   .op = NV_DOCTERM_EQ,
			                   .values = &name,
			                   .values_count = 1 };
		bson_t *doc =
			BCON_NEW("_id", BCON_INT32((int32_t)(worker->number * INCREMENTS + i)),
		                 "name", BCON_INT32((int32_t)i));
		bson_t *logged = entry("create", worker->number * INCREMENTS + i);
		const bson_t *entries[] = { logged };
		struct nv_docwrite writes[] = {
			{ .kind = NV_DOCWRITE_ABSENT,
			  .collection = "d",
			  .terms = &term,
			  .terms_count = 1 },
			{ .kind = NV_DOCWRITE_INSERT, .collection = "d", .doc = doc },
		};
		struct nv_doccommit commit = {
			.writes = writes, .writes_count = 2, .entries = entries, .entries_count = 1
		};
		struct nv_docresult result = { 0 };
		int rc = nv_docstore_commit(worker->store, &commit, &result, &worker->err);
		worker->rc = rc == -ENOTEMPTY ? 0 : rc;
		nv_docresult_release(&result);
		bson_destroy(logged);
		bson_destroy(doc);
	}
	return NULL;
}

static unsigned run_threads(struct fixture *f, void *(*body)(void *), unsigned rounds)
{
	struct worker workers[THREADS] = { 0 };
	pthread_t threads[THREADS];
	unsigned conflicts = 0;
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] =
			(struct worker){ .store = f->store, .number = i + 1, .rounds = rounds };
		assert_int_equal(pthread_create(&threads[i], NULL, body, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		if (workers[i].rc != 0) {
			fail_msg("thread %zu: %s", i, workers[i].err.msg);
		}
		conflicts += workers[i].conflicts;
	}
	return conflicts;
}

static int count(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	size_t *counts = ctx;
	(void)doc;
	(void)err;
	counts[query]++;
	return 0;
}

static void check_counter(struct fixture *f, int32_t wanted, size_t entries)
{
	bson_t *doc = NULL;
	bson_iter_t iter;
	size_t counted = 0;
	struct nv_docquery all = { .collection = NV_DOCSTORE_CHANGELOG };
	assert_int_equal(nv_docstore_get(f->store, "d", V(f, "1"), &doc, &f->err), 0);
	assert_true(bson_iter_init_find(&iter, doc, "n"));
	assert_int_equal(bson_iter_int32(&iter), wanted);
	bson_destroy(doc);
	assert_int_equal(nv_docstore_query(f->store, &all, 1, count, &counted, &f->err), 0);
	assert_int_equal(counted, entries);
}

static void test_compare_and_set_is_exact(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'n':0}");
	unsigned rounds = 250 / (is_remote(f) ? REMOTE_PART : 1);
	unsigned conflicts = run_threads(f, compare_and_set, rounds);
	print_message("# %u conflicts\n", conflicts);
	check_counter(f, (int32_t)(THREADS * rounds), THREADS * rounds);
}

static void test_no_increment_is_lost(void **state)
{
	struct fixture *f = *state;
	insert(f, "d", "{'_id':1,'n':0}");
	unsigned rounds = INCREMENTS / THREADS / (is_remote(f) ? REMOTE_PART : 1);
	(void)run_threads(f, plain_increments, rounds);
	check_counter(f, (int32_t)(THREADS * rounds), 0);
}

/* Inserts documents first, first + 1, … of "load", 1,000 a commit. */
static void insert_many(struct fixture *f, int total)
{
	enum { BATCH = 1000 };
	static struct nv_docwrite writes[BATCH];
	char padding[200];
	memset(padding, 'x', sizeof(padding));
	padding[sizeof(padding) - 1] = '\0';
	for (int first = 0; first < total; first += BATCH) {
		struct nv_docresult result = { 0 };
		for (int i = 0; i < BATCH; i++) {
			bson_t *doc =
				BCON_NEW("_id", BCON_INT32(first + i), "group",
			                 BCON_INT32((first + i) % 10), "p", BCON_UTF8(padding));
			writes[i] = (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
				                          .collection = "load",
				                          .doc = doc };
		}
		struct nv_doccommit commit = { .writes = writes, .writes_count = BATCH };
		assert_int_equal(nv_docstore_commit(f->store, &commit, &result, &f->err), 0);
		nv_docresult_release(&result);
		for (int i = 0; i < BATCH; i++) {
			bson_destroy((bson_t *)writes[i].doc);
		}
	}
}

static void test_one_of_each_name(void **state)
{
	enum { NAMES = 40 };
	struct fixture *f = *state;
	(void)run_threads(f, make_names, NAMES);
	const char *all = docs(f, "d");
	unsigned count = 0;
	for (const char *at = all; (at = strchr(at, '\n')); at++) {
		count++;
	}
	assert_int_equal(count, NAMES);
}

/* What a listing sees, and the most memory it took. */
struct listing {
	int32_t last;
	size_t count;
	size_t base;
	size_t most;
	bool sorted;
};

static int list(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct listing *listing = ctx;
	bson_iter_t iter;
	(void)query;
	(void)err;
	assert_true(bson_iter_init_find(&iter, doc, "_id"));
	listing->sorted = listing->sorted && bson_iter_int32(&iter) > listing->last;
	listing->last = bson_iter_int32(&iter);
	if (listing->count++ % 100 == 0) {
		size_t now =
			mallinfo2().uordblks; /* 0 under a sanitizer, which has its own allocator */
		listing->most = now > listing->most ? now : listing->most;
	}
	return 0;
}

static void test_many_documents_are_streamed(void **state)
{
	struct fixture *f = *state;
	insert_many(f, MANY);
	const struct nv_docterm group = T(f, "group", NV_DOCTERM_EQ, "3", NULL);
	const struct nv_docquery queries[] = {
		{ .collection = "load", .sort = NV_DOCSORT_ID },
		{ .collection = "load", .terms = &group, .terms_count = 1, .sort = NV_DOCSORT_ID },
	};
	for (int i = 0; i < 2; i++) {
		struct listing listing = { .last = -1,
			                   .sorted = true,
			                   .base = mallinfo2().uordblks };
		assert_int_equal(
			nv_docstore_query(f->store, &queries[i], 1, list, &listing, &f->err), 0);
		assert_int_equal(listing.count, i == 0 ? MANY : MANY / 10);
		assert_true(listing.sorted);
		size_t grown = listing.most > listing.base ? listing.most - listing.base : 0;
		print_message("# %zu documents, %zu KiB more\n", listing.count, grown / 1024);
		/* The documents are 24 MiB. */
		assert_true(grown < (size_t)8 << 20);
	}
}

/* ---- Random documents ---- */

/* simple: what servers that are odd about arrays agree on. */
static const char *random_value(const struct fixture *f)
{
	static const char *const values[] = { "1",          "2",
		                              "1.0",        "{'$numberLong':'2'}",
		                              "'x'",        "'y'",
		                              "null",       "true",
		                              "{'b':1}",    "{'b':2}",
		                              "{}",         "{'$oid':'64b000000000000000000001'}",
		                              "[]",         "[1]",
		                              "[1,'x']",    "[null]",
		                              "[{'b':1}]",  "[{'b':2},{'b':null}]",
		                              "[{'c':1}]",  "[[1]]",
		                              "{'b':[1,2]}" };
	enum { ONE = 2, TWO = 3, SIMPLE = 12 }; /* 1 and 2 of another type */
	bool simple = f->backend->odd & ODD_NESTED;
	long count = simple ? SIMPLE : (long)(sizeof(values) / sizeof(values[0]));
	long i = random() % count;
	while ((f->backend->odd & ODD_EQUAL) && (i == ONE || i == TWO)) {
		i = random() % count;
	}
	return values[i];
}

/* One random write to both stores; both must say the same. */
static void random_write(struct fixture *f, struct nv_docstore *other)
{
	char json[256];
	char id[16];
	(void)snprintf(id, sizeof(id), "%ld", random() % 40);
	struct nv_docset sets[] = { { random() % 2 ? "a" : "a.b", V(f, random_value(f)),
		                      random() % 3 },
		                    { random() % 2 ? "x" : "y", V(f, random_value(f)), 0 } };
	struct nv_docterm term = T(f, "a", NV_DOCTERM_EQ, random_value(f), NULL);
	const char *const unsets[] = { "y" };
	struct nv_docwrite write = { .collection = "d", .id = V(f, id) };
	switch (random() % 6) {
	case 0:
		write.kind = NV_DOCWRITE_DELETE;
		break;
	case 1:
		write.kind = NV_DOCWRITE_UPDATE_ALL;
		write.terms = &term;
		write.terms_count = 1;
		write.unsets = unsets;
		write.unsets_count = 1;
		break;
	case 2:
	case 3:
		write.kind = NV_DOCWRITE_UPDATE;
		write.sets = sets;
		write.sets_count = 2;
		break;
	default:
		write.kind = NV_DOCWRITE_INSERT;
		(void)snprintf(json, sizeof(json), "{'_id':%s,'a':%s,'%s':%s}", id, random_value(f),
		               random() % 2 ? "x" : "y", random_value(f));
		write.doc = D(f, json);
	}
	struct nv_doccommit commit = { .writes = &write, .writes_count = 1 };
	struct nv_docresult mine = { 0 };
	struct nv_docresult theirs = { 0 };
	int rc = nv_docstore_commit(f->store, &commit, &mine, NULL);
	assert_int_equal(nv_docstore_commit(other, &commit, &theirs, NULL), rc);
	assert_int_equal(mine.updated, theirs.updated);
	assert_int_equal(mine.stored == NULL, theirs.stored == NULL);
	nv_docresult_release(&mine);
	nv_docresult_release(&theirs);
}

static void print_term(const struct nv_docterm *term)
{
	bson_t values = BSON_INITIALIZER;
	for (size_t i = 0; i < term->values_count; i++) {
		BSON_APPEND_VALUE(&values, "v", &term->values[i]);
	}
	char *json = bson_as_relaxed_extended_json(&values, NULL);
	print_message("# %s%s%s op %d %s\n", term->paths[0], term->paths_count > 1 ? "|" : "",
	              term->paths_count > 1 ? term->paths[1] : "", (int)term->op, json);
	bson_free(json);
	bson_destroy(&values);
}

static void random_query(struct fixture *f, struct nv_docstore *other)
{
	static const char *const paths[] = { "a", "a.b", "x|y", "y|x", "x", "a|x", "a.0" };
	long paths_count =
		(long)(sizeof(paths) / sizeof(paths[0])) - ((f->backend->odd & ODD_POSITIONS) != 0);
	struct nv_docterm terms[2];
	char mine[4096];
	for (int i = 0; i < 2; i++) {
		const char *path = paths[random() % paths_count];
		enum nv_docterm_op op = (enum nv_docterm_op)(random() % (NV_DOCTERM_NOTNULL + 1));
		if (op == NV_DOCTERM_NULL || op == NV_DOCTERM_NOTNULL) {
			terms[i] = T(f, path, op, NULL);
		} else if (op == NV_DOCTERM_IN || op == NV_DOCTERM_NIN) {
			terms[i] = T(f, path, op, random_value(f), random_value(f), random_value(f),
			             NULL);
		} else {
			const char *value = random_value(f);
			bool range = op == NV_DOCTERM_GE || op == NV_DOCTERM_LT;
			while (range && is_remote(f) && strpbrk(value, "[b")) {
				value = random_value(
					f); /* the order of trees is every server's own */
			}
			terms[i] = T(f, path, op, value, NULL);
		}
	}
	size_t terms_count = 1 + (size_t)(random() % 2);
	(void)snprintf(mine, sizeof(mine), "%s", ids(f, "d", terms, terms_count));
	struct nv_docstore *own = f->store;
	f->store = other;
	const char *theirs = ids(f, "d", terms, terms_count);
	f->store = own;
	if (strcmp(mine, theirs) != 0) {
		for (size_t i = 0; i < terms_count; i++) {
			print_term(&terms[i]);
		}
		print_message("# found  %s\n# wanted %s\n", mine, theirs);
		fail_msg("of these documents:\n%s", docs(f, "d"));
	}
}

static void test_random_documents_are_found(void **state)
{
	struct fixture *f = *state;
	struct nv_docstore_config config = { .clock = f->clock, .timeout_ms = 30000 };
	struct nv_docstore *other = NULL; /* never has look-ups */
	unsigned seed = (unsigned)time(NULL);
	print_message("# seed %u\n", seed);
	srandom(seed);
	assert_int_equal(nv_docstore_open("mem:", &config, &other, &f->err), 0);
	for (int i = 0; i < 1500; i++) {
		random_write(f, other);
		random_query(f, other);
	}
	nv_docstore_close(other);
}

const struct docstore_case docstore_load_cases[] = {
	{ "8 threads compare and set: exact", test_compare_and_set_is_exact },
	{ "increments by 8 threads: none lost", test_no_increment_is_lost },
	{ "8 threads make a document of each name: one does", test_one_of_each_name },
	{ "100,000 documents in bounded memory", test_many_documents_are_streamed },
	{ "random documents are found", test_random_documents_are_found },
	{ NULL, NULL },
};
