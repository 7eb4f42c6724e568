/* What the hot loop needs of each row of a batch, a column at a time: loops without a branch
 * that compilers turn into vectors, and a walk over the few rows that differ. */
#pragma once

#include <nightscope/batch.h>
#include <nightscope/signature.h>

enum {
    COLUMN_VIEW_SHIFT = 17, /* above UDP and port: the view of a tally */
    COLUMN_NO_TALLY = CLASS_OTHER,
};

struct columns {
    uint32_t at_s[BATCH_CAP];
    uint32_t source[BATCH_CAP];      /* source_key_of() */
    uint32_t destination[BATCH_CAP]; /* the same of the destination */
    uint32_t port[BATCH_CAP];        /* IP protocol << 16 | destination port; 0: it has none */
    uint32_t tally[BATCH_CAP];    /* class << COLUMN_VIEW_SHIFT | UDP << 16 | port, or 0 of the
                                     class COLUMN_NO_TALLY */
    uint8_t candidate[BATCH_CAP]; /* enum candidate */
};

void columns_fill(struct columns *columns, const struct batch *batch);
