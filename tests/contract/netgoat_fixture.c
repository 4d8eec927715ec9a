/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/errors_ring.h"
#include "codec/bsondiff.h"
#include "codec/json.h"
#include "contract/netgoat_fixture.h"
#include "tree.h"

static void fail_with(struct netgoat_fixture *f, const char *what)
{
	fail_msg("%s: %s", what, f->err.msg);
}

static void make_family(struct netgoat_fixture *f)
{
	struct nv_netgoat_config config = { .store = f->store,
		                            .schema = f->schema,
		                            .clock = f->clock,
		                            .rows = f->tree.rows,
		                            .rows_count = f->tree.rows_count,
		                            .changelog_entries =
		                                    f->mode == NV_MOUNT_NORMAL ? 0 : SIZE_MAX,
		                            .mode = f->mode,
		                            .plugin = "test",
		                            .actor = "64a0000000000000000000ff" };
	assert_int_equal(nv_netgoat_new(&config, &f->netgoat, &f->err), 0);
	f->views.netgoat = f->netgoat;
	f->tree.self[NV_FAMILY_NETGOAT] = f->netgoat;
	f->tree.self[NV_FAMILY_VIEWS] = &f->views;
	f->tree.self[NV_FAMILY_ROOT] = &f->tree;
}

static void make_rows(struct netgoat_fixture *f)
{
	free(f->rows);
	assert_int_equal(nv_rows_new(nv_tree_rows, nv_tree_rows_count, f->mode, &f->rows,
	                             &f->tree.rows_count),
	                 0);
	f->tree.rows = f->rows;
}

int netgoat_setup(void **state)
{
	struct netgoat_fixture *f = calloc(1, sizeof(*f));
	char uri[400] = "mem:";
	assert_non_null(f);
	if (strcmp(*state, "sqlite") == 0) {
		const char *tmp = getenv("TMPDIR");
		(void)snprintf(f->dir, sizeof(f->dir), "%s/nvngXXXXXX", tmp && *tmp ? tmp : "/tmp");
		assert_non_null(mkdtemp(f->dir));
		(void)snprintf(uri, sizeof(uri), "sqlite:%s/docs", f->dir);
	}
	assert_int_equal(nv_clock_new(&f->clock), 0);
	if (nv_schema_new(NULL, &f->schema, &f->err)) {
		fail_with(f, "schema");
	}
	struct nv_docstore_config config = { .clock = f->clock, .metrics = &f->metrics };
	config.indexes = nv_schema_indexes(f->schema, &config.indexes_count);
	if (nv_docstore_open(uri, &config, &f->store, &f->err)) {
		fail_with(f, "open");
	}
	make_rows(f);
	make_family(f);
	*state = f;
	return 0;
}

int netgoat_teardown(void **state)
{
	struct netgoat_fixture *f = *state;
	nv_netgoat_free(f->netgoat);
	nv_docstore_close(f->store);
	nv_schema_free(f->schema);
	nv_clock_free(f->clock);
	nv_faults_release(&f->faults);
	free(f->rows);
	static const char *const files[] = { "docs", "docs-wal", "docs-shm" };
	for (size_t i = 0; f->dir[0] && i < 3; i++) {
		char path[300];
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, files[i]);
		(void)unlink(path);
	}
	if (f->dir[0]) {
		(void)rmdir(f->dir);
	}
	free(f);
	return 0;
}

void forget(struct netgoat_fixture *f)
{
	nv_netgoat_free(f->netgoat);
	make_family(f);
}

void remount(struct netgoat_fixture *f, enum nv_mount_mode mode)
{
	nv_netgoat_free(f->netgoat);
	f->mode = mode;
	make_rows(f);
	make_family(f);
}

void later(struct netgoat_fixture *f)
{
	nv_clock_advance(f->clock, 1100);
}

/* ---- The store itself ---- */

static bson_t *parse(const char *json, bool value)
{
	cleanup_free char *text = strdup(json);
	struct nv_faults faults = NV_FAULTS_INIT;
	bson_t *doc = NULL;
	assert_non_null(text);
	for (char *at = text; *at; at++) {
		*at = *at == '\'' ? '"' : *at;
	}
	int rc = value ? nv_json_parse_value(text, strlen(text), NV_JSON_ALLOW_BSON, &doc, &faults)
	               : nv_json_parse(text, strlen(text), NV_JSON_ALLOW_BSON, &doc, &faults);
	if (rc) {
		fail_msg("%s: %s", text, faults.count ? faults.items[0].reason : "?");
	}
	return doc;
}

static const bson_value_t *first(bson_t *doc, bson_iter_t *iter)
{
	assert_true(bson_iter_init(iter, doc) && bson_iter_next(iter));
	return bson_iter_value(iter);
}

static void commit(struct netgoat_fixture *f, const struct nv_docwrite *write)
{
	struct nv_doccommit all = { .writes = write, .writes_count = 1 };
	struct nv_docresult result = { 0 };
	if (nv_docstore_commit(f->store, &all, &result, &f->err)) {
		fail_with(f, "commit");
	}
	nv_docresult_release(&result);
}

void put(struct netgoat_fixture *f, const char *collection, const char *json)
{
	cleanup_bson bson_t *doc = parse(json, false);
	commit(f, &(struct nv_docwrite){
			  .kind = NV_DOCWRITE_INSERT, .collection = collection, .doc = doc });
}

void poke(struct netgoat_fixture *f, const char *collection, const char *id, const char *path,
          const char *value)
{
	cleanup_bson bson_t *id_doc = parse(id, true);
	cleanup_bson bson_t *value_doc = value ? parse(value, true) : NULL;
	bson_iter_t id_iter;
	bson_iter_t value_iter;
	struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
		                     .collection = collection,
		                     .id = first(id_doc, &id_iter) };
	struct nv_docset set = { .path = path,
		                 .value = value ? first(value_doc, &value_iter) : NULL };
	write.sets = value ? &set : NULL;
	write.sets_count = value ? 1 : 0;
	write.unsets = value ? NULL : &path;
	write.unsets_count = value ? 0 : 1;
	commit(f, &write);
}

void zap(struct netgoat_fixture *f, const char *collection, const char *id)
{
	cleanup_bson bson_t *id_doc = parse(id, true);
	bson_iter_t iter;
	commit(f, &(struct nv_docwrite){ .kind = NV_DOCWRITE_DELETE,
	                                 .collection = collection,
	                                 .id = first(id_doc, &iter) });
}

static bson_t *get(struct netgoat_fixture *f, const char *collection, const char *id)
{
	cleanup_bson bson_t *id_doc = parse(id, true);
	bson_iter_t iter;
	bson_t *doc = NULL;
	int rc = nv_docstore_get(f->store, collection, first(id_doc, &iter), &doc, &f->err);
	if (rc && rc != -ENOENT) {
		fail_with(f, "get");
	}
	return doc;
}

/* Keeps text with its double quotes made single. */
static const char *keep(struct netgoat_fixture *f, const char *text)
{
	assert_true(strlen(text) < sizeof(f->text));
	(void)strcpy(f->text, text);
	for (char *at = f->text; *at; at++) {
		*at = *at == '"' ? '\'' : *at;
	}
	return f->text;
}

const char *stored(struct netgoat_fixture *f, const char *collection, const char *id)
{
	cleanup_bson bson_t *doc = get(f, collection, id);
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	if (!doc) {
		return keep(f, "none");
	}
	assert_true(nv_json_format(doc, NV_JSON_COMPACT, &text) >= 0);
	return keep(f, text.data);
}

const char *field(struct netgoat_fixture *f, const char *collection, const char *id,
                  const char *path)
{
	cleanup_bson bson_t *doc = get(f, collection, id);
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	bson_iter_t iter;
	if (!doc || !nv_doc_find(doc, path, &iter)) {
		return keep(f, "none");
	}
	assert_true(nv_json_format_value(&iter, &text) >= 0);
	return keep(f, text.data);
}

static int count_one(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	(void)doc;
	(void)err;
	++*(size_t *)ctx;
	return 0;
}

size_t count(struct netgoat_fixture *f, const char *collection)
{
	size_t found = 0;
	struct nv_docquery query = { .collection = collection };
	assert_int_equal(nv_docstore_query(f->store, &query, 1, count_one, &found, &f->err), 0);
	return found;
}

unsigned long long trips(struct netgoat_fixture *f)
{
	return atomic_load(&f->metrics.values[NV_METRIC_DOCS_ROUND_TRIPS]);
}

/* ---- The family ---- */

struct at {
	struct nv_node node;
	char storage[1024];
	struct nv_call call;
};

static struct at *resolve(struct netgoat_fixture *f, const char *path, struct at *at)
{
	nv_faults_release(&f->faults);
	f->err = (struct nv_err)NV_ERR_INIT;
	if (nv_tree_resolve(&f->tree, path, at->storage, sizeof(at->storage), &at->node)) {
		fail_msg("%s is no path", path);
	}
	at->call = (struct nv_call){ .faults = &f->faults };
	return at;
}

static const char *answer(struct netgoat_fixture *f, int rc)
{
	return keep(f, rc ? nv_errno_name(-rc) : "ok");
}

const char *names(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	cleanup_listing struct nv_listing *listing = NULL;
	resolve(f, path, &at);
	int rc = at.node.row->ops->list(at.node.self, &at.call, &at.node, &listing, &f->err);
	if (rc) {
		return answer(f, rc);
	}
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	for (size_t i = 0; i < listing->count; i++) {
		nv_buf_printf(&text, "%s%s", i ? " " : "", listing->entries[i].name);
	}
	return keep(f, text.data ? text.data : "");
}

const char *content(struct netgoat_fixture *f, const char *path)
{
	cleanup_blob struct nv_blob *blob = version(f, path);
	return blob ? keep(f, blob->text) : answer(f, -f->err.errnum);
}

const char *look(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	cleanup_entry struct nv_entry entry = { 0 };
	resolve(f, path, &at);
	int rc = at.node.row->ops->lookup(at.node.self, &at.call, &at.node, &entry, &f->err);
	return rc ? answer(f, rc) : keep(f, entry.name);
}

struct nv_blob *version(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	struct nv_blob *blob = NULL;
	resolve(f, path, &at);
	int rc = at.node.row->ops->load(at.node.self, &at.call, &at.node, &blob, &f->err);
	assert_true(rc == 0 || f->err.errnum == -rc);
	return blob;
}

const char *save(struct netgoat_fixture *f, const char *path, struct nv_blob *base,
                 const char *json)
{
	cleanup_free char *text = strdup(json);
	assert_non_null(text);
	for (char *byte = text; *byte; byte++) {
		*byte = *byte == '\'' ? '"' : *byte;
	}
	return save_text(f, path, base, text, strlen(text));
}

const char *save_text(struct netgoat_fixture *f, const char *path, struct nv_blob *base,
                      const char *text, size_t size)
{
	struct at at;
	resolve(f, path, &at);
	struct nv_save_request request = { .base = base, .text = text, .size = size };
	struct nv_save_result result = { 0 };
	int rc = at.node.row->ops->save(at.node.self, &at.call, &at.node, &request, &result,
	                                &f->err);
	char said[512];
	assert_true(rc == 0 || f->err.errnum == -rc);
	(void)snprintf(said, sizeof(said), "%s%s%s",
	               rc               ? nv_errno_name(-rc)
	               : result.changed ? "ok"
	                                : "same",
	               result.name ? " " : "", result.name ? result.name : "");
	assert_true(rc != 0 || result.blob != NULL);
	assert_true(rc == -ESTALE || result.theirs == NULL);
	nv_save_result_release(&result);
	return keep(f, said);
}

const char *edit(struct netgoat_fixture *f, const char *path, const char *json)
{
	cleanup_blob struct nv_blob *base = version(f, path);
	if (!base) {
		return answer(f, -f->err.errnum);
	}
	return save(f, path, base, json);
}

const char *do_mkdir(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	resolve(f, path, &at);
	return answer(f, at.node.row->ops->mkdir(at.node.self, &at.call, &at.node, &f->err));
}

const char *do_rmdir(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	resolve(f, path, &at);
	return answer(f, at.node.row->ops->rmdir(at.node.self, &at.call, &at.node, &f->err));
}

const char *do_unlink(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	resolve(f, path, &at);
	return answer(f, at.node.row->ops->unlink(at.node.self, &at.call, &at.node, NULL, false,
	                                          &f->err));
}

const char *do_rename(struct netgoat_fixture *f, const char *from, const char *to, bool replace)
{
	struct at at;
	struct at there;
	resolve(f, to, &there);
	resolve(f, from, &at);
	return answer(f, at.node.row->ops->rename(at.node.self, &at.call, &at.node, &there.node,
	                                          replace, &f->err));
}

const char *do_symlink(struct netgoat_fixture *f, const char *path, const char *target)
{
	struct at at;
	resolve(f, path, &at);
	return answer(f,
	              at.node.row->ops->symlink(at.node.self, &at.call, &at.node, target, &f->err));
}

const char *do_accepts(struct netgoat_fixture *f, const char *path)
{
	struct at at;
	resolve(f, path, &at);
	return answer(f, at.node.row->ops->accepts(at.node.self, &at.call, &at.node, &f->err));
}

/* ---- Assertions ---- */

struct log {
	char lines[256][512];
	char newest[8192];
	size_t count;
};

static int take_entry(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct log *log = ctx;
	static const char *const keys[] = { "change", "value", "path" };
	const char *texts[3] = { "", "", "" };
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	(void)query;
	(void)err;
	for (size_t i = 0; i < 3; i++) {
		bson_iter_t iter;
		assert_true(bson_iter_init_find(&iter, doc, keys[i]) &&
		            BSON_ITER_HOLDS_UTF8(&iter));
		texts[i] = bson_iter_utf8(&iter, NULL);
	}
	assert_true(log->count < 256);
	(void)snprintf(log->lines[log->count++], sizeof(log->lines[0]), "%s|%s|%s", texts[0],
	               texts[1], texts[2]);
	assert_true(nv_json_format(doc, NV_JSON_COMPACT, &text) >= 0 &&
	            text.len < sizeof(log->newest));
	(void)strcpy(log->newest, text.data);
	return 0;
}

static struct log *read_log(struct netgoat_fixture *f)
{
	struct log *log = calloc(1, sizeof(*log));
	struct nv_doclog *reader = NULL;
	assert_non_null(log);
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &reader, &f->err), 0);
	assert_int_equal(nv_doclog_read(reader, take_entry, log, &f->err), 0);
	nv_doclog_close(reader);
	return log;
}

void assert_log(struct netgoat_fixture *f, ...)
{
	cleanup_free struct log *log = read_log(f);
	va_list args;
	va_start(args, f);
	for (const char *wanted = va_arg(args, const char *); wanted;
	     wanted = va_arg(args, const char *)) {
		assert_string_equal(f->seen < log->count ? log->lines[f->seen] : "(no entry)",
		                    wanted);
		f->seen++;
	}
	va_end(args);
	assert_string_equal(f->seen < log->count ? log->lines[f->seen] : "(no entry)",
	                    "(no entry)");
}

const char *newest_entry(struct netgoat_fixture *f)
{
	cleanup_free struct log *log = read_log(f);
	return keep(f, log->newest);
}

void assert_reason(struct netgoat_fixture *f, size_t line, const char *part)
{
	const char *reason = f->faults.count ? f->faults.items[0].reason : f->err.msg;
	if (!strstr(reason, part)) {
		fail_msg("the reason is \"%s\", wanted \"%s\"", reason, part);
	}
	if (line) {
		assert_true(f->faults.count > 0);
		assert_int_equal(f->faults.items[0].line, line);
		assert_true(f->faults.items[0].column > 0);
	}
}

void seed_company(struct netgoat_fixture *f)
{
	put(f, "teams",
	    "{'_id':" TEAM_ID ",'name':'Acme','slug':'acme','plan':'free','domain_count':2,"
	    "'created_at':{'$date':'2026-01-01T00:00:00Z'},'updated_at':{'$date':'2026-01-02T00:00:00Z'},'__v':0}");
	put(f, "domains",
	    "{'_id':" COM_ID ",'teamId':" TEAM_ID
	    ",'domain':'example.com','target_url':'http://192.0.2.1',"
	    "'private_key_pem':'KEY','active':true,'stats':{'total_requests':7},"
	    "'subdomains':[{'_id':{'$oid':'64f000000000000000000001'},'subdomain':'api','full_domain':'api.example.com',"
	    "'target_url':'http://192.0.2.2','private_key_pem':'SUBKEY','request_count':5}],"
	    "'updated_at':{'$date':'2026-01-02T00:00:00Z'},'__v':3}");
	put(f, "domains",
	    "{'_id':" ORG_ID ",'teamId':" TEAM_ID ",'domain':'example.org','active':false,"
	    "'updated_at':{'$date':'2026-01-02T00:00:00Z'},'__v':0}");
	put(f, "dnsrecords",
	    "{'_id':" WWW_ID ",'domainId':" COM_ID ",'team_id':" TEAM_ID
	    ",'domain':'example.com','type':'A','name':'www',"
	    "'value':'192.0.2.10','ttl':300,'active':true,'note':'x','updated_at':{'$date':'2026-01-02T00:00:00Z'},'__v':0}");
	put(f, "dnsrecords",
	    "{'_id':" APEX_ID ",'domainId':" COM_ID
	    ",'domain':'example.com','type':'A','name':'@','value':'192.0.2.11','ttl':3600}");
	put(f, "dnsrecords",
	    "{'_id':" MAIL_ID ",'domainId':" COM_ID ",'domain':'example.com','type':'MX','name':'',"
	    "'value':'mail.example.com','priority':10,'ttl':3600}");
	put(f, "proxyconfigs",
	    "{'_id':" PROXY_ID ",'domainId':" COM_ID ",'name':'main','enabled':true,"
	    "'upstream_servers':[{'url':'http://192.0.2.20','health_status':'healthy'},{'url':'http://192.0.2.21','down':true}],"
	    "'createdAt':{'$date':'2026-01-01T00:00:00Z'},'updatedAt':{'$date':'2026-01-02T00:00:00Z'},'__v':0}");
	put(f, "users",
	    "{'_id':" ANN_ID ",'name':'Ann','email':'ann@example.com','teams':[" TEAM_ID
	    "],'password':'HASH','apiToken':'T',"
	    "'updatedAt':{'$date':'2026-01-02T00:00:00Z'}}");
	put(f, "users", "{'_id':" BOB_ID ",'name':'Bob','email':'bob@example.com'}");
}
