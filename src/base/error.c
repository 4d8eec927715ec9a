/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Drops the half of a UTF-8 character that a cut at the end of text left behind. */
static void trim_cut_character(char *text)
{
	size_t len = strlen(text);
	size_t start = len;

	while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
		start--;
	}
	if (start == 0 || (unsigned char)text[start - 1] < 0xC0) {
		return;
	}
	unsigned char lead = (unsigned char)text[start - 1];
	size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
	if (len - start < need) {
		text[start - 1] = '\0';
	}
}

/* Formats into a message; the arguments may point into it. */
static void format_message(char *message, size_t size, const char *fmt, va_list args)
	__attribute__((format(printf, 3, 0)));

static void format_message(char *message, size_t size, const char *fmt, va_list args)
{
	char text[sizeof(((struct nv_err *)0)->msg)];

	int len = vsnprintf(text, sizeof(text), fmt, args);
	if (len < 0) {
		text[0] = '\0';
	} else if ((size_t)len >= sizeof(text)) {
		trim_cut_character(text);
	}
	memcpy(message, text, strlen(text) + 1 < size ? strlen(text) + 1 : size);
	message[size - 1] = '\0';
}

int nv_fail(struct nv_err *err, int errnum, const char *fmt, ...)
{
	if (errnum <= 0) {
		errnum = EIO;
	}
	if (err) {
		va_list args;

		va_start(args, fmt);
		format_message(err->msg, sizeof(err->msg), fmt, args);
		va_end(args);
		err->errnum = errnum;
	}
	return -errnum;
}

int nv_wrap(struct nv_err *err, const char *fmt, ...)
{
	char context[sizeof(err->msg)];
	char whole[2 * sizeof(err->msg) + 2];
	va_list args;

	if (!err) {
		return -EIO;
	}
	if (err->errnum <= 0) {
		err->errnum = EIO;
	}
	va_start(args, fmt);
	format_message(context, sizeof(context), fmt, args);
	va_end(args);
	(void)snprintf(whole, sizeof(whole), "%s: %s", context, err->msg);
	bool cut = strlen(whole) >= sizeof(err->msg);
	whole[sizeof(err->msg) - 1] = '\0';
	if (cut) {
		trim_cut_character(whole);
	}
	memcpy(err->msg, whole, strlen(whole) + 1);
	return -err->errnum;
}

void nv_err_clear(struct nv_err *err)
{
	if (err) {
		*err = (struct nv_err)NV_ERR_INIT;
	}
}

int nv_faults_add(struct nv_faults *faults, size_t line, size_t column, const char *fmt, ...)
{
	va_list args;
	char *reason = NULL;

	if (!faults) {
		return -EINVAL;
	}
	if (faults->count == NV_FAULTS_MAX) {
		faults->dropped++;
		return -EINVAL;
	}
	if (!faults->items) {
		faults->items = calloc(NV_FAULTS_MAX, sizeof(*faults->items));
	}
	va_start(args, fmt);
	if (!faults->items || vasprintf(&reason, fmt, args) < 0) {
		faults->dropped++;
	} else {
		faults->items[faults->count++] =
			(struct nv_fault){ .line = line, .column = column, .reason = reason };
	}
	va_end(args);
	return -EINVAL;
}

void nv_faults_add_all(struct nv_faults *faults, const struct nv_faults *from)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct nv_fault *fault = &from->items[i];

		(void)nv_faults_add(faults, fault->line, fault->column, "%s", fault->reason);
	}
	if (faults) {
		faults->dropped += from->dropped;
	}
}

int nv_faults_any(const struct nv_faults *faults)
{
	return faults && (faults->count > 0 || faults->dropped > 0);
}

void nv_faults_release(struct nv_faults *faults)
{
	for (size_t i = 0; i < faults->count; i++) {
		free(faults->items[i].reason);
	}
	free(faults->items);
	*faults = (struct nv_faults)NV_FAULTS_INIT;
}
