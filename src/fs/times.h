/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inode numbers and modification times of names, for the life of the mount (DESIGN 2: st_ino,
 * mtime).
 *
 * mtime of a file: the stamp its store keeps; without one 1970-01-01 + crc32(text) mod 2^25 s; a
 * change that this mount sees made without a stamp: now. A time set by a user holds until the
 * content changes. mtime of a directory: moves whenever its listing changed.
 */
#ifndef NV_FS_TIMES_H
#define NV_FS_TIMES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"

struct nv_times;

/* clock borrowed. fingerprints: a file's mtime follows from its text alone, whatever its stamp says
 * (full mounts: counters move without a stamp). 0 or -ENOMEM. */
int nv_times_new(struct nv_clock *clock, bool fingerprints, struct nv_times **ret_times);
void nv_times_free(struct nv_times *times);

/* The number of a name under the directory of number dir; handed out at the first call, in
 * ascending order. Out of memory: a number that is not remembered. */
uint64_t nv_times_ino(struct nv_times *times, uint64_t dir, const char *name);

/* The mtime of a file of that number that now shows a text of that crc. */
struct timespec nv_times_file(struct nv_times *times, uint64_t ino, uint32_t crc, bool stamped,
                              struct timespec stamp);

/* The mtime of a directory; the second form after its names were seen (crc over them). */
struct timespec nv_times_dir(struct nv_times *times, uint64_t ino);
struct timespec nv_times_listed(struct nv_times *times, uint64_t ino, uint32_t crc);

/* A name of that directory came or went by a request of this mount: its time moves even when nobody
 * has listed it yet. */
void nv_times_dir_changed(struct nv_times *times, uint64_t ino);

/* A user set the time of a file that shows a text of that crc. */
void nv_times_set(struct nv_times *times, uint64_t ino, uint32_t crc, struct timespec mtime);

/* A user set the time of a directory. It is that to the microsecond, and never twice the same: the
 * kernel takes a listing for good that it holds from when the directory had the same time. */
void nv_times_set_dir(struct nv_times *times, uint64_t ino, struct timespec mtime);

/* This mount stored a text of that crc: without a stamp of the store's own it is of now, or of the
 * time its writer asked for (may be NULL). */
void nv_times_stored(struct nv_times *times, uint64_t ino, uint32_t crc, bool stamped,
                     struct timespec stamp, const struct timespec *asked);

/* (dir, name) is (to_dir, to_name) from now on, with its number; what was there is forgotten. */
void nv_times_move(struct nv_times *times, uint64_t dir, const char *name, uint64_t to_dir,
                   const char *to_name);

#endif
