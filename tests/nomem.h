/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Out of memory at an allocation of one's choice: countdown is set, and that allocation from then
 * on fails. For programs that are linked with $(nomem_ldflags), which include it once.
 */
#ifndef NV_TESTS_NOMEM_H
#define NV_TESTS_NOMEM_H

#include <stdbool.h>
#include <stddef.h>

/* The allocation that fails, counted down; 0 = none does. The wrappers have no other place for it.
 */
static unsigned long countdown;

static bool fails_now(void)
{
	return countdown > 0 && --countdown == 0;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__real_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
	return fails_now() ? NULL : __real_realloc(block, size);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(block, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails_now() ? NULL : __real_strdup(text);
}

#endif
