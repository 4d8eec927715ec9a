/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "ctl/ctl.h"

static const struct nv_row rows[] = {
	{ .pattern = "", .type = NV_DIR, .family = NV_FAMILY_ROOT, .ops = &nv_static_dir_ops },
	{ .pattern = ".netviewfs",
	  .type = NV_DIR,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_DIR,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/README",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_README,
	  .flags = NV_ROW_FIXED,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/clock",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_CLOCK,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/errors",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_ERRORS,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/metrics",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_METRICS,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/schema.json",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_SCHEMA,
	  .ops = &nv_ctl_ops },
	{ .pattern = ".netviewfs/status",
	  .type = NV_FILE,
	  .family = NV_FAMILY_CTL,
	  .kind = NV_CTL_STATUS,
	  .ops = &nv_ctl_ops },
};

struct fixture {
	struct nv_clock *clock;
	struct nv_errors_ring *errors;
	struct nv_metrics metrics;
	struct nv_ctl *ctl;
	struct nv_tree tree;
	struct nv_faults faults;
	struct nv_call call;
	struct nv_err err;
	int asked; /* times that the store was described */
};

static void describe_store(void *self, struct nv_buf *out)
{
	struct fixture *fixture = self;

	nv_buf_printf(out, "store: asked %d\n", ++fixture->asked);
}

static int setup(void **state, bool test_control)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	assert_int_equal(nv_clock_new(&fixture->clock), 0);
	assert_int_equal(nv_errors_ring_new(fixture->clock, 10, &fixture->errors), 0);
	struct nv_ctl_config config = {
		.clock = fixture->clock,
		.errors = fixture->errors,
		.metrics = &fixture->metrics,
		.rows = rows,
		.rows_count = sizeof(rows) / sizeof(rows[0]),
		.build = "netviewfs 1\n",
		.options = "ro,timeout=5",
		.has_netdox = true,
		.test_control = test_control,
	};
	assert_int_equal(nv_ctl_new(&config, &fixture->ctl), 0);
	assert_int_equal(nv_ctl_add_status(fixture->ctl, describe_store, fixture), 0);
	fixture->tree = (struct nv_tree){ .rows = rows, .rows_count = config.rows_count };
	fixture->tree.self[NV_FAMILY_CTL] = fixture->ctl;
	fixture->call.faults = &fixture->faults;
	*state = fixture;
	return 0;
}

static int setup_plain(void **state)
{
	return setup(state, false);
}

static int setup_test_control(void **state)
{
	return setup(state, true);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	nv_faults_release(&fixture->faults);
	nv_ctl_free(fixture->ctl);
	nv_errors_ring_free(fixture->errors);
	nv_clock_free(fixture->clock);
	free(fixture);
	return 0;
}

static struct nv_node resolve(struct fixture *fixture, const char *path, char *storage)
{
	struct nv_node node = { 0 };

	assert_int_equal(nv_tree_resolve(&fixture->tree, path, storage, 64, &node), 0);
	return node;
}

static struct nv_blob *load(struct fixture *fixture, const char *path)
{
	char storage[64];
	struct nv_node node = resolve(fixture, path, storage);
	struct nv_blob *blob = NULL;

	assert_int_equal(nv_ctl_ops.load(node.self, &fixture->call, &node, &blob, &fixture->err),
	                 0);
	assert_int_equal(strlen(blob->text), blob->size);
	return blob;
}

static void test_lists_what_is_there(void **state)
{
	static const char *const names[] = { "README", "errors", "metrics", "status" };
	struct fixture *fixture = *state;
	cleanup_listing struct nv_listing *listing = NULL;
	char storage[64];
	struct nv_node dir = resolve(fixture, ".netviewfs", storage);

	assert_int_equal(nv_ctl_ops.list(dir.self, &fixture->call, &dir, &listing, &fixture->err),
	                 0);
	assert_int_equal(listing->count, 4);
	for (size_t i = 0; i < listing->count; i++) {
		assert_string_equal(listing->entries[i].name, names[i]);
		assert_int_equal(listing->entries[i].size, listing->entries[i].blob->size);
	}
}

static void test_clock_is_hidden_without_test_control(void **state)
{
	struct fixture *fixture = *state;
	char storage[64];
	struct nv_node node = resolve(fixture, ".netviewfs/clock", storage);
	struct nv_entry entry = { 0 };
	struct nv_blob *blob = NULL;
	struct nv_save_request request = { .text = "5\n", .size = 2 };
	struct nv_save_result result = { 0 };

	assert_int_equal(nv_ctl_ops.lookup(node.self, &fixture->call, &node, &entry, &fixture->err),
	                 -ENOENT);
	assert_int_equal(nv_ctl_ops.load(node.self, &fixture->call, &node, &blob, &fixture->err),
	                 -ENOENT);
	assert_int_equal(
		nv_ctl_ops.save(node.self, &fixture->call, &node, &request, &result, &fixture->err),
		-ENOENT);
}

static void test_clock_moves_the_daemons_clock(void **state)
{
	static const char *const bad[] = { "",  "\n",   "-5", "5 ", "5\n\n", "1000000000000",
		                           "x", "stops" };
	struct fixture *fixture = *state;
	char storage[64];
	struct nv_node node = resolve(fixture, ".netviewfs/clock", storage);
	struct nv_save_request request = { .text = "5000\n", .size = 5 };
	struct nv_save_result result = { 0 };
	int64_t before = nv_clock_ms(fixture->clock);

	assert_int_equal(
		nv_ctl_ops.save(node.self, &fixture->call, &node, &request, &result, &fixture->err),
		0);
	assert_true(nv_clock_ms(fixture->clock) >= before + 5000);
	assert_true(result.changed);
	nv_save_result_release(&result);
	request = (struct nv_save_request){ .text = "stop\n", .size = 5 };
	assert_int_equal(
		nv_ctl_ops.save(node.self, &fixture->call, &node, &request, &result, &fixture->err),
		0);
	nv_save_result_release(&result);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		request = (struct nv_save_request){ .text = bad[i], .size = strlen(bad[i]) };
		assert_int_equal(nv_ctl_ops.save(node.self, &fixture->call, &node, &request,
		                                 &result, &fixture->err),
		                 -EINVAL);
	}
	assert_int_equal(fixture->faults.count, sizeof(bad) / sizeof(bad[0]));
}

static void test_other_files_are_not_saved(void **state)
{
	struct fixture *fixture = *state;
	char storage[64];
	struct nv_node node = resolve(fixture, ".netviewfs/status", storage);
	struct nv_save_request request = { .text = "5\n", .size = 2 };
	struct nv_save_result result = { 0 };

	assert_int_equal(
		nv_ctl_ops.save(node.self, &fixture->call, &node, &request, &result, &fixture->err),
		-EPERM);
}

static void test_status_is_made_on_a_read_only(void **state)
{
	struct fixture *fixture = *state;
	char storage[64];
	struct nv_node node = resolve(fixture, ".netviewfs/status", storage);
	cleanup_blob struct nv_blob *first = load(fixture, ".netviewfs/status");
	cleanup_blob struct nv_blob *second = load(fixture, ".netviewfs/status");
	cleanup_entry struct nv_entry entry = { 0 };

	assert_memory_equal(first->text, "netviewfs 1\nmounted: 20", 23);
	assert_non_null(strstr(first->text, "\nuptime: 0 s\n"));
	assert_non_null(strstr(first->text, "\noptions: ro,timeout=5\n"));
	assert_non_null(strstr(first->text, "\nstore: asked 1\n"));
	assert_string_equal(first->text, second->text);

	/* A second later a read asks again, a stat does not: a store that is down must not hold up
	 * ls. */
	nv_clock_advance(fixture->clock, 61000);
	assert_int_equal(nv_ctl_ops.lookup(node.self, &fixture->call, &node, &entry, &fixture->err),
	                 0);
	assert_int_equal(fixture->asked, 1);
	cleanup_blob struct nv_blob *third = load(fixture, ".netviewfs/status");
	assert_int_equal(fixture->asked, 2);
	assert_non_null(strstr(third->text, "\nuptime: 61 s\n"));
}

static void test_errors_and_metrics(void **state)
{
	struct fixture *fixture = *state;
	struct nv_err err = NV_ERR_INIT;

	cleanup_blob struct nv_blob *none = load(fixture, ".netviewfs/errors");
	assert_string_equal(none->text, "");
	(void)nv_fail(&err, EINVAL, "bad line");
	nv_errors_ring_add(fixture->errors, 3, "netdox/x", &err, NULL);
	nv_metric_add(&fixture->metrics, NV_METRIC_COMMITS, 4);
	cleanup_blob struct nv_blob *errors = load(fixture, ".netviewfs/errors");
	cleanup_blob struct nv_blob *metrics = load(fixture, ".netviewfs/metrics");
	assert_non_null(strstr(errors->text, "uid=3 netdox/x: EINVAL: bad line\n"));
	assert_non_null(strstr(metrics->text, "netviewfs_commits 4\n"));
	assert_int_equal(fixture->asked, 0);
}

static void test_schema_once_set(void **state)
{
	struct fixture *fixture = *state;
	cleanup_entry struct nv_entry entry = { 0 };
	char storage[64];
	struct nv_node node = resolve(fixture, ".netviewfs/schema.json", storage);

	assert_int_equal(nv_ctl_ops.lookup(node.self, &fixture->call, &node, &entry, &fixture->err),
	                 -ENOENT);
	assert_int_equal(nv_ctl_set_schema(fixture->ctl, "{}\n", 3), 0);
	assert_int_equal(nv_ctl_ops.lookup(node.self, &fixture->call, &node, &entry, &fixture->err),
	                 0);
	assert_int_equal(entry.size, 3);
	cleanup_blob struct nv_blob *blob = load(fixture, ".netviewfs/schema.json");
	assert_string_equal(blob->text, "{}\n");
}

static void test_readme_is_a_name_and_no_pattern(void **state)
{
	struct fixture *fixture = *state;

	assert_non_null(nv_tree_child(&fixture->tree, &rows[1], "README", NV_FILE));
	assert_null(nv_tree_child(&fixture->tree, &rows[1], ".README.swp", NV_FILE));
	assert_null(nv_tree_child(&fixture->tree, &rows[1], "other", 0));
}

static void test_readme_speaks_of_what_is_mounted(void **state)
{
	struct fixture *fixture = *state;
	cleanup_blob struct nv_blob *blob = load(fixture, ".netviewfs/README");

	assert_non_null(strstr(blob->text, "netdox/dns"));
	assert_null(strstr(blob->text, "netgoat/"));
	assert_non_null(strstr(blob->text, ".netviewfs/errors"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists_what_is_there, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_clock_is_hidden_without_test_control,
		                                setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_clock_moves_the_daemons_clock,
		                                setup_test_control, teardown),
		cmocka_unit_test_setup_teardown(test_other_files_are_not_saved, setup_plain,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_status_is_made_on_a_read_only, setup_plain,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_errors_and_metrics, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_schema_once_set, setup_plain, teardown),
		cmocka_unit_test_setup_teardown(test_readme_is_a_name_and_no_pattern, setup_plain,
		                                teardown),
		cmocka_unit_test_setup_teardown(test_readme_speaks_of_what_is_mounted, setup_plain,
		                                teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
