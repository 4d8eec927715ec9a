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
#define LARGE 4096 /* names; smaller listings are worth keeping for who seeks back */

struct nv_scans {
	pthread_mutex_t lock;
	struct nv_listing *listings[SCANS]; /* lock; scan number n stands at n % SCANS */
	uint64_t next;                      /* lock; number of the next scan */
	size_t entries;                     /* lock; of all listings */
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

/* Takes the listing of a place out; the caller lets go of it without the lock, for that may take
 * long. Lock held. */
static struct nv_listing *take(struct nv_scans *scans, uint64_t number)
{
	struct nv_listing *old = scans->listings[number % SCANS];
	scans->listings[number % SCANS] = NULL;
	scans->entries -= old ? old->count : 0;
	return old;
}

uint64_t nv_scans_put(struct nv_scans *scans, struct nv_listing *listing)
{
	struct nv_listing *old[SCANS] = { NULL };
	(void)pthread_mutex_lock(&scans->lock);
	uint64_t number = scans->next++;
	old[0] = take(scans, number);
	for (size_t i = 1;
	     i < SCANS && scans->entries && scans->entries + listing->count > NV_SCANS_ENTRIES;
	     i++) {
		old[i] = take(scans, number + i); /* oldest first */
	}
	scans->listings[number % SCANS] = nv_listing_ref(listing);
	scans->entries += listing->count;
	(void)pthread_mutex_unlock(&scans->lock);
	for (size_t i = 0; i < SCANS; i++) {
		nv_listing_unref(old[i]);
	}
	return number;
}

void nv_scans_end(struct nv_scans *scans, uint64_t number)
{
	struct nv_listing *old = NULL;
	(void)pthread_mutex_lock(&scans->lock);
	struct nv_listing *listing = scans->listings[number % SCANS];
	if (number < scans->next && scans->next - number <= SCANS && listing &&
	    listing->count > LARGE) {
		old = take(scans, number);
	}
	(void)pthread_mutex_unlock(&scans->lock);
	nv_listing_unref(old);
}

struct nv_listing *nv_scans_get(struct nv_scans *scans, uint64_t number)
{
	struct nv_listing *listing = NULL;
	(void)pthread_mutex_lock(&scans->lock);
	if (number > 0 && number < scans->next && scans->next - number <= SCANS) {
		struct nv_listing *kept = scans->listings[number % SCANS];
		listing = kept ? nv_listing_ref(kept) : NULL;
	}
	(void)pthread_mutex_unlock(&scans->lock);
	return listing;
}
