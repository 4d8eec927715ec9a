/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of DESIGN 5: what the keys of each logical object are, and what a change of it is
 called. *
 * Everything else in this family is driven by it: plan.c reads the keys of a plan, snapshot.c makes
 * texts of them, save*.c and commit.c write the keys and entries of a row. Another layout (`-o
 layout=current`) is another pair of tables of these two structs. *
 * A template is a key or member with variables: $0 is the object (a DNS name, a node id, …), $1 to
 * $3 what a plan walked through or a row names.
 */
#ifndef NV_NETDOX_LAYOUT_H
#define NV_NETDOX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "codec/bytes.h"
#include "codec/data.h"
#include "netdox/netdox.h"
#include "redis/pool.h"

/* What one snapshot covers. */
enum nv_object {
	NV_OBJECT_ROOT,     /* the single keys that stand in netdox/ itself */
	NV_OBJECT_BOOKS,    /* the changelog and last-modified */
	NV_OBJECT_STAMPS,   /* last-modified as a file; full and restore mounts only */
	NV_OBJECT_NETWORKS, /* the list of DNS names */
	NV_OBJECT_NAME,     /* $0: a DNS name */
	NV_OBJECT_NODES,    /* the list of nodes */
	NV_OBJECT_NODE,     /* $0: a node id */
	NV_OBJECT_LINKS,    /* the list of processed nodes */
	NV_OBJECT_LINK,     /* $0: a link id */
	NV_OBJECT_REPORTS,  /* all reports */
	NV_OBJECT_REPORT,   /* $0: a report's id */
	NV_OBJECT_METAS,    /* the list of objects with metadata */
	NV_OBJECT_KEY,      /* $0: a key of the main database, as an orphan, with its details */
	NV_OBJECT_KEY1,     /* the same of the processed database */
	NV_OBJECT_BARE_KEY, /* $0: a key of the main database without details */
	NV_OBJECT_BARE_KEY1,
	NV_OBJECT_COUNT,
};

enum nv_step_how {
	/* the whole value of a key; children are walked for each member (set) or field (hash) */
	NV_STEP_KEY,
	NV_STEP_MEMBER, /* whether a set has a member */
	NV_STEP_FIELD,  /* one field of a hash */
};

/* What a step's answer is to the path it belongs to. */
enum nv_step_role {
	NV_ROLE_OBJECT,  /* MEMBER: the object is there */
	NV_ROLE_LIST,    /* KEY: the members are the objects of the collection */
	NV_ROLE_INDEX,   /* KEY: each member is one file of the directory `kind`, $1 */
	NV_ROLE_NAMED,   /* MEMBER: the file is there, even when its key is not */
	NV_ROLE_BODY,    /* KEY or FIELD: the content, in the codec of the row `kind` */
	NV_ROLE_DETAILS, /* KEY: the details hash of Data */
	NV_ROLE_PLUGINS, /* KEY: the first words of Records */
	NV_ROLE_TYPES,   /* KEY: the second words, of plugin $1 */
	NV_ROLE_VALUES,  /* KEY: the values, of plugin $1 and type $2 */
};

/* One step of a plan: one key to read. Preorder; a step's children have its depth + 1 and run once
 * for each of its members, which are then the variable $(depth + 1). */
struct nv_step {
	unsigned depth;
	enum nv_redis_db db;
	enum nv_step_how how;
	const char *types;  /* types the key may have, blank-separated; "*" = any */
	const char *key;    /* template */
	const char *member; /* template, for MEMBER and FIELD; else NULL */
	enum nv_netdox_kind kind;
	enum nv_step_role role;
};

struct nv_plan {
	const char *noun; /* for messages: "DNS name" */
	const struct nv_step *steps;
	size_t count;
	bool has_id; /* $0 varies */
};

extern const struct nv_plan nv_netdox_plans[NV_OBJECT_COUNT];

enum nv_netdox_codec {
	NV_CODEC_NONE, /* a directory */
	NV_CODEC_VALUE,
	NV_CODEC_LINES,
	NV_CODEC_RECORDS,
	NV_CODEC_FIELDS,
	NV_CODEC_DATA,
	NV_CODEC_LINK,      /* the target of a symlink */
	NV_CODEC_CHANGELOG, /* rendered by changelog.c */
	NV_CODEC_NAME,      /* the full name of a directory whose own is cut */
};

/* Where P of an entry comes from. */
enum nv_plugin_source {
	NV_PLUGIN_OPTION, /* -o plugin= */
	NV_PLUGIN_LINE,   /* the line's own, $1 */
	NV_PLUGIN_FILE,   /* the file's name, $1 */
	NV_PLUGIN_HEADER, /* the field `plugin` of the header */
	NV_PLUGIN_NODE,   /* the last part of the node id $0 */
};

/* One level of a file that is made of sets. The entries' V is the set's key. */
struct nv_level {
	const char *key;    /* template of the set */
	const char *member; /* template of the member; NULL ends the levels */
	const char *below; /* template of the key whose being there keeps the member; NULL = none */
	const char *added; /* entry word */
	const char *removed; /* entry word */
};

#define NV_LEVELS_MAX 3

/* One kind of path. */
struct nv_layout {
	const char *path; /* below the mount, as in src/tree.c */
	enum nv_object object;
	enum nv_netdox_codec codec;
	enum nv_redis_db db; /* of all its keys */
	/* template of the set that names it; NULL = its key alone says that it is there */
	const char *index;
	/* types the index may have: "set", or "set hash" (then fields are members) */
	const char *index_types;
	const char *member;  /* template of its member in the index */
	const char *key;     /* template of its key; NULL for files made of levels */
	const char *details; /* template of the details hash, for Data */
	const char *created; /* entry word of creating it; NULL = EPERM */
	/* entry word of changing it; NULL = EPERM; of Data, the type's word follows it */
	const char *updated;
	const char *removed; /* entry word of deleting it; NULL = EPERM */
	const char *value;   /* template of V */
	enum nv_plugin_source plugin;
	struct nv_level levels[NV_LEVELS_MAX];
	bool fold; /* types (second words) of added lines are upper-cased */
	/* types whose added values get the default network, blank-separated; NULL = none */
	const char *qualify;
	bool qualified; /* added lines must be qualified names */
	bool network;   /* the value must be the name of a network */
	bool readonly;  /* never written, but in a restore mount */
};

extern const struct nv_layout nv_netdox_layouts[NV_NETDOX_KIND_COUNT];

/* Names of keys that are no object's. */
extern const char nv_netdox_key_changelog[];
extern const char nv_netdox_key_stamps[];
extern const char nv_netdox_key_default_network[];
extern const char nv_netdox_key_meta[];

/* What the key of a details hash ends in. */
extern const char nv_netdox_details[];

/* First words of the specification's keys, NULL-terminated. */
extern const char *const nv_netdox_words[];

#define NV_VARS_MAX 4

/* The variables of templates, borrowed; absent ones expand to nothing. */
struct nv_vars {
	struct nv_bytes at[NV_VARS_MAX];
};

/* Appends the template with its variables put in. */
void nv_layout_expand(struct nv_buf *out, const char *template, const struct nv_vars *vars);

/* True when the blank-separated list has the word, or is "*". */
bool nv_layout_lists(const char *list, const char *word, size_t word_size);

/* Appends "a set" or "a set or a hash" for a list of types. */
void nv_layout_types_text(const char *types, struct nv_buf *out);

/* True for the names of plugins whose keys would be other keys of the layout (`plugins`,
 * `maps`): read, never created. */
bool nv_layout_is_reserved(const struct nv_bytes *plugin);

/* True for a key `WORD` or `WORD;…` of the specification. */
bool nv_layout_is_ours(const char *key, size_t size);

/* True when the path of `kind` is directly in that of `dir`. */
bool nv_layout_is_in(enum nv_netdox_kind kind, enum nv_netdox_kind dir);

/* The word that ends `updated plugin data` for a type ("map" for a hash). */
const char *nv_layout_data_word(enum nv_data_type type);

#endif
