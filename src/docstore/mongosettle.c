/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The end of a pending entry (mongopending.h has the protocol). Every step may be done twice, by
 * two processes, or cut off: operations compare before they write, entries have their _id, and the
 * last step of either way is one command that names the owner.
 */
#include "config.h"

#include "docstore/mongosettle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "docstore/build.h"
#include "docstore/mongoexec.h"

/* ---- Reading ---- */

static bool text_of(const struct nv_bval *doc, const char *name, const char **ret_text)
{
	struct nv_bval value;
	if (!nv_bval_field(doc, name, strlen(name), &value) || value.type != BSON_TYPE_UTF8) {
		return false;
	}
	*ret_text = (const char *)value.data + 4;
	return true;
}

static bool flag_of(const struct nv_bval *doc, const char *name)
{
	struct nv_bval value;
	return nv_bval_field(doc, name, strlen(name), &value) && value.type == BSON_TYPE_BOOL &&
	       value.data[0] != 0;
}

static int parse_ops(struct nv_mongosettle *entry, const struct nv_bval *list, struct nv_err *err)
{
	size_t count = 0;
	struct nv_bwalk walk = nv_bwalk(list);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		count++;
	}
	entry->ops = calloc(count + 1, sizeof(*entry->ops));
	if (!entry->ops) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	walk = nv_bwalk(list);
	while (nv_bwalk_next(&walk, &field) > 0) {
		int rc = nv_mongoop_parse(&field.value, &entry->ops[entry->ops_count], err);
		if (rc < 0) {
			return rc;
		}
		entry->ops_count++;
	}
	return 0;
}

static int parse_plan(struct nv_mongosettle *entry, const struct nv_bval *binary,
                      struct nv_err *err)
{
	struct nv_bval ops;
	/* A length and a subtype stand before the bytes. */
	if (binary->type != BSON_TYPE_BINARY || binary->size < 5 ||
	    nv_bval_check(binary->data + 5, binary->size - 5) < 0) {
		return nv_fail(err, EINVAL, "a pending entry has no plan");
	}
	nv_buf_append(&entry->plan, binary->data + 5, binary->size - 5);
	struct nv_bval plan = nv_build_doc(&entry->plan);
	if (nv_buf_error(&entry->plan) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	entry->unlogged = flag_of(&plan, "unlogged");
	if (!nv_bval_field(&plan, "ops", 3, &ops) || ops.type != BSON_TYPE_ARRAY ||
	    !nv_bval_field(&plan, "entries", 7, &entry->entries) ||
	    entry->entries.type != BSON_TYPE_ARRAY) {
		return nv_fail(err, EINVAL, "a pending entry has no plan");
	}
	return parse_ops(entry, &ops, err);
}

int nv_mongosettle_parse(const struct nv_bval *bytes, struct nv_mongosettle *ret_entry,
                         struct nv_err *err)
{
	struct nv_mongosettle entry = { .bytes = NV_BUF_INIT, .plan = NV_BUF_INIT };
	struct nv_bval pending;
	struct nv_bval deadline;
	struct nv_bval plan;
	nv_buf_append(&entry.bytes, bytes->data, bytes->size);
	struct nv_bval doc = nv_build_doc(&entry.bytes);
	int rc = nv_buf_error(&entry.bytes) < 0 ? nv_fail(err, ENOMEM, "out of memory") : 0;
	if (rc == 0 &&
	    (!nv_bval_field(&doc, "_id", 3, &entry.id) ||
	     !nv_bval_field(&doc, "pending", 7, &pending) || pending.type != BSON_TYPE_DOCUMENT ||
	     !text_of(&pending, "owner", &entry.owner) ||
	     !nv_bval_field(&pending, "deadline", 8, &deadline) ||
	     deadline.type != BSON_TYPE_DATE_TIME || !nv_bval_field(&pending, "plan", 4, &plan))) {
		rc = nv_fail(err, EINVAL, "no pending entry of a mount");
	}
	if (rc == 0) {
		entry.deadline_ms = (int64_t)nv_le64(deadline.data);
		entry.back = flag_of(&pending, "back");
		rc = parse_plan(&entry, &plan, err);
	}
	if (rc < 0) {
		nv_mongosettle_release(&entry);
		return rc;
	}
	*ret_entry = entry;
	return 0;
}

void nv_mongosettle_release(struct nv_mongosettle *entry)
{
	for (size_t i = 0; i < entry->ops_count; i++) {
		nv_mongoop_release(&entry->ops[i]);
	}
	free(entry->ops);
	nv_buf_release(&entry->plan);
	nv_buf_release(&entry->bytes);
	*entry = (struct nv_mongosettle){ 0 };
}

/* ---- Steps ---- */

/* {_id, pending.owner: mine[, pending.back: …]} */
static void put_mine(struct nv_buf *out, const struct nv_mongosettle *entry, bool going_forward)
{
	size_t doc = nv_bval_begin(out);
	nv_build_value(out, "_id", &entry->id);
	nv_build_utf8(out, "pending.owner", entry->owner);
	if (going_forward) {
		nv_build_bool(out, "pending.back", false);
	}
	nv_bval_end(out, doc);
}

/* Changes the entry if it is still ours. */
static int change_mine(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                       bool going_forward, const bson_t *changes, struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t filter;
	put_mine(&bytes, entry, going_forward);
	int rc = nv_build_view(&bytes, &filter, err);
	return rc < 0 ? rc
	              : nv_mongoexec_update(call, NV_DOCSTORE_CHANGELOG, &filter, changes, err);
}

int nv_mongosettle_claim_back(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                              struct nv_err *err)
{
	bson_t *changes = BCON_NEW("$set", "{", "pending.back", BCON_BOOL(true), "}");
	int rc = change_mine(call, entry, true, changes, err);
	bson_destroy(changes);
	return rc;
}

/* The entry goes. 1, 0, -errno. */
static int remove_mine(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                       struct nv_err *err)
{
	cleanup_buf struct nv_buf bytes = NV_BUF_INIT;
	bson_t filter;
	put_mine(&bytes, entry, false);
	int rc = nv_build_view(&bytes, &filter, err);
	return rc < 0 ? rc : nv_mongoexec_delete(call, NV_DOCSTORE_CHANGELOG, &filter, err);
}

int nv_mongosettle_back(struct nv_mongo_call *call, const struct nv_mongosettle *entry, size_t done,
                        struct nv_err *err)
{
	for (size_t i = done; i > 0; i--) {
		const struct nv_mongoop *op = &entry->ops[i - 1];
		struct nv_err ignored = NV_ERR_INIT;
		int rc = nv_mongoexec_op(call, op, true, true, NULL, &ignored);
		/* 0, or a new document of that _id: somebody has changed it since; what they
		 * wrote stays. */
		if (rc < 0 && !call->fault.duplicate) {
			if (err) {
				*err = ignored;
			}
			return rc;
		}
	}
	return remove_mine(call, entry, err);
}

/* Adds the other entries; one that is there was added before. */
static int add_entries(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                       struct nv_err *err)
{
	struct nv_bwalk walk = nv_bwalk(&entry->entries);
	struct nv_bfield field;
	while (nv_bwalk_next(&walk, &field) > 0) {
		bson_t doc;
		size_t failed = SIZE_MAX;
		if (!bson_init_static(&doc, field.value.data, field.value.size)) {
			return nv_fail(err, EIO, "a pending entry is damaged");
		}
		const bson_t *docs[] = { &doc };
		int rc = nv_mongoexec_insert(call, NV_DOCSTORE_CHANGELOG, docs, 1, &failed, err);
		if (rc < 0 && !call->fault.duplicate) {
			return rc;
		}
	}
	return 0;
}

/* True when somebody else has ended it, forward. */
static int is_ended(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                    struct nv_err *err)
{
	bson_t *doc = NULL;
	int rc = nv_mongoexec_get(call, NV_DOCSTORE_CHANGELOG, &entry->id, false, &doc, err);
	if (rc == 1) {
		bson_iter_t iter;
		rc = !bson_iter_init_find(&iter, doc, "pending");
		bson_destroy(doc);
	}
	return rc;
}

int nv_mongosettle_finish(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                          struct nv_err *err)
{
	int rc = add_entries(call, entry, err);
	if (rc < 0) {
		return rc;
	}
	if (entry->unlogged) {
		rc = remove_mine(call, entry, err);
		return rc == 0 ? 1 : rc; /* gone is gone */
	}
	bson_t *changes = BCON_NEW("$unset", "{", "pending", BCON_INT32(1), "}");
	rc = change_mine(call, entry, true, changes, err);
	bson_destroy(changes);
	return rc == 0 ? is_ended(call, entry, err) : rc;
}

/* ---- Forward or back ---- */

/* What each operation has become. */
static int look_all(struct nv_mongo_call *call, const struct nv_mongosettle *entry,
                    enum nv_mongoop_state *states, struct nv_err *err)
{
	for (size_t i = 0; i < entry->ops_count; i++) {
		const struct nv_mongoop *op = &entry->ops[i];
		bson_t *doc = NULL;
		int rc = nv_mongoexec_get(call, op->collection, &op->id, false, &doc, err);
		if (rc < 0) {
			return rc;
		}
		struct nv_bval now = { 0 };
		if (doc) {
			now = nv_bval_doc(doc);
		}
		states[i] = nv_mongoop_look(op, doc ? &now : NULL);
		bson_destroy(doc);
	}
	return 0;
}

/* Does what is left: 1; 0: one could not be done after all. */
static int go_forward(struct nv_mongo_call *call, const struct nv_mongosettle *entry, size_t from,
                      struct nv_err *err)
{
	for (size_t i = from; i < entry->ops_count; i++) {
		int rc = nv_mongoexec_op(call, &entry->ops[i], false, entry->ops_count > 1, NULL,
		                         err);
		if (rc < 0 && call->fault.duplicate) {
			return 0;
		}
		if (rc <= 0) {
			return rc;
		}
	}
	return 1;
}

/* How many operations are done, and whether the others still can be. */
static int look(struct nv_mongo_call *call, const struct nv_mongosettle *entry, size_t *ret_done,
                bool *ret_can, struct nv_err *err)
{
	enum nv_mongoop_state *states = calloc(entry->ops_count + 1, sizeof(*states));
	int rc =
		states ? look_all(call, entry, states, err) : nv_fail(err, ENOMEM, "out of memory");
	/* They are done in order, so what is before one that is done was done too. */
	size_t done = 0;
	bool can = true;
	for (size_t i = 0; rc == 0 && i < entry->ops_count; i++) {
		done = states[i] == NV_MONGOOP_DONE ? i + 1 : done;
	}
	for (size_t i = done; rc == 0 && i < entry->ops_count; i++) {
		can = can && states[i] == NV_MONGOOP_TODO;
	}
	free(states);
	if (rc == 0) {
		*ret_done = done;
		*ret_can = can;
	}
	return rc;
}

int nv_mongosettle_end(struct nv_mongo_call *call, struct nv_mongosettle *entry, bool patient,
                       bool *ret_forward, struct nv_err *err)
{
	size_t done = 0;
	bool can = false;
	int rc = look(call, entry, &done, &can, err);
	if (rc < 0) {
		return rc;
	}
	if (can && !entry->back) {
		rc = go_forward(call, entry, done, err);
		if (rc == 1) {
			*ret_forward = true;
			return nv_mongosettle_finish(call, entry, err);
		}
		/* Whoever began it may still have a command on the way. Nobody else has: a server
		 * that has not taken the change by now will not, and would keep the entry, and all
		 * who want to mount, for good. */
		if (rc < 0 && (patient || call->fault.unreached)) {
			return rc;
		}
		/* What was not done must not even be asked to be taken back: a value that the
		 * server cannot bear is in that question too. */
		rc = look(call, entry, &done, &can, err);
		if (rc < 0) {
			return rc;
		}
	}
	if (!entry->back) {
		rc = nv_mongosettle_claim_back(call, entry, err);
		if (rc <= 0) {
			return rc;
		}
		entry->back = true;
	}
	*ret_forward = false;
	return nv_mongosettle_back(call, entry, done, err);
}
