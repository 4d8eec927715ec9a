/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The circuit breaker: keeps requests from piling up before a server that hangs. Pure: time comes
 * in, nobody is called.
 *
 * Whoever embeds it locks.
 */
#ifndef NV_BASE_BREAKER_H
#define NV_BASE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define NV_BREAKER_PAUSE_MS 1000

/* Plain value; zero bytes are a closed breaker. */
struct nv_breaker {
	bool open;
	bool probing;       /* a probe is under way */
	int64_t retry_ms;   /* while open: until then nobody passes */
	struct nv_err last; /* why it is open */
};

/* How a request that was let through ended. */
enum nv_outcome {
	NV_OUTCOME_ANSWERED, /* the server lives, whatever it answered */
	NV_OUTCOME_FAILED,   /* it failed, at no cost of time */
	NV_OUTCOME_WAITED,   /* it failed after waiting in vain */
	NV_OUTCOME_UNKNOWN,  /* says nothing of the server (out of memory) */
};

/* 0: go on, and tell nv_breaker_done how it ended (*ret_probe too); else the last error
 * again, at once. */
int nv_breaker_admit(struct nv_breaker *breaker, int64_t now_ms, bool *ret_probe,
                           struct nv_err *err);

/* err: the error of a failed request. */
void nv_breaker_done(struct nv_breaker *breaker, int64_t now_ms, bool probe,
                           enum nv_outcome outcome, const struct nv_err *err);

#endif
