/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/metrics.h"

void nv_metrics_format(struct nv_metrics *metrics, struct nv_buf *out)
{
#define NAME(id, name) [id] = name,
	static const char *const names[] = { NV_METRICS(NAME) };
#undef NAME
	unsigned long long requests = 0;

	for (size_t i = 0; i < NV_METRIC_COUNT; i++) {
		unsigned long long value =
			atomic_load_explicit(&metrics->values[i], memory_order_relaxed);
		if (i <= NV_METRIC_FUSE_OTHER) {
			requests += value;
		}
		nv_buf_printf(out, "netviewfs_%s %llu\n", names[i], value);
	}
	nv_buf_printf(out, "netviewfs_fuse_requests %llu\n", requests);
}
