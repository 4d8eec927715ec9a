/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * INFO's text: lines "name:value", section titles "# Title", CR LF.
 */
#include "config.h"

#include "redis/info.h"

#include <string.h>

bool nv_redis_info_field(const struct nv_redis_reply *info, const char *name, char *ret_value,
                         size_t ret_value_size)
{
	size_t name_size = strlen(name);
	const char *line = info->data;
	size_t used = 0;

	while (line && !(strncmp(line, name, name_size) == 0 && line[name_size] == ':')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (line) {
		line += name_size + 1;
		for (; *line && *line != '\r' && *line != '\n' && used + 1 < ret_value_size;
		     line++) {
			unsigned char byte = (unsigned char)*line;

			ret_value[used++] = byte < ' ' || byte == 0x7f ? '?' : *line;
		}
	}
	ret_value[used] = '\0';
	return line != NULL;
}
