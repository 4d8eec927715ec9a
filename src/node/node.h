/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one interface between fs/ and save/ (which know files) and the families netdox/, netgoat/,
 * views/, ctl/ (which know data).
 *
 * A row (src/tree.c) is a kind of path; a node is one path: a row and the names its pattern
 * captured. Families answer for nodes: what is there (lookup, list, load) and what a change means
 * (save, mkdir, rmdir, unlink, rename, symlink). They never see handles, inodes, scratch files or
 * parked names. save/ never sees a key or a document.
 *
 * Names in nodes and entries are path components as listed (canonical, escaped as DESIGN 2 "Names";
 * node/name.h decodes them).
 */
#ifndef NV_NODE_NODE_H
#define NV_NODE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "node/blob.h"

enum nv_type {
	NV_DIR = 1,
	NV_FILE,
	NV_LINK,
};

/* Whose state a row's ops are called with (struct nv_tree.self). */
enum nv_family {
	NV_FAMILY_ROOT,
	NV_FAMILY_NETGOAT,
	NV_FAMILY_NETDOX,
	NV_FAMILY_VIEWS,
	NV_FAMILY_CTL,
	NV_FAMILY_COUNT,
};

enum nv_row_flags {
	/* file or link: never written, removed or renamed by a user (EACCES at open for writing,
	 * EPERM else) */
	NV_ROW_READONLY = 1 << 0,
	/* dir: a part of every object of its kind: can always be entered and written to, rmdir only
	 * hides it; not listed while empty (but records/) */
	NV_ROW_STRUCTURAL = 1 << 1,
	NV_ROW_OBJECT = 1 << 2, /* dir: stands for an object; mkdir creates, rmdir deletes it */
	/* file: the object's own json; listed last; unlink only hides it for 2 s */
	NV_ROW_OWN = 1 << 3,
	/* what the mount derives inside an object's directory (id, node, analytics): unlink only
	 * hides it; a directory: nothing in it can be made */
	NV_ROW_DERIVED = 1 << 4,
	/* file: changelogs and .netviewfs: reads see the newest text, not the snapshot of the
	 * handle */
	NV_ROW_GROWS = 1 << 5,
	/* file: a kind without suffix (pdata, reports, node plugins): new names are committed
	 * late */
	NV_ROW_ANYNAME = 1 << 6,
	NV_ROW_PRIVATE = 1 << 7, /* mode 0600 (dir 0700) */
	/* dir (not structural): neither listed nor entered while it has nothing (orphans) */
	NV_ROW_HIDDEN_EMPTY = 1 << 8,
	/* the last component is a name, although it begins with an upper-case letter (README) */
	NV_ROW_FIXED = 1 << 10,
	/* unlink, create and saves act at once, never parked (control files) */
	NV_ROW_NO_DELAY = 1 << 9,

	/* What differs in full and restore mounts; nv_rows_new turns them into the flags above. */

	/* the row exists in full and restore mounts only */
	NV_ROW_FULL = 1 << 11,
	/* not READONLY and not DERIVED in a restore mount (the changelogs, what others compute) */
	NV_ROW_RESTORED = 1 << 12,
	/* file: removed in any mount, written in full and restore mounts only (orphans) */
	NV_ROW_UNSAVED = 1 << 13,
	/* link: READONLY and DERIVED in full and restore mounts, where documents say it */
	NV_ROW_LINKED = 1 << 14,
	/* dir: in full and restore mounts (if also RESTORED: in the latter) mkdir makes only a name
	 * in memory; a text saved in it makes the object. In other mounts this flag is not set */
	NV_ROW_NAMED = 1 << 15,
	/* file: in a restore mount one of no bytes, also one that was only created, is a text: its
	 * being there says something. In other mounts this flag is not set */
	NV_ROW_EMPTY = 1 << 16,
	/* file: in a restore mount another path may bring it about; who makes its directory sees it
	 * only once he has made it. In other mounts this flag is not set */
	NV_ROW_SHARED = 1 << 17,
	/* as RESTORED, and in a full mount too (what is measured and not made, but brought back) */
	NV_ROW_REFILLED = 1 << 18,
};

/* -o full, -o restore; each can do what those before it can. */
enum nv_mount_mode {
	NV_MOUNT_NORMAL,
	NV_MOUNT_FULL,    /* whole documents, secrets and state; all 0600 */
	NV_MOUNT_RESTORE, /* what is written is what stood in the old stores: no log, no stamp */
};

struct nv_node_ops;

/* One kind of path. All rows stand in src/tree.c. */
struct nv_row {
	/* "netdox/dns/NETWORK/NAME/records": a component that begins with an upper-case letter
	 * captures one name; what follows its last dot, when lower-case, is a fixed suffix
	 * ("NAME.TYPE.json"); no leading slash; "" = the root */
	const char *pattern;
	enum nv_type type;
	enum nv_family family;
	int kind;       /* the family's own number of the kind, for ops shared by rows */
	unsigned flags; /* enum nv_row_flags */
	const struct nv_node_ops *ops;
};

#define NV_NODE_NAMES_MAX 8

/* sampled_ms of what never ages (fixed names). Half the range, so that ages can be computed from
 * it. */
#define NV_SAMPLED_ALWAYS (INT64_MAX / 2)

/* Bytes of storage that nv_tree_resolve needs for a path. */
#define NV_NODE_STORAGE(path) (strlen(path) + 1)

/* One path of the mount. Plain value, borrowed strings. */
struct nv_node {
	const struct nv_row *row;
	/* state of row->family; the tree itself where ops are nv_static_dir_ops */
	void *self;
	const char *path; /* below the mount, no leading slash ("" = root) */
	const char *name; /* last component of path */
	size_t names_count;
	/* captured components, outermost first, suffix included */
	const char *names[NV_NODE_NAMES_MAX];
};

/* Who asks, and where the reasons of a refusal go. */
struct nv_call {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* thread id of the caller; 0 = the mount itself or unknown */
	/* never NULL; each reason of a refusal, with line and column where there is one */
	struct nv_faults *faults;
};

/* One name of a directory. */
struct nv_entry {
	char *name; /* owned; canonical */
	const struct nv_row *row;
	/* owned reference. Files: the content (NULL only when over the listing's budget); links:
	 * the target; dirs: NULL */
	struct nv_blob *blob;
	uint64_t size;         /* files and links: bytes, exact, also when blob is NULL */
	struct timespec mtime; /* when blob is NULL: as blob->mtime */
	bool stamped;          /* when blob is NULL: as blob->stamped */
	/* nv_clock_ms just before the query that saw it was sent; the name and content are true as
	 * of then */
	int64_t sampled_ms;
};

/* The names of a directory, sorted bytewise but NV_ROW_OWN last. Immutable, refcounted. */
struct nv_listing {
	atomic_uint refs;
	int64_t sampled_ms;
	size_t count;
	size_t cap;
	struct nv_entry *entries; /* owned */
};

struct nv_listing *nv_listing_new(int64_t sampled_ms); /* NULL when out of memory */
struct nv_listing *nv_listing_ref(struct nv_listing *listing);
void nv_listing_unref(struct nv_listing *listing);
/* Appends an entry; takes ownership of name and one reference of blob (may be NULL), also on
 * failure. size, mtime and stamped are taken from blob. 0 or -ENOMEM. */
int nv_listing_add(struct nv_listing *listing, const struct nv_row *row, char *name,
                   struct nv_blob *blob);
/* Sorts; call once after the last add. */
void nv_listing_sort(struct nv_listing *listing);
/* The entry of that name, or NULL. Only after the sort. */
const struct nv_entry *nv_listing_find(const struct nv_listing *listing, const char *name);
/* Frees what an entry owns. */
void nv_entry_release(struct nv_entry *entry);
/* Copies an entry (name copied, blob referenced). 0 or -ENOMEM. */
int nv_entry_copy(struct nv_entry *ret_entry, const struct nv_entry *entry);

static inline void nv_cleanup_listing(struct nv_listing **listing)
{
	nv_listing_unref(*listing);
}
#define cleanup_listing __attribute__((cleanup(nv_cleanup_listing)))
#define cleanup_entry __attribute__((cleanup(nv_entry_release)))

/* What is to be saved. */
struct nv_save_request {
	/* the version its writer read (borrowed); NULL: the writer saw no datum there */
	struct nv_blob *base;
	/* a version deleted through this mount within 2 s, whose identity and hidden fields a
	 * create takes over; or NULL */
	struct nv_blob *parent;
	const char *text; /* the whole new content */
	size_t size;
};

/* What became of it. Zeroed by the caller. */
struct nv_save_result {
	/* what is stored now, in canonical text; NULL when the content removed the datum */
	struct nv_blob *blob;
	/* with -ESTALE: the stored version it clashed with; NULL = deleted */
	struct nv_blob *theirs;
	/* when the datum is listed under another name than the node's (a record created as
	 * www.A~new.json): that name; else NULL */
	char *name;
	bool changed; /* the store was written (false: no-op save) */
};

void nv_save_result_release(struct nv_save_result *result);

enum nv_check {
	NV_CHECK_PREFIX, /* more may follow: complain only of what no continuation can repair */
	NV_CHECK_WHOLE,  /* nothing follows */
};

/*
 * What a kind of path can do. A NULL slot means: lookup/list -ENOENT/-ENOTDIR, load -EISDIR, check
 * "fine", all others -EPERM. Every slot: returns 0 or -errno; sets *err on failure; ret_x untouched
 * on failure. Blocks on the store, within its deadline. Legal everywhere: -EIO -ETIMEDOUT (store),
 * -ENOMEM, -EACCES (store refuses the login). Others per slot. Any thread; no lock of fs/ or save/
 * is held.
 *
 * Freshness (law 7): an answer may come from a cache only when it is under 1 s old and the same
 * name was already listed or read by the user from it (node/cache.h has that rule); sampled_ms
 * tells fs/ how long the kernel may keep it.
 */
struct nv_node_ops {
	const char *name;

	/* Dirs: is there a child of that name? Accepts any spelling of the name (escapes, long form
	 * NAME~ID); ret_entry->name is canonical. child is the node as named by the user, its row
	 * already found by pattern. -ENOENT; -ENOTUNIQ (a plain name of several documents). */
	int (*lookup)(void *self, const struct nv_call *call, const struct nv_node *child,
	              struct nv_entry *ret_entry, struct nv_err *err);

	/* Dirs: all names, with contents; one batch. -ENOENT when the directory's object is
	 * gone. */
	int (*list)(void *self, const struct nv_call *call, const struct nv_node *dir,
	            struct nv_listing **ret_listing, struct nv_err *err);

	/* Files and links: the content. -ENOENT. */
	int (*load)(void *self, const struct nv_call *call, const struct nv_node *node,
	            struct nv_blob **ret_blob, struct nv_err *err);

	/* Dirs: may a file of child's name be created here? Called only when the name matched a
	 * file row. 0; -EINVAL with the reason (create is refused); -ENOTSUP: not a name of this
	 * directory (it becomes a scratch file). NULL: yes. Asks no store. */
	int (*accepts)(void *self, const struct nv_call *call, const struct nv_node *child,
	               struct nv_err *err);

	/* Files: syntax of the text from byte `from` on (0, or the start of the first line not
	 * checked yet; line formats may rely on it, others check the whole). Adds every fault to
	 * call->faults. 0 or -EINVAL. What only the store can tell waits for the save. base: the
	 * version it would be compared with; may be NULL. */
	int (*check)(void *self, const struct nv_call *call, const struct nv_node *node,
	             struct nv_blob *base, const char *text, size_t size, size_t from,
	             enum nv_check how, struct nv_err *err);

	/* Files: make the stored datum what the text says, as a change from request->base,
	 * atomically, with its changelog entries; merge with what others changed; nothing to do
	 * when nothing differs. With base NULL the datum is created, or merged with one that
	 * appeared meanwhile.
	 * -EINVAL (content, faults filled), -ESTALE (result->theirs set), -EEXIST, -EFBIG,
	 * -EROFS. */
	int (*save)(void *self, const struct nv_call *call, const struct nv_node *node,
	            const struct nv_save_request *request, struct nv_save_result *result,
	            struct nv_err *err);

	/* Files and links: delete the datum, with its entries, if it still is what base says (merge
	 * rule: foreign additions to a set survive). check_only: refuse what can be refused (store
	 * up, rights), change nothing. -ENOENT -EPERM -ESTALE. base may be NULL (whatever is
	 * there). */
	int (*unlink)(void *self, const struct nv_call *call, const struct nv_node *node,
	              struct nv_blob *base, bool check_only, struct nv_err *err);

	/* Dirs: create the object child stands for. -EEXIST -EINVAL (name) -EPERM. */
	int (*mkdir)(void *self, const struct nv_call *call, const struct nv_node *child,
	             struct nv_err *err);

	/* Dirs: delete the object. -ENOTEMPTY while other documents or keys are in it (its own json
	 * and derived names do not count) -ENOENT -EPERM. */
	int (*rmdir)(void *self, const struct nv_call *call, const struct nv_node *dir,
	             struct nv_err *err);

	/* Files and dirs: give the datum another name, in one commit. to is a node of the same
	 * family; an existing file there is replaced only when replace is set (then its datum is
	 * deleted in the same commit), else -EEXIST. -EXDEV (mv then copies), -EPERM, -EINVAL. */
	int (*rename)(void *self, const struct nv_call *call, const struct nv_node *from,
	              const struct nv_node *to, bool replace, struct nv_err *err);

	/* Dirs: make the link child with that target. -EEXIST -EINVAL (target) -EPERM. */
	int (*symlink)(void *self, const struct nv_call *call, const struct nv_node *child,
	               const char *target, struct nv_err *err);
};

/* The tree of one mount: the rows of src/tree.c with their children found, and each family's
 * state. */
struct nv_tree {
	const struct nv_row *rows; /* rows[0] is the root */
	size_t rows_count;
	/* borrowed; NULL = the family is not mounted, its rows do not exist */
	void *self[NV_FAMILY_COUNT];
};

/* The rows as a mount of that mode has them. 0 or -ENOMEM. Owns: free with free(). */
int nv_rows_new(const struct nv_row *table, size_t count, enum nv_mount_mode mode,
                struct nv_row **ret_rows, size_t *ret_count);

/* The row of the child `name` of a directory row: a fixed name wins over a capture; NULL = no row
 * (such a file can only be scratch). type 0 = any; else only rows of that type (link rows count as
 * files). A capture with a suffix needs a non-empty name before it. */
const struct nv_row *nv_tree_child(const struct nv_tree *tree, const struct nv_row *dir,
                                   const char *name, enum nv_type type);

/* The next child row of dir after prev (NULL = first), fixed names and captures alike, mounted
 * families only; NULL at the end. */
const struct nv_row *nv_tree_next_child(const struct nv_tree *tree, const struct nv_row *dir,
                                        const struct nv_row *prev);

/* The last component of the row's pattern ("records", "NAME"). */
const char *nv_row_component(const struct nv_row *row);

/* True when the last component captures. */
bool nv_row_is_capture(const struct nv_row *row);

/* Fills *ret_node from a path below the mount; path is borrowed and cut into storage (owned by the
 * caller, NV_NODE_STORAGE(path) bytes at least).
 * -ENOENT when no rows match. Resolves names by row only; asks no family. */
int nv_tree_resolve(const struct nv_tree *tree, const char *path, char *storage,
                    size_t storage_size, struct nv_node *ret_node);

/* Fills *ret_child as the child of dir with that row and name; child_path is storage for its path
 * (borrowed by the node). -ENAMETOOLONG when it does not fit. */
int nv_node_child(const struct nv_tree *tree, const struct nv_node *dir, const struct nv_row *row,
                  const char *name, char *child_path, size_t child_path_size,
                  struct nv_node *ret_child);

/* Ops of directories all of whose children are fixed names of mounted families (the root). Their
 * self is the struct nv_tree. */
extern const struct nv_node_ops nv_static_dir_ops;

#endif
