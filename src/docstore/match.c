/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Terms tried on documents. Owns the rule of aliases (first path that is not null) and of
 * any-element; equality is key.c's.
 */
#include "config.h"

#include "docstore/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/key.h"
#include "docstore/path.h"

/* One value of a document held against a term. */
struct probe {
	const struct nv_match_term *term;
	struct nv_buf *scratch;
	bool hit;
};

static bool is_null(const struct nv_bval *value)
{
	return !value || value->type == BSON_TYPE_NULL || value->type == BSON_TYPE_UNDEFINED;
}

static int compare_keys(const void *a, const void *b, void *bytes)
{
	const struct nv_match_key *left = a;
	const struct nv_match_key *right = b;
	const char *base = bytes;
	return nv_key_compare(base + left->at, left->size, base + right->at, right->size);
}

static int compile(struct nv_match_term *out, const struct nv_docterm *term)
{
	out->term = term;
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	if (term->values_count > 0) {
		out->keys = calloc(term->values_count, sizeof(*out->keys));
		if (!out->keys) {
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < term->values_count; i++) {
		struct nv_bval value;
		int rc = nv_bval_from(&term->values[i], &store, &value);
		size_t at = out->bytes.len;
		rc = rc < 0 ? rc : nv_key_append(&out->bytes, &value);
		if (rc < 0) {
			return rc;
		}
		out->keys[i] = (struct nv_match_key){ at, out->bytes.len - at };
		out->takes_null = out->takes_null || is_null(&value);
	}
	if (term->values_count == 0) {
		return 0;
	}
	qsort_r(out->keys, term->values_count, sizeof(*out->keys), compare_keys, out->bytes.data);
	for (size_t i = 0; i < term->values_count; i++) {
		if (i == 0 || compare_keys(&out->keys[out->keys_count - 1], &out->keys[i],
		                           out->bytes.data) != 0) {
			out->keys[out->keys_count++] = out->keys[i];
		}
	}
	return 0;
}

int nv_match_init(struct nv_match *ret_match, const struct nv_docterm *terms, size_t terms_count)
{
	*ret_match = (struct nv_match){ .scratch = NV_BUF_INIT };
	if (terms_count == 0) {
		return 0;
	}
	ret_match->terms = calloc(terms_count, sizeof(*ret_match->terms));
	if (!ret_match->terms) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < terms_count; i++) {
		ret_match->count++;
		int rc = compile(&ret_match->terms[i], &terms[i]);
		if (rc < 0) {
			return rc;
		}
	}
	return 0;
}

void nv_match_release(struct nv_match *match)
{
	for (size_t i = 0; i < match->count; i++) {
		nv_buf_release(&match->terms[i].bytes);
		free(match->terms[i].keys);
	}
	free(match->terms);
	nv_buf_release(&match->scratch);
	*match = (struct nv_match){ .scratch = NV_BUF_INIT };
}

/* True when the key in scratch is one of the term's. */
static bool has_key(const struct nv_match_term *term, const struct nv_buf *scratch)
{
	size_t low = 0;
	size_t high = term->keys_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct nv_match_key *key = &term->keys[middle];
		int order = nv_key_compare(scratch->data, scratch->len, term->bytes.data + key->at,
		                           key->size);
		if (order == 0) {
			return true;
		}
		if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return false;
}

/* Keeps looking until one value fits the term (for NIN: until one is among the values). */
static bool try_value(void *ctx, const struct nv_bval *value)
{
	struct probe *probe = ctx;
	const struct nv_match_term *term = probe->term;
	if (is_null(value)) {
		/* Null is not before null. */
		probe->hit = term->takes_null && term->term->op != NV_DOCTERM_LT;
		return !probe->hit;
	}
	nv_buf_truncate(probe->scratch, 0);
	if (nv_key_append(probe->scratch, value) < 0) {
		return false; /* nv_match_doc sees the buffer's error */
	}
	enum nv_docterm_op op = term->term->op;
	if (op == NV_DOCTERM_GE || op == NV_DOCTERM_LT) {
		const struct nv_match_key *key = &term->keys[0];
		const char *bytes = term->bytes.data + key->at;
		int order =
			nv_key_compare(probe->scratch->data, probe->scratch->len, bytes, key->size);
		bool same_kind = probe->scratch->data[0] == bytes[0];
		probe->hit = same_kind && (op == NV_DOCTERM_GE ? order >= 0 : order < 0);
	} else {
		probe->hit = has_key(term, probe->scratch);
	}
	return !probe->hit;
}

static bool try_null(void *ctx, const struct nv_bval *value)
{
	bool *hit = ctx;
	*hit = is_null(value);
	return !*hit;
}

/* What {path: null} says. */
static bool path_is_null(const struct nv_bval *doc, const char *path)
{
	bool hit = false;
	(void)nv_path_each(doc, path, try_null, &hit);
	return hit;
}

static bool term_holds(const struct nv_match_term *term, struct nv_buf *scratch,
                       const struct nv_bval *doc)
{
	const struct nv_docterm *from = term->term;
	size_t last = from->paths_count - 1;
	size_t counts = 0; /* the path that counts */
	bool null_op = from->op == NV_DOCTERM_NULL || from->op == NV_DOCTERM_NOTNULL;
	while (counts < last && path_is_null(doc, from->paths[counts])) {
		counts++;
	}
	if (null_op) {
		bool null = path_is_null(doc, from->paths[counts]);
		return null == (from->op == NV_DOCTERM_NULL);
	}
	struct probe probe = { .term = term, .scratch = scratch };
	(void)nv_path_each(doc, from->paths[counts], try_value, &probe);
	return from->op == NV_DOCTERM_NIN ? !probe.hit : probe.hit;
}

int nv_match_doc(struct nv_match *match, const struct nv_bval *doc)
{
	for (size_t i = 0; i < match->count; i++) {
		bool holds = term_holds(&match->terms[i], &match->scratch, doc);
		if (nv_buf_error(&match->scratch)) {
			return -ENOMEM;
		}
		if (!holds) {
			return 0;
		}
	}
	return 1;
}
