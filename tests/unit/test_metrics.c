/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static void test_lines_and_sum(void **state)
{
	static struct nv_metrics metrics;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	size_t lines = 0;

	(void)state;
	nv_metric_add(&metrics, NV_METRIC_FUSE_LOOKUP, 2);
	nv_metric_add(&metrics, NV_METRIC_FUSE_OTHER, 3);
	nv_metric_add(&metrics, NV_METRIC_REDIS_ROUND_TRIPS, 40);
	nv_metric_add(NULL, NV_METRIC_COMMITS, 1);
	nv_metrics_format(&metrics, &out);
	for (size_t i = 0; i < out.len; i++) {
		lines += out.data[i] == '\n';
	}
	assert_int_equal(lines, NV_METRIC_COUNT + 1);
	assert_memory_equal(out.data, "netviewfs_fuse_lookup 2\n", 24);
	assert_non_null(strstr(out.data, "\nnetviewfs_redis_round_trips 40\n"));
	assert_non_null(strstr(out.data, "\nnetviewfs_commits 0\n"));
	assert_non_null(strstr(out.data, "\nnetviewfs_fuse_requests 5\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_and_sum),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
