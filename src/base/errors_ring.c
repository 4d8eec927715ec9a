/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/errors_ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct nv_errors_ring {
	struct nv_clock *clock; /* borrowed */
	pthread_mutex_t lock;
	char **lines; /* lock; owned, each with its newline; NULL = not used yet */
	size_t max_lines;
	struct timespec newest; /* lock; when the newest line was added */
	/* lock; where the next line goes, which is where the oldest stands once all are used */
	size_t next;
};

int nv_errors_ring_new(struct nv_clock *clock, size_t max_lines, struct nv_errors_ring **ret_ring)
{
	struct nv_errors_ring *ring = calloc(1, sizeof(*ring));

	if (!ring) {
		return -ENOMEM;
	}
	ring->max_lines = max_lines > 0 ? max_lines : 1;
	ring->lines = calloc(ring->max_lines, sizeof(*ring->lines));
	if (!ring->lines) {
		goto fail_ring;
	}
	if (pthread_mutex_init(&ring->lock, NULL) != 0) {
		goto fail_lines;
	}
	ring->clock = clock;
	*ret_ring = ring;
	return 0;

fail_lines:
	free(ring->lines);
fail_ring:
	free(ring);
	return -ENOMEM;
}

void nv_errors_ring_free(struct nv_errors_ring *ring)
{
	if (!ring) {
		return;
	}
	for (size_t i = 0; i < ring->max_lines; i++) {
		free(ring->lines[i]);
	}
	free(ring->lines);
	(void)pthread_mutex_destroy(&ring->lock);
	free(ring);
}

/* Appends text so that it stays on its line: control bytes as in the line files. */
static void put_escaped(struct nv_buf *out, const char *text)
{
	for (const char *byte = text; *byte; byte++) {
		if (*byte == '\n') {
			nv_buf_puts(out, "\\n");
		} else if (*byte == '\t') {
			nv_buf_puts(out, "\\t");
		} else if ((unsigned char)*byte < ' ' || *byte == 0x7F) {
			nv_buf_printf(out, "\\x%02X", (unsigned)(unsigned char)*byte);
		} else {
			nv_buf_putc(out, *byte);
		}
	}
}

static void put_head(struct nv_buf *out, struct timespec now, uid_t uid, const char *path)
{
	struct tm tm;
	char date[32];

	if (!gmtime_r(&now.tv_sec, &tm) ||
	    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		(void)strcpy(date, "?");
	}
	nv_buf_printf(out, "%s.%03ldZ uid=%lu ", date, now.tv_nsec / 1000000, (unsigned long)uid);
	put_escaped(out, path);
}

/* Takes ownership of the text of line. A line lost to memory is lost: there is nobody left to
 * tell. */
static void push(struct nv_errors_ring *ring, struct timespec now, struct nv_buf *line)
{
	nv_buf_putc(line, '\n');
	char *text = nv_buf_steal(line, NULL);
	if (!text) {
		return;
	}
	pthread_mutex_lock(&ring->lock);
	free(ring->lines[ring->next]);
	ring->lines[ring->next] = text;
	ring->newest = now;
	ring->next = (ring->next + 1) % ring->max_lines;
	pthread_mutex_unlock(&ring->lock);
}

void nv_errors_ring_add(struct nv_errors_ring *ring, uid_t uid, const char *path,
                        const struct nv_err *err, const struct nv_faults *faults)
{
	struct timespec now = nv_clock_wall(ring->clock);
	const char *name = nv_errno_name(err && err->errnum > 0 ? err->errnum : EINVAL);
	size_t count = faults ? faults->count : 0;

	for (size_t i = 0; i < count; i++) {
		const struct nv_fault *fault = &faults->items[i];
		cleanup_buf struct nv_buf line = NV_BUF_INIT;

		put_head(&line, now, uid, path);
		if (fault->line > 0) {
			nv_buf_printf(&line, ":%zu:%zu", fault->line, fault->column);
		}
		nv_buf_printf(&line, ": %s: ", name);
		put_escaped(&line, fault->reason);
		push(ring, now, &line);
	}
	if (count == 0 && err && err->errnum > 0) {
		cleanup_buf struct nv_buf line = NV_BUF_INIT;

		put_head(&line, now, uid, path);
		nv_buf_printf(&line, ": %s: ", name);
		put_escaped(&line, err->msg[0] ? err->msg : strerror(err->errnum));
		push(ring, now, &line);
	}
	if (faults && faults->dropped > 0) {
		cleanup_buf struct nv_buf line = NV_BUF_INIT;

		put_head(&line, now, uid, path);
		nv_buf_printf(&line, ": %s: and %zu more", name, faults->dropped);
		push(ring, now, &line);
	}
}

void nv_errors_ring_format(struct nv_errors_ring *ring, struct nv_buf *out)
{
	pthread_mutex_lock(&ring->lock);
	for (size_t i = 0; i < ring->max_lines; i++) {
		const char *line = ring->lines[(ring->next + i) % ring->max_lines];

		if (line) {
			nv_buf_puts(out, line);
		}
	}
	pthread_mutex_unlock(&ring->lock);
}

struct timespec nv_errors_ring_time(struct nv_errors_ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	struct timespec newest = ring->newest;
	pthread_mutex_unlock(&ring->lock);
	return newest;
}

const char *nv_errno_name(int errnum)
{
#define TEN(tens)                                                                                  \
	"E" tens "0", "E" tens "1", "E" tens "2", "E" tens "3", "E" tens "4", "E" tens "5",        \
		"E" tens "6", "E" tens "7", "E" tens "8", "E" tens "9"
	static const char *const unknown[] = {
		TEN(""),   TEN("1"),  TEN("2"),  TEN("3"),  TEN("4"),  TEN("5"),  TEN("6"),
		TEN("7"),  TEN("8"),  TEN("9"),  TEN("10"), TEN("11"), TEN("12"), TEN("13"),
		TEN("14"), TEN("15"), TEN("16"), TEN("17"), TEN("18"), TEN("19"),
	};
#undef TEN
	const char *name = strerrorname_np(errnum);

	if (name) {
		return name;
	}
	if (errnum >= 0 && (size_t)errnum < sizeof(unknown) / sizeof(unknown[0])) {
		return unknown[errnum];
	}
	return "E?";
}
