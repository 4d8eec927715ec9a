/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of DESIGN 4, each on the engine itself: no kernel, no store, the clock in hand.
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
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "save/save.h"
#include "save_fixture.h"
#include "save_steps.h"

/* A process that lives until the end of the test: another opener than the test itself. */
static pid_t other_process(int *ret_end)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		(void)close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	(void)close(ends[0]);
	*ret_end = ends[1];
	return pid;
}

static void end_process(pid_t pid, int end)
{
	(void)close(end);
	(void)waitpid(pid, NULL, 0);
}

static void test_echo_is_one_update(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "old\n");
	assert_int_equal(echo(f, "d", "a.txt", "new\n"), 0);
	assert_log(f, "update d/a.txt\n");
	assert_cat(f, "d", "a.txt", "new\n");
	assert_int_equal(echo(f, "d", "a.txt", "new\n"), 0);
	assert_log(f, "update d/a.txt\n");
}

static void test_bad_text_is_refused_by_write(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "old\n");
	assert_int_equal(echo(f, "d", "a.txt", "good\nbad\n"), -EINVAL);
	assert_int_equal(f->faults.items[0].line, 2);
	assert_log(f, "");
	assert_cat(f, "d", "a.txt", "old\n");
}

static void test_incomplete_text_is_refused_by_close(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "old\n");
	assert_int_equal(echo(f, "d", "a.txt", "half"), -EINVAL);
	assert_log(f, "");
}

static void test_never_written_keeps_the_datum(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "old\n");
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_TRUNC);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), -EINVAL);
	nv_handle_release(h, &f->call);
	assert_log(f, "");
	assert_errors(f, "nothing was written");
	assert_cat(f, "d", "a.txt", "old\n");
}

static void test_ftruncate_counts_as_writing(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "old\n");
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY);
	assert_int_equal(nv_handle_truncate(h, &f->call, 0, &f->err), 0);
	assert_int_equal(put(h, f, "new\n", 0), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_log(f, "update d/a.txt\n");
	assert_int_equal(nv_save_truncate(f->save, &f->call, dir("d"), "a.txt", 0, &f->err), 0);
	assert_string_equal(toy_get(&f->toy, "d/a.txt"), "");
}

static void test_only_the_openers_close_commits(void **state)
{
	struct fixture *f = *state;
	int end;
	pid_t child = other_process(&end);
	toy_put(&f->toy, "d/a.txt", "old\n");
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_TRUNC);
	f->call.pid = child;
	assert_int_equal(put(h, f, "one\n", 0), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	assert_log(f, "");
	assert_int_equal(put(h, f, "two\n", 4), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	assert_log(f, "");
	f->call.pid = getpid();
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	assert_log(f, "update d/a.txt\n");
	assert_string_equal(toy_get(&f->toy, "d/a.txt"), "one\ntwo\n");
	nv_handle_release(h, &f->call);
	assert_log(f, "update d/a.txt\n");
	end_process(child, end);
}

static void test_release_commits_what_no_flush_did(void **state)
{
	struct fixture *f = *state;
	int end;
	pid_t child = other_process(&end);
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_CREAT | O_TRUNC);
	f->call.pid = child;
	assert_int_equal(put(h, f, "one\n", 0), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_log(f, "create d/a.txt\n");
	end_process(child, end);
}

static void test_append_ignores_the_kernels_offset(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "one\n");
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_APPEND);
	toy_put(&f->toy, "d/a.txt", "one\ntwo\n");
	assert_int_equal(put(h, f, "three\n", 4), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_string_equal(toy_get(&f->toy, "d/a.txt"), "one\ntwo\nthree\n");
}

static void test_fsync_refuses_incomplete_without_poison(void **state)
{
	struct fixture *f = *state;
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(put(h, f, "ha", 0), 0);
	assert_int_equal(nv_handle_fsync(h, &f->call, &f->err), -EINVAL);
	assert_int_equal(put(h, f, "lf\n", 2), 0);
	assert_int_equal(nv_handle_fsync(h, &f->call, &f->err), 0);
	assert_log(f, "create d/a.txt\n");
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_log(f, "create d/a.txt\n");
}

static void test_refused_write_poisons(void **state)
{
	struct fixture *f = *state;
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(put(h, f, "bad\n", 0), -EINVAL);
	assert_int_equal(put(h, f, "good\n", 4), -EINVAL);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), -EINVAL);
	nv_handle_release(h, &f->call);
	assert_log(f, "");
	assert_false(exists(f, "d", "a.txt"));
}

static void test_base_is_what_the_process_read(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_cat(f, "d", "a.txt", "v1\n");
	toy_put(&f->toy, "d/a.txt", "v2\n");
	assert_int_equal(echo(f, "d", "a.txt", "mine\n"), -ESTALE);
	assert_string_equal(toy_get(&f->toy, "d/a.txt"), "v2\n");
	assert_cat(f, "d", "a.txt", "v2\n");
	assert_int_equal(echo(f, "d", "a.txt", "mine\n"), 0);
}

static void test_own_users_changes_count_as_read(void **state)
{
	struct fixture *f = *state;
	int end;
	pid_t editor = other_process(&end);
	toy_put(&f->toy, "d/a.txt", "v1\n");
	f->call.pid = editor;
	assert_cat(f, "d", "a.txt", "v1\n");
	f->call.pid = getpid();
	assert_int_equal(echo(f, "d", "a.txt", "v2\n"), 0);
	f->call.pid = editor;
	assert_int_equal(echo(f, "d", "a.txt", "v3\n"), 0);
	f->call.pid = getpid();
	f->call.uid = 8; /* another user's change does not count */
	assert_int_equal(echo(f, "d", "a.txt", "v4\n"), 0);
	f->call.pid = editor;
	f->call.uid = 7;
	assert_int_equal(echo(f, "d", "a.txt", "v5\n"), -ESTALE);
	end_process(editor, end);
}

static void test_unlink_is_late(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_false(exists(f, "d", "a.txt"));
	assert_log(f, "");
	pass(f, 0);
	assert_log(f, "");
	pass(f, 500);
	assert_log(f, "delete d/a.txt\n");
	assert_false(exists(f, "d", "a.txt"));
}

static void test_unlink_and_create_is_one_update(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_int_equal(echo(f, "d", "a.txt", "v2\n"), 0);
	pass(f, 3000);
	assert_log(f, "update d/a.txt\n");
}

static void test_unlink_and_refused_create_brings_it_back(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_int_equal(echo(f, "d", "a.txt", "half"), -EINVAL);
	pass(f, 3000);
	assert_log(f, "");
	assert_cat(f, "d", "a.txt", "v1\n");
}

static void test_late_delete_failure_puts_it_back(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	f->toy.fail = EIO;
	pass(f, 500);
	assert_log(f, "");
	assert_errors(f, "told to fail");
	assert_cat(f, "d", "a.txt", "v1\n");
}

static void test_create_after_delete_revives(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	pass(f, 500);
	assert_int_equal(echo(f, "d", "a.txt", "v2\n"), 0);
	assert_log(f, "delete d/a.txt\nrevive d/a.txt\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	pass(f, 500);
	pass(f, 2000);
	assert_int_equal(echo(f, "d", "a.txt", "v3\n"), 0);
	assert_log(f, "delete d/a.txt\nrevive d/a.txt\ndelete d/a.txt\ncreate d/a.txt\n");
}

static void test_unlink_after_refusal_deletes_nothing(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(echo(f, "d", "a.txt", "half"), -EINVAL);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	pass(f, 3000);
	assert_log(f, "");
	assert_cat(f, "d", "a.txt", "v1\n");
}

static void test_editor_moves_aside(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("d"), "a.txt~", 0,
	                                &f->err),
	                 0);
	assert_false(exists(f, "d", "a.txt"));
	assert_cat(f, "d", "a.txt~", "v1\n");
	assert_int_equal(echo(f, "d", "a.txt", "v2\n"), 0);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt~", &f->err), 0);
	pass(f, 3000);
	assert_log(f, "update d/a.txt\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("d"), "a.txt~", 0,
	                                &f->err),
	                 0);
	pass(f, 2000);
	assert_cat(f, "d", "a.txt", "v2\n");
	assert_log(f, "update d/a.txt\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "a.txt", dir("p"), "a.txt~", 0,
	                                &f->err),
	                 -EPERM);
}

static void test_temporary_file_renamed_over(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(echo(f, "d", "sedAbC123", "v2\n"), 0);
	assert_log(f, "");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "sedAbC123", dir("d"), "a.txt",
	                                0, &f->err),
	                 0);
	assert_log(f, "update d/a.txt\n");
	assert_false(exists(f, "d", "sedAbC123"));
	assert_int_equal(echo(f, "d", "sedAbC123", "bad\n"), 0);
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("d"), "sedAbC123", dir("d"), "a.txt",
	                                0, &f->err),
	                 -EINVAL);
	assert_true(exists(f, "d", "sedAbC123"));
	assert_cat(f, "d", "a.txt", "v2\n");
}

static void test_new_any_name_waits(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "p/note", "v1\n");
	assert_int_equal(echo(f, "p", "noteQx7aZ0", "v2\n"), 0);
	assert_log(f, "");
	assert_cat(f, "p", "noteQx7aZ0", "v2\n");
	assert_int_equal(nv_save_rename(f->save, &f->call, dir("p"), "noteQx7aZ0", dir("p"), "note",
	                                0, &f->err),
	                 0);
	pass(f, 3000);
	assert_log(f, "update p/note\n");
	assert_int_equal(echo(f, "p", "other", "v3\n"), 0);
	pass(f, 500);
	assert_log(f, "update p/note\ncreate p/other\n");
	assert_int_equal(echo(f, "p", "third", "half"), -EINVAL);
	assert_false(exists(f, "p", "third"));
}

static void test_new_any_name_without_text_waits(void **state)
{
	struct fixture *f = *state;
	struct nv_handle *h = open_at(f, "p", "empty", O_WRONLY | O_CREAT | O_EXCL);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_true(exists(f, "p", "empty"));
	assert_int_equal(echo(f, "p", "empty", "text\n"), 0);
	pass(f, 500);
	assert_log(f, "create p/empty\n");
	h = open_at(f, "p", "never", O_WRONLY | O_CREAT | O_EXCL);
	(void)nv_handle_flush(h, &f->call, &f->err);
	nv_handle_release(h, &f->call);
	pass(f, 2000);
	assert_false(exists(f, "p", "never"));
	assert_errors(f, "never written");
}

static void test_own_json_only_hides(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "o/x/own.json", "{}\n");
	toy_put(&f->toy, "o/x/sub/1.txt", "one\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x"), "own.json", &f->err), 0);
	assert_false(exists(f, "o/x", "own.json"));
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o"), "x", &f->err), -ENOTEMPTY);
	pass(f, 2000);
	assert_true(exists(f, "o/x", "own.json"));
	assert_log(f, "");
}

static void test_own_json_unlinked_twice_only_hides(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "o/x/own.json", "{}\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x"), "own.json", &f->err), 0);
	struct nv_handle *h = open_at(f, "o/x", "own.json", O_WRONLY | O_CREAT | O_EXCL);
	assert_non_null(h);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x"), "own.json", &f->err), 0);
	nv_handle_release(h, &f->call);
	pass(f, 3000);
	assert_log(f, "");
	assert_true(exists(f, "o/x", "own.json"));
}

static void test_reopened_new_name_is_still_committed(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(echo(f, "p", "fresh", "text\n"), 0);
	struct nv_handle *h = open_at(f, "p", "fresh", O_WRONLY);
	assert_non_null(h);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	pass(f, 500);
	assert_log(f, "create p/fresh\n");
}

static void test_rm_r_deletes_the_object(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "o/x/own.json", "{}\n");
	toy_put(&f->toy, "o/x/sub/1.txt", "one\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x"), "own.json", &f->err), 0);
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("o/x/sub"), "1.txt", &f->err), 0);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o/x"), "sub", &f->err), 0);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("o"), "x", &f->err), 0);
	assert_log(f, "delete o/x/sub/1.txt\nrmdir o/x\n");
}

static void test_new_directory_looks_empty_to_its_maker(void **state)
{
	struct fixture *f = *state;
	int end;
	pid_t maker = other_process(&end);
	f->call.pid = maker;
	assert_int_equal(nv_save_mkdir(f->save, &f->call, dir("o"), "x", 0755, &f->err), 0);
	assert_false(exists(f, "o/x", "own.json"));
	assert_false(exists(f, "o/x", "sub"));
	assert_int_equal(nv_save_mkdir(f->save, &f->call, dir("o/x"), "sub", 0755, &f->err), 0);
	assert_true(exists(f, "o/x", "sub"));
	f->call.pid = getpid();
	assert_true(exists(f, "o/x", "own.json"));
	f->call.pid = maker;
	struct nv_opened opened = { 0 };
	struct nv_found found = { 0 };
	assert_int_equal(nv_save_create(f->save, &f->call, dir("o/x"), "own.json", 0644,
	                                O_WRONLY | O_CREAT | O_EXCL, &opened, &found, &f->err),
	                 0);
	nv_found_release(&found);
	assert_int_equal(put(opened.handle, f, "{1}\n", 0), 0);
	assert_int_equal(nv_handle_flush(opened.handle, &f->call, &f->err), 0);
	nv_handle_release(opened.handle, &f->call);
	assert_log(f, "mkdir o/x\nupdate o/x/own.json\n");
	assert_true(exists(f, "o/x", "own.json"));
	end_process(maker, end);
}

static void test_scratch_space_is_bounded(void **state)
{
	struct fixture *f = *state;
	static char block[40000];
	memset(block, 'x', sizeof(block));
	struct nv_handle *a = open_at(f, "d", "a.txt~", O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(nv_handle_write(a, &f->call, block, sizeof(block), 0, &f->err), 0);
	struct nv_handle *b = open_at(f, "d", ".b.swp", O_WRONLY | O_CREAT | O_TRUNC);
	assert_int_equal(nv_handle_write(b, &f->call, block, sizeof(block), 0, &f->err), -ENOSPC);
	nv_handle_release(a, &f->call);
	assert_int_equal(nv_handle_write(b, &f->call, block, sizeof(block), 0, &f->err), 0);
	assert_false(exists(f, "d", "a.txt~")); /* a closed backup goes first */
	nv_handle_release(b, &f->call);
}

static void test_unknown_scratch_name_is_reported(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(echo(f, "d", "a.tx", "text\n"), 0);
	pass(f, 10000);
	assert_errors(f, "a.tx is not a name this directory can store");
	assert_true(exists(f, "d", "a.tx"));
}

static void test_scratch_links_and_directories(void **state)
{
	struct fixture *f = *state;
	cleanup_free char *target = NULL;
	cleanup_found struct nv_found found = { 0 };
	toy_put(&f->toy, "d/a.txt", "v1\n");
	assert_int_equal(
		nv_save_link(f->save, &f->call, dir("d"), "a.txt", dir("d"), "a.txt.bak", &f->err),
		0);
	assert_cat(f, "d", "a.txt.bak", "v1\n");
	assert_int_equal(
		nv_save_symlink(f->save, &f->call, dir("d"), ".#a.txt", "me@host.1", &f->err), 0);
	assert_int_equal(nv_save_lookup(f->save, &f->call, dir("d"), ".#a.txt", &found, &f->err),
	                 0);
	assert_int_equal(nv_save_readlink(f->save, &f->call, dir("d"), ".#a.txt", found.scratch,
	                                  &target, &f->err),
	                 0);
	assert_string_equal(target, "me@host.1");
	assert_int_equal(nv_save_mkdir(f->save, &f->call, dir("d"), ".~tmp~", 0700, &f->err), 0);
	assert_int_equal(nv_save_mkdir(f->save, &f->call, dir("d"), "plain", 0700, &f->err),
	                 -EINVAL);
	nv_found_release(&found);
	assert_int_equal(nv_save_lookup(f->save, &f->call, dir("d"), ".~tmp~", &found, &f->err), 0);
	struct nv_place inside = { .scratch = found.scratch };
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found made = { 0 };
	assert_int_equal(nv_save_create(f->save, &f->call, inside, "a.txt", 0600,
	                                O_WRONLY | O_CREAT, &opened, &made, &f->err),
	                 0);
	assert_int_equal(put(opened.handle, f, "v2\n", 0), 0);
	nv_handle_release(opened.handle, &f->call);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("d"), ".~tmp~", &f->err), -ENOTEMPTY);
	assert_int_equal(
		nv_save_rename(f->save, &f->call, inside, "a.txt", dir("d"), "a.txt", 0, &f->err),
		0);
	assert_int_equal(nv_save_rmdir(f->save, &f->call, dir("d"), ".~tmp~", &f->err), 0);
	assert_log(f, "update d/a.txt\n");
}

static void test_read_only_takes_what_it_has(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "o/x/fixed", "same\n");
	assert_null(open_at(f, "o/x", "fixed", O_WRONLY));
	assert_int_equal(f->err.errnum, EACCES);
	assert_int_equal(echo(f, "o/x", "fixed", "same\n"), 0);
	assert_int_equal(echo(f, "o/x", "fixed", "else\n"), -EACCES);
	assert_log(f, "");
}

static void test_killed_writer_commits_nothing(void **state)
{
	struct fixture *f = *state;
	int end;
	pid_t writer = other_process(&end);
	toy_put(&f->toy, "d/a.txt", "old\n");
	f->call.pid = writer;
	struct nv_handle *h = open_at(f, "d", "a.txt", O_WRONLY | O_TRUNC);
	assert_int_equal(put(h, f, "half\n", 0), 0);
	assert_int_equal(kill(writer, SIGKILL), 0);
	siginfo_t info;
	/* a zombie: its last field says how it died */
	assert_int_equal(waitid(P_PID, (id_t)writer, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), -EINTR);
	nv_handle_release(h, &f->call);
	assert_log(f, "");
	assert_errors(f, "signal 9");
	end_process(writer, end);
}

static void test_listing_shows_what_the_engine_knows(void **state)
{
	struct fixture *f = *state;
	cleanup_listing struct nv_listing *listing = NULL;
	toy_put(&f->toy, "d/a.txt", "a\n");
	toy_put(&f->toy, "d/b.txt", "b\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_int_equal(echo(f, "d", ".x.swp", "x"), 0);
	assert_int_equal(nv_save_list(f->save, &f->call, dir("d"), &listing, &f->err), 0);
	assert_int_equal(listing->count, 2);
	assert_string_equal(listing->entries[0].name, ".x.swp");
	assert_string_equal(listing->entries[1].name, "b.txt");
}

static void test_sync_dir_and_rename_commit_parked(void **state)
{
	struct fixture *f = *state;
	toy_put(&f->toy, "d/a.txt", "a\n");
	toy_put(&f->toy, "d/b.txt", "b\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_int_equal(nv_save_sync_dir(f->save, &f->call, dir("d"), &f->err), 0);
	assert_log(f, "delete d/a.txt\n");
	toy_put(&f->toy, "d/a.txt", "a\n");
	assert_int_equal(nv_save_unlink(f->save, &f->call, dir("d"), "a.txt", &f->err), 0);
	assert_int_equal(
		nv_save_rename(f->save, &f->call, dir("d"), "b.txt", dir("d"), "a.txt", 0, &f->err),
		0);
	assert_log(f, "delete d/a.txt\ndelete d/a.txt\nrename d/b.txt d/a.txt\n");
}

static void test_large_text_spills(void **state)
{
	struct fixture *f = *state;
	enum { LINES = 40000 };
	struct nv_handle *h = open_at(f, "d", "big.txt", O_WRONLY | O_CREAT | O_TRUNC);
	char line[65];
	memset(line, 'y', sizeof(line));
	line[63] = '\n';
	line[64] = '\0';
	for (int i = 0; i < LINES; i++) {
		assert_int_equal(put(h, f, line, (uint64_t)i * 64), 0);
	}
	assert_int_equal(nv_handle_flush(h, &f->call, &f->err), 0);
	nv_handle_release(h, &f->call);
	assert_int_equal(strlen(toy_get(&f->toy, "d/big.txt")), LINES * 64);
}

#define engine_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(test_echo_is_one_update),
		engine_test(test_bad_text_is_refused_by_write),
		engine_test(test_incomplete_text_is_refused_by_close),
		engine_test(test_never_written_keeps_the_datum),
		engine_test(test_ftruncate_counts_as_writing),
		engine_test(test_only_the_openers_close_commits),
		engine_test(test_release_commits_what_no_flush_did),
		engine_test(test_append_ignores_the_kernels_offset),
		engine_test(test_fsync_refuses_incomplete_without_poison),
		engine_test(test_refused_write_poisons),
		engine_test(test_base_is_what_the_process_read),
		engine_test(test_own_users_changes_count_as_read),
		engine_test(test_unlink_is_late),
		engine_test(test_unlink_and_create_is_one_update),
		engine_test(test_unlink_and_refused_create_brings_it_back),
		engine_test(test_late_delete_failure_puts_it_back),
		engine_test(test_create_after_delete_revives),
		engine_test(test_unlink_after_refusal_deletes_nothing),
		engine_test(test_editor_moves_aside),
		engine_test(test_temporary_file_renamed_over),
		engine_test(test_new_any_name_waits),
		engine_test(test_new_any_name_without_text_waits),
		engine_test(test_own_json_only_hides),
		engine_test(test_own_json_unlinked_twice_only_hides),
		engine_test(test_reopened_new_name_is_still_committed),
		engine_test(test_rm_r_deletes_the_object),
		engine_test(test_new_directory_looks_empty_to_its_maker),
		engine_test(test_scratch_space_is_bounded),
		engine_test(test_unknown_scratch_name_is_reported),
		engine_test(test_scratch_links_and_directories),
		engine_test(test_read_only_takes_what_it_has),
		engine_test(test_killed_writer_commits_nothing),
		engine_test(test_listing_shows_what_the_engine_knows),
		engine_test(test_sync_dir_and_rename_commit_parked),
		engine_test(test_large_text_spills),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("save", tests, NULL, NULL);
}
