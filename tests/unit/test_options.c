/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"

#define SECRET "s3cr3t"

static const char *no_env(const char *name)
{
	(void)name;
	return NULL;
}

static const char *some_env(const char *name)
{
	return strcmp(name, "NETVIEWFS_REDIS") == 0 ? "redis://ann:" SECRET "@from-env/2" : NULL;
}

static const char *bad_env(const char *name)
{
	return strcmp(name, "NETVIEWFS_REDIS") == 0 ? "redis://ann:" SECRET "@:x" : NULL;
}

/* Parses "netviewfs -o OPTIONS /mnt". */
static int parse(const char *options, nv_options_env_fn *env, struct nv_options *ret_options,
                 struct nv_err *err)
{
	char *words[] = { (char *)"netviewfs", (char *)"-o", (char *)options, (char *)"/mnt" };

	return nv_options_parse(4, words, env, ret_options, err);
}

/* Parses what must be refused and checks the line. */
static void refused(const char *options, int errnum, const char *message)
{
	struct nv_options parsed = { 0 };
	struct nv_err err = NV_ERR_INIT;

	assert_int_equal(parse(options, no_env, &parsed, &err), -errnum);
	if (!strstr(err.msg, message)) {
		fail_msg("'%s' gave '%s', not '%s'", options, err.msg, message);
	}
	assert_null(strstr(err.msg, SECRET));
	assert_null(strchr(err.msg, '\n'));
}

static void test_defaults(void **state)
{
	cleanup_options struct nv_options options = { 0 };

	(void)state;
	assert_int_equal(parse("docs=sqlite:/a/b.db", no_env, &options, NULL), 0);
	assert_string_equal(options.mount_point, "/mnt");
	assert_string_equal(options.docs, "sqlite:/a/b.db");
	assert_false(options.has_redis);
	assert_int_equal(options.processed_db, 1);
	assert_null(options.layout);
	assert_string_equal(options.plugin, "netviewfs");
	assert_null(options.actor);
	assert_int_equal(options.timeout_ms, 5000);
	assert_int_equal(options.scratch_bytes, 64 << 20);
	assert_int_equal(options.changelog_entries, 10000);
	assert_int_equal(options.log_level, NV_LOG_INFO);
	assert_false(options.ro || options.foreground || options.has_uid);
	assert_int_equal(options.fuse_args_count, 2);
	assert_string_equal(options.fuse_args[0], "fsname=netviewfs");
	assert_string_equal(options.fuse_args[1], "subtype=netviewfs");
}

static void test_values(void **state)
{
	cleanup_options struct nv_options options = { 0 };

	(void)state;
	assert_int_equal(parse("redis=unix:///run/"
	                       "r.sock?db=3,processed_db=4,ro,timeout=0.25,scratch=2k,umask=027,"
	                       "uid=10,gid=20,"
	                       "actor=a\\,b\\\\c,log=debug,changelog=7,allow_other,fsname=x",
	                       no_env, &options, NULL),
	                 0);
	assert_true(options.has_redis);
	assert_int_equal(options.redis.db, 3);
	assert_string_equal(options.redis.path, "/run/r.sock");
	assert_int_equal(options.processed_db, 4);
	assert_true(options.ro);
	assert_int_equal(options.timeout_ms, 250);
	assert_int_equal(options.scratch_bytes, 2048);
	assert_int_equal(options.umask, 027);
	assert_true(options.has_uid && options.has_gid);
	assert_int_equal(options.uid, 10);
	assert_int_equal(options.gid, 20);
	assert_string_equal(options.actor, "a,b\\c");
	assert_int_equal(options.log_level, NV_LOG_DEBUG);
	assert_int_equal(options.changelog_entries, 7);
	/* allow_other without default_permissions would let everybody do what the daemon may. */
	assert_string_equal(options.fuse_args[0], "allow_other");
	assert_string_equal(options.fuse_args[1], "fsname=x");
	assert_string_equal(options.fuse_args[2], "subtype=netviewfs");
	assert_string_equal(options.fuse_args[3], "default_permissions");
	assert_int_equal(options.fuse_args_count, 4);
}

static void test_relative_paths_are_made_absolute(void **state)
{
	cleanup_options struct nv_options options = { 0 };
	char directory[4096];
	char expected[8192];

	(void)state;
	assert_non_null(getcwd(directory, sizeof(directory)));
	assert_int_equal(parse("docs=sqlite:b.db,schema=s.json", no_env, &options, NULL), 0);
	(void)snprintf(expected, sizeof(expected), "sqlite:%s/b.db", directory);
	assert_string_equal(options.docs, expected);
	(void)snprintf(expected, sizeof(expected), "%s/s.json", directory);
	assert_string_equal(options.schema, expected);
}

static void test_later_wins(void **state)
{
	cleanup_options struct nv_options options = { 0 };
	char *words[] = { (char *)"netviewfs", (char *)"-otimeout=1,ro",
		          (char *)"/mnt",      (char *)"-f",
		          (char *)"-o",        (char *)"timeout=2,rw,docs=sqlite:/x" };

	(void)state;
	assert_int_equal(nv_options_parse(6, words, some_env, &options, NULL), 0);
	assert_int_equal(options.timeout_ms, 2000);
	assert_false(options.ro);
	assert_true(options.foreground);
	/* The environment stands in for what the command line leaves out. */
	assert_string_equal(options.redis.host, "from-env");
	assert_string_equal(options.redis.password, SECRET);
	nv_options_release(&options);
	assert_int_equal(parse("redis=redis://from-line", some_env, &options, NULL), 0);
	assert_string_equal(options.redis.host, "from-line");
}

static void test_refusals(void **state)
{
	(void)state;
	refused("redsi=x,docs=sqlite:/a", EINVAL, "redsi: no such option; did you mean redis?");
	refused("time_out=3", EINVAL, "did you mean timeout?");
	refused("frobnicate", EINVAL, "frobnicate: no such option; --help");
	refused("docs=", EINVAL, "docs: a value is missing: docs=URI");
	refused("docs", EINVAL, "a value is missing");
	refused("docs=sqlite:", EINVAL, "sqlite:PATH or mongodb://HOST/DATABASE is wanted");
	refused("ro", EINVAL, "no store is given");
	refused("docs=sqlite:/a,ro=maybe", EINVAL, "ro: a flag takes no value");
	refused("docs=sqlite:/a,timeout=0", EINVAL, "timeout: seconds from 0.1 to 3600 are wanted");
	refused("docs=sqlite:/a,timeout=5s", EINVAL, "timeout: seconds");
	refused("docs=sqlite:/a,timeout=-5", EINVAL, "timeout: seconds");
	refused("docs=sqlite:/a,timeout=99999999999999999999", EINVAL, "timeout: seconds");
	refused("docs=sqlite:/a,scratch=1T", EINVAL, "scratch: a size");
	refused("docs=sqlite:/a,scratch=99999999999G", EINVAL, "scratch: a size");
	refused("docs=sqlite:/a,umask=8", EINVAL, "umask: an octal number");
	refused("docs=sqlite:/a,processed_db=-1", EINVAL, "processed_db: a number from 0");
	refused("docs=sqlite:/a,changelog=0", EINVAL, "changelog: a number from 1");
	refused("docs=sqlite:/a,log=loud", EINVAL, "log: error, warning, info or debug is wanted");
	refused("docs=sqlite:/a,layout=current", EINVAL,
	        "layout: this layout is not in this version");
	refused("docs=sqlite:/a,layout=x", EINVAL, "layout: there is no such layout");
	refused("docs=sqlite:/a,restore,ro", EINVAL, "cannot be ro");
	refused("docs=sqlite:/a,team=x", EINVAL, "team: not in this version");
	refused("docs=sqlite:/a,max_delete=0.5", EINVAL, "max_delete: not in this version");
	refused("docs=sqlite:/a,plugin=a;b", EINVAL, "plugin: a plugin's name has no ';'");
	refused("redis=redis://h/1", EINVAL, "processed_db: database 1 is the main one");
	refused("config=/nonexistent/file", ENOENT, "/nonexistent/file: No such file");
}

static void test_passwords_on_the_command_line(void **state)
{
	(void)state;
	refused("redis=redis://:" SECRET "@h", EINVAL, "NETVIEWFS_REDIS");
	refused("redis=redis://u:" SECRET "@h:1/2", EINVAL, "-o config=FILE");
	refused("redis=redis://u:a/" SECRET "@h", EINVAL, "-o config=FILE");
	refused("redis=unix://u:" SECRET "@/path", EINVAL, "-o config=FILE");
	refused("docs=mongodb://u:" SECRET "@h/db", EINVAL, "NETVIEWFS_DOCS");
	refused("docs=mongodb+srv://u:" SECRET "@h/db", EINVAL, "NETVIEWFS_DOCS");
	refused("docs=mongodb://h/db?tls=true&tlsCertificateKeyFilePassword=" SECRET, EINVAL,
	        "NETVIEWFS_DOCS");
	refused("redis=redis://:pass," SECRET "@h", EINVAL, "-o redis: ");
	refused("redis=redis://u:pass," SECRET ",x@h", EINVAL, "-o redis: ");
	refused("redis=redis://u:1," SECRET ",x@h", EINVAL, "a comma inside a value");
	refused("redis=redis://h:1/2,timeuot=3", EINVAL,
	        "timeuot: no such option; did you mean timeout?");
	refused("docs=sqlite:/a,nonsense=1", EINVAL, "nonsense: no such option");
	refused(SECRET "@h", EINVAL, "no such option");

	cleanup_options struct nv_options options = { 0 };
	assert_int_equal(parse("redis=unix:///run/a:b@c", no_env, &options, NULL), 0);
	assert_string_equal(options.redis.path, "/run/a:b@c");
}

static void test_environment_errors_show_no_secret(void **state)
{
	struct nv_options options = { 0 };
	struct nv_err err = NV_ERR_INIT;

	(void)state;
	assert_int_equal(parse("ro", bad_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "NETVIEWFS_REDIS: "));
	assert_null(strstr(err.msg, SECRET));
}

struct config_file {
	char path[64];
	char option[128];
};

static void write_config(struct config_file *file, const char *text, mode_t mode)
{
	(void)strcpy(file->path, "/tmp/nv-options-XXXXXX");
	int fd = mkstemp(file->path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	(void)snprintf(file->option, sizeof(file->option), "timeout=3,config=%s", file->path);
}

static void test_config_file(void **state)
{
	cleanup_options struct nv_options options = { 0 };
	struct config_file file;

	(void)state;
	write_config(&file,
	             "# comment\n\n  redis = redis://ann:p%23w,\\x@h:7000/2 \r\ntimeout=9\nro = "
	             "yes\nallow_other\n"
	             "docs=sqlite:/from file.db",
	             0600);
	struct nv_err err = NV_ERR_INIT;
	int result = parse(file.option, no_env, &options, &err);
	(void)unlink(file.path);
	assert_string_equal(err.msg, "");
	assert_int_equal(result, 0);
	assert_string_equal(options.redis.password, "p#w,\\x");
	assert_int_equal(options.redis.port, 7000);
	assert_int_equal(options.timeout_ms, 3000);
	assert_true(options.ro);
	assert_string_equal(options.docs, "sqlite:/from file.db");
	assert_string_equal(options.fuse_args[0], "allow_other");

	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	nv_options_describe(&options, &text);
	assert_null(strstr(text.data, "p#w"));
	assert_null(strstr(text.data, "ann"));
	assert_non_null(strstr(text.data, "ro,docs=sqlite:/from file.db,redis=redis://h:7000,"));
}

static const char *mongo_env(const char *name)
{
	return strcmp(name, "NETVIEWFS_DOCS") == 0
	               ? "mongodb://ann:" SECRET
	                 "@h1:27017,h2/net?replicaSet=rs&tlsCertificateKeyFilePassword=" SECRET
	               : NULL;
}

static const char *odd_env(const char *name)
{
	return strcmp(name, "NETVIEWFS_DOCS") == 0 ? "mongodb://ann:a?" SECRET "@h/net" : NULL;
}

static void test_mongodb(void **state)
{
	cleanup_options struct nv_options options = { 0 };
	cleanup_options struct nv_options odd = { 0 };
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	(void)state;
	assert_int_equal(parse("ro", mongo_env, &options, NULL), 0);
	assert_non_null(strstr(options.docs, SECRET));
	nv_options_describe(&options, &text);
	assert_null(strstr(text.data, SECRET));
	assert_null(strstr(text.data, "ann"));
	assert_non_null(strstr(text.data, "ro,docs=mongodb://h1:27017,h2/net,"));
	assert_int_equal(parse("ro", odd_env, &odd, NULL), 0);
	nv_buf_truncate(&text, 0);
	nv_options_describe(&odd, &text);
	assert_null(strstr(text.data, SECRET));
	assert_non_null(strstr(text.data, "ro,docs=mongodb://,"));
	refused("docs=mongodb", EINVAL, "sqlite:PATH or mongodb://HOST/DATABASE is wanted");
}

static void test_config_file_refusals(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		int errnum;
		const char *message;
	} cases[] = {
		{ "docs=sqlite:/a\n", 0644, EACCES, "chmod 0600" },
		{ "docs=sqlite:/a\n", 0620, EACCES, "chmod 0600" },
		{ "docs=sqlite:/a\n\ntimeuot = 4\n", 0600, EINVAL,
		  ":3: timeuot: no such option; did you mean timeout?" },
		{ "redis = redis://x:" SECRET "@\n", 0600, EINVAL, ":1: redis: " },
		{ "config = /x\n", 0600, EINVAL, ":1: config: not in a configuration file" },
		{ SECRET "@h\n", 0600, EINVAL, ":1: no such option" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config_file file;
		struct nv_options options = { 0 };
		struct nv_err err = NV_ERR_INIT;

		write_config(&file, cases[i].text, cases[i].mode);
		int result = parse(file.option, no_env, &options, &err);
		(void)unlink(file.path);
		assert_int_equal(result, -cases[i].errnum);
		if (!strstr(err.msg, cases[i].message)) {
			fail_msg("case %zu gave '%s'", i, err.msg);
		}
		assert_null(strstr(err.msg, SECRET));
	}
	refused("config=/tmp", EINVAL, "not a regular file");
}

static void test_words(void **state)
{
	cleanup_options struct nv_options options = { 0 };
	struct nv_err err = NV_ERR_INIT;
	char *none[] = { (char *)"netviewfs" };
	char *two[] = { (char *)"netviewfs", (char *)"-odocs=sqlite:/a", (char *)"/a",
		        (char *)"/b" };
	char *fstab[] = { (char *)"netviewfs", (char *)"none", (char *)"/b", (char *)"-o",
		          (char *)"rw,nosuid,docs=sqlite:/a" };
	char *dashed[] = { (char *)"netviewfs", (char *)"-odocs=sqlite:/a", (char *)"--",
		           (char *)"-m" };
	char *help[] = { (char *)"netviewfs", (char *)"--help" };
	char *typo[] = { (char *)"netviewfs", (char *)"--hepl", (char *)"/mnt" };
	char *indexes[] = { (char *)"netviewfs", (char *)"--create-indexes",
		            (char *)"-odocs=mongodb://h/d" };
	char *where[] = { (char *)"netviewfs", (char *)"--create-indexes",
		          (char *)"-odocs=mongodb://h/d", (char *)"/mnt" };
	char *last[] = { (char *)"netviewfs", (char *)"/mnt", (char *)"-o" };

	(void)state;
	assert_int_equal(nv_options_parse(1, none, no_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no mount point"));
	assert_int_equal(nv_options_parse(4, two, no_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "one mount point"));
	assert_int_equal(nv_options_parse(3, typo, no_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "--hepl: no such option"));
	assert_int_equal(nv_options_parse(3, last, no_env, &options, &err), -EINVAL);
	assert_int_equal(nv_options_parse(5, fstab, no_env, &options, &err), 0);
	assert_string_equal(options.mount_point, "/b");
	nv_options_release(&options);
	assert_int_equal(nv_options_parse(4, dashed, no_env, &options, &err), 0);
	assert_string_equal(options.mount_point, "-m");
	nv_options_release(&options);
	assert_int_equal(nv_options_parse(2, help, no_env, &options, &err), 0);
	assert_true(options.help);
	nv_options_release(&options);
	assert_int_equal(nv_options_parse(3, indexes, no_env, &options, &err), 0);
	assert_true(options.create_indexes);
	nv_options_release(&options);
	assert_int_equal(nv_options_parse(4, where, no_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no mount point"));
	assert_int_equal(nv_options_parse(2, indexes, no_env, &options, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "docs=URI"));
}

static void test_help_lists_what_users_set(void **state)
{
	static const char *const lines[] = { "  docs=URI",     "  redis=URI", "  timeout=SECONDS",
		                             "(default: 64M)", "  ro ",       "  allow_other ",
		                             "NETVIEWFS_REDIS" };
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	(void)state;
	nv_options_help(&text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!strstr(text.data, lines[i])) {
			fail_msg("--help has no '%s'", lines[i]);
		}
	}
	assert_null(strstr(text.data, "max_delete"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_relative_paths_are_made_absolute),
		cmocka_unit_test(test_later_wins),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_passwords_on_the_command_line),
		cmocka_unit_test(test_environment_errors_show_no_secret),
		cmocka_unit_test(test_config_file),
		cmocka_unit_test(test_mongodb),
		cmocka_unit_test(test_config_file_refusals),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_help_lists_what_users_set),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
