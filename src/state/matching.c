#include "state/matching.h"

#include <string.h>

/* Do all rows belong to the window of the first? Almost always. */
static bool one_window(struct window *const *windows, unsigned n)
{
    uintptr_t differ = 0;
    for (unsigned i = 0; i < n; i++)
        differ |= (uintptr_t)windows[i] ^ (uintptr_t)windows[0];
    return differ == 0;
}

/* Counts `n` rows in a series, and in the windows they belong to. */
static void count_series(struct analysis *analysis, const struct matching *matching,
                         const uint64_t rows[static BATCH_WORDS], unsigned n, enum count count)
{
    struct window *const *windows = matching->of.windows;
    analysis->totals.counts[count] += n;
    if (matching->one_window) {
        if (windows[0])
            windows[0]->counts[count] += n;
        return;
    }
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        for (uint64_t bits = rows[word]; bits; bits &= bits - 1) {
            struct window *window = windows[word * 64 + (unsigned)__builtin_ctzll(bits)];
            if (window)
                window->counts[count]++;
        }
    }
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

/* Adds a signature to the lists of its rows. */
static void list_hits(struct match_lists *lists, unsigned signature,
                      const uint64_t mask[static BATCH_WORDS])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++) {
        for (uint64_t bits = mask[word]; bits; bits &= bits - 1) {
            unsigned row = word * 64 + (unsigned)__builtin_ctzll(bits);
            unsigned n = lists->hits_n[row];
            if (n < ROW_HITS_MAX)
                lists->hits[row][n] = (uint16_t)signature;
            lists->hits_n[row] = (uint8_t)(n + (n <= ROW_HITS_MAX));
        }
    }
}

void match_lists_fill(struct match_lists *lists, const struct evidence_plan *plan,
                      const struct batch *batch, const struct matches *matches)
{
    lists->n = 0;
    if (!plan || !matches || matches->hits_n == 0)
        return;
    memset(lists->iot, 0, sizeof lists->iot);
    memset(lists->hits_n, 0, batch->n);
    uint64_t rows[BATCH_WORDS] = {0};
    for (unsigned hit = 0; hit < matches->hits_n; hit++) {
        unsigned signature = matches->hits[hit];
        const struct evidence_item *item = &plan->items[signature];
        const uint64_t *mask = matches->mask[signature];
        if (item->kind == EVIDENCE_OFF)
            continue;
        list_hits(lists, signature, mask);
        for (unsigned word = 0; word < BATCH_WORDS; word++)
            rows[word] |= mask[word];
        for (unsigned word = 0; item->kind == EVIDENCE_PLAIN && item->iot && word < BATCH_WORDS;
             word++)
            lists->iot[word] |= mask[word];
    }
    for (unsigned word = 0; word < BATCH_WORDS; word++)
        for (uint64_t bits = rows[word]; bits; bits &= bits - 1)
            lists->rows[lists->n++] = (uint8_t)(word * 64 + (unsigned)__builtin_ctzll(bits));
    signature_probe_keys(plan->signatures, batch, lists->rows, lists->n, lists->probes);
}

/* The labels of rows that match a plain signature, each once a packet. */
static void count_labels(struct analysis *analysis, const struct matching *matching)
{
    struct labels *labels = &analysis->labels;
    for (unsigned i = 0; i < labels->touched_n; i++) {
        unsigned label = labels->touched[i], count = labels->label_counts[label];
        unsigned n = mask_count(labels->rows[label]);
        labels->evicted.labels[label].packets += n;
        if (count != COUNT_COUNT_)
            count_series(analysis, matching, labels->rows[label], n, (enum count)count);
    }
}

static void tell_feed(struct feed *feed, unsigned signature,
                      const uint64_t mask[static BATCH_WORDS])
{
    for (unsigned word = 0; word < BATCH_WORDS; word++)
        for (uint64_t bits = mask[word]; bits; bits &= bits - 1)
            feed_matched(feed, word * 64 + (unsigned)__builtin_ctzll(bits), signature);
}

void matching_start(struct matching *matching, struct analysis *analysis,
                    const struct batch *batch, const struct matches *matches,
                    const struct match_lists *lists, const struct matching_sources *of)
{
    struct labels *labels = &analysis->labels;
    *matching =
        (struct matching){.batch = batch, .matches = matches, .lists = lists, .of = *of};
    if (!lists->n)
        return;
    memcpy(matching->iot, lists->iot, sizeof matching->iot);
    matching->one_window = one_window(of->windows, batch->n);
    for (unsigned i = 0; i < labels->touched_n; i++)
        memset(labels->rows[labels->touched[i]], 0, sizeof labels->rows[0]);
    labels->touched_n = 0;
    for (unsigned hit = 0; hit < matches->hits_n; hit++) {
        unsigned signature = matches->hits[hit];
        const struct evidence_item *item = &labels->plan->items[signature];
        const uint64_t *mask = matches->mask[signature];
        if (item->kind != EVIDENCE_PLAIN)
            continue;
        labels->evicted.signatures[signature].packets += mask_count(mask);
        label_touch(labels, item->label, mask);
        if (analysis->feed)
            tell_feed(analysis->feed, signature, mask);
    }
    count_labels(analysis, matching);
    unsigned iot = mask_count(lists->iot);
    labels->iot_packets += iot;
    count_series(analysis, matching, lists->iot, iot, COUNT_iot_matched);
}

/* First where the handles of the marks are, then the marks, then the latest record of sources
 * that match more than one signature. */
void matching_prefetch(const struct matching *matching, const struct analysis *analysis,
                       unsigned begin, unsigned end)
{
    const void *ahead[BATCH_CAP];
    const struct pool *pools[BATCH_CAP];
    unsigned n = 0, records = 0;
    for (unsigned k = matching->noted; k < matching->lists->n && matching->lists->rows[k] < end;
         k++) {
        unsigned i = matching->lists->rows[k];
        const struct shard *shard = &analysis->shards[matching->of.shard[i]];
        const struct marks *marks = &shard->marks[matching->of.family[i]];
        ahead[n] = marks->rows + matching->of.row[i];
        pools[n] = &shard->evidence;
        n += i >= begin && matching->of.row[i] < marks->cap;
    }
    prefetch_all(ahead, n);
    for (unsigned k = 0; k < n; k++) {
        uint32_t handle = *(const uint32_t *)ahead[k];
        ahead[k] = handle ? pool_block(pools[k], handle) : NULL;
    }
    prefetch_all(ahead, n);
    for (unsigned k = 0; k < n; k++) {
        const struct mark *mark = ahead[k];
        if (mark && mark->head && pool_size_of(mark->head) != POOL_64)
            ahead[records++] = pool_block(pools[k], mark->head);
    }
    prefetch_all(ahead, records);
}

/* A row of the batch and its source. */
struct who {
    struct matching *matching;
    struct shard *shard;
    uint32_t mark; /* handle */
    unsigned i;    /* row of the batch */
    unsigned end;  /* rows before it are in the counters of the source */
    bool iot;      /* matches a signature of origin iot */
};

static struct mark *mark_of(const struct who *who)
{
    return pool_block(&who->shard->evidence, who->mark);
}

/* The packets of the kinds a signature can match that the source had sent since its evidence
 * began, when it sent this one. */
static uint64_t candidates_of(const struct who *who, unsigned kinds)
{
    const struct matching_sources *of = &who->matching->of;
    const struct mark *mark = mark_of(who);
    unsigned shard = of->shard[who->i], family = of->family[who->i];
    uint32_t row = of->row[who->i];
    uint64_t n = 0;
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        if (kinds & 1U << kind)
            n += table_counter(&who->shard->tables[family], row, kind) -
                 mark_base(&who->shard->evidence, mark, kind);
    for (unsigned later = who->i + 1; later < who->end; later++)
        n -= of->row[later] == row && of->shard[later] == shard &&
             of->family[later] == family && (kinds >> of->candidate[later] & 1);
    return n;
}

/* Counts a match that the source had to decide. */
static void count_match(struct analysis *analysis, struct who *who, unsigned signature)
{
    struct labels *labels = &analysis->labels;
    const struct evidence_item *item = &labels->plan->items[signature];
    struct window *window = who->matching->of.windows[who->i];
    labels->evicted.signatures[signature].packets++;
    feed_matched(analysis->feed, who->i, signature);
    if (item->iot && !who->iot) {
        who->iot = true;
        mask_set(who->matching->iot, who->i);
        labels->iot_packets++;
        analysis->totals.counts[COUNT_iot_matched]++;
        if (window)
            window->counts[COUNT_iot_matched]++;
    }
    if (mask_test(labels->rows[item->label], who->i))
        return; /* under this label already */
    uint64_t row[BATCH_WORDS] = {0};
    mask_set(row, who->i);
    label_touch(labels, item->label, row);
    labels->evicted.labels[item->label].packets++;
    unsigned count = labels->label_counts[item->label];
    if (count == COUNT_COUNT_)
        return;
    analysis->totals.counts[count]++;
    if (window)
        window->counts[count]++;
}

static __attribute__((noinline)) void judge(const struct evidence_plan *plan,
                                            const struct who *who, unsigned signature)
{
    (void)evidence_judge(plan, &who->shard->evidence, mark_of(who)->head, signature,
                         candidates_of(who, plan->items[signature].candidates));
}

/* A signature the source has no record for, or that is more than a count. */
static __attribute__((noinline)) void note_slowly(struct analysis *analysis, struct who *who,
                                                  unsigned signature)
{
    struct labels *labels = &analysis->labels;
    uint32_t head = mark_of(who)->head;
    struct evidence_row row = {.batch = who->matching->batch,
                               .row = who->i,
                               .has_probe = true,
                               .probe = who->matching->lists->probes[who->i]};
    unsigned notes = evidence_hit(labels->plan, &who->shard->evidence, &head,
                                  mark_first(who->mark), signature, &row);
    mark_of(who)->head = head;
    if (notes & NOTE_DUE)
        judge(labels->plan, who, signature);
    labels->refused += (notes & NOTE_REFUSED) != 0;
    if ((notes & NOTE_MATCHES) && evidence_decides(labels->plan, signature))
        count_match(analysis, who, signature);
}

static inline void note(struct analysis *analysis, struct who *who, unsigned signature)
{
    const struct evidence_plan *plan = analysis->labels.plan;
    const struct evidence_item *item = &plan->items[signature];
    struct mark *mark = mark_of(who);
    struct evidence_record *record = &mark->first;
    if (record->signature != signature) {
        record = NULL;
        if (item->kind == EVIDENCE_PLAIN)
            record = evidence_find(&who->shard->evidence, mark->head, signature);
    }
    if (!record) {
        note_slowly(analysis, who, signature);
        return;
    }
    uint32_t probe = who->matching->lists->probes[who->i];
    if (!item->plain_probe)
        probe = (uint32_t)(signature_probe_key(plan->signatures, signature,
                                               who->matching->batch, who->i) >>
                           32);
    if (evidence_count(item, record, probe) & NOTE_DUE)
        judge(plan, who, signature);
}

/* Signatures of a row that has too many for its list, by number; -1: no more. */
static int next_hit(const struct matching *matching, const struct evidence_plan *plan,
                    unsigned i, unsigned *at)
{
    const struct matches *matches = matching->matches;
    while (*at < matches->hits_n) {
        uint32_t signature = matches->hits[(*at)++];
        if (mask_test(matches->mask[signature], i) && !evidence_off(plan, signature))
            return (int)signature;
    }
    return -1;
}

/* The IoT view: the tables by port and source that scans have, over packets that match an IoT
 * signature. */
static void count_iot(struct analysis *analysis, const struct matching *matching, unsigned i,
                      struct mark *mark)
{
    const struct batch *batch = matching->batch;
    struct window *window = matching->of.windows[i];
    bool udp = mask_test(batch->has[HAS_UDP], i);
    if (udp || mask_test(batch->has[HAS_TCP], i)) {
        unsigned port = (unsigned)udp << 16 | batch->dstport[i];
        struct port_tally *tally = &analysis->ports[VIEW_IOT].rows[port];
        tally->packets++;
        if (!mark || mark->iot_port != port + 1) {
            uint32_t key = matching->of.family[i]
                               ? (uint32_t)hash_ip6(batch->src6[i], HASH_FIXED)
                               : batch->src[i];
            analysis->sets_frozen += !distinct_add(&analysis->ports_pool, &tally->sources, key);
        }
        if (mark)
            mark->iot_port = port + 1;
    }
    if (!mark)
        return;
    mark->iot_packets++;
    if (window && mark_seen_at(mark, (uint32_t)(batch->ts_ns[i] / 60000000000)))
        window->counts[COUNT_iot_matched_sources]++;
}

/* A row whose source has no mark, as memory was refused. */
static void refuse_row(struct analysis *analysis, const struct matching *matching, unsigned i)
{
    struct labels *labels = &analysis->labels;
    unsigned at = 0;
    if (matching->lists->hits_n[i] <= ROW_HITS_MAX)
        labels->refused += matching->lists->hits_n[i];
    else
        while (next_hit(matching, labels->plan, i, &at) >= 0)
            labels->refused++;
    if (mask_test(matching->lists->iot, i))
        count_iot(analysis, matching, i, NULL);
}

static void note_row(struct analysis *analysis, struct matching *matching, unsigned i,
                     unsigned end)
{
    struct shard *shard = &analysis->shards[matching->of.shard[i]];
    uint32_t row = matching->of.row[i], mark = 0;
    if (row != TABLE_NO_ROW)
        mark = marks_at(&shard->marks[matching->of.family[i]], &shard->evidence, row);
    if (!mark) {
        refuse_row(analysis, matching, i);
        return;
    }
    struct who who = {matching, shard, mark, i, end, mask_test(matching->lists->iot, i)};
    if (matching->lists->hits_n[i] <= ROW_HITS_MAX) {
        for (unsigned hit = 0; hit < matching->lists->hits_n[i]; hit++)
            note(analysis, &who, matching->lists->hits[i][hit]);
    } else {
        unsigned at = 0;
        for (int hit; (hit = next_hit(matching, analysis->labels.plan, i, &at)) >= 0;)
            note(analysis, &who, (unsigned)hit);
    }
    if (who.iot)
        count_iot(analysis, matching, i, mark_of(&who));
}

void matching_note(struct analysis *analysis, struct matching *matching, unsigned end)
{
    for (; matching->noted < matching->lists->n && matching->lists->rows[matching->noted] < end;
         matching->noted++)
        note_row(analysis, matching, matching->lists->rows[matching->noted], end);
}

void matching_expire(struct analysis *analysis, struct matching *matching, unsigned i)
{
    const struct matching_sources *of = &matching->of;
    struct shard *shard = &analysis->shards[of->shard[i]];
    const struct table *table = &shard->tables[of->family[i]];
    uint64_t counters[CANDIDATE_COUNT_];
    matching_note(analysis, matching, i);
    uint32_t mark = marks_at(&shard->marks[of->family[i]], &shard->evidence, of->row[i]);
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        counters[kind] = table_counter(table, of->row[i], kind);
    if (!mark || !mark_expire(&shard->evidence, mark, counters))
        analysis->labels.refused++;
}
