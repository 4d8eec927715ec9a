/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * THE table of options, and what each does with its value. options_parse.c reads it.
 *
 * No message holds a value of docs= or redis=.
 */
#include "config.h"

#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "options_table.h"

static nv_option_set_fn set_text, set_path, set_plugin, set_number, set_seconds, set_size,
	set_umask, set_uid, set_gid, set_level;
static nv_option_set_fn set_docs, set_redis, set_layout, set_ro, set_rw, set_mode, set_fuse,
	set_later;

#define FIELD(name) .offset = offsetof(struct nv_options, name)

const struct nv_option nv_option_table[] = {
	{ "docs", "URI", NULL,
	  "the documents, shown under netgoat/: sqlite:PATH, made when absent, or mongodb://HOST/DATABASE",
	  .set = set_docs, .secret = true },
	{ "redis", "URI", NULL,
	  "Netdox's keys, shown under netdox/: redis://HOST[:PORT][/DB] or unix:///PATH[?db=N]",
	  .set = set_redis, .secret = true },
	{ "processed_db", "N", "1", "the Redis database of the processed nodes", set_number,
	  FIELD(processed_db), .max = NV_REDIS_DB_LIMIT - 1 },
	{ "layout", "NAME", NULL, "layout of Netdox's keys: spec; if not given, looked at",
	  set_layout, FIELD(layout) },
	{ "config", "FILE", NULL,
	  "lines KEY = VALUE of these options, mode 0600: the place for passwords", set_path,
	  FIELD(config) },
	{ "schema", "FILE", NULL, "JSON schema of the documents, in place of the built-in one",
	  set_path, FIELD(schema) },
	{ "plugin", "NAME", "netviewfs",
	  "plugin named in Netdox's changelog where the datum names none", set_plugin,
	  FIELD(plugin) },
	{ "actor", "NAME", NULL, "who is named in Netgoat's changelog", set_text, FIELD(actor) },
	{ "ro", NULL, NULL, "mount read-only", .set = set_ro },
	{ "full", NULL, NULL, "show whole documents, with secrets, to their owner: for backups",
	  .set = set_mode, .max = NV_MOUNT_FULL },
	{ "restore", NULL, NULL, "write a backup of a full mount into empty stores, unlogged",
	  .set = set_mode, .max = NV_MOUNT_RESTORE },
	{ "rw", NULL, NULL, NULL, .set = set_rw },
	{ "timeout", "SECONDS", "5", "a store that has not answered by then is an error",
	  set_seconds, FIELD(timeout_ms), 100, 3600000 },
	{ "scratch", "SIZE", "64M", "memory for the temporary files of editors and tools", set_size,
	  FIELD(scratch_bytes) },
	{ "changelog", "N", "10000", "so many newest entries are in a changelog when mounted",
	  set_number, FIELD(changelog_entries), 1, INT_MAX },
	{ "log", "LEVEL", "info", "error, warning, info or debug", set_level, FIELD(log_level) },
	{ "umask", "OCTAL", NULL, "permission bits taken from all modes", set_umask, FIELD(umask) },
	{ "uid", "N", NULL, "owner of all files; else who mounts", .set = set_uid },
	{ "gid", "N", NULL, "group of all files; else who mounts", .set = set_gid },
	{ "allow_other", NULL, NULL, "all users may use the mount, as the modes allow",
	  .set = set_fuse },
	{ "allow_root", NULL, NULL, NULL, .set = set_fuse },
	{ "auto_unmount", NULL, NULL, NULL, .set = set_fuse },
	{ "default_permissions", NULL, NULL, NULL, .set = set_fuse },
	{ "fsname", "NAME", NULL, NULL, .set = set_fuse },
	{ "subtype", "NAME", NULL, NULL, .set = set_fuse },
	{ "max_read", "N", NULL, NULL, .set = set_fuse },
	{ "suid", NULL, NULL, NULL, .set = set_fuse },
	{ "nosuid", NULL, NULL, NULL, .set = set_fuse },
	{ "dev", NULL, NULL, NULL, .set = set_fuse },
	{ "nodev", NULL, NULL, NULL, .set = set_fuse },
	{ "exec", NULL, NULL, NULL, .set = set_fuse },
	{ "noexec", NULL, NULL, NULL, .set = set_fuse },
	{ "async", NULL, NULL, NULL, .set = set_fuse },
	{ "sync", NULL, NULL, NULL, .set = set_fuse },
	{ "dirsync", NULL, NULL, NULL, .set = set_fuse },
	{ "atime", NULL, NULL, NULL, .set = set_fuse },
	{ "noatime", NULL, NULL, NULL, .set = set_fuse },
	{ "team", "SLUG", NULL, NULL, .set = set_later },
	{ "max_delete", "SHARE", NULL, NULL, .set = set_later },
};

#undef FIELD

const size_t nv_option_table_count = sizeof(nv_option_table) / sizeof(nv_option_table[0]);

static void *field(struct nv_options *options, const struct nv_option *option)
{
	return (char *)options + option->offset;
}

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

static int set_text(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	char **place = field(options, option);

	for (const char *byte = value; *byte; byte++) {
		if (iscntrl((unsigned char)*byte)) {
			return nv_fail(err, EINVAL, "a control character is in it");
		}
	}
	char *copy = strdup(value);
	if (!copy) {
		return no_memory(err);
	}
	free(*place);
	*place = copy;
	return 0;
}

static int set_plugin(struct nv_options *options, const struct nv_option *option, const char *value,
                      struct nv_err *err)
{
	if (strchr(value, ';')) {
		return nv_fail(err, EINVAL, "a plugin's name has no ';'");
	}
	return set_text(options, option, value, err);
}

/* Appends the path, made absolute: the daemon leaves this working directory. */
static int put_absolute(struct nv_buf *out, const char *path, struct nv_err *err)
{
	if (*path != '/') {
		cleanup_free char *directory = getcwd(NULL, 0);

		if (!directory) {
			return nv_fail(err, errno, "the working directory: %s", strerror(errno));
		}
		nv_buf_puts(out, directory);
		if (directory[1] != '\0') {
			nv_buf_putc(out, '/');
		}
	}
	nv_buf_puts(out, path);
	return nv_buf_error(out) != 0 ? no_memory(err) : 0;
}

static int set_path(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	cleanup_buf struct nv_buf path = NV_BUF_INIT;
	char **place = field(options, option);

	int result = put_absolute(&path, value, err);
	if (result < 0) {
		return result;
	}
	free(*place);
	*place = nv_buf_steal(&path, NULL);
	return 0;
}

static int parse_long(const char *value, int base, long min, long max, long *ret_number,
                      struct nv_err *err)
{
	char *end = NULL;

	errno = 0;
	long number = strtol(value, &end, base);
	if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 || number < min ||
	    number > max) {
		return nv_fail(err, EINVAL,
		               base == 8 ? "an octal number from %lo to %lo is wanted"
		                         : "a number from %ld to %ld is wanted",
		               min, max);
	}
	*ret_number = number;
	return 0;
}

static int set_number(struct nv_options *options, const struct nv_option *option, const char *value,
                      struct nv_err *err)
{
	return parse_long(value, 10, option->min, option->max, field(options, option), err);
}

/* Seconds with at most three decimals, kept in milliseconds. */
static int set_seconds(struct nv_options *options, const struct nv_option *option,
                       const char *value, struct nv_err *err)
{
	long ms = 0;
	long scale = 1000;
	bool fraction = false;
	const char *byte = value;

	for (; isdigit((unsigned char)*byte) || (*byte == '.' && !fraction && byte > value);
	     byte++) {
		if (*byte == '.') {
			fraction = true;
			continue;
		}
		if (fraction) {
			scale /= 10;
			ms += (*byte - '0') * scale;
		} else {
			ms = ms * 10 + (*byte - '0') * 1000L;
		}
		if (ms > option->max) {
			break;
		}
	}
	if (*byte != '\0' || ms < option->min || ms > option->max) {
		return nv_fail(err, EINVAL, "seconds from %g to %g are wanted",
		               (double)option->min / 1000, (double)option->max / 1000);
	}
	*(long *)field(options, option) = ms;
	return 0;
}

static int set_size(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	static const char units[] = "KMG";
	char *end = NULL;

	errno = 0;
	unsigned long long size = strtoull(value, &end, 10);
	bool good = isdigit((unsigned char)*value) && errno == 0;
	if (good && *end != '\0') {
		const char *unit = strchr(units, toupper((unsigned char)*end));
		good = unit && end[1] == '\0' && size <= (SIZE_MAX >> (10 * (unit - units + 1)));
		if (good) {
			size <<= 10 * (unit - units + 1);
		}
	}
	if (!good) {
		return nv_fail(
			err, EINVAL,
			"a size is wanted: a number, with K, M or G behind it for more than bytes");
	}
	*(size_t *)field(options, option) = (size_t)size;
	return 0;
}

static int set_umask(struct nv_options *options, const struct nv_option *option, const char *value,
                     struct nv_err *err)
{
	long mode;
	int result = parse_long(value, 8, 0, 0777, &mode, err);

	if (result == 0) {
		*(mode_t *)field(options, option) = (mode_t)mode;
	}
	return result;
}

static int set_uid(struct nv_options *options, const struct nv_option *option, const char *value,
                   struct nv_err *err)
{
	long id;
	int result = parse_long(value, 10, 0, UINT32_MAX - 1L, &id, err);

	(void)option;
	if (result == 0) {
		options->uid = (uid_t)id;
		options->has_uid = true;
	}
	return result;
}

static int set_gid(struct nv_options *options, const struct nv_option *option, const char *value,
                   struct nv_err *err)
{
	long id;
	int result = parse_long(value, 10, 0, UINT32_MAX - 1L, &id, err);

	(void)option;
	if (result == 0) {
		options->gid = (gid_t)id;
		options->has_gid = true;
	}
	return result;
}

static const char *const level_names[] = {
	[NV_LOG_ERROR] = "error",
	[NV_LOG_WARNING] = "warning",
	[NV_LOG_INFO] = "info",
	[NV_LOG_DEBUG] = "debug",
};

static int set_level(struct nv_options *options, const struct nv_option *option, const char *value,
                     struct nv_err *err)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(value, level_names[i]) == 0) {
			*(enum nv_log_level *)field(options, option) = (enum nv_log_level)i;
			return 0;
		}
	}
	return nv_fail(err, EINVAL, "%s is wanted", option->help);
}

static int set_docs(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	static const char prefix[] = "sqlite:";
	cleanup_buf struct nv_buf uri = NV_BUF_INIT;
	bool mongo =
		strncmp(value, "mongodb://", 10) == 0 || strncmp(value, "mongodb+srv://", 14) == 0;

	(void)option;
	if (!mongo && (strncmp(value, prefix, strlen(prefix)) != 0 || !value[strlen(prefix)])) {
		return nv_fail(err, EINVAL, "sqlite:PATH or mongodb://HOST/DATABASE is wanted");
	}
	nv_buf_puts(&uri, mongo ? value : prefix);
	int result = mongo ? nv_buf_error(&uri) : put_absolute(&uri, value + strlen(prefix), err);
	if (result < 0) {
		return mongo ? nv_fail(err, ENOMEM, "out of memory") : result;
	}
	free(options->docs);
	options->docs = nv_buf_steal(&uri, NULL);
	return 0;
}

static int set_redis(struct nv_options *options, const struct nv_option *option, const char *value,
                     struct nv_err *err)
{
	struct nv_redis_uri uri = NV_REDIS_URI_INIT;
	int result = nv_redis_uri_parse(value, &uri, err);

	(void)option;
	if (result < 0) {
		return result;
	}
	nv_redis_uri_release(&options->redis);
	options->redis = uri;
	options->has_redis = true;
	return 0;
}

static int set_layout(struct nv_options *options, const struct nv_option *option, const char *value,
                      struct nv_err *err)
{
	if (strcmp(value, "current") == 0) {
		return nv_fail(err, EINVAL, "this layout is not in this version; spec is");
	}
	if (strcmp(value, "spec") != 0) {
		return nv_fail(err, EINVAL, "there is no such layout; spec is the one");
	}
	return set_text(options, option, value, err);
}

static int set_ro(struct nv_options *options, const struct nv_option *option, const char *value,
                  struct nv_err *err)
{
	(void)option;
	(void)value;
	(void)err;
	options->ro = true;
	return 0;
}

/* The last of them wins, as with ro and rw. */
static int set_mode(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	(void)value;
	(void)err;
	options->mode = (enum nv_mount_mode)option->max;
	return 0;
}

static int set_rw(struct nv_options *options, const struct nv_option *option, const char *value,
                  struct nv_err *err)
{
	(void)option;
	(void)value;
	(void)err;
	options->ro = false;
	return 0;
}

static int set_later(struct nv_options *options, const struct nv_option *option, const char *value,
                     struct nv_err *err)
{
	(void)options;
	(void)option;
	(void)value;
	return nv_fail(err, EINVAL, "not in this version");
}

int nv_options_add_fuse_arg(struct nv_options *options, const char *key, const char *value,
                            struct nv_err *err)
{
	cleanup_buf struct nv_buf word = NV_BUF_INIT;

	nv_buf_puts(&word, key);
	if (value) {
		nv_buf_putc(&word, '=');
	}
	for (const char *byte = value ? value : ""; *byte; byte++) {
		if (*byte == ',' || *byte == '\\') {
			nv_buf_putc(&word, '\\');
		}
		nv_buf_putc(&word, *byte);
	}
	char **args = reallocarray(options->fuse_args, options->fuse_args_count + 1, sizeof(*args));
	if (!args) {
		return no_memory(err);
	}
	options->fuse_args = args;
	char *text = nv_buf_steal(&word, NULL);
	if (!text) {
		return no_memory(err);
	}
	args[options->fuse_args_count++] = text;
	return 0;
}

bool nv_options_has_fuse_arg(const struct nv_options *options, const char *key)
{
	for (size_t i = 0; i < options->fuse_args_count; i++) {
		size_t len = strcspn(options->fuse_args[i], "=");

		if (strlen(key) == len && strncmp(options->fuse_args[i], key, len) == 0) {
			return true;
		}
	}
	return false;
}

int nv_options_default_fuse_arg(struct nv_options *options, const char *key, const char *value,
                                struct nv_err *err)
{
	return nv_options_has_fuse_arg(options, key)
	               ? 0
	               : nv_options_add_fuse_arg(options, key, value, err);
}

static int set_fuse(struct nv_options *options, const struct nv_option *option, const char *value,
                    struct nv_err *err)
{
	return nv_options_add_fuse_arg(options, option->key, option->value ? value : NULL, err);
}
