#include "state/prepare.h"

#include <stdlib.h>

struct prepared *prepared_new(void)
{
    return malloc(sizeof(struct prepared));
}

void prepared_free(struct prepared *prepared)
{
    free(prepared);
}

static void hash_row6(const struct analysis *analysis, struct prepared *prepared, unsigned i)
{
    struct ip6 address = prepared->batch->src6[i];
    prepared->hash[i] = hash_ip6(address, analysis->config.table_key);
    prepared->shard[i] = (uint8_t)(hash_ip6(address, HASH_FIXED) >> 58); /* shard_of6() */
    prepared->is6[i] = true;
    destinations_prefetch6(&analysis->destinations, prepared->batch->dst6[i],
                           analysis->config.table_key);
}

static void hash_rows(const struct analysis *analysis, struct prepared *prepared)
{
    const struct batch *batch = prepared->batch;
    const uint64_t key[2] = {analysis->config.table_key[0], analysis->config.table_key[1]};
    for (unsigned i = 0; i < batch->n; i++) {
        uint64_t fixed = hash_u64(batch->src[i], HASH_FIXED);
        prepared->hash[i] = table_hash4(fixed, key);
        prepared->shard[i] = (uint8_t)(fixed >> 58); /* shard_of4() */
        prepared->is6[i] = false;
        const uint64_t *word = destinations_word(&analysis->destinations, batch->dst[i]);
        prefetch(word ? (const void *)word : prepared);
    }
    for (unsigned word = 0; word * 64 < batch->n; word++)
        for (uint64_t rows = batch->has[HAS_IPV6][word]; rows; rows &= rows - 1)
            hash_row6(analysis, prepared, word * 64 + (unsigned)__builtin_ctzll(rows));
}

/* Row by row within a family; which one comes first changes nothing. */
static void add_destinations(struct analysis *analysis, struct prepared *prepared)
{
    const struct batch *batch = prepared->batch;
    struct destinations *destinations = &analysis->destinations;
    for (unsigned word = 0; word * 64 < batch->n; word++) {
        unsigned begin = word * 64, end = begin + 64 < batch->n ? begin + 64 : batch->n;
        uint64_t six = batch->has[HAS_IPV6][word];
        for (uint64_t rows = six; rows; rows &= rows - 1)
            destinations_add6(destinations,
                              batch->dst6[begin + (unsigned)__builtin_ctzll(rows)],
                              analysis->config.table_key);
        for (unsigned i = begin; i < end; i++) {
            prepared->is_new_destination[i] = false;
            if (__builtin_expect(!(six >> i % 64 & 1), 1))
                prepared->is_new_destination[i] =
                    destinations_add4(destinations, batch->dst[i]);
        }
    }
}

void analysis_prepare(struct analysis *analysis, const struct batch *batch,
                      const struct matches *matches, struct prepared *ret_prepared)
{
    ret_prepared->batch = batch;
    ret_prepared->matches = matches;
    hash_rows(analysis, ret_prepared);
    columns_fill(&ret_prepared->columns, batch);
    sums_fill(&ret_prepared->sums, batch, &ret_prepared->columns);
    match_lists_fill(&ret_prepared->lists, analysis->labels.plan, batch, matches);
    add_destinations(analysis, ret_prepared);
}

void analysis_prepare_memory(struct analysis *analysis)
{
    (void)memory_prepare(analysis->memory); /* none is needed, or there is none */
}
