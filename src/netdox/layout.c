/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layout `spec`: the Data Structure Specification as two tables, plans (how objects are read)
 * and layouts (how paths are written).
 */
#include "config.h"

#include "netdox/layout.h"

#include <string.h>

/* Each key template once; both tables use these. */
#define K_DNS "dns"
#define K_PLUGINS "dns;$0;plugins"
#define K_TYPES "dns;$0;$1"
#define K_VALUES "dns;$0;$1;$2"
#define K_MAPS "dns;$0;maps"
#define K_META "meta"
#define K_META_OF "meta;$0"
#define K_DNS_PDATA "pdata;dns;$0"
#define K_DNS_PDATA_OF "pdata;dns;$0;$1"
#define K_NODE_PDATA "pdata;node;$0"
#define K_NODE_PDATA_OF "pdata;node;$0;$1"
#define K_NODES "nodes"
#define K_NODE "nodes;$0"
#define K_NODE_PLUGIN "nodes;$0;$1"
#define K_REPORTS "reports"
#define K_DNS_NODES "dns_nodes"
#define K_DEFAULT_NETWORK "default_network"
#define DETAILS ";details"

const char nv_netdox_key_changelog[] = "changelog";
const char nv_netdox_key_stamps[] = "last-modified";
const char nv_netdox_key_default_network[] = K_DEFAULT_NETWORK;
const char nv_netdox_key_meta[] = K_META;
const char nv_netdox_details[] = DETAILS;

const char *const nv_netdox_words[] = {
	"changelog", "last-modified", K_DEFAULT_NETWORK, K_DNS,       K_NODES,
	K_META,      K_REPORTS,       "pdata",           K_DNS_NODES, NULL,
};

#define MAIN NV_REDIS_MAIN
#define DB1 NV_REDIS_PROCESSED
#define KEY(depth, db, types, key, kind, role)                                                     \
	{                                                                                          \
		(depth), (db), NV_STEP_KEY, (types), (key), NULL, NV_NETDOX_##kind, NV_ROLE_##role \
	}
#define MEMBER(db, key, member, kind, role)                                                        \
	{                                                                                          \
		0, (db), NV_STEP_MEMBER, "set", (key), (member), NV_NETDOX_##kind, NV_ROLE_##role  \
	}
#define FIELD(db, key, member, kind, role)                                                         \
	{                                                                                          \
		0, (db), NV_STEP_FIELD, "hash", (key), (member), NV_NETDOX_##kind, NV_ROLE_##role  \
	}

static const struct nv_step metas_steps[] = {
	KEY(0, MAIN, "set", K_META, DNS_META, LIST),
};

static const struct nv_step root_steps[] = {
	KEY(0, MAIN, "string", K_DEFAULT_NETWORK, DEFAULT_NETWORK, BODY),
	KEY(0, DB1, "hash", K_DNS_NODES, DNS_NODES, BODY),
};

/* Only for what paths stand for: last-modified is shown as the files' times. */
static const struct nv_step books_steps[] = {
	KEY(0, MAIN, "stream", nv_netdox_key_changelog, CHANGELOG, BODY),
	KEY(0, MAIN, "hash", nv_netdox_key_stamps, ROOT, BODY),
};

static const struct nv_step stamps_steps[] = {
	KEY(0, MAIN, "hash", nv_netdox_key_stamps, LAST_MODIFIED, BODY),
};

static const struct nv_step networks_steps[] = {
	KEY(0, MAIN, "set", K_DNS, DNS, LIST),
};

static const struct nv_step name_steps[] = {
	MEMBER(MAIN, K_DNS, "$0", NAME, OBJECT),
	KEY(0, MAIN, "set", K_PLUGINS, RECORDS, PLUGINS),
	KEY(1, MAIN, "set", K_TYPES, RECORDS, TYPES),
	KEY(2, MAIN, "set", K_VALUES, RECORDS, VALUES),
	KEY(0, MAIN, "set", K_MAPS, MAPS, BODY),
	MEMBER(MAIN, K_META, "$0", DNS_META, NAMED),
	KEY(0, MAIN, "hash", K_META_OF, DNS_META, BODY),
	KEY(0, MAIN, "set", K_DNS_PDATA, DNS_PDATA_DIR, INDEX),
	KEY(1, MAIN, "*", K_DNS_PDATA_OF, DNS_PDATA, BODY),
	KEY(1, MAIN, "hash", K_DNS_PDATA_OF DETAILS, DNS_PDATA, DETAILS),
	FIELD(DB1, K_DNS_NODES, "$0", NODE_LINK, BODY),
};

static const struct nv_step nodes_steps[] = {
	KEY(0, MAIN, "set", K_NODES, NODES, LIST),
};

static const struct nv_step node_steps[] = {
	MEMBER(MAIN, K_NODES, "$0", NODE, OBJECT),
	KEY(0, MAIN, "set", K_NODE, PLUGINS_DIR, INDEX),
	KEY(1, MAIN, "hash", K_NODE_PLUGIN, PLUGIN, BODY),
	MEMBER(MAIN, K_META, "$0", NODE_META, NAMED),
	KEY(0, MAIN, "hash", K_META_OF, NODE_META, BODY),
	KEY(0, MAIN, "set hash", K_NODE_PDATA, NODE_PDATA_DIR, INDEX),
	KEY(1, MAIN, "*", K_NODE_PDATA_OF, NODE_PDATA, BODY),
	KEY(1, MAIN, "hash", K_NODE_PDATA_OF DETAILS, NODE_PDATA, DETAILS),
};

static const struct nv_step links_steps[] = {
	KEY(0, DB1, "set", K_NODES, PROCESSED_DIR, LIST),
};

static const struct nv_step link_steps[] = {
	MEMBER(DB1, K_NODES, "$0", PROCESSED, OBJECT),
	KEY(0, DB1, "string", K_NODE, PROCESSED_NAME, BODY),
	KEY(0, DB1, "set", K_NODE ";alt_names", PROCESSED_ALT_NAMES, BODY),
	KEY(0, DB1, "set", K_NODE ";dns_names", PROCESSED_DNS_NAMES, BODY),
	KEY(0, DB1, "set", K_NODE ";plugins", PROCESSED_PLUGINS, BODY),
	KEY(0, DB1, "set", K_NODE ";raw_keys", PROCESSED_RAW_KEYS, BODY),
};

static const struct nv_step reports_steps[] = {
	KEY(0, MAIN, "set", K_REPORTS, REPORTS, INDEX),
	KEY(1, MAIN, "*", K_REPORTS ";$1", REPORT, BODY),
	KEY(1, MAIN, "hash", K_REPORTS ";$1" DETAILS, REPORT, DETAILS),
};

static const struct nv_step report_steps[] = {
	MEMBER(MAIN, K_REPORTS, "$0", REPORT, NAMED),
	KEY(0, MAIN, "*", K_REPORTS ";$0", REPORT, BODY),
	KEY(0, MAIN, "hash", K_REPORTS ";$0" DETAILS, REPORT, DETAILS),
};

static const struct nv_step key_steps[] = {
	KEY(0, MAIN, "*", "$0", ORPHAN, BODY),
	KEY(0, MAIN, "*", "$0" DETAILS, ORPHAN, DETAILS),
};

static const struct nv_step key1_steps[] = {
	KEY(0, DB1, "*", "$0", ORPHAN, BODY),
	KEY(0, DB1, "*", "$0" DETAILS, ORPHAN, DETAILS),
};

#define PLAN(text, table, varies)                                                                  \
	{                                                                                          \
		.noun = (text), .steps = (table), .count = sizeof(table) / sizeof((table)[0]),     \
		.has_id = (varies)                                                                 \
	}

const struct nv_plan nv_netdox_plans[NV_OBJECT_COUNT] = {
	[NV_OBJECT_ROOT] = PLAN("database", root_steps, false),
	[NV_OBJECT_BOOKS] = PLAN("books", books_steps, false),
	[NV_OBJECT_STAMPS] = PLAN("times", stamps_steps, false),
	[NV_OBJECT_NETWORKS] = PLAN("set of DNS names", networks_steps, false),
	[NV_OBJECT_NAME] = PLAN("DNS name", name_steps, true),
	[NV_OBJECT_NODES] = PLAN("set of nodes", nodes_steps, false),
	[NV_OBJECT_NODE] = PLAN("node", node_steps, true),
	[NV_OBJECT_LINKS] = PLAN("set of processed nodes", links_steps, false),
	[NV_OBJECT_LINK] = PLAN("processed node", link_steps, true),
	[NV_OBJECT_REPORTS] = PLAN("set of reports", reports_steps, false),
	[NV_OBJECT_REPORT] = PLAN("report", report_steps, true),
	[NV_OBJECT_METAS] = PLAN("set of objects with metadata", metas_steps, false),
	[NV_OBJECT_KEY] = PLAN("key", key_steps, true),
	[NV_OBJECT_KEY1] = PLAN("key", key1_steps, true),
	[NV_OBJECT_BARE_KEY] = { .noun = "key", .steps = key_steps, .count = 1, .has_id = true },
	[NV_OBJECT_BARE_KEY1] = { .noun = "key", .steps = key1_steps, .count = 1, .has_id = true },
};

#define NAME_PATH "netdox/dns/NETWORK/NAME"
#define NODE_PATH "netdox/nodes/NODE_ID"
#define LINK_PATH "netdox/processed/LINK_ID"
#define QUALIFIED_TYPES "CNAME A PTR"

/* Meta and pdata of DNS names and of nodes differ in nothing but keys and plugin. */
#define META(path_text, of, from)                                                                  \
	{                                                                                          \
		.path = path_text "/meta", .object = NV_OBJECT_##of, .codec = NV_CODEC_FIELDS,     \
		.index = K_META, .index_types = "set", .member = "$0", .key = K_META_OF,           \
		.created = "updated metadata", .updated = "updated metadata",                      \
		.removed = "delete metadata", .value = K_META_OF, .plugin = NV_PLUGIN_##from,      \
	}
#define PDATA(path_text, of, index_key, types, data_key)                                           \
	{                                                                                          \
		.path = path_text "/pdata/ID", .object = NV_OBJECT_##of, .codec = NV_CODEC_DATA,   \
		.index = index_key, .index_types = types, .member = "$1", .key = data_key,         \
		.details = data_key DETAILS, .created = "updated plugin data",                     \
		.updated = "updated plugin data", .removed = "delete plugin data",                 \
		.value = data_key, .plugin = NV_PLUGIN_HEADER,                                     \
	}
#define DIRECTORY(path_text, of)                                                                   \
	{                                                                                          \
		.path = path_text, .object = NV_OBJECT_##of, .codec = NV_CODEC_NONE                \
	}
#define DERIVED(path_text, of, with)                                                               \
	{                                                                                          \
		.path = path_text, .object = NV_OBJECT_##of, .codec = NV_CODEC_##with,             \
		.readonly = true                                                                   \
	}
#define COMPUTED(path_text, of, with, of_db, of_key)                                               \
	{                                                                                          \
		.path = path_text, .object = NV_OBJECT_##of, .codec = NV_CODEC_##with,             \
		.db = (of_db), .key = (of_key), .readonly = true                                   \
	}

/* clang-format off: a row reads as keys, words, rules. */
const struct nv_layout nv_netdox_layouts[NV_NETDOX_KIND_COUNT] = {
	[NV_NETDOX_ROOT] = DIRECTORY("netdox", ROOT),
	[NV_NETDOX_CHANGELOG] =
		COMPUTED("netdox/changelog", ROOT, CHANGELOG, MAIN, nv_netdox_key_changelog),
	[NV_NETDOX_DEFAULT_NETWORK] = {
		.path = "netdox/default_network", .object = NV_OBJECT_ROOT, .codec = NV_CODEC_VALUE,
		.key = K_DEFAULT_NETWORK, .created = "updated default network",
		.updated = "updated default network", .removed = "delete default network",
		.value = K_DEFAULT_NETWORK, .network = true,
	},
	[NV_NETDOX_DNS] = DIRECTORY("netdox/dns", NETWORKS),
	[NV_NETDOX_NETWORK] = DIRECTORY("netdox/dns/NETWORK", NETWORKS),
	[NV_NETDOX_NETWORK_ID] = DERIVED("netdox/dns/NETWORK/id", NETWORKS, NAME),
	[NV_NETDOX_NAME] = {
		.path = NAME_PATH, .object = NV_OBJECT_NAME,
		.index = K_DNS, .index_types = "set", .member = "$0",
		.created = "create dns name", .removed = "delete dns name", .value = "$0",
	},
	[NV_NETDOX_RECORDS] = {
		.path = NAME_PATH "/records", .object = NV_OBJECT_NAME, .codec = NV_CODEC_RECORDS,
		.plugin = NV_PLUGIN_LINE, .fold = true, .qualify = QUALIFIED_TYPES,
		.levels = {
			{ K_PLUGINS, "$1", K_TYPES,
			  "add plugin to dns name", "remove plugin from dns name" },
			{ K_TYPES, "$2", K_VALUES,
			  "add record type to dns name", "remove record type from dns name" },
			{ K_VALUES, "$3", NULL, "create dns record", "delete dns record" },
		},
	},
	[NV_NETDOX_MAPS] = {
		.path = NAME_PATH "/maps", .object = NV_OBJECT_NAME,
		.codec = NV_CODEC_LINES, .qualified = true,
		.levels = {
			{ K_MAPS, "$1", NULL,
			  "updated network mapping", "updated network mapping" },
		},
	},
	[NV_NETDOX_DNS_META] = META(NAME_PATH, NAME, OPTION),
	[NV_NETDOX_DNS_PDATA_DIR] = DIRECTORY(NAME_PATH "/pdata", NAME),
	[NV_NETDOX_DNS_PDATA] = PDATA(NAME_PATH, NAME, K_DNS_PDATA, "set", K_DNS_PDATA_OF),
	[NV_NETDOX_NODE_LINK] = DERIVED(NAME_PATH "/node", NAME, LINK),
	[NV_NETDOX_NAME_ID] = DERIVED(NAME_PATH "/id", NAME, NAME),
	[NV_NETDOX_NODES] = DIRECTORY("netdox/nodes", NODES),
	[NV_NETDOX_NODE] = {
		.path = NODE_PATH, .object = NV_OBJECT_NODE,
		.index = K_NODES, .index_types = "set", .member = "$0",
		.created = "create plugin node", .removed = "delete node", .value = "$0",
		.plugin = NV_PLUGIN_NODE,
	},
	[NV_NETDOX_PLUGINS_DIR] = DIRECTORY(NODE_PATH "/plugins", NODE),
	[NV_NETDOX_PLUGIN] = {
		.path = NODE_PATH "/plugins/PLUGIN", .object = NV_OBJECT_NODE,
		.codec = NV_CODEC_FIELDS,
		.index = K_NODE, .index_types = "set", .member = "$1", .key = K_NODE_PLUGIN,
		.created = "create plugin node", .updated = "updated plugin node",
		.removed = "delete plugin node",
		.value = K_NODE_PLUGIN, .plugin = NV_PLUGIN_FILE,
	},
	[NV_NETDOX_NODE_META] = META(NODE_PATH, NODE, NODE),
	[NV_NETDOX_NODE_PDATA_DIR] = DIRECTORY(NODE_PATH "/pdata", NODE),
	[NV_NETDOX_NODE_PDATA] = PDATA(NODE_PATH, NODE, K_NODE_PDATA, "set hash", K_NODE_PDATA_OF),
	[NV_NETDOX_NODE_ID] = DERIVED(NODE_PATH "/id", NODE, NAME),
	[NV_NETDOX_PROCESSED_DIR] = DIRECTORY("netdox/processed", LINKS),
	[NV_NETDOX_PROCESSED] = {
		.path = LINK_PATH, .object = NV_OBJECT_LINK, .db = DB1,
		.index = K_NODES, .index_types = "set", .member = "$0", .readonly = true,
	},
	[NV_NETDOX_PROCESSED_NAME] = COMPUTED(LINK_PATH "/name", LINK, VALUE, DB1, K_NODE),
	[NV_NETDOX_PROCESSED_ALT_NAMES] =
		COMPUTED(LINK_PATH "/alt_names", LINK, LINES, DB1, K_NODE ";alt_names"),
	[NV_NETDOX_PROCESSED_DNS_NAMES] =
		COMPUTED(LINK_PATH "/dns_names", LINK, LINES, DB1, K_NODE ";dns_names"),
	[NV_NETDOX_PROCESSED_PLUGINS] =
		COMPUTED(LINK_PATH "/plugins", LINK, LINES, DB1, K_NODE ";plugins"),
	[NV_NETDOX_PROCESSED_RAW_KEYS] =
		COMPUTED(LINK_PATH "/raw_keys", LINK, LINES, DB1, K_NODE ";raw_keys"),
	[NV_NETDOX_PROCESSED_ID] = DERIVED(LINK_PATH "/id", LINK, NAME),
	[NV_NETDOX_DNS_NODES] = COMPUTED("netdox/dns_nodes", ROOT, FIELDS, DB1, K_DNS_NODES),
	[NV_NETDOX_LAST_MODIFIED] =
		COMPUTED("netdox/last-modified", STAMPS, FIELDS, MAIN, nv_netdox_key_stamps),
	[NV_NETDOX_REPORTS] = DIRECTORY("netdox/reports", REPORTS),
	[NV_NETDOX_REPORT] = {
		.path = "netdox/reports/ID", .object = NV_OBJECT_REPORT, .codec = NV_CODEC_DATA,
		.index = K_REPORTS, .index_types = "set", .member = "$0", .key = K_REPORTS ";$0",
		.details = K_REPORTS ";$0" DETAILS,
		.created = "create report", .updated = "updated plugin data",
		.removed = "delete report", .value = K_REPORTS ";$0", .plugin = NV_PLUGIN_HEADER,
	},
	[NV_NETDOX_ORPHANS] = DIRECTORY("netdox/orphans", KEY),
	[NV_NETDOX_ORPHANS_DB] = DIRECTORY("netdox/orphans/DB", KEY),
	[NV_NETDOX_ORPHAN] = {
		.path = "netdox/orphans/DB/KEY", .object = NV_OBJECT_KEY,
		.codec = NV_CODEC_DATA, .key = "$0",
		.details = "$0" DETAILS, .created = "create orphan", .updated = "updated orphan",
		.removed = "delete orphan", .value = "$0",
	},
};

/* clang-format on */

void nv_layout_expand(struct nv_buf *out, const char *template, const struct nv_vars *vars)
{
	for (const char *at = template; *at; at++) {
		if (*at != '$') {
			nv_buf_putc(out, *at);
			continue;
		}
		const struct nv_bytes *var = &vars->at[*++at - '0'];
		if (var->data) {
			nv_buf_append(out, var->data, var->size);
		}
	}
}

bool nv_layout_lists(const char *list, const char *word, size_t word_size)
{
	if (strcmp(list, "*") == 0) {
		return true;
	}
	for (const char *at = list; *at;) {
		size_t size = strcspn(at, " ");

		if (size == word_size && memcmp(at, word, size) == 0) {
			return true;
		}
		at += size;
		at += strspn(at, " ");
	}
	return false;
}

void nv_layout_types_text(const char *types, struct nv_buf *out)
{
	if (strcmp(types, "*") == 0) {
		nv_buf_puts(out, "a type of the data model");
		return;
	}
	nv_buf_puts(out, "a ");
	for (const char *at = types; *at; at++) {
		if (*at == ' ') {
			nv_buf_puts(out, " or a ");
		} else {
			nv_buf_putc(out, *at);
		}
	}
}

bool nv_layout_is_in(enum nv_netdox_kind kind, enum nv_netdox_kind dir)
{
	const char *path = nv_netdox_layouts[kind].path;
	const char *parent = nv_netdox_layouts[dir].path;
	const char *slash = strrchr(path, '/');

	return slash && strlen(parent) == (size_t)(slash - path) &&
	       memcmp(parent, path, (size_t)(slash - path)) == 0;
}

bool nv_layout_is_reserved(const struct nv_bytes *plugin)
{
	return nv_bytes_is(plugin, "plugins") || nv_bytes_is(plugin, "maps");
}

bool nv_layout_is_ours(const char *key, size_t size)
{
	const char *end = memchr(key, ';', size);
	size_t word_size = end ? (size_t)(end - key) : size;

	for (const char *const *word = nv_netdox_words; *word; word++) {
		if (strlen(*word) == word_size && memcmp(*word, key, word_size) == 0) {
			return true;
		}
	}
	return false;
}

const char *nv_layout_data_word(enum nv_data_type type)
{
	return type == NV_DATA_HASH ? "map" : nv_data_type_name(type);
}
