/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SHA-1 (FIPS 180-4), for the names that Redis gives to scripts. Not for secrets.
 */
#ifndef NV_REDIS_SHA1_H
#define NV_REDIS_SHA1_H

#include <stddef.h>

/* Writes the 40 lower-case hex digits and a NUL. */
void nv_sha1_hex(const void *data, size_t size, char ret_hex[41]);

#endif
