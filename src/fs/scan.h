/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listings that readers are in the middle of. There is no opendir, so a READDIR's offset must say
 * which listing it goes on in: the upper bits are the number of the scan, the lower ones the place
 * in it.
 */
#ifndef NV_FS_SCAN_H
#define NV_FS_SCAN_H

#include <stdint.h>

#include "node/node.h"

#define NV_SCAN_INDEX_BITS 24 /* 16 million names a directory */

/* A reader that is that far behind reads a new listing from the same place on. */
#define NV_SCANS_ENTRIES ((size_t)1 << 18)

struct nv_scans;

/* 0 or -ENOMEM. */
int nv_scans_new(struct nv_scans **ret_scans);
void nv_scans_free(struct nv_scans *scans);

/* Keeps a reference to a listing; returns the number of the scan (> 0). The oldest are forgotten:
 * no more than 128 are kept, and large ones only while they have no more than NV_SCANS_ENTRIES
 * names together. */
uint64_t nv_scans_put(struct nv_scans *scans, struct nv_listing *listing);

/* A reader of the scan has come to its end. What was large is let go of: a listing has the contents
 * of all its files. */
void nv_scans_end(struct nv_scans *scans, uint64_t number);

/* A reference to the listing of a scan, or NULL when it was forgotten. */
struct nv_listing *nv_scans_get(struct nv_scans *scans, uint64_t number);

#endif
