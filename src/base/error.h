/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Errors as values: nv_err is one error, nv_faults is the list of reasons of one refusal.
 *
 * Owns nothing of its own; knows no errno policy (src/fs/reply.c has that).
 */
#ifndef NV_BASE_ERROR_H
#define NV_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

/* One error. Caller-owned, never allocates; may be NULL wherever it is asked for. */
struct nv_err {
	int errnum;    /* positive errno; 0 = none */
	char msg[240]; /* what was wrong, where, what would be right; no trailing newline or dot */
};

#define NV_ERR_INIT { 0, "" }

/* Sets *err and returns -errnum. Overwrites what stood there. errnum 0 or less becomes EIO. */
int nv_fail(struct nv_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message of *err and returns -err->errnum (-EIO when err is NULL). */
int nv_wrap(struct nv_err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the error in *err. */
void nv_err_clear(struct nv_err *err);

/* One reason of a refusal. */
struct nv_fault {
	size_t line;   /* 1-based; 0 = no place */
	size_t column; /* 1-based, in bytes; 0 = no place */
	char *reason;  /* what was wrong and what would be right; owned by the list */
};

/* All reasons of one refusal, in the order found; bounded, the rest is counted. */
struct nv_faults {
	struct nv_fault *items; /* owned */
	size_t count;           /* of items, at most NV_FAULTS_MAX */
	size_t dropped;         /* reasons past the bound (or past memory) */
};

#define NV_FAULTS_MAX 20
#define NV_FAULTS_INIT { NULL, 0, 0 }

/* Adds a reason; line and column 0 where there is no place. faults may be NULL. Returns -EINVAL. */
int nv_faults_add(struct nv_faults *faults, size_t line, size_t column, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Adds copies of the reasons of another list. faults may be NULL. */
void nv_faults_add_all(struct nv_faults *faults, const struct nv_faults *from);

/* True when at least one reason was added. */
int nv_faults_any(const struct nv_faults *faults);

/* Frees the reasons; *faults is then empty and usable again. */
void nv_faults_release(struct nv_faults *faults);

#endif
