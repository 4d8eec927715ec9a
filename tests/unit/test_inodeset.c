/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs/inodeset.h"

enum { INODES = 2000, NAME_SIZE = 16, ROUNDS = 40000 };

/* Inodes, each in the sets or not, as a plain array knows it. */
struct model {
	struct nv_inode parents[2];
	struct nv_inode inodes[INODES];
	char names[INODES][NAME_SIZE];
	bool in[INODES];
};

static void fill(struct model *model)
{
	for (uint64_t i = 0; i < INODES; i++) {
		(void)snprintf(model->names[i], NAME_SIZE, "name-%u", (unsigned)(i / 2));
		model->inodes[i] = (struct nv_inode){ .id = i + 10,
			                              .parent = &model->parents[i % 2],
			                              .name = model->names[i] };
	}
	model->parents[0].id = 1;
	model->parents[1].id = 2;
}

static void check(const struct nv_inode_set *ids, const struct nv_inode_set *names,
                  const struct model *model, size_t i)
{
	const struct nv_inode *wanted = model->in[i] ? &model->inodes[i] : NULL;
	assert_ptr_equal(nv_inode_set_id(ids, model->inodes[i].id), wanted);
	assert_ptr_equal(nv_inode_set_name(names, &model->parents[i % 2], model->names[i]), wanted);
}

/* What is taken out leaves the way free to all that was put behind it. */
static void test_random_operations(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct nv_inode_set ids = { .by_name = false };
	struct nv_inode_set names = { .by_name = true };
	size_t count = 0;
	(void)state;
	assert_non_null(model);
	fill(model);
	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		size_t i = (size_t)random() % INODES;
		check(&ids, &names, model, i);
		if (model->in[i]) {
			nv_inode_set_remove(&ids, &model->inodes[i]);
			nv_inode_set_remove(&names, &model->inodes[i]);
		} else {
			assert_int_equal(nv_inode_set_add(&ids, &model->inodes[i]), 0);
			assert_int_equal(nv_inode_set_add(&names, &model->inodes[i]), 0);
		}
		model->in[i] = !model->in[i];
		count = model->in[i] ? count + 1 : count - 1;
		assert_int_equal(ids.count, count);
		assert_int_equal(names.count, count);
	}
	for (size_t i = 0; i < INODES; i++) {
		check(&ids, &names, model, i);
	}
	nv_inode_set_release(&ids);
	nv_inode_set_release(&names);
	free(model);
}

static void test_an_empty_set_has_nothing(void **state)
{
	struct nv_inode_set ids = { .by_name = false };
	struct nv_inode inode = { .id = 7, .name = (char *)"" };
	(void)state;
	assert_null(nv_inode_set_id(&ids, 7));
	assert_null(nv_inode_set_name(&ids, &inode, "x"));
	nv_inode_set_remove(&ids, &inode);
	assert_int_equal(ids.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_an_empty_set_has_nothing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("inode sets", tests, NULL, NULL);
}
