#include "app/sensor_state.h"

#include "app/collector.h"
#include "app/gathering_save.h"

#include <stdlib.h>
#include <string.h>

enum { ROW_MIN = COUNT_COUNT_ + 3, MINUTE_S = 60 };
static const uint64_t TIME_MAX_NS = (uint64_t)UINT32_MAX * 1000000000 + 999999999;

void sensor_state_put(struct bytes_out *out, const struct sensor_state *state)
{
    size_t n = strnlen(state->sensor, sizeof state->sensor - 1);
    bytes_put_u64(out, SENSOR_REPLAY);
    bytes_put_u64(out, n);
    bytes_put(out, state->sensor, n);
    bytes_put_u64(out, state->has_dark);
    bytes_put_le(out, state->dark, 8);
    bytes_put_u64(out, (uint64_t)state->taken_s);
    bytes_put_u64(out, state->frames);
    bytes_put_u64(out, state->has_time);
    bytes_put_u64(out, (uint64_t)state->first_ns);
    bytes_put_u64(out, (uint64_t)state->last_ns);
    bytes_put_u64(out, (uint64_t)state->packet_time_ns);
}

void sensor_state_take(struct bytes_in *in, struct sensor_state *ret_state)
{
    *ret_state = (struct sensor_state){.kind = (uint8_t)bytes_take_u64(in, SENSOR_REPLAY)};
    if (ret_state->kind != SENSOR_REPLAY)
        return;
    size_t n = bytes_take_u64(in, SENSOR_NAME_CAP - 1);
    const uint8_t *name = bytes_take(in, n);
    if (name)
        memcpy(ret_state->sensor, name, n);
    ret_state->has_dark = bytes_take_u64(in, 1);
    ret_state->dark = bytes_take_le(in, 8);
    ret_state->taken_s = (int64_t)bytes_take_u64(in, INT64_MAX);
    ret_state->frames = bytes_take_u64(in, UINT64_MAX);
    ret_state->has_time = bytes_take_u64(in, 1);
    ret_state->first_ns = (int64_t)bytes_take_u64(in, TIME_MAX_NS);
    ret_state->last_ns = (int64_t)bytes_take_u64(in, TIME_MAX_NS);
    ret_state->packet_time_ns = (int64_t)bytes_take_u64(in, TIME_MAX_NS);
}

int sensor_state_check(const struct sensor_state *state, const char *path, const char *sensor,
                       const struct prefix_set *dark, struct err *err)
{
    if (state->kind != SENSOR_REPLAY)
        return err_set(err, path, 0, 0,
                       "holds the state of a sensor that captures, which `nightscope live` "
                       "continues; give a replay a folder of --state of its own");
    if (strcmp(state->sensor, sensor) != 0)
        return err_set(err, path, 0, 0,
                       "holds the state of the sensor %s, not of %s; give each sensor a folder "
                       "of --state of its own, or this one its name: --sensor %s",
                       state->sensor, sensor, state->sensor);
    if (state->has_dark == (dark != NULL) && (!dark || state->dark == prefix_set_hash(dark)))
        return 0;
    return err_set(err, path, 0, 0,
                   "was counted with %s --dark, so counts would not mean the same; give the "
                   "--dark of before, or a new folder of --state",
                   !state->has_dark ? "no"
                   : dark           ? "another"
                                    : "a");
}

void sensor_state_put_rows(struct bytes_out *out, const struct report_minute *rows, size_t n)
{
    bytes_put_u64(out, n);
    for (size_t i = 0; i < n; i++) {
        bytes_put_u64(out, (uint64_t)rows[i].start_s);
        bytes_put_u64(out, rows[i].seconds);
        bytes_put_u64(out, rows[i].dports);
        spool_put_counts(out, rows[i].counts);
    }
}

struct report_minute *sensor_state_take_rows(struct bytes_in *in, size_t *ret_n)
{
    size_t n = bytes_take_u64(in, SERIES_MAX);
    in->failed |= n > bytes_left(in) / ROW_MIN;
    struct report_minute *rows = in->failed ? NULL : malloc((n + 1) * sizeof *rows);
    int64_t before_s = -1;
    for (size_t i = 0; rows && i < n; i++) {
        rows[i] = (struct report_minute){.start_s = spool_take_start(in, MINUTE_S, before_s)};
        rows[i].seconds = (uint32_t)bytes_take_u64(in, MINUTE_S);
        rows[i].dports = bytes_take_u64(in, UINT64_MAX);
        spool_take_counts(in, rows[i].counts);
        before_s = rows[i].start_s;
    }
    if (rows && in->failed) {
        free(rows);
        rows = NULL;
    }
    *ret_n = rows ? n : 0;
    return rows;
}
