/* One walk over all sources: they are many, and each is a cache line or two far away. */
#include "state/held.h"

#include "base/prefetch.h"

#include <stdlib.h>

static bool add_row(struct held *held, const struct analysis *analysis, uint8_t shard,
                    unsigned family, uint32_t row)
{
    const struct table *table = &analysis->shards[shard].tables[family];
    const struct mark *mark = shard_mark(&analysis->shards[shard], family, row);
    struct toplist_source source = {
        .address = table_address(table, row),
        .row = row,
        .shard = shard,
        .seen = table->rows[row].seen,
        .all_packets = table_packets(table, row),
        .packets = {[VIEW_SCAN] = table_counter(table, row, COUNTER_SCAN),
                    [VIEW_BACKSCATTER] = table_counter(table, row, COUNTER_BACKSCATTER),
                    [VIEW_IOT] = mark ? mark->iot_packets : 0},
        .mark = mark,
        .evidence = &analysis->shards[shard].evidence,
    };
    for (unsigned class = 0; class < CLASS_COUNT_; class ++)
        held->class_sources[class] += source.seen >> class & 1;
    if (analysis->labels.plan)
        source_tallies_add(&held->tallies, analysis->labels.plan, source.evidence, mark,
                           source.all_packets, source.packets[VIEW_SCAN]);
    bool room = places_add(&held->places, table->rows[row].cc, table_asn(table, row),
                           &source.address, source.packets);
    for (enum view view = 0; view < VIEW_COUNT_; view++)
        room &= toplist_offer(&held->tops[view], &source);
    return room;
}

static bool add_table(struct held *held, const struct analysis *analysis, uint8_t shard,
                      unsigned family)
{
    enum { AHEAD = 8 };
    const struct table *table = &analysis->shards[shard].tables[family];
    bool room = true;
    for (uint32_t row = 0; row < table->n; row++) {
        if (table->n - row > AHEAD)
            prefetch(
                pool_block(&analysis->shards[shard].evidence, table->rows[row + AHEAD].mark));
        room &= add_row(held, analysis, shard, family, row);
    }
    held->sources += table->n;
    return room;
}

struct held *held_new(const struct analysis *analysis, size_t top)
{
    struct held *held = calloc(1, sizeof *held);
    if (!held)
        return NULL;
    for (enum view view = 0; view < VIEW_COUNT_; view++)
        toplist_init(&held->tops[view], view, top);
    bool room = places_merge(&held->places, &analysis->evicted_places);
    if (analysis->labels.plan)
        room &= source_tallies_init(&held->tallies, analysis->labels.plan);
    for (uint8_t i = 0; room && i < SHARD_COUNT * 2; i++)
        room = add_table(held, analysis, i / 2, i % 2);
    if (room)
        return held;
    held_free(held);
    return NULL;
}

void held_free(struct held *held)
{
    if (!held)
        return;
    places_fini(&held->places);
    source_tallies_fini(&held->tallies);
    for (enum view view = 0; view < VIEW_COUNT_; view++)
        toplist_fini(&held->tops[view]);
    free(held);
}
