/* The top sources of a report. */
#pragma once

#include "state/state.h"

#include <nightscope/report.h>

/* Fills the table of a view: sources with a packet of its class. The scan view ranks by all
 * packets a source sent, the backscatter view by its backscatter. top 0: all. -1: memory. */
int report_top_sources(const struct analysis *analysis, enum view view, size_t top,
                       struct report_view *ret_view);
