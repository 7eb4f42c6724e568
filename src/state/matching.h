/* From the masks of a batch to the evidence of its sources. */
#pragma once

#include "state/state.h"

enum { ROW_HITS_MAX = 15 };

/* The signatures one row matches. More than fit: n says so, and the masks are walked. */
struct row_hits {
    uint16_t n;
    uint16_t signatures[ROW_HITS_MAX];
};

struct matching {
    const struct matches *matches; /* NULL: nothing matched in this batch */
    struct row_hits rows[BATCH_CAP];
};

/* Transposes the masks into lists. */
void matching_start(struct matching *matching, const struct labels *labels,
                    const struct batch *batch, const struct matches *matches);

static inline bool matching_has(const struct matching *matching, unsigned row)
{
    return matching->matches && matching->rows[row].n > 0;
}

/* Counts the matches of a packet and notes them as evidence of its source, whose counters have
 * it already. `row` is the source's in its table, or TABLE_NO_ROW; `window` NULL for a late
 * one. */
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
