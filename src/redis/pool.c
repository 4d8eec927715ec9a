/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server as an object: configuration, idle connections, breaker.
 */
#include "config.h"

#include "redis/pool.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "redis/connect.h"
#include "redis/lend.h"
#include "redis/pipeline.h"

/* Idle connections kept; more than this many threads rarely ask at once. */
enum { IDLE_MAX = 16 };

struct nv_redis {
	struct nv_redis_uri uri;    /* owned; constant */
	char *client_name;          /* owned; constant */
	int dbs[NV_REDIS_DB_COUNT]; /* numbers; constant */
	int timeout_ms;             /* constant */
	struct nv_clock *clock;     /* borrowed */
	struct nv_metrics *metrics; /* borrowed; may be NULL */

	pthread_mutex_t mutex;
	struct nv_redis_conn *idle; /* owned list, the one used last first; mutex */
	size_t idle_count;          /* mutex */
	uint64_t epoch;             /* connections opened before it began are not kept; mutex */
	struct nv_breaker breaker; /* mutex */
};

static int copy_text(const char *text, char **ret_copy)
{
	if (text) {
		*ret_copy = strdup(text);
		if (!*ret_copy) {
			return -ENOMEM;
		}
	}
	return 0;
}

static int copy_uri(const struct nv_redis_uri *uri, struct nv_redis_uri *ret_uri)
{
	struct nv_redis_uri copy cleanup_redis_uri = NV_REDIS_URI_INIT;

	if (copy_text(uri->host, &copy.host) < 0 || copy_text(uri->path, &copy.path) < 0 ||
	    copy_text(uri->user, &copy.user) < 0 || copy_text(uri->password, &copy.password) < 0 ||
	    copy_text(uri->address, &copy.address) < 0) {
		return -ENOMEM;
	}
	copy.port = uri->port;
	copy.db = uri->db;
	*ret_uri = copy;
	copy = (struct nv_redis_uri)NV_REDIS_URI_INIT;
	return 0;
}

static int check_config(const struct nv_redis_config *config, struct nv_err *err)
{
	if (config->processed_db < 0 || config->processed_db >= NV_REDIS_DB_LIMIT) {
		return nv_fail(err, EINVAL, "processed_db is a number from 0");
	}
	if (config->processed_db == config->uri->db) {
		return nv_fail(err, EINVAL,
		               "processed_db is %d, which is the main database: they must differ",
		               config->processed_db);
	}
	if (config->timeout_ms <= 0) {
		return nv_fail(err, EINVAL, "the timeout must be more than 0");
	}
	if (config->client_name &&
	    config->client_name[strcspn(config->client_name, " \t\r\n")] != '\0') {
		return nv_fail(err, EINVAL, "the client name holds a blank");
	}
	return 0;
}

int nv_redis_new(const struct nv_redis_config *config, struct nv_redis **ret_redis,
                 struct nv_err *err)
{
	int r = check_config(config, err);

	if (r < 0) {
		return r;
	}

	struct nv_redis *redis = calloc(1, sizeof(*redis));

	if (!redis) {
		goto fail;
	}
	if (copy_uri(config->uri, &redis->uri) < 0) {
		goto free_redis;
	}
	redis->client_name = strdup(config->client_name ? config->client_name : "netviewfs");
	if (!redis->client_name) {
		goto release_uri;
	}
	if (pthread_mutex_init(&redis->mutex, NULL) != 0) {
		goto free_name;
	}
	redis->dbs[NV_REDIS_MAIN] = config->uri->db;
	redis->dbs[NV_REDIS_PROCESSED] = config->processed_db;
	redis->timeout_ms = config->timeout_ms;
	redis->clock = config->clock;
	redis->metrics = config->metrics;
	*ret_redis = redis;
	return 0;

free_name:
	free(redis->client_name);
release_uri:
	nv_redis_uri_release(&redis->uri);
free_redis:
	free(redis);
fail:
	return nv_fail(err, ENOMEM, "out of memory");
}

static void free_all(struct nv_redis_conn *list)
{
	while (list) {
		struct nv_redis_conn *next = list->next;

		nv_redis_conn_free(list);
		list = next;
	}
}

void nv_redis_free(struct nv_redis *redis)
{
	if (redis) {
		free_all(redis->idle);
		(void)pthread_mutex_destroy(&redis->mutex); /* no request is under way */
		free(redis->client_name);
		nv_redis_uri_release(&redis->uri);
		free(redis);
	}
}

const char *nv_redis_address(const struct nv_redis *redis)
{
	return redis->uri.address;
}

int nv_redis_db_number(const struct nv_redis *redis, enum nv_redis_db db)
{
	return redis->dbs[db];
}

int64_t nv_redis_deadline(const struct nv_redis *redis)
{
	return nv_redis_now_ms() + redis->timeout_ms;
}

int nv_redis_timeout_ms(const struct nv_redis *redis)
{
	return redis->timeout_ms;
}

struct nv_metrics *nv_redis_metrics(const struct nv_redis *redis)
{
	return redis->metrics;
}

int nv_redis_admit(struct nv_redis *redis, bool *ret_probe, struct nv_err *err)
{
	int64_t now_ms = nv_clock_ms(redis->clock);

	(void)pthread_mutex_lock(&redis->mutex);

	int r = nv_breaker_admit(&redis->breaker, now_ms, ret_probe, err);

	(void)pthread_mutex_unlock(&redis->mutex);
	return r;
}

void nv_redis_done(struct nv_redis *redis, bool probe, enum nv_outcome outcome,
                   const struct nv_err *err)
{
	int64_t now_ms = nv_clock_ms(redis->clock);

	(void)pthread_mutex_lock(&redis->mutex);
	nv_breaker_done(&redis->breaker, now_ms, probe, outcome, err);
	(void)pthread_mutex_unlock(&redis->mutex);
}

/* Takes an idle connection out: one with the number selected when there is one, else, unless exact,
 * the newest. */
static struct nv_redis_conn *take_idle(struct nv_redis *redis, int number, bool exact)
{
	struct nv_redis_conn **best = NULL;

	for (struct nv_redis_conn **link = &redis->idle; *link; link = &(*link)->next) {
		if ((*link)->db == number) {
			best = link;
			break;
		}
		if (!exact && !best) {
			best = link;
		}
	}
	if (!best) {
		return NULL;
	}

	struct nv_redis_conn *conn = *best;

	*best = conn->next;
	conn->next = NULL;
	redis->idle_count--;
	return conn;
}

static int open_new(struct nv_redis *redis, int number, int64_t deadline_ms,
                    struct nv_redis_conn **ret_conn, struct nv_err *err)
{
	(void)pthread_mutex_lock(&redis->mutex);

	uint64_t epoch = redis->epoch;

	(void)pthread_mutex_unlock(&redis->mutex);
	nv_metric_add(redis->metrics, NV_METRIC_REDIS_CONNECTS, 1);

	int r = nv_redis_connect(&redis->uri, number, redis->client_name, deadline_ms, ret_conn,
	                         err);

	if (r == 0) {
		(*ret_conn)->epoch = epoch;
	}
	return r;
}

int nv_redis_lend(struct nv_redis *redis, enum nv_redis_db db, bool exact, bool fresh,
                  int64_t deadline_ms, struct nv_redis_conn **ret_conn, bool *ret_pooled,
                  struct nv_err *err)
{
	int number = redis->dbs[db];

	*ret_pooled = false;
	while (!fresh) {
		(void)pthread_mutex_lock(&redis->mutex);

		struct nv_redis_conn *conn = take_idle(redis, number, exact);

		(void)pthread_mutex_unlock(&redis->mutex);
		if (!conn) {
			break;
		}
		/* Looked at outside the lock; one that the server has closed (a restart, its idle
		 * timeout) is not worth a failure. */
		if (nv_redis_conn_is_usable(conn)) {
			*ret_conn = conn;
			*ret_pooled = true;
			return 0;
		}
		nv_redis_conn_free(conn);
	}
	return open_new(redis, number, deadline_ms, ret_conn, err);
}

void nv_redis_give_back(struct nv_redis *redis, struct nv_redis_conn *conn)
{
	(void)pthread_mutex_lock(&redis->mutex);
	if (conn->epoch == redis->epoch && redis->idle_count < IDLE_MAX) {
		conn->next = redis->idle;
		redis->idle = conn;
		redis->idle_count++;
		conn = NULL;
	}
	(void)pthread_mutex_unlock(&redis->mutex);
	nv_redis_conn_free(conn);
}

static struct nv_redis_conn *take_all(struct nv_redis *redis)
{
	(void)pthread_mutex_lock(&redis->mutex);

	struct nv_redis_conn *list = redis->idle;

	redis->idle = NULL;
	redis->idle_count = 0;
	redis->epoch++;
	(void)pthread_mutex_unlock(&redis->mutex);
	return list;
}

void nv_redis_drop(struct nv_redis *redis, struct nv_redis_conn *conn)
{
	nv_redis_conn_free(conn);
	free_all(take_all(redis));
}

void nv_redis_disconnect(struct nv_redis *redis)
{
	free_all(take_all(redis));
}

static int ping_db(struct nv_redis *redis, enum nv_redis_db db, int64_t deadline_ms,
                   struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(db);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	nv_redis_pipeline_words(&p, "PING", NULL);
	if (db == NV_REDIS_MAIN) {
		/* A login that may do all but this would mount, and fail in every directory. */
		nv_redis_pipeline_words(&p, "EVAL", "return 1", "0", NULL);
		nv_redis_pipeline_words(&p, "EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
		                        "0", NULL);
	}
	return nv_redis_pipeline_run(redis, &p, deadline_ms, &replies, err);
}

int nv_redis_ping(struct nv_redis *redis, struct nv_err *err)
{
	int64_t deadline_ms = nv_redis_deadline(redis);
	int r = ping_db(redis, NV_REDIS_MAIN, deadline_ms, err);

	return r < 0 ? r : ping_db(redis, NV_REDIS_PROCESSED, deadline_ms, err);
}
