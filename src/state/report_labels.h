/* The part of a report that signatures make. */
#pragma once

#include "state/state.h"

#include <nightscope/report.h>

/* Fills signatures, labels, the sums of the IoT view, unlabelled scans and IoT ports. held: of
 * the sources in the tables. estimated: counts of sources are. -1: memory. */
int report_labels(const struct analysis *analysis, const struct report_input *input,
                  const struct source_tallies *held, bool estimated, struct report *ret_report);
