/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libfuse and its mount helper print while they mount: caught, so that a failed start is one
 * line and not several.
 */
#ifndef NV_CAPTURE_H
#define NV_CAPTURE_H

#include "base/buf.h"

/* Stderr put aside. Plain value; both -1: nothing is. */
struct nv_capture {
	int saved; /* the real stderr; owned */
	int file;  /* what stands in for it; owned */
};

/* Puts stderr aside. When that cannot be done, it stays where it is: the lines are then only less
 * tidy. One thread only. */
void nv_capture_begin(struct nv_capture *capture);

/* Brings stderr back and appends what was printed, on one line. */
void nv_capture_end(struct nv_capture *capture, struct nv_buf *out);

#endif
