/* What a running sensor writes and serves, beside Redis: hourly files, scan events, metrics. An
 * observer of the sensor; whatever fails here is told once and never ends the capture. */
#pragma once

#include "app/flusher.h"
#include "app/lines.h"
#include "app/live.h"
#include "app/metrics.h"
#include "app/metrics_server.h"

struct live_keeper_status;

struct live_outputs {
    const struct setup *setup; /* in force */
    struct lines lines;
    struct metrics_server *server; /* NULL: no --metrics */
    const char *metrics_path;      /* NULL: no --metrics-file */
    const char *isa;
    struct flusher *const *flusher; /* of Redis; what it points to is NULL: there is none */
    const struct live_keeper_status *state; /* NULL: nothing is kept on disk */
    int64_t written_s;                      /* when that file was last written */
    bool told_metrics, told_minutes, told_events, told_refused;
};

/* Before privileges are dropped: opens the socket of --metrics. An exit status, with *err when
 * it is not EXIT_DONE; live_outputs_fini() in any case. */
int live_outputs_init(struct live_outputs *outputs, const struct setup *setup, struct err *err);
/* After that, as whoever will write them: opens files and folders. An exit status, with *err.
 */
int live_outputs_open(struct live_outputs *outputs, struct err *err);
/* Starts to serve. -1 with *err. */
int live_outputs_start(struct live_outputs *outputs, struct err *err);
struct live_observer live_outputs_observer(struct live_outputs *outputs);
/* Capture has ended and everything was observed: completes all files. -1 with *err. */
int live_outputs_end(struct live_outputs *outputs, struct err *err);
void live_outputs_fini(struct live_outputs *outputs);
