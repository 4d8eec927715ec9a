/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of .netviewfs/README.
 */
#ifndef NV_CTL_README_H
#define NV_CTL_README_H

#include <stdbool.h>

#include "base/buf.h"

/* Appends the text, as far as it is true of a mount with these stores. */
void nv_ctl_readme(bool has_netgoat, bool has_netdox, struct nv_buf *out);

#endif
