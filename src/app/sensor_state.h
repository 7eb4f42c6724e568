/* What a sensor's state says of itself, before all that it counts: whose it is, and how far it
 * got. The first part of a checkpoint file's content. */
#pragma once

#include "base/bytes.h"

#include <nightscope/error.h>
#include <nightscope/prefix.h>
#include <nightscope/report.h>

enum { SENSOR_NAME_CAP = 65 };

/* Who keeps the state, and so what follows: the first number of the content. */
enum sensor_kind { SENSOR_LIVE = 1, SENSOR_REPLAY = 2 };

struct sensor_state {
    uint8_t
        kind; /* enum sensor_kind; of another one than SENSOR_REPLAY, nothing more is read */
    char sensor[SENSOR_NAME_CAP];
    bool has_dark;   /* --dark was given: */
    uint64_t dark;   /* prefix_set_hash() */
    int64_t taken_s; /* by the clock, Unix time */
    uint64_t frames;
    bool has_time;
    int64_t first_ns, last_ns; /* lowest and highest time stamp; without time 0 */
    int64_t packet_time_ns;    /* 0: no frame yet */
};

void sensor_state_put(struct bytes_out *out, const struct sensor_state *state);
void sensor_state_take(struct bytes_in *in, struct sensor_state *ret_state);

/* Is it of a replay, of this sensor and dark space (NULL: every destination)? Else -1, and *err
 * says what to do. `path`: the folder of the state. */
int sensor_state_check(const struct sensor_state *state, const char *path, const char *sensor,
                       const struct prefix_set *dark, struct err *err);

/* Closed minutes, as rows of the series. */
void sensor_state_put_rows(struct bytes_out *out, const struct report_minute *rows, size_t n);
/* To be freed; NULL: not what was put, or memory. */
struct report_minute *sensor_state_take_rows(struct bytes_in *in, size_t *ret_n);
