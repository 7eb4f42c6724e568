/* The progress bar of a replay, on standard error. */
#pragma once

#include <nightscope/source.h>

struct progress {
    bool shown;
    double started_s; /* monotonic clock */
};

/* Draws, if standard error is a terminal and quiet is not set. */
void progress_start(struct progress *progress, bool quiet);
void progress_draw(const struct progress *progress, const struct replay_progress *now);
void progress_end(const struct progress *progress);
