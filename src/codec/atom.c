/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/atom.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"

static bool is_control(char byte)
{
	return (unsigned char)byte < 0x20 || byte == 0x7F;
}

/* True for a byte that is written as it is wherever it stands. */
static bool is_ordinary(char byte)
{
	return byte > ' ' && byte < 0x7F && byte != '\\' && byte != ':';
}

static void put_hex(struct nv_buf *out, char byte)
{
	static const char digits[] = "0123456789ABCDEF";
	char text[4] = { '\\', 'x', digits[(unsigned char)byte >> 4],
		         digits[(unsigned char)byte & 0xF] };

	nv_buf_append(out, text, sizeof(text));
}

/* Appends the blank or colon at data[i]. */
static void put_punctuation(struct nv_buf *out, enum nv_atom_kind kind, const char *data,
                            size_t size, size_t i)
{
	bool at_end = i + 1 == size;

	if (data[i] == ' ' && (kind == NV_ATOM_WORD || i == 0 || at_end)) {
		put_hex(out, ' ');
	} else if (data[i] == ':' && kind == NV_ATOM_KEY && (at_end || data[i + 1] == ' ')) {
		nv_buf_puts(out, "\\:");
	} else {
		nv_buf_putc(out, data[i]);
	}
}

/* Appends what stands at data[i], which is not ordinary. Returns its bytes. */
static size_t put_special(struct nv_buf *out, enum nv_atom_kind kind, const char *data, size_t size,
                          size_t i)
{
	size_t length = nv_utf8_char(data + i, size - i);

	/* At the start of a text it would be taken for a byte order mark, and refused. */
	if (length == 3 && i == 0 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
		nv_buf_puts(out, "\\xEF\\xBB\\xBF");
		return length;
	}
	if (length > 1) {
		nv_buf_append(out, data + i, length);
		return length;
	}
	if (data[i] == '\\') {
		nv_buf_puts(out, "\\\\");
	} else if (data[i] == '\n') {
		nv_buf_puts(out, "\\n");
	} else if (data[i] == '\t') {
		nv_buf_puts(out, "\\t");
	} else if (length == 0 || is_control(data[i])) {
		put_hex(out, data[i]);
	} else {
		put_punctuation(out, kind, data, size, i);
	}
	return 1;
}

void nv_atom_format(struct nv_buf *out, enum nv_atom_kind kind, const char *data, size_t size)
{
	size_t i = 0;

	if (size == 0) {
		nv_buf_puts(out, "\\e");
		return;
	}
	while (i < size) {
		size_t start = i;

		while (i < size && is_ordinary(data[i])) {
			i++;
		}
		nv_buf_append(out, data + start, i - start);
		if (i < size) {
			i += put_special(out, kind, data, size, i);
		}
	}
}

/* Where an atom is being read. */
struct atom {
	struct nv_buf *out;
	enum nv_atom_kind kind;
	const char *text;
	size_t size;
	size_t line;
	size_t column;
	struct nv_faults *faults;
	int status;
};

#define atom_fault(atom, at, ...)                                                                  \
	((atom)->status =                                                                          \
	         nv_faults_add((atom)->faults, (atom)->line, (atom)->column + (at), __VA_ARGS__))

/* A backslash that begins no escape. Returns the bytes to go on after. */
static size_t bad_escape(struct atom *atom, size_t i)
{
	char next = i + 1 < atom->size ? atom->text[i + 1] : '\0';

	if (i + 1 == atom->size) {
		atom_fault(atom, i,
		           "a backslash ends the text: a backslash itself is written \\\\");
		return 1;
	}
	if (next == 'x') {
		atom_fault(atom, i,
		           "\\x needs two hexadecimal digits, as in \\x0D "
		           "(a backslash itself is written \\\\)");
	} else if (next == 'e') {
		atom_fault(atom, i,
		           "\\e is the empty text and stands alone "
		           "(a backslash itself is written \\\\)");
	} else if (next == ':') {
		atom_fault(atom, i, "\\: is an escape of keys only: write ':' here");
	} else if (is_control(next) || (unsigned char)next >= 0x80) {
		atom_fault(atom, i, "no such escape: a backslash itself is written \\\\");
		return 1;
	} else {
		atom_fault(atom, i,
		           "\\%c is no escape: there are \\\\ \\n \\t \\e \\xHH%s "
		           "(a backslash itself is written \\\\)",
		           next, atom->kind == NV_ATOM_KEY ? " \\:" : "");
	}
	return 2;
}

/* Undoes the escape at text[i]. Returns its bytes. */
static size_t read_escape(struct atom *atom, size_t i)
{
	char next = i + 1 < atom->size ? atom->text[i + 1] : '\0';
	int high = i + 2 < atom->size ? nv_hex_digit(atom->text[i + 2]) : -1;
	int low = i + 3 < atom->size ? nv_hex_digit(atom->text[i + 3]) : -1;

	if (next == '\\') {
		nv_buf_putc(atom->out, '\\');
	} else if (next == 'n') {
		nv_buf_putc(atom->out, '\n');
	} else if (next == 't') {
		nv_buf_putc(atom->out, '\t');
	} else if (next == ':' && atom->kind == NV_ATOM_KEY) {
		nv_buf_putc(atom->out, ':');
	} else if (next == 'e' && atom->size == 2) {
		return 2;
	} else if (next == 'x' && high >= 0 && low >= 0) {
		nv_buf_putc(atom->out, (char)(high << 4 | low));
		return 4;
	} else {
		return bad_escape(atom, i);
	}
	return 2;
}

/* Reads what is not ASCII at text[i]. Returns its bytes. */
static size_t read_beyond_ascii(struct atom *atom, size_t i)
{
	size_t length = nv_utf8_char(atom->text + i, atom->size - i);

	if (length > 0) {
		nv_buf_append(atom->out, atom->text + i, length);
		return length;
	}
	atom_fault(atom, i,
	           "byte 0x%02X is not UTF-8: Latin-1 text? (the byte itself is written \\x%02X)",
	           (unsigned char)atom->text[i], (unsigned char)atom->text[i]);
	/* One fault for the whole run: the bytes after a bad one say nothing new. */
	length = 1;
	while (i + length < atom->size && (unsigned char)atom->text[i + length] >= 0x80) {
		length++;
	}
	return length;
}

int nv_atom_parse(struct nv_buf *out, enum nv_atom_kind kind, const char *text, size_t size,
                  size_t line, size_t column, struct nv_faults *faults)
{
	struct atom atom = {
		.out = out,
		.kind = kind,
		.text = text,
		.size = size,
		.line = line,
		.column = column,
		.faults = faults,
	};

	if (size == 0) {
		return atom_fault(&atom, 0, "nothing stands here: the empty text is written \\e");
	}
	for (size_t i = 0; i < size;) {
		unsigned char byte = (unsigned char)text[i];
		size_t plain = i;

		if (byte == '\\') {
			i += read_escape(&atom, i);
		} else if (byte >= 0x80) {
			i += read_beyond_ascii(&atom, i);
		} else if (is_control(text[i]) && byte != '\t') {
			atom_fault(&atom, i, "control byte 0x%02X%s: it is written \\x%02X", byte,
			           byte == '\r' ? " (DOS line ends?)" : "", byte);
			i++;
		} else {
			while (i < size && (unsigned char)text[i] < 0x80 && text[i] != '\\' &&
			       (!is_control(text[i]) || text[i] == '\t')) {
				i++;
			}
			nv_buf_append(out, text + plain, i - plain);
		}
	}
	return atom.status;
}
