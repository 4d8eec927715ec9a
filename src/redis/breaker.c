/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Closed: everybody passes. Open: one probe at a time and a second, all others get the last error.
 */
#include "config.h"

#include "redis/breaker.h"

int nv_redis_breaker_admit(struct nv_redis_breaker *breaker, int64_t now_ms, bool *ret_probe,
                           struct nv_err *err)
{
	*ret_probe = false;
	if (!breaker->open) {
		return 0;
	}
	if (breaker->probing ||
	    (breaker->probed && now_ms - breaker->probe_started_ms < NV_REDIS_PROBE_INTERVAL_MS)) {
		return nv_fail(err, breaker->last.errnum,
		               "%s (known from a moment ago; it is asked again soon)",
		               breaker->last.msg);
	}
	breaker->probing = true;
	breaker->probed = true;
	breaker->probe_started_ms = now_ms;
	*ret_probe = true;
	return 0;
}

void nv_redis_breaker_done(struct nv_redis_breaker *breaker, bool probe,
                           enum nv_redis_outcome outcome, const struct nv_err *err)
{
	if (probe) {
		breaker->probing = false;
	}
	switch (outcome) {
	case NV_REDIS_OUTCOME_ANSWERED:
	case NV_REDIS_OUTCOME_FAILED:
		breaker->open = false;
		breaker->probed = false;
		break;
	case NV_REDIS_OUTCOME_WAITED:
		breaker->open = true;
		breaker->last = *err;
		break;
	case NV_REDIS_OUTCOME_UNKNOWN:
		break;
	}
}
