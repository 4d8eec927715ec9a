/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options as text: for --help, and for .netviewfs/status.
 */
#include "config.h"

#include <string.h>

#include "options.h"
#include "options_table.h"

enum { HELP_COLUMN = 26 };

static const char help_head[] =
	"Usage: netviewfs [-f] [-d] -o OPTION[,OPTION...] MOUNTPOINT\n"
	"\n"
	"Mounts the documents of Netgoat and the keys of Netdox as directories and text\n"
	"files.\n"
	"\n"
	"  -f, --foreground        stay in the foreground and log to stderr\n"
	"  -d, --debug             -f, with a trace of all requests\n"
	"  --create-indexes        make the indexes that docs= lacks, say which, and end;\n"
	"                          without a mount point\n"
	"  -h, --help              this text\n"
	"  -V, --version           version, libraries and build\n"
	"\n"
	"Options, for -o and for the lines of a configuration file:\n";

static const char help_foot[] =
	"and those of mount.fuse3(8).\n"
	"\n"
	"NETVIEWFS_DOCS and NETVIEWFS_REDIS in the environment stand for docs= and redis=.\n"
	"The command line wins over them, and they win over the configuration file.\n"
	"Unmount with: fusermount3 -u MOUNTPOINT\n";

void nv_options_help(struct nv_buf *out)
{
	nv_buf_puts(out, help_head);
	for (size_t i = 0; i < nv_option_table_count; i++) {
		const struct nv_option *option = &nv_option_table[i];

		if (!option->help) {
			continue;
		}
		size_t start = out->len;
		nv_buf_printf(out, "  %s%s%s", option->key, option->value ? "=" : "",
		              option->value ? option->value : "");
		nv_buf_printf(out, "%*s%s", (int)(HELP_COLUMN - (out->len - start)), "",
		              option->help);
		if (option->default_value) {
			nv_buf_printf(out, " (default: %s)", option->default_value);
		}
		nv_buf_putc(out, '\n');
	}
	nv_buf_puts(out, help_foot);
}

static void put_setting(struct nv_buf *out, const char *key, const char *value)
{
	if (value) {
		nv_buf_printf(out, ",%s=%s", key, value);
	}
}

/* A document store's URI without its login and its driver's options, which may hold secrets. */
static void put_docs(struct nv_buf *out, const char *uri)
{
	const char *host = uri ? strstr(uri, "://") : NULL;

	if (!host) {
		put_setting(out, "docs", uri);
		return;
	}
	host += strlen("://");
	int scheme_size = (int)(host - uri);
	const char *options = strchr(host, '?');
	const char *login = strrchr(host, '@');
	if (login && options && login > options) {
		host = ""; /* nobody can tell where the login ends */
	} else if (login) {
		host = login + 1;
	}
	nv_buf_printf(out, ",docs=%.*s%.*s", scheme_size, uri, (int)strcspn(host, "?"), host);
}

void nv_options_describe(const struct nv_options *options, struct nv_buf *out)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	nv_buf_printf(&text, ",%s", options->ro ? "ro" : "rw");
	if (options->mode != NV_MOUNT_NORMAL) {
		nv_buf_puts(&text, options->mode == NV_MOUNT_FULL ? ",full" : ",restore");
	}
	put_docs(&text, options->docs);
	if (options->has_redis) {
		nv_buf_printf(&text, ",redis=%s,processed_db=%ld", options->redis.address,
		              options->processed_db);
		put_setting(&text, "plugin", options->plugin);
	}
	put_setting(&text, "schema", options->schema);
	put_setting(&text, "actor", options->actor);
	put_setting(&text, "config", options->config);
	nv_buf_printf(&text, ",timeout=%g,scratch=%zu,changelog=%ld",
	              (double)options->timeout_ms / 1000, options->scratch_bytes,
	              options->changelog_entries);
	if (options->umask) {
		nv_buf_printf(&text, ",umask=%03o", (unsigned)options->umask);
	}
	if (options->has_uid) {
		nv_buf_printf(&text, ",uid=%lu", (unsigned long)options->uid);
	}
	if (options->has_gid) {
		nv_buf_printf(&text, ",gid=%lu", (unsigned long)options->gid);
	}
	for (size_t i = 0; i < options->fuse_args_count; i++) {
		nv_buf_printf(&text, ",%s", options->fuse_args[i]);
	}
	nv_buf_puts(out, text.data ? text.data + 1 : "");
}
