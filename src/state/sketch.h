/* A HyperLogLog of 2,048 registers (standard error 2.3 %) and the keys that wait to go into it.
 *
 *   pool   [ registers of A: 2,048 bytes, 32 cache lines ] ... [ registers of B ] ...
 *          [ A: handle, keys that wait | B: handle, keys that wait | ... ]   256 bytes each
 *
 * Most of a heavy source's packets go into its sketch, to a random one of its lines each, on a
 * page of its own. So keys are noted one behind the other, next to those of other sketches, and
 * go into the registers many at a time, when all of the lines are worth asking for. How many
 * wait is the owner's to know: it is kept where it costs nothing to look. What a sketch says
 * depends on the set of its keys alone, waiting or not. */
#pragma once

#include "state/hll.h"
#include "state/pool.h"

enum { SKETCH_WAITING_MAX = 124, SKETCH_RANK_BITS = 5 };

struct sketch {
    uint32_t registers; /* handle */
    uint16_t waiting[126];
};

/* An empty one; 0: the pool has no room. */
uint32_t sketch_new(struct pool *pool);
void sketch_free(struct pool *pool, uint32_t handle);

/* A key as it waits; 0 for the rare rank (1 in 2^31) that has no room. */
static inline uint16_t sketch_entry(uint64_t hash)
{
    unsigned rank = hll_rank(HLL_SMALL_BITS, hash);
    size_t entry = hll_register(HLL_SMALL_BITS, hash) << SKETCH_RANK_BITS | rank;
    return (uint16_t)(rank >> SKETCH_RANK_BITS ? 0 : entry);
}

/* Its registers, in which n waiting keys may be missing. */
static inline uint8_t *sketch_registers(const struct pool *pool, uint32_t handle)
{
    const struct sketch *sketch = pool_block(pool, handle);
    return pool_block(pool, sketch->registers);
}

/* Puts n waiting keys into the registers. */
void sketch_settle(const struct pool *pool, uint32_t handle, unsigned n);

/* Notes a key where n wait already; returns how many do now. */
static inline unsigned sketch_note(struct pool *pool, uint32_t handle, unsigned n,
                                   uint16_t entry)
{
    struct sketch *sketch = pool_block(pool, handle);
    sketch->waiting[n] = entry;
    if (n + 1 < SKETCH_WAITING_MAX)
        return n + 1;
    sketch_settle(pool, handle, n + 1);
    return 0;
}

static inline unsigned sketch_add(struct pool *pool, uint32_t handle, unsigned n, uint64_t hash)
{
    uint16_t entry = sketch_entry(hash);
    if (entry)
        return sketch_note(pool, handle, n, entry);
    hll_add(sketch_registers(pool, handle), HLL_SMALL_BITS, hash);
    return n;
}

/* The registers as if none of n waited. */
void sketch_copy_registers(const struct pool *pool, uint32_t handle, unsigned n,
                           uint8_t ret_registers[static HLL_SMALL]);
