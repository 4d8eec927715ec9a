/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/value.h"

void nv_value_format(const char *data, size_t size, struct nv_buf *out)
{
	nv_buf_append(out, data, size);
	nv_buf_putc(out, '\n');
}

int nv_value_parse(const char *text, size_t size, size_t *ret_size, struct nv_faults *faults)
{
	if (size == 0) {
		return nv_faults_add(faults, 1, 1,
		                     "the file is empty: the empty value is one newline, and rm "
		                     "removes the value");
	}
	*ret_size = text[size - 1] == '\n' ? size - 1 : size;
	return 0;
}
