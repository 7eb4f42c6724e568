/* From the masks of a batch to the evidence of its sources. */
#pragma once

#include "state/state.h"

enum { ROW_HITS_MAX = 15 };

/* What of the matches depends on the source: the signatures of each row. What does not is
 * counted for the whole batch when it starts. */
struct matching {
    const struct matches *matches;          /* NULL: nothing matched in this batch */
    uint64_t rows[BATCH_WORDS];             /* that match a signature in use ... */
    uint64_t iot[BATCH_WORDS];              /* ... one of origin iot that decides alone */
    uint8_t n[BATCH_CAP];                   /* signatures of a row; above ROW_HITS_MAX: */
    uint16_t hits[BATCH_CAP][ROW_HITS_MAX]; /* too many for this list, the masks are walked */
};

/* Transposes the masks into lists, and counts what all packets count that match a signature
 * without a relation or thresholds: no source has a say in that. */
void matching_start(struct matching *matching, struct analysis *analysis,
                    const struct batch *batch, const struct matches *matches,
                    struct window *const windows[static BATCH_CAP]);

static inline bool matching_has(const struct matching *matching, unsigned row)
{
    return matching->matches && mask_test(matching->rows, row);
}

/* Notes the matches of a packet as evidence of its source, whose counters have it already.
 * `row` is the source's in its table, or TABLE_NO_ROW; `window` NULL for a late one. */
void matching_note(struct analysis *analysis, const struct matching *matching,
                   const struct batch *batch, unsigned i, struct shard *shard, unsigned family,
                   uint32_t row, struct window *window);

/* The source has been silent until now: forgets its evidence when that was too long. */
void matching_expire_now(struct analysis *analysis, struct shard *shard, unsigned family,
                         uint32_t row);

static inline void matching_expire(struct analysis *analysis, struct shard *shard,
                                   unsigned family, uint32_t row, uint32_t now_s)
{
    uint32_t last_s = shard->tables[family].rows[row].last_s;
    if (now_s > last_s && now_s - last_s > analysis->config.evidence_s)
        matching_expire_now(analysis, shard, family, row);
}
