/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that write. Inside a transaction many operations of one kind go in one command; outside,
 * each is one command, whose filter is the comparison with what was read.
 */
#include "config.h"

#include "docstore/mongoexec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "docstore/build.h"
#include "docstore/key.h"

enum {
	BULK_MAX = 1000, /* operations of one command */
	MODIFY_MAX =
		4 * 1048576, /* bytes of an operation for findAndModify, whose body is limited */
};

static int64_t reply_number(const bson_t *reply, const char *name)
{
	bson_iter_t iter;
	return bson_iter_init_find(&iter, reply, name) ? bson_iter_as_int64(&iter) : 0;
}

/* A command that writes to one collection, under way. */
struct write {
	struct nv_mongo_call *call; /* borrowed */
	mongoc_collection_t *handle;
	bson_t opts; /* the session's */
	bson_t reply;
	bson_error_t error;
};

/* 0, then the driver fills reply and finish_write is owed; or -errno, then nothing is. */
static int begin_write(struct write *write, struct nv_mongo_call *call, const char *collection,
                       struct nv_err *err)
{
	int rc = nv_mongo_check_time(call, err);
	rc = rc < 0 ? rc : nv_mongo_opts(call, &write->opts, err);
	if (rc == 0) {
		write->call = call;
		write->handle = nv_mongo_collection(call, collection);
	}
	return rc;
}

/* No checks of the driver's own (docstore.c has checked). Commands without documents do not know
 * the option. */
static void trust_documents(struct write *write)
{
	BSON_APPEND_BOOL(&write->opts, "validate", false);
}

/* What the server said: 0, or -errno. */
static int judge(struct write *write, bool done, struct nv_err *err)
{
	if (!done) {
		return nv_mongo_failed(write->call, &write->error, &write->reply, err);
	}
	write->call->outcome = NV_OUTCOME_ANSWERED;
	return 0;
}

/* 1: it was of a document; 0: of none, by the number of that name in the reply; -errno. */
static int judge_one(struct write *write, bool done, const char *number, struct nv_err *err)
{
	int rc = judge(write, done, err);
	return rc < 0 ? rc : reply_number(&write->reply, number) > 0;
}

static void finish_write(struct write *write)
{
	bson_destroy(&write->reply);
	mongoc_collection_destroy(write->handle);
	bson_destroy(&write->opts);
}

/* The index in a reply's first write error. */
static size_t failed_index(const bson_t *reply)
{
	bson_iter_t iter;
	bson_iter_t at;
	if (bson_iter_init(&iter, reply) &&
	    bson_iter_find_descendant(&iter, "writeErrors.0.index", &at)) {
		return (size_t)bson_iter_as_int64(&at);
	}
	return SIZE_MAX;
}

int nv_mongoexec_insert(struct nv_mongo_call *call, const char *collection,
                        const bson_t *const *docs, size_t count, size_t *ret_failed,
                        struct nv_err *err)
{
	struct write write;
	*ret_failed = SIZE_MAX;
	int rc = begin_write(&write, call, collection, err);
	if (rc < 0) {
		return rc;
	}
	trust_documents(&write);
	bool done = mongoc_collection_insert_many(write.handle, (const bson_t **)(void *)docs,
	                                          count, &write.opts, &write.reply, &write.error);
	if (!done) {
		*ret_failed = count == 1 ? 0 : failed_index(&write.reply);
	}
	rc = judge(&write, done, err);
	finish_write(&write);
	return rc;
}

int nv_mongoexec_update(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                        const bson_t *changes, struct nv_err *err)
{
	struct write write;
	int rc = begin_write(&write, call, collection, err);
	if (rc < 0) {
		return rc;
	}
	trust_documents(&write);
	bool done = mongoc_collection_update_one(write.handle, filter, changes, &write.opts,
	                                         &write.reply, &write.error);
	rc = judge_one(&write, done, "matchedCount", err);
	finish_write(&write);
	return rc;
}

int nv_mongoexec_delete(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                        struct nv_err *err)
{
	struct write write;
	int rc = begin_write(&write, call, collection, err);
	if (rc < 0) {
		return rc;
	}
	bool done = mongoc_collection_delete_one(write.handle, filter, &write.opts, &write.reply,
	                                         &write.error);
	rc = judge_one(&write, done, "deletedCount", err);
	finish_write(&write);
	return rc;
}

static int replace(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                   const struct nv_bval *doc, struct nv_err *err)
{
	struct write write;
	bson_t replacement;
	int rc = begin_write(&write, call, collection, err);
	if (rc < 0) {
		return rc;
	}
	trust_documents(&write);
	(void)bson_init_static(&replacement, doc->data, doc->size);
	bool done = mongoc_collection_replace_one(write.handle, filter, &replacement, &write.opts,
	                                          &write.reply, &write.error);
	rc = judge_one(&write, done, "matchedCount", err);
	finish_write(&write);
	return rc;
}

/* The document that findAndModify answers with: 1, or 0 when nothing matched. */
static int take_value(const bson_t *reply, bson_t **ret_after, struct nv_err *err)
{
	bson_iter_t iter;
	const uint8_t *data = NULL;
	uint32_t size = 0;
	if (!bson_iter_init_find(&iter, reply, "value") || !BSON_ITER_HOLDS_DOCUMENT(&iter)) {
		return 0;
	}
	bson_iter_document(&iter, &size, &data);
	*ret_after = bson_new_from_data(data, size);
	return *ret_after ? 1 : nv_fail(err, EIO, "the server's answer is damaged");
}

static int modify(struct nv_mongo_call *call, const char *collection, const bson_t *filter,
                  const bson_t *changes, bson_t **ret_after, struct nv_err *err)
{
	struct write write;
	int rc = begin_write(&write, call, collection, err);
	if (rc < 0) {
		return rc;
	}
	mongoc_find_and_modify_opts_t *opts = mongoc_find_and_modify_opts_new();
	mongoc_find_and_modify_opts_set_update(opts, changes);
	mongoc_find_and_modify_opts_set_flags(opts, MONGOC_FIND_AND_MODIFY_RETURN_NEW);
	mongoc_find_and_modify_opts_append(opts, &write.opts);
	bool done = mongoc_collection_find_and_modify_with_opts(write.handle, filter, opts,
	                                                        &write.reply, &write.error);
	rc = judge(&write, done, err);
	rc = rc < 0 ? rc : take_value(&write.reply, ret_after, err);
	mongoc_find_and_modify_opts_destroy(opts);
	finish_write(&write);
	return rc;
}

struct taker {
	bson_t *doc;
};

static int take_one(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct taker *taker = ctx;
	taker->doc = bson_copy(doc);
	return taker->doc ? 1 : nv_fail(err, ENOMEM, "out of memory");
}

int nv_mongoexec_get(struct nv_mongo_call *call, const char *collection, const struct nv_bval *id,
                     bool settled, bson_t **ret_doc, struct nv_err *err)
{
	cleanup_buf struct nv_buf filter_bytes = NV_BUF_INIT;
	struct taker taker = { NULL };
	bson_t filter;
	size_t start = nv_bval_begin(&filter_bytes);
	nv_build_value(&filter_bytes, "_id", id);
	nv_bval_end(&filter_bytes, start);
	int rc = nv_build_view(&filter_bytes, &filter, err);
	if (rc < 0) {
		return rc;
	}
	struct nv_mongo_find find = {
		.collection = collection, .filter = &filter, .limit = 1, .majority = settled
	};
	rc = nv_mongo_find(call, &find, take_one, &taker, err);
	if (rc < 0) {
		bson_destroy(taker.doc);
		return rc;
	}
	*ret_doc = taker.doc;
	return taker.doc != NULL;
}

/* True when the collection has just this document under its _id. */
static bool is_there(struct nv_mongo_call *call, const char *collection, const bson_t *doc)
{
	struct nv_bval wanted = nv_bval_doc(doc);
	struct nv_bval id;
	bson_t *stored = NULL;
	bool there = false;
	if (nv_bval_field(&wanted, "_id", 3, &id) &&
	    nv_mongoexec_get(call, collection, &id, false, &stored, NULL) == 1) {
		struct nv_bval got = nv_bval_doc(stored);
		there = nv_bval_same(&wanted, &got) || nv_bval_equal(&wanted, &got);
		bson_destroy(stored);
	}
	return there;
}

int nv_mongoexec_insert_once(struct nv_mongo_call *call, const char *collection, const bson_t *doc,
                             struct nv_err *err)
{
	size_t failed = SIZE_MAX;
	const bson_t *docs[] = { doc };
	int rc = nv_mongoexec_insert(call, collection, docs, 1, &failed, err);
	if (rc == 0 || !call->fault.lost || call->session || nv_mongo_left_ms(call) == 0) {
		return rc;
	}
	struct nv_mongo_fault lost = call->fault;
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	rc = nv_mongoexec_insert(call, collection, docs, 1, &failed, err);
	if (rc == -EEXIST && is_there(call, collection, doc)) {
		return 0;
	}
	if (rc < 0 && rc != -EEXIST) { /* the first try is still the one that nobody knows of */
		call->fault = lost;
		if (err) {
			*err = reason;
		}
	}
	return rc;
}

/* ---- Operations ---- */

static int update_op(struct nv_mongo_call *call, const struct nv_mongoop *op, bool back,
                     const bson_t *filter, bson_t **ret_after, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t changes;
	int rc = nv_mongoop_changes(op, back, &bytes, err);
	rc = rc < 0 ? rc : nv_build_view(&bytes, &changes, err);
	if (rc < 0) {
		return rc;
	}
	if (ret_after && nv_mongoop_size(op) <= MODIFY_MAX) {
		return modify(call, op->collection, filter, &changes, ret_after, err);
	}
	rc = nv_mongoexec_update(call, op->collection, filter, &changes, err);
	if (rc == 1 && ret_after) {
		rc = nv_mongoexec_get(call, op->collection, &op->id, false, ret_after, err);
	}
	return rc;
}

static int insert_op(struct nv_mongo_call *call, const struct nv_mongoop *op,
                     const struct nv_bval *value, struct nv_err *err)
{
	bson_t doc;
	(void)bson_init_static(&doc, value->data, value->size);
	int rc = nv_mongoexec_insert_once(call, op->collection, &doc, err);
	return rc < 0 ? rc : 1;
}

int nv_mongoexec_op(struct nv_mongo_call *call, const struct nv_mongoop *op, bool back, bool whole,
                    bson_t **ret_after, struct nv_err *err)
{
	if (op->kind == NV_MONGOOP_INSERT && !back) {
		return insert_op(call, op, &op->doc, err);
	}
	if (op->kind == NV_MONGOOP_DELETE && back) {
		return insert_op(call, op, &op->before, err);
	}
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t filter;
	int rc = nv_mongoop_filter(op, back, whole, &bytes, err);
	rc = rc < 0 ? rc : nv_build_view(&bytes, &filter, err);
	if (rc < 0) {
		return rc;
	}
	switch (op->kind) {
	case NV_MONGOOP_UPDATE:
		return update_op(call, op, back, &filter, ret_after, err);
	case NV_MONGOOP_REPLACE:
		return replace(call, op->collection, &filter, back ? &op->before : &op->doc, err);
	case NV_MONGOOP_INSERT:
	case NV_MONGOOP_DELETE:
		break;
	}
	return nv_mongoexec_delete(call, op->collection, &filter, err);
}

/* ---- What the server keeps ---- */

static int not_kept(struct nv_mongo_call *call, const struct nv_mongoop *op, struct nv_err *err)
{
	call->fault = (struct nv_mongo_fault){ .altered = true };
	return nv_fail(err, EIO, "%s does not keep what it was given for a document of %s",
	               call->store->location, op->collection);
}

/* Takes back an operation of which the server has made `now`. What somebody else wrote since
 * stays. */
static int undo(struct nv_mongo_call *call, const struct nv_mongoop *op, const struct nv_bval *now,
                struct nv_err *err)
{
	cleanup_buf struct nv_buf filter_bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf change_bytes = NV_BUF_INIT;
	bson_t filter;
	bson_t changes;
	int rc = nv_mongoop_filter_now(op, now, &filter_bytes, err);
	rc = rc < 0 ? rc : nv_build_view(&filter_bytes, &filter, err);
	if (rc == 0 && op->kind == NV_MONGOOP_UPDATE) {
		rc = nv_mongoop_changes(op, true, &change_bytes, err);
		rc = rc < 0 ? rc : nv_build_view(&change_bytes, &changes, err);
		return rc < 0 ? rc
		              : nv_mongoexec_update(call, op->collection, &filter, &changes, err);
	}
	return rc < 0 ? rc
	       : op->kind == NV_MONGOOP_REPLACE
	               ? replace(call, op->collection, &filter, &op->before, err)
	               : nv_mongoexec_delete(call, op->collection, &filter, err);
}

/* A new document, which costs a read: only where there are no transactions, for such servers are
 * known to keep some values in their own way. What is quite another document is somebody's change. */
static int check_doc(struct nv_mongo_call *call, const struct nv_mongoop *op, bson_t **ret_altered,
                     struct nv_err *err)
{
	bson_t *stored = NULL;
	if (atomic_load(&call->store->transactions) == NV_MONGO_YES) {
		return 1;
	}
	int rc = nv_mongoexec_get(call, op->collection, &op->id, false, &stored, err);
	if (rc < 0) {
		return rc;
	}
	if (rc == 0) {
		return not_kept(call, op, err);
	}
	struct nv_bval now = nv_bval_doc(stored);
	if (!nv_mongoop_is_altered(op, &now)) {
		bson_destroy(stored);
		return 1;
	}
	*ret_altered = stored;
	return not_kept(call, op, err);
}

int nv_mongoexec_op_kept(struct nv_mongo_call *call, const struct nv_mongoop *op, bool whole,
                         bson_t **ret_after, struct nv_err *err)
{
	bson_t *altered = NULL;
	bson_t *after = NULL;
	int rc = nv_mongoexec_op(call, op, false, whole, ret_after ? &after : NULL, err);
	if (rc == 1 && op->kind == NV_MONGOOP_UPDATE && after) {
		struct nv_bval now = nv_bval_doc(after);
		if (nv_mongoop_is_altered(op, &now)) {
			rc = not_kept(call, op, err);
			altered = steal(&after);
		}
	} else if (rc == 1 && (op->kind == NV_MONGOOP_INSERT || op->kind == NV_MONGOOP_REPLACE)) {
		rc = check_doc(call, op, &altered, err);
	}
	if (altered) {
		struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
		struct nv_bval now = nv_bval_doc(altered);
		int undone = undo(call, op, &now, err);
		if (undone >= 0) {
			rc = not_kept(call, op, NULL);
			if (err) {
				*err = reason;
			}
		} else {
			rc = undone;
		}
		bson_destroy(altered);
	}
	if (rc == 1 && ret_after) {
		*ret_after = steal(&after);
	}
	bson_destroy(after);
	return rc;
}

/* ---- Many at once ---- */

/* Operations from `from` on that one command can do. */
static size_t run_length(const struct nv_mongoplan *plan, size_t from)
{
	const struct nv_mongoplan_op *first = &plan->ops[from];
	size_t size = 0;
	size_t count = 0;
	while (from + count < plan->count && count < BULK_MAX) {
		const struct nv_mongoplan_op *op = &plan->ops[from + count];
		size += nv_mongoop_size(&op->op);
		bool fits = op->op.kind == first->op.kind && op->op.kind != NV_MONGOOP_REPLACE &&
		            !op->wants_after && size <= MODIFY_MAX &&
		            strcmp(op->op.collection, first->op.collection) == 0;
		if (count > 0 && !fits) {
			break;
		}
		count++;
		if (!fits) {
			break; /* the first, alone */
		}
	}
	return count;
}

static int insert_run(struct nv_mongo_call *call, const struct nv_mongoplan *plan, size_t from,
                      size_t count, size_t *ret_failed, struct nv_err *err)
{
	bson_t *views = calloc(count, sizeof(*views));
	const bson_t **docs = calloc(count, sizeof(*docs));
	int rc = views && docs ? 0 : nv_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < count && rc == 0; i++) {
		const struct nv_bval *doc = &plan->ops[from + i].op.doc;
		(void)bson_init_static(&views[i], doc->data, doc->size);
		docs[i] = &views[i];
	}
	if (rc == 0) {
		size_t failed = SIZE_MAX;
		rc = nv_mongoexec_insert(call, plan->ops[from].op.collection, docs, count, &failed,
		                         err);
		*ret_failed = failed == SIZE_MAX ? SIZE_MAX : from + failed;
	}
	free(docs);
	free(views);
	return rc < 0 ? rc : 1;
}

/* Adds one update or delete. */
static int bulk_add(mongoc_bulk_operation_t *bulk, const struct nv_mongoop *op, struct nv_err *err)
{
	cleanup_buf struct nv_buf filter_bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf change_bytes = NV_BUF_INIT;
	bson_t filter;
	bson_t changes;
	bson_t opts = BSON_INITIALIZER;
	bson_error_t error;
	int rc = nv_mongoop_filter(op, false, false, &filter_bytes, err);
	rc = rc < 0 ? rc : nv_build_view(&filter_bytes, &filter, err);
	rc = rc < 0 ? rc : nv_mongoop_changes(op, false, &change_bytes, err);
	rc = rc < 0 ? rc : nv_build_view(&change_bytes, &changes, err);
	if (rc < 0) {
		return rc;
	}
	bool added = false;
	if (op->kind == NV_MONGOOP_UPDATE) {
		BSON_APPEND_BOOL(&opts, "validate", false);
		added = mongoc_bulk_operation_update_one_with_opts(bulk, &filter, &changes, &opts,
		                                                   &error);
	} else {
		added = mongoc_bulk_operation_remove_one_with_opts(bulk, &filter, &opts, &error);
	}
	bson_destroy(&opts);
	return added ? 0 : nv_fail(err, EIO, "a change cannot be sent: %s", error.message);
}

static int bulk_run(struct nv_mongo_call *call, const struct nv_mongoplan *plan, size_t from,
                    size_t count, size_t *ret_failed, struct nv_err *err)
{
	bson_t opts;
	bson_t reply;
	bson_error_t error;
	int rc = nv_mongo_check_time(call, err);
	rc = rc < 0 ? rc : nv_mongo_opts(call, &opts, err);
	if (rc < 0) {
		return rc;
	}
	mongoc_collection_t *handle = nv_mongo_collection(call, plan->ops[from].op.collection);
	mongoc_bulk_operation_t *bulk =
		mongoc_collection_create_bulk_operation_with_opts(handle, &opts);
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = bulk_add(bulk, &plan->ops[from + i].op, err);
	}
	if (rc == 0) {
		bool updates = plan->ops[from].op.kind == NV_MONGOOP_UPDATE;
		if (mongoc_bulk_operation_execute(bulk, &reply, &error) != 0) {
			call->outcome = NV_OUTCOME_ANSWERED;
			int64_t done = reply_number(&reply, updates ? "nMatched" : "nRemoved");
			rc = done == (int64_t)count;
		} else {
			size_t failed = failed_index(&reply);
			*ret_failed = failed == SIZE_MAX ? SIZE_MAX : from + failed;
			rc = nv_mongo_failed(call, &error, &reply, err);
		}
		bson_destroy(&reply);
	}
	mongoc_bulk_operation_destroy(bulk);
	mongoc_collection_destroy(handle);
	bson_destroy(&opts);
	return rc;
}

int nv_mongoexec_plan(struct nv_mongo_call *call, struct nv_mongoplan *plan, size_t *ret_failed,
                      struct nv_err *err)
{
	int rc = 1;
	*ret_failed = SIZE_MAX;
	for (size_t i = 0; i < plan->count && rc == 1;) {
		size_t count = run_length(plan, i);
		struct nv_mongoplan_op *op = &plan->ops[i];
		if (op->op.kind == NV_MONGOOP_INSERT) {
			rc = insert_run(call, plan, i, count, ret_failed, err);
		} else if (count == 1) {
			rc = nv_mongoexec_op(call, &op->op, false, false,
			                     op->wants_after ? &op->after : NULL, err);
			if (rc == 1 && op->after) {
				struct nv_bval now = nv_bval_doc(op->after);
				rc = nv_mongoop_is_altered(&op->op, &now)
				             ? not_kept(call, &op->op, err)
				             : 1;
			}
			*ret_failed = rc < 0 ? i : SIZE_MAX;
		} else {
			rc = bulk_run(call, plan, i, count, ret_failed, err);
		}
		i += count;
	}
	return rc;
}
