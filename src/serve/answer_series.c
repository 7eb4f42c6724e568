/* /api/v1/series: columns of numbers, null where no sensor was there. */
#include "serve/ask.h"

#include <string.h>

/* What the view has: the fields about IoT matches, or all. */
static bool is_shown(const struct ask *ask, unsigned field)
{
    const char *name = SERIES_FIELDS[field];
    return ask->request->view == VIEW_ALL || strcmp(name, "seconds") == 0 ||
           strcmp(name, "iot_matched") == 0 || strcmp(name, "iot_matched_sources") == 0;
}

enum ask_status answer_series(struct ask *ask)
{
    struct series series;
    enum ask_status status =
        series_load(ask, &ask->request->window, ask->request->step_s, &series);
    if (status != ASK_DONE)
        return status;
    struct json_out *json = &ask->json;
    ask_write_scope(ask);
    ask_write_count(json, "from", series.from_s);
    ask_write_count(json, "to", series.to_s);
    ask_write_count(json, "start", series.start_s);
    ask_write_count(json, "step", series.step_s);
    ask_write_count(json, "points", series.n);
    json_out_key(json, "highest");
    json_out_open(json, '[');
    for (unsigned field = 0; field < SERIES_FIELD_COUNT_; field++)
        if (series_is_distinct(field) && is_shown(ask, field))
            json_out_text(json, SERIES_FIELDS[field]);
    json_out_close(json, ']');
    json_out_key(json, "fields");
    json_out_open(json, '{');
    for (unsigned field = 0; field < SERIES_FIELD_COUNT_; field++) {
        if (!is_shown(ask, field))
            continue;
        json_out_key(json, SERIES_FIELDS[field]);
        json_out_open(json, '[');
        for (unsigned i = 0; i < series.n; i++) {
            if (series.points[i].there)
                json_out_number(json, series.points[i].values[field]);
            else
                json_out_null(json);
        }
        json_out_close(json, ']');
    }
    json_out_close(json, '}');
    series_fini(&series);
    return ASK_DONE;
}
