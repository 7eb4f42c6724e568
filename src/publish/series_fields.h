/* The fields of a series, in the order every series of nightscope has them: how much was
 * captured, the counts, and the distinct ports of scans after the distinct sources. */
#pragma once

#include <nightscope/window.h>

#include <stdint.h>

struct series_values {
    uint64_t seconds;
    uint64_t counts[COUNT_COUNT_];
    uint64_t dports;
};

enum { SERIES_FIELD_COUNT_ = COUNT_COUNT_ + 2 };
extern const char *const SERIES_FIELDS[SERIES_FIELD_COUNT_];
uint64_t series_value(const struct series_values *values, unsigned field);
