/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How long a BSON value is, by its own account: what every walk over stored documents rests on, in
 * codec/ and in docstore/. Not libbson's iterator: that takes damaged values.
 */
#ifndef NV_BASE_BSONSIZE_H
#define NV_BASE_BSONSIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number in the byte order of BSON. */
uint32_t nv_le32(const uint8_t *data);

/*
 * Sets *ret_size to the bytes of a value of that type (bson_type_t) at data. False when it does not
 * fit into room, its frame is damaged, or there is no such type. Inner documents have a sound frame
 * only: who needs more walks them.
 */
bool nv_bson_value_size(uint8_t type, const uint8_t *data, size_t room, size_t *ret_size);

#endif
