#include "state/matching.h"

void matching_start(struct matching *matching, const struct labels *labels,
                    const struct batch *batch, const struct matches *matches)
{
    matching->matches = NULL;
    if (!labels->plan || !matches || matches->hits_n == 0)
        return;
    matching->matches = matches;
    for (unsigned i = 0; i < batch->n; i++)
        matching->rows[i].n = 0;
    for (unsigned hit = 0; hit < matches->hits_n; hit++) {
        unsigned signature = matches->hits[hit];
        if (labels->plan->items[signature].kind == EVIDENCE_OFF)
            continue;
        for (unsigned word = 0; word < BATCH_WORDS; word++) {
            for (uint64_t bits = matches->mask[signature][word]; bits; bits &= bits - 1) {
                struct row_hits *row =
                    &matching->rows[word * 64 + (unsigned)__builtin_ctzll(bits)];
                if (row->n < ROW_HITS_MAX)
                    row->signatures[row->n] = (uint16_t)signature;
                row->n++;
            }
        }
    }
}

/* The packets of the kinds a signature can match that the source has sent since its evidence
 * began. */
static uint64_t candidates_of(const struct shard *shard, const struct table *table,
                              uint32_t row, const struct mark *mark, unsigned kinds)
{
    uint64_t n = 0;
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        if (kinds & 1U << kind)
            n += table_counter(table, row, kind) - mark_base(&shard->evidence, mark, kind);
    return n;
}

/* What the packet has matched so far. */
struct outcome {
    uint64_t labels[SIGNATURES_MAX / 64 + 1]; /* counted once under each; zero as far as used */
    bool iot;
};

static void count_match(struct analysis *analysis, unsigned signature, struct outcome *outcome,
                        struct window *window)
{
    struct labels *labels = &analysis->labels;
    unsigned label = labels->plan->items[signature].label;
    labels->evicted.signatures[signature].packets++;
    outcome->iot |= labels->plan->items[signature].iot;
    if (outcome->labels[label / 64] >> (label % 64) & 1)
        return;
    outcome->labels[label / 64] |= (uint64_t)1 << (label % 64);
    labels->evicted.labels[label].packets++;
    unsigned count = labels->label_counts[label];
    if (count == COUNT_COUNT_)
        return;
    analysis->totals.counts[count]++;
    if (window)
        window->counts[count]++;
}

/* A row of the batch and its source. */
struct who {
    struct shard *shard;
    const struct table *table;
    uint32_t row;
    struct mark *mark; /* NULL: memory was refused */
    struct window *window;
    struct evidence_row packet;
};

static void note_one(struct analysis *analysis, struct who *who, unsigned signature,
                     struct outcome *outcome)
{
    struct labels *labels = &analysis->labels;
    const struct evidence_plan *plan = labels->plan;
    struct pool *pool = &who->shard->evidence;
    unsigned notes = NOTE_REFUSED;
    if (who->mark)
        notes = evidence_hit(plan, pool, &who->mark->head, signature, &who->packet);
    if (notes & NOTE_DUE)
        (void)evidence_judge(plan, pool, who->mark->head, signature,
                             candidates_of(who->shard, who->table, who->row, who->mark,
                                           plan->items[signature].candidates));
    if (notes & NOTE_REFUSED) {
        labels->refused++;
        if (!evidence_decides(plan, signature))
            notes |= NOTE_MATCHES;
    }
    if (notes & NOTE_MATCHES)
        count_match(analysis, signature, outcome, who->window);
}

/* The IoT view: every table that scans have, over packets that match an IoT signature. */
static void count_iot(struct analysis *analysis, const struct batch *batch, unsigned i,
                      uint32_t source_key, struct mark *mark, struct window *window)
{
    analysis->labels.iot_packets++;
    analysis->totals.counts[COUNT_iot_matched]++;
    bool udp = mask_test(batch->has[HAS_UDP], i);
    if (udp || mask_test(batch->has[HAS_TCP], i)) {
        struct port_tally *tally =
            &analysis->ports[VIEW_IOT].rows[(unsigned)udp << 16 | batch->dstport[i]];
        tally->packets++;
        analysis->sets_frozen +=
            !distinct_add(&analysis->ports_pool, &tally->sources, source_key);
    }
    if (mark)
        mark->iot_packets++;
    if (!window)
        return;
    window->counts[COUNT_iot_matched]++;
    uint32_t minute = (uint32_t)(batch->ts_ns[i] / 60000000000);
    if (mark && mark_seen_at(mark, minute))
        window->counts[COUNT_iot_matched_sources]++;
}

void matching_note(struct analysis *analysis, const struct matching *matching,
                   const struct batch *batch, unsigned i, struct shard *shard, unsigned family,
                   uint32_t row, struct window *window)
{
    const struct row_hits *hits = &matching->rows[i];
    const struct matches *matches = matching->matches;
    const struct evidence_plan *plan = analysis->labels.plan;
    struct mark *mark = row == TABLE_NO_ROW ? NULL : marks_at(&shard->marks[family], row);
    struct who who = {.shard = shard,
                      .table = &shard->tables[family],
                      .row = row,
                      .mark = mark,
                      .window = window,
                      .packet = {.batch = batch, .row = i}};
    struct outcome outcome;
    outcome.iot = false;
    for (unsigned word = 0; word <= plan->labels_n / 64; word++)
        outcome.labels[word] = 0;
    if (hits->n <= ROW_HITS_MAX) {
        for (unsigned hit = 0; hit < hits->n; hit++)
            note_one(analysis, &who, hits->signatures[hit], &outcome);
    } else {
        for (unsigned hit = 0; hit < matches->hits_n; hit++)
            if (mask_test(matches->mask[matches->hits[hit]], i) &&
                plan->items[matches->hits[hit]].kind != EVIDENCE_OFF)
                note_one(analysis, &who, matches->hits[hit], &outcome);
    }
    if (!outcome.iot)
        return;
    uint32_t key = family ? (uint32_t)hash_ip6(batch->src6[i], HASH_FIXED) : batch->src[i];
    count_iot(analysis, batch, i, key, mark, window);
}

void matching_expire_now(struct analysis *analysis, struct shard *shard, unsigned family,
                         uint32_t row)
{
    const struct table *table = &shard->tables[family];
    struct mark *mark = marks_at(&shard->marks[family], row);
    uint64_t counters[CANDIDATE_COUNT_];
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        counters[kind] = table_counter(table, row, kind);
    if (!mark || !mark_expire(&shard->evidence, mark, counters))
        analysis->labels.refused++;
}
