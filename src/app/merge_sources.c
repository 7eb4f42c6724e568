#include "app/merge_sources.h"

#include "app/commands.h"
#include "app/redis_setup.h"
#include "publish/sketch_read.h"
#include "sink/calendar.h"
#include "state/hll.h"

#include <stdlib.h>
#include <string.h>

enum { DAYS_MAX = 400, DAY_S = 86400 };

static const char *const KEYS[MERGED_VIEW_COUNT_] = {"hll:src", "hll:iot"};

static uint64_t reported(const struct report *report, enum merged_view view)
{
    return view == MERGED_SCAN ? report->class_sources[CLASS_SCAN] : report->iot.sources;
}

/* Do the sketches of a sensor count what its report does? They do not when some are gone, or
 * when much came late; the standard error is 0.8 %. */
static bool agrees(uint64_t sketched, uint64_t count)
{
    uint64_t apart = sketched > count ? sketched - count : count - sketched;
    return apart <= count / 20 + 10;
}

/* The sketches of a sensor's days into registers; *ret_usable when they are all there. */
static int add_sensor(const struct sensor_report *sensor, enum merged_view view,
                      struct redis *redis, uint8_t *registers, bool *ret_usable,
                      struct err *err)
{
    const struct report *report = sink_read_report(sensor->read);
    uint64_t count = reported(report, view);
    *ret_usable = count == 0;
    if (count == 0 || !report->has_time)
        return EXIT_DONE;
    int64_t first = report->first_ns / 1000000000 / DAY_S;
    int64_t last = report->last_ns / 1000000000 / DAY_S;
    if (last - first >= DAYS_MAX)
        return EXIT_DONE;
    struct redis_batch *batch = redis_batch_new();
    uint8_t *own = calloc(1, PROFILE_SKETCH_REGISTERS);
    char key[128] = "";
    for (int64_t day = first; batch && day <= last; day++) {
        struct calendar at = calendar_from_s(day * DAY_S);
        (void)snprintf(key, sizeof key, "ns:{%s}:%s:d:%04lld%02u%02u", sensor->name, KEYS[view],
                       (long long)at.year, at.month, at.day);
        redis_batch_add(batch, "GET", key, NULL);
    }
    struct redis_replies replies;
    enum redis_status status = REDIS_WRONG;
    if (batch && own)
        status = redis_run(redis, key, batch, "WRONGTYPE", &replies, err);
    else
        (void)err_set(err, NULL, 0, 0, "out of memory");
    if (status == REDIS_DONE) {
        bool good = true;
        for (size_t i = 0; i < replies.n; i++) /* a day without such packets has none */
            good &= replies.items[i].kind == REDIS_NIL ||
                    (replies.items[i].kind == REDIS_TEXT &&
                     sketch_read(replies.items[i].text, replies.items[i].len, own));
        *ret_usable = good && agrees(hll_estimate(own, HLL_LARGE_BITS), count);
        hll_merge(registers, own, HLL_LARGE_BITS);
        redis_replies_free(&replies);
    }
    redis_batch_free(batch);
    free(own);
    return redis_setup_exit(status);
}

int merge_sources_init(struct merged_sources *sources, const struct report_fetch *fetch,
                       struct redis *redis, struct err *err)
{
    *sources = (struct merged_sources){0};
    int status = EXIT_DONE;
    for (enum merged_view view = 0; status == EXIT_DONE && view < MERGED_VIEW_COUNT_; view++) {
        uint8_t registers[PROFILE_SKETCH_REGISTERS] = {0};
        uint64_t most = 0;
        bool usable = true;
        for (size_t i = 0; status == EXIT_DONE && usable && i < fetch->n; i++) {
            uint64_t count = reported(sink_read_report(fetch->sensors[i].read), view);
            most = count > most ? count : most;
            status = add_sensor(&fetch->sensors[i], view, redis, registers, &usable, err);
        }
        uint64_t count = hll_estimate(registers, HLL_LARGE_BITS);
        sources->usable[view] = usable;
        sources->count[view] = count > most ? count : most;
    }
    return status;
}

/* The union is at most the sum, which the merged report has. */
static void apply(uint64_t *count, uint64_t of_union)
{
    if (of_union < *count)
        *count = of_union;
}

void merge_sources_apply(const struct merged_sources *sources, struct report *report)
{
    if (sources->usable[MERGED_SCAN]) {
        apply(&report->class_sources[CLASS_SCAN], sources->count[MERGED_SCAN]);
        report->scan.sources = report->class_sources[CLASS_SCAN];
    }
    if (sources->usable[MERGED_IOT])
        apply(&report->iot.sources, sources->count[MERGED_IOT]);
}
