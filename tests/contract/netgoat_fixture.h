/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the suites of netgoat/ share: a document store of each kind, the family on top of it without
 * a mount, and the store asked directly. JSON is written with single quotes.
 */
#ifndef NV_TESTS_CONTRACT_NETGOAT_FIXTURE_H
#define NV_TESTS_CONTRACT_NETGOAT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "docstore/docstore.h"
#include "netgoat/netgoat.h"
#include "node/node.h"
#include "views/views.h"

struct netgoat_fixture {
	char dir[256]; /* of the sqlite file; "" for mem */
	struct nv_clock *clock;
	struct nv_metrics metrics;
	struct nv_schema *schema;
	struct nv_docstore *store;
	struct nv_netgoat *netgoat;
	struct nv_views views;
	enum nv_mount_mode mode; /* normal until remount() */
	struct nv_row *rows;     /* as that mode has them */
	struct nv_tree tree;
	struct nv_faults faults; /* of the last call */
	struct nv_err err;       /* of the last call */
	char text[1 << 16];      /* what the shorthands answer */
	size_t seen;             /* entries that assert_log has seen */
};

/* A case for both stores: NETGOAT_CASES(fn) gives two CMUnitTests. */
#define NETGOAT_CASES(fn)                                                                          \
	{ "mem: " #fn, fn, netgoat_setup, netgoat_teardown, (void *)"mem" },                       \
	{                                                                                          \
		"sqlite: " #fn, fn, netgoat_setup, netgoat_teardown, (void *)"sqlite"              \
	}

int netgoat_setup(void **state);
int netgoat_teardown(void **state);

/* One team (acme, 64b…01) with two domains (example.com 64c…01, example.org 64c…02), three records
 * and one proxy in the first, two users (ann in the team by users.teams, bob not). In the seed's
 * spelling. */
void seed_company(struct netgoat_fixture *f);

/* The family anew: nothing remembered. */
void forget(struct netgoat_fixture *f);

/* The family anew, as a mount of that mode has it. */
void remount(struct netgoat_fixture *f, enum nv_mount_mode mode);

/* Lets a second and more go by. */
void later(struct netgoat_fixture *f);

/* Inserts a document, behind the family's back. */
void put(struct netgoat_fixture *f, const char *collection, const char *json);

/* Sets (value NULL: unsets) a field of the document with that _id (JSON), behind the family's back.
 */
void poke(struct netgoat_fixture *f, const char *collection, const char *id, const char *path,
          const char *value);

/* Deletes, behind the family's back. */
void zap(struct netgoat_fixture *f, const char *collection, const char *id);

/* The stored document as one line of JSON; "none" when there is none. In f->text. */
const char *stored(struct netgoat_fixture *f, const char *collection, const char *id);

/* The value of a field of the stored document, as JSON; "none". In f->text. */
const char *field(struct netgoat_fixture *f, const char *collection, const char *id,
                  const char *path);

/* How many documents a collection has. */
size_t count(struct netgoat_fixture *f, const char *collection);

/* "a b c": the names of a directory as listed, or the name of an errno. In f->text. */
const char *names(struct netgoat_fixture *f, const char *path);

/* The content of a file as load gives it, or the name of an errno. In f->text. */
const char *content(struct netgoat_fixture *f, const char *path);

/* What lookup says: the canonical name, or the name of an errno. In f->text. */
const char *look(struct netgoat_fixture *f, const char *path);

/* The version of a file, to be saved over; NULL when it is not there. */
struct nv_blob *version(struct netgoat_fixture *f, const char *path);

/* Saves text over base (NULL = none): "ok", "same" (nothing written), "ok NAME" (listed as NAME),
 * or the name of an errno. */
const char *save(struct netgoat_fixture *f, const char *path, struct nv_blob *base,
                 const char *json);

/* The same with a text as it is. */
const char *save_text(struct netgoat_fixture *f, const char *path, struct nv_blob *base,
                      const char *text, size_t size);

/* Saves json over what is stored now. */
const char *edit(struct netgoat_fixture *f, const char *path, const char *json);

/* "ok" or the name of an errno. */
const char *do_mkdir(struct netgoat_fixture *f, const char *path);
const char *do_rmdir(struct netgoat_fixture *f, const char *path);
const char *do_unlink(struct netgoat_fixture *f, const char *path);
const char *do_rename(struct netgoat_fixture *f, const char *from, const char *to, bool replace);
const char *do_symlink(struct netgoat_fixture *f, const char *path, const char *target);
const char *do_accepts(struct netgoat_fixture *f, const char *path);

/* The entries since the last call are these, "change|value|path" each, NULL last. */
void assert_log(struct netgoat_fixture *f, ...) __attribute__((sentinel));

/* The whole newest entry as JSON. In f->text. */
const char *newest_entry(struct netgoat_fixture *f);

/* The reason of the last call's first fault (or error) has this in it, and its place is line (0 =
 * any). */
void assert_reason(struct netgoat_fixture *f, size_t line, const char *part);

/* Round trips to the store so far. */
unsigned long long trips(struct netgoat_fixture *f);

#define TEAM_ID "{'$oid':'64b000000000000000000001'}"
#define COM_ID "{'$oid':'64c000000000000000000001'}"
#define ORG_ID "{'$oid':'64c000000000000000000002'}"
#define WWW_ID "{'$oid':'64d000000000000000000001'}"
#define APEX_ID "{'$oid':'64d000000000000000000002'}"
#define MAIL_ID "{'$oid':'64d000000000000000000003'}"
#define PROXY_ID "{'$oid':'64e000000000000000000001'}"
#define ANN_ID "{'$oid':'64a000000000000000000001'}"
#define BOB_ID "{'$oid':'64a000000000000000000002'}"
#define COM "netgoat/teams/acme/domains/example.com"
#define ORG "netgoat/teams/acme/domains/example.org"

#endif
