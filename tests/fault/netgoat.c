/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What users change under netgoat/, when the store fails at any step of it, and when others change
 * the store between any two steps.
 *
 * Faults: the store is as it was, the error arrives, and once the fault is over the same act
 * succeeds. Races: whoever comes first, nobody's change is lost and nothing refers to what is gone.
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

#include <cmocka.h>

#include "base/buf.h"
#include "contract/netgoat_fixture.h"
#include "docstore/mem.h"

#define WWW COM "/records/www.A.json"
#define BETA "netgoat/teams/beta"

/* A user's act: what it says, as the shorthands do. */
struct act {
	const char *name;
	const char *(*run)(struct netgoat_fixture *f);
};

static const char *edit_record(struct netgoat_fixture *f)
{
	return edit(f, WWW, "{'value':'192.0.2.99','ttl':300,'active':true,'note':'x'}");
}

static const char *create_record(struct netgoat_fixture *f)
{
	return save(f, COM "/records/new.A.json", NULL, "{'value':'192.0.2.50'}");
}

static const char *remove_record(struct netgoat_fixture *f)
{
	return do_unlink(f, WWW);
}

static const char *rename_record(struct netgoat_fixture *f)
{
	return do_rename(f, WWW, COM "/records/web.A.json", false);
}

static const char *replace_record(struct netgoat_fixture *f)
{
	return do_rename(f, WWW, COM "/records/@.A.json", true);
}

static const char *make_domain(struct netgoat_fixture *f)
{
	return do_mkdir(f, "netgoat/teams/acme/domains/new.example.com");
}

static const char *rename_domain(struct netgoat_fixture *f)
{
	return do_rename(f, COM, "netgoat/teams/acme/domains/example.net", false);
}

static const char *move_domain(struct netgoat_fixture *f)
{
	return do_rename(f, COM, BETA "/domains/example.com", false);
}

static const char *remove_domain(struct netgoat_fixture *f)
{
	return do_rmdir(f, ORG);
}

static const char *remove_team(struct netgoat_fixture *f)
{
	return do_rmdir(f, BETA);
}

static const char *join_team(struct netgoat_fixture *f)
{
	return do_symlink(f, "netgoat/users/bob@example.com/teams/acme", "../../../teams/acme");
}

static const char *leave_team(struct netgoat_fixture *f)
{
	return do_unlink(f, "netgoat/users/ann@example.com/teams/acme");
}

/* ---- In a full mount ---- */

#define DATE "{'$date':'2026-01-02T00:00:00Z'}"
#define WHOLE(id, name, value)                                                                     \
	"{'_id':" id ",'domainId':" COM_ID ",'team_id':" TEAM_ID                                   \
	",'domain':'example.com','type':'A','name':'" name "','value':'" value "','ttl':300,"      \
	"'active':true,'note':'x','updated_at':" DATE ",'__v':0}"

static const char *edit_whole(struct netgoat_fixture *f)
{
	remount(f, NV_MOUNT_FULL);
	return edit(f, WWW, WHOLE(WWW_ID, "www", "192.0.2.99"));
}

/* What setting fields cannot say. */
static const char *reorder_whole(struct netgoat_fixture *f)
{
	remount(f, NV_MOUNT_FULL);
	return edit(f, WWW,
	            "{'_id':" WWW_ID ",'name':'www','type':'A','domainId':" COM_ID
	            ",'team_id':" TEAM_ID
	            ",'domain':'example.com','value':'192.0.2.99','ttl':300,'active':true,"
	            "'note':'x','updated_at':" DATE ",'__v':0}");
}

static const char *create_whole(struct netgoat_fixture *f)
{
	remount(f, NV_MOUNT_FULL);
	return save(f, COM "/records/new.A.json", NULL, WHOLE("75", "new", "192.0.2.75"));
}

static const char *replace_whole(struct netgoat_fixture *f)
{
	remount(f, NV_MOUNT_FULL);
	return edit(f, WWW, WHOLE("75", "www", "192.0.2.75"));
}

static const char *rename_whole(struct netgoat_fixture *f)
{
	remount(f, NV_MOUNT_FULL);
	return save(f, COM "/records/web.A.json", NULL, WHOLE(WWW_ID, "web", "192.0.2.10"));
}

static const struct act acts[] = {
	{ "full: edit a record", edit_whole },
	{ "full: put a record's fields in another order", reorder_whole },
	{ "full: create a record", create_whole },
	{ "full: replace a record by another", replace_whole },
	{ "full: save a record under another name", rename_whole },
	{ "edit a record", edit_record },
	{ "create a record", create_record },
	{ "remove a record", remove_record },
	{ "rename a record", rename_record },
	{ "rename a record over another", replace_record },
	{ "make a domain", make_domain },
	{ "rename a domain", rename_domain },
	{ "move a domain", move_domain },
	{ "remove a domain with its analytics", remove_domain },
	{ "remove a team with its memberships", remove_team },
	{ "join a team", join_team },
	{ "leave a team", leave_team },
};

/* Two teams, two domains, records, analytics, memberships on both sides. */
static struct netgoat_fixture *company(void)
{
	void *state = (void *)"mem";
	assert_int_equal(netgoat_setup(&state), 0);
	struct netgoat_fixture *f = state;
	seed_company(f);
	put(f, "teams",
	    "{'_id':40,'slug':'beta','members':[{'user_id':" BOB_ID ",'role':'owner'}]}");
	poke(f, "users", BOB_ID, "teams", "[40]");
	put(f, "analytics",
	    "{'_id':1,'domainId':" ORG_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-02T00:00:00Z'}}");
	put(f, "alerts", "{'_id':2,'domainId':" COM_ID ",'team_id':" TEAM_ID ",'title':'t'}");
	return f;
}

static void close_company(struct netgoat_fixture *f)
{
	void *state = f;
	assert_int_equal(netgoat_teardown(&state), 0);
}

/* ---- The whole store as text ---- */

static int add_doc(void *ctx, size_t query, const bson_t *doc, struct nv_err *err)
{
	(void)query;
	(void)err;
	char *json = bson_as_canonical_extended_json(doc, NULL);
	nv_buf_printf(ctx, "%s\n", json);
	bson_free(json);
	return 0;
}

static void dump(struct netgoat_fixture *f, struct nv_buf *out)
{
	static const char *const collections[] = { "teams",      "users",        "domains",
		                                   "dnsrecords", "proxyconfigs", "alerts",
		                                   "incidents",  "analytics",    "changelog" };
	for (size_t i = 0; i < sizeof(collections) / sizeof(collections[0]); i++) {
		struct nv_docquery query = { .collection = collections[i], .sort = NV_DOCSORT_ID };
		nv_buf_printf(out, "%s\n", collections[i]);
		assert_int_equal(nv_docstore_query(f->store, &query, 1, add_doc, out, NULL), 0);
	}
}

/* ---- Faults ---- */

static const enum nv_mem_step steps[] = { NV_MEM_QUERY, NV_MEM_DOCUMENT, NV_MEM_COMMIT,
	                                  NV_MEM_WRITE, NV_MEM_ENTRY,    NV_MEM_PUBLISH };

/* One act with a fault at pass `skip` of a step; false when the act does not come so far. */
static bool fail_once(const struct act *act, enum nv_mem_step step, unsigned skip)
{
	struct netgoat_fixture *f = company();
	cleanup_buf struct nv_buf before = NV_BUF_INIT;
	cleanup_buf struct nv_buf after = NV_BUF_INIT;
	dump(f, &before);
	unsigned passes = nv_mem_passes(f->store, step);
	nv_mem_inject(f->store, step,
	              (struct nv_mem_fault){ .skip = skip, .times = 1, .errnum = EIO });
	char said[64];
	(void)snprintf(said, sizeof(said), "%s", act->run(f));
	bool hit = nv_mem_passes(f->store, step) - passes > skip;
	nv_mem_inject(f->store, step, (struct nv_mem_fault){ .times = 0 });
	if (strcmp(said, hit ? "EIO" : "ok") != 0) {
		fail_msg("%s, step %d, pass %u: %s: %s", act->name, (int)step, skip, said,
		         f->err.msg);
	}
	if (hit) {
		dump(f, &after);
		if (strcmp(before.data, after.data) != 0) {
			fail_msg("%s, step %d, pass %u changed the store: %s", act->name, (int)step,
			         skip, after.data);
		}
		(void)snprintf(said, sizeof(said), "%s", act->run(f));
		if (strcmp(said, "ok") != 0) {
			fail_msg("%s after a fault at step %d, pass %u: %s: %s", act->name,
			         (int)step, skip, said, f->err.msg);
		}
	}
	close_company(f);
	return hit;
}

static void every_step_fails_whole(void **state)
{
	(void)state;
	for (size_t a = 0; a < sizeof(acts) / sizeof(acts[0]); a++) {
		unsigned faults = 0;
		for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
			unsigned skip = 0;
			while (fail_once(&acts[a], steps[s], skip)) {
				skip++;
			}
			faults += skip;
		}
		print_message("# %s: %u faults\n", acts[a].name, faults);
		assert_true(faults >=
		            4); /* a query, the commit's begin, a write, an entry, its end */
	}
}

/* The commit took place and its answer was lost: an error, the change and its entries are there,
 * and doing it again does no harm. */
static void a_lost_answer(void **state)
{
	(void)state;
	for (size_t a = 0; a < sizeof(acts) / sizeof(acts[0]); a++) {
		struct netgoat_fixture *f = company();
		nv_mem_inject(f->store, NV_MEM_ANSWER,
		              (struct nv_mem_fault){ .times = 1, .errnum = EIO });
		assert_string_equal(acts[a].run(f), "EIO");
		size_t entries = count(f, "changelog");
		assert_true(entries > 0);
		cleanup_buf struct nv_buf before = NV_BUF_INIT;
		cleanup_buf struct nv_buf after = NV_BUF_INIT;
		dump(f, &before);
		char said[64];
		(void)snprintf(said, sizeof(said), "%s", acts[a].run(f));
		dump(f, &after);
		if (strcmp(said, "ok") ==
		    0) { /* only a rename can be done twice: to where it is already */
			fail_msg("%s was done twice", acts[a].name);
		}
		assert_string_equal(before.data, after.data);
		close_company(f);
	}
}

/* ---- Races ---- */

/* Somebody else, who acts behind the family's back after its n-th call to the store. */
struct rival {
	struct netgoat_fixture *f;
	struct nv_docstore *inner;
	void (*change)(struct netgoat_fixture *f);
	unsigned wait; /* calls until then */
	bool busy;     /* its own calls do not count */
	bool late;     /* it came after the commit */
	bool early;    /* it does not come then */
	bool came;
};

static void on_call(void *ctx, const char *text, int64_t took_ms, int result)
{
	struct rival *rival = ctx;
	(void)took_ms;
	(void)result;
	bool late = strncmp(text, "commit", 6) == 0;
	if (rival->busy || rival->came || (late && rival->early) || rival->wait-- > 0) {
		return;
	}
	struct nv_docstore *outer = rival->f->store;
	rival->busy = true;
	rival->came = true;
	rival->late = late;
	rival->f->store = rival->inner;
	rival->change(rival->f);
	rival->f->store = outer;
	rival->busy = false;
}

struct race {
	const char *name;
	const char *(*run)(struct netgoat_fixture *f);
	void (*change)(struct netgoat_fixture *f);
	/* Fails the test unless the store is right; ok: the act said so. */
	void (*check)(struct netgoat_fixture *f, bool ok, bool late);
	bool early; /* the rival could do nothing after the commit */
};

static void insert_record(struct netgoat_fixture *f)
{
	put(f, "dnsrecords",
	    "{'_id':70,'domainId':" COM_ID ",'team_id':" TEAM_ID
	    ",'domain':'example.com','type':'A','name':'late',"
	    "'value':'192.0.2.70'}");
}

static void check_move(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_string_equal(field(f, "domains", COM_ID, "teamId"), ok ? "40" : TEAM_ID);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "team_id"), ok ? "40" : TEAM_ID);
	assert_string_equal(field(f, "alerts", "2", "team_id"), ok ? "40" : TEAM_ID);
	assert_string_equal(field(f, "dnsrecords", "70", "team_id"), ok && !late ? "40" : TEAM_ID);
}

static void check_rename(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_string_equal(field(f, "domains", COM_ID, "domain"),
	                    ok ? "'example.net'" : "'example.com'");
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "domain"),
	                    ok ? "'example.net'" : "'example.com'");
	assert_string_equal(field(f, "dnsrecords", "70", "domain"),
	                    ok && !late ? "'example.net'" : "'example.com'");
}

static void insert_record_in_org(struct netgoat_fixture *f)
{
	put(f, "dnsrecords",
	    "{'_id':70,'domainId':" ORG_ID ",'type':'A','name':'late','value':'192.0.2.70'}");
}

static void check_org_removed(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "domains", ORG_ID, "domain"), ok ? "none" : "'example.org'");
	assert_int_equal(count(f, "analytics"), ok ? 0 : 1);
	assert_int_equal(count(f, "changelog"), ok ? 2 : 0);
}

static void insert_domain_in_beta(struct netgoat_fixture *f)
{
	put(f, "domains", "{'_id':71,'teamId':40,'domain':'late.example'}");
}

static void check_beta_removed(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "teams", "40", "slug"), ok ? "none" : "'beta'");
	assert_string_equal(field(f, "users", BOB_ID, "teams"), ok ? "[]" : "[40]");
}

static void join_beta(struct netgoat_fixture *f)
{
	poke(f, "users", ANN_ID, "teams", "[" TEAM_ID ",40]");
}

static void check_no_dangling(struct netgoat_fixture *f, bool ok, bool late)
{
	if (ok && !late) {
		assert_string_equal(field(f, "users", ANN_ID, "teams"), "[" TEAM_ID "]");
	}
	assert_string_equal(field(f, "teams", "40", "slug"), ok ? "none" : "'beta'");
}

static void insert_chunk(struct netgoat_fixture *f)
{
	put(f, "analytics",
	    "{'_id':74,'domainId':" ORG_ID
	    ",'interval':'hour','timestamp':{'$date':'2026-03-03T00:00:00Z'}}");
}

static void check_no_chunk_stays(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_true(ok);
	assert_int_equal(count(f, "analytics"), late ? 1 : 0);
	assert_int_equal(count(f, "changelog"), late ? 2 : 3);
}

static void change_value(struct netgoat_fixture *f)
{
	poke(f, "dnsrecords", WWW_ID, "value", "'192.0.2.77'");
}

static void check_removed_knowingly(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	if (ok) {
		assert_non_null(strstr(newest_entry(f), "192.0.2.77"));
	} else {
		assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.77'");
		assert_int_equal(count(f, "changelog"), 0);
	}
}

static void change_note(struct netgoat_fixture *f)
{
	poke(f, "dnsrecords", WWW_ID, "ttl", "77");
}

static void check_both_changes(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	/* The rival came before the writer read (which then sets 300 knowingly), or between
	 * (merged), or after. */
	assert_true(ok);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.99'");
	const char *ttl = field(f, "dnsrecords", WWW_ID, "ttl");
	assert_true(strcmp(ttl, "77") == 0 || strcmp(ttl, "300") == 0);
}

static void remove_www(struct netgoat_fixture *f)
{
	zap(f, "dnsrecords", WWW_ID);
}

static void check_stays_removed(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(stored(f, "dnsrecords", WWW_ID), "none");
	assert_int_equal(count(f, "dnsrecords"), 2);
}

static void remove_com(struct netgoat_fixture *f)
{
	zap(f, "domains", COM_ID);
}

static void check_no_new_orphan(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_int_equal(count(f, "dnsrecords"), ok ? 4 : 3);
	assert_int_equal(count(f, "changelog"), ok ? 1 : 0);
}

static void remove_beta(struct netgoat_fixture *f)
{
	zap(f, "teams", "40");
}

static void check_not_moved_to_nowhere(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "domains", COM_ID, "teamId"), ok ? "40" : TEAM_ID);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "team_id"), ok ? "40" : TEAM_ID);
}

static void take_name(struct netgoat_fixture *f)
{
	put(f, "domains", "{'_id':72,'teamId':" TEAM_ID ",'domain':'example.net'}");
}

static void check_name_once(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "domains", COM_ID, "domain"),
	                    ok ? "'example.net'" : "'example.com'");
}

static void take_record_name(struct netgoat_fixture *f)
{
	put(f, "dnsrecords",
	    "{'_id':73,'domainId':" COM_ID ",'type':'A','name':'web','value':'192.0.2.73'}");
}

static void check_record_name_once(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "name"), ok ? "'web'" : "'www'");
}

static void count_requests(struct netgoat_fixture *f)
{
	poke(f, "domains", COM_ID, "stats.total_requests", "8");
}

static void check_moved_and_counted(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	/* Counters move all the time: they are nobody's conflict. */
	assert_true(ok);
	assert_string_equal(field(f, "domains", COM_ID, "teamId"), "40");
	assert_string_equal(field(f, "domains", COM_ID, "stats.total_requests"), "8");
}

static void remove_acme(struct netgoat_fixture *f)
{
	zap(f, "teams", TEAM_ID);
}

static void check_not_joined_to_nothing(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_int_equal(ok, late);
	assert_string_equal(field(f, "users", BOB_ID, "teams"), ok ? "[40," TEAM_ID "]" : "[40]");
}

static void ann_joins_beta(struct netgoat_fixture *f)
{
	const char *teams = field(f, "users", ANN_ID, "teams");
	poke(f, "users", ANN_ID, "teams", strstr(teams, "64b0") ? "[" TEAM_ID ",40]" : "[40]");
}

static void check_other_membership_stays(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	assert_string_equal(field(f, "users", ANN_ID, "teams"), ok ? "[40]" : "[" TEAM_ID ",40]");
}

static void check_reordered(struct netgoat_fixture *f, bool ok, bool late)
{
	assert_true(ok);
	assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.99'");
	/* Who read 77 meant to write 300. */
	const char *ttl = field(f, "dnsrecords", WWW_ID, "ttl");
	assert_true(strcmp(ttl, "77") == 0 || (!late && strcmp(ttl, "300") == 0));
}

/* A record may come before its domain: if that was gone before it was looked for. */
static void check_made_or_not(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	assert_int_equal(count(f, "dnsrecords"), ok ? 4 : 3);
	assert_int_equal(count(f, "changelog"), ok ? 1 : 0);
}

static void check_replaced_knowingly(struct netgoat_fixture *f, bool ok, bool late)
{
	(void)late;
	if (ok) {
		assert_string_equal(stored(f, "dnsrecords", WWW_ID), "none");
		assert_non_null(strstr(newest_entry(f), "192.0.2.77"));
	} else {
		assert_string_equal(field(f, "dnsrecords", WWW_ID, "value"), "'192.0.2.77'");
		assert_int_equal(count(f, "changelog"), 0);
	}
}

static const struct race races[] = {
	{ "full: another field is changed during an edit", edit_whole, change_note,
	  check_both_changes, false },
	{ "full: another field is changed while the order is", reorder_whole, change_note,
	  check_reordered, false },
	{ "full: a record is removed during an edit", edit_whole, remove_www, check_stays_removed,
	  false },
	{ "full: the domain goes while a record is made", create_whole, remove_com,
	  check_made_or_not, false },
	{ "full: a record's new name is taken", rename_whole, take_record_name,
	  check_record_name_once, false },
	{ "full: a record is changed while another takes its place", replace_whole, change_value,
	  check_replaced_knowingly, true },
	{ "a record is added while its domain moves", move_domain, insert_record, check_move,
	  false },
	{ "a record is added while its domain is renamed", rename_domain, insert_record,
	  check_rename, false },
	{ "a record is added while its domain is removed", remove_domain, insert_record_in_org,
	  check_org_removed, false },
	{ "a domain is added while its team is removed", remove_team, insert_domain_in_beta,
	  check_beta_removed, false },
	{ "a user joins while the team is removed", remove_team, join_beta, check_no_dangling,
	  false },
	{ "analytics arrive while their domain is removed", remove_domain, insert_chunk,
	  check_no_chunk_stays, false },
	{ "a record is changed while it is removed", remove_record, change_value,
	  check_removed_knowingly, true },
	{ "another field is changed during an edit", edit_record, change_note, check_both_changes,
	  false },
	{ "a record is removed during an edit", edit_record, remove_www, check_stays_removed,
	  false },
	{ "the domain goes while a record is made", create_record, remove_com, check_no_new_orphan,
	  false },
	{ "the team goes while a domain moves to it", move_domain, remove_beta,
	  check_not_moved_to_nowhere, false },
	{ "a domain's new name is taken", rename_domain, take_name, check_name_once, false },
	{ "a record's new name is taken", rename_record, take_record_name, check_record_name_once,
	  false },
	{ "counters move while a domain moves", move_domain, count_requests,
	  check_moved_and_counted, false },
	{ "the team goes while a user joins", join_team, remove_acme, check_not_joined_to_nothing,
	  false },
	{ "a user joins one team and leaves another", leave_team, ann_joins_beta,
	  check_other_membership_stays, false },
};

/* One race with the rival after call n; false when the act makes fewer. */
static bool race_once(const struct race *race, unsigned n)
{
	struct netgoat_fixture *f = company();
	struct rival rival = {
		.f = f, .inner = f->store, .change = race->change, .wait = n, .early = race->early
	};
	assert_int_equal(nv_docstore_trace(f->store, on_call, &rival, &f->store), 0);
	forget(f); /* the family on top of the traced store */
	char said[64];
	(void)snprintf(said, sizeof(said), "%s", race->run(f));
	rival.busy = true;
	bool ok = strcmp(said, "ok") == 0;
	if (rival.came) {
		print_message("# %s: after call %u: %s\n", race->name, n + 1, said);
		race->check(f, ok, rival.late);
	} else {
		assert_true(ok);
	}
	close_company(f);
	return rival.came;
}

static void nobody_loses_a_race(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(races) / sizeof(races[0]); r++) {
		unsigned n = 0;
		while (race_once(&races[r], n)) {
			n++;
			assert_true(n < 50);
		}
		assert_true(n >= 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_fails_whole),
		cmocka_unit_test(a_lost_answer),
		cmocka_unit_test(nobody_loses_a_race),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("netgoat faults", tests, NULL, NULL);
}
