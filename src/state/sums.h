/* What a batch adds to totals as a whole: follows from its packets alone, so a thread ahead of
 * the one that counts can work it out. */
#pragma once

#include "state/columns.h"

#include <nightscope/window.h>

struct sums {
    uint64_t counts[COUNT_COUNT_]; /* packets, bytes, by protocol and class; others 0 */
    uint32_t from_dark, ipv6, fragments, cut, decapsulated;
    uint32_t bad_checksum[CHECKSUM_COUNT_];
    bool one_minute; /* no row is late, and all belong to the minute of the first, which none of
                        them can close */
};

/* Rows [begin, end) only, and nothing but counts. */
void sums_count(const struct batch *batch, unsigned begin, unsigned end,
                uint64_t ret_counts[static COUNT_COUNT_]);
void sums_fill(struct sums *sums, const struct batch *batch, const struct columns *columns);
