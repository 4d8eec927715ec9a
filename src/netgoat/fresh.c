/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a new document or array element gets besides its text: defaults, generators, the
 * collection's spelling. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "codec/bsonraw.h"
#include "netgoat/docop.h"

#define HEX_MAX 256
#define SAMPLES_MAX 3

/* ---- Samples ---- */

struct sampling {
	struct nv_arena *arena;
	const bson_t **samples;
	size_t count;
	const char *collection;
};

static int take_sample(void *ctx, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct sampling *sampling = ctx;
	if (sampling->collection && sampling->collection != collection) {
		return 1; /* a later alias: the first that has documents is in use */
	}
	sampling->collection = collection;
	bson_t *kept = nv_arena_keep(sampling->arena, bson_copy(doc));
	if (!kept) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	sampling->samples[sampling->count++] = kept;
	return sampling->count == SAMPLES_MAX;
}

int nv_fresh_samples(struct nv_netgoat *ng, const struct nv_schema_kind *kind,
                     struct nv_arena *arena, const bson_t *const **ret_samples, size_t *ret_count,
                     const char **ret_collection, struct nv_err *err)
{
	struct sampling sampling = { .arena = arena,
		                     .samples = nv_arena_alloc(arena, SAMPLES_MAX,
		                                               sizeof(*sampling.samples)) };
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct nv_docask ask = {
		.kind = kind, .limit = SAMPLES_MAX, .fn = take_sample, .ctx = &sampling
	};
	if (!sampling.samples || nv_docbatch_add(&batch, &ask)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = nv_docbatch_run(&batch, err);
	if (rc == 0) {
		*ret_samples = sampling.samples;
		*ret_count = sampling.count;
		*ret_collection = sampling.collection ? sampling.collection : kind->collections[0];
	}
	return rc;
}

/* ---- Spelling and defaults ---- */

/* Whether a sample has the path (null: even if it says nothing); an array stands for its first
 * element. */
static bool sample_has(const bson_t *sample, const char *path, bool null)
{
	char plain[256];
	size_t used = 0;
	for (const char *at = path; *at && used + 3 < sizeof(plain); at++) {
		if (at[0] == '[' && at[1] == ']') {
			plain[used++] = '.';
			plain[used++] = '0';
			at++;
		} else {
			plain[used++] = *at;
		}
	}
	plain[used] = '\0';
	bson_iter_t iter;
	return nv_doc_find(sample, plain, &iter) && (null || !BSON_ITER_HOLDS_NULL(&iter));
}

const char *nv_fresh_path(const struct nv_fresh *fresh, const struct nv_schema_field *field)
{
	const char *path = nv_fresh_spelling(fresh, field);
	return path ? path : field->paths[0];
}

const char *nv_fresh_spelling(const struct nv_fresh *fresh, const struct nv_schema_field *field)
{
	size_t rounds = field->paths_count > 1 ? fresh->samples_count * 2 : 0;
	for (size_t i = 0; i < rounds; i++) { /* each sample: first what says something */
		for (size_t p = 0; p < field->paths_count; p++) {
			if (sample_has(fresh->samples[i / 2], field->paths[p], i % 2 == 1)) {
				return field->paths[p];
			}
		}
	}
	return NULL;
}

/* Times and versions are the application's way of keeping documents: a new one has them only if
 * its siblings have them. */
static bool siblings_lack(const struct nv_fresh *fresh, const struct nv_schema_field *field)
{
	bool kept = field->role == NV_ROLE_CREATED || field->role == NV_ROLE_UPDATED ||
	            field->role == NV_ROLE_VERSION;
	if (!kept || fresh->samples_count == 0) {
		return false;
	}
	for (size_t s = 0; s < fresh->samples_count; s++) {
		for (size_t p = 0; p < field->paths_count; p++) {
			if (sample_has(fresh->samples[s], field->paths[p], false)) {
				return false;
			}
		}
	}
	return true;
}

static int append_hex(struct nv_buf *out, size_t digits)
{
	unsigned char random[HEX_MAX / 2];
	size_t count = digits > HEX_MAX ? HEX_MAX / 2 : (digits + 1) / 2;
	if (getrandom(random, count, 0) != (ssize_t)count) {
		return -EIO;
	}
	for (size_t i = 0; i < count; i++) {
		nv_buf_printf(out, "%02x", random[i]);
	}
	return 0;
}

/* A default that is a string with generators in it. 1 = nothing to add. */
static int put_generated(const struct nv_fresh *fresh, const char *key, const char *text,
                         struct nv_buf *out)
{
	size_t key_size = strlen(key);
	if (strncmp(text, "$now", 4) == 0) {
		int64_t plus_s = text[4] == '+' ? strtoll(text + 5, NULL, 10) : 0;
		nv_raw_put_key(out, BSON_TYPE_DATE_TIME, key, key_size);
		nv_raw_put_int64(out, fresh->now_ms + plus_s * 1000);
		return 0;
	}
	if (strcmp(text, "$actor") == 0) {
		if (!fresh->actor || !bson_oid_is_valid(fresh->actor, strlen(fresh->actor)) ||
		    strlen(fresh->actor) != 24) {
			return 1;
		}
		bson_oid_t oid;
		bson_oid_init_from_string(&oid, fresh->actor);
		nv_raw_put_key(out, BSON_TYPE_OID, key, key_size);
		nv_buf_append(out, oid.bytes, sizeof(oid.bytes));
		return 0;
	}
	cleanup_buf struct nv_buf made = NV_BUF_INIT;
	const char *hex = strstr(text, "$hex:");
	int rc = 0;
	if (strcmp(text, "$name") == 0) {
		if (!fresh->name) {
			return 1;
		}
		nv_buf_puts(&made, fresh->name);
	} else if (hex) {
		nv_buf_append(&made, text, (size_t)(hex - text));
		rc = append_hex(&made, strtoul(hex + 5, NULL, 10));
	} else {
		nv_buf_puts(&made, text);
	}
	nv_raw_put_key(out, BSON_TYPE_UTF8, key, key_size);
	nv_raw_put_text(out, made.data ? made.data : "", made.len);
	return rc ? rc : nv_buf_error(&made);
}

static int put_default(const struct nv_fresh *fresh, const struct nv_schema_field *field,
                       const char *key, struct nv_buf *out)
{
	struct nv_raw_elem elem;
	if (!nv_elem_find(field->fallback, "", &elem)) {
		return 1;
	}
	if (elem.type == BSON_TYPE_UTF8) {
		return put_generated(fresh, key, (const char *)elem.value + 4, out);
	}
	nv_raw_put(out, key, strlen(key), &elem);
	return 0;
}

static bool has_key(const uint8_t *data, size_t size, const char *key)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	int more = nv_raw_iter_init(&iter, data, size) ? 0 : 1;
	while (more > 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0) {
		if (nv_raw_key_is(&elem, key, strlen(key))) {
			return true;
		}
	}
	return false;
}

/* True when an alias of field that stands beside node is in the document. */
static bool has_alias(const struct nv_schema_node *parent, const struct nv_schema_field *field,
                      const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < parent->children_count; i++) {
		const struct nv_schema_node *child = parent->children[i];
		if (child->field == field && !child->pattern && has_key(data, size, child->name)) {
			return true;
		}
	}
	return false;
}

/* The last component of an alias path is the key to write. */
static bool is_chosen(const struct nv_fresh *fresh, const struct nv_schema_node *child)
{
	const char *path = nv_fresh_path(fresh, child->field);
	const char *dot = strrchr(path, '.');
	return strcmp(dot ? dot + 1 : path, child->name) == 0;
}

static const uint8_t empty_doc[] = { 5, 0, 0, 0, 0 };

/* Appends the default of one missing child. */
static int fill_child(const struct nv_fresh *fresh, const struct nv_schema_node *parent,
                      const struct nv_schema_node *child, const uint8_t *data, size_t size,
                      struct nv_buf *out)
{
	const struct nv_schema_field *field = child->field;
	if (child->pattern || has_key(data, size, child->name) ||
	    (field && has_alias(parent, field, data, size))) {
		return 0;
	}
	if (field && field->role == NV_ROLE_VERSION) {
		if (fresh->samples_count && !siblings_lack(fresh, field)) {
			nv_raw_put_key(out, BSON_TYPE_INT32, child->name, strlen(child->name));
			nv_raw_put_int32(out, 0);
		}
		return 0;
	}
	if (field && field->fallback) {
		if (siblings_lack(fresh, field) || !is_chosen(fresh, child)) {
			return 0;
		}
		int rc = put_default(fresh, field, child->name, out);
		return rc > 0 ? 0 : rc;
	}
	if (child->children_count == 0 || child->element) {
		return 0;
	}
	size_t start = out->len;
	nv_raw_put_key(out, BSON_TYPE_DOCUMENT, child->name, strlen(child->name));
	size_t body = out->len;
	int rc = nv_fresh_fill(fresh, child, empty_doc, sizeof(empty_doc), out);
	if (out->len == body + sizeof(empty_doc)) {
		nv_buf_truncate(out, start); /* nothing below has a default */
	}
	return rc;
}

int nv_fresh_fill(const struct nv_fresh *fresh, const struct nv_schema_node *node,
                  const uint8_t *data, size_t size, struct nv_buf *out)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	int rc = nv_raw_iter_init(&iter, data, size);
	size_t start = nv_raw_begin(out);
	while (rc == 0 && (rc = nv_raw_iter_next(&iter, &elem)) > 0) {
		const struct nv_schema_node *child = nv_schema_child(node, elem.key, elem.key_size);
		rc = 0;
		if (elem.type == BSON_TYPE_DOCUMENT && child && child->children_count) {
			nv_raw_put_key(out, elem.type, elem.key, elem.key_size);
			rc = nv_fresh_fill(fresh, child, elem.value, elem.size, out);
		} else {
			nv_raw_put(out, elem.key, elem.key_size, &elem);
		}
	}
	for (size_t i = 0; rc == 0 && i < node->children_count; i++) {
		rc = fill_child(fresh, node, node->children[i], data, size, out);
	}
	nv_raw_end(out, start);
	if (rc == 0) {
		rc = nv_buf_error(out);
	}
	return rc == -ENOMEM ? rc : rc ? -EIO : 0;
}
