/* A reader: the frames of one worker's shards, out of the chunks, as batches decoded,
 * matched and prepared, ready to be counted. */
#pragma once

#include "app/chunk_ring.h"

#include <nightscope/analysis.h>
#include <nightscope/batch.h>
#include <nightscope/decode.h>
#include <nightscope/signature.h>

struct ready {
    struct batch batch;      /* borrows bytes of the chunk */
    struct matches *matches; /* NULL without signatures */
    struct prepared *prepared;
    unsigned frames;        /* decoded into the batch; 0: there is none, but the chunk ends */
    bool ends_chunk;        /* nothing more of this chunk for this worker */
    int64_t packet_time_ns; /* at the end of the chunk */
};

/* NULL: memory. signatures: NULL: none. */
struct ready *ready_new(const struct signature_set *signatures);
void ready_free(struct ready *ready);

struct reader_config {
    unsigned worker, workers; /* takes the shards that are `worker` modulo `workers` */
    const struct decode_config *decode;
    const struct signature_set *signatures; /* NULL: none */
    struct analysis *analysis;              /* what batches are prepared for */
};

struct reader_totals {
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
};

struct reader;

/* The ring is borrowed and outlives the reader. NULL: memory. */
struct reader *reader_new(const struct reader_config *config, struct chunk_ring *ring);
void reader_free(struct reader *reader);
/* Fills *ret_ready with what comes next, in the order of the stream; false: nothing does. When
 * a chunk ends, whoever has counted it gives it back to the ring. */
bool reader_next(struct reader *reader, struct ready *ret_ready);
/* Of the frames read so far. */
struct reader_totals reader_totals(const struct reader *reader);
