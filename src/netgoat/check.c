/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "netgoat/check.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "codec/bsondiff.h"
#include "codec/bsonraw.h"
#include "netgoat/dnsrules.h"
#include "netgoat/edit.h"
#include "netgoat/names.h"

#define REASON_MAX 320

/* One judgement. */
struct judge {
	const struct nv_check_ctx *check;
	struct nv_buf path;
	bool refused;
	struct nv_err *err;
};

static void refuse(struct judge *judge, const char *name, const char *reason)
{
	size_t before = judge->path.len;
	if (before && *name) {
		nv_buf_putc(&judge->path, '.');
	}
	nv_buf_puts(&judge->path, name);
	const char *path = judge->path.data ? judge->path.data : "";
	char text[REASON_MAX + 200];
	(void)snprintf(text, sizeof(text), "%.160s: %s", path, reason);
	(void)nv_edit_fault(judge->check->faults, judge->check->text, judge->check->size, path,
	                    text);
	if (!judge->refused) {
		(void)nv_fail(judge->err, EINVAL, "%s", text);
	}
	judge->refused = true;
	nv_buf_truncate(&judge->path, before);
}

/* ---- Strings ---- */

#define REFUSE(...)                                                                                \
	do {                                                                                       \
		(void)snprintf(ret_reason, reason_size, __VA_ARGS__);                              \
		return -EINVAL;                                                                    \
	} while (0)

static int check_slug(const char *text, size_t size, char *ret_reason, size_t reason_size)
{
	/* A user's own team is "@me-" and the user's id. */
	size_t skip = size > 4 && strncmp(text, "@me-", 4) == 0 ? 4 : 0;
	char near[49] = "";
	size_t used = 0;
	bool good = size >= 2 && size <= 48;
	for (size_t i = skip; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];
		bool hyphen = byte == '-' && i > skip && i + 1 < size && text[i - 1] != '-';
		good = good && (islower(byte) || isdigit(byte) || hyphen);
		char kept = isalnum(byte) ? (char)tolower(byte) : '-';
		if (used < sizeof(near) - 1 && (kept != '-' || (used && near[used - 1] != '-'))) {
			near[used++] = kept;
		}
	}
	near[used && near[used - 1] == '-' ? used - 1 : used] = '\0';
	if (!good) {
		REFUSE("a slug has 2 to 48 of a-z, 0-9 and single hyphens between them%s%s",
		       strlen(near) >= 2 ? ": write " : "", strlen(near) >= 2 ? near : "");
	}
	return 0;
}

static int check_email(const char *text, size_t size, char *ret_reason, size_t reason_size)
{
	const char *at = memchr(text, '@', size);
	bool good = at && at > text && (size_t)(at - text) + 1 < size &&
	            memchr(at + 1, '@', size - (size_t)(at + 1 - text)) == NULL;
	for (size_t i = 0; i < size; i++) {
		good = good && !isspace((unsigned char)text[i]) && !iscntrl((unsigned char)text[i]);
	}
	if (!good) {
		REFUSE("not an email address, as ann@example.com");
	}
	return 0;
}

/* Addresses that name users: as the login keeps them. */
static int check_lower(const char *text, size_t size, char *ret_reason, size_t reason_size)
{
	char lower[256];
	bool upper = false;
	size_t used = size < sizeof(lower) ? size : sizeof(lower) - 1;
	for (size_t i = 0; i < size; i++) {
		upper = upper || (text[i] >= 'A' && text[i] <= 'Z');
	}
	for (size_t i = 0; i < used; i++) {
		lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i];
	}
	lower[used] = '\0';
	if (upper) {
		REFUSE("addresses of users are lower-case: write %s", lower);
	}
	return 0;
}

static int check_url(const char *text, size_t size, char *ret_reason, size_t reason_size)
{
	size_t scheme = size > 7 && strncasecmp(text, "http://", 7) == 0    ? 7
	                : size > 8 && strncasecmp(text, "https://", 8) == 0 ? 8
	                                                                    : 0;
	bool good = scheme && text[scheme] != '/' && text[scheme] != ':';
	for (size_t i = 0; i < size; i++) {
		good = good && !isspace((unsigned char)text[i]) && !iscntrl((unsigned char)text[i]);
	}
	if (!good) {
		REFUSE("an http:// or https:// URL is wanted");
	}
	return 0;
}

static int check_pem(const char *text, size_t size, char *ret_reason, size_t reason_size)
{
	static const char begin[] = "-----BEGIN ";
	static const char end[] = "-----END ";
	while (size && isspace((unsigned char)*text)) {
		text++;
		size--;
	}
	if (size < sizeof(begin) - 1 || memcmp(text, begin, sizeof(begin) - 1) != 0 ||
	    !memmem(text, size, end, sizeof(end) - 1)) {
		REFUSE("PEM text is wanted, from -----BEGIN to -----END");
	}
	return 0;
}

static int check_words(const struct nv_schema_field *field, const char *text, size_t size,
                       char *ret_reason, size_t reason_size)
{
	for (size_t i = 0; i < field->reserved_count; i++) {
		if (strlen(field->reserved[i]) == size &&
		    memcmp(field->reserved[i], text, size) == 0) {
			REFUSE("%s is a reserved word", field->reserved[i]);
		}
	}
	const char *near = NULL;
	cleanup_buf struct nv_buf all = NV_BUF_INIT;
	for (size_t i = 0; i < field->enums_count; i++) {
		const char *word = field->enums[i];
		if (strlen(word) == size && memcmp(word, text, size) == 0) {
			return 0;
		}
		if (strlen(word) == size && strncasecmp(word, text, size) == 0) {
			near = word;
		}
		nv_buf_printf(&all, "%s%s", i ? ", " : "", word);
	}
	if (field->enums_count == 0 || (near && field->enum_nocase)) {
		return 0;
	}
	if (near) {
		REFUSE("write %s", near);
	}
	REFUSE("%.*s is none of %s", (int)(size > 40 ? 40 : size), text,
	       all.data ? all.data : "the words allowed");
}

int nv_check_string(const struct nv_schema_field *field, const char *zone, const char *text,
                    size_t size, char *ret_reason, size_t reason_size)
{
	if (check_words(field, text, size, ret_reason, reason_size)) {
		return -EINVAL;
	}
	switch (field->format) {
	case NV_FORMAT_SLUG:
		return check_slug(text, size, ret_reason, reason_size);
	case NV_FORMAT_DOMAIN:
		return nv_dns_domain_check(text, size, ret_reason, reason_size);
	case NV_FORMAT_OWNER:
		return nv_dns_owner_check(text, size, zone, ret_reason, reason_size);
	case NV_FORMAT_EMAIL:
		return check_email(text, size, ret_reason, reason_size) ||
		                       (field->role == NV_ROLE_NAME &&
		                        check_lower(text, size, ret_reason, reason_size))
		               ? -EINVAL
		               : 0;
	case NV_FORMAT_URL:
		return size ? check_url(text, size, ret_reason, reason_size) : 0;
	case NV_FORMAT_PEM:
		return size ? check_pem(text, size, ret_reason, reason_size) : 0;
	default:
		return 0;
	}
}

/* ---- Values ---- */

static bool number_of(const struct nv_raw_elem *elem, double *ret_number)
{
	switch (elem->type) {
	case BSON_TYPE_INT32:
		*ret_number = nv_raw_int32(elem->value);
		return true;
	case BSON_TYPE_INT64:
		*ret_number = (double)nv_raw_int64(elem->value);
		return true;
	case BSON_TYPE_DOUBLE:
		*ret_number = nv_raw_double(elem->value);
		return true;
	default:
		return false;
	}
}

static bool type_fits(enum nv_field_type type, const struct nv_raw_elem *elem)
{
	double number = 0;
	switch (type) {
	case NV_FIELD_STRING:
		return elem->type == BSON_TYPE_UTF8;
	case NV_FIELD_NUMBER:
		return number_of(elem, &number) || elem->type == BSON_TYPE_DECIMAL128;
	case NV_FIELD_INT:
		return number_of(elem, &number) && isfinite(number) && number == trunc(number);
	case NV_FIELD_BOOL:
		return elem->type == BSON_TYPE_BOOL;
	case NV_FIELD_DATE:
		return elem->type == BSON_TYPE_DATE_TIME;
	case NV_FIELD_OBJECTID:
		return elem->type == BSON_TYPE_OID;
	case NV_FIELD_OBJECT:
		return elem->type == BSON_TYPE_DOCUMENT;
	case NV_FIELD_ARRAY:
		return elem->type == BSON_TYPE_ARRAY;
	default:
		return true;
	}
}

static void judge_value(struct judge *judge, const struct nv_schema_field *field,
                        const struct nv_raw_elem *elem)
{
	char reason[REASON_MAX];
	double number = 0;
	if (elem->type == BSON_TYPE_NULL) {
		if (field->required) {
			refuse(judge, "", "is required, so it cannot be null");
		}
		return;
	}
	if (!type_fits(field->type, elem)) {
		(void)snprintf(reason, sizeof(reason), "%s is wanted",
		               nv_field_type_text(field->type));
		refuse(judge, "", reason);
		return;
	}
	if (number_of(elem, &number) && ((field->has_min && !(number >= field->min)) ||
	                                 (field->has_max && !(number <= field->max)))) {
		if (field->has_min && field->has_max) {
			(void)snprintf(reason, sizeof(reason), "from %.15g to %.15g is wanted",
			               field->min, field->max);
		} else {
			(void)snprintf(reason, sizeof(reason), "%.15g at %s is wanted",
			               field->has_min ? field->min : field->max,
			               field->has_min ? "least" : "most");
		}
		refuse(judge, "", reason);
	}
	if (field->max_items && elem->type == BSON_TYPE_ARRAY &&
	    nv_raw_count(elem->value, elem->size) > field->max_items) {
		(void)snprintf(reason, sizeof(reason), "%zu elements at most", field->max_items);
		refuse(judge, "", reason);
	}
	const char *mask = judge->check->mask;
	if (mask && field->secret && elem->type == BSON_TYPE_UTF8 &&
	    elem->size == strlen(mask) + 5 && memcmp(elem->value + 4, mask, elem->size - 5) == 0) {
		refuse(judge, "", "is only the mask of a secret, which a full mount shows");
	}
	if (elem->type == BSON_TYPE_UTF8 &&
	    nv_check_string(field, judge->check->zone, (const char *)elem->value + 4,
	                    elem->size - 5, reason, sizeof(reason))) {
		refuse(judge, "", reason);
	}
}

/* ---- The walk ---- */

static bool find(const struct nv_raw_elem *doc, const char *key, size_t key_size,
                 struct nv_raw_elem *ret_elem)
{
	struct nv_raw_iter iter;
	if (!doc || nv_raw_iter_init(&iter, doc->value, doc->size)) {
		return false;
	}
	while (nv_raw_iter_next(&iter, ret_elem) > 0) {
		if (nv_raw_key_is(ret_elem, key, key_size)) {
			return true;
		}
	}
	return false;
}

static bool has_equal(const struct nv_raw_elem *array, const struct nv_raw_elem *elem)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem other;
	if (!array || nv_raw_iter_init(&iter, array->value, array->size)) {
		return false;
	}
	while (nv_raw_iter_next(&iter, &other) > 0) {
		if (nv_elem_same(&other, elem)) {
			return true;
		}
	}
	return false;
}

static void judge_elem(struct judge *judge, const struct nv_schema_node *node,
                       const struct nv_raw_elem *base, const struct nv_raw_elem *mine);

/* A required field that is gone, or that a new document lacks. */
static void judge_missing(struct judge *judge, const struct nv_schema_node *node,
                          const struct nv_raw_elem *base, const struct nv_raw_elem *mine)
{
	for (size_t i = 0; i < node->children_count; i++) {
		const struct nv_schema_node *child = node->children[i];
		const struct nv_schema_field *field = child->field;
		bool first =
			field &&
			strcmp(child->name,
		               field->paths[0] + (strrchr(field->paths[0], '.')
		                                          ? (size_t)(strrchr(field->paths[0], '.') -
		                                                     field->paths[0]) +
		                                                    1
		                                          : 0)) == 0;
		if (!first || !field->required) {
			continue;
		}
		bool has = false;
		bool had = base == NULL;
		for (size_t j = 0; j < node->children_count; j++) {
			struct nv_raw_elem elem;
			if (node->children[j]->field == field) {
				const char *name = node->children[j]->name;
				has = has || find(mine, name, strlen(name), &elem);
				had = had || find(base, name, strlen(name), &elem);
			}
		}
		if (!has && had) {
			refuse(judge, child->name, "is required");
		}
	}
}

static void judge_container(struct judge *judge, const struct nv_schema_node *node,
                            const struct nv_raw_elem *base, const struct nv_raw_elem *mine)
{
	struct nv_raw_iter iter;
	struct nv_raw_elem elem;
	struct nv_raw_elem stored;
	bool array = mine->type == BSON_TYPE_ARRAY;
	int more = nv_raw_iter_init(&iter, mine->value, mine->size);
	while (more >= 0 && (more = nv_raw_iter_next(&iter, &elem)) > 0) {
		const struct nv_schema_node *child =
			array ? node->element : nv_schema_child(node, elem.key, elem.key_size);
		if (!child || (array && has_equal(base, &elem))) {
			continue;
		}
		bool known = find(base, elem.key, elem.key_size, &stored);
		size_t before = judge->path.len;
		if (before) {
			nv_buf_putc(&judge->path, '.');
		}
		nv_buf_append(&judge->path, elem.key, elem.key_size);
		judge_elem(judge, child, known ? &stored : NULL, &elem);
		nv_buf_truncate(&judge->path, before);
	}
	if (!array) {
		judge_missing(judge, node, base, mine);
	}
}

static void judge_elem(struct judge *judge, const struct nv_schema_node *node,
                       const struct nv_raw_elem *base, const struct nv_raw_elem *mine)
{
	if (base && nv_elem_same(base, mine)) {
		return;
	}
	bool given = node->field && judge->check->placed &&
	             (node->field->role == NV_ROLE_TEAM || node->field->role == NV_ROLE_DOMAIN ||
	              node->field->role == NV_ROLE_DOMAIN_NAME);
	if (node->field && !given && !(node->field->state && mine->type == BSON_TYPE_NULL)) {
		judge_value(judge, node->field, mine);
	}
	if (mine->type == BSON_TYPE_DOCUMENT || (mine->type == BSON_TYPE_ARRAY && node->element)) {
		judge_container(judge, node, base && base->type == mine->type ? base : NULL, mine);
	}
}

static bool role_changed(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *base,
                         const bson_t *mine)
{
	bson_iter_t before;
	bson_iter_t after;
	bool had = base && nv_schema_find(kind, role, base, &before, NULL);
	bool has = nv_schema_find(kind, role, mine, &after, NULL);
	return had != has || (has && !nv_bson_same_value(&before, &after));
}

/* The data of a record is judged as a whole when any part of it changed. */
static void judge_data(struct judge *judge, const bson_t *base, const bson_t *mine)
{
	const struct nv_schema_kind *kind = judge->check->kind;
	const struct nv_schema_field *value = kind->roles[NV_ROLE_VALUE];
	if (kind->kind != NV_DOC_RECORD || !value || value->format != NV_FORMAT_RDATA) {
		return;
	}
	if (!role_changed(kind, NV_ROLE_VALUE, base, mine) &&
	    !role_changed(kind, NV_ROLE_TYPE, base, mine) &&
	    !role_changed(kind, NV_ROLE_PRIORITY, base, mine)) {
		return;
	}
	char reason[REASON_MAX] = "";
	enum nv_role role = NV_ROLE_VALUE;
	if (nv_dns_data_check(kind, mine, &role, reason, sizeof(reason)) == 0) {
		return;
	}
	bson_iter_t iter;
	const char *path = kind->roles[role] ? kind->roles[role]->paths[0] : "";
	const char *text = NULL;
	size_t size = 0;
	char whole[REASON_MAX + 100];
	(void)nv_schema_find(kind, role, mine, &iter, &path);
	if (nv_doc_string(kind, role, mine, &text, &size)) {
		(void)snprintf(whole, sizeof(whole), "%.*s: %s", (int)(size > 80 ? 80 : size), text,
		               reason);
	} else {
		(void)snprintf(whole, sizeof(whole), "%s", reason);
	}
	refuse(judge, path, whole);
}

int nv_check_doc(const struct nv_check_ctx *check, const bson_t *base, const bson_t *mine,
                 struct nv_err *err)
{
	struct judge judge = { .check = check, .path = NV_BUF_INIT, .err = err };
	struct nv_raw_elem before = { 0 };
	struct nv_raw_elem after = { BSON_TYPE_DOCUMENT, "", 0, bson_get_data(mine), mine->len };
	if (base) {
		before = (struct nv_raw_elem){ BSON_TYPE_DOCUMENT, "", 0, bson_get_data(base),
			                       base->len };
	}
	judge_container(&judge, check->kind->root, base ? &before : NULL, &after);
	judge_data(&judge, base, mine);
	nv_buf_release(&judge.path);
	return judge.refused ? -EINVAL : 0;
}
