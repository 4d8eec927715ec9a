/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Path components and the model's own names: escapes, cuts and scratch names (DESIGN 2 "Names",
 * DESIGN 4 "Scratch files").
 */
#ifndef NV_NODE_NAME_H
#define NV_NODE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define NV_NAME_CUT 240 /* bytes of a listed name at most; a longer one is cut */
#define NV_NAME_MAX 255 /* bytes of any path component (POSIX NAME_MAX of the mount) */

enum nv_name_flags {
	/* the kind has no suffix: a name that reads as scratch has its first character and every
	 * dot escaped */
	NV_NAME_ANYNAME = 1 << 0,
	NV_NAME_DOTS = 1 << 1, /* escape every dot (TYPE of NAME.TYPE.json) */
};

/* Appends the canonical path component for size bytes of a model's name plus suffix (may be ""):
 * %XX (upper case) for '/', '%', '~', NUL, control bytes, bytes that are not UTF-8, a leading '.'
 * or '-'; a lone '%' for the empty name. When the whole would be over NV_NAME_CUT it is cut at a
 * character (never inside an escape or a UTF-8 sequence) so that with '~', 16 hex digits of a hash
 * of the full name, and the suffix it has at most NV_NAME_CUT; *ret_cut (may be NULL) says so. */
void nv_name_encode(struct nv_buf *out, const char *name, size_t size, const char *suffix,
                    unsigned flags, bool *ret_cut);

/* Undoes the escapes of a path component without suffix (any %XX, either case). Accepts what a user
 * may type, not only canonical forms. A trailing "~16hex" cut mark cannot be undone: *ret_cut.
 * Appends the bytes. 0; -EINVAL for a bad escape or a byte '~' outside a cut mark (the caller
 * splits NAME~ID first with nv_name_split_id). */
int nv_name_decode(const char *name, size_t size, struct nv_buf *out, bool *ret_cut);

/* Splits "NAME~ID" at the last '~' (both still escaped). False when there is no '~'. */
bool nv_name_split_id(const char *name, size_t size, size_t *ret_name_size, const char **ret_id,
                      size_t *ret_id_size);

/* True for names that editors and tools make on the way (DESIGN 4): .* *~ #*# 4913 and its next
 * four successors (each + 123), sed+6, tmp+6..10 and XX+6 (perl -i) or +8 of [A-Za-z0-9_], *.o+6,
 * *.tmp *.lock *.bak *.orig *.rej. For directories only .* */
bool nv_name_is_scratch(const char *name, bool directory);

/* True for those of them that people, too, give to what they mean to keep: *.tmp *.lock *.bak
 * *.orig *.rej, but not .* */
bool nv_name_is_copy(const char *name);

#endif
