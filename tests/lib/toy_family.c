/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "toy_family.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void toy_init(struct toy *toy, struct nv_clock *clock)
{
	*toy = (struct toy){ .clock = clock, .files = nv_strmap_new(), .log = NV_BUF_INIT };
}

void toy_release(struct toy *toy)
{
	nv_strmap_free(toy->files, free);
	nv_buf_release(&toy->log);
}

void toy_put(struct toy *toy, const char *path, const char *text)
{
	void *old = text ? NULL : nv_strmap_remove(toy->files, path, strlen(path));
	if (text) {
		(void)nv_strmap_set(toy->files, path, strlen(path), strdup(text), &old);
	}
	free(old);
}

const char *toy_get(const struct toy *toy, const char *path)
{
	return nv_strmap_get(toy->files, path, strlen(path));
}

static int store(struct toy *toy, struct nv_err *err)
{
	int fail = toy->fail;
	toy->fail = 0;
	return fail ? nv_fail(err, fail, "the store is told to fail") : 0;
}

static struct nv_blob *blob_of(struct toy *toy, const char *text)
{
	return nv_blob_new(strdup(text), strlen(text), nv_clock_ms(toy->clock), NULL, NULL);
}

/* True when the path is in an object that is not there yet. */
static bool is_early(const struct toy *toy, const char *path)
{
	char own[256];
	if (!toy->strict || strncmp(path, "o/", 2) != 0) {
		return false;
	}
	(void)snprintf(own, sizeof(own), "o/%.*s/own.json", (int)strcspn(path + 2, "/"), path + 2);
	return !toy_get(toy, own);
}

static int toy_load(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob **ret_blob, struct nv_err *err)
{
	struct toy *toy = self;
	const char *text = is_early(toy, node->path) ? NULL : toy_get(toy, node->path);
	(void)call;
	int r = store(toy, err);
	if (r < 0) {
		return r;
	}
	toy->loads++;
	if (!text) {
		return nv_fail(err, ENOENT, "%s: not there", node->path);
	}
	*ret_blob = blob_of(toy, text);
	return 0;
}

/* Directories exist when something is below them, or when fixed by a row. */
static bool has_below(const struct toy *toy, const char *path)
{
	size_t cursor = 0;
	size_t size;
	const char *key;
	void *value;
	size_t n = strlen(path);
	while (nv_strmap_next(toy->files, &cursor, &key, &size, &value)) {
		if (size > n && memcmp(key, path, n) == 0 && key[n] == '/') {
			return true;
		}
	}
	return false;
}

static int toy_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                      struct nv_entry *ret_entry, struct nv_err *err)
{
	struct toy *toy = self;
	struct nv_blob *blob = NULL;
	int r;
	if (child->row->type == NV_DIR) {
		r = store(toy, err);
		if (r == 0 && (is_early(toy, child->path) ||
		               (nv_row_is_capture(child->row) && !has_below(toy, child->path)))) {
			r = nv_fail(err, ENOENT, "%s: not there", child->path);
		}
	} else {
		r = toy_load(self, call, child, &blob, err);
	}
	if (r == 0) {
		*ret_entry = (struct nv_entry){ .name = strdup(child->name),
			                        .row = child->row,
			                        .blob = blob,
			                        .size = blob ? blob->size : 0,
			                        .sampled_ms = nv_clock_ms(toy->clock) };
	}
	return r;
}

static int toy_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                    struct nv_listing **ret_listing, struct nv_err *err)
{
	struct toy *toy = self;
	size_t cursor = 0;
	size_t size;
	const char *key;
	void *value;
	size_t n = strlen(dir->path);
	int r = store(toy, err);
	(void)call;
	if (r < 0) {
		return r;
	}
	if (is_early(toy, dir->path)) {
		return nv_fail(err, ENOENT, "%s: not there", dir->path);
	}
	struct nv_listing *listing = nv_listing_new(nv_clock_ms(toy->clock));
	while (nv_strmap_next(toy->files, &cursor, &key, &size, &value)) {
		const char *rest = size > n && memcmp(key, dir->path, n) == 0 && key[n] == '/'
		                           ? key + n + 1
		                           : NULL;
		if (!rest || memchr(rest, '/', size - (size_t)(rest - key))) {
			continue;
		}
		char *name = strndup(rest, size - (size_t)(rest - key));
		const struct nv_row *row = dir->row;
		/* the first file row below this one: the toy has one a directory */
		for (size_t i = 0; i < toy_rows_count; i++) {
			const char *pattern = toy_rows[i].pattern;
			if (strncmp(pattern, dir->row->pattern, strlen(dir->row->pattern)) == 0 &&
			    toy_rows[i].type == NV_FILE) {
				row = &toy_rows[i];
				break;
			}
		}
		(void)nv_listing_add(listing, row, name, blob_of(toy, value));
	}
	nv_listing_sort(listing);
	*ret_listing = listing;
	return 0;
}

static int toy_check(void *self, const struct nv_call *call, const struct nv_node *node,
                     struct nv_blob *base, const char *text, size_t size, size_t from,
                     enum nv_check how, struct nv_err *err)
{
	(void)self;
	(void)base;
	size_t line = 1;
	for (size_t i = 0; i < from; i++) {
		line += text[i] == '\n';
	}
	for (size_t at = from; at < size; line++) {
		const char *end = memchr(text + at, '\n', size - at);
		if (!end) {
			return how == NV_CHECK_PREFIX
			               ? 0
			               : nv_fail(err,
			                         nv_faults_add(call->faults, line, 1,
			                                       "no newline at the end") < 0
			                                 ? EINVAL
			                                 : EINVAL,
			                         "%s: no newline", node->path);
		}
		if (end - (text + at) == 3 && memcmp(text + at, "bad", 3) == 0) {
			(void)nv_faults_add(call->faults, line, 1, "a bad line");
			return nv_fail(err, EINVAL, "%s: line %zu is bad", node->path, line);
		}
		at = (size_t)(end - text) + 1;
	}
	return 0;
}

static int toy_save(void *self, const struct nv_call *call, const struct nv_node *node,
                    const struct nv_save_request *request, struct nv_save_result *result,
                    struct nv_err *err)
{
	struct toy *toy = self;
	const char *stored = toy_get(toy, node->path);
	int r = toy_check(self, call, node, request->base, request->text, request->size, 0,
	                  NV_CHECK_WHOLE, err);
	r = r < 0 ? r : store(toy, err);
	if (r < 0) {
		return r;
	}
	cleanup_free char *text = strndup(request->text, request->size);
	const char *base = request->base ? request->base->text : NULL;
	bool theirs = (base == NULL) != (stored == NULL) || (base && strcmp(base, stored) != 0);
	if (theirs && (!stored || strcmp(stored, text) != 0) && !(base == NULL && stored == NULL)) {
		result->theirs = stored ? blob_of(toy, stored) : NULL;
		return nv_fail(err, ESTALE, "%s: changed by somebody else", node->path);
	}
	if (!stored || strcmp(stored, text) != 0) {
		nv_buf_printf(&toy->log, "%s %s\n",
		              request->parent ? "revive"
		              : stored        ? "update"
		                              : "create",
		              node->path);
		toy_put(toy, node->path, text);
		result->changed = true;
	}
	result->blob = blob_of(toy, text);
	return 0;
}

static int toy_unlink(void *self, const struct nv_call *call, const struct nv_node *node,
                      struct nv_blob *base, bool check_only, struct nv_err *err)
{
	struct toy *toy = self;
	(void)call;
	(void)base;
	int r = store(toy, err);
	if (r == 0 && !toy_get(toy, node->path)) {
		r = nv_fail(err, ENOENT, "%s: not there", node->path);
	}
	if (r == 0 && !check_only) {
		nv_buf_printf(&toy->log, "delete %s\n", node->path);
		toy_put(toy, node->path, NULL);
	}
	return r;
}

static int toy_mkdir(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_err *err)
{
	struct toy *toy = self;
	char path[512];
	(void)call;
	int r = store(toy, err);
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "%s/own.json", child->path);
		toy_put(toy, path, "{}\n");
		nv_buf_printf(&toy->log, "mkdir %s\n", child->path);
	}
	return r;
}

static int toy_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                     struct nv_err *err)
{
	struct toy *toy = self;
	char path[512];
	(void)call;
	int r = store(toy, err);
	(void)snprintf(path, sizeof(path), "%s/sub", dir->path);
	if (r == 0 && has_below(toy, path)) {
		r = nv_fail(err, ENOTEMPTY, "%s: not empty", dir->path);
	}
	if (r == 0) {
		(void)snprintf(path, sizeof(path), "%s/own.json", dir->path);
		toy_put(toy, path, NULL);
		nv_buf_printf(&toy->log, "rmdir %s\n", dir->path);
	}
	return r;
}

static int toy_rename(void *self, const struct nv_call *call, const struct nv_node *from,
                      const struct nv_node *to, bool replace, struct nv_err *err)
{
	struct toy *toy = self;
	(void)call;
	int r = store(toy, err);
	if (r < 0) {
		return r;
	}
	if (!replace && toy_get(toy, to->path)) {
		return nv_fail(err, EEXIST, "%s exists", to->path);
	}
	nv_buf_printf(&toy->log, "rename %s %s\n", from->path, to->path);
	toy_put(toy, to->path, toy_get(toy, from->path));
	toy_put(toy, from->path, NULL);
	return 0;
}

static const struct nv_node_ops dir_ops = { .name = "toy dir",
	                                    .lookup = toy_lookup,
	                                    .list = toy_list,
	                                    .mkdir = toy_mkdir,
	                                    .rmdir = toy_rmdir };
static const struct nv_node_ops file_ops = {
	.name = "toy file",
	.load = toy_load,
	.check = toy_check,
	.save = toy_save,
	.unlink = toy_unlink,
	.rename = toy_rename,
};

const struct nv_row toy_rows[] = {
	{ .pattern = "", .type = NV_DIR, .family = NV_FAMILY_ROOT, .ops = &nv_static_dir_ops },
	{ .pattern = "d", .type = NV_DIR, .family = NV_FAMILY_NETDOX, .ops = &dir_ops },
	{ .pattern = "d/NAME.txt", .type = NV_FILE, .family = NV_FAMILY_NETDOX, .ops = &file_ops },
	{ .pattern = "p", .type = NV_DIR, .family = NV_FAMILY_NETDOX, .ops = &dir_ops },
	{ .pattern = "p/ID",
	  .type = NV_FILE,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_ANYNAME,
	  .ops = &file_ops },
	{ .pattern = "o", .type = NV_DIR, .family = NV_FAMILY_NETDOX, .ops = &dir_ops },
	{ .pattern = "o/OBJ",
	  .type = NV_DIR,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_OBJECT | NV_ROW_NAMED,
	  .ops = &dir_ops },
	{ .pattern = "o/OBJ/own.json",
	  .type = NV_FILE,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_OWN,
	  .ops = &file_ops },
	{ .pattern = "o/OBJ/fixed",
	  .type = NV_FILE,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_DERIVED | NV_ROW_READONLY,
	  .ops = &file_ops },
	{ .pattern = "o/OBJ/link",
	  .type = NV_LINK,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_LINKED,
	  .ops = &file_ops },
	{ .pattern = "o/OBJ/sub",
	  .type = NV_DIR,
	  .family = NV_FAMILY_NETDOX,
	  .flags = NV_ROW_STRUCTURAL,
	  .ops = &dir_ops },
	{ .pattern = "o/OBJ/sub/ID.txt",
	  .type = NV_FILE,
	  .family = NV_FAMILY_NETDOX,
	  .ops = &file_ops },
};
const size_t toy_rows_count = sizeof(toy_rows) / sizeof(toy_rows[0]);
