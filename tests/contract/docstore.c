/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contract of document stores: every case on every backend.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

enum { NAME_SIZE = 120, TESTS_MAX = 200 };

static struct backend backends[] = {
	{ "mem", "mem:", false },
	{ "sqlite", "sqlite:", false },
	{ "sqlite with look-ups", "sqlite:", true },
};

static const struct docstore_case *const groups[] = {
	docstore_query_cases,
	docstore_commit_cases,
	docstore_log_cases,
	docstore_load_cases,
};

int main(void)
{
	static struct CMUnitTest tests[TESTS_MAX];
	static char names[TESTS_MAX][NAME_SIZE];
	size_t count = 0;
	for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
			for (const struct docstore_case *one = groups[g]; one->name; one++) {
				if (count == TESTS_MAX) {
					abort();
				}
				(void)snprintf(names[count], NAME_SIZE, "%s: %s", backends[b].name,
				               one->name);
				tests[count] =
					(struct CMUnitTest){ .name = names[count],
					                     .test_func = one->run,
					                     .setup_func = docstore_setup,
					                     .teardown_func = docstore_teardown,
					                     .initial_state = &backends[b] };
				count++;
			}
		}
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("document stores", tests, count, NULL, NULL);
}
