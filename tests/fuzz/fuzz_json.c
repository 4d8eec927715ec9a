/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as the text of a document, and as a document.
 */
#include "config.h"

#include <bson/bson.h>

#include "../json_property.h"
#include "codec/bsonraw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(const char *violation)
{
	if (violation) {
		(void)fprintf(stderr, "%s\n", violation);
		abort();
	}
}

/* A value is taken or refused as a document is, and every path of a text is looked for safely. */
static void try_value(const char *text, size_t size, const bson_t *doc)
{
	cleanup_bson bson_t *value = NULL;
	size_t line = 0;
	size_t column = 0;
	bson_iter_t iter;

	(void)nv_json_parse_value(text, size, NV_JSON_ALLOW_BSON, &value, NULL);
	if (!doc || !bson_iter_init(&iter, doc)) {
		(void)nv_json_place(text, size, "a.1.b", &line, &column);
		return;
	}
	while (bson_iter_next(&iter)) {
		const char *key = bson_iter_key(&iter);

		if (*key && !strchr(key, '.') && !nv_json_place(text, size, key, &line, &column) &&
		    !memmem(text, size, "$literal", 8) && !memmem(text, size, "$bson", 5)) {
			must_hold("a field of the text has no place in it");
		}
	}
}

static void try_document(const uint8_t *data, size_t size)
{
	bson_t doc;
	int shown = 0;

	if (size < 5 || !bson_init_static(&doc, data, size)) {
		return;
	}
	must_hold(json_document_violation(&doc, nv_raw_check(data, size) < 0, &shown));
}

/* What the text says, compared with itself and with nothing. */
static void try_changes(const bson_t *doc)
{
	cleanup_bson_changes struct nv_bson_changes changes = NV_BSON_CHANGES_INIT;
	cleanup_bson bson_t *made = NULL;
	cleanup_bson bson_t *retyped = NULL;
	bson_t empty = BSON_INITIALIZER;

	if (nv_bson_diff(&empty, doc, &changes, NULL) == 0) {
		if (nv_bson_apply(&empty, &changes, &made, NULL) != 0 ||
		    !nv_bson_equal(made, doc)) {
			must_hold("setting all fields of a document does not make it");
		}
	}
	if (nv_bson_retype(doc, doc, &retyped) != 0 || !nv_bson_equal(retyped, doc)) {
		must_hold("a document has not its own types");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	cleanup_bson bson_t *doc = NULL;
	bool good = false;

	must_hold(json_violation(text, size, 0, &good));
	must_hold(json_violation(text, size, NV_JSON_ALLOW_BSON, &good));
	if (nv_json_parse(text, size, 0, &doc, NULL) == 0) {
		try_changes(doc);
	}
	try_value(text, size, doc);
	try_document(data, size);
	return 0;
}
