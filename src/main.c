/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lifetime of a mount: options → connect → mount → threads → loop → teardown.
 *
 * The map of src/; a file includes only its own folder and those below it here:
 *
 *   main.c options*.c daemon.c mountpoint.c capture.c   the process
 *   tree.c         THE table: what each path is and which code answers for it
 *   fs/            the kernel's side: requests in, exactly one reply out
 *   save/          what a save is: staged texts, bases, commits, parked names, scratch
 *   views/ ctl/    families: derived trees; .netviewfs/
 *   netdox/ netgoat/   families: Redis keys and documents as files
 *   node/          the one interface between fs/, save/ and the families
 *   docstore/ redis/   the stores
 *   codec/         texts to values and back, pure
 *   base/          errors, buffers, clock, log
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/conflicts.h"
#include "base/errors_ring.h"
#include "base/log.h"
#include "base/metrics.h"
#include "capture.h"
#include "ctl/ctl.h"
#include "daemon.h"
#include "docstore/docstore.h"
#include "fs/fs.h"
#include "mountpoint.h"
#include "netdox/netdox.h"
#include "netgoat/netgoat.h"
#include "options.h"
#include "redis/pool.h"
#include "tree.h"
#include "views/views.h"

enum {
	EXIT_USAGE = 2,
	ERRORS_MAX_LINES = 1000,
	CONFLICTS_MAX = 200,
	CONFLICTS_MAX_BYTES = 64 << 20,
	REPORT_SLACK_MS = 1000
};

static const char build_text[] = "netviewfs " PACKAGE_VERSION "\n"
				 "stores: " NV_BUILD_STORES "\n"
				 "libraries: " NV_BUILD_LIBRARIES "\n"
				 "compiler: " NV_BUILD_COMPILER "\n"
				 "instruments: " NV_BUILD_INSTRUMENTS "\n";

/* All that lives as long as the mount, in the order it is made; freed in reverse. */
struct mount {
	const struct nv_options *options; /* borrowed */
	char *mount_point;
	struct nv_clock *clock;
	struct nv_errors_ring *errors;
	struct nv_conflicts *conflicts;
	struct nv_metrics *metrics;
	struct nv_schema *schema;     /* with docs= */
	struct nv_docstore *docstore; /* with docs= */
	struct nv_netgoat *netgoat;   /* with docs= */
	struct nv_views views;        /* with docs= */
	struct nv_redis *redis;       /* with redis= */
	struct nv_netdox *netdox;     /* with redis= */
	struct nv_ctl *ctl;
	struct nv_row *rows; /* as this mount has them */
	size_t rows_count;
	struct nv_tree tree;
	struct nv_fs *fs;
};

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

static int make_base(struct mount *mount, struct nv_err *err)
{
	mount->metrics = calloc(1, sizeof(*mount->metrics));
	if (!mount->metrics || nv_clock_new(&mount->clock) != 0 ||
	    nv_errors_ring_new(mount->clock, ERRORS_MAX_LINES, &mount->errors) != 0 ||
	    nv_conflicts_new(mount->clock, CONFLICTS_MAX, CONFLICTS_MAX_BYTES, &mount->conflicts) !=
	            0) {
		return no_memory(err);
	}
	return 0;
}

static int make_rows(struct mount *mount, struct nv_err *err)
{
	if (nv_rows_new(nv_tree_rows, nv_tree_rows_count, mount->options->mode, &mount->rows,
	                &mount->rows_count) != 0) {
		return no_memory(err);
	}
	mount->tree.rows = mount->rows;
	mount->tree.rows_count = mount->rows_count;
	return 0;
}

/* With how many entries a changelog begins: a backup has them all. */
static size_t changelog_entries(const struct nv_options *options)
{
	return options->mode >= NV_MOUNT_FULL ? SIZE_MAX : (size_t)options->changelog_entries;
}

static int connect_docs(struct mount *mount, struct nv_err *err)
{
	const struct nv_options *options = mount->options;
	bool is_file = strncmp(options->docs, "sqlite:", strlen("sqlite:")) == 0;
	const char *path = options->docs + strlen("sqlite:");
	struct nv_docstore_config store_config = {
		.timeout_ms = (uint32_t)options->timeout_ms,
		.readonly = options->ro,
		.clock = mount->clock,
		.metrics = mount->metrics,
	};

	int result = nv_schema_new(options->schema, &mount->schema, err);
	if (result < 0) {
		return nv_wrap(err, "schema");
	}
	store_config.indexes = nv_schema_indexes(mount->schema, &store_config.indexes_count);
	bool is_new = is_file && access(path, F_OK) != 0 && errno == ENOENT;
	result = nv_docstore_open(options->docs, &store_config, &mount->docstore, err);
	if (result < 0) {
		return nv_wrap(err, "docs");
	}
	if (is_new) {
		nv_log(NV_LOG_INFO, "docs: %s was not there and has been made", path);
	}
	struct nv_netgoat_config config = {
		.store = mount->docstore,
		.schema = mount->schema,
		.clock = mount->clock,
		.rows = mount->rows,
		.rows_count = mount->rows_count,
		.plugin = options->plugin,
		.actor = options->actor,
		.changelog_entries = changelog_entries(options),
		.mode = options->mode,
	};
	result = nv_netgoat_new(&config, &mount->netgoat, err);
	if (result < 0) {
		return nv_wrap(err, "netgoat");
	}
	mount->views.netgoat = mount->netgoat;
	mount->tree.self[NV_FAMILY_NETGOAT] = mount->netgoat;
	mount->tree.self[NV_FAMILY_VIEWS] = &mount->views;
	return 0;
}

static int connect_redis(struct mount *mount, struct nv_err *err)
{
	const struct nv_options *options = mount->options;
	struct nv_redis_config redis_config = {
		.uri = &options->redis,
		.processed_db = (int)options->processed_db,
		.timeout_ms = (int)options->timeout_ms,
		.clock = mount->clock,
		.metrics = mount->metrics,
	};

	int result = nv_redis_new(&redis_config, &mount->redis, err);
	if (result == 0) {
		result = nv_redis_ping(mount->redis, err);
	}
	if (result < 0) {
		return nv_wrap(err, "redis");
	}
	struct nv_netdox_config config = {
		.redis = mount->redis,
		.clock = mount->clock,
		.rows = mount->rows,
		.rows_count = mount->rows_count,
		.plugin = options->plugin,
		.ro = options->ro,
		.changelog_entries = changelog_entries(options),
		.mode = options->mode,
	};
	result = nv_netdox_new(&config, &mount->netdox, err);
	if (result == 0 && !options->layout) {
		result = nv_netdox_probe(mount->netdox, err);
	}
	if (result < 0) {
		return nv_wrap(err, "netdox");
	}
	mount->tree.self[NV_FAMILY_NETDOX] = mount->netdox;
	return 0;
}

static void describe_indexes(void *self, struct nv_buf *out)
{
	nv_docstore_describe_indexes(self, out);
}

static void describe_netgoat(void *self, struct nv_buf *out)
{
	nv_netgoat_describe(self, out);
}

/* Memory that is missing here shows in out itself. */
static void describe_redis(void *self, struct nv_buf *out)
{
	(void)nv_redis_describe(self, out);
}

static void describe_netdox(void *self, struct nv_buf *out)
{
	(void)nv_netdox_describe(self, out);
}

static int make_ctl(struct mount *mount, struct nv_err *err)
{
	cleanup_buf struct nv_buf options = NV_BUF_INIT;
	const char *test = getenv("NETVIEWFS_TEST");

	nv_options_describe(mount->options, &options);
	struct nv_ctl_config config = {
		.clock = mount->clock,
		.errors = mount->errors,
		.conflicts = mount->conflicts,
		.metrics = mount->metrics,
		.rows = mount->rows,
		.rows_count = mount->rows_count,
		.build = build_text,
		.options = options.data,
		.has_netgoat = mount->netgoat,
		.has_netdox = mount->netdox,
		.test_control = test && strcmp(test, "1") == 0,
	};
	if (nv_buf_error(&options) != 0 || nv_ctl_new(&config, &mount->ctl) != 0) {
		return no_memory(err);
	}
	int result = 0;
	if (mount->netgoat) {
		size_t size = 0;
		const char *text = nv_netgoat_schema_text(mount->netgoat, &size);

		result = nv_ctl_set_schema(mount->ctl, text, size);
		if (result == 0) {
			result = nv_ctl_add_status(mount->ctl, describe_netgoat, mount->netgoat);
		}
		if (result == 0) {
			result = nv_ctl_add_status(mount->ctl, describe_indexes, mount->docstore);
		}
	}
	if (mount->netdox && result == 0) {
		result = nv_ctl_add_status(mount->ctl, describe_redis, mount->redis);
		if (result == 0) {
			result = nv_ctl_add_status(mount->ctl, describe_netdox, mount->netdox);
		}
	}
	mount->tree.self[NV_FAMILY_CTL] = mount->ctl;
	return result < 0 ? nv_fail(err, -result, "status: %s", strerror(-result)) : 0;
}

static int mount_fs(struct mount *mount, struct nv_err *err)
{
	const struct nv_options *options = mount->options;
	struct nv_fs_config config = {
		.tree = &mount->tree,
		.clock = mount->clock,
		.errors = mount->errors,
		.conflicts = mount->conflicts,
		.metrics = mount->metrics,
		.mount_point = mount->mount_point,
		.fuse_args = (const char *const *)options->fuse_args,
		.fuse_args_count = options->fuse_args_count,
		.scratch_bytes = options->scratch_bytes,
		.ro = options->ro,
		.mode = options->mode,
		.debug = options->debug,
		.umask = options->umask,
		.has_uid = options->has_uid,
		.has_gid = options->has_gid,
		.uid = options->uid,
		.gid = options->gid,
	};

	struct nv_capture capture;
	cleanup_buf struct nv_buf printed = NV_BUF_INIT;

	nv_capture_begin(&capture);
	int result = nv_fs_new(&config, &mount->fs, err);
	if (result == 0) {
		result = nv_fs_mount(mount->fs, err);
	}
	nv_capture_end(&capture, &printed);
	if (printed.len > 0 && result < 0) {
		struct nv_err reason = *err;
		return nv_fail(err, -result, "%s (%s)", reason.msg, printed.data);
	}
	if (printed.len > 0) {
		nv_log(NV_LOG_WARNING, "%s", printed.data);
	}
	return result;
}

/* Nothing stands where what is restored will stand: nothing of it is ever mixed with other data. */
static int check_empty(struct mount *mount, struct nv_err *err)
{
	if (mount->options->mode != NV_MOUNT_RESTORE) {
		return 0;
	}
	int result = mount->netgoat ? nv_netgoat_check_empty(mount->netgoat, err) : 0;
	if (result == 0 && mount->netdox) {
		result = nv_netdox_check_empty(mount->netdox, err);
		result = result < 0 ? nv_wrap(err, "redis") : 0;
	}
	return result;
}

/* From nothing to mounted. */
static int start(struct mount *mount, struct nv_err *err)
{
	int result = nv_mountpoint_resolve(mount->options->mount_point, &mount->mount_point, err);
	if (result == 0) {
		result = nv_mountpoint_prepare(mount->mount_point, mount->options->timeout_ms, err);
	}
	if (result == 0) {
		result = make_base(mount, err);
	}
	if (result == 0) {
		result = make_rows(mount, err);
	}
	if (result == 0 && mount->options->docs) {
		result = connect_docs(mount, err);
	}
	if (result == 0 && mount->options->has_redis) {
		result = connect_redis(mount, err);
	}
	if (result == 0) {
		result = check_empty(mount, err);
	}
	if (result == 0) {
		result = make_ctl(mount, err);
	}
	if (result == 0) {
		result = mount_fs(mount, err);
	}
	return result;
}

/* Takes apart what start made, however far it came. Whoever asks once more for the end must not cut
 * it short: parked changes are being committed. Every step is bounded by the stores' deadline. */
static void stop(struct mount *mount)
{
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	if (mount->fs) {
		nv_fs_unmount(mount->fs);
	}
	nv_fs_free(mount->fs);
	nv_ctl_free(mount->ctl);
	nv_netdox_free(mount->netdox);
	nv_redis_free(mount->redis);
	nv_netgoat_free(mount->netgoat);
	nv_docstore_close(mount->docstore);
	nv_schema_free(mount->schema);
	nv_conflicts_free(mount->conflicts);
	nv_errors_ring_free(mount->errors);
	nv_clock_free(mount->clock);
	free(mount->rows);
	free(mount->metrics);
	free(mount->mount_point);
}

/* Mounts and serves until unmounted. report: of nv_daemon_fork, or -1 in the foreground. */
static int serve(const struct nv_options *options, int report)
{
	struct mount mount = { .options = options };
	struct nv_err err = NV_ERR_INIT;

	int result = start(&mount, &err);
	if (result < 0) {
		if (report >= 0) {
			nv_daemon_failed(report, &err);
		} else {
			fprintf(stderr, "netviewfs: error: %s\n", err.msg);
		}
		stop(&mount);
		return EXIT_FAILURE;
	}
	if (report >= 0) {
		nv_daemon_ready(report);
	}
	nv_log(NV_LOG_INFO, "mounted at %s", mount.mount_point);
	result = nv_fs_loop(mount.fs, &err);
	if (result < 0) {
		nv_log(NV_LOG_ERROR, "%s", err.msg);
	}
	stop(&mount);
	nv_log(NV_LOG_INFO, "unmounted");
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_index(void *ctx, const struct nv_docstore_index *index, struct nv_err *err)
{
	(*(size_t *)ctx)++;
	return printf("made: %s.%s\n", index->collection, index->path) < 0
	               ? nv_fail(err, EIO, "standard output cannot be written")
	               : 0;
}

/* --create-indexes: makes what docs= lacks, which no mount ever does. */
static int create_indexes(const struct nv_options *options)
{
	struct mount mount = { .options = options };
	struct nv_err err = NV_ERR_INIT;
	size_t count = 0;

	int result = make_base(&mount, &err);
	if (result == 0) {
		result = make_rows(&mount, &err);
	}
	if (result == 0) {
		result = connect_docs(&mount, &err);
	}
	if (result == 0) {
		result = nv_docstore_indexes(mount.docstore, true, print_index, &count, &err);
	}
	if (result == 0 && (count > 0 || puts("no index is missing") >= 0) && fflush(stdout) != 0) {
		result = nv_fail(&err, EIO, "standard output cannot be written");
	}
	if (result < 0) {
		fprintf(stderr, "netviewfs: error: %s\n", err.msg);
	}
	stop(&mount);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print_help(void)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	nv_options_help(&text);
	return nv_buf_error(&text) == 0 && fputs(text.data, stdout) >= 0 && fflush(stdout) == 0
	               ? EXIT_SUCCESS
	               : EXIT_FAILURE;
}

static const char *get_env(const char *name)
{
	return getenv(name);
}

int main(int argc, char **argv)
{
	cleanup_options struct nv_options options = { 0 };
	struct nv_err err = NV_ERR_INIT;
	int report = -1;

	if (nv_options_parse(argc, argv, get_env, &options, &err) < 0) {
		fprintf(stderr, "netviewfs: error: %s\n", err.msg);
		return EXIT_USAGE;
	}
	if (options.help) {
		return print_help();
	}
	if (options.version) {
		return fputs(build_text, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS
		                                                             : EXIT_FAILURE;
	}
	/* A store that hangs up is an error of one call, not the end of the daemon. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (options.create_indexes) {
		return create_indexes(&options);
	}
	if (!options.foreground) {
		int result = nv_daemon_fork(options.timeout_ms + REPORT_SLACK_MS, &report, &err);

		if (result < 0) {
			fprintf(stderr, "netviewfs: error: %s\n", err.msg);
			return EXIT_FAILURE;
		}
		if (result > 0) {
			return EXIT_SUCCESS;
		}
	}
	nv_log_init(!options.foreground, options.log_level);
	return serve(&options, report);
}
