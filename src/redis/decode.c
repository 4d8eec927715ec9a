/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hiredis' reader builds our values directly, in the arena of the replies: no second tree, no free
 * for each value.
 *
 * Every slot of a reader task's parent was made with the parent, so an object is a pointer to its
 * slot.
 */
#include "config.h"

#include "redis/decode.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>

#include "base/cleanup.h"

struct nv_redis_decoder {
	redisReader *reader; /* owned */
};

/* The number of elements of an array in hiredis' callback: its type changed with 1.0. */
#if HIREDIS_MAJOR >= 1
typedef size_t elements_count;
#else
typedef int elements_count;
#endif

/* The slot that a task fills. */
static struct nv_redis_reply *slot_of(const redisReadTask *task)
{
	struct nv_redis_replies *replies = task->privdata;

	if (!task->parent) {
		return &replies->items[replies->count];
	}

	struct nv_redis_reply *parent = task->parent->obj;

	return &parent->items[task->idx];
}

static void *make(const redisReadTask *task, enum nv_redis_type type)
{
	struct nv_redis_reply *reply = slot_of(task);

	*reply = (struct nv_redis_reply){ .type = type, .data = "" };
	return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t size)
{
	enum nv_redis_type type = task->type == REDIS_REPLY_ERROR    ? NV_REDIS_ERROR
	                          : task->type == REDIS_REPLY_STATUS ? NV_REDIS_STATUS
	                                                             : NV_REDIS_BULK;
	char *copy = size < SIZE_MAX ? nv_redis_replies_alloc(task->privdata, size + 1) : NULL;

	if (!copy) {
		return NULL;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';

	struct nv_redis_reply *reply = make(task, type);

	reply->data = copy;
	reply->size = size;
	return reply;
}

static void *make_array(const redisReadTask *task, elements_count elements)
{
	struct nv_redis_reply *items = NULL;
	size_t bytes;

	if (elements > 0) {
		if (__builtin_mul_overflow((size_t)elements, sizeof(*items), &bytes)) {
			return NULL;
		}
		/* Not initialised: each is, when it comes, and nobody looks before all are there.
		 * What is only announced so takes no memory. */
		items = nv_redis_replies_alloc(task->privdata, bytes);
		if (!items) {
			return NULL;
		}
	}

	struct nv_redis_reply *reply = make(task, NV_REDIS_ARRAY);

	reply->count = (size_t)elements;
	reply->items = items;
	return reply;
}

static void *make_integer(const redisReadTask *task, long long value)
{
	struct nv_redis_reply *reply = make(task, NV_REDIS_INT);

	reply->integer = value;
	return reply;
}

static void *make_nil(const redisReadTask *task)
{
	return make(task, NV_REDIS_NIL);
}

/* The arena frees. hiredis calls this for a value that was not taken. */
static void forget(void *object)
{
	(void)object;
}

static redisReplyObjectFunctions functions = {
	.createString = make_string,
	.createArray = make_array,
	.createInteger = make_integer,
	.createNil = make_nil,
	.freeObject = forget,
};

int nv_redis_decoder_new(struct nv_redis_decoder **ret_decoder)
{
	struct nv_redis_decoder *decoder cleanup_free = calloc(1, sizeof(*decoder));

	if (!decoder) {
		return -ENOMEM;
	}
	decoder->reader = redisReaderCreateWithFunctions(&functions);
	if (!decoder->reader) {
		return -ENOMEM;
	}
	*ret_decoder = steal(&decoder);
	return 0;
}

void nv_redis_decoder_free(struct nv_redis_decoder *decoder)
{
	if (decoder) {
		redisReaderFree(decoder->reader);
		free(decoder);
	}
}

static int reader_failed(const redisReader *reader, struct nv_err *err)
{
	if (reader->err == REDIS_ERR_OOM) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return nv_fail(err, EIO, "not an answer of a Redis server: %s", reader->errstr);
}

int nv_redis_decoder_feed(struct nv_redis_decoder *decoder, const void *data, size_t size,
                          struct nv_err *err)
{
	if (redisReaderFeed(decoder->reader, data, size) != REDIS_OK) {
		return reader_failed(decoder->reader, err);
	}
	return 0;
}

int nv_redis_decoder_next(struct nv_redis_decoder *decoder, struct nv_redis_replies *replies,
                          struct nv_err *err)
{
	void *object = NULL;

	/* The reader copies it into each task when an answer begins. */
	decoder->reader->privdata = replies;
	if (redisReaderGetReply(decoder->reader, &object) != REDIS_OK) {
		return reader_failed(decoder->reader, err);
	}
	if (!object) {
		return 0;
	}
	replies->count++;
	return 1;
}

bool nv_redis_decoder_is_idle(const struct nv_redis_decoder *decoder)
{
	return decoder->reader->ridx == -1 && decoder->reader->pos == decoder->reader->len;
}
