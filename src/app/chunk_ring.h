/* A ring of chunks that several readers go through, each at its own pace.
 *
 *     replay_next() --> [ 5 ][ 6 ][ 7 ][ 8 ]   made by whoever needs the next chunk first, or
 * by a thread that is ahead of all; made anew when all readers have given it back
 *
 * The lock is taken once or twice a chunk and reader. */
#pragma once

#include <nightscope/source.h>

struct chunk_ring;

/* The replay is borrowed and outlives the ring. ahead: readers wait for
 * chunk_ring_make_ahead(), which must be called then. NULL: memory. */
struct chunk_ring *chunk_ring_new(struct replay *replay, unsigned readers, bool ahead);
void chunk_ring_free(struct chunk_ring *ring);

/* Makes chunks ahead of the readers to the last one, where files have to be unpacked; else it
 * leaves that to them, and returns. */
void chunk_ring_make_ahead(struct chunk_ring *ring);
/* The chunk of this number, from 0 on; a reader asks for one after the other. Waits until it is
 * made, or makes it. NULL: there are no more. */
const struct chunk *chunk_ring_get(struct chunk_ring *ring, uint64_t number);
/* A reader is done with it: once a reader and chunk, in any thread. */
void chunk_ring_put(struct chunk_ring *ring, uint64_t number);
