/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies into codec values.
 */
#include "config.h"

#include "netdox/fill.h"

#include <errno.h>
#include <string.h>

int nv_fill_lines(struct nv_lines *lines, const struct nv_redis_reply *items, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		r = nv_lines_add(lines, items[i].data, items[i].size, 0);
	}
	return r;
}

int nv_fill_fields(struct nv_fields *fields, const struct nv_redis_reply *items, size_t count)
{
	int r = count % 2 == 0 ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < count; i += 2) {
		r = nv_fields_add(fields, items[i].data, items[i].size, items[i + 1].data,
		                  items[i + 1].size, 0);
	}
	return r;
}

static int fill_zset(struct nv_zset *zset, const struct nv_redis_reply *items, size_t count)
{
	int r = count % 2 == 0 ? 0 : -EPROTO;

	for (size_t i = 0; r == 0 && i < count; i += 2) {
		double score;

		if (!nv_score_parse(items[i + 1].data, items[i + 1].size, &score)) {
			return -EPROTO;
		}
		r = nv_zset_add(zset, score, items[i].data, items[i].size, 0);
	}
	return r;
}

int nv_fill_entry(struct nv_stream *stream, const struct nv_redis_reply *id,
                  const struct nv_redis_reply *texts, size_t count)
{
	struct nv_stream_entry *entry;
	uint64_t ms, seq;
	int r = count % 2 == 0 ? 0 : -EPROTO;

	if (r < 0 || !nv_stream_id_parse(id->data, id->size, &ms, &seq)) {
		return -EPROTO;
	}
	entry = nv_stream_add(stream, ms, seq, 0);
	if (!entry) {
		return -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < count; i += 2) {
		r = nv_fields_add(&entry->fields, texts[i].data, texts[i].size, texts[i + 1].data,
		                  texts[i + 1].size, 0);
	}
	return r;
}

static int fill_stream(struct nv_stream *stream, const struct nv_redis_reply *items, size_t count)
{
	for (size_t i = 0; i < count;) {
		long long texts;
		int r;

		if (count - i < 2 || !nv_redis_reply_integer(&items[i + 1], &texts) || texts < 0 ||
		    (unsigned long long)texts > count - i - 2) {
			return -EPROTO;
		}
		r = nv_fill_entry(stream, &items[i], items + i + 2, (size_t)texts);
		if (r < 0) {
			return r;
		}
		i += 2 + (size_t)texts;
	}
	return 0;
}

int nv_fill_data(struct nv_data *data, const char *type, const struct nv_redis_reply *items,
                 size_t count)
{
	if (!nv_data_type_parse(type, strlen(type), &data->type)) {
		return -EPROTO;
	}
	switch (data->type) {
	case NV_DATA_STRING:
		return count == 1 ? nv_bytes_copy(&data->string, items[0].data, items[0].size)
		                  : -EPROTO;
	case NV_DATA_LIST:
	case NV_DATA_SET:
		return nv_fill_lines(&data->rows, items, count);
	case NV_DATA_HASH:
		return nv_fill_fields(&data->fields, items, count);
	case NV_DATA_ZSET:
		return fill_zset(&data->zset, items, count);
	case NV_DATA_STREAM:
		return fill_stream(&data->stream, items, count);
	default:
		return 0;
	}
}
