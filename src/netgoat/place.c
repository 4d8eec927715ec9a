/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "netgoat/dir.h"

struct nv_head *nv_head_ref(struct nv_head *head)
{
	if (head) {
		atomic_fetch_add_explicit(&head->refs, 1, memory_order_relaxed);
	}
	return head;
}

void nv_head_unref(struct nv_head *head)
{
	if (!head || atomic_fetch_sub_explicit(&head->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	bson_value_destroy(&head->id);
	if (head->doc) {
		bson_destroy(head->doc);
	}
	free(head->name);
	free(head);
}

bool nv_head_same(const struct nv_head *a, const struct nv_head *b)
{
	return a->collection == b->collection && nv_docvalue_equal(&a->id, &b->id);
}

/* What may be remembered of an answer depends on what was invalidated after it was asked for. */
struct stamp {
	int64_t sampled_ms;
	uint64_t generation;
};

static struct stamp take_stamp(struct nv_netgoat *ng)
{
	(void)pthread_mutex_lock(&ng->heads_mutex);
	struct stamp stamp = { .sampled_ms = nv_clock_ms(ng->clock),
		               .generation = ng->heads_generation };
	(void)pthread_mutex_unlock(&ng->heads_mutex);
	return stamp;
}

struct nv_head *nv_head_new(const struct nv_docitem *item, int64_t sampled_ms, uint64_t generation)
{
	struct nv_head *head = calloc(1, sizeof(*head));
	const bson_t *doc = nv_docitem_doc(item);
	bson_iter_t iter;
	if (!head || !doc) {
		free(head);
		return NULL;
	}
	atomic_init(&head->refs, 1);
	atomic_init(&head->sampled_ms, sampled_ms);
	atomic_init(&head->generation, generation);
	head->name = strdup(item->name);
	head->said = item->said;
	head->doc = bson_copy(doc);
	head->collection = item->collection;
	if (bson_iter_init_find(&iter, doc, "_id")) {
		bson_value_copy(bson_iter_value(&iter), &head->id);
	} else {
		head->id.value_type = BSON_TYPE_NULL;
	}
	if (!head->name) {
		nv_head_unref(head);
		return NULL;
	}
	return head;
}

static void unref_value(void *head)
{
	nv_head_unref(head);
}

/* Keeps a reference of head (may be NULL: forgets the key). Memory for it may be short: then it
 * is not remembered. */
static void remember(struct nv_netgoat *ng, const struct nv_buf *key, struct nv_head *head)
{
	void *old = NULL;
	(void)pthread_mutex_lock(&ng->heads_mutex);
	if (!head) {
		old = nv_strmap_remove(ng->heads, key->data, key->len);
	} else {
		if (nv_strmap_count(ng->heads) >= NV_NETGOAT_HEADS_MAX) {
			struct nv_strmap *empty = nv_strmap_new();
			if (empty) {
				nv_strmap_free(ng->heads, unref_value);
				ng->heads = empty;
			}
		}
		if (nv_strmap_set(ng->heads, key->data, key->len, nv_head_ref(head), &old)) {
			old = head;
		}
	}
	(void)pthread_mutex_unlock(&ng->heads_mutex);
	nv_head_unref(old);
}

static struct nv_head *recall(struct nv_netgoat *ng, const struct nv_buf *key, bool *ret_fresh)
{
	(void)pthread_mutex_lock(&ng->heads_mutex);
	struct nv_head *head = nv_head_ref(nv_strmap_get(ng->heads, key->data, key->len));
	*ret_fresh = head && atomic_load(&head->generation) == ng->heads_generation &&
	             nv_clock_ms(ng->clock) - atomic_load(&head->sampled_ms) < NV_CACHE_MAX_AGE_MS;
	(void)pthread_mutex_unlock(&ng->heads_mutex);
	return head;
}

uint64_t nv_ng_place_generation(struct nv_netgoat *ng)
{
	return take_stamp(ng).generation;
}

void nv_ng_place_forget(struct nv_netgoat *ng)
{
	(void)pthread_mutex_lock(&ng->heads_mutex);
	ng->heads_generation++;
	(void)pthread_mutex_unlock(&ng->heads_mutex);
}

/* A listing under a second old knows the object too. */
static struct nv_head *from_listing(struct nv_netgoat *ng, const struct nv_buf *dir_key,
                                    const char *component)
{
	uint64_t generation = nv_ng_place_generation(ng);
	int64_t sampled_ms = 0;
	cleanup_docsnap struct nv_docsnap *snap =
		nv_cache_peek(ng->cache, dir_key->data, dir_key->len, &sampled_ms);
	const struct nv_docitem *item = snap ? nv_docsnap_find(snap, component) : NULL;
	return item ? nv_head_new(item, sampled_ms, generation) : NULL;
}

/* One object that is asked for. */
struct search {
	struct nv_docdir dir;
	struct nv_docname name;
	struct nv_collect collect;
	struct stamp stamp;
};

static int begin_search(struct nv_netgoat *ng, struct search *search,
                        const struct nv_ng_place *parent, enum nv_doc_kind kind,
                        const char *component, struct nv_docbatch *batch, struct nv_err *err)
{
	*search = (struct search){ .dir = nv_docdir_of(ng, parent, kind, NV_TEXT_FILE),
		                   .stamp = take_stamp(ng) };
	int rc = nv_docname_parse(search->dir.kind, search->dir.by_id, component,
	                          search->dir.suffix, &batch->arena, &search->name);
	if (rc == 0) {
		rc = nv_collect_init(&search->collect, &search->dir, search->stamp.sampled_ms);
	}
	if (rc == 0) {
		rc = nv_collect_ask_name(&search->collect, batch, &search->name);
		if (rc) {
			nv_collect_release(&search->collect);
		}
	}
	return rc ? nv_fail(err, -rc,
	                    rc == -ENOENT ? "no %s can have the name %s" : "%s %s: out of memory",
	                    nv_schema_word(kind), component)
	          : 0;
}

/* After the batch has run. Releases the search's snapshot. */
static int end_search(struct search *search, const char *component, struct nv_head **ret_head,
                      struct nv_err *err)
{
	const struct nv_docitem *item = NULL;
	int rc = nv_collect_finish(&search->collect, err);
	if (rc == 0) {
		rc = nv_docsnap_pick(search->collect.snap, &search->name, &item, err);
	}
	if (rc == 0) {
		*ret_head = nv_head_new(item, search->stamp.sampled_ms, search->stamp.generation);
		rc = *ret_head ? 0 : nv_fail(err, ENOMEM, "out of memory");
	} else {
		(void)nv_wrap(err, "%s %s", nv_schema_word(search->dir.kind->kind), component);
	}
	nv_collect_release(&search->collect);
	return rc;
}

static int ask_object(struct nv_netgoat *ng, const struct nv_ng_place *parent,
                      enum nv_doc_kind kind, const char *component, struct nv_head **ret_head,
                      struct nv_err *err)
{
	cleanup_docbatch struct nv_docbatch batch;
	nv_docbatch_init(&batch, ng->store);
	struct search search;
	int rc = begin_search(ng, &search, parent, kind, component, &batch, err);
	if (rc) {
		return rc;
	}
	rc = nv_docbatch_run(&batch, err);
	if (rc) {
		nv_collect_release(&search.collect);
		return rc;
	}
	return end_search(&search, component, ret_head, err);
}

static int head_key(struct nv_netgoat *ng, const struct nv_ng_place *parent, enum nv_doc_kind kind,
                    const char *component, struct nv_buf *ret_dir, struct nv_buf *ret_key)
{
	struct nv_docdir dir = nv_docdir_of(ng, parent, kind, NV_TEXT_FILE);
	int rc = nv_docdir_key(&dir, ret_dir);
	if (rc == 0) {
		nv_buf_append(ret_key, ret_dir->data, ret_dir->len);
		nv_buf_putc(ret_key, '\n');
		nv_buf_puts(ret_key, component);
		rc = nv_buf_error(ret_key);
	}
	return rc;
}

int nv_ng_place_object(struct nv_netgoat *ng, const struct nv_ng_place *parent,
                       enum nv_doc_kind kind, const char *component, bool may_be_stale,
                       struct nv_head **ret_head, bool *ret_stale, struct nv_err *err)
{
	cleanup_buf struct nv_buf dir_key = NV_BUF_INIT;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (head_key(ng, parent, kind, component, &dir_key, &key)) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	bool fresh = false;
	struct nv_head *head = recall(ng, &key, &fresh);
	if (!fresh) {
		struct nv_head *listed = from_listing(ng, &dir_key, component);
		if (listed) {
			nv_head_unref(head);
			head = listed;
			fresh = true;
			remember(ng, &key, head);
		}
	}
	if (head && (fresh || may_be_stale)) {
		*ret_head = head;
		*ret_stale = !fresh;
		return 0;
	}
	nv_head_unref(head);
	head = NULL;
	int rc = ask_object(ng, parent, kind, component, &head, err);
	if (rc == 0 || rc == -ENOENT || rc == -ENOTUNIQ) {
		remember(ng, &key, head);
	}
	if (rc == 0) {
		*ret_head = head;
		*ret_stale = false;
	}
	return rc;
}

void nv_ng_place_note(struct nv_netgoat *ng, const struct nv_ng_place *parent,
                      enum nv_doc_kind kind, const struct nv_docitem *item, int64_t sampled_ms,
                      uint64_t generation)
{
	cleanup_buf struct nv_buf dir_key = NV_BUF_INIT;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	struct nv_head *head = nv_head_new(item, sampled_ms, generation);
	if (head && head_key(ng, parent, kind, item->name, &dir_key, &key) == 0) {
		remember(ng, &key, head);
	}
	nv_head_unref(head);
}

void nv_ng_place_release(struct nv_ng_place *place)
{
	nv_head_unref(place->team);
	nv_head_unref(place->domain);
	nv_head_unref(place->user);
	*place = (struct nv_ng_place){ .scope = place->scope };
}

/* The place of the directory that the domain of a place stands in. Borrows from place. */
static struct nv_ng_place domains_place(const struct nv_ng_place *place)
{
	return (struct nv_ng_place){ .scope = place->scope == NV_NG_IN_DOMAIN ? NV_NG_IN_TEAM
		                                                              : NV_NG_IN_ORPHANS,
		                     .team = place->team };
}

static void note_sampled(struct nv_ng_place *place, const struct nv_head *head, bool stale)
{
	int64_t sampled_ms = atomic_load(&head->sampled_ms);
	if (!stale && sampled_ms < place->sampled_ms) {
		place->sampled_ms = sampled_ms;
	}
}

int nv_ng_place_find(struct nv_netgoat *ng, const struct nv_node *node, bool may_be_stale,
                     struct nv_ng_place *ret_place, struct nv_err *err)
{
	struct nv_ng_place place = { .scope = NV_NG_SCOPE(node->row->kind),
		                     .sampled_ms = INT64_MAX };
	static const struct nv_ng_place top = { .scope = NV_NG_TOP };
	int rc = 0;
	if (place.scope == NV_NG_IN_TEAM || place.scope == NV_NG_IN_DOMAIN) {
		place.team_name = node->names[0];
		rc = nv_ng_place_object(ng, &top, NV_DOC_TEAM, place.team_name, may_be_stale,
		                        &place.team, &place.team_stale, err);
	}
	if (rc == 0 && (place.scope == NV_NG_IN_DOMAIN || place.scope == NV_NG_IN_ORPHAN_DOMAIN)) {
		place.domain_name = node->names[place.scope == NV_NG_IN_DOMAIN ? 1 : 0];
		struct nv_ng_place domains = domains_place(&place);
		rc = nv_ng_place_object(ng, &domains, NV_DOC_DOMAIN, place.domain_name,
		                        may_be_stale, &place.domain, &place.domain_stale, err);
	}
	if (rc == 0 && place.scope == NV_NG_IN_USER) {
		place.user_name = node->names[0];
		rc = nv_ng_place_object(ng, &top, NV_DOC_USER, place.user_name, may_be_stale,
		                        &place.user, &place.user_stale, err);
	}
	if (rc) {
		nv_ng_place_release(&place);
		return rc;
	}
	const struct nv_head *heads[] = { place.team, place.domain, place.user };
	const bool stale[] = { place.team_stale, place.domain_stale, place.user_stale };
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (heads[i]) {
			note_sampled(&place, heads[i], stale[i]);
		}
	}
	*ret_place = place;
	return 0;
}

/* One head that a batch confirms. */
struct confirmation {
	struct search search;
	struct nv_head **slot; /* of the place */
	bool *stale;
	struct nv_ng_place parent;
	enum nv_doc_kind kind;
	const char *component;
};

/* The three objects a place may have, those to be confirmed first to last. */
static size_t list_stale(struct nv_ng_place *place, struct confirmation confirmations[3])
{
	size_t count = 0;
	if (place->team_stale) {
		confirmations[count++] = (struct confirmation){ .slot = &place->team,
			                                        .stale = &place->team_stale,
			                                        .parent = { .scope = NV_NG_TOP },
			                                        .kind = NV_DOC_TEAM,
			                                        .component = place->team_name };
	}
	if (place->domain_stale) {
		confirmations[count++] = (struct confirmation){ .slot = &place->domain,
			                                        .stale = &place->domain_stale,
			                                        .parent = domains_place(place),
			                                        .kind = NV_DOC_DOMAIN,
			                                        .component = place->domain_name };
		/* Confirming the team replaces it in place; the domain's question still needs
		 * the one it was asked with. */
		(void)nv_head_ref(place->team);
	}
	if (place->user_stale) {
		confirmations[count++] = (struct confirmation){ .slot = &place->user,
			                                        .stale = &place->user_stale,
			                                        .parent = { .scope = NV_NG_TOP },
			                                        .kind = NV_DOC_USER,
			                                        .component = place->user_name };
	}
	return count;
}

/* Judges one answer: the object is what it was (then its head is as fresh as the answer), or the
 * key is forgotten. 0, -EAGAIN, others. */
static int confirm(struct nv_netgoat *ng, struct nv_ng_place *place,
                   struct confirmation *confirmation, struct nv_err *err)
{
	struct nv_head *head = NULL;
	int rc = end_search(&confirmation->search, confirmation->component, &head, err);
	cleanup_buf struct nv_buf dir_key = NV_BUF_INIT;
	cleanup_buf struct nv_buf key = NV_BUF_INIT;
	if (head_key(ng, &confirmation->parent, confirmation->kind, confirmation->component,
	             &dir_key, &key)) {
		nv_head_unref(head);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	if (rc == 0 && nv_head_same(head, *confirmation->slot)) {
		remember(ng, &key, head);
		nv_head_unref(*confirmation->slot);
		*confirmation->slot = head;
		*confirmation->stale = false;
		note_sampled(place, head, false);
		return 0;
	}
	nv_head_unref(head);
	if (rc == 0 || rc == -ENOENT || rc == -ENOTUNIQ) {
		remember(ng, &key, NULL);
		return nv_fail(err, EAGAIN, "%s was renamed or replaced", confirmation->component);
	}
	return rc;
}

int nv_ng_place_run(struct nv_netgoat *ng, struct nv_ng_place *place, struct nv_docbatch *batch,
                    struct nv_err *err)
{
	struct confirmation confirmations[3];
	size_t count = list_stale(place, confirmations);
	size_t begun = 0;
	int rc = 0;
	while (rc == 0 && begun < count) {
		struct confirmation *confirmation = &confirmations[begun];
		rc = begin_search(ng, &confirmation->search, &confirmation->parent,
		                  confirmation->kind, confirmation->component, batch, err);
		begun += rc == 0;
	}
	if (rc == 0) {
		rc = nv_docbatch_run(batch, err);
	}
	size_t done = 0;
	while (rc == 0 && done < begun) {
		rc = confirm(ng, place, &confirmations[done++], err);
	}
	while (done < begun) {
		nv_collect_release(&confirmations[done++].search.collect);
	}
	for (size_t i = 0; i < count; i++) {
		nv_head_unref(confirmations[i].parent.team);
	}
	return rc;
}
