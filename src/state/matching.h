/* From the masks of a batch to the evidence of its sources. */
#pragma once

#include "state/state.h"

enum { ROW_HITS_MAX = 4 };

/* The masks of a batch by row: what follows from packets and signatures alone. */
struct match_lists {
    unsigned n;                             /* rows that match */
    uint8_t rows[BATCH_CAP];                /* those rows, ascending */
    uint64_t iot[BATCH_WORDS];              /* rows that match for sure one of origin iot */
    uint8_t hits_n[BATCH_CAP];              /* signatures of a row; above ROW_HITS_MAX: */
    uint16_t hits[BATCH_CAP][ROW_HITS_MAX]; /* too many for this, the masks are walked */
    uint32_t probes[BATCH_CAP];             /* by row: what most signatures tell probes by */
};
static_assert(BATCH_CAP <= 256, "rows are kept in bytes");

/* Transposes the masks. plan or matches NULL: nothing matches. */
void match_lists_fill(struct match_lists *lists, const struct evidence_plan *plan,
                      const struct batch *batch, const struct matches *matches);

/* Where the sources of the rows of a batch are, a column each. Filled as the batch is counted:
 * a row's may be read when it is prefetched or noted. */
struct matching_sources {
    const uint8_t *shard, *family;
    const uint32_t *row; /* in the table, or TABLE_NO_ROW */
    const uint8_t *candidate;
    struct window *const *windows; /* NULL for a late packet */
};

/* The matches of a batch that is being counted. */
struct matching {
    const struct batch *batch;
    const struct matches *matches;
    const struct match_lists *lists;
    struct matching_sources of;
    bool one_window; /* for all rows */
    unsigned noted;  /* rows of the list */
    uint64_t
        iot[BATCH_WORDS]; /* rows noted that match one of origin iot; complete at the end */
};

/* Counts what all packets count that match a signature without a relation or thresholds: no
 * source has a say in that. All are borrowed. */
void matching_start(struct matching *matching, struct analysis *analysis,
                    const struct batch *batch, const struct matches *matches,
                    const struct match_lists *lists, const struct matching_sources *of);
/* Asks for the memory that noting rows [begin, end) will need. */
void matching_prefetch(const struct matching *matching, const struct analysis *analysis,
                       unsigned begin, unsigned end);
/* Notes the matches of the rows before `end` as evidence of their sources. All of these rows
 * must have been counted, and none from `end` on. */
void matching_note(struct analysis *analysis, struct matching *matching, unsigned end);

/* The source of row i has been silent until now: forgets its evidence when that was too long.
 * The rows before i have been counted, and are noted first. */
void matching_expire(struct analysis *analysis, struct matching *matching, unsigned i);
