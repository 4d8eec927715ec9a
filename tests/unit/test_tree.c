/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of all kinds of paths: nothing in it is unreachable or said twice, and docs/tree.md
 * tells of every row.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "tree.h"

static const struct nv_row *find(const char *pattern, size_t len)
{
	for (size_t i = 0; i < nv_tree_rows_count; i++) {
		const char *other = nv_tree_rows[i].pattern;
		if (strlen(other) == len && memcmp(other, pattern, len) == 0) {
			return &nv_tree_rows[i];
		}
	}
	return NULL;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < nv_tree_rows_count; i++) {
		const struct nv_row *row = &nv_tree_rows[i];
		if (find(row->pattern, strlen(row->pattern)) != row) {
			fail_msg("\"%s\" is there twice", row->pattern);
		}
		if (!row->ops || !row->ops->name) {
			fail_msg("\"%s\" has no code", row->pattern);
		}
		const char *slash = strrchr(row->pattern, '/');
		const struct nv_row *dir =
			find(row->pattern, slash ? (size_t)(slash - row->pattern) : 0);
		if (!dir || dir->type != NV_DIR) {
			fail_msg("\"%s\" is in no directory", row->pattern);
		}
	}
	assert_string_equal(nv_tree_rows[0].pattern, "");
}

/* The whole of a file of the sources. */
static char *slurp(const char *path)
{
	char whole[4096];
	const char *dir = getenv("NV_SRCDIR");
	(void)snprintf(whole, sizeof(whole), "%s/%s", dir ? dir : ".", path);
	FILE *file = fopen(whole, "re");
	if (!file) {
		fail_msg("%s: %s", whole, strerror(errno));
		return NULL;
	}
	char *text = NULL;
	size_t size = 0;
	ssize_t len = getdelim(&text, &size, '\0', file);
	(void)fclose(file);
	assert_true(len > 0);
	return text;
}

static bool is_word(char byte)
{
	return isalnum((unsigned char)byte) || byte == '_' || byte == '.';
}

/* The component stands in the text, and not as a part of a longer one. */
static bool has_component(const char *text, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
		if ((at == text || !is_word(at[-1])) && !is_word(at[len])) {
			return true;
		}
	}
	return false;
}

static void test_documented(void **state)
{
	(void)state;
	cleanup_free char *page = slurp("docs/tree.md");
	for (size_t i = 1; i < nv_tree_rows_count; i++) {
		const char *pattern = nv_tree_rows[i].pattern;
		if (strncmp(pattern, "views/stored/", strlen("views/stored/")) == 0) {
			continue; /* the paths of netgoat/ once more */
		}
		/* The heading of its part; what a part says ends at the next heading. */
		char heading[64];
		(void)snprintf(heading, sizeof(heading), "\n## %.*s/", (int)strcspn(pattern, "/"),
		               pattern);
		const char *part = strstr(page, heading);
		if (!part) {
			fail_msg("docs/tree.md has no part of %s", heading + 1);
			return;
		}
		const char *end = strstr(part + 1, "\n## ");
		cleanup_free char *text = end ? strndup(part, (size_t)(end - part)) : strdup(part);
		assert_non_null(text);
		const char *slash = strrchr(pattern, '/');
		if (slash && !has_component(text, slash + 1)) {
			fail_msg("docs/tree.md does not tell of %s", pattern);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_documented),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
