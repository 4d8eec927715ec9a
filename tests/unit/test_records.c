/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec_test.h"

static void test_read(void **state)
{
	(void)state;
	codec_assert_reads(&codec_records, "dns A [lan]10.0.0.1\ndns TXT v=spf1 -all\nscan MX\n",
	                   "dns A [lan]10.0.0.1\ndns TXT v=spf1 -all\nscan MX\n");
	codec_assert_reads(&codec_records, "b\n a\t \tA \t x  y \n\na", "a A x  y\nb\n");
	/* A line implies its plugin and type. */
	codec_assert_reads(&codec_records, "dns\ndns A\ndns A x\ndns\n", "dns A x\n");
	codec_assert_reads(&codec_records, "dns A\ndns B x\n", "dns A\ndns B x\n");
	codec_assert_reads(&codec_records, "\\e \\e \\e\n\\e\n", "\\e \\e \\e\n");
	codec_assert_reads(&codec_records, "my\\x20plugin a\\tb\n", "my\\x20plugin a\\tb\n");
	codec_assert_reads(&codec_records, "dns TXT a\tb\n", "dns TXT a\\tb\n");
	codec_assert_reads(&codec_records, "", "");
}

static void test_refused(void **state)
{
	(void)state;
	codec_assert_refuses(&codec_records, "dns A x\r\n", 9, 1, 1, 8, "DOS line ends?");
	codec_assert_refuses(&codec_records, "x\n  d\\q\t\\r  \\:\n", 15, 3, 2, 4,
	                     "\\q is no escape");
}

static struct nv_bytes bytes_of(const char *text)
{
	return (struct nv_bytes){ (char *)(uintptr_t)text, strlen(text) };
}

static void test_implied(void **state)
{
	cleanup_records struct nv_records records = NV_RECORDS_INIT;
	struct nv_bytes dns = bytes_of("dns");
	struct nv_bytes dn = bytes_of("dn");
	struct nv_bytes a = bytes_of("A");
	struct nv_bytes aaaa = bytes_of("AAAA");
	struct nv_bytes x = bytes_of("x");
	struct nv_bytes y = bytes_of("y");
	static const char text[] = "scan\ndns A x\ndns AAAA\n\ndns\n";

	(void)state;
	assert_int_equal(nv_records_parse(text, strlen(text), &records, NULL), 0);
	assert_int_equal(records.count, 4);
	assert_true(nv_bytes_is(&records.items[0].plugin, "dns"));
	assert_null(records.items[0].type.data);
	assert_int_equal(records.items[0].line, 5);
	assert_int_equal(records.items[1].line, 2);
	assert_true(nv_records_implied(&records, 0));
	assert_false(nv_records_implied(&records, 1));
	assert_false(nv_records_implied(&records, 2));
	assert_false(nv_records_implied(&records, 3));
	assert_true(nv_records_has(&records, &dns, NULL, NULL));
	assert_true(nv_records_has(&records, &dns, &a, NULL));
	assert_true(nv_records_has(&records, &dns, &a, &x));
	assert_false(nv_records_has(&records, &dns, &a, &y));
	assert_true(nv_records_has(&records, &dns, &aaaa, NULL));
	assert_false(nv_records_has(&records, &dns, &aaaa, &x));
	assert_false(nv_records_has(&records, &dn, NULL, NULL));
	assert_false(nv_records_has(&records, &x, NULL, NULL));
}

static void test_equal_says_the_same(void **state)
{
	static const char *const texts[] = { "dns A x\n", "dns\ndns A\ndns A x\n", "dns A\n", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 4; k++) {
			struct nv_records a = NV_RECORDS_INIT;
			struct nv_records b = NV_RECORDS_INIT;

			assert_int_equal(nv_records_parse(texts[i], strlen(texts[i]), &a, NULL), 0);
			assert_int_equal(nv_records_parse(texts[k], strlen(texts[k]), &b, NULL), 0);
			assert_int_equal(nv_records_equal(&a, &b), i == k || (i < 2 && k < 2));
			nv_records_release(&a);
			nv_records_release(&b);
		}
	}
}

static void make_records(struct chance *chance, struct nv_records *records)
{
	for (size_t count = chance_below(chance, 10); count > 0; count--) {
		struct nv_buf bufs[3] = { NV_BUF_INIT, NV_BUF_INIT, NV_BUF_INIT };
		struct nv_bytes pieces[3];
		size_t depth = chance_below(chance, 3);

		for (size_t i = 0; i < 3; i++) {
			chance_bytes(chance, i == 2 ? 6 : 1, &bufs[i]);
			pieces[i] = (struct nv_bytes){ bufs[i].data, bufs[i].len };
		}
		assert_int_equal(nv_records_add(records, &pieces[0], depth > 0 ? &pieces[1] : NULL,
		                                depth > 1 ? &pieces[2] : NULL, 0),
		                 0);
		for (size_t i = 0; i < 3; i++) {
			nv_buf_release(&bufs[i]);
		}
	}
	nv_records_sort(records);
}

static void make_text(struct chance *chance, struct nv_buf *out)
{
	cleanup_records struct nv_records records = NV_RECORDS_INIT;

	make_records(chance, &records);
	nv_records_format(&records, out);
	nv_buf_reserve(out, 0);
}

static void test_random_round_trip(void **state)
{
	struct chance chance = chance_start();

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;
		cleanup_records struct nv_records records = NV_RECORDS_INIT;
		cleanup_records struct nv_records back = NV_RECORDS_INIT;

		make_records(&chance, &records);
		nv_records_format(&records, &text);
		nv_buf_reserve(&text, 0);
		assert_int_equal(nv_records_parse(text.data, text.len, &back, NULL), 0);
		assert_true(nv_records_equal(&records, &back));
		for (size_t i = 0; i < records.count; i++) {
			const struct nv_record *item = &records.items[i];

			assert_true(nv_records_has(&back, &item->plugin,
			                           item->type.data ? &item->type : NULL,
			                           item->value.data ? &item->value : NULL));
		}
		for (size_t i = 0; i < back.count; i++) {
			assert_false(nv_records_implied(&back, i));
		}
	}
}

static void test_random_texts(void **state)
{
	(void)state;
	codec_try_mutations(&codec_records, make_text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_implied),
		cmocka_unit_test(test_equal_says_the_same),
		cmocka_unit_test(test_random_round_trip),
		cmocka_unit_test(test_random_texts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
