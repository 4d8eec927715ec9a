/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads /proc; knows nothing of files being saved.
 */
#include "config.h"

#include "save/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define STAT_STATE 3 /* fields of /proc/PID/stat, proc(5) */
#define STAT_FLAGS 9
#define STAT_START 22
#define STAT_EXIT_CODE 52
#define FLAG_EXITING 0x4UL /* PF_EXITING of the kernel's sched.h */

/* Reads a small /proc file whole; returns its length or -1. */
static ssize_t read_proc(const char *path, char *text, size_t size)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -1;
	}
	ssize_t n = read(fd, text, size - 1);
	if (n >= 0) {
		text[n] = '\0';
	}
	return n;
}

struct stat_fields {
	char state;
	unsigned long flags;
	unsigned long long start;
	int exit_code;
};

/* Splits /proc/TID/stat; the command name may hold blanks and parentheses, so fields count from its
 * last ')'. */
static bool read_stat(pid_t tid, struct stat_fields *ret)
{
	char path[64];
	char text[1024];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	if (read_proc(path, text, sizeof(text)) <= 0) {
		return false;
	}
	char *at = strrchr(text, ')');
	if (!at) {
		return false;
	}
	*ret = (struct stat_fields){ 0 };
	char *saved = NULL;
	int field = STAT_STATE;
	for (char *word = strtok_r(at + 1, " \n", &saved); word;
	     word = strtok_r(NULL, " \n", &saved), field++) {
		switch (field) {
		case STAT_STATE:
			ret->state = word[0];
			break;
		case STAT_FLAGS:
			ret->flags = strtoul(word, NULL, 10);
			break;
		case STAT_START:
			ret->start = strtoull(word, NULL, 10);
			break;
		case STAT_EXIT_CODE:
			ret->exit_code = (int)strtol(word, NULL, 10);
			break;
		default:
			break;
		}
	}
	return field > STAT_START;
}

struct nv_proc nv_proc_of(pid_t tid)
{
	struct nv_proc none = { 0, 0 };
	char path[64];
	char text[4096];
	if (tid <= 0) {
		return none;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	if (read_proc(path, text, sizeof(text)) <= 0) {
		return none;
	}
	const char *at = strstr(text, "\nTgid:");
	struct stat_fields fields;
	pid_t tgid = at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
	if (tgid <= 0 || !read_stat(tgid, &fields)) {
		return none;
	}
	return (struct nv_proc){ tgid, fields.start };
}

bool nv_proc_equal(struct nv_proc a, struct nv_proc b)
{
	return a.tgid > 0 && a.tgid == b.tgid && a.start == b.start;
}

bool nv_proc_alive(struct nv_proc proc)
{
	struct stat_fields fields;
	return proc.tgid > 0 && read_stat(proc.tgid, &fields) && fields.start == proc.start &&
	       fields.state != 'Z' && fields.state != 'X';
}

int nv_proc_dying_signal(pid_t tid)
{
	struct stat_fields fields;
	if (tid <= 0 || !read_stat(tid, &fields) || !(fields.flags & FLAG_EXITING)) {
		return 0;
	}
	return fields.exit_code & 0x7f;
}
