/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * netdox/changelog: the stream as NDJSON, growing. Text that was rendered once stays, also when the
 * stream is trimmed behind it; a stream that was deleted and begun anew begins a new text.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/stream.h"
#include "netdox/family.h"
#include "netdox/fill.h"
#include "netdox/write.h"
#include "redis/pipeline.h"

enum {
	DEFAULT_ENTRIES = 10000,
	PAGE = 10000, /* entries of one answer, where the text begins with the first */
};

struct nv_changelog {
	size_t entries; /* how many to begin with; SIZE_MAX: all */
	/* of all below; held during a refresh, so that two do not render the same entries */
	pthread_mutex_t lock;
	bool begun;       /* ms and seq are those of an entry in text */
	uint64_t ms, seq; /* of the last entry rendered */
	struct nv_buf text;
	struct nv_blob *blob; /* owned; of text, or NULL when text has grown since */
	atomic_bool broken;   /* the key was of another type */
};

int nv_changelog_new(size_t entries, struct nv_changelog **ret_changelog)
{
	struct nv_changelog *changelog = calloc(1, sizeof(*changelog));

	if (!changelog) {
		return -ENOMEM;
	}
	changelog->entries = entries ? entries : DEFAULT_ENTRIES;
	pthread_mutex_init(&changelog->lock, NULL);
	*ret_changelog = changelog;
	return 0;
}

void nv_changelog_free(struct nv_changelog *changelog)
{
	if (!changelog) {
		return;
	}
	nv_buf_release(&changelog->text);
	nv_blob_unref(changelog->blob);
	pthread_mutex_destroy(&changelog->lock);
	free(changelog);
}

bool nv_changelog_is_broken(struct nv_netdox *netdox)
{
	return atomic_load(&netdox->changelog->broken);
}

static void begin_anew(struct nv_changelog *changelog)
{
	nv_buf_release(&changelog->text);
	nv_blob_unref(steal(&changelog->blob));
	changelog->begun = false;
	changelog->ms = 0;
	changelog->seq = 0;
}

void nv_changelog_forget(struct nv_netdox *netdox)
{
	pthread_mutex_lock(&netdox->changelog->lock);
	begin_anew(netdox->changelog);
	pthread_mutex_unlock(&netdox->changelog->lock);
}

/* Renders one entry of XRANGE. */
static int render(struct nv_changelog *changelog, const struct nv_redis_reply *entry)
{
	struct nv_stream stream cleanup_stream = NV_STREAM_INIT;
	int r;

	if (entry->count != 2 || entry->items[1].type != NV_REDIS_ARRAY) {
		return -EPROTO;
	}
	r = nv_fill_entry(&stream, &entry->items[0], entry->items[1].items, entry->items[1].count);
	if (r < 0) {
		return r;
	}
	size_t before = changelog->text.len;
	nv_stream_entry_format(&stream.items[0], &changelog->text);
	if (nv_buf_error(&changelog->text)) {
		nv_buf_truncate(&changelog->text, before);
		changelog->text.failed = false;
		return -ENOMEM;
	}
	changelog->begun = true;
	changelog->ms = stream.items[0].ms;
	changelog->seq = stream.items[0].seq;
	nv_blob_unref(steal(&changelog->blob));
	return 0;
}

/* One pipeline: what the stream is now, and what was added since the last entry (or its newest
 * ones). */
static int ask(struct nv_netdox *netdox, struct nv_redis_replies **ret_replies, struct nv_err *err)
{
	struct nv_changelog *changelog = netdox->changelog;
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	const char *key = nv_netdox_key_changelog;
	char from[48];
	char page[16];

	snprintf(page, sizeof(page), "%d", PAGE);
	p.keep_errors = true; /* XINFO of a key that is not there is an error */
	nv_redis_pipeline_words(&p, "TYPE", key, NULL);
	nv_redis_pipeline_words(&p, "XINFO", "STREAM", key, NULL);
	if (changelog->begun) {
		/* The id after the last one; an exclusive range needs Redis 6.2. */
		bool carry = changelog->seq == UINT64_MAX;

		snprintf(from, sizeof(from), "%" PRIu64 "-%" PRIu64,
		         changelog->ms + (carry ? 1 : 0), carry ? 0 : changelog->seq + 1);
		nv_redis_pipeline_words(&p, "XRANGE", key, from, "+", "COUNT", page, NULL);
	} else if (changelog->entries == SIZE_MAX) {
		nv_redis_pipeline_words(&p, "XRANGE", key, "-", "+", "COUNT", page, NULL);
	} else {
		snprintf(from, sizeof(from), "%zu", changelog->entries);
		nv_redis_pipeline_words(&p, "XREVRANGE", key, "+", "-", "COUNT", from, NULL);
	}
	return nv_redis_pipeline_run(netdox->redis, &p, 0, ret_replies, err);
}

/* Whether the stream is younger than what was rendered of it: it was deleted meanwhile. */
static bool is_another(const struct nv_changelog *changelog, const struct nv_redis_reply *info)
{
	for (size_t i = 0; i + 1 < info->count; i += 2) {
		uint64_t ms, seq;

		if (!nv_redis_reply_is(&info->items[i], "last-generated-id")) {
			continue;
		}
		if (!nv_stream_id_parse(info->items[i + 1].data, info->items[i + 1].size, &ms,
		                        &seq)) {
			return true; /* 0-0: nothing was ever added to it */
		}
		return ms < changelog->ms || (ms == changelog->ms && seq < changelog->seq);
	}
	return false;
}

/* Asks and renders; 1 when there may be more; -EAGAIN when the text had to begin anew and the entries
 * are to be asked for again. */
static int refresh(struct nv_netdox *netdox, struct nv_err *err)
{
	struct nv_changelog *changelog = netdox->changelog;
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	int r = ask(netdox, &replies, err);

	if (r < 0) {
		return r;
	}
	const char *address = nv_redis_address(netdox->redis);
	const struct nv_redis_reply *type = &replies->items[0];
	const struct nv_redis_reply *range = &replies->items[2];
	bool backwards = !changelog->begun && changelog->entries != SIZE_MAX;
	r = nv_redis_reply_check(type, address, "TYPE", err);
	if (r < 0) {
		return r;
	}
	if (nv_redis_reply_is(type, "none")) {
		begin_anew(changelog);
		return nv_fail(err, ENOENT, "nothing was logged yet");
	}
	if (!nv_redis_reply_is(type, "stream")) {
		atomic_store(&changelog->broken, true);
		return nv_fail(err, EIO, "the key '%s' is a %s, expected a stream",
		               nv_netdox_key_changelog, type->data);
	}
	if (changelog->begun && is_another(changelog, &replies->items[1])) {
		begin_anew(changelog);
		return -EAGAIN;
	}
	r = nv_redis_reply_expect(range, NV_REDIS_ARRAY, address, "XRANGE", err);
	for (size_t i = 0; r == 0 && i < range->count; i++) {
		r = render(changelog, &range->items[backwards ? range->count - 1 - i : i]);
		if (r < 0) {
			(void)nv_fail(err, r == -EPROTO ? EIO : -r,
			              "an entry of the changelog cannot be read");
			r = r == -EPROTO ? -EIO : r;
		}
	}
	return r == 0 && !backwards && range->count == PAGE ? 1 : r;
}

static int make_blob(struct nv_changelog *changelog, int64_t sampled_ms)
{
	char *text;

	if (changelog->blob && changelog->blob->size == changelog->text.len) {
		return 0;
	}
	text = malloc(changelog->text.len + 1);
	if (!text) {
		return -ENOMEM;
	}
	memcpy(text, changelog->text.len ? changelog->text.data : "", changelog->text.len);
	text[changelog->text.len] = '\0';
	nv_blob_unref(steal(&changelog->blob));
	changelog->blob = nv_blob_new(text, changelog->text.len, sampled_ms, NULL, NULL);
	if (!changelog->blob) {
		return -ENOMEM;
	}
	/* The time of its newest entry, which is in the id. */
	changelog->blob->stamped = changelog->begun;
	changelog->blob->mtime = (struct timespec){ (time_t)(changelog->ms / 1000),
		                                    (long)(changelog->ms % 1000) * 1000000 };
	return 0;
}

int nv_changelog_load(struct nv_netdox *netdox, struct nv_blob **ret_blob, struct nv_err *err)
{
	struct nv_changelog *changelog = netdox->changelog;
	int64_t sampled_ms = nv_clock_ms(netdox->clock);
	int tries = 2;
	int r;

	pthread_mutex_lock(&changelog->lock);
	atomic_store(&changelog->broken, false);
	do {
		r = refresh(netdox, err);
	} while (r == 1 || (r == -EAGAIN && --tries > 0));
	if (r == 0) {
		r = make_blob(changelog, sampled_ms);
		if (r < 0) {
			(void)nv_fail(err, -r, "out of memory");
		} else {
			*ret_blob = nv_blob_ref(changelog->blob);
		}
	}
	pthread_mutex_unlock(&changelog->lock);
	return r;
}

static int op_load(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	(void)node;
	return nv_changelog_load(self, ret_blob, err);
}

const struct nv_node_ops nv_netdox_changelog_ops = {
	.name = "netdox changelog",
	.load = op_load,
	.check = nv_write_check,
	.save = nv_write_save,
	.unlink = nv_write_unlink,
};
