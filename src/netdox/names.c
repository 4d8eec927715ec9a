/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the model: checks, splits and path components. Asks no store.
 */
#include "config.h"

#include "netdox/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/lines.h"
#include "node/name.h"

bool nv_network_is_valid(const char *name, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = name[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '_' && c != '-') {
			return false;
		}
	}
	return size > 0;
}

bool nv_dns_split(const struct nv_bytes *member, struct nv_bytes *ret_network,
                  struct nv_bytes *ret_name)
{
	const char *end;
	size_t size;

	if (member->size < 3 || member->data[0] != '[') {
		return false;
	}
	end = memchr(member->data, ']', member->size);
	if (!end) {
		return false;
	}
	size = (size_t)(end - member->data) - 1;
	if (!nv_network_is_valid(member->data + 1, size)) {
		return false;
	}
	*ret_network = (struct nv_bytes){ member->data + 1, size };
	*ret_name = (struct nv_bytes){ member->data + size + 2, member->size - size - 2 };
	return true;
}

void nv_dns_join(struct nv_buf *out, const struct nv_bytes *network, const struct nv_bytes *name)
{
	if (network->size > 0) {
		nv_buf_putc(out, '[');
		nv_buf_append(out, network->data, network->size);
		nv_buf_putc(out, ']');
	}
	nv_buf_append(out, name->data, name->size);
}

struct nv_bytes nv_node_plugin(const struct nv_bytes *id)
{
	const char *last = id->size > 0 ? memrchr(id->data, ';', id->size) : NULL;

	if (!last) {
		return *id;
	}
	return (struct nv_bytes){ id->data + (last + 1 - id->data),
		                  id->size - (size_t)(last + 1 - id->data) };
}

void nv_printable(struct nv_buf *out, const char *data, size_t size)
{
	size_t start = out->len;

	for (size_t i = 0; i < size;) {
		size_t length = nv_utf8_char(data + i, size - i);

		if (out->len - start > 116) {
			nv_buf_puts(out, "…");
			return;
		}
		if (length > 1 || (length == 1 && isprint((unsigned char)data[i]))) {
			nv_buf_append(out, data + i, length);
			i += length;
		} else {
			nv_buf_printf(out, "\\x%02X", (unsigned)(unsigned char)data[i++]);
		}
	}
}

int nv_new_name_check(const char *noun, bool is_plugin, const struct nv_bytes *name,
                      struct nv_err *err)
{
	if (name->size == 0) {
		return nv_fail(err, EINVAL, "the %s is empty", noun);
	}
	if (memchr(name->data, ';', name->size)) {
		return nv_fail(err, EINVAL,
		               "a ';' is not allowed in the %s: keys are built with it", noun);
	}
	if (is_plugin && nv_layout_is_reserved(name)) {
		return nv_fail(
			err, EINVAL,
			"a plugin cannot be named '%s': its keys would be those of another set",
			name->data);
	}
	return 0;
}

/* Splits a node id's names (all but its last part) into *names; false when one of them is not
 * qualified: *ret_bad. */
static bool split_node_names(const struct nv_bytes *id, size_t names_size, struct nv_lines *names,
                             struct nv_bytes *ret_bad, int *ret_error)
{
	for (size_t start = 0; start <= names_size;) {
		const char *at = id->data + start;
		const char *end = memchr(at, ';', names_size - start);
		struct nv_bytes name = { id->data + start,
			                 end ? (size_t)(end - at) : names_size - start };
		struct nv_bytes network, rest;

		if (!nv_dns_split(&name, &network, &rest) || rest.size == 0) {
			*ret_bad = name;
			return false;
		}
		*ret_error = nv_lines_add(names, name.data, name.size, 0);
		if (*ret_error < 0) {
			return true;
		}
		start += name.size + 1;
	}
	return true;
}

int nv_node_id_check(const struct nv_bytes *id, struct nv_err *err)
{
	struct nv_bytes plugin = nv_node_plugin(id);
	struct nv_lines names cleanup_lines = NV_LINES_INIT;
	struct nv_buf text cleanup_buf = NV_BUF_INIT;
	struct nv_bytes bad = NV_BYTES_INIT;
	int r = 0;

	if (plugin.size == id->size) {
		return nv_fail(err, EINVAL,
		               "a node id is its DNS names and its plugin, for example "
		               "\"[lan]host;scan\"");
	}
	r = nv_new_name_check("plugin (the last part of a node id)", true, &plugin, err);
	if (r < 0) {
		return r;
	}
	if (!split_node_names(id, id->size - plugin.size - 1, &names, &bad, &r)) {
		nv_printable(&text, bad.data, bad.size);
		return nv_fail(err, EINVAL,
		               "'%s' is not a qualified name like \"[lan]host\", as all parts "
		               "of a node id but the last are",
		               nv_buf_error(&text) || !text.data ? "" : text.data);
	}
	if (r < 0) {
		return nv_fail(err, -r, "out of memory");
	}
	nv_lines_sort(&names);
	for (size_t i = 0; i < names.count; i++) {
		nv_buf_append(&text, names.items[i].bytes.data, names.items[i].bytes.size);
		nv_buf_putc(&text, ';');
	}
	nv_buf_append(&text, plugin.data, plugin.size);
	if (nv_buf_error(&text)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (nv_bytes_compare(text.data, text.len, id->data, id->size) != 0) {
		return nv_fail(err, EINVAL,
		               "the names of a node id are sorted and unique: \"%.180s\"",
		               text.data);
	}
	return 0;
}

struct nv_bytes nv_object_name(enum nv_object object, const struct nv_bytes *id)
{
	struct nv_bytes network, name;

	if (object == NV_OBJECT_NAME && nv_dns_split(id, &network, &name)) {
		return name;
	}
	return *id;
}

void nv_object_component(enum nv_object object, const struct nv_bytes *id, struct nv_buf *out,
                         bool *ret_cut)
{
	struct nv_bytes name = nv_object_name(object, id);

	/* dns/NETWORK/id is the network's own name, where that is cut. */
	if (object == NV_OBJECT_NAME && nv_bytes_is(&name, "id")) {
		nv_buf_puts(out, "%69d");
		if (ret_cut) {
			*ret_cut = false;
		}
		return;
	}
	nv_name_encode(out, name.data, name.size, "", 0, ret_cut);
}

int nv_object_is_whole(enum nv_object object, const struct nv_bytes *id)
{
	struct nv_buf component cleanup_buf = NV_BUF_INIT;
	struct nv_bytes network, name;
	bool cut = false;

	if (id->size <= NV_NAME_CUT / 3) {
		return 1; /* an escape makes three bytes of one at most */
	}
	nv_object_component(object, id, &component, &cut);
	if (!cut && object == NV_OBJECT_NAME && nv_dns_split(id, &network, &name)) {
		nv_buf_truncate(&component, 0);
		nv_name_encode(&component, network.data, network.size, "", 0, &cut);
	}
	return nv_buf_error(&component) ? -ENOMEM : !cut;
}

void nv_file_component(const struct nv_bytes *id, struct nv_buf *out, bool *ret_cut)
{
	nv_name_encode(out, id->data, id->size, "", NV_NAME_ANYNAME, ret_cut);
}

/* Reads exactly `digits` decimal digits. */
static bool read_number(const char **at, const char *end, int digits, int *ret)
{
	int value = 0;

	for (int i = 0; i < digits; i++, (*at)++) {
		if (*at >= end || **at < '0' || **at > '9') {
			return false;
		}
		value = value * 10 + (**at - '0');
	}
	*ret = value;
	return true;
}

static bool read_mark(const char **at, const char *end, const char *marks)
{
	if (*at < end && **at != '\0' && strchr(marks, **at)) {
		(*at)++;
		return true;
	}
	return false;
}

/* The zone at the end of a time, as seconds east of UTC. */
static bool read_zone(const char *at, const char *end, long *ret_seconds)
{
	int hours, minutes = 0;
	bool west;

	*ret_seconds = 0;
	if (at == end || (end - at == 1 && (*at == 'Z' || *at == 'z'))) {
		return true;
	}
	if (*at != '+' && *at != '-') {
		return false;
	}
	west = *at++ == '-';
	if (!read_number(&at, end, 2, &hours)) {
		return false;
	}
	if (at < end) {
		(void)read_mark(&at, end, ":"); /* both +0100 and +01:00 are written */
		if (!read_number(&at, end, 2, &minutes)) {
			return false;
		}
	}
	*ret_seconds = (hours * 60L + minutes) * 60 * (west ? -1 : 1);
	return at == end;
}

bool nv_stamp_parse(const char *text, size_t size, struct timespec *ret_time)
{
	const char *at = text;
	const char *end = text + size;
	struct tm tm = { .tm_isdst = 0 };
	long nsec = 0;
	long zone;

	if (!read_number(&at, end, 4, &tm.tm_year) || !read_mark(&at, end, "-") ||
	    !read_number(&at, end, 2, &tm.tm_mon) || !read_mark(&at, end, "-") ||
	    !read_number(&at, end, 2, &tm.tm_mday) || !read_mark(&at, end, "Tt ") ||
	    !read_number(&at, end, 2, &tm.tm_hour) || !read_mark(&at, end, ":") ||
	    !read_number(&at, end, 2, &tm.tm_min)) {
		return false;
	}
	if (read_mark(&at, end, ":") && !read_number(&at, end, 2, &tm.tm_sec)) {
		return false;
	}
	if (read_mark(&at, end, ".,")) {
		long unit = 100000000;

		for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10) {
			nsec += (*at - '0') * unit;
		}
	}
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60 || !read_zone(at, end, &zone)) {
		return false;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_time = (struct timespec){ .tv_sec = timegm(&tm) - zone, .tv_nsec = nsec };
	return true;
}

void nv_stamp_format(const struct timespec *time, struct nv_buf *out)
{
	struct tm tm;
	char text[32];

	if (!gmtime_r(&time->tv_sec, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
		/* A clock past the year 2147483647; any fixed time is as wrong. */
		nv_buf_puts(out, "1970-01-01T00:00:00.000Z");
		return;
	}
	nv_buf_printf(out, "%s.%03ldZ", text, time->tv_nsec / 1000000);
}
