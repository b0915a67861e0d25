/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_hash.h - the hash of a flow key. The key is in canonical order, so both directions of a
 * connection have the same. With a secret seed nobody outside can aim at one bucket: each 64-bit
 * word is mixed in through a 128-bit product, which no linear relation survives.
 */
#ifndef BBTAP_CAPTURE_FLOW_HASH_H
#define BBTAP_CAPTURE_FLOW_HASH_H

#include <stdint.h>
#include <string.h>

#include "capture/segment.h"

static inline uint64_t flow_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t flow_hash(const struct flow_key *key, uint64_t seed)
{
	/* Odd constants without a pattern: the fractional digits of square roots. */
	const uint64_t k0 = 0x9e3779b97f4a7c15, k1 = 0xbb67ae8584caa73b, k2 = 0x3c6ef372fe94f82b;
	uint64_t w[5];
	uint64_t h;

	memcpy(w, key, sizeof(w));
	h = flow_hash_mix(w[0] ^ k0 ^ seed, w[1] ^ k1);
	h ^= flow_hash_mix(w[2] ^ k1 ^ seed, w[3] ^ k2);
	h = flow_hash_mix(h ^ w[4] ^ k2, k0 ^ seed);
	return (uint32_t)(h ^ h >> 32);
}

#endif
