/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every case of the contract on every backend that is given.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "contract/docstore_fixture.h"

enum { NAME_SIZE = 160, TESTS_MAX = 200 };

static const struct docstore_case *const groups[] = {
	docstore_query_cases,
	docstore_commit_cases,
	docstore_log_cases,
	docstore_load_cases,
};

int docstore_run(struct backend *backends, size_t backends_count)
{
	static struct CMUnitTest tests[TESTS_MAX];
	static char names[TESTS_MAX][NAME_SIZE];
	size_t count = 0;
	for (size_t b = 0; b < backends_count; b++) {
		for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
			for (const struct docstore_case *one = groups[g]; one->name; one++) {
				if (count == TESTS_MAX) {
					abort();
				}
				(void)snprintf(names[count], NAME_SIZE, "%s: %s", backends[b].name,
				               one->name);
				tests[count] = (struct CMUnitTest){
					.name = names[count],
					.test_func = one->run,
					.setup_func = docstore_setup,
					.teardown_func = docstore_teardown,
					.initial_state = &backends[b],
				};
				count++;
			}
		}
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("document stores", tests, count, NULL, NULL);
}
