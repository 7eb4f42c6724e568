/* Hashing of addresses: multiply and fold (the mixing step of wyhash, public domain, W. Yi
 * 2019).
 *
 * hash_mix() with a fixed key decides shards and feeds sketches, and is the same everywhere;
 * with a secret key it places entries in tables. Not a cryptographic hash. */
#pragma once

#include <stdint.h>

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A well-mixed 64-bit hash of one number under a key of two words. */
static inline uint64_t hash_u64(uint64_t value, const uint64_t key[static 2])
{
    uint64_t once = hash_mix(value ^ key[0], key[1] ^ 0x9e3779b97f4a7c15U);
    return hash_mix(once ^ 0xa0761d6478bd642fU, key[0] | 1);
}

/* The key of everything that must be the same in every run: digits of pi. */
static const uint64_t HASH_FIXED[2] = {0x243f6a8885a308d3U, 0x13198a2e03707345U};
