/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/cache.h"

/* A family's snapshot: only its references are of interest. */
struct snapshot {
	atomic_int refs;
	uint64_t version; /* what the store said */
};

static void *snapshot_ref(void *value)
{
	struct snapshot *snapshot = value;

	atomic_fetch_add(&snapshot->refs, 1);
	return snapshot;
}

static void snapshot_unref(void *value)
{
	struct snapshot *snapshot = value;

	assert_true(atomic_fetch_sub(&snapshot->refs, 1) > 0);
}

struct fixture {
	struct nv_clock *clock;
	struct nv_cache *cache;
	struct snapshot a, b; /* outlive the cache, which must have dropped them then */
};

static int setup_of(void **state, size_t max_entries)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || nv_clock_new(&f->clock) < 0 ||
	    nv_cache_new(f->clock, max_entries, snapshot_ref, snapshot_unref, &f->cache) < 0) {
		return -1;
	}
	atomic_init(&f->a.refs, 1);
	atomic_init(&f->b.refs, 1);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	return setup_of(state, 1000);
}

static int setup_small(void **state)
{
	return setup_of(state, 3);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nv_cache_free(f->cache);
	nv_clock_free(f->clock);

	bool dropped = atomic_load(&f->a.refs) == 1 && atomic_load(&f->b.refs) == 1;

	free(f);
	return dropped ? 0 : -1;
}

static struct nv_cache_stamp put(struct fixture *f, const char *key, struct snapshot *snapshot,
                                 bool prefetched, const char *part)
{
	struct nv_cache_stamp stamp = nv_cache_stamp(f->cache);

	assert_int_equal(
		nv_cache_put(f->cache, key, strlen(key), snapshot, stamp, prefetched, part), 0);
	return stamp;
}

/* What the cache answers, its reference dropped again. */
static struct snapshot *get(struct fixture *f, const char *key, const char *part)
{
	struct snapshot *snapshot = nv_cache_get(f->cache, key, strlen(key), part, NULL);

	if (snapshot) {
		snapshot_unref(snapshot);
	}
	return snapshot;
}

static bool has(struct fixture *f, const char *key)
{
	return nv_cache_has(f->cache, key, strlen(key));
}

static void test_a_listing_answers_for_all_parts_for_a_second(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp stamp = put(f, "k", &f->a, false, NULL);
	int64_t sampled_ms = 0;
	void *got = nv_cache_get(f->cache, "k", 1, "any", &sampled_ms);

	assert_ptr_equal(got, &f->a);
	snapshot_unref(got);
	assert_int_equal(sampled_ms, stamp.sampled_ms);
	assert_ptr_equal(get(f, "k", NULL), &f->a);
	assert_null(get(f, "other", NULL));
	nv_clock_advance(f->clock, NV_CACHE_MAX_AGE_MS);
	assert_null(get(f, "k", "any"));
	assert_null(get(f, "k", NULL));
	assert_false(has(f, "k"));
	assert_int_equal(atomic_load(&f->a.refs), 2);
}

static void test_a_prefetched_one_never_answers_for_a_file(void **state)
{
	struct fixture *f = *state;

	put(f, "k", &f->a, true, NULL);
	assert_null(get(f, "k", "records"));
	assert_true(has(f, "k"));
	assert_null(get(f, "k", "records")); /* asking whether it is there shows nothing */

	void *peeked = nv_cache_peek(f->cache, "k", 1, NULL);

	assert_ptr_equal(peeked, &f->a);
	snapshot_unref(peeked);
	assert_null(nv_cache_peek(f->cache, "other", 5, NULL));
	assert_null(get(f, "k", "records")); /* nor does looking at the object itself */
	assert_ptr_equal(get(f, "k", NULL), &f->a);
	assert_ptr_equal(get(f, "k", "records"), &f->a); /* now it was listed */
}

static void test_a_part_answers_only_for_itself(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp stamp = put(f, "k", &f->a, false, "records");

	assert_ptr_equal(get(f, "k", "records"), &f->a);
	assert_null(get(f, "k", "meta"));
	/* The same answer, shown for a second part too. */
	assert_int_equal(nv_cache_put(f->cache, "k", 1, &f->a, stamp, false, "meta"), 0);
	assert_ptr_equal(get(f, "k", "meta"), &f->a);
	assert_ptr_equal(get(f, "k", "records"), &f->a);
	assert_null(get(f, "k", "maps"));
	/* Another answer forgets what was shown of the one before. */
	put(f, "k", &f->b, false, "maps");
	assert_ptr_equal(get(f, "k", "maps"), &f->b);
	assert_null(get(f, "k", "records"));
	assert_int_equal(atomic_load(&f->a.refs), 1);
	assert_int_equal(atomic_load(&f->b.refs), 2);
}

static void test_keys_are_bytes(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp stamp = nv_cache_stamp(f->cache);

	assert_int_equal(nv_cache_put(f->cache, "x\0y", 3, &f->a, stamp, false, NULL), 0);
	assert_int_equal(nv_cache_put(f->cache, "x\0z", 3, &f->b, stamp, false, NULL), 0);
	assert_int_equal(nv_cache_put(f->cache, "", 0, &f->b, stamp, false, NULL), 0);
	assert_true(nv_cache_has(f->cache, "x\0y", 3));
	assert_true(nv_cache_has(f->cache, "", 0));
	assert_false(nv_cache_has(f->cache, "x", 1));
	nv_cache_invalidate(f->cache, "x\0y", 3);
	assert_false(nv_cache_has(f->cache, "x\0y", 3));
	assert_true(nv_cache_has(f->cache, "x\0z", 3));
}

static void test_an_answer_under_way_during_an_invalidation_is_not_stored(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp stamp = nv_cache_stamp(f->cache);

	nv_cache_invalidate(f->cache, "k", 1);
	assert_int_equal(nv_cache_put(f->cache, "k", 1, &f->a, stamp, false, NULL), 0);
	assert_false(has(f, "k"));
	assert_int_equal(nv_cache_put(f->cache, "other", 5, &f->a, stamp, false, NULL), 0);
	assert_true(has(f, "other"));
	put(f, "k", &f->a, false, NULL);
	assert_true(has(f, "k"));

	stamp = nv_cache_stamp(f->cache);
	nv_cache_invalidate_all(f->cache);
	assert_false(has(f, "k"));
	assert_false(has(f, "other"));
	assert_int_equal(atomic_load(&f->a.refs), 1);
	assert_int_equal(nv_cache_put(f->cache, "new", 3, &f->a, stamp, false, NULL), 0);
	assert_false(has(f, "new"));
	put(f, "new", &f->a, false, NULL);
	assert_true(has(f, "new"));
}

static void test_an_overtaken_answer_does_not_replace_a_newer_one(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp early = nv_cache_stamp(f->cache);

	nv_clock_advance(f->clock, 10);
	put(f, "k", &f->b, false, "records");
	assert_int_equal(nv_cache_put(f->cache, "k", 1, &f->a, early, false, "meta"), 0);
	assert_ptr_equal(get(f, "k", "records"), &f->b);
	assert_null(get(f, "k", "meta"));
	assert_int_equal(atomic_load(&f->a.refs), 1);
}

static void test_the_oldest_go_first_and_take_no_promise_with_them(void **state)
{
	struct fixture *f = *state;
	struct nv_cache_stamp before = nv_cache_stamp(f->cache);

	nv_cache_invalidate(f->cache, "gone", 4);
	put(f, "1", &f->a, false, NULL);
	put(f, "2", &f->a, false, NULL);
	put(f, "3", &f->a, false, NULL); /* evicts the memory of "gone" */
	assert_true(has(f, "1"));
	assert_int_equal(nv_cache_put(f->cache, "gone", 4, &f->a, before, false, NULL), 0);
	assert_false(has(f, "gone"));
	put(f, "4", &f->a, false, NULL);
	assert_false(has(f, "1"));
	put(f, "2", &f->a, false, NULL); /* is the newest now */
	put(f, "5", &f->a, false, NULL);
	assert_true(has(f, "2"));
	assert_false(has(f, "3"));
	assert_int_equal(atomic_load(&f->a.refs), 4);
}

static void test_what_is_too_old_to_be_used_keeps_no_memory(void **state)
{
	struct fixture *f = *state;

	put(f, "1", &f->a, false, NULL);
	assert_int_equal(atomic_load(&f->a.refs), 2);
	nv_clock_advance(f->clock, NV_CACHE_MAX_AGE_MS);
	put(f, "2", &f->b, false, NULL);
	assert_int_equal(atomic_load(&f->a.refs), 1);
	assert_int_equal(atomic_load(&f->b.refs), 2);
}

/* Many threads; a store whose version moves; after an own commit and its invalidation nobody may
 * see an older version. */
struct storm {
	struct nv_cache *cache;
	atomic_ullong stored;    /* the store */
	atomic_ullong committed; /* the newest version whose invalidation is done */
	atomic_bool failed;
	struct snapshot *pool; /* of version i + 1 */
	size_t pool_size;
};

static void *storm_reader(void *argument)
{
	struct storm *storm = argument;

	while (atomic_load(&storm->stored) < storm->pool_size) {
		uint64_t least = atomic_load(&storm->committed);
		struct snapshot *got = nv_cache_get(storm->cache, "k", 1, NULL, NULL);

		if (!got) {
			struct nv_cache_stamp stamp = nv_cache_stamp(storm->cache);

			got = snapshot_ref(&storm->pool[atomic_load(&storm->stored) - 1]);
			(void)sched_yield(); /* a query takes its time */
			(void)nv_cache_put(storm->cache, "k", 1, got, stamp, false, NULL);
		}
		if (got->version < least) {
			atomic_store(&storm->failed, true);
		}
		snapshot_unref(got);
	}
	return NULL;
}

static void test_no_thread_sees_what_an_own_commit_has_replaced(void **state)
{
	enum { READERS = 7, VERSIONS = 20000 };
	struct fixture *f = *state;
	struct storm storm = { .cache = f->cache, .pool_size = VERSIONS };
	pthread_t threads[READERS];

	storm.pool = calloc(VERSIONS, sizeof(*storm.pool));
	assert_non_null(storm.pool);
	for (size_t i = 0; i < VERSIONS; i++) {
		storm.pool[i].version = i + 1;
		atomic_init(&storm.pool[i].refs, 1);
	}
	atomic_store(&storm.stored, 1);
	for (size_t i = 0; i < READERS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, storm_reader, &storm), 0);
	}
	for (uint64_t version = 2; version <= VERSIONS; version++) {
		atomic_store(&storm.stored, version);
		nv_cache_invalidate(f->cache, "k", 1);
		atomic_store(&storm.committed, version);
	}
	for (size_t i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_false(atomic_load(&storm.failed));
	nv_cache_invalidate_all(f->cache);
	for (size_t i = 0; i < VERSIONS; i++) {
		assert_int_equal(atomic_load(&storm.pool[i].refs), 1);
	}
	free(storm.pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_listing_answers_for_all_parts_for_a_second,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_prefetched_one_never_answers_for_a_file,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_part_answers_only_for_itself, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_keys_are_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_an_answer_under_way_during_an_invalidation_is_not_stored, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_an_overtaken_answer_does_not_replace_a_newer_one, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_the_oldest_go_first_and_take_no_promise_with_them, setup_small,
			teardown),
		cmocka_unit_test_setup_teardown(test_what_is_too_old_to_be_used_keeps_no_memory,
		                                setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_thread_sees_what_an_own_commit_has_replaced,
		                                setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
