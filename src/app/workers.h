/* Workers: threads that take the chunks of a replay and count the sources they own.
 *
 *     chunk_ring.h      reader.h               handover.h          workers.c
 *     chunks, made -->  frames of its   -->    ready batches  -->  0 counts shards 0, 2, 4, ...
 *     once for all -->  shards, decoded -->    (or directly)  -->  1 counts shards 1, 3, 5, ...
 *                       and matched
 *
 * Every worker goes through every chunk, in order. Where processors are to spare, each has a
 * second thread that runs its reader ahead of it. Nothing is locked for a packet, and what is
 * counted depends neither on the number of workers nor on who reads. */
#pragma once

#include "app/collector.h"
#include "app/event_log.h"
#include "base/bytes.h"

#include <nightscope/decode.h>
#include <nightscope/signature.h>
#include <nightscope/source.h>

struct workers_config {
    unsigned n; /* 1..SHARD_COUNT */
    const struct decode_config *decode;
    struct analysis_config analysis;
    const struct signature_set *signatures; /* NULL: none */
    struct event_log *events;               /* NULL: none; borrowed */
    bool make_ahead; /* a thread unpacks and frames ahead of all, where files are compressed */
    bool read_ahead; /* each worker has a thread that decodes and matches ahead of it */
    /* For a run that continues another, or is to be continued: */
    int64_t packet_time_ns; /* of the run before; 0: there was none */
    bool kept; /* what is open at the end stays so until workers_finish(): workers_save() */
    /* Fills the analyses of the workers before they start; -1 with *err. NULL: they are empty.
     */
    int (*load)(void *context, struct analysis *const *analyses, unsigned n, struct err *err);
    void *context;
};

struct workers_result {
    struct analysis *analysis; /* all of them merged */
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns;
};

struct workers;

/* Starts their threads over the replay. NULL with *err when threads or memory are not to be
 * had. */
struct workers *workers_start(const struct workers_config *config, struct replay *replay,
                              struct collector *collector, struct err *err);
/* Waits at most timeout_ms; true when all are done. */
bool workers_wait(struct workers *workers, unsigned timeout_ms);
/* After that, of a run that is kept: frames and times, packet time, and what every worker
 * holds: their number, then one analysis_save() after another. False: the bytes have failed. */
struct workers_result workers_times(const struct workers *workers); /* without analysis */
int64_t workers_packet_time(const struct workers *workers);
bool workers_save(const struct workers *workers, struct bytes_out *out);
/* After workers_wait() said true: joins, merges into *ret_result and frees. -1 with *err. */
int workers_finish(struct workers *workers, struct workers_result *ret_result, struct err *err);
