/* What counting needs of a batch and no source has a say in: worked out by analysis_prepare(),
 * which may run in another thread, some batches ahead of analysis_count(). Of the analysis it
 * touches the destinations alone, and counting touches all else. */
#pragma once

#include "state/columns.h"
#include "state/matching.h"
#include "state/sums.h"

struct prepared {
    const struct batch *batch;
    const struct matches *matches;
    struct columns columns;
    uint64_t hash[BATCH_CAP]; /* of the source, in its table */
    uint8_t shard[BATCH_CAP];
    uint8_t is6[BATCH_CAP];
    bool is_new_destination[BATCH_CAP]; /* nobody has sent to it before */
    struct match_lists lists;
    struct sums sums;
};
