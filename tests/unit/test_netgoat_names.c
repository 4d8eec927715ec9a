/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Path components of documents: what is listed reads back as the document, for any bytes in its
 * names and any _id. */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "netgoat/names.h"
#include "node/name.h"

#define ROUNDS 10000

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

static void assert_id(const bson_t *doc, const char *text)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	bson_iter_t iter;
	assert_int_equal(nv_docname_id_text(doc, &out), 0);
	assert_string_equal(out.data ? out.data : "", text);
	const bson_value_t *back = nv_docname_parse_id(text, strlen(text), &arena);
	assert_non_null(back);
	assert_true(bson_iter_init_find(&iter, doc, "_id"));
	assert_true(nv_docvalue_equal(bson_iter_value(&iter), back));
	assert_int_equal(bson_iter_type(&iter), back->value_type);
}

static void ids_as_text(void **state)
{
	(void)state;
	static const struct {
		const char *string;
		const char *text;
	} strings[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a~b/c%", "a~b/c%" },
		{ "=", "=\"=\"" },
		{ "64b000000000000000000001", "=\"64b000000000000000000001\"" },
		{ "64B00000000000000000000F", "=\"64B00000000000000000000F\"" },
		{ "0123456789abcdef", "=\"0123456789abcdef\"" },
		{ "0123456789abcde", "0123456789abcde" },
	};
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		bson_t doc = BSON_INITIALIZER;
		bson_append_utf8(&doc, "_id", -1, strings[i].string, -1);
		assert_id(&doc, strings[i].text);
		bson_destroy(&doc);
	}
	bson_t doc = BSON_INITIALIZER;
	bson_oid_t oid;
	bson_oid_init_from_string(&oid, "64b00000000000000000000f");
	bson_append_oid(&doc, "_id", -1, &oid);
	assert_id(&doc, "64b00000000000000000000f");
	bson_reinit(&doc);
	bson_append_int32(&doc, "_id", -1, 5);
	assert_id(&doc, "=5");
	bson_reinit(&doc);
	bson_append_int64(&doc, "_id", -1, 5);
	assert_id(&doc, "={\"$numberLong\":\"5\"}");
	bson_reinit(&doc);
	bson_append_null(&doc, "_id", -1);
	assert_id(&doc, "=null");
	bson_destroy(&doc);
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	assert_null(nv_docname_parse_id("0123456789abcdef", 16, &arena)); /* a cut mark */
	assert_null(nv_docname_parse_id("={", 2, &arena));
	assert_int_equal(nv_docname_parse_id("64B00000000000000000000F", 24, &arena)->value_type,
	                 BSON_TYPE_OID);
}

static bson_t *record(const char *name, size_t name_size, const char *type, size_t type_size)
{
	bson_t *doc = bson_new();
	bson_append_int32(doc, "_id", -1, 1);
	bson_append_utf8(doc, "name", -1, name, (int)name_size);
	bson_append_utf8(doc, "type", -1, type, (int)type_size);
	return doc;
}

static void assert_plain(const struct nv_schema_kind *kind, const char *name, const char *type,
                         const char *wanted)
{
	bson_t *doc = record(name, strlen(name), type, strlen(type));
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bool said = false;
	assert_int_equal(nv_docname_plain(kind, false, doc, ".json", &out, &said), 0);
	assert_string_equal(out.data, wanted);
	assert_true(said);
	bson_destroy(doc);
}

static void names_of_records(void **state)
{
	const struct nv_schema_kind *kind = nv_schema_get(*state, NV_DOC_RECORD);
	assert_plain(kind, "www", "A", "www.A.json");
	assert_plain(kind, "", "MX", "@.MX.json");
	assert_plain(kind, "@", "MX", "@.MX.json");
	assert_plain(kind, "a.b", "TXT", "a.b.TXT.json");
	assert_plain(kind, "a/b~%", "A.B", "a%2Fb%7E%25.A%2EB.json");
	assert_plain(kind, "-x", "A", "%2Dx.A.json");
	assert_plain(kind, "*", "A", "*.A.json");
	/* Without names, or by id: the id's text. */
	bson_t doc = BSON_INITIALIZER;
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	bool said = true;
	bson_append_utf8(&doc, "_id", -1, "a/b", -1);
	bson_append_int32(&doc, "name", -1, 1);
	assert_int_equal(nv_docname_plain(kind, false, &doc, ".json", &out, &said), 0);
	assert_string_equal(out.data, "a%2Fb.json");
	assert_false(said);
	bson_destroy(&doc);
	/* A proxy without subdomain is the domain's own. */
	bson_t proxy = BSON_INITIALIZER;
	nv_buf_truncate(&out, 0);
	assert_int_equal(nv_docname_plain(nv_schema_get(*state, NV_DOC_PROXY), false, &proxy,
	                                  ".json", &out, &said),
	                 0);
	assert_string_equal(out.data, "@.json");
	bson_destroy(&proxy);
}

static void components_are_read(void **state)
{
	const struct nv_schema_kind *kind = nv_schema_get(*state, NV_DOC_RECORD);
	cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
	struct nv_docname name;
	assert_int_equal(nv_docname_parse(kind, false, "w%77w.A~64b000000000000000000001.json",
	                                  ".json", &arena, &name),
	                 0);
	assert_string_equal(name.plain, "www.A.json");
	assert_true(name.named && name.has_id && !name.cut);
	assert_string_equal(name.name, "www");
	assert_string_equal(name.type, "A");
	assert_int_equal(name.id->value_type, BSON_TYPE_OID);
	assert_int_equal(nv_docname_parse(kind, false, "www.A~new.json", ".json", &arena, &name),
	                 0);
	assert_int_equal(name.id->value_type, BSON_TYPE_UTF8);
	assert_int_equal(
		nv_docname_parse(kind, false, "x~0123456789abcdef.json", ".json", &arena, &name),
		0);
	assert_true(name.cut);
	assert_int_equal(nv_docname_parse(kind, false, "plain.json", ".json", &arena, &name), 0);
	assert_false(name.named);
	assert_int_equal(name.name_id->value_type, BSON_TYPE_UTF8);
	assert_int_equal(nv_docname_parse(kind, true, "www.A.json", ".json", &arena, &name), 0);
	assert_false(name.named);
	assert_int_equal(nv_docname_parse(kind, false, "www.A", ".json", &arena, &name), -ENOENT);
	assert_int_equal(nv_docname_parse(kind, false, "%zz.A.json", ".json", &arena, &name),
	                 -ENOENT);
	assert_int_equal(nv_docname_parse(kind, false, ".json", ".json", &arena, &name), -ENOENT);
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t random_text(uint64_t *seed, char *text, size_t max)
{
	static const char odd[] = "./~%@=-\\ \n\t*aZ09\x01\x7f\xc3\xa9\xff";
	size_t size = next(seed) % (max + 1);
	for (size_t i = 0; i < size; i++) {
		uint64_t draw = next(seed);
		text[i] = draw & 1 ? odd[(draw >> 8) % (sizeof(odd) - 1)]
		                   : (char)('a' + (draw >> 8) % 26);
	}
	return size;
}

static void any_name_reads_back(void **state)
{
	const struct nv_schema_kind *kind = nv_schema_get(*state, NV_DOC_RECORD);
	const char *given = getenv("NV_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761u + 1;
	print_message("# NV_SEED=%llu\n", (unsigned long long)seed);
	for (int i = 0; i < ROUNDS; i++) {
		char name[300];
		char type[40];
		size_t name_size = random_text(&seed, name, i % 50 == 0 ? 290 : 30);
		size_t type_size = random_text(&seed, type, 12);
		bson_t *doc = record(name, name_size, type, type_size);
		cleanup_buf struct nv_buf out = NV_BUF_INIT;
		cleanup_buf struct nv_buf full = NV_BUF_INIT;
		cleanup_arena struct nv_arena arena = NV_ARENA_INIT;
		struct nv_docname back;
		bool said = false;
		assert_int_equal(nv_docname_plain(kind, false, doc, ".json", &out, &said), 0);
		assert_true(out.len <= NV_NAME_CUT && !strchr(out.data, '/'));
		if (nv_docname_parse(kind, false, out.data, ".json", &arena, &back)) {
			fail_msg("%s is not read", out.data);
		}
		assert_true(back.cut || strcmp(back.plain, out.data) == 0);
		assert_int_equal(
			nv_docname_long(out.data, ".json", "64b000000000000000000001", &full), 0);
		assert_true(full.len <= NV_NAME_CUT);
		if (said) {
			bool apex = nv_docname_is_apex(kind, name, name_size);
			assert_true(back.named && !back.cut);
			assert_int_equal(back.name_size, apex ? 1 : name_size);
			assert_memory_equal(back.name, apex ? "@" : name, back.name_size);
			assert_int_equal(back.type_size, type_size);
			assert_memory_equal(back.type, type, type_size);
			assert_int_equal(
				nv_docname_parse(kind, false, full.data, ".json", &arena, &back),
				0);
			assert_true(back.has_id && strcmp(back.plain, out.data) == 0);
		}
		bson_destroy(doc);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_as_text),
		cmocka_unit_test(names_of_records),
		cmocka_unit_test(components_are_read),
		cmocka_unit_test(any_name_reads_back),
	};
	return cmocka_run_group_tests_name("netgoat names", tests, setup, teardown);
}
