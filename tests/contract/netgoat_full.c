/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Full and restore mounts: whole documents as texts, and texts as whole documents. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "codec/json.h"
#include "contract/netgoat_fixture.h"

#define WWW COM "/records/www.A.json"
#define WWW_LOG "dnsrecords;64d000000000000000000001|" WWW
#define DATE "{'$date':'2026-01-02T00:00:00Z'}"
#define WWW_TEXT(value, rest)                                                                      \
	"{'_id':" WWW_ID ",'domainId':" COM_ID ",'team_id':" TEAM_ID                               \
	",'domain':'example.com','type':'A','name':'www','value':'" value "','ttl':300,"           \
	"'active':true,'note':'x','updated_at':" DATE ",'__v':0" rest "}"

static void full(struct netgoat_fixture *f)
{
	seed_company(f);
	remount(f, NV_MOUNT_FULL);
}

/* ---- Texts ---- */

static void a_text_is_the_whole_document(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	cleanup_blob struct nv_blob *blob = version(f, COM "/domain.json");
	assert_non_null(blob);
	cleanup_bson bson_t *doc = NULL;
	assert_int_equal(nv_json_parse(blob->text, blob->size, 0, &doc, NULL), 0);
	cleanup_buf struct nv_buf line = NV_BUF_INIT;
	assert_int_equal(nv_json_format(doc, NV_JSON_COMPACT, &line), 0);
	for (char *at = line.data; *at; at++) {
		*at = *at == '"' ? '\'' : *at;
	}
	assert_string_equal(stored(f, "domains", COM_ID), line.data);
	assert_false(blob->stamped);
	assert_false(blob->readonly);
	assert_non_null(strstr(content(f, "netgoat/users/ann@example.com/user.json"), "HASH"));
	assert_null(strstr(content(f, "views/stored/users/ann@example.com/user.json"), "HASH"));
}

static void a_document_without_plain_form_is_written_too(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	/* {"_id": 1, "a": 1, "a": 2} at the top of the orphans, and then with 3. */
	put(f, "dnsrecords", "{'$bson':'HAAAABBfaWQAAQAAABBhAAEAAAAQYQACAAAAAA=='}");
	static const char *const path = "netgoat/orphans/dnsrecords/=1.json";
	cleanup_blob struct nv_blob *blob = version(f, path);
	assert_non_null(blob);
	assert_false(blob->readonly);
	assert_string_equal(edit(f, path, "{'$bson':'HAAAABBfaWQAAQAAABBhAAEAAAAQYQACAAAAAA=='}"),
	                    "same");
	assert_string_equal(edit(f, path, "{'$bson':'HAAAABBfaWQAAQAAABBhAAEAAAAQYQADAAAAAA=='}"),
	                    "ok");
	assert_string_equal(stored(f, "dnsrecords", "1"),
	                    "{'$bson':'HAAAABBfaWQAAQAAABBhAAEAAAAQYQADAAAAAA=='}");
	assert_log(f, "update record|dnsrecords;=1|netgoat/orphans/dnsrecords/=1.json", NULL);
}

/* Every file of a directory is as large and of the time that its listing says, and the same text. */
static void assert_listed_as_read(struct netgoat_fixture *f, const char *path)
{
	char storage[1024];
	struct nv_node node;
	struct nv_call call = { .faults = &f->faults };
	cleanup_listing struct nv_listing *listing = NULL;
	assert_int_equal(nv_tree_resolve(&f->tree, path, storage, sizeof(storage), &node), 0);
	assert_int_equal(node.row->ops->list(node.self, &call, &node, &listing, &f->err), 0);
	assert_true(listing->count > 0);
	for (size_t i = 0; i < listing->count; i++) {
		const struct nv_entry *entry = &listing->entries[i];
		char file[700];
		later(f);
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->name);
		cleanup_blob struct nv_blob *blob = version(f, file);
		assert_non_null(blob);
		assert_int_equal(entry->size, blob->size);
		assert_false(entry->stamped);
		assert_int_equal(entry->blob ? entry->blob->crc & 0x1ffffff : entry->mtime.tv_sec,
		                 blob->crc & 0x1ffffff);
	}
}

/* rsync would take them for changed. */
static void files_of_many_documents_are_the_same_however_they_are_asked_for(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	/* Of one second: its ObjectId says so of the one, a date of the others. */
	put(f, "analytics", "{'_id':{'$oid':'69571d800000000000000001'},'domainId':" COM_ID "}");
	put(f, "analytics",
	    "{'_id':9,'domainId':" COM_ID ",'timestamp':{'$date':'2026-01-02T01:21:04Z'}}");
	put(f, "analytics",
	    "{'_id':8,'domainId':" COM_ID ",'timestamp':{'$date':'2026-01-02T01:21:04Z'}}");
	assert_listed_as_read(f, COM "/analytics/other");
	/* Too much to be kept with a listing. */
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	for (int i = 0; i < 5; i++) {
		nv_buf_truncate(&text, 0);
		nv_buf_printf(&text, "{'_id':%d,'domainId':" COM_ID ",'timestamp':" DATE ",'x':'",
		              i < 4 ? 14 - i : 20);
		for (int k = 0; k < 250000; k++) {
			nv_buf_puts(&text, "0123456789");
		}
		nv_buf_puts(&text, "'}");
		put(f, "analytics", text.data);
	}
	later(f);
	assert_listed_as_read(f, COM "/analytics/other");
}

/* ---- Saving ---- */

static void a_save_is_what_differs_and_no_stamp(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.10", "")), "same");
	assert_log(f, NULL);
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.9", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.9", ""));
	assert_non_null(strstr(newest_entry(f),
	                       "'before':{'value':'192.0.2.10'},'after':{'value':'192.0.2.9'}"));
	assert_log(f, "update record|" WWW_LOG, NULL);
	/* A secret is in the store and not in the log. */
	cleanup_blob struct nv_blob *blob = version(f, "netgoat/users/bob@example.com/user.json");
	assert_string_equal(save(f, "netgoat/users/bob@example.com/user.json", blob,
	                         "{'_id':" BOB_ID ",'name':'Bob','email':'bob@example.com',"
	                         "'password':'NEW'}"),
	                    "ok");
	assert_string_equal(field(f, "users", BOB_ID, "password"), "'NEW'");
	assert_null(strstr(newest_entry(f), "NEW"));
}

/* A text of views/stored, or of an entry, has lost its secrets: nobody means that. */
static void the_mask_is_no_secret(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
#define ANN(password)                                                                              \
	"{'_id':" ANN_ID ",'name':'Ann','email':'ann@example.com','teams':[" TEAM_ID               \
	"],'password':'" password "','apiToken':'T','updatedAt':" DATE "}"
	static const char *const path = "netgoat/users/ann@example.com/user.json";
	assert_string_equal(edit(f, path, ANN("********")), "EINVAL");
	assert_reason(f, 1, "password: is only the mask of a secret");
	assert_string_equal(field(f, "users", ANN_ID, "password"), "'HASH'");
	zap(f, "users", ANN_ID);
	later(f);
	assert_string_equal(save(f, path, NULL, ANN("********")), "EINVAL");
	/* Where it stands already it is what is stored. */
	put(f, "users", ANN("********"));
	later(f);
	assert_string_equal(edit(f, path, ANN("********")), "same");
	assert_string_equal(edit(f, path, ANN("HASH")), "ok");
}

/* Types and order are what was typed: a backup that is copied back must not differ for ever. */
static void types_and_order_are_what_is_typed(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	poke(f, "dnsrecords", WWW_ID, "ttl", "300.0");
	later(f);
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	assert_non_null(strstr(newest_entry(f), "'before':{'ttl':300.0},'after':{'ttl':300}"));
	/* A field that went and comes back stands where it stood. */
	poke(f, "dnsrecords", WWW_ID, "ttl", NULL);
	later(f);
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	assert_log(f, "update record|" WWW_LOG, "update record|" WWW_LOG, NULL);
}

static void changes_of_others_are_kept(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	cleanup_blob struct nv_blob *base = version(f, WWW);
	poke(f, "dnsrecords", WWW_ID, "__v", "1");
	later(f);
	assert_string_equal(save(f, WWW, base, WWW_TEXT("192.0.2.9", "")), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "1");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.9'");
	poke(f, "dnsrecords", WWW_ID, "value", "'192.0.2.7'");
	later(f);
	assert_string_equal(save(f, WWW, base, WWW_TEXT("192.0.2.8", "")), "ESTALE");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.7'");
	/* Nor is it written where somebody else has moved it. */
	poke(f, "dnsrecords", WWW_ID, "value", "'192.0.2.10'");
	poke(f, "dnsrecords", WWW_ID, "name", "'web'");
	later(f);
	assert_string_equal(save(f, WWW, base, WWW_TEXT("192.0.2.8", "")), "ESTALE");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.10'");
	zap(f, "dnsrecords", WWW_ID);
	later(f);
	assert_string_equal(save(f, WWW, base, WWW_TEXT("192.0.2.8", "")), "ESTALE");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), "none");
}

static void a_text_that_contradicts_its_path(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	assert_string_equal(save(f, COM "/records/ftp.A.json", NULL, WWW_TEXT("192.0.2.9", "")),
	                    "EINVAL");
	assert_reason(f, 1,
	              "name: contradicts the path of the file: the document's own name is "
	              "www.A.json");
	assert_string_equal(save(f, ORG "/records/www.A.json", NULL, WWW_TEXT("192.0.2.9", "")),
	                    "EINVAL");
	assert_reason(f, 1, "domainId: contradicts the path");
	assert_string_equal(save(f, COM "/records/www.A~64d0000000000000000000ff.json", NULL,
	                         WWW_TEXT("192.0.2.9", "")),
	                    "EINVAL");
	assert_reason(f, 1, "_id: contradicts the path");
	assert_string_equal(save(f, COM "/records/ftp.A.json", NULL, "{'value':'192.0.2.1'}"),
	                    "EINVAL");
	assert_reason(f, 1, "is not in the text, which must say it");
	assert_string_equal(edit(f, COM "/domain.json",
	                         "{'_id':" COM_ID ",'teamId':{'$oid':'64b0000000000000000000aa'},"
	                         "'domain':'example.com'}"),
	                    "EINVAL");
	assert_reason(f, 1, "teamId: contradicts the path");
	/* Below a directory whose domain is not there, a record of another is no less wrong. */
	assert_string_equal(save(f, "netgoat/teams/acme/domains/new.com/records/www.A.json", NULL,
	                         WWW_TEXT("192.0.2.9", "")),
	                    "EINVAL");
	assert_string_equal(save(f, "netgoat/orphans/dnsrecords/64d000000000000000000001.json",
	                         NULL, WWW_TEXT("192.0.2.9", "")),
	                    "EINVAL");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	assert_log(f, NULL);
}

static void documents_are_made_with_their_id(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
#define FTP_ID "{'$oid':'64d0000000000000000000f1'}"
#define FTP                                                                                        \
	"{'_id':" FTP_ID ",'type':'A','name':'ftp','value':'192.0.2.1','domainId':" COM_ID         \
	",'own':1}"
	assert_string_equal(save(f, COM "/records/ftp.A.json", NULL, FTP), "ok");
	assert_string_equal(stored(f, "dnsrecords", FTP_ID), FTP);
	assert_log(f,
	           "create record|dnsrecords;64d0000000000000000000f1|" COM "/records/ftp.A.json",
	           NULL);
	/* Made with a fresh one where the text has none. */
	assert_string_equal(save(f, COM "/records/new.A.json", NULL,
	                         "{'type':'A','name':'new','value':'192.0.2.1','domainId':" COM_ID
	                         "}"),
	                    "ok");
	assert_non_null(strstr(content(f, COM "/records/new.A.json"), "'$oid'"));
	/* Checked like any other. */
	assert_string_equal(save(f, COM "/records/bad.A.json", NULL,
	                         "{'_id':7,'type':'A','name':'bad','value':'no','domainId':" COM_ID
	                         "}"),
	                    "EINVAL");
	assert_string_equal(save(f, COM "/records/www.CNAME.json", NULL,
	                         "{'_id':7,'type':'CNAME','name':'www','value':'a.example.org',"
	                         "'domainId':" COM_ID "}"),
	                    "EINVAL");
	assert_string_equal(do_accepts(f, "netgoat/orphans/alerts/1.json"), "ok");
}

/* The file was replaced by another document since the backup: the old one comes back, the other
 * goes, in one commit. */
static void another_document_stands_there(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	zap(f, "dnsrecords", WWW_ID);
	put(f, "dnsrecords",
	    "{'_id':" FTP_ID ",'domainId':" COM_ID ",'type':'A','name':'www','value':'192.0.2.1'}");
	later(f);
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	assert_string_equal(stored(f, "dnsrecords", FTP_ID), "none");
	assert_log(f, "create record|" WWW_LOG,
	           "delete record|dnsrecords;64d0000000000000000000f1|" WWW, NULL);
	/* Whoever saw nothing there has not meant it. */
	zap(f, "dnsrecords", WWW_ID);
	put(f, "dnsrecords",
	    "{'_id':" FTP_ID ",'domainId':" COM_ID ",'type':'A','name':'www','value':'192.0.2.1'}");
	later(f);
	assert_string_equal(save(f, WWW, NULL, WWW_TEXT("192.0.2.10", "")), "EEXIST");
	assert_string_equal(names(f, COM "/records"), "@.A.json @.MX.json www.A.json");
	assert_string_equal(edit(f, WWW, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", FTP_ID), "none");
}

static void a_document_comes_from_elsewhere(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	poke(f, "dnsrecords", WWW_ID, "name", "'web'");
	later(f);
	assert_string_equal(save(f, WWW, NULL, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	poke(f, "dnsrecords", WWW_ID, "domainId", ORG_ID);
	later(f);
	assert_string_equal(save(f, WWW, NULL, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), WWW_TEXT("192.0.2.10", ""));
	assert_log(f, "rename record|" WWW_LOG, "move record|" WWW_LOG, NULL);
	/* A team of another name now; its children follow, for they refer to it by _id. */
	poke(f, "teams", TEAM_ID, "slug", "'acme2'");
	later(f);
	assert_string_equal(save(f, "netgoat/teams/acme/team.json", NULL,
	                         "{'_id':" TEAM_ID
	                         ",'name':'Acme','slug':'acme','plan':'free','domain_count':2,"
	                         "'created_at':{'$date':'2026-01-01T00:00:00Z'},'updated_at':" DATE
	                         ",'__v':0}"),
	                    "ok");
	assert_string_equal(names(f, "netgoat/teams"), "acme");
	assert_log(f, "rename team|teams;64b000000000000000000001|netgoat/teams/acme", NULL);
	assert_string_equal(names(f, "netgoat/teams/acme/domains"), "example.com example.org");
}

/* cp -a and tar bring an object's own json last. */
static void children_may_come_first(void **state)
{
	struct netgoat_fixture *f = *state;
	remount(f, NV_MOUNT_FULL);
	assert_string_equal(save(f, WWW, NULL, WWW_TEXT("192.0.2.10", "")), "ok");
	assert_string_equal(names(f, "netgoat/orphans/dnsrecords"),
	                    "64d000000000000000000001.json");
	assert_string_equal(save(f, COM "/domain.json", NULL,
	                         "{'_id':" COM_ID ",'teamId':" TEAM_ID ",'domain':'example.com'}"),
	                    "ok");
	assert_string_equal(names(f, "netgoat/orphans/domains"), "example.com");
	/* Its domain is there, and waits for the team as well. */
	assert_string_equal(save(f, COM "/records/ftp.A.json", NULL, FTP), "ok");
	assert_string_equal(save(f, "netgoat/teams/acme/team.json", NULL,
	                         "{'_id':" TEAM_ID ",'name':'Acme','slug':'acme'}"),
	                    "ok");
	assert_string_equal(names(f, COM "/records"), "ftp.A.json www.A.json");
	assert_log(f, "create record|" WWW_LOG,
	           "create domain|domains;64c000000000000000000001|" COM,
	           "create record|dnsrecords;64d0000000000000000000f1|" COM "/records/ftp.A.json",
	           "create team|teams;64b000000000000000000001|netgoat/teams/acme", NULL);
}

/* What was measured is not made in a mount, but it is brought back, a file in one commit. */
static void analytics_are_brought_back(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
#define CHUNK COM "/analytics/hour/2026-01-02.ndjson"
#define CHUNK_LOG "analytics;64c000000000000000000001|" CHUNK
#define LINE(id, n)                                                                                \
	"{'_id':" id ",'domainId':" COM_ID ",'interval':'hour','timestamp':" DATE ",'n':" n "}\n"
	assert_string_equal(save(f, CHUNK, NULL, LINE("1", "1") LINE("2", "2")), "ok");
	assert_string_equal(content(f, CHUNK), LINE("1", "1") LINE("2", "2"));
	assert_log(f, "create analytics|" CHUNK_LOG, NULL);
	assert_string_equal(edit(f, CHUNK, LINE("1", "1") LINE("2", "2")), "same");
	assert_string_equal(edit(f, CHUNK, LINE("2", "20") LINE("3", "3")), "ok");
	assert_string_equal(content(f, CHUNK), LINE("2", "20") LINE("3", "3"));
	assert_log(f, "update analytics|" CHUNK_LOG, NULL);
	/* Others go on measuring. */
	cleanup_blob struct nv_blob *base = version(f, CHUNK);
	poke(f, "analytics", "2", "n", "21");
	later(f);
	assert_string_equal(save(f, CHUNK, base, LINE("2", "20") LINE("3", "30")), "ok");
	assert_string_equal(content(f, CHUNK), LINE("2", "21") LINE("3", "30"));
	assert_string_equal(save(f, CHUNK, base, LINE("2", "22") LINE("3", "3")), "ESTALE");
	assert_string_equal(content(f, CHUNK), LINE("2", "21") LINE("3", "30"));
	assert_log(f, "update analytics|" CHUNK_LOG, NULL);
	/* Every line is of the file. */
	assert_string_equal(save(f, COM "/analytics/hour/2026-01-03.ndjson", NULL, LINE("4", "4")),
	                    "EINVAL");
	assert_reason(f, 1, "of another domain, size or day");
	assert_string_equal(save(f, ORG "/analytics/hour/2026-01-02.ndjson", NULL, LINE("4", "4")),
	                    "EINVAL");
	assert_string_equal(
		save(f, "netgoat/analytics/hour/2026-01-02.ndjson", NULL, LINE("4", "4")),
		"EINVAL");
	assert_string_equal(do_unlink(f, CHUNK), "ok");
	assert_int_equal(count(f, "analytics"), 0);
	assert_log(f, "delete analytics|" CHUNK_LOG, NULL);
}

static void removing_and_renaming_in_a_full_mount(void **state)
{
	struct netgoat_fixture *f = *state;
	full(f);
	assert_string_equal(do_rename(f, WWW, COM "/records/web.A.json", false), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "name"), "'web'");
	assert_string_equal(do_unlink(f, COM "/records/web.A.json"), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), "none");
	assert_string_equal(do_rmdir(f, ORG), "ok");
	assert_string_equal(stored(f, "domains", ORG_ID), "none");
	assert_log(f,
	           "rename record|dnsrecords;64d000000000000000000001|" COM "/records/web.A.json",
	           "delete record|dnsrecords;64d000000000000000000001|" COM "/records/web.A.json",
	           "delete domain|domains;64c000000000000000000002|" ORG, NULL);
	/* Memberships are what documents say; they go with the user's. */
	assert_string_equal(names(f, "netgoat/users/ann@example.com/teams"), "acme");
	assert_string_equal(do_rmdir(f, "netgoat/users/ann@example.com"), "ok");
	assert_string_equal(stored(f, "users", ANN_ID), "none");
}

/* ---- Restoring ---- */

/* Every file of a mount. */
struct file {
	char path[700];
	char *text; /* owned */
	size_t size;
};

struct files {
	struct file items[600];
	size_t count;
};

static void gather(struct netgoat_fixture *f, const char *path, struct files *files)
{
	char storage[1024];
	struct nv_node node;
	struct nv_call call = { .faults = &f->faults };
	cleanup_listing struct nv_listing *listing = NULL;
	assert_int_equal(nv_tree_resolve(&f->tree, path, storage, sizeof(storage), &node), 0);
	assert_int_equal(node.row->ops->list(node.self, &call, &node, &listing, &f->err), 0);
	for (size_t i = 0; i < listing->count; i++) {
		const struct nv_entry *entry = &listing->entries[i];
		char below[700];
		assert_true(snprintf(below, sizeof(below), "%s/%s", path, entry->name) <
		            (int)sizeof(below));
		if (entry->row->type == NV_DIR) {
			gather(f, below, files);
		} else if (entry->row->type == NV_FILE) {
			cleanup_blob struct nv_blob *blob = version(f, below);
			if (!blob) {
				fail_msg("%s: %s", below, f->err.msg);
			}
			assert_true(files->count < sizeof(files->items) / sizeof(files->items[0]));
			struct file *file = &files->items[files->count++];
			(void)strcpy(file->path, below);
			file->size = blob->size;
			file->text = malloc(blob->size + 1);
			assert_non_null(file->text);
			memcpy(file->text, blob->text, blob->size + 1);
		}
	}
}

static void release(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->items[i].text);
	}
	free(files);
}

/* All documents of a store: a line each, by collection and _id. */
static int dump_doc(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct nv_buf *out = ctx;
	(void)query;
	(void)err;
	for (uint32_t i = 0; i < doc->len; i++) {
		nv_buf_printf(out, "%02x", bson_get_data(doc)[i]);
	}
	nv_buf_puts(out, "  ");
	assert_true(nv_json_format(doc, NV_JSON_COMPACT, out) >= 0);
	nv_buf_putc(out, '\n');
	return 0;
}

static void dump(struct netgoat_fixture *f, struct nv_buf *out)
{
	static const char *const collections[] = { "teams",      "users",       "domains",
		                                   "dnsrecords", "alerts",      "incidents",
		                                   "analytics",  "proxyconfigs" };
	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		struct nv_docquery query = { .collection = collections[i], .sort = NV_DOCSORT_ID };
		nv_buf_printf(out, "%s:\n", collections[i]);
		assert_int_equal(nv_docstore_query(f->store, &query, 1, dump_doc, out, &f->err), 0);
	}
	struct nv_doclog *log = NULL;
	nv_buf_puts(out, "changelog:\n");
	assert_int_equal(nv_doclog_open(f->store, SIZE_MAX, &log, &f->err), 0);
	assert_int_equal(nv_doclog_read(log, dump_doc, out, &f->err), 0);
	nv_doclog_close(log);
	assert_int_equal(nv_buf_error(out), 0);
}

static void assert_same_stores(struct netgoat_fixture *a, struct netgoat_fixture *b)
{
	cleanup_buf struct nv_buf one = NV_BUF_INIT;
	cleanup_buf struct nv_buf two = NV_BUF_INIT;
	dump(a, &one);
	dump(b, &two);
	assert_string_equal(one.data, two.data);
}

/* What nobody should have written and somebody has. */
static void seed_odd(struct netgoat_fixture *f)
{
	put(f, "dnsrecords", /* two of one name */
	    "{'_id':" FTP_ID ",'domainId':" COM_ID ",'type':'A','name':'www','value':1}");
	put(f, "dnsrecords", "{'_id':'x/%~\\u0001','domainId':" COM_ID ",'type':7,'name':[1]}");
	put(f, "dnsrecords", "{'_id':{'a':1},'name':'A.b','type':'','domainId':[" COM_ID "]}");
	put(f, "dnsrecords", "{'_id':-0.0,'domain_id':null,'$set':1,'a.b':{'':2}}");
	put(f, "dnsrecords", "{'_id':1,'domainId':'nowhere','d':1.50,'l':{'$numberLong':'5'}}");
	put(f, "dnsrecords", "{'$bson':'HAAAABBfaWQAAgAAABBhAAEAAAAQYQACAAAAAA=='}");
	put(f, "proxyconfigs",
	    "{'a':{'$literal':{'$oid':'x'}},'_id':{'$oid':'64e0000000000000000000ff'}}");
	put(f, "domains", "{'_id':'','domain':'Up.Case','teamId':" TEAM_ID "}");
	put(f, "domains", "{'_id':5,'domain':'example.com','teamId':" TEAM_ID "}");
	put(f, "domains", "{'_id':6,'domain':'lost.org','teamId':99}");
	put(f, "dnsrecords", "{'_id':66,'domainId':6,'name':'..','type':'A'}");
	put(f, "teams", "{'_id':7}");
	put(f, "teams", "{'_id':8,'slug':'-x','members':[{'user_id':" BOB_ID ",'role':'owner'}]}");
	put(f, "users", "{'_id':9,'email':'a\\u0000b','teams':[7,'gone'],'teams2':null}");
	put(f, "alerts", "{'_id':1,'team_id':" TEAM_ID ",'x':" DATE "}");
	put(f, "alerts", "{'_id':2,'domainId':" COM_ID ",'team_id':7}");
	put(f, "alerts", "{'_id':3}");
	put(f, "incidents", "{'_id':4,'domainId':'gone'}");
	put(f, "analytics", "{'_id':1,'domainId':" COM_ID ",'timestamp':" DATE ",'chunk':'hour'}");
	put(f, "analytics", "{'_id':2,'domainId':" COM_ID ",'timestamp':" DATE ",'n':1.0}");
	put(f, "analytics", "{'_id':3,'domainId':" COM_ID ",'timestamp':" DATE "}");
	put(f, "analytics", "{'_id':4,'timestamp':'never'}");
	put(f, "analytics", "{'_id':5,'domainId':'gone'}");
	put(f, "changelog", "{'_id':{'$oid':'64ff00000000000000000001'},'change':'x','at':1}");
	put(f, "changelog",
	    "{'_id':{'$oid':'64ff00000000000000000002'},'z':{'$binary':{'base64':'AA==','subType':'80'}}}");
	put(f, "changelog", "{'$bson':'JAAAAAdfaWQAZP8AAAAAAAAAAAADEGEAAQAAABBhAAIAAAAA'}");
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	nv_buf_puts(&name, "{'_id':77,'type':'TXT','domainId':" COM_ID ",'name':'");
	for (size_t i = 0; i < 300; i++) {
		nv_buf_puts(&name, "n");
	}
	nv_buf_puts(&name, "'}");
	put(f, "dnsrecords", name.data);
}

/* The same store again, whatever the order in which files arrive. */
static void a_backup_is_restored(void **state)
{
	struct netgoat_fixture *a = *state;
	void *backend = a->dir[0] ? (void *)"sqlite" : (void *)"mem";
	seed_company(a);
	assert_string_equal(edit(a, WWW, "{'value':'192.0.2.10','ttl':600}"), "ok");
	seed_odd(a);
	remount(a, NV_MOUNT_FULL);
	struct files *files = calloc(1, sizeof(*files));
	assert_non_null(files);
	gather(a, "netgoat", files);
	assert_int_equal(files->count, 33);
	for (int backwards = 0; backwards < 2; backwards++) {
		void *other = backend;
		assert_int_equal(netgoat_setup(&other), 0);
		struct netgoat_fixture *b = other;
		remount(b, NV_MOUNT_RESTORE);
		assert_int_equal(nv_netgoat_check_empty(b->netgoat, &b->err), 0);
		for (int turn = 0; turn < 2; turn++) {
			for (size_t i = 0; i < files->count; i++) {
				size_t at = backwards ? files->count - 1 - i : i;
				const struct file *file = &files->items[at];
				const char *said =
					save_text(b, file->path, NULL, file->text, file->size);
				if (strcmp(said, turn ? "same" : "ok") != 0) {
					fail_msg("%s: %s %s", file->path, said, b->err.msg);
				}
			}
			assert_same_stores(a, b);
		}
		assert_int_equal(nv_netgoat_check_empty(b->netgoat, &b->err), -EEXIST);
		other = b;
		(void)netgoat_teardown(&other);
	}
	release(files);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		NETGOAT_CASES(a_text_is_the_whole_document),
		NETGOAT_CASES(a_document_without_plain_form_is_written_too),
		NETGOAT_CASES(files_of_many_documents_are_the_same_however_they_are_asked_for),
		NETGOAT_CASES(a_save_is_what_differs_and_no_stamp),
		NETGOAT_CASES(the_mask_is_no_secret),
		NETGOAT_CASES(types_and_order_are_what_is_typed),
		NETGOAT_CASES(changes_of_others_are_kept),
		NETGOAT_CASES(a_text_that_contradicts_its_path),
		NETGOAT_CASES(documents_are_made_with_their_id),
		NETGOAT_CASES(another_document_stands_there),
		NETGOAT_CASES(a_document_comes_from_elsewhere),
		NETGOAT_CASES(children_may_come_first),
		NETGOAT_CASES(analytics_are_brought_back),
		NETGOAT_CASES(removing_and_renaming_in_a_full_mount),
		NETGOAT_CASES(a_backup_is_restored),
	};
	return cmocka_run_group_tests_name("netgoat full", tests, NULL, NULL);
}
