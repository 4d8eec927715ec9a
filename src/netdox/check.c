/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be said of a text while it is written, without asking the store.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/data.h"
#include "codec/fields.h"
#include "codec/lines.h"
#include "codec/records.h"
#include "codec/stream.h"
#include "codec/value.h"
#include "netdox/names.h"
#include "netdox/write.h"

static size_t count_lines(const char *text, size_t size)
{
	size_t count = 0;

	for (const char *at = text; (at = memchr(at, '\n', size - (size_t)(at - text))); at++) {
		count++;
	}
	return count;
}

/* Rules for added lines. The base is read only when a line breaks one: what stood there before
 * may stay. */
static int check_lines(const struct nv_layout *layout, const struct nv_blob *base, const char *text,
                       size_t size, size_t from, bool whole, struct nv_faults *faults)
{
	struct nv_records lines cleanup_records = NV_RECORDS_INIT;
	struct nv_records known cleanup_records = NV_RECORDS_INIT;
	size_t end = size;
	int r;

	while (!whole && end > from && text[end - 1] != '\n') {
		end--;
	}
	r = nv_set_parse(layout, text + from, end - from, &lines, NULL);
	if (r < 0) {
		return r == -EINVAL ? 0 : r; /* its faults were found by the syntax check */
	}
	bool know = false;
	for (size_t i = 0; r == 0 && i < lines.count; i++) {
		const struct nv_record *line = &lines.items[i];

		if (nv_set_check_line(layout, line, 0, NULL) == 0) {
			continue;
		}
		if (!know && base) {
			r = nv_set_parse(layout, base->text, base->size, &known, NULL);
		}
		know = true;
		if (r == 0 && !nv_records_has(&known, &line->plugin, &line->type, &line->value)) {
			(void)nv_set_check_line(layout, line, count_lines(text, from) + line->line,
			                        faults);
		}
	}
	return r;
}

/* A network's name that is wrong so far stays wrong, whatever follows. The stored one may stand. */
static int check_value(const struct nv_layout *layout, const struct nv_blob *base, const char *text,
                       size_t size, bool whole, struct nv_faults *faults)
{
	size_t value_size;
	int r = whole ? nv_value_parse(text, size, &value_size, faults) : 0;

	if (r < 0 || !layout->network || size == 0) {
		return r;
	}
	if (base && size <= base->size && memcmp(base->text, text, size) == 0) {
		return 0;
	}
	if (nv_network_is_valid(text, text[size - 1] == '\n' ? size - 1 : size)) {
		return 0;
	}
	return nv_faults_add(faults, 1, 1,
	                     "the name of a network is of A-Z a-z 0-9 _ - and not empty");
}

/* The rules of levels judge the lines that are added, where there are any. */
static int check_text(const struct nv_layout *layout, const struct nv_blob *base, const char *text,
                      size_t size, size_t from, bool whole, struct nv_faults *faults)
{
	bool rules = layout->levels[0].key;
	int r;

	switch (layout->codec) {
	case NV_CODEC_RECORDS:
		r = nv_records_check(text, size, from, whole, faults);
		break;
	case NV_CODEC_LINES:
		r = nv_lines_check(text, size, from, whole, faults);
		break;
	case NV_CODEC_FIELDS:
		return nv_fields_check(text, size, from, whole, faults);
	case NV_CODEC_DATA:
		return nv_data_check(text, size, from, whole, faults);
	case NV_CODEC_VALUE:
		return check_value(layout, base, text, size, whole, faults);
	case NV_CODEC_CHANGELOG:
		return nv_stream_check(text, size, from, whole, faults);
	default:
		return 0;
	}
	return r < 0 || !rules ? r : check_lines(layout, base, text, size, from, whole, faults);
}

int nv_write_check(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob *base, const char *text, size_t size, size_t from,
                   enum nv_check how, struct nv_err *err)
{
	const struct nv_netdox *netdox = self;
	const struct nv_layout *layout = &nv_netdox_layouts[node->row->kind];
	struct nv_layout verbatim = { .codec = layout->codec };

	if (netdox->mode == NV_MOUNT_RESTORE && how == NV_CHECK_WHOLE) {
		int incomplete = nv_restore_check(text, size, call->faults, err);

		if (incomplete < 0) {
			return incomplete;
		}
	}
	int r = check_text(netdox->mode == NV_MOUNT_RESTORE ? &verbatim : layout, base, text, size,
	                   from, how == NV_CHECK_WHOLE, call->faults);

	if (r == -ENOMEM) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return r < 0 || nv_faults_any(call->faults)
	               ? nv_fail(err, EINVAL, "the text cannot be stored")
	               : 0;
}
