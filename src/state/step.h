/* A step of a profile while its packets come in.
 *
 *   packet --> its source's row --run ends--> ports, country x port       step_end_run()
 *                     |
 *                     +----when the row goes--> countries, AS, sketches   evicted, or
 * step_build()
 *
 * What is a property of the source (country, AS, the hash of its text) is counted once a
 * source. Shards limit the sources, so that it never matters how shards are dealt to workers.
 */
#pragma once

#include "state/step_sources.h"
#include "state/tallies.h"
#include "state/text_sketch.h"

#include <nightscope/analysis.h>

enum { STEP_RUNS_MAX = 256 };

/* A run that has ended. */
struct step_run {
    uint32_t source_key;
    uint32_t port; /* UDP << 16 | port */
    uint32_t cc;   /* a key of PROFILE_CC */
    uint32_t packets[PROFILE_VIEW_COUNT_];
};

struct step {
    int64_t start_s;
    struct step *next;
    struct memory *memory; /* a reference */
    struct step_table sources[SHARD_COUNT][2];
    /* but for PROFILE_SRC, and PROFILE_CC_TCP of view IOT */
    struct tallies tallies[PROFILE_VIEW_COUNT_][PROFILE_DIMENSION_COUNT_];
    struct pool pool; /* sets of the tallies */
    uint64_t source_others[PROFILE_VIEW_COUNT_];
    uint64_t packets[PROFILE_SKETCH_COUNT_];
    uint8_t sketches[PROFILE_SKETCH_COUNT_][HLL_LARGE];
    unsigned runs_n;
    struct step_run runs[STEP_RUNS_MAX];
};

/* NULL: memory. hash_key must outlive the step. */
struct step *step_new(struct memory *memory, const uint64_t hash_key[static 2]);
void step_free(struct step *step);
void step_clear(struct step *step);

/* Inserts a source that is not there; a full shard first drops the half of its sources that
 * have the fewest packets, of equal ones those that came first (IPv4 before IPv6). Rows move.
 * NULL: memory; step_count_alone() counts its packet. */
struct step_source *step_insert(struct step *step, unsigned shard, uint64_t hash,
                                const struct address *address, struct place place);
/* A packet whose source found no row: in all but the sources. */
void step_count_alone(struct step *step, const struct address *address, struct place place,
                      uint32_t port, const bool in[static PROFILE_VIEW_COUNT_]);
void step_end_run(struct step *step, struct step_source *source);

/* Counts a packet of the source to the views it is in. */
static inline void step_count(struct step *step, struct step_source *source, uint32_t port,
                              unsigned all, unsigned iot)
{
    if (source->port != port || source->run[PROFILE_ALL] == UINT16_MAX ||
        source->run[PROFILE_IOT] == UINT16_MAX) {
        step_end_run(step, source);
        source->port = port & ((1U << 18) - 1);
    }
    source->run[PROFILE_ALL] = (uint16_t)(source->run[PROFILE_ALL] + all);
    source->run[PROFILE_IOT] = (uint16_t)(source->run[PROFILE_IOT] + iot);
}

/* What a source adds to countries, AS and sketches, as its row is about to go. */
void step_settle(struct step *step, struct step_source *source, const struct address *address);
/* The runs that have ended enter the tables of ports. */
void step_enter_runs(struct step *step);

/* The step as a profile, which has all sources still (profile_close()). NULL: memory. The step
 * can only be cleared or freed then. */
struct profile *step_build(struct step *step);
