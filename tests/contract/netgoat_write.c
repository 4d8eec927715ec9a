/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a change through netgoat/ does to the stored documents and the changelog. */
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

#include "contract/netgoat_fixture.h"

#define WWW COM "/records/www.A.json"
#define WWW_LOG "dnsrecords;64d000000000000000000001|" WWW

static void one_field_is_one_change(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(
		edit(f, WWW, "{'value':'192.0.2.10','ttl':600,'active':true,'note':'x'}"), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "ttl"), "600");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "1");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "note"), "'x'");
	assert_string_not_equal(field(f, "dnsrecords", WWW_ID, "updated_at"),
	                        "{'$date':'2026-01-02T00:00:00Z'}");
	const char *entry = newest_entry(f);
	assert_non_null(strstr(entry, "'before':{'ttl':300},'after':{'ttl':600}"));
	assert_non_null(strstr(entry, "'plugin':'test','actor':'64a0000000000000000000ff'"));
	assert_log(f, "update record|" WWW_LOG, NULL);
	/* What is there already changes nothing. */
	assert_string_equal(
		edit(f, WWW, "{'note':'x','ttl':600.0,'value':'192.0.2.10','active':true}"),
		"same");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "1");
	assert_log(f, NULL);
	/* A field left out is unset, null is kept, a document without stamps gets none. */
	assert_string_equal(edit(f, WWW, "{'value':'192.0.2.10','ttl':600,'active':null}"), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "note"), "none");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "active"), "null");
	assert_string_equal(edit(f, COM "/records/@.A.json", "{'value':'192.0.2.12','ttl':3600}"),
	                    "ok");
	assert_string_equal(
		stored(f, "dnsrecords", APEX_ID),
		"{'_id':" APEX_ID ",'domainId':" COM_ID
		",'domain':'example.com','type':'A','name':'@','value':'192.0.2.12','ttl':3600}");
}

/* What says that a record has reached the edge is not true of its next version. */
static void what_changes_is_not_propagated(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	poke(f, "dnsrecords", WWW_ID, "propagated", "true");
	later(f);
	assert_string_equal(
		edit(f, WWW, "{'value':'192.0.2.10','ttl':300,'active':true,'note':'x'}"), "same");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "propagated"), "true");
	assert_string_equal(
		edit(f, WWW, "{'value':'192.0.2.11','ttl':300,'active':true,'note':'x'}"), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "propagated"), "false");
	assert_string_equal(field(f, "dnsrecords", APEX_ID, "propagated"), "none");
	assert_null(strstr(newest_entry(f), "propagated"));
	poke(f, "dnsrecords", WWW_ID, "propagated", "true");
	later(f);
	assert_string_equal(do_rename(f, COM, "netgoat/teams/acme/domains/example.net", false),
	                    "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domain"), "'example.net'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "propagated"), "false");
}

static void numbers_keep_their_type(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	poke(f, "dnsrecords", WWW_ID, "ttl", "{'$numberLong':'300'}");
	poke(f, "dnsrecords", WWW_ID, "weight", "5.0");
	later(f);
	assert_string_equal(
		edit(f, WWW, "{'value':'192.0.2.9','ttl':300,'active':true,'note':'x','weight':5}"),
		"ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "ttl"), "{'$numberLong':'300'}");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "weight"), "5.0");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.9'");
}

static void hidden_fields_survive(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(
		edit(f, COM "/domain.json",
	             "{'target_url':'http://192.0.2.3','active':true,"
	             "'subdomains':[{'_id':{'$oid':'64f000000000000000000001'},'subdomain':'api',"
	             "'full_domain':'api.example.com','target_url':'http://192.0.2.5'}]}"),
		"ok");
	assert_string_equal(field(f, "domains", COM_ID, "private_key_pem"), "'KEY'");
	assert_string_equal(field(f, "domains", COM_ID, "stats.total_requests"), "7");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.private_key_pem"),
	                    "'SUBKEY'");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.request_count"), "5");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.target_url"),
	                    "'http://192.0.2.5'");
	assert_null(strstr(newest_entry(f), "KEY"));
	/* A new element gets an _id and its defaults, by the schema; one taken out takes its secret
	 * along. */
	assert_string_equal(
		edit(f, COM "/domain.json",
	             "{'target_url':'http://192.0.2.3','active':true,"
	             "'subdomains':[{'subdomain':'new','full_domain':'new.example.com','target_url':'http://192.0.2.5'}]}"),
		"ok");
	assert_non_null(strstr(field(f, "domains", COM_ID, "subdomains.0._id"), "$oid"));
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.active"), "true");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.private_key_pem"), "none");
	/* The user's own. */
	assert_string_equal(edit(f, "netgoat/users/ann@example.com/user.json", "{'name':'Ann B'}"),
	                    "ok");
	assert_string_equal(field(f, "users", ANN_ID, "password"), "'HASH'");
	assert_string_equal(field(f, "users", ANN_ID, "apiToken"), "'T'");
	assert_string_equal(field(f, "users", ANN_ID, "teams.0"), TEAM_ID);
	/* Elements without _id are known by their key; one of another key is another. */
	assert_string_equal(
		edit(f, COM "/proxies/@.json",
	             "{'name':'main','enabled':true,'upstream_servers':[{'url':'http://192.0.2.21','down':false},"
	             "{'url':'http://192.0.2.20'},{'url':'http://192.0.2.22'}]}"),
		"ok");
	assert_string_equal(field(f, "proxyconfigs", PROXY_ID, "upstream_servers.1.health_status"),
	                    "'healthy'");
	assert_string_equal(field(f, "proxyconfigs", PROXY_ID, "upstream_servers.2.health_status"),
	                    "'unknown'");
	assert_string_equal(field(f, "proxyconfigs", PROXY_ID, "upstream_servers.0.health_status"),
	                    "none");
}

static void secrets_typed_in(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(
		edit(f, ORG "/domain.json",
	             "{'active':false,'private_key_pem':'-----BEGIN K-----\\nx\\n-----END K-----\\n'}"),
		"ok");
	assert_non_null(strstr(field(f, "domains", ORG_ID, "private_key_pem"), "BEGIN K"));
	assert_null(strstr(newest_entry(f), "BEGIN K"));
	assert_non_null(strstr(f->text, "'private_key_pem':'********'"));
	assert_string_equal(
		edit(f, ORG "/domain.json", "{'active':false,'private_key_pem':'********'}"),
		"same");
	assert_non_null(strstr(field(f, "domains", ORG_ID, "private_key_pem"), "BEGIN K"));
	assert_null(strstr(content(f, ORG "/domain.json"), "private_key_pem"));
}

/* Where a value has not the shape that says where its secrets are, all of it is one. */
static void secrets_in_other_shapes(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	static const char *const shapes[] = {
		"{'api':{'private_key_pem':'SECRET'}}",
		"{'private_key_pem':'SECRET'}",
		"[[{'private_key_pem':'SECRET'}]]",
	};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char wanted[128];
		poke(f, "domains", COM_ID, "subdomains", shapes[i]);
		later(f);
		assert_null(strstr(content(f, COM "/domain.json"), "SECRET"));
		assert_null(strstr(f->text, "subdomains"));
		assert_null(strstr(
			content(f, "views/stored/teams/acme/domains/example.com/domain.json"),
			"SECRET"));
		assert_non_null(strstr(f->text, "'subdomains': '********'"));
		assert_string_equal(edit(f, COM "/domain.json",
		                         i % 2 ? "{'active':true}"
		                               : "{'subdomains':'********','active':false}"),
		                    "ok");
		(void)snprintf(wanted, sizeof(wanted), "%s", shapes[i]);
		assert_string_equal(field(f, "domains", COM_ID, "subdomains"), wanted);
	}
	assert_string_equal(edit(f, COM "/domain.json", "{'subdomains':[]}"), "ok");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains"), "[]");
	assert_null(strstr(newest_entry(f), "SECRET"));
}

static void what_the_server_keeps(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	const char *ok =
		"{'value':'192.0.2.10','ttl':300,'active':true,'note':'y','updated_at':{'$date':'2026-01-02T00:00:00Z'},'__v':0,"
		"'_id':" WWW_ID ",'name':'www','type':'A','domainId':" COM_ID
		",'domain':'example.com'}";
	assert_string_equal(edit(f, WWW, ok), "ok");
	assert_string_equal(edit(f, WWW, "{'value':'192.0.2.10',\n'__v':9}"), "EINVAL");
	assert_reason(f, 2, "kept by the server");
	assert_string_equal(edit(f, WWW, "{'value':'192.0.2.10',\n'name':'web'}"), "EINVAL");
	assert_reason(f, 2, "contradicts");
	assert_string_equal(edit(f, WWW, "{'value':'192.0.2.10',\n\n'domain_id':" ORG_ID "}"),
	                    "EINVAL");
	assert_reason(f, 3, "contradicts");
	assert_string_equal(edit(f, WWW, "{'value':'192.0.2.10','_id':" APEX_ID "}"), "EINVAL");
	assert_reason(f, 1, "another document");
	assert_string_equal(
		edit(f, "netgoat/users/ann@example.com/user.json", "{'name':'Ann','teams':[]}"),
		"EINVAL");
	assert_reason(f, 1, "ln -s");
	assert_string_equal(edit(f, "netgoat/users/ann@example.com/user.json",
	                         "{'name':'Ann','teams':[" TEAM_ID "]}"),
	                    "same");
	assert_log(f, "update record|" WWW_LOG, NULL);
}

static void only_what_changed_is_checked(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	poke(f, "dnsrecords", WWW_ID, "value", "'no address'");
	poke(f, "dnsrecords", WWW_ID, "ttl", "'odd'");
	later(f);
	assert_string_equal(
		edit(f, WWW, "{'value':'no address','ttl':'odd','active':true,'note':'z'}"), "ok");
	assert_string_equal(
		edit(f, WWW, "{'value':'no address','ttl':'other','active':true,'note':'z'}"),
		"EINVAL");
	assert_reason(f, 1, "whole number");
	assert_string_equal(
		edit(f, WWW, "{'value':'300.1.1.1','ttl':'odd','active':true,'note':'z'}"),
		"EINVAL");
	assert_reason(f, 1, "300.1.1.1");
	assert_string_equal(edit(f, WWW, "{'ttl':'odd','active':true,'note':'z'}"), "EINVAL");
	assert_reason(f, 1, "value: is required");
	assert_string_equal(
		edit(f, COM "/records/@.MX.json", "{'value':'mail.example.com','ttl':3600}"),
		"EINVAL");
	assert_reason(f, 1, "needs a priority");
	assert_string_equal(edit(f, COM "/records/@.MX.json",
	                         "{'value':'mail.example.com','ttl':-1,'priority':70000}"),
	                    "EINVAL");
	assert_int_equal(f->faults.count, 2);
	assert_string_equal(
		edit(f, "netgoat/teams/acme/team.json", "{'name':'Acme',\n'plan':'Free'}"),
		"EINVAL");
	assert_reason(f, 2, "write free");
	assert_string_equal(edit(f, COM "/domain.json", "{'target_url':'ftp://x','active':true}"),
	                    "EINVAL");
	assert_reason(f, 1, "http");
	assert_log(f, "update record|" WWW_LOG, NULL);
}

static void changes_merge(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	cleanup_blob struct nv_blob *base = version(f, WWW);
	poke(f, "dnsrecords", WWW_ID, "note", "'theirs'");
	assert_string_equal(
		save(f, WWW, base, "{'value':'192.0.2.10','ttl':900,'active':true,'note':'x'}"),
		"ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "note"), "'theirs'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "ttl"), "900");
	/* The same field both ways. */
	assert_string_equal(save(f, WWW, base,
	                         "{'value':'192.0.2.10','ttl':300,'active':true,\n'note':'mine'}"),
	                    "ESTALE");
	assert_reason(f, 2, "note");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "note"), "'theirs'");
	/* Both the same way is no conflict, and nothing to do. */
	assert_string_equal(save(f, WWW, base,
	                         "{'value':'192.0.2.10','ttl':300,'active':true,'note':'theirs'}"),
	                    "same");
	/* But for a number, which both may have counted from the same one. */
	assert_string_equal(save(f, WWW, base,
	                         "{'value':'192.0.2.10','ttl':900,'active':true,'note':'theirs'}"),
	                    "ESTALE");
	/* Deleted or moved meanwhile. */
	poke(f, "dnsrecords", WWW_ID, "name", "'web'");
	assert_string_equal(
		save(f, WWW, base, "{'value':'192.0.2.10','ttl':1,'active':true,'note':'x'}"),
		"ESTALE");
	zap(f, "dnsrecords", WWW_ID);
	assert_string_equal(
		save(f, WWW, base, "{'value':'192.0.2.10','ttl':1,'active':true,'note':'x'}"),
		"ESTALE");
	assert_string_equal(
		save(f, WWW, base, "{'value':'192.0.2.10','ttl':300,'active':true,'note':'x'}"),
		"ESTALE");
	assert_log(f, "update record|" WWW_LOG, NULL);
}

static void a_merge_must_be_right_as_a_whole(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	cleanup_blob struct nv_blob *base = version(f, COM "/records/@.MX.json");
	poke(f, "dnsrecords", MAIL_ID, "priority", NULL);
	assert_string_equal(save(f, COM "/records/@.MX.json", base,
	                         "{'value':'m2.example.com','priority':10,'ttl':3600}"),
	                    "EINVAL");
	assert_reason(f, 1, "needs a priority");
	assert_string_equal(field(f, "dnsrecords", MAIL_ID, "value"), "'mail.example.com'");
}

static void a_save_without_base(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	/* It is there: the same is the same, a field more is a merge, another value is a conflict.
	 */
	assert_string_equal(
		save(f, WWW, NULL, "{'value':'192.0.2.10','ttl':300,'active':true,'note':'x'}"),
		"same");
	assert_string_equal(
		save(f, WWW, NULL,
	             "{'value':'192.0.2.10','ttl':300,'active':true,'note':'x','more':1}"),
		"ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "more"), "1");
	assert_string_equal(save(f, WWW, NULL, "{'value':'192.0.2.99'}"), "ESTALE");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.10'");
}

static void a_record_is_made(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(
		save(f, COM "/records/new.A.json", NULL, "{'value':'192.0.2.30','extra':{'k':1}}"),
		"ok");
	assert_non_null(strstr(newest_entry(f), "'change':'create record'"));
	assert_string_equal(names(f, COM "/records"), "@.A.json @.MX.json new.A.json www.A.json");
	assert_string_equal(
		content(f, COM "/records/new.A.json"),
		"{\n  'value': '192.0.2.30',\n  'extra': {\n    'k': 1\n  },\n  'ttl': 3600,\n  'proxied': false,\n  'active': true\n}\n");
	char id[64];
	const char *at =
		strstr(content(f, "views/stored/teams/acme/domains/example.com/records/new.A.json"),
	               "{'$oid'");
	assert_non_null(at);
	(void)snprintf(id, sizeof(id), "%.35s", at);
	assert_string_equal(field(f, "dnsrecords", id, "domainId"), COM_ID);
	assert_string_equal(field(f, "dnsrecords", id, "team_id"), TEAM_ID);
	assert_string_equal(field(f, "dnsrecords", id, "domain"), "'example.com'");
	assert_string_equal(field(f, "dnsrecords", id, "name"), "'new'");
	assert_string_equal(field(f, "dnsrecords", id, "type"), "'A'");
	assert_string_equal(field(f, "dnsrecords", id, "__v"), "0");
	assert_string_equal(field(f, "dnsrecords", id, "created_by"),
	                    "{'$oid':'64a0000000000000000000ff'}");
	assert_non_null(strstr(field(f, "dnsrecords", id, "updated_at"), "$date"));
	assert_string_equal(field(f, "dnsrecords", id, "created_at"),
	                    "none"); /* its siblings have none */
	assert_string_equal(field(f, "dnsrecords", id, "ttl"), "3600");
	/* Refused ones leave nothing behind. */
	assert_string_equal(save(f, COM "/records/bad.A.json", NULL, "{'value':'2001:db8::1'}"),
	                    "EINVAL");
	assert_string_equal(save(f, COM "/records/bad.A.json", NULL, "{}"), "EINVAL");
	assert_string_equal(
		save(f, COM "/records/bad.A.json", NULL, "{'value':'192.0.2.1','name':'good'}"),
		"EINVAL");
	assert_string_equal(
		save(f, COM "/records/bad.A.json", NULL, "{'value':'192.0.2.1','__v':4}"),
		"EINVAL");
	assert_string_equal(save(f, COM "/records/bad.A.json", NULL,
	                         "{'value':'192.0.2.1','domainId':" ORG_ID "}"),
	                    "EINVAL");
	assert_string_equal(save(f, COM "/records/bad.A.json", NULL, "{'value':"), "EINVAL");
	assert_int_equal(count(f, "dnsrecords"), 4);
	assert_string_equal(save(f, "netgoat/teams/acme/domains/none.example/records/x.A.json",
	                         NULL, "{'value':'192.0.2.1'}"),
	                    "ENOENT");
}

static void names_and_ids_of_new_documents(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(save(f, COM "/records/www.A~64d0000000000000000000aa.json", NULL,
	                         "{'value':'192.0.2.31'}"),
	                    "ok");
	assert_string_equal(field(f, "dnsrecords", "{'$oid':'64d0000000000000000000aa'}", "value"),
	                    "'192.0.2.31'");
	const char *said = save(f, COM "/records/www.A~new.json", NULL, "{'value':'192.0.2.32'}");
	assert_true(strncmp(said, "ok www.A~", 9) == 0 && strlen(said) == 9 + 24 + 5);
	assert_string_equal(save(f, COM "/records/solo.A~new.json", NULL, "{'value':'192.0.2.33'}"),
	                    "ok solo.A.json");
	assert_string_equal(save(f, COM "/records/www.A~64d0000000000000000000ab.json", NULL,
	                         "{'value':'192.0.2.31','_id':" WWW_ID "}"),
	                    "EINVAL");
	assert_string_equal(
		save(f, COM "/records/id.A.json", NULL,
	             "{'value':'192.0.2.34','_id':{'$oid':'64d0000000000000000000ac'}}"),
		"ok");
	assert_string_equal(field(f, "dnsrecords", "{'$oid':'64d0000000000000000000ac'}", "value"),
	                    "'192.0.2.34'");
	/* Notices are called by their ids. */
	said = save(f, COM "/alerts/new.json", NULL, "{'title':'t','body':'b'}");
	assert_true(strncmp(said, "ok ", 3) == 0 && strlen(said) == 3 + 24 + 5);
	assert_string_equal(save(f, "netgoat/teams/acme/alerts/64d0000000000000000000ad.json", NULL,
	                         "{'title':'t','body':'b'}"),
	                    "ok");
	assert_string_equal(field(f, "alerts", "{'$oid':'64d0000000000000000000ad'}", "team_id"),
	                    TEAM_ID);
	assert_string_equal(field(f, "alerts", "{'$oid':'64d0000000000000000000ad'}", "variant"),
	                    "'blue'");
	assert_string_equal(save(f, "netgoat/alerts/64d0000000000000000000ae.json", NULL,
	                         "{'title':'t','body':'b'}"),
	                    "ok");
	assert_string_equal(names(f, "netgoat/alerts"), "64d0000000000000000000ae.json");
	assert_string_equal(
		save(f, "netgoat/alerts/64d0000000000000000000af.json", NULL, "{'title':'t'}"),
		"EINVAL");
	/* The domain's own proxy, and a subdomain's. */
	assert_string_equal(save(f, ORG "/proxies/@.json", NULL,
	                         "{'upstream_servers':[{'url':'http://192.0.2.1'}]}"),
	                    "ok");
	assert_string_equal(content(f, ORG "/proxies/@.json") ? "read" : "", "read");
	assert_non_null(strstr(f->text, "'weight': 1"));
	assert_null(strstr(f->text, "'subdomain'"));
	assert_string_equal(save(f, ORG "/proxies/api.json", NULL, "{'name':'n'}"), "ok");
	assert_non_null(
		strstr(content(f, "views/stored/teams/acme/domains/example.org/proxies/api.json"),
	               "'subdomain': 'api'"));
	/* What may be created at all. */
	assert_string_equal(do_accepts(f, COM "/records/a.A.json"), "ok");
	assert_string_equal(do_accepts(f, COM "/records/a.a.json"), "EINVAL");
	assert_reason(f, 0, "write A");
	assert_string_equal(do_accepts(f, COM "/records/a.PTR.json"), "EINVAL");
	assert_string_equal(do_accepts(f, COM "/records/a.json"), "EOPNOTSUPP");
	assert_string_equal(do_accepts(f, COM "/records/www.example.com.A.json"), "EINVAL");
	assert_reason(f, 0, "write www");
	assert_string_equal(do_accepts(f, COM "/records/*.A.json"), "ok");
	assert_string_equal(do_accepts(f, COM "/records/a..b.A.json"), "EINVAL");
	assert_string_equal(do_accepts(f, "netgoat/orphans/alerts/a.json"), "EINVAL");
}

/* cp -a of a directory brings names with ids of documents that stand elsewhere. */
static void copies_get_ids_of_their_own(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(save(f, COM "/alerts/64e000000000000000000001.json", NULL,
	                         "{'title':'t','body':'b'}"),
	                    "ok");
	const char *said = save(f, ORG "/alerts/64e000000000000000000001.json", NULL,
	                        "{'title':'t','body':'b'}");
	assert_true(strncmp(said, "ok 6", 4) == 0 && strlen(said) == 3 + 24 + 5);
	assert_null(strstr(said, "64e000000000000000000001"));
	char first[64];
	(void)snprintf(first, sizeof(first), "%s", said + 3);
	assert_string_equal(names(f, ORG "/alerts"), first);
	assert_string_equal(names(f, COM "/alerts"), "64e000000000000000000001.json");
	/* The entry leads to the copy. */
	assert_non_null(strstr(newest_entry(f), first));
	/* Copied again, it is there already. */
	said = save(f, ORG "/alerts/64e000000000000000000001.json", NULL,
	            "{'title':'t','body':'b','variant':'blue'}");
	assert_true(strncmp(said, "same ", 5) == 0 && strcmp(said + 5, first) == 0);
	assert_int_equal(count(f, "alerts"), 2);
	said = save(f, ORG "/alerts/64e000000000000000000001.json", NULL,
	            "{'title':'t','body':'b','variant':'red'}");
	assert_true(strncmp(said, "ok 6", 4) == 0);
	assert_int_equal(count(f, "alerts"), 3);
	/* Names with ids, of which the text says nothing. */
	said = save(f, ORG "/records/www.A~64d000000000000000000001.json", NULL,
	            "{'value':'192.0.2.31'}");
	assert_string_equal(said, "ok www.A.json");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.10'");
	/* An id that the text names is meant. */
	assert_string_equal(
		save(f, ORG "/alerts/64e000000000000000000001.json", NULL,
	             "{'title':'t','body':'b','_id':{'$oid':'64e000000000000000000001'}}"),
		"EEXIST");
	assert_reason(f, 1, "another document has it");
}

static void spelling_of_the_collection(void **state)
{
	struct netgoat_fixture *f = *state;
	put(f, "teams", "{'_id':1,'slug':'acme','createdAt':{'$date':'2026-01-01T00:00:00Z'}}");
	put(f, "domains", "{'_id':2,'team_id':1,'domain':'example.com'}");
	put(f, "dnsrecords",
	    "{'_id':3,'domain_id':2,'type':'A','name':'www','content':'192.0.2.1'}");
	assert_string_equal(save(f, COM "/records/new.A.json", NULL, "{'content':'192.0.2.2'}"),
	                    "ok");
	const char *text =
		content(f, "views/stored/teams/acme/domains/example.com/records/new.A.json");
	assert_non_null(strstr(text, "'domain_id': 2"));
	assert_null(strstr(text, "domainId"));
	assert_null(strstr(text, "team_id"));
	assert_null(strstr(text, "'domain'"));
	assert_null(strstr(text, "__v"));
	assert_null(strstr(text, "_at"));
	/* Typed in another spelling, too; twice is once too much. */
	assert_string_equal(save(f, COM "/records/two.A.json", NULL, "{'value':'192.0.2.3'}"),
	                    "ok");
	text = content(f, COM "/records/two.A.json");
	assert_non_null(strstr(text, "'content': '192.0.2.3'"));
	assert_null(strstr(text, "'value'"));
	assert_string_equal(edit(f, COM "/records/www.A.json", "{'value':'192.0.2.4'}"), "ok");
	assert_string_equal(
		stored(f, "dnsrecords", "3"),
		"{'_id':3,'domain_id':2,'type':'A','name':'www','content':'192.0.2.4'}");
	assert_string_equal(
		edit(f, COM "/records/www.A.json", "{'content':'192.0.2.4','value':'192.0.2.5'}"),
		"EINVAL");
	assert_reason(f, 1, "value: is another spelling of content");
	assert_string_equal(save(f, COM "/records/three.A.json", NULL,
	                         "{'content':'192.0.2.4','value':'192.0.2.5'}"),
	                    "EINVAL");
	assert_reason(f, 1, "value: is another spelling of content");
	assert_string_equal(
		edit(f, COM "/records/www.A.json", "{'content':'192.0.2.4','domainId':2}"), "same");
	assert_string_equal(
		edit(f, COM "/records/www.A.json", "{'content':'192.0.2.4','domainId':7}"),
		"EINVAL");
	assert_reason(f, 1, "contradicts the path");
	/* A document that has both keeps both. */
	put(f, "dnsrecords",
	    "{'_id':4,'domain_id':2,'type':'A','name':'odd','content':null,'value':'192.0.2.1'}");
	later(f);
	assert_string_equal(
		edit(f, COM "/records/odd.A.json", "{'content':null,'value':'192.0.2.2'}"), "ok");
	assert_string_equal(field(f, "dnsrecords", "4", "content"), "null");
	assert_string_equal(field(f, "dnsrecords", "4", "value"), "'192.0.2.2'");
	/* A reference that a document gets by being moved. */
	put(f, "alerts", "{'_id':5,'title':'t','body':'b','teamId':1}");
	put(f, "alerts", "{'_id':{'$oid':'64e000000000000000000001'},'title':'t','body':'b'}");
	later(f);
	assert_string_equal(do_rename(f, "netgoat/alerts/64e000000000000000000001.json",
	                              "netgoat/teams/acme/alerts/64e000000000000000000001.json",
	                              false),
	                    "ok");
	assert_string_equal(field(f, "alerts", "{'$oid':'64e000000000000000000001'}", "teamId"),
	                    "1");
	assert_string_equal(do_mkdir(f, "netgoat/teams/beta"), "ok");
	text = content(f, "views/stored/teams/beta/team.json");
	assert_non_null(strstr(text, "createdAt"));
	assert_null(strstr(text, "created_at"));
	assert_string_equal(do_mkdir(f, ORG), "ok");
	assert_non_null(
		strstr(content(f, "views/stored/teams/acme/domains/example.org/domain.json"),
	               "'team_id': 1"));
}

static void dns_rules(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(save(f, COM "/records/www.CNAME.json", NULL, "{'value':'example.com'}"),
	                    "EINVAL");
	assert_reason(f, 0, "www.A.json");
	assert_string_equal(
		save(f, COM "/records/alias.CNAME.json", NULL, "{'value':'example.com'}"), "ok");
	assert_string_equal(save(f, COM "/records/alias.TXT.json", NULL, "{'value':'x'}"),
	                    "EINVAL");
	assert_reason(f, 0, "alias.CNAME.json");
	assert_string_equal(
		save(f, COM "/records/alias.TXT.json", NULL, "{'value':'x','active':false}"), "ok");
	assert_string_equal(edit(f, COM "/records/alias.TXT.json",
	                         "{'value':'x','active':true,'ttl':3600,'proxied':false}"),
	                    "EINVAL");
	assert_string_equal(do_rename(f, WWW, COM "/records/alias.A.json", false), "EINVAL");
	assert_string_equal(
		do_rename(f, COM "/records/alias.CNAME.json", COM "/records/www.CNAME.json", false),
		"EINVAL");
	assert_string_equal(
		edit(f, COM "/records/alias.CNAME.json",
	             "{'value':'example.com','active':false,'ttl':3600,'proxied':false}"),
		"ok");
	assert_string_equal(edit(f, COM "/records/alias.TXT.json",
	                         "{'value':'x','active':true,'ttl':3600,'proxied':false}"),
	                    "ok");
}

static void documents_are_removed(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	cleanup_blob struct nv_blob *base = version(f, WWW);
	assert_string_equal(do_unlink(f, WWW), "ok");
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), "none");
	assert_non_null(strstr(newest_entry(f), "'before':{'_id':" WWW_ID));
	assert_log(f, "delete record|" WWW_LOG, NULL);
	assert_string_equal(do_unlink(f, WWW), "ENOENT");
	assert_string_equal(do_unlink(f, COM "/domain.json"), "EPERM");
	/* A version deleted a moment ago comes back with its identity. */
	struct nv_save_request request = { .parent = base,
		                           .text = "{\"value\":\"192.0.2.50\"}",
		                           .size = 22 };
	struct nv_save_result result = { 0 };
	struct nv_node node;
	char storage[256];
	struct nv_call call = { .faults = &f->faults };
	assert_int_equal(nv_tree_resolve(&f->tree, WWW, storage, sizeof(storage), &node), 0);
	assert_int_equal(nv_netgoat_ops.save(f->netgoat, &call, &node, &request, &result, &f->err),
	                 0);
	nv_save_result_release(&result);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.50'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "0");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "note"), "none");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domain"), "'example.com'");
	assert_log(f, "create record|" WWW_LOG, NULL);
	/* One that changed since it was read stays. */
	poke(f, "dnsrecords", WWW_ID, "ttl", "5");
	assert_int_equal(nv_netgoat_ops.unlink(f->netgoat, &call, &node, base, false, &f->err),
	                 -ESTALE);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "ttl"), "5");
}

static void records_are_renamed(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(do_rename(f, WWW, COM "/records/web.A.json", false), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "name"), "'web'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "1");
	assert_string_equal(
		do_rename(f, COM "/records/web.A.json", COM "/records/web.TXT.json", false), "ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "type"), "'TXT'");
	assert_string_equal(
		do_rename(f, COM "/records/web.TXT.json", COM "/records/web.AAAA.json", false),
		"EINVAL");
	assert_string_equal(
		do_rename(f, COM "/records/web.TXT.json", COM "/records/web.txt.json", false),
		"EINVAL");
	assert_string_equal(
		do_rename(f, COM "/records/web.TXT.json", COM "/records/@.MX.json", false),
		"EEXIST");
	assert_string_equal(do_rename(f, COM "/records/@.A.json", COM "/records/web.A.json", false),
	                    "ok");
	assert_string_equal(do_rename(f, COM "/records/web.A.json", COM "/records/@.A.json", false),
	                    "ok");
	assert_string_equal(field(f, "dnsrecords", APEX_ID, "name"), "'@'");
	assert_log(
		f, "rename record|dnsrecords;64d000000000000000000001|" COM "/records/web.A.json",
		"rename record|dnsrecords;64d000000000000000000001|" COM "/records/web.TXT.json",
		"rename record|dnsrecords;64d000000000000000000002|" COM "/records/web.A.json",
		"rename record|dnsrecords;64d000000000000000000002|" COM "/records/@.A.json", NULL);
	/* Replacing: one goes, the other takes its name. */
	assert_string_equal(save(f, COM "/records/b.A.json", NULL, "{'value':'192.0.2.60'}"), "ok");
	f->seen++;
	assert_string_equal(do_rename(f, COM "/records/b.A.json", COM "/records/@.A.json", true),
	                    "ok");
	assert_string_equal(stored(f, "dnsrecords", APEX_ID), "none");
	assert_non_null(strstr(content(f, COM "/records/@.A.json"), "192.0.2.60"));
	assert_int_equal(count(f, "dnsrecords"), 3);
	/* To another domain, with its references; and what cannot be said. */
	assert_string_equal(
		do_rename(f, COM "/records/web.TXT.json", ORG "/records/web.TXT.json", false),
		"ok");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domainId"), ORG_ID);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domain"), "'example.org'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "team_id"), TEAM_ID);
	assert_string_equal(do_rename(f, COM "/records/@.A.json", COM "/proxies/x.json", false),
	                    "EPERM");
	assert_string_equal(
		do_rename(f, COM "/records/@.A.json", "netgoat/orphans/dnsrecords/x.json", false),
		"EPERM");
	assert_string_equal(do_rename(f, COM "/proxies/@.json", COM "/proxies/api.json", false),
	                    "ok");
	assert_string_equal(field(f, "proxyconfigs", PROXY_ID, "subdomain"), "'api'");
	assert_string_equal(do_rename(f, COM "/proxies/api.json", COM "/proxies/@.json", false),
	                    "ok");
	assert_string_equal(field(f, "proxyconfigs", PROXY_ID, "subdomain"), "none");
	put(f, "alerts", "{'_id':9,'title':'t'}");
	assert_string_equal(do_rename(f, "netgoat/alerts/=9.json", "netgoat/alerts/x.json", false),
	                    "EPERM");
	assert_string_equal(
		do_rename(f, "netgoat/alerts/=9.json", "netgoat/teams/acme/alerts/=9.json", false),
		"ok");
	assert_string_equal(field(f, "alerts", "9", "team_id"), TEAM_ID);
	assert_string_equal(
		do_rename(f, "netgoat/teams/acme/alerts/=9.json", COM "/alerts/=9.json", false),
		"ok");
	assert_string_equal(names(f, COM "/alerts"), "=9.json");
	assert_string_equal(do_rename(f, COM "/alerts/=9.json", "netgoat/alerts/=9.json", false),
	                    "ok");
	assert_string_equal(stored(f, "alerts", "9"), "{'_id':9,'title':'t'}");
}

static void orphans_come_home(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "dnsrecords",
	    "{'_id':30,'domain_id':77,'team_id':8,'domain':'lost.example','type':'A','name':'lost','value':'192.0.2.1'}");
	put(f, "dnsrecords",
	    "{'_id':31,'domain_id':77,'type':'A','name':'lost','value':'192.0.2.1'}");
	assert_string_equal(do_rename(f, "netgoat/orphans/dnsrecords/=30.json",
	                              COM "/records/found.A.json", false),
	                    "ok");
	assert_string_equal(
		stored(f, "dnsrecords", "30"),
		"{'_id':30,'domain_id':" COM_ID ",'team_id':" TEAM_ID
		",'domain':'example.com','type':'A','name':'found','value':'192.0.2.1'}");
	/* Or by its text. */
	assert_string_equal(edit(f, "netgoat/orphans/dnsrecords/=31.json",
	                         "{'domain_id':" COM_ID
	                         ",'type':'A','name':'back','value':'192.0.2.1'}"),
	                    "ok");
	assert_string_equal(names(f, COM "/records"),
	                    "@.A.json @.MX.json back.A.json found.A.json www.A.json");
	assert_string_equal(look(f, "netgoat/orphans"), "ENOENT");
}

static void objects_are_made(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(do_mkdir(f, "netgoat/teams/new-team"), "ok");
	assert_non_null(
		strstr(content(f, "netgoat/teams/new-team/team.json"), "'name': 'new-team'"));
	assert_string_equal(do_mkdir(f, "netgoat/teams/new-team"), "EEXIST");
	assert_string_equal(do_mkdir(f, "netgoat/teams/New Team"), "EINVAL");
	assert_reason(f, 0, "write new-team");
	assert_string_equal(do_mkdir(f, "netgoat/teams/admin"), "EINVAL");
	assert_string_equal(do_mkdir(f, "netgoat/teams/new-team/domains/New.Example"), "EINVAL");
	assert_reason(f, 0, "write new.example");
	assert_string_equal(do_mkdir(f, "netgoat/teams/new-team/domains/localhost"), "EINVAL");
	assert_string_equal(do_mkdir(f, "netgoat/teams/new-team/domains/new.example"), "ok");
	const char *text =
		content(f, "views/stored/teams/new-team/domains/new.example/domain.json");
	assert_non_null(strstr(text, "'verification_token': '********'"));
	assert_non_null(strstr(text, "'verified': false"));
	assert_non_null(strstr(text, "'cache_ttl': 300"));
	assert_non_null(strstr(text, "'active': true"));
	assert_string_equal(do_mkdir(f, "netgoat/users/eve@example.com"), "ok");
	assert_string_equal(do_mkdir(f, "netgoat/users/eve"), "EINVAL");
	assert_string_equal(do_mkdir(f, "netgoat/users/ann@example.com"), "EEXIST");
	assert_string_equal(do_mkdir(f, "netgoat/teams/none/domains/x.example"), "ENOENT");
	assert_int_equal(count(f, "teams"), 2);
	assert_int_equal(count(f, "domains"), 3);
	assert_int_equal(count(f, "users"), 3);
}

static void objects_are_removed(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "analytics",
	    "{'_id':1,'domainId':" ORG_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-02T00:00:00Z'}}");
	put(f, "analytics",
	    "{'_id':2,'domainId':" ORG_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-02T01:00:00Z'}}");
	put(f, "alerts", "{'_id':3,'domainId':" ORG_ID ",'title':'t'}");
	assert_string_equal(do_rmdir(f, COM), "ENOTEMPTY");
	assert_string_equal(do_rmdir(f, ORG), "ENOTEMPTY");
	assert_string_equal(do_unlink(f, ORG "/alerts/=3.json"), "ok");
	assert_string_equal(do_rmdir(f, ORG), "ok");
	assert_int_equal(count(f, "analytics"), 0);
	assert_log(f, "delete alert|alerts;=3|" ORG "/alerts/=3.json",
	           "delete analytics|analytics;64c000000000000000000002|" ORG
	           "/analytics/hour/2026-03-02.ndjson",
	           "delete domain|domains;64c000000000000000000002|" ORG, NULL);
	assert_string_equal(do_rmdir(f, ORG), "ENOENT");
	assert_string_equal(do_rmdir(f, "netgoat/teams/acme"), "ENOTEMPTY");
	assert_string_equal(do_rmdir(f, "netgoat/users/ann@example.com"), "ENOTEMPTY");
	zap(f, "domains", COM_ID);
	poke(f, "users", BOB_ID, "teams", "[1," TEAM_ID ",2]");
	put(f, "incidents", "{'_id':4,'team_id':" TEAM_ID ",'title':'t'}");
	assert_string_equal(do_rmdir(f, "netgoat/teams/acme"), "ENOTEMPTY");
	zap(f, "incidents", "4");
	assert_string_equal(do_rmdir(f, "netgoat/teams/acme"), "ok");
	assert_string_equal(stored(f, "teams", TEAM_ID), "none");
	assert_string_equal(field(f, "users", ANN_ID, "teams"), "[]");
	assert_string_equal(field(f, "users", BOB_ID, "teams"), "[1,2]");
	assert_log(
		f,
		"delete membership|users;64a000000000000000000001|netgoat/users/ann@example.com/teams/acme",
		"delete membership|users;64a000000000000000000002|netgoat/users/bob@example.com/teams/acme",
		"delete team|teams;64b000000000000000000001|netgoat/teams/acme", NULL);
	assert_string_equal(do_rmdir(f, "netgoat/users/ann@example.com"), "ok");
	assert_int_equal(count(f, "users"), 1);
	assert_string_equal(do_rmdir(f, "netgoat/users"), "EPERM");
}

static void domains_move(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "teams", "{'_id':40,'slug':'beta'}");
	put(f, "alerts", "{'_id':41,'domainId':" COM_ID ",'team_id':" TEAM_ID ",'title':'t'}");
	poke(f, "dnsrecords", APEX_ID, "domain", "'odd.example'");
	/* A new name: copies of the old follow, what said something else stays. */
	assert_string_equal(do_rename(f, COM, "netgoat/teams/acme/domains/example.org", false),
	                    "EEXIST");
	assert_string_equal(do_rename(f, COM, "netgoat/teams/acme/domains/Example.net", false),
	                    "EINVAL");
	assert_string_equal(do_rename(f, COM, "netgoat/teams/acme/domains/example.net", false),
	                    "ok");
	assert_string_equal(field(f, "domains", COM_ID, "domain"), "'example.net'");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.full_domain"),
	                    "'api.example.net'");
	assert_string_equal(field(f, "domains", COM_ID, "subdomains.0.private_key_pem"),
	                    "'SUBKEY'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domain"), "'example.net'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "__v"), "1");
	assert_string_equal(field(f, "dnsrecords", APEX_ID, "domain"), "'odd.example'");
	assert_log(
		f,
		"rename domain|domains;64c000000000000000000001|netgoat/teams/acme/domains/example.net",
		NULL);
	/* Another team. */
	assert_string_equal(do_rename(f, "netgoat/teams/acme/domains/example.net",
	                              "netgoat/teams/beta/domains/example.net", false),
	                    "ok");
	assert_string_equal(field(f, "domains", COM_ID, "teamId"), "40");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "team_id"), "40");
	assert_string_equal(field(f, "dnsrecords", APEX_ID, "team_id"), "none");
	assert_string_equal(field(f, "alerts", "41", "team_id"), "40");
	assert_string_equal(names(f, "netgoat/teams/beta/domains/example.net"),
	                    "alerts proxies records domain.json");
	assert_non_null(
		strstr(newest_entry(f), "'before':{'teamId':" TEAM_ID "},'after':{'teamId':40}"));
	assert_log(
		f,
		"move domain|domains;64c000000000000000000001|netgoat/teams/beta/domains/example.net",
		NULL);
	/* Out of the orphans, and not into them. */
	put(f, "domains", "{'_id':50,'team':99,'domain':'lost.example'}");
	put(f, "dnsrecords",
	    "{'_id':51,'domainId':50,'team_id':99,'type':'A','name':'a','value':'192.0.2.1'}");
	assert_string_equal(do_rename(f, "netgoat/orphans/domains/lost.example",
	                              "netgoat/teams/beta/domains/lost.example", false),
	                    "ok");
	assert_string_equal(stored(f, "domains", "50"),
	                    "{'_id':50,'team':40,'domain':'lost.example'}");
	assert_string_equal(field(f, "dnsrecords", "51", "team_id"), "40");
	assert_string_equal(do_rename(f, "netgoat/teams/beta/domains/lost.example",
	                              "netgoat/orphans/domains/lost.example", false),
	                    "EPERM");
	/* Teams and users. */
	assert_string_equal(do_rename(f, "netgoat/teams/beta", "netgoat/teams/gamma", false), "ok");
	assert_string_equal(field(f, "teams", "40", "slug"), "'gamma'");
	assert_string_equal(do_rename(f, "netgoat/teams/gamma", "netgoat/teams/acme", false),
	                    "EEXIST");
	assert_string_equal(do_rename(f, "netgoat/users/bob@example.com",
	                              "netgoat/users/rob@example.com", false),
	                    "ok");
	assert_string_equal(field(f, "users", BOB_ID, "email"), "'rob@example.com'");
}

static void joining_and_leaving(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	/* The store uses users.teams only. */
	assert_string_equal(
		do_symlink(f, "netgoat/users/bob@example.com/teams/acme", "../../../teams/acme"),
		"ok");
	assert_string_equal(field(f, "users", BOB_ID, "teams"), "[" TEAM_ID "]");
	assert_string_equal(field(f, "teams", TEAM_ID, "members"), "none");
	assert_string_equal(
		do_symlink(f, "netgoat/users/bob@example.com/teams/acme", "../../../teams/acme"),
		"EEXIST");
	assert_string_equal(
		do_symlink(f, "netgoat/users/bob@example.com/teams/none", "../../../teams/none"),
		"EINVAL");
	assert_string_equal(
		do_symlink(f, "netgoat/users/bob@example.com/teams/other", "../../../teams/acme"),
		"EINVAL");
	assert_string_equal(do_symlink(f, "netgoat/users/bob@example.com/teams/acme", "somewhere"),
	                    "EINVAL");
	assert_string_equal(do_unlink(f, "netgoat/users/bob@example.com/teams/acme"), "ok");
	assert_string_equal(field(f, "users", BOB_ID, "teams"), "[]");
	assert_log(
		f,
		"create membership|users;64a000000000000000000002|netgoat/users/bob@example.com/teams/acme",
		"delete membership|users;64a000000000000000000002|netgoat/users/bob@example.com/teams/acme",
		NULL);
	/* Both are used. */
	poke(f, "teams", TEAM_ID, "members", "[{'_id':1,'user_id':" ANN_ID ",'role':'owner'}]");
	assert_string_equal(
		do_symlink(f, "netgoat/users/bob@example.com/teams/acme", "../../../teams/acme/"),
		"ok");
	assert_string_equal(field(f, "users", BOB_ID, "teams"), "[" TEAM_ID "]");
	assert_string_equal(field(f, "teams", TEAM_ID, "members.1.user_id"), BOB_ID);
	assert_string_equal(field(f, "teams", TEAM_ID, "members.1.role"), "'member'");
	assert_non_null(strstr(field(f, "teams", TEAM_ID, "members.1._id"), "$oid"));
	assert_string_equal(field(f, "teams", TEAM_ID, "members.0.role"), "'owner'");
	assert_string_equal(field(f, "teams", TEAM_ID, "__v"), "1");
	assert_string_equal(do_unlink(f, "netgoat/users/ann@example.com/teams/acme"), "ok");
	assert_string_equal(field(f, "users", ANN_ID, "teams"), "[]");
	assert_string_equal(field(f, "teams", TEAM_ID, "members.0.user_id"), BOB_ID);
	/* A dangling one can be left too. */
	poke(f, "users", ANN_ID, "teams", "['gone',7]");
	assert_string_equal(do_unlink(f, "netgoat/users/ann@example.com/teams/gone"), "ok");
	assert_string_equal(field(f, "users", ANN_ID, "teams"), "[7]");
	assert_string_equal(do_unlink(f, "netgoat/users/ann@example.com/teams/gone"), "ENOENT");
	/* Only members[] is used. */
	poke(f, "users", ANN_ID, "teams", NULL);
	poke(f, "users", BOB_ID, "teams", NULL);
	assert_string_equal(do_symlink(f, "netgoat/users/ann@example.com/teams/acme",
	                               "/mnt/netgoat/teams/acme"),
	                    "ok");
	assert_string_equal(field(f, "users", ANN_ID, "teams"), "none");
	assert_string_equal(names(f, "netgoat/users/ann@example.com/teams"), "acme");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		NETGOAT_CASES(one_field_is_one_change),
		NETGOAT_CASES(what_changes_is_not_propagated),
		NETGOAT_CASES(numbers_keep_their_type),
		NETGOAT_CASES(hidden_fields_survive),
		NETGOAT_CASES(secrets_typed_in),
		NETGOAT_CASES(secrets_in_other_shapes),
		NETGOAT_CASES(what_the_server_keeps),
		NETGOAT_CASES(only_what_changed_is_checked),
		NETGOAT_CASES(changes_merge),
		NETGOAT_CASES(a_merge_must_be_right_as_a_whole),
		NETGOAT_CASES(a_save_without_base),
		NETGOAT_CASES(a_record_is_made),
		NETGOAT_CASES(names_and_ids_of_new_documents),
		NETGOAT_CASES(copies_get_ids_of_their_own),
		NETGOAT_CASES(spelling_of_the_collection),
		NETGOAT_CASES(dns_rules),
		NETGOAT_CASES(documents_are_removed),
		NETGOAT_CASES(records_are_renamed),
		NETGOAT_CASES(orphans_come_home),
		NETGOAT_CASES(objects_are_made),
		NETGOAT_CASES(objects_are_removed),
		NETGOAT_CASES(domains_move),
		NETGOAT_CASES(joining_and_leaving),
	};
	return cmocka_run_group_tests_name("netgoat write", tests, NULL, NULL);
}
