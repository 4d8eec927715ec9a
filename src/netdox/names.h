/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What names mean in Netdox: qualified DNS names, node ids, and how an object's name becomes a
 * component of a path. Pure.
 */
#ifndef NV_NETDOX_NAMES_H
#define NV_NETDOX_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/error.h"
#include "codec/bytes.h"
#include "netdox/layout.h"

/* A borrowed view as a byte string; it is never written through. */
static inline struct nv_bytes nv_view(const char *data, size_t size)
{
	return (struct nv_bytes){ (char *)(uintptr_t)data, size };
}

/* True for the name of a network: [A-Za-z0-9_-]+ */
bool nv_network_is_valid(const char *name, size_t size);

/* Splits `[NET]name` (borrowed parts; the name may be empty). False when member is not of that
 * form. */
bool nv_dns_split(const struct nv_bytes *member, struct nv_bytes *ret_network,
                  struct nv_bytes *ret_name);

/* Appends `[network]name`; only the name when network is empty (members of no network's form). */
void nv_dns_join(struct nv_buf *out, const struct nv_bytes *network, const struct nv_bytes *name);

/* The part of a node id after its last ';': the plugin. Borrowed. The whole when there is none. */
struct nv_bytes nv_node_plugin(const struct nv_bytes *id);

/* Whether a new node may have this id: qualified names, sorted bytewise, unique, then the plugin.
 * -EINVAL with the reason and, where there is one, the id that would do. */
int nv_node_id_check(const struct nv_bytes *id, struct nv_err *err);

/* Whether a new name, plugin, type or id may be this: not empty, no ';', for plugins not one of
 * the reserved. noun is for the reason. */
int nv_new_name_check(const char *noun, bool is_plugin, const struct nv_bytes *name,
                      struct nv_err *err);

/* Appends the path component of an object of this kind (of a DNS name: without its network) and
 * says whether it is cut. */
void nv_object_component(enum nv_object object, const struct nv_bytes *id, struct nv_buf *out,
                         bool *ret_cut);

/* 1 when the path of such an object's directory says its name in whole, 0 when it is cut somewhere,
 * -ENOMEM. */
int nv_object_is_whole(enum nv_object object, const struct nv_bytes *id);

/* The name that the component of an object stands for (borrowed part of id). */
struct nv_bytes nv_object_name(enum nv_object object, const struct nv_bytes *id);

/* Appends the path component of a file named by an id (pdata, reports, plugins, orphans). */
void nv_file_component(const struct nv_bytes *id, struct nv_buf *out, bool *ret_cut);

/* Reads a time of `last-modified`: ISO 8601 with a date and a time; no zone means UTC. False
 * when it is none. */
bool nv_stamp_parse(const char *text, size_t size, struct timespec *ret_time);

/* Appends the time as "2026-11-24T13:31:01.123Z". */
void nv_stamp_format(const struct timespec *time, struct nv_buf *out);

/* Appends the bytes for a message: printable ASCII and UTF-8 as it is, else \xHH; at most 120
 * bytes of it. */
void nv_printable(struct nv_buf *out, const char *data, size_t size);

#endif
