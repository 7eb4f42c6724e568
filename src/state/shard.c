/* A shard: insertion of sources, its limit, and eviction.
 *
 * A full shard drops the eighth of its sources that has the least evidence: no match before a
 * match before a label, then longest silent, then fewest packets, then lowest address. The
 * order is total and made of nothing but packets, so who goes does not depend on layout, keys
 * or workers. What they sent stays in every total; their countries and AS are tallied before
 * they go. */
#include "state/state.h"

#include <stdlib.h>

void shard_init(struct shard *shard, uint32_t shard_max, struct memory *memory)
{
    size_t bytes = (size_t)shard_max * SETS_BYTES_A_SOURCE;
    table_init(&shard->tables[0], false);
    table_init(&shard->tables[1], true);
    pool_init(&shard->pool, bytes > SETS_BYTES_MIN ? bytes : SETS_BYTES_MIN);
    table_use(&shard->tables[0], memory);
    table_use(&shard->tables[1], memory);
    pool_use(&shard->pool, memory);
    bytes = (size_t)shard_max * EVIDENCE_BYTES_A_SOURCE;
    pool_init(&shard->evidence, bytes > SETS_BYTES_MIN ? bytes : SETS_BYTES_MIN);
    pool_use(&shard->evidence, memory);
}

void shard_fini(struct shard *shard)
{
    table_fini(&shard->tables[0]);
    table_fini(&shard->tables[1]);
    pool_fini(&shard->pool);
    pool_fini(&shard->evidence);
}

struct victim {
    uint32_t last_s;
    uint32_t row;
    uint64_t packets;
    uint8_t table;
    uint8_t evidence; /* mark_rank() */
};

static bool goes_before(const struct shard *shard, const struct victim *a,
                        const struct victim *b)
{
    if (a->evidence != b->evidence)
        return a->evidence < b->evidence;
    if (a->last_s != b->last_s)
        return a->last_s < b->last_s;
    if (a->packets != b->packets)
        return a->packets < b->packets;
    struct address left = table_address(&shard->tables[a->table], a->row);
    struct address right = table_address(&shard->tables[b->table], b->row);
    return address_compare(&left, &right) < 0;
}

static void swap(struct victim *a, struct victim *b)
{
    struct victim kept = *a;
    *a = *b;
    *b = kept;
}

/* Brings the k first of n to the front, in any order (quickselect, Hoare 1961; pivots drawn
 * with the secret key, so that no order of arrival is a bad one). */
static void select_first(const struct shard *shard, struct victim *victims, size_t n, size_t k,
                         const uint64_t key[static 2])
{
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t pivot = low + hash_u64(high ^ low << 32, key) % (high - low);
        swap(&victims[low], &victims[pivot]);
        size_t edge = low;
        for (size_t i = low + 1; i < high; i++)
            if (goes_before(shard, &victims[i], &victims[low]))
                swap(&victims[i], &victims[++edge]);
        swap(&victims[low], &victims[edge]);
        if (edge == k)
            return;
        if (edge < k)
            low = edge + 1;
        else
            high = edge;
    }
}

static void drop(struct analysis *analysis, struct shard *shard, const struct victim *victim)
{
    struct table *table = &shard->tables[victim->table];
    struct source *source = &table->rows[victim->row];
    struct address address = table_address(table, victim->row);
    struct mark *mark = shard_mark(shard, victim->table, victim->row);
    uint64_t packets[VIEW_COUNT_] = {
        [VIEW_SCAN] = table_counter(table, victim->row, COUNTER_SCAN),
        [VIEW_BACKSCATTER] = table_counter(table, victim->row, COUNTER_BACKSCATTER),
        [VIEW_IOT] = mark ? mark->iot_packets : 0,
    };
    if (analysis->labels.plan)
        source_tallies_add(&analysis->labels.evicted, analysis->labels.plan, &shard->evidence,
                           mark, victim->packets, packets[VIEW_SCAN]);
    if (mark)
        mark_drop(&shard->evidence, source->mark);
    if (!places_add(&analysis->evicted_places, source->cc, table_asn(table, victim->row),
                    &address, packets))
        analysis->memory_refused++;
    struct distinct ports = source_ports(source), destinations = source_destinations(source);
    distinct_clear(&shard->pool, &ports);
    distinct_clear(&shard->pool, &destinations);
    source->drop = 1;
}

bool shard_evict(struct analysis *analysis, struct shard *shard)
{
    uint32_t n = shard_rows(shard);
    struct victim *victims = n ? malloc(n * sizeof *victims) : NULL;
    if (!victims)
        return false;
    size_t used = 0;
    for (uint8_t family = 0; family < 2; family++) {
        const struct table *table = &shard->tables[family];
        for (uint32_t row = 0; row < table->n; row++) {
            const struct mark *mark = shard_mark(shard, family, row);
            victims[used++] = (struct victim){
                .last_s = table->rows[row].last_s,
                .row = row,
                .packets = table_packets(table, row),
                .table = family,
                .evidence = mark ? (uint8_t)mark_rank(&shard->evidence, mark) : 0,
            };
        }
    }
    size_t k = n / 8 ? n / 8 : 1;
    select_first(shard, victims, n, k, analysis->config.table_key);
    for (size_t i = 0; i < k; i++)
        drop(analysis, shard, &victims[i]);
    free(victims);
    analysis->sources_evicted += k;
    for (unsigned family = 0; family < 2; family++)
        table_compact(&shard->tables[family], analysis->config.table_key);
    return true;
}

uint32_t shard_insert(struct analysis *analysis, struct shard *shard,
                      const struct address *address, uint64_t hash, uint32_t at_s)
{
    struct table *table = &shard->tables[address->is6];
    hll_add(analysis->sources_sketch, HLL_LARGE_BITS, source_hash(address));
    if (shard_rows(shard) >= analysis->shard_max)
        return TABLE_NO_ROW;
    uint32_t row = table_insert(table, analysis->config.table_key, hash, source_key_of(address),
                                &address->v6);
    if (row == TABLE_NO_ROW) {
        analysis->memory_refused++;
        return row;
    }
    struct source *source = &table->rows[row];
    source->first_s = source->last_s = at_s;
    return row;
}
