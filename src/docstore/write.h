/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a write makes of one document: expected values, changes. Private to docstore/; for the
 * embedded stores. Pure.
 */
#ifndef NV_DOCSTORE_WRITE_H
#define NV_DOCSTORE_WRITE_H

#include "base/buf.h"
#include "base/error.h"
#include "docstore/docstore.h"
#include "docstore/value.h"

/* 0 when doc says what write->expects; -ESTALE naming the first path that differs; -EINVAL,
 * -ENOMEM. */
int nv_write_expect(const struct nv_docwrite *write, const struct nv_bval *doc, struct nv_err *err);

/* Sets *out (emptied first) to doc with write's changes. -ESTALE (doc's shape does not allow one),
 * -EFBIG, -EINVAL, -ENOMEM. */
int nv_write_apply(const struct nv_docwrite *write, const struct nv_bval *doc, struct nv_buf *out,
                   struct nv_err *err);

#endif
