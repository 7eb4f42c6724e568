/* The blocks a chunk holds: each block once, and only blocks with a frame of the chunk in them.
 */
#pragma once

#include <nightscope/source.h>

#include "source/block.h"

/* Takes a reference on a block, unless this chunk has one. `number` tells chunks apart: from 1,
 * a new one each time a chunk is filled. */
void chunk_hold(struct chunk *chunk, struct block *block, uint64_t number);
size_t chunk_held_bytes(const struct chunk *chunk);
/* Gives all blocks back and empties the chunk. */
void chunk_give_back(struct chunk *chunk, struct block_pool *pool);
