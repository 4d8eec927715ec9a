/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Differences of sets of lines, and the rules for lines that are added: records and maps. Asks no
 * store.
 */
#include "config.h"

#include "netdox/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/lines.h"
#include "netdox/names.h"

void nv_set_changes_release(struct nv_set_changes *changes)
{
	nv_records_release(&changes->added);
	nv_records_release(&changes->removed);
}

int nv_set_parse(const struct nv_layout *layout, const char *text, size_t size,
                 struct nv_records *ret, struct nv_faults *faults)
{
	struct nv_records records cleanup_records = NV_RECORDS_INIT;
	struct nv_lines lines cleanup_lines = NV_LINES_INIT;
	int r;

	if (layout->codec == NV_CODEC_RECORDS) {
		return nv_records_parse(text, size, ret, faults);
	}
	r = nv_lines_parse_set(text, size, &lines, faults);
	for (size_t i = 0; r == 0 && i < lines.count; i++) {
		r = nv_records_add(&records, &lines.items[i].bytes, NULL, NULL,
		                   lines.items[i].line);
	}
	if (r < 0) {
		return r;
	}
	nv_records_sort(&records);
	*ret = records;
	records = (struct nv_records)NV_RECORDS_INIT;
	return 0;
}

static bool is_qualified(const struct nv_bytes *name)
{
	struct nv_bytes network, rest;

	return nv_dns_split(name, &network, &rest) && rest.size > 0;
}

static int add_fault(struct nv_faults *faults, size_t line, const struct nv_err *err)
{
	return nv_faults_add(faults, line, 1, "%s", err->msg);
}

int nv_set_check_line(const struct nv_layout *layout, const struct nv_record *line,
                      size_t line_number, struct nv_faults *faults)
{
	struct nv_err err = NV_ERR_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	int r = 0;

	if (layout->qualified) {
		if (!is_qualified(&line->plugin)) {
			nv_printable(&text, line->plugin.data, line->plugin.size);
			return nv_faults_add(
				faults, line_number, 1,
				"'%s' is not a qualified name: write it as [NETWORK]name, for "
				"example \"[lan]host.example\"",
				text.data ? text.data : "");
		}
		if (nv_new_name_check("name", false, &line->plugin, &err) < 0) {
			r = add_fault(faults, line_number, &err);
		}
		return r;
	}
	if (nv_new_name_check("plugin", true, &line->plugin, &err) < 0) {
		r = add_fault(faults, line_number, &err);
	}
	if (line->type.data && nv_new_name_check("record type", false, &line->type, &err) < 0) {
		r = add_fault(faults, line_number, &err);
	}
	return r;
}

static void fold(struct nv_bytes *type)
{
	for (size_t i = 0; i < type->size; i++) {
		if (type->data[i] >= 'a' && type->data[i] <= 'z') {
			type->data[i] = (char)(type->data[i] - 'a' + 'A');
		}
	}
}

/* Adds one line, folded and qualified, to changes->added. */
static int add_line(const struct nv_layout *layout, const struct nv_record *line,
                    const struct nv_bytes *network, struct nv_set_changes *changes)
{
	struct nv_bytes type cleanup_bytes = NV_BYTES_INIT;
	struct nv_buf value cleanup_buf = NV_BUF_INIT;
	struct nv_bytes of, rest;
	int r;

	if (!line->type.data) {
		return nv_records_add(&changes->added, &line->plugin, NULL, NULL, line->line);
	}
	r = nv_bytes_copy(&type, line->type.data, line->type.size);
	if (r < 0) {
		return r;
	}
	if (layout->fold) {
		fold(&type);
	}
	if (!line->value.data) {
		return nv_records_add(&changes->added, &line->plugin, &type, NULL, line->line);
	}
	if (!layout->qualify || !nv_layout_lists(layout->qualify, type.data, type.size) ||
	    nv_dns_split(&line->value, &of, &rest)) {
		return nv_records_add(&changes->added, &line->plugin, &type, &line->value,
		                      line->line);
	}
	if (!network->data) {
		changes->needs_network = true;
		return nv_records_add(&changes->added, &line->plugin, &type, &line->value,
		                      line->line);
	}
	nv_dns_join(&value, network, &line->value);
	if (nv_buf_error(&value)) {
		return -ENOMEM;
	}
	const struct nv_bytes whole = nv_view(value.data, value.len);
	return nv_records_add(&changes->added, &line->plugin, &type, &whole, line->line);
}

static int by_line(const void *a, const void *b)
{
	const struct nv_record *x = a;
	const struct nv_record *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

/* What will be there: lines of mine that stood in base, and the added ones. */
static int make_result(const struct nv_records *base, const struct nv_records *mine,
                       const struct nv_records *added, struct nv_records *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < mine->count; i++) {
		const struct nv_record *line = &mine->items[i];

		if (nv_records_has(base, &line->plugin, &line->type, &line->value)) {
			r = nv_records_add(ret, &line->plugin, &line->type, &line->value, 0);
		}
	}
	for (size_t i = 0; r == 0 && i < added->count; i++) {
		const struct nv_record *line = &added->items[i];

		r = nv_records_add(ret, &line->plugin, &line->type, &line->value, 0);
	}
	nv_records_sort(ret);
	return r;
}

/* Appends the words of base up to `words` that the result has no more; base is sorted, so equal
 * words stand together. */
static int remove_level(const struct nv_records *base, const struct nv_records *result, int words,
                        struct nv_records *removed)
{
	const struct nv_bytes absent = NV_BYTES_INIT;
	const struct nv_record *last = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < base->count; i++) {
		const struct nv_record *line = &base->items[i];
		const struct nv_bytes *type = words > 1 ? &line->type : &absent;
		const struct nv_bytes *value = words > 2 ? &line->value : &absent;

		if ((words > 1 && !type->data) || (words > 2 && !value->data)) {
			continue;
		}
		if (last && nv_bytes_equal(&last->plugin, &line->plugin) &&
		    (words < 2 || nv_bytes_equal(&last->type, type)) &&
		    (words < 3 || nv_bytes_equal(&last->value, value))) {
			continue;
		}
		last = line;
		if (!nv_records_has(result, &line->plugin, type, value)) {
			r = nv_records_add(removed, &line->plugin, type, value, 0);
		}
	}
	return r;
}

/* The lines of *added that base has not. A line in another spelling than base's is none of them: it
 * would put back what somebody else took out meanwhile. */
static int drop_known(const struct nv_records *base, struct nv_records *added)
{
	struct nv_records kept cleanup_records = NV_RECORDS_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < added->count; i++) {
		const struct nv_record *line = &added->items[i];

		if (!nv_records_has(base, &line->plugin, &line->type, &line->value)) {
			r = nv_records_add(&kept, &line->plugin, &line->type, &line->value,
			                   line->line);
		}
	}
	if (r == 0) {
		const struct nv_records all = *added;

		*added = kept;
		kept = all;
	}
	return r;
}

/* What of base the result has no more, bottom up. */
static int remove_levels(const struct nv_records *base, const struct nv_records *result,
                         struct nv_set_changes *changes)
{
	int r = 0;

	for (int words = 3; r == 0 && words > 0; words--) {
		r = remove_level(base, result, words, &changes->removed);
	}
	return r;
}

int nv_set_diff_verbatim(const struct nv_records *base, const struct nv_records *mine,
                         struct nv_set_changes *ret)
{
	struct nv_set_changes changes cleanup_set_changes = { .needs_network = false };
	int r = 0;

	for (size_t i = 0; r == 0 && i < mine->count; i++) {
		const struct nv_record *line = &mine->items[i];

		r = nv_records_add(&changes.added, &line->plugin, &line->type, &line->value,
		                   line->line);
	}
	if (r == 0) {
		r = remove_levels(base, mine, &changes);
	}
	if (r == 0) {
		*ret = changes;
		changes = (struct nv_set_changes){ .needs_network = false };
	}
	return r;
}

int nv_set_diff(const struct nv_layout *layout, const struct nv_records *base,
                const struct nv_records *mine, const struct nv_bytes *network,
                struct nv_set_changes *ret, struct nv_faults *faults)
{
	struct nv_set_changes changes cleanup_set_changes = { .needs_network = false };
	struct nv_records result cleanup_records = NV_RECORDS_INIT;
	bool bad = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < mine->count; i++) {
		const struct nv_record *line = &mine->items[i];

		if (nv_records_has(base, &line->plugin, &line->type, &line->value)) {
			continue;
		}
		if (nv_set_check_line(layout, line, line->line, faults) < 0) {
			bad = true;
			continue;
		}
		r = add_line(layout, line, network, &changes);
	}
	if (r == 0) {
		r = make_result(base, mine, &changes.added, &result);
	}
	if (r == 0) {
		r = drop_known(base, &changes.added);
	}
	if (r == 0) {
		r = remove_levels(base, &result, &changes);
	}
	if (r < 0) {
		return r;
	}
	if (bad) {
		return -EINVAL;
	}
	if (changes.added.count > 1) {
		qsort(changes.added.items, changes.added.count, sizeof(*changes.added.items),
		      by_line);
	}
	*ret = changes;
	changes = (struct nv_set_changes){ .needs_network = false };
	return 0;
}
