/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows of src/tree.c as one mount has them: which exist, and which are written, in a full or a
 * restore mount. Everybody else only looks at the flags of a row.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "node/node.h"

static unsigned flags_in(unsigned flags, enum nv_mount_mode mode)
{
	bool full = mode >= NV_MOUNT_FULL;
	bool restore = mode == NV_MOUNT_RESTORE;

	if (full) {
		flags |= NV_ROW_PRIVATE;
		flags &= ~(unsigned)NV_ROW_UNSAVED;
	}
	if (full && (flags & NV_ROW_LINKED)) {
		flags |= NV_ROW_READONLY | NV_ROW_DERIVED;
	}
	if ((restore && (flags & NV_ROW_RESTORED)) || (full && (flags & NV_ROW_REFILLED))) {
		flags &= ~(unsigned)(NV_ROW_READONLY | NV_ROW_DERIVED);
	}
	if (!full || (!restore && (flags & NV_ROW_RESTORED))) {
		flags &= ~(unsigned)NV_ROW_NAMED;
	}
	if (!restore) {
		flags &= ~(unsigned)(NV_ROW_EMPTY | NV_ROW_SHARED);
	}
	return flags;
}

int nv_rows_new(const struct nv_row *table, size_t count, enum nv_mount_mode mode,
                struct nv_row **ret_rows, size_t *ret_count)
{
	struct nv_row *rows = calloc(count, sizeof(*rows));
	size_t kept = 0;

	if (!rows) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		if ((table[i].flags & NV_ROW_FULL) && mode < NV_MOUNT_FULL) {
			continue;
		}
		rows[kept] = table[i];
		rows[kept++].flags = flags_in(table[i].flags, mode);
	}
	*ret_rows = rows;
	*ret_count = kept;
	return 0;
}
