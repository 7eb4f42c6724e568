/* The series: a stream of closed minutes and one of closed hours, an entry each with the same
 * numeric fields. Ids are times, so that XRANGE takes a span of time. */
#include "publish/publish.h"
#include "publish/series_fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What comes after the key of an XADD. */
static void add_entry(struct redis_batch *batch, int64_t start_s,
                      const struct series_values *values)
{
    assert(start_s >= 0);
    char id[32];
    /* Redis refuses the id 0-0. */
    (void)snprintf(id, sizeof id, "%" PRId64 "-%d", start_s * 1000, start_s == 0);
    redis_batch_arg(batch, id);
    for (unsigned i = 0; i < SERIES_FIELD_COUNT_; i++) {
        redis_batch_arg(batch, SERIES_FIELDS[i]);
        redis_batch_arg_u64(batch, series_value(values, i));
    }
}

static void add_minute(struct redis_batch *batch, const struct report_minute *minute)
{
    struct series_values values = {.seconds = minute->seconds, .dports = minute->dports};
    memcpy(values.counts, minute->counts, sizeof values.counts);
    add_entry(batch, minute->start_s, &values);
}

static void add_hour(struct redis_batch *batch, const struct publication_hour *hour)
{
    struct series_values values = {.seconds = hour->seconds, .dports = hour->dports};
    memcpy(values.counts, hour->counts, sizeof values.counts);
    add_entry(batch, hour->start_s, &values);
}

void publish_series(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    stage_key(publisher, KEPT_MINUTES_S, "series:1m");
    for (size_t i = 0; i < publication->minutes_n; i++) {
        if (publication->minutes[i].start_s <= publisher->newest_s - KEPT_MINUTES_S)
            continue;
        stage_command(publisher, "XADD");
        add_minute(publisher->batch, &publication->minutes[i]);
        stage_command_end(publisher);
    }
    stage_key(publisher, KEPT_HOURS_S, "series:1h");
    for (size_t i = 0; i < publication->hours_n; i++) {
        if (publication->hours[i].start_s <= publisher->newest_s - KEPT_HOURS_S)
            continue;
        stage_command(publisher, "XADD");
        add_hour(publisher->batch, &publication->hours[i]);
        stage_command_end(publisher);
    }
}

/* Entries older than what is kept go; those that are there already are refused, which is well.
 */
static void trim(struct publisher *publisher, const char *key, unsigned kept_s)
{
    char oldest[32];
    int64_t first_ms = (publisher->newest_s - (int64_t)kept_s) * 1000 + 1;
    (void)snprintf(oldest, sizeof oldest, "%" PRId64, first_ms > 0 ? first_ms : 0);
    redis_batch_add(publisher->batch, "XTRIM", key, "MINID", "=", oldest, NULL);
    redis_batch_command(publisher->batch, "EXPIRE");
    redis_batch_arg(publisher->batch, key);
    redis_batch_arg_u64(publisher->batch, kept_s);
}

void publish_more_series(struct publisher *publisher, size_t minutes_from, size_t hours_from)
{
    const struct publication *publication = publisher->publication;
    struct redis_batch *batch = publisher->batch;
    char key[KEY_CAP];
    publisher_key(publisher, "series:1m", key);
    for (size_t i = minutes_from; i < publication->minutes_n; i++) {
        redis_batch_command(batch, "XADD");
        redis_batch_arg(batch, key);
        add_minute(batch, &publication->minutes[i]);
    }
    trim(publisher, key, KEPT_MINUTES_S);
    publisher_key(publisher, "series:1h", key);
    for (size_t i = hours_from; i < publication->hours_n; i++) {
        redis_batch_command(batch, "XADD");
        redis_batch_arg(batch, key);
        add_hour(batch, &publication->hours[i]);
    }
    trim(publisher, key, KEPT_HOURS_S);
}
