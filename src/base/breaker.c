/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Closed: everybody passes. Open: after each vain wait nobody passes for a second, then one probe;
 * all others get the last error. The pause counts from the end of a wait: somebody who asks one
 * thing after the other (find) would else be the probe every time, and wait for each of them.
 */
#include "config.h"

#include "base/breaker.h"

int nv_breaker_admit(struct nv_breaker *breaker, int64_t now_ms, bool *ret_probe,
                           struct nv_err *err)
{
	*ret_probe = false;
	if (!breaker->open) {
		return 0;
	}
	if (breaker->probing || now_ms < breaker->retry_ms) {
		return nv_fail(err, breaker->last.errnum,
		               "%s (known from a moment ago; it is asked again soon)",
		               breaker->last.msg);
	}
	breaker->probing = true;
	*ret_probe = true;
	return 0;
}

void nv_breaker_done(struct nv_breaker *breaker, int64_t now_ms, bool probe,
                           enum nv_outcome outcome, const struct nv_err *err)
{
	if (probe) {
		breaker->probing = false;
	}
	switch (outcome) {
	case NV_OUTCOME_ANSWERED:
	case NV_OUTCOME_FAILED:
		breaker->open = false;
		break;
	case NV_OUTCOME_WAITED:
		breaker->open = true;
		breaker->retry_ms = now_ms + NV_BREAKER_PAUSE_MS;
		breaker->last = *err;
		break;
	case NV_OUTCOME_UNKNOWN:
		break;
	}
}
