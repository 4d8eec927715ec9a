/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The line formats as DATA has them in its body: read from where a scan stands to its end. Private
 * to codec/.
 *
 * All: append to *ret (NULL: judge only), unsorted; faults go to the scan. Return scan->status.
 */
#ifndef NV_CODEC_BODY_H
#define NV_CODEC_BODY_H

#include "codec/fields.h"
#include "codec/lines.h"
#include "codec/records.h"
#include "codec/scan.h"
#include "codec/stream.h"
#include "codec/zset.h"

int nv_lines_read(struct nv_scan *scan, struct nv_lines *ret);
int nv_records_read(struct nv_scan *scan, struct nv_records *ret);
int nv_fields_read(struct nv_scan *scan, struct nv_fields *ret);
int nv_zset_read(struct nv_scan *scan, struct nv_zset *ret);
int nv_stream_read(struct nv_scan *scan, struct nv_stream *ret);

/* One line of FIELDS. scratch is the caller's, for use again; its content is lost. */
int nv_fields_read_line(struct nv_scan *scan, const struct nv_scan_line *line,
                        struct nv_buf *scratch, struct nv_fields *ret);

/* 1 when a field's name stands there twice, 0 when none does, -ENOMEM. */
int nv_stream_has_repeated(const struct nv_fields *fields);

/* Sorts by id and refuses (in scan) an id that stands there twice. Returns scan->status. */
int nv_stream_settle(struct nv_scan *scan, struct nv_stream *stream);

#endif
