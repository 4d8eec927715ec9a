/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as the value of each type: the verdict is 0, or -EINVAL with a reason that ends inside
 * its room.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/rdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "A",  "AAAA", "CNAME", "MX", "TXT",
		                             "NS", "SRV",  "CAA",   "PTR" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char reason[40];
		int status;

		memset(reason, 'x', sizeof(reason));
		status = nv_rdata_check(types[i], (const char *)data, size, reason, sizeof(reason));
		if (status != 0 && (status != -EINVAL || reason[0] == '\0' ||
		                    !memchr(reason, '\0', sizeof(reason)))) {
			abort();
		}
	}
	return 0;
}
