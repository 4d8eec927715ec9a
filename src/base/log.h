/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The daemon's log: stderr in the foreground, syslog in daemon mode. Only fs/reply, watch and timer
 * threads, and main log above debug. The one process-wide setting of the program (where log lines
 * go), set once by main before any thread.
 */
#ifndef NV_BASE_LOG_H
#define NV_BASE_LOG_H

#include <stdbool.h>

enum nv_log_level { NV_LOG_ERROR, NV_LOG_WARNING, NV_LOG_INFO, NV_LOG_DEBUG };

/* Chooses the target: syslog (daemon) or stderr; lines above level are dropped. */
void nv_log_init(bool to_syslog, enum nv_log_level level);

/* Writes one line "netviewfs: LEVEL: text". Never put a secret in it. */
void nv_log(enum nv_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
