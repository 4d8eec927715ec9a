/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What .netviewfs/errors shows: the newest refusals, oldest first, bounded.
 */
#ifndef NV_BASE_ERRORS_RING_H
#define NV_BASE_ERRORS_RING_H

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

struct nv_errors_ring;

/* A ring of at most max_lines lines. clock is borrowed for its life. 0 or -ENOMEM. */
int nv_errors_ring_new(struct nv_clock *clock, size_t max_lines, struct nv_errors_ring **ret_ring);
void nv_errors_ring_free(struct nv_errors_ring *ring);

/* Adds one line for each fault, or one for err when there is none: "2026-11-24T13:31:01.123Z uid=0
 * PATH[:LINE:COLUMN]: ERRNAME: reason". path is relative to the mount. Any thread. */
void nv_errors_ring_add(struct nv_errors_ring *ring, uid_t uid, const char *path,
                        const struct nv_err *err, const struct nv_faults *faults);

/* Appends the whole text to out. Any thread. */
void nv_errors_ring_format(struct nv_errors_ring *ring, struct nv_buf *out);

/* When the newest line was added; zero when there is none. Any thread. */
struct timespec nv_errors_ring_time(struct nv_errors_ring *ring);

/* "EINVAL" for EINVAL; "E123" for an unknown number (into a static table, never freed). */
const char *nv_errno_name(int errnum);

#endif
