/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A queue of threads (turn.h). A plain mutex would let the thread that just had it take it again
 * and starve the others past their deadlines.
 */
#include "config.h"

#include "docstore/turn.h"

#include <errno.h>
#include <stddef.h>

void nv_turn_init(struct nv_turn *turn, struct nv_clock *clock)
{
	pthread_mutex_init(&turn->mutex, NULL);
	pthread_cond_init(&turn->moved, NULL);
	turn->clock = clock;
	turn->first = NULL;
	turn->last = NULL;
}

void nv_turn_release(struct nv_turn *turn)
{
	pthread_cond_destroy(&turn->moved);
	pthread_mutex_destroy(&turn->mutex);
}

/* With the mutex held. */
static void leave(struct nv_turn *turn, struct nv_turn_place *place)
{
	struct nv_turn_place *before = NULL;
	struct nv_turn_place **link = &turn->first;
	while (*link != place) {
		before = *link;
		link = &(*link)->next;
	}
	*link = place->next;
	if (turn->last == place) {
		turn->last = before;
	}
	pthread_cond_broadcast(&turn->moved);
}

int nv_turn_take(struct nv_turn *turn, struct nv_turn_place *place, int64_t deadline_ms)
{
	int rc = 0;
	place->next = NULL;
	pthread_mutex_lock(&turn->mutex);
	if (turn->last) {
		turn->last->next = place;
	} else {
		turn->first = place;
	}
	turn->last = place;
	while (turn->first != place && rc == 0) {
		if (nv_clock_ms(turn->clock) >= deadline_ms) {
			leave(turn, place);
			rc = -ETIMEDOUT;
		} else {
			nv_clock_wait(turn->clock, &turn->moved, &turn->mutex, deadline_ms);
		}
	}
	pthread_mutex_unlock(&turn->mutex);
	return rc;
}

void nv_turn_give(struct nv_turn *turn, struct nv_turn_place *place)
{
	pthread_mutex_lock(&turn->mutex);
	leave(turn, place);
	pthread_mutex_unlock(&turn->mutex);
}
