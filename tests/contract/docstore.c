/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contract of document stores: every case on every backend.
 */
#include "config.h"

#include "contract/docstore_fixture.h"

static struct backend backends[] = {
	{ .name = "mem", .scheme = "mem:" },
	{ .name = "sqlite", .scheme = "sqlite:" },
	{ .name = "sqlite with look-ups", .scheme = "sqlite:", .indexes = true },
};

int main(void)
{
	return docstore_run(backends, sizeof(backends) / sizeof(backends[0]));
}
