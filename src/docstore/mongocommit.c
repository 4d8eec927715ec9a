/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commits of the MongoDB store. One document without an entry is one command. Everything else is a
 * transaction where the server has them, and a pending entry (mongopending.c) where it has none.
 *
 * Each attempt reads, plans and writes; when somebody else was faster it begins anew, until the
 * deadline. An attempt whose commit was sent but not answered may have taken place: the first
 * entry's _id, looked up in the changelog, tells. Not there and begun anew, the old transaction can
 * no longer be committed, because the session's next one ends it.
 */
#include "config.h"

#include "docstore/mongocommit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/strmap.h"
#include "docstore/key.h"
#include "docstore/mongoexec.h"

enum {
	COMMIT_TRIES = 3,
	PAUSE_MAX_US = 16000,
	NOT_IN_TRANSACTION = 263, /* OperationNotSupportedInTransaction */
	NAMESPACE_EXISTS = 48,
};

struct nv_bval nv_mongocommit_id(const struct nv_doccommit *commit)
{
	struct nv_bval entry = nv_bval_doc(commit->entries[0]);
	struct nv_bval id = { BSON_TYPE_NULL, (const uint8_t *)"", 0 };
	(void)nv_bval_field(&entry, "_id", 3, &id);
	return id;
}

int nv_mongocommit_unknown(struct nv_err *err)
{
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	return nv_fail(err, reason.errnum == ETIMEDOUT ? ETIMEDOUT : EIO,
	               "whether it was saved is unknown: %s", reason.msg);
}

/* ---- Failures ---- */

/* A unique index refused a document: whose _id is taken, or which of its values. */
static int refused_twin(struct nv_mongocommit *run, const char *collection,
                        const struct nv_bval *id, struct nv_err *err)
{
	bson_t *stored = NULL;
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	int rc = nv_mongoexec_get(run->call, collection, id, false, &stored, err);
	if (rc < 0) {
		return rc;
	}
	if (rc == 1) {
		run->result->stored = stored;
		return nv_fail(err, EEXIST, "%s has a document of that _id", collection);
	}
	return nv_fail(err, EEXIST, "%s has a document with the same value: %s", collection,
	               reason.msg);
}

int nv_mongocommit_op_failed(struct nv_mongocommit *run, const struct nv_mongoplan *plan,
                             size_t index, int rc, struct nv_err *err)
{
	if (run->call->fault.retry) {
		return NV_MONGO_AGAIN;
	}
	if (index == SIZE_MAX) {
		return rc;
	}
	run->result->failed = plan->ops[index].write;
	const struct nv_mongoop *op = &plan->ops[index].op;
	if (rc == -EEXIST && op->kind == NV_MONGOOP_INSERT) {
		return refused_twin(run, op->collection, &op->id, err);
	}
	return rc;
}

int nv_mongocommit_entry_failed(struct nv_mongocommit *run, size_t index, int rc,
                                struct nv_err *err)
{
	if (run->call->fault.retry) {
		return NV_MONGO_AGAIN;
	}
	if (index != SIZE_MAX) {
		run->result->failed = run->commit->writes_count + index;
		if (rc == -EEXIST) {
			struct nv_bval entry = nv_bval_doc(run->commit->entries[index]);
			struct nv_bval id;
			if (nv_bval_field(&entry, "_id", 3, &id)) {
				return refused_twin(run, NV_DOCSTORE_CHANGELOG, &id, err);
			}
		}
	}
	return rc;
}

/* ---- One command ---- */

static int one_op(struct nv_mongocommit *run, struct nv_mongoplan *plan, struct nv_err *err)
{
	struct nv_mongoplan_op *op = &plan->ops[0];
	int rc = nv_mongoexec_op_kept(run->call, &op->op, false,
	                              op->wants_after ? &op->after : NULL, err);
	if (rc < 0 && run->call->fault.lost) {
		return nv_mongocommit_unknown(err);
	}
	if (rc < 0) {
		return nv_mongocommit_op_failed(run, plan, 0, rc, err);
	}
	return rc == 0 ? NV_MONGO_AGAIN : nv_mongoplan_finish(plan, run->commit, run->result, err);
}

static int one_entry(struct nv_mongocommit *run, struct nv_err *err)
{
	int rc = nv_mongoexec_insert_once(run->call, NV_DOCSTORE_CHANGELOG, run->commit->entries[0],
	                                  err);
	return rc < 0 && run->call->fault.lost ? nv_mongocommit_unknown(err)
	       : rc < 0                        ? nv_mongocommit_entry_failed(run, 0, rc, err)
	                                       : 0;
}

/* ---- A transaction ---- */

static int make_plan(struct nv_mongocommit *run, struct nv_mongoplan *plan, struct nv_err *err)
{
	int rc = nv_mongoplan_make(run->call, run->commit, plan, run->result, err);
	return rc < 0 && run->call->fault.retry ? NV_MONGO_AGAIN : rc;
}

/* An entry's _id that two entries have: a server would say so only after the first is there. */
static int check_entries(struct nv_mongocommit *run, struct nv_err *err)
{
	const struct nv_doccommit *commit = run->commit;
	struct nv_strmap *ids = nv_strmap_new();
	int rc = ids ? 0 : -ENOMEM;
	for (size_t i = 0; i < commit->entries_count && rc == 0; i++) {
		cleanup_buf struct nv_buf key = NV_BUF_INIT;
		struct nv_bval entry = nv_bval_doc(commit->entries[i]);
		void *twin = NULL;
		rc = nv_key_of_doc(&key, &entry);
		rc = rc < 0 ? rc
		            : nv_strmap_set(ids, key.data, key.len, (void *)commit->entries[i],
		                            &twin);
		if (rc == 0 && twin) {
			run->result->failed = commit->writes_count + i;
			run->result->stored = bson_copy(twin);
			rc = -EEXIST;
		}
	}
	nv_strmap_free(ids, NULL);
	if (rc == -EEXIST) {
		return nv_fail(err, EEXIST, "two entries have one _id");
	}
	return rc < 0 ? nv_fail(err, -rc, "the entries cannot be compared") : 0;
}

/* Where a failure inside the transaction happened; it is explained when the transaction has
 * ended. */
struct spot {
	bool op;
	bool entry;
	size_t index;
};

static int transact(struct nv_mongocommit *run, struct nv_mongoplan *plan, struct spot *ret_spot,
                    struct nv_err *err)
{
	const struct nv_doccommit *commit = run->commit;
	int rc = make_plan(run, plan, err);
	rc = rc != 0 ? rc : check_entries(run, err);
	if (rc != 0) {
		return rc;
	}
	rc = nv_mongoexec_plan(run->call, plan, &ret_spot->index, err);
	if (rc <= 0) {
		ret_spot->op = rc < 0;
		return rc < 0 ? rc : NV_MONGO_AGAIN;
	}
	if (commit->entries_count > 0) {
		rc = nv_mongoexec_insert(run->call, NV_DOCSTORE_CHANGELOG, commit->entries,
		                         commit->entries_count, &ret_spot->index, err);
		ret_spot->entry = rc < 0;
	}
	return rc < 0 ? rc : nv_mongoplan_finish(plan, commit, run->result, err);
}

/* Looks whether an attempt took place: 1, 0, -errno. */
static int took_place(struct nv_mongocommit *run, struct nv_err *err)
{
	struct nv_bval id = nv_mongocommit_id(run->commit);
	bson_t *entry = NULL;
	int rc = nv_mongoexec_get(run->call, NV_DOCSTORE_CHANGELOG, &id, true, &entry, err);
	bson_destroy(entry);
	return rc;
}

static void swap_results(struct nv_docresult *a, struct nv_docresult *b)
{
	struct nv_docresult old = *a;
	*a = *b;
	*b = old;
}

/* Keeps what the attempt would say, should it turn out to have taken place. */
static void keep_result(struct nv_mongocommit *run)
{
	struct nv_docresult fresh = { .failed = SIZE_MAX, .count = run->result->count };
	fresh.after = calloc(fresh.count + 1, sizeof(*fresh.after));
	if (!run->unsure && fresh.after) {
		run->unsure = true;
		run->kept = fresh;
		swap_results(run->result, &run->kept);
	} else {
		free(fresh.after);
	}
}

/* The commit was sent and not answered. */
static int settle_commit(struct nv_mongocommit *run, struct nv_err *err)
{
	if (run->commit->entries_count == 0) {
		return nv_mongocommit_unknown(err);
	}
	struct nv_err reason = err ? *err : (struct nv_err)NV_ERR_INIT;
	int rc = took_place(run, err);
	if (rc == 1) {
		return 0;
	}
	if (rc < 0 || nv_mongo_left_ms(run->call) == 0) {
		if (err) {
			*err = reason;
		}
		return nv_mongocommit_unknown(err);
	}
	keep_result(run);
	return NV_MONGO_AGAIN;
}

static int end_transaction(struct nv_mongocommit *run, struct nv_err *err)
{
	struct nv_mongo_call *call = run->call;
	bson_t reply;
	bson_error_t error;
	for (int tries = 0; tries < COMMIT_TRIES; tries++) {
		if (mongoc_client_session_commit_transaction(call->session, &reply, &error)) {
			bson_destroy(&reply);
			call->outcome = NV_OUTCOME_ANSWERED;
			return 0;
		}
		bool unknown = mongoc_error_has_label(&reply, "UnknownTransactionCommitResult");
		bool again = mongoc_error_has_label(&reply, "TransientTransactionError");
		int rc = nv_mongo_failed(call, &error, &reply, err);
		bson_destroy(&reply);
		if (again) {
			return NV_MONGO_AGAIN;
		}
		if (!unknown && !call->fault.lost && !call->fault.unreached) {
			return call->fault.retry ? NV_MONGO_AGAIN : rc;
		}
		if (nv_mongo_left_ms(call) == 0) {
			break;
		}
	}
	return settle_commit(run, err);
}

/* Servers before 4.4 make no collection inside a transaction. */
static int make_collections(struct nv_mongocommit *run, struct nv_err *err)
{
	const struct nv_doccommit *commit = run->commit;
	mongoc_database_t *database =
		mongoc_client_get_database(run->call->client, run->call->store->database);
	int rc = NV_MONGO_AGAIN;
	for (size_t i = 0; i <= commit->writes_count && rc > 0; i++) {
		bson_error_t error;
		const char *name = i < commit->writes_count ? commit->writes[i].collection
		                                            : NV_DOCSTORE_CHANGELOG;
		if (i < commit->writes_count && commit->writes[i].kind != NV_DOCWRITE_INSERT) {
			continue;
		}
		mongoc_collection_t *made =
			mongoc_database_create_collection(database, name, NULL, &error);
		if (made) {
			mongoc_collection_destroy(made);
		} else if (error.code != NAMESPACE_EXISTS) {
			rc = nv_mongo_failed(run->call, &error, NULL, err);
		}
	}
	mongoc_database_destroy(database);
	run->created = true;
	return rc;
}

/* What a failed attempt means; its transaction has ended. */
static int explain(struct nv_mongocommit *run, const struct nv_mongoplan *plan,
                   const struct spot *spot, int rc, struct nv_err *err)
{
	struct nv_mongo_call *call = run->call;
	if (rc == NV_MONGO_AGAIN) {
		return rc;
	}
	if (call->fault.code == NOT_IN_TRANSACTION && !run->created) {
		return make_collections(run, err);
	}
	/* It had transactions, and has them no more; or they are not what it refuses. */
	if (call->fault.unsupported && !run->probed) {
		run->probed = true;
		atomic_store(&call->store->transactions, NV_MONGO_UNKNOWN);
		return NV_MONGO_AGAIN;
	}
	if (spot->op) {
		return nv_mongocommit_op_failed(run, plan, spot->index, rc, err);
	}
	return spot->entry ? nv_mongocommit_entry_failed(run, spot->index, rc, err) : rc;
}

static int attempt_transaction(struct nv_mongocommit *run, struct nv_err *err)
{
	struct nv_mongo_call *call = run->call;
	struct nv_mongoplan plan = { 0 };
	struct spot spot = { .index = SIZE_MAX };
	bson_error_t error;
	if (!call->session) {
		call->session = mongoc_client_start_session(call->client, NULL, &error);
	}
	if (!call->session) {
		return nv_mongo_failed(call, &error, NULL, err);
	}
	if (!mongoc_client_session_start_transaction(call->session, call->store->transaction,
	                                             &error)) {
		return nv_mongo_failed(call, &error, NULL, err);
	}
	int rc = transact(run, &plan, &spot, err);
	if (rc == 0) {
		rc = end_transaction(run, err);
	} else {
		/* Its answer changes nothing: what is not committed is nowhere. */
		(void)mongoc_client_session_abort_transaction(call->session, NULL);
		rc = explain(run, &plan, &spot, rc, err);
	}
	nv_mongoplan_release(&plan);
	return rc;
}

/* ---- Attempts ---- */

static int attempt_without(struct nv_mongocommit *run, bool direct, struct nv_err *err)
{
	struct nv_mongoplan plan = { 0 };
	int rc = make_plan(run, &plan, err);
	rc = rc != 0 ? rc : check_entries(run, err);
	if (rc == 0 && plan.count == 0 && run->commit->entries_count <= 1) {
		rc = run->commit->entries_count == 1 ? one_entry(run, err) : 0;
	} else if (rc == 0 && plan.count == 1 && run->commit->entries_count == 0) {
		rc = one_op(run, &plan, err);
	} else if (rc == 0 && direct) {
		rc = nv_fail(err, EIO, "one write became many");
	} else if (rc == 0) {
		rc = nv_mongopending_commit(run, &plan, err);
	}
	nv_mongoplan_release(&plan);
	return rc;
}

/* True for a commit that is one command in any case. */
static bool is_direct(const struct nv_doccommit *commit)
{
	return commit->writes_count + commit->entries_count == 1 &&
	       (commit->writes_count == 0 || commit->writes[0].kind != NV_DOCWRITE_UPDATE_ALL);
}

static int attempt(struct nv_mongocommit *run, struct nv_err *err)
{
	struct nv_mongo *store = run->call->store;
	run->call->fault = (struct nv_mongo_fault){ 0 };
	nv_mongoplan_reset_result(run->result);
	if (is_direct(run->commit)) {
		return attempt_without(run, true, err);
	}
	int rc = atomic_load(&store->transactions) == NV_MONGO_UNKNOWN
	                 ? nv_mongo_probe_transactions(run->call, err)
	                 : 0;
	if (rc < 0) {
		return rc;
	}
	return atomic_load(&store->transactions) == NV_MONGO_YES ? attempt_transaction(run, err)
	                                                         : attempt_without(run, false, err);
}

/* Lets others finish: they are more the longer it takes. */
static void pause_a_little(unsigned round)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	long most_us = 250L << (round < 6 ? round : 6);
	if (most_us > PAUSE_MAX_US) {
		most_us = PAUSE_MAX_US;
	}
	/* The nanoseconds are as good as random among threads that lost against each other. */
	struct timespec pause = { .tv_nsec = (now.tv_nsec / 7 % most_us) * 1000 };
	(void)nanosleep(&pause, NULL);
}

static int run_attempts(struct nv_mongocommit *run, struct nv_err *err)
{
	for (unsigned round = 0;; round++) {
		int rc = attempt(run, err);
		if (rc < 0 && run->unsure && took_place(run, NULL) == 1) {
			nv_mongoplan_reset_result(run->result);
			swap_results(run->result, &run->kept);
			return 0;
		}
		if (rc <= 0) {
			return rc;
		}
		if (nv_mongo_left_ms(run->call) == 0) {
			return nv_fail(err, ETIMEDOUT,
			               "others were changing the same documents all the time");
		}
		pause_a_little(round);
	}
}

/* True for a commit that checks what it does not write. */
static bool has_guards(const struct nv_doccommit *commit)
{
	for (size_t i = 0; i < commit->writes_count; i++) {
		const struct nv_docwrite *write = &commit->writes[i];
		if (write->kind == NV_DOCWRITE_ABSENT ||
		    (write->kind == NV_DOCWRITE_UPDATE && write->sets_count == 0 &&
		     write->unsets_count == 0 && write->incs_count == 0 &&
		     write->pushes_count == 0 && write->pulls_count == 0)) {
			return true;
		}
	}
	return false;
}

/* Transactions do not guard what they only read, so two of them may each find that there is no
 * record of a name, and make one. Inside one mount it is one after the other. */
static int run_guarded(struct nv_mongocommit *run, struct nv_err *err)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	int64_t left_ms = nv_mongo_left_ms(run->call);
	until.tv_sec += (time_t)(left_ms / 1000);
	until.tv_nsec += (long)(left_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	if (pthread_mutex_timedlock(&run->call->store->guards, &until) != 0) {
		return nv_fail(err, ETIMEDOUT, "other saves took all the time");
	}
	int rc = run_attempts(run, err);
	(void)pthread_mutex_unlock(&run->call->store->guards);
	return rc;
}

int nv_mongo_commit(struct nv_docstore *base, const struct nv_doccommit *commit,
                    struct nv_docresult *result, struct nv_err *err)
{
	struct nv_mongo_call call;
	int rc = nv_mongo_begin(nv_mongo(base), &call, err);
	if (rc < 0) {
		return rc;
	}
	call.primary = true;
	struct nv_mongocommit run = { .call = &call, .commit = commit, .result = result };
	rc = has_guards(commit) ? run_guarded(&run, err) : run_attempts(&run, err);
	nv_docresult_release(&run.kept);
	nv_mongo_end(&call);
	return rc;
}

/* ---- What the server can do ---- */

static int ignore(void *ctx, const bson_t *doc, struct nv_err *err)
{
	(void)ctx;
	(void)doc;
	(void)err;
	return 0;
}

static int try_transaction(struct nv_mongo_call *call, struct nv_err *err)
{
	bson_t all = BSON_INITIALIZER;
	bson_t reply;
	bson_error_t error;
	struct nv_mongo_find find = { .collection = NV_DOCSTORE_CHANGELOG,
		                      .filter = &all,
		                      .limit = 1 };
	if (!mongoc_client_session_start_transaction(call->session, call->store->transaction,
	                                             &error)) {
		bson_destroy(&all);
		return nv_mongo_failed(call, &error, NULL, err);
	}
	int rc = nv_mongo_find(call, &find, ignore, NULL, err);
	bson_destroy(&all);
	if (rc < 0) {
		(void)mongoc_client_session_abort_transaction(call->session, NULL);
		return rc;
	}
	if (!mongoc_client_session_commit_transaction(call->session, &reply, &error)) {
		rc = nv_mongo_failed(call, &error, &reply, err);
	}
	bson_destroy(&reply);
	return rc;
}

int nv_mongo_probe_transactions(struct nv_mongo_call *call, struct nv_err *err)
{
	bson_error_t error;
	mongoc_client_session_t *before = call->session;
	call->session = mongoc_client_start_session(call->client, NULL, &error);
	int rc = call->session ? try_transaction(call, err)
	                       : nv_mongo_failed(call, &error, NULL, err);
	if (call->session) {
		mongoc_client_session_destroy(call->session);
	}
	call->session = before;
	if (rc < 0 && (call->fault.unreached || call->fault.lost || call->fault.retry)) {
		return rc; /* says nothing of transactions */
	}
	atomic_store(&call->store->transactions, rc < 0 ? NV_MONGO_NO : NV_MONGO_YES);
	return 0;
}
