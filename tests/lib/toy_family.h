/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A family for tests of save/: a few files in memory, a log of what was done to them, and errors on
 * request.
 *
 * Tree: d/NAME.txt (files), p/ID (any name), o/OBJ/ (objects) with own.json, sub/ID.txt, fixed
 * (read-only), l/NAME (links). A text is valid when it ends with a newline and no line is "bad".
 * Versions merge when one side did not change; else -ESTALE.
 */
#ifndef NV_TESTS_TOY_FAMILY_H
#define NV_TESTS_TOY_FAMILY_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/strmap.h"
#include "node/node.h"

struct toy {
	struct nv_clock *clock;
	struct nv_strmap *files; /* path → char *text, owned */
	/* "save PATH\n", "delete PATH\n", … for each change of the store */
	struct nv_buf log;
	int fail; /* errno that the next store call gets; 0 = none */
	unsigned loads;
	bool strict; /* an object, and what is in it, is there only with its own.json */
};

extern const struct nv_row toy_rows[];
extern const size_t toy_rows_count;

void toy_init(struct toy *toy, struct nv_clock *clock);
void toy_release(struct toy *toy);
/* What another program does to the store: sets or (text NULL) removes. */
void toy_put(struct toy *toy, const char *path, const char *text);
/* The stored text or NULL. */
const char *toy_get(const struct toy *toy, const char *path);

#endif
