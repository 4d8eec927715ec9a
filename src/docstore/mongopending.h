/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commits on a server without transactions. Private to docstore/mongo*.
 *
 * The first entry goes into the changelog with a sub-document
 *   pending: {owner: TEXT, deadline: DATE, back: BOOL, plan: BINARY} whose plan, {ops: [mongoop.h],
 *   entries: [the other entries], unlogged: BOOL}, is a BSON document in a binary, because no
 *   server looks into that. Then come the operations, each one command that compares before it
 *   writes; then the other entries; then pending is taken away, and the entry is settled. Nobody is
 *   shown an entry before.
 *
 * Whoever finds a pending entry whose owner is dead, or whose deadline has passed, makes itself the
 * owner by compare-and-set, looks at each document, and ends it: forward when what is left can
 * still be done, else back. An operation whose document somebody else has changed can neither be
 * done nor taken back, and has left nothing.
 */
#ifndef NV_DOCSTORE_MONGOPENDING_H
#define NV_DOCSTORE_MONGOPENDING_H

#include "docstore/mongo.h"

/* Who this process is: what another on this machine needs to know that it is dead. */
void nv_mongopending_owner(char *out, size_t size);

/* True when the owner was a process of this machine that has ended. */
bool nv_mongopending_is_dead(const char *owner);

/* Settles every entry that may be settled. since: only entries whose _id was made at that second or
 * later; 0: all. */
int nv_mongopending_settle(struct nv_mongo_call *call, int64_t since_s, struct nv_err *err);

/* A thread that settles what others leave behind, and what this mount could not end. Starts it
 * once; -ENOMEM. */
int nv_mongosettler_start(struct nv_mongo *store, struct nv_err *err);
void nv_mongosettler_stop(struct nv_mongosettler *settler);

#endif
