/* What an analysis knows of one source, signature by signature. */
#include "state/explain.h"

#include "state/binomial.h"
#include "state/state.h"

static uint32_t find_row(const struct analysis *analysis, const struct address *address,
                         const struct shard **ret_shard)
{
    uint64_t fixed = source_hash(address);
    uint64_t hash = address->is6 ? hash_ip6(address->v6, analysis->config.table_key)
                                 : table_hash4(fixed, analysis->config.table_key);
    unsigned index = address->is6 ? shard_of6(address->v6) : shard_of4(address->v4);
    *ret_shard = &analysis->shards[index];
    const struct table *table = &(*ret_shard)->tables[address->is6];
    return table->n ? table_find(table, hash, source_key_of(address), &address->v6)
                    : TABLE_NO_ROW;
}

unsigned explain_row(const struct analysis *analysis, const struct shard *shard,
                     unsigned family, uint32_t row, struct source_evidence *ret_rows,
                     unsigned cap)
{
    const struct mark *mark = shard_mark(shard, family, row);
    const struct table *table = &shard->tables[family];
    unsigned n = 0;
    struct evidence_view view;
    for (uint32_t at = mark ? mark->head : 0;
         n < cap && evidence_next(&shard->evidence, &at, &view);) {
        const struct signature *signature =
            signature_at(evidence_plan_signatures(analysis->labels.plan), view.signature);
        struct source_evidence *item = &ret_rows[n++];
        *item = (struct source_evidence){
            .signature = view.signature,
            .hits = view.hits,
            .chance = evidence_chance(analysis->labels.plan, view.signature),
            .matched = view.matched,
            .labelled = view.labelled,
        };
        for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
            if (signature->candidates & 1U << kind)
                item->candidates +=
                    table_counter(table, row, kind) - mark_base(&shard->evidence, mark, kind);
        item->probability = signature->thresholds_n
                                ? 1
                                : binomial_tail(item->candidates, item->chance, item->hits);
    }
    return n;
}

unsigned analysis_evidence(const struct analysis *analysis, const struct address *address,
                           struct source_evidence *ret_rows, unsigned cap)
{
    const struct shard *shard;
    uint32_t row = find_row(analysis, address, &shard);
    if (row == TABLE_NO_ROW || !analysis->labels.plan)
        return 0;
    return explain_row(analysis, shard, address->is6, row, ret_rows, cap);
}

uint64_t analysis_matched(const struct analysis *analysis, unsigned signature)
{
    return analysis->labels.evicted.signatures[signature].packets;
}
