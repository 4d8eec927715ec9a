/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/conflicts.h"

static int setup(void **state)
{
	static struct nv_clock *clock;
	assert_int_equal(nv_clock_new(&clock), 0);
	*state = clock;
	return 0;
}

static int teardown(void **state)
{
	nv_clock_free(*state);
	return 0;
}

static int add(struct nv_conflicts *conflicts, const char *path, const char *base, const char *mine,
               const char *theirs, char *ret_name)
{
	const struct nv_conflict_bytes texts[NV_CONFLICT_TEXTS] = {
		{ base, base ? strlen(base) : 0 },
		{ mine, strlen(mine) },
		{ theirs, theirs ? strlen(theirs) : 0 },
	};
	return nv_conflicts_add(conflicts, path, texts, ret_name);
}

static void test_texts_are_kept_as_they_are(void **state)
{
	struct nv_conflicts *conflicts = NULL;
	char name[NV_CONFLICT_NAME_MAX];
	char *text = NULL;
	size_t size = 0;
	assert_int_equal(nv_conflicts_new(*state, 10, 1000, &conflicts), 0);
	assert_int_equal(add(conflicts, "a/b/meta", NULL, "mine\n", "theirs\n", name), 0);
	assert_string_equal(strchr(name, '-'), "-meta");
	assert_int_equal(nv_conflicts_get(conflicts, name, NV_CONFLICT_BASE, &text, &size),
	                 -ENOENT);
	assert_int_equal(nv_conflicts_get(conflicts, name, NV_CONFLICT_MINE, &text, &size), 0);
	assert_string_equal(text, "mine\n");
	assert_int_equal(size, 5);
	free(text);
	assert_int_equal(nv_conflicts_remove(conflicts, name), 0);
	assert_int_equal(nv_conflicts_remove(conflicts, name), -ENOENT);
	assert_int_equal(nv_conflicts_count(conflicts), 0);
	nv_conflicts_free(conflicts);
}

static void test_the_same_texts_are_one_conflict(void **state)
{
	struct nv_conflicts *conflicts = NULL;
	char first[NV_CONFLICT_NAME_MAX];
	char second[NV_CONFLICT_NAME_MAX];
	assert_int_equal(nv_conflicts_new(*state, 10, 1000, &conflicts), 0);
	assert_int_equal(add(conflicts, "meta", "b", "m", "t", first), 0);
	assert_int_equal(add(conflicts, "meta", "b", "m", "t", second), 0);
	assert_string_equal(first, second);
	assert_int_equal(add(conflicts, "meta", "b", "m", NULL, second), 0);
	assert_string_not_equal(first, second);
	assert_int_equal(add(conflicts, "other/meta", "b", "m", "t", second), 0);
	assert_int_equal(nv_conflicts_count(conflicts), 3);
	nv_conflicts_free(conflicts);
}

static int take_first(void *ctx, const char *name)
{
	(void)strcpy(ctx, name);
	return 1;
}

static void test_the_oldest_go_first(void **state)
{
	struct nv_conflicts *conflicts = NULL;
	char names[4][NV_CONFLICT_NAME_MAX];
	char oldest[NV_CONFLICT_NAME_MAX];
	assert_int_equal(nv_conflicts_new(*state, 2, 100, &conflicts), 0);
	assert_int_equal(add(conflicts, "a", "b", "1", "t", names[0]), 0);
	assert_int_equal(add(conflicts, "a", "b", "2", "t", names[1]), 0);
	assert_int_equal(add(conflicts, "a", "b", "3", "t", names[2]), 0);
	assert_int_equal(nv_conflicts_each(conflicts, take_first, oldest), 1);
	assert_string_equal(oldest, names[1]);
	static char large[101];
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(add(conflicts, "a", "b", large, "t", names[3]), -ENOSPC);
	large[98] = '\0';
	assert_int_equal(add(conflicts, "a", "b", large, "t", names[3]), 0);
	assert_int_equal(nv_conflicts_count(conflicts), 1);
	nv_conflicts_free(conflicts);
}

#define conflicts_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		conflicts_test(test_texts_are_kept_as_they_are),
		conflicts_test(test_the_same_texts_are_one_conflict),
		conflicts_test(test_the_oldest_go_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conflicts", tests, NULL, NULL);
}
