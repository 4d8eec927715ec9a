/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is asked of the reader: a document, a value, what an unfinished text amounts to, and where a
 * field stands.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/json_int.h"

/* Over this size an unfinished text is looked at closely only where it could be whole. */
enum { CLOSE_LOOK_MAX = 64 * 1024 };

static void reader_release(struct nv_reader *reader)
{
	nv_buf_release(&reader->word);
	free(reader->keys);
}

static int read_whole(struct nv_reader *reader, uint8_t *ret_type)
{
	int found = nv_reader_peek(reader);
	if (found < 0) {
		if (!reader->scanning) {
			return nv_reader_stop(reader, reader->pos,
			                      "the text is empty: a document is at least {}");
		}
		return nv_reader_end(reader, "a document");
	}
	size_t start = reader->pos;
	reader->whole = found == '{';
	if (!reader->single && found != '{') {
		return nv_reader_unexpected(reader, "a document, beginning with '{',");
	}
	if (nv_reader_value(reader, ret_type) < 0) {
		return -1;
	}
	reader->closed = true;
	if (!reader->single && *ret_type != BSON_TYPE_DOCUMENT) {
		(void)nv_reader_fault(reader, start,
		                      "a document is an object of fields: this is a single value");
	}
	if (nv_reader_peek(reader) >= 0) {
		return nv_reader_stop(reader, reader->pos,
		                      "there is text after the end of the document");
	}
	return 0;
}

static int parse(struct nv_reader *reader, bson_t **ret_doc)
{
	cleanup_buf struct nv_buf out = NV_BUF_INIT;
	reader->out = &out;
	uint8_t type = 0;
	size_t start = 0;
	if (reader->single) {
		start = nv_raw_begin(&out);
		nv_raw_put_key(&out, 0, "", 0);
	}
	if (read_whole(reader, &type) < 0) {
		return -reader->stopped;
	}
	if (reader->single) {
		nv_raw_end(&out, start);
		if (nv_buf_error(&out) == 0) {
			out.data[4] = (char)type;
		}
	}
	if (reader->faults_count > 0) {
		return -EINVAL;
	}
	return ret_doc ? nv_raw_to_bson(&out, ret_doc) : nv_buf_error(&out);
}

static int parse_text(const char *text, size_t size, unsigned flags, bool single, bson_t **ret_doc,
                      struct nv_faults *faults)
{
	struct nv_reader reader = {
		.text = text, .size = size, .flags = flags, .single = single, .faults = faults
	};
	int r = parse(&reader, ret_doc);
	reader_release(&reader);
	return r;
}

int nv_json_parse(const char *text, size_t size, unsigned flags, bson_t **ret_doc,
                  struct nv_faults *faults)
{
	return parse_text(text, size, flags, false, ret_doc, faults);
}

int nv_json_parse_value(const char *text, size_t size, unsigned flags, bson_t **ret_doc,
                        struct nv_faults *faults)
{
	return parse_text(text, size, flags, true, ret_doc, faults);
}

/* True when the braces of text are balanced outside strings: a document could end here, or
 * something is wrong. A byte loop, far faster than reading. */
static bool may_be_whole(const char *text, size_t size)
{
	size_t end = size;
	while (end > 0 && strchr(" \t\r\n", text[end - 1]) && text[end - 1]) {
		end--;
	}
	if (end == 0 || text[end - 1] != '}') {
		return false;
	}
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < end; i++) {
		char byte = text[i];
		if (in_string) {
			i += byte == '\\' ? 1 : 0;
			in_string = byte != '"';
		} else if (byte == '"') {
			in_string = true;
		} else if (byte == '{') {
			depth++;
		} else if (byte == '}') {
			depth -= depth > 0 ? 1 : 0;
		}
	}
	return depth == 0 && !in_string;
}

enum nv_json_state nv_json_scan(const char *text, size_t size, unsigned flags,
                                struct nv_faults *faults)
{
	if (size > CLOSE_LOOK_MAX && !may_be_whole(text, size)) {
		return NV_JSON_PARTIAL;
	}
	struct nv_reader reader = {
		.text = text, .size = size, .flags = flags, .scanning = true, .faults = faults
	};
	int r = parse(&reader, NULL);
	reader_release(&reader);
	if (r == -ENOMEM) {
		return NV_JSON_NOMEM;
	}
	if (r == 0) {
		return NV_JSON_GOOD;
	}
	if (reader.ended && reader.faults_count == 0) {
		return NV_JSON_PARTIAL;
	}
	return reader.closed && reader.stopped == 0 ? NV_JSON_WRONG : NV_JSON_BROKEN;
}
