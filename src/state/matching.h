/* From the masks of a batch to the evidence of its sources. */
#pragma once

#include "state/columns.h"
#include "state/match_lists.h"
#include "state/state.h"

/* Where the sources of the rows of a batch are, a column each. Filled as the batch is counted:
 * a row's may be read when it is noted. */
struct matching_sources {
    const struct columns *columns;
    struct shard *const *shard;
    struct table *const *table;
    const uint32_t *row;           /* in the table, or TABLE_NO_ROW */
    struct source *const *source;  /* the same, if it has one */
    struct window *const *windows; /* NULL for a late packet */
    bool one_window;               /* for all rows */
};

/* The matches of a batch that is being counted. */
struct matching {
    const struct batch *batch;
    const struct matches *matches;
    const struct match_lists *lists;
    struct matching_sources of;
    unsigned noted;   /* hits of the list */
    unsigned walked;  /* rows before it need not be walked any more, if they are not listed */
    unsigned counted; /* rows before it are in the counters of their sources */
    uint64_t
        iot[BATCH_WORDS]; /* rows noted that match one of origin iot; complete at the end */
};

/* Counts what all packets count that match a signature without a relation or thresholds: no
 * source has a say in that. All are borrowed. */
void matching_start(struct matching *matching, struct analysis *analysis,
                    const struct batch *batch, const struct matches *matches,
                    const struct match_lists *lists, const struct matching_sources *of);
/* Asks for the records of sources that match more than one signature, of rows of one word of a
 * mask. */
void matching_prefetch(const struct matching *matching, unsigned begin, unsigned end);
/* Notes the matches of the rows before `end`, which must be counted, as evidence. */
void matching_note(struct analysis *analysis, struct matching *matching, unsigned end);

/* The source of row i has been silent until now: forgets its evidence when that was too long.
 * The rows before i have been counted, and are noted first. */
void matching_expire(struct analysis *analysis, struct matching *matching, unsigned i);
