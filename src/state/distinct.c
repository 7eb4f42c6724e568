/* Exact blocks are [n, key, key, ...]; the last size is the registers of a sketch. */
#include "state/distinct.h"

#include <string.h>

static unsigned exact_cap(enum pool_size size)
{
    return POOL_BYTES[size] / 4U - 1;
}

static bool is_sketch(const struct distinct *set)
{
    return pool_size_of(set->word) == POOL_2048;
}

static bool freeze(struct distinct *set)
{
    set->kind |= DISTINCT_FROZEN;
    return false;
}

static bool holds(const uint32_t *keys, unsigned n, uint32_t key)
{
    unsigned hits = 0;
    for (unsigned i = 0; i < n; i++) /* no early end: this is a vector loop */
        hits |= keys[i] == key;
    return hits;
}

static void sketch_add(struct pool *pool, const struct distinct *set, uint32_t key)
{
    hll_add(pool_block(pool, set->word), HLL_SMALL_BITS, hash_u64(key, HASH_FIXED));
}

/* Moves the keys of a full block to one of the next size. */
static bool enlarge(struct pool *pool, struct distinct *set)
{
    enum pool_size size = pool_size_of(set->word);
    uint32_t handle = pool_alloc(pool, size + 1);
    if (!handle)
        return freeze(set);
    const uint32_t *old = pool_block(pool, set->word);
    void *block = pool_block(pool, handle);
    if (size + 1 == POOL_2048) {
        memset(block, 0, HLL_SMALL);
        for (unsigned i = 1; i <= old[0]; i++)
            hll_add(block, HLL_SMALL_BITS, hash_u64(old[i], HASH_FIXED));
    } else {
        memcpy(block, old, POOL_BYTES[size]);
    }
    pool_free(pool, set->word);
    set->word = handle;
    return true;
}

static enum distinct_result block_add(struct pool *pool, struct distinct *set, uint32_t key)
{
    if (is_sketch(set)) {
        sketch_add(pool, set, key);
        return DISTINCT_ADDED;
    }
    uint32_t *block = pool_block(pool, set->word);
    if (holds(block + 1, block[0], key))
        return DISTINCT_KNOWN;
    if (block[0] == exact_cap(pool_size_of(set->word))) {
        if (!enlarge(pool, set))
            return DISTINCT_FROZE;
        if (is_sketch(set)) {
            sketch_add(pool, set, key);
            return DISTINCT_ADDED;
        }
        block = pool_block(pool, set->word);
    }
    block[++block[0]] = key;
    return DISTINCT_ADDED;
}

static enum distinct_result second_key(struct pool *pool, struct distinct *set, uint32_t key)
{
    if (set->word == key)
        return DISTINCT_KNOWN;
    uint32_t handle = pool_alloc(pool, POOL_16);
    if (!handle) {
        (void)freeze(set);
        return DISTINCT_FROZE;
    }
    uint32_t *block = pool_block(pool, handle);
    block[0] = 2;
    block[1] = set->word;
    block[2] = key;
    *set = (struct distinct){.word = handle, .kind = DISTINCT_BLOCK};
    return DISTINCT_ADDED;
}

enum distinct_result distinct_note(struct pool *pool, struct distinct *set, uint32_t key)
{
    switch (set->kind) {
    case DISTINCT_NONE:
        *set = (struct distinct){.word = key, .kind = DISTINCT_ONE};
        return DISTINCT_ADDED;
    case DISTINCT_ONE:
        return second_key(pool, set, key);
    case DISTINCT_BLOCK:
        return block_add(pool, set, key);
    default: /* frozen */
        return DISTINCT_ADDED;
    }
}

/* A sketch enters an exact set: the set becomes a sketch first. */
static bool merge_sketch(struct pool *pool, struct distinct *into, const uint8_t *registers)
{
    if (into->kind != DISTINCT_BLOCK || !is_sketch(into)) {
        uint32_t handle = pool_alloc(pool, POOL_2048);
        if (!handle)
            return freeze(into);
        struct distinct sketch = {.word = handle, .kind = DISTINCT_BLOCK};
        memset(pool_block(pool, handle), 0, HLL_SMALL);
        if (into->kind == DISTINCT_ONE)
            sketch_add(pool, &sketch, into->word);
        if (into->kind == DISTINCT_BLOCK) {
            const uint32_t *block = pool_block(pool, into->word);
            for (unsigned i = 1; i <= block[0]; i++)
                sketch_add(pool, &sketch, block[i]);
        }
        distinct_clear(pool, into);
        *into = sketch;
    }
    hll_merge(pool_block(pool, into->word), registers, HLL_SMALL_BITS);
    return true;
}

bool distinct_merge(struct pool *pool, struct distinct *into, const struct pool *from_pool,
                    const struct distinct *from)
{
    if (into->kind & DISTINCT_FROZEN)
        return true;
    switch (from->kind & ~DISTINCT_FROZEN) {
    case DISTINCT_NONE:
        break;
    case DISTINCT_ONE:
        (void)distinct_add(pool, into, from->word);
        break;
    default:
        if (is_sketch(from)) {
            (void)merge_sketch(pool, into, pool_block(from_pool, from->word));
            break;
        }
        const uint32_t *block = pool_block(from_pool, from->word);
        for (unsigned i = 1; i <= block[0]; i++)
            (void)distinct_add(pool, into, block[i]);
    }
    into->kind |= from->kind & DISTINCT_FROZEN;
    return !(into->kind & DISTINCT_FROZEN);
}

void distinct_clear(struct pool *pool, struct distinct *set)
{
    if (set->kind & DISTINCT_BLOCK)
        pool_free(pool, set->word);
    *set = (struct distinct){0};
}

uint64_t distinct_count(const struct pool *pool, const struct distinct *set,
                        bool *ret_estimated)
{
    *ret_estimated = set->kind & DISTINCT_FROZEN;
    if (!(set->kind & DISTINCT_BLOCK))
        return set->kind & DISTINCT_ONE;
    if (is_sketch(set)) {
        *ret_estimated = true;
        return hll_estimate(pool_block(pool, set->word), HLL_SMALL_BITS);
    }
    const uint32_t *block = pool_block(pool, set->word);
    return block[0];
}
