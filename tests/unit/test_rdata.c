/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "codec/rdata.h"

struct sample {
	const char *type;
	const char *value;
	const char *reason; /* what stands in the refusal; NULL: good */
};

static void assert_judged(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char reason[160] = "";
		int status = nv_rdata_check(samples[i].type, samples[i].value,
		                            strlen(samples[i].value), reason, sizeof(reason));

		if (samples[i].reason ? !strstr(reason, samples[i].reason) : reason[0] != '\0') {
			fail_msg("%s %s: %s", samples[i].type, samples[i].value, reason);
		}
		assert_int_equal(status, samples[i].reason ? -EINVAL : 0);
	}
}

#define assert_all_judged(samples) assert_judged(samples, sizeof(samples) / sizeof((samples)[0]))

static void test_addresses(void **state)
{
	static const struct sample samples[] = {
		{ "A", "192.0.2.10", NULL },
		{ "a", "0.0.0.0", NULL },
		{ "A", "", "not an IPv4 address" },
		{ "A", "192.0.2", "not an IPv4 address" },
		{ "A", "192.0.2.256", "not an IPv4 address" },
		{ "A", "192.0.2.010", "not an IPv4 address" },
		{ "A", " 192.0.2.1", "not an IPv4 address" },
		{ "A", "2001:db8::1", "not an IPv4 address" },
		{ "A", "www.example.net", "not an IPv4 address" },
		{ "AAAA", "2001:db8::10", NULL },
		{ "AAAA", "::ffff:192.0.2.1", NULL },
		{ "AAAA", "192.0.2.1", "not an IPv6 address" },
		{ "AAAA", "2001:db8::1::2", "not an IPv6 address" },
		{ "AAAA", "fe80::1%eth0", "not an IPv6 address" },
		{ "AAAA", "[2001:db8::1]", "not an IPv6 address" },
	};

	(void)state;
	assert_all_judged(samples);
	assert_int_equal(nv_rdata_check("A", "1.2.3.4\0", 8, NULL, 0), -EINVAL);
}

static void test_hosts(void **state)
{
	static const struct sample samples[] = {
		{ "CNAME", "www.example.net", NULL },
		{ "CNAME", "www.example.net.", NULL },
		{ "CNAME", "WWW.Example.NET", NULL },
		{ "CNAME", "_x1.acm-validations.aws.", NULL },
		{ "CNAME", "localhost", NULL },
		{ "CNAME", "AZ09.az", NULL },
		{ "CNAME", "3com.com", NULL },
		{ "CNAME", "", "missing" },
		{ "CNAME", ".", "missing" },
		{ "CNAME", "a..b", "empty" },
		{ "CNAME", ".a", "empty" },
		{ "CNAME", "a..", "empty" },
		{ "CNAME", "-a.net", "hyphen" },
		{ "CNAME", "a-.net", "hyphen" },
		{ "CNAME", "a b.net", "blank" },
		{ "CNAME",
		  "b\xc3\xbc"
		  "cher.de",
		  "xn--" },
		{ "CNAME", "https://a.net/", "':'" },
		{ "CNAME", "192.0.2.1", "an address" },
		{ "NS", "ns1.example.net", NULL },
		{ "NS", "ns_1.example.net", "'_'" },
		{ "PTR", "_http._tcp.example.net", NULL },
		{ "PTR", "host.example.net.", NULL },
	};
	char name[260];

	(void)state;
	assert_all_judged(samples);
	assert_int_equal(nv_rdata_host_check("10", 2, false, NULL, 0), 0);
	assert_int_equal(nv_rdata_host_check("1.2.0.192", 9, false, NULL, 0), 0);
	assert_int_equal(nv_rdata_host_check("_dmarc", 6, true, NULL, 0), 0);
	assert_int_equal(nv_rdata_host_check("_dmarc", 6, false, NULL, 0), -EINVAL);
	memset(name, 'a', sizeof(name));
	assert_int_equal(nv_rdata_host_check(name, 63, false, NULL, 0), 0);
	assert_int_equal(nv_rdata_host_check(name, 64, false, NULL, 0), -EINVAL);
	for (size_t i = 50; i < sizeof(name); i += 51) {
		name[i] = '.';
	}
	assert_int_equal(nv_rdata_host_check(name, 253, false, NULL, 0), 0);
	name[253] = '.';
	assert_int_equal(nv_rdata_host_check(name, 254, false, NULL, 0), 0);
	assert_int_equal(nv_rdata_host_check(name, 255, false, NULL, 0), -EINVAL);
}

static void test_services(void **state)
{
	static const struct sample samples[] = {
		{ "MX", "mail.example.net", NULL },
		{ "MX", "10 mail.example.net.", NULL },
		{ "MX", "0 .", NULL },
		{ "MX", ".x", "empty" },
		{ "MX", "\t9  mail.example.net\t", NULL },
		{ "MX", "65535 mail.example.net", NULL },
		{ "MX", "1x mail.example.net", "not a mail exchanger" },
		{ "MX", "010 mail.example.net", "not a mail exchanger" },
		{ "MX", "100000 mail.example.net", "not a mail exchanger" },
		{ "MX", "4294967306 mail.example.net", "not a mail exchanger" },
		{ "MX", "65536 mail.example.net", "not a mail exchanger" },
		{ "MX", "-1 mail.example.net", "not a mail exchanger" },
		{ "MX", "10 20 mail.example.net", "not a mail exchanger" },
		{ "MX", "", "not a mail exchanger" },
		{ "MX", "10", "a number" },
		{ "CNAME", "a.1.", "a number" },
		{ "CNAME", "a1.", NULL },
		{ "MX", "10 192.0.2.1", "an address" },
		{ "MX", "10 m_x.example.net", "'_'" },
		{ "SRV", "5 5060 sip.example.net", NULL },
		{ "SRV", "10 5 5060 sip.example.net", NULL },
		{ "SRV", "0 0 0 .", NULL },
		{ "SRV", "5060 sip.example.net", "not a service" },
		{ "SRV", "1 2 3 4 sip.example.net", "not a service" },
		{ "SRV", "10 5 99999 sip.example.net", "not a service" },
		{ "SRV", "10 5 5060 192.0.2.1", "an address" },
	};

	(void)state;
	assert_all_judged(samples);
}

static void test_caa(void **state)
{
	static const struct sample samples[] = {
		{ "CAA", "0 issue letsencrypt.org", NULL },
		{ "CAA", "0 issue \"letsencrypt.org\"", NULL },
		{ "CAA", "128 issuewild \";\"", NULL },
		{ "CAA", "0 issue \"ca.example.net; account=230123\"", NULL },
		{ "CAA", "0 iodef \"mailto:sec@example.net\"", NULL },
		{ "CAA", "0 issue \"ca.example.net ; a=1\" \t", NULL },
		{ "CAA", "0 iodef \"mailto:\"", "mailto:" },
		{ "CAA", "0 iodef https://iodef.example.net/", NULL },
		{ "CAA", "0 contactemail sec@example.net", NULL },
		{ "CAA", "256 issue letsencrypt.org", "flags 0 to 255" },
		{ "CAA", "issue letsencrypt.org", "flags tag value" },
		{ "CAA", "0 issue", "flags tag value" },
		{ "CAA", "0 is-sue x", "letters and digits" },
		{ "CAA", "0 issue \"letsencrypt.org", "quote" },
		{ "CAA", "0 issue \"", "quote" },
		{ "CAA", "0 issue \"\"", "missing" },
		{ "CAA", "0 issue lets_encrypt.org", "'_'" },
		{ "CAA", "0 iodef sec@example.net", "mailto:" },
	};

	(void)state;
	assert_all_judged(samples);
}

static void test_others(void **state)
{
	static char long_text[65280];
	static const struct sample samples[] = {
		{ "TXT", "v=spf1 -all", NULL },
		{ "TXT", "", NULL },
		{ "txt", "\"a\" \"b\"", NULL },
	};
	char reason[8] = "";

	(void)state;
	assert_all_judged(samples);
	assert_int_equal(nv_rdata_check("TXT", long_text, 65279, NULL, 0), 0);
	assert_int_equal(nv_rdata_check("TXT", long_text, 65280, NULL, 0), -EINVAL);
	assert_int_equal(nv_rdata_check("LOC", "x", 1, reason, sizeof(reason)), -ENOTSUP);
	assert_string_equal(reason, "");
	/* Cut to the room there is. */
	assert_int_equal(nv_rdata_check("A", "x", 1, reason, sizeof(reason)), -EINVAL);
	assert_string_equal(reason, "not an ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_services),  cmocka_unit_test(test_caa),
		cmocka_unit_test(test_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rdata", tests, NULL, NULL);
}
