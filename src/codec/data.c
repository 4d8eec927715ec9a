/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/data.h"

#include <errno.h>
#include <string.h>

#include "codec/atom.h"
#include "codec/body.h"
#include "codec/scan.h"
#include "codec/value.h"

static const char *const type_names[NV_DATA_TYPE_COUNT] = {
	[NV_DATA_NONE] = "none",     [NV_DATA_STRING] = "string", [NV_DATA_LIST] = "list",
	[NV_DATA_HASH] = "hash",     [NV_DATA_SET] = "set",       [NV_DATA_ZSET] = "zset",
	[NV_DATA_STREAM] = "stream",
};

/* The order in which a person wants to read the details. */
static const char *const details_first[] = {
	"type", "plugin", "title", "list_title", "item_title", "content_type",
};

#define DETAILS_FIRST_COUNT (sizeof(details_first) / sizeof(details_first[0]))

static void release_body(struct nv_data *data)
{
	nv_bytes_release(&data->string);
	nv_lines_release(&data->rows);
	nv_fields_release(&data->fields);
	nv_zset_release(&data->zset);
	nv_stream_release(&data->stream);
}

void nv_data_release(struct nv_data *data)
{
	release_body(data);
	nv_bytes_release(&data->name);
	nv_fields_release(&data->details);
	*data = (struct nv_data)NV_DATA_INIT;
}

const char *nv_data_type_name(enum nv_data_type type)
{
	return type_names[type];
}

bool nv_data_type_parse(const char *text, size_t size, enum nv_data_type *ret_type)
{
	for (int type = 0; type < NV_DATA_TYPE_COUNT; type++) {
		if (strlen(type_names[type]) == size && memcmp(type_names[type], text, size) == 0) {
			*ret_type = (enum nv_data_type)type;
			return true;
		}
	}
	return false;
}

/* The type that the field `type` of the (sorted) details says. False when it says none we know. */
static bool details_type(const struct nv_fields *details, enum nv_data_type *ret_type)
{
	const struct nv_field *field = nv_fields_find(details, "type", strlen("type"));

	return field && nv_data_type_parse(field->value.data, field->value.size, ret_type);
}

void nv_data_normalise(struct nv_data *data)
{
	enum nv_data_type said;

	nv_fields_sort(&data->details);
	nv_fields_sort(&data->fields);
	nv_zset_sort(&data->zset);
	nv_stream_sort(&data->stream);
	if (data->type == NV_DATA_SET) {
		nv_lines_sort(&data->rows);
	}
	if (data->type == NV_DATA_NONE && details_type(&data->details, &said) &&
	    (said == NV_DATA_LIST || said == NV_DATA_HASH)) {
		data->type = said;
	}
}

bool nv_data_is_empty(const struct nv_data *data)
{
	switch (data->type) {
	case NV_DATA_STRING:
		return false;
	case NV_DATA_LIST:
	case NV_DATA_SET:
		return data->rows.count == 0;
	case NV_DATA_HASH:
		return data->fields.count == 0;
	case NV_DATA_ZSET:
		return data->zset.count == 0;
	case NV_DATA_STREAM:
		return data->stream.count == 0;
	default:
		return true;
	}
}

bool nv_data_equal(const struct nv_data *a, const struct nv_data *b)
{
	return a->type == b->type && nv_bytes_equal(&a->name, &b->name) &&
	       nv_fields_equal(&a->details, &b->details) &&
	       nv_bytes_equal(&a->string, &b->string) && nv_lines_equal(&a->rows, &b->rows) &&
	       nv_fields_equal(&a->fields, &b->fields) && nv_zset_equal(&a->zset, &b->zset) &&
	       nv_stream_equal(&a->stream, &b->stream);
}

static void format_header(const struct nv_data *data, struct nv_buf *out)
{
	enum nv_data_type said;

	nv_buf_puts(out, "---");
	if (data->name.data || !details_type(&data->details, &said) || said != data->type) {
		nv_buf_printf(out, " %s", nv_data_type_name(data->type));
	}
	if (data->name.data) {
		nv_buf_putc(out, ' ');
		nv_atom_format(out, NV_ATOM_WORD, data->name.data, data->name.size);
	}
	nv_buf_putc(out, '\n');
}

void nv_data_format(const struct nv_data *data, struct nv_buf *out)
{
	format_header(data, out);
	nv_fields_format_first(&data->details, details_first, DETAILS_FIRST_COUNT, out);
	nv_buf_puts(out, "---\n");
	switch (data->type) {
	case NV_DATA_STRING:
		nv_value_format(data->string.data ? data->string.data : "", data->string.size, out);
		break;
	case NV_DATA_LIST:
		nv_lines_format_list(&data->rows, out);
		break;
	case NV_DATA_HASH:
		nv_fields_format(&data->fields, out);
		break;
	case NV_DATA_SET:
		nv_lines_format_set(&data->rows, out);
		break;
	case NV_DATA_ZSET:
		nv_zset_format(&data->zset, out);
		break;
	case NV_DATA_STREAM:
		nv_stream_format(&data->stream, out);
		break;
	case NV_DATA_NONE:
	case NV_DATA_TYPE_COUNT:
		break;
	}
}

static bool is_rule(const struct nv_scan_line *line)
{
	return nv_scan_word(line->text, line->size) == 3 && memcmp(line->text, "---", 3) == 0;
}

/* The rest of the line from `at` on, blanks skipped. */
static struct nv_scan_line rest_of(const struct nv_scan_line *line, size_t at)
{
	at += nv_scan_blanks(line->text + at, line->size - at);
	return (struct nv_scan_line){ line->text + at, line->size - at, line->line,
		                      line->column + at };
}

/* Reads the WORD of the header, and that nothing follows. */
static int read_name(struct nv_scan *scan, const struct nv_scan_line *words, struct nv_data *data)
{
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	size_t size = nv_scan_word(words->text, words->size);
	int status = nv_atom_parse(&name, NV_ATOM_WORD, words->text, size, words->line,
	                           words->column, scan->faults);

	if (nv_buf_error(&name) != 0) {
		return scan->status = -ENOMEM;
	}
	if (size < words->size) {
		status = nv_scan_fault(
			scan, words, size + nv_scan_blanks(words->text + size, words->size - size),
			"text after the full name: the header is --- TYPE NAME, "
			"a blank in the name is \\x20");
	}
	if (status == 0) {
		status = nv_bytes_copy(&data->name, name.data ? name.data : "", name.len);
	}
	scan->status = status ? status : scan->status;
	return status;
}

/* Reads '---' [' ' TYPE [' ' WORD]]. *ret_said: TYPE was there (and good). */
static int read_header(struct nv_scan *scan, struct nv_data *data, bool *ret_said)
{
	struct nv_scan_line line;
	struct nv_scan_line words;
	size_t size;

	*ret_said = false;
	if (!nv_scan_next(scan, &line)) {
		if (scan->whole && scan->status == 0) {
			scan->status =
				nv_faults_add(scan->faults, 1, 1,
			                      "the file is empty: it begins with a line ---, "
			                      "then the details, then a line ---, then the data");
		}
		return scan->status;
	}
	if (!is_rule(&line)) {
		return nv_scan_fault(scan, &line, 0,
		                     "the first line is --- [TYPE], then come the "
		                     "details and another line ---");
	}
	data->header_line = line.line;
	words = rest_of(&line, 3);
	if (words.size == 0) {
		return 0;
	}
	size = nv_scan_word(words.text, words.size);
	data->header_type_column = words.column;
	*ret_said = nv_data_type_parse(words.text, size, &data->type);
	if (!*ret_said) {
		nv_scan_fault(scan, &words, 0,
		              "not a type of data: it is string, list or hash "
		              "(stored ones also set, zset, stream, none)");
	}
	words = rest_of(&words, size);
	return words.size == 0 ? scan->status : read_name(scan, &words, data);
}

/* Reads the details up to the second ---. *ret_closed: it was there. */
static int read_details(struct nv_scan *scan, struct nv_data *data, bool *ret_closed)
{
	cleanup_buf struct nv_buf scratch = NV_BUF_INIT;
	struct nv_scan_line line;

	*ret_closed = false;
	while (scan->status != -ENOMEM && nv_scan_next(scan, &line)) {
		/* The whole line: a key may begin with --- and a blank, but no field is without
		 * ':'. */
		if (line.size == 3 && is_rule(&line)) {
			*ret_closed = true;
			break;
		}
		/* The scan keeps the status. */
		(void)nv_fields_read_line(scan, &line, &scratch, &data->details);
	}
	if (!*ret_closed && scan->whole && scan->status != -ENOMEM) {
		scan->status = nv_faults_add(scan->faults, scan->line, 1,
		                             "the second line --- is missing: it stands between "
		                             "the details and the data");
	}
	nv_fields_sort(&data->details);
	return scan->status;
}

static int read_string(struct nv_scan *scan, struct nv_data *data)
{
	const char *text = scan->text + scan->pos;
	size_t size = scan->size - scan->pos;
	int status;

	if (!scan->whole) {
		return scan->status;
	}
	if (size == 0) {
		return scan->status = nv_faults_add(scan->faults, scan->line, 1,
		                                    "the data is missing after the second ---: an "
		                                    "empty string is one empty line");
	}
	status = nv_value_parse(text, size, &size, scan->faults);
	if (status == 0 && data) {
		status = nv_bytes_copy(&data->string, text, size);
	}
	scan->status = status ? status : scan->status;
	return scan->status;
}

static int read_nothing(struct nv_scan *scan)
{
	struct nv_scan_line line;

	if (nv_scan_next(scan, &line)) {
		nv_scan_fault(scan, &line, 0, "data after the second ---, but the type is none");
	}
	return scan->status;
}

/* Reads the body; ret NULL: judges only. */
static int read_body(struct nv_scan *scan, enum nv_data_type type, struct nv_data *ret)
{
	switch (type) {
	case NV_DATA_STRING:
		return read_string(scan, ret);
	case NV_DATA_LIST:
	case NV_DATA_SET:
		return nv_lines_read(scan, ret ? &ret->rows : NULL);
	case NV_DATA_HASH:
		return nv_fields_read(scan, ret ? &ret->fields : NULL);
	case NV_DATA_ZSET:
		return nv_zset_read(scan, ret ? &ret->zset : NULL);
	case NV_DATA_STREAM:
		(void)nv_stream_read(scan, ret ? &ret->stream : NULL); /* the scan keeps it */
		return ret ? nv_stream_settle(scan, &ret->stream) : scan->status;
	default:
		return read_nothing(scan);
	}
}

/* Reads header and details; *ret_body: the body's type is known, and can be read. */
static int read_head(struct nv_scan *scan, struct nv_data *data, bool *ret_body)
{
	bool said;
	bool closed;

	*ret_body = false;
	if (read_header(scan, data, &said) == -ENOMEM || data->header_line == 0) {
		return scan->status;
	}
	if (read_details(scan, data, &closed) == -ENOMEM || !closed) {
		return scan->status;
	}
	if (!said && data->header_type_column == 0) {
		said = details_type(&data->details, &data->type);
		if (!said) {
			scan->status = nv_faults_add(scan->faults, data->header_line, 4,
			                             "the type is missing: write \"type: string\" "
			                             "(or list, hash) as a detail, or --- string");
		}
	}
	*ret_body = said;
	return scan->status;
}

int nv_data_parse(const char *text, size_t size, struct nv_data *ret, struct nv_faults *faults)
{
	cleanup_data struct nv_data data = NV_DATA_INIT;
	struct nv_scan scan;
	bool body;

	nv_scan_init(&scan, text, size, 0, true, faults);
	if (read_head(&scan, &data, &body) != -ENOMEM && body) {
		(void)read_body(&scan, data.type, &data); /* the scan keeps it */
	}
	if (scan.status != 0) {
		return scan.status;
	}
	nv_data_normalise(&data);
	*ret = data;
	data = (struct nv_data)NV_DATA_INIT;
	return 0;
}

int nv_data_check(const char *text, size_t size, size_t from, bool whole, struct nv_faults *faults)
{
	cleanup_data struct nv_data data = NV_DATA_INIT;
	struct nv_scan scan;
	bool body;

	if (whole) {
		return nv_data_parse(text, size, &data, faults);
	}
	nv_scan_init(&scan, text, size, 0, false, faults);
	if (read_head(&scan, &data, &body) != -ENOMEM && body) {
		nv_scan_skip(&scan, from);
		(void)read_body(&scan, data.type, NULL); /* the scan keeps it */
	}
	return scan.status;
}
