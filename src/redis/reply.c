/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reply values: their arena, their accessors, and the meaning of error replies.
 */
#include "config.h"

#include "redis/reply.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "redis/decode.h"

enum { CHUNK_FIRST = 4096, CHUNK_LARGEST = 256 * 1024, ALIGNMENT = 16 };

/* One allocation of an arena; the newest is the head and the only one with room. */
struct chunk {
	struct chunk *next;
	size_t used; /* of bytes */
	size_t size; /* of bytes */
	_Alignas(ALIGNMENT) char bytes[];
};

static struct chunk *chunk_new(size_t size)
{
	struct chunk *chunk = malloc(sizeof(*chunk) + size);

	if (chunk) {
		*chunk = (struct chunk){ .next = NULL, .used = 0, .size = size };
	}
	return chunk;
}

void *nv_redis_replies_alloc(struct nv_redis_replies *replies, size_t size)
{
	struct chunk *head = replies->arena;

	if (size > SIZE_MAX / 2) {
		return NULL;
	}
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (head && size > CHUNK_LARGEST / 4) {
		/* A chunk of its own behind the head, so that the head's room is not lost. */
		struct chunk *own = chunk_new(size);

		if (!own) {
			return NULL;
		}
		own->next = head->next;
		head->next = own;
		return own->bytes;
	}
	if (!head || head->size - head->used < size) {
		size_t room = head ? head->size * 2 : CHUNK_FIRST;

		room = room > CHUNK_LARGEST ? CHUNK_LARGEST : room;

		struct chunk *chunk = chunk_new(room < size ? size : room);

		if (!chunk) {
			return NULL;
		}
		chunk->next = head;
		replies->arena = head = chunk;
	}

	void *result = head->bytes + head->used;

	head->used += size;
	return result;
}

struct nv_redis_replies *nv_redis_replies_new(size_t count)
{
	struct nv_redis_replies *replies cleanup_redis_replies = calloc(1, sizeof(*replies));
	size_t bytes;

	if (!replies || __builtin_mul_overflow(count, sizeof(*replies->items), &bytes)) {
		return NULL;
	}
	replies->items = calloc(count ? count : 1, sizeof(*replies->items));
	if (!replies->items) {
		return NULL;
	}
	return steal(&replies);
}

void nv_redis_replies_free(struct nv_redis_replies *replies)
{
	if (!replies) {
		return;
	}
	for (struct chunk *chunk = replies->arena; chunk;) {
		struct chunk *next = chunk->next;

		free(chunk);
		chunk = next;
	}
	free(replies->items);
	free(replies);
}

/* What an error code means. */
struct meaning {
	const char *code;
	int errnum;
	const char *text; /* what the user reads; NULL: the server's own words */
};

static const struct meaning meanings[] = {
	{ "OOM", ENOSPC, "the server has reached its memory limit (maxmemory) and refuses writes" },
	{ "MISCONF", ENOSPC,
	  "the server cannot save its data to disk and refuses writes (see its log)" },
	{ "READONLY", EROFS, "the server is a read-only replica" },
	{ "NOAUTH", EACCES, "the server wants a password" },
	{ "WRONGPASS", EACCES, "the server refuses the user name or password" },
	{ "NOPERM", EACCES, NULL },
	{ "LOADING", EIO, "the server is still loading its data; try again in a moment" },
	{ "BUSY", EIO, "the server is busy with a script; try again in a moment" },
	{ "MASTERDOWN", EIO, "the server is a replica that lost its master" },
	{ "NOREPLICAS", EIO, "the server has too few replicas to accept writes" },
	{ "MOVED", EIO, "the server is part of a Redis Cluster, which is not supported" },
	{ "ASK", EIO, "the server is part of a Redis Cluster, which is not supported" },
	{ "CLUSTERDOWN", EIO, "the server is part of a Redis Cluster, which is not supported" },
	{ "CROSSSLOT", EIO, "the server is part of a Redis Cluster, which is not supported" },
	{ "TRYAGAIN", EIO, "the server is part of a Redis Cluster, which is not supported" },
	{ "WRONGTYPE", EIO, "the key has another type than expected" },
};

/* The meaning of the word at text, or NULL. */
static const struct meaning *find_meaning(const char *text)
{
	size_t size = strcspn(text, " ");

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strlen(meanings[i].code) == size && memcmp(meanings[i].code, text, size) == 0) {
			return &meanings[i];
		}
	}
	return NULL;
}

/*
 * The meaning of what a script's command raised where it has no code in front. Redis 6 wraps it:
 * "ERR Error running script (call to f_HASH): @user_script:LINE: CODE text", with a '-' before some
 * codes; Redis 7.0 says "ERR The user executing the script can't …" where others say NOPERM.
 */
static const struct meaning *script_meaning(const char *text)
{
	static const char denied[] = "ERR The user executing the script can't ";
	const char *place = strstr(text, "@user_script:");

	if (strncmp(text, denied, strlen(denied)) == 0) {
		return find_meaning("NOPERM");
	}
	if (strncmp(text, "ERR Error running script", 24) != 0 || !place) {
		return NULL;
	}
	place += strlen("@user_script:");
	place += strspn(place, " ");
	place += strspn(place, "0123456789");
	place += strspn(place, ": -");
	return find_meaning(place);
}

static const struct meaning *reply_meaning(const char *text)
{
	const struct meaning *meaning = find_meaning(text);

	return meaning ? meaning : script_meaning(text);
}

bool nv_redis_reply_is_wrongtype(const struct nv_redis_reply *reply)
{
	if (reply->type != NV_REDIS_ERROR) {
		return false;
	}

	const struct meaning *meaning = reply_meaning(reply->data);

	return meaning && strcmp(meaning->code, "WRONGTYPE") == 0;
}

bool nv_redis_reply_is(const struct nv_redis_reply *reply, const char *text)
{
	return (reply->type == NV_REDIS_BULK || reply->type == NV_REDIS_STATUS) &&
	       reply->size == strlen(text) && memcmp(reply->data, text, reply->size) == 0;
}

bool nv_redis_reply_integer(const struct nv_redis_reply *reply, long long *ret_value)
{
	if (reply->type == NV_REDIS_INT) {
		*ret_value = reply->integer;
		return true;
	}
	if ((reply->type != NV_REDIS_BULK && reply->type != NV_REDIS_STATUS) || reply->size == 0) {
		return false;
	}

	bool negative = reply->data[0] == '-';
	long long value = 0;

	if (negative && reply->size == 1) {
		return false;
	}
	for (size_t i = negative; i < reply->size; i++) {
		int digit = reply->data[i] - '0';

		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10LL, &value) ||
		    __builtin_sub_overflow(value, (long long)digit, &value)) {
			return false;
		}
	}
	/* Gathered below zero, where the range is one larger. */
	if (!negative && __builtin_sub_overflow(0LL, value, &value)) {
		return false;
	}
	*ret_value = value;
	return true;
}

/*
 * Copies text as one printable line: an error reply may quote any bytes. What Redis 7 adds to the
 * errors of scripts, " script: HASH, on …", is left out: it tells a user nothing.
 */
static void copy_line(char *out, size_t out_size, const char *text)
{
	static const char place[] = " script: ";
	const char *end = strstr(text, place);
	size_t used = 0;

	if (!end || strspn(end + strlen(place), "0123456789abcdef") != 40) {
		end = text + strlen(text);
	}
	for (; text < end && used + 1 < out_size; text++) {
		unsigned char byte = (unsigned char)*text;

		out[used++] = byte < ' ' || byte == 0x7f ? '?' : *text;
	}
	out[used] = '\0';
}

int nv_redis_reply_check(const struct nv_redis_reply *reply, const char *address, const char *what,
                         struct nv_err *err)
{
	if (reply->type != NV_REDIS_ERROR) {
		return 0;
	}

	const struct meaning *meaning = reply_meaning(reply->data);
	char line[160];
	char what_line[80] = "";

	copy_line(line, sizeof(line), meaning && meaning->text ? meaning->text : reply->data);
	if (what) {
		copy_line(what_line, sizeof(what_line), what);
	}
	return nv_fail(err, meaning ? meaning->errnum : EIO, "%s%s%s%s%s", address ? address : "",
	               address ? ": " : "", what_line, what ? ": " : "", line);
}

int nv_redis_reply_expect(const struct nv_redis_reply *reply, enum nv_redis_type type,
                          const char *address, const char *what, struct nv_err *err)
{
	if (reply->type == type) {
		return 0;
	}
	if (reply->type == NV_REDIS_ERROR) {
		return nv_redis_reply_check(reply, address, what, err);
	}
	return nv_fail(err, EIO, "%s%s%s%sunexpected answer", address ? address : "",
	               address ? ": " : "", what ? what : "", what ? ": " : "");
}
