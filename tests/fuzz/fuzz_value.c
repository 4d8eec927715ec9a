/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "../codec_property.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	codec_must_hold(&codec_value, data, size);
	return 0;
}
