/* What is one of a kind: "info", "totals" and "report". */
#include "publish/publish.h"
#include "publish/series_fields.h"

static uint64_t seconds(int64_t unix_s)
{
    return unix_s > 0 ? (uint64_t)unix_s : 0;
}

void publish_info(struct publisher *publisher)
{
    const struct publication *publication = publisher->publication;
    const struct report *report = publication->report;
    stage_key(publisher, KEPT_FOR_EVER, "info");
    stage_field(publisher, "schema", "nightscope.redis/1");
    stage_field(publisher, "version", publication->version);
    stage_field(publisher, "incarnation", publication->incarnation);
    stage_field(publisher, "state", publication->state);
    stage_field_u64(publisher, "started", seconds(publication->started_s));
    stage_field_u64(publisher, "flushed", seconds(publication->flushed_s));
    if (report->has_time) {
        stage_field_u64(publisher, "first", seconds(report->first_ns / 1000000000));
        stage_field_u64(publisher, "last", seconds(report->last_ns / 1000000000));
    }
    stage_field_u64(publisher, "dark_size", publication->dark_size);
    stage_field_u64(publisher, "frames", report->frames);
    stage_field_u64(publisher, "signatures", publication->signatures_n);
    stage_field_u64(publisher, "located", report->located);
    stage_field_u64(publisher, "resends", publication->resends);
    stage_field_u64(publisher, "drops", publication->drops);
    stage_items_end(publisher);
}

void publish_totals(struct publisher *publisher)
{
    const struct report *report = publisher->publication->report;
    struct series_values values = {.seconds = report->refused_seconds,
                                   .dports = report->scan.ports.total};
    for (size_t i = 0; i < report->series.n; i++)
        values.seconds += report->series.rows[i].seconds;
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        values.counts[i] = report->counts[i];
    values.counts[COUNT_sources] = report->sources;
    stage_key(publisher, KEPT_FOR_EVER, "totals");
    for (unsigned i = 0; i < SERIES_FIELD_COUNT_; i++)
        stage_field_u64(publisher, SERIES_FIELDS[i], series_value(&values, i));
    stage_items_end(publisher);
}

void publish_report(struct publisher *publisher)
{
    stage_key(publisher, KEPT_FOR_EVER, "report");
    stage_set(publisher, publisher->publication->report_json,
              publisher->publication->report_json_len);
}
