/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of ctl/.
 */
#ifndef NV_CTL_INTERNAL_H
#define NV_CTL_INTERNAL_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "ctl/ctl.h"

#define NV_CTL_PARTS_MAX 8

struct nv_ctl_part {
	nv_ctl_describe_fn *describe;
	void *self; /* borrowed */
};

struct nv_ctl {
	struct nv_clock *clock;        /* borrowed */
	struct nv_errors_ring *errors; /* borrowed */
	struct nv_metrics *metrics;    /* borrowed */
	struct nv_conflicts *conflicts; /* borrowed */
	const struct nv_row *rows;     /* borrowed */
	size_t rows_count;
	char *build;
	char *options;
	char *schema; /* NULL: no schema.json */
	size_t schema_size;
	bool has_netgoat;
	bool has_netdox;
	bool test_control;
	int64_t start_ms;
	struct timespec start_wall;
	struct nv_ctl_part parts[NV_CTL_PARTS_MAX];
	size_t parts_count;
	pthread_mutex_t lock;
	struct nv_blob *status; /* lock; made last, NULL before the first */
};

#endif
