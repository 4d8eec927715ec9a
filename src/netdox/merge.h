/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Merging by field, shared by Fields and Data.
 */
#ifndef NV_NETDOX_MERGE_H
#define NV_NETDOX_MERGE_H

#include "codec/fields.h"
#include "netdox/write.h"

/* Adds an operation for each field of the hash `key` that differs between base and mine (both
 * sorted). Returns 1 when there is one, else 0. */
int nv_merge_fields(struct nv_change *change, const struct nv_bytes *key,
                    const struct nv_fields *base, const struct nv_fields *mine, size_t entry);

#endif
