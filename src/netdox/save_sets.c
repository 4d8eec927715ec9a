/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Saving files made of sets (records, maps): additions and removals as operations, one entry for
 * each member.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "codec/records.h"
#include "netdox/names.h"
#include "netdox/write.h"
#include "redis/pipeline.h"

/* Words of a line as template variables $1 to $3; returns how many there are. */
static size_t line_vars(const struct nv_change *change, const struct nv_record *line,
                        struct nv_vars *ret_vars)
{
	*ret_vars =
		(struct nv_vars){ { change->vars.at[0], line->plugin, line->type, line->value } };
	return line->value.data ? 3 : line->type.data ? 2 : 1;
}

static size_t level_entry(struct nv_change *change, const char *word, const struct nv_bytes *key,
                          const struct nv_vars *vars)
{
	struct nv_bytes plugin = nv_change_plugin(change, vars, NULL);

	return nv_keyedit_entry(&change->edit, word, key, &plugin);
}

/* An added line: its members from the top down, but those that the line before has just added. */
static void add_line(struct nv_change *change, const struct nv_record *line,
                     const struct nv_record *before)
{
	struct nv_vars vars, before_vars;
	size_t words = line_vars(change, line, &vars);
	size_t before_words = before ? line_vars(change, before, &before_vars) : 0;
	size_t same = 0;

	while (same < words && same < before_words &&
	       nv_bytes_equal(&vars.at[same + 1], &before_vars.at[same + 1])) {
		same++;
	}
	for (size_t i = same; i < words; i++) {
		/* What comes back in a restore: such a plugin's types are members of another set. */
		if (i == 1 && change->layout->codec == NV_CODEC_RECORDS &&
		    nv_layout_is_reserved(&line->plugin)) {
			continue;
		}
		const struct nv_level *level = &change->layout->levels[i];
		struct nv_bytes key cleanup_bytes = nv_change_expand(change, level->key, &vars);
		struct nv_bytes member cleanup_bytes =
			nv_change_expand(change, level->member, &vars);

		nv_keyedit_add(&change->edit, &key, "set", &member,
		               level_entry(change, level->added, &key, &vars));
	}
}

/* A removed member stays while something is below it, that another has added meanwhile. */
static void remove_line(struct nv_change *change, const struct nv_record *line)
{
	struct nv_vars vars;
	size_t words = line_vars(change, line, &vars);
	const struct nv_level *level = &change->layout->levels[words - 1];
	bool reserved =
		change->layout->codec == NV_CODEC_RECORDS && nv_layout_is_reserved(&line->plugin);

	/* The types of such a plugin are members of another set, and its types' key is that set:
	 * neither is touched for it. */
	if (reserved && words == 2) {
		return;
	}
	struct nv_bytes key cleanup_bytes = nv_change_expand(change, level->key, &vars);
	struct nv_bytes member cleanup_bytes = nv_change_expand(change, level->member, &vars);
	struct nv_bytes guard cleanup_bytes =
		level->below && !reserved ? nv_change_expand(change, level->below, &vars)
					  : (struct nv_bytes)NV_BYTES_INIT;
	nv_keyedit_remove(&change->edit, &key, "set", &member, guard.data ? &guard : NULL,
	                  level_entry(change, level->removed, &key, &vars));
}

/* Asks for the default network, which some added value needs. */
static int ask_network(struct nv_change *change, struct nv_err *err)
{
	struct nv_redis_pipeline p cleanup_redis_pipeline = NV_REDIS_PIPELINE_INIT(NV_REDIS_MAIN);
	struct nv_redis_replies *replies cleanup_redis_replies = NULL;
	int r;

	nv_redis_pipeline_key(&p, "GET", nv_netdox_key_default_network,
	                      strlen(nv_netdox_key_default_network));
	r = nv_redis_pipeline_run(change->netdox->redis, &p, 0, &replies, err);
	if (r < 0) {
		return r;
	}
	nv_bytes_release(&change->default_network);
	if (replies->items[0].type == NV_REDIS_BULK &&
	    nv_bytes_copy(&change->default_network, replies->items[0].data,
	                  replies->items[0].size) < 0) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

/* No network is set, or none that a name can have: each line that needs one is refused. */
static int refuse_unqualified(const struct nv_change *change, const struct nv_set_changes *changes,
                              struct nv_err *err)
{
	for (size_t i = 0; i < changes->added.count; i++) {
		const struct nv_record *line = &changes->added.items[i];
		struct nv_bytes network, rest;

		if (!line->value.data ||
		    !nv_layout_lists(change->layout->qualify, line->type.data, line->type.size) ||
		    nv_dns_split(&line->value, &network, &rest)) {
			continue;
		}
		(void)nv_faults_add(change->call->faults, line->line, 1,
		                    "the value of a %s record is a qualified name, and there is no "
		                    "default_network to complete it: write "
		                    "it as [NETWORK]%.100s, or set netdox/default_network",
		                    line->type.data, line->value.data);
	}
	return nv_fail(err, EINVAL, "a value is not qualified, and there is no default_network");
}

static int diff(struct nv_change *change, const struct nv_records *base,
                const struct nv_records *mine, struct nv_set_changes *ret, struct nv_err *err)
{
	if (change->netdox->mode == NV_MOUNT_RESTORE) {
		int failed = nv_set_diff_verbatim(base, mine, ret);

		return failed < 0 ? nv_fail(err, -failed, "out of memory") : 0;
	}
	/* A full mount brings back what was there, to the byte. */
	struct nv_layout layout = *change->layout;
	if (change->netdox->mode == NV_MOUNT_FULL) {
		layout.fold = false;
		layout.qualify = NULL;
	}
	int r = nv_set_diff(&layout, base, mine, &change->default_network, ret,
	                    change->call->faults);

	if (r == 0 && ret->needs_network) {
		r = ask_network(change, err);
		if (r < 0) {
			return r;
		}
		if (!nv_network_is_valid(change->default_network.data ? change->default_network.data
		                                                      : "",
		                         change->default_network.size)) {
			return refuse_unqualified(change, ret, err);
		}
		nv_set_changes_release(ret);
		*ret = (struct nv_set_changes){ .needs_network = false };
		r = nv_set_diff(&layout, base, mine, &change->default_network, ret,
		                change->call->faults);
	}
	return r < 0 ? nv_fail(err, -r,
	                       r == -EINVAL ? "a line that was added cannot be stored"
	                                    : "out of memory")
	             : 0;
}

static int save(struct nv_change *change, const struct nv_records *mine, struct nv_err *err)
{
	struct nv_records base cleanup_records = NV_RECORDS_INIT;
	struct nv_set_changes changes cleanup_set_changes = { .needs_network = false };
	int r = 0;

	if (change->base) {
		r = nv_set_parse(change->layout, change->base->text, change->base->size, &base,
		                 NULL);
	}
	if (r < 0) {
		return nv_fail(err, r == -ENOMEM ? ENOMEM : EIO,
		               "the version that was read cannot be understood any more");
	}
	r = diff(change, &base, mine, &changes, err);
	if (r < 0) {
		return r;
	}
	nv_change_expect(change, 0);
	if (change->default_network.data) {
		struct nv_bytes key = nv_view(nv_netdox_key_default_network,
		                              strlen(nv_netdox_key_default_network));

		nv_keyedit_equals(&change->edit, &key, &change->default_network, EAGAIN);
	}
	for (size_t i = 0; i < changes.added.count; i++) {
		add_line(change, &changes.added.items[i],
		         i > 0 ? &changes.added.items[i - 1] : NULL);
	}
	for (size_t i = 0; i < changes.removed.count; i++) {
		remove_line(change, &changes.removed.items[i]);
	}
	return 0;
}

int nv_save_sets(struct nv_change *change, const char *text, size_t size, struct nv_err *err)
{
	struct nv_records mine cleanup_records = NV_RECORDS_INIT;
	int r = nv_set_parse(change->layout, text, size, &mine, change->call->faults);

	if (r < 0) {
		return nv_fail(err, -r, r == -EINVAL ? "a line cannot be read" : "out of memory");
	}
	return save(change, &mine, err);
}

int nv_delete_sets(struct nv_change *change, struct nv_err *err)
{
	struct nv_records none = NV_RECORDS_INIT;

	return save(change, &none, err);
}
