/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/edit.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "codec/json.h"
#include "netgoat/names.h"

/* One run over a text. */
struct run {
	const struct nv_edit *edit;
	struct nv_buf path;           /* of the field the walk is at, dotted */
	bool refused;                 /* at least one fault */
	struct nv_raw_elem respelled; /* as typed: the last field that goes to another spelling */
	struct nv_err *err;
};

static int merge_fields(struct run *run, const struct nv_schema_node *node,
                        const struct nv_raw_elem *base, const struct nv_raw_elem *mine, bool top,
                        struct nv_buf *out);

int nv_edit_fault(struct nv_faults *faults, const char *text, size_t size, const char *path,
                  const char *reason)
{
	size_t line = 0;
	size_t column = 0;
	if (text) {
		(void)nv_json_place(text, size, path, &line, &column);
	}
	return nv_faults_add(faults, line, column, "%s", reason);
}

static size_t enter(struct run *run, const struct nv_raw_elem *elem)
{
	size_t before = run->path.len;
	if (before) {
		nv_buf_putc(&run->path, '.');
	}
	if (elem->value == run->respelled.value) {
		elem = &run->respelled; /* the place of a fault is where it was typed */
	}
	nv_buf_append(&run->path, elem->key, elem->key_size);
	return before;
}

static void refuse(struct run *run, const struct nv_raw_elem *elem, const char *why)
{
	size_t before = enter(run, elem);
	cleanup_buf struct nv_buf reason = NV_BUF_INIT;
	const char *path = run->path.data ? run->path.data : "";
	nv_buf_printf(&reason, "%s: %s", path, why);
	(void)nv_edit_fault(run->edit->faults, run->edit->text, run->edit->size, path,
	                    reason.data ? reason.data : why);
	if (!run->refused) {
		(void)nv_fail(run->err, EINVAL, "%s: %s", path, why);
	}
	run->refused = true;
	nv_buf_truncate(&run->path, before);
}

/* Damaged or missing containers read as empty. */
static bool find(const struct nv_raw_elem *doc, const struct nv_raw_elem *like,
                 struct nv_raw_elem *ret_elem)
{
	struct nv_raw_iter iter;
	if (!doc || nv_raw_iter_init(&iter, doc->value, doc->size)) {
		return false;
	}
	while (nv_raw_iter_next(&iter, ret_elem) > 0) {
		if (nv_raw_key_is(ret_elem, like->key, like->key_size)) {
			return true;
		}
	}
	return false;
}

/* Numbers by value, documents whatever their order: what a reader would call the same. */
static bool says_same(const struct nv_raw_elem *a, const struct nv_raw_elem *b)
{
	if (nv_elem_same(a, b)) {
		return true;
	}
	cleanup_buf struct nv_buf left = NV_BUF_INIT;
	cleanup_buf struct nv_buf right = NV_BUF_INIT;
	size_t start = nv_raw_begin(&left);
	nv_raw_put(&left, "", 0, a);
	nv_raw_end(&left, start);
	start = nv_raw_begin(&right);
	nv_raw_put(&right, "", 0, b);
	nv_raw_end(&right, start);
	bson_t x;
	bson_t y;
	return !nv_buf_error(&left) && !nv_buf_error(&right) &&
	       bson_init_static(&x, (const uint8_t *)left.data, left.len) &&
	       bson_init_static(&y, (const uint8_t *)right.data, right.len) && nv_bson_same(&x, &y);
}

static bool is_text(const struct nv_raw_elem *elem, const char *text, size_t size)
{
	return elem->type == BSON_TYPE_UTF8 && elem->size == size + 5 &&
	       memcmp(elem->value + 4, text, size) == 0;
}

static bool is_mask(const struct run *run, const struct nv_raw_elem *elem)
{
	const char *mask = nv_schema_mask(run->edit->schema);
	return is_text(elem, mask, strlen(mask));
}

static bool is_reference(const struct nv_schema_field *field)
{
	return field->role == NV_ROLE_TEAM || field->role == NV_ROLE_DOMAIN ||
	       field->role == NV_ROLE_DOMAIN_NAME;
}

static bool is_name(const struct nv_schema_field *field)
{
	return field->role == NV_ROLE_NAME || field->role == NV_ROLE_TYPE;
}

/* Whether a name field means the top of the zone. */
static bool is_apex(const struct run *run, const struct nv_raw_elem *elem)
{
	return elem && elem->type == BSON_TYPE_UTF8 &&
	       nv_docname_is_apex(run->edit->kind, (const char *)elem->value + 4, elem->size - 5);
}

/* Whether a typed name is the one that the path of a new document has. */
static bool is_path_name(const struct nv_edit *edit, const struct nv_schema_field *field,
                         const struct nv_raw_elem *mine)
{
	const char *name = field->role == NV_ROLE_TYPE ? edit->type : edit->name;
	size_t size = field->role == NV_ROLE_TYPE ? edit->type_size : edit->name_size;
	if (!name) {
		return false;
	}
	if (field->role == NV_ROLE_NAME && nv_docname_is_apex(edit->kind, name, size)) {
		return mine->type == BSON_TYPE_NULL ||
		       (mine->type == BSON_TYPE_UTF8 &&
		        nv_docname_is_apex(edit->kind, (const char *)mine->value + 4,
		                           mine->size - 5));
	}
	return is_text(mine, name, size);
}

/* Whether the text may say this of a field that is not hidden at this path. */
static bool may_set(struct run *run, const struct nv_schema_field *field,
                    const struct nv_raw_elem *base, const struct nv_raw_elem *mine)
{
	const struct nv_edit *edit = run->edit;
	if (!field || (base && says_same(base, mine))) {
		return true;
	}
	if (is_reference(field) && !edit->free_references &&
	    !nv_facts_say(edit->facts, field, mine)) {
		refuse(run, mine, "contradicts the path of the file: leave it out, or mv the file");
		return false;
	}
	if (is_name(field) && edit->facts->name && edit->name && !is_path_name(edit, field, mine)) {
		refuse(run, mine, "contradicts the name of the file: leave it out, or mv the file");
		return false;
	}
	return true;
}

/* Writes elem, or what is hidden in it together with mine where both are documents. */
static int merge_value(struct run *run, const struct nv_schema_node *node,
                       const struct nv_raw_elem *base, const struct nv_raw_elem *mine,
                       struct nv_buf *out);

/* A field that the text should not have: what the stored document keeps in its place. */
static int typed_hidden(struct run *run, const struct nv_schema_field *field,
                        const struct nv_raw_elem *base, const struct nv_raw_elem *mine,
                        struct nv_buf *out)
{
	if (field && field->secret) {
		const struct nv_raw_elem *kept = is_mask(run, mine) ? base : mine;
		if (kept) {
			nv_raw_put(out, mine->key, mine->key_size, kept);
		}
		return 0;
	}
	bool same = base ? says_same(base, mine) : mine->type == BSON_TYPE_NULL;
	same = same ||
	       (field && field->role == NV_ROLE_NAME && is_apex(run, base) && is_apex(run, mine));
	if (!same && field && field->role == NV_ROLE_TEAMS) {
		refuse(run, mine, "memberships are the links in teams/: ln -s joins, rm leaves");
	} else if (!same && field && (is_reference(field) || is_name(field))) {
		refuse(run, mine, "contradicts the path of the file: leave it out, or mv the file");
	} else if (!same) {
		refuse(run, mine,
		       nv_raw_key_is(mine, "_id", 3) ? "is another document's: leave it out"
		                                     : "is kept by the server: leave it out");
	}
	if (base) {
		nv_raw_put(out, base->key, base->key_size, base);
	}
	return 0;
}

static bool is_hidden(const struct run *run, const struct nv_schema_field *field,
                      const struct nv_raw_elem *elem, bool top)
{
	if (top && nv_raw_key_is(elem, "_id", 3)) {
		return true;
	}
	return field && (field->secret || field->state || field->role == NV_ROLE_TEAMS ||
	                 nv_facts_say(run->edit->facts, field, elem));
}

/* One field of the stored document. */
static int merge_stored(struct run *run, const struct nv_schema_node *child,
                        const struct nv_raw_elem *base, const struct nv_raw_elem *mine, bool top,
                        struct nv_buf *out)
{
	const struct nv_schema_field *field = child ? child->field : NULL;
	if (nv_text_misfits(child, base) && (!mine || is_mask(run, mine))) {
		nv_raw_put(out, base->key, base->key_size, base);
		return 0;
	}
	if (nv_text_misfits(child, base)) {
		return merge_value(run, child, NULL, mine, out); /* it gets its right shape */
	}
	if (is_hidden(run, field, base, top)) {
		if (mine) {
			return typed_hidden(run, field, base, mine, out);
		}
		nv_raw_put(out, base->key, base->key_size, base);
		return 0;
	}
	if (mine) {
		return may_set(run, field, base, mine) ? merge_value(run, child, base, mine, out)
		                                       : 0;
	}
	if (base->type != BSON_TYPE_DOCUMENT || !child || !child->hides) {
		return 0;
	}
	/* The text dropped a document: what it hides is not unset by that. */
	size_t start = out->len;
	static const uint8_t nothing[] = { 5, 0, 0, 0, 0 };
	struct nv_raw_elem empty = { BSON_TYPE_DOCUMENT, base->key, base->key_size, nothing,
		                     sizeof(nothing) };
	int rc = merge_value(run, child, base, &empty, out);
	if (out->len - start == 1 + base->key_size + 1 + sizeof(nothing)) {
		nv_buf_truncate(out, start);
	}
	return rc;
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

/* Whether an alias stands in the same container as elem, which is another alias of the field. */
static bool is_sibling(const struct nv_schema_field *field, const struct nv_raw_elem *elem,
                       const char *path)
{
	size_t prefix = (size_t)(last_part(path) - path);
	for (size_t p = 0; p < field->paths_count; p++) {
		const char *own = field->paths[p];
		if (nv_raw_key_is(elem, last_part(own), strlen(last_part(own))) &&
		    (size_t)(last_part(own) - own) == prefix && memcmp(own, path, prefix) == 0) {
			return true;
		}
	}
	return false;
}

/* One field that only the text has. */
static int merge_new(struct run *run, const struct nv_schema_node *child,
                     const struct nv_raw_elem *mine, bool top, struct nv_buf *out)
{
	const struct nv_edit *edit = run->edit;
	const struct nv_schema_field *field = child ? child->field : NULL;
	if (top && nv_raw_key_is(mine, "_id", 3)) {
		return 0; /* a new document's: the caller looks at it */
	}
	if (field && (field->secret || field->state || field->role == NV_ROLE_TEAMS)) {
		return typed_hidden(run, field, NULL, mine, out);
	}
	if (field && nv_facts_say(edit->facts, field, mine) && is_reference(field)) {
		return 0;
	}
	if (!may_set(run, field, NULL, mine) ||
	    (field && is_name(field) && edit->facts->name && edit->name)) {
		return 0; /* refused, or what the path says anyway */
	}
	struct nv_raw_elem spelled = *mine;
	const char *key = field ? nv_fresh_spelling(edit->fresh, field) : NULL;
	if (key && is_sibling(field, mine, key)) {
		spelled.key = last_part(key);
		spelled.key_size = strlen(spelled.key);
	}
	return merge_value(run, child, NULL, &spelled, out);
}

/* Another spelling of elem's field in a container of the two. */
static bool find_alias(const struct nv_schema_node *node, const struct nv_raw_elem *container,
                       const struct nv_schema_field *field, const struct nv_raw_elem *elem,
                       struct nv_raw_elem *ret_elem)
{
	struct nv_raw_iter iter;
	if (!field || field->paths_count < 2 || !container ||
	    nv_raw_iter_init(&iter, container->value, container->size)) {
		return false;
	}
	while (nv_raw_iter_next(&iter, ret_elem) > 0) {
		const struct nv_schema_node *child =
			nv_schema_child(node, ret_elem->key, ret_elem->key_size);
		if (child && child->field == field &&
		    !nv_raw_key_is(ret_elem, elem->key, elem->key_size)) {
			return true;
		}
	}
	return false;
}

/* What the text says of a stored field, be it in another spelling: a document keeps its own. */
static bool find_mine(struct run *run, const struct nv_schema_node *node,
                      const struct nv_schema_field *field, const struct nv_raw_elem *base,
                      const struct nv_raw_elem *mine, const struct nv_raw_elem *elem,
                      struct nv_raw_elem *ret_elem)
{
	struct nv_raw_elem other;
	if (find(mine, elem, ret_elem)) {
		return true;
	}
	if (!find_alias(node, mine, field, elem, ret_elem) || find(base, ret_elem, &other) ||
	    find_alias(node, base, field, elem, &other)) {
		return false;
	}
	run->respelled = *ret_elem;
	ret_elem->key = elem->key;
	ret_elem->key_size = elem->key_size;
	return true;
}

/* Whether a field that only the text has is a second spelling of one it has. */
static bool is_second(struct run *run, const struct nv_schema_node *node,
                      const struct nv_schema_field *field, const struct nv_raw_elem *base,
                      const struct nv_raw_elem *mine, const struct nv_raw_elem *elem, bool top)
{
	struct nv_raw_elem other;
	struct nv_raw_elem typed;
	if (find_alias(node, base, field, elem, &other)) {
		if (!find(mine, &other, &typed)) {
			return find_mine(run, node, field, base, mine, &other, &typed);
		}
	} else if (!find_alias(node, mine, field, elem, &other) || other.key > elem->key ||
	           is_hidden(run, field, elem, top)) {
		return false;
	}
	cleanup_buf struct nv_buf why = NV_BUF_INIT;
	nv_buf_printf(&why, "is another spelling of %.*s, which the text has too: leave one out",
	              (int)other.key_size, other.key);
	refuse(run, elem, why.data ? why.data : "is there in two spellings");
	return true;
}

static int merge_fields(struct run *run, const struct nv_schema_node *node,
                        const struct nv_raw_elem *base, const struct nv_raw_elem *mine, bool top,
                        struct nv_buf *out)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	struct nv_raw_elem other;
	int more = base ? nv_raw_iter_init(&iter, base->value, base->size) : -EINVAL;
	while (more >= 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0) {
		const struct nv_schema_node *child = nv_schema_child(node, elem.key, elem.key_size);
		bool both = find_mine(run, node, child ? child->field : NULL, base, mine, &elem,
		                      &other);
		int rc = merge_stored(run, child, &elem, both ? &other : NULL, top, out);
		if (rc) {
			return rc;
		}
	}
	if (base && more < 0) {
		return nv_fail(run->err, EIO, "the stored document is no well-formed BSON");
	}
	more = nv_raw_iter_init(&iter, mine->value, mine->size);
	while (more >= 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0) {
		const struct nv_schema_node *child = nv_schema_child(node, elem.key, elem.key_size);
		if (find(base, &elem, &other) ||
		    is_second(run, node, child ? child->field : NULL, base, mine, &elem, top)) {
			continue;
		}
		int rc = merge_new(run, child, &elem, top, out);
		if (rc) {
			return rc;
		}
	}
	return 0;
}

static bool has_ids(const struct nv_raw_elem *array)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	if (!array || nv_raw_iter_init(&iter, array->value, array->size)) {
		return false;
	}
	while (nv_raw_iter_next(&iter, &elem) > 0) {
		struct nv_raw_elem id;
		struct nv_raw_elem wanted = { .key = "_id", .key_size = 3 };
		if (elem.type == BSON_TYPE_DOCUMENT && find(&elem, &wanted, &id)) {
			return true;
		}
	}
	return false;
}

/* A new element: its text, the defaults, an _id where the schema or its siblings have one. */
static int put_new_element(struct run *run, const struct nv_schema_node *node,
                           const struct nv_raw_elem *mine, bool ids, struct nv_buf *out)
{
	cleanup_buf struct nv_buf fields = NV_BUF_INIT;
	size_t start = nv_raw_begin(&fields);
	size_t before = enter(run, mine);
	int rc = merge_fields(run, node->element, NULL, mine, false, &fields);
	nv_buf_truncate(&run->path, before);
	struct nv_raw_elem id;
	struct nv_raw_elem wanted = { .key = "_id", .key_size = 3 };
	if (ids && !find(mine, &wanted, &id)) {
		bson_oid_t oid;
		bson_oid_init(&oid, NULL);
		nv_raw_put_key(&fields, BSON_TYPE_OID, "_id", 3);
		nv_buf_append(&fields, oid.bytes, sizeof(oid.bytes));
	}
	nv_raw_end(&fields, start);
	if (rc || nv_buf_error(&fields)) {
		return rc ? rc : nv_fail(run->err, ENOMEM, "out of memory");
	}
	nv_raw_put_key(out, mine->type, mine->key, mine->key_size);
	if (!node->element) {
		nv_buf_append(out, fields.data, fields.len);
		return 0;
	}
	rc = nv_fresh_fill(run->edit->fresh, node->element, (const uint8_t *)fields.data,
	                   fields.len, out);
	return rc ? nv_fail(run->err, -rc, "a new element of %s cannot be made",
	                    run->path.data ? run->path.data : "an array")
	          : 0;
}

/* Which stored element each element of the text is; *ret_match NULL: none is any (nothing to
 * match, or nothing is hidden and it cannot be told). */
static int match_elements(struct run *run, const struct nv_schema_node *node,
                          const struct nv_raw_elem *base, const struct nv_raw_elem *mine,
                          size_t **ret_match)
{
	bson_t stored;
	bson_t edited;
	size_t count = 0;
	*ret_match = NULL;
	if (!base || !bson_init_static(&stored, base->value, base->size) ||
	    !bson_init_static(&edited, mine->value, mine->size)) {
		return 0;
	}
	struct nv_err why = NV_ERR_INIT;
	const char *key = node->field ? node->field->key : NULL;
	int rc = nv_bson_match_elements(&stored, &edited, key, ret_match, &count, &why);
	if (rc != -EINVAL) {
		return rc ? nv_fail(run->err, ENOMEM, "out of memory") : 0;
	}
	if (node->element && node->element->hides) {
		refuse(run, mine, why.msg);
	}
	return 0;
}

static bool element_at(const struct nv_raw_elem *array, size_t index, struct nv_raw_elem *ret_elem)
{
	struct nv_raw_iter iter;
	int more = nv_raw_iter_init(&iter, array->value, array->size) ? 0 : 1;
	for (size_t i = 0; more > 0 && (more = nv_raw_iter_next(&iter, ret_elem)) > 0; i++) {
		if (i == index) {
			return true;
		}
	}
	return false;
}

static int merge_array(struct run *run, const struct nv_schema_node *node,
                       const struct nv_raw_elem *base, const struct nv_raw_elem *mine,
                       struct nv_buf *out)
{
	bool ids = (node->field && node->field->ids) || has_ids(base);
	cleanup_free size_t *match = NULL;
	int rc = match_elements(run, node, base, mine, &match);
	if (rc) {
		return rc;
	}
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	nv_raw_put_key(out, mine->type, mine->key, mine->key_size);
	size_t start = nv_raw_begin(out);
	size_t before = enter(run, mine);
	int more = nv_raw_iter_init(&iter, mine->value, mine->size);
	for (size_t i = 0; rc == 0 && more >= 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0;
	     i++) {
		struct nv_raw_elem stored;
		if (elem.type != BSON_TYPE_DOCUMENT) {
			nv_raw_put(out, elem.key, elem.key_size, &elem);
		} else if (match && match[i] != NV_BSON_NO_MATCH &&
		           element_at(base, match[i], &stored)) {
			rc = merge_value(run, node->element, &stored, &elem, out);
		} else {
			rc = put_new_element(run, node, &elem, ids, out);
		}
	}
	nv_raw_end(out, start);
	nv_buf_truncate(&run->path, before);
	return rc;
}

static int merge_value(struct run *run, const struct nv_schema_node *node,
                       const struct nv_raw_elem *base, const struct nv_raw_elem *mine,
                       struct nv_buf *out)
{
	if (base && base->type != mine->type) {
		base = NULL;
	}
	if (node && mine->type == BSON_TYPE_ARRAY && (node->element || node->field)) {
		return merge_array(run, node, base, mine, out);
	}
	if (!node || mine->type != BSON_TYPE_DOCUMENT || node->children_count == 0) {
		nv_raw_put(out, mine->key, mine->key_size, mine);
		return 0;
	}
	nv_raw_put_key(out, mine->type, mine->key, mine->key_size);
	size_t start = nv_raw_begin(out);
	size_t before = enter(run, mine);
	int rc = merge_fields(run, node, base, mine, false, out);
	nv_buf_truncate(&run->path, before);
	nv_raw_end(out, start);
	return rc;
}

static struct nv_raw_elem whole(const bson_t *doc)
{
	return (struct nv_raw_elem){ BSON_TYPE_DOCUMENT, "", 0, bson_get_data(doc), doc->len };
}

int nv_edit_apply(const struct nv_edit *edit, bson_t **ret_doc, struct nv_err *err)
{
	cleanup_bson bson_t *mine = NULL;
	int rc = nv_json_parse(edit->text, edit->size, 0, &mine, edit->faults);
	if (rc) {
		return nv_fail(err, -rc,
		               rc == -EINVAL  ? "not a JSON document"
		               : rc == -EFBIG ? "over 16 MiB"
		                              : "out of memory");
	}
	struct run run = { .edit = edit, .path = NV_BUF_INIT, .err = err };
	cleanup_buf struct nv_buf made = NV_BUF_INIT;
	struct nv_raw_elem typed = whole(mine);
	struct nv_raw_elem stored = edit->base ? whole(edit->base) : typed;
	size_t start = nv_raw_begin(&made);
	rc = merge_fields(&run, edit->kind->root, edit->base ? &stored : NULL, &typed, true, &made);
	nv_raw_end(&made, start);
	if (rc == 0 && (nv_buf_error(&made) || nv_buf_error(&run.path))) {
		rc = nv_fail(err, ENOMEM, "out of memory");
	}
	nv_buf_release(&run.path);
	if (rc || run.refused) {
		return rc ? rc : -EINVAL;
	}
	bson_t view;
	cleanup_bson bson_t *whole_doc = NULL;
	if (!bson_init_static(&view, (const uint8_t *)made.data, made.len)) {
		return nv_fail(err, EIO, "the document came out damaged");
	}
	rc = edit->base ? nv_bson_retype(edit->base, &view, &whole_doc) : 0;
	if (rc) {
		return nv_fail(err, -rc, "the document cannot be compared with the stored one");
	}
	*ret_doc = edit->base ? steal(&whole_doc) : bson_copy(&view);
	return 0;
}
