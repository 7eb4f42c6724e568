/* Blocks of file contents, reference-counted, from a free-list. */
#include "source/block.h"

#include <stdlib.h>

/* The list for blocks of `cap` bytes; BLOCK_SIZES when there is none. */
static unsigned size_class(size_t cap, size_t *ret_cap)
{
    size_t size = BLOCK_BYTES_MIN;
    for (unsigned class = 0; class < BLOCK_SIZES; class ++, size *= 4)
        if (cap <= size) {
            *ret_cap = size;
            return class;
        }
    *ret_cap = cap;
    return BLOCK_SIZES;
}

void block_pool_fini(struct block_pool *pool)
{
    for (unsigned class = 0; class < BLOCK_SIZES; class ++)
        while (pool->free[class]) {
            struct block *block = pool->free[class];
            pool->free[class] = block->next;
            free(block);
        }
}

struct block *block_get(struct block_pool *pool, size_t cap)
{
    unsigned class = size_class(cap, &cap);
    struct block *block = class < BLOCK_SIZES ? pool->free[class] : NULL;
    if (block) {
        pool->free[class] = block->next;
    } else {
        block = malloc(sizeof *block + cap);
        if (!block)
            return NULL;
        block->cap = cap;
    }
    block->next = NULL;
    block->refs = 1;
    block->held_by = 0;
    return block;
}

void block_put(struct block_pool *pool, struct block *block)
{
    if (!block || --block->refs)
        return;
    size_t cap;
    unsigned class = size_class(block->cap, &cap);
    if (class == BLOCK_SIZES) {
        free(block);
        return;
    }
    block->next = pool->free[class];
    pool->free[class] = block;
}
