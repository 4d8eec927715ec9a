/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Host names to addresses, before a deadline.
 *
 * Inside redis/ only.
 */
#ifndef NV_REDIS_RESOLVE_H
#define NV_REDIS_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "base/error.h"

/*
 * The stream addresses of host and port. Addresses given in digits cost nothing; a name is looked
 * up by a thread of its own, because the system's resolver has no timeout: when the deadline passes
 * that thread is left to end by itself. Errors: -ETIMEDOUT, -EIO (no such host), -ENOMEM. Owns:
 * free *ret_list with freeaddrinfo.
 */
int nv_redis_resolve(const char *host, int port, int64_t deadline_ms, struct addrinfo **ret_list,
                     struct nv_err *err);

#endif
