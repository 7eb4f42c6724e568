/* Two analyses become one. Shards that only one of them has move as they are; a source in both
 * (split by a lost capture handle, say) becomes one row. */
#include "state/events.h"
#include "state/state.h"

#include <string.h>

static void add_sets(struct analysis *into, struct shard *to, struct source *target,
                     const struct shard *from, const struct source *source)
{
    struct distinct set = source_ports(target), more = source_ports(source);
    into->sets_frozen += !distinct_merge(&to->pool, &set, &from->pool, &more);
    source_set_ports(target, set);
    set = source_destinations(target), more = source_destinations(source);
    into->sets_frozen += !distinct_merge(&to->pool, &set, &from->pool, &more);
    source_set_destinations(target, set);
}

/* Two bitmaps of minutes, each counted back from its own last one. */
static uint32_t join_minutes(const struct source *a, const struct source *b)
{
    uint32_t last_a = a->last_s / 60, last_b = b->last_s / 60;
    uint32_t newest = last_a > last_b ? last_a : last_b;
    uint32_t back_a = newest - last_a, back_b = newest - last_b;
    return (back_a < 32 ? a->minutes << back_a : 0) | (back_b < 32 ? b->minutes << back_b : 0);
}

void shard_merge_row(struct analysis *into, struct shard *to, const struct shard *from,
                     unsigned family, uint32_t row)
{
    const struct table *table = &from->tables[family];
    const struct source *source = &table->rows[row];
    struct table *target_table = &to->tables[family];
    struct address address = table_address(table, row);
    uint64_t fixed = source_hash(&address);
    uint64_t hash = address.is6 ? hash_ip6(address.v6, into->config.table_key)
                                : table_hash4(fixed, into->config.table_key);
    uint32_t found = table_find(target_table, hash, source->key, &address.v6);
    if (found == TABLE_NO_ROW)
        found = shard_insert(into, to, &address, hash, source->first_s);
    if (found == TABLE_NO_ROW && shard_evict(into, to))
        found = shard_insert(into, to, &address, hash, source->first_s);
    if (found == TABLE_NO_ROW) {
        into->sources_refused++;
        return;
    }
    struct source *target = &target_table->rows[found];
    for (unsigned i = 0; i < COUNTER_COUNT_; i++)
        if (!table_counter_add(target_table, found, i, table_counter(table, row, i)))
            into->memory_refused++;
    target->cc = source->cc; /* where it was when it was first seen */
    uint32_t asn = table_asn(table, row);
    if (asn != table_asn(target_table, found) && !table_set_asn(target_table, found, asn))
        into->memory_refused++;
    target->seen |= source->seen;
    target->minutes = join_minutes(target, source);
    target->first_s = source->first_s < target->first_s ? source->first_s : target->first_s;
    target->last_s = source->last_s > target->last_s ? source->last_s : target->last_s;
    add_sets(into, to, target, from, source);
    const struct mark *mark = shard_mark(from, family, row);
    if (!mark || !into->labels.plan)
        return;
    if (!target->mark)
        target->mark = mark_make(&to->evidence);
    if (target->mark)
        mark_merge(into->labels.plan, &to->evidence, target->mark, &from->evidence, mark,
                   &into->labels.refused);
    else
        into->labels.refused++;
}

static void merge_shard(struct analysis *into, struct shard *to, struct shard *from,
                        struct memory *from_memory)
{
    if (shard_rows(to) < shard_rows(from)) {
        struct shard kept = *to; /* the same rows, but fewer to move */
        *to = *from;
        *from = kept;
    }
    for (unsigned family = 0; family < 2; family++)
        for (uint32_t row = 0; row < from->tables[family].n; row++)
            shard_merge_row(into, to, from, family, row);
    shard_fini(from);
    shard_init(from, into->shard_max, from_memory);
}

static void clear(struct analysis *analysis)
{
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        ports_clear(&analysis->ports[view]);
    pool_fini(&analysis->ports_pool);
    pool_init(&analysis->ports_pool, SIZE_MAX);
    pool_use(&analysis->ports_pool, analysis->memory);
    destinations_clear(&analysis->destinations);
    analysis->totals = (struct totals){0};
    labels_clear(&analysis->labels);
    memset(analysis->sources_sketch, 0, sizeof analysis->sources_sketch);
    memset(analysis->class_sketch, 0, sizeof analysis->class_sketch);
    places_fini(&analysis->evicted_places);
    analysis->sources_evicted = analysis->sources_refused = 0;
    analysis->sets_frozen = analysis->memory_refused = 0;
}

/* All that adds up without taking anything from `from`, but for its sources. */
static void add_sums(struct analysis *into, const struct analysis *from)
{
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        into->sets_frozen += ports_merge(&into->ports[view], &into->ports_pool,
                                         &from->ports[view], &from->ports_pool);
    destinations_merge(&into->destinations, &from->destinations, into->config.table_key);
    totals_merge(&into->totals, &from->totals);
    labels_merge(&into->labels, &from->labels);
    hll_merge(into->sources_sketch, from->sources_sketch, HLL_LARGE_BITS);
    for (unsigned class = 0; class < CLASS_COUNT_; class ++)
        hll_merge(into->class_sketch[class], from->class_sketch[class], HLL_LARGE_BITS);
    into->memory_refused += from->memory_refused;
    if (!places_merge(&into->evicted_places, &from->evicted_places))
        into->memory_refused++;
    into->sources_evicted += from->sources_evicted;
    into->sources_refused += from->sources_refused;
    into->sets_frozen += from->sets_frozen;
}

int analysis_merge(struct analysis *into, struct analysis *from)
{
    uint64_t refused = into->memory_refused + from->memory_refused;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        merge_shard(into, &into->shards[i], &from->shards[i], from->memory);
    add_sums(into, from);
    windows_merge(&into->windows, &from->windows);
    if (into->steps && from->steps)
        steps_merge(into, from);
    if (into->feed && from->feed)
        feed_merge(into->feed, from->feed);
    if (into->events && from->events)
        events_merge(into->events, from->events);
    clear(from);
    return into->memory_refused == refused ? 0 : -1;
}

int analysis_copy_part(struct analysis *into, struct analysis *from, unsigned part)
{
    uint64_t refused = into->memory_refused;
    if (part < SHARD_COUNT) {
        for (unsigned family = 0; family < 2; family++)
            for (uint32_t row = 0; row < from->shards[part].tables[family].n; row++)
                shard_merge_row(into, &into->shards[part], &from->shards[part], family, row);
        return into->memory_refused == refused ? 0 : -1;
    }
    refused += from->memory_refused;
    add_sums(into, from);
    if (into->feed && from->feed)
        feed_add_copy(into->feed, from->feed);
    return into->memory_refused == refused ? 0 : -1;
}
