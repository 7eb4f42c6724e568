/* The open events one by one, and their way back. */
#pragma once

#include "state/events.h"

struct event_open {
    struct event event;   /* but for what is worked out at its end */
    uint32_t touched_min; /* packet time of its last packet */
    struct distinct destinations, networks;
};

/* Steps through a shard, the longest silent first: *at starts as 0; false at the end. The sets
 * are in *ret_pool. */
bool events_open_next(const struct events *events, unsigned shard, uint32_t *at,
                      struct event_open *ret_open, const struct pool **ret_pool);
const struct event_block *events_ended(const struct events *events);

/* Before the first event of a part and shard. */
void events_restore_shard(struct events *events, unsigned shard);
/* An open event, whose sets are copied from `pool`; of one part and shard, the longest silent
 * first. `source`: the hash of its source in the table of sources. False: memory. */
bool events_restore(struct events *events, unsigned shard, uint64_t source,
                    const struct event_open *open, const struct pool *pool);
/* Takes the blocks over. */
void events_restore_ended(struct events *events, struct event_block *blocks);
void events_add_limits(struct events *events, const struct events_limits *limits);
