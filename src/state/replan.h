/* Signatures and databases of an analysis are replaced while it goes on.
 *
 *   main thread    signature_set_keep_names(), evidence_plan_new() with the plan before it,
 *                  replan_new() once an analysis
 *   its worker     analysis_replan() between two batches: allocates nothing, cannot fail
 *   main thread    replan_free(), then the old plan and set, when all have done so */
#pragma once

#include "state/evidence.h"

#include <nightscope/analysis.h>

struct replan;

/* Every signature of `from` has one of its name in `to`, and a label keeps its index. feed: the
 * analysis keeps a sample. NULL: memory. */
struct replan *replan_new(const struct evidence_plan *from, const struct evidence_plan *to,
                          bool feed);
void replan_free(struct replan *replan);

/* Once a replan. */
void analysis_replan(struct analysis *analysis, struct replan *replan);
/* Sources that are there already keep their places. */
void analysis_relocate(struct analysis *analysis, const struct locator *locator);
