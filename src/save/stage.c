/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Owns the bytes; must not know what they mean.
 */
#include "config.h"

#include "save/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void nv_stage_release(struct nv_stage *stage)
{
	if (stage->fd >= 0) {
		(void)munmap(stage->data, stage->cap);
		(void)close(stage->fd);
	} else {
		free(stage->data);
	}
	*stage = (struct nv_stage)NV_STAGE_INIT;
}

/* An unlinked file in $TMPDIR or /tmp; also where O_TMPFILE is not to be had. */
static int open_unlinked(void)
{
	const char *dir = getenv("TMPDIR");
	if (!dir || dir[0] != '/') {
		dir = "/tmp";
	}
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		return fd;
	}
	char name[] = "/tmp/netviewfs-stage-XXXXXX";
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0) {
		(void)unlink(name);
	}
	return fd;
}

/* Makes room in the temporary file. posix_fallocate, so that a full disk is an error here and not
 * SIGBUS later. */
static int grow_file(struct nv_stage *stage, size_t cap)
{
	int fd = stage->fd >= 0 ? stage->fd : open_unlinked();
	if (fd < 0) {
		return -errno;
	}
	int error = posix_fallocate(fd, 0, (off_t)cap);
	void *data = MAP_FAILED;
	if (error == 0) {
		data = stage->fd >= 0 ? mremap(stage->data, stage->cap, cap, MREMAP_MAYMOVE)
		                      : mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		error = data == MAP_FAILED ? errno : 0;
	}
	if (error != 0) {
		if (stage->fd < 0) {
			(void)close(fd);
		}
		return -error;
	}
	if (stage->fd < 0) {
		if (stage->size > 0) {
			memcpy(data, stage->data, stage->size);
		}
		free(stage->data);
	}
	stage->data = data;
	stage->cap = cap;
	stage->fd = fd;
	return 0;
}

static int reserve(struct nv_stage *stage, uint64_t size)
{
	if (size > NV_STAGE_MAX) {
		return -EFBIG;
	}
	if (size <= stage->cap) {
		return 0;
	}
	size_t cap = stage->cap ? stage->cap : 4096;
	while (cap < size) {
		cap *= 2;
	}
	if (cap > NV_STAGE_SPILL) {
		return grow_file(stage, cap);
	}
	char *data = realloc(stage->data, cap);
	if (!data) {
		return -ENOMEM;
	}
	memset(data + stage->cap, 0, cap - stage->cap);
	stage->data = data;
	stage->cap = cap;
	return 0;
}

int nv_stage_write(struct nv_stage *stage, const char *data, size_t size, uint64_t offset)
{
	if (offset > NV_STAGE_MAX || size > NV_STAGE_MAX) {
		return -EFBIG;
	}
	int r = reserve(stage, offset + size);
	if (r < 0 || size == 0) {
		return r;
	}
	memcpy(stage->data + offset, data, size);
	if (offset + size > stage->size) {
		stage->size = offset + size;
	}
	return 0;
}

int nv_stage_truncate(struct nv_stage *stage, uint64_t size)
{
	int r = reserve(stage, size);
	if (r < 0) {
		return r;
	}
	if (size < stage->size) {
		memset(stage->data + size, 0, stage->size - size);
	}
	stage->size = size;
	return 0;
}

void nv_stage_move(struct nv_stage *stage, struct nv_stage *from)
{
	nv_stage_release(stage);
	*stage = *from;
	*from = (struct nv_stage)NV_STAGE_INIT;
}

const char *nv_stage_text(const struct nv_stage *stage)
{
	return stage->data ? stage->data : "";
}
