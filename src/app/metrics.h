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
    const struct metrics_events *events; /* NULL: none are kept */
    const struct metrics_files *files;   /* NULL: no hourly files */
};

void metrics_write(FILE *out, const struct metrics *metrics);
