/* How many distinct 32-bit keys: exactly up to DISTINCT_EXACT_MAX, then by a HyperLogLog of
 * 2,048 registers (standard error 2.3 %). The state is a function of the set of keys, whatever
 * their order and however they were split before merging.
 *
 *   NONE -> ONE -> BLOCK of 3, 11, 31, 63, 127 keys -> BLOCK of registers
 *
 * When the pool refuses the next block, the set is FROZEN as well: it takes no more keys, and
 * its count is a lower bound.
 *
 * A set is 4 bytes and 3 bits; its owner keeps them where it likes. */
#pragma once

#include "base/hash.h"
#include "state/hll.h"
#include "state/pool.h"

enum { DISTINCT_EXACT_MAX = 127 };

enum distinct_kind {
    DISTINCT_NONE,
    DISTINCT_ONE,
    DISTINCT_BLOCK,
    DISTINCT_FROZEN = 4, /* a flag beside the others */
};

struct distinct {
    uint32_t word; /* the key, or the handle of the block */
    uint8_t kind;  /* enum distinct_kind, 3 bits */
};

enum distinct_result {
    DISTINCT_KNOWN, /* an exact set held the key already */
    DISTINCT_ADDED, /* it may be new */
    DISTINCT_FROZE, /* this key froze the set (once a set) */
};
enum distinct_result distinct_note(struct pool *pool, struct distinct *set, uint32_t key);

/* False when this key froze the set (once a set). */
static inline bool distinct_add(struct pool *pool, struct distinct *set, uint32_t key)
{
    return distinct_note(pool, set, key) != DISTINCT_FROZE;
}

/* Adds the keys of `from`, which lives in pool `from_pool`; false when that froze `into`. */
bool distinct_merge(struct pool *pool, struct distinct *into, const struct pool *from_pool,
                    const struct distinct *from);
/* Gives the block back; the set is empty then. */
void distinct_clear(struct pool *pool, struct distinct *set);

uint64_t distinct_count(const struct pool *pool, const struct distinct *set,
                        bool *ret_estimated);

/* gcc 12 takes a function that only prefetches for one without effect and drops its calls,
 * unless they were inlined before it looks. */
#define PREFETCHER static inline __attribute__((always_inline)) void

/* Bytes in the first two lines that distinct_note() will touch, which may be the same; NULL
 * when there are none. Without branches: they would go either way at random. */
static inline void distinct_lines(const struct pool *pool, struct distinct set, uint32_t key,
                                  const void *ret_bytes[static 2])
{
    const uint8_t *block = pool_block(pool, set.word);
    enum pool_size size = pool_size_of(set.kind == DISTINCT_BLOCK ? set.word : 0);
    size_t reg = hll_register(HLL_SMALL_BITS, hash_u64(key, HASH_FIXED));
    unsigned next = POOL_BYTES[size] > 64 ? 64 : POOL_BYTES[size] - 1U;
    bool sketch = size == POOL_2048, exists = set.kind == DISTINCT_BLOCK;
    ret_bytes[0] = exists ? block + (sketch ? reg : 0) : NULL;
    ret_bytes[1] = exists ? block + (sketch ? reg : next) : NULL;
}
