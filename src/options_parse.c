/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Command line, environment and configuration file to struct nv_options, by the table of options.c.
 * Knows no option by name but `config`, which says where to read on, and what all options together
 * must say.
 *
 * No message holds a value of docs= or redis=, nor a word behind one of them: a password with a
 * comma in it would be one.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "options.h"
#include "options_table.h"

enum { CONFIG_MAX = 65536 };

/* Where a value came from: secrets may not come from all. */
enum source { SOURCE_DEFAULT, SOURCE_CONFIG, SOURCE_ENV, SOURCE_COMMAND };

/* One KEY[=VALUE]. */
struct item {
	char *key;   /* owned */
	char *value; /* owned; NULL: none given */
	enum source source;
	size_t line; /* of the configuration file */
	/* follows docs= or redis= in one -o, and may be a part of its password */
	bool after_secret;
};

struct items {
	struct item *items; /* owned */
	size_t count;
};

static int no_memory(struct nv_err *err)
{
	return nv_fail(err, ENOMEM, "out of memory");
}

static void wipe(char *text)
{
	if (text) {
		explicit_bzero(text, strlen(text));
		free(text);
	}
}

static void items_release(struct items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->items[i].key);
		wipe(items->items[i].value);
	}
	free(items->items);
	*items = (struct items){ 0 };
}

#define cleanup_items __attribute__((cleanup(items_release)))

static const struct nv_option *find_option(const char *key)
{
	for (size_t i = 0; i < nv_option_table_count; i++) {
		if (strcmp(nv_option_table[i].key, key) == 0) {
			return &nv_option_table[i];
		}
	}
	return NULL;
}

/* Cuts KEY[=VALUE] at the '='; the blanks around it go when they are from a file. */
static int items_add(struct items *items, const char *text, size_t size, struct item item,
                     struct nv_err *err)
{
	struct item *grown = reallocarray(items->items, items->count + 1, sizeof(*grown));
	const char *equals = memchr(text, '=', size);
	size_t key_size = equals ? (size_t)(equals - text) : size;
	size_t value_start = equals ? key_size + 1 : size;

	if (!grown) {
		return no_memory(err);
	}
	items->items = grown;
	if (item.source == SOURCE_CONFIG) {
		while (key_size > 0 && isspace((unsigned char)text[key_size - 1])) {
			key_size--;
		}
		while (value_start < size && isspace((unsigned char)text[value_start])) {
			value_start++;
		}
	}
	item.key = strndup(text, key_size);
	item.value = equals ? strndup(text + value_start, size - value_start) : NULL;
	if (!item.key || (equals && !item.value)) {
		free(item.key);
		wipe(item.value);
		return no_memory(err);
	}
	items->items[items->count++] = item;
	return 0;
}

/* "://LOGIN" that a comma may have cut: a ':' with something else than a port behind it, and no
 * '@'. */
static bool may_be_cut(const char *uri)
{
	const char *login = strstr(uri, "://");
	const char *colon = login && login[3] != '/' ? strchr(login + 3, ':') : NULL;

	if (!colon || strchr(colon, '@')) {
		return false;
	}
	size_t digits = strspn(colon + 1, "0123456789");
	bool is_port = digits > 0 && (colon[1 + digits] == '\0' || colon[1 + digits] == '/');
	return !is_port || colon == login + 3;
}

/* Finds the words of one -o, from first on, that may be the rest of a password. */
static void mark_after_secrets(struct items *items, size_t first)
{
	bool cut = false;

	for (size_t i = first; i < items->count; i++) {
		struct item *item = &items->items[i];
		const struct nv_option *option = find_option(item->key);

		item->after_secret = cut;
		if (!option || !option->secret || !item->value) {
			continue;
		}
		cut = cut || may_be_cut(item->value);
		for (size_t j = i + 1; j < items->count && !cut; j++) {
			const struct item *other = &items->items[j];
			cut = strchr(other->key, '@') ||
			      (other->value && strchr(other->value, '@'));
		}
	}
}

/* Cuts the words of one -o at their commas; "\," and "\\" stand for themselves. */
static int items_add_list(struct items *items, const char *list, struct nv_err *err)
{
	struct item item = { .source = SOURCE_COMMAND };
	cleanup_free char *word = malloc(strlen(list) + 1);
	size_t first = items->count;
	size_t size = 0;
	int result = 0;

	if (!word) {
		return no_memory(err);
	}
	for (const char *byte = list; result == 0; byte++) {
		if (*byte == '\\' && (byte[1] == ',' || byte[1] == '\\')) {
			word[size++] = *++byte;
		} else if (*byte != ',' && *byte != '\0') {
			word[size++] = *byte;
		} else if (size > 0) {
			result = items_add(items, word, size, item, err);
			size = 0;
		}
		if (*byte == '\0') {
			break;
		}
	}
	explicit_bzero(word, strlen(list) + 1);
	mark_after_secrets(items, first);
	return result;
}

static bool is_plain_key(const char *key)
{
	size_t size = 0;

	while (isalnum((unsigned char)key[size]) || key[size] == '_' || key[size] == '-') {
		size++;
	}
	return size > 0 && size < NV_OPTION_KEY_MAX && key[size] == '\0';
}

static int fail_unknown(const struct item *item, struct nv_err *err)
{
	if (item->after_secret) {
		return nv_fail(
			err, EINVAL,
			"the word after docs= or redis= is no option; a comma inside a value is written \\,");
	}
	if (!is_plain_key(item->key)) {
		return nv_fail(err, EINVAL, "no such option; --help lists them");
	}
	const char *nearest = nv_option_nearest(item->key);
	if (nearest) {
		return nv_fail(err, EINVAL, "no such option; did you mean %s?", nearest);
	}
	return nv_fail(err, EINVAL, "no such option; --help lists them");
}

/* A login with a password in it: "USER:PASSWORD@", anywhere before a path that may have these bytes
 * too; or an option of MongoDB's driver that is one. */
static bool has_password(const char *uri)
{
	const char *login = strstr(uri, "://");

	if (!login || login[3] == '/') {
		return false;
	}
	if (strcasestr(login, "password=") || strcasestr(login, "session_token:")) {
		return true;
	}
	login += 3;
	const char *at = strchr(login, '@');
	return at && memchr(login, ':', (size_t)(at - login));
}

/* True, false, or -EINVAL for what says neither. */
static int flag_value(const char *value, struct nv_err *err)
{
	static const char *const yes[] = { "", "yes", "true", "on", "1" };
	static const char *const no[] = { "no", "false", "off", "0" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(value, yes[i]) == 0) {
			return 1;
		}
	}
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		if (strcmp(value, no[i]) == 0) {
			return 0;
		}
	}
	return nv_fail(err, EINVAL, "a flag takes no value, or yes or no");
}

static int apply_checked(struct nv_options *options, const struct item *item, struct nv_err *err)
{
	const struct nv_option *option = find_option(item->key);

	if (!option) {
		return fail_unknown(item, err);
	}
	if (!option->value) {
		int flag = flag_value(item->value ? item->value : "", err);
		return flag == 1 ? option->set(options, option, "", err) : flag;
	}
	if (!item->value || item->value[0] == '\0') {
		return nv_fail(err, EINVAL, "a value is missing: %s=%s", option->key,
		               option->value);
	}
	if (option->secret && item->source == SOURCE_COMMAND && has_password(item->value)) {
		return nv_fail(
			err, EINVAL,
			"everybody can see a password on the command line; give -o config=FILE, a file of mode 0600, or set %s",
			strcmp(option->key, "docs") == 0 ? "NETVIEWFS_DOCS" : "NETVIEWFS_REDIS");
	}
	if (item->source == SOURCE_CONFIG && strcmp(option->key, "config") == 0) {
		return nv_fail(err, EINVAL, "not in a configuration file");
	}
	return option->set(options, option, item->value, err);
}

/* Takes one item over; the message of a failure says where it stands. */
static int apply(struct nv_options *options, const struct item *item, const char *config_path,
                 struct nv_err *err)
{
	int result = apply_checked(options, item, err);

	if (result >= 0) {
		return 0;
	}
	bool shown = find_option(item->key) || (!item->after_secret && is_plain_key(item->key));
	const char *key = shown ? item->key : "";
	const char *colon = *key ? ": " : "";
	if (item->source == SOURCE_CONFIG) {
		struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
		return nv_fail(err, -result, "%s:%zu: %s%s%s", config_path, item->line, key, colon,
		               reason.msg);
	}
	if (item->source == SOURCE_ENV) {
		return nv_wrap(err, "%s",
		               strcmp(item->key, "docs") == 0 ? "NETVIEWFS_DOCS"
		                                              : "NETVIEWFS_REDIS");
	}
	return nv_wrap(err, "-o%s%s", *key ? " " : "", key);
}

/* The bytes of a configuration file that nobody else can read or write. */
static int read_config(const char *path, struct nv_buf *out, struct nv_err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) != 0) {
		return nv_fail(err, errno, "%s: %s", path, strerror(errno));
	}
	if (!S_ISREG(stat.st_mode)) {
		return nv_fail(err, EINVAL, "%s: not a regular file", path);
	}
	if (stat.st_uid != geteuid()) {
		return nv_fail(err, EACCES, "%s: must belong to the user who mounts", path);
	}
	if (stat.st_mode & 077) {
		return nv_fail(err, EACCES,
		               "%s: others can read or write it (mode %04o); chmod 0600 it", path,
		               (unsigned)(stat.st_mode & 07777));
	}
	nv_buf_reserve(out, CONFIG_MAX);
	if (nv_buf_error(out) != 0) {
		return no_memory(err);
	}
	while (out->len < CONFIG_MAX) {
		ssize_t size = read(fd, out->data + out->len, CONFIG_MAX - out->len);

		if (size < 0) {
			return nv_fail(err, errno, "%s: %s", path, strerror(errno));
		}
		if (size == 0) {
			out->data[out->len] = '\0';
			return 0;
		}
		out->len += (size_t)size;
	}
	return nv_fail(err, EINVAL, "%s: over %d bytes", path, CONFIG_MAX - 1);
}

static int parse_config(const char *path, char *text, size_t size, struct items *items,
                        struct nv_err *err)
{
	struct item item = { .source = SOURCE_CONFIG };

	if (memchr(text, '\0', size)) {
		return nv_fail(err, EINVAL, "%s: not a text file", path);
	}
	for (char *line = text; line;) {
		char *end = strchr(line, '\n');
		char *next = end ? end + 1 : NULL;
		size_t len = end ? (size_t)(end - line) : strlen(line);

		item.line++;
		for (; len > 0 && isspace((unsigned char)*line); len--) {
			line++;
		}
		while (len > 0 && isspace((unsigned char)line[len - 1])) {
			len--;
		}
		if (len > 0 && *line != '#') {
			int result = items_add(items, line, len, item, err);
			if (result < 0) {
				return result;
			}
		}
		line = next;
	}
	return 0;
}

static int apply_all(struct nv_options *options, const struct items *items, const char *config_path,
                     struct nv_err *err)
{
	for (size_t i = 0; i < items->count; i++) {
		int result = apply(options, &items->items[i], config_path, err);

		if (result < 0) {
			return result;
		}
	}
	return 0;
}

static int apply_config(struct nv_options *options, const char *path, struct nv_err *err)
{
	struct nv_buf text = NV_BUF_INIT;
	cleanup_items struct items items = { 0 };

	int result = read_config(path, &text, err);
	if (result == 0) {
		result = parse_config(path, text.data, text.len, &items, err);
	}
	if (text.data) {
		explicit_bzero(text.data, text.cap);
	}
	nv_buf_release(&text);
	return result < 0 ? result : apply_all(options, &items, path, err);
}

static int apply_defaults(struct nv_options *options, struct nv_err *err)
{
	for (size_t i = 0; i < nv_option_table_count; i++) {
		const struct nv_option *option = &nv_option_table[i];

		if (option->default_value) {
			int result = option->set(options, option, option->default_value, err);
			if (result < 0) {
				return nv_wrap(err, "%s", option->key);
			}
		}
	}
	return 0;
}

static int apply_env(struct nv_options *options, nv_options_env_fn *get_env, struct nv_err *err)
{
	static const struct {
		const char *variable;
		const char *key;
	} variables[] = { { "NETVIEWFS_DOCS", "docs" }, { "NETVIEWFS_REDIS", "redis" } };

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const char *value = get_env(variables[i].variable);

		if (!value || *value == '\0') {
			continue;
		}
		cleanup_free char *key = strdup(variables[i].key);
		char *copy = strdup(value);
		struct item item = { .key = key, .value = copy, .source = SOURCE_ENV };
		int result = key && copy ? apply(options, &item, NULL, err) : no_memory(err);
		wipe(copy);
		if (result < 0) {
			return result;
		}
	}
	return 0;
}

static int set_mount_point(struct nv_options *options, const char *word, struct nv_err *err)
{
	/* mount(8) and fstab put a source before the mount point. */
	const char *before = options->mount_point;
	bool is_source =
		before && (strcmp(before, "none") == 0 || strcmp(before, "netviewfs") == 0);

	if (before && !is_source) {
		return nv_fail(
			err, EINVAL,
			"one mount point is wanted, not two; options are given as -o KEY=VALUE");
	}
	char *copy = strdup(word);
	if (!copy) {
		return no_memory(err);
	}
	free(options->mount_point);
	options->mount_point = copy;
	return 0;
}

/* One word that begins with '-'. *index moves over the words taken. */
static int parse_dash(int argc, char *const *argv, int *index, struct nv_options *options,
                      struct items *items, struct nv_err *err)
{
	const char *word = argv[*index];

	if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
		options->help = true;
	} else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0) {
		options->version = true;
	} else if (strcmp(word, "--create-indexes") == 0) {
		options->create_indexes = true;
	} else if (strcmp(word, "-f") == 0 || strcmp(word, "--foreground") == 0) {
		options->foreground = true;
	} else if (strcmp(word, "-d") == 0 || strcmp(word, "--debug") == 0) {
		options->foreground = true;
		options->debug = true;
	} else if (strcmp(word, "-o") == 0) {
		if (*index + 1 >= argc) {
			return nv_fail(err, EINVAL, "-o: options are missing behind it");
		}
		return items_add_list(items, argv[++*index], err);
	} else if (strncmp(word, "-o", 2) == 0) {
		return items_add_list(items, word + 2, err);
	} else if (strcspn(word, "=:") < strlen(word) || strlen(word) >= NV_OPTION_KEY_MAX) {
		return nv_fail(
			err, EINVAL,
			"an argument is no option: options are given as -o KEY=VALUE; --help lists them");
	} else {
		return nv_fail(err, EINVAL, "%s: no such option; --help lists them", word);
	}
	return 0;
}

static int parse_command(int argc, char *const *argv, struct nv_options *options,
                         struct items *items, struct nv_err *err)
{
	bool only_words = false;

	for (int i = 1; i < argc; i++) {
		int result;

		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		if (!only_words && argv[i][0] == '-' && argv[i][1] != '\0') {
			result = parse_dash(argc, argv, &i, options, items, err);
		} else {
			result = set_mount_point(options, argv[i], err);
		}
		if (result < 0) {
			return result;
		}
	}
	return 0;
}

/* What all options together must say, and what follows from them. */
static int finish(struct nv_options *options, struct nv_err *err)
{
	if (options->create_indexes) {
		bool good = options->docs && !options->mount_point;
		return good ? 0
		            : nv_fail(err, EINVAL,
		                      "--create-indexes wants -o docs=URI, and no mount point");
	}
	if (!options->mount_point || options->mount_point[0] == '\0') {
		return nv_fail(
			err, EINVAL,
			"no mount point is given: netviewfs -o docs=sqlite:PATH,redis=URI MOUNTPOINT; --help says more");
	}
	if (!options->docs && !options->has_redis) {
		return nv_fail(err, EINVAL,
		               "no store is given: -o docs=URI, -o redis=URI, or both");
	}
	if (options->ro && options->mode == NV_MOUNT_RESTORE) {
		return nv_fail(err, EINVAL, "restore: writes a backup back, so it cannot be ro");
	}
	if (options->has_redis && options->processed_db == options->redis.db) {
		return nv_fail(err, EINVAL, "processed_db: database %ld is the main one of redis=",
		               options->processed_db);
	}
	int result = nv_options_default_fuse_arg(options, "fsname", "netviewfs", err);
	if (result == 0) {
		result = nv_options_default_fuse_arg(options, "subtype", "netviewfs", err);
	}
	if (result == 0 && (nv_options_has_fuse_arg(options, "allow_other") ||
	                    nv_options_has_fuse_arg(options, "allow_root"))) {
		result = nv_options_default_fuse_arg(options, "default_permissions", NULL, err);
	}
	return result;
}

int nv_options_parse(int argc, char *const *argv, nv_options_env_fn *get_env,
                     struct nv_options *ret_options, struct nv_err *err)
{
	cleanup_options struct nv_options options = { 0 };
	cleanup_items struct items items = { 0 };

	int result = parse_command(argc, argv, &options, &items, err);
	if (result == 0 && !options.help && !options.version) {
		result = apply_defaults(&options, err);
		for (size_t i = 0; i < items.count && result == 0; i++) {
			if (strcmp(items.items[i].key, "config") == 0) {
				result = apply(&options, &items.items[i], NULL, err);
			}
		}
		if (result == 0 && options.config) {
			result = apply_config(&options, options.config, err);
		}
		if (result == 0) {
			result = apply_env(&options, get_env, err);
		}
		if (result == 0) {
			result = apply_all(&options, &items, NULL, err);
		}
		if (result == 0) {
			result = finish(&options, err);
		}
	}
	if (result < 0) {
		return result;
	}
	*ret_options = options;
	options = (struct nv_options){ 0 };
	return 0;
}

void nv_options_release(struct nv_options *options)
{
	free(options->mount_point);
	wipe(options->docs);
	nv_redis_uri_release(&options->redis);
	free(options->layout);
	free(options->config);
	free(options->schema);
	free(options->plugin);
	free(options->actor);
	for (size_t i = 0; i < options->fuse_args_count; i++) {
		free(options->fuse_args[i]);
	}
	free(options->fuse_args);
	*options = (struct nv_options){ 0 };
}
