/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding fields: in the tree of names, and by role in documents. */
#include "config.h"

#include "netgoat/schema.h"

#include <fnmatch.h>
#include <string.h>

const struct nv_schema_node *nv_schema_child(const struct nv_schema_node *node, const char *name,
                                             size_t size)
{
	if (!node) {
		return NULL;
	}
	for (size_t i = 0; i < node->children_count; i++) {
		const struct nv_schema_node *child = node->children[i];
		if (!child->pattern && strncmp(child->name, name, size) == 0 &&
		    child->name[size] == '\0') {
			return child;
		}
	}
	for (size_t i = 0; i < node->children_count; i++) {
		if (node->children[i]->pattern && fnmatch(node->children[i]->name, name, 0) == 0) {
			return node->children[i];
		}
	}
	return NULL;
}

size_t nv_schema_role_paths(const struct nv_schema_kind *kind, enum nv_role role,
                            const char *const **ret_paths)
{
	const struct nv_schema_field *field = kind->roles[role];
	if (ret_paths) {
		*ret_paths = field ? (const char *const *)field->query_paths : NULL;
	}
	return field ? field->paths_count : 0;
}

bool nv_schema_find(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                    bson_iter_t *ret_iter, const char **ret_path)
{
	const struct nv_schema_field *field = kind->roles[role];
	for (size_t i = 0; field && i < field->paths_count; i++) {
		const char *path = field->paths[i];
		const char *element = strstr(path, "[].");
		bson_iter_t iter;
		if (nv_doc_find(doc, element ? element + 3 : path, &iter) &&
		    !BSON_ITER_HOLDS_NULL(&iter)) {
			*ret_iter = iter;
			if (ret_path) {
				*ret_path = path;
			}
			return true;
		}
	}
	return false;
}

const char *nv_field_type_text(enum nv_field_type type)
{
	static const char *const texts[] = { "any value",
		                             "a string",
		                             "a number",
		                             "a whole number",
		                             "true or false",
		                             "a date ({\"$date\": …})",
		                             "an ObjectId ({\"$oid\": …})",
		                             "an object",
		                             "an array" };
	return texts[type];
}
