/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Documents on any server that speaks MongoDB's protocol: opening, closing, what is known of the
 * server. Queries are in mongoquery.c, commits in mongocommit.c, the changelog in mongolog.c.
 */
#include "config.h"

#include "docstore/mongo.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "docstore/mongoindex.h"
#include "docstore/mongopending.h"

enum { DAY_S = 86400 };

static const struct nv_docstore_ops mongo_ops;

struct nv_mongo *nv_mongo(struct nv_docstore *store)
{
	assert(store->ops == &mongo_ops);
	return (struct nv_mongo *)store;
}

/* ---- What the driver tells ---- */

/* The driver's monitors would write to stderr at every heartbeat that fails. */
static void say_nothing(mongoc_log_level_t level, const char *domain, const char *message,
                        void *user_data)
{
	(void)level;
	(void)domain;
	(void)message;
	(void)user_data;
}

/*
 * The driver counts in shared memory, for a tool of its own, from the moment it is loaded. A
 * process that is killed would leave the file there for good, and the next one of its process id
 * would have the driver complain on stderr. The memory stays without its name.
 */
__attribute__((constructor)) static void hide_counters(void)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "/mongoc-%u", (unsigned)getpid());
	(void)shm_unlink(name);
}

static void init_driver(void)
{
	mongoc_log_set_handler(say_nothing, NULL);
	mongoc_init();
}

static void count_command(const mongoc_apm_command_started_t *event)
{
	struct nv_mongo *store = mongoc_apm_command_started_get_context(event);
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_ROUND_TRIPS, 1);
	nv_metric_add(store->base.metrics, NV_METRIC_DOCS_COMMANDS, 1);
}

/* What can take writes differs in what it can do. 0: nothing that takes writes. */
static int kind_of(const char *type)
{
	static const char *const kinds[] = { "Standalone", "RSPrimary", "Mongos", "LoadBalancer" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(type, kinds[i]) == 0) {
			return (int)i + 1;
		}
	}
	return 0;
}

/* On a monitor's thread: a server is back, so nobody needs to wait for the breaker; another kind of
 * server may have other abilities. */
static void server_changed(const mongoc_apm_server_changed_t *event)
{
	struct nv_mongo *store = mongoc_apm_server_changed_get_context(event);
	const char *type = mongoc_server_description_type(
		(mongoc_server_description_t *)(void *)
			mongoc_apm_server_changed_get_new_description(event));
	if (strcmp(type, "Unknown") == 0) {
		return;
	}
	pthread_mutex_lock(&store->mutex);
	store->breaker.open = false;
	pthread_mutex_unlock(&store->mutex);
	int kind = kind_of(type);
	if (kind > 0) {
		int before = atomic_exchange(&store->server_kind, kind);
		if (before > 0 && before != kind) {
			atomic_store(&store->transactions, NV_MONGO_UNKNOWN);
		}
	}
}

static bool make_pool(struct nv_mongo *store, const mongoc_uri_t *uri)
{
	bson_error_t error;
	store->pool = mongoc_client_pool_new_with_error(uri, &error);
	if (!store->pool) {
		return false;
	}
	mongoc_apm_callbacks_t *callbacks = mongoc_apm_callbacks_new();
	mongoc_apm_set_command_started_cb(callbacks, count_command);
	mongoc_apm_set_server_changed_cb(callbacks, server_changed);
	bool done = mongoc_client_pool_set_apm_callbacks(store->pool, callbacks, store) &&
	            mongoc_client_pool_set_error_api(store->pool, MONGOC_ERROR_API_VERSION_2);
	mongoc_apm_callbacks_destroy(callbacks);
	/* A name that the user gave in the URI stays. */
	if (!mongoc_uri_has_option(uri, MONGOC_URI_APPNAME)) {
		done = done && mongoc_client_pool_set_appname(store->pool, "netviewfs");
	}
	return done;
}

/* ---- What the server is ---- */

/* Who answers: a read-only mount needs no primary if the URI says so. */
static const mongoc_read_prefs_t *reading(const struct nv_mongo_call *call)
{
	return call->primary ? call->store->primary : mongoc_client_get_read_prefs(call->client);
}

static int run_simple(struct nv_mongo_call *call, const char *command, bson_t *reply,
                      struct nv_err *err)
{
	bson_error_t error;
	bson_t doc = BSON_INITIALIZER;
	BSON_APPEND_INT32(&doc, command, 1);
	int rc = nv_mongo_check_time(call, err);
	if (rc < 0) {
		bson_init(reply);
	} else if (mongoc_client_command_simple(call->client, call->store->database, &doc,
	                                        reading(call), reply, &error)) {
		call->outcome = NV_OUTCOME_ANSWERED;
	} else {
		rc = nv_mongo_failed(call, &error, reply, err);
	}
	bson_destroy(&doc);
	return rc;
}

static void note_topology(struct nv_mongo_call *call, char *out, size_t size)
{
	bson_error_t error;
	bson_iter_t iter;
	mongoc_server_description_t *server =
		mongoc_client_select_server(call->client, false, reading(call), &error);
	const char *type = server ? mongoc_server_description_type(server) : "Unknown";
	const bson_t *hello = server ? mongoc_server_description_hello_response(server) : NULL;
	const char *set =
		hello && bson_iter_init_find(&iter, hello, "setName") && BSON_ITER_HOLDS_UTF8(&iter)
			? bson_iter_utf8(&iter, NULL)
			: NULL;
	if (set) {
		(void)snprintf(out, size, "replica set %s", set);
	} else {
		(void)snprintf(out, size, "%s",
		               strcmp(type, "Mongos") == 0 ? "sharded cluster" : "standalone");
	}
	if (server) {
		mongoc_server_description_destroy(server);
	}
}

/* Fills in version; the login and the database's rights are tried on the way. */
static int look_at_server(struct nv_mongo_call *call, struct nv_err *err)
{
	bson_t reply;
	bson_iter_t iter;
	char topology[64];
	int rc = run_simple(call, "ping", &reply, err);
	bson_destroy(&reply);
	if (rc < 0) {
		return rc;
	}
	rc = run_simple(call, "buildInfo", &reply, NULL); /* some proxies do not say */
	bool told = rc == 0 && bson_iter_init_find(&iter, &reply, "version") &&
	            BSON_ITER_HOLDS_UTF8(&iter);
	note_topology(call, topology, sizeof(topology));
	(void)snprintf(call->store->version, sizeof(call->store->version), "MongoDB %.40s, %s",
	               told ? bson_iter_utf8(&iter, NULL) : "of an unknown version", topology);
	bson_destroy(&reply);
	return 0;
}

static void describe_durability(struct nv_mongo *store)
{
	(void)snprintf(store->durability, sizeof(store->durability),
	               "write concern %s; a document and its entry are one %s",
	               store->majority ? "majority" : "of the URI",
	               atomic_load(&store->transactions) == NV_MONGO_YES
	                       ? "transaction"
	                       : "pending entry, settled after a crash");
}

/* What mounts left pending is settled before anything is shown. A server with transactions has
 * pending entries only from the time when it had none, or when a mount was told so for a moment:
 * those of the last day are looked for. There is no index for the others, and a changelog can be
 * long. */
static int settle_first(struct nv_mongo_call *call, struct nv_err *err)
{
	struct timespec now = nv_clock_wall(call->store->base.clock);
	bool all = atomic_load(&call->store->transactions) == NV_MONGO_NO;
	int rc = nv_mongopending_settle(call, all ? 0 : (int64_t)now.tv_sec - DAY_S, err);
	return rc == -ETIMEDOUT ? nv_wrap(err, "looking for pending changelog entries "
	                                       "(an index helps: netviewfs --create-indexes)")
	                        : rc;
}

/* The first contact. */
static int meet_server(struct nv_mongo *store, struct nv_err *err)
{
	struct nv_mongo_call call;
	int rc = nv_mongo_begin(store, &call, err);
	if (rc < 0) {
		return rc;
	}
	call.primary = !store->base.readonly;
	rc = look_at_server(&call, err);
	if (rc == 0 && !store->base.readonly) {
		rc = nv_mongo_probe_transactions(&call, err);
		rc = rc < 0 ? rc : settle_first(&call, err);
	}
	nv_mongo_end(&call);
	if (rc == 0 && !store->base.readonly && atomic_load(&store->transactions) == NV_MONGO_NO) {
		rc = nv_mongosettler_start(store, err);
	}
	describe_durability(store);
	return rc;
}

static int mongo_ping(struct nv_docstore *base, struct nv_err *err)
{
	struct nv_mongo_call call;
	bson_t reply;
	int rc = nv_mongo_begin(nv_mongo(base), &call, err);
	if (rc < 0) {
		return rc;
	}
	rc = run_simple(&call, "ping", &reply, err);
	bson_destroy(&reply);
	nv_mongo_end(&call);
	return rc;
}

static void mongo_describe(struct nv_docstore *base, struct nv_docstore_info *ret_info)
{
	struct nv_mongo *store = nv_mongo(base);
	ret_info->version = store->version;
	ret_info->location = store->location;
	ret_info->durability = store->durability;
	ret_info->transactions = atomic_load(&store->transactions) == NV_MONGO_YES;
}

/* ---- Lifetime ---- */

static void mongo_close(struct nv_docstore *base)
{
	struct nv_mongo *store = nv_mongo(base);
	nv_mongosettler_stop(store->settler);
	if (store->pool) {
		mongoc_client_pool_destroy(store->pool);
	}
	nv_mongoindex_release(store);
	mongoc_transaction_opts_destroy(store->transaction);
	mongoc_read_prefs_destroy(store->primary);
	pthread_mutex_destroy(&store->guards);
	pthread_mutex_destroy(&store->mutex);
	free(store->location);
	free(store->database);
	free(store);
}

static const struct nv_docstore_ops mongo_ops = {
	.name = "mongodb",
	.close = mongo_close,
	.describe = mongo_describe,
	.ping = mongo_ping,
	.collections = nv_mongo_collections,
	.query = nv_mongo_query,
	.commit = nv_mongo_commit,
	.log_open = nv_mongo_log_open,
	.log_close = nv_mongo_log_close,
	.log_read = nv_mongo_log_read,
	.indexes = nv_mongo_indexes,
};

/* A commit decides by what it reads, so it reads where it writes, and waits for no majority to
 * read: a transaction whose snapshot is old conflicts when it writes. */
static void decide_by_primary(struct nv_mongo *store)
{
	mongoc_read_concern_t *concern = mongoc_read_concern_new();
	mongoc_read_concern_set_level(concern, MONGOC_READ_CONCERN_LEVEL_LOCAL);
	store->primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
	store->transaction = mongoc_transaction_opts_new();
	mongoc_transaction_opts_set_read_prefs(store->transaction, store->primary);
	mongoc_transaction_opts_set_read_concern(store->transaction, concern);
	mongoc_read_concern_destroy(concern);
}

static bool is_majority(const mongoc_uri_t *uri)
{
	const mongoc_write_concern_t *concern = mongoc_uri_get_write_concern(uri);
	return concern && mongoc_write_concern_get_wmajority(concern);
}

static int mongo_open(const mongoc_uri_t *uri, const struct nv_docstore_config *config,
                      struct nv_docstore **ret_store, struct nv_err *err)
{
	struct nv_mongo *store = calloc(1, sizeof(*store));
	if (!store) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	nv_docstore_init(&store->base, &mongo_ops, config);
	pthread_mutex_init(&store->mutex, NULL);
	pthread_mutex_init(&store->guards, NULL);
	store->database = strdup(mongoc_uri_get_database(uri));
	store->location = nv_mongo_location(uri);
	store->majority = is_majority(uri);
	decide_by_primary(store);
	/* Whoever waits for a server in vain has waited long enough to spare others the wait. */
	store->slow_ms = store->base.timeout_ms / 5;
	nv_mongopending_owner(store->owner, sizeof(store->owner));
	int rc = store->database && store->location ? 0 : nv_fail(err, ENOMEM, "out of memory");
	rc = rc < 0 ? rc : nv_mongoindex_declare(store, config, err);
	if (rc == 0 && !make_pool(store, uri)) {
		rc = nv_fail(err, EINVAL, "%s: the MongoDB driver does not take the URI's options",
		             store->location);
	}
	rc = rc < 0 ? rc : meet_server(store, err);
	if (rc < 0) {
		mongo_close(&store->base);
		return rc;
	}
	*ret_store = &store->base;
	return 0;
}

int nv_mongo_open(const char *uri, const struct nv_docstore_config *config,
                  struct nv_docstore **ret_store, struct nv_err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	mongoc_uri_t *parsed = NULL;
	(void)pthread_once(&once, init_driver);
	uint32_t timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : NV_DOCSTORE_TIMEOUT_MS;
	int rc = nv_mongo_uri(uri, timeout_ms, &parsed, err);
	if (rc < 0) {
		return rc;
	}
	rc = mongo_open(parsed, config, ret_store, err);
	mongoc_uri_destroy(parsed);
	return rc;
}
