/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What netgoat/ and its views show, against what the store holds. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract/netgoat_fixture.h"

static void every_directory(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(names(f, "netgoat"), "changelog teams users");
	assert_string_equal(names(f, "netgoat/teams"), "acme");
	assert_string_equal(names(f, "netgoat/teams/acme"), "domains team.json");
	assert_string_equal(names(f, "netgoat/teams/acme/domains"), "example.com example.org");
	assert_string_equal(names(f, COM), "proxies records domain.json");
	assert_string_equal(names(f, COM "/records"), "@.A.json @.MX.json www.A.json");
	assert_string_equal(names(f, COM "/proxies"), "@.json");
	assert_string_equal(names(f, ORG), "records domain.json");
	assert_string_equal(names(f, ORG "/records"), "");
	assert_string_equal(names(f, "netgoat/users"), "ann@example.com bob@example.com");
	assert_string_equal(names(f, "netgoat/users/ann@example.com"), "teams user.json");
	assert_string_equal(names(f, "netgoat/users/bob@example.com"), "user.json");
	assert_string_equal(names(f, "netgoat/users/ann@example.com/teams"), "acme");
	assert_string_equal(content(f, "netgoat/users/ann@example.com/teams/acme"),
	                    "../../../teams/acme");
	assert_string_equal(names(f, "netgoat/teams/nobody"), "ENOENT");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/example.net"), "ENOENT");
	assert_string_equal(look(f, COM "/records"), "records");
	assert_string_equal(look(f, COM "/alerts"), "alerts");
	assert_string_equal(look(f, "netgoat/teams/nobody/alerts"), "ENOENT");
	assert_string_equal(look(f, "netgoat/orphans"), "ENOENT");
}

static void texts_leave_out_what_the_path_says(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(
		content(f, COM "/records/www.A.json"),
		"{\n  'value': '192.0.2.10',\n  'ttl': 300,\n  'active': true,\n  'note': 'x'\n}\n");
	assert_string_equal(
		content(f, COM "/records/@.MX.json"),
		"{\n  'value': 'mail.example.com',\n  'priority': 10,\n  'ttl': 3600\n}\n");
	assert_string_equal(content(f, "netgoat/users/ann@example.com/user.json"),
	                    "{\n  'name': 'Ann'\n}\n");
	assert_null(strstr(content(f, COM "/domain.json"), "KEY"));
	assert_null(strstr(f->text, "total_requests"));
	assert_null(strstr(f->text, "request_count"));
	assert_non_null(strstr(f->text, "api.example.com"));
	assert_null(strstr(content(f, COM "/proxies/@.json"), "health_status"));
	/* What the path does not say exactly is shown. */
	poke(f, "dnsrecords", WWW_ID, "domain", "'old.example.com'");
	later(f);
	assert_non_null(
		strstr(content(f, COM "/records/www.A.json"), "'domain': 'old.example.com'"));
	assert_null(strstr(f->text, "domainId"));
}

static void mtime_is_the_update_field(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	cleanup_blob struct nv_blob *www = version(f, COM "/records/www.A.json");
	cleanup_blob struct nv_blob *apex = version(f, COM "/records/@.A.json");
	assert_true(www->stamped);
	assert_int_equal(www->mtime.tv_sec, 1767312000);
	assert_false(apex->stamped);
}

static void views_show_all_but_secrets(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(names(f, "views/stored"), "teams users");
	const char *text = content(f, "views/stored/teams/acme/domains/example.com/domain.json");
	assert_non_null(strstr(text, "'private_key_pem': '********'"));
	assert_non_null(strstr(text, "'total_requests': 7"));
	assert_non_null(strstr(text, "'teamId'"));
	assert_non_null(strstr(text, "'__v': 3"));
	assert_null(strstr(text, "KEY'"));
	assert_string_equal(names(f, "views/stored/teams/acme/domains/example.com/records"),
	                    "@.A.json @.MX.json www.A.json");
	text = content(f, "views/stored/users/ann@example.com/user.json");
	assert_non_null(strstr(text, "'password': '********'"));
	assert_non_null(strstr(text, "'apiToken': '********'"));
	assert_non_null(strstr(text, "'teams'"));
}

static void edge_is_what_is_pushed(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "dnsrecords",
	    "{'_id':1,'domainId':" COM_ID ",'type':'TXT','name':'off','value':'x','active':false}");
	put(f, "proxyconfigs",
	    "{'_id':2,'domainId':" COM_ID
	    ",'name':'off','subdomain':'api','enabled':false,'upstream_servers':[{'url':'http://192.0.2.99'}]}");
	put(f, "proxyconfigs",
	    "{'_id':3,'domainId':" COM_ID
	    ",'name':'api','subdomain':'api','upstream_servers':[{'url':'http://192.0.2.30'},"
	    "{'url':'http://192.0.2.2'},{'url':'http://192.0.2.30'}]}");
	poke(f, "domains", COM_ID, "waf_rules",
	     "[{'_id':4,'name':'b','expression':'e','action':'allow','priority':1},{'_id':5,'name':'a','expression':'e','priority':9},"
	     "{'_id':6,'name':'no','expression':'e','enabled':false}]");
	poke(f, "domains", COM_ID, "route_policy",
	     "{'cache':{'ttl_seconds':60,'max_entries':0,'x':1},'bandwidth':{'key':'ip','burst_bytes':5},'y':{}}");
	assert_string_equal(names(f, "views/edge"), "acme");
	assert_string_equal(names(f, "views/edge/acme"),
	                    "example.com.json"); /* example.org is not active */
	assert_string_equal(content(f, "views/edge/acme/example.org.json"), "ENOENT");
	const char *text = content(f, "views/edge/acme/example.com.json");
	assert_non_null(strstr(text, "'id': '64c000000000000000000001'"));
	assert_non_null(strstr(text,
	                       /* the one that is down is not */
	                       "'target_urls': [\n    'http://192.0.2.20'\n  ]"));
	assert_non_null(strstr(text,
	                       /* once, and not the primary */
	                       "'target_urls': [\n        'http://192.0.2.30'\n      ]"));
	assert_non_null(strstr(text, "'private_key_pem': '********'"));
	assert_null(strstr(text, "KEY'"));
	assert_null(strstr(text, "'off'"));
	assert_null(strstr(text, "192.0.2.99"));
	assert_non_null(strstr(
		text,
		"'policy': {\n    'cache': {\n      'ttl_seconds': 60\n    },\n    'bandwidth': {\n      'key': 'ip'\n    }\n  }"));
	assert_non_null(strstr(text, "'proxy_config': {\n    'id': '64e000000000000000000001'"));
	char *high = strstr(text, "'name': 'a'");
	char *low = strstr(text, "'name': 'b'");
	assert_true(high && low && high < low);
	assert_non_null(strstr(text, "'action': 'ALLOW'"));
	assert_non_null(strstr(text, "'action': 'BLOCK'"));
	assert_null(strstr(text, "'no'"));
	assert_non_null(strstr(
		text, "'hosts': [\n        'example.com',\n        'api.example.com'\n      ]"));
}

static void names_that_are_shared(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "dnsrecords",
	    "{'_id':'two','domainId':" COM_ID ",'type':'A','name':'www','value':'192.0.2.12'}");
	assert_string_equal(
		names(f, COM "/records"),
		"@.A.json @.MX.json www.A~64d000000000000000000001.json www.A~two.json");
	assert_string_equal(content(f, COM "/records/www.A.json"), "ENOTUNIQ");
	assert_string_equal(look(f, COM "/records/www.A.json"), "ENOTUNIQ");
	assert_string_equal(look(f, COM "/records/www.A~two.json"), "www.A~two.json");
	assert_non_null(strstr(content(f, COM "/records/www.A~two.json"), "192.0.2.12"));
	/* Every document answers to its long form, also alone. */
	assert_string_equal(look(f, COM "/records/@.A~64d000000000000000000002.json"), "@.A.json");
	assert_string_equal(look(f, COM "/records/@.A~64d000000000000000000003.json"), "ENOENT");
	zap(f, "dnsrecords", WWW_ID);
	later(f);
	assert_string_equal(names(f, COM "/records"), "@.A.json @.MX.json www.A.json");
	/* Both forms of the zone's top share a name. */
	put(f, "dnsrecords",
	    "{'_id':7,'domainId':" COM_ID
	    ",'type':'MX','name':'@','value':'m2.example.com','priority':20}");
	later(f);
	assert_string_equal(names(f, COM "/records"),
	                    "@.A.json @.MX~64d000000000000000000003.json @.MX~=7.json www.A.json");
	assert_string_equal(look(f, COM "/records/@.MX.json"), "ENOTUNIQ");
}

static void odd_ids_and_names(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "alerts", "{'_id':5,'title':'t5'}");
	put(f, "alerts", "{'_id':'plain','title':'tp'}");
	put(f, "alerts", "{'_id':'64b000000000000000000001','title':'ts'}");
	put(f, "alerts", "{'_id':'=x','title':'te'}");
	put(f, "alerts", "{'_id':'','title':'tn'}");
	put(f, "alerts", "{'_id':'a/b~c','title':'tz'}");
	put(f, "alerts", "{'_id':{'k':1},'title':'td'}");
	assert_string_equal(
		names(f, "netgoat/alerts"),
		"%.json ='64b000000000000000000001'.json ='=x'.json =5.json ={'k':1}.json a%2Fb%7Ec.json plain.json");
	assert_non_null(strstr(content(f, "netgoat/alerts/=5.json"), "t5"));
	assert_non_null(strstr(content(f, "netgoat/alerts/plain.json"), "tp"));
	assert_non_null(
		strstr(content(f, "netgoat/alerts/=\"64b000000000000000000001\".json"), "ts"));
	assert_non_null(strstr(content(f, "netgoat/alerts/=\"=x\".json"), "te"));
	assert_non_null(strstr(content(f, "netgoat/alerts/%.json"), "tn"));
	assert_non_null(strstr(content(f, "netgoat/alerts/a%2fb%7ec.json"), "tz"));
	assert_non_null(strstr(content(f, "netgoat/alerts/={\"k\":1}.json"), "td"));
	/* Names of the wrong type: named by id, and shown. */
	put(f, "dnsrecords",
	    "{'_id':8,'domainId':" COM_ID ",'type':'A','name':12,'value':'192.0.2.1'}");
	put(f, "dnsrecords", "{'_id':'u.v','domainId':" COM_ID ",'value':'192.0.2.2'}");
	put(f, "dnsrecords",
	    "{'_id':9,'domainId':" COM_ID ",'type':'x.y','name':'a~/%','value':'z'}");
	put(f, "domains", "{'_id':10,'teamId':" TEAM_ID "}");
	put(f, "teams", "{'_id':11,'slug':null}");
	put(f, "users", "{'_id':12}");
	assert_string_equal(names(f, COM "/records"),
	                    "=8.json @.A.json @.MX.json a%7E%2F%25.x%2Ey.json u.v.json www.A.json");
	assert_non_null(strstr(content(f, COM "/records/=8.json"), "'name': 12"));
	assert_non_null(strstr(content(f, COM "/records/u.v.json"), "192.0.2.2"));
	assert_non_null(strstr(content(f, COM "/records/a%7E%2F%25.x%2Ey.json"), "'z'"));
	assert_string_equal(names(f, "netgoat/teams/acme/domains"), "=10 example.com example.org");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/=10"), "records domain.json");
	assert_string_equal(names(f, "netgoat/teams"), "=11 acme");
	assert_string_equal(names(f, "netgoat/users"), "=12 ann@example.com bob@example.com");
	assert_string_equal(content(f, "netgoat/users/=12/user.json"), "{}\n");
}

static void long_names_are_cut(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	char name[300];
	char json[512];
	memset(name, 'n', 290);
	name[290] = '\0';
	(void)snprintf(json, sizeof(json),
	               "{'_id':20,'domainId':" COM_ID ",'type':'TXT','name':'%s','value':'long'}",
	               name);
	put(f, "dnsrecords", json);
	char *list = strdup(names(f, COM "/records"));
	char *cut = strstr(list, "nnn");
	assert_non_null(cut);
	cut[strcspn(cut, " ")] = '\0';
	assert_true(strlen(cut) <= 240);
	char path[600];
	(void)snprintf(path, sizeof(path), COM "/records/%s", cut);
	assert_non_null(strstr(content(f, path), name)); /* the whole name is inside */
	forget(f);
	assert_string_equal(look(f, path), cut);
	free(list);
}

static void orphans_are_listed(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "dnsrecords",
	    "{'_id':30,'domainId':{'$oid':'64c0000000000000000000ff'},'type':'A','name':'lost','value':'192.0.2.1'}");
	put(f, "dnsrecords", "{'_id':31,'type':'A','name':'bare','value':'192.0.2.1'}");
	put(f, "dnsrecords",
	    "{'_id':37,'domainId':'64c000000000000000000001','type':'A','name':'text','value':'192.0.2.1'}");
	put(f, "proxyconfigs", "{'_id':32,'domainId':7,'name':'p'}");
	put(f, "domains",
	    "{'_id':33,'teamId':{'$oid':'64b0000000000000000000ff'},'domain':'lost.example'}");
	put(f, "domains", "{'_id':38,'domain':'bare.example'}");
	put(f, "dnsrecords", "{'_id':34,'domainId':33,'type':'A','name':'in','value':'192.0.2.1'}");
	put(f, "alerts", "{'_id':35,'team_id':99,'title':'t'}");
	put(f, "incidents", "{'_id':36,'domainId':98,'title':'t'}");
	put(f, "analytics", "{'_id':39,'domainId':97,'n':1}");
	assert_string_equal(names(f, "netgoat"), "changelog orphans teams users");
	assert_string_equal(names(f, "netgoat/orphans"),
	                    "alerts analytics dnsrecords domains incidents proxyconfigs");
	assert_string_equal(names(f, "netgoat/orphans/dnsrecords"), "=30.json =31.json =37.json");
	assert_string_equal(names(f, "netgoat/orphans/proxyconfigs"), "=32.json");
	assert_string_equal(names(f, "netgoat/orphans/domains"), "bare.example lost.example");
	assert_string_equal(names(f, "netgoat/orphans/domains/lost.example"),
	                    "records domain.json");
	assert_string_equal(names(f, "netgoat/orphans/domains/lost.example/records"), "in.A.json");
	assert_string_equal(names(f, "netgoat/orphans/alerts"), "=35.json");
	assert_string_equal(names(f, "netgoat/orphans/incidents"), "=36.json");
	assert_string_equal(names(f, "netgoat/orphans/analytics"), "=39.json");
	forget(f);
	assert_non_null(strstr(content(f, "netgoat/orphans/dnsrecords/=30.json"), "'domainId'"));
	assert_non_null(
		strstr(content(f, "netgoat/orphans/dnsrecords/=31.json"), "'name': 'bare'"));
	assert_non_null(
		strstr(content(f, "netgoat/orphans/domains/lost.example/domain.json"), "'teamId'"));
	assert_string_equal(content(f, "netgoat/orphans/dnsrecords/64d000000000000000000001.json"),
	                    "ENOENT"); /* www is none */
	assert_string_equal(look(f, "netgoat/orphans/domains/example.com"), "ENOENT");
}

static void notices_are_where_their_references_say(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "teams", "{'_id':40,'slug':'beta'}");
	put(f, "alerts", "{'_id':41,'title':'top'}");
	put(f, "alerts", "{'_id':42,'team_id':" TEAM_ID ",'title':'team'}");
	put(f, "alerts", "{'_id':43,'domainId':" COM_ID ",'title':'domain'}");
	put(f, "alerts", "{'_id':44,'domainId':" COM_ID ",'teamId':" TEAM_ID ",'title':'both'}");
	put(f, "alerts",
	    "{'_id':45,'domain_id':" COM_ID ",'team':40,'title':'a team that is named wins'}");
	put(f, "alerts",
	    "{'_id':46,'domainId':null,'domain_id':" COM_ID ",'title':'first that is not null'}");
	put(f, "incidents", "{'_id':47,'team_id':40,'title':'i'}");
	assert_string_equal(names(f, "netgoat/alerts"), "=41.json");
	assert_string_equal(names(f, "netgoat/teams/acme/alerts"), "=42.json");
	assert_string_equal(names(f, COM "/alerts"), "=43.json =44.json =46.json");
	assert_string_equal(names(f, "netgoat/teams/beta/alerts"), "=45.json");
	assert_string_equal(names(f, "netgoat/teams/beta"), "alerts incidents team.json");
	assert_string_equal(names(f, "netgoat/teams/acme"), "alerts domains team.json");
	forget(f);
	assert_string_equal(content(f, COM "/alerts/=44.json"), "{\n  'title': 'both'\n}\n");
	assert_non_null(strstr(content(f, "netgoat/teams/beta/alerts/=45.json"), "'domain_id'"));
	assert_string_equal(content(f, COM "/alerts/=45.json"), "ENOENT");
	assert_string_equal(content(f, "netgoat/teams/acme/alerts/=44.json"), "ENOENT");
}

static void analytics_by_size_and_day(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "analytics",
	    "{'_id':50,'domainId':" COM_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-02T01:00:00Z'},'n':2}");
	put(f, "analytics",
	    "{'_id':51,'domainId':" COM_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-02T00:00:00Z'},'n':1}");
	put(f, "analytics",
	    "{'_id':52,'domainId':" COM_ID
	    ",'granularity':'Minute','timestamp':{'$date':'2026-03-03T00:00:00Z'},'n':3}");
	put(f, "analytics",
	    "{'_id':53,'domainId':" COM_ID ",'timestamp':{'$date':'1969-12-31T23:59:59Z'},'n':4}");
	put(f, "analytics", "{'_id':54,'domainId':" COM_ID ",'timestamp':'yesterday','n':5}");
	put(f, "analytics",
	    "{'_id':{'$oid':'65e2d0000000000000000001'},'domainId':" COM_ID ",'n':6}");
	put(f, "analytics",
	    "{'_id':55,'interval':'hour','timestamp':{'$date':'2026-03-02T00:00:00Z'},'n':7}");
	assert_string_equal(names(f, COM), "analytics proxies records domain.json");
	assert_string_equal(names(f, COM "/analytics"), "hour minute other");
	assert_string_equal(names(f, COM "/analytics/hour"), "2026-03-02.ndjson");
	assert_string_equal(names(f, COM "/analytics/minute"), "2026-03-03.ndjson");
	assert_string_equal(names(f, COM "/analytics/other"),
	                    "1969-12-31.ndjson 2024-03-02.ndjson undated.ndjson");
	for (int i = 0; i < 2; i++) { /* as listed, and asked for alone */
		const char *text = content(f, COM "/analytics/hour/2026-03-02.ndjson");
		assert_non_null(strstr(text, "'n':1}\n{'interval'"));
		assert_non_null(strstr(text, "'n':2}\n"));
		assert_null(strstr(text, "domainId"));
		assert_non_null(strstr(content(f, COM "/analytics/other/undated.ndjson"), "'n':5"));
		assert_non_null(
			strstr(content(f, COM "/analytics/other/2024-03-02.ndjson"), "'n':6"));
		forget(f);
	}
	assert_string_equal(content(f, COM "/analytics/hour/2026-03-04.ndjson"), "ENOENT");
	assert_string_equal(content(f, COM "/analytics/hour/2026-3-2.ndjson"), "ENOENT");
	assert_string_equal(names(f, "netgoat/analytics/hour"), "2026-03-02.ndjson");
	assert_non_null(strstr(content(f, "netgoat/analytics/hour/2026-03-02.ndjson"), "'n':7"));
}

static void two_spellings_of_a_collection(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "user", "{'_id':60,'email':'old@example.com'}");
	assert_string_equal(names(f, "netgoat/users"),
	                    "ann@example.com bob@example.com old@example.com");
	assert_string_equal(content(f, "netgoat/users/old@example.com/user.json"), "{}\n");
}

static void memberships(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "teams",
	    "{'_id':70,'slug':'beta','members':[{'user_id':" BOB_ID
	    ",'role':'owner'},{'user_id':" ANN_ID "}]}");
	put(f, "users",
	    "{'_id':71,'email':'eve@example.com','teams':[" TEAM_ID ",70,70,'gone',null,99]}");
	put(f, "users", "{'_id':72,'email':'one@example.com','teams':70}");
	assert_string_equal(names(f, "netgoat/users/ann@example.com/teams"), "acme beta");
	assert_string_equal(names(f, "netgoat/users/bob@example.com/teams"), "beta");
	assert_string_equal(names(f, "netgoat/users/eve@example.com/teams"), "=99 acme beta gone");
	assert_string_equal(names(f, "netgoat/users/one@example.com/teams"), "beta");
	assert_string_equal(content(f, "netgoat/users/eve@example.com/teams/gone"),
	                    "../../../teams/gone");
	assert_string_equal(content(f, "netgoat/users/eve@example.com/teams/nothing"), "ENOENT");
	assert_string_equal(names(f, "netgoat/users/bob@example.com"), "teams user.json");
	/* Two teams of one slug: the link has the name that teams/ lists. */
	put(f, "teams", "{'_id':73,'slug':'beta'}");
	later(f);
	assert_string_equal(names(f, "netgoat/users/bob@example.com/teams"), "beta~=70");
	assert_string_equal(content(f, "netgoat/users/bob@example.com/teams/beta~=70"),
	                    "../../../teams/beta~=70");
}

static void a_document_without_plain_form(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	/* {"_id":80,"domainId":…,"type":"A","name":"dup","value":"x","value":"y"} */
	bson_t doc = BSON_INITIALIZER;
	bson_oid_t oid;
	bson_oid_init_from_string(&oid, "64c000000000000000000001");
	bson_append_int32(&doc, "_id", -1, 80);
	bson_append_oid(&doc, "domainId", -1, &oid);
	bson_append_utf8(&doc, "type", -1, "A", -1);
	bson_append_utf8(&doc, "name", -1, "dup", -1);
	bson_append_utf8(&doc, "value", -1, "x", -1);
	bson_append_utf8(&doc, "value", -1, "y", -1);
	struct nv_docwrite write = { .kind = NV_DOCWRITE_INSERT,
		                     .collection = "dnsrecords",
		                     .doc = &doc };
	struct nv_doccommit all = { .writes = &write, .writes_count = 1 };
	struct nv_docresult result = { 0 };
	assert_int_equal(nv_docstore_commit(f->store, &all, &result, &f->err), 0);
	nv_docresult_release(&result);
	bson_destroy(&doc);
	cleanup_blob struct nv_blob *blob = version(f, COM "/records/dup.A.json");
	assert_non_null(blob);
	assert_true(blob->readonly);
	assert_non_null(strstr(blob->text, "$bson"));
	assert_string_equal(save(f, COM "/records/dup.A.json", blob, "{'value':'192.0.2.1'}"),
	                    "EROFS");
}

static void others_changes_show_within_a_second(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_non_null(strstr(content(f, COM "/records/www.A.json"), "192.0.2.10"));
	poke(f, "dnsrecords", WWW_ID, "value", "'192.0.2.77'");
	later(f);
	assert_non_null(strstr(content(f, COM "/records/www.A.json"), "192.0.2.77"));
	/* A name that was not read from a listing's batch is asked for. */
	(void)names(f, COM);
	poke(f, "dnsrecords", APEX_ID, "value", "'192.0.2.78'");
	assert_non_null(strstr(content(f, COM "/records/@.A.json"), "192.0.2.78"));
	/* A domain that became another document. */
	assert_string_equal(look(f, COM), "example.com");
	zap(f, "domains", COM_ID);
	put(f, "domains", "{'_id':90,'teamId':" TEAM_ID ",'domain':'example.com'}");
	put(f, "dnsrecords",
	    "{'_id':91,'domainId':90,'type':'A','name':'www','value':'192.0.2.79'}");
	later(f);
	assert_non_null(strstr(content(f, COM "/records/www.A.json"), "192.0.2.79"));
	assert_string_equal(names(f, COM "/records"), "www.A.json");
}

static void round_trips(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	for (int i = 0; i < 1000; i++) {
		char json[256];
		(void)snprintf(json, sizeof(json),
		               "{'_id':%d,'domainId':" ORG_ID
		               ",'type':'A','name':'n%d','value':'192.0.2.1'}",
		               i, i);
		put(f, "dnsrecords", json);
	}
	unsigned long long before = trips(f);
	assert_non_null(strstr(names(f, ORG "/records"), "n999.A.json"));
	assert_true(trips(f) - before <= 3);
	before = trips(f);
	for (int i = 0; i < 1000; i++) {
		char path[128];
		(void)snprintf(path, sizeof(path), ORG "/records/n%d.A.json", i);
		(void)look(f, path);
		(void)content(f, path);
	}
	assert_int_equal(trips(f) - before, 0);
	forget(f);
	before = trips(f);
	assert_non_null(strstr(content(f, ORG "/records/n5.A.json"), "192.0.2.1"));
	assert_true(trips(f) - before <= 4);
	/* Its directory is known, if not fresh. */
	later(f);
	before = trips(f);
	assert_non_null(strstr(content(f, ORG "/records/n6.A.json"), "192.0.2.1"));
	assert_int_equal(trips(f) - before, 1);
	later(f);
	before = trips(f);
	assert_string_equal(edit(f, ORG "/records/n6.A.json", "{'value':'192.0.2.2'}"), "ok");
	assert_true(trips(f) - before <= 3);
	before = trips(f);
	assert_string_equal(save(f, ORG "/records/new.A.json", NULL, "{'value':'192.0.2.2'}"),
	                    "ok");
	assert_true(trips(f) - before <= 3);
}

static void a_scan_reads_ahead(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	for (int i = 0; i < 200; i++) {
		char json[256];
		(void)snprintf(json, sizeof(json),
		               "{'_id':%d,'teamId':" TEAM_ID ",'domain':'d%03d.example'}", 1000 + i,
		               i);
		put(f, "domains", json);
		(void)snprintf(json, sizeof(json),
		               "{'_id':%d,'domainId':%d,'type':'A','name':'n','value':'192.0.2.1'}",
		               1000 + i, 1000 + i);
		put(f, "dnsrecords", json);
	}
	unsigned long long before = trips(f);
	(void)names(f, "netgoat/teams/acme/domains");
	for (int i = 0; i < 200; i++) {
		char path[128];
		(void)snprintf(path, sizeof(path), "netgoat/teams/acme/domains/d%03d.example", i);
		assert_string_equal(names(f, path), "records domain.json");
		(void)snprintf(path, sizeof(path),
		               "netgoat/teams/acme/domains/d%03d.example/records", i);
		assert_string_equal(names(f, path), "n.A.json");
		(void)snprintf(path, sizeof(path),
		               "netgoat/teams/acme/domains/d%03d.example/records/n.A.json", i);
		assert_non_null(strstr(content(f, path), "192.0.2.1"));
	}
	assert_true(trips(f) - before <= 20);
}

static void a_slow_scan_reads_ahead_too(void **state)
{
	struct netgoat_fixture *f = *state;
	for (int i = 0; i < 200; i++) {
		char json[256];
		(void)snprintf(json, sizeof(json), "{'_id':%d,'slug':'t%03d'}", i, i);
		put(f, "teams", json);
		(void)snprintf(json, sizeof(json),
		               "{'_id':%d,'teamId':%d,'domain':'d%03d.example'}", i, i, i);
		put(f, "domains", json);
		(void)snprintf(json, sizeof(json),
		               "{'_id':%d,'email':'u%03d@example.com','teams':[%d,%d]}", i, i, i,
		               (i + 1) % 200);
		put(f, "users", json);
	}
	unsigned long long before = trips(f);
	(void)names(f, "netgoat/teams");
	(void)names(f, "netgoat/users");
	for (int i = 0; i < 200; i++) {
		char path[128];
		char wanted[64];
		if (i % 40 == 20) {
			nv_clock_advance(f->clock,
			                 700); /* the listing is older than a second soon */
		}
		(void)snprintf(path, sizeof(path), "netgoat/teams/t%03d", i);
		assert_string_equal(look(f, path), path + 14);
		assert_string_equal(names(f, path), "domains team.json");
		(void)snprintf(path, sizeof(path), "netgoat/teams/t%03d/domains", i);
		(void)snprintf(wanted, sizeof(wanted), "d%03d.example", i);
		assert_string_equal(names(f, path), wanted);
		(void)snprintf(path, sizeof(path), "netgoat/users/u%03d@example.com", i);
		assert_string_equal(look(f, path), path + 14);
		assert_string_equal(names(f, path), "teams user.json");
		(void)snprintf(path, sizeof(path), "netgoat/users/u%03d@example.com/teams", i);
		(void)snprintf(wanted, sizeof(wanted), "t%03d t%03d", i == 199 ? 0 : i,
		               i == 199 ? 199 : i + 1);
		assert_string_equal(names(f, path), wanted);
	}
	/* 800 directories. */
	print_message("# %llu round trips\n", trips(f) - before);
	assert_true(trips(f) - before <= 100);
}

static void what_is_read_ahead_is_not_stale(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	put(f, "domains", "{'_id':1,'teamId':" TEAM_ID ",'domain':'a.example'}");
	put(f, "domains", "{'_id':2,'teamId':" TEAM_ID ",'domain':'b.example'}");
	put(f, "domains", "{'_id':3,'teamId':" TEAM_ID ",'domain':'c.example'}");
	assert_string_equal(names(f, "netgoat/teams/acme/domains"),
	                    "a.example b.example c.example example.com example.org");
	later(f);
	/* The order is old by now: one is gone, one is another, one has a twin. */
	zap(f, "domains", "2");
	poke(f, "domains", "3", "domain", "'d.example'");
	put(f, "domains",
	    "{'_id':4,'teamId':" TEAM_ID ",'domain':'c.example','target_url':'http://192.0.2.4'}");
	put(f, "domains", "{'_id':5,'teamId':" TEAM_ID ",'domain':'example.com'}");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/a.example"),
	                    "records domain.json");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/b.example"), "ENOENT");
	assert_non_null(strstr(content(f, "netgoat/teams/acme/domains/c.example/domain.json"),
	                       "192.0.2.4"));
	assert_string_equal(names(f, "netgoat/teams/acme/domains/c.example"),
	                    "records domain.json");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/example.com"), "ENOTUNIQ");
	assert_string_equal(names(f, "netgoat/teams/acme/domains/example.com~=5"),
	                    "records domain.json");
	assert_string_equal(
		names(f, "netgoat/teams/acme/domains/example.com~64c000000000000000000001/records"),
		"@.A.json @.MX.json www.A.json");
	assert_string_equal(
		names(f, "netgoat/teams/acme/domains"),
		"a.example c.example d.example example.com~64c000000000000000000001 example.com~=5 example.org");
	assert_string_equal(edit(f, "netgoat/teams/acme/domains/example.com~=5/domain.json",
	                         "{'active':false}"),
	                    "ok");
	assert_string_equal(field(f, "domains", "5", "active"), "false");
	assert_string_equal(do_rename(f, "netgoat/teams/acme/domains/example.com~=5",
	                              "netgoat/teams/acme/domains/e.example", false),
	                    "ok");
	assert_string_equal(names(f, "netgoat/teams/acme/domains"),
	                    "a.example c.example d.example e.example example.com example.org");
}

/* The path of the i-th of many records, as listed. In buf. */
static const char *many(char *buf, size_t i)
{
	(void)snprintf(buf, 128, COM "/records/h%04zu.A.json", i);
	return buf;
}

static void put_many(struct netgoat_fixture *f, size_t count)
{
	char json[256];
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(json, sizeof(json),
		               "{'_id':%zu,'domainId':" COM_ID
		               ",'type':'A','name':'h%04zu','value':'10.0.%zu.%zu'}",
		               i, i, i / 256, i % 256);
		put(f, "dnsrecords", json);
	}
}

/* Who goes through a large directory outlives its listing. */
static void a_scan_outlives_its_listing(void **state)
{
	struct netgoat_fixture *f = *state;
	char path[128];
	char wanted[64];
	seed_company(f);
	put_many(f, 600);
	assert_non_null(strstr(content(f, many(path, 5)), "10.0.0.5"));
	(void)names(f, COM "/records");
	later(f);
	unsigned long long before = trips(f);
	for (size_t i = 0; i < 600; i++) {
		(void)snprintf(wanted, sizeof(wanted), "'10.0.%zu.%zu'", i / 256, i % 256);
		assert_string_equal(look(f, many(path, i)), path + strlen(COM "/records/"));
		assert_non_null(strstr(content(f, path), wanted));
	}
	assert_true(trips(f) - before <= 25);
	/* What changed before it was read ahead shows; what was read ahead is a second old at most.
	 */
	later(f);
	for (size_t i = 0; i < 100; i++) {
		(void)look(f, many(path, i));
	}
	later(f);
	poke(f, "dnsrecords", "101", "value", "'10.9.9.9'");
	zap(f, "dnsrecords", "102");
	poke(f, "dnsrecords", "103", "name", "'other'");
	put(f, "dnsrecords",
	    "{'_id':1000,'domainId':" COM_ID ",'type':'A','name':'h0104','value':'10.0.0.1'}");
	put(f, "dnsrecords",
	    "{'_id':1001,'domainId':" COM_ID ",'type':'AAAA','name':'h0105','value':'::1'}");
	before = trips(f);
	assert_non_null(strstr(content(f, many(path, 101)), "10.9.9.9"));
	assert_string_equal(look(f, many(path, 102)), "ENOENT");
	assert_string_equal(look(f, many(path, 103)), "ENOENT");
	assert_string_equal(look(f, many(path, 104)), "ENOTUNIQ");
	assert_string_equal(look(f, COM "/records/h0104.A~=104.json"), "h0104.A~=104.json");
	assert_string_equal(look(f, COM "/records/h0105.AAAA.json"), "h0105.AAAA.json");
	assert_string_equal(look(f, many(path, 105)), "h0105.A.json");
	assert_non_null(strstr(content(f, many(path, 106)), "10.0.0.106"));
	assert_true(trips(f) - before <= 6);
	/* One's own change shows at once. */
	assert_string_equal(edit(f, many(path, 107), "{'value':'10.8.8.8'}"), "ok");
	assert_non_null(strstr(content(f, path), "10.8.8.8"));
	/* Who jumps about asks for one at a time. */
	later(f);
	before = trips(f);
	for (size_t i = 0; i < 20; i++) {
		(void)look(f, many(path, (i * 37 + 200) % 600));
	}
	assert_int_equal(trips(f) - before, 20);
}

static void documents_of_any_size(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	size_t size = 9 * 1024 * 1024;
	char *note = malloc(size + 1);
	char *json = malloc(size + 512);
	assert_true(note && json);
	memset(note, 'n', size);
	note[size] = '\0';
	(void)snprintf(json, size + 512,
	               "{'_id':1,'domainId':" COM_ID ",'type':'TXT','name':'big','value':'%s'}",
	               note);
	put(f, "dnsrecords", json);
	assert_string_equal(names(f, COM "/records"), "@.A.json @.MX.json big.TXT.json www.A.json");
	cleanup_blob struct nv_blob *blob = version(f, COM "/records/big.TXT.json");
	assert_non_null(blob);
	assert_int_equal(blob->size, strlen("{\n  \"value\": \"\"\n}\n") + size);
	free(note);
	free(json);
}

static void the_changelog_grows(void **state)
{
	struct netgoat_fixture *f = *state;
	seed_company(f);
	assert_string_equal(content(f, "netgoat/changelog"), "");
	assert_string_equal(edit(f, COM "/records/www.A.json",
	                         "{'value':'192.0.2.1','ttl':300,'active':true,'note':'x'}"),
	                    "ok");
	const char *text = content(f, "netgoat/changelog");
	assert_non_null(strstr(text, "'change':'update record'"));
	assert_int_equal(text[strlen(text) - 1], '\n');
	size_t size = strlen(text);
	assert_string_equal(edit(f, COM "/records/www.A.json",
	                         "{'value':'192.0.2.2','ttl':300,'active':true,'note':'x'}"),
	                    "ok");
	assert_true(strlen(content(f, "netgoat/changelog")) > size);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		NETGOAT_CASES(every_directory),
		NETGOAT_CASES(texts_leave_out_what_the_path_says),
		NETGOAT_CASES(mtime_is_the_update_field),
		NETGOAT_CASES(views_show_all_but_secrets),
		NETGOAT_CASES(edge_is_what_is_pushed),
		NETGOAT_CASES(names_that_are_shared),
		NETGOAT_CASES(odd_ids_and_names),
		NETGOAT_CASES(long_names_are_cut),
		NETGOAT_CASES(orphans_are_listed),
		NETGOAT_CASES(notices_are_where_their_references_say),
		NETGOAT_CASES(analytics_by_size_and_day),
		NETGOAT_CASES(two_spellings_of_a_collection),
		NETGOAT_CASES(memberships),
		NETGOAT_CASES(a_document_without_plain_form),
		NETGOAT_CASES(others_changes_show_within_a_second),
		NETGOAT_CASES(round_trips),
		NETGOAT_CASES(a_scan_reads_ahead),
		NETGOAT_CASES(a_slow_scan_reads_ahead_too),
		NETGOAT_CASES(what_is_read_ahead_is_not_stale),
		NETGOAT_CASES(a_scan_outlives_its_listing),
		NETGOAT_CASES(documents_of_any_size),
		NETGOAT_CASES(the_changelog_grows),
	};
	return cmocka_run_group_tests_name("netgoat read", tests, NULL, NULL);
}
