/* Closed minutes and hours of several sensors as one series. Up to two days it is made of
 * minutes; beyond, or where only hours are kept any more, of hours, and of the minutes that are
 * in no closed hour yet. */
#include "serve/ask.h"

#include "serve/reply.h"

#include <stdlib.h>
#include <string.h>

enum { MINUTES_SPAN_S = 2 * DAY_S, ENTRIES_MAX = 40000 };

unsigned series_field(const char *name)
{
    unsigned field = 0;
    while (field < SERIES_FIELD_COUNT_ && strcmp(SERIES_FIELDS[field], name) != 0)
        field++;
    return field;
}

bool series_is_distinct(unsigned field)
{
    return field == series_field("sources") || field == series_field("dports") ||
           field == series_field("iot_matched_sources");
}

void series_fini(struct series *series)
{
    free(series->points);
}

static uint64_t add(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* The highest over time; over sensors, a sum. False: a field is no number. */
static bool add_entry(struct series *series, struct point *own, uint32_t start_s,
                      const struct redis_reply *fields, const bool *distinct)
{
    struct point *point = &own[(start_s - series->start_s) / series->step_s];
    bool good = true;
    point->there = true;
    for (size_t i = 0; i + 1 < fields->len; i += 2) {
        uint64_t value;
        /* Entries have the fields in the order of SERIES_FIELDS; any other order is searched.
         */
        unsigned field = (unsigned)(i / 2);
        const char *name = fields->items[i].kind == REDIS_TEXT ? fields->items[i].text : "";
        if (field >= SERIES_FIELD_COUNT_ || strcmp(SERIES_FIELDS[field], name) != 0)
            field = series_field(name);
        if (field == SERIES_FIELD_COUNT_)
            continue;
        if (!reply_number(&fields->items[i + 1], &value)) {
            good = false;
            continue;
        }
        if (!distinct[field])
            point->values[field] = add(point->values[field], value);
        else if (point->values[field] < value)
            point->values[field] = value;
    }
    return good;
}

/* The entries from from_s on, before series->to_s; *ret_end_s: the end of the last one. */
static enum ask_status load(struct ask *ask, unsigned sensor, const char *stream,
                            uint32_t from_s, uint32_t length_s, struct series *series,
                            struct point *own, uint32_t *ret_end_s)
{
    struct redis_batch *batch = redis_batch_new();
    if (!batch)
        return ASK_MEMORY;
    redis_batch_command(batch, "XRANGE");
    ask_key(batch, ask->sensors[sensor], "%s", stream);
    redis_batch_arg_u64(batch, (uint64_t)from_s * 1000);
    redis_batch_arg_u64(batch, (uint64_t)series->to_s * 1000 - 1);
    redis_batch_arg(batch, "COUNT");
    redis_batch_arg_u64(batch, ENTRIES_MAX);
    struct redis_replies replies;
    enum ask_status status = ask_run(ask, sensor, batch, &replies);
    if (status != ASK_DONE)
        return status;
    bool distinct[SERIES_FIELD_COUNT_];
    for (unsigned i = 0; i < SERIES_FIELD_COUNT_; i++)
        distinct[i] = series_is_distinct(i);
    const struct redis_reply *list = &replies.items[0];
    for (size_t i = 0; list->kind == REDIS_LIST && i < list->len; i++) {
        const struct redis_reply *entry = &list->items[i];
        uint64_t ms;
        if (entry->kind != REDIS_LIST || entry->len != 2 || !reply_pairs(&entry->items[1]) ||
            !reply_id_ms(&entry->items[0], &ms) || ms / 1000 < from_s ||
            ms / 1000 >= series->to_s)
            continue;
        ask->damaged |=
            !add_entry(series, own, (uint32_t)(ms / 1000), &entry->items[1], distinct);
        *ret_end_s = (uint32_t)(ms / 1000) + length_s;
    }
    redis_replies_free(&replies);
    return ASK_DONE;
}

/* An hour that lies in two steps cannot be shared out: other steps are made of minutes. */
static bool is_of_hours(uint32_t step_s)
{
    return step_s % 3600 == 0;
}

static enum ask_status load_sensor(struct ask *ask, unsigned sensor, struct series *series,
                                   struct point *own)
{
    uint32_t from_s = series->start_s;
    enum ask_status status = ASK_DONE;
    if (is_of_hours(series->step_s))
        status = load(ask, sensor, "series:1h", from_s, 3600, series, own, &from_s);
    uint32_t end_s = from_s;
    if (status == ASK_DONE && from_s < series->to_s)
        status = load(ask, sensor, "series:1m", from_s, 60, series, own, &end_s);
    return status;
}

static void add_points(struct series *series, const struct point *own)
{
    for (unsigned i = 0; i < series->n; i++) {
        series->points[i].there |= own[i].there;
        for (unsigned field = 0; field < SERIES_FIELD_COUNT_; field++)
            series->points[i].values[field] =
                add(series->points[i].values[field], own[i].values[field]);
    }
}

static void sum_up(struct series *series)
{
    for (unsigned i = 0; i < series->n; i++) {
        series->total.there |= series->points[i].there;
        for (unsigned field = 0; field < SERIES_FIELD_COUNT_; field++) {
            uint64_t *total = &series->total.values[field],
                     value = series->points[i].values[field];
            if (!series_is_distinct(field))
                *total = add(*total, value);
            else if (*total < value)
                *total = value;
        }
    }
}

static uint32_t start_of(const struct redis_reply *list)
{
    uint64_t ms;
    bool good = list->kind == REDIS_LIST && list->len > 0 &&
                list->items[0].kind == REDIS_LIST && list->items[0].len == 2 &&
                reply_id_ms(&list->items[0].items[0], &ms) && ms / 1000 < UINT32_MAX;
    return good ? (uint32_t)(ms / 1000) : UINT32_MAX;
}

static void add_first(struct redis_batch *batch, const char *sensor, const char *stream,
                      uint32_t from_s)
{
    redis_batch_command(batch, "XRANGE");
    ask_key(batch, sensor, "%s", stream);
    redis_batch_arg_u64(batch, (uint64_t)from_s * 1000);
    redis_batch_arg(batch, "+");
    redis_batch_arg(batch, "COUNT");
    redis_batch_arg(batch, "1");
}

/* Are there minutes only from a later hour on than there are hours? Of the hour that minutes
 * begin in, those before may be gone, unless the sensor began then. */
static bool has_lone_hours(const struct series *series, const struct redis_replies *replies)
{
    uint32_t minute_s = start_of(&replies->items[0]), first_s = start_of(&replies->items[1]),
             hour_s = start_of(&replies->items[2]);
    uint64_t whole_s = minute_s / 3600 * 3600;
    if (minute_s <= series->from_s || hour_s >= series->to_s)
        return false;
    if (first_s < whole_s && whole_s < minute_s)
        whole_s += 3600;
    return hour_s < whole_s;
}

/* Does the span have hours whose minutes are gone? Those of a week before a sensor's newest are
 * there, until a week after they were written. */
static enum ask_status find_lone_hours(struct ask *ask, const struct series *series,
                                       bool *ret_found)
{
    bool found = false;
    for (unsigned i = 0; i < ask->sensors_n && !found; i++) {
        struct redis_batch *batch = redis_batch_new();
        if (!batch)
            return ASK_MEMORY;
        add_first(batch, ask->sensors[i], "series:1m", 0);
        add_first(batch, ask->sensors[i], "series:1h", 0);
        add_first(batch, ask->sensors[i], "series:1h", series->from_s / 3600 * 3600);
        struct redis_replies replies;
        enum ask_status status = ask_run(ask, i, batch, &replies);
        if (status != ASK_DONE)
            return status;
        found = has_lone_hours(series, &replies);
        redis_replies_free(&replies);
    }
    *ret_found = found;
    return ASK_DONE;
}

static uint32_t usual_step(uint32_t span_s, bool by_hours)
{
    static const uint32_t STEPS[] = {60, 300, 900, 3600, 4 * 3600, 12 * 3600, DAY_S, 7 * DAY_S};
    unsigned i = by_hours ? 3 : 0;
    while (i + 1 < sizeof STEPS / sizeof STEPS[0] && span_s / STEPS[i] > SERIES_POINTS_USUAL)
        i++;
    return STEPS[i];
}

/* What begins before `to` is counted whole, so the end is that of its minute or hour, or of the
 * newest minute. */
static uint32_t end_of(uint32_t to_s, uint32_t newest_s, uint32_t step_s)
{
    uint32_t unit_s = is_of_hours(step_s) ? 3600 : 60;
    uint64_t end_s = ((uint64_t)to_s + unit_s - 1) / unit_s * unit_s;
    return end_s > newest_s ? newest_s : (uint32_t)end_s;
}

static enum ask_status place(struct ask *ask, const struct time_span *window, uint32_t step_s,
                             struct series *series)
{
    uint32_t newest_s;
    enum ask_status status = ask_newest(ask, &newest_s);
    if (status != ASK_DONE)
        return status;
    series->from_s = window->from_s;
    series->to_s = window->to_s;
    if (window->trailing_s) {
        series->to_s = newest_s;
        series->from_s = newest_s > window->trailing_s ? newest_s - window->trailing_s : 0;
    }
    uint32_t span_s = series->to_s - series->from_s;
    bool by_hours = span_s > MINUTES_SPAN_S;
    if (!step_s && !by_hours) {
        status = find_lone_hours(ask, series, &by_hours);
        if (status != ASK_DONE)
            return status;
    }
    series->step_s = step_s ? step_s : usual_step(span_s, by_hours);
    series->to_s = end_of(series->to_s, newest_s, series->step_s);
    if (series->to_s < series->from_s)
        series->to_s = series->from_s;
    if (!is_of_hours(series->step_s) && span_s > 7 * DAY_S)
        return ask_fail(ask, ASK_BAD,
                        "step: minutes are kept for 7 days; of more, steps are whole hours");
    if (span_s / series->step_s >= SERIES_POINTS_MAX)
        return ask_fail(ask, ASK_BAD, "step: more than %d points", SERIES_POINTS_MAX);
    series->start_s = series->from_s / series->step_s * series->step_s;
    series->n = series->to_s > series->start_s
                    ? (series->to_s - series->start_s - 1) / series->step_s + 1
                    : 0;
    return ASK_DONE;
}

enum ask_status series_load(struct ask *ask, const struct time_span *window, uint32_t step_s,
                            struct series *ret_series)
{
    struct series series = {0};
    enum ask_status status = place(ask, window, step_s, &series);
    if (status != ASK_DONE)
        return status;
    series.points = calloc(series.n + 1, sizeof *series.points);
    struct point *own = calloc(series.n + 1, sizeof *own);
    if (!series.points || !own)
        status = ASK_MEMORY;
    for (unsigned i = 0; status == ASK_DONE && series.n > 0 && i < ask->sensors_n; i++) {
        memset(own, 0, series.n * sizeof *own);
        status = load_sensor(ask, i, &series, own);
        if (status == ASK_DONE)
            add_points(&series, own);
    }
    free(own);
    if (status != ASK_DONE) {
        free(series.points);
        return status;
    }
    sum_up(&series);
    *ret_series = series;
    return ASK_DONE;
}
