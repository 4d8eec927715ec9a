/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The written text of a handle or scratch file: bytes that grow in memory and, past NV_STAGE_SPILL,
 * in an unlinked temporary file.
 */
#ifndef NV_SAVE_STAGE_H
#define NV_SAVE_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NV_STAGE_SPILL (1UL << 20) /* bytes kept on the heap */
#define NV_STAGE_MAX (1UL << 30)   /* bytes of any text; more is -EFBIG */

struct nv_stage {
	char *data;  /* owned; NULL while cap is 0; bytes past size are zero */
	size_t size; /* bytes of text */
	size_t cap;  /* bytes at data */
	int fd;      /* the temporary file behind data, or -1: heap */
};

#define NV_STAGE_INIT                                                                              \
	{                                                                                          \
		NULL, 0, 0, -1                                                                     \
	}

/* Frees; *stage is then empty and usable again. */
void nv_stage_release(struct nv_stage *stage);

/* Writes at offset; a gap is filled with NUL. 0; -EFBIG, -ENOSPC (temporary file), -ENOMEM. */
int nv_stage_write(struct nv_stage *stage, const char *data, size_t size, uint64_t offset);

/* Cuts or extends with NUL. As nv_stage_write. */
int nv_stage_truncate(struct nv_stage *stage, uint64_t size);

/* Moves the text of *from into *stage (released before); *from is then empty. */
void nv_stage_move(struct nv_stage *stage, struct nv_stage *from);

/* The text; never NULL. */
const char *nv_stage_text(const struct nv_stage *stage);

#endif
