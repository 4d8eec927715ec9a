/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A document on its way to another path: what must change in it. Files and objects are committed
 * by rename.c and rename_object.c.
 */
#ifndef NV_NETGOAT_JOURNEY_H
#define NV_NETGOAT_JOURNEY_H

#include "netgoat/docop.h"

#define NV_JOURNEY_TRIES 8 /* each follows a change by somebody else */

/* One document on its way. */
struct nv_journey {
	struct nv_netgoat *ng;
	const struct nv_node *from;
	const struct nv_node *to;
	struct nv_subject *subject; /* of the new path */
	const bson_t *doc;          /* as stored now */
	const char *collection;
	/* doc, and its siblings where they are asked; in subject's arena */
	const bson_t *const *samples;
	size_t samples_count;
	struct nv_bson_changes changes;
	bool moved; /* to another parent */
};

/* Sets (value NULL: unsets) a field, if that is a change. 0 or -ENOMEM. */
int nv_journey_set(struct nv_journey *journey, const char *path, const struct nv_raw_elem *value);

/* The name fields as the new path has them; forms that mean the same stay. 0 or -ENOMEM. */
int nv_journey_set_names(struct nv_journey *journey);

/* The references to the new parents and the copies of their names. 0 or -ENOMEM. */
int nv_journey_set_references(struct nv_journey *journey);

/* Finds the spelling of what the document gets anew. Before the two above, once doc is known. 0,
 * -ENOMEM, the store's. */
int nv_journey_learn(struct nv_journey *journey, struct nv_err *err);

/* The changed document, checked. 0, -EINVAL (faults), -ENOMEM. */
int nv_journey_check(struct nv_journey *journey, bson_t **ret_doc, struct nv_err *err);

/* Ids do not change: a path that names another one cannot be this document's. 0, -EINVAL,
 * -EPERM. */
int nv_journey_check_ids(struct nv_journey *journey, struct nv_err *err);

/* "move" or "rename". */
const char *nv_journey_verb(const struct nv_journey *journey);

/* Two paths of one directory. */
bool nv_journey_same_directory(const struct nv_node *a, const struct nv_node *b);

#endif
