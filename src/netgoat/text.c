/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/text.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/json.h"

struct show {
	const struct nv_schema *schema;
	const struct nv_schema_kind *kind;
	const struct nv_facts *facts;
	enum nv_text_mode mode;
};

bool nv_elem_find(const bson_t *doc, const char *path, struct nv_raw_elem *ret_elem)
{
	const uint8_t *data = bson_get_data(doc);
	size_t size = doc->len;
	for (;;) {
		size_t name = strcspn(path, ".");
		struct nv_raw_iter iter;
		struct nv_raw_elem elem;
		int more = nv_raw_iter_init(&iter, data, size) ? 0 : 1;
		while (more > 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0 &&
		       !nv_raw_key_is(&elem, path, name)) {
		}
		if (more <= 0) {
			return false;
		}
		if (!path[name]) {
			*ret_elem = elem;
			return true;
		}
		if (!nv_raw_is_container(elem.type)) {
			return false;
		}
		path += name + 1;
		data = elem.value;
		size = elem.size;
	}
}

bool nv_elem_same(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	return a->type == b->type && a->size == b->size && memcmp(a->value, b->value, a->size) == 0;
}

bool nv_facts_say(const struct nv_facts *facts, const struct nv_schema_field *field,
                  const struct nv_raw_elem *elem)
{
	switch (field->role) {
	case NV_ROLE_NAME:
	case NV_ROLE_TYPE:
		return facts->name && elem->type == BSON_TYPE_UTF8;
	case NV_ROLE_TEAM:
		return facts->team.type && nv_elem_same(&facts->team, elem);
	case NV_ROLE_DOMAIN:
		return facts->domain.type && nv_elem_same(&facts->domain, elem);
	case NV_ROLE_DOMAIN_NAME:
		return facts->domain_name.type && nv_elem_same(&facts->domain_name, elem);
	default:
		return false;
	}
}

/* True when the file's text leaves the field out. */
static bool left_out(const struct show *show, const struct nv_schema_field *field,
                     const struct nv_raw_elem *elem)
{
	return field->secret || field->state || field->role == NV_ROLE_TEAMS ||
	       nv_facts_say(show->facts, field, elem);
}

bool nv_text_misfits(const struct nv_schema_node *node, const struct nv_raw_elem *elem)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem inner;
	if (!node || !node->holds_secret) {
		return false;
	}
	if (elem->type == BSON_TYPE_DOCUMENT) {
		return node->element && node->children_count == 0;
	}
	if (elem->type != BSON_TYPE_ARRAY || !node->element) {
		return elem->type == BSON_TYPE_ARRAY;
	}
	int more = nv_raw_iter_init(&iter, elem->value, elem->size) ? 0 : 1;
	while (more > 0 && (more = nv_raw_iter_next(&iter, &inner)) > 0) {
		if (nv_text_misfits(node->element, &inner)) {
			return true;
		}
	}
	return false;
}

static void put_mask(const struct show *show, const struct nv_raw_elem *elem, struct nv_buf *out)
{
	const char *mask = nv_schema_mask(show->schema);
	nv_raw_put_key(out, BSON_TYPE_UTF8, elem->key, elem->key_size);
	nv_raw_put_text(out, mask, strlen(mask));
}

/* Whether something at or below node may have to be left out. */
static bool is_sensitive(const struct show *show, const struct nv_schema_node *node)
{
	return node && (node->hides || (show->mode == NV_TEXT_FILE && node->children_count &&
	                                node->field == NULL));
}

static int show_container(const struct show *show, const struct nv_schema_node *node,
                          const uint8_t *data, size_t size, bool array, bool top,
                          struct nv_buf *out)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	int more = nv_raw_iter_init(&iter, data, size);
	size_t start = nv_raw_begin(out);
	while (more >= 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0) {
		const struct nv_schema_node *child =
			array ? node->element : nv_schema_child(node, elem.key, elem.key_size);
		const struct nv_schema_field *field = child ? child->field : NULL;
		bool misfits = nv_text_misfits(child, &elem);
		if (show->mode == NV_TEXT_FILE) {
			if (misfits || (field && left_out(show, field, &elem)) ||
			    (top && nv_raw_key_is(&elem, "_id", 3))) {
				continue;
			}
		} else if (misfits || (field && field->secret && elem.type != BSON_TYPE_NULL)) {
			put_mask(show, &elem, out);
			continue;
		}
		if (!nv_raw_is_container(elem.type) || !is_sensitive(show, child)) {
			nv_raw_put(out, elem.key, elem.key_size, &elem);
			continue;
		}
		nv_raw_put_key(out, elem.type, elem.key, elem.key_size);
		more = show_container(show, child, elem.value, elem.size,
		                      elem.type == BSON_TYPE_ARRAY, false, out);
	}
	nv_raw_end(out, start);
	return more < 0 ? more : 0;
}

int nv_text_show(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                 const struct nv_facts *facts, const bson_t *doc, enum nv_text_mode mode,
                 struct nv_buf *out, struct nv_err *err)
{
	struct show show = { .schema = schema, .kind = kind, .facts = facts, .mode = mode };
	if (mode == NV_TEXT_FULL) {
		nv_buf_append(out, bson_get_data(doc), doc->len);
	} else if (show_container(&show, kind->root, bson_get_data(doc), doc->len, false, true,
	                          out)) {
		return nv_fail(err, EIO, "a stored %s is no well-formed BSON",
		               nv_schema_word(kind->kind));
	}
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

int nv_text_format(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                   const struct nv_facts *facts, const bson_t *doc, enum nv_text_mode mode,
                   bool compact, struct nv_buf *out, struct nv_err *err)
{
	cleanup_buf struct nv_buf shown = NV_BUF_INIT;
	bson_t view;
	bool full = mode == NV_TEXT_FULL;
	int rc = full ? 0 : nv_text_show(schema, kind, facts, doc, mode, &shown, err);
	if (rc) {
		return rc;
	}
	if (!full && !bson_init_static(&view, (const uint8_t *)shown.data, shown.len)) {
		return nv_fail(err, EIO, "a stored %s is no well-formed BSON",
		               nv_schema_word(kind->kind));
	}
	rc = nv_json_format(full ? doc : &view, compact ? NV_JSON_COMPACT : 0, out);
	if (compact) {
		nv_buf_putc(out, '\n');
	}
	return rc < 0 || nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : rc;
}

bool nv_text_mtime(const struct nv_schema_kind *kind, const bson_t *doc, struct timespec *ret_mtime)
{
	bson_iter_t iter;
	if (!nv_schema_find(kind, NV_ROLE_UPDATED, doc, &iter, NULL) ||
	    !BSON_ITER_HOLDS_DATE_TIME(&iter)) {
		return false;
	}
	int64_t ms = bson_iter_date_time(&iter);
	int64_t rest = ms % 1000;
	ret_mtime->tv_sec = ms / 1000 - (rest < 0);
	ret_mtime->tv_nsec = (rest < 0 ? rest + 1000 : rest) * 1000000;
	return true;
}

static void free_version(void *priv)
{
	struct nv_version *version = priv;
	bson_destroy(version->doc);
	free(version);
}

int nv_text_blob(const struct nv_schema *schema, const struct nv_schema_kind *kind,
                 const struct nv_facts *facts, const bson_t *doc, const char *collection,
                 enum nv_text_mode mode, int64_t sampled_ms, struct nv_blob **ret_blob,
                 struct nv_err *err)
{
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	int rc = nv_text_format(schema, kind, facts, doc, mode, false, &text, err);
	if (rc < 0) {
		return rc;
	}
	bool opaque = rc == NV_JSON_OPAQUE;
	struct nv_version *version = calloc(1, sizeof(*version));
	size_t size = 0;
	char *bytes = version ? nv_buf_steal(&text, &size) : NULL;
	if (!bytes) {
		free(version);
		return nv_fail(err, ENOMEM, "out of memory");
	}
	version->doc = bson_copy(doc);
	version->collection = collection;
	struct nv_blob *blob = nv_blob_new(bytes, size, sampled_ms, version, free_version);
	if (!blob) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	/* A whole document is what its text says, whichever form that has; and its counters move
	 * without a stamp. */
	blob->readonly = opaque && mode != NV_TEXT_FULL;
	blob->stamped = mode != NV_TEXT_FULL && nv_text_mtime(kind, doc, &blob->mtime);
	*ret_blob = blob;
	return 0;
}

const struct nv_version *nv_version_of(const struct nv_blob *blob)
{
	return blob && blob->priv_free == free_version ? blob->priv : NULL;
}
