/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The in-memory store's test controls: errors and delays at each step of each call. For tests; the
 * daemon never includes it.
 */
#ifndef NV_DOCSTORE_MEM_H
#define NV_DOCSTORE_MEM_H

#include <stdint.h>

#include "docstore/docstore.h"

/* A place in a call where a fault can be put. */
enum nv_mem_step {
	NV_MEM_PING,
	NV_MEM_COLLECTIONS,
	NV_MEM_QUERY,    /* once a call, before anything is read */
	NV_MEM_DOCUMENT, /* before each document that is delivered */
	NV_MEM_COMMIT,   /* once a call, before anything is written */
	NV_MEM_WRITE,    /* before each write */
	NV_MEM_ENTRY,    /* before each changelog entry */
	NV_MEM_PUBLISH,  /* all is done, nothing visible yet */
	NV_MEM_ANSWER,   /* committed and visible, and the answer is lost */
	NV_MEM_LOG,      /* once a read of the changelog */
	NV_MEM_STEP_COUNT,
};

/* What happens there. */
struct nv_mem_fault {
	unsigned skip;    /* passes that go well first */
	unsigned times;   /* passes that are hit then; 0 = none (clears the fault) */
	int errnum;       /* 0 = no error, only the delay */
	int64_t delay_ms; /* by the store's clock; past the call's deadline it ends as -ETIMEDOUT
	                     there */
};

/* Puts (or clears) the fault of one step. store must be a mem: store. Any thread. */
void nv_mem_inject(struct nv_docstore *store, enum nv_mem_step step, struct nv_mem_fault fault);

/* Passes of a step so far. Any thread. */
unsigned nv_mem_passes(struct nv_docstore *store, enum nv_mem_step step);

#endif
