/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hashes of fs/'s tables of names and numbers.
 */
#ifndef NV_FS_HASH_H
#define NV_FS_HASH_H

#include <stdint.h>

/* Mixes a key over all bits (the finaliser of splitmix64). */
static inline uint64_t nv_hash_number(uint64_t key)
{
	key ^= key >> 30;
	key *= 0xbf58476d1ce4e5b9ULL;
	key ^= key >> 27;
	key *= 0x94d049bb133111ebULL;
	return key ^ (key >> 31);
}

/* A 64-bit hash of (dir, name): FNV-1a, mixed. Two names of one mount share it with probability
 * n²/2^65. */
static inline uint64_t nv_hash_name(uint64_t dir, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ nv_hash_number(dir);
	for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
		hash = (hash ^ *at) * 0x100000001b3ULL;
	}
	return nv_hash_number(hash);
}

#endif
