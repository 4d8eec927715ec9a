/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads fields of the text that INFO answers.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_INFO_H
#define NV_REDIS_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include "redis/reply.h"

/* Copies the value of the line "name:value" (cut to fit, control bytes as '?'). False and "" when
 * there is none. */
bool nv_redis_info_field(const struct nv_redis_reply *info, const char *name, char *ret_value,
                         size_t ret_value_size);

#endif
