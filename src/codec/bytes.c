/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "codec/bytes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int nv_bytes_compare(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t common = a_size < b_size ? a_size : b_size;
	int order = common == 0 ? 0 : memcmp(a, b, common);

	if (order != 0) {
		return order;
	}
	return (a_size > b_size) - (a_size < b_size);
}

int nv_bytes_cmp(const struct nv_bytes *a, const struct nv_bytes *b)
{
	if (!a->data || !b->data) {
		return (a->data != NULL) - (b->data != NULL);
	}
	return nv_bytes_compare(a->data, a->size, b->data, b->size);
}

bool nv_bytes_equal(const struct nv_bytes *a, const struct nv_bytes *b)
{
	return nv_bytes_cmp(a, b) == 0;
}

bool nv_bytes_is(const struct nv_bytes *bytes, const char *text)
{
	return bytes->data && nv_bytes_compare(bytes->data, bytes->size, text, strlen(text)) == 0;
}

int nv_bytes_copy(struct nv_bytes *ret, const char *data, size_t size)
{
	struct nv_bytes copy = NV_BYTES_INIT;

	if (data) {
		if (size == SIZE_MAX) {
			return -ENOMEM;
		}
		copy.data = malloc(size + 1);
		if (!copy.data) {
			return -ENOMEM;
		}
		memcpy(copy.data, data, size);
		copy.data[size] = '\0';
		copy.size = size;
	}
	*ret = copy;
	return 0;
}

void nv_bytes_release(struct nv_bytes *bytes)
{
	free(bytes->data);
	bytes->data = NULL;
	bytes->size = 0;
}
