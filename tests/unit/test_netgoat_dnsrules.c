/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netgoat/check.h"
#include "netgoat/dnsrules.h"

static int setup(void **state)
{
	struct nv_schema *schema = NULL;
	int rc = nv_schema_new(NULL, &schema, NULL);
	*state = schema;
	return rc;
}

static int teardown(void **state)
{
	nv_schema_free(*state);
	return 0;
}

/* part NULL: allowed. */
static void owner(const char *name, const char *zone, const char *part)
{
	char reason[320] = "";
	int rc = nv_dns_owner_check(name, strlen(name), zone, reason, sizeof(reason));
	if (!part) {
		assert_int_equal(rc, 0);
	} else if (rc != -EINVAL || !strstr(reason, part)) {
		fail_msg("%s in %s: %d \"%s\", wanted \"%s\"", name, zone, rc, reason, part);
	}
}

static void owners_inside_the_zone(void **state)
{
	(void)state;
	owner("www", "example.com", NULL);
	owner("a.b.c", "example.com", NULL);
	owner("@", "example.com", NULL);
	owner("", "example.com", NULL);
	owner("*", "example.com", NULL);
	owner("*.sub", "example.com", NULL);
	owner("_sip._tcp", "example.com", NULL);
	owner("www", NULL, NULL);
	owner("notexample.com", "example.com", NULL);
	owner("www.example.com", "example.com", "write www");
	owner("www.EXAMPLE.com.", "example.com", "write www");
	owner("example.com", "example.com", "write @");
	owner("www.example.org.", "example.com", "outside the zone");
	owner("a..b", "example.com", "");
	owner("-a", "example.com", "");
	owner("a.*.b", "example.com", "");
	owner("sp ace", "example.com", "");
	char label[66];
	memset(label, 'a', 64);
	label[64] = '\0';
	owner(label, "example.com", "");
	char long_name[250];
	memset(long_name, 'a', sizeof(long_name));
	for (size_t i = 50; i < sizeof(long_name); i += 50) {
		long_name[i] = '.';
	}
	long_name[245] = '\0';
	owner(long_name, "example.com", "over 253");
}

static void domain(const char *name, const char *part)
{
	char reason[320] = "";
	int rc = nv_dns_domain_check(name, strlen(name), reason, sizeof(reason));
	if (!part) {
		assert_int_equal(rc, 0);
	} else if (rc != -EINVAL || !strstr(reason, part)) {
		fail_msg("%s: %d \"%s\", wanted \"%s\"", name, rc, reason, part);
	}
}

static void domains(void **state)
{
	(void)state;
	domain("example.com", NULL);
	domain("xn--bcher-kva.example", NULL);
	domain("1.2.example", NULL);
	domain("Example.COM", "write example.com");
	domain("example.com.", "no final dot");
	domain("localhost", "two labels");
	domain("", "1 to 253");
	domain("under_score.example", "");
	domain("a b.example", "");
}

static void data(const struct nv_schema_kind *kind, const char *type, const char *value,
                 int priority, const char *part)
{
	bson_t doc = BSON_INITIALIZER;
	char reason[320] = "";
	enum nv_role role = NV_ROLE_NONE;
	bson_append_utf8(&doc, "type", -1, type, -1);
	bson_append_utf8(&doc, "content", -1, value, -1);
	if (priority >= 0) {
		bson_append_int32(&doc, "priority", -1, priority);
	}
	int rc = nv_dns_data_check(kind, &doc, &role, reason, sizeof(reason));
	if (!part) {
		assert_int_equal(rc, 0);
	} else if (rc != -EINVAL || !strstr(reason, part)) {
		fail_msg("%s %s: %d \"%s\", wanted \"%s\"", type, value, rc, reason, part);
	}
	bson_destroy(&doc);
}

static void data_by_type(void **state)
{
	const struct nv_schema_kind *kind = nv_schema_get(*state, NV_DOC_RECORD);
	data(kind, "A", "192.0.2.1", -1, NULL);
	data(kind, "A", "2001:db8::1", -1, "");
	data(kind, "AAAA", "2001:db8::1", -1, NULL);
	data(kind, "AAAA", "192.0.2.1", -1, "");
	data(kind, "CNAME", "www.example.com", -1, NULL);
	data(kind, "CNAME", "not a host", -1, "");
	data(kind, "MX", "mail.example.com", 10, NULL);
	data(kind, "MX", "10 mail.example.com", -1, NULL);
	data(kind, "MX", "mail.example.com", -1, "needs a priority");
	data(kind, "SRV", "5 5060 sip.example.com", 10, NULL);
	data(kind, "SRV", "10 5 5060 sip.example.com", -1, NULL);
	data(kind, "SRV", "5 5060 sip.example.com", -1, "needs a priority");
	data(kind, "TXT", "anything \"at\" all", -1, NULL);
	data(kind, "WEIRD", "anything", -1, NULL);
}

static void alone(void **state)
{
	(void)state;
	assert_true(nv_dns_is_alone("CNAME", 5));
	assert_true(nv_dns_is_alone("cname", 5));
	assert_false(nv_dns_is_alone("A", 1));
	assert_false(nv_dns_is_alone("CNAMEX", 6));
}

static void string(const struct nv_schema_field *field, const char *text, const char *part)
{
	char reason[320] = "";
	int rc = nv_check_string(field, NULL, text, strlen(text), reason, sizeof(reason));
	if (!part) {
		assert_int_equal(rc, 0);
	} else if (rc != -EINVAL || !strstr(reason, part)) {
		fail_msg("%s: %d \"%s\", wanted \"%s\"", text, rc, reason, part);
	}
}

static void strings_by_format(void **state)
{
	const struct nv_schema_field *slug =
		nv_schema_get(*state, NV_DOC_TEAM)->roles[NV_ROLE_NAME];
	string(slug, "acme", NULL);
	string(slug, "a-b-3", NULL);
	string(slug, "@me-64b000000000000000000001", NULL);
	string(slug, "Acme Corp", "write acme-corp");
	string(slug, "a--b", "write a-b");
	string(slug, "-a", "2 to 48");
	string(slug, "a", "2 to 48");
	string(slug, "settings", "reserved");
	const struct nv_schema_field *email =
		nv_schema_get(*state, NV_DOC_USER)->roles[NV_ROLE_NAME];
	string(email, "ann@example.com", NULL);
	string(email, "ann", "email");
	string(email, "a@b@c", "email");
	string(email, "@b", "email");
	string(email, "a b@c", "email");
	const struct nv_schema_field *url =
		nv_schema_get(*state, NV_DOC_DOMAIN)->roles[NV_ROLE_TARGET_URL];
	string(url, "http://192.0.2.1:80/x", NULL);
	string(url, "HTTPS://example.com", NULL);
	string(url, "", NULL);
	string(url, "http:///x", "http");
	string(url, "ftp://x", "http");
	const struct nv_schema_field *pem =
		nv_schema_get(*state, NV_DOC_DOMAIN)->roles[NV_ROLE_CERTIFICATE];
	string(pem, "-----BEGIN C-----\nx\n-----END C-----\n", NULL);
	string(pem, "-----BEGIN C-----\nx\n", "END");
	string(pem, "x", "BEGIN");
	const struct nv_schema_field *type =
		nv_schema_get(*state, NV_DOC_RECORD)->roles[NV_ROLE_TYPE];
	string(type, "CAA", NULL);
	string(type, "caa", "write CAA");
	string(type, "HINFO", "none of A, AAAA");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(owners_inside_the_zone), cmocka_unit_test(domains),
		cmocka_unit_test(data_by_type),           cmocka_unit_test(alone),
		cmocka_unit_test(strings_by_format),
	};
	return cmocka_run_group_tests_name("netgoat dnsrules", tests, setup, teardown);
}
