/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dotted paths, many at a time: sorted so that those under one field stand together, a document is
 * walked once for all of them.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "codec/bsonvalue.h"

void nv_path_init(struct nv_path *ret_path, const char *text, size_t index)
{
	*ret_path = (struct nv_path){ .text = text, .size = strlen(text), .index = index };
}

/* The dot sorts before all other bytes, so "a.b" comes before "a-b" and nothing parts "a" from
 * "a.b". */
static unsigned rank_of(char byte)
{
	return byte == '.' ? 0 : (unsigned)(unsigned char)byte + 1;
}

int nv_path_compare(const struct nv_path *a, const struct nv_path *b)
{
	size_t common = a->size < b->size ? a->size : b->size;
	for (size_t i = 0; i < common; i++) {
		if (a->text[i] != b->text[i]) {
			return rank_of(a->text[i]) < rank_of(b->text[i]) ? -1 : 1;
		}
	}
	return a->size < b->size ? -1 : a->size > b->size;
}

static int compare(const void *left, const void *right)
{
	const struct nv_path *a = left;
	const struct nv_path *b = right;
	int order = nv_path_compare(a, b);
	if (order != 0) {
		return order;
	}
	return a->index < b->index ? -1 : a->index > b->index;
}

void nv_paths_sort(struct nv_path *paths, size_t count)
{
	if (count > 1) {
		qsort(paths, count, sizeof(*paths), compare);
	}
}

bool nv_path_is_inside(const struct nv_path *inner, const struct nv_path *outer)
{
	return inner->size >= outer->size && memcmp(inner->text, outer->text, outer->size) == 0 &&
	       (inner->size == outer->size || inner->text[outer->size] == '.');
}

size_t nv_path_component(const struct nv_path *path, size_t from)
{
	const char *dot = memchr(path->text + from, '.', path->size - from);
	return dot ? (size_t)(dot - path->text) - from : path->size - from;
}

size_t nv_paths_group_end(const struct nv_path *paths, size_t count, size_t first, size_t from)
{
	size_t size = nv_path_component(&paths[first], from);
	size_t end = first + 1;
	while (end < count && nv_path_component(&paths[end], from) == size &&
	       memcmp(paths[end].text + from, paths[first].text + from, size) == 0) {
		end++;
	}
	return end;
}

/* The paths, which agree before `from`, in the document or array container. */
static int look_up(const struct nv_path *paths, size_t count, size_t from,
                   const struct nv_raw_elem *container, struct nv_raw_elem *elems)
{
	cleanup_raw_fields struct nv_raw_fields fields = NV_RAW_FIELDS_INIT;
	int r = nv_raw_fields_load(&fields, container->value, container->size, true);
	for (size_t first = 0, end = 0; first < count && r == 0; first = end) {
		end = nv_paths_group_end(paths, count, first, from);
		size_t size = nv_path_component(&paths[first], from);
		const struct nv_raw_elem *elem =
			nv_raw_fields_find(&fields, 0, paths[first].text + from, size);
		if (!elem) {
			continue;
		}
		for (; first < end && paths[first].size == from + size; first++) {
			elems[paths[first].index] = *elem;
		}
		if (first < end && nv_raw_is_container(elem->type)) {
			r = look_up(paths + first, end - first, from + size + 1, elem, elems);
		}
	}
	return r;
}

int nv_paths_look_up(const struct nv_path *paths, size_t count, const uint8_t *data, size_t size,
                     struct nv_raw_elem *elems)
{
	struct nv_raw_elem whole = { .type = BSON_TYPE_DOCUMENT, .value = data, .size = size };
	for (size_t i = 0; i < count; i++) {
		elems[paths[i].index] = (struct nv_raw_elem){ .type = 0 };
	}
	return look_up(paths, count, 0, &whole, elems);
}

int nv_bson_get(const bson_t *doc, const char *path, bson_t **ret_doc)
{
	if (nv_raw_check(bson_get_data(doc), doc->len) < 0) {
		return -EINVAL;
	}
	struct nv_path one;
	struct nv_raw_elem elem;
	nv_path_init(&one, path, 0);
	int r = nv_paths_look_up(&one, 1, bson_get_data(doc), doc->len, &elem);
	if (r < 0 || elem.type == 0) {
		return r < 0 ? r : -ENOENT;
	}
	cleanup_buf struct nv_buf buf = NV_BUF_INIT;
	size_t start = nv_raw_begin(&buf);
	nv_raw_put(&buf, "", 0, &elem);
	nv_raw_end(&buf, start);
	return nv_raw_to_bson(&buf, ret_doc);
}
