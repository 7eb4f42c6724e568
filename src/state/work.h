/* What the steps of count.c hand on while a batch is counted. */
#pragma once

#include "state/prepare.h"

/* What four steps ask for stays in the first cache. */
enum { STRETCH = 32 };
static_assert(BATCH_CAP % STRETCH == 0 && 64 % STRETCH == 0, "whole ones fill batch and word");

/* How the sets of the sources of a stretch take their packets: `count` to `finish`. Lists of
 * rows of the batch. */
struct looks {
    unsigned begin, end; /* rows that are counted and not finished */
    unsigned sketches_n, exact_n, ports_n, fresh_n;
    uint8_t sketches[STRETCH]; /* destinations that are estimated, and the others */
    uint8_t exact[STRETCH];
    uint8_t ports[STRETCH]; /* packets with a port that may be new to the source or its tally */
    uint8_t fresh[STRETCH]; /* packets whose source may be new to the tally of the port */
};
static_assert(BATCH_CAP <= UINT8_MAX + 1, "a row is a byte");

/* What the steps pass on, by row of the batch. */
struct work {
    const struct batch *batch;
    const struct prepared *prepared;
    struct window *windows[BATCH_CAP];
    struct shard *shard[BATCH_CAP];
    struct table *table[BATCH_CAP];
    struct port_tally *tally[BATCH_CAP]; /* &no_tally: no port, or no view */
    uint32_t slot[BATCH_CAP];            /* table_slot(), when it was asked for */
    uint32_t row[BATCH_CAP];             /* in the table, or TABLE_NO_ROW */
    struct source *source[BATCH_CAP];    /* the same as a pointer, or &nobody */
    unsigned guessed;                    /* rows before it have both, right or not */
    unsigned inserted_n;                 /* rows whose sources have no place yet */
    uint8_t inserted[BATCH_CAP];
    uint32_t minute_s, minute_span_s; /* source_seen_again() */
    struct looks looks[2];            /* of the stretch to be counted, and the one behind it */
    struct port_tally no_tally;
    struct source nobody; /* for rows without: its sets are frozen */
    struct matching matching;
};

/* Is the source in the tally of a port it is known to have scanned? Every port of a source that
 * only scanned went into the tally of scans when it went into the set of the source. */
static inline bool only_scans(const struct source *source)
{
    return source->seen == 1U << CLASS_SCAN;
}

/* Adds the packets that were looked at to the sets of their sources, and finds what is fresh.
 */
void sets_take(struct analysis *analysis, struct work *work, struct looks *looks);
/* Adds the sources of fresh rows to the tallies of their ports. */
void tallies_take(struct analysis *analysis, const struct work *work,
                  const struct looks *looks);
