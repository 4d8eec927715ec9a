/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks: what the names in `dns` say, and those that mkdir made and that no name has yet.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/lines.h"
#include "netdox/family.h"
#include "netdox/names.h"

enum { GONE_MS = 2000 };

/* Whether a network in memory still counts. Lock held. */
static bool is_current(const struct nv_netdox *netdox, const int64_t *until_ms)
{
	return until_ms && nv_clock_ms(netdox->clock) < *until_ms;
}

bool nv_networks_has(struct nv_netdox *netdox, const struct nv_bytes *network)
{
	bool has;

	pthread_mutex_lock(&netdox->lock);
	has = is_current(netdox, nv_strmap_get(netdox->networks, network->data, network->size));
	pthread_mutex_unlock(&netdox->lock);
	return has;
}

int nv_networks_add(struct nv_netdox *netdox, const struct nv_bytes *network, bool made)
{
	int64_t *until_ms = malloc(sizeof(*until_ms));
	void *old = NULL;
	int r;

	if (!until_ms) {
		return -ENOMEM;
	}
	*until_ms = made ? INT64_MAX : nv_clock_ms(netdox->clock) + GONE_MS;
	pthread_mutex_lock(&netdox->lock);
	const int64_t *known = nv_strmap_get(netdox->networks, network->data, network->size);
	if (known && *known == INT64_MAX) {
		*until_ms = INT64_MAX;
	}
	r = nv_strmap_set(netdox->networks, network->data, network->size, until_ms, &old);
	pthread_mutex_unlock(&netdox->lock);
	free(r < 0 ? until_ms : old);
	return r;
}

void nv_networks_remove(struct nv_netdox *netdox, const struct nv_bytes *network)
{
	void *until_ms;

	pthread_mutex_lock(&netdox->lock);
	until_ms = nv_strmap_remove(netdox->networks, network->data, network->size);
	pthread_mutex_unlock(&netdox->lock);
	free(until_ms);
}

/* The network of a member of `dns`; empty when it is of none. */
static struct nv_bytes network_of(const struct nv_bytes *member)
{
	struct nv_bytes network = nv_view("", 0);
	struct nv_bytes name;

	(void)nv_dns_split(member, &network, &name); /* false leaves it empty */
	return network;
}

bool nv_networks_in_list(const struct nv_snapshot *list, const struct nv_bytes *network)
{
	for (size_t i = 0; i < list->members.count; i++) {
		struct nv_bytes found = network_of(&list->members.items[i].bytes);

		if (nv_bytes_equal(&found, network)) {
			return true;
		}
	}
	return false;
}

/* The networks in memory, copied out of the lock. */
static int copy_networks(struct nv_netdox *netdox, struct nv_lines *ret_networks)
{
	size_t cursor = 0;
	const char *name;
	size_t size;
	void *value;
	int r = 0;

	pthread_mutex_lock(&netdox->lock);
	while (r == 0 && nv_strmap_next(netdox->networks, &cursor, &name, &size, &value)) {
		if (is_current(netdox, value)) {
			r = nv_lines_add(ret_networks, name, size, 0);
		}
	}
	pthread_mutex_unlock(&netdox->lock);
	return r;
}

int nv_networks_each(struct nv_netdox *netdox, const struct nv_snapshot *list,
                     int (*fn)(void *ctx, const struct nv_bytes *network), void *ctx)
{
	struct nv_lines networks cleanup_lines = NV_LINES_INIT;
	struct nv_bytes last = NV_BYTES_INIT;
	int r = copy_networks(netdox, &networks);

	/* The list is sorted, so names of one network mostly stand together; the sort below
	 * makes the rest one. */
	for (size_t i = 0; r == 0 && i < list->members.count; i++) {
		struct nv_bytes network = network_of(&list->members.items[i].bytes);

		if (!last.data || !nv_bytes_equal(&network, &last)) {
			r = nv_lines_add(&networks, network.data, network.size, 0);
			last = network;
		}
	}
	nv_lines_sort(&networks);
	for (size_t i = 0; r == 0 && i < networks.count; i++) {
		r = fn(ctx, &networks.items[i].bytes);
	}
	return r;
}
