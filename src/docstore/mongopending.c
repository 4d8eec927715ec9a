/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A commit by a pending entry (mongopending.h): the owner's side. mongosettle.c is everybody
 * else's.
 */
#include "config.h"

#include "docstore/mongopending.h"

#include <errno.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/key.h"
#include "docstore/mongocommit.h"
#include "docstore/mongoexec.h"
#include "docstore/mongosettle.h"

enum {
	PLAN_MAX = 15 * 1048576, /* bytes of a plan that an entry can hold */
};

/* Appends {ops, entries, unlogged}. */
static void put_plan(struct nv_buf *out, const struct nv_mongoplan *plan,
                     const struct nv_doccommit *commit)
{
	size_t doc = nv_bval_begin(out);
	size_t list = nv_build_open(out, BSON_TYPE_ARRAY, "ops");
	for (size_t i = 0; i < plan->count; i++) {
		struct nv_bval spec = nv_build_doc(&plan->ops[i].op.spec);
		nv_build_value_at(out, i, &spec);
	}
	nv_bval_end(out, list);
	list = nv_build_open(out, BSON_TYPE_ARRAY, "entries");
	for (size_t i = 1; i < commit->entries_count; i++) {
		struct nv_bval entry = nv_bval_doc(commit->entries[i]);
		nv_build_value_at(out, i - 1, &entry);
	}
	nv_bval_end(out, list);
	nv_build_bool(out, "unlogged", commit->entries_count == 0);
	nv_bval_end(out, doc);
}

static int64_t wall_ms(const struct nv_mongo_call *call)
{
	struct timespec now = nv_clock_wall(call->store->base.clock);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The first entry, pending. A commit that logs nothing gets an entry that is gone in the end. */
static int put_entry(struct nv_mongocommit *run, const struct nv_buf *plan, struct nv_buf *out,
                     struct nv_err *err)
{
	bson_oid_t oid;
	size_t doc = nv_bval_begin(out);
	if (run->commit->entries_count > 0) {
		struct nv_bval entry = nv_bval_doc(run->commit->entries[0]);
		struct nv_bwalk walk = nv_bwalk(&entry);
		struct nv_bfield field;
		while (nv_bwalk_next(&walk, &field) > 0) {
			if (strcmp(field.key, "pending") == 0) {
				return nv_fail(err, EINVAL, "an entry has a field \"pending\"");
			}
			nv_bval_put(out, field.key, field.key_size, &field.value);
		}
	} else {
		bson_oid_init(&oid, NULL);
		nv_build_value(out, "_id",
		               &(struct nv_bval){ BSON_TYPE_OID, oid.bytes, sizeof(oid.bytes) });
	}
	size_t pending = nv_build_open(out, BSON_TYPE_DOCUMENT, "pending");
	nv_build_utf8(out, "owner", run->call->store->owner);
	nv_build_date(out, "deadline",
	              wall_ms(run->call) + NV_MONGO_LEASE_MS + run->call->store->base.timeout_ms);
	nv_build_bool(out, "back", false);
	nv_build_binary(out, "plan", plan->data, plan->len);
	nv_bval_end(out, pending);
	nv_bval_end(out, doc);
	return nv_buf_error(out) || nv_buf_error(plan) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

/* The first entry of the commit whose _id is taken. */
struct taken {
	const struct nv_doccommit *commit;
	size_t index;
	bson_t *stored; /* owned */
};

static int note_taken(void *ctx, const bson_t *doc, struct nv_err *err)
{
	struct taken *taken = ctx;
	struct nv_bval there = nv_bval_doc(doc);
	struct nv_bval id;
	for (size_t i = 0; i < taken->index && nv_bval_field(&there, "_id", 3, &id); i++) {
		struct nv_bval entry = nv_bval_doc(taken->commit->entries[i]);
		struct nv_bval entry_id;
		if (nv_bval_field(&entry, "_id", 3, &entry_id) && nv_bval_equal(&id, &entry_id)) {
			bson_destroy(taken->stored);
			taken->stored = bson_copy(doc);
			taken->index = i;
		}
	}
	return taken->index < taken->commit->entries_count && !taken->stored
	               ? nv_fail(err, ENOMEM, "out of memory")
	               : 0;
}

/* Entries but the first come last, and must be free before anything is done. */
static int check_free(struct nv_mongocommit *run, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	struct taken taken = { .commit = run->commit, .index = run->commit->entries_count };
	bson_t filter;
	if (taken.index < 2) {
		return 0;
	}
	size_t doc = nv_bval_begin(&bytes);
	size_t field = nv_build_open(&bytes, BSON_TYPE_DOCUMENT, "_id");
	size_t list = nv_build_open(&bytes, BSON_TYPE_ARRAY, "$in");
	for (size_t i = 0; i < run->commit->entries_count; i++) {
		struct nv_bval entry = nv_bval_doc(run->commit->entries[i]);
		struct nv_bval id;
		if (nv_bval_field(&entry, "_id", 3, &id)) {
			nv_build_value_at(&bytes, i, &id);
		}
	}
	nv_bval_end(&bytes, list);
	nv_bval_end(&bytes, field);
	nv_bval_end(&bytes, doc);
	int rc = nv_build_view(&bytes, &filter, err);
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG, .filter = &filter };
	rc = rc < 0 ? rc : nv_mongo_find(run->call, &find, note_taken, &taken, err);
	if (rc < 0 || !taken.stored) {
		bson_destroy(taken.stored);
		return rc;
	}
	run->result->failed = run->commit->writes_count + taken.index;
	run->result->stored = taken.stored;
	return nv_fail(err, EEXIST, "%s has a document of that _id", NV_DOCSTORE_CHANGELOG);
}

/* Writes the pending entry: 0, NV_MONGO_AGAIN, -errno. */
static int announce(struct nv_mongocommit *run, const struct nv_buf *entry_bytes,
                    struct nv_err *err)
{
	bson_t entry;
	bool logged = run->commit->entries_count > 0;
	int rc = nv_build_view(entry_bytes, &entry, err);
	if (rc < 0) {
		return rc;
	}
	rc = nv_mongoexec_insert_once(run->call, NV_DOCSTORE_CHANGELOG, &entry, err);
	if (rc < 0 && run->call->fault.lost) {
		return nv_mongocommit_unknown(err);
	}
	return rc < 0 ? nv_mongocommit_entry_failed(run, logged ? 0 : SIZE_MAX, rc, err) : 0;
}

/* Does the operations. 0; else *ret_failed is the one that was not done. */
static int do_ops(struct nv_mongocommit *run, struct nv_mongoplan *plan, size_t *ret_failed,
                  struct nv_err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct nv_mongoplan_op *op = &plan->ops[i];
		*ret_failed = i;
		int rc = nv_mongoexec_op_kept(run->call, &op->op, plan->count > 1,
		                              op->wants_after ? &op->after : NULL, err);
		if (rc <= 0) {
			return rc < 0 ? rc : NV_MONGO_AGAIN;
		}
	}
	return 0;
}

/* An operation was refused, or lost against somebody else's change: what is done is taken back. */
static int retreat(struct nv_mongocommit *run, struct nv_mongoplan *plan,
                   struct nv_mongosettle *entry, size_t failed, int rc, struct nv_err *err)
{
	const struct nv_mongo_fault fault = run->call->fault;
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	int back = nv_mongosettle_claim_back(run->call, entry, err);
	back = back == 1 ? nv_mongosettle_back(run->call, entry, failed, err) : back;
	if (back <= 0) { /* it is in other hands, or will be */
		return nv_mongocommit_unknown(err);
	}
	if (rc == NV_MONGO_AGAIN) {
		return rc;
	}
	run->call->fault = fault;
	if (err) {
		*err = reason;
	}
	return nv_mongocommit_op_failed(run, plan, failed, rc, err);
}

/* An answer did not come. While there is time, the documents tell. */
static int resolve(struct nv_mongocommit *run, struct nv_mongosettle *entry, struct nv_err *err)
{
	bool forward = false;
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	int rc = nv_mongo_left_ms(run->call) > 0
	                 ? nv_mongosettle_end(run->call, entry, true, &forward, err)
	                 : 0;
	if (rc == 1) {
		return forward ? 0 : NV_MONGO_AGAIN;
	}
	if (err) {
		*err = reason;
	}
	return nv_mongocommit_unknown(err);
}

/* The entry is there. */
static int carry_out(struct nv_mongocommit *run, struct nv_mongoplan *plan,
                     struct nv_mongosettle *entry, struct nv_err *err)
{
	size_t failed = 0;
	int rc = do_ops(run, plan, &failed, err);
	bool lost = rc < 0 && (run->call->fault.lost || run->call->fault.unreached);
	if (rc != 0 && !lost) {
		return retreat(run, plan, entry, failed, rc, err);
	}
	if (rc == 0) {
		rc = nv_mongosettle_finish(run->call, entry, err);
		lost = rc <= 0;
	}
	rc = lost ? resolve(run, entry, err) : 0;
	return rc != 0 ? rc : nv_mongoplan_finish(plan, run->commit, run->result, err);
}

int nv_mongopending_commit(struct nv_mongocommit *run, struct nv_mongoplan *plan,
                           struct nv_err *err)
{
	cleanup_buf struct nv_buf plan_bytes = NV_BUF_INIT;
	cleanup_buf struct nv_buf entry_bytes = NV_BUF_INIT;
	int rc = nv_mongosettler_start(run->call->store, err);
	rc = rc < 0 ? rc : check_free(run, err);
	if (rc < 0) {
		return rc;
	}
	put_plan(&plan_bytes, plan, run->commit);
	if (plan_bytes.len > PLAN_MAX) {
		return nv_fail(
			err, EFBIG,
			"%zu bytes change at once: too many for a server without transactions",
			plan_bytes.len);
	}
	rc = put_entry(run, &plan_bytes, &entry_bytes, err);
	rc = rc < 0 ? rc : announce(run, &entry_bytes, err);
	if (rc != 0) {
		return rc;
	}
	struct nv_mongosettle entry;
	struct nv_bval doc = nv_build_doc(&entry_bytes);
	rc = nv_mongosettle_parse(&doc, &entry, err);
	if (rc < 0) {
		return nv_mongocommit_unknown(err);
	}
	rc = carry_out(run, plan, &entry, err);
	nv_mongosettle_release(&entry);
	return rc;
}
