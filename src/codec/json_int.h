/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the JSON codec share: the reader's state, and the small languages inside it
 * (names of forms, doubles, dates).
 */
#ifndef NV_CODEC_JSON_INT_H
#define NV_CODEC_JSON_INT_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bsonraw.h"

/* The `$` names that make an object something else than a document. Stored fields of these names
 * are shown inside {"$literal":{…}}. */
enum nv_json_form {
	NV_FORM_NONE, /* any other name */
	NV_FORM_LITERAL,
	NV_FORM_OID,
	NV_FORM_DATE,
	NV_FORM_INT,
	NV_FORM_LONG,
	NV_FORM_DOUBLE,
	NV_FORM_DECIMAL,
	NV_FORM_BINARY,
	NV_FORM_UUID,
	NV_FORM_REGEX,
	NV_FORM_TIMESTAMP,
	NV_FORM_CODE,
	NV_FORM_SCOPE, /* stands after $code only */
	NV_FORM_SYMBOL,
	NV_FORM_UNDEFINED,
	NV_FORM_DBPOINTER,
	NV_FORM_MINKEY,
	NV_FORM_MAXKEY,
	NV_FORM_OLD_REGEX, /* {"$regex": …} of Extended JSON v1: refused with the new spelling */
	NV_FORM_BSON,      /* only as a whole text */
};

/* The form a name stands for; whole: the object is the whole text, where $bson counts too. */
enum nv_json_form nv_json_form_of(const char *key, size_t size, bool whole);

/* The text of a date: 2026-11-24T13:31:01.123Z, NUL-terminated; milliseconds only when there are
 * some. False outside the years 0 to 9999. */
bool nv_json_date_format(int64_t ms, char ret_text[32]);

/* Reads a date with time and zone (Z, +hh:mm or -hh:mm) strictly. False, and *ret_why says what
 * would be right. */
bool nv_json_date_parse(const char *text, size_t size, int64_t *ret_ms, const char **ret_why);

/* Appends the shortest decimal text that reads back as value, always with '.' or exponent. value is
 * finite and not -0. */
void nv_json_double_format(double value, struct nv_buf *out);

/* Reads a decimal: a JSON number, NaN, Infinity or -Infinity; at most 34 digits. */
bool nv_json_decimal_parse(const char *text, size_t size, bson_decimal128_t *ret_decimal);

/* True when nv_json_decimal_parse gives these bits back from bson_decimal128_to_string. */
bool nv_json_decimal_is_canonical(const bson_decimal128_t *decimal);

/* True for letters of "ilmsux", each once, in this order: what every driver writes. */
bool nv_json_regex_options_are_sound(const char *options, size_t size);

enum nv_json_number {
	NV_NUMBER_OK,
	NV_NUMBER_NONE,  /* no JSON number */
	NV_NUMBER_BIG,   /* beyond the largest double */
	NV_NUMBER_SMALL, /* not zero, but nearer to it than any double */
	NV_NUMBER_NOMEM,
};

/* The shape of a JSON number. */
struct nv_json_token {
	size_t size;   /* bytes of the number; when bad: up to the byte that is wrong */
	bool bad;      /* no number (or cut) */
	bool integral; /* neither '.' nor exponent */
};

/* Measures the JSON number that text begins with. */
struct nv_json_token nv_json_number_scan(const char *text, size_t size);

/* Reads a whole JSON number (nv_json_number_scan took all of it) as a double, rounded to nearest;
 * -0 gives -0.0. */
enum nv_json_number nv_json_double_parse(const char *text, size_t size, double *ret_value);

/* Reads a whole JSON integer (nv_json_number_scan took all of it). False: beyond int64. */
bool nv_json_integer_parse(const char *text, size_t size, int64_t *ret_value);

/* A field name that was read: where it stands in the BSON and in the text. */
struct nv_reader_key {
	size_t out_pos;
	size_t size;
	size_t text_pos;
};

/* A text being read. Functions below return 0, or -1 to stop: then stopped says why. */
struct nv_reader {
	const char *text;
	size_t size;
	size_t pos;                 /* of the next byte */
	unsigned flags;             /* enum nv_json_flags */
	bool scanning;              /* an early end is no fault */
	bool whole;                 /* the value that begins next is the whole text */
	bool single;                /* the text is one value of any type (nv_json_parse_value) */
	int depth;                  /* documents and arrays we are in */
	struct nv_buf *out;         /* borrowed; BSON so far */
	struct nv_buf word;         /* owned; a string of a form */
	struct nv_reader_key *keys; /* owned; names of all open documents, innermost last */
	size_t keys_count;
	size_t keys_cap;
	struct nv_faults *faults; /* borrowed; may be NULL */
	size_t faults_count;      /* also those past the bound */
	bool ended;               /* stopped because the text is at its end */
	bool closed;              /* the outermost object was read to its end */
	int stopped;              /* 0; or errno that stopped us: EINVAL, EFBIG, ENOMEM */
	size_t place_pos; /* the last place asked for, so that the next is found from there */
	size_t place_line;
	size_t place_column;
};

/* Adds a fault at byte pos of the text and goes on: returns 0. */
int nv_reader_fault(struct nv_reader *reader, size_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Stops: a fault at byte pos that leaves nothing to read on. Returns -1. */
int nv_reader_stop(struct nv_reader *reader, size_t pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Stops because the text ends inside what. Returns -1. */
int nv_reader_end(struct nv_reader *reader, const char *what);

/* Stops for lack of memory when an append was lost. */
int nv_reader_memory(struct nv_reader *reader);

/* Stops at the byte at hand, which is not what was wanted, with words for what people write there
 * by mistake. Returns -1. */
int nv_reader_unexpected(struct nv_reader *reader, const char *wanted);

/* Skips blanks; the byte at hand, or -1 at the end of the text. */
int nv_reader_peek(struct nv_reader *reader);

/* Skips blanks and takes that byte; stops with `wanted` when another stands there. */
int nv_reader_take(struct nv_reader *reader, char byte, const char *wanted);

/* Appends the characters of the string at hand (its opening quote is the byte at hand) to out, no
 * NUL after them. */
int nv_reader_string(struct nv_reader *reader, struct nv_buf *out);

/* Reads the value at hand: appends its bytes to reader->out; *ret_type is its BSON type. */
int nv_reader_value(struct nv_reader *reader, uint8_t *ret_type);

/* Reads the object at hand, '{' or not; as nv_reader_value. */
int nv_reader_object(struct nv_reader *reader, uint8_t *ret_type);

/* Reads the document at hand, '{' or not, in which the names of forms are plain names. */
int nv_reader_literal(struct nv_reader *reader);

/* Reads the rest of an object that is a form: its first name, at name_pos, was taken. As
 * nv_reader_value. */
int nv_reader_form(struct nv_reader *reader, enum nv_json_form form, size_t name_pos,
                   uint8_t *ret_type);

/* The words for how a form is written. */
const char *nv_form_model(enum nv_json_form form);

/* True when the two texts are the same. */
bool nv_form_is(const char *text, size_t size, const char *want);

/* Stops: the byte at hand is not what the form has there. Returns -1. */
int nv_form_refuse(struct nv_reader *reader, enum nv_json_form form);

/* Takes that byte; stops when another stands there. */
int nv_form_take(struct nv_reader *reader, enum nv_json_form form, char byte);

/* Reads a string to the end of reader->word. */
int nv_form_take_string(struct nv_reader *reader, enum nv_json_form form, size_t *ret_pos,
                        size_t *ret_size);

enum nv_form_slot_kind { NV_SLOT_STRING, NV_SLOT_UINT32, NV_SLOT_OID };

/* One field inside a form's own object. */
struct nv_form_slot {
	const char *name;
	enum nv_form_slot_kind kind;
	bool seen;
	size_t text_pos; /* of the value */
	size_t word_pos; /* a string in reader->word */
	size_t size;
	uint32_t number;
};

/* Reads a form's own object: all slots, in any order, and nothing else. */
int nv_form_read_slots(struct nv_reader *reader, enum nv_json_form form, struct nv_form_slot *slots,
                       size_t count);

/* The value of a form: what follows its ':'. */
int nv_form_read_oid(struct nv_reader *reader);
int nv_form_read_date(struct nv_reader *reader);
int nv_form_read_integer(struct nv_reader *reader, enum nv_json_form form);
int nv_form_read_double(struct nv_reader *reader);
int nv_form_read_decimal(struct nv_reader *reader);
int nv_form_read_binary(struct nv_reader *reader);
int nv_form_read_uuid(struct nv_reader *reader);
int nv_form_read_regex(struct nv_reader *reader);
int nv_form_read_timestamp(struct nv_reader *reader);
int nv_form_read_symbol(struct nv_reader *reader);
int nv_form_read_dbpointer(struct nv_reader *reader);

#endif
