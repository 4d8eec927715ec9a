/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A ring of listings.
 */
#include "config.h"

#include "fs/scan.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define SCANS 128

struct nv_scans {
	pthread_mutex_t lock;
	struct nv_listing *listings[SCANS]; /* lock; scan number n stands at n % SCANS */
	uint64_t next;                      /* lock; number of the next scan */
};

int nv_scans_new(struct nv_scans **ret_scans)
{
	struct nv_scans *scans = calloc(1, sizeof(*scans));
	if (!scans) {
		return -ENOMEM;
	}
	scans->next = 1;
	(void)pthread_mutex_init(&scans->lock, NULL);
	*ret_scans = scans;
	return 0;
}

void nv_scans_free(struct nv_scans *scans)
{
	if (!scans) {
		return;
	}
	for (size_t i = 0; i < SCANS; i++) {
		nv_listing_unref(scans->listings[i]);
	}
	(void)pthread_mutex_destroy(&scans->lock);
	free(scans);
}

uint64_t nv_scans_put(struct nv_scans *scans, struct nv_listing *listing)
{
	(void)pthread_mutex_lock(&scans->lock);
	uint64_t number = scans->next++;
	struct nv_listing *old = scans->listings[number % SCANS];
	scans->listings[number % SCANS] = nv_listing_ref(listing);
	(void)pthread_mutex_unlock(&scans->lock);
	nv_listing_unref(old);
	return number;
}

struct nv_listing *nv_scans_get(struct nv_scans *scans, uint64_t number)
{
	struct nv_listing *listing = NULL;
	(void)pthread_mutex_lock(&scans->lock);
	if (number > 0 && number < scans->next && scans->next - number <= SCANS) {
		listing = nv_listing_ref(scans->listings[number % SCANS]);
	}
	(void)pthread_mutex_unlock(&scans->lock);
	return listing;
}
