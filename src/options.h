/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the user asked for: command line, environment and configuration file, by one table.
 *
 * Later wins: defaults < config file < environment < command line.
 */
#ifndef NV_OPTIONS_H
#define NV_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "node/node.h"
#include "redis/uri.h"

/* Settings of one mount. All strings owned; release with nv_options_release. */
struct nv_options {
	bool help;           /* --help: nothing else counts */
	bool version;        /* --version: nothing else counts */
	bool create_indexes; /* --create-indexes: of docs, and no mount */
	bool foreground;     /* -f, -d */
	bool debug;          /* -d: libfuse's trace */
	char *mount_point;   /* as given; NULL with create_indexes */

	/* "sqlite:" and an absolute path, or a MongoDB URI with its secrets; NULL = no document
	 * store */
	char *docs;
	bool has_redis;
	struct nv_redis_uri redis; /* holds secrets; empty unless has_redis */

	long processed_db;
	char *layout; /* NULL: not given, then what looks like another layout is refused */
	char *config; /* path of the configuration file; NULL = none */
	char *schema; /* path of the schema; NULL = the built-in one */
	char *plugin;
	char *actor; /* NULL: not given */
	bool ro;
	enum nv_mount_mode mode;
	long timeout_ms;
	size_t scratch_bytes;
	long changelog_entries;
	enum nv_log_level log_level;
	mode_t umask;
	bool has_uid;
	bool has_gid;
	uid_t uid;
	gid_t gid;

	char **fuse_args; /* libfuse's own words, "allow_other", "max_read=4096" */
	size_t fuse_args_count;
};

/* A variable of the environment, or NULL: getenv, or a test's. */
typedef const char *nv_options_env_fn(const char *name);

/* Reads argv, the environment and the configuration file. Errors: -EINVAL (one line that never
 * holds a value which may be a secret),
 * -EACCES (a configuration file that others may read), -ENOENT, -ENOMEM. Owns:
 * nv_options_release. */
int nv_options_parse(int argc, char *const *argv, nv_options_env_fn *get_env,
                     struct nv_options *ret_options, struct nv_err *err);

/* Frees what *options holds (secrets are wiped). */
void nv_options_release(struct nv_options *options);

#define cleanup_options __attribute__((cleanup(nv_options_release)))

/* Appends the text of --help, made from the table. */
void nv_options_help(struct nv_buf *out);

/* Appends "key=value,…" of all that differs from the defaults, without secrets: for
 * .netviewfs/status. */
void nv_options_describe(const struct nv_options *options, struct nv_buf *out);

#endif
