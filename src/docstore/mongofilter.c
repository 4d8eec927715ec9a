/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Terms as queries. Owns the rule of aliases: the first path that is not null counts, so a term is
 * true if it is true of path 1 and that is not null, or path 1 is null and it is true of path 2, …
 *
 * A plain {path: value} is used where it says the same as $eq: some servers find an index for
 * nothing else.
 */
#include "config.h"

#include "docstore/mongofilter.h"

#include <errno.h>
#include <string.h>

#include "docstore/build.h"

/* The values of one term as bytes. */
struct values {
	struct nv_buf bytes; /* one document with the values as its fields */
	size_t size;         /* of the values */
	size_t nulls;        /* null or undefined among them */
	size_t regexes;      /* patterns to $in, but values to us */
};

/* A list of clauses under way: {$and: […]}, {$or: […]}. */
struct clauses {
	struct nv_buf *out;
	size_t count;
};

static bool is_null(const struct nv_bval *value)
{
	return value->type == BSON_TYPE_NULL || value->type == BSON_TYPE_UNDEFINED;
}

static int values_init(struct values *values, const struct nv_docterm *term, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	size_t doc = nv_bval_begin(&values->bytes);
	for (size_t i = 0; i < term->values_count; i++) {
		struct nv_bval value;
		int rc = nv_bval_from(&term->values[i], &store, &value);
		if (rc < 0) {
			return nv_fail(err, -rc,
			               rc == -ENOMEM ? "out of memory"
			                             : "a value of the query is no BSON");
		}
		values->nulls += is_null(&value);
		values->regexes += value.type == BSON_TYPE_REGEX;
		nv_build_value_at(&values->bytes, i, &value);
	}
	nv_bval_end(&values->bytes, doc);
	values->size = term->values_count;
	return nv_buf_error(&values->bytes) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static void clause_begin(struct clauses *clauses, size_t *ret_start)
{
	*ret_start = nv_build_open_at(clauses->out, BSON_TYPE_DOCUMENT, clauses->count++);
}

/* True when no server can take {path: value} for an operator expression. */
static bool is_plain(const struct nv_bval *value)
{
	if (value->type == BSON_TYPE_DOCUMENT) {
		struct nv_bwalk walk = nv_bwalk(value);
		struct nv_bfield field;
		return nv_bwalk_next(&walk, &field) > 0 && field.key[0] != '$';
	}
	return value->type != BSON_TYPE_REGEX;
}

/* path: {op: value}; undefined, which no server takes, is null. */
static void put_op(struct clauses *clauses, const char *path, const char *op,
                   const struct nv_bval *value)
{
	size_t clause = 0;
	clause_begin(clauses, &clause);
	bool plain = is_plain(value) && strcmp(op, "$eq") == 0;
	size_t start = plain ? 0 : nv_build_open(clauses->out, BSON_TYPE_DOCUMENT, path);
	const char *key = plain ? path : op;
	if (is_null(value)) {
		nv_build_null(clauses->out, key);
	} else {
		nv_build_value(clauses->out, key, value);
	}
	if (!plain) {
		nv_bval_end(clauses->out, start);
	}
	nv_bval_end(clauses->out, clause);
}

static void put_null(struct clauses *clauses, const char *path, bool null)
{
	const struct nv_bval value = { BSON_TYPE_NULL, (const uint8_t *)"", 0 };
	put_op(clauses, path, null ? "$eq" : "$ne", &value);
}

/* {path: {$in: […]}} with all values but patterns, and but null unless wanted. */
static void put_in(struct clauses *clauses, const char *path, const struct values *values,
                   bool nulls)
{
	size_t clause = 0;
	size_t count = 0;
	clause_begin(clauses, &clause);
	size_t field = nv_build_open(clauses->out, BSON_TYPE_DOCUMENT, path);
	size_t list = nv_build_open(clauses->out, BSON_TYPE_ARRAY, "$in");
	struct nv_bval all = nv_build_doc(&values->bytes);
	struct nv_bwalk walk = nv_bwalk(&all);
	struct nv_bfield value;
	const struct nv_bval null = { BSON_TYPE_NULL, (const uint8_t *)"", 0 };
	while (nv_bwalk_next(&walk, &value) > 0) {
		if (value.value.type == BSON_TYPE_REGEX || (is_null(&value.value) && !nulls)) {
			continue;
		}
		nv_build_value_at(clauses->out, count++,
		                  is_null(&value.value) ? &null : &value.value);
	}
	nv_bval_end(clauses->out, list);
	nv_bval_end(clauses->out, field);
	nv_bval_end(clauses->out, clause);
}

/* One clause: {name: [ in, pattern, pattern… ]}: $or for "is one of", $nor for "is none of". */
static void put_members(struct clauses *clauses, const char *path, const struct values *values,
                        bool nulls, const char *name)
{
	size_t clause = 0;
	clause_begin(clauses, &clause);
	size_t list = nv_build_open(clauses->out, BSON_TYPE_ARRAY, name);
	struct clauses inner = { clauses->out, 0 };
	put_in(&inner, path, values, nulls);
	struct nv_bval all = nv_build_doc(&values->bytes);
	struct nv_bwalk walk = nv_bwalk(&all);
	struct nv_bfield value;
	while (nv_bwalk_next(&walk, &value) > 0) {
		if (value.value.type == BSON_TYPE_REGEX) {
			put_op(&inner, path, "$eq", &value.value);
		}
	}
	nv_bval_end(clauses->out, list);
	nv_bval_end(clauses->out, clause);
}

/* What the operator says of one path. nulls: the path may be null (it is the last alias). */
static void put_condition(struct clauses *clauses, const char *path, const struct nv_docterm *term,
                          const struct values *values, bool nulls)
{
	struct nv_bval all = nv_build_doc(&values->bytes);
	struct nv_bwalk walk = nv_bwalk(&all);
	struct nv_bfield first;
	switch (term->op) {
	case NV_DOCTERM_IN:
		if (values->regexes == 0) {
			put_in(clauses, path, values, nulls);
		} else {
			put_members(clauses, path, values, nulls, "$or");
		}
		break;
	case NV_DOCTERM_NIN:
		put_members(clauses, path, values, nulls, "$nor");
		break;
	case NV_DOCTERM_NULL:
	case NV_DOCTERM_NOTNULL:
		put_null(clauses, path, term->op == NV_DOCTERM_NULL);
		break;
	case NV_DOCTERM_EQ:
	case NV_DOCTERM_GE:
	case NV_DOCTERM_LT:
		if (values->nulls > 0 && term->op == NV_DOCTERM_LT) {
			put_in(clauses, path, values, false); /* nothing is before null */
		} else if (nv_bwalk_next(&walk, &first) > 0) {
			put_op(clauses, path,
			       term->op == NV_DOCTERM_EQ   ? "$eq"
			       : values->nulls > 0         ? "$eq"
			       : term->op == NV_DOCTERM_GE ? "$gte"
			                                   : "$lt",
			       &first.value);
		}
		break;
	}
}

/* True when no value that is not null can make the term true. */
static bool wants_null(const struct nv_docterm *term, const struct values *values)
{
	return term->op == NV_DOCTERM_NULL ||
	       ((term->op == NV_DOCTERM_EQ || term->op == NV_DOCTERM_IN ||
	         term->op == NV_DOCTERM_GE || term->op == NV_DOCTERM_LT) &&
	        values->nulls == values->size);
}

/* {$or: [ …one alternative for each alias… ]} */
static void put_aliases(struct clauses *clauses, const struct nv_docterm *term,
                        const struct values *values)
{
	size_t clause = 0;
	clause_begin(clauses, &clause);
	size_t list = nv_build_open(clauses->out, BSON_TYPE_ARRAY, "$or");
	struct clauses alternatives = { clauses->out, 0 };
	size_t last = term->paths_count - 1;
	for (size_t i = wants_null(term, values) ? last : 0; i <= last; i++) {
		size_t alternative = 0;
		clause_begin(&alternatives, &alternative);
		size_t all = nv_build_open(clauses->out, BSON_TYPE_ARRAY, "$and");
		struct clauses parts = { clauses->out, 0 };
		put_condition(&parts, term->paths[i], term, values, i == last);
		if (i < last) {
			put_null(&parts, term->paths[i], false);
		}
		for (size_t k = 0; k < i; k++) {
			put_null(&parts, term->paths[k], true);
		}
		nv_bval_end(clauses->out, all);
		nv_bval_end(clauses->out, alternative);
	}
	nv_bval_end(clauses->out, list);
	nv_bval_end(clauses->out, clause);
}

/* {_id: value} with nothing else: the form that every server answers from the index of _id. 1:
 * said. */
static int put_by_id(struct nv_buf *out, const struct nv_docterm *term, struct nv_err *err)
{
	cleanup_buf struct nv_buf store = NV_BUF_INIT;
	struct nv_bval id;
	if (term->op != NV_DOCTERM_EQ || term->paths_count != 1 ||
	    strcmp(term->paths[0], "_id") != 0) {
		return 0;
	}
	int rc = nv_bval_from(term->values, &store, &id);
	if (rc < 0) {
		return nv_fail(err, -rc, rc == -ENOMEM ? "out of memory" : "the _id is no BSON");
	}
	if (!is_plain(&id) || is_null(&id)) {
		return 0;
	}
	size_t doc = nv_bval_begin(out);
	nv_build_value(out, "_id", &id);
	nv_bval_end(out, doc);
	return 1;
}

static int put_term(struct clauses *clauses, const struct nv_docterm *term, struct nv_err *err)
{
	struct values values = { .bytes = NV_BUF_INIT };
	int rc = values_init(&values, term, err);
	if (rc == 0 && term->paths_count > 1) {
		put_aliases(clauses, term, &values);
	} else if (rc == 0) {
		put_condition(clauses, term->paths[0], term, &values, true);
	}
	nv_buf_release(&values.bytes);
	return rc;
}

int nv_mongofilter_terms(struct nv_buf *out, const struct nv_docterm *terms, size_t terms_count,
                         struct nv_err *err)
{
	int rc = terms_count == 1 ? put_by_id(out, &terms[0], err) : 0;
	if (rc == 0) {
		size_t doc = nv_bval_begin(out);
		if (terms_count > 0) {
			struct clauses clauses = { out, 0 };
			size_t list = nv_build_open(out, BSON_TYPE_ARRAY, "$and");
			for (size_t i = 0; i < terms_count && rc == 0; i++) {
				rc = put_term(&clauses, &terms[i], err);
			}
			nv_bval_end(out, list);
		}
		nv_bval_end(out, doc);
	}
	if (rc < 0) {
		return rc;
	}
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static size_t elements(const struct nv_bval *array)
{
	struct nv_bwalk walk = nv_bwalk(array);
	struct nv_bfield field;
	size_t count = 0;
	while (nv_bwalk_next(&walk, &field) > 0) {
		count++;
	}
	return count;
}

void nv_mongofilter_guard(struct nv_buf *out, size_t position, const char *path,
                          const struct nv_bval *value, bool weak)
{
	size_t clause = nv_build_open_at(out, BSON_TYPE_DOCUMENT, position);
	size_t field = nv_build_open(out, BSON_TYPE_DOCUMENT, path);
	if (!value) {
		nv_build_bool(out, "$exists", false);
	} else {
		bool by_type = value->type == BSON_TYPE_UNDEFINED ||
		               value->type == BSON_TYPE_NULL ||
		               (weak && value->size > NV_MONGOFILTER_BIG);
		nv_build_int32(out, "$type",
		               value->type == BSON_TYPE_MINKEY ? -1 : (int32_t)value->type);
		if (!by_type) {
			nv_build_value(out, "$eq", value);
		} else if (value->type == BSON_TYPE_ARRAY) {
			nv_build_int32(out, "$size", (int32_t)elements(value));
		}
		if (value->type != BSON_TYPE_ARRAY) {
			size_t no = nv_build_open(out, BSON_TYPE_DOCUMENT, "$not");
			nv_build_int32(out, "$type", BSON_TYPE_ARRAY);
			nv_bval_end(out, no);
		}
	}
	nv_bval_end(out, field);
	nv_bval_end(out, clause);
}
