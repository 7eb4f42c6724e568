/* /api/v1/summary: the window in one look, the newest minute, and day by day. */
#include "serve/ask.h"

#include "serve/reply.h"

enum { DAYS_SHOWN = 8 };

static bool is_shown(const struct ask *ask, unsigned field)
{
    return ask->request->view == VIEW_ALL || field == 0 ||
           field == series_field("iot_matched") || field == series_field("not_counted") ||
           field == series_field("dropped") || field == series_field("late");
}

static void write_point(struct ask *ask, const struct point *point)
{
    for (unsigned field = 0; field < SERIES_FIELD_COUNT_; field++)
        if (is_shown(ask, field) && !series_is_distinct(field))
            ask_write_count(&ask->json, SERIES_FIELDS[field], point->values[field]);
}

/* The newest minute with an entry. */
static enum ask_status write_latest(struct ask *ask, uint32_t end_s)
{
    struct series series;
    struct time_span window = {0, end_s > 60 ? end_s - 60 : 0, end_s};
    enum ask_status status = series_load(ask, &window, 60, &series);
    if (status != ASK_DONE)
        return status;
    json_out_key(&ask->json, "latest");
    json_out_open(&ask->json, '{');
    ask_write_count(&ask->json, "t", series.from_s);
    write_point(ask, &series.total);
    json_out_close(&ask->json, '}');
    series_fini(&series);
    return ASK_DONE;
}

static enum ask_status write_day(struct ask *ask, const struct series *series, unsigned i)
{
    struct json_out *json = &ask->json;
    uint32_t start_s = series->start_s + i * DAY_S;
    uint64_t sources = 0, iot = 0;
    char day[16];
    ask_day(start_s, day);
    enum ask_status status = sketches_load(ask, VIEW_ALL, start_s, start_s, &sources);
    if (status == ASK_DONE)
        status = sketches_load(ask, VIEW_IOT, start_s, start_s, &iot);
    if (status != ASK_DONE)
        return status;
    json_out_open(json, '{');
    ask_write_text(json, "day", day);
    if (ask->request->view == VIEW_ALL) {
        ask_write_count(json, "sources", sources);
        json_out_key(json, "sources_estimated");
        json_out_bool(json, true);
    }
    ask_write_count(json, "iot_sources", iot);
    json_out_key(json, "iot_sources_estimated");
    json_out_bool(json, true);
    write_point(ask, &series->points[i]);
    json_out_close(json, '}');
    return ASK_DONE;
}

static enum ask_status write_days(struct ask *ask, uint32_t end_s)
{
    struct series series;
    uint32_t last = (end_s ? end_s - 1 : 0) / DAY_S * DAY_S;
    uint32_t first = last > (DAYS_SHOWN - 1) * DAY_S ? last - (DAYS_SHOWN - 1) * DAY_S : 0;
    struct time_span window = {0, first, end_s > first ? end_s : first};
    enum ask_status status = series_load(ask, &window, DAY_S, &series);
    if (status != ASK_DONE)
        return status;
    json_out_key(&ask->json, "days");
    json_out_open(&ask->json, '[');
    for (unsigned i = 0; status == ASK_DONE && i < series.n; i++)
        if (series.points[i].there)
            status = write_day(ask, &series, i);
    json_out_close(&ask->json, ']');
    series_fini(&series);
    return status;
}

/* Sources of the UTC days that the window touches; an empty one touches none. */
static enum ask_status write_sources(struct ask *ask, const struct series *series)
{
    uint64_t all = 0, iot = 0;
    bool empty = series->to_s <= series->from_s;
    uint32_t to_s = empty ? 0 : series->to_s - 1;
    enum ask_status status =
        empty ? ASK_DONE : sketches_load(ask, VIEW_IOT, series->from_s, to_s, &iot);
    if (status == ASK_DONE && !empty && ask->request->view == VIEW_ALL)
        status = sketches_load(ask, VIEW_ALL, series->from_s, to_s, &all);
    if (status != ASK_DONE)
        return status;
    struct json_out *json = &ask->json;
    json_out_key(json, "sources");
    json_out_open(json, '{');
    if (ask->request->view == VIEW_ALL)
        ask_write_count(json, "scan", all);
    ask_write_count(json, "iot", iot);
    uint32_t days = empty ? 0 : to_s / DAY_S - series->from_s / DAY_S + 1;
    ask_write_count(json, "days", days < SKETCH_DAYS_MAX ? days : SKETCH_DAYS_MAX);
    json_out_key(json, "estimated");
    json_out_bool(json, true);
    json_out_close(json, '}');
    return ASK_DONE;
}

enum ask_status answer_summary(struct ask *ask)
{
    struct series series;
    uint32_t newest;
    enum ask_status status = ask_newest(ask, &newest);
    if (status == ASK_DONE)
        status = series_load(ask, &ask->request->window, 0, &series);
    if (status != ASK_DONE)
        return status;
    struct json_out *json = &ask->json;
    ask_write_scope(ask);
    ask_write_count(json, "from", series.start_s); /* what is added up begins there */
    ask_write_count(json, "to", series.to_s);
    ask_write_count(json, "newest", newest);
    json_out_key(json, "window");
    json_out_open(json, '{');
    write_point(ask, &series.total);
    json_out_close(json, '}');
    status = write_sources(ask, &series);
    series_fini(&series);
    if (status == ASK_DONE)
        status = write_latest(ask, newest);
    if (status == ASK_DONE)
        status = write_days(ask, newest);
    return status;
}
