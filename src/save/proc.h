/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts about calling processes, from /proc: which process a thread belongs to, whether it lives,
 * whether it dies of a signal.
 *
 * A pid of 0 (caller outside our pid namespace) is nobody: it is never alive and equals no process.
 */
#ifndef NV_SAVE_PROC_H
#define NV_SAVE_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* A process, safe against reuse of its pid. */
struct nv_proc {
	pid_t tgid; /* 0 = unknown */
	/* start time in clock ticks since boot (field 22 of /proc/PID/stat) */
	unsigned long long start;
};

/* The process of a thread id; {0, 0} when it is gone or unknown. */
struct nv_proc nv_proc_of(pid_t tid);

/* True when both are the same known process. */
bool nv_proc_equal(struct nv_proc a, struct nv_proc b);

/* True while the process has not ended (a zombie has). */
bool nv_proc_alive(struct nv_proc proc);

/* The signal a thread is dying of, 0 when it is not (FUSE.md 10: low 7 bits of the last field of
 * /proc/PID/stat). */
int nv_proc_dying_signal(pid_t tid);

#endif
