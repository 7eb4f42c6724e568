/* Distinct sources over several sensors: the union of their daily sketches, where these cover
 * what the reports count. Elsewhere the sum stays, an upper bound. */
#pragma once

#include "app/report_fetch.h"

#include <stdbool.h>

enum merged_view { MERGED_SCAN, MERGED_IOT, MERGED_VIEW_COUNT_ };

struct merged_sources {
    bool usable[MERGED_VIEW_COUNT_];
    uint64_t count[MERGED_VIEW_COUNT_];
};

/* Before the reports are merged. An exit status, with *err unless it is EXIT_DONE. */
int merge_sources_init(struct merged_sources *sources, const struct report_fetch *fetch,
                       struct redis *redis, struct err *err);
/* After they were. */
void merge_sources_apply(const struct merged_sources *sources, struct report *report);
