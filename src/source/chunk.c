/* Chunks, and the blocks they hold. */
#include "source/chunk.h"

#include <assert.h>
#include <stdlib.h>

struct chunk_blocks {
    unsigned n;
    size_t bytes;
    struct block *blocks[CHUNK_FRAMES]; /* there is a frame in each */
};

struct chunk *chunk_new(void)
{
    struct chunk *chunk = malloc(sizeof *chunk);
    struct chunk_blocks *blocks = malloc(sizeof *blocks);
    if (!chunk || !blocks) {
        free(chunk);
        free(blocks);
        return NULL;
    }
    blocks->n = 0;
    blocks->bytes = 0;
    chunk->n = 0;
    chunk->packet_time_ns = -1;
    chunk->blocks = blocks;
    return chunk;
}

void chunk_free(struct chunk *chunk)
{
    if (!chunk)
        return;
    assert(chunk->blocks->n == 0); /* released before */
    free(chunk->blocks);
    free(chunk);
}

void chunk_hold(struct chunk *chunk, struct block *block, uint64_t number)
{
    struct chunk_blocks *blocks = chunk->blocks;
    if (block->held_by == number)
        return;
    assert(blocks->n < CHUNK_FRAMES);
    block->held_by = number;
    block->refs++;
    blocks->blocks[blocks->n++] = block;
    blocks->bytes += block->cap;
}

size_t chunk_held_bytes(const struct chunk *chunk)
{
    return chunk->blocks->bytes;
}

void chunk_give_back(struct chunk *chunk, struct block_pool *pool)
{
    struct chunk_blocks *blocks = chunk->blocks;
    for (unsigned i = 0; i < blocks->n; i++)
        block_put(pool, blocks->blocks[i]);
    blocks->n = 0;
    blocks->bytes = 0;
    chunk->n = 0;
}
