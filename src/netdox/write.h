/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes of netdox/: the ops of directories and files that write, and what they share. Private to
 * netdox/.
 */
#ifndef NV_NETDOX_WRITE_H
#define NV_NETDOX_WRITE_H

#include "codec/data.h"
#include "netdox/keyedit.h"
#include "netdox/family.h"
#include "netdox/records.h"

/* objects_write.c: as the slots of nv_node_ops. */
int nv_write_accepts(void *self, const struct nv_call *call, const struct nv_node *child,
                     struct nv_err *err);
int nv_write_mkdir(void *self, const struct nv_call *call, const struct nv_node *child,
                   struct nv_err *err);
int nv_write_rmdir(void *self, const struct nv_call *call, const struct nv_node *dir,
                   struct nv_err *err);
int nv_write_rename_dir(void *self, const struct nv_call *call, const struct nv_node *from,
                        const struct nv_node *to, bool replace, struct nv_err *err);

/* write.c: as the slots of nv_node_ops, for files of every kind. */
int nv_write_save(void *self, const struct nv_call *call, const struct nv_node *node,
                  const struct nv_save_request *request, struct nv_save_result *result,
                  struct nv_err *err);
int nv_write_unlink(void *self, const struct nv_call *call, const struct nv_node *node,
                    struct nv_blob *base, bool check_only, struct nv_err *err);

/* check.c: as the slot of nv_node_ops. */
int nv_write_check(void *self, const struct nv_call *call, const struct nv_node *node,
                   struct nv_blob *base, const char *text, size_t size, size_t from,
                   enum nv_check how, struct nv_err *err);

/* One change of one file: where it is, what it was, what its commit will be. */
struct nv_change {
	struct nv_netdox *netdox;
	const struct nv_call *call;
	const struct nv_node *node;
	const struct nv_layout *layout;
	struct nv_target *target;
	struct nv_vars vars;        /* $0 the object, $1 the file's id; borrowed from target */
	const struct nv_blob *base; /* borrowed; NULL = the writer saw nothing */
	struct nv_keyedit edit;
	/* owned; as asked for this change; absent = not asked, or not set */
	struct nv_bytes default_network;
};

void nv_change_release(struct nv_change *change);
#define cleanup_change __attribute__((cleanup(nv_change_release)))

/* A key of a template with the change's variables: an owned string; out of memory makes the
 * commit fail. */
struct nv_bytes nv_change_key(struct nv_change *change, const char *template);

/* The same with other variables. */
struct nv_bytes nv_change_expand(struct nv_change *change, const char *template,
                                 const struct nv_vars *vars);

/* P by the layout's rule; header: the details of Data (NULL elsewhere). Borrowed. */
struct nv_bytes nv_change_plugin(const struct nv_change *change, const struct nv_vars *vars,
                                 const struct nv_fields *header);

/* The entry of the layout's V for that word. */
size_t nv_change_entry(struct nv_change *change, const char *word, const struct nv_bytes *plugin);

/* Takes target->file_id, that may just have become known, into the variables. 0 or -ENOMEM. */
int nv_change_name_file(struct nv_change *change);

/* The object that the file is in must still be there (-ENOENT), and the file's own index name it
 * (errnum) unless that is 0. */
void nv_change_expect(struct nv_change *change, int named_errnum);

/* Each adds to change->edit what makes the stored datum what text says, as a change from
 * change->base. 0; -EINVAL with faults, -ENOMEM, or the store's errors where something must be
 * asked first. */
int nv_save_sets(struct nv_change *change, const char *text, size_t size, struct nv_err *err);
int nv_save_value(struct nv_change *change, const char *text, size_t size, struct nv_err *err);
int nv_save_fields(struct nv_change *change, const char *text, size_t size, struct nv_err *err);
int nv_save_data(struct nv_change *change, const char *text, size_t size, struct nv_err *err);

/* save_data.c: writes a key of orphans/, as a change from change->base. */
int nv_save_orphan(struct nv_change *change, enum nv_redis_db db, const char *text, size_t size,
                   struct nv_err *err);

/* Whether a name in orphans/ (the whole one) is a key of the model: else -EINVAL. */
int nv_orphan_key_check(const struct nv_bytes *key, struct nv_err *err);

/* save_data.c: parses Data and takes the whole name out of the third word. -EINVAL with faults. */
int nv_data_take(struct nv_change *change, const char *text, size_t size, struct nv_data *ret_data,
                 struct nv_err *err);

/* restore.c: every text of a backup ends in a newline (or is empty): one that does not is cut short,
 * and half a line must never be taken for a member or a field. -EINVAL with a fault. */
int nv_restore_check(const char *text, size_t size, struct nv_faults *faults, struct nv_err *err);

/* restore.c: adds to change->edit what makes the keys of a file in a restore mount exactly what
 * text says, whatever they were; but of the sets of records, maps and orphans/ only what base has
 * more than text goes. *ret_rest: what is too much for one call, for nv_restore_rest once the first
 * of it is there. -EINVAL with faults, -EFBIG, -ENOMEM. */
struct nv_restore_rest {
	struct nv_bytes key; /* owned */
	enum nv_redis_db db;
	struct nv_data data; /* owned; the whole body */
	size_t done;         /* how many of its parts are in change->edit; 0 and no data: all */
};
bool nv_restore_has_rest(const struct nv_restore_rest *rest);
void nv_restore_rest_release(struct nv_restore_rest *rest);
int nv_restore_save(struct nv_change *change, const char *text, size_t size,
                    struct nv_restore_rest *ret_rest, struct nv_err *err);
int nv_restore_rest(struct nv_netdox *netdox, const struct nv_target *target,
                    struct nv_restore_rest *rest, struct nv_err *err);

/* restore.c: what is stored once a file was saved that no snapshot of an object shows. */
int nv_restore_shown(struct nv_change *change, const char *text, size_t size,
                     struct nv_blob **ret_blob, struct nv_err *err);

/* restore.c: deletes a file that in other mounts is only read. */
void nv_restore_delete(struct nv_change *change);

/* restore.c: mkdir: into the index, and nothing else. */
int nv_restore_mkdir(struct nv_netdox *netdox, const struct nv_node *child, struct nv_err *err);

/* Adds to change->edit what deletes the datum that base says (NULL: whatever is there). */
int nv_delete_sets(struct nv_change *change, struct nv_err *err);
int nv_delete_value(struct nv_change *change, struct nv_err *err);
int nv_delete_fields(struct nv_change *change, struct nv_err *err);
int nv_delete_data(struct nv_change *change, struct nv_err *err);
int nv_delete_orphan(struct nv_change *change, enum nv_redis_db db, struct nv_err *err);

/* save_data.c: gives pdata or a report another name in the same directory. to_id: the new id. */
int nv_rename_data(struct nv_change *change, const struct nv_bytes *to_id, bool replace,
                   struct nv_err *err);

#endif
