/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A blob is one version of one datum: the text as the mount shows it, when it was sampled, and what
 * its family needs to compare a later save with. Immutable once published; shared by reference
 * between caches, handles and bases.
 */
#ifndef NV_NODE_BLOB_H
#define NV_NODE_BLOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct nv_blob {
	atomic_uint refs;
	/* owned; the file's bytes, or a symlink's target; NUL-terminated; never NULL */
	char *text;
	size_t size;           /* bytes of text */
	uint32_t crc;          /* CRC-32 (IEEE 802.3) of text */
	int64_t sampled_ms;    /* nv_clock_ms just before the query that read it was sent */
	struct timespec mtime; /* the datum's own time; meaningful only when stamped */
	bool stamped;          /* the store records a time for every part of the datum */
	/* this version cannot be saved over (e.g. shown as {"$bson": …}) */
	bool readonly;
	/* the family's parsed or stored form; owned, freed by priv_free */
	void *priv;
	void (*priv_free)(void *priv);
};

/* A blob with one reference. Takes ownership of text (malloc'ed, NUL-terminated) and of priv, also
 * on failure. NULL when out of memory. */
struct nv_blob *nv_blob_new(char *text, size_t size, int64_t sampled_ms, void *priv,
                            void (*priv_free)(void *priv));

/* Adds a reference and returns blob (NULL stays NULL). Any thread. */
struct nv_blob *nv_blob_ref(struct nv_blob *blob);

/* Drops a reference; the last one frees. NULL is allowed. Any thread. */
void nv_blob_unref(struct nv_blob *blob);

/* CRC-32 (IEEE 802.3, as zlib's crc32) of size bytes. */
uint32_t nv_crc32(const void *data, size_t size);

/* The CRC-32 of two texts, one behind the other, of their own; second_size: bytes of the second. */
uint32_t nv_crc32_join(uint32_t first, uint32_t second, uint64_t second_size);

static inline void nv_cleanup_blob(struct nv_blob **blob)
{
	nv_blob_unref(*blob);
}
#define cleanup_blob __attribute__((cleanup(nv_cleanup_blob)))

#endif
