/* What live_redis.c and replay_redis.c give a flusher: made of an analysis, under the names and
 * with the places of a set-up, without the sources that it withholds. */
#pragma once

#include "app/flusher.h"
#include "app/setup.h"

#include <nightscope/analysis.h>
#include <nightscope/sink.h>

/* Tells it the names of signatures and labels. -1: out of memory. */
int flush_signatures(struct flusher *flusher, const struct setup *setup);
/* Adds a report, which is taken (NULL: memory was refused for it), and the labelled sources.
 * False: memory; the report is freed, and the values are without one. */
bool flush_report(struct flusher_values *values, const struct setup *setup,
                  struct analysis *analysis, struct report *report,
                  const struct sink_files *files);
/* Says where a packet of the sample came from. */
void flush_place(struct feed_packet *packet, const struct setup *setup);
