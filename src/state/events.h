/* The open events of one analysis. Each shard has a table of its own, with its share of the
 * limit:
 *
 *   buckets   hash of the key --> row --> row          chains
 *   rows      [ event | links ][ event | links ] ...   the free ones are a chain, too
 *   silence   oldest <--> ... <--> newest              by packet time of the last packet
 *   pool      sets of destinations and networks
 *
 * Before a packet is added, all events of its shard that are over by then have ended; so what a
 * shard holds is a function of its packets in their order. A full shard ends the event that has
 * been silent longest. Times are minutes of packet time; a gap between two packets of a key is
 * compared exactly. */
#pragma once

#include "state/prepare.h"

#include <nightscope/event.h>

struct events;

struct events *events_new(const struct analysis_config *config, struct memory *memory);
void events_free(struct events *events);
size_t events_bytes(const struct events *events);

/* Of every batch: start, then what its rows matched, then add. */
void events_start(struct events *events, unsigned rows);
void events_match(struct events *events, unsigned row, unsigned label, bool labelled);
void events_add(struct events *events, const struct prepared *prepared);

/* Ends what is over by this packet time; all there is. */
void events_advance(struct events *events, int64_t packet_time_ns);
void events_finish(struct events *events);
/* Takes over what has ended in `from`, and ends what is open there. */
void events_merge(struct events *into, struct events *from);

struct events_limits {
    uint64_t evicted; /* events ended for lack of room */
    uint64_t refused; /* packets in no event: no memory */
    uint64_t frozen;  /* sets that may not grow any more */
};
struct events_limits events_limits(const struct events *events);
