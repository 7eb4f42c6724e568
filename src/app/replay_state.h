/* A replay that continues the run before it, and is continued by the next one: --state DIR.
 *
 *   run 1   [ closed minutes | open ]              its report shows the open ones as if closed
 *                  |    checkpoint: both, apart
 *   run 2   [ closed minutes | open + new ... | open ]
 *
 * Packets of minutes that are closed in the state are late. Scan events that are open go on. */
#pragma once

#include "app/checkpoint_file.h"
#include "app/sensor_state.h"
#include "app/setup.h"
#include "app/workers.h"

struct replay_state {
    struct state_dir dir;
    bool kept;                  /* --state was given */
    struct sensor_state before; /* of the run before; all 0: there was none */
    struct report_minute *rows; /* closed minutes of it */
    size_t rows_n;
    uint64_t rows_refused;
    /* Minutes that end by then were closed, packet time; and are now: replay_state_save(). */
    int64_t closed_until_s, closes_until_s;
    struct checkpoint_content content;
    struct checkpoint_file file; /* the next one, being written */
};

/* The name that the state is of. */
const char *replay_state_sensor(const struct setup *setup);
/* Takes the folder and reads what is there. An exit status, with *err. */
int replay_state_open(struct replay_state *state, const struct setup *setup, struct err *err);
void replay_state_fini(struct replay_state *state);
/* Makes workers and collector go on where the state is; state must outlive the workers. -1 with
 * *err. */
int replay_state_continue(struct replay_state *state, struct workers_config *config,
                          struct collector *collector, struct err *err);
/* When the workers are done, before workers_finish(): writes the next checkpoint beside the one
 * that is there. -1 with *err. */
int replay_state_save(struct replay_state *state, const struct setup *setup,
                      const struct workers *workers, struct collector *collector,
                      struct err *err);
/* Frames and times of both runs. */
void replay_state_add(const struct replay_state *state, struct workers_result *result);
/* The next run will continue this one. -1 with *err. */
int replay_state_commit(struct replay_state *state, struct err *err);
