/* What records of a database say, by their place in the file: many networks share a record, and
 * decoding one takes longer than finding it. A slot is one word that holds place and value
 * together, so that any number of threads read and write without a lock: what is lost is a hit.
 */
#pragma once

#include "base/hash.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GEO_CACHE_BITS = 16 };

struct geo_cache {
    _Atomic uint64_t slots[1 << GEO_CACHE_BITS]; /* offset + 1 << 32 | value; 0: none */
};

static inline _Atomic uint64_t *geo_cache_slot(struct geo_cache *cache, uint32_t offset)
{
    return &cache->slots[hash_u64(offset, HASH_FIXED) >> (64 - GEO_CACHE_BITS)];
}

static inline bool geo_cache_get(struct geo_cache *cache, uint32_t offset, uint32_t *ret_value)
{
    uint64_t slot = atomic_load_explicit(geo_cache_slot(cache, offset), memory_order_relaxed);
    if (slot >> 32 != (uint64_t)offset + 1)
        return false;
    *ret_value = (uint32_t)slot;
    return true;
}

static inline void geo_cache_put(struct geo_cache *cache, uint32_t offset, uint32_t value)
{
    if (offset < UINT32_MAX)
        atomic_store_explicit(geo_cache_slot(cache, offset),
                              ((uint64_t)offset + 1) << 32 | value, memory_order_relaxed);
}
