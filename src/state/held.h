/* What the sources that an analysis holds add up to. */
#pragma once

#include "state/toplist.h"

struct held {
    uint64_t sources, class_sources[CLASS_COUNT_];
    struct places places;          /* with those of evicted sources */
    struct source_tallies tallies; /* without signatures: unused */
    struct toplist tops[VIEW_COUNT_];
};

/* top: how many sources each list keeps, 0: all. NULL: memory. */
struct held *held_new(const struct analysis *analysis, size_t top);
void held_free(struct held *held);
