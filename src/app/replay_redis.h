/* A replay that continues a sensor keeps its keys in Redis as the daemon does: through the
 * flusher, whose spool lies in the folder of the state.
 *
 * Minutes and steps go to the flusher as they close; nothing is sent before the run is complete
 * and its checkpoint in place. What a run that failed has handed over is in the spool, and is
 * known there when the same captures are read again. */
#pragma once

#include "app/flusher.h"
#include "app/redis_setup.h"
#include "app/replay_state.h"

#include <nightscope/sink.h>

struct replay_redis {
    struct flusher *flusher; /* NULL: there is none */
    const struct setup *setup;
    const struct replay_state *state;
    char spool[4096];
    int64_t next_ns; /* monotonic: nothing is handed over before */
};

/* Starts the flusher. -1 with *err. */
int replay_redis_start(struct replay_redis *redis, const struct setup *setup,
                       const struct redis_setup *redis_setup, const struct replay_state *state,
                       struct err *err);
/* Hands over what has closed; now and then, unless it is the last time. first_ns: of the
 * replay's stream. */
void replay_redis_tick(struct replay_redis *redis, struct collector *collector,
                       int64_t first_ns, bool last);
/* The end: takes the report, waits for Redis. -1 with *err: it has not everything. */
int replay_redis_end(struct replay_redis *redis, struct analysis *analysis,
                     struct report *report, const struct sink_files *files, struct err *err);
/* Without an end: nothing is sent. */
void replay_redis_fini(struct replay_redis *redis);
