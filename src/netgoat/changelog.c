/* SPDX-License-Identifier: GPL-3.0-or-later */
/* netgoat/changelog: the entries as NDJSON, oldest first. The text is kept and only grows by
 * what is new. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "netgoat/family.h"

struct nv_history {
	struct nv_netgoat *ng; /* borrowed */
	size_t entries;        /* to begin with */
	/* held while the store is asked: readers of one text come one after the other */
	pthread_mutex_t mutex;
	struct nv_doclog *log; /* owned; NULL until first read; mutex */
	struct nv_buf text;    /* mutex */
};

struct nv_history *nv_history_new(struct nv_netgoat *ng, size_t entries)
{
	struct nv_history *history = calloc(1, sizeof(*history));
	if (history) {
		history->ng = ng;
		history->entries = entries;
		(void)pthread_mutex_init(&history->mutex, NULL);
	}
	return history;
}

void nv_history_free(struct nv_history *history)
{
	if (history) {
		nv_doclog_close(history->log);
		nv_buf_release(&history->text);
		(void)pthread_mutex_destroy(&history->mutex);
		free(history);
	}
}

static void reset(struct nv_history *history)
{
	nv_doclog_close(history->log);
	history->log = NULL;
	nv_buf_release(&history->text);
}

void nv_history_reset(struct nv_history *history)
{
	(void)pthread_mutex_lock(&history->mutex);
	reset(history);
	(void)pthread_mutex_unlock(&history->mutex);
}

static int take_entry(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct nv_history *history = ctx;
	(void)query;
	size_t before = history->text.len;
	int rc = nv_json_format(doc, NV_JSON_COMPACT, &history->text);
	nv_buf_putc(&history->text, '\n');
	if (rc >= 0 && nv_buf_error(&history->text) == 0) {
		return 0;
	}
	if (history->text.failed) {
		/* The next read begins anew; half a line is never shown. */
		nv_buf_release(&history->text);
	} else {
		nv_buf_truncate(&history->text, before);
	}
	return nv_fail(err, ENOMEM, "out of memory");
}

static int read_new(struct nv_history *history, struct nv_err *err)
{
	if (!history->log) {
		int rc = nv_doclog_open(history->ng->store, history->entries, &history->log, err);
		if (rc) {
			return rc;
		}
	}
	int rc = nv_doclog_read(history->log, take_entry, history, err);
	if (rc == -ENOMEM) {
		reset(history);
	}
	return rc < 0 ? rc : 0;
}

int nv_history_load(struct nv_history *history, struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)pthread_mutex_lock(&history->mutex);
	int64_t sampled_ms = nv_clock_ms(history->ng->clock);
	int rc = read_new(history, err);
	struct nv_blob *blob = NULL;
	if (rc == 0) {
		char *copy = malloc(history->text.len + 1);
		if (copy) {
			memcpy(copy, history->text.data ? history->text.data : "",
			       history->text.len);
			copy[history->text.len] = '\0';
			blob = nv_blob_new(copy, history->text.len, sampled_ms, NULL, NULL);
		}
		rc = blob ? 0 : nv_fail(err, ENOMEM, "out of memory");
	}
	(void)pthread_mutex_unlock(&history->mutex);
	if (rc == 0) {
		*ret_blob = blob;
	}
	return rc;
}
