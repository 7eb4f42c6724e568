/* An analysis from its making to its end: its parts, and what closes with packet time. Counting
 * is prepare.c and count.c, merging merge.c. */
#include "state/events.h"
#include "state/state.h"

#include <stdlib.h>

struct analysis *analysis_new(const struct analysis_config *config)
{
    struct analysis *analysis = calloc(1, sizeof *analysis);
    if (!analysis)
        return NULL;
    analysis->config = *config;
    analysis->memory = memory_new();
    if (!analysis->memory) {
        free(analysis);
        return NULL;
    }
    uint64_t shard_max = config->sources_max / SHARD_COUNT;
    shard_max += config->sources_max % SHARD_COUNT != 0 || !shard_max;
    analysis->shard_max = shard_max < TABLE_ROWS_MAX ? (uint32_t)shard_max : TABLE_ROWS_MAX;
    analysis->windows.lateness_ns = config->lateness_ns;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        shard_init(&analysis->shards[i], analysis->shard_max, analysis->memory);
    pool_init(&analysis->ports_pool, SIZE_MAX);
    pool_use(&analysis->ports_pool, analysis->memory);
    analysis->steps = config->profiles ? steps_new() : NULL;
    bool ready = analysis->steps || !config->profiles;
    ready &= destinations_init(&analysis->destinations, analysis->memory);
    ready &= labels_init(&analysis->labels, config->evidence);
    ready &= !config->events_max || (analysis->events = events_new(config, analysis->memory));
    ready &= !config->feed || (analysis->feed = feed_new(config->evidence));
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        ready &= ports_init(&analysis->ports[view], analysis->memory);
    if (!ready) {
        analysis_free(analysis);
        return NULL;
    }
    return analysis;
}

void analysis_free(struct analysis *analysis)
{
    if (!analysis)
        return;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        shard_fini(&analysis->shards[i]);
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        ports_fini(&analysis->ports[view]);
    pool_fini(&analysis->ports_pool);
    destinations_fini(&analysis->destinations);
    windows_fini(&analysis->windows);
    steps_free(analysis->steps);
    places_fini(&analysis->evicted_places);
    labels_fini(&analysis->labels);
    feed_free(analysis->feed);
    events_free(analysis->events);
    memory_drop(analysis->memory);
    free(analysis);
}

size_t analysis_bytes(const struct analysis *analysis)
{
    size_t bytes = sizeof *analysis + analysis->ports_pool.cap_bytes;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        bytes += table_bytes(&analysis->shards[i].tables[0]) +
                 table_bytes(&analysis->shards[i].tables[1]) +
                 analysis->shards[i].pool.cap_bytes;
    if (analysis->events)
        bytes += events_bytes(analysis->events);
    return bytes;
}

void analysis_note_dropped(struct analysis *analysis, int64_t at_s, uint64_t packets)
{
    analysis->totals.counts[COUNT_dropped] += packets;
    struct window *window = windows_at(&analysis->windows, at_s / 60);
    if (window)
        window->counts[COUNT_dropped] += packets;
}

void analysis_advance(struct analysis *analysis, int64_t packet_time_ns)
{
    windows_close_until(&analysis->windows, packet_time_ns);
    if (analysis->steps)
        steps_close(analysis);
    if (analysis->events)
        events_advance(analysis->events, packet_time_ns);
}

void analysis_finish(struct analysis *analysis)
{
    windows_close_all(&analysis->windows);
    if (analysis->steps)
        steps_close(analysis);
    if (analysis->events)
        events_finish(analysis->events);
}

struct window *analysis_take_closed(struct analysis *analysis)
{
    return windows_take_closed(&analysis->windows);
}

const struct feed_packet *analysis_feed(struct analysis *analysis, size_t *ret_n)
{
    *ret_n = 0;
    return analysis->feed ? feed_packets(analysis->feed, ret_n) : NULL;
}
