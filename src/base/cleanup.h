/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scope-bound release of function-local resources. Initialise a cleanup variable at its
 * declaration.
 */
#ifndef NV_BASE_CLEANUP_H
#define NV_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

/* Declares NV_DEFINE_CLEANUP(name, type, free_fn): cleanup_name calls free_fn(value) at scope
 * end. */
#define NV_DEFINE_CLEANUP(name, type, free_fn)                                                     \
	static inline void nv_cleanup_##name(type *value)                                          \
	{                                                                                          \
		free_fn(*value);                                                                   \
	}

#define NV_CLEANUP(name) __attribute__((cleanup(nv_cleanup_##name)))

static inline void nv_cleanup_free(void *value)
{
	free(*(void **)value);
}

static inline void nv_cleanup_fd(const int *fd)
{
	if (*fd >= 0) {
		(void)close(*fd); /* nothing a scope's end could do about it */
	}
}

#define cleanup_free __attribute__((cleanup(nv_cleanup_free)))
#define cleanup_fd __attribute__((cleanup(nv_cleanup_fd)))

/* Takes the pointer out of a variable: returns it and leaves NULL. */
#define steal(pointer)                                                                             \
	__extension__({                                                                            \
		__typeof__(*(pointer)) nv_stolen = *(pointer);                                     \
		*(pointer) = NULL;                                                                 \
		nv_stolen;                                                                         \
	})

#endif
