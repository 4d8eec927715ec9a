/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "views/edge_values.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "netgoat/names.h"

bool nv_edge_flag(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                  bool missing)
{
	bson_iter_t iter;
	return nv_schema_find(kind, role, doc, &iter, NULL) ? bson_iter_as_bool(&iter) : missing;
}

void nv_edge_put_id(bson_t *out, const char *key, const bson_t *doc)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	bson_iter_t iter;
	bool has = bson_iter_init_find(&iter, doc, "_id") && nv_docname_id_text(doc, &text) == 0;
	bson_append_utf8(out, key, -1, has && text.data ? text.data : "", has ? (int)text.len : 0);
}

/* missing: what stands for a string that is not there; NULL = leave it out. */
void nv_edge_put_string(bson_t *out, const char *key, const struct nv_schema_kind *kind,
                        enum nv_role role, const bson_t *doc, const char *missing)
{
	const char *text = NULL;
	size_t size = 0;
	if (nv_doc_string(kind, role, doc, &text, &size)) {
		bson_append_utf8(out, key, -1, text, (int)size);
	} else if (missing) {
		bson_append_utf8(out, key, -1, missing, -1);
	}
}

void nv_edge_put_lower(bson_t *out, const char *key, const char *text, size_t size)
{
	char *lower = malloc(size + 1);
	for (size_t i = 0; lower && i < size; i++) {
		lower[i] = (char)tolower((unsigned char)text[i]);
	}
	bson_append_utf8(out, key, -1, lower ? lower : text, (int)size);
	free(lower);
}

void nv_edge_put_key(bson_t *out, const char *key, const struct nv_schema_kind *kind,
                     enum nv_role role, const bson_t *doc, const char *mask, const char *missing)
{
	const char *text = NULL;
	size_t size = 0;
	bool has = nv_doc_string(kind, role, doc, &text, &size) && size;
	if (has || missing) {
		bson_append_utf8(out, key, -1, has ? mask : missing, -1);
	}
}

/* A stored value with ids as text, and "id" for "_id". */
void nv_edge_put_plain(bson_t *out, const char *key, bson_iter_t *iter)
{
	bson_iter_t child;
	if (strcmp(key, "_id") == 0) {
		key = "id";
	}
	if (BSON_ITER_HOLDS_OID(iter)) {
		char text[25];
		bson_oid_to_string(bson_iter_oid(iter), text);
		bson_append_utf8(out, key, -1, text, -1);
	} else if ((BSON_ITER_HOLDS_DOCUMENT(iter) || BSON_ITER_HOLDS_ARRAY(iter)) &&
	           bson_iter_recurse(iter, &child)) {
		bson_t inner = BSON_INITIALIZER;
		while (bson_iter_next(&child)) {
			nv_edge_put_plain(&inner, bson_iter_key(&child), &child);
		}
		if (BSON_ITER_HOLDS_ARRAY(iter)) {
			bson_append_array(out, key, -1, &inner);
		} else {
			bson_append_document(out, key, -1, &inner);
		}
		bson_destroy(&inner);
	} else {
		bson_append_iter(out, key, -1, iter);
	}
}

void nv_edge_put_element(bson_t *array, uint32_t *index, const bson_t *doc)
{
	char number[16];
	const char *key = NULL;
	size_t size = bson_uint32_to_string((*index)++, &key, number, sizeof(number));
	bson_append_document(array, key, (int)size, doc);
}

/* ---- Policy ---- */

struct limit {
	const char *group;
	const char *key;
	double min;
	double max;
};

static const struct limit limits[] = {
	{ "cache", "ttl_seconds", 1, 86400 },
	{ "cache", "max_entries", 1, 100000 },
	{ "cache", "max_body_bytes", 1024, 104857600 },
	{ "bandwidth", "bytes_per_second", 1024, 10737418240.0 },
	{ "bandwidth", "burst_bytes", 1024, 10737418240.0 },
};

static bool is_bandwidth_key(const bson_iter_t *iter)
{
	static const char *const keys[] = { "ip", "host", "route", "global" };
	for (size_t i = 0; BSON_ITER_HOLDS_UTF8(iter) && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(bson_iter_utf8(iter, NULL), keys[i]) == 0) {
			return true;
		}
	}
	return false;
}

static void put_policy_group(bson_t *out, const bson_t *policy, const char *group)
{
	bson_iter_t iter;
	bson_iter_t field;
	bson_t kept = BSON_INITIALIZER;
	if (bson_iter_init_find(&iter, policy, group) && BSON_ITER_HOLDS_DOCUMENT(&iter) &&
	    bson_iter_recurse(&iter, &field)) {
		while (bson_iter_next(&field)) {
			bool good = strcmp(group, "bandwidth") == 0 &&
			            strcmp(bson_iter_key(&field), "key") == 0 &&
			            is_bandwidth_key(&field);
			double number = BSON_ITER_HOLDS_DOUBLE(&field)
			                        ? bson_iter_double(&field)
			                        : (double)bson_iter_as_int64(&field);
			for (size_t i = 0; BSON_ITER_HOLDS_NUMBER(&field) &&
			                   i < sizeof(limits) / sizeof(limits[0]);
			     i++) {
				good = good || (strcmp(limits[i].group, group) == 0 &&
				                strcmp(limits[i].key, bson_iter_key(&field)) == 0 &&
				                number >= limits[i].min && number <= limits[i].max);
			}
			if (good) {
				bson_append_iter(&kept, NULL, 0, &field);
			}
		}
	}
	if (!bson_empty(&kept)) {
		bson_append_document(out, group, -1, &kept);
	}
	bson_destroy(&kept);
}

void nv_edge_put_policy(bson_t *out, const struct nv_schema_kind *kind, enum nv_role role,
                        const bson_t *doc)
{
	bson_iter_t iter;
	uint32_t size = 0;
	const uint8_t *data = NULL;
	bson_t stored;
	bson_t policy = BSON_INITIALIZER;
	if (nv_schema_find(kind, role, doc, &iter, NULL) && BSON_ITER_HOLDS_DOCUMENT(&iter)) {
		bson_iter_document(&iter, &size, &data);
		if (bson_init_static(&stored, data, size)) {
			put_policy_group(&policy, &stored, "cache");
			put_policy_group(&policy, &stored, "bandwidth");
		}
	}
	if (!bson_empty(&policy)) {
		bson_append_document(out, "policy", -1, &policy);
	}
	bson_destroy(&policy);
}
