/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The inside of save/: the engine, its slots, scratch nodes and handles. Not for fs/.
 *
 * A slot is a name of which the engine knows more than the store. Of a real directory:
 *   SCRATCH  an editor's or tool's file; the store has nothing of that name
 *   PARKED   the store has a datum of that name that this mount hides: unlinked (deleted when due),
 *            moved aside by an editor, or an own json or derived name that only seems to go (both
 *            come back when due)
 *   NEW      created, its text not committed yet; origin is the parked or just deleted version it
 *            replaces, if any
 *   GONE     deleted within the last 2 s: a create takes over the version's identity
 * Of a scratch directory all slots are SCRATCH.
 */
#ifndef NV_SAVE_ENGINE_H
#define NV_SAVE_ENGINE_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/strmap.h"
#include "save/base.h"
#include "save/proc.h"
#include "save/save.h"
#include "save/stage.h"

#define NV_DELETE_DELAY_MS 500 /* unlink → delete; accepted new name → commit */
/* a name moved aside or hidden → back; a new name without text → gone; a deleted datum's identity */
#define NV_RETURN_DELAY_MS 2000
#define NV_SCRATCH_WARN_MS 10000 /* a closed scratch file of no known pattern → a line in errors */
/* an unlink this soon after a refused save by the same process deletes nothing */
#define NV_REFUSAL_MS 10000

enum nv_slot_state { NV_SLOT_SCRATCH, NV_SLOT_PARKED, NV_SLOT_NEW, NV_SLOT_GONE };
enum nv_park_why { NV_PARK_UNLINK, NV_PARK_MOVED, NV_PARK_HIDDEN };

/* The slots that wait for the same delay, in the order of their time: a ring through save->due, so
 * that waiting and its end cost the same for any number. */
struct nv_due {
	struct nv_due *next, *prev; /* NULL = waits for nothing */
};

struct nv_slot {
	struct nv_due due;      /* first: a ring's member is its slot */
	struct nv_names *names; /* the directory it is in */
	char *name;             /* owned */
	uint64_t id;            /* unique; a handle knows the slot it created by it */
	enum nv_slot_state state;
	struct nv_scratch *scratch; /* SCRATCH: owned reference */
	/* PARKED: the hidden version; NEW: the origin it updates; GONE: the version deleted;
	 * SCRATCH: the link it stands in for. May be NULL. Owned */
	struct nv_blob *blob;
	/* NEW: the origin was deleted before (blob is only its identity) */
	bool origin_gone;
	enum nv_park_why why; /* PARKED; SCRATCH with a blob: how that is parked */
	bool accepted;        /* NEW: text holds a checked text that waits for its commit */
	struct nv_stage text; /* NEW and accepted */
	unsigned writers;     /* NEW: open handles */
	bool busy;            /* its commit is under way: others leave it alone */
	int64_t due_ms;       /* when the timer acts, while it is in a ring */
	uid_t uid;            /* on whose behalf */
	gid_t gid;
	struct nv_proc proc; /* who parked or created it */
	bool has_mtime;      /* NEW: a time its writer set */
	struct timespec mtime;
};

/* The slots of one directory. */
struct nv_names {
	char *path;              /* real directory: its path; else NULL. Owned */
	struct nv_strmap *slots; /* name → struct nv_slot, owned */
	/* real directory made by mkdir: to this process it looks empty; {0} = nobody */
	struct nv_proc maker;
	/* names that the maker has made itself; values unused; may be NULL */
	struct nv_strmap *revealed;
};

struct nv_scratch {
	atomic_uint refs;
	struct nv_save *save;
	enum nv_type type;
	uint64_t id;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	unsigned nlink;
	unsigned opens;    /* open handles */
	int64_t closed_ms; /* last close; for "oldest first" */
	bool warned;       /* the line in errors is written */
	struct timespec mtime;
	bool mtime_set;         /* by utimens, not by a write */
	struct nv_stage text;   /* files */
	char *target;           /* links */
	struct nv_names *names; /* dirs */
};

/* A path that a handle had. */
struct nv_retired {
	struct nv_retired *next;
	char *path; /* owned */
};

enum nv_handle_kind {
	NV_HANDLE_READ,    /* a snapshot */
	NV_HANDLE_LIVE,    /* a file that grows: each read sees the newest text */
	NV_HANDLE_WRITE,   /* stages a text */
	NV_HANDLE_COMPARE, /* a read-only file opened to write what it already has */
	NV_HANDLE_SCRATCH,
};

struct nv_handle {
	struct nv_handle *next, *prev; /* engine lock; list of all handles */
	struct nv_save *save;
	enum nv_handle_kind kind;
	/* real files: canonical path; a moved directory sets it under the engine lock */
	char *_Atomic path;
	/* engine lock; earlier values of path, alive as long as the handle: others may be reading
	 * them */
	struct nv_retired *retired;
	struct nv_scratch *scratch; /* SCRATCH: owned reference */
	uid_t uid;                  /* who opened */
	gid_t gid;
	struct nv_proc opener;
	pthread_mutex_t lock; /* all below */
	/* READ, LIVE: what is read. WRITE, COMPARE: the version at open; NULL = none. Owned */
	struct nv_blob *blob;
	/* WRITE: what the next save is compared with; NULL = no datum. Owned */
	struct nv_blob *base;
	uint64_t opened_at; /* WRITE: nv_bases_now at open */
	bool committed;     /* WRITE: base is what the last commit stored */
	struct nv_stage stage;
	bool append;  /* O_APPEND */
	bool emptied; /* O_TRUNC or created: stage starts empty */
	/* made the name: the NEW slot that counts it as writer; 0 = none */
	uint64_t slot_id;
	bool staged;  /* stage is loaded */
	bool written; /* something was written or truncated since open */
	bool dirty;   /* written since the last commit */
	/* so far written from 0 on, or appended: early refusal is possible */
	bool in_order;
	bool reported;        /* the refusal of this text has reached its writer */
	atomic_bool detached; /* its name is gone: nothing is committed */
	/* emptied or dirty: others must not take its name's attributes for settled */
	atomic_bool unsettled;
	atomic_ullong length; /* of stage, for those who do not hold the lock */
	int poison;           /* errno that every further write and flush gets; 0 = none */
	char poison_reason[200];
	struct nv_faults poison_faults; /* what the refused text had wrong, with places */
	/* bytes judged by early refusal: start of the first line not judged */
	size_t checked;
	bool has_mtime;        /* engine lock: a time set while uncommitted */
	struct timespec mtime; /* engine lock */
};

/* A save refused to a process: its next unlink of that name deletes nothing. */
struct nv_refusal {
	char *path; /* owned; NULL = free */
	struct nv_proc proc;
	int64_t until_ms;
};

#define NV_DELAYS 3
#define NV_REFUSALS 64
#define NV_COMMIT_LOCKS 64

struct nv_save {
	struct nv_save_config config;
	struct nv_bases *bases;
	pthread_mutex_t lock; /* the engine lock: all below */
	/* timer: something is due earlier, or stop; also: a busy slot is free */
	pthread_cond_t wake;
	struct nv_strmap *dirs; /* real directory path → struct nv_names, owned */
	/* when there are more, those that say nothing any more are freed */
	size_t dirs_sweep;
	struct nv_strmap *mades;      /* full mounts: made.h; else empty */
	uint64_t made_used;           /* bytes of text kept in it */
	struct nv_due due[NV_DELAYS]; /* a ring for each delay, the earliest next */
	struct nv_handle *handles;    /* all open handles */
	unsigned writers;             /* WRITE handles among them */
	size_t scratch_used;          /* bytes of all scratch text */
	uint64_t next_id;             /* of scratch nodes and slots */
	struct nv_refusal refusals[NV_REFUSALS];
	unsigned next_refusal;
	int64_t wake_ms; /* when the timer looks again by itself; -1 = never */
	bool stop;
	bool timer_running;
	pthread_t timer;
	/* by path hash: own saves of one file come one after the other; taken before the engine
	 * lock */
	pthread_mutex_t commit_locks[NV_COMMIT_LOCKS];
};

/* A path cut into a node. */
struct nv_at {
	struct nv_node node;
	char path[PATH_MAX];
	char storage[PATH_MAX];
};
/* The node of a path. -ENOENT -ENAMETOOLONG. */
int nv_at_path(struct nv_save *save, const char *path, struct nv_at *ret_at, struct nv_err *err);
/* The node of a name in a real directory whose row is known to be row (NULL: found by name; -ENOENT
 * when none). */
int nv_at_child(struct nv_save *save, const char *dir, const char *name, const struct nv_row *row,
                struct nv_at *ret_at, struct nv_err *err);
/* dir + "/" + name into out (PATH_MAX). -ENAMETOOLONG. */
int nv_path_join(char *out, const char *dir, const char *name);
/* Cuts path into its directory (into out, PATH_MAX) and last component (into path). */
const char *nv_path_split(char *out, const char *path);

/* --- slots (slots.c); engine lock held --- */
struct nv_names *nv_names_new(void);
void nv_names_free(struct nv_names *names);
/* True when nothing is known of the directory any more: no slots, and who made it has ended. */
bool nv_names_is_idle(struct nv_names *names);
/* The slots of a place; create makes them (then no other names may be held: idle ones go). NULL
 * when there are none (or no memory). */
struct nv_names *nv_names_of(struct nv_save *save, struct nv_place place, bool create);
struct nv_slot *nv_slot_get(struct nv_names *names, const char *name);
/* A new slot in place of any old one (freed). NULL when out of memory. */
struct nv_slot *nv_slot_put(struct nv_save *save, struct nv_names *names, const char *name,
                            enum nv_slot_state state, const struct nv_call *call);
/* Removes and frees. */
void nv_slot_drop(struct nv_names *names, const char *name);
void nv_slot_free(void *slot);
/* Waits until no commit of that name is under way; the slot, or NULL. */
struct nv_slot *nv_slot_settled(struct nv_save *save, struct nv_place place, const char *name);
/* The timer acts on it after that delay, one of the NV_…_MS above; called again, it starts anew. */
void nv_slot_due(struct nv_save *save, struct nv_slot *slot, int64_t delay_ms);
/* A scratch file in a real directory that has the name of no tool's: reported when it stays. */
void nv_slot_watch(struct nv_save *save, struct nv_place place, struct nv_slot *slot);
/* The same of one that was created under its name, not moved aside by a tool: a copy called *.bak
 * and the like is reported, too. */
void nv_slot_watch_made(struct nv_save *save, struct nv_place place, struct nv_slot *slot);
/* The timer leaves it alone. */
void nv_slot_undue(struct nv_slot *slot);
/* The slot that is due first, or NULL. */
struct nv_slot *nv_slot_first_due(struct nv_save *save);
/* A commit of it begins: it is busy and waits for nothing. */
void nv_slot_take(struct nv_slot *slot);
/* True when a fresh directory hides the name of that row from the caller. */
bool nv_names_hides(struct nv_names *names, const struct nv_row *row, const char *name,
                    const struct nv_call *call);
/* The directory was just made by the caller, to whom it looks empty. */
void nv_names_look_empty(struct nv_save *save, const struct nv_call *call, const char *path);
/* The caller makes name itself: true when it is the maker, who did not see that name till now. */
bool nv_names_reveal(struct nv_names *names, const char *name, const struct nv_call *call);
/* At the mount's end: frees the handles whose RELEASE never came; commits nothing. */
void nv_handles_free(struct nv_save *save);

/* Real directory `from` is now `to`: its slots and handles follow. */
void nv_names_rebase(struct nv_save *save, const char *from, const char *to);

/* --- scratch (scratch.c); engine lock held unless said --- */
struct nv_scratch *nv_scratch_new(struct nv_save *save, enum nv_type type, mode_t mode,
                                  const struct nv_call *call);
/* Makes room for grow more bytes: drops the oldest closed backups. -ENOSPC. */
int nv_scratch_reserve(struct nv_save *save, size_t grow, struct nv_err *err);
int nv_scratch_write(struct nv_scratch *scratch, const char *data, size_t size, uint64_t offset,
                     struct nv_err *err);
int nv_scratch_truncate(struct nv_scratch *scratch, uint64_t size, struct nv_err *err);

/* --- commits (commit.c); no lock held --- */
/* Saves text as the file at: the one place where ops->save is called. base, parent borrowed.
 * *ret_blob (may be NULL): what is stored now, or NULL. */
int nv_commit_text(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                   struct nv_blob *base, struct nv_blob *parent, const char *text, size_t size,
                   const struct timespec *set_mtime, struct nv_blob **ret_blob, struct nv_err *err);
/* Counts a commit by its result; control files are none. */
void nv_commit_count(struct nv_save *save, const struct nv_row *row, int result);
/* Deletes: the one place where ops->unlink is called in earnest. */
int nv_commit_delete(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
                     struct nv_blob *base, struct nv_err *err);
/* Acts on the slot dir/name now, whatever its due time: deletes a parked name, commits an accepted
 * new one. 0 when there is nothing to do. */
int nv_commit_slot(struct nv_save *save, const char *dir, const char *name, struct nv_err *err);
/* The same for all slots of dir (and below it, when deep). The first error is returned; all are
 * reported. */
int nv_commit_dir(struct nv_save *save, const char *dir, bool deep, struct nv_err *err);
/* Remembers / asks / forgets that a save of path was refused to proc. Takes the engine lock. */
void nv_refusal_add(struct nv_save *save, const char *path, struct nv_proc proc);
bool nv_refusal_take(struct nv_save *save, const char *path, struct nv_proc proc);

/* Cuts the handles of a name off: they keep their text and commit nothing (names.c). Engine lock
 * held. */
void nv_handles_detach(struct nv_save *save, const char *path);

/* --- timer (park.c) --- */
int nv_timer_start(struct nv_save *save);
void nv_timer_stop(struct nv_save *save);

/* What a name that is free now would be as a file: 1 = a real one (*ret_at), 0 = scratch, -errno =
 * refused (open.c). No lock held. */
int nv_classify(struct nv_save *save, const struct nv_call *call, struct nv_place place,
                const char *name, struct nv_at *ret_at, struct nv_err *err);

/* True when no bytes are a text of the handle's file too, written or not (open.c). */
bool nv_handle_takes_empty(const struct nv_handle *h);

/* The current version of a file: its entry's blob, loaded when the listing had none. -ENOENT. */
int nv_load(struct nv_save *save, const struct nv_call *call, const struct nv_at *at,
            struct nv_blob **ret_blob, struct nv_err *err);

static inline void nv_lock(struct nv_save *save)
{
	(void)pthread_mutex_lock(&save->lock);
}

static inline void nv_unlock(struct nv_save *save)
{
	(void)pthread_mutex_unlock(&save->lock);
}

#endif
