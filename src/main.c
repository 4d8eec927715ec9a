/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("netviewfs %s\nstores: %s\nlibraries: %s\ncompiler: %s\ninstruments: %s\n", PACKAGE_VERSION,
		       NV_BUILD_STORES, NV_BUILD_LIBRARIES, NV_BUILD_COMPILER, NV_BUILD_INSTRUMENTS);
		return 0;
	}
	fprintf(stderr, "netviewfs: error: usage: netviewfs --version\n");
	return 2;
}
