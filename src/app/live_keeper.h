/* The state of a running sensor on disk: when a checkpoint is written, and by whom.
 *
 *   workers stand still --> fork() --> workers go on
 *                              \--> the child has everything as of one moment: writes the file,
 *                                   syncs and renames it, and ends
 *
 * What was closed by that moment is released to Redis when the file is there. A checkpoint that
 * cannot be written is a warning and a counter; the sensor goes on, and Redis gets what closes.
 */
#pragma once

#include "app/live_kept.h"
#include "app/state_dir.h"

#include <sys/types.h>

struct live_keeper_status {
    bool kept;          /* there is a state */
    int64_t written_ns; /* the moment of the last checkpoint, by the clock; 0: none yet */
    uint64_t checkpoints, failures;
    uint64_t bytes;          /* of the last one */
    uint64_t took_us;        /* to write it */
    uint64_t held_us;        /* workers stood still for it */
    int64_t lost_s;          /* between the state that was taken up and the start */
    char text[ERR_TEXT_CAP]; /* why the last attempt failed; "" when it did not */
};

struct live_keeper {
    struct state_dir dir;
    char spool[4096]; /* path, for the flusher */
    struct live_kept_name name;
    struct live_control *control;
    struct live_redis *redis;
    int64_t every_ns, due_ns, begun_ns; /* monotonic */
    pid_t child;                        /* 0: none */
    int result_fd;                      /* what it says when it is done */
    int64_t moment_ns, closed_until_s;  /* of what it writes: by the clock; packet time */
    struct live_keeper_status status;
};

/* When privileges are dropped: the folder and its lock. An
 * exit status, with *err; live_keeper_fini() in any case. */
int live_keeper_open(struct live_keeper *state, const struct setup *setup, struct err *err);
/* Before capture starts: what is there is taken up. An exit status, with *err. */
int live_keeper_load(struct live_keeper *state, struct live_control *control,
                     struct live_redis *redis, struct err *err);
/* Capture has started: says what was taken up, or that nothing is kept. */
void live_keeper_start(struct live_keeper *state);
/* Once a second. */
void live_keeper_tick(struct live_keeper *state);
/* Capture has ended and nobody counts: the last checkpoint. -1 with *err. */
int live_keeper_end(struct live_keeper *state, struct err *err);
void live_keeper_fini(struct live_keeper *state);
