/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random documents: every type, hostile names and strings, extreme numbers.
 */
#ifndef NV_TESTS_BSON_RANDOM_H
#define NV_TESTS_BSON_RANDOM_H

#include "codec/bsonraw.h"

#include "codec_property.h"

/* What a random document may have in it. */
enum random_flags {
	RANDOM_ODD = 1 << 0,   /* now and then what no plain text can say */
	RANDOM_CLEAN = 1 << 1, /* names only that dotted paths can say */
};

struct random_document {
	struct chance *chance;
	unsigned flags; /* enum random_flags */
	struct nv_buf out;
};

static inline bool random_odd(struct random_document *doc)
{
	return (doc->flags & RANDOM_ODD) && chance_below(doc->chance, 60) == 0;
}

/* Text of all kinds; UTF-8 but for odd ones. */
static inline void random_text(struct random_document *doc, struct nv_buf *out)
{
	static const char *const pieces[] = { "a",
		                              "b",
		                              "\"",
		                              "\\",
		                              "\n",
		                              "\t",
		                              "\r",
		                              "\x01",
		                              "\x7f",
		                              "/",
		                              "{",
		                              "}",
		                              "$",
		                              ".",
		                              "\\u00",
		                              "\xc3\xa9",
		                              ",",
		                              "\xe2\x82\xac",
		                              " ",
		                              "0",
		                              "'",
		                              "#",
		                              ":",
		                              "[",
		                              "\xf0\x9f\x98\x80",
		                              "\xef\xbf\xbf" };
	size_t count = chance_below(doc->chance, 12);

	for (size_t i = 0; i < count; i++) {
		nv_buf_puts(out,
		            pieces[chance_below(doc->chance, sizeof(pieces) / sizeof(pieces[0]))]);
	}
	if (random_odd(doc)) {
		static const char *const bad[] = { "\xff", "\xc0\x80", "\xed\xa0\x80",
			                           "\xf4\x90\x80\x80", "\xe2\x82" };

		nv_buf_puts(out, bad[chance_below(doc->chance, sizeof(bad) / sizeof(bad[0]))]);
	}
	nv_buf_reserve(out, 0);
}

/* A length-prefixed string value. NUL may stand in it. */
static inline void random_string(struct random_document *doc)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;

	random_text(doc, &text);
	if (chance_below(doc->chance, 10) == 0) {
		nv_buf_putc(&text, 0);
	}
	nv_raw_put_text(&doc->out, text.data, text.len);
}

static inline void random_key(struct random_document *doc, size_t index, struct nv_buf *key)
{
	static const char *const names[] = { "$literal",   "$oid",
		                             "$date",      "$numberLong",
		                             "$binary",    "$regularExpression",
		                             "$timestamp", "$code",
		                             "$scope",     "$symbol",
		                             "$undefined", "$dbPointer",
		                             "$minKey",    "$regex",
		                             "$options",   "$ref",
		                             "$id",        "$bson",
		                             "$uuid",      "$type",
		                             "$numberInt", "",
		                             "a.b",        "__proto__" };
	static const char *const clean[] = { "name", "id", "value", "0", "1", "ttl", "a", "b" };

	if (doc->flags & RANDOM_CLEAN) {
		nv_buf_puts(key,
		            clean[chance_below(doc->chance, sizeof(clean) / sizeof(clean[0]))]);
		nv_buf_printf(key, "%zu", index);
		return;
	}
	switch (chance_below(doc->chance, 4)) {
	case 0:
		nv_buf_puts(key,
		            names[chance_below(doc->chance, sizeof(names) / sizeof(names[0]))]);
		break;
	case 1:
		random_text(doc, key);
		break;
	default:
		nv_buf_puts(key,
		            clean[chance_below(doc->chance, sizeof(clean) / sizeof(clean[0]))]);
		break;
	}
	nv_buf_reserve(key, 0);
}

static inline void random_value(struct random_document *doc, uint8_t type, int depth);

static const uint8_t random_types[] = {
	BSON_TYPE_DOUBLE, BSON_TYPE_UTF8,      BSON_TYPE_DOCUMENT,   BSON_TYPE_ARRAY,
	BSON_TYPE_BINARY, BSON_TYPE_UNDEFINED, BSON_TYPE_OID,        BSON_TYPE_BOOL,
	BSON_TYPE_NULL,   BSON_TYPE_DATE_TIME, BSON_TYPE_REGEX,      BSON_TYPE_DBPOINTER,
	BSON_TYPE_CODE,   BSON_TYPE_SYMBOL,    BSON_TYPE_CODEWSCOPE, BSON_TYPE_INT32,
	BSON_TYPE_INT64,  BSON_TYPE_TIMESTAMP, BSON_TYPE_DECIMAL128, BSON_TYPE_MAXKEY,
	BSON_TYPE_MINKEY, BSON_TYPE_INT32,     BSON_TYPE_UTF8,       BSON_TYPE_DOCUMENT
};

static inline uint8_t random_type(struct random_document *doc)
{
	return random_types[chance_below(doc->chance, sizeof(random_types))];
}

/* True when the first `count` names already have this one; they stand one after another in names.
 */
static inline bool random_has(const struct nv_buf *names, const struct nv_buf *key)
{
	for (size_t at = 0; at < names->len; at += strlen(names->data + at) + 1) {
		if (strcmp(names->data + at, key->data) == 0) {
			return true;
		}
	}
	return false;
}

static inline void random_members(struct random_document *doc, bool array, int depth)
{
	cleanup_buf struct nv_buf names = NV_BUF_INIT;
	size_t start = nv_raw_begin(&doc->out);
	size_t count = chance_below(doc->chance, depth > 5 ? 2 : 6);

	for (size_t i = 0; i < count; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		uint8_t type = random_type(doc);

		if (array) {
			nv_buf_printf(&key, random_odd(doc) ? "0%zu" : "%zu", i);
		} else {
			random_key(doc, i, &key);
			if (random_has(&names, &key) && !random_odd(doc)) {
				continue;
			}
		}
		nv_buf_append(&names, key.data, key.len + 1);
		nv_raw_put_key(&doc->out, type, key.data, key.len);
		random_value(doc, type, depth + 1);
	}
	nv_raw_end(&doc->out, start);
}

static inline void random_double(struct random_document *doc)
{
	static const double values[] = { 0.0,
		                         -0.0,
		                         1.0,
		                         0.1,
		                         1e22,
		                         1e23,
		                         5e-324,
		                         2.2250738585072014e-308,
		                         1.7976931348623157e308,
		                         9007199254740993.0,
		                         -2.5,
		                         1e21,
		                         1e-7 };

	switch (chance_below(doc->chance, 5)) {
	case 0: {
		/* any bits; a NaN's are odd unless they are the usual ones */
		uint64_t bits = chance_next(doc->chance);

		if ((bits & UINT64_C(0x7ff0000000000000)) == UINT64_C(0x7ff0000000000000) &&
		    !random_odd(doc)) {
			bits = bits & 1 ? UINT64_C(0x7ff8000000000000)
			                : bits & UINT64_C(0xfff0000000000000);
		}
		nv_raw_put_int64(&doc->out, (int64_t)bits);
		break;
	}
	case 1:
		nv_raw_put_int64(&doc->out, INT64_C(0x7ff8000000000000));
		break;
	case 2:
		nv_raw_put_double(&doc->out,
		                  (double)(int64_t)chance_below(doc->chance, 100000) / 100);
		break;
	default:
		nv_raw_put_double(
			&doc->out,
			values[chance_below(doc->chance, sizeof(values) / sizeof(values[0]))]);
		break;
	}
}

static inline void random_int64(struct random_document *doc)
{
	static const int64_t values[] = { 0,
		                          5,
		                          -1,
		                          INT32_MAX,
		                          INT32_MIN,
		                          (int64_t)INT32_MAX + 1,
		                          (int64_t)INT32_MIN - 1,
		                          INT64_MAX,
		                          INT64_MIN };

	nv_raw_put_int64(
		&doc->out,
		chance_below(doc->chance, 2)
			? (int64_t)chance_next(doc->chance)
			: values[chance_below(doc->chance, sizeof(values) / sizeof(values[0]))]);
}

static inline void random_date(struct random_document *doc)
{
	static const int64_t values[] = { 0,
		                          -1,
		                          1,
		                          -62167219200000,
		                          -62167219200001,
		                          253402300799999,
		                          253402300800000,
		                          INT64_MAX,
		                          INT64_MIN,
		                          951782400000 };

	nv_raw_put_int64(
		&doc->out,
		chance_below(doc->chance, 2)
			? (int64_t)(chance_next(doc->chance) >> 22) - (INT64_C(1) << 41)
			: values[chance_below(doc->chance, sizeof(values) / sizeof(values[0]))]);
}

static inline void random_binary(struct random_document *doc)
{
	static const uint8_t subtypes[] = { 0, 2, 3, 4, 5, 9, 0x80, 0xff };
	uint8_t subtype = subtypes[chance_below(doc->chance, sizeof(subtypes))];
	size_t size = chance_below(doc->chance, 10);

	nv_raw_put_int32(&doc->out, (int32_t)(subtype == 2 ? size + 4 : size));
	nv_buf_putc(&doc->out, (char)subtype);
	if (subtype == 2) {
		nv_raw_put_int32(&doc->out, (int32_t)(random_odd(doc) ? size + 1 : size));
	}
	while (size-- > 0) {
		nv_buf_putc(&doc->out, (char)chance_next(doc->chance));
	}
}

static inline void random_decimal(struct random_document *doc)
{
	static const char *const values[] = {
		"0",         "-0",
		"1.10",      "1E+3",
		"NaN",       "Infinity",
		"-Infinity", "9.999999999999999999999999999999999E+6144",
		"1E-6176",   "1234567890123456789012345678901234",
		"0E+6111",   "-0.001"
	};
	bson_decimal128_t decimal = { 0, 0 };

	if (random_odd(doc)) {
		decimal.low = chance_next(doc->chance);
		decimal.high = chance_next(doc->chance);
	} else {
		(void)bson_decimal128_from_string(
			values[chance_below(doc->chance, sizeof(values) / sizeof(values[0]))],
			&decimal);
	}
	nv_raw_put_int64(&doc->out, (int64_t)decimal.low);
	nv_raw_put_int64(&doc->out, (int64_t)decimal.high);
}

static inline void random_regex(struct random_document *doc)
{
	static const char *const options[] = { "", "i", "im", "ilmsux", "sx" };
	static const char *const odd[] = { "mi", "ii", "z", "\xff", "g" };
	cleanup_buf struct nv_buf pattern = NV_BUF_INIT;

	random_text(doc, &pattern);
	nv_buf_append(&doc->out, pattern.data, pattern.len + 1);
	const char *text = random_odd(doc) ? odd[chance_below(doc->chance, 5)]
	                                   : options[chance_below(doc->chance, 5)];

	nv_buf_append(&doc->out, text, strlen(text) + 1);
}

static inline void random_code_scope(struct random_document *doc, int depth)
{
	size_t start = doc->out.len;

	nv_raw_put_int32(&doc->out, 0);
	random_string(doc);
	random_members(doc, false, depth + 1);
	nv_raw_set_int32(&doc->out, start, (int32_t)(doc->out.len - start));
}

static inline void random_bytes(struct random_document *doc, size_t size)
{
	while (size-- > 0) {
		nv_buf_putc(&doc->out, (char)chance_next(doc->chance));
	}
}

static inline void random_value(struct random_document *doc, uint8_t type, int depth)
{
	switch (type) {
	case BSON_TYPE_DOUBLE:
		random_double(doc);
		break;
	case BSON_TYPE_DOCUMENT:
	case BSON_TYPE_ARRAY:
		random_members(doc, type == BSON_TYPE_ARRAY, depth);
		break;
	case BSON_TYPE_BINARY:
		random_binary(doc);
		break;
	case BSON_TYPE_OID:
		random_bytes(doc, 12);
		break;
	case BSON_TYPE_BOOL:
		nv_buf_putc(&doc->out, random_odd(doc) ? 2 : (char)chance_below(doc->chance, 2));
		break;
	case BSON_TYPE_DATE_TIME:
		random_date(doc);
		break;
	case BSON_TYPE_REGEX:
		random_regex(doc);
		break;
	case BSON_TYPE_DBPOINTER:
		random_string(doc);
		random_bytes(doc, 12);
		break;
	case BSON_TYPE_CODEWSCOPE:
		random_code_scope(doc, depth);
		break;
	case BSON_TYPE_INT32:
		nv_raw_put_int32(&doc->out, (int32_t)chance_next(doc->chance));
		break;
	case BSON_TYPE_INT64:
	case BSON_TYPE_TIMESTAMP:
		random_int64(doc);
		break;
	case BSON_TYPE_DECIMAL128:
		random_decimal(doc);
		break;
	case BSON_TYPE_UTF8:
	case BSON_TYPE_CODE:
	case BSON_TYPE_SYMBOL:
		random_string(doc);
		break;
	default: /* those without bytes */
		break;
	}
}

/* A random document. The caller destroys it. */
static inline bson_t *random_document(struct chance *chance, unsigned flags)
{
	struct random_document doc = { .chance = chance, .flags = flags, .out = NV_BUF_INIT };
	bson_t *made = NULL;

	random_members(&doc, false, 0);
	(void)nv_raw_to_bson(&doc.out, &made);
	nv_buf_release(&doc.out);
	return made;
}

#endif
