/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/batch.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct nv_docbatch_sink {
	nv_docbatch_fn *fn;
	void *ctx;
};

void nv_docbatch_init(struct nv_docbatch *batch, struct nv_docstore *store)
{
	*batch = (struct nv_docbatch){ .store = store, .arena = NV_ARENA_INIT };
}

void nv_docbatch_release(struct nv_docbatch *batch)
{
	nv_arena_release(&batch->arena);
	*batch = (struct nv_docbatch){ .store = batch->store };
}

static void add_term(struct nv_docask *ask, const char *const *paths, size_t paths_count,
                     enum nv_docterm_op op, const bson_value_t *values, size_t count)
{
	assert(ask->terms_count < NV_ASK_TERMS_MAX);
	ask->terms[ask->terms_count++] = (struct nv_docterm){ .paths = paths,
		                                              .paths_count = paths_count,
		                                              .op = op,
		                                              .values = values,
		                                              .values_count = count };
}

void nv_docask_term(struct nv_docask *ask, enum nv_role role, enum nv_docterm_op op,
                    const bson_value_t *values, size_t count)
{
	const char *const *paths = NULL;
	size_t paths_count = nv_schema_role_paths(ask->kind, role, &paths);
	if (paths_count) {
		add_term(ask, paths, paths_count, op, values, count);
	}
}

void nv_docask_id(struct nv_docask *ask, enum nv_docterm_op op, const bson_value_t *values,
                  size_t count)
{
	static const char *const paths[] = { "_id" };
	add_term(ask, paths, 1, op, values, count);
}

/* A projected path must not lie below another. */
static bool is_below(const char *path, const char *const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(fields[i]);
		if (strncmp(path, fields[i], size) == 0 &&
		    (path[size] == '.' || path[size] == '\0')) {
			return true;
		}
	}
	return false;
}

void nv_docask_heads(struct nv_docask *ask, struct nv_arena *arena)
{
	static const enum nv_role roles[] = { NV_ROLE_NAME, NV_ROLE_TYPE, NV_ROLE_TEAM,
		                              NV_ROLE_DOMAIN };
	const char **fields = nv_arena_alloc(arena, 4 * 8, sizeof(*fields));
	size_t count = 0;
	for (size_t r = 0; fields && r < sizeof(roles) / sizeof(roles[0]); r++) {
		const struct nv_schema_field *field = ask->kind->roles[roles[r]];
		for (size_t p = 0; field && p < field->paths_count; p++) {
			size_t top = strcspn(field->paths[p], ".");
			const char *path = nv_arena_strndup(arena, field->paths[p], top);
			if (path && !is_below(path, fields, count)) {
				fields[count++] = path;
			}
		}
	}
	if (count == 0 && fields) {
		fields[count++] = "_id";
	}
	ask->fields = fields;
	ask->fields_count = count;
}

int nv_docbatch_add(struct nv_docbatch *batch, const struct nv_docask *ask)
{
	struct nv_docterm *terms = nv_arena_alloc(&batch->arena, ask->terms_count, sizeof(*terms));
	if (!terms) {
		return -ENOMEM;
	}
	if (ask->terms_count) {
		memcpy(terms, ask->terms, ask->terms_count * sizeof(*terms));
	}
	for (size_t i = 0; i < ask->kind->collections_count; i++) {
		if (nv_arena_grow(&batch->arena, (void **)&batch->queries, batch->count,
		                  &batch->queries_cap, sizeof(*batch->queries)) ||
		    nv_arena_grow(&batch->arena, (void **)&batch->sinks, batch->count,
		                  &batch->sinks_cap, sizeof(*batch->sinks))) {
			return -ENOMEM;
		}
		batch->queries[batch->count] =
			(struct nv_docquery){ .collection = ask->kind->collections[i],
			                      .terms = terms,
			                      .terms_count = ask->terms_count,
			                      .fields = ask->fields,
			                      .fields_count = ask->fields_count,
			                      .sort = ask->sort,
			                      .limit = ask->limit };
		batch->sinks[batch->count++] =
			(struct nv_docbatch_sink){ .fn = ask->fn, .ctx = ask->ctx };
	}
	return 0;
}

static int deliver(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	struct nv_docbatch *batch = ctx;
	const struct nv_docbatch_sink *sink = &batch->sinks[query];
	return sink->fn(sink->ctx, batch->queries[query].collection, doc, err);
}

int nv_docbatch_run(struct nv_docbatch *batch, struct nv_err *err)
{
	if (nv_arena_error(&batch->arena)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	int rc = batch->count ? nv_docstore_query(batch->store, batch->queries, batch->count,
	                                          deliver, batch, err)
	                      : 0;
	batch->count = 0;
	return rc < 0 ? rc : 0;
}
