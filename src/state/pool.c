/* Bump allocation, and one list of free blocks a size. */
#include "state/pool.h"

#include "base/prefetch.h"

#include <string.h>

enum { FIRST_BYTES = 16384, LINE_BYTES = 64, SMALLEST_BYTES = 16, NEAR_EACH_OTHER = 16 };

void pool_init(struct pool *pool, size_t limit_bytes)
{
    size_t addressable = (size_t)POOL_UNIT << POOL_OFFSET_BITS;
    *pool = (struct pool){
        .used_bytes = SMALLEST_BYTES, /* so that no handle is 0 */
        .limit_bytes = limit_bytes < addressable ? limit_bytes : addressable,
    };
}

void pool_use(struct pool *pool, struct memory *memory)
{
    pool->memory = memory_hold(memory);
}

void pool_fini(struct pool *pool)
{
    memory_free(pool->memory, pool->units, pool->cap_bytes);
    memory_drop(pool->memory);
    *pool = (struct pool){0};
}

static bool grow(struct pool *pool)
{
    size_t cap = pool->cap_bytes ? pool->cap_bytes * 2 : FIRST_BYTES;
    uint64_t *units = memory_grow(pool->memory, pool->units, pool->cap_bytes, cap);
    if (!units)
        return false;
    pool->units = units;
    pool->cap_bytes = cap;
    return true;
}

static uint32_t handle_of(enum pool_size size, size_t at)
{
    return (uint32_t)size << POOL_OFFSET_BITS | (uint32_t)(at / POOL_UNIT);
}

/* Room for n blocks behind what is in use: the handle of the first, or 0. */
static uint32_t bump(struct pool *pool, enum pool_size size, unsigned n)
{
    size_t bytes = POOL_BYTES[size];
    size_t align = bytes & -bytes; /* the power of two that it is, or is made of */
    align = align < LINE_BYTES ? align : LINE_BYTES;
    size_t at = (pool->used_bytes + align - 1) & ~(align - 1);
    if (at + n * bytes > pool->limit_bytes)
        return 0;
    if (at + n * bytes > pool->cap_bytes && !grow(pool))
        return 0;
    for (; pool->used_bytes < at; pool->used_bytes += SMALLEST_BYTES)
        pool_free(pool, handle_of(POOL_16, pool->used_bytes));
    pool->used_bytes = at + n * bytes;
    return handle_of(size, at);
}

uint32_t pool_alloc(struct pool *pool, enum pool_size size)
{
    uint32_t handle = pool->free[size];
    if (handle) {
        memcpy(&pool->free[size], pool_block(pool, handle), sizeof handle);
        prefetch(pool_block(pool, pool->free[size])); /* for the next time */
        return handle;
    }
    if (size != POOL_SKETCH)
        return bump(pool, size, 1);
    handle = bump(pool, size, NEAR_EACH_OTHER);
    for (unsigned i = NEAR_EACH_OTHER; handle && --i > 0;)
        pool_free(pool, handle + i * (POOL_BYTES[size] / POOL_UNIT));
    return handle ? handle : bump(pool, size, 1);
}

void pool_free(struct pool *pool, uint32_t handle)
{
    enum pool_size size = pool_size_of(handle);
    memcpy(pool_block(pool, handle), &pool->free[size], sizeof handle);
    pool->free[size] = handle;
}
