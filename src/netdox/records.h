/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a save of a file made of sets adds and removes. Pure.
 *
 * Files of one level (maps) are records that have only a first word.
 */
#ifndef NV_NETDOX_RECORDS_H
#define NV_NETDOX_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "codec/records.h"
#include "netdox/layout.h"

/* All borrowed from base and mine, but for what was folded or qualified. */
struct nv_set_changes {
	struct nv_records added; /* in file order; each with all words it was written with */
	/* bottom up: values, then types, then plugins; each with the words up to what goes */
	struct nv_records removed;
	bool needs_network; /* an added value is unqualified, and network was not given */
};

void nv_set_changes_release(struct nv_set_changes *changes);
#define cleanup_set_changes __attribute__((cleanup(nv_set_changes_release)))

/* Reads a text of this layout's codec as records (LINES: first words). 0, -EINVAL with faults,
 * -ENOMEM. */
int nv_set_parse(const struct nv_layout *layout, const char *text, size_t size,
                 struct nv_records *ret, struct nv_faults *faults);

/*
 * From base to mine. What stood in base stays byte for byte; what is added is checked, folded and
 * qualified by the layout's rules. network: what unqualified values get; absent = none is known:
 * such a line sets needs_network and is added as it is. 0, -EINVAL with faults, -ENOMEM.
 */
int nv_set_diff(const struct nv_layout *layout, const struct nv_records *base,
                const struct nv_records *mine, const struct nv_bytes *network,
                struct nv_set_changes *ret, struct nv_faults *faults);

/* The same by no rule: what is added is all of mine, as it is. */
int nv_set_diff_verbatim(const struct nv_records *base, const struct nv_records *mine,
                         struct nv_set_changes *ret);

/* Judges one added line by the layout's rules that need no store: a fault for each that it
 * breaks. */
int nv_set_check_line(const struct nv_layout *layout, const struct nv_record *line,
                      size_t line_number, struct nv_faults *faults);

#endif
