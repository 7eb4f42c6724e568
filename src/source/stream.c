/* A window onto the contents of a file in which any record can be made contiguous. */
#include "source/stream.h"

#include <string.h>

void stream_init(struct stream *stream, struct contents *contents, struct block_pool *pool)
{
    *stream = (struct stream){.contents = contents, .pool = pool, .next_cap = BLOCK_BYTES_MIN};
}

void stream_fini(struct stream *stream)
{
    block_put(stream->pool, stream->block);
    stream->block = NULL;
}

/* Makes room for n bytes at pos: in this block, or in a new one to which the head moves. */
static bool make_room(struct stream *stream, size_t n)
{
    struct block *old = stream->block;
    if (old && n <= (size_t)(old->bytes + old->cap - stream->pos))
        return true;
    size_t have = stream_available(stream);
    uint64_t offset = stream_offset(stream);
    struct block *block = old;
    if (have || !old || old->refs > 1 || old->cap < stream->next_cap || old->cap < n) {
        block = block_get(stream->pool, n > stream->next_cap ? n : stream->next_cap);
        if (!block) {
            stream->no_memory = true;
            return false;
        }
        if (have)
            memcpy(block->bytes, stream->pos, have);
        block_put(stream->pool, old);
        if (stream->next_cap < BLOCK_BYTES_MAX)
            stream->next_cap *= 4;
    }
    stream->block = block;
    stream->block_offset = offset;
    stream->pos = block->bytes;
    stream->end = block->bytes + have;
    return true;
}

bool stream_fill(struct stream *stream, size_t n)
{
    if (stream->last != CONTENTS_OK || !make_room(stream, n))
        return false;
    while (stream_available(stream) < n) {
        uint8_t *limit = stream->block->bytes + stream->block->cap;
        size_t got = 0;
        stream->last =
            contents_read(stream->contents, stream->end, (size_t)(limit - stream->end), &got);
        if (stream->last != CONTENTS_OK)
            return false;
        stream->end += got;
    }
    return true;
}

bool stream_skip(struct stream *stream, uint64_t n)
{
    while (n > stream_available(stream)) {
        n -= stream_available(stream);
        stream->pos = stream->end;
        if (!stream_fill(stream, 1))
            return false;
    }
    stream->pos += n;
    return true;
}
