/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loads the schema and answers what it says. The only file that knows cJSON. */
#include "config.h"

#include "netgoat/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "netgoat/arena.h"
#include "netgoat/schema_tree.h"

extern const char nv_embed_schema_json[];
extern const size_t nv_embed_schema_json_size;

#define SCHEMA_FILE_MAX (4 * 1024 * 1024)
#define ALIASES_MAX 8

struct nv_schema {
	struct nv_arena arena; /* all below but root */
	cJSON *root;           /* strings of the schema point into it */
	char *text;
	size_t text_size;
	const char *mask;
	struct nv_schema_kind kinds[NV_DOC_KINDS];
	struct nv_docstore_index *indexes;
	size_t indexes_count;
	size_t indexes_cap;
};

static const char *const kind_words[NV_DOC_KINDS] = {
	[NV_DOC_TEAM] = "team",         [NV_DOC_USER] = "user",
	[NV_DOC_DOMAIN] = "domain",     [NV_DOC_RECORD] = "record",
	[NV_DOC_PROXY] = "proxy",       [NV_DOC_ALERT] = "alert",
	[NV_DOC_INCIDENT] = "incident", [NV_DOC_ANALYTICS] = "analytics",
};

#define ROLE_WORD(id, word) word,
static const char *const role_words[NV_ROLE_COUNT] = { NV_ROLES(ROLE_WORD) };
#undef ROLE_WORD

static const char *const type_words[] = { "any",  "string",   "number", "int",  "bool",
	                                  "date", "objectid", "object", "array" };
static const char *const format_words[] = { "none",  "slug",  "domain", "owner",
	                                    "rdata", "email", "url",    "pem" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The roles without which the code cannot place documents of a kind. */
static const struct {
	enum nv_doc_kind kind;
	enum nv_role role;
} needed_roles[] = {
	{ NV_DOC_TEAM, NV_ROLE_NAME },        { NV_DOC_USER, NV_ROLE_NAME },
	{ NV_DOC_DOMAIN, NV_ROLE_NAME },      { NV_DOC_DOMAIN, NV_ROLE_TEAM },
	{ NV_DOC_RECORD, NV_ROLE_NAME },      { NV_DOC_RECORD, NV_ROLE_TYPE },
	{ NV_DOC_RECORD, NV_ROLE_DOMAIN },    { NV_DOC_PROXY, NV_ROLE_NAME },
	{ NV_DOC_PROXY, NV_ROLE_DOMAIN },     { NV_DOC_ALERT, NV_ROLE_TEAM },
	{ NV_DOC_ALERT, NV_ROLE_DOMAIN },     { NV_DOC_INCIDENT, NV_ROLE_TEAM },
	{ NV_DOC_INCIDENT, NV_ROLE_DOMAIN },  { NV_DOC_ANALYTICS, NV_ROLE_DOMAIN },
	{ NV_DOC_USER, NV_ROLE_TEAMS },       { NV_DOC_TEAM, NV_ROLE_MEMBERS },
	{ NV_DOC_TEAM, NV_ROLE_MEMBER_USER }, { NV_DOC_ANALYTICS, NV_ROLE_TIME },
	{ NV_DOC_ANALYTICS, NV_ROLE_CHUNK },
};

static int find_word(const char *const *words, size_t count, const char *word)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], word) == 0) {
			return (int)i;
		}
	}
	return -1;
}

/* ---- Attributes of a field ---- */

static int load_strings(struct nv_schema *schema, const cJSON *item, const char *where, bool nulls,
                        const char ***ret_items, size_t *ret_count, struct nv_err *err)
{
	if (!cJSON_IsArray(item)) {
		return nv_fail(err, EINVAL, "%s: an array of strings is wanted", where);
	}
	size_t count = (size_t)cJSON_GetArraySize(item);
	const char **items = nv_arena_alloc(&schema->arena, count + 1, sizeof(*items));
	if (!items) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	size_t i = 0;
	const cJSON *element;
	cJSON_ArrayForEach(element, item)
	{
		if (!cJSON_IsString(element) && !(nulls && cJSON_IsNull(element))) {
			return nv_fail(err, EINVAL, "%s: an array of strings is wanted", where);
		}
		items[i++] = element->valuestring;
	}
	*ret_items = items;
	*ret_count = count;
	return 0;
}

/* Puts a JSON value into a document as BSON: whole numbers as int32, others as double. */
static void append_json(bson_t *doc, const char *key, const cJSON *item)
{
	if (cJSON_IsString(item)) {
		bson_append_utf8(doc, key, -1, item->valuestring, -1);
	} else if (cJSON_IsBool(item)) {
		bson_append_bool(doc, key, -1, cJSON_IsTrue(item));
	} else if (cJSON_IsNumber(item)) {
		double number = item->valuedouble;
		if (number >= INT32_MIN && number <= INT32_MAX &&
		    number == (double)(int32_t)number) {
			bson_append_int32(doc, key, -1, (int32_t)number);
		} else {
			bson_append_double(doc, key, -1, number);
		}
	} else if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
		bson_t child = BSON_INITIALIZER;
		uint32_t index = 0;
		const cJSON *element;
		cJSON_ArrayForEach(element, item)
		{
			char number[16];
			const char *name = element->string;
			if (cJSON_IsArray(item)) {
				(void)bson_uint32_to_string(index++, &name, number, sizeof(number));
			}
			append_json(&child, name, element);
		}
		if (cJSON_IsArray(item)) {
			bson_append_array(doc, key, -1, &child);
		} else {
			bson_append_document(doc, key, -1, &child);
		}
		bson_destroy(&child);
	} else {
		bson_append_null(doc, key, -1);
	}
}

static int load_flag(const cJSON *item, const char *where, bool *ret_flag, struct nv_err *err)
{
	if (!cJSON_IsBool(item)) {
		return nv_fail(err, EINVAL, "%s: true or false is wanted", where);
	}
	*ret_flag = cJSON_IsTrue(item);
	return 0;
}

static int load_word(const cJSON *item, const char *where, const char *const *words, size_t count,
                     int *ret_index, struct nv_err *err)
{
	int found = cJSON_IsString(item) ? find_word(words, count, item->valuestring) : -1;
	if (found < 0) {
		return nv_fail(err, EINVAL, "%s: unknown word %s", where,
		               cJSON_IsString(item) ? item->valuestring : "(no string)");
	}
	*ret_index = found;
	return 0;
}

static int load_number(const cJSON *item, const char *where, bool *ret_has, double *ret_number,
                       struct nv_err *err)
{
	if (!cJSON_IsNumber(item)) {
		return nv_fail(err, EINVAL, "%s: a number is wanted", where);
	}
	*ret_has = true;
	*ret_number = item->valuedouble;
	return 0;
}

static int load_attribute(struct nv_schema *schema, struct nv_schema_field *field,
                          const cJSON *item, const char *where, struct nv_err *err)
{
	const char *name = item->string;
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "required", &field->required }, { "secret", &field->secret },
		{ "state", &field->state },       { "copy", &field->copy },
		{ "reset", &field->reset },
		{ "ids", &field->ids },           { "enum_nocase", &field->enum_nocase },
	};
	for (size_t i = 0; i < COUNT(flags); i++) {
		if (strcmp(name, flags[i].name) == 0) {
			return load_flag(item, where, flags[i].flag, err);
		}
	}
	int word = 0;
	int rc = 0;
	if (strcmp(name, "role") == 0) {
		rc = load_word(item, where, role_words, NV_ROLE_COUNT, &word, err);
		field->role = rc ? NV_ROLE_NONE : (enum nv_role)word;
	} else if (strcmp(name, "type") == 0) {
		rc = load_word(item, where, type_words, COUNT(type_words), &word, err);
		field->type = (enum nv_field_type)word;
	} else if (strcmp(name, "format") == 0) {
		rc = load_word(item, where, format_words, COUNT(format_words), &word, err);
		field->format = (enum nv_field_format)word;
	} else if (strcmp(name, "enum") == 0) {
		rc = load_strings(schema, item, where, false, &field->enums, &field->enums_count,
		                  err);
	} else if (strcmp(name, "reserved") == 0) {
		rc = load_strings(schema, item, where, false, &field->reserved,
		                  &field->reserved_count, err);
	} else if (strcmp(name, "apex") == 0) {
		rc = load_strings(schema, item, where, true, &field->apex, &field->apex_count, err);
	} else if (strcmp(name, "key") == 0 && cJSON_IsString(item)) {
		field->key = item->valuestring;
	} else if (strcmp(name, "min") == 0) {
		rc = load_number(item, where, &field->has_min, &field->min, err);
	} else if (strcmp(name, "max") == 0) {
		rc = load_number(item, where, &field->has_max, &field->max, err);
	} else if (strcmp(name, "max_items") == 0 && cJSON_IsNumber(item) &&
	           item->valuedouble >= 1) {
		field->max_items = (size_t)item->valuedouble;
	} else if (strcmp(name, "default") == 0) {
		field->fallback = nv_arena_bson(&schema->arena);
		if (!field->fallback) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		append_json(field->fallback, "", item);
	} else {
		return nv_fail(err, EINVAL, "%s: unknown or wrong attribute %s", where, name);
	}
	return rc;
}

/* ---- Fields ---- */

static const char *without_brackets(struct nv_schema *schema, const char *path, size_t size)
{
	char *plain = nv_arena_alloc(&schema->arena, size + 1, 1);
	size_t used = 0;
	for (size_t i = 0; plain && i < size; i++) {
		if (path[i] == '[' && i + 1 < size && path[i + 1] == ']') {
			i++;
		} else {
			plain[used++] = path[i];
		}
	}
	return plain;
}

static int split_aliases(struct nv_schema *schema, struct nv_schema_field *field, const char *names,
                         struct nv_err *err)
{
	field->paths = nv_arena_alloc(&schema->arena, ALIASES_MAX + 1, sizeof(*field->paths));
	field->query_paths =
		nv_arena_alloc(&schema->arena, ALIASES_MAX + 1, sizeof(*field->query_paths));
	for (const char *at = names; field->paths && field->query_paths;) {
		size_t size = strcspn(at, "|");
		if (size == 0 || field->paths_count == ALIASES_MAX) {
			return nv_fail(err, EINVAL, "field %s: one to %d names, divided by |",
			               names, ALIASES_MAX);
		}
		field->paths[field->paths_count] = nv_arena_strndup(&schema->arena, at, size);
		field->query_paths[field->paths_count++] = without_brackets(schema, at, size);
		if (!at[size]) {
			break;
		}
		at += size + 1;
	}
	return nv_arena_error(&schema->arena) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int load_field(struct nv_schema *schema, struct nv_schema_kind *kind,
                      struct nv_schema_node *root, const cJSON *item, struct nv_err *err)
{
	char where[160];
	(void)snprintf(where, sizeof(where), "%s field %s", kind_words[kind->kind], item->string);
	struct nv_schema_field *field = nv_arena_alloc(&schema->arena, 1, sizeof(*field));
	if (!field || !cJSON_IsObject(item)) {
		return nv_fail(err, field ? EINVAL : ENOMEM, "%s: an object is wanted", where);
	}
	field->role = NV_ROLE_NONE;
	int rc = split_aliases(schema, field, item->string, err);
	const cJSON *attribute;
	cJSON_ArrayForEach(attribute, item)
	{
		rc = rc ? rc : load_attribute(schema, field, attribute, where, err);
	}
	if (rc) {
		return rc;
	}
	for (size_t i = 0; i < field->paths_count; i++) {
		struct nv_schema_node *node = nv_schema_tree_add(
			&schema->arena, root, field->paths[i], field->secret || field->state,
			field->secret);
		if (!node) {
			return nv_fail(err, ENOMEM, "out of memory");
		}
		if (node->field) {
			return nv_fail(err, EINVAL, "%s: %s is given twice", where,
			               field->paths[i]);
		}
		node->field = field;
	}
	if (field->role != NV_ROLE_NONE) {
		if (kind->roles[field->role]) {
			return nv_fail(err, EINVAL, "%s: a second field of role %s", where,
			               role_words[field->role]);
		}
		kind->roles[field->role] = field;
	}
	kind->fields[kind->fields_count++] = field;
	return 0;
}

/* ---- Kinds ---- */

/* The name's template must say what the roles say: "{NAME}" or "{NAME}.{TYPE}" by the first
 * aliases; none: named by id. */
static int load_template(struct nv_schema_kind *kind, const cJSON *item, struct nv_err *err)
{
	kind->has_name = kind->roles[NV_ROLE_NAME] != NULL;
	kind->has_type = kind->roles[NV_ROLE_TYPE] != NULL;
	char wanted[160] = "";
	if (kind->has_type && kind->has_name) {
		(void)snprintf(wanted, sizeof(wanted), "{%s}.{%s}",
		               kind->roles[NV_ROLE_NAME]->paths[0],
		               kind->roles[NV_ROLE_TYPE]->paths[0]);
	} else if (kind->has_name) {
		(void)snprintf(wanted, sizeof(wanted), "{%s}", kind->roles[NV_ROLE_NAME]->paths[0]);
	}
	if (strcmp(cJSON_IsString(item) ? item->valuestring : "", wanted) != 0) {
		return nv_fail(err, EINVAL,
		               "%s: the name must be \"%s\" by the roles of its fields",
		               kind_words[kind->kind], wanted);
	}
	return 0;
}

static int add_index(struct nv_schema *schema, const char *collection, const char *path)
{
	int rc = nv_arena_grow(&schema->arena, (void **)&schema->indexes, schema->indexes_count,
	                       &schema->indexes_cap, sizeof(*schema->indexes));
	if (rc == 0) {
		schema->indexes[schema->indexes_count++] =
			(struct nv_docstore_index){ .collection = collection, .path = path };
	}
	return rc;
}

static int add_indexes(struct nv_schema *schema, const struct nv_schema_kind *kind,
                       struct nv_err *err)
{
	static const enum nv_role roles[] = { NV_ROLE_NAME, NV_ROLE_TEAM, NV_ROLE_DOMAIN,
		                              NV_ROLE_TEAMS, NV_ROLE_MEMBER_USER };
	for (size_t c = 0; c < kind->collections_count; c++) {
		for (size_t r = 0; r < COUNT(roles); r++) {
			const struct nv_schema_field *field = kind->roles[roles[r]];
			for (size_t p = 0; field && p < field->paths_count; p++) {
				if (add_index(schema, kind->collections[c],
				              field->query_paths[p])) {
					return nv_fail(err, ENOMEM, "out of memory");
				}
			}
		}
	}
	return 0;
}

static int load_kind(struct nv_schema *schema, enum nv_doc_kind number, const cJSON *item,
                     struct nv_err *err)
{
	struct nv_schema_kind *kind = &schema->kinds[number];
	const char *word = kind_words[number];
	kind->kind = number;
	const cJSON *fields = cJSON_GetObjectItemCaseSensitive(item, "fields");
	if (!cJSON_IsObject(item) || !cJSON_IsObject(fields)) {
		return nv_fail(err, EINVAL, "%s: no fields", word);
	}
	int rc = load_strings(schema, cJSON_GetObjectItemCaseSensitive(item, "collections"), word,
	                      false, &kind->collections, &kind->collections_count, err);
	if (rc) {
		return nv_wrap(err, "collections of");
	}
	if (kind->collections_count == 0) {
		return nv_fail(err, EINVAL, "%s: no collections", word);
	}
	struct nv_schema_node *root = nv_arena_alloc(&schema->arena, 1, sizeof(*root));
	kind->fields = nv_arena_alloc(&schema->arena, (size_t)cJSON_GetArraySize(fields) + 1,
	                              sizeof(*kind->fields));
	if (!root || !kind->fields) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	kind->root = root;
	const cJSON *field;
	cJSON_ArrayForEach(field, fields)
	{
		rc = load_field(schema, kind, root, field, err);
		if (rc) {
			return rc;
		}
	}
	for (size_t i = 0; i < COUNT(needed_roles); i++) {
		if (needed_roles[i].kind == number && !kind->roles[needed_roles[i].role]) {
			return nv_fail(err, EINVAL, "%s: no field has the role %s", word,
			               role_words[needed_roles[i].role]);
		}
	}
	rc = load_template(kind, cJSON_GetObjectItemCaseSensitive(item, "name"), err);
	return rc ? rc : add_indexes(schema, kind, err);
}

/* ---- The text ---- */

static int read_file(const char *file, struct nv_buf *out, struct nv_err *err)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return nv_fail(err, errno, "schema %s: %s", file, strerror(errno));
	}
	for (;;) {
		char block[8192];
		ssize_t got = read(fd, block, sizeof(block));
		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return nv_fail(err, errno, "schema %s: %s", file, strerror(errno));
		}
		if (got == 0) {
			break;
		}
		nv_buf_append(out, block, (size_t)got);
		if (out->len > SCHEMA_FILE_MAX) {
			return nv_fail(err, EINVAL, "schema %s: over %d bytes", file,
			               SCHEMA_FILE_MAX);
		}
	}
	return nv_buf_error(out) ? nv_fail(err, ENOMEM, "out of memory") : 0;
}

static int parse_text(struct nv_schema *schema, struct nv_err *err)
{
	const char *end = NULL;
	schema->root = cJSON_ParseWithLengthOpts(schema->text, schema->text_size + 1, &end, true);
	if (schema->root) {
		return 0;
	}
	size_t line = 1;
	for (const char *at = schema->text; end && at < end && *at; at++) {
		line += *at == '\n';
	}
	return nv_fail(err, EINVAL, "line %zu: not JSON", line);
}

static int load_text(struct nv_schema *schema, struct nv_err *err)
{
	int rc = parse_text(schema, err);
	if (rc) {
		return rc;
	}
	const cJSON *mask = cJSON_GetObjectItemCaseSensitive(schema->root, "mask");
	if (!cJSON_IsString(mask) || !mask->valuestring[0]) {
		return nv_fail(err, EINVAL, "no mask");
	}
	schema->mask = mask->valuestring;
	const cJSON *item;
	cJSON_ArrayForEach(item, schema->root)
	{
		if (item != mask && find_word(kind_words, NV_DOC_KINDS, item->string) < 0) {
			return nv_fail(err, EINVAL, "%s is not a kind of document", item->string);
		}
	}
	for (int kind = 0; kind < NV_DOC_KINDS; kind++) {
		rc = load_kind(schema, kind,
		               cJSON_GetObjectItemCaseSensitive(schema->root, kind_words[kind]),
		               err);
		if (rc) {
			return rc;
		}
	}
	return 0;
}

int nv_schema_new(const char *file, struct nv_schema **ret_schema, struct nv_err *err)
{
	struct nv_schema *schema = calloc(1, sizeof(*schema));
	if (!schema) {
		return nv_fail(err, ENOMEM, "out of memory");
	}
	struct nv_buf text = NV_BUF_INIT;
	int rc = 0;
	if (file) {
		rc = read_file(file, &text, err);
	} else {
		nv_buf_append(&text, nv_embed_schema_json, nv_embed_schema_json_size);
	}
	if (rc == 0) {
		schema->text = nv_buf_steal(&text, &schema->text_size);
		rc = schema->text ? load_text(schema, err) : nv_fail(err, ENOMEM, "out of memory");
		if (rc) {
			(void)nv_wrap(err, "schema %s", file ? file : "(embedded)");
		}
	}
	nv_buf_release(&text);
	if (rc) {
		nv_schema_free(schema);
		return rc;
	}
	*ret_schema = schema;
	return 0;
}

void nv_schema_free(struct nv_schema *schema)
{
	if (!schema) {
		return;
	}
	nv_arena_release(&schema->arena);
	cJSON_Delete(schema->root);
	free(schema->text);
	free(schema);
}

/* ---- Questions ---- */

const char *nv_schema_text(const struct nv_schema *schema, size_t *ret_size)
{
	*ret_size = schema->text_size;
	return schema->text;
}

const char *nv_schema_mask(const struct nv_schema *schema)
{
	return schema->mask;
}

const struct nv_docstore_index *nv_schema_indexes(const struct nv_schema *schema, size_t *ret_count)
{
	*ret_count = schema->indexes_count;
	return schema->indexes;
}

const struct nv_schema_kind *nv_schema_get(const struct nv_schema *schema, enum nv_doc_kind kind)
{
	return &schema->kinds[kind];
}

const char *nv_schema_word(enum nv_doc_kind kind)
{
	return kind_words[kind];
}
