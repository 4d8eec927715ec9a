/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Full and restore mounts of netdox/: what a full mount shows of one server is written into a restore
 * mount of another, in any order; then both hold the same. What counts is what the servers say.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "contract/netdox_fixture.h"

/* Two servers: that of the backup, and an empty one. */
struct pair {
	struct netdox_fixture *from;
	struct netdox_fixture *to;
	uint64_t random;
};

static uint64_t next_random(struct pair *pair)
{
	pair->random ^= pair->random << 13;
	pair->random ^= pair->random >> 7;
	pair->random ^= pair->random << 17;
	return pair->random;
}

static size_t below(struct pair *pair, size_t count)
{
	return (size_t)(next_random(pair) % count);
}

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	void *from = NULL;
	void *to = NULL;

	if (!pair || netdox_setup(&from) < 0 || netdox_setup(&to) < 0) {
		return -1;
	}
	pair->from = from;
	pair->to = to;
	pair->random = 88172645463325252U;
	remount_as(pair->from, NV_MOUNT_FULL);
	remount_as(pair->to, NV_MOUNT_RESTORE);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;
	void *from = pair->from;
	void *to = pair->to;
	int r = netdox_teardown(&from);

	r |= netdox_teardown(&to);
	free(pair);
	return r;
}

/* --- what a server holds --- */

/* Every key of a database with its type and all of its value, in a stable order; %q keeps every
 * byte apart. */
static const char dump_script[] =
	"local out = {}\n"
	"local function add(text) out[#out + 1] = string.format('%q', text) end\n"
	"local keys = redis.call('KEYS', '*')\n"
	"table.sort(keys)\n"
	"for _, key in ipairs(keys) do\n"
	"  local kind = redis.call('TYPE', key).ok\n"
	"  add(kind .. ' ' .. key)\n"
	"  local items = {}\n"
	"  if kind == 'string' then items = { redis.call('GET', key) }\n"
	"  elseif kind == 'list' then items = redis.call('LRANGE', key, 0, -1)\n"
	"  elseif kind == 'set' then\n"
	"    items = redis.call('SMEMBERS', key)\n"
	"    table.sort(items)\n"
	"  elseif kind == 'hash' then\n"
	"    local fields = redis.call('HKEYS', key)\n"
	"    table.sort(fields)\n"
	"    for _, field in ipairs(fields) do\n"
	"      items[#items + 1] = field\n"
	"      items[#items + 1] = redis.call('HGET', key, field)\n"
	"    end\n"
	"  elseif kind == 'zset' then items = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')\n"
	"  elseif kind == 'stream' then\n"
	"    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do\n"
	"      items[#items + 1] = entry[1]\n"
	"      items[#items + 1] = tostring(#entry[2])\n"
	"      for _, text in ipairs(entry[2]) do items[#items + 1] = text end\n"
	"    end\n"
	"  end\n"
	"  for _, item in ipairs(items) do add(' ' .. item) end\n"
	"end\n"
	"return table.concat(out, '\\n')\n";

static void assert_same_database(struct pair *pair, enum nv_redis_db db)
{
	size_t size, to_size;
	char *from = redis_text(pair->from, db, dump_script, &size);
	char *to = redis_text(pair->to, db, dump_script, &to_size);

	if (size != to_size || memcmp(from, to, size) != 0) {
		/* cmocka's own messages are cut short */
		fprintf(stderr, "--- database %d was\n%s\n--- and is\n%s\n---\n", (int)db, from,
		        to);
		fail_msg("database %d is not what it was", (int)db);
	}
	free(from);
	free(to);
}

static void assert_same(struct pair *pair)
{
	assert_same_database(pair, NV_REDIS_MAIN);
	assert_same_database(pair, NV_REDIS_PROCESSED);
}

/* --- what a tool does --- */

enum how {
	IN_ORDER,  /* as listed */
	SHUFFLED,  /* any order */
	IN_PIECES, /* any order; each text first cut short, then whole, then whole again */
};

static void save(struct pair *pair, const char *path, struct nv_blob *base, const char *text,
                 size_t size, struct nv_blob **ret_blob)
{
	struct nv_save_result result = { .changed = false };
	int r = path_save_bytes(pair->to, path, base, text, size, &result);

	if (r < 0) {
		fail_msg("%s: %s", path, pair->to->err.msg);
	}
	*ret_blob = nv_blob_ref(result.blob);
	nv_save_result_release(&result);
}

/* The first part of a text, as far as that is a text; then the next save's base is what came of
 * it. */
static struct nv_blob *save_piece(struct pair *pair, const char *path, const struct nv_blob *blob)
{
	struct nv_save_result result = { .changed = false };
	struct nv_blob *base = NULL;
	size_t size = blob->size ? below(pair, blob->size) : 0;

	if (path_save_bytes(pair->to, path, NULL, blob->text, size, &result) == 0) {
		base = nv_blob_ref(result.blob);
	}
	nv_save_result_release(&result);
	return base;
}

static void copy_file(struct pair *pair, const char *path, enum how how)
{
	struct nv_blob *blob cleanup_blob = NULL;
	struct nv_blob *base cleanup_blob = NULL;
	struct nv_blob *stored cleanup_blob = NULL;
	struct nv_blob *again cleanup_blob = NULL;
	int r = path_load(pair->from, path, &blob);

	if (r == -EIO) {
		return; /* a key of another type: it is in orphans/ */
	}
	assert_int_equal(r, 0);
	r = path_accepts(pair->to, path);
	if (r < 0) {
		fail_msg("%s: %s", path, pair->to->err.msg);
	}
	if (how == IN_PIECES) {
		base = save_piece(pair, path, blob);
	}
	save(pair, path, base, blob->text, blob->size, &stored);
	if (how == IN_PIECES) {
		save(pair, path, stored, blob->text, blob->size, &again);
	}
}

static void copy_dir(struct pair *pair, const char *path, enum how how)
{
	struct nv_listing *listing cleanup_listing = NULL;
	size_t order[512];
	int r = path_list(pair->from, path, &listing);

	if (r == -EIO) {
		return;
	}
	if (r < 0) {
		fail_msg("%s: %s", path, pair->from->err.msg);
	}
	assert_true(listing->count <= 512);
	for (size_t i = 0; i < listing->count; i++) {
		size_t j = how == IN_ORDER ? i : below(pair, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < listing->count; i++) {
		const struct nv_entry *entry = &listing->entries[order[i]];
		char child[2048];

		snprintf(child, sizeof(child), "%s/%s", path, entry->name);
		if (entry->row->type == NV_LINK) {
			continue;
		}
		if (entry->row->type == NV_FILE) {
			copy_file(pair, child, how);
			continue;
		}
		if ((entry->row->flags & NV_ROW_OBJECT) && path_mkdir(pair->to, child) < 0) {
			fail_msg("%s: %s", child, pair->to->err.msg);
		}
		copy_dir(pair, child, how);
	}
}

static void restore(struct pair *pair, enum how how)
{
	copy_dir(pair, "netdox", how);
	assert_same(pair);
}

static void empty_both(struct pair *pair)
{
	redis_do(pair->from, "FLUSHALL", NULL);
	redis_do(pair->to, "FLUSHALL", NULL);
	remount_as(pair->from, NV_MOUNT_FULL);
	remount_as(pair->to, NV_MOUNT_RESTORE);
}

/* --- what users have --- */

static void fill(struct netdox_fixture *f)
{
	redis_do(f, "SET", "default_network", "lan", NULL);
	redis_do(f, "SADD", "dns", "[lan]a.example", "[lan]b.example", "[lan]c", "odd", NULL);
	redis_do(f, "SADD", "dns;[lan]a.example;plugins", "scan", "hand", NULL);
	redis_do(f, "SADD", "dns;[lan]a.example;scan", "A", "cname", NULL);
	redis_do(f, "SADD", "dns;[lan]a.example;scan;A", "[lan]10.0.0.1", "10.0.0.2", NULL);
	redis_do(f, "SADD", "dns;[lan]a.example;maps", "[wan]a.example", "unqualified", NULL);
	redis_do(f, "SADD", "meta", "[lan]a.example", "[lan]b.example", "[lan]a.example;scan",
	         NULL);
	redis_do(f, "HSET", "meta;[lan]a.example", "owner", "ann", "note", "", NULL);
	redis_do(f, "SADD", "pdata;dns;[lan]a.example", "l", "h", "s", "z", "t", "none", "empty",
	         NULL);
	redis_do(f, "RPUSH", "pdata;dns;[lan]a.example;l", "b", "a", "b", "", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a.example;l;details", "type", "list", "plugin", "scan",
	         NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a.example;h", "k", "v", NULL);
	redis_do(f, "SET", "pdata;dns;[lan]a.example;s", "text\nwith lines", NULL);
	redis_do(f, "ZADD", "pdata;dns;[lan]a.example;z", "1.5", "x", "-inf", "y", NULL);
	redis_do(f, "XADD", "pdata;dns;[lan]a.example;t", "5-1", "k", "v", "k", "w", NULL);
	redis_do(f, "HSET", "pdata;dns;[lan]a.example;empty;details", "type", "list", NULL);
	redis_do(f, "SADD", "nodes", "[lan]a.example;scan", "x", NULL);
	redis_do(f, "SADD", "nodes;[lan]a.example;scan", "scan", "bare", NULL);
	redis_do(f, "HSET", "nodes;[lan]a.example;scan;scan", "plugin", "scan", "link_id", "L",
	         NULL);
	redis_do(f, "SADD", "reports", "r", NULL);
	redis_do(f, "SET", "reports;r", "", NULL);
	redis_do(f, "HSET", "last-modified", "meta;[lan]a.example", "2026-11-24T00:00:00.000Z",
	         "gone", "x", NULL);
	redis_do(f, "XADD", "changelog", "1-1", "change", "create dns name", "value",
	         "[lan]a.example", "plugin", "scan", NULL);
	redis_do(f, "XADD", "changelog", "1-2", "id", "1", "id", "2", NULL);
	redis_do(f, "XADD", "changelog", "7-0", "a", "b\x80", NULL);
	redis_do1(f, "SADD", "nodes", "L", "lone", NULL);
	redis_do1(f, "SET", "nodes;L", "The name", NULL);
	redis_do1(f, "SADD", "nodes;L;alt_names", "a", "b", NULL);
	redis_do1(f, "SADD", "nodes;L;raw_keys", "nodes;[lan]a.example;scan", NULL);
	redis_do1(f, "HSET", "dns_nodes", "[lan]a.example", "L", "[lan]b.example", "nodes;L", NULL);
}

static void test_what_users_have(void **state)
{
	struct pair *pair = *state;

	for (int how = IN_ORDER; how <= IN_PIECES; how++) {
		empty_both(pair);
		fill(pair->from);
		redis_do(pair->to, "DEL", "changelog", NULL);
		restore(pair, (enum how)how);
	}
}

/* --- what nobody should have --- */

enum { ATOMS = 4, ATOM_MAX = 4096 };

struct atoms {
	char bytes[ATOMS][ATOM_MAX];
	size_t sizes[ATOMS];
};

/* A name: of the model, of its words, of any bytes, or of a length at which names are cut. */
static size_t make_atom(struct pair *pair, char *bytes)
{
	static const char *const words[] = {
		"",        "a",     "[lan]a",     "[lan]a;b",     "plugins",   "maps",
		"details", "[lan]", "[lan]a;b;c", "id",           ".x",        "-x",
		"a~",      "A",     "nodes",      "[n\xC3\xA4]x", "a;details", "4913",
		"x.tmp",   "pdata", "%",          "\n",           " b ",       "[lan]id",
	};
	static const size_t lengths[] = { 79,  80,  81,  222, 223,  224, 239,
		                          240, 241, 255, 256, 1000, 4000 };
	size_t size = 0;

	switch (below(pair, 5)) {
	case 0:
	case 1:
	case 2: {
		const char *word = words[below(pair, sizeof(words) / sizeof(words[0]))];

		size = strlen(word);
		memcpy(bytes, word, size);
		break;
	}
	case 3:
		for (size = 0; size < 1 + below(pair, 12); size++) {
			bytes[size] = (char)below(pair, 256);
		}
		break;
	default:
		size = lengths[below(pair, sizeof(lengths) / sizeof(lengths[0]))];
		memset(bytes, 'a' + (int)below(pair, 2), size);
		if (below(pair, 2)) {
			memcpy(bytes, "[lan]", 5);
		}
		break;
	}
	return size;
}

static void append_atom(struct pair *pair, const struct atoms *atoms, struct nv_buf *out)
{
	size_t i = below(pair, ATOMS);

	nv_buf_append(out, atoms->bytes[i], atoms->sizes[i]);
}

/* A key by a template, each $ an atom. */
static void append_key(struct pair *pair, const struct atoms *atoms, const char *template,
                       struct nv_buf *out)
{
	for (; *template; template ++) {
		if (*template == '$') {
			append_atom(pair, atoms, out);
		} else {
			nv_buf_putc(out, *template);
		}
	}
}

/* A command of any number of atoms after a key; "#" is the key, "$" an atom, "@" a rising id. */
static void do_command(struct pair *pair, enum nv_redis_db db, const struct atoms *atoms,
                       const char *words, const struct nv_buf *key)
{
	static unsigned id;
	struct nv_buf texts[16] = { NV_BUF_INIT };
	/* what does not fit a key that is there already is not done */
	const char *argv[16] = { "EVAL", "redis.pcall(unpack(ARGV)) return 0", "0" };
	size_t sizes[16] = { 4, 34, 1 };
	size_t argc = 3;

	for (const char *at = words; *at; at += strspn(at, " ")) {
		size_t size = strcspn(at, " ");
		struct nv_buf *text = &texts[argc];

		if (*at == '#') {
			nv_buf_append(text, key->data ? key->data : "", key->len);
		} else if (*at == '$') {
			append_atom(pair, atoms, text);
		} else if (*at == '@') {
			nv_buf_printf(text, "%u-%u", ++id, (unsigned)below(pair, 3));
		} else {
			nv_buf_append(text, at, size);
		}
		nv_buf_puts(text, "");
		argv[argc] = text->data ? text->data : "";
		sizes[argc++] = text->len;
		at += size;
	}
	redis_bytes_in(pair->from, db, argc, argv, sizes);
	for (size_t i = 0; i < argc; i++) {
		nv_buf_release(&texts[i]);
	}
}

static const char *const puts_of[] = {
	"SADD # $ $", "HSET # $ $ $ $",    "RPUSH # $ $ $",
	"SET # $",    "ZADD # 1 $ -2.5 $", "XADD # @ $ $ $ $",
};
enum { PUTS = sizeof(puts_of) / sizeof(puts_of[0]), SET_OF = 0, HASH_OF = 1, ANY_OF = PUTS };

static const struct {
	enum nv_redis_db db;
	const char *key;
	int type; /* as it should be */
} templates[] = {
	{ NV_REDIS_MAIN, "dns", SET_OF },
	{ NV_REDIS_MAIN, "dns", SET_OF },
	{ NV_REDIS_MAIN, "dns;$;plugins", SET_OF },
	{ NV_REDIS_MAIN, "dns;$;$", SET_OF },
	{ NV_REDIS_MAIN, "dns;$;$;$", SET_OF },
	{ NV_REDIS_MAIN, "dns;$;maps", SET_OF },
	{ NV_REDIS_MAIN, "meta", SET_OF },
	{ NV_REDIS_MAIN, "meta;$", HASH_OF },
	{ NV_REDIS_MAIN, "pdata;dns;$", SET_OF },
	{ NV_REDIS_MAIN, "pdata;dns;$;$", ANY_OF },
	{ NV_REDIS_MAIN, "pdata;dns;$;$;details", HASH_OF },
	{ NV_REDIS_MAIN, "pdata;node;$", HASH_OF },
	{ NV_REDIS_MAIN, "pdata;node;$", SET_OF },
	{ NV_REDIS_MAIN, "pdata;node;$;$", ANY_OF },
	{ NV_REDIS_MAIN, "pdata;node;$;$;details", HASH_OF },
	{ NV_REDIS_MAIN, "nodes", SET_OF },
	{ NV_REDIS_MAIN, "nodes", SET_OF },
	{ NV_REDIS_MAIN, "nodes;$", SET_OF },
	{ NV_REDIS_MAIN, "nodes;$;$", HASH_OF },
	{ NV_REDIS_MAIN, "reports", SET_OF },
	{ NV_REDIS_MAIN, "reports;$", ANY_OF },
	{ NV_REDIS_MAIN, "reports;$;details", HASH_OF },
	{ NV_REDIS_MAIN, "default_network", 3 },
	{ NV_REDIS_MAIN, "changelog", 5 },
	{ NV_REDIS_MAIN, "last-modified", HASH_OF },
	{ NV_REDIS_MAIN, "dns_nodes", HASH_OF },
	{ NV_REDIS_PROCESSED, "dns_nodes", HASH_OF },
	{ NV_REDIS_PROCESSED, "nodes", SET_OF },
	{ NV_REDIS_PROCESSED, "nodes", SET_OF },
	{ NV_REDIS_PROCESSED, "nodes;$", 3 },
	{ NV_REDIS_PROCESSED, "nodes;$;alt_names", SET_OF },
	{ NV_REDIS_PROCESSED, "nodes;$;plugins", SET_OF },
	{ NV_REDIS_PROCESSED, "nodes;$;raw_keys", SET_OF },
	{ NV_REDIS_PROCESSED, "meta;$", ANY_OF },
	{ NV_REDIS_PROCESSED, "changelog", 5 },
};
enum { TEMPLATES = sizeof(templates) / sizeof(templates[0]) };

static void put_hostile(struct pair *pair, size_t writes)
{
	struct atoms *atoms = calloc(1, sizeof(*atoms));

	assert_non_null(atoms);
	for (size_t i = 0; i < ATOMS; i++) {
		atoms->sizes[i] = make_atom(pair, atoms->bytes[i]);
	}
	for (size_t i = 0; i < writes; i++) {
		size_t t = below(pair, TEMPLATES);
		struct nv_buf key cleanup_buf = NV_BUF_INIT;
		size_t type = below(pair, 12) == 0 || templates[t].type == ANY_OF
		                      ? below(pair, PUTS)
		                      : (size_t)templates[t].type;

		append_key(pair, atoms, templates[t].key, &key);
		do_command(pair, templates[t].db, atoms, puts_of[type], &key);
	}
	free(atoms);
}

static void test_what_nobody_should_have(void **state)
{
	struct pair *pair = *state;
	const char *given = getenv("NV_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	for (uint64_t i = 0; i < (given ? 1 : 60); i++) {
		print_message("# NV_SEED=%llu\n", (unsigned long long)(seed + i));
		pair->random = (seed + i) * 0x9E3779B97F4A7C15U + 1;
		empty_both(pair);
		put_hostile(pair, 20 + below(pair, 120));
		restore(pair, (enum how)below(pair, 3));
	}
}

/* --- full mounts --- */

#define ORPHANS "netdox/orphans/0/"

static void test_orphans_are_written(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->from;

	assert_int_equal(path_write(f, ORPHANS "meta;x", "--- hash\nplugin: p\n---\nk: v\n"), 0);
	assert_key(f, "meta;x", "hash k=v");
	assert_key(f, "meta;x;details", "hash plugin=p");
	assert_log(f, "create orphan,meta;x,netviewfs", NULL);
	assert_stamped(f, "meta;x", true);
	assert_stamped(f, "meta;x;details", true);
	assert_int_equal(path_write(f, ORPHANS "meta;x", "--- list\nplugin: p\n---\nb\na\n"), 0);
	assert_key(f, "meta;x", "list b|a");
	assert_int_equal(path_write(f, ORPHANS "meta;x", "--- list\nplugin: p\n---\nb\na\n"), 0);
	assert_log(f, "updated orphan list,meta;x,netviewfs", NULL);
	assert_int_equal(path_write(f, ORPHANS "dns;z", "--- zset\n---\n1 a\n-inf b\n"), 0);
	assert_key(f, "dns;z", "zset a=1|b=-inf");
	assert_int_equal(
		path_write(f, ORPHANS "dns;t", "--- stream\n---\n{\"id\":\"5-1\",\"k\":\"v\"}\n"),
		0);
	assert_int_equal(
		path_write(
			f, ORPHANS "dns;t",
			"--- stream\n---\n{\"id\":\"4-1\",\"k\":\"v\"}\n{\"id\":\"5-1\",\"k\":\"w\"}\n"),
		0);
	assert_text(
		f, ORPHANS "dns;t",
		"--- stream\n---\n{\"id\":\"4-1\",\"k\":\"v\"}\n{\"id\":\"5-1\",\"k\":\"w\"}\n");
	assert_log(f, "create orphan,dns;z,netviewfs", "create orphan,dns;t,netviewfs",
	           "updated orphan stream,dns;t,netviewfs", NULL);
	assert_int_equal(path_write(f, "netdox/orphans/1/meta;x", "--- string\n---\nv\n"), 0);
	assert_key1(f, "meta;x", "string v");
	assert_stamped(f, "meta;x", true);
}

static void test_orphans_of_others_stay(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->from;
	struct nv_blob *base cleanup_blob = NULL;
	struct nv_save_result result = { .changed = false };

	/* members that other paths stand for are in no text, and no text removes them */
	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SADD", "meta", "[lan]a", "gone", NULL);
	assert_text(f, ORPHANS "meta", "--- set\n---\ngone\n");
	assert_int_equal(path_write(f, ORPHANS "meta", "--- set\n---\nback\n"), 0);
	assert_key(f, "meta", "set [lan]a|back");
	/* a key that a path stands for is not replaced by who did not see it */
	redis_do(f, "HSET", "meta;[lan]a", "k", "v", NULL);
	assert_int_equal(path_save(f, ORPHANS "meta;[lan]a", NULL, "--- string\n---\nx\n", &result),
	                 -ESTALE);
	/* and one that changed since it was read neither */
	redis_do(f, "SET", "dns;s", "1", NULL);
	assert_int_equal(path_load(f, ORPHANS "dns;s", &base), 0);
	redis_do(f, "SET", "dns;s", "2", NULL);
	assert_int_equal(path_save(f, ORPHANS "dns;s", base, "--- string\n---\n3\n", &result),
	                 -ESTALE);
	assert_key(f, "dns;s", "string 2");
	/* keys of other programs cannot be named */
	assert_int_equal(path_accepts(f, ORPHANS "somebody:else"), -EINVAL);
	assert_int_equal(
		path_save(f, ORPHANS "somebody:else", NULL, "--- string\n---\nx\n", &result),
		-EINVAL);
	nv_save_result_release(&result);
	remount_as(f, NV_MOUNT_NORMAL);
	assert_int_equal(path_accepts(f, ORPHANS "dns;new"), -EPERM);
	assert_int_equal(path_save(f, ORPHANS "dns;s", NULL, "--- string\n---\nx\n", &result),
	                 -EPERM);
}

static void test_data_of_any_type_comes_back(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->from;
	static const char stream[] = "--- stream\n---\n{\"id\":\"5-1\",\"k\":\"v\"}\n";

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	assert_int_equal(path_write(f, "netdox/dns/lan/a/pdata/z", "--- zset\n---\n1 m\n"), 0);
	assert_int_equal(path_write(f, "netdox/dns/lan/a/pdata/t", stream), 0);
	assert_text(f, "netdox/dns/lan/a/pdata/t", stream);
	assert_key(f, "pdata;dns;[lan]a;z", "zset m=1");
	assert_log(f, "updated plugin data zset,pdata;dns;[lan]a;z,netviewfs",
	           "updated plugin data stream,pdata;dns;[lan]a;t,netviewfs", NULL);
	remount_as(f, NV_MOUNT_NORMAL);
	assert_int_equal(path_write(f, "netdox/dns/lan/a/pdata/y", "--- zset\n---\n1 m\n"),
	                 -EINVAL);
}

static void test_lines_are_stored_as_they_are(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->from;

	redis_do(f, "SADD", "dns", "[lan]a", NULL);
	redis_do(f, "SET", "default_network", "lan", NULL);
	assert_int_equal(path_write(f, "netdox/dns/lan/a/records", "scan a 10.0.0.1\nscan A b\n"),
	                 0);
	assert_key(f, "dns;[lan]a;scan", "set A|a");
	assert_key(f, "dns;[lan]a;scan;A", "set b");
	assert_int_equal(path_write(f, "netdox/dns/lan/a/records", "maps A b\n"), -EINVAL);
}

static void test_last_modified(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->from;
	struct nv_save_result result = { .changed = false };

	assert_gone(f, "netdox/last-modified");
	nv_netdox_forget(f->netdox);
	redis_do(f, "HSET", "last-modified", "k", "2026-11-24T00:00:00.000Z", NULL);
	assert_names(f, "netdox", "dns last-modified nodes orphans processed reports");
	assert_text(f, "netdox/last-modified", "k: 2026-11-24T00:00:00.000Z\n");
	assert_int_equal(path_save(f, "netdox/last-modified", NULL, "k: x\n", &result), -EPERM);
	assert_int_equal(path_unlink(f, "netdox/last-modified", NULL, true), -EPERM);
	redis_do(f, "DEL", "last-modified", NULL);
	redis_do(f, "SET", "last-modified", "no hash", NULL);
	remount_as(f, NV_MOUNT_FULL);
	struct nv_blob *blob cleanup_blob = NULL;
	assert_int_equal(path_load(f, "netdox/last-modified", &blob), -EIO);
	assert_text(f, ORPHANS "last-modified", "--- string\n---\nno hash\n");
	remount_as(f, NV_MOUNT_NORMAL);
	assert_names(f, "netdox", "dns nodes orphans processed reports");
}

/* --- names that a path must cut --- */

static void test_long_names(void **state)
{
	struct pair *pair = *state;
	char member[400] = "[lan]";
	char path[600];
	char key[600];

	memset(member + 5, 'x', 300);
	snprintf(key, sizeof(key), "meta;%s", member);
	redis_do(pair->from, "SADD", "dns", member, "[lan]a", NULL);
	redis_do(pair->from, "SADD", "meta", member, NULL);
	redis_do(pair->from, "HSET", key, "k", "v", NULL);
	assert_names(pair->from, "netdox/dns/lan", "a");
	snprintf(path, sizeof(path), "--- set\n---\n%s\n", member);
	assert_text(pair->from, ORPHANS "dns", path);
	assert_text(pair->from, ORPHANS "meta", path);
	snprintf(path, sizeof(path), "netdox/dns/lan/%.245s", member + 5);
	assert_gone(pair->from, path);
	assert_int_equal(path_mkdir(pair->to, path), -EINVAL);
	restore(pair, SHUFFLED);
	remount_as(pair->from, NV_MOUNT_NORMAL);
	assert_names(pair->from, "netdox/orphans", "");
}

/* --- restore mounts --- */

static void test_a_restore_begins_with_nothing(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->to;

	redis_do(f, "SET", "somebody:else", "1", NULL);
	redis_do1(f, "SET", "dnsx", "1", NULL);
	assert_int_equal(nv_netdox_check_empty(f->netdox, &f->err), 0);
	redis_do1(f, "SADD", "nodes", "x", NULL);
	assert_int_equal(nv_netdox_check_empty(f->netdox, &f->err), -ENOTEMPTY);
	assert_non_null(strstr(f->err.msg, "database 1 is not empty: it has the key 'nodes'"));
	redis_do(f, "SET", "changelog", "any type", NULL);
	assert_int_equal(nv_netdox_check_empty(f->netdox, &f->err), -ENOTEMPTY);
	assert_non_null(strstr(f->err.msg, "database 0 is not empty: it has the key 'changelog'"));
}

static void test_texts_cut_short_are_refused(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->to;
	static const struct {
		const char *path;
		const char *text;
	} texts[] = {
		{ "netdox/changelog",
		  "{\"id\":\"1-1\",\"k\":\"v\"}\n{\"id\":\"1-2\",\"k\":\"v\"}" },
		{ "netdox/last-modified", "k: v" },
		{ "netdox/default_network", "lan" },
		{ "netdox/dns/lan/a/records", "scan A 10.0.0.1\nscan A 10.0" },
		{ "netdox/dns/lan/a/maps", "[lan]b" },
		{ "netdox/dns/lan/a/pdata/x", "--- list\n---\na" },
		{ "netdox/processed/L/alt_names", "a" },
		{ ORPHANS "meta", "--- set\n---\na" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct nv_save_result result = { .changed = false };

		assert_int_equal(
			path_check(f, texts[i].path, NULL, texts[i].text, 0, NV_CHECK_PREFIX), 0);
		assert_int_equal(
			path_check(f, texts[i].path, NULL, texts[i].text, 0, NV_CHECK_WHOLE),
			-EINVAL);
		assert_int_equal(path_save(f, texts[i].path, NULL, texts[i].text, &result),
		                 -EINVAL);
	}
	assert_int_equal(nv_netdox_check_empty(f->netdox, &f->err), 0);
}

/* More than one answer and one call take. */
static void test_a_long_changelog(void **state)
{
	struct pair *pair = *state;
	size_t size;

	free(redis_text(
		pair->from, NV_REDIS_MAIN,
		"for i = 1, 45000 do\n"
		"  redis.call('XADD', 'changelog', '1-' .. i, 'change', 'create dns name',\n"
		"             'value', '[lan]' .. i, 'plugin', 'scan')\n"
		"end\n"
		"return ''",
		&size));
	restore(pair, IN_ORDER);
	assert_int_equal(log_length(pair->to), 45000);
	/* a shorter one then is all there is */
	copy_file(pair, "netdox/changelog", IN_ORDER);
	assert_same(pair);
	struct nv_save_result result = { .changed = false };
	assert_int_equal(path_save(pair->to, "netdox/changelog", NULL,
	                           "{\"id\":\"1-1\",\"k\":\"v\"}\n", &result),
	                 0);
	assert_text(pair->to, "netdox/changelog", "{\"id\":\"1-1\",\"k\":\"v\"}\n");
	nv_save_result_release(&result);
	assert_int_equal(path_unlink(pair->to, "netdox/changelog", NULL, true), 0);
	assert_int_equal(path_unlink(pair->to, "netdox/changelog", NULL, false), 0);
	assert_gone(pair->to, "netdox/changelog");
}

/* A hash of times has a field for each key there is. */
static void test_large_keys(void **state)
{
	struct pair *pair = *state;
	size_t size;

	free(redis_text(
		pair->from, NV_REDIS_MAIN,
		"redis.call('SADD', 'dns', '[lan]a')\n"
		"redis.call('SADD', 'pdata;dns;[lan]a', 'l')\n"
		"for i = 1, 60001 do\n"
		"  redis.call('HSET', 'last-modified', 'key' .. i, '2026-11-24T00:00:00.000Z')\n"
		"  redis.call('SADD', 'meta;set', i)\n"
		"  redis.call('RPUSH', 'pdata;dns;[lan]a;l', i)\n"
		"  redis.call('ZADD', 'meta;zset', i, i)\n"
		"end\n"
		"return ''",
		&size));
	restore(pair, IN_ORDER);
}

static void test_what_was_put_into_orphans_is_shown(void **state)
{
	struct pair *pair = *state;
	struct netdox_fixture *f = pair->to;

	/* a member of an index that a path stands for by now stays, and the file too */
	assert_int_equal(path_mkdir(f, "netdox/dns/lan/a"), 0);
	assert_int_equal(path_write(f, "netdox/dns/lan/a/meta", "k: v\n"), 0);
	assert_int_equal(path_write(f, ORPHANS "meta", "--- set\n---\nx\n"), 0);
	assert_key(f, "meta", "set [lan]a|x");
	assert_int_equal(path_write(f, ORPHANS "meta", "--- set\n---\ny\n"), 0);
	assert_key(f, "meta", "set [lan]a|y");
	assert_int_equal(path_write(f, ORPHANS "meta;[lan]a", "--- hash\n---\nk: w\n"), 0);
	assert_text(f, ORPHANS "meta;[lan]a", "--- hash\n---\nk: w\n");
	assert_names(f, "netdox/orphans/0", "meta meta;[lan]a");
	assert_text(f, "netdox/dns/lan/a/meta", "k: w\n");
	assert_int_equal(path_unlink(f, ORPHANS "meta", NULL, false), 0);
	assert_key(f, "meta", "set [lan]a");
	assert_names(f, "netdox/orphans/0", "meta;[lan]a");
	assert_key(f, "changelog", "none");
	assert_key(f, "last-modified", "none");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_users_have),
		TEST(test_what_nobody_should_have),
		TEST(test_orphans_are_written),
		TEST(test_orphans_of_others_stay),
		TEST(test_data_of_any_type_comes_back),
		TEST(test_lines_are_stored_as_they_are),
		TEST(test_last_modified),
		TEST(test_long_names),
		TEST(test_a_restore_begins_with_nothing),
		TEST(test_texts_cut_short_are_refused),
		TEST(test_a_long_changelog),
		TEST(test_large_keys),
		TEST(test_what_was_put_into_orphans_is_shown),
	};

	netdox_need_server((int)(sizeof(tests) / sizeof(tests[0])));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
