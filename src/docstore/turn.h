/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Threads that take turns at one thing, first come first served, each waiting until its own
 * deadline. Private to docstore/.
 */
#ifndef NV_DOCSTORE_TURN_H
#define NV_DOCSTORE_TURN_H

#include <pthread.h>
#include <stdint.h>

#include "base/clock.h"

struct nv_turn_place;

struct nv_turn {
	pthread_mutex_t mutex;
	pthread_cond_t moved;
	struct nv_clock *clock;      /* borrowed */
	struct nv_turn_place *first; /* mutex; whose turn it is, then who waits */
	struct nv_turn_place *last;  /* mutex */
};

/* A thread in the queue; on its stack from nv_turn_take to nv_turn_give. */
struct nv_turn_place {
	struct nv_turn_place *next;
};

void nv_turn_init(struct nv_turn *turn, struct nv_clock *clock);
void nv_turn_release(struct nv_turn *turn);

/* Blocks until it is place's turn: 0; -ETIMEDOUT at the deadline (place is then not queued). */
int nv_turn_take(struct nv_turn *turn, struct nv_turn_place *place, int64_t deadline_ms);

/* Ends place's turn. */
void nv_turn_give(struct nv_turn *turn, struct nv_turn_place *place);

#endif
