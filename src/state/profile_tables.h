/* What a profile is made of. Private to this layer. */
#pragma once

#include "state/profile_table.h"

#include <nightscope/profile.h>

struct profile_tables {
    /* PROFILE_SRC: sources of IPv4, and the others of both families. */
    struct profile_table tables[PROFILE_VIEW_COUNT_][PROFILE_DIMENSION_COUNT_];
    struct profile_table sources6[PROFILE_VIEW_COUNT_];
    uint64_t packets[PROFILE_SKETCH_COUNT_];
    uint8_t sketches[PROFILE_SKETCH_COUNT_][PROFILE_SKETCH_REGISTERS];
};

bool profile_has_sets(enum profile_dimension dimension);
/* How many members a dimension may have (PROFILE_SRC: of either family), and how high a key may
 * be. */
size_t profile_limit(enum profile_dimension dimension);
uint32_t profile_key_max(enum profile_dimension dimension);
