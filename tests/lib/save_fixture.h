/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The save engine over the toy family, its clock in hand; for programs of tests/unit, which include
 * it once.
 */
#ifndef NV_TESTS_SAVE_FIXTURE_H
#define NV_TESTS_SAVE_FIXTURE_H

#include <stdlib.h>
#include <unistd.h>

#include "save/save.h"
#include "toy_family.h"

struct fixture {
	struct nv_clock *clock;
	struct nv_errors_ring *errors;
	struct nv_metrics metrics;
	struct toy toy;
	struct nv_row *rows;
	struct nv_tree tree;
	struct nv_save *save;
	struct nv_faults faults;
	struct nv_err err;
	struct nv_call call;
};

static int setup_mode(void **state, enum nv_mount_mode mode)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_int_equal(nv_clock_new(&f->clock), 0);
	nv_clock_stop(f->clock); /* only steps move it: a slow machine's time is not the test's */
	assert_int_equal(nv_errors_ring_new(f->clock, 100, &f->errors), 0);
	toy_init(&f->toy, f->clock);
	assert_int_equal(nv_rows_new(toy_rows, toy_rows_count, mode, &f->rows, &f->tree.rows_count),
	                 0);
	f->tree.rows = f->rows;
	f->tree.self[NV_FAMILY_ROOT] = &f->tree;
	f->tree.self[NV_FAMILY_NETDOX] = &f->toy;
	const struct nv_save_config config = { .tree = &f->tree,
		                               .clock = f->clock,
		                               .errors = f->errors,
		                               .metrics = &f->metrics,
		                               .mode = mode,
		                               .scratch_bytes = 65536 };
	assert_int_equal(nv_save_new(&config, &f->save, NULL), 0);
	f->call = (struct nv_call){ .uid = 7, .gid = 7, .pid = getpid(), .faults = &f->faults };
	*state = f;
	return 0;
}

static inline int setup(void **state)
{
	return setup_mode(state, NV_MOUNT_NORMAL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	nv_save_finish(f->save);
	nv_save_free(f->save);
	toy_release(&f->toy);
	nv_errors_ring_free(f->errors);
	nv_faults_release(&f->faults);
	nv_clock_free(f->clock);
	free(f->rows);
	free(f);
	return 0;
}

static struct nv_place dir(const char *path)
{
	return (struct nv_place){ .path = path };
}

#endif
