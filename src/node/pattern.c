/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a name to its row: matching of path components against the patterns of src/tree.c.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "node/node.h"

const char *nv_row_component(const struct nv_row *row)
{
	const char *slash = strrchr(row->pattern, '/');

	return slash ? slash + 1 : row->pattern;
}

bool nv_row_is_capture(const struct nv_row *row)
{
	const char *component = nv_row_component(row);

	return *component >= 'A' && *component <= 'Z' && !(row->flags & NV_ROW_FIXED);
}

/* The fixed suffix of a capture, with its dot; "" when it has none. */
static const char *capture_suffix(const char *component)
{
	const char *dot = strrchr(component, '.');

	return dot && dot[1] >= 'a' && dot[1] <= 'z' ? dot : "";
}

static bool is_child(const struct nv_tree *tree, const struct nv_row *dir, const struct nv_row *row)
{
	size_t len = strlen(dir->pattern);

	if (row == dir || *row->pattern == '\0' || strncmp(row->pattern, dir->pattern, len) != 0) {
		return false;
	}
	const char *rest = row->pattern + len;
	if (len > 0 && *rest++ != '/') {
		return false;
	}
	if (strchr(rest, '/')) {
		return false;
	}
	return row->family == NV_FAMILY_ROOT || tree->self[row->family];
}

const struct nv_row *nv_tree_next_child(const struct nv_tree *tree, const struct nv_row *dir,
                                        const struct nv_row *prev)
{
	const struct nv_row *end = tree->rows + tree->rows_count;

	for (const struct nv_row *row = prev ? prev + 1 : tree->rows; row < end; row++) {
		if (is_child(tree, dir, row)) {
			return row;
		}
	}
	return NULL;
}

static bool type_fits(const struct nv_row *row, enum nv_type type)
{
	return (int)type == 0 || row->type == type || (type == NV_FILE && row->type == NV_LINK);
}

const struct nv_row *nv_tree_child(const struct nv_tree *tree, const struct nv_row *dir,
                                   const char *name, enum nv_type type)
{
	const struct nv_row *best = NULL;
	size_t best_suffix = 0;
	size_t name_len = strlen(name);

	for (const struct nv_row *row = nv_tree_next_child(tree, dir, NULL); row;
	     row = nv_tree_next_child(tree, dir, row)) {
		const char *component = nv_row_component(row);

		if (!type_fits(row, type)) {
			continue;
		}
		if (!nv_row_is_capture(row)) {
			if (strcmp(component, name) == 0) {
				return row;
			}
			continue;
		}
		const char *suffix = capture_suffix(component);
		size_t len = strlen(suffix);
		if (name_len <= len || strcmp(name + name_len - len, suffix) != 0) {
			continue;
		}
		/* Where two captures fit, the one that says more about the name wins. */
		if (!best || len > best_suffix) {
			best = row;
			best_suffix = len;
		}
	}
	return best;
}

/* What the ops of a row are called with. Static directories belong to a family, by which they come
 * and go, but need only the tree. */
static void *row_self(const struct nv_tree *tree, const struct nv_row *row)
{
	return row->ops == &nv_static_dir_ops ? (void *)tree : tree->self[row->family];
}

int nv_tree_resolve(const struct nv_tree *tree, const char *path, char *storage,
                    size_t storage_size, struct nv_node *ret_node)
{
	struct nv_node node = { .row = tree->rows, .path = path, .name = path };
	size_t size = strlen(path) + 1;

	if (size > storage_size) {
		return -ENAMETOOLONG;
	}
	memcpy(storage, path, size);
	for (char *name = storage; size > 1 && name;) {
		char *slash = strchr(name, '/');

		if (slash) {
			*slash = '\0';
		}
		/* A directory row, when more components follow. */
		const struct nv_row *row = nv_tree_child(tree, node.row, name, slash ? NV_DIR : 0);
		if (!row) {
			return -ENOENT;
		}
		if (nv_row_is_capture(row)) {
			if (node.names_count == NV_NODE_NAMES_MAX) {
				return -ENAMETOOLONG;
			}
			node.names[node.names_count++] = name;
		}
		node.row = row;
		node.name = path + (name - storage);
		name = slash ? slash + 1 : NULL;
	}
	node.self = row_self(tree, node.row);
	*ret_node = node;
	return 0;
}

int nv_node_child(const struct nv_tree *tree, const struct nv_node *dir, const struct nv_row *row,
                  const char *name, char *child_path, size_t child_path_size,
                  struct nv_node *ret_child)
{
	size_t dir_len = strlen(dir->path);
	size_t name_len = strlen(name);
	size_t name_start = dir_len > 0 ? dir_len + 1 : 0;

	if (name_len >= child_path_size || name_start >= child_path_size - name_len) {
		return -ENAMETOOLONG;
	}
	/* Not through ret_child, which may be dir. */
	struct nv_node child = *dir;
	memmove(child_path, dir->path, dir_len);
	if (dir_len > 0) {
		child_path[dir_len] = '/';
	}
	memcpy(child_path + name_start, name, name_len + 1);

	child.row = row;
	child.self = row_self(tree, row);
	child.path = child_path;
	child.name = child_path + name_start;
	if (nv_row_is_capture(row)) {
		if (child.names_count == NV_NODE_NAMES_MAX) {
			return -ENAMETOOLONG;
		}
		child.names[child.names_count++] = child.name;
	}
	*ret_child = child;
	return 0;
}
