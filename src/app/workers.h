/* Workers: threads that take the chunks of a replay and count the sources they own.
 *
 *      replay_next()            ring of chunks             each worker: decode, match, count
 *   one thread at a time -->  [ 5 ][ 6 ][ 7 ][ 8 ]  --> worker 0: shards 0, 2, 4, ...
 *   (whoever needs a chunk                          --> worker 1: shards 1, 3, 5, ...
 *    first makes it)
 *
 * Every worker sees every chunk, in order, and takes the frames of its shards; a chunk is made
 * again when all have seen it. The lock is taken once or twice a chunk, never a packet. */
#pragma once

#include "app/collector.h"

#include <nightscope/decode.h>
#include <nightscope/signature.h>
#include <nightscope/source.h>

struct workers_config {
    unsigned n; /* 1..SHARD_COUNT */
    const struct decode_config *decode;
    struct analysis_config analysis;
    const struct signature_set *signatures; /* NULL: none */
};

struct workers_result {
    struct analysis *analysis; /* all of them merged */
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
};

struct workers;

/* Starts n threads over the replay. NULL with *err when threads or memory are not to be had. */
struct workers *workers_start(const struct workers_config *config, struct replay *replay,
                              struct collector *collector, struct err *err);
/* Waits at most timeout_ms; true when all are done. */
bool workers_wait(struct workers *workers, unsigned timeout_ms);
/* After workers_wait() said true: joins, merges into *ret_result and frees. -1 with *err. */
int workers_finish(struct workers *workers, struct workers_result *ret_result, struct err *err);
