/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "node/node.h"

enum {
	ROOT,
	DNS,
	NETWORK,
	NAME,
	RECORDS,
	NODE_LINK,
	PDATA,
	PDATA_ID,
	ZONES,
	JSON,
	ANY,
	FIXED,
	VIEWS,
	ROWS
};

static const struct nv_row rows[] = {
	[ROOT] = { .pattern = "",
	           .type = NV_DIR,
	           .family = NV_FAMILY_ROOT,
	           .ops = &nv_static_dir_ops },
	[DNS] = { .pattern = "dns", .type = NV_DIR, .family = NV_FAMILY_NETDOX },
	[NETWORK] = { .pattern = "dns/NETWORK", .type = NV_DIR, .family = NV_FAMILY_NETDOX },
	[NAME] = { .pattern = "dns/NETWORK/NAME", .type = NV_DIR, .family = NV_FAMILY_NETDOX },
	[RECORDS] = { .pattern = "dns/NETWORK/NAME/records",
	              .type = NV_FILE,
	              .family = NV_FAMILY_NETDOX },
	[NODE_LINK] = { .pattern = "dns/NETWORK/NAME/node",
	                .type = NV_LINK,
	                .family = NV_FAMILY_NETDOX },
	[PDATA] = { .pattern = "dns/NETWORK/NAME/pdata",
	            .type = NV_DIR,
	            .family = NV_FAMILY_NETDOX },
	[PDATA_ID] = { .pattern = "dns/NETWORK/NAME/pdata/ID",
	               .type = NV_FILE,
	               .family = NV_FAMILY_NETDOX },
	[ZONES] = { .pattern = "zones", .type = NV_DIR, .family = NV_FAMILY_NETGOAT },
	[JSON] = { .pattern = "zones/NAME.TYPE.json",
	           .type = NV_FILE,
	           .family = NV_FAMILY_NETGOAT },
	[ANY] = { .pattern = "zones/ANY", .type = NV_FILE, .family = NV_FAMILY_NETGOAT },
	[FIXED] = { .pattern = "zones/domain.json", .type = NV_FILE, .family = NV_FAMILY_NETGOAT },
	[VIEWS] = { .pattern = "views", .type = NV_DIR, .family = NV_FAMILY_VIEWS },
};

static struct nv_tree make_tree(void)
{
	static int netdox;
	static int netgoat;
	struct nv_tree tree = { .rows = rows, .rows_count = ROWS };

	tree.self[NV_FAMILY_NETDOX] = &netdox;
	tree.self[NV_FAMILY_NETGOAT] = &netgoat;
	return tree;
}

static void test_components(void **state)
{
	(void)state;
	assert_string_equal(nv_row_component(&rows[ROOT]), "");
	assert_string_equal(nv_row_component(&rows[RECORDS]), "records");
	assert_string_equal(nv_row_component(&rows[JSON]), "NAME.TYPE.json");
	assert_true(nv_row_is_capture(&rows[JSON]));
	assert_false(nv_row_is_capture(&rows[FIXED]));
	assert_false(nv_row_is_capture(&rows[ROOT]));
}

static void test_child_prefers_fixed_then_suffix(void **state)
{
	struct nv_tree tree = make_tree();

	(void)state;
	assert_ptr_equal(nv_tree_child(&tree, &rows[ZONES], "domain.json", 0), &rows[FIXED]);
	assert_ptr_equal(nv_tree_child(&tree, &rows[ZONES], "www.A.json", 0), &rows[JSON]);
	assert_ptr_equal(nv_tree_child(&tree, &rows[ZONES], ".json", 0), &rows[ANY]);
	assert_ptr_equal(nv_tree_child(&tree, &rows[ZONES], "www.A.jsn", 0), &rows[ANY]);
	assert_null(nv_tree_child(&tree, &rows[ZONES], "", 0));
}

static void test_child_by_type(void **state)
{
	struct nv_tree tree = make_tree();

	(void)state;
	assert_ptr_equal(nv_tree_child(&tree, &rows[NAME], "node", 0), &rows[NODE_LINK]);
	assert_ptr_equal(nv_tree_child(&tree, &rows[NAME], "node", NV_FILE), &rows[NODE_LINK]);
	assert_ptr_equal(nv_tree_child(&tree, &rows[NAME], "node", NV_LINK), &rows[NODE_LINK]);
	assert_null(nv_tree_child(&tree, &rows[NAME], "node", NV_DIR));
	assert_null(nv_tree_child(&tree, &rows[NAME], "records", NV_LINK));
	assert_null(nv_tree_child(&tree, &rows[NAME], "other", 0));
	assert_ptr_equal(nv_tree_child(&tree, &rows[NETWORK], "records", NV_DIR), &rows[NAME]);
}

static void test_families_not_mounted_have_no_rows(void **state)
{
	struct nv_tree tree = make_tree();
	size_t count = 0;

	(void)state;
	assert_null(nv_tree_child(&tree, &rows[ROOT], "views", 0));
	for (const struct nv_row *row = nv_tree_next_child(&tree, &rows[ROOT], NULL); row;
	     row = nv_tree_next_child(&tree, &rows[ROOT], row)) {
		assert_true(row == &rows[DNS] || row == &rows[ZONES]);
		count++;
	}
	assert_int_equal(count, 2);
	tree.self[NV_FAMILY_NETDOX] = NULL;
	assert_null(nv_tree_child(&tree, &rows[ROOT], "dns", 0));
}

static void test_resolve(void **state)
{
	struct nv_tree tree = make_tree();
	struct nv_node node = { 0 };
	const char *path = "dns/lan/host/pdata/x";
	char storage[64];

	(void)state;
	assert_int_equal(nv_tree_resolve(&tree, path, storage, sizeof(storage), &node), 0);
	assert_ptr_equal(node.row, &rows[PDATA_ID]);
	assert_ptr_equal(node.self, tree.self[NV_FAMILY_NETDOX]);
	assert_string_equal(node.path, path);
	assert_string_equal(node.name, "x");
	assert_int_equal(node.names_count, 3);
	assert_string_equal(node.names[0], "lan");
	assert_string_equal(node.names[1], "host");
	assert_string_equal(node.names[2], "x");

	assert_int_equal(nv_tree_resolve(&tree, "", storage, sizeof(storage), &node), 0);
	assert_ptr_equal(node.row, &rows[ROOT]);
	assert_string_equal(node.name, "");
	assert_int_equal(
		nv_tree_resolve(&tree, "dns/lan/host/nothing", storage, sizeof(storage), &node),
		-ENOENT);
	assert_int_equal(nv_tree_resolve(&tree, "dns//host", storage, sizeof(storage), &node),
	                 -ENOENT);
	assert_int_equal(
		nv_tree_resolve(&tree, "dns/lan/host/records/x", storage, sizeof(storage), &node),
		-ENOENT);
	assert_int_equal(nv_tree_resolve(&tree, path, storage, NV_NODE_STORAGE(path) - 1, &node),
	                 -ENAMETOOLONG);
	assert_int_equal(nv_tree_resolve(&tree, path, storage, NV_NODE_STORAGE(path), &node), 0);
}

static void test_child_nodes(void **state)
{
	struct nv_tree tree = make_tree();
	struct nv_node root = { .row = &rows[ROOT], .path = "", .name = "" };
	struct nv_node dns = { 0 };
	struct nv_node lan = { 0 };
	char dns_path[4];
	char lan_path[16];

	(void)state;
	assert_int_equal(
		nv_node_child(&tree, &root, &rows[DNS], "dns", dns_path, sizeof(dns_path), &dns),
		0);
	assert_string_equal(dns.path, "dns");
	assert_int_equal(dns.names_count, 0);
	assert_int_equal(nv_node_child(&tree, &dns, &rows[NETWORK], "lan", lan_path, 7, &lan),
	                 -ENAMETOOLONG);
	assert_null(lan.row);
	assert_int_equal(nv_node_child(&tree, &dns, &rows[NETWORK], "lan", lan_path, 8, &lan), 0);
	assert_string_equal(lan.path, "dns/lan");
	assert_string_equal(lan.name, "lan");
	assert_int_equal(lan.names_count, 1);
	assert_string_equal(lan.names[0], "lan");
	assert_ptr_equal(lan.self, tree.self[NV_FAMILY_NETDOX]);
}

static void test_static_directory(void **state)
{
	struct nv_tree tree = make_tree();
	struct nv_node root = { .row = &rows[ROOT], .path = "", .name = "" };
	struct nv_faults faults = NV_FAULTS_INIT;
	struct nv_call call = { .faults = &faults };
	struct nv_err err = NV_ERR_INIT;
	cleanup_listing struct nv_listing *listing = NULL;
	cleanup_entry struct nv_entry entry = { 0 };
	struct nv_node child = { 0 };
	char path[16];

	(void)state;
	assert_int_equal(nv_tree_resolve(&tree, "", path, sizeof(path), &root), 0);
	assert_ptr_equal(root.self, &tree);
	assert_int_equal(root.row->ops->list(root.self, &call, &root, &listing, &err), 0);
	assert_int_equal(listing->count, 2);
	assert_string_equal(listing->entries[0].name, "dns");
	assert_string_equal(listing->entries[1].name, "zones");
	assert_int_equal(listing->refs, 1);
	assert_int_equal(
		nv_node_child(&tree, &root, &rows[ZONES], "zones", path, sizeof(path), &child), 0);
	assert_int_equal(nv_static_dir_ops.lookup(&tree, &call, &child, &entry, &err), 0);
	assert_string_equal(entry.name, "zones");
	assert_ptr_equal(entry.row, &rows[ZONES]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_components),
		cmocka_unit_test(test_child_prefers_fixed_then_suffix),
		cmocka_unit_test(test_child_by_type),
		cmocka_unit_test(test_families_not_mounted_have_no_rows),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_child_nodes),
		cmocka_unit_test(test_static_directory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
