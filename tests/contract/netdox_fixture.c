/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "contract/netdox_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "codec/lines.h"
#include "redis/pipeline.h"
#include "tree.h"

enum { PATIENCE_MS = 20000 }; /* of tests in which nothing breaks */

static struct nv_redis *open_redis(struct netdox_fixture *f, const char *uri_text, int timeout_ms,
                                   struct nv_metrics *metrics)
{
	struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
	struct nv_redis *redis = NULL;

	if (nv_redis_uri_parse(uri_text, &uri, NULL) < 0) {
		return NULL;
	}
	struct nv_redis_config config = { .uri = &uri,
		                          .processed_db = 1,
		                          .timeout_ms = timeout_ms,
		                          .clock = f->clock,
		                          .metrics = metrics };
	return nv_redis_new(&config, &redis, NULL) < 0 ? NULL : redis;
}

void remount(struct netdox_fixture *f, size_t entries, bool ro)
{
	struct nv_netdox_config config = { .redis = f->redis,
		                           .clock = f->clock,
		                           .ro = ro,
		                           .mode = f->mode,
		                           .changelog_entries = entries };
	struct nv_row *rows = NULL;

	nv_netdox_free(f->netdox);
	f->netdox = NULL;
	if (nv_rows_new(nv_tree_rows, nv_tree_rows_count, f->mode, &rows, &f->tree.rows_count) <
	    0) {
		fail_msg("out of memory");
	}
	free(f->rows);
	f->rows = rows;
	f->tree.rows = rows;
	config.rows = rows;
	config.rows_count = f->tree.rows_count;
	if (nv_netdox_new(&config, &f->netdox, &f->err) < 0) {
		fail_msg("%s", f->err.msg);
	}
	f->tree.self[NV_FAMILY_NETDOX] = f->netdox;
}

void remount_as(struct netdox_fixture *f, enum nv_mount_mode mode)
{
	f->mode = mode;
	remount(f, mode == NV_MOUNT_NORMAL ? 0 : SIZE_MAX, false);
}

void reconnect(struct netdox_fixture *f, const char *uri, int timeout_ms)
{
	nv_netdox_free(f->netdox);
	f->netdox = NULL;
	nv_redis_free(f->redis);
	f->redis = open_redis(f, uri, timeout_ms, &f->metrics);
	assert_non_null(f->redis);
	remount(f, 0, false);
}

int netdox_setup(void **state)
{
	struct netdox_fixture *f = calloc(1, sizeof(*f));

	if (!f || nv_clock_new(&f->clock) < 0 || !nv_test_redis_new(&f->server, NULL)) {
		return -1;
	}
	f->redis = open_redis(f, f->server.uri, PATIENCE_MS, &f->metrics);
	f->direct = open_redis(f, f->server.uri, PATIENCE_MS, NULL);
	if (!f->redis || !f->direct) {
		return -1;
	}
	snprintf(f->logged, sizeof(f->logged), "0-0");
	remount(f, 0, false);
	*state = f;
	return 0;
}

int netdox_teardown(void **state)
{
	struct netdox_fixture *f = *state;

	nv_netdox_free(f->netdox);
	nv_redis_free(f->redis);
	nv_redis_free(f->direct);
	nv_clock_free(f->clock);
	nv_faults_release(&f->faults);
	nv_test_redis_release(&f->server);
	free(f->rows);
	free(f);
	return 0;
}

/* --- the second way --- */

static void ask(struct netdox_fixture *f, enum nv_redis_db db, size_t argc, const char *const *argv,
                const size_t *sizes, struct nv_redis_replies **ret_replies)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(db);
	struct nv_err err = NV_ERR_INIT;

	nv_redis_pipeline_add(&p, argc, argv, sizes);
	if (nv_redis_pipeline_run(f->direct, &p, 0, ret_replies, &err) < 0) {
		fail_msg("%s: %s", argv[0], err.msg);
	}
}

enum { WORDS_MAX = 64 };

static size_t take_words(va_list *words, const char *argv[WORDS_MAX])
{
	size_t argc = 0;

	for (const char *word = va_arg(*words, const char *); word;
	     word = va_arg(*words, const char *)) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = word;
	}
	return argc;
}

void redis_do(struct netdox_fixture *f, ...)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[WORDS_MAX];
	va_list words;

	va_start(words, f);
	size_t argc = take_words(&words, argv);
	va_end(words);
	ask(f, NV_REDIS_MAIN, argc, argv, NULL, &replies);
}

void redis_do1(struct netdox_fixture *f, ...)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[WORDS_MAX];
	va_list words;

	va_start(words, f);
	size_t argc = take_words(&words, argv);
	va_end(words);
	ask(f, NV_REDIS_PROCESSED, argc, argv, NULL, &replies);
}

void redis_bytes_in(struct netdox_fixture *f, enum nv_redis_db db, size_t argc,
                    const char *const *argv, const size_t *sizes)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	ask(f, db, argc, argv, sizes, &replies);
}

char *redis_text(struct netdox_fixture *f, enum nv_redis_db db, const char *script, size_t *ret_size)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[] = { "EVAL", script, "0" };

	ask(f, db, 3, argv, NULL, &replies);
	assert_int_equal(replies->items[0].type, NV_REDIS_BULK);
	char *text = malloc(replies->items[0].size + 1);
	assert_non_null(text);
	memcpy(text, replies->items[0].data, replies->items[0].size);
	text[replies->items[0].size] = '\0';
	*ret_size = replies->items[0].size;
	return text;
}

void redis_bytes(struct netdox_fixture *f, size_t argc, const char *const *argv,
                 const size_t *sizes)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;

	ask(f, NV_REDIS_MAIN, argc, argv, sizes, &replies);
}

/* Appends the items, joined; pairs as k=v; sorted unless it is a list. */
static void join(struct nv_buf *out, const struct nv_redis_reply *reply, size_t stride, bool sorted)
{
	struct nv_lines lines cleanup_lines = NV_LINES_INIT;

	for (size_t i = 0; i + stride <= reply->count; i += stride) {
		struct nv_buf line cleanup_buf = NV_BUF_INIT;

		nv_buf_append(&line, reply->items[i].data, reply->items[i].size);
		if (stride == 2) {
			nv_buf_putc(&line, '=');
			nv_buf_append(&line, reply->items[i + 1].data, reply->items[i + 1].size);
		}
		assert_int_equal(nv_lines_add(&lines, line.data ? line.data : "", line.len, 0), 0);
	}
	if (sorted) {
		nv_lines_sort(&lines);
	}
	for (size_t i = 0; i < lines.count; i++) {
		nv_buf_putc(out, i == 0 ? ' ' : '|');
		nv_buf_append(out, lines.items[i].bytes.data, lines.items[i].bytes.size);
	}
}

static const struct {
	const char *type;
	const char *argv[5];
	size_t argc;
	size_t stride;
	bool sorted;
} shows[] = {
	{ "list", { "LRANGE", "", "0", "-1" }, 4, 1, false },
	{ "set", { "SMEMBERS", "" }, 2, 1, true },
	{ "hash", { "HGETALL", "" }, 2, 2, true },
	{ "zset", { "ZRANGEBYSCORE", "", "-inf", "+inf", "WITHSCORES" }, 5, 2, true },
};

static void assert_key_in(struct netdox_fixture *f, enum nv_redis_db db, const char *key,
                          const char *expected)
{
	struct nv_redis_replies *type cleanup_redis_replies = NULL;
	struct nv_redis_replies *value cleanup_redis_replies = NULL;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	const char *ask_type[] = { "TYPE", key };

	ask(f, db, 2, ask_type, NULL, &type);
	nv_buf_puts(&text, type->items[0].data);
	if (nv_redis_reply_is(&type->items[0], "string")) {
		const char *get[] = { "GET", key };

		ask(f, db, 2, get, NULL, &value);
		nv_buf_putc(&text, ' ');
		nv_buf_append(&text, value->items[0].data, value->items[0].size);
	}
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		if (nv_redis_reply_is(&type->items[0], shows[i].type)) {
			const char *argv[5] = { shows[i].argv[0], key, shows[i].argv[2],
				                shows[i].argv[3], shows[i].argv[4] };

			ask(f, db, shows[i].argc, argv, NULL, &value);
			join(&text, &value->items[0], shows[i].stride, shows[i].sorted);
		}
	}
	if (strcmp(text.data, expected) != 0) {
		fail_msg("%s is '%s', expected '%s'", key, text.data, expected);
	}
}

void assert_key(struct netdox_fixture *f, const char *key, const char *expected)
{
	assert_key_in(f, NV_REDIS_MAIN, key, expected);
}

void assert_key1(struct netdox_fixture *f, const char *key, const char *expected)
{
	assert_key_in(f, NV_REDIS_PROCESSED, key, expected);
}

static void show_log(struct netdox_fixture *f, struct nv_buf *out)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[] = { "XRANGE", "changelog", f->logged, "+" };

	ask(f, NV_REDIS_MAIN, 4, argv, NULL, &replies);
	for (size_t i = 0; i < replies->items[0].count; i++) {
		const struct nv_redis_reply *entry = &replies->items[0].items[i];
		const struct nv_redis_reply *fields = &entry->items[1];

		if (strcmp(entry->items[0].data, f->logged) == 0) {
			continue;
		}
		assert_int_equal(fields->count, 6);
		assert_string_equal(fields->items[0].data, "change");
		assert_string_equal(fields->items[2].data, "value");
		assert_string_equal(fields->items[4].data, "plugin");
		nv_buf_printf(out, "%s,%s,%s\n", fields->items[1].data, fields->items[3].data,
		              fields->items[5].data);
		if (i + 1 == replies->items[0].count) {
			snprintf(f->logged, sizeof(f->logged), "%s", entry->items[0].data);
		}
	}
}

void assert_log(struct netdox_fixture *f, ...)
{
	struct nv_buf found cleanup_buf = NV_BUF_INIT;
	struct nv_buf expected cleanup_buf = NV_BUF_INIT;
	va_list words;

	va_start(words, f);
	for (const char *word = va_arg(words, const char *); word;
	     word = va_arg(words, const char *)) {
		nv_buf_printf(&expected, "%s\n", word);
	}
	va_end(words);
	show_log(f, &found);
	if (strcmp(found.data ? found.data : "", expected.data ? expected.data : "") != 0) {
		fail_msg("logged:\n%sexpected:\n%s", found.data ? found.data : "",
		         expected.data ? expected.data : "");
	}
}

long long log_length(struct netdox_fixture *f)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[] = { "XLEN", "changelog" };

	ask(f, NV_REDIS_MAIN, 2, argv, NULL, &replies);
	return replies->items[0].integer;
}

void assert_stamped(struct netdox_fixture *f, const char *key, bool stamped)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[] = { "HGET", "last-modified", key };

	ask(f, NV_REDIS_MAIN, 3, argv, NULL, &replies);
	if (!stamped) {
		assert_int_equal(replies->items[0].type, NV_REDIS_NIL);
		return;
	}
	assert_int_equal(replies->items[0].size, strlen("2026-11-24T13:31:01.123Z"));
	assert_int_equal(replies->items[0].data[10], 'T');
	assert_int_equal(replies->items[0].data[23], 'Z');
}

void assert_lives(struct netdox_fixture *f, const char *key, bool limited)
{
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	const char *argv[] = { "TTL", key };

	ask(f, NV_REDIS_MAIN, 2, argv, NULL, &replies);
	assert_true(limited ? replies->items[0].integer > 0 : replies->items[0].integer == -1);
}

unsigned long long trips(struct netdox_fixture *f)
{
	return atomic_exchange(&f->metrics.values[NV_METRIC_REDIS_ROUND_TRIPS], 0);
}

/* --- paths --- */

/* One path and its parent, resolved; the call that asks. */
struct at {
	char storage[2048];
	char parent_path[1024];
	char parent_storage[2048];
	struct nv_node node;
	struct nv_node parent;
	struct nv_call call;
};

static int resolve(struct netdox_fixture *f, const char *path, struct at *at)
{
	const char *slash = strrchr(path, '/');
	int r = nv_tree_resolve(&f->tree, path, at->storage, sizeof(at->storage), &at->node);

	if (r < 0) {
		return r;
	}
	snprintf(at->parent_path, sizeof(at->parent_path), "%.*s", slash ? (int)(slash - path) : 0,
	         path);
	r = nv_tree_resolve(&f->tree, at->parent_path, at->parent_storage,
	                    sizeof(at->parent_storage), &at->parent);
	nv_faults_release(&f->faults);
	nv_err_clear(&f->err);
	at->call = (struct nv_call){ .faults = &f->faults };
	return r;
}

int path_lookup(struct netdox_fixture *f, const char *path, struct nv_entry *ret_entry)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r
	             : at.parent.row->ops->lookup(f->netdox, &at.call, &at.node, ret_entry,
	                                          &f->err);
}

int path_list(struct netdox_fixture *f, const char *path, struct nv_listing **ret_listing)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r
	             : at.node.row->ops->list(f->netdox, &at.call, &at.node, ret_listing, &f->err);
}

int path_load(struct netdox_fixture *f, const char *path, struct nv_blob **ret_blob)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r : at.node.row->ops->load(f->netdox, &at.call, &at.node, ret_blob, &f->err);
}

int path_accepts(struct netdox_fixture *f, const char *path)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r : at.parent.row->ops->accepts(f->netdox, &at.call, &at.node, &f->err);
}

int path_check(struct netdox_fixture *f, const char *path, struct nv_blob *base, const char *text,
               size_t from, enum nv_check how)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r
	             : at.node.row->ops->check(f->netdox, &at.call, &at.node, base, text,
	                                       strlen(text), from, how, &f->err);
}

int path_save(struct netdox_fixture *f, const char *path, struct nv_blob *base, const char *text,
              struct nv_save_result *result)
{
	return path_save_bytes(f, path, base, text, strlen(text), result);
}

int path_save_bytes(struct netdox_fixture *f, const char *path, struct nv_blob *base,
                    const char *text, size_t size, struct nv_save_result *result)
{
	struct at at;
	struct nv_save_request request = { .base = base, .text = text, .size = size };
	int r = resolve(f, path, &at);

	if (r == 0 && !at.node.row->ops->save) {
		return -EPERM;
	}
	return r < 0 ? r
	             : at.node.row->ops->save(f->netdox, &at.call, &at.node, &request, result,
	                                      &f->err);
}

int path_unlink(struct netdox_fixture *f, const char *path, struct nv_blob *base, bool check_only)
{
	struct at at;
	int r = resolve(f, path, &at);

	if (r == 0 && !at.node.row->ops->unlink) {
		return -EPERM;
	}
	return r < 0 ? r
	             : at.node.row->ops->unlink(f->netdox, &at.call, &at.node, base, check_only,
	                                        &f->err);
}

/* mkdir names a directory, also where a file has that name. */
int path_mkdir(struct netdox_fixture *f, const char *path)
{
	struct at at;
	char inside[1024];
	int r = resolve(f, path, &at);

	if (r == 0 && at.node.row->type != NV_DIR) {
		snprintf(inside, sizeof(inside), "%s/x", path);
		r = resolve(f, inside, &at);
		at.node = at.parent;
	}
	return r < 0 ? r : nv_netdox_dir_ops.mkdir(f->netdox, &at.call, &at.node, &f->err);
}

int path_rmdir(struct netdox_fixture *f, const char *path)
{
	struct at at;
	int r = resolve(f, path, &at);

	return r < 0 ? r : at.node.row->ops->rmdir(f->netdox, &at.call, &at.node, &f->err);
}

int path_rename(struct netdox_fixture *f, const char *from, const char *to, bool replace)
{
	struct at at, to_at;
	int r = resolve(f, to, &to_at);

	if (r == 0) {
		r = resolve(f, from, &at);
	}
	if (r == 0 && !at.node.row->ops->rename) {
		return -EPERM;
	}
	return r < 0 ? r
	             : at.node.row->ops->rename(f->netdox, &at.call, &at.node, &to_at.node, replace,
	                                        &f->err);
}

int path_write(struct netdox_fixture *f, const char *path, const char *text)
{
	struct nv_blob *base cleanup_blob = NULL;
	struct nv_blob *now cleanup_blob = NULL;
	struct nv_save_result result = { .changed = false };
	int r = path_load(f, path, &base);

	if (r < 0 && r != -ENOENT) {
		return r;
	}
	r = path_save(f, path, base, text, &result);
	if (r == 0) {
		int loaded = path_load(f, path, &now);

		assert_int_equal(loaded, result.blob ? 0 : -ENOENT);
		if (result.blob) {
			assert_string_equal(result.blob->text, now->text);
		}
	}
	nv_save_result_release(&result);
	return r;
}

void assert_text(struct netdox_fixture *f, const char *path, const char *expected)
{
	struct nv_blob *blob cleanup_blob = NULL;

	if (path_load(f, path, &blob) < 0) {
		fail_msg("%s: %s", path, f->err.msg);
	}
	assert_string_equal(blob->text, expected);
	assert_int_equal(blob->size, strlen(expected));
}

void assert_gone(struct netdox_fixture *f, const char *path)
{
	struct nv_entry entry cleanup_entry = { .name = NULL };

	assert_int_equal(path_lookup(f, path, &entry), -ENOENT);
}

void assert_names(struct netdox_fixture *f, const char *path, const char *expected)
{
	struct nv_listing *listing cleanup_listing = NULL;
	struct nv_buf names cleanup_buf = NV_BUF_INIT;

	if (path_list(f, path, &listing) < 0) {
		fail_msg("%s: %s", path, f->err.msg);
	}
	for (size_t i = 0; i < listing->count; i++) {
		nv_buf_printf(&names, "%s%s", i == 0 ? "" : " ", listing->entries[i].name);
	}
	if (strcmp(names.data ? names.data : "", expected) != 0) {
		fail_msg("%s has '%s', expected '%s'", path, names.data ? names.data : "",
		         expected);
	}
}

void netdox_need_server(int tests)
{
	if (nv_test_redis_is_installed()) {
		return;
	}
	if (getenv("NV_REQUIRE_SERVERS")) {
		(void)printf("Bail out! there is no redis-server (Debian package redis-server)\n");
		exit(1);
	}
	(void)printf("1..%d\n", tests);
	for (int i = 1; i <= tests; i++) {
		(void)printf(
			"ok %d # SKIP there is no redis-server (Debian package redis-server)\n", i);
	}
	exit(0);
}
