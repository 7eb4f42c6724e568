/* A window onto the contents of a file in which any record can be made contiguous.
 *
 *        block                       next block
 *     [ rec | rec | rec | re ]      [ rec | rec | ...      ]
 *            pos ^      end ^         ^ the head of a record that spans two blocks moves here
 *
 * Bytes before `end` never change while a chunk holds the block. */
#pragma once

#include <stdbool.h>

#include "source/block.h"
#include "source/contents.h"

struct stream {
    struct contents *contents;
    struct block_pool *pool;
    struct block *block; /* NULL before the first byte */
    const uint8_t *pos;
    uint8_t *end;
    uint64_t block_offset;     /* of block->bytes[0] in the contents */
    size_t next_cap;           /* of the next block */
    enum contents_result last; /* why there is no more, when there is not */
    bool no_memory;
};

void stream_init(struct stream *stream, struct contents *contents, struct block_pool *pool);
/* Gives the block back; the contents stay the caller's. */
void stream_fini(struct stream *stream);

bool stream_fill(struct stream *stream, size_t n);

static inline size_t stream_available(const struct stream *stream)
{
    return (size_t)(stream->end - stream->pos);
}

/* Makes n bytes contiguous at pos. False: there are fewer. */
static inline bool stream_need(struct stream *stream, size_t n)
{
    return stream_available(stream) >= n || stream_fill(stream, n);
}

/* Moves over n bytes, however many. False: there are fewer. */
bool stream_skip(struct stream *stream, uint64_t n);

/* Of pos, in the contents. */
static inline uint64_t stream_offset(const struct stream *stream)
{
    return stream->block ? stream->block_offset + (uint64_t)(stream->pos - stream->block->bytes)
                         : 0;
}
