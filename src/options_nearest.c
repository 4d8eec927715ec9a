/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Did you mean …?"
 */
#include "config.h"

#include <string.h>

#include "options_table.h"

/* Changes of one letter that make one text the other: inserted, dropped, replaced. */
static size_t edit_distance(const char *left, const char *right)
{
	size_t row[NV_OPTION_KEY_MAX + 1];
	size_t right_len = strlen(right);

	for (size_t j = 0; j <= right_len; j++) {
		row[j] = j;
	}
	for (size_t i = 1; left[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= right_len; j++) {
			size_t best = diagonal + (left[i - 1] != right[j - 1]);

			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[right_len];
}

const char *nv_option_nearest(const char *key)
{
	const char *nearest = NULL;
	size_t least = 3; /* more changes are no slip of the hand */

	for (size_t i = 0; i < nv_option_table_count && strlen(key) < NV_OPTION_KEY_MAX; i++) {
		size_t distance = edit_distance(key, nv_option_table[i].key);

		if (distance < least && distance < strlen(key)) {
			least = distance;
			nearest = nv_option_table[i].key;
		}
	}
	return nearest;
}
