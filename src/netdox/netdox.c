/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The family's life, and whether the database is one of the layout that is served.
 */
#include "config.h"

#include "netdox/netdox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netdox/claims.h"
#include "netdox/family.h"
#include "netdox/names.h"
#include "redis/pipeline.h"

enum { CACHE_ENTRIES = 4096 }; /* more than several walkers read ahead in a second */

static int find_rows(struct nv_netdox *netdox, const struct nv_netdox_config *config,
                     struct nv_err *err)
{
	for (size_t i = 0; i < config->rows_count; i++) {
		const struct nv_row *row = &config->rows[i];

		if (row->family == NV_FAMILY_NETDOX && row->kind >= 0 &&
		    row->kind < NV_NETDOX_KIND_COUNT) {
			netdox->rows[row->kind] = row;
		}
	}
	for (int kind = 0; kind < NV_NETDOX_KIND_COUNT; kind++) {
		const struct nv_layout *layout = &nv_netdox_layouts[kind];

		if (kind == NV_NETDOX_LAST_MODIFIED && netdox->mode < NV_MOUNT_FULL) {
			netdox->rows[kind] = NULL;
			continue;
		}
		if (!netdox->rows[kind] || strcmp(netdox->rows[kind]->pattern, layout->path) != 0) {
			return nv_fail(err, EINVAL, "the tree has no row '%s'", layout->path);
		}
	}
	return 0;
}

int nv_netdox_new(const struct nv_netdox_config *config, struct nv_netdox **ret_netdox,
                  struct nv_err *err)
{
	struct nv_netdox *netdox = calloc(1, sizeof(*netdox));
	int r;

	if (!netdox) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	pthread_mutex_init(&netdox->lock, NULL);
	netdox->redis = config->redis;
	netdox->clock = config->clock;
	netdox->ro = config->ro;
	netdox->mode = config->mode;
	r = find_rows(netdox, config, err);
	if (r < 0) {
		goto free_netdox;
	}
	r = -ENOMEM;
	netdox->plugin = strdup(config->plugin && *config->plugin ? config->plugin : "netviewfs");
	netdox->networks = nv_strmap_new();
	netdox->restored = nv_strmap_new();
	if (!netdox->plugin || !netdox->networks || !netdox->restored ||
	    nv_cache_new(netdox->clock, CACHE_ENTRIES, nv_snapshot_ref, nv_snapshot_unref,
	                 &netdox->cache) < 0 ||
	    nv_plan_scripts(&netdox->read_script, &netdox->commit_script) < 0 ||
	    nv_changelog_new(config->changelog_entries, &netdox->changelog) < 0) {
		(void)nv_fail(err, ENOMEM, "out of memory");
		goto free_netdox;
	}
	*ret_netdox = netdox;
	return 0;

free_netdox:
	nv_netdox_free(netdox);
	return r;
}

void nv_netdox_free(struct nv_netdox *netdox)
{
	if (!netdox) {
		return;
	}
	for (int i = 0; i < NV_OBJECT_COUNT; i++) {
		nv_snapshot_unref(netdox->lists[i]);
	}
	nv_changelog_free(netdox->changelog);
	nv_redis_script_free(netdox->read_script);
	nv_redis_script_free(netdox->commit_script);
	nv_cache_free(netdox->cache);
	nv_strmap_free(netdox->networks, free);
	nv_restored_free(netdox->restored);
	free(netdox->plugin);
	pthread_mutex_destroy(&netdox->lock);
	free(netdox);
}

void nv_netdox_forget(struct nv_netdox *netdox)
{
	nv_cache_invalidate_all(netdox->cache);
}

/* Counts sampled names that have a key `dns;NAME`, which this layout does not know, and those
 * that have `dns;NAME;plugins`. */
static int count_layouts(struct nv_netdox *netdox, const struct nv_redis_reply *names,
                         size_t *ret_other, size_t *ret_spec, struct nv_err *err)
{
	static const char *const templates[] = { "dns;$0", "dns;$0;plugins" };
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	size_t counts[2] = { 0, 0 };
	int r;

	for (size_t i = 0; i < names->count; i++) {
		struct nv_vars vars = { { nv_view(names->items[i].data, names->items[i].size) } };

		for (size_t j = 0; j < 2; j++) {
			struct nv_buf key cleanup_buf = NV_BUF_INIT;

			nv_layout_expand(&key, templates[j], &vars);
			if (nv_buf_error(&key)) {
				return nv_fail(err, ENOMEM, "out of memory");
			}
			nv_redis_pipeline_key(&p, "EXISTS", key.data, key.len);
		}
	}
	r = nv_redis_pipeline_run(netdox->redis, &p, 0, &replies, err);
	for (size_t i = 0; r == 0 && i < replies->count; i++) {
		counts[i % 2] += replies->items[i].integer == 1;
	}
	if (r == 0) {
		*ret_other = counts[0];
		*ret_spec = counts[1];
	}
	return r;
}

int nv_netdox_probe(struct nv_netdox *netdox, struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	size_t other = 0;
	size_t spec = 0;
	int r;

	nv_redis_pipeline_words(&p, "SRANDMEMBER", "dns", "64", NULL);
	r = nv_redis_pipeline_run(netdox->redis, &p, 0, &replies, err);
	if (r < 0) {
		return r;
	}
	if (replies->items[0].type != NV_REDIS_ARRAY || replies->items[0].count == 0) {
		return 0; /* no names, or a key of another type, which its path will tell of */
	}
	r = count_layouts(netdox, &replies->items[0], &other, &spec, err);
	if (r == 0 && other > spec) {
		return nv_fail(err, EINVAL,
		               "the database looks like another layout than the specification's: "
		               "%zu of %zu DNS names have a key `dns;NAME`, %zu have "
		               "`dns;NAME;plugins`; -o layout=spec mounts it all the same",
		               other, replies->items[0].count, spec);
	}
	return r;
}

int nv_netdox_check_empty(struct nv_netdox *netdox, struct nv_err *err)
{
	struct nv_bytes key cleanup_bytes = NV_BYTES_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	enum nv_redis_db db = NV_REDIS_MAIN;
	int r = nv_claims_first_key(netdox, &db, &key, err);

	if (r <= 0) {
		return r;
	}
	nv_printable(&text, key.data, key.size);
	return nv_fail(err, ENOTEMPTY,
	               "database %d is not empty: it has the key '%s', and a restore begins with "
	               "none of the model's",
	               nv_redis_db_number(netdox->redis, db), text.data ? text.data : "");
}

int nv_netdox_describe(struct nv_netdox *netdox, struct nv_buf *out)
{
	nv_buf_printf(out, "netdox layout: spec (Data Structure Specification)\n");
	nv_buf_printf(out, "netdox plugin: %s (in entries of data that names none)\n",
	              netdox->plugin);
	nv_buf_printf(out, "netdox scripts: read %.12s, commit %.12s\n",
	              nv_redis_script_sha1(netdox->read_script),
	              nv_redis_script_sha1(netdox->commit_script));
	return nv_buf_error(out);
}
