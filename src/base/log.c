/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { LINE_SIZE = 1024 };

/* Set once by main, before any thread, and only read from then on. */
static bool log_to_syslog;
static enum nv_log_level log_level = NV_LOG_INFO;

static const char *const level_names[] = {
	[NV_LOG_ERROR] = "error",
	[NV_LOG_WARNING] = "warning",
	[NV_LOG_INFO] = "info",
	[NV_LOG_DEBUG] = "debug",
};

static const int level_priorities[] = {
	[NV_LOG_ERROR] = LOG_ERR,
	[NV_LOG_WARNING] = LOG_WARNING,
	[NV_LOG_INFO] = LOG_INFO,
	[NV_LOG_DEBUG] = LOG_DEBUG,
};

void nv_log_init(bool to_syslog, enum nv_log_level level)
{
	if (to_syslog) {
		openlog("netviewfs", LOG_PID, LOG_DAEMON);
	}
	log_to_syslog = to_syslog;
	log_level = level;
}

void nv_log(enum nv_log_level level, const char *fmt, ...)
{
	char line[LINE_SIZE];
	va_list args;

	if (level > log_level) {
		return;
	}
	int head = snprintf(line, sizeof(line), "netviewfs: %s: ", level_names[level]);
	va_start(args, fmt);
	(void)vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, args);
	va_end(args);

	/* One line whatever a name or a reason has in it. */
	for (char *byte = line; *byte; byte++) {
		if ((unsigned char)*byte < ' ' || *byte == 0x7F) {
			*byte = '?';
		}
	}
	if (log_to_syslog) {
		syslog(level_priorities[level], "%s", line + strlen("netviewfs: "));
		return;
	}
	size_t len = strlen(line);
	line[len] = '\n';
	/* One write, so that lines of several threads do not mix; nobody can be told when it
	 * fails. */
	ssize_t written = write(STDERR_FILENO, line, len + 1);
	(void)written;
}
