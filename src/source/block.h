/* Blocks of file contents, reference-counted, from a free-list.
 *
 * The stream that fills a block holds one reference, each chunk with frames in it another. All
 * are taken and given back by the one thread that drives the replay, so counts are plain. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    BLOCK_BYTES_MIN =
        16 * 1024, /* a file's first block: there may be thousands of small files */
    BLOCK_BYTES_MAX =
        256 * 1024,  /* all blocks but the first ones, and those of larger records */
    BLOCK_SIZES = 3, /* 16, 64, 256 KiB */
};

struct block {
    struct block *next; /* of the free-list */
    unsigned refs;
    uint64_t held_by; /* number of the last chunk that took a reference */
    size_t cap;
    uint8_t bytes[];
};

struct block_pool {
    struct block *free[BLOCK_SIZES];
};

void block_pool_fini(struct block_pool *pool);

/* A block of at least `cap` bytes with one reference; NULL: memory. Larger ones than
 * BLOCK_BYTES_MAX are not kept when they are given back. */
struct block *block_get(struct block_pool *pool, size_t cap);
void block_put(struct block_pool *pool, struct block *block);
