#include "state/sketch.h"

#include "base/prefetch.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct sketch) == 256, "a sketch is a block");

uint32_t sketch_new(struct pool *pool)
{
    uint32_t registers = pool_alloc(pool, POOL_2048);
    uint32_t handle = registers ? pool_alloc(pool, POOL_SKETCH) : 0;
    if (!handle) {
        if (registers)
            pool_free(pool, registers);
        return 0;
    }
    struct sketch *sketch = pool_block(pool, handle);
    sketch->registers = registers;
    memset(pool_block(pool, registers), 0, HLL_SMALL);
    return handle;
}

void sketch_free(struct pool *pool, uint32_t handle)
{
    const struct sketch *sketch = pool_block(pool, handle);
    pool_free(pool, sketch->registers);
    pool_free(pool, handle);
}

static void settle(uint8_t registers[static HLL_SMALL], const uint16_t *waiting, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *reg = &registers[waiting[i] >> SKETCH_RANK_BITS];
        uint8_t rank = waiting[i] & ((1 << SKETCH_RANK_BITS) - 1);
        *reg = *reg > rank ? *reg : rank;
    }
}

void sketch_settle(const struct pool *pool, uint32_t handle, unsigned n)
{
    const struct sketch *sketch = pool_block(pool, handle);
    uint8_t *registers = sketch_registers(pool, handle);
    for (unsigned at = 0; at < HLL_SMALL; at += 64)
        prefetch(registers + at);
    settle(registers, sketch->waiting, n);
}

void sketch_copy_registers(const struct pool *pool, uint32_t handle, unsigned n,
                           uint8_t ret_registers[static HLL_SMALL])
{
    const struct sketch *sketch = pool_block(pool, handle);
    memcpy(ret_registers, sketch_registers(pool, handle), HLL_SMALL);
    settle(ret_registers, sketch->waiting, n);
}
