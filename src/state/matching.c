#include "state/matching.h"

#include "state/events.h"

#include <string.h>

/* Counts `n` rows in a series, and in the windows they belong to. */
static void count_series(struct analysis *analysis, const struct matching *matching,
                         const uint64_t rows[static BATCH_WORDS], unsigned n, enum count count)
{
    struct window *const *windows = matching->of.windows;
    analysis->totals.counts[count] += n;
    if (matching->of.one_window) {
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
    matching->walked = lists->rows_end;
    if (match_lists_empty(lists))
        return;
    memcpy(matching->iot, lists->iot, sizeof matching->iot);
    for (unsigned i = 0; i < labels->touched_n; i++)
        memset(labels->rows[labels->touched[i]], 0, sizeof labels->rows[0]);
    labels->touched_n = 0;
    for (unsigned hit = 0; hit < matches->hits_n; hit++) /* made in another thread's cache */
        prefetch(matches->mask[matches->hits[hit]]);
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

static struct source *source_of(const struct matching_sources *of, unsigned i)
{
    return of->row[i] == TABLE_NO_ROW ? NULL : of->source[i];
}

void matching_prefetch(const struct matching *matching, unsigned begin, unsigned end)
{
    uint64_t rows = match_lists_range(matching->lists->several, begin, end);
    for (; rows; rows &= rows - 1) {
        /* the record of the first signature is in the mark */
        unsigned i = begin + (unsigned)__builtin_ctzll(rows);
        const struct source *source = source_of(&matching->of, i);
        if (!source || !source->mark)
            continue;
        const struct pool *pool = &matching->of.shard[i]->evidence;
        const struct mark *mark = pool_block(pool, source->mark);
        prefetch(mark->head ? pool_block(pool, mark->head) : mark);
    }
}

/* A row of the batch and its source. */
struct who {
    struct matching *matching;
    struct shard *shard;
    uint32_t mark; /* handle */
    unsigned i;    /* row of the batch */
    bool iot;      /* matches a signature of origin iot */
};

static struct mark *mark_of(const struct who *who)
{
    return pool_block(&who->shard->evidence, who->mark);
}

/* The packets of the kinds a signature can match that the source had sent since its evidence
 * began, when it sent this one: later ones may be counted already. */
static uint64_t candidates_of(const struct who *who, unsigned kinds)
{
    const struct matching_sources *of = &who->matching->of;
    const struct mark *mark = mark_of(who);
    const struct table *table = of->table[who->i];
    uint32_t row = of->row[who->i];
    uint64_t n = 0;
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        if (kinds & 1U << kind)
            n += table_counter(table, row, kind) - mark_base(&who->shard->evidence, mark, kind);
    const struct source *source = of->source[who->i];
    for (unsigned later = who->i + 1; later < who->matching->counted; later++)
        if (of->source[later] == source)
            n -= kinds >> of->columns->candidate[later] & 1;
    return n;
}

/* Tells the events of a match, whose evidence has been noted. */
static __attribute__((noinline)) void note_event(const struct analysis *analysis,
                                                 const struct who *who, unsigned signature)
{
    const struct evidence_record *record =
        evidence_find(&who->shard->evidence, mark_of(who)->head, signature);
    events_match(analysis->events, who->i, analysis->labels.plan->items[signature].label,
                 record && record->flags & EVIDENCE_LABELLED);
}

/* Counts a match that the source had to decide. */
static void count_match(struct analysis *analysis, struct who *who, unsigned signature)
{
    struct labels *labels = &analysis->labels;
    const struct evidence_item *item = &labels->plan->items[signature];
    struct window *window = who->matching->of.windows[who->i];
    labels->evicted.signatures[signature].packets++;
    feed_matched(analysis->feed, who->i, signature);
    if (analysis->events)
        note_event(analysis, who, signature);
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
                                                  const struct match_hit *hit)
{
    struct labels *labels = &analysis->labels;
    uint32_t head = mark_of(who)->head;
    struct evidence_row row = {
        .batch = who->matching->batch, .row = who->i, .probe = hit->probe};
    unsigned notes = evidence_hit(labels->plan, &who->shard->evidence, &head,
                                  mark_first(who->mark), hit->signature, &row);
    mark_of(who)->head = head;
    if (notes & NOTE_DUE)
        judge(labels->plan, who, hit->signature);
    labels->refused += (notes & NOTE_REFUSED) != 0;
    if ((notes & NOTE_MATCHES) && evidence_decides(labels->plan, hit->signature))
        count_match(analysis, who, hit->signature);
}

static inline void note(struct analysis *analysis, struct who *who, const struct match_hit *hit)
{
    const struct evidence_plan *plan = analysis->labels.plan;
    const struct evidence_item *item = &plan->items[hit->signature];
    struct mark *mark = mark_of(who);
    struct evidence_record *record = &mark->first;
    if (record->signature != hit->signature) {
        record = NULL;
        if (item->kind == EVIDENCE_PLAIN)
            record = evidence_find(&who->shard->evidence, mark->head, hit->signature);
        if (!record)
            note_slowly(analysis, who, hit);
    }
    if (record && (evidence_count(item, record, hit->probe) & NOTE_DUE))
        judge(plan, who, hit->signature);
    if (__builtin_expect(analysis->events != NULL, 0) && item->kind == EVIDENCE_PLAIN)
        note_event(analysis, who, hit->signature);
}

/* The IoT view: the tables by port and source that scans have, over packets that match an IoT
 * signature. */
static void count_iot(struct analysis *analysis, const struct matching *matching, unsigned i,
                      struct mark *mark)
{
    enum { PROTO_TCP = 6, PROTO_UDP = 17 };
    const struct columns *columns = matching->of.columns;
    struct window *window = matching->of.windows[i];
    uint32_t port = columns->port[i];
    bool udp = port >> 16 == PROTO_UDP;
    if (udp || port >> 16 == PROTO_TCP) {
        port = (uint32_t)udp << 16 | (port & 0xffff);
        struct port_tally *tally = &analysis->ports[VIEW_IOT].rows[port];
        tally->packets++;
        if (!mark || mark->iot_port != port + 1)
            analysis->sets_frozen +=
                !distinct_add(&analysis->ports_pool, &tally->sources, columns->source[i]);
        if (mark)
            mark->iot_port = port + 1;
    }
    if (!mark)
        return;
    mark->iot_packets++;
    if (window && mark_seen_at(mark, columns->at_s[i] / 60))
        window->counts[COUNT_iot_matched_sources]++;
}

/* A source's, made when there is none; 0: memory was refused, or there is no source. */
static __attribute__((noinline)) uint32_t make_mark(struct shard *shard, struct source *source)
{
    if (source && !source->mark)
        source->mark = mark_make(&shard->evidence);
    return source ? source->mark : 0;
}

static inline struct who who_of(struct matching *matching, unsigned i)
{
    struct shard *shard = matching->of.shard[i];
    struct source *source = source_of(&matching->of, i);
    uint32_t mark = source ? source->mark : 0;
    if (__builtin_expect(!mark, 0))
        mark = make_mark(shard, source);
    return (struct who){matching, shard, mark, i, mask_test(matching->lists->iot, i)};
}

/* The hits of a row that found no room in the list. */
static void walk_row(struct analysis *analysis, struct matching *matching, unsigned i)
{
    const struct matches *matches = matching->matches;
    const struct evidence_plan *plan = analysis->labels.plan;
    struct who who = who_of(matching, i);
    for (unsigned k = 0; k < matches->hits_n; k++) {
        unsigned signature = matches->hits[k];
        if (!mask_test(matches->mask[signature], i) || evidence_off(plan, signature))
            continue;
        if (!who.mark) {
            analysis->labels.refused++;
            continue;
        }
        uint64_t key = signature_probe_key(plan->signatures, signature, matching->batch, i);
        note(analysis, &who,
             &(struct match_hit){.probe = (uint32_t)(key >> 32),
                                 .signature = (uint16_t)signature,
                                 .row = (uint8_t)i});
    }
    if (who.iot)
        count_iot(analysis, matching, i, who.mark ? mark_of(&who) : NULL);
}

void matching_note(struct analysis *analysis, struct matching *matching, unsigned end)
{
    const struct match_lists *lists = matching->lists;
    const struct match_hit *hit = lists->hits + matching->noted, *last = lists->hits + lists->n;
    while (hit < last && hit->row < end) {
        struct who who = who_of(matching, hit->row);
        do {
            if (who.mark)
                note(analysis, &who, hit);
            else
                analysis->labels.refused++;
        } while (++hit < last && hit->row == who.i);
        if (who.iot)
            count_iot(analysis, matching, who.i, who.mark ? mark_of(&who) : NULL);
    }
    matching->noted = (unsigned)(hit - lists->hits);
    for (; matching->walked < end; matching->walked++)
        if (mask_test(lists->any, matching->walked))
            walk_row(analysis, matching, matching->walked);
}

void matching_expire(struct analysis *analysis, struct matching *matching, unsigned i)
{
    const struct matching_sources *of = &matching->of;
    struct shard *shard = of->shard[i];
    uint64_t counters[CANDIDATE_COUNT_];
    matching->counted = i;
    matching_note(analysis, matching, i);
    uint32_t mark = make_mark(shard, source_of(of, i));
    for (unsigned kind = 0; kind < CANDIDATE_COUNT_; kind++)
        counters[kind] = table_counter(of->table[i], of->row[i], kind);
    if (!mark || !mark_expire(&shard->evidence, mark, counters))
        analysis->labels.refused++;
}
