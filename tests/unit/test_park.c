/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parked names in numbers, and names that are committed while their file is still open.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "save/save.h"
#include "save_fixture.h"

static void pass(struct fixture *f, int64_t ms)
{
	nv_clock_advance(f->clock, ms);
	nv_save_run_due(f->save);
}

static size_t count_lines(const struct fixture *f, const char *start)
{
	size_t count = 0;
	for (const char *at = f->toy.log.data; at && *at; at = strchr(at, '\n') + 1) {
		count += strncmp(at, start, strlen(start)) == 0;
	}
	return count;
}

/* Unlinks count files of one directory. */
static void unlink_many(struct fixture *f, int count)
{
	char path[64];
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "d/n%d.txt", i);
		toy_put(&f->toy, path, "v\n");
		assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), path + 2, &f->err), 0);
	}
}

enum { FEW = 2000, MANY = 10 * FEW };

/* Ten times the work takes some ten times the processor time; squared, it would be a hundred times.
 * Times too short to tell are taken for more. */
static void assert_linear(clock_t few, clock_t many)
{
	clock_t least = CLOCKS_PER_SEC / 500;
	assert_true(many < 40 * (few > least ? few : least));
}

static clock_t time_due(struct fixture *f, int count)
{
	unlink_many(f, count);
	clock_t start = clock();
	pass(f, 500);
	pass(f, 2000);
	return clock() - start;
}

static void test_many_unlinks_are_due_in_linear_time(void **state)
{
	struct fixture *f = *state;
	clock_t few = time_due(f, FEW);
	clock_t many = time_due(f, MANY);
	assert_int_equal(count_lines(f, "delete d/n"), FEW + MANY);
	assert_linear(few, many);
}

static clock_t time_sync(struct fixture *f, int count)
{
	unlink_many(f, count);
	clock_t start = clock();
	assert_int_equal(nv_save_sync_dir(f->save, &f->call, dir("d"), &f->err), 0);
	clock_t time = clock() - start;
	pass(f, 2000);
	return time;
}

static void test_many_unlinks_are_committed_in_linear_time(void **state)
{
	struct fixture *f = *state;
	clock_t few = time_sync(f, FEW);
	clock_t many = time_sync(f, MANY);
	assert_int_equal(count_lines(f, "delete d/n"), FEW + MANY);
	assert_linear(few, many);
}

/* Makes count objects, a file of the engine's own in each; then all are due at once. */
static clock_t time_objects(struct fixture *f, int count)
{
	char path[64];
	struct nv_err err = NV_ERR_INIT;
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "o/n%d-%d/own.json", count, i);
		toy_put(&f->toy, path, "{}\n");
		path[strlen(path) - strlen("/own.json")] = '\0';
		assert_int_equal(nv_save_unlink(f->save, &f->call, dir(path), "own.json", &err), 0);
	}
	clock_t start = clock();
	pass(f, 2000);
	return clock() - start;
}

static void test_names_in_many_directories_are_due_in_linear_time(void **state)
{
	struct fixture *f = *state;
	clock_t few = time_objects(f, FEW);
	clock_t many = time_objects(f, MANY);
	assert_linear(few, many);
}

/* What is due earlier is done earlier, whatever was asked for first. */
static void test_each_name_has_its_own_time(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "a\n");
	toy_put(&f->toy, "d/b.txt", "b\n");
	toy_put(&f->toy, "d/c.txt", "c\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("d"), "a.txt~", 0,
	                                &f->err),
	                 0);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "b.txt", &f->err), 0);
	pass(f, 400);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "c.txt", &f->err), 0);
	pass(f, 99);
	assert_int_equal(count_lines(f, ""), 0);
	pass(f, 1);
	assert_int_equal(count_lines(f, "delete d/b.txt"), 1);
	assert_int_equal(count_lines(f, ""), 1);
	pass(f, 400);
	assert_int_equal(count_lines(f, "delete d/c.txt"), 1);
	cleanup_found struct nv_found found = { 0 };
	assert_int_equal(nv_save_lookup(f->save, &f->call, dir("d"), "a.txt", &found, &f->err),
	                 -ENOENT);
	pass(f, 1100);
	assert_int_equal(nv_save_lookup(f->save, &f->call, dir("d"), "a.txt", &found, &f->err), 0);
}

/* A new name that waits, committed by the timer while its writer still holds it open: nothing is
 * reported, and what the writer writes then is an update. */
static void test_committed_while_open(void **state)
{
	struct fixture *f = *state;
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found found = { 0 };
	assert_int_equal(nv_save_create(f->save, &f->call, dir("p"), "note", 0644, O_WRONLY,
	                                &opened, &found, &f->err),
	                 0);
	assert_int_equal(nv_handle_write(opened.handle, &f->call, "one\n", 4, 0, &f->err), 0);
	assert_int_equal(nv_handle_flush(opened.handle, &f->call, &f->err), 0);
	pass(f, 500);
	pass(f, 3000);
	assert_string_equal(f->toy.log.data, "create p/note\n");
	assert_int_equal(nv_handle_write(opened.handle, &f->call, "two\n", 4, 4, &f->err), 0);
	assert_int_equal(nv_handle_flush(opened.handle, &f->call, &f->err), 0);
	nv_handle_release(opened.handle, &f->call);
	pass(f, 3000);
	assert_string_equal(f->toy.log.data, "create p/note\nupdate p/note\n");
	assert_string_equal(toy_get(&f->toy, "p/note"), "one\ntwo\n");
	cleanup_buf struct nv_buf errors = NV_BUF_INIT;
	nv_errors_ring_format(f->errors, &errors);
	assert_string_equal(errors.data ? errors.data : "", "");
}

static void assert_told(struct fixture *f, const char *path, bool told)
{
	cleanup_buf struct nv_buf errors = NV_BUF_INIT;
	nv_errors_ring_format(f->errors, &errors);
	assert_int_equal(errors.data && strstr(errors.data, path), told);
}

/* However a file comes to a name that no tool uses on the way: who waits for it to be stored is
 * told that it is not. */
static void test_scratch_of_no_pattern_is_reported(void **state)
{
	struct fixture *f = *state;
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found found = { 0 };
	toy_put(&f->toy, "d/a.txt", "a\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("d"), "moved.tx",
	                                0, &f->err),
	                 0);
	assert_int_equal(nv_save_create(f->save, &f->call, dir("d"), ".b.txt.Ab12Cd", 0644,
	                                O_WRONLY, &opened, &found, &f->err),
	                 0);
	nv_handle_release(opened.handle, &f->call);
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), ".b.txt.Ab12Cd", dir("d"),
	                                "b.tx", 0, &f->err),
	                 0);
	nv_found_release(&found);
	assert_int_equal(nv_save_create(f->save, &f->call, dir("d"), "long.tx", 0644, O_WRONLY,
	                                &opened, &found, &f->err),
	                 0);
	pass(f, 10000);
	assert_told(f, "d/moved.tx", true);
	assert_told(f, "d/b.tx", true);
	assert_told(f, "d/long.tx", false);
	nv_handle_release(opened.handle, &f->call);
	pass(f, 10000);
	assert_told(f, "d/long.tx", true);
}

/* A copy that somebody made is reported, too; what a tool has moved aside is not. */
static void test_copies_are_reported(void **state)
{
	struct fixture *f = *state;
	static const char *const made[] = { "notes.bak", ".a.bak", "a.txt~", "sedAb12Cd" };
	toy_put(&f->toy, "d/a.txt", "a\n");
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		struct nv_opened opened = { 0 };
		cleanup_found struct nv_found found = { 0 };
		assert_int_equal(nv_save_create(f->save, &f->call, dir("d"), made[i], 0644,
		                                O_WRONLY, &opened, &found, &f->err),
		                 0);
		nv_handle_release(opened.handle, &f->call);
	}
	assert_int_equal(
		nv_save_link(f->save, &f->call, dir("d"), "a.txt", dir("d"), "a.txt.bak", &f->err),
		0);
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("d"),
	                                "a.txt.orig", 0, &f->err),
	                 0);
	pass(f, 10000);
	assert_told(f, "d/notes.bak", true);
	assert_told(f, "d/.a.bak", false);
	assert_told(f, "d/a.txt", false);
	assert_told(f, "d/sed", false);
}

#define engine_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(test_each_name_has_its_own_time),
		engine_test(test_committed_while_open),
		engine_test(test_scratch_of_no_pattern_is_reported),
		engine_test(test_copies_are_reported),
		engine_test(test_many_unlinks_are_due_in_linear_time),
		engine_test(test_many_unlinks_are_committed_in_linear_time),
		engine_test(test_names_in_many_directories_are_due_in_linear_time),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
