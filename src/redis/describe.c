/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What .netviewfs/status says of the server: what it is, and what becomes of saved data when it
 * stops.
 */
#include "config.h"

#include "redis/pool.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "redis/info.h"
#include "redis/pipeline.h"

enum { SERVER, PERSISTENCE, REPLICATION, FSYNC, SNAPSHOTS };

/* The value of the one parameter that CONFIG GET was asked for; "" when the login may not ask. */
static const char *config_value(const struct nv_redis_reply *reply)
{
	if (reply->type != NV_REDIS_ARRAY || reply->count < 2 ||
	    reply->items[1].type != NV_REDIS_BULK) {
		return "";
	}
	return reply->items[1].data;
}

static bool field_is(const struct nv_redis_reply *info, const char *name, const char *value)
{
	char text[32];

	return nv_redis_info_field(info, name, text, sizeof(text)) && strcmp(text, value) == 0;
}

static void describe_version(const struct nv_redis_replies *replies, struct nv_buf *out)
{
	char version[32], valkey[32];

	if (!nv_redis_info_field(&replies->items[SERVER], "redis_version", version,
	                         sizeof(version))) {
		nv_buf_puts(out, "redis version: unknown (the login may not ask INFO)\n");
		return;
	}
	if (nv_redis_info_field(&replies->items[SERVER], "valkey_version", valkey,
	                        sizeof(valkey))) {
		nv_buf_printf(out, "redis version: %s (valkey %s)\n", version, valkey);
	} else {
		nv_buf_printf(out, "redis version: %s\n", version);
	}
}

static void describe_durability(const struct nv_redis_replies *replies, struct nv_buf *out)
{
	const struct nv_redis_reply *info = &replies->items[PERSISTENCE];
	const char *fsync = config_value(&replies->items[FSYNC]);
	const struct nv_redis_reply *snapshots = &replies->items[SNAPSHOTS];

	if (info->type != NV_REDIS_BULK) {
		nv_buf_puts(out, "redis durability: unknown (the login may not ask INFO)\n");
		return;
	}
	if (field_is(info, "aof_enabled", "1")) {
		nv_buf_printf(out, "redis durability: append-only file, fsync %s\n",
		              fsync[0] ? fsync : "unknown");
	} else if (snapshots->type != NV_REDIS_ARRAY) {
		nv_buf_puts(out, "redis durability: no append-only file; snapshots unknown (the "
		                 "login may not ask CONFIG)\n");
	} else if (config_value(snapshots)[0]) {
		nv_buf_printf(out,
		              "redis durability: snapshots (save %s); what was written since the "
		              "last one is lost in a crash\n",
		              config_value(snapshots));
	} else {
		nv_buf_puts(out,
		            "redis durability: none; all data is lost when the server stops\n");
	}
	if (field_is(info, "aof_enabled", "1") && !field_is(info, "aof_last_write_status", "ok")) {
		nv_buf_puts(out, "redis warning: the last write of the append-only file failed\n");
	}
	if (!field_is(info, "rdb_last_bgsave_status", "ok")) {
		nv_buf_puts(out, "redis warning: the last snapshot failed\n");
	}
}

static void describe_up(const struct nv_redis_replies *replies, struct nv_buf *out)
{
	nv_buf_puts(out, "redis state: up\n");
	describe_version(replies, out);
	describe_durability(replies, out);
	if (field_is(&replies->items[REPLICATION], "role", "slave")) {
		nv_buf_puts(out, "redis warning: the server is a replica\n");
	}
}

int nv_redis_describe(struct nv_redis *redis, struct nv_buf *out)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	struct nv_err err = NV_ERR_INIT;

	nv_redis_pipeline_words(&p, "INFO", "server", NULL);
	nv_redis_pipeline_words(&p, "INFO", "persistence", NULL);
	nv_redis_pipeline_words(&p, "INFO", "replication", NULL);
	nv_redis_pipeline_words(&p, "CONFIG", "GET", "appendfsync", NULL);
	nv_redis_pipeline_words(&p, "CONFIG", "GET", "save", NULL);
	p.keep_errors = true;
	/* CONFIG GET is not in the table of reads, for CONFIG SET is no read; these here are all
	 * reads. */
	p.writes = false;

	int r = nv_redis_pipeline_run(redis, &p, 0, &replies, &err);

	if (r == -ENOMEM) {
		return r;
	}
	nv_buf_printf(out, "redis: %s, database %d, processed nodes in database %d\n",
	              nv_redis_address(redis), nv_redis_db_number(redis, NV_REDIS_MAIN),
	              nv_redis_db_number(redis, NV_REDIS_PROCESSED));
	if (r < 0) {
		nv_buf_printf(out, "redis state: down: %s\n", err.msg);
	} else {
		describe_up(replies, out);
	}
	return nv_buf_error(out);
}
