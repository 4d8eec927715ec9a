/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a commit. Owns the order of writes and what each kind means; the transaction around
 * it is the store's.
 */
#include "config.h"

#include "docstore/doccommit.h"

#include <errno.h>
#include <string.h>

#include "docstore/key.h"
#include "docstore/write.h"

/* One commit under way. The buffers are kept from write to write. */
struct run {
	const struct nv_doccommit_io *io;
	void *ctx;
	struct nv_docresult *result;
	struct nv_buf key;    /* of the document at hand */
	struct nv_buf stored; /* the document as it stands */
	struct nv_buf made;   /* what becomes of it */
};

static struct nv_bval buf_doc(const struct nv_buf *buf)
{
	return (struct nv_bval){ BSON_TYPE_DOCUMENT, (const uint8_t *)buf->data, buf->len };
}

static int keep(bson_t **ret_doc, const struct nv_bval *doc, struct nv_err *err)
{
	bson_t *copy = bson_new_from_data(doc->data, doc->size);
	if (!copy) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	*ret_doc = copy;
	return 0;
}

/* Keeps the stored document for a caller who lost against it; rc is what is returned in the end. */
static int lose(struct run *run, const struct nv_bval *doc, int rc, struct nv_err *err)
{
	int kept = keep(&run->result->stored, doc, err);
	return kept < 0 ? kept : rc;
}

static int insert(struct run *run, const char *collection, const bson_t *doc, struct nv_err *err)
{
	struct nv_bval value = nv_bval_doc(doc);
	int rc = nv_key_of_doc(&run->key, &value);
	if (rc < 0) {
		return nv_fail(err, -rc == ENOENT ? EINVAL : -rc, "a document without _id");
	}
	rc = run->io->load(run->ctx, collection, &run->key, &run->stored, err);
	if (rc < 0) {
		return rc;
	}
	if (rc > 0) {
		struct nv_bval there = buf_doc(&run->stored);
		return lose(run, &there,
		            nv_fail(err, EEXIST, "%s has a document of that _id", collection), err);
	}
	return run->io->store(run->ctx, collection, &run->key, NULL, &value, err);
}

/* Loads the document of a write and holds it against its expected values. */
static int load_expected(struct run *run, const struct nv_docwrite *write, struct nv_err *err)
{
	struct nv_bval id;
	int rc = nv_bval_from(write->id, &run->made, &id);
	if (rc == 0) {
		nv_buf_truncate(&run->key, 0);
		rc = nv_key_append(&run->key, &id);
	}
	if (rc < 0) {
		return nv_fail(err, -rc, "the _id is no BSON value");
	}
	rc = run->io->load(run->ctx, write->collection, &run->key, &run->stored, err);
	if (rc < 0) {
		return rc;
	}
	if (rc == 0) {
		return nv_fail(err, ENOENT, "%s has no document of that _id any more",
		               write->collection);
	}
	struct nv_bval stored = buf_doc(&run->stored);
	rc = nv_write_expect(write, &stored, err);
	return rc == -ESTALE ? lose(run, &stored, rc, err) : rc;
}

/* Changes the loaded document. */
static int change(struct run *run, const struct nv_docwrite *write, struct nv_err *err)
{
	struct nv_bval stored = buf_doc(&run->stored);
	int rc = nv_write_apply(write, &stored, &run->made, err);
	if (rc == -ESTALE) {
		return lose(run, &stored, rc, err);
	}
	if (rc < 0) {
		return rc;
	}
	struct nv_bval made = buf_doc(&run->made);
	if (nv_bval_same(&stored, &made)) {
		return 0;
	}
	return run->io->store(run->ctx, write->collection, &run->key, &stored, &made, err);
}

/* Gathers the keys of matching documents: 4 bytes of size, then the key. */
static int found_key(void *found_ctx, const struct nv_bval *doc, struct nv_err *err)
{
	struct nv_buf *keys = found_ctx;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	int rc = nv_key_of_doc(&key, doc);
	if (rc == -ENOENT) {
		return nv_fail(err, EIO, "a stored document has no _id");
	}
	uint8_t size[4];
	nv_put_le32(size, (uint32_t)key.len);
	nv_buf_append(keys, size, sizeof(size));
	nv_buf_append(keys, key.data, key.len);
	return rc < 0 || nv_buf_error(keys) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int update_all(struct run *run, const struct nv_docwrite *write, struct nv_err *err)
{
	cleanup_buf struct nv_buf keys = NV_BUF_INIT;
	int rc = run->io->select(run->ctx, write->collection, write->terms, write->terms_count,
	                         found_key, &keys, err);
	for (size_t at = 0; rc >= 0 && at < keys.len;) {
		size_t size = nv_le32((const uint8_t *)keys.data + at);
		nv_buf_truncate(&run->key, 0);
		nv_buf_append(&run->key, keys.data + at + 4, size);
		at += 4 + size;
		if (nv_buf_error(&run->key)) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		rc = run->io->load(run->ctx, write->collection, &run->key, &run->stored, err);
		if (rc == 0) {
			return nv_fail(err, EIO, "a document of %s is not where its _id says",
			               write->collection);
		}
		if (rc > 0) {
			rc = change(run, write, err);
			run->result->updated++;
		}
	}
	return rc < 0 ? rc : 0;
}

static int found_any(void *found_ctx, const struct nv_bval *doc, struct nv_err *err)
{
	struct run *run = found_ctx;
	int rc = keep(&run->result->stored, doc, err);
	return rc < 0 ? rc : 1;
}

static int absent(struct run *run, const struct nv_docwrite *write, struct nv_err *err)
{
	int rc = run->io->select(run->ctx, write->collection, write->terms, write->terms_count,
	                         found_any, run, err);
	if (rc >= 0 && run->result->stored) {
		return nv_fail(err, ENOTEMPTY, "%s has such a document", write->collection);
	}
	return rc < 0 ? rc : 0;
}

static int run_write(struct run *run, const struct nv_docwrite *write, bson_t **ret_after,
                     struct nv_err *err)
{
	struct nv_bval after;
	int rc = 0;
	switch (write->kind) {
	case NV_DOCWRITE_INSERT:
		rc = insert(run, write->collection, write->doc, err);
		after = nv_bval_doc(write->doc);
		return rc < 0 ? rc : keep(ret_after, &after, err);
	case NV_DOCWRITE_UPDATE:
		rc = load_expected(run, write, err);
		rc = rc < 0 ? rc : change(run, write, err);
		if (rc < 0) {
			return rc;
		}
		after = buf_doc(&run->made);
		return keep(ret_after, &after, err);
	case NV_DOCWRITE_DELETE:
		rc = load_expected(run, write, err);
		if (rc < 0) {
			return rc;
		}
		after = buf_doc(&run->stored);
		return run->io->remove(run->ctx, write->collection, &run->key, &after, err);
	case NV_DOCWRITE_UPDATE_ALL:
		return update_all(run, write, err);
	case NV_DOCWRITE_ABSENT:
		return absent(run, write, err);
	}
	return nv_fail(err, EINVAL, "a write of no kind");
}

static int step(struct run *run, bool entry, struct nv_err *err)
{
	return run->io->step ? run->io->step(run->ctx, entry, err) : 0;
}

static int run_all(struct run *run, const struct nv_doccommit *commit, struct nv_err *err)
{
	struct nv_docresult *result = run->result;
	for (size_t i = 0; i < commit->writes_count; i++) {
		int rc = step(run, false, err);
		rc = rc < 0 ? rc : run_write(run, &commit->writes[i], &result->after[i], err);
		if (rc < 0) {
			result->failed = i;
			return rc;
		}
	}
	for (size_t i = 0; i < commit->entries_count; i++) {
		int rc = step(run, true, err);
		rc = rc < 0 ? rc : insert(run, NV_DOCSTORE_CHANGELOG, commit->entries[i], err);
		if (rc < 0) {
			result->failed = commit->writes_count + i;
			return rc;
		}
	}
	return 0;
}

int nv_doccommit_run(const struct nv_doccommit_io *io, void *ctx, const struct nv_doccommit *commit,
                     struct nv_docresult *result, struct nv_err *err)
{
	struct run run = { .io = io, .ctx = ctx, .result = result };
	int rc = run_all(&run, commit, err);
	nv_buf_release(&run.key);
	nv_buf_release(&run.stored);
	nv_buf_release(&run.made);
	return rc;
}
