/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON text of documents: relaxed Extended JSON v2, and lossless (DESIGN 3 "JSON"). Pure: bytes in,
 * value out, no I/O, any thread. How a BSON document survives the way to text and back is told at
 * the top of json_write.c.
 */
#ifndef NV_CODEC_JSON_H
#define NV_CODEC_JSON_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"

/* Objects and arrays inside each other, the document itself counted. Text and documents beyond it
 * have no plain JSON form. */
#define NV_JSON_DEPTH_MAX 100
/* Bytes of a document as BSON, at most (what MongoDB stores). */
#define NV_JSON_BSON_MAX (16 * 1024 * 1024)

enum nv_json_flags {
	/* format: one line, no blank and no final newline (NDJSON, names) */
	NV_JSON_COMPACT = 1 << 0,
	/* parse: accept a whole text {"$bson":"BASE64"} (full mounts); else it is refused as
	 * read-only */
	NV_JSON_ALLOW_BSON = 1 << 1,
};

/* What nv_json_format and nv_json_format_value return for a document without a plain form: the text
 * is {"$bson":"BASE64"}. */
#define NV_JSON_OPAQUE 1

/*
 * Appends the text of doc: two-space indent, stored field order, one final newline (or one line,
 * NV_JSON_COMPACT). 0: nv_json_parse gives doc back byte for byte. NV_JSON_OPAQUE: no plain text
 * could do that (duplicate keys, bad UTF-8, NaN bits, array keys that are not 0, 1, 2…, unsorted
 * regex options, too deep, too big, damaged): the whole text is {"$bson":"BASE64"} of its bytes,
 * to be shown read-only. -ENOMEM: out is unusable (nothing is promised about what was appended).
 */
int nv_json_format(const bson_t *doc, unsigned flags, struct nv_buf *out);

/* Appends the one-line text of the value iter stands on, whatever its type. 0, NV_JSON_OPAQUE (then
 * the text is {"$bson":"BASE64"} of the document {"": value}) or -ENOMEM. Example: an ObjectId
 * gives {"$oid":"64b0…"}. */
int nv_json_format_value(const bson_iter_t *iter, struct nv_buf *out);

/* Appends text as a JSON string with its quotes: only what must be escaped is (quote, backslash,
 * bytes below 0x20, 0x7f). text must be UTF-8. */
void nv_json_quote(const char *text, size_t size, struct nv_buf *out);

/*
 * Reads one document. Strict RFC 8259 and strict $-forms. Every reason of a refusal goes to faults
 * (may be NULL) with its line and column and what would be right; what can be checked past the
 * first is checked. Integers become int32, else int64; numbers with '.' or exponent double. 0:
 * *ret_doc is the caller's (bson_destroy). -EINVAL: refused. -EFBIG: over NV_JSON_BSON_MAX (faults
 * too). -ENOMEM.
 */
int nv_json_parse(const char *text, size_t size, unsigned flags, bson_t **ret_doc,
                  struct nv_faults *faults);

/* Reads one value of any type: *ret_doc is the document {"": value}. Undoes nv_json_format_value
 * when NV_JSON_ALLOW_BSON is given. Returns as nv_json_parse. */
int nv_json_parse_value(const char *text, size_t size, unsigned flags, bson_t **ret_doc,
                        struct nv_faults *faults);

enum nv_json_state {
	NV_JSON_GOOD,    /* a whole document that nv_json_parse takes */
	NV_JSON_PARTIAL, /* not whole, but what may follow can make it good; empty text too */
	NV_JSON_WRONG,   /* a whole JSON object that is refused */
	NV_JSON_BROKEN,  /* not whole, and nothing that may follow makes it good */
	NV_JSON_NOMEM,   /* out of memory: nothing is known */
};

/* What a text that is being written amounts to; the reasons go to faults unless it is good or
 * partial. For write(2): refuse early at WRONG and BROKEN. Texts over 64 KiB are looked at closely
 * only where they could be whole, so that a long text written in pieces is not read anew each time;
 * until then they are PARTIAL. */
enum nv_json_state nv_json_scan(const char *text, size_t size, unsigned flags,
                                struct nv_faults *faults);

/*
 * Where in a text that nv_json_parse took the value of a dotted path begins ("settings.cache_ttl",
 * "members.2.role", "" = the document); line and column are 1-based, columns in bytes. True when it
 * is there; false: the place of the nearest ancestor that is, and where a missing field would go.
 * Reads the text anew: for faults, not for every field.
 */
bool nv_json_place(const char *text, size_t size, const char *path, size_t *ret_line,
                   size_t *ret_column);

#endif
