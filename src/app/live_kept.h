/* What the checkpoint of a sensor that captures holds, and how it is taken up.
 *
 *   SENSOR_LIVE | version | sensor | dark space | taken at | has time, first, last | collector
 *   | n workers | what each counts (analysis_save())
 *
 * Minutes and steps that are on their way from the workers to Redis lie in the first one's. */
#pragma once

#include "app/live_redis.h"
#include "base/bytes.h"

#include <nightscope/checkpoint.h>

/* Whose state it is, and what must be the same for counts to mean the same. */
struct live_kept_name {
    const char *sensor;
    bool has_dark;
    uint64_t dark; /* prefix_set_hash() */
};

/* While no worker counts. Whatever waits for Redis is moved into what the first worker counts:
 * in a child after fork() for good; else live_kept_put_back(). False: `out` has failed. */
bool live_kept_put(const struct live_control *control, struct live_redis *redis,
                   const struct live_kept_name *name, int64_t taken_ns, struct bytes_out *out);
void live_kept_put_back(const struct live_control *control, struct live_redis *redis);

/* Into workers and a collector that have not begun. An exit status, with *err; *ret_gone in any
 * case. */
int live_kept_take(const struct live_control *control, struct live_redis *redis,
                   const struct live_kept_name *name, struct bytes_in *in,
                   int64_t *ret_taken_ns, struct checkpoint_gone *ret_gone, struct err *err);
