/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/schema_tree.h"

#include <string.h>

static struct nv_schema_node *add_child(struct nv_arena *arena, struct nv_schema_node *node,
                                        const char *name, size_t size)
{
	for (size_t i = 0; i < node->children_count; i++) {
		if (strlen(node->children[i]->name) == size &&
		    memcmp(node->children[i]->name, name, size) == 0) {
			return node->children[i];
		}
	}
	struct nv_schema_node **grown =
		nv_arena_alloc(arena, node->children_count + 1, sizeof(*grown));
	struct nv_schema_node *child = nv_arena_alloc(arena, 1, sizeof(*child));
	if (!grown || !child) {
		return NULL;
	}
	child->name = nv_arena_strndup(arena, name, size);
	child->pattern = child->name && strpbrk(child->name, "*?[") != NULL;
	if (node->children_count) {
		memcpy(grown, node->children, node->children_count * sizeof(*grown));
	}
	grown[node->children_count++] = child;
	node->children = grown;
	return child->name ? child : NULL;
}

static void note(struct nv_schema_node *node, bool hides, bool secret)
{
	node->hides = node->hides || hides;
	node->holds_secret = node->holds_secret || secret;
}

/* The node of a path like "a.b[].c", made on the way. A bracket begins an element only as "[]"
 * (elsewhere it is fnmatch's). */
struct nv_schema_node *nv_schema_tree_add(struct nv_arena *arena, struct nv_schema_node *node,
                                          const char *path, bool hides, bool secret)
{
	while (node) {
		size_t size = strcspn(path, ".");
		size_t name_size = size;
		while (name_size >= 2 && memcmp(path + name_size - 2, "[]", 2) == 0) {
			name_size -= 2;
		}
		note(node, hides, secret);
		node = add_child(arena, node, path, name_size);
		for (size_t i = name_size; node && i < size; i += 2) {
			note(node, hides, secret);
			if (!node->element) {
				node->element = nv_arena_alloc(arena, 1, sizeof(*node->element));
			}
			node = node->element;
		}
		if (!node || !path[size]) {
			break;
		}
		path += size + 1;
	}
	if (node) {
		note(node, hides, secret);
	}
	return node;
}
