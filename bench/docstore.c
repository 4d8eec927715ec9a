/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Measures the sqlite document store in a directory given: how its times grow with the number of
 * documents, and what it costs over reading the same rows with SQLite alone. Ratios, because times
 * are the machine's.
 */
#include "config.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "docstore/docstore.h"

enum { PER_PARENT = 1000, BATCH = 1000, RUNS = 5, COMMITS = 200 };

/* Milliseconds of each thing at one size. */
struct figures {
	double rows;     /* all rows, by SQLite alone */
	double all;      /* all documents */
	double parent;   /* PER_PARENT documents of one parent, by look-up */
	double unlooked; /* the same by a path that has none */
	double get;      /* one by _id */
	double commit;   /* one update and its entry, on the disk */
};

static double now_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void die(const char *what, const struct nv_err *err)
{
	(void)fprintf(stderr, "bench/docstore: %s: %s\n", what, err->msg);
	exit(1);
}

static bson_t *record(int number)
{
	bson_oid_t id;
	bson_oid_t parent;
	char hex[25];
	char name[32];
	(void)snprintf(hex, sizeof(hex), "65e2d0000004%012d", number);
	bson_oid_init_from_string(&id, hex);
	(void)snprintf(hex, sizeof(hex), "65e2d0000003%012d", number / PER_PARENT);
	bson_oid_init_from_string(&parent, hex);
	(void)snprintf(name, sizeof(name), "host-%d", number);
	return BCON_NEW(
		"_id", BCON_OID(&id), "domainId", BCON_OID(&parent), "copyId", BCON_OID(&parent),
		"type", BCON_UTF8("A"), "name", BCON_UTF8(name), "value", BCON_UTF8("192.0.2.1"),
		"ttl", BCON_INT32(3600), "active", BCON_BOOL(true), "note",
		BCON_UTF8(
			"a document of about three hundred bytes, as a record of the example data is"),
		"created_at", BCON_DATE_TIME(1700000000000), "updated_at",
		BCON_DATE_TIME(1700000000000), "__v", BCON_INT32(0));
}

static void fill(struct nv_docstore *store, int total)
{
	static struct nv_docwrite writes[BATCH];
	struct nv_err err = NV_ERR_INIT;
	for (int first = 0; first < total; first += BATCH) {
		struct nv_docresult result = { 0 };
		for (int i = 0; i < BATCH; i++) {
			writes[i] = (struct nv_docwrite){ .kind = NV_DOCWRITE_INSERT,
				                          .collection = "dnsrecords",
				                          .doc = record(first + i) };
		}
		struct nv_doccommit commit = { .writes = writes, .writes_count = BATCH };
		if (nv_docstore_commit(store, &commit, &result, &err) < 0) {
			die("insert", &err);
		}
		nv_docresult_release(&result);
		for (int i = 0; i < BATCH; i++) {
			bson_destroy((bson_t *)writes[i].doc);
		}
	}
}

static int count(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	(void)doc;
	(void)err;
	++*(int *)ctx;
	return 0;
}

/* The best of RUNS, which must each find `wanted`. */
static double time_query(struct nv_docstore *store, const struct nv_docquery *query, int wanted)
{
	struct nv_err err = NV_ERR_INIT;
	double best = 0;
	for (int run = 0; run < RUNS; run++) {
		int found = 0;
		double start = now_ms();
		if (nv_docstore_query(store, query, 1, count, &found, &err) < 0) {
			die("query", &err);
		}
		double took = now_ms() - start;
		if (found != wanted) {
			(void)fprintf(stderr, "bench/docstore: %d documents, wanted %d\n", found,
			              wanted);
			exit(1);
		}
		best = run == 0 || took < best ? took : best;
	}
	return best;
}

static double time_rows(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	double best = 0;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(
		    db,
		    "SELECT bson FROM documents WHERE collection = 'dnsrecords' ORDER BY id_key",
		    -1, &stmt, NULL) != SQLITE_OK) {
		(void)fprintf(stderr, "bench/docstore: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
	for (int run = 0; run < RUNS; run++) {
		double start = now_ms();
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			(void)sqlite3_column_blob(stmt, 0);
		}
		double took = now_ms() - start;
		(void)sqlite3_reset(stmt);
		best = run == 0 || took < best ? took : best;
	}
	(void)sqlite3_finalize(stmt);
	(void)sqlite3_close(db);
	return best;
}

static double time_commits(struct nv_docstore *store, const bson_value_t *id)
{
	struct nv_err err = NV_ERR_INIT;
	double start = now_ms();
	for (int i = 0; i < COMMITS; i++) {
		bson_oid_t oid;
		bson_oid_init(&oid, NULL);
		bson_t *entry =
			BCON_NEW("_id", BCON_OID(&oid), "change", BCON_UTF8("update record"));
		const bson_t *entries[] = { entry };
		struct nv_docinc inc = { "__v", 1 };
		struct nv_docwrite write = { .kind = NV_DOCWRITE_UPDATE,
			                     .collection = "dnsrecords",
			                     .id = id,
			                     .incs = &inc,
			                     .incs_count = 1 };
		struct nv_doccommit commit = {
			.writes = &write, .writes_count = 1, .entries = entries, .entries_count = 1
		};
		struct nv_docresult result = { 0 };
		if (nv_docstore_commit(store, &commit, &result, &err) < 0) {
			die("commit", &err);
		}
		nv_docresult_release(&result);
		bson_destroy(entry);
	}
	return (now_ms() - start) / COMMITS;
}

static struct figures measure(const char *directory, int total, struct nv_clock *clock)
{
	static const struct nv_docstore_index indexes[] = { { "dnsrecords", "domainId" } };
	static const char *const looked_up = "domainId";
	static const char *const unlooked = "copyId";
	static const char *const by_id = "_id";
	struct nv_docstore_config config = {
		.timeout_ms = 600000, .clock = clock, .indexes = indexes, .indexes_count = 1
	};
	struct nv_docstore *store = NULL;
	struct nv_err err = NV_ERR_INIT;
	struct figures figures = { 0 };
	char path[4096];
	char uri[4200];
	(void)snprintf(path, sizeof(path), "%s/%d.sqlite", directory, total);
	(void)snprintf(uri, sizeof(uri), "sqlite:%s", path);
	if (nv_docstore_open(uri, &config, &store, &err) < 0) {
		die(path, &err);
	}
	fill(store, total);
	bson_t *some = record(0);
	bson_iter_t id;
	bson_iter_t parent;
	(void)bson_iter_init_find(&id, some, "_id");
	(void)bson_iter_init_find(&parent, some, "domainId");
	struct nv_docterm term = { &looked_up, 1, NV_DOCTERM_EQ, bson_iter_value(&parent), 1 };
	struct nv_docquery query = { .collection = "dnsrecords", .sort = NV_DOCSORT_ID };
	figures.rows = time_rows(path);
	figures.all = time_query(store, &query, total);
	query.terms = &term;
	query.terms_count = 1;
	figures.parent = time_query(store, &query, PER_PARENT);
	term.paths = &unlooked;
	figures.unlooked = time_query(store, &query, PER_PARENT);
	term.paths = &by_id;
	term.values = bson_iter_value(&id);
	figures.get = time_query(store, &query, 1);
	figures.commit = time_commits(store, bson_iter_value(&id));
	bson_destroy(some);
	nv_docstore_close(store);
	return figures;
}

static void row(const char *what, double small, double large)
{
	(void)printf("%-44s %10.3f %10.3f %8.1f\n", what, small, large, large / small);
}

int main(int argc, char **argv)
{
	struct nv_clock *clock = NULL;
	if (argc != 2 || nv_clock_new(&clock) < 0) {
		(void)fprintf(stderr, "usage: docstore DIRECTORY\n");
		return 2;
	}
	struct figures small = measure(argv[1], 1000, clock);
	struct figures large = measure(argv[1], 100000, clock);
	(void)printf("%-44s %10s %10s %8s\n", "ms, best of 5", "1,000", "100,000", "ratio");
	row("rows, by SQLite alone", small.rows, large.rows);
	row("all documents, sorted", small.all, large.all);
	row("1,000 documents of a parent, by look-up", small.parent, large.parent);
	row("1,000 documents of a parent, without", small.unlooked, large.unlooked);
	row("one document by _id", small.get, large.get);
	row("one commit with its entry (mean of 200)", small.commit, large.commit);
	(void)printf(
		"\nall documents / rows by SQLite alone          %.2f at 1,000, %.2f at 100,000\n",
		small.all / small.rows, large.all / large.rows);
	(void)printf("without / by look-up                          %.1f at 100,000\n",
	             large.unlooked / large.parent);
	nv_clock_free(clock);
	return 0;
}
