/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The text of views/edge/TEAM/DOMAIN.json: a domain with its enabled proxies, active records and
 * firewall rules merged, as edge nodes get it (NETGOAT-FIELDS 6). What is not active is not pushed,
 * so it is not here. Private keys are masked.
 */
#include "config.h"

#include "views/edge_values.h"
#include "views/views.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "codec/bsondiff.h"
#include "codec/json.h"
#include "netgoat/names.h"
#include "netgoat/text.h"

/* One payload under way. */
struct payload {
	const struct nv_schema *schema;
	const struct nv_schema_kind *domain;
	const struct nv_schema_kind *proxy;
	const struct nv_schema_kind *record;
	const struct nv_netgoat_bundle *bundle;
};

/* ---- Targets ---- */

/* Whether a proxy is of that subdomain ("" = the domain itself). */
static bool is_of(const struct payload *payload, const bson_t *proxy, const char *subdomain,
                  size_t size)
{
	const char *text = NULL;
	size_t text_size = 0;
	bool apex = !nv_doc_string(payload->proxy, NV_ROLE_NAME, proxy, &text, &text_size) ||
	            nv_docname_is_apex(payload->proxy, text, text_size);
	return size == 0 ? apex
	                 : !apex && text_size == size && strncasecmp(text, subdomain, size) == 0;
}

static bool has_string(const bson_t *array, const char *text)
{
	bson_iter_t iter;
	if (bson_iter_init(&iter, array)) {
		while (bson_iter_next(&iter)) {
			if (strcmp(bson_iter_utf8(&iter, NULL), text) == 0) {
				return true;
			}
		}
	}
	return false;
}

static void add_targets(const struct payload *payload, const bson_t *proxy, const char *primary,
                        bson_t *urls, uint32_t *index)
{
	bson_iter_t list;
	bson_iter_t element;
	if (!nv_schema_find(payload->proxy, NV_ROLE_UPSTREAMS, proxy, &list, NULL) ||
	    !BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &element)) {
		return;
	}
	while (bson_iter_next(&element)) {
		uint32_t size = 0;
		const uint8_t *data = NULL;
		bson_t upstream;
		const char *url = NULL;
		size_t url_size = 0;
		if (!BSON_ITER_HOLDS_DOCUMENT(&element)) {
			continue;
		}
		bson_iter_document(&element, &size, &data);
		if (!bson_init_static(&upstream, data, size) ||
		    nv_edge_flag(payload->proxy, NV_ROLE_UPSTREAM_DOWN, &upstream, false) ||
		    !nv_doc_string(payload->proxy, NV_ROLE_UPSTREAM_URL, &upstream, &url,
		                   &url_size) ||
		    strcmp(url, primary) == 0 || has_string(urls, url)) {
			continue;
		}
		char number[16];
		const char *key = NULL;
		size_t key_size = bson_uint32_to_string((*index)++, &key, number, sizeof(number));
		bson_append_utf8(urls, key, (int)key_size, url, (int)url_size);
	}
}

static void put_targets(const struct payload *payload, bson_t *out, const char *primary,
                        const char *subdomain, size_t size)
{
	bson_t urls = BSON_INITIALIZER;
	uint32_t index = 0;
	for (size_t i = 0; i < payload->bundle->proxies_count; i++) {
		const bson_t *proxy = payload->bundle->proxies[i];
		if (nv_edge_flag(payload->proxy, NV_ROLE_ACTIVE, proxy, true) &&
		    is_of(payload, proxy, subdomain, size)) {
			add_targets(payload, proxy, primary, &urls, &index);
		}
	}
	bson_append_array(out, "target_urls", -1, &urls);
	bson_destroy(&urls);
}

/* ---- Subdomains ---- */

typedef void subdomain_fn(const struct payload *payload, const bson_t *subdomain, void *ctx);

static void each_subdomain(const struct payload *payload, subdomain_fn *fn, void *ctx)
{
	bson_iter_t list;
	bson_iter_t element;
	if (!nv_schema_find(payload->domain, NV_ROLE_SUBDOMAINS, payload->bundle->domain, &list,
	                    NULL) ||
	    !BSON_ITER_HOLDS_ARRAY(&list) || !bson_iter_recurse(&list, &element)) {
		return;
	}
	while (bson_iter_next(&element)) {
		uint32_t size = 0;
		const uint8_t *data = NULL;
		bson_t subdomain;
		if (!BSON_ITER_HOLDS_DOCUMENT(&element)) {
			continue;
		}
		bson_iter_document(&element, &size, &data);
		if (bson_init_static(&subdomain, data, size) &&
		    nv_edge_flag(payload->domain, NV_ROLE_SUB_ACTIVE, &subdomain, true)) {
			fn(payload, &subdomain, ctx);
		}
	}
}

/* An array that grows. */
struct list {
	bson_t array;
	uint32_t count;
};

static void put_subdomain(const struct payload *payload, const bson_t *subdomain, void *ctx)
{
	struct list *list = ctx;
	const struct nv_schema_kind *kind = payload->domain;
	const char *name = "";
	const char *full = "";
	const char *primary = "";
	size_t name_size = 0;
	size_t full_size = 0;
	size_t primary_size = 0;
	(void)nv_doc_string(kind, NV_ROLE_SUB_NAME, subdomain, &name, &name_size);
	(void)nv_doc_string(kind, NV_ROLE_SUB_FULL, subdomain, &full, &full_size);
	(void)nv_doc_string(kind, NV_ROLE_SUB_TARGET_URL, subdomain, &primary, &primary_size);
	bson_t out = BSON_INITIALIZER;
	nv_edge_put_id(&out, "id", subdomain);
	nv_edge_put_lower(&out, "subdomain", name, name_size);
	nv_edge_put_lower(&out, "full_domain", full, full_size);
	nv_edge_put_string(&out, "target_url", kind, NV_ROLE_SUB_TARGET_URL, subdomain, NULL);
	put_targets(payload, &out, primary, name, name_size);
	nv_edge_put_string(&out, "certificate_pem", kind, NV_ROLE_SUB_CERTIFICATE, subdomain, NULL);
	nv_edge_put_key(&out, "private_key_pem", kind, NV_ROLE_SUB_PRIVATE_KEY, subdomain,
	                nv_schema_mask(payload->schema), NULL);
	nv_edge_put_policy(&out, kind, NV_ROLE_SUB_POLICY, subdomain);
	bson_append_bool(&out, "active", -1, true);
	nv_edge_put_element(&list->array, &list->count, &out);
	bson_destroy(&out);
}

static void put_host(const struct payload *payload, const bson_t *subdomain, void *ctx)
{
	struct list *list = ctx;
	const char *full = NULL;
	size_t size = 0;
	char number[16];
	const char *key = NULL;
	if (nv_doc_string(payload->domain, NV_ROLE_SUB_FULL, subdomain, &full, &size)) {
		(void)bson_uint32_to_string(list->count++, &key, number, sizeof(number));
		nv_edge_put_lower(&list->array, key, full, size);
	}
}

/* ---- Proxy and records ---- */

static void put_proxy_field(const struct payload *payload, bson_t *out, bson_iter_t *iter)
{
	const struct nv_schema_field *upstreams = payload->proxy->roles[NV_ROLE_UPSTREAMS];
	bson_iter_t element;
	bool is_upstreams = false;
	for (size_t i = 0; upstreams && i < upstreams->paths_count; i++) {
		is_upstreams =
			is_upstreams || strcmp(upstreams->paths[i], bson_iter_key(iter)) == 0;
	}
	if (!is_upstreams || !BSON_ITER_HOLDS_ARRAY(iter) || !bson_iter_recurse(iter, &element)) {
		nv_edge_put_plain(out, bson_iter_key(iter), iter);
		return;
	}
	bson_t up = BSON_INITIALIZER;
	uint32_t index = 0;
	while (bson_iter_next(&element)) {
		uint32_t size = 0;
		const uint8_t *data = NULL;
		bson_t upstream;
		if (BSON_ITER_HOLDS_DOCUMENT(&element)) {
			bson_iter_document(&element, &size, &data);
			if (bson_init_static(&upstream, data, size) &&
			    nv_edge_flag(payload->proxy, NV_ROLE_UPSTREAM_DOWN, &upstream, false)) {
				continue;
			}
		}
		char number[16];
		const char *key = NULL;
		(void)bson_uint32_to_string(index++, &key, number, sizeof(number));
		nv_edge_put_plain(&up, key, &element);
	}
	bson_append_array(out, bson_iter_key(iter), -1, &up);
	bson_destroy(&up);
}

/* The enabled configuration of the domain itself, or null. */
static int put_proxy_config(const struct payload *payload, bson_t *out)
{
	for (size_t i = 0; i < payload->bundle->proxies_count; i++) {
		const bson_t *proxy = payload->bundle->proxies[i];
		if (!nv_edge_flag(payload->proxy, NV_ROLE_ACTIVE, proxy, true) ||
		    !is_of(payload, proxy, "", 0)) {
			continue;
		}
		cleanup_buf struct nv_buf masked = NV_BUF_INIT;
		bson_t view;
		bson_iter_t iter;
		bson_t config = BSON_INITIALIZER;
		if (nv_text_show(payload->schema, payload->proxy, NULL, proxy, NV_TEXT_STORED,
		                 &masked, NULL) ||
		    !bson_init_static(&view, (const uint8_t *)masked.data, masked.len) ||
		    !bson_iter_init(&iter, &view)) {
			return -ENOMEM;
		}
		while (bson_iter_next(&iter)) {
			put_proxy_field(payload, &config, &iter);
		}
		bson_append_document(out, "proxy_config", -1, &config);
		bson_destroy(&config);
		return 0;
	}
	bson_append_null(out, "proxy_config", -1);
	return 0;
}

static void put_value(bson_t *out, const char *key, const struct nv_schema_kind *kind,
                      enum nv_role role, const bson_t *doc)
{
	bson_iter_t iter;
	if (nv_schema_find(kind, role, doc, &iter, NULL)) {
		nv_edge_put_plain(out, key, &iter);
	}
}

static void put_records(const struct payload *payload, bson_t *out)
{
	struct list list = { .array = BSON_INITIALIZER };
	const struct nv_schema_kind *kind = payload->record;
	for (size_t i = 0; i < payload->bundle->records_count; i++) {
		const bson_t *doc = payload->bundle->records[i];
		if (!nv_edge_flag(kind, NV_ROLE_ACTIVE, doc, true)) {
			continue;
		}
		bson_t record = BSON_INITIALIZER;
		nv_edge_put_id(&record, "id", doc);
		put_value(&record, "name", kind, NV_ROLE_NAME, doc);
		put_value(&record, "type", kind, NV_ROLE_TYPE, doc);
		put_value(&record, "value", kind, NV_ROLE_VALUE, doc);
		put_value(&record, "ttl", kind, NV_ROLE_TTL, doc);
		put_value(&record, "priority", kind, NV_ROLE_PRIORITY, doc);
		put_value(&record, "proxied", kind, NV_ROLE_PROXIED, doc);
		nv_edge_put_element(&list.array, &list.count, &record);
		bson_destroy(&record);
	}
	bson_append_array(out, "dns_records", -1, &list.array);
	bson_destroy(&list.array);
}

/* ---- Firewall rules ---- */

struct rule {
	const bson_t *doc;
	double priority;
	const char *name;
};

static int compare_rules(const void *a, const void *b)
{
	const struct rule *x = a;
	const struct rule *y = b;
	if (x->priority != y->priority) {
		return x->priority > y->priority ? -1 : 1;
	}
	return strcmp(x->name, y->name);
}

static void put_action(const struct payload *payload, bson_t *out, const bson_t *rule)
{
	const char *action = NULL;
	size_t size = 0;
	char upper[32] = "BLOCK";
	if (nv_doc_string(payload->domain, NV_ROLE_WAF_ACTION, rule, &action, &size) && size &&
	    size < sizeof(upper)) {
		for (size_t i = 0; i <= size; i++) {
			upper[i] = (char)toupper((unsigned char)action[i]);
		}
	}
	bson_append_utf8(out, "action", -1, upper, -1);
}

static void put_rule(const struct payload *payload, const struct rule *rule, const bson_t *hosts,
                     struct list *list)
{
	bson_t out = BSON_INITIALIZER;
	nv_edge_put_id(&out, "id", rule->doc);
	nv_edge_put_string(&out, "name", payload->domain, NV_ROLE_WAF_NAME, rule->doc, "");
	nv_edge_put_string(&out, "expression", payload->domain, NV_ROLE_WAF_EXPRESSION, rule->doc,
	                   "");
	put_action(payload, &out, rule->doc);
	bson_iter_t iter;
	if (nv_schema_find(payload->domain, NV_ROLE_WAF_PRIORITY, rule->doc, &iter, NULL) &&
	    BSON_ITER_HOLDS_NUMBER(&iter)) {
		bson_append_iter(&out, "priority", -1, &iter);
	} else {
		bson_append_int32(&out, "priority", -1, 0);
	}
	nv_edge_put_id(&out, "proxy_config_id", payload->bundle->domain);
	bson_append_array(&out, "hosts", -1, hosts);
	nv_edge_put_element(&list->array, &list->count, &out);
	bson_destroy(&out);
}

static int put_rules(const struct payload *payload, bson_t *out, const char *domain,
                     size_t domain_size)
{
	bson_iter_t iter;
	bson_iter_t element;
	struct list list = { .array = BSON_INITIALIZER };
	struct list hosts = { .array = BSON_INITIALIZER };
	size_t count = 0;
	bool has = nv_schema_find(payload->domain, NV_ROLE_WAF_RULES, payload->bundle->domain,
	                          &iter, NULL) &&
	           BSON_ITER_HOLDS_ARRAY(&iter);
	uint32_t size = 0;
	const uint8_t *data = NULL;
	bson_t array;
	if (has) {
		bson_iter_array(&iter, &size, &data);
		has = bson_init_static(&array, data, size);
	}
	size_t total = has ? bson_count_keys(&array) : 0;
	struct rule *rules = calloc(total + 1, sizeof(*rules));
	bson_t *docs = calloc(total + 1, sizeof(*docs));
	nv_edge_put_lower(&hosts.array, "0", domain, domain_size);
	hosts.count = 1;
	each_subdomain(payload, put_host, &hosts);
	if (rules && docs && has && bson_iter_init(&element, &array)) {
		while (bson_iter_next(&element)) {
			bson_t *doc = &docs[count];
			size_t name_size = 0;
			struct rule *rule = &rules[count];
			if (!BSON_ITER_HOLDS_DOCUMENT(&element)) {
				continue;
			}
			bson_iter_document(&element, &size, &data);
			if (!bson_init_static(doc, data, size) ||
			    !nv_edge_flag(payload->domain, NV_ROLE_WAF_ENABLED, doc, true)) {
				continue;
			}
			*rule = (struct rule){ .doc = doc, .name = "" };
			(void)nv_doc_string(payload->domain, NV_ROLE_WAF_NAME, doc, &rule->name,
			                    &name_size);
			if (nv_schema_find(payload->domain, NV_ROLE_WAF_PRIORITY, doc, &iter,
			                   NULL) &&
			    BSON_ITER_HOLDS_NUMBER(&iter)) {
				rule->priority = BSON_ITER_HOLDS_DOUBLE(&iter)
				                         ? bson_iter_double(&iter)
				                         : (double)bson_iter_as_int64(&iter);
			}
			count++;
		}
		qsort(rules, count, sizeof(*rules), compare_rules);
		for (size_t i = 0; i < count; i++) {
			put_rule(payload, &rules[i], &hosts.array, &list);
		}
	}
	bson_append_array(out, "waf_rules", -1, &list.array);
	int rc = rules && docs ? 0 : -ENOMEM;
	bson_destroy(&list.array);
	bson_destroy(&hosts.array);
	free(docs);
	free(rules);
	return rc;
}

/* ---- The whole ---- */

static void put_team(const struct payload *payload, bson_t *out)
{
	bson_iter_t iter;
	cleanup_buf struct nv_buf text = NV_BUF_INIT;
	if (nv_schema_find(payload->domain, NV_ROLE_TEAM, payload->bundle->domain, &iter, NULL) &&
	    nv_docname_value_text(bson_iter_value(&iter), &text) == 0 && text.data) {
		bson_append_utf8(out, "team_id", -1, text.data, (int)text.len);
	} else {
		bson_append_utf8(out, "team_id", -1, "", 0);
	}
}

int nv_views_edge_format(const struct nv_schema *schema, const struct nv_netgoat_bundle *bundle,
                         struct nv_buf *out)
{
	struct payload payload = { .schema = schema,
		                   .domain = nv_schema_get(schema, NV_DOC_DOMAIN),
		                   .proxy = nv_schema_get(schema, NV_DOC_PROXY),
		                   .record = nv_schema_get(schema, NV_DOC_RECORD),
		                   .bundle = bundle };
	const bson_t *domain = bundle->domain;
	const char *name = "";
	const char *primary = "";
	size_t name_size = 0;
	size_t primary_size = 0;
	(void)nv_doc_string(payload.domain, NV_ROLE_NAME, domain, &name, &name_size);
	(void)nv_doc_string(payload.domain, NV_ROLE_TARGET_URL, domain, &primary, &primary_size);
	bson_t doc = BSON_INITIALIZER;
	struct list subdomains = { .array = BSON_INITIALIZER };
	nv_edge_put_id(&doc, "id", domain);
	nv_edge_put_lower(&doc, "domain", name, name_size);
	nv_edge_put_string(&doc, "target_url", payload.domain, NV_ROLE_TARGET_URL, domain, "");
	put_targets(&payload, &doc, primary, "", 0);
	nv_edge_put_string(&doc, "certificate_pem", payload.domain, NV_ROLE_CERTIFICATE, domain,
	                   "");
	nv_edge_put_key(&doc, "private_key_pem", payload.domain, NV_ROLE_PRIVATE_KEY, domain,
	                nv_schema_mask(schema), "");
	nv_edge_put_policy(&doc, payload.domain, NV_ROLE_POLICY, domain);
	put_team(&payload, &doc);
	bson_append_bool(&doc, "active", -1, true);
	each_subdomain(&payload, put_subdomain, &subdomains);
	bson_append_array(&doc, "subdomains", -1, &subdomains.array);
	int rc = put_proxy_config(&payload, &doc);
	put_records(&payload, &doc);
	rc = rc ? rc : put_rules(&payload, &doc, name, name_size);
	rc = rc ? rc : nv_json_format(&doc, 0, out);
	bson_destroy(&subdomains.array);
	bson_destroy(&doc);
	return rc < 0 ? -ENOMEM : 0;
}
