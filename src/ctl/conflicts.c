/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .netviewfs/conflicts/TIME-NAME/{base,mine,theirs}: refused texts to look at, and to rm -r when
 * done with.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctl/internal.h"

static const char *const text_names[NV_CONFLICT_TEXTS] = { "base", "mine", "theirs" };

/* The text that a file row of a conflict stands for. */
static enum nv_conflict_text which_of(const struct nv_row *row)
{
	size_t which = 0;
	while (which + 1 < NV_CONFLICT_TEXTS &&
	       strcmp(nv_row_component(row), text_names[which]) != 0) {
		which++;
	}
	return (enum nv_conflict_text)which;
}

static int load_text(struct nv_ctl *ctl, const char *name, const struct nv_row *row,
                     struct nv_blob **ret_blob)
{
	char *text = NULL;
	size_t size = 0;
	int r = nv_conflicts_get(ctl->conflicts, name, which_of(row), &text, &size);
	if (r < 0) {
		return r;
	}
	*ret_blob = nv_blob_new(text, size, nv_clock_ms(ctl->clock), NULL, NULL);
	return *ret_blob ? 0 : -ENOMEM;
}

static int conflicts_load(void *self, const struct nv_call *call, const struct nv_node *node,
                          struct nv_blob **ret_blob, struct nv_err *err)
{
	(void)call;
	int r = load_text(self, node->names[0], node->row, ret_blob);
	return r < 0 ? nv_fail(err, -r, "%s: no such text", node->path) : 0;
}

static int find_name(void *ctx, const char *name)
{
	return strcmp(ctx, name) == 0;
}

static bool is_there(struct nv_ctl *ctl, const char *name)
{
	union { /* the callback's context is not const; it is only compared with */
		const char *in;
		void *out;
	} ctx = { .in = name };
	return nv_conflicts_each(ctl->conflicts, find_name, ctx.out) != 0;
}

static int conflicts_lookup(void *self, const struct nv_call *call, const struct nv_node *child,
                            struct nv_entry *ret_entry, struct nv_err *err)
{
	struct nv_ctl *ctl = self;
	struct nv_entry entry = { .row = child->row,
		                  .name = strdup(child->name),
		                  .sampled_ms = nv_clock_ms(ctl->clock) };
	int r = entry.name ? 0 : -ENOMEM;
	(void)call;
	if (r == 0 && child->row->type == NV_FILE) {
		r = load_text(ctl, child->names[0], child->row, &entry.blob);
		entry.size = entry.blob ? entry.blob->size : 0;
	} else if (r == 0 && !is_there(ctl, child->name)) {
		r = -ENOENT;
	}
	if (r < 0) {
		nv_entry_release(&entry);
		return nv_fail(err, -r, "%s: no such conflict", child->path);
	}
	*ret_entry = entry;
	return 0;
}

struct listing_of {
	struct nv_listing *listing;
	const struct nv_row *row;
};

static int list_name(void *ctx, const char *name)
{
	struct listing_of *of = ctx;
	char *copy = strdup(name);
	return copy ? nv_listing_add(of->listing, of->row, copy, NULL) : -ENOMEM;
}

/* base, mine and theirs of one conflict, as far as there are. */
static int list_texts(struct nv_ctl *ctl, const struct nv_node *dir, struct nv_listing *listing)
{
	for (size_t i = 0; i < ctl->rows_count; i++) {
		const struct nv_row *row = &ctl->rows[i];
		struct nv_blob *blob = NULL;
		if (row->family != NV_FAMILY_CTL || row->kind != NV_CTL_CONFLICT_TEXT) {
			continue;
		}
		int r = load_text(ctl, dir->names[0], row, &blob);
		if (r == 0) {
			char *name = strdup(nv_row_component(row));
			r = name ? nv_listing_add(listing, row, name, blob) : -ENOMEM;
		}
		if (r < 0 && r != -ENOENT) {
			return r;
		}
	}
	return 0;
}

static const struct nv_row *row_of(const struct nv_ctl *ctl, int kind)
{
	size_t i = 0;
	while (ctl->rows[i].family != NV_FAMILY_CTL || ctl->rows[i].kind != kind) {
		i++;
	}
	return &ctl->rows[i];
}

static int conflicts_list(void *self, const struct nv_call *call, const struct nv_node *dir,
                          struct nv_listing **ret_listing, struct nv_err *err)
{
	struct nv_ctl *ctl = self;
	cleanup_listing struct nv_listing *listing = nv_listing_new(nv_clock_ms(ctl->clock));
	int r = listing ? 0 : -ENOMEM;
	(void)call;
	if (r == 0 && dir->row->kind == NV_CTL_CONFLICTS) {
		struct listing_of of = { listing, row_of(ctl, NV_CTL_CONFLICT) };
		r = nv_conflicts_each(ctl->conflicts, list_name, &of);
	} else if (r == 0) {
		r = is_there(ctl, dir->names[0]) ? list_texts(ctl, dir, listing) : -ENOENT;
	}
	if (r < 0) {
		return nv_fail(err, -r, "%s: cannot be listed", dir->path);
	}
	nv_listing_sort(listing);
	*ret_listing = steal(&listing);
	return 0;
}

static int conflicts_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                           struct nv_err *err)
{
	struct nv_ctl *ctl = self;
	(void)call;
	int r = nv_conflicts_remove(ctl->conflicts, dir->names[0]);
	return r < 0 ? nv_fail(err, -r, "%s: no such conflict", dir->path) : 0;
}

const struct nv_node_ops nv_ctl_conflicts_ops = {
	.name = "conflicts",
	.lookup = conflicts_lookup,
	.list = conflicts_list,
	.load = conflicts_load,
	.rmdir = conflicts_rmdir,
};
