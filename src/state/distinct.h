/* How many distinct 32-bit keys: exactly up to DISTINCT_EXACT_MAX, then by a HyperLogLog of
 * 2,048 registers (standard error 2.3 %). The state is a function of the set of keys, whatever
 * their order and however they were split before merging.
 *
 *   no key -> one, in the word -> block of 4, 16, 32, 64, 128 keys -> sketch
 *
 * A block is full of keys at all times: those places that have none of their own repeat the
 * first key, so that a search compares whole vectors and needs not know how many there are.
 *
 * When the pool refuses the next block, the set is frozen: it takes no more keys, and its count
 * is a lower bound.
 *
 * A set is 5 bytes; its owner keeps them where it likes. */
#pragma once

#include "base/hash.h"
#include "base/prefetch.h"
#include "state/pool.h"
#include "state/sketch.h"

enum {
    DISTINCT_EXACT_MAX = 127,
    DISTINCT_KEYS = 127,   /* of the kind: how many keys; of a sketch, DISTINCT_SKETCH ... */
    DISTINCT_SKETCH = 2,   /* ... and how many of them wait */
    DISTINCT_FROZEN = 128, /* a flag beside them */
};

struct distinct {
    uint32_t word; /* the key, or the handle of the block */
    uint8_t kind;  /* DISTINCT_KEYS, DISTINCT_FROZEN */
};

enum distinct_result {
    DISTINCT_KNOWN, /* an exact set held the key already */
    DISTINCT_ADDED, /* it may be new */
    DISTINCT_FROZE, /* this key froze the set (once a set) */
};

/* Has it a block, and takes keys? */
static inline bool distinct_is_open_block(struct distinct set)
{
    return set.kind - 2U < DISTINCT_FROZEN - 2U;
}

/* Of one that has a block. */
static inline bool distinct_is_sketch(struct distinct set)
{
    return pool_size_of(set.word) == POOL_SKETCH;
}

/* Is this the key of a set of one? */
static inline bool distinct_is_only(struct distinct set, uint32_t key)
{
    return set.kind == 1 && set.word == key;
}

/* The rest of distinct_note(): when a block is missing or full, and sketches. */
enum distinct_result distinct_note_slow(struct pool *pool, struct distinct *set, uint32_t key);

typedef uint32_t distinct_lanes __attribute__((vector_size(16), aligned(4), may_alias));

static inline bool distinct_holds(const struct pool *pool, uint32_t handle, uint32_t key)
{
    const distinct_lanes *lanes = pool_block(pool, handle);
    distinct_lanes wanted = {key, key, key, key}, hits = lanes[0] == wanted;
    enum pool_size size = pool_size_of(handle);
    if (size != POOL_16) { /* 4 or more vectors */
        unsigned n = POOL_BYTES[size] / sizeof *lanes;
        for (unsigned i = 0; i < n; i += 4)
            hits |= (lanes[i] == wanted) | (lanes[i + 1] == wanted) | (lanes[i + 2] == wanted) |
                    (lanes[i + 3] == wanted);
    }
    typedef uint64_t pair __attribute__((vector_size(16)));
    pair halves = (pair)hits;
    return halves[0] | halves[1];
}

/* The caller may know that no set has held the key so far: nothing is searched then. */
static inline enum distinct_result distinct_note_new(struct pool *pool, struct distinct *set,
                                                     uint32_t key, bool is_new)
{
    if (distinct_is_only(*set, key))
        return DISTINCT_KNOWN;
    if (!distinct_is_open_block(*set) || distinct_is_sketch(*set))
        return distinct_note_slow(pool, set, key);
    if (!is_new && distinct_holds(pool, set->word, key))
        return DISTINCT_KNOWN;
    unsigned cap = POOL_BYTES[pool_size_of(set->word)] / sizeof key;
    if (set->kind == cap || set->kind == DISTINCT_EXACT_MAX)
        return distinct_note_slow(pool, set, key);
    uint32_t *keys = pool_block(pool, set->word);
    keys[set->kind++] = key;
    return DISTINCT_ADDED;
}

static inline enum distinct_result distinct_note(struct pool *pool, struct distinct *set,
                                                 uint32_t key)
{
    return distinct_note_new(pool, set, key, false);
}

/* A key of a sketch whose sketch_entry() is known. Returns the kind of the set. */
static inline uint8_t distinct_note_sketch(struct pool *pool, struct distinct set,
                                           uint16_t entry, uint32_t key)
{
    if (entry)
        return (uint8_t)(DISTINCT_SKETCH + sketch_note(pool, set.word,
                                                       set.kind - (unsigned)DISTINCT_SKETCH,
                                                       entry));
    (void)distinct_note_slow(pool, &set, key);
    return set.kind;
}

/* False when this key froze the set (once a set). */
static inline bool distinct_add(struct pool *pool, struct distinct *set, uint32_t key)
{
    if (distinct_is_open_block(*set) && distinct_is_sketch(*set)) {
        uint16_t entry = sketch_entry(hash_u64(key, HASH_FIXED));
        set->kind = distinct_note_sketch(pool, *set, entry, key);
        return true;
    }
    return distinct_note(pool, set, key) != DISTINCT_FROZE;
}

/* Adds the keys of `from`, which lives in pool `from_pool`; what is frozen stays so. False when
 * there was no room for them, and that froze `into`. */
bool distinct_merge(struct pool *pool, struct distinct *into, const struct pool *from_pool,
                    const struct distinct *from);
/* Gives the block back; the set is empty then. */
void distinct_clear(struct pool *pool, struct distinct *set);

uint64_t distinct_count(const struct pool *pool, const struct distinct *set,
                        bool *ret_estimated);
/* The keys of an exact set, in any order, and how many; 0 of a sketch. */
unsigned distinct_keys(const struct pool *pool, const struct distinct *set,
                       uint32_t ret_keys[static DISTINCT_EXACT_MAX]);
/* A set with these registers and none but them; false: no room. */
bool distinct_from_registers(struct pool *pool, const uint8_t registers[static HLL_SMALL],
                             struct distinct *ret_set);
/* The registers of a sketch; false for an exact set. */
bool distinct_registers(const struct pool *pool, const struct distinct *set,
                        uint8_t ret_registers[static HLL_SMALL]);

/* Where the next key of a sketch waits. */
static inline const void *distinct_sketch_place(const struct pool *pool, struct distinct set)
{
    const struct sketch *sketch = pool_block(pool, set.word);
    return &sketch->waiting[set.kind - DISTINCT_SKETCH];
}

/* A byte distinct_note() will touch, of a set that has an open block. */
static inline const void *distinct_place(const struct pool *pool, struct distinct set)
{
    return distinct_is_sketch(set) ? distinct_sketch_place(pool, set)
                                   : pool_block(pool, set.word);
}
