/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DATA of DESIGN 3: a key of any type with its details hash (plugin data, reports, orphans).
 */
#ifndef NV_CODEC_DATA_H
#define NV_CODEC_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"
#include "codec/fields.h"
#include "codec/lines.h"
#include "codec/stream.h"
#include "codec/zset.h"

/* Types of a key, by their names in Redis and in the text. */
enum nv_data_type {
	NV_DATA_NONE,
	NV_DATA_STRING,
	NV_DATA_LIST,
	NV_DATA_HASH,
	NV_DATA_SET,
	NV_DATA_ZSET,
	NV_DATA_STREAM,
	NV_DATA_TYPE_COUNT,
};

struct nv_data {
	/* of the data key. A key that is not there (Redis keeps no empty list or hash) whose
	 * details say type list or hash is that type with no rows here, not NONE:
	 * nv_data_normalise */
	enum nv_data_type type;
	struct nv_bytes name; /* owned; the full name, when the file's name is cut; else absent */
	struct nv_fields details;  /* sorted; none = there is no details hash */
	struct nv_bytes string;    /* owned; STRING: the bytes; else absent */
	struct nv_lines rows;      /* LIST: in order. SET: sorted */
	struct nv_fields fields;   /* HASH: sorted */
	struct nv_zset zset;       /* ZSET: sorted by member */
	struct nv_stream stream;   /* STREAM: sorted by id */
	size_t header_line;        /* line of the header as read (1-based); 0 = not read */
	size_t header_type_column; /* column of TYPE in the header as read; 0 = left out */
};

#define NV_DATA_INIT { .type = NV_DATA_NONE }

void nv_data_release(struct nv_data *data);
#define cleanup_data __attribute__((cleanup(nv_data_release)))

/* "string", "list" …, "none". */
const char *nv_data_type_name(enum nv_data_type type);

/* The type of that name ("none" too). False when there is none. */
bool nv_data_type_parse(const char *text, size_t size, enum nv_data_type *ret_type);

/* For a data filled from a store: sorts details, set, hash, zset; makes NONE with details of
 * type list or hash an empty one of that type. */
void nv_data_normalise(struct nv_data *data);

/* True when the body has nothing to store: NONE, or no rows, fields, members or entries (a
 * string is never empty in this sense). */
bool nv_data_is_empty(const struct nv_data *data);

/* Same type, name, details and body; lines and columns do not count. Both normalised. */
bool nv_data_equal(const struct nv_data *a, const struct nv_data *b);

/* Appends the text of a normalised data. TYPE stands in the header unless the field `type` of
 * the details says the same, or a name is given. */
void nv_data_format(const struct nv_data *data, struct nv_buf *out);

/* Reads the whole text; *ret (anything in it is not freed) is normalised. 0, -EINVAL with all
 * faults, -ENOMEM. */
int nv_data_parse(const char *text, size_t size, struct nv_data *ret, struct nv_faults *faults);

/* Judges syntax only: header and details, and of the body the lines from `from` on (0, or where a
 * line begins). Not whole: only what no continuation can repair (complete lines). 0, -EINVAL with
 * all faults, -ENOMEM. */
int nv_data_check(const char *text, size_t size, size_t from, bool whole, struct nv_faults *faults);

#endif
