/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From what the keys of a file hold to its text, by the codec of its kind.
 */
#include "config.h"

#include "netdox/draft.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/value.h"
#include "netdox/names.h"
#include "netdox/snapshot.h"

void nv_draft_reset(struct nv_draft *draft)
{
	free(draft->broken);
	nv_records_release(&draft->records);
	nv_lines_release(&draft->lines);
	nv_fields_release(&draft->fields);
	nv_data_release(&draft->data);
	nv_lines_release(&draft->claimed);
	*draft = (struct nv_draft){ .open = false };
}

static void format_link(const struct nv_draft *draft, struct nv_buf *text)
{
	static const char prefix[] = "nodes;";
	struct nv_bytes link = draft->body;
	size_t size = sizeof(prefix) - 1;

	if (link.size >= size && memcmp(link.data, prefix, size) == 0) {
		link = (struct nv_bytes){ link.data + size, link.size - size };
	}
	nv_buf_puts(text, "../../../processed/");
	nv_object_component(NV_OBJECT_LINK, &link, text, NULL);
}

static int format_data(struct nv_draft *draft, struct nv_buf *text)
{
	int r = nv_snapshot_data_name(&draft->data, &draft->id);

	if (r < 0) {
		return r;
	}
	nv_data_normalise(&draft->data);
	nv_data_format(&draft->data, text);
	return 0;
}

static int format_draft(struct nv_draft *draft, struct nv_buf *text)
{
	switch (nv_netdox_layouts[draft->kind].codec) {
	case NV_CODEC_VALUE:
		nv_value_format(draft->body.data ? draft->body.data : "", draft->body.size, text);
		return 0;
	case NV_CODEC_LINES:
		nv_lines_sort(&draft->lines);
		nv_lines_format_set(&draft->lines, text);
		return 0;
	case NV_CODEC_RECORDS:
		nv_records_sort(&draft->records);
		nv_records_format(&draft->records, text);
		return 0;
	case NV_CODEC_FIELDS:
		nv_fields_sort(&draft->fields);
		nv_fields_format(&draft->fields, text);
		return 0;
	case NV_CODEC_DATA:
		return format_data(draft, text);
	case NV_CODEC_LINK:
		format_link(draft, text);
		return 0;
	default:
		return -EINVAL;
	}
}

int nv_draft_blob(struct nv_draft *draft, int64_t sampled_ms, struct nv_blob **ret_blob)
{
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_blob *blob;
	size_t size;
	char *bytes;
	int r = format_draft(draft, &text);

	if (r == 0) {
		nv_buf_puts(&text, "");
		r = nv_buf_error(&text);
	}
	if (r < 0) {
		return r;
	}
	bytes = nv_buf_steal(&text, &size);
	if (!bytes) {
		return -ENOMEM;
	}
	blob = nv_blob_new(bytes, size, sampled_ms, NULL, NULL);
	if (!blob) {
		return -ENOMEM;
	}
	blob->stamped = draft->keys > 0 && draft->stamps == draft->keys;
	blob->mtime = draft->newest;
	*ret_blob = blob;
	return 0;
}
