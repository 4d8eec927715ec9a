/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/names.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "codec/bsondiff.h"
#include "codec/json.h"
#include "node/name.h"

static bool is_hex(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!isxdigit((unsigned char)text[i])) {
			return false;
		}
	}
	return true;
}

/* A string that would read back as an ObjectId, a cut mark or JSON. */
static bool is_ambiguous(const char *text, size_t size)
{
	return (size > 0 && text[0] == '=') || ((size == 16 || size == 24) && is_hex(text, size));
}

static int append_id(const bson_iter_t *id, struct nv_buf *out)
{
	if (BSON_ITER_HOLDS_OID(id)) {
		char text[25];
		bson_oid_to_string(bson_iter_oid(id), text);
		nv_buf_puts(out, text);
		return nv_buf_error(out);
	}
	if (BSON_ITER_HOLDS_UTF8(id)) {
		uint32_t size = 0;
		const char *text = bson_iter_utf8(id, &size);
		if (!is_ambiguous(text, size)) {
			nv_buf_append(out, text, size);
			return nv_buf_error(out);
		}
	}
	nv_buf_putc(out, '=');
	int rc = nv_json_format_value(id, out);
	return rc < 0 ? rc : nv_buf_error(out);
}

int nv_docname_id_text(const bson_t *doc, struct nv_buf *out)
{
	bson_iter_t iter;
	if (bson_iter_init_find(&iter, doc, "_id")) {
		return append_id(&iter, out);
	}
	nv_buf_puts(out, "=null");
	return nv_buf_error(out);
}

int nv_docname_value_text(const bson_value_t *value, struct nv_buf *out)
{
	bson_t doc = BSON_INITIALIZER;
	bson_iter_t iter;
	int rc = -ENOMEM;
	if (bson_append_value(&doc, "", 0, value) && bson_iter_init(&iter, &doc) &&
	    bson_iter_next(&iter)) {
		rc = append_id(&iter, out);
	}
	bson_destroy(&doc);
	return rc;
}

const bson_value_t *nv_docname_parse_id(const char *text, size_t size, struct nv_arena *arena)
{
	if (size == 24 && is_hex(text, size)) {
		bson_value_t *value = nv_arena_alloc(arena, 1, sizeof(*value));
		char *digits = nv_arena_strndup(arena, text, size);
		if (value && digits) {
			value->value_type = BSON_TYPE_OID;
			bson_oid_init_from_string(&value->value.v_oid, digits);
		}
		return value;
	}
	if (size == 16 && is_hex(text, size)) {
		return NULL;
	}
	if (size == 0 || text[0] != '=') {
		return nv_arena_utf8(arena, text, size);
	}
	cleanup_bson bson_t *doc = NULL;
	bson_iter_t iter;
	if (nv_json_parse_value(text + 1, size - 1, NV_JSON_ALLOW_BSON, &doc, NULL) ||
	    !bson_iter_init(&iter, doc) || !bson_iter_next(&iter)) {
		return NULL;
	}
	return nv_arena_value(arena, &iter);
}

bool nv_doc_string(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                   const char **ret_text, size_t *ret_size)
{
	bson_iter_t iter;
	if (!nv_schema_find(kind, role, doc, &iter, NULL) || !BSON_ITER_HOLDS_UTF8(&iter)) {
		return false;
	}
	uint32_t size = 0;
	*ret_text = bson_iter_utf8(&iter, &size);
	*ret_size = size;
	return true;
}

bool nv_docname_is_apex(const struct nv_schema_kind *kind, const char *name, size_t size)
{
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	for (size_t i = 0; field && i < field->apex_count; i++) {
		const char *apex = field->apex[i];
		if (apex && strlen(apex) == size && memcmp(apex, name, size) == 0) {
			return true;
		}
	}
	return false;
}

/* NAME of a document: its name field, '@' for every form of the zone's top. False: it is named
 * by id. */
static bool doc_name(const struct nv_schema_kind *kind, const bson_t *doc, const char **ret_name,
                     size_t *ret_size)
{
	bson_iter_t iter;
	if (nv_doc_string(kind, NV_ROLE_NAME, doc, ret_name, ret_size)) {
		if (nv_docname_is_apex(kind, *ret_name, *ret_size)) {
			*ret_name = "@";
			*ret_size = 1;
		}
		return true;
	}
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	bool missing = !nv_schema_find(kind, NV_ROLE_NAME, doc, &iter, NULL);
	for (size_t i = 0; field && missing && i < field->apex_count; i++) {
		if (!field->apex[i]) {
			*ret_name = "@";
			*ret_size = 1;
			return true;
		}
	}
	return false;
}

/* Bytes that the long form with an ObjectId adds. */
#define LONG_FORM_EXTRA 25

static int append_named(const char *name, size_t name_size, const char *type, size_t type_size,
                        const char *suffix, struct nv_buf *out, bool *ret_cut)
{
	size_t start = out->len;
	bool cut_name = false;
	bool cut_type = false;
	nv_name_encode(out, name, name_size, type ? "" : suffix, 0, &cut_name);
	if (type) {
		nv_buf_putc(out, '.');
		nv_name_encode(out, type, type_size, "", NV_NAME_DOTS, &cut_type);
		nv_buf_puts(out, suffix);
	}
	*ret_cut = cut_name || cut_type || out->len - start > NV_NAME_CUT;
	if (type && *ret_cut) {
		/* As one: every dot escaped, so that it is at least as long as the parts and cut
		 * again. */
		cleanup_buf struct nv_buf whole = NV_BUF_INIT;
		nv_buf_append(&whole, name, name_size);
		nv_buf_putc(&whole, '.');
		nv_buf_append(&whole, type, type_size);
		nv_buf_truncate(out, start);
		if (nv_buf_error(&whole)) {
			return -ENOMEM;
		}
		nv_name_encode(out, whole.data, whole.len, suffix, NV_NAME_DOTS, NULL);
	}
	return nv_buf_error(out);
}

int nv_docname_plain(const struct nv_schema_kind *kind, bool by_id, const bson_t *doc,
                     const char *suffix, struct nv_buf *out, bool *ret_said)
{
	const char *name = NULL;
	const char *type = NULL;
	size_t name_size = 0;
	size_t type_size = 0;
	bool cut = false;
	if (!by_id && kind->has_name && doc_name(kind, doc, &name, &name_size) &&
	    (!kind->has_type || nv_doc_string(kind, NV_ROLE_TYPE, doc, &type, &type_size))) {
		size_t start = out->len;
		int rc = append_named(name, name_size, type, type_size, suffix, out, &cut);
		*ret_said = !cut && out->len - start + LONG_FORM_EXTRA <= NV_NAME_CUT;
		return rc;
	}
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	int rc = nv_docname_id_text(doc, &text);
	if (rc) {
		return rc;
	}
	nv_name_encode(out, text.data ? text.data : "", text.len, suffix, 0, &cut);
	*ret_said = false;
	return nv_buf_error(out);
}

int nv_docname_long(const char *plain, const char *suffix, const char *id_text, struct nv_buf *out)
{
	size_t start = out->len;
	size_t base = strlen(plain) - strlen(suffix);
	nv_buf_append(out, plain, base);
	nv_buf_putc(out, '~');
	nv_name_encode(out, id_text, strlen(id_text), suffix, 0, NULL);
	if (out->len - start > NV_NAME_CUT) {
		/* Escaping what is escaped makes it longer, so this one is cut: the hash is of
		 * both. */
		cleanup_buf struct nv_buf whole = NV_BUF_INIT;
		nv_buf_append(&whole, plain, base);
		nv_buf_putc(&whole, '\0');
		nv_buf_puts(&whole, id_text);
		nv_buf_truncate(out, start);
		if (nv_buf_error(&whole)) {
			return -ENOMEM;
		}
		nv_name_encode(out, whole.data, whole.len, suffix, 0, NULL);
	}
	return nv_buf_error(out);
}

static const char *decode(const char *text, size_t size, struct nv_arena *arena, size_t *ret_size,
                          int *ret_rc)
{
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool cut = false;
	*ret_rc = nv_name_decode(text, size, &plain, &cut);
	if (*ret_rc == 0 && nv_buf_error(&plain)) {
		*ret_rc = -ENOMEM;
	}
	if (*ret_rc) {
		return NULL;
	}
	*ret_size = plain.len;
	const char *copy = nv_arena_strndup(arena, plain.data ? plain.data : "", plain.len);
	*ret_rc = copy ? 0 : -ENOMEM;
	return copy;
}

/* The parts before ~ID. */
static int parse_base(const struct nv_schema_kind *kind, bool by_id, const char *base, size_t size,
                      const char *suffix, struct nv_arena *arena, struct nv_docname *name)
{
	int rc = 0;
	size_t whole_size = 0;
	const char *whole = decode(base, size, arena, &whole_size, &rc);
	name->named = kind->has_name && !by_id;
	if (rc == -ENOMEM || (rc && !(name->named && kind->has_type))) {
		return rc;
	}
	/* "@.%" reads as NAME.TYPE with an empty type, and as nothing else. */
	name->name_id = rc ? NULL : nv_docname_parse_id(whole, whole_size, arena);
	name->name = whole;
	name->name_size = whole_size;
	if (name->named && kind->has_type) {
		const char *dot = memrchr(base, '.', size);
		name->named = dot != NULL;
		rc = dot ? 0 : rc;
		if (dot) {
			name->name =
				decode(base, (size_t)(dot - base), arena, &name->name_size, &rc);
			if (rc == 0) {
				name->type = decode(dot + 1, size - (size_t)(dot + 1 - base), arena,
				                    &name->type_size, &rc);
			}
		}
	}
	cleanup_buf struct nv_buf plain = NV_BUF_INIT;
	bool cut = false;
	if (rc == 0 && name->named) {
		rc = append_named(name->name, name->name_size, name->type, name->type_size, suffix,
		                  &plain, &cut);
	} else if (rc == 0) {
		nv_name_encode(&plain, whole, whole_size, suffix, 0, &cut);
		rc = nv_buf_error(&plain);
	}
	if (rc) {
		return rc;
	}
	name->plain = nv_arena_strdup(arena, plain.data);
	return nv_arena_error(arena);
}

int nv_docname_parse(const struct nv_schema_kind *kind, bool by_id, const char *component,
                     const char *suffix, struct nv_arena *arena, struct nv_docname *ret_name)
{
	size_t size = strlen(component);
	size_t suffix_size = strlen(suffix);
	struct nv_docname name = { 0 };
	if (size <= suffix_size || strcmp(component + size - suffix_size, suffix) != 0) {
		return -ENOENT;
	}
	size -= suffix_size;
	size_t base = size;
	const char *id = NULL;
	size_t id_size = 0;
	if (nv_name_split_id(component, size, &base, &id, &id_size)) {
		if (id_size == 16 && is_hex(id, id_size)) {
			name.cut = true;
			name.plain = component;
			*ret_name = name;
			return 0;
		}
		int rc = 0;
		size_t text_size = 0;
		const char *text = decode(id, id_size, arena, &text_size, &rc);
		if (rc) {
			return rc == -ENOMEM ? rc : -ENOENT;
		}
		name.has_id = true;
		name.id = nv_docname_parse_id(text, text_size, arena);
	}
	int rc = parse_base(kind, by_id, component, base, suffix, arena, &name);
	if (rc == 0) {
		*ret_name = name;
		return 0;
	}
	return rc == -ENOMEM ? rc : -ENOENT;
}

const bson_value_t *nv_docname_forms(const struct nv_schema_kind *kind, const char *name,
                                     size_t size, struct nv_arena *arena, size_t *ret_count)
{
	const struct nv_schema_field *field = kind->roles[NV_ROLE_NAME];
	bool apex = nv_docname_is_apex(kind, name, size);
	size_t count = apex ? field->apex_count : 1;
	bson_value_t *forms = nv_arena_alloc(arena, count, sizeof(*forms));
	for (size_t i = 0; forms && i < count; i++) {
		const char *text = apex ? field->apex[i] : name;
		const bson_value_t *form =
			text ? nv_arena_utf8(arena, text, apex ? strlen(text) : size)
			     : nv_arena_null(arena);
		if (!form) {
			return NULL;
		}
		forms[i] = *form;
	}
	*ret_count = count;
	return forms;
}
