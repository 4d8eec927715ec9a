/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Full and restore mounts in the save engine: an object's directory before its object.
 */
#include "config.h"

#include <limits.h>
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
#include <unistd.h>

#include "base/cleanup.h"
#include "save/save.h"
#include "save_fixture.h"
#include "save_steps.h"

static int setup_full(void **state)
{
	int r = setup_mode(state, NV_MOUNT_FULL);
	((struct fixture *)*state)->toy.strict = true;
	return r;
}

static int setup_restore(void **state)
{
	int r = setup_mode(state, NV_MOUNT_RESTORE);
	((struct fixture *)*state)->toy.strict = true;
	return r;
}

static int make_dir(struct fixture *f, const char *at, const char *name)
{
	return nv_save_mkdir(f->save, &f->call, dir(at), name, 0755, &f->err);
}

/* The names of a directory, each with a blank behind it. */
static char *list(struct fixture *f, const char *at)
{
	cleanup_listing struct nv_listing *listing = NULL;
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	if (nv_save_list(f->save, &f->call, dir(at), &listing, &f->err) < 0) {
		return NULL;
	}
	nv_buf_puts(&text, "");
	for (size_t i = 0; i < listing->count; i++) {
		nv_buf_printf(&text, "%s ", listing->entries[i].name);
	}
	return strdup(text.data);
}

#define assert_list(f, at, expected)                                                               \
	do {                                                                                       \
		cleanup_free char *names = list(f, at);                                            \
		assert_non_null(names);                                                            \
		assert_string_equal(names, expected);                                              \
	} while (0)

static void test_files_may_come_before_their_object(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_dir(f, "o", "x"), -EEXIST);
	assert_log(f, "");
	assert_list(f, "o", "x ");
	assert_list(f, "o/x", "");
	assert_false(exists(f, "o/x", "sub"));
	assert_int_equal(make_dir(f, "o/x", "sub"), 0);
	assert_list(f, "o/x", "sub ");
	assert_int_equal(echo(f, "o/x/sub", "a.txt", "early\n"), 0);
	assert_log(f, "create o/x/sub/a.txt\n");
	assert_list(f, "o/x/sub", "a.txt ");
	assert_cat(f, "o/x/sub", "a.txt", "early\n");
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o"), "x", &f->err), -ENOTEMPTY);
	assert_int_equal(echo(f, "o/x", "own.json", "own\n"), 0);
	assert_true(exists(f, "o", "x"));
	assert_true(exists(f, "o/x", "sub"));
	assert_cat(f, "o/x/sub", "a.txt", "early\n");
	/* from now on it is the store's: what another deletes is gone */
	toy_put(&f->toy, "o/x/sub/a.txt", NULL);
	assert_false(exists(f, "o/x/sub", "a.txt"));
	toy_put(&f->toy, "o/x/own.json", NULL);
	assert_false(exists(f, "o", "x"));
}

/* cp -a knows that what it has just made is empty, and takes a directory that is there for an error:
 * another's texts may have brought it about. */
static void test_it_looks_empty_to_its_maker(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	toy_put(&f->toy, "o/x/own.json", "own\n");
	toy_put(&f->toy, "o/x/sub/a.txt", "theirs\n");
	assert_false(exists(f, "o/x", "own.json"));
	assert_false(exists(f, "o/x", "sub"));
	assert_int_equal(make_dir(f, "o/x", "sub"), 0);
	assert_true(exists(f, "o/x", "sub"));
	assert_int_equal(make_dir(f, "o/x", "sub"), -EEXIST);
}

static void test_a_temporary_name_is_renamed_over(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_dir(f, "o/x", "sub"), 0);
	assert_int_equal(echo(f, "o/x/sub", ".a.txt.Xy12Zt", "one\n"), 0);
	assert_log(f, "");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("o/x/sub"), ".a.txt.Xy12Zt",
	                                dir("o/x/sub"), "a.txt", 0, &f->err),
	                 0);
	assert_log(f, "create o/x/sub/a.txt\n");
	assert_cat(f, "o/x/sub", "a.txt", "one\n");
}

static void test_an_empty_name_is_removed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_dir(f, "o/x", "sub"), 0);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o"), "x", &f->err), -ENOTEMPTY);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o/x"), "sub", &f->err), 0);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o"), "x", &f->err), 0);
	assert_false(exists(f, "o", "x"));
	assert_log(f, "");
}

static void test_texts_are_kept_within_the_bound(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *text = malloc(40002);
	memset(text, 'x', 40000);
	memcpy(text + 40000, "\n", 2);
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_dir(f, "o/x", "sub"), 0);
	assert_int_equal(echo(f, "o/x/sub", "a.txt", text), 0);
	assert_int_equal(echo(f, "o/x/sub", "b.txt", text), 0);
	assert_true(exists(f, "o/x/sub", "b.txt"));
	assert_non_null(open_at(f, "o/x/sub", "a.txt", O_RDONLY));
	assert_null(open_at(f, "o/x/sub", "b.txt", O_RDONLY));
	assert_int_equal(f->err.errnum, EAGAIN);
	assert_int_equal(echo(f, "o/x", "own.json", "own\n"), 0);
	assert_true(exists(f, "o", "x"));
	nv_err_clear(&f->err);
	assert_non_null(open_at(f, "o/x/sub", "b.txt", O_RDONLY));
}

static int make_link(struct fixture *f, const char *target)
{
	return nv_save_symlink(f->save, &f->call, dir("o/x"), "link", target, &f->err);
}

static void test_a_link_waits_for_its_document(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_link(f, "../there"), 0);
	assert_int_equal(make_link(f, "../there"), -EEXIST);
	pass(f, 9999);
	assert_true(exists(f, "o/x", "link"));
	toy_put(&f->toy, "o/x/own.json", "own\n");
	toy_put(&f->toy, "o/x/link", "../there");
	pass(f, 1);
	assert_true(exists(f, "o/x", "link"));
	assert_int_equal(make_link(f, "../there"), 0);
	assert_int_equal(make_link(f, "../elsewhere"), -EEXIST);
	assert_log(f, "");
	cleanup_buf struct nv_buf errors = NV_BUF_INIT;
	nv_errors_ring_format(f->errors, &errors);
	assert_null(strstr(errors.data ? errors.data : "", "link"));
}

/* cp -a does not look for what it is to make in a directory of its own, so there must be nothing. */
static void test_a_link_that_came_meanwhile_is_made_too(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(echo(f, "o/x", "own.json", "own\n"), 0);
	toy_put(&f->toy, "o/x/link", "../there");
	assert_false(exists(f, "o/x", "link"));
	assert_list(f, "o/x", "own.json ");
	assert_int_equal(make_link(f, "../there"), 0);
	assert_true(exists(f, "o/x", "link"));
	assert_int_equal(make_link(f, "../elsewhere"), -EEXIST);
	assert_list(f, "o/x", "link own.json ");
}

/* tar makes links that lead upwards last, and before that an empty file in the place of each. */
static void test_a_placeholder_gives_way_to_its_link(void **state)
{
	struct fixture *f = *state;
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found found = { 0 };
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(nv_save_create(f->save, &f->call, dir("o/x"), "link", 0,
	                                O_WRONLY | O_CREAT | O_EXCL, &opened, &found, &f->err),
	                 0);
	nv_handle_release(opened.handle, &f->call);
	toy_put(&f->toy, "o/x/own.json", "own\n");
	toy_put(&f->toy, "o/x/link", "../there");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x"), "link", &f->err), 0);
	assert_false(exists(f, "o/x", "link"));
	assert_int_equal(make_link(f, "../there"), 0);
	assert_true(exists(f, "o/x", "link"));
	assert_log(f, "");
}

static void test_a_link_that_no_document_says_is_reported(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "o/x/own.json", "own\n");
	assert_int_equal(make_link(f, "../there"), 0);
	pass(f, 10000);
	assert_false(exists(f, "o/x", "link"));
	assert_errors(f, "was not stored");
}

static void test_in_a_restore_mount_nobody_is_told(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(make_dir(f, "o", "x"), 0);
	assert_int_equal(make_link(f, "../there"), 0);
	pass(f, 10000);
	cleanup_buf struct nv_buf errors = NV_BUF_INIT;
	nv_errors_ring_format(f->errors, &errors);
	assert_null(strstr(errors.data ? errors.data : "", "link"));
}

static unsigned flags_in(unsigned flags, enum nv_mount_mode mode)
{
	const struct nv_row table = { .pattern = "", .type = NV_FILE, .flags = flags };
	struct nv_row *rows = NULL;
	size_t count = 0;
	assert_int_equal(nv_rows_new(&table, 1, mode, &rows, &count), 0);
	unsigned result = count == 1 ? rows[0].flags : UINT_MAX;
	free(rows);
	return result;
}

static void test_rows_differ_by_mode(void **state)
{
	(void)state;
	const unsigned computed = NV_ROW_READONLY | NV_ROW_DERIVED;
	assert_int_equal(flags_in(NV_ROW_FULL, NV_MOUNT_NORMAL), UINT_MAX);
	assert_true(flags_in(NV_ROW_FULL, NV_MOUNT_FULL) & NV_ROW_PRIVATE);
	assert_false(flags_in(0, NV_MOUNT_NORMAL) & NV_ROW_PRIVATE);
	assert_true(flags_in(NV_ROW_RESTORED | computed, NV_MOUNT_FULL) & NV_ROW_READONLY);
	assert_false(flags_in(NV_ROW_RESTORED | computed, NV_MOUNT_RESTORE) & computed);
	assert_true(flags_in(computed, NV_MOUNT_RESTORE) & NV_ROW_READONLY);
	assert_true(flags_in(NV_ROW_UNSAVED, NV_MOUNT_NORMAL) & NV_ROW_UNSAVED);
	assert_false(flags_in(NV_ROW_UNSAVED, NV_MOUNT_FULL) & NV_ROW_UNSAVED);
	assert_false(flags_in(NV_ROW_LINKED, NV_MOUNT_NORMAL) & computed);
	assert_int_equal(flags_in(NV_ROW_LINKED, NV_MOUNT_FULL) & computed, computed);
	assert_false(flags_in(NV_ROW_NAMED, NV_MOUNT_NORMAL) & NV_ROW_NAMED);
	assert_true(flags_in(NV_ROW_NAMED, NV_MOUNT_FULL) & NV_ROW_NAMED);
	assert_false(flags_in(NV_ROW_NAMED | NV_ROW_RESTORED, NV_MOUNT_FULL) & NV_ROW_NAMED);
	assert_true(flags_in(NV_ROW_NAMED | NV_ROW_RESTORED, NV_MOUNT_RESTORE) & NV_ROW_NAMED);
}

#define full_test(test) cmocka_unit_test_setup_teardown(test, setup_full, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		full_test(test_files_may_come_before_their_object),
		full_test(test_it_looks_empty_to_its_maker),
		full_test(test_a_temporary_name_is_renamed_over),
		full_test(test_an_empty_name_is_removed),
		full_test(test_texts_are_kept_within_the_bound),
		full_test(test_a_link_waits_for_its_document),
		full_test(test_a_link_that_came_meanwhile_is_made_too),
		full_test(test_a_placeholder_gives_way_to_its_link),
		full_test(test_a_link_that_no_document_says_is_reported),
		cmocka_unit_test_setup_teardown(test_in_a_restore_mount_nobody_is_told,
		                                setup_restore, teardown),
		cmocka_unit_test(test_rows_differ_by_mode),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("made", tests, NULL, NULL);
}
