/* A sensor's keys in Redis: gathers what the flusher wants to have of a sensor that captures.
 *
 * Minutes and steps go there as they close; how everything stands is copied from the workers
 * when minutes have closed, and every ten seconds, as long as that holds nobody up for more
 * than a fiftieth of the time.
 *
 * Where state is kept, what has closed waits for the checkpoint that says so: what Redis has is
 * then never counted again after a restart. */
#pragma once

#include "app/flusher.h"
#include "app/live_control.h"
#include "app/redis_setup.h"

#include <nightscope/sink.h>

struct live_redis {
    struct flusher *flusher; /* NULL: there is no Redis */
    struct live_control *control;
    struct flusher_minute *minutes; /* ours, not yet handed over */
    size_t minutes_n, minutes_cap;
    struct profile *steps;
    const char *spool;     /* a path; NULL: nothing is kept on disk */
    int64_t released_s;    /* what ends by then may be handed over; INT64_MAX: all of it */
    int64_t handed_s;      /* was handed over up to here */
    int64_t minutes_end_s; /* of the last minute */
    int64_t fed_ns;        /* the sample was handed over up to here */
    int64_t next_ns;       /* monotonic: nothing is handed over before */
    bool told_spool;
    uint64_t refused;
};

/* For a state: the minutes (as one list, window_free()) and steps that wait; and back. */
struct window *live_redis_take_minutes(struct live_redis *redis);
struct profile *live_redis_take_steps(struct live_redis *redis);
void live_redis_keep_minutes(struct live_redis *redis, struct window *minutes,
                             struct collector *collector);
void live_redis_keep_steps(struct live_redis *redis, struct profile *steps);
/* A checkpoint was written, or failed for good: what ends by then may go to Redis. */
void live_redis_release(struct live_redis *redis, int64_t closed_until_s);
/* Is all that was handed over in the spool, or the spool failing? */
bool live_redis_settled(const struct live_redis *redis);

/* Starts the flusher, and observes the sensor. For a thread that has given its privileges up.
 * -1 with *err. */
int live_redis_start(struct live_redis *redis, const struct redis_setup *setup,
                     struct live_control *control, struct err *err);
/* The end: takes the report. -1 with *err: Redis has not everything, and will not get it from
 * the next run. */
int live_redis_end(struct live_redis *redis, struct analysis *analysis, struct report *report,
                   const struct sink_files *files, struct err *err);
/* Without an end: nothing more is sent. */
void live_redis_fini(struct live_redis *redis);
