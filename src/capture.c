/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "capture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT_MAX = 1024 };

void nv_capture_begin(struct nv_capture *capture)
{
	capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	capture->file = capture->saved >= 0 ? memfd_create("stderr", MFD_CLOEXEC) : -1;
	if (capture->file >= 0) {
		(void)dup2(capture->file,
		           STDERR_FILENO); /* the copy outlives exec: the helper prints too */
	}
}

void nv_capture_end(struct nv_capture *capture, struct nv_buf *out)
{
	char text[TEXT_MAX];

	if (capture->file >= 0) {
		(void)dup2(capture->saved, STDERR_FILENO);
		ssize_t size = pread(capture->file, text, sizeof(text), 0);

		while (size > 0 && text[size - 1] == '\n') {
			size--;
		}
		for (ssize_t i = 0; i < size; i++) {
			nv_buf_putc(out, text[i] == '\n' ? ';' : text[i]);
		}
		(void)close(capture->file);
	}
	if (capture->saved >= 0) {
		(void)close(capture->saved);
	}
	*capture = (struct nv_capture){ .saved = -1, .file = -1 };
}
