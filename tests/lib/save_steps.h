/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What processes do to a mount, on the save engine itself; over save_fixture.h.
 */
#ifndef NV_TESTS_SAVE_STEPS_H
#define NV_TESTS_SAVE_STEPS_H

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "save_fixture.h"

static inline struct nv_handle *open_at(struct fixture *f, const char *at, const char *name,
                                        int flags)
{
	struct nv_opened opened = { 0 };
	cleanup_found struct nv_found found = { 0 };
	int r = nv_save_lookup(f->save, &f->call, dir(at), name, &found, &f->err);
	if (r == 0) {
		r = nv_save_open(f->save, &f->call, dir(at), name, found.scratch, flags & ~O_CREAT,
		                 &opened, &f->err);
	} else if (flags & O_CREAT) {
		nv_found_release(&found);
		r = nv_save_create(f->save, &f->call, dir(at), name, 0644, flags, &opened, &found,
		                   &f->err);
	}
	return r == 0 ? opened.handle : NULL;
}

static inline int put(struct nv_handle *h, struct fixture *f, const char *text, uint64_t offset)
{
	return nv_handle_write(h, &f->call, text, strlen(text), offset, &f->err);
}

/* echo text > at/name: what a shell does, close included. */
static inline int echo(struct fixture *f, const char *at, const char *name, const char *text)
{
	struct nv_handle *h = open_at(f, at, name, O_WRONLY | O_CREAT | O_TRUNC);
	if (!h) {
		return -f->err.errnum;
	}
	(void)nv_handle_flush(h, &f->call, &f->err); /* bash's dup and close */
	nv_err_clear(&f->err);
	int r = put(h, f, text, 0);
	int flushed = nv_handle_flush(h, &f->call, r < 0 ? NULL : &f->err);
	nv_handle_release(h, &f->call);
	return r < 0 ? r : flushed;
}

/* cat: what the process reads. */
static inline char *cat(struct fixture *f, const char *at, const char *name)
{
	struct nv_handle *h = open_at(f, at, name, O_RDONLY);
	if (!h) {
		return NULL;
	}
	char *text = calloc(1, 4096);
	assert_true(nv_handle_read(h, &f->call, text, 4095, 0, &f->err) >= 0);
	nv_handle_release(h, &f->call);
	return text;
}

#define assert_cat(f, at, name, expected)                                                          \
	do {                                                                                       \
		cleanup_free char *text = cat(f, at, name);                                        \
		assert_non_null(text);                                                             \
		assert_string_equal(text, expected);                                               \
	} while (0)

static inline void assert_log(struct fixture *f, const char *expected)
{
	assert_string_equal(f->toy.log.data ? f->toy.log.data : "", expected);
}

static inline bool exists(struct fixture *f, const char *at, const char *name)
{
	cleanup_found struct nv_found found = { 0 };
	return nv_save_lookup(f->save, &f->call, dir(at), name, &found, NULL) == 0;
}

/* Lets what is due happen: starts the timer thread late, so that each test says when. */
static inline void pass(struct fixture *f, int64_t ms)
{
	nv_clock_advance(f->clock, ms);
	nv_save_run_due(f->save);
}

static inline void assert_errors(struct fixture *f, const char *expected)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	nv_errors_ring_format(f->errors, &text);
	assert_non_null(text.data);
	if (!strstr(text.data, expected)) {
		fail_msg("\"%s\" is not in: %s", expected, text.data);
	}
}

#endif
