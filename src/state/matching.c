#include "state/matching.h"

#include <string.h>

/* Counts rows in the series of the windows they belong to. */
static void count_windows(const uint64_t rows[static BATCH_WORDS], enum count count,
                          struct window *const windows[static BATCH_CAP])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        for (uint64_t bits = rows[word]; bits; bits &= bits - 1) {
            struct window *window = windows[word * 64 + (unsigned)__builtin_ctzll(bits)];
            if (window)
                window->counts[count]++;
        }
    }
}

static uint64_t popcount(const uint64_t mask[static BATCH_WORDS])
{
    uint64_t bits = 0;
    for (unsigned word = 0; word < BATCH_WORDS; word++)
        bits += (unsigned)__builtin_popcountll(mask[word]);
    return bits;
}

static void label_touch(struct labels *labels, unsigned label,
                        const uint64_t rows[static BATCH_WORDS])
{
    uint64_t *of = labels->rows[label], before = 0;
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        before |= of[word];
        of[word] |= rows[word];
    }
    if (!before)
        labels->touched[labels->touched_n++] = (uint16_t)label;
}

static void list_rows(struct matching *matching, unsigned signature,
                      const uint64_t mask[static BATCH_WORDS])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        matching->rows[word] |= mask[word];
        for (uint64_t bits = mask[word]; bits; bits &= bits - 1) {
            unsigned row = word * 64 + (unsigned)__builtin_ctzll(bits);
            unsigned n = matching->n[row];
            if (n < ROW_HITS_MAX)
                matching->hits[row][n] = (uint16_t)signature;
            matching->n[row] = (uint8_t)(n + (n <= ROW_HITS_MAX));
        }
    }
}

/* The labels of rows that match a plain signature, each once a packet. */
static void count_labels(struct analysis *analysis,
                         struct window *const windows[static BATCH_CAP])
{
    struct labels *labels = &analysis->labels;
    for (unsigned i = 0; i < labels->touched_n; i++) {
        unsigned label = labels->touched[i], count = labels->label_counts[label];
        uint64_t n = popcount(labels->rows[label]);
        labels->evicted.labels[label].packets += n;
        if (count == COUNT_COUNT_)
            continue;
        analysis->totals.counts[count] += n;
        count_windows(labels->rows[label], (enum count)count, windows);
    }
}

void matching_start(struct matching *matching, struct analysis *analysis,
                    const struct batch *batch, const struct matches *matches,
                    struct window *const windows[static BATCH_CAP])
{
    struct labels *labels = &analysis->labels;
    matching->matches = NULL;
    if (!labels->plan || !matches || matches->hits_n == 0)
        return;
    matching->matches = matches;
    memset(matching->rows, 0, sizeof matching->rows);
    memset(matching->iot, 0, sizeof matching->iot);
    memset(matching->n, 0, batch->n);
    for (unsigned i = 0; i < labels->touched_n; i++)
        memset(labels->rows[labels->touched[i]], 0, sizeof labels->rows[0]);
    labels->touched_n = 0;
    for (unsigned hit = 0; hit < matches->hits_n; hit++) {
        unsigned signature = matches->hits[hit];
        const struct evidence_item *item = &labels->plan->items[signature];
        const uint64_t *mask = matches->mask[signature];
        if (item->kind == EVIDENCE_OFF)
            continue;
        list_rows(matching, signature, mask);
        if (item->kind != EVIDENCE_PLAIN)
            continue;
        labels->evicted.signatures[signature].packets += popcount(mask);
        label_touch(labels, item->label, mask);
        for (unsigned word = 0; item->iot && word < BATCH_WORDS; word++)
            matching->iot[word] |= mask[word];
    }
    count_labels(analysis, windows);
    uint64_t iot = popcount(matching->iot);
    labels->iot_packets += iot;
    analysis->totals.counts[COUNT_iot_matched] += iot;
    count_windows(matching->iot, COUNT_iot_matched, windows);
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

/* A row of the batch and its source. */
struct who {
    struct shard *shard;
    const struct table *table;
    uint32_t row;
    uint32_t mark; /* handle; 0: memory was refused */
    struct window *window;
    struct evidence_row packet;
    bool iot; /* matches a signature of origin iot */
};

/* Counts a match that the source had to decide. */
static void count_match(struct analysis *analysis, struct who *who, unsigned signature)
{
    struct labels *labels = &analysis->labels;
    const struct evidence_item *item = &labels->plan->items[signature];
    labels->evicted.signatures[signature].packets++;
    if (item->iot && !who->iot) {
        who->iot = true;
        labels->iot_packets++;
        analysis->totals.counts[COUNT_iot_matched]++;
        if (who->window)
            who->window->counts[COUNT_iot_matched]++;
    }
    if (mask_test(labels->rows[item->label], who->packet.row))
        return; /* under this label already */
    uint64_t row[BATCH_WORDS] = {0};
    mask_set(row, who->packet.row);
    label_touch(labels, item->label, row);
    labels->evicted.labels[item->label].packets++;
    unsigned count = labels->label_counts[item->label];
    if (count == COUNT_COUNT_)
        return;
    analysis->totals.counts[count]++;
    if (who->window)
        who->window->counts[count]++;
}

static struct mark *mark_of(const struct who *who)
{
    return pool_block(&who->shard->evidence, who->mark);
}

/* A signature the source has no record for, or that is more than a count. */
static unsigned note_slowly(const struct evidence_plan *plan, struct who *who,
                            unsigned signature)
{
    uint32_t head = mark_of(who)->head;
    unsigned notes = evidence_hit(plan, &who->shard->evidence, &head, mark_first(who->mark),
                                  signature, &who->packet);
    mark_of(who)->head = head;
    return notes;
}

static unsigned note(const struct evidence_plan *plan, struct who *who, unsigned signature)
{
    const struct evidence_item *item = &plan->items[signature];
    struct mark *mark = mark_of(who);
    struct evidence_record *record = &mark->first;
    if (record->signature != signature)
        record = item->kind == EVIDENCE_PLAIN
                     ? evidence_find(&who->shard->evidence, mark->head, signature)
                     : NULL;
    if (!record)
        return note_slowly(plan, who, signature);
    return evidence_count(item, record, evidence_probe(plan, signature, &who->packet));
}

static void note_one(struct analysis *analysis, struct who *who, unsigned signature)
{
    struct labels *labels = &analysis->labels;
    const struct evidence_plan *plan = labels->plan;
    const struct evidence_item *item = &plan->items[signature];
    unsigned notes = who->mark ? note(plan, who, signature) : NOTE_REFUSED;
    if (notes & NOTE_DUE)
        (void)evidence_judge(
            plan, &who->shard->evidence, mark_of(who)->head, signature,
            candidates_of(who->shard, who->table, who->row, mark_of(who), item->candidates));
    labels->refused += (notes & NOTE_REFUSED) != 0;
    if ((notes & NOTE_MATCHES) && item->kind != EVIDENCE_PLAIN)
        count_match(analysis, who, signature);
}

/* The IoT view: the tables by port and source that scans have, over packets that match an IoT
 * signature. */
static void count_iot(struct analysis *analysis, const struct batch *batch, unsigned i,
                      uint32_t source_key, struct mark *mark, struct window *window)
{
    bool udp = mask_test(batch->has[HAS_UDP], i);
    if (udp || mask_test(batch->has[HAS_TCP], i)) {
        unsigned port = (unsigned)udp << 16 | batch->dstport[i];
        struct port_tally *tally = &analysis->ports[VIEW_IOT].rows[port];
        tally->packets++;
        if (!mark || mark->iot_port != port + 1)
            analysis->sets_frozen +=
                !distinct_add(&analysis->ports_pool, &tally->sources, source_key);
        if (mark)
            mark->iot_port = port + 1;
    }
    if (mark)
        mark->iot_packets++;
    uint32_t minute = (uint32_t)(batch->ts_ns[i] / 60000000000);
    if (window && mark && mark_seen_at(mark, minute))
        window->counts[COUNT_iot_matched_sources]++;
}

void matching_note(struct analysis *analysis, const struct matching *matching,
                   const struct batch *batch, unsigned i, struct shard *shard, unsigned family,
                   uint32_t row, struct window *window)
{
    const struct matches *matches = matching->matches;
    uint32_t mark = 0;
    if (row != TABLE_NO_ROW)
        mark = marks_at(&shard->marks[family], &shard->evidence, row);
    struct who who = {.shard = shard,
                      .table = &shard->tables[family],
                      .row = row,
                      .mark = mark,
                      .window = window,
                      .packet = {.batch = batch, .row = i},
                      .iot = mask_test(matching->iot, i)};
    if (matching->n[i] <= ROW_HITS_MAX) {
        for (unsigned hit = 0; hit < matching->n[i]; hit++)
            note_one(analysis, &who, matching->hits[i][hit]);
    } else {
        for (unsigned hit = 0; hit < matches->hits_n; hit++)
            if (mask_test(matches->mask[matches->hits[hit]], i) &&
                !evidence_off(analysis->labels.plan, matches->hits[hit]))
                note_one(analysis, &who, matches->hits[hit]);
    }
    if (!who.iot)
        return;
    uint32_t key = family ? (uint32_t)hash_ip6(batch->src6[i], HASH_FIXED) : batch->src[i];
    count_iot(analysis, batch, i, key, mark ? mark_of(&who) : NULL, window);
}

void matching_expire_now(struct analysis *analysis, struct shard *shard, unsigned family,
                         uint32_t row)
{
    const struct table *table = &shard->tables[family];
    uint32_t mark = marks_at(&shard->marks[family], &shard->evidence, row);
    uint64_t counters[CANDIDATE_COUNT_];
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        counters[kind] = table_counter(table, row, kind);
    if (!mark || !mark_expire(&shard->evidence, mark, counters))
        analysis->labels.refused++;
}
