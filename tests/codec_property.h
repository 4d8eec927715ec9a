/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold of every text that a line codec is given, and random bytes to try it with. Shared
 * by tests/unit and tests/fuzz; a violation is a sentence, so that each can report it in its own
 * way.
 */
#ifndef NV_TESTS_CODEC_PROPERTY_H
#define NV_TESTS_CODEC_PROPERTY_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/atom.h"
#include "codec/data.h"
#include "codec/fields.h"
#include "codec/lines.h"
#include "codec/records.h"
#include "codec/stream.h"
#include "codec/value.h"
#include "codec/zset.h"

/* A codec as the properties see it. */
struct codec {
	/* Appends format(parse(text)). As a parse function. */
	int (*normal)(const char *text, size_t size, struct nv_buf *out, struct nv_faults *faults);
	/* NULL: there is none. */
	int (*check)(const char *text, size_t size, size_t from, bool whole,
	             struct nv_faults *faults);
};

#define CODEC_NORMAL(name, type, release, parse, format)                                           \
	static inline int codec_normal_##name(const char *text, size_t size, struct nv_buf *out,   \
	                                      struct nv_faults *faults)                            \
	{                                                                                          \
		type value = { 0 };                                                                \
		int status = parse(text, size, &value, faults);                                    \
                                                                                                   \
		if (status == 0) {                                                                 \
			format(&value, out);                                                       \
			release(&value);                                                           \
		}                                                                                  \
		return status;                                                                     \
	}

CODEC_NORMAL(set, struct nv_lines, nv_lines_release, nv_lines_parse_set, nv_lines_format_set)
CODEC_NORMAL(list, struct nv_lines, nv_lines_release, nv_lines_parse_list, nv_lines_format_list)
CODEC_NORMAL(records, struct nv_records, nv_records_release, nv_records_parse, nv_records_format)
CODEC_NORMAL(fields, struct nv_fields, nv_fields_release, nv_fields_parse, nv_fields_format)
CODEC_NORMAL(zset, struct nv_zset, nv_zset_release, nv_zset_parse, nv_zset_format)
CODEC_NORMAL(stream, struct nv_stream, nv_stream_release, nv_stream_parse, nv_stream_format)
CODEC_NORMAL(data, struct nv_data, nv_data_release, nv_data_parse, nv_data_format)

static inline int codec_normal_value(const char *text, size_t size, struct nv_buf *out,
                                     struct nv_faults *faults)
{
	int status = nv_value_parse(text, size, &size, faults);

	if (status == 0) {
		nv_value_format(text, size, out);
	}
	return status;
}

#define CODEC_NORMAL_ATOM(name, kind)                                                              \
	static inline int codec_normal_##name(const char *text, size_t size, struct nv_buf *out,   \
	                                      struct nv_faults *faults)                            \
	{                                                                                          \
		cleanup_buf struct nv_buf bytes = NV_BUF_INIT;                                     \
		int status = nv_atom_parse(&bytes, kind, text, size, 1, 1, faults);                \
                                                                                                   \
		if (status == 0) {                                                                 \
			nv_atom_format(out, kind, bytes.data ? bytes.data : "", bytes.len);        \
		}                                                                                  \
		return status;                                                                     \
	}

CODEC_NORMAL_ATOM(atom, NV_ATOM_PLAIN)
CODEC_NORMAL_ATOM(word, NV_ATOM_WORD)
CODEC_NORMAL_ATOM(key, NV_ATOM_KEY)

static const struct codec codec_atom = { codec_normal_atom, NULL };
static const struct codec codec_word = { codec_normal_word, NULL };
static const struct codec codec_key = { codec_normal_key, NULL };
static const struct codec codec_set = { codec_normal_set, nv_lines_check };
static const struct codec codec_list = { codec_normal_list, nv_lines_check };
static const struct codec codec_records = { codec_normal_records, nv_records_check };
static const struct codec codec_fields = { codec_normal_fields, nv_fields_check };
static const struct codec codec_value = { codec_normal_value, NULL };
static const struct codec codec_zset = { codec_normal_zset, nv_zset_check };
static const struct codec codec_stream = { codec_normal_stream, nv_stream_check };
static const struct codec codec_data = { codec_normal_data, nv_data_check };

/* What is wrong with the faults of a refusal; NULL when nothing is. */
static inline const char *codec_faults_violation(const struct nv_faults *faults)
{
	if (faults->count == 0) {
		return "a refusal without a reason";
	}
	for (size_t i = 0; i < faults->count; i++) {
		if (faults->items[i].line == 0 || faults->items[i].column == 0) {
			return "a reason without a place";
		}
		if (faults->items[i].reason[0] == '\0') {
			return "an empty reason";
		}
	}
	return NULL;
}

/* What the check says of the whole text, and of `size` bytes of it that may go on. */
static inline const char *codec_check_violation(const struct codec *codec, const char *text,
                                                size_t size, int status,
                                                const struct nv_faults *faults)
{
	struct nv_faults whole_faults = NV_FAULTS_INIT;
	struct nv_faults prefix_faults = NV_FAULTS_INIT;
	const char *violation = NULL;
	size_t cut = size / 2;

	if (!codec->check) {
		return NULL;
	}
	if (codec->check(text, size, 0, true, &whole_faults) != status ||
	    whole_faults.count != faults->count || whole_faults.dropped != faults->dropped) {
		violation = "the check of the whole text does not agree with the parse";
	} else if (codec->check(text, cut, 0, false, &prefix_faults) != 0 && status == 0) {
		violation = "the check refuses the beginning of a good text";
	}
	nv_faults_release(&prefix_faults);
	while (!violation && cut > 0 && text[cut - 1] != '\n') {
		cut--;
	}
	if (!violation && status == 0 &&
	    codec->check(text, size, cut, false, &prefix_faults) != 0) {
		violation = "the check from the middle refuses a good text";
	}
	nv_faults_release(&prefix_faults);
	nv_faults_release(&whole_faults);
	return violation;
}

/* The property that the text violates; NULL when all hold. */
static inline const char *codec_violation(const struct codec *codec, const char *given, size_t size)
{
	/* A copy with nothing behind it, so that a sanitizer sees every byte read too far. */
	char *text = malloc(size ? size : 1);
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_buf once = NV_BUF_INIT;
	struct nv_buf twice = NV_BUF_INIT;
	const char *violation = NULL;
	int status;

	if (!text) {
		return "no memory for the test";
	}
	memcpy(text, given, size);
	status = codec->normal(text, size, &once, &faults);
	if (status == -EINVAL) {
		violation = codec_faults_violation(&faults);
	} else if (status != 0) {
		violation = "a status that is neither 0 nor -EINVAL";
	} else if (faults.count != 0) {
		violation = "a reason without a refusal";
	} else if (codec->normal(once.data ? once.data : "", once.len, &twice, &faults) != 0) {
		violation = "the formatted text is refused";
	} else if (once.len != twice.len ||
	           (once.len > 0 && memcmp(once.data, twice.data, once.len) != 0)) {
		violation = "format(parse(text)) is not stable";
	}
	if (!violation) {
		violation = codec_check_violation(codec, text, size, status, &faults);
	}
	nv_buf_release(&twice);
	nv_buf_release(&once);
	nv_faults_release(&faults);
	free(text);
	return violation;
}

/* For a fuzzer: aborts on a violation. */
static inline void codec_must_hold(const struct codec *codec, const uint8_t *data, size_t size)
{
	const char *violation = codec_violation(codec, (const char *)data, size);

	if (violation) {
		(void)fprintf(stderr, "%s\n", violation);
		abort();
	}
}

/* A random generator: splitmix64. */
struct chance {
	uint64_t state;
};

static inline uint64_t chance_next(struct chance *chance)
{
	uint64_t word = chance->state += 0x9E3779B97F4A7C15;

	word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9;
	word = (word ^ word >> 27) * 0x94D049BB133111EB;
	return word ^ word >> 31;
}

/* 0 to below - 1. */
static inline size_t chance_below(struct chance *chance, size_t below)
{
	return (size_t)(chance_next(chance) % below);
}

/* The seed: NV_SEED, else the time; printed, so that a failure can be had again. */
static inline struct chance chance_start(void)
{
	const char *text = getenv("NV_SEED");
	struct chance chance = { text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) };

	printf("# NV_SEED=%llu\n", (unsigned long long)chance.state);
	(void)fflush(stdout);
	return chance;
}

/* Appends some bytes of all kinds; what the grammars care about is frequent. */
static inline void chance_bytes(struct chance *chance, size_t max, struct nv_buf *out)
{
	static const char marks[] = "\\\n\t\r :;#-~%.\"{}[]e\x00\x01\x7f\x1b";
	static const char *const pieces[] = {
		"---",          "\\e",     "\\x20", ": ",           ":",
		"\xc3\xa9",     "  ",      "type",  "\xe2\x82\xac", "\xf0\x9f\x90\x90",
		"\xed\xa0\x80", "\xc3",    "id",    "list",         "\xff\xfe",
		"\xef\xbb\xbf", "\xc2\x85"
	};
	size_t left = chance_below(chance, max + 1);

	while (left > 0) {
		const char *piece =
			pieces[chance_below(chance, sizeof(pieces) / sizeof(pieces[0]))];

		switch (chance_below(chance, 6)) {
		case 0:
			nv_buf_putc(out, (char)chance_next(chance));
			break;
		case 1:
			nv_buf_append(out, &marks[chance_below(chance, sizeof(marks) - 1)], 1);
			break;
		case 2:
			nv_buf_puts(out, piece);
			break;
		default:
			nv_buf_putc(out, (char)('a' + chance_below(chance, 26)));
			break;
		}
		left--;
	}
	nv_buf_reserve(out, 0);
}

/* Changes, drops, doubles or adds some bytes of out. */
static inline void chance_mutate(struct chance *chance, struct nv_buf *out)
{
	for (size_t changes = 1 + chance_below(chance, 4); changes > 0; changes--) {
		cleanup_buf struct nv_buf tail = NV_BUF_INIT;
		size_t at = chance_below(chance, out->len + 1);
		size_t drop = at + chance_below(chance, 3);

		if (drop < out->len) {
			nv_buf_append(&tail, out->data + drop, out->len - drop);
		}
		nv_buf_truncate(out, at);
		chance_bytes(chance, 3, out);
		nv_buf_append(out, tail.data ? tail.data : "", tail.len);
	}
}

#endif
