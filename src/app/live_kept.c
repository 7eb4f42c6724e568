#include "app/live_kept.h"

#include "app/commands.h"
#include "app/sensor_state.h"

#include <nightscope/checkpoint.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 2, VERSION_OLDEST = 1, VERSION_SECONDS = 2, TEXT_MAX = 4096 };

static void put_text(struct bytes_out *out, const char *text)
{
    size_t n = strnlen(text, TEXT_MAX);
    bytes_put_u64(out, n);
    bytes_put(out, text, n);
}

bool live_kept_put(const struct live_control *control, struct live_redis *redis,
                   const struct live_kept_name *name, int64_t taken_ns, struct bytes_out *out)
{
    struct live_workers *workers = control->workers;
    struct analysis *first = live_workers_analysis(workers, 0);
    bytes_put_u64(out, SENSOR_LIVE);
    bytes_put_u64(out, VERSION);
    put_text(out, name->sensor);
    bytes_put_u64(out, name->has_dark);
    bytes_put_le(out, name->dark, 8);
    bytes_put_le(out, (uint64_t)taken_ns, 8);
    int64_t first_ns, last_ns;
    bool has_time = live_workers_times(workers, &first_ns, &last_ns);
    bytes_put_u64(out, has_time);
    bytes_put_le(out, (uint64_t)first_ns, 8);
    bytes_put_le(out, (uint64_t)last_ns, 8);
    collector_save(control->collector, out);

    struct collector_closed closed;
    collector_take(control->collector, &closed);
    for (size_t i = 0; i < closed.minutes_n; i++)
        analysis_receive(first, closed.minutes[i].window, NULL);
    free(closed.minutes);
    analysis_receive(first, live_redis_take_minutes(redis), live_redis_take_steps(redis));
    analysis_receive(first, collector_take_pending(control->collector), closed.steps);

    unsigned n = live_workers_count(workers);
    bytes_put_u64(out, n);
    for (unsigned w = 0; w < n && !out->failed; w++)
        out->failed |= analysis_save(live_workers_analysis(workers, w), out) != 0;
    return !out->failed;
}

/* What is closed by all goes to Redis; the rest comes with what the first worker closes. */
static void hand_out(const struct live_control *control, struct live_redis *redis,
                     struct analysis *first)
{
    int64_t closed_until_s = collector_closed_until(control->collector);
    struct window *window = analysis_take_closed(first), *closed = NULL, **end = &closed;
    while (window) {
        struct window *next = window->next;
        window->next = NULL;
        if (window->start_s + window->span_s <= closed_until_s) {
            *end = window;
            end = &window->next;
        } else {
            collector_deliver(control->collector, 0, window, closed_until_s);
        }
        window = next;
    }
    live_redis_keep_minutes(redis, closed, control->collector);
    live_redis_keep_steps(redis, analysis_take_profiles(first));
}

void live_kept_put_back(const struct live_control *control, struct live_redis *redis)
{
    hand_out(control, redis, live_workers_analysis(control->workers, 0));
}

/* Another text than was written: a message, and false. */
static bool same(struct bytes_in *in, const char *text)
{
    uint64_t n = bytes_take_u64(in, TEXT_MAX);
    const uint8_t *bytes = bytes_take(in, n);
    return bytes && n == strnlen(text, TEXT_MAX) && memcmp(bytes, text, n) == 0;
}

static int take_head(const struct live_kept_name *name, struct bytes_in *in,
                     uint64_t *ret_version, struct err *err)
{
    if (bytes_take_u64(in, UINT64_MAX) == SENSOR_REPLAY) {
        (void)err_set(err, NULL, 0, 0,
                      "is that of a replay: give a sensor that captures another folder");
        return EXIT_BAD_CONFIG;
    }
    uint64_t version = bytes_take_u64(in, UINT64_MAX);
    *ret_version = version;
    if (in->failed || version < VERSION_OLDEST || version > VERSION) {
        (void)err_set(err, NULL, 0, 0,
                      "is of another version of nightscope (%llu; this one writes %d): move it "
                      "away to begin anew",
                      (unsigned long long)version, VERSION);
        return EXIT_BAD_CONFIG;
    }
    bool sensor = same(in, name->sensor);
    bool dark = bytes_take_u64(in, 1) == name->has_dark;
    dark &= bytes_take_le(in, 8) == name->dark;
    if (in->failed || (sensor && dark))
        return EXIT_DONE;
    (void)err_set(err, NULL, 0, 0,
                  sensor
                      ? "is of another dark space: its counts would not mean the same. Give "
                        "the --dark it was begun with, or another folder"
                      : "is of another sensor, not of \"%s\": give that --sensor, or another "
                        "folder",
                  name->sensor);
    return EXIT_BAD_CONFIG;
}

static int take_parts(const struct live_control *control, struct bytes_in *in,
                      struct checkpoint_gone *gone, struct err *err)
{
    struct live_workers *workers = control->workers;
    struct analysis *targets[SHARD_COUNT];
    unsigned n = live_workers_count(workers);
    for (unsigned w = 0; w < n; w++)
        targets[w] = live_workers_analysis(workers, w);
    uint64_t parts = bytes_take_u64(in, SHARD_COUNT);
    for (uint64_t i = 0; i < parts && !in->failed; i++)
        if (analysis_load(targets, n, live_workers_owner, workers, in, gone, err) != 0)
            return -1;
    if (!in->failed && in->at == in->end)
        return 0;
    return err_set(err, NULL, 0, 0,
                   "is damaged: it ends too early, or too late; move it away to begin anew");
}

int live_kept_take(const struct live_control *control, struct live_redis *redis,
                   const struct live_kept_name *name, struct bytes_in *in,
                   int64_t *ret_taken_ns, struct checkpoint_gone *ret_gone, struct err *err)
{
    *ret_gone = (struct checkpoint_gone){0};
    uint64_t version;
    int status = take_head(name, in, &version, err);
    if (status != EXIT_DONE)
        return status;
    *ret_taken_ns = (int64_t)bytes_take_le(in, 8);
    bool has_time = bytes_take_u64(in, 1);
    int64_t first_ns = (int64_t)bytes_take_le(in, 8);
    int64_t last_ns = (int64_t)bytes_take_le(in, 8);
    if (collector_load(control->collector, in, version >= VERSION_SECONDS) != 0) {
        (void)err_set(err, NULL, 0, 0,
                      "is damaged, or memory is out: its series; move it away to begin anew");
        return EXIT_BAD_CONFIG;
    }
    if (take_parts(control, in, ret_gone, err) != 0)
        return EXIT_BAD_CONFIG;
    struct analysis *first = live_workers_analysis(control->workers, 0);
    live_workers_go_on(control->workers, analysis_closed_until(first), has_time, first_ns,
                       last_ns);
    hand_out(control, redis, first);
    redis->fed_ns = *ret_taken_ns; /* the sample up to there was handed over */
    return EXIT_DONE;
}
