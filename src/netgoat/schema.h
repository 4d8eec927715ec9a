/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mapping of Netgoat's documents as data: which collections hold what, which fields there are
 * and what they mean (DESIGN 6).
 *
 * The embedded schema.json is the default; a file replaces it as a whole. A field is given as
 * "name|alias|…", with dots for fields of sub-documents and [] for the elements of an array
 * ("members[].user_id"); a name may have the wildcards of fnmatch(3). Code asks for fields by role
 * only. Immutable once loaded; any thread.
 */
#ifndef NV_NETGOAT_SCHEMA_H
#define NV_NETGOAT_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <bson/bson.h>

#include "base/error.h"
#include "docstore/docstore.h"

/* The kinds of documents; the word of each in the schema and in changelog entries is
 * nv_schema_word. */
enum nv_doc_kind {
	NV_DOC_TEAM,
	NV_DOC_USER,
	NV_DOC_DOMAIN,
	NV_DOC_RECORD,
	NV_DOC_PROXY,
	NV_DOC_ALERT,
	NV_DOC_INCIDENT,
	NV_DOC_ANALYTICS,
	NV_DOC_KINDS,
};

enum nv_field_type {
	NV_FIELD_ANY,
	NV_FIELD_STRING,
	NV_FIELD_NUMBER,
	NV_FIELD_INT, /* a number without fraction, of any numeric type */
	NV_FIELD_BOOL,
	NV_FIELD_DATE,
	NV_FIELD_OBJECTID,
	NV_FIELD_OBJECT,
	NV_FIELD_ARRAY,
};

/* X-macro of what the code knows a field as: identifier, word in the schema. */
#define NV_ROLES(X)                                                                                \
	X(NV_ROLE_NAME, "name")                                                                    \
	X(NV_ROLE_TYPE, "type")                                                                    \
	X(NV_ROLE_TEAM, "team")                                                                    \
	X(NV_ROLE_DOMAIN, "domain")                                                                \
	X(NV_ROLE_DOMAIN_NAME, "domain_name")                                                      \
	X(NV_ROLE_TEAMS, "teams")                                                                  \
	X(NV_ROLE_MEMBERS, "members")                                                              \
	X(NV_ROLE_MEMBER_USER, "member_user")                                                      \
	X(NV_ROLE_USER_ROLE, "user_role")                                                          \
	X(NV_ROLE_CREATED, "created")                                                              \
	X(NV_ROLE_UPDATED, "updated")                                                              \
	X(NV_ROLE_VERSION, "version")                                                              \
	X(NV_ROLE_TIME, "time")                                                                    \
	X(NV_ROLE_CHUNK, "chunk")                                                                  \
	X(NV_ROLE_ACTIVE, "active")                                                                \
	X(NV_ROLE_VALUE, "value")                                                                  \
	X(NV_ROLE_TTL, "ttl")                                                                      \
	X(NV_ROLE_PRIORITY, "priority")                                                            \
	X(NV_ROLE_PROXIED, "proxied")                                                              \
	X(NV_ROLE_TARGET_URL, "target_url")                                                        \
	X(NV_ROLE_CERTIFICATE, "certificate")                                                      \
	X(NV_ROLE_PRIVATE_KEY, "private_key")                                                      \
	X(NV_ROLE_POLICY, "policy")                                                                \
	X(NV_ROLE_SUBDOMAINS, "subdomains")                                                        \
	X(NV_ROLE_SUB_NAME, "sub_name")                                                            \
	X(NV_ROLE_SUB_FULL, "sub_full")                                                            \
	X(NV_ROLE_SUB_TARGET_URL, "sub_target_url")                                                \
	X(NV_ROLE_SUB_CERTIFICATE, "sub_certificate")                                              \
	X(NV_ROLE_SUB_PRIVATE_KEY, "sub_private_key")                                              \
	X(NV_ROLE_SUB_POLICY, "sub_policy")                                                        \
	X(NV_ROLE_SUB_ACTIVE, "sub_active")                                                        \
	X(NV_ROLE_WAF_RULES, "waf_rules")                                                          \
	X(NV_ROLE_WAF_NAME, "waf_name")                                                            \
	X(NV_ROLE_WAF_EXPRESSION, "waf_expression")                                                \
	X(NV_ROLE_WAF_ACTION, "waf_action")                                                        \
	X(NV_ROLE_WAF_PRIORITY, "waf_priority")                                                    \
	X(NV_ROLE_WAF_ENABLED, "waf_enabled")                                                      \
	X(NV_ROLE_UPSTREAMS, "upstreams")                                                          \
	X(NV_ROLE_UPSTREAM_URL, "upstream_url")                                                    \
	X(NV_ROLE_UPSTREAM_DOWN, "upstream_down")

#define NV_ROLE_ENUM(id, word) id,
enum nv_role { NV_ROLES(NV_ROLE_ENUM) NV_ROLE_COUNT, NV_ROLE_NONE = NV_ROLE_COUNT };
#undef NV_ROLE_ENUM

/* How a string is checked when it is set. */
enum nv_field_format {
	NV_FORMAT_NONE,
	NV_FORMAT_SLUG,   /* of a team */
	NV_FORMAT_DOMAIN, /* lower-case, two labels at least */
	NV_FORMAT_OWNER,  /* of a record, below its zone */
	NV_FORMAT_RDATA,  /* by the record's type */
	NV_FORMAT_EMAIL,
	NV_FORMAT_URL,
	NV_FORMAT_PEM,
};

/* One field. Strings live as long as the schema. */
struct nv_schema_field {
	/* aliases, dotted with [] after arrays, in order of preference; NULL-terminated */
	const char **paths;
	size_t paths_count;       /* at least 1 */
	const char **query_paths; /* the same without [], as the store takes them */
	enum nv_role role;
	enum nv_field_type type;
	enum nv_field_format format;
	const char **enums; /* allowed strings; NULL = any */
	size_t enums_count;
	const char **reserved; /* refused strings; NULL = none */
	size_t reserved_count;
	/* texts that mean the top of the zone, the one to write first; NULL among them = null or
	 * absent */
	const char **apex;
	size_t apex_count;
	const char *key;  /* arrays: the field that identifies an element; NULL = none */
	size_t max_items; /* arrays; 0 = no limit */
	bool ids;         /* arrays: new elements get an _id */
	/* refused when a new document (or element) lacks it, or when it is taken away */
	bool required;
	bool secret; /* never shown, masked in views and changelog */
	bool state;  /* kept by the server: not in the text, not to be set */
	bool reset;  /* goes back to its default when its document changes */
	bool copy;   /* repeats something of the parent; set from it */
	bool enum_nocase;
	bool has_min, has_max;
	double min, max; /* of a number */
	/* {"": value} for new documents, before generators are run; NULL = none */
	bson_t *fallback;
};

/* A node of the tree of field names that a walk through a document follows. */
struct nv_schema_node {
	/* one name, or a pattern of names; NULL for the root and for array elements */
	const char *name;
	bool pattern;                        /* name has wildcards */
	const struct nv_schema_field *field; /* NULL: only something below it is known */
	struct nv_schema_node **children;
	size_t children_count;
	/* of an array's elements; NULL = nothing is known of them */
	struct nv_schema_node *element;
	bool hides;        /* a secret or state field stands here or below */
	bool holds_secret; /* a secret field stands here or below */
};

/* One kind of document. */
struct nv_schema_kind {
	enum nv_doc_kind kind;
	const char **collections; /* names, the preferred one first */
	size_t collections_count;
	const struct nv_schema_node *root;
	const struct nv_schema_field **fields; /* in order; top-level and below */
	size_t fields_count;
	const struct nv_schema_field *roles[NV_ROLE_COUNT]; /* NULL = has none */
	bool has_name; /* files or directories are named by the name role (else by id) */
	bool has_type; /* NAME.TYPE */
};

struct nv_schema;

/* Loads file, or the embedded schema when NULL. -ENOENT -EACCES (file), -EINVAL with the reason.
 * Owns: free with nv_schema_free. */
int nv_schema_new(const char *file, struct nv_schema **ret_schema, struct nv_err *err);
void nv_schema_free(struct nv_schema *schema);

/* The text it was loaded from, for .netviewfs/schema.json. */
const char *nv_schema_text(const struct nv_schema *schema, size_t *ret_size);

/* What stands for a secret in views and entries; typed in, it means "unchanged". */
const char *nv_schema_mask(const struct nv_schema *schema);

/* The paths that the mount queries by value, for nv_docstore_config. */
const struct nv_docstore_index *nv_schema_indexes(const struct nv_schema *schema,
                                                  size_t *ret_count);

const struct nv_schema_kind *nv_schema_get(const struct nv_schema *schema, enum nv_doc_kind kind);

/* "team", "record", …: the word of changelog entries. */
const char *nv_schema_word(enum nv_doc_kind kind);

/* The node of a field of that name (size bytes) of a document at node; NULL = unknown. node may
 * be NULL. */
const struct nv_schema_node *nv_schema_child(const struct nv_schema_node *node, const char *name,
                                             size_t size);

/* The paths of a role as terms want them; *ret_paths may be NULL when the kind has no such
 * field. Returns their number. */
size_t nv_schema_role_paths(const struct nv_schema_kind *kind, enum nv_role role,
                            const char *const **ret_paths);

/* Puts *ret_iter on the value of the first alias of role in doc that is not null (roles of array
 * elements: doc is the element, names are the last parts of the aliases). False: all are null or
 * missing. *ret_path (may be NULL) is the alias it stands under. */
bool nv_schema_find(const struct nv_schema_kind *kind, enum nv_role role, const bson_t *doc,
                    bson_iter_t *ret_iter, const char **ret_path);

/* "string", "a number without fraction", …: for messages. */
const char *nv_field_type_text(enum nv_field_type type);

#endif
