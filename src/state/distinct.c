#include "state/distinct.h"

#include <assert.h>
#include <string.h>

static const enum pool_size FIRST_BLOCK = POOL_16;
static_assert(DISTINCT_SKETCH + SKETCH_WAITING_MAX <= DISTINCT_KEYS, "a kind says who waits");

static bool has_block(const struct distinct *set)
{
    return (set->kind & DISTINCT_KEYS) >= 2;
}

static bool has_sketch(const struct distinct *set)
{
    return has_block(set) && distinct_is_sketch(*set);
}

/* The keys of an exact set: its block, or its word. */
static const uint32_t *keys_of(const struct pool *pool, const struct distinct *set)
{
    return has_block(set) ? pool_block(pool, set->word) : &set->word;
}

static enum distinct_result freeze(struct distinct *set)
{
    set->kind |= DISTINCT_FROZEN;
    return DISTINCT_FROZE;
}

static unsigned waiting(const struct distinct *set)
{
    return (set->kind & DISTINCT_KEYS) - DISTINCT_SKETCH;
}

/* Makes a sketch of an exact set. False: no room, the set is as it was. */
static bool become_sketch(struct pool *pool, struct distinct *set)
{
    uint32_t handle = sketch_new(pool);
    if (!handle)
        return false;
    const uint32_t *keys = keys_of(pool, set);
    for (unsigned i = 0; i < set->kind; i++)
        hll_add(sketch_registers(pool, handle), HLL_SMALL_BITS, hash_u64(keys[i], HASH_FIXED));
    distinct_clear(pool, set);
    *set = (struct distinct){.word = handle, .kind = DISTINCT_SKETCH};
    return true;
}

/* Moves the keys to a block of this size. False: no room, the set is as it was. */
static bool move_keys(struct pool *pool, struct distinct *set, enum pool_size size)
{
    uint32_t handle = pool_alloc(pool, size);
    if (!handle)
        return false;
    const uint32_t *old = keys_of(pool, set);
    uint32_t *keys = pool_block(pool, handle);
    memcpy(keys, old, set->kind * sizeof *keys);
    for (unsigned i = set->kind; i < POOL_BYTES[size] / sizeof *keys; i++)
        keys[i] = keys[0];
    if (has_block(set))
        pool_free(pool, set->word);
    set->word = handle;
    return true;
}

enum distinct_result distinct_note_slow(struct pool *pool, struct distinct *set, uint32_t key)
{
    if (set->kind & DISTINCT_FROZEN)
        return DISTINCT_ADDED;
    if (set->kind == 0) {
        *set = (struct distinct){.word = key, .kind = 1};
        return DISTINCT_ADDED;
    }
    if (!has_sketch(set) && set->kind < DISTINCT_EXACT_MAX) {
        enum pool_size size = has_block(set) ? pool_size_of(set->word) + 1 : FIRST_BLOCK;
        if (!move_keys(pool, set, size))
            return freeze(set);
        uint32_t *keys = pool_block(pool, set->word);
        keys[set->kind++] = key;
        return DISTINCT_ADDED;
    }
    if (!has_sketch(set) && !become_sketch(pool, set))
        return freeze(set);
    unsigned n = sketch_add(pool, set->word, waiting(set), hash_u64(key, HASH_FIXED));
    set->kind = (uint8_t)(DISTINCT_SKETCH + n);
    return DISTINCT_ADDED;
}

bool distinct_merge(struct pool *pool, struct distinct *into, const struct pool *from_pool,
                    const struct distinct *from)
{
    if (into->kind & DISTINCT_FROZEN)
        return true;
    if (has_sketch(from)) {
        if (!has_sketch(into) && !become_sketch(pool, into)) {
            (void)freeze(into);
        } else {
            uint8_t registers[HLL_SMALL];
            (void)distinct_registers(from_pool, from, registers);
            hll_merge(sketch_registers(pool, into->word), registers, HLL_SMALL_BITS);
        }
    } else {
        const uint32_t *keys = keys_of(from_pool, from);
        for (unsigned i = 0; i < (from->kind & DISTINCT_KEYS); i++)
            (void)distinct_add(pool, into, keys[i]);
    }
    bool room = !(into->kind & DISTINCT_FROZEN);
    into->kind |= from->kind & DISTINCT_FROZEN;
    return room;
}

void distinct_clear(struct pool *pool, struct distinct *set)
{
    if (has_sketch(set))
        sketch_free(pool, set->word);
    else if (has_block(set))
        pool_free(pool, set->word);
    *set = (struct distinct){0};
}

uint64_t distinct_count(const struct pool *pool, const struct distinct *set,
                        bool *ret_estimated)
{
    uint8_t registers[HLL_SMALL];
    bool sketch = distinct_registers(pool, set, registers);
    *ret_estimated = sketch || set->kind & DISTINCT_FROZEN;
    return sketch ? hll_estimate(registers, HLL_SMALL_BITS) : set->kind & DISTINCT_KEYS;
}

unsigned distinct_keys(const struct pool *pool, const struct distinct *set,
                       uint32_t ret_keys[static DISTINCT_EXACT_MAX])
{
    unsigned n = has_sketch(set) ? 0 : set->kind & DISTINCT_KEYS;
    memcpy(ret_keys, keys_of(pool, set), n * sizeof *ret_keys);
    return n;
}

bool distinct_registers(const struct pool *pool, const struct distinct *set,
                        uint8_t ret_registers[static HLL_SMALL])
{
    if (!has_sketch(set))
        return false;
    sketch_copy_registers(pool, set->word, waiting(set), ret_registers);
    return true;
}

bool distinct_from_registers(struct pool *pool, const uint8_t registers[static HLL_SMALL],
                             struct distinct *ret_set)
{
    uint32_t handle = sketch_new(pool);
    if (!handle)
        return false;
    memcpy(sketch_registers(pool, handle), registers, HLL_SMALL);
    *ret_set = (struct distinct){.word = handle, .kind = DISTINCT_SKETCH};
    return true;
}
