/* How a sensor stands, for Prometheus: plain values in, its text format (version 0.0.4) out.
 * Names are API; contrib/doc/metrics.md lists them. */
#pragma once

#include "app/live.h"

#include <stdio.h>

struct metrics_redis {
    const char *state; /* a word: "up", "away", ... */
    bool up;
    uint64_t lag_s; /* how much of what is closed is not acknowledged */
    uint64_t held;  /* closed windows that are not acknowledged */
    uint64_t flushes, failures, resends, given_up;
};

struct metrics_state {
    bool written; /* there is a checkpoint, of this run or of the one before: */
    uint64_t age_s;
    uint64_t checkpoints, failures, bytes, took_us, held_us, lost_s;
    bool spooled; /* what Redis has not acknowledged is in a spool: */
    uint64_t spool_bytes, spool_failures;
};

struct metrics_events {
    uint64_t open, written, lost;
};

struct metrics_files {
    uint64_t completed, lost_lines;
};

struct metrics {
    const char *version, *isa; /* isa: the instruction set in use */
    const struct live_status *status;
    const struct metrics_redis *redis;   /* NULL: none */
    const struct metrics_state *state;   /* NULL: nothing is kept on disk */
    const struct metrics_events *events; /* NULL: none are kept */
    const struct metrics_files *files;   /* NULL: no hourly files */
};

void metrics_write(FILE *out, const struct metrics *metrics);
