/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One query being answered (reader.h).
 */
#include "config.h"

#include "docstore/reader.h"

#include <errno.h>

#include "docstore/path.h"

int nv_reader_init(struct nv_reader *ret_reader, const struct nv_docquery *query, size_t index,
                   nv_docstore_doc_fn *fn, void *ctx, struct nv_err *err)
{
	*ret_reader = (struct nv_reader){
		.query = query, .index = index, .fn = fn, .ctx = ctx, .scratch = NV_BUF_INIT
	};
	int rc = nv_match_init(&ret_reader->match, query->terms, query->terms_count);
	if (rc == -ENOMEM) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return rc < 0 ? nv_fail(err, -rc, "a value of the query is no BSON") : 0;
}

void nv_reader_release(struct nv_reader *reader)
{
	nv_match_release(&reader->match);
	nv_buf_release(&reader->scratch);
}

bool nv_reader_wants(struct nv_reader *reader, const struct nv_bval *doc, int *ret_rc,
                     struct nv_err *err)
{
	int holds = nv_match_doc(&reader->match, doc);
	*ret_rc = holds < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
	return holds > 0;
}

int nv_reader_deliver(struct nv_reader *reader, const struct nv_bval *doc, struct nv_err *err)
{
	const struct nv_docquery *query = reader->query;
	struct nv_bval shown = *doc;
	if (query->fields_count > 0) {
		nv_buf_truncate(&reader->scratch, 0);
		if (nv_path_project(doc, query->fields, query->fields_count, &reader->scratch) <
		    0) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		shown.data = (const uint8_t *)reader->scratch.data;
		shown.size = reader->scratch.len;
	}
	bson_t view;
	if (!bson_init_static(&view, shown.data, shown.size)) {
		return nv_fail(err, EIO, "a stored document is damaged");
	}
	int rc = reader->fn(reader->ctx, reader->index, &view, err);
	reader->delivered++;
	if (rc == 0 && query->limit > 0 && reader->delivered == query->limit) {
		return 1;
	}
	return rc;
}
