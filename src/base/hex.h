/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hexadecimal digits, whatever the locale.
 */
#ifndef NV_BASE_HEX_H
#define NV_BASE_HEX_H

/* The value of a digit in either case; -1: it is none. */
static inline int nv_hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9') {
		return byte - '0';
	}
	if (byte >= 'a' && byte <= 'f') {
		return byte - 'a' + 10;
	}
	if (byte >= 'A' && byte <= 'F') {
		return byte - 'A' + 10;
	}
	return -1;
}

#endif
