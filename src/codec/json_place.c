/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a field stands in a text that was read before. The reader keeps no map of places: it would
 * cost every save what only a refused one needs. So the text is walked again, and may be taken as
 * sound; a text that is not ends the walk, never leaves it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/json_int.h"

/* Passes the string at hand. */
static void skip_string(struct nv_reader *reader)
{
	for (reader->pos++; reader->pos < reader->size; reader->pos++) {
		char byte = reader->text[reader->pos];
		if (byte == '"') {
			reader->pos++;
			return;
		}
		reader->pos += byte == '\\' ? 1 : 0;
	}
	reader->pos = reader->size;
}

/* Passes the value at hand. */
static void skip_value(struct nv_reader *reader)
{
	size_t depth = 0;
	do {
		int found = nv_reader_peek(reader);
		if (found < 0) {
			return;
		}
		if (found == '"') {
			skip_string(reader);
			continue;
		}
		if (found == '{' || found == '[') {
			depth++;
		} else if (found == '}' || found == ']') {
			depth -= depth > 0 ? 1 : 0;
		}
		reader->pos++;
		if (depth == 0 &&
		    strchr("{}[]", found) == NULL) { /* a number or word: to its end */
			while (reader->pos < reader->size &&
			       !strchr(",]}: \t\r\n", reader->text[reader->pos])) {
				reader->pos++;
			}
		}
	} while (depth > 0);
}

/* What of path follows the name; NULL when path does not begin with it. A finished path is "". */
static const char *path_after(const char *path, const char *name, size_t size)
{
	if (strncmp(path, name, size) != 0 || memchr(name, 0, size)) {
		return NULL;
	}
	if (path[size] == '.') {
		return path + size + 1;
	}
	return path[size] == 0 ? path + size : NULL;
}

/* Enters the object at hand: at the value of the field that path begins with, true and *path is the
 * rest. */
static bool enter_object(struct nv_reader *reader, const char **path)
{
	reader->pos++;
	for (bool first = true; nv_reader_peek(reader) == '"'; first = false) {
		nv_buf_truncate(&reader->word, 0);
		if (nv_reader_string(reader, &reader->word) < 0 ||
		    nv_reader_take(reader, ':', "':'") < 0) {
			return false;
		}
		(void)nv_reader_peek(reader);
		const char *rest = path_after(*path, reader->word.data, reader->word.len);
		if (rest) {
			*path = rest;
			return true;
		}
		if (first && nv_form_is(reader->word.data, reader->word.len, "$literal")) {
			return nv_reader_peek(reader) == '{' &&
			       enter_object(reader, path); /* its fields are the object's */
		}
		skip_value(reader);
		if (nv_reader_peek(reader) != ',') {
			return false;
		}
		reader->pos++;
		(void)nv_reader_peek(reader);
	}
	return false;
}

static bool enter_array(struct nv_reader *reader, const char **path)
{
	char *end = NULL;
	if (**path < '0' || **path > '9') {
		return false;
	}
	unsigned long index = strtoul(*path, &end, 10);
	if (*end != '.' && *end != 0) {
		return false;
	}
	reader->pos++;
	if (nv_reader_peek(reader) == ']') {
		return false;
	}
	for (; index > 0; index--) {
		skip_value(reader);
		if (nv_reader_peek(reader) != ',') {
			return false;
		}
		reader->pos++;
	}
	(void)nv_reader_peek(reader);
	*path = *end == '.' ? end + 1 : end;
	return true;
}

bool nv_json_place(const char *text, size_t size, const char *path, size_t *ret_line,
                   size_t *ret_column)
{
	struct nv_reader reader = { .text = text, .size = size, .scanning = true };
	reader.out = &reader.word;
	bool there = true;
	(void)nv_reader_peek(&reader);
	size_t pos = reader.pos;
	for (const char *rest = path; there && *rest;) {
		int found = nv_reader_peek(&reader);
		there = found == '{' ? enter_object(&reader, &rest)
		                     : found == '[' && enter_array(&reader, &rest);
		pos = there ? reader.pos : pos;
	}
	*ret_line = 1;
	*ret_column = 1;
	for (size_t i = 0; i < pos && i < size; i++) {
		*ret_column = text[i] == '\n' ? 1 : *ret_column + 1;
		*ret_line += text[i] == '\n' ? 1 : 0;
	}
	nv_buf_release(&reader.word);
	free(reader.keys);
	return there;
}
