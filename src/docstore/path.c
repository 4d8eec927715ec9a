/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dotted paths in BSON (path.h). Owns how a path meets documents and arrays; knows nothing of
 * comparing.
 */
#include "config.h"

#include "docstore/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the first component, and the rest behind its dot or NULL. */
static size_t first_component(const char *path, const char **ret_rest)
{
	const char *dot = strchr(path, '.');
	*ret_rest = dot ? dot + 1 : NULL;
	return dot ? (size_t)(dot - path) : strlen(path);
}

bool nv_path_is_valid(const char *path)
{
	if (!path) {
		return false;
	}
	const char *rest = path;
	while (rest) {
		const char *component = rest;
		if (first_component(component, &rest) == 0 || component[0] == '$') {
			return false;
		}
	}
	return true;
}

bool nv_path_overlaps(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (*a == '\0' && (*b == '\0' || *b == '.')) || (*b == '\0' && *a == '.');
}

bool nv_path_find(const struct nv_bval *doc, const char *path, struct nv_bval *ret_value)
{
	struct nv_bval at = *doc;
	const char *rest = path;
	while (rest) {
		const char *component = rest;
		size_t size = first_component(component, &rest);
		if (!nv_bval_is_tree(&at) || !nv_bval_field(&at, component, size, &at)) {
			return false;
		}
	}
	*ret_value = at;
	return true;
}

static bool each_leaf(const struct nv_bval *value, nv_path_value_fn *fn, void *ctx)
{
	if (!fn(ctx, value)) {
		return false;
	}
	if (value->type != BSON_TYPE_ARRAY) {
		return true;
	}
	struct nv_bwalk walk = nv_bwalk(value);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (!fn(ctx, &field.value)) {
			return false;
		}
	}
	return true;
}

static bool each_below(const struct nv_bval *value, const char *path, nv_path_value_fn *fn,
                       void *ctx);

static bool each_element(const struct nv_bval *array, const char *path, nv_path_value_fn *fn,
                         void *ctx)
{
	const char *rest = NULL;
	size_t size = first_component(path, &rest);
	size_t position = 0;
	struct nv_bval at;
	if (nv_bval_is_position(path, size, &position) && nv_bval_field(array, path, size, &at)) {
		bool more = true;
		if (!rest) {
			more = each_leaf(&at, fn, ctx);
		} else if (nv_bval_is_tree(&at)) {
			more = each_below(&at, rest, fn, ctx);
		}
		if (!more) {
			return false;
		}
	}
	struct nv_bwalk walk = nv_bwalk(array);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (field.value.type == BSON_TYPE_DOCUMENT &&
		    !each_below(&field.value, path, fn, ctx)) {
			return false;
		}
	}
	return true;
}

/* value is what the components before path led to. The recursion is bounded by the path's
 * length. */
static bool each_below(const struct nv_bval *value, const char *path, nv_path_value_fn *fn,
                       void *ctx)
{
	if (value->type == BSON_TYPE_ARRAY) {
		return each_element(value, path, fn, ctx);
	}
	const char *rest = NULL;
	size_t size = first_component(path, &rest);
	struct nv_bval at;
	if (value->type != BSON_TYPE_DOCUMENT || !nv_bval_field(value, path, size, &at)) {
		return fn(ctx, NULL);
	}
	return rest ? each_below(&at, rest, fn, ctx) : each_leaf(&at, fn, ctx);
}

bool nv_path_each(const struct nv_bval *doc, const char *path, nv_path_value_fn *fn, void *ctx)
{
	return each_below(doc, path, fn, ctx);
}

/* A new field: the value, or documents down to it. */
static void put_new(struct nv_buf *out, const char *key, size_t key_size, const char *rest,
                    const struct nv_bval *value)
{
	if (!rest) {
		nv_bval_put(out, key, key_size, value);
		return;
	}
	nv_buf_putc(out, BSON_TYPE_DOCUMENT);
	nv_buf_append(out, key, key_size);
	nv_buf_putc(out, 0);
	size_t start = nv_bval_begin(out);
	const char *inner_rest = NULL;
	size_t inner_size = first_component(rest, &inner_rest);
	put_new(out, rest, inner_size, inner_rest, value);
	nv_bval_end(out, start);
}

static int put_padding(struct nv_buf *out, size_t count, const char *key, size_t key_size,
                       struct nv_err *err)
{
	const struct nv_bval null = { BSON_TYPE_NULL, NULL, 0 };
	size_t position = 0;
	if (!nv_bval_is_position(key, key_size, &position)) {
		return nv_fail(err, ESTALE,
		               "there is an array where the field \"%.*s\" is to be set",
		               (int)key_size, key);
	}
	if (position > count + NV_PATH_PAD_MAX) {
		return nv_fail(err, ESTALE,
		               "array element %zu is too far behind the end, which is %zu",
		               position, count);
	}
	for (size_t i = count; i < position; i++) {
		char text[24];
		int size = snprintf(text, sizeof(text), "%zu", i);
		nv_bval_put(out, text, (size_t)size, &null);
	}
	return 0;
}

static int put_below(const struct nv_bval *tree, const char *path, const struct nv_bval *value,
                     struct nv_buf *out, struct nv_err *err)
{
	const char *rest = NULL;
	size_t size = first_component(path, &rest);
	size_t start = nv_bval_begin(out);
	struct nv_bwalk walk = nv_bwalk(tree);
	struct nv_bfield field;
	size_t count = 0;
	bool found = false;
	while (nv_bwalk_next(&walk, &field) > 0) {
		count++;
		if (found || field.key_size != size || memcmp(field.key, path, size) != 0) {
			nv_bval_put(out, field.key, field.key_size, &field.value);
			continue;
		}
		found = true;
		if (!rest) {
			nv_bval_put(out, path, size, value);
			continue;
		}
		if (!nv_bval_is_tree(&field.value)) {
			return nv_fail(err, ESTALE,
			               "\"%.*s\" is no document, so \"%s\" cannot be set in it",
			               (int)size, path, rest);
		}
		nv_buf_putc(out, (char)field.value.type);
		nv_buf_append(out, field.key, field.key_size + 1);
		int rc = put_below(&field.value, rest, value, out, err);
		if (rc < 0) {
			return rc;
		}
	}
	if (!found) {
		int rc = tree->type == BSON_TYPE_ARRAY ? put_padding(out, count, path, size, err)
		                                       : 0;
		if (rc < 0) {
			return rc;
		}
		put_new(out, path, size, rest, value);
	}
	nv_bval_end(out, start);
	return 0;
}

int nv_path_put(const struct nv_bval *doc, const char *path, const struct nv_bval *value,
                struct nv_buf *out, struct nv_err *err)
{
	int rc = put_below(doc, path, value, out, err);
	if (rc == 0 && nv_buf_error(out)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return rc;
}

static void drop_below(const struct nv_bval *tree, const char *path, struct nv_buf *out)
{
	const struct nv_bval null = { BSON_TYPE_NULL, NULL, 0 };
	const char *rest = NULL;
	size_t size = first_component(path, &rest);
	size_t start = nv_bval_begin(out);
	struct nv_bwalk walk = nv_bwalk(tree);
	struct nv_bfield field;
	bool found = false;
	while (nv_bwalk_next(&walk, &field) > 0) {
		bool hit = !found && field.key_size == size && memcmp(field.key, path, size) == 0;
		found = found || hit;
		if (!hit || (rest && !nv_bval_is_tree(&field.value))) {
			nv_bval_put(out, field.key, field.key_size, &field.value);
		} else if (rest) {
			nv_buf_putc(out, (char)field.value.type);
			nv_buf_append(out, field.key, field.key_size + 1);
			drop_below(&field.value, rest, out);
		} else if (tree->type == BSON_TYPE_ARRAY) {
			nv_bval_put(out, field.key, field.key_size, &null);
		}
	}
	nv_bval_end(out, start);
}

int nv_path_drop(const struct nv_bval *doc, const char *path, struct nv_buf *out)
{
	drop_below(doc, path, out);
	return nv_buf_error(out);
}

/* The part of field behind key and its dot; "" when field is key; NULL when it is another. */
static const char *behind(const char *field, const char *key, size_t key_size)
{
	if (strncmp(field, key, key_size) != 0) {
		return NULL;
	}
	const char *rest = field + key_size;
	return *rest == '\0' ? rest : *rest == '.' ? rest + 1 : NULL;
}

static void project_tree(const struct nv_bval *tree, const char *const *fields, size_t count,
                         struct nv_buf *out);

/* An array stands for its elements: documents are projected, arrays too, all else goes. */
static void project_array(const struct nv_bval *array, const char *const *fields, size_t count,
                          struct nv_buf *out)
{
	size_t start = nv_bval_begin(out);
	struct nv_bwalk walk = nv_bwalk(array);
	struct nv_bfield field;
	size_t position = 0;
	while (nv_bwalk_next(&walk, &field) > 0) {
		if (!nv_bval_is_tree(&field.value)) {
			continue;
		}
		char text[24];
		int size = snprintf(text, sizeof(text), "%zu", position++);
		nv_buf_putc(out, (char)field.value.type);
		nv_buf_append(out, text, (size_t)size + 1);
		project_tree(&field.value, fields, count, out);
	}
	nv_bval_end(out, start);
}

static void project_tree(const struct nv_bval *tree, const char *const *fields, size_t count,
                         struct nv_buf *out)
{
	if (tree->type == BSON_TYPE_ARRAY) {
		project_array(tree, fields, count, out);
		return;
	}
	size_t start = nv_bval_begin(out);
	struct nv_bwalk walk = nv_bwalk(tree);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		const char *below[NV_PATH_FIELDS_MAX + 1];
		size_t below_count = 0;
		bool whole = false;
		for (size_t i = 0; i < count && !whole; i++) {
			const char *rest = behind(fields[i], field.key, field.key_size);
			whole = rest && *rest == '\0';
			if (rest && !whole) {
				below[below_count++] = rest;
			}
		}
		if (whole) {
			nv_bval_put(out, field.key, field.key_size, &field.value);
		} else if (below_count > 0 && nv_bval_is_tree(&field.value)) {
			nv_buf_putc(out, (char)field.value.type);
			nv_buf_append(out, field.key, field.key_size + 1);
			project_tree(&field.value, below, below_count, out);
		}
	}
	nv_bval_end(out, start);
}

int nv_path_project(const struct nv_bval *doc, const char *const *fields, size_t fields_count,
                    struct nv_buf *out)
{
	const char *all[NV_PATH_FIELDS_MAX + 1] = { "_id" };
	for (size_t i = 0; i < fields_count && i < NV_PATH_FIELDS_MAX; i++) {
		all[i + 1] = fields[i];
	}
	project_tree(doc, all,
	             (fields_count < NV_PATH_FIELDS_MAX ? fields_count : NV_PATH_FIELDS_MAX) + 1,
	             out);
	return nv_buf_error(out);
}
