/* A pool of blocks of a few sizes, addressed by 32-bit handles, with a limit.
 *
 *   handle   [ size : 4 | offset in units of 8 bytes : 28 ], 0 is none
 *
 * One growing array holds the blocks; a freed block waits on the list of its size. Nothing is
 * ever given back before the pool goes: blocks of a source that was evicted serve the next.
 * Blocks of 16, 32 and 64 bytes are within a cache line, larger ones of 2^n begin one. */
#pragma once

#include "state/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pool_size {
    POOL_16,
    POOL_64,
    POOL_128,
    POOL_256,
    POOL_512,
    POOL_2048,
    POOL_32,
    POOL_48,
    POOL_SKETCH, /* 256 bytes, near each other */
    POOL_SIZE_COUNT_,
};

enum { POOL_UNIT = 8, POOL_OFFSET_BITS = 28 };

static const uint16_t POOL_BYTES[POOL_SIZE_COUNT_] = {16, 64, 128, 256, 512, 2048, 32, 48, 256};

struct pool {
    struct memory *memory; /* where the array comes from; may be NULL; a reference */
    uint64_t *units;
    size_t cap_bytes, used_bytes, limit_bytes;
    uint32_t free[POOL_SIZE_COUNT_];
};

/* The pool takes its array from `memory`, which may be NULL, and holds a reference on it. */
void pool_use(struct pool *pool, struct memory *memory);
/* limit_bytes is cut to what handles can address (2 GiB). */
void pool_init(struct pool *pool, size_t limit_bytes);
void pool_fini(struct pool *pool);

/* A block of unspecified content, or 0 when the limit or memory refuses. */
uint32_t pool_alloc(struct pool *pool, enum pool_size size);
void pool_free(struct pool *pool, uint32_t handle);

static inline enum pool_size pool_size_of(uint32_t handle)
{
    return (enum pool_size)(handle >> POOL_OFFSET_BITS);
}

/* Valid until the next pool_alloc(). */
static inline void *pool_block(const struct pool *pool, uint32_t handle)
{
    return pool->units + (handle & (((uint32_t)1 << POOL_OFFSET_BITS) - 1));
}
