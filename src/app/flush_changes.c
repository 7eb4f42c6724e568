/* What of the model Redis does not have yet. */
#include "app/flush_model.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return hash_u64(digest ^ value, HASH_FIXED);
}

/* Of all that is written of a source. */
static uint64_t digest_of(const struct labelled_source *row)
{
    uint64_t digest = mix(row->packets, (uint64_t)row->first_s << 32 | row->last_s);
    digest =
        mix(digest, (uint64_t)row->place.asn << 32 | (uint64_t)(uint8_t)row->place.cc[0] << 24 |
                        (uint64_t)(uint8_t)row->place.cc[1] << 16 | row->ports_more << 8 |
                        row->iot);
    for (unsigned i = 0; i < row->signatures_n; i++) {
        digest = mix(digest, row->signatures[i].signature);
        digest = mix(digest, row->signatures[i].hits);
        digest = mix(digest, row->signatures[i].candidates);
    }
    for (unsigned i = 0; i < row->ports_n; i++)
        digest = mix(digest, row->ports[i]);
    return digest;
}

/* Two lists by address: rows that are new or other, and sources that are no more. */
static bool compare_sources(const struct flush_model *model, struct model_flush *flush)
{
    size_t old = 0, rows = model->labelled_n;
    int64_t newest_s = publication_newest(&flush->publication);
    flush->labelled = malloc((rows + 1) * sizeof *flush->labelled);
    flush->sources = malloc((rows + 1) * sizeof *flush->sources);
    flush->gone = malloc((model->acked_n + 1) * sizeof *flush->gone);
    if (!flush->labelled || !flush->sources || !flush->gone)
        return false;
    size_t changed = 0, gone = 0;
    for (size_t i = 0; i < rows; i++) {
        const struct labelled_source *row = &model->labelled[i];
        if (row->last_s <= newest_s - PUBLICATION_SOURCES_S)
            continue;
        struct model_source source = {row->source, digest_of(row)};
        int order = -1;
        while (old < model->acked_n &&
               (order = address_compare(&model->acked[old].address, &row->source)) < 0)
            flush->gone[gone++] = model->acked[old++].address;
        if (old == model->acked_n || order != 0 || model->acked[old].digest != source.digest)
            flush->labelled[changed++] = (uint32_t)i;
        old += old < model->acked_n && order == 0;
        flush->sources[flush->sources_n++] = source;
    }
    while (old < model->acked_n)
        flush->gone[gone++] = model->acked[old++].address;
    flush->changes.labelled = flush->labelled;
    flush->changes.labelled_n = changed;
    flush->changes.gone = flush->gone;
    flush->changes.gone_n = gone;
    flush->changes.look_from = rows ? model->looked % rows : 0;
    flush->changes.look_n = rows < MODEL_LOOK_N ? rows : MODEL_LOOK_N;
    return true;
}

static void find_changes(const struct flush_model *model, struct flush *changes)
{
    const struct gathered *gathered = &model->gathered;
    while (changes->minutes_from < model->minutes_n &&
           model->minutes[changes->minutes_from].start_s <= model->acked_minute_s)
        changes->minutes_from++;
    while (changes->hours_from < gathered->hours_n &&
           gathered->hours[changes->hours_from].start_s <= model->acked_hour_s)
        changes->hours_from++;
    while (changes->days_from < gathered->days_n &&
           gathered->days[changes->days_from].start_s < model->acked_day_s)
        changes->days_from++;
    changes->feed_from = model->acked_feed_n;
    changes->tops = model->gathered_version != model->acked_version;
}

bool model_flush_init(struct flush_model *model, struct model_flush *ret_flush)
{
    *ret_flush = (struct model_flush){0};
    if (!model->gathered_version ||
        model->gathered_version != gathering_version(model->gathering)) {
        model->gathered_version = 0;
        if (gathering_read(model->gathering, 1, 0, &model->gathered) != 0) {
            model->refused++;
            return false;
        }
        model->gathered_version = gathering_version(model->gathering);
    }
    const struct model_names *names = model->names, *labelled_names = model->labelled_names;
    ret_flush->publication = (struct publication){
        .report = model->report,
        .report_json = model->report_json,
        .report_json_len = model->report_json_len,
        .signatures = labelled_names ? labelled_names->signatures : NULL,
        .signatures_n = labelled_names ? labelled_names->signatures_n : 0,
        .labels = names ? (const char *const *)names->labels : NULL,
        .labels_n = names ? names->labels_n : 0,
        .minutes = model->minutes,
        .minutes_n = model->minutes_n,
        .hours = model->gathered.hours,
        .hours_n = model->gathered.hours_n,
        .hour = model->gathered.hour,
        .day = model->gathered.day,
        .days = model->gathered.days,
        .days_n = model->gathered.days_n,
        .labelled = model->labelled,
        .labelled_n = model->labelled_n,
        .feed = model->feed,
        .feed_n = model->feed_n,
    };
    find_changes(model, &ret_flush->changes);
    if (!compare_sources(model, ret_flush)) {
        model->refused++;
        model_flush_fini(ret_flush);
        return false;
    }
    size_t entries = model->minutes_n - ret_flush->changes.minutes_from +
                     model->gathered.hours_n - ret_flush->changes.hours_from;
    ret_flush->all = model->all_due || entries > FLUSH_ENTRIES_MAX;
    return true;
}

void model_flush_fini(struct model_flush *flush)
{
    free(flush->labelled);
    free(flush->gone);
    free(flush->sources);
    *flush = (struct model_flush){0};
}

void model_acknowledge(struct flush_model *model, struct model_flush *flush)
{
    const struct publication *publication = &flush->publication;
    if (publication->minutes_n)
        model->acked_minute_s = publication->minutes[publication->minutes_n - 1].start_s;
    if (publication->hours_n)
        model->acked_hour_s = publication->hours[publication->hours_n - 1].start_s;
    if (publication->days_n)
        model->acked_day_s = publication->days[publication->days_n - 1].start_s;
    model->acked_version = model->gathered_version;
    model->acked_feed_n = publication->feed_n;
    model->looked += flush->changes.look_n;
    free(model->acked);
    model->acked = flush->sources;
    model->acked_n = flush->sources_n;
    flush->sources = NULL;
    model->all_due = model->any_due = false;
}
