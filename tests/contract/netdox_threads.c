/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Many at once: writers that add to one file lose nothing, and readers always see one moment.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "contract/netdox_fixture.h"

#define A "netdox/dns/lan/a"

enum { WRITERS = 4, READERS = 3, ROUNDS = 40 };

/* One thread. cmocka's assertions belong to the main one, so faults are counted. */
struct worker {
	struct netdox_fixture *f;
	int number;
	int faults;
};

static struct nv_node node_of(struct netdox_fixture *f, const char *path, char *storage,
                              size_t size)
{
	struct nv_node node = { .row = NULL };

	(void)nv_tree_resolve(&f->tree, path, storage, size, &node);
	return node;
}

/* Appends a line to the records as an editor would: read, add, save what was read and the line. */
static int append(struct worker *worker, const struct nv_node *node, int round)
{
	struct nv_blob *base cleanup_blob = NULL;
	struct nv_save_result result = { .changed = false };
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_call call = { .faults = &faults };
	int r = node->row->ops->load(worker->f->netdox, &call, node, &base, NULL);

	if (r < 0 && r != -ENOENT) {
		return r;
	}
	nv_buf_printf(&text, "%sp%d TXT %d\n", base ? base->text : "", worker->number, round);
	struct nv_save_request request = { .base = base, .text = text.data, .size = text.len };
	r = node->row->ops->save(worker->f->netdox, &call, node, &request, &result, NULL);
	nv_save_result_release(&result);
	nv_faults_release(&faults);
	return r;
}

static void *write_lines(void *arg)
{
	struct worker *worker = arg;
	char storage[128];
	struct nv_node node = node_of(worker->f, A "/records", storage, sizeof(storage));

	for (int round = 0; round < ROUNDS; round++) {
		worker->faults += append(worker, &node, round) != 0;
	}
	return NULL;
}

/* The record and the note of a pair are always changed together. */
static void *read_pairs(void *arg)
{
	struct worker *worker = arg;
	char storage[128];
	struct nv_node dir = node_of(worker->f, "netdox/dns/lan/pair", storage, sizeof(storage));
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_call call = { .faults = &faults };

	for (int round = 0; round < ROUNDS * 5; round++) {
		struct nv_listing *listing cleanup_listing = NULL;

		nv_netdox_forget(worker->f->netdox);
		if (dir.row->ops->list(worker->f->netdox, &call, &dir, &listing, NULL) < 0) {
			worker->faults++;
			continue;
		}
		const struct nv_entry *maps = nv_listing_find(listing, "maps");
		const struct nv_entry *meta = nv_listing_find(listing, "meta");
		/* "[lan]N" and "n: N" */
		if (!maps || !meta || strcmp(maps->blob->text + 5, meta->blob->text + 3) != 0) {
			worker->faults++;
		}
	}
	return NULL;
}

static void *change_pairs(void *arg)
{
	struct worker *worker = arg;
	static const char script[] =
		"redis.call('DEL', 'dns;[lan]pair;maps')\n"
		"redis.call('SADD', 'dns;[lan]pair;maps', '[lan]' .. ARGV[1])\n"
		"redis.call('HSET', 'meta;[lan]pair', 'n', ARGV[1])\n";

	for (int round = 0; round < ROUNDS * 10; round++) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%d", round);
		redis_do(worker->f, "EVAL", script, "0", number, NULL);
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct netdox_fixture *f = *state;
	struct worker workers[WRITERS + READERS + 1];
	pthread_t threads[WRITERS + READERS + 1];

	redis_do(f, "SADD", "dns", "[lan]a", "[lan]pair", NULL);
	redis_do(f, "SADD", "dns;[lan]pair;maps", "[lan]0", NULL);
	redis_do(f, "SADD", "meta", "[lan]pair", NULL);
	redis_do(f, "HSET", "meta;[lan]pair", "n", "0", NULL);
	for (int i = 0; i <= WRITERS + READERS; i++) {
		void *(*run)(void *) = i < WRITERS             ? write_lines
		                       : i < WRITERS + READERS ? read_pairs
		                                               : change_pairs;

		workers[i] = (struct worker){ .f = f, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (int i = 0; i <= WRITERS + READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].faults, 0);
	}
	/* Every line of every writer is there, none was logged twice. */
	for (int i = 0; i < WRITERS; i++) {
		char key[64];
		struct nv_blob *blob cleanup_blob = NULL;

		assert_int_equal(path_load(f, A "/records", &blob), 0);
		for (int round = 0; round < ROUNDS; round++) {
			(void)snprintf(key, sizeof(key), "p%d TXT %d\n", i, round);
			assert_non_null(strstr(blob->text, key));
		}
	}
	assert_int_equal(log_length(f), WRITERS * (ROUNDS + 2));
}

/* Several readers of the changelog render each entry once. */
static void *read_log(void *arg)
{
	struct worker *worker = arg;
	char storage[64];
	struct nv_node node = node_of(worker->f, "netdox/changelog", storage, sizeof(storage));
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_call call = { .faults = &faults };
	size_t size = 0;

	for (int round = 0; round < ROUNDS; round++) {
		struct nv_blob *blob cleanup_blob = NULL;
		int r = node.row->ops->load(worker->f->netdox, &call, &node, &blob, NULL);

		worker->faults += r < 0 || blob->size < size; /* it only grows */
		size = r < 0 ? size : blob->size;
	}
	return NULL;
}

static void test_readers_of_the_changelog(void **state)
{
	struct netdox_fixture *f = *state;
	struct worker workers[READERS];
	pthread_t threads[READERS];
	struct nv_buf expected cleanup_buf = NV_BUF_INIT;

	redis_do(f, "XADD", "changelog", "1-0", "n", "0", NULL);
	nv_buf_puts(&expected, "{\"id\":\"1-0\",\"n\":\"0\"}\n");
	for (int i = 0; i < READERS; i++) {
		workers[i] = (struct worker){ .f = f };
		assert_int_equal(pthread_create(&threads[i], NULL, read_log, &workers[i]), 0);
	}
	for (int i = 1; i <= ROUNDS; i++) {
		char id[16];

		(void)snprintf(id, sizeof(id), "1-%d", i);
		redis_do(f, "XADD", "changelog", id, "n", "0", NULL);
		nv_buf_printf(&expected, "{\"id\":\"%s\",\"n\":\"0\"}\n", id);
	}
	for (int i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].faults, 0);
	}
	assert_text(f, "netdox/changelog", expected.data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, netdox_setup, netdox_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_many_at_once),
		TEST(test_readers_of_the_changelog),
	};

	netdox_need_server(sizeof(tests) / sizeof(tests[0]));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
