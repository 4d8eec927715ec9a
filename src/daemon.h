/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Into the background, with an answer: who starts the daemon waits until it is mounted, or is told
 * in one line why not.
 */
#ifndef NV_DAEMON_H
#define NV_DAEMON_H

#include <stdint.h>

#include "base/error.h"

/*
 * Forks. The new process, leader of its own session, gets 0 and in *ret_report where to report; it
 * must call nv_daemon_ready or nv_daemon_failed. The old one gets 1 when the new one is ready, or
 * -errno with the line it left; it ends it when it has not reported within timeout_ms. Blocks.
 */
int nv_daemon_fork(int64_t timeout_ms, int *ret_report, struct nv_err *err);

/* Reports that all is well and lets go of the terminal and the working directory. Closes report. */
void nv_daemon_ready(int report);

/* Reports why not. Closes report. */
void nv_daemon_failed(int report, const struct nv_err *err);

#endif
