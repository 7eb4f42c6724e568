/* The series: a stream of closed minutes and one of closed hours, an entry each with the same
 * numeric fields. Ids are times, so that XRANGE takes a span of time. */
#include "publish/publish.h"
#include "publish/series_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_entry(struct publisher *publisher, int64_t start_s,
                      const struct series_values *values)
{
    assert(start_s >= 0);
    char id[32];
    /* Redis refuses the id 0-0. */
    (void)snprintf(id, sizeof id, "%" PRId64 "-%d", start_s * 1000, start_s == 0);
    stage_command(publisher, "XADD");
    redis_batch_arg(publisher->batch, id);
    for (unsigned i = 0; i < SERIES_FIELD_COUNT_; i++) {
        redis_batch_arg(publisher->batch, SERIES_FIELDS[i]);
        redis_batch_arg_u64(publisher->batch, series_value(values, i));
    }
    stage_command_end(publisher);
}

void publish_series(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    stage_key(publisher, KEPT_MINUTES_S, "series:1m");
    for (size_t i = 0; i < publication->minutes_n; i++) {
        const struct report_minute *minute = &publication->minutes[i];
        if (minute->start_s <= publisher->newest_s - KEPT_MINUTES_S)
            continue;
        struct series_values values = {.seconds = minute->seconds, .dports = minute->dports};
        memcpy(values.counts, minute->counts, sizeof values.counts);
        add_entry(publisher, minute->start_s, &values);
    }
    stage_key(publisher, KEPT_HOURS_S, "series:1h");
    for (size_t i = 0; i < publication->hours_n; i++) {
        const struct publication_hour *hour = &publication->hours[i];
        if (hour->start_s <= publisher->newest_s - KEPT_HOURS_S)
            continue;
        struct series_values values = {.seconds = hour->seconds, .dports = hour->dports};
        memcpy(values.counts, hour->counts, sizeof values.counts);
        add_entry(publisher, hour->start_s, &values);
    }
}
