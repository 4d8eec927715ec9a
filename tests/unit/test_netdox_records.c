/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a save of records or maps adds and removes, tried on a model of the sets.
 */
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

#include "codec_test.h"
#include "netdox/names.h"
#include "netdox/records.h"

static const struct nv_layout *const layout = &nv_netdox_layouts[NV_NETDOX_RECORDS];
static const struct nv_layout *const maps = &nv_netdox_layouts[NV_NETDOX_MAPS];

/* The difference of two texts, as text: "+line" in file order, then "-line". */
static int diff(const struct nv_layout *of, const char *base_text, const char *mine_text,
                const char *network, struct nv_buf *out, struct nv_faults *faults)
{
	cleanup_records struct nv_records base = NV_RECORDS_INIT;
	cleanup_records struct nv_records mine = NV_RECORDS_INIT;
	cleanup_set_changes struct nv_set_changes changes = { .needs_network = false };
	struct nv_bytes net =
		network ? nv_view(network, strlen(network)) : (struct nv_bytes)NV_BYTES_INIT;

	assert_int_equal(nv_set_parse(of, base_text, strlen(base_text), &base, NULL), 0);
	assert_int_equal(nv_set_parse(of, mine_text, strlen(mine_text), &mine, NULL), 0);
	int r = nv_set_diff(of, &base, &mine, &net, &changes, faults);
	for (size_t i = 0; i < changes.added.count + changes.removed.count; i++) {
		bool removed = i >= changes.added.count;
		const struct nv_record *line =
			removed ? &changes.removed.items[i - changes.added.count]
				: &changes.added.items[i];

		nv_buf_printf(out, "%c%s", removed ? '-' : '+', line->plugin.data);
		if (line->type.data) {
			nv_buf_printf(out, " %s", line->type.data);
		}
		if (line->value.data) {
			nv_buf_printf(out, " %s", line->value.data);
		}
		nv_buf_putc(out, '\n');
	}
	if (changes.needs_network) {
		nv_buf_puts(out, "?\n");
	}
	nv_buf_reserve(out, 0);
	return r;
}

static void assert_diff(const char *base, const char *mine, const char *network,
                        const char *expected)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;

	assert_int_equal(diff(layout, base, mine, network, &out, NULL), 0);
	assert_string_equal(out.data, expected);
}

static void test_additions(void **state)
{
	(void)state;
	assert_diff("", "dns A 1\n", "lan", "+dns A [lan]1\n");
	assert_diff("", "dns A [wan]1\n", "lan", "+dns A [wan]1\n");
	assert_diff("", "dns aaaa fe80::1\ndns cname x\n", "lan",
	            "+dns AAAA fe80::1\n+dns CNAME [lan]x\n");
	assert_diff("", "dns A 1\n", NULL, "+dns A 1\n?\n");
	assert_diff("", "dns TXT 1\n", NULL, "+dns TXT 1\n");
	assert_diff("", "z\na b\n", NULL, "+z\n+a B\n"); /* file order */
	assert_diff("dns TXT 1\n", "dns TXT 1\ndns TXT 2\n", NULL, "+dns TXT 2\n");
	/* What stood there stays byte for byte. */
	assert_diff("dns a 1\n", "dns a 1\n", "lan", "");
	assert_diff("dns a 1\n", "dns a 1\ndns a 2\n", "lan", "+dns A [lan]2\n");
}

static void test_removals(void **state)
{
	(void)state;
	assert_diff("dns TXT 1\ndns TXT 2\n", "dns TXT 1\n", NULL, "-dns TXT 2\n");
	assert_diff("dns TXT 1\n", "", NULL, "-dns TXT 1\n-dns TXT\n-dns\n");
	assert_diff("dns TXT 1\n", "dns\n", NULL, "-dns TXT 1\n-dns TXT\n");
	assert_diff("dns TXT 1\n", "dns TXT\n", NULL, "-dns TXT 1\n");
	assert_diff("a X 1\nb X 1\nb Y\n", "b X 2\n", NULL,
	            "+b X 2\n-a X 1\n-b X 1\n-a X\n-b Y\n-a\n");
	/* Another spelling of the same is no change. */
	assert_diff("dns A [lan]1\n", "dns a 1\n", "lan", "");
	assert_diff("dns A [lan]1\ndns a 1\n", "dns A 1\n", "lan", "-dns a 1\n-dns a\n");
	assert_diff("dns A [lan]1\n", "dns A [lan]1\ndns\ndns A\n", "lan", "");
}

static void test_refusals(void **state)
{
	static const char *const bad[] = { "a;b\n",      "a B;C\n", "plugins\n",
		                           "maps A x\n", "\\e\n",   "a \\e x\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct nv_faults faults = NV_FAULTS_INIT;
		cleanup_buf struct nv_buf out = NV_BUF_INIT;
		cleanup_buf struct nv_buf text = NV_BUF_INIT;

		nv_buf_printf(&text, "fine\n%s", bad[i]);
		assert_int_equal(diff(layout, "", text.data, "lan", &out, &faults), -EINVAL);
		assert_string_equal(out.data, "");
		assert_int_equal(faults.count, 1);
		assert_int_equal(faults.items[0].line, 2);
		nv_faults_release(&faults);
		/* Where it stood before, it may stay. */
		assert_int_equal(diff(layout, bad[i], text.data, "lan", &out, NULL), 0);
	}
}

static void test_maps(void **state)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	struct nv_faults faults = NV_FAULTS_INIT;

	(void)state;
	assert_int_equal(diff(maps, "[lan]a\nplain\n", "plain\n[lan]b\n", "lan", &out, NULL), 0);
	assert_string_equal(out.data, "+[lan]b\n-[lan]a\n");
	assert_int_equal(diff(maps, "", "[lan]b\nplain\n[lan]\n[lan]a;b\n", "lan", &out, &faults),
	                 -EINVAL);
	assert_int_equal(faults.count, 3);
	nv_faults_release(&faults);
}

/* --- the property: the changes make of the sets what the text says --- */

static void make_text(struct chance *chance, struct nv_buf *out)
{
	static const char *const plugins[] = { "p", "q" };
	static const char *const types[] = { "A", "a", "TXT", "x" };
	static const char *const values[] = { "1", "[n]1", "2" };
	size_t lines = chance_below(chance, 6);

	for (size_t i = 0; i < lines; i++) {
		nv_buf_puts(out, plugins[chance_below(chance, 2)]);
		if (chance_below(chance, 6) > 0) {
			nv_buf_printf(out, " %s", types[chance_below(chance, 4)]);
			if (chance_below(chance, 6) > 0) {
				nv_buf_printf(out, " %s", values[chance_below(chance, 3)]);
			}
		}
		nv_buf_putc(out, '\n');
	}
	nv_buf_reserve(out, 0);
}

/* Appends a line and all that it implies. */
static void add_closure(struct nv_records *records, const struct nv_record *line)
{
	assert_int_equal(nv_records_add(records, &line->plugin, NULL, NULL, 0), 0);
	if (line->type.data) {
		assert_int_equal(nv_records_add(records, &line->plugin, &line->type, NULL, 0), 0);
	}
	if (line->value.data) {
		assert_int_equal(
			nv_records_add(records, &line->plugin, &line->type, &line->value, 0), 0);
	}
}

static bool is_removed(const struct nv_records *removed, const struct nv_record *line)
{
	for (size_t i = 0; i < removed->count; i++) {
		const struct nv_record *gone = &removed->items[i];

		if (nv_bytes_equal(&gone->plugin, &line->plugin) &&
		    nv_bytes_equal(&gone->type, &line->type) &&
		    nv_bytes_equal(&gone->value, &line->value)) {
			return true;
		}
	}
	return false;
}

/* The sets after the changes: what was in base and not removed, and what was added, each member
 * by itself. */
static void apply(const struct nv_records *base, const struct nv_set_changes *changes,
                  struct nv_records *ret)
{
	cleanup_records struct nv_records members = NV_RECORDS_INIT;

	for (size_t i = 0; i < base->count; i++) {
		add_closure(&members, &base->items[i]);
	}
	for (size_t i = 0; i < changes->added.count; i++) {
		add_closure(&members, &changes->added.items[i]);
	}
	nv_records_sort(&members);
	for (size_t i = 0; i < members.count; i++) {
		const struct nv_record *line = &members.items[i];

		if (!is_removed(&changes->removed, line)) {
			assert_int_equal(
				nv_records_add(ret, &line->plugin, &line->type, &line->value, 0),
				0);
		}
	}
	nv_records_sort(ret);
}

/* What the text means, told without the code under test: lines of base as they are, others
 * folded and qualified. */
static void expect(const struct nv_records *base, const struct nv_records *mine,
                   struct nv_records *ret)
{
	for (size_t i = 0; i < mine->count; i++) {
		const struct nv_record *line = &mine->items[i];
		char type[8];
		char value[8];

		if (nv_records_has(base, &line->plugin, &line->type, &line->value)) {
			add_closure(ret, line);
			continue;
		}
		snprintf(type, sizeof(type), "%s", line->type.data ? line->type.data : "");
		for (char *at = type; *at; at++) {
			*at = *at == 'a' ? 'A' : *at == 'x' ? 'X' : *at;
		}
		bool qualify =
			line->value.data && strcmp(type, "A") == 0 && line->value.data[0] != '[';
		snprintf(value, sizeof(value), "%s%s", qualify ? "[n]" : "",
		         line->value.data ? line->value.data : "");
		struct nv_record meant = { .plugin = line->plugin };
		if (line->type.data) {
			meant.type = nv_view(type, strlen(type));
		}
		if (line->value.data) {
			meant.value = nv_view(value, strlen(value));
		}
		add_closure(ret, &meant);
	}
	nv_records_sort(ret);
}

static void test_property(void **state)
{
	struct chance chance = chance_start();
	struct nv_bytes network = nv_view("n", 1);

	(void)state;
	for (int round = 0; round < CODEC_ROUNDS; round++) {
		cleanup_buf struct nv_buf base_text = NV_BUF_INIT;
		cleanup_buf struct nv_buf mine_text = NV_BUF_INIT;
		cleanup_records struct nv_records base = NV_RECORDS_INIT;
		cleanup_records struct nv_records mine = NV_RECORDS_INIT;
		cleanup_records struct nv_records found = NV_RECORDS_INIT;
		cleanup_records struct nv_records meant = NV_RECORDS_INIT;
		cleanup_set_changes struct nv_set_changes changes = { .needs_network = false };

		make_text(&chance, &base_text);
		make_text(&chance, &mine_text);
		assert_int_equal(nv_set_parse(layout, base_text.data, base_text.len, &base, NULL),
		                 0);
		assert_int_equal(nv_set_parse(layout, mine_text.data, mine_text.len, &mine, NULL),
		                 0);
		assert_int_equal(nv_set_diff(layout, &base, &mine, &network, &changes, NULL), 0);
		assert_false(changes.needs_network);
		apply(&base, &changes, &found);
		expect(&base, &mine, &meant);
		if (!nv_records_equal(&found, &meant)) {
			codec_print(base_text.data, base_text.len);
			codec_print(mine_text.data, mine_text.len);
			fail_msg("the changes make something else");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_additions), cmocka_unit_test(test_removals),
		cmocka_unit_test(test_refusals),  cmocka_unit_test(test_maps),
		cmocka_unit_test(test_property),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
