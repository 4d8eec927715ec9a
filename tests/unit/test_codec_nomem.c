/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Out of memory at every single allocation of every codec: it is said, and nothing is lost or half
 * done. The program is linked with --wrap for the allocators.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_test.h"
#include "../nomem.h"

/* Fails the first allocation of reading and writing the text, then the second, … until all is well.
 */
static void try_all_failures(const struct codec *codec, const char *text, int expected)
{
	unsigned long failing = 0;
	bool done = false;

	while (!done) {
		struct nv_faults faults = NV_FAULTS_INIT;
		struct nv_buf out = NV_BUF_INIT;
		int status;

		countdown = ++failing;
		status = codec->normal(text, strlen(text), &out, &faults);
		done = countdown > 0;
		countdown = 0;
		if (done) {
			assert_int_equal(status, expected);
			assert_int_equal(nv_buf_error(&out), 0);
		} else if (expected == 0) {
			assert_true(status == -ENOMEM || nv_buf_error(&out) == -ENOMEM);
		} else {
			/* A lost reason is counted; the refusal stays one. */
			assert_true(status == -ENOMEM || status == expected);
		}
		if (codec->check) {
			countdown = failing;
			status = codec->check(text, strlen(text), 0, true, NULL);
			assert_true(status == expected || (status == -ENOMEM && countdown == 0));
			countdown = 0;
		}
		nv_buf_release(&out);
		nv_faults_release(&faults);
	}
	/* At least one allocation was there to fail. */
	assert_true(failing > 1);
}

static void test_lines(void **state)
{
	static const char text[] =
		"i\nh\ng\nf\ne\nk\nc\nb\na\n\\e\nlonger than the first room of a buffer, "
		"which has sixty-four bytes\n";

	(void)state;
	try_all_failures(&codec_set, text, 0);
	try_all_failures(&codec_list, text, 0);
	try_all_failures(&codec_list, "a\n\\q\nb\n\\r\n", -EINVAL);
}

static void test_records(void **state)
{
	(void)state;
	try_all_failures(&codec_records, "scan\ndns B y\ndns A\ndns A x\nmail\n", 0);
	try_all_failures(&codec_records, "scan\ndns \\q \\r\n", -EINVAL);
}

static void test_fields(void **state)
{
	(void)state;
	try_all_failures(&codec_fields, "b: 1\na: 2\nb: 3\n\\e:\n", 0);
	try_all_failures(&codec_fields, "b: 1\na\\q: \\r\nx\n", -EINVAL);
}

static void test_zset(void **state)
{
	(void)state;
	try_all_failures(&codec_zset, "2 b\n1 a\n3 b\n", 0);
	try_all_failures(&codec_zset, "x \\q\n1 a\n", -EINVAL);
}

static void test_stream(void **state)
{
	(void)state;
	try_all_failures(
		&codec_stream,
		"{\"id\":\"2-0\",\"a\":\"b\",\"c\":\"d\"}\n"
		"{\"id\":\"1-0\",\"fields\":[[\"a\",{\"$base64\":\"/w==\"}],[\"a\",\"\"]]}\n",
		0);
	try_all_failures(&codec_stream, "{\"id\":\"2-0\",\"a\":\"b\",\"a\":\"d\"}\n", -EINVAL);
}

static void test_data(void **state)
{
	static const char *const good[] = {
		"--- string name\ntype: string\nplugin: p\nz: 1\na: 2\n---\ntext\n",
		"---\ntype: list\n---\nb\na\n",
		"---\ntype: hash\n---\nb: 1\na: 2\n",
		"--- set\n---\nb\na\n",
		"--- zset\n---\n2 b\n1 a\n",
		"--- stream x\n---\n{\"id\":\"1-0\",\"a\":\"b\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		try_all_failures(&codec_data, good[i], 0);
	}
	try_all_failures(&codec_data, "--- lst a\\q\nx\n---\n", -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),  cmocka_unit_test(test_records),
		cmocka_unit_test(test_fields), cmocka_unit_test(test_zset),
		cmocka_unit_test(test_stream), cmocka_unit_test(test_data),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("codec without memory", tests, NULL, NULL);
}
