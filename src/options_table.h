/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of options: between options.c, which has it, and options_parse.c, which reads it. For
 * nobody else.
 */
#ifndef NV_OPTIONS_TABLE_H
#define NV_OPTIONS_TABLE_H

#include "options.h"

struct nv_option;

/* Takes a value over. value is "" for a flag. Errors: -EINVAL, -ENOMEM; the message does not name
 * the option, the caller does. */
typedef int nv_option_set_fn(struct nv_options *options, const struct nv_option *option,
                             const char *value, struct nv_err *err);

struct nv_option {
	const char *key;
	const char *value;         /* what --help calls the value; NULL: a flag */
	const char *default_value; /* taken over first; NULL: none */
	/* NULL: not in --help (what libfuse and mount(8) add, what a later version has) */
	const char *help;
	nv_option_set_fn *set;
	size_t offset; /* of the field in struct nv_options */
	long min;      /* of a number */
	long max;
	/* may hold a password: refused on the command line when it does, never shown */
	bool secret;
};

extern const struct nv_option nv_option_table[];
extern const size_t nv_option_table_count;

/* Bytes of a key, with its NUL, at most. */
#define NV_OPTION_KEY_MAX 32

/* The key that key is a slip of the hand of, or NULL. */
const char *nv_option_nearest(const char *key);

/* Adds a word for libfuse, with the escapes that its own parser takes away; value NULL: a flag. */
int nv_options_add_fuse_arg(struct nv_options *options, const char *key, const char *value,
                            struct nv_err *err);

/* True when a word of that key is among them. */
bool nv_options_has_fuse_arg(const struct nv_options *options, const char *key);

/* Adds it unless there is one. */
int nv_options_default_fuse_arg(struct nv_options *options, const char *key, const char *value,
                                struct nv_err *err);

#endif
