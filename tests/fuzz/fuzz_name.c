/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a model's name (encoded, it is a component of a path and comes back) and as what a
 * user typed.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "node/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds) {
		abort();
	}
}

static void try_name(const char *name, size_t size, unsigned flags)
{
	cleanup_buf struct nv_buf path = NV_BUF_INIT;
	cleanup_buf struct nv_buf back = NV_BUF_INIT;
	bool cut;

	nv_name_encode(&path, name, size, "", flags, &cut);
	must(path.len > 0 && path.len <= NV_NAME_CUT && path.data[0] != '.');
	must(strlen(path.data) == path.len && !strchr(path.data, '/'));
	must(nv_utf8_valid(path.data, path.len));
	must(flags == 0 || !nv_name_is_scratch(path.data, false));
	must(nv_name_decode(path.data, path.len, &back, NULL) == 0);
	must(cut || back.len == size);
	must(back.len <= size && (back.len == 0 || memcmp(back.data, name, back.len) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct nv_buf name = NV_BUF_INIT;
	bool cut;

	try_name((const char *)data, size, 0);
	try_name((const char *)data, size, NV_NAME_ANYNAME);
	if (nv_name_decode((const char *)data, size, &name, &cut) == 0 && !cut) {
		nv_buf_reserve(&name, 0);
		try_name(name.data, name.len, NV_NAME_ANYNAME);
	}
	return 0;
}
