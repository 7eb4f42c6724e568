#include "app/reader.h"

#include <stdlib.h>

struct reader {
    struct reader_config config;
    struct chunk_ring *ring;
    const struct chunk *chunk; /* NULL: before the first one, and after the last of each */
    uint64_t chunks;           /* taken so far */
    unsigned at;               /* next frame of the chunk */
    struct matcher *matcher;   /* NULL without signatures */
    struct reader_totals totals;
    struct frame own[BATCH_CAP];
};

void ready_free(struct ready *ready)
{
    if (!ready)
        return;
    matches_free(ready->matches);
    prepared_free(ready->prepared);
    free(ready);
}

struct ready *ready_new(const struct signature_set *signatures)
{
    struct ready *ready = calloc(1, sizeof *ready); /* batches begin as zeros */
    if (!ready)
        return NULL;
    ready->matches = signatures ? matches_new(signatures) : NULL;
    ready->prepared = prepared_new();
    if ((signatures && !ready->matches) || !ready->prepared) {
        ready_free(ready);
        return NULL;
    }
    return ready;
}

struct reader *reader_new(const struct reader_config *config, struct chunk_ring *ring)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return NULL;
    reader->config = *config;
    reader->ring = ring;
    reader->totals = (struct reader_totals){.first_ns = INT64_MAX, .last_ns = INT64_MIN};
    reader->matcher = config->signatures ? matcher_new(config->signatures) : NULL;
    if (config->signatures && !reader->matcher) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    matcher_free(reader->matcher);
    free(reader);
}

static void note_times(struct reader_totals *totals, const struct frame *frames, unsigned n)
{
    int64_t first = totals->first_ns, last = totals->last_ns;
    for (unsigned i = 0; i < n; i++) {
        if (frames[i].flags & FRAME_BAD_TIME)
            continue;
        first = frames[i].ts_ns < first ? frames[i].ts_ns : first;
        last = frames[i].ts_ns > last ? frames[i].ts_ns : last;
    }
    totals->has_time = first <= last;
    totals->first_ns = first;
    totals->last_ns = last;
}

/* The next frames of this worker in the chunk, at most a batch; returns how many. */
static unsigned take_frames(struct reader *reader, const struct frame **ret_frames)
{
    const struct chunk *chunk = reader->chunk;
    unsigned workers = reader->config.workers, n = 0;
    if (workers == 1) {
        *ret_frames = chunk->frames + reader->at;
        n = chunk->n - reader->at < BATCH_CAP ? chunk->n - reader->at : BATCH_CAP;
        reader->at += n;
        return n;
    }
    for (; reader->at < chunk->n && n < BATCH_CAP; reader->at++)
        if (chunk->frames[reader->at].shard % workers == reader->config.worker)
            reader->own[n++] = chunk->frames[reader->at];
    *ret_frames = reader->own;
    return n;
}

bool reader_next(struct reader *reader, struct ready *ret_ready)
{
    if (!reader->chunk) {
        reader->chunk = chunk_ring_get(reader->ring, reader->chunks);
        if (!reader->chunk)
            return false;
        reader->chunks++;
        reader->at = 0;
    }
    const struct frame *frames;
    unsigned n = take_frames(reader, &frames);
    if (n) {
        decode_batch(reader->config.decode, frames, n, &ret_ready->batch);
        if (reader->matcher)
            matcher_run(reader->matcher, &ret_ready->batch, ret_ready->matches);
        analysis_prepare(reader->config.analysis, &ret_ready->batch, ret_ready->matches,
                         ret_ready->prepared);
        note_times(&reader->totals, frames, n);
        reader->totals.frames += n;
    }
    ret_ready->frames = n;
    ret_ready->packet_time_ns = reader->chunk->packet_time_ns;
    ret_ready->ends_chunk = reader->at == reader->chunk->n;
    if (ret_ready->ends_chunk)
        reader->chunk = NULL;
    return true;
}

struct reader_totals reader_totals(const struct reader *reader)
{
    return reader->totals;
}
