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

#include <cmocka.h>

#include "base/cleanup.h"
#include "redis/uri.h"

struct good {
	const char *text;
	const char *host;
	int port;
	const char *path;
	const char *user;
	const char *password;
	int db;
	const char *address;
};

static const struct good goods[] = {
	{ "redis://h", "h", 6379, NULL, NULL, NULL, 0, "redis://h:6379" },
	{ "redis://h/", "h", 6379, NULL, NULL, NULL, 0, "redis://h:6379" },
	{ "REDIS://h:1/15", "h", 1, NULL, NULL, NULL, 15, "redis://h:1" },
	{ "redis://10.1.2.3:65535/0", "10.1.2.3", 65535, NULL, NULL, NULL, 0,
	  "redis://10.1.2.3:65535" },
	{ "redis://[::1]:7000/2", "::1", 7000, NULL, NULL, NULL, 2, "redis://[::1]:7000" },
	{ "redis://[fe80::1]", "fe80::1", 6379, NULL, NULL, NULL, 0, "redis://[fe80::1]:6379" },
	{ "redis://:pw@h", "h", 6379, NULL, NULL, "pw", 0, "redis://h:6379" },
	{ "redis://ann:pw@h:7/3", "h", 7, NULL, "ann", "pw", 3, "redis://h:7" },
	{ "redis://ann:@h", "h", 6379, NULL, "ann", "", 0, "redis://h:6379" },
	{ "redis://a%3ab:p%40%2F%25%ff:x@h", "h", 6379, NULL, "a:b", "p@/%\xff:x", 0,
	  "redis://h:6379" },
	{ "redis://a:b@c@h", "h", 6379, NULL, "a", "b@c", 0, "redis://h:6379" },
	{ "unix:///run/r.sock", NULL, 0, "/run/r.sock", NULL, NULL, 0, "unix:///run/r.sock" },
	{ "unix:///run/a@b%3F.sock?db=4", NULL, 0, "/run/a@b?.sock", NULL, NULL, 4,
	  "unix:///run/a@b?.sock" },
	{ "unix://ann:pw@/run/r.sock?db=0", NULL, 0, "/run/r.sock", "ann", "pw", 0,
	  "unix:///run/r.sock" },
	{ "redis://h/999999", "h", 6379, NULL, NULL, NULL, 999999, "redis://h:6379" },
};

static void assert_text(const char *got, const char *want, const char *of)
{
	if (!want || !got) {
		if (got != want) {
			fail_msg("%s: got %s, want %s", of, got ? got : "NULL",
			         want ? want : "NULL");
		}
		return;
	}
	assert_string_equal(got, want);
}

static void test_good_ones_are_taken_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goods) / sizeof(goods[0]); i++) {
		const struct good *good = &goods[i];
		struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
		struct nv_err err = NV_ERR_INIT;

		if (nv_redis_uri_parse(good->text, &uri, &err) != 0) {
			fail_msg("%s: %s", good->text, err.msg);
		}
		assert_text(uri.host, good->host, good->text);
		assert_int_equal(uri.port, good->port);
		assert_text(uri.path, good->path, good->text);
		assert_text(uri.user, good->user, good->text);
		assert_text(uri.password, good->password, good->text);
		assert_int_equal(uri.db, good->db);
		assert_text(uri.address, good->address, good->text);
	}
}

/* Every login below holds "SECRET" somewhere: no message may. */
static const char *const bads[] = {
	"",
	"redis",
	"h:6379",
	"http://h",
	"rediss://u:SECRET@h",
	"redis://",
	"redis:///1",
	"redis://:6379",
	"redis://SECRET@h",
	"redis://:@h",
	"redis://u:SECRET@",
	"redis://u:SECRET@:1",
	"redis://u:SECRET/x@h",
	"redis://u:SECRET?x@h",
	"redis://u:SECRET#x@h",
	"redis://u:/SECRET@h",
	"redis://u:SECRET%@h",
	"redis://u:SECRET%4@h",
	"redis://u:SECRET%zz@h",
	"redis://u:SECRET%00@h",
	"redis://u:SEC RET@h",
	"redis://u:SECRET@h:0",
	"redis://u:SECRET@h:65536",
	"redis://u:SECRET@h:99999999999999999999",
	"redis://u:SECRET@h:-1",
	"redis://u:SECRET@h:x",
	"redis://h:",
	"redis://h:SECRET",
	"redis://h/x",
	"redis://h/-1",
	"redis://h/1000000",
	"redis://h/99999999999999999999",
	"redis://h/1/2",
	"redis://h/1?db=2",
	"redis://h?db=2",
	"redis://h#x",
	"redis://[::1",
	"redis://[]",
	"redis://[::1]7",
	"redis://h%0A",
	"redis://h\n",
	"unix://run/r.sock",
	"unix://u:SECRET/x@/r.sock",
	"unix://SECRET@/r.sock",
	"unix:///r.sock?db=",
	"unix:///r.sock?db=x",
	"unix:///r.sock?database=1",
	"unix:///r.sock#1",
	"unix:///r%0a.sock",
};

static void test_bad_ones_are_refused_in_one_line_without_the_login(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		struct nv_redis_uri uri = { .port = 77 };
		struct nv_err err = NV_ERR_INIT;

		if (nv_redis_uri_parse(bads[i], &uri, &err) != -EINVAL) {
			fail_msg("accepted: %s", bads[i]);
		}
		assert_int_equal(err.errnum, EINVAL);
		assert_true(err.msg[0] != '\0');
		assert_null(strchr(err.msg, '\n'));
		assert_null(strstr(err.msg, "SEC"));
		assert_int_equal(uri.port, 77); /* failure does not touch it */
	}
}

static void test_a_socket_path_has_107_bytes_at_most(void **state)
{
	char path[110];
	char *text cleanup_free = NULL;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	for (size_t size = 106; size <= 108; size++) {
		struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
		struct nv_err err = NV_ERR_INIT;

		free(text);
		assert_true(asprintf(&text, "unix://%.*s", (int)size, path) > 0);
		assert_int_equal(nv_redis_uri_parse(text, &uri, &err), size <= 107 ? 0 : -EINVAL);
	}
}

/* What a user may paste is any text: nothing but 0 and -EINVAL may come of it. */
static void test_random_texts(void **state)
{
	static const char alphabet[] = "redisunx:/@?#%[]db=0123456789aF.-\x01\xff";
	unsigned seed = 20261124;

	(void)state;
	print_message("# seed %u\n", seed);
	srandom(seed);
	for (int round = 0; round < 20000; round++) {
		char text[40];
		size_t size = (size_t)random() % 30;
		size_t used = 0;

		if (random() % 4) {
			used = (size_t)snprintf(text, sizeof(text), "%s",
			                        random() % 2 ? "redis://" : "unix:///");
		}
		for (size_t i = 0; i < size; i++) {
			text[used++] = alphabet[(size_t)random() % (sizeof(alphabet) - 1)];
		}
		text[used] = '\0';

		struct nv_redis_uri uri cleanup_redis_uri = NV_REDIS_URI_INIT;
		struct nv_err err = NV_ERR_INIT;
		int r = nv_redis_uri_parse(text, &uri, &err);

		if (r == 0) {
			assert_non_null(uri.address);
			assert_true(!uri.host != !uri.path);
			assert_true(uri.path || (uri.port > 0 && uri.port < 65536));
			assert_in_range(uri.db, 0, NV_REDIS_DB_LIMIT - 1);
		} else {
			assert_int_equal(r, -EINVAL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_ones_are_taken_apart),
		cmocka_unit_test(test_bad_ones_are_refused_in_one_line_without_the_login),
		cmocka_unit_test(test_a_socket_path_has_107_bytes_at_most),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
