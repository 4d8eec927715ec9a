/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Growing lists of the codecs: { items, count, cap }.
 */
#ifndef NV_CODEC_ARRAY_H
#define NV_CODEC_ARRAY_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/* Room for one more item of *list. 0 or -ENOMEM. */
#define NV_ARRAY_GROW(list)                                                                        \
	((list)->count < (list)->cap                                                               \
	         ? 0                                                                               \
	         : nv_array_grow((void **)&(list)->items, &(list)->cap, sizeof(*(list)->items)))

static inline int nv_array_grow(void **items, size_t *cap, size_t item_size)
{
	size_t new_cap = *cap ? *cap * 2 : 8;
	void *grown;

	if (*cap > SIZE_MAX / 2) {
		return -ENOMEM;
	}
	grown = reallocarray(*items, new_cap, item_size);
	if (!grown) {
		return -ENOMEM;
	}
	*items = grown;
	*cap = new_cap;
	return 0;
}

#endif
