/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "node/blob.h"

#include <stdlib.h>

struct nv_blob *nv_blob_new(char *text, size_t size, int64_t sampled_ms, void *priv,
                            void (*priv_free)(void *priv))
{
	struct nv_blob *blob = text ? calloc(1, sizeof(*blob)) : NULL;

	if (!blob) {
		free(text);
		if (priv && priv_free) {
			priv_free(priv);
		}
		return NULL;
	}
	atomic_init(&blob->refs, 1);
	blob->text = text;
	blob->size = size;
	blob->crc = nv_crc32(text, size);
	blob->sampled_ms = sampled_ms;
	blob->priv = priv;
	blob->priv_free = priv_free;
	return blob;
}

struct nv_blob *nv_blob_ref(struct nv_blob *blob)
{
	if (blob) {
		atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	}
	return blob;
}

void nv_blob_unref(struct nv_blob *blob)
{
	if (!blob || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	if (blob->priv && blob->priv_free) {
		blob->priv_free(blob->priv);
	}
	free(blob->text);
	free(blob);
}

uint32_t nv_crc32(const void *data, size_t size)
{
	/* Remainders of the 16 half-bytes, for the reflected polynomial 0xEDB88320. */
	static const uint32_t table[16] = {
		0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
		0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
		0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
	};
	const unsigned char *bytes = data;
	uint32_t crc = 0xFFFFFFFF;

	for (size_t i = 0; i < size; i++) {
		crc ^= bytes[i];
		crc = (crc >> 4) ^ table[crc & 15];
		crc = (crc >> 4) ^ table[crc & 15];
	}
	return ~crc;
}

/* The product of two polynomials, modulo that of the CRC; x^0 is the highest bit. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = 1U << 31; bit; bit >>= 1) {
		product ^= a & bit ? b : 0;
		b = (b >> 1) ^ (b & 1 ? 0xEDB88320 : 0);
	}
	return product;
}

uint32_t nv_crc32_join(uint32_t first, uint32_t second, uint64_t second_size)
{
	uint32_t shift = 1U << 31; /* x^0, to become x to the number of the second's bits */
	uint32_t power = 1U << 23; /* x^8 */

	for (uint64_t size = second_size; size; size >>= 1) {
		shift = size & 1 ? multiply(shift, power) : shift;
		power = multiply(power, power);
	}
	return multiply(shift, first) ^ second;
}
