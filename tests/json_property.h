/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What must hold of every text that the JSON codec is given and of every document that it shows.
 * Shared by tests/unit and tests/fuzz; a violation is a sentence.
 */
#ifndef NV_TESTS_JSON_PROPERTY_H
#define NV_TESTS_JSON_PROPERTY_H

#include "base/utf8.h"
#include "codec/bsondiff.h"
#include "codec/json.h"

#include "codec_property.h"

/* True when buf is the bytes of doc. */
static inline bool json_is(const bson_t *doc, const uint8_t *data, size_t size)
{
	return doc->len == size && memcmp(bson_get_data(doc), data, size) == 0;
}

/* What the text of a document violates: it must read back as the document, and every beginning of
 * it is the beginning of a good text. */
static inline const char *json_text_violation(const bson_t *doc, const struct nv_buf *text,
                                              int shown)
{
	cleanup_bson bson_t *again = NULL;
	struct nv_faults faults = NV_FAULTS_INIT;
	unsigned flags = shown == NV_JSON_OPAQUE ? NV_JSON_ALLOW_BSON : 0;
	bool refused = nv_json_parse(text->data, text->len, flags, &again, &faults) != 0;

	nv_faults_release(&faults);
	if (refused) {
		return "the text of a document is refused";
	}
	if (!json_is(again, bson_get_data(doc), doc->len)) {
		return "the text of a document reads as another";
	}
	if (nv_json_scan(text->data, text->len, flags, NULL) != NV_JSON_GOOD) {
		return "the text of a document does not scan as good";
	}
	for (size_t cut = text->len; cut > 0; cut -= cut > 100 ? cut / 7 : 1) {
		enum nv_json_state state = nv_json_scan(text->data, cut - 1, flags, &faults);

		if (state != NV_JSON_PARTIAL && !(state == NV_JSON_GOOD && cut == text->len)) {
			return "the beginning of a good text does not scan as partial";
		}
		if (nv_faults_any(&faults)) {
			return "a partial text has faults";
		}
	}
	return NULL;
}

/* What showing doc violates, in both layouts; *ret_shown as nv_json_format. Damaged documents need
 * not read back. */
static inline const char *json_document_violation(const bson_t *doc, bool damaged, int *ret_shown)
{
	const char *violation = NULL;

	for (unsigned flags = 0; flags <= NV_JSON_COMPACT && !violation; flags++) {
		cleanup_buf struct nv_buf text = NV_BUF_INIT;

		*ret_shown = nv_json_format(doc, flags, &text);
		if (*ret_shown < 0) {
			return "a document is not shown";
		}
		if (flags == NV_JSON_COMPACT ? memchr(text.data, '\n', text.len) != NULL
		                             : text.data[text.len - 1] != '\n') {
			return "new lines where none, or none where one belongs";
		}
		if (!damaged) {
			violation = json_text_violation(doc, &text, *ret_shown);
		}
	}
	return violation;
}

/* What the refusal of a text violates. */
static inline const char *json_refusal_violation(const char *text, size_t size, unsigned flags,
                                                 const struct nv_faults *faults)
{
	struct nv_faults scanned = NV_FAULTS_INIT;
	enum nv_json_state state = nv_json_scan(text, size, flags, &scanned);
	const char *violation = codec_faults_violation(faults);
	size_t lines = 1;

	for (size_t i = 0; i < size; i++) {
		lines += text[i] == '\n';
	}
	for (size_t i = 0; i < faults->count && !violation; i++) {
		if (faults->items[i].line > lines || faults->items[i].column > size + 1) {
			violation = "a reason with a place outside the text";
		}
		if (!nv_utf8_valid(faults->items[i].reason, strlen(faults->items[i].reason))) {
			violation = "a reason that is not UTF-8";
		}
	}
	if (state == NV_JSON_GOOD) {
		violation = "a refused text scans as good";
	} else if ((state == NV_JSON_PARTIAL) == (scanned.count > 0)) {
		violation = "a scan gives reasons when partial, or none when refused";
	}
	nv_faults_release(&scanned);
	return violation;
}

/* What a text violates; *ret_good says whether it was taken. */
static inline const char *json_violation(const char *text, size_t size, unsigned flags,
                                         bool *ret_good)
{
	cleanup_bson bson_t *doc = NULL;
	struct nv_faults faults = NV_FAULTS_INIT;
	const char *violation = NULL;
	int shown = 0;
	int status = nv_json_parse(text, size, flags, &doc, &faults);

	*ret_good = status == 0;
	if (status == -EINVAL) {
		violation = json_refusal_violation(text, size, flags, &faults);
	} else if (status != 0) {
		violation =
			status == -EFBIG && size > NV_JSON_BSON_MAX / 8 ? NULL : "an odd status";
	} else if (nv_faults_any(&faults)) {
		violation = "a reason without a refusal";
	} else if (nv_json_scan(text, size, flags, NULL) != NV_JSON_GOOD) {
		violation = "a good text does not scan as good";
	} else {
		violation = json_document_violation(doc, false, &shown);
	}
	if (!violation && shown == NV_JSON_OPAQUE && !(flags & NV_JSON_ALLOW_BSON)) {
		violation = "what was plain text is shown as opaque";
	}
	nv_faults_release(&faults);
	return violation;
}

#endif
