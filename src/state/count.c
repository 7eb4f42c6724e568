/* Counting a batch that prepare.c has prepared. Its rows go through four steps, a stretch of
 * rows at a time, and each step asks for the memory that the next one will need:
 *
 *   step      does                                   asks for
 *   slots     where its index may have the source    the slots, the tally of its port
 *   guess     look into the slots                    the row of the source
 *   count     compare, or insert; count              its sets, its mark
 *   finish    note matches; add to the sets          (count_sets.c)
 *
 *   stretch   1       2       3       4
 *             slots
 *             guess   slots
 *             count   guess   slots
 *             finish  count   guess   slots     so what was asked for is there when it is used
 *
 * Rows whose sets are of one kind are dealt with together: a loop that does the same for every
 * row has no branch to mispredict.
 *
 * Insertion may evict, and eviction must see all that rows before this one did: they are
 * finished first then. So a result never depends on where a batch or a stretch ends. */
#include "state/events.h"
#include "state/work.h"

static void step_slots(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    const struct prepared *prepared = work->prepared;
    struct port_tally *const tallies[CLASS_COUNT_] = {
        [CLASS_SCAN] = analysis->ports[VIEW_SCAN].rows,
        [CLASS_BACKSCATTER] = analysis->ports[VIEW_BACKSCATTER].rows,
        [CLASS_OTHER] = &work->no_tally,
    };
    for (unsigned i = begin; i < end; i++) {
        uint32_t tally = prepared->columns.tally[i];
        struct shard *shard = &analysis->shards[prepared->shard[i]];
        struct table *table = &shard->tables[0];
        if (__builtin_expect(prepared->is6[i], 0))
            table = &shard->tables[1];
        work->shard[i] = shard;
        work->table[i] = table;
        work->slot[i] = table_slot(table, prepared->hash[i]);
        work->tally[i] = tallies[tally >> COLUMN_VIEW_SHIFT] +
                         (tally & (((uint32_t)1 << COLUMN_VIEW_SHIFT) - 1));
        prefetch(table->slots + work->slot[i]);
        prefetch(work->tally[i]);
    }
}

/* A slot of an index that has grown meanwhile is a bad guess, no more. */
static void step_guess(struct work *work, unsigned begin, unsigned end)
{
    for (unsigned i = begin; i < end; i++) {
        const struct table *table = work->table[i];
        uint32_t row = table_probable_row(table, work->slot[i], work->prepared->hash[i]);
        work->row[i] = row;
        work->source[i] = row == TABLE_NO_ROW ? &work->nobody : table->rows + row;
        prefetch(work->source[i]);
    }
    work->guessed = end;
}

static struct address source_address(const struct batch *batch, unsigned i, bool is6)
{
    return is6 ? (struct address){.is6 = true, .v6 = batch->src6[i]}
               : (struct address){.v4 = batch->src[i]};
}

/* The rows of some table have moved, or a row was found. */
static void point(struct work *work, unsigned begin, unsigned end)
{
    for (unsigned i = begin; i < end; i++)
        work->source[i] =
            work->row[i] == TABLE_NO_ROW ? &work->nobody : work->table[i]->rows + work->row[i];
}

static void insert(struct analysis *analysis, struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->prepared->is6[i]);
    const struct source *rows = work->table[i]->rows;
    work->row[i] = shard_insert(analysis, work->shard[i], &address, work->prepared->hash[i],
                                work->prepared->columns.at_s[i]);
    work->inserted[work->inserted_n] = (uint8_t)i;
    work->inserted_n += work->row[i] != TABLE_NO_ROW;
    if (work->table[i]->rows == rows)
        point(work, i, i + 1);
    else
        point(work, work->looks[0].begin, work->guessed);
}

/* Gives the sources that were inserted their places: all of a batch at once, as a look-up
 * mostly waits for memory, but before any is evicted. */
static void locate_inserted(struct analysis *analysis, struct work *work)
{
    const struct locator *locator = analysis->config.locator;
    unsigned n = work->inserted_n;
    work->inserted_n = 0;
    if (!n || !locator)
        return;
    struct address addresses[BATCH_CAP];
    struct place places[BATCH_CAP];
    for (unsigned k = 0; k < n; k++) {
        unsigned i = work->inserted[k];
        addresses[k] = source_address(work->batch, i, work->prepared->is6[i]);
    }
    locator->locate_all(locator->context, addresses, n, places);
    for (unsigned k = 0; k < n; k++) {
        struct table *table = work->table[work->inserted[k]];
        uint32_t row = work->row[work->inserted[k]];
        table->rows[row].cc = cc_pack(places[k].cc) & 1023U;
        if (!table_set_asn(table, row, places[k].asn))
            analysis->memory_refused++;
    }
}

/* A source without a row: its packet counts in all but what is kept by source. */
static void refuse(struct analysis *analysis, const struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->prepared->is6[i]);
    analysis->sources_refused++;
    hll_add(analysis->class_sketch[work->batch->class[i]], HLL_LARGE_BITS,
            source_hash(&address));
}

/* A counter of a source was counted up from its highest value. */
static __attribute__((noinline)) void carry(struct analysis *analysis, const struct work *work,
                                            unsigned i, enum counter counter)
{
    work->source[i]->counters[counter] = UINT32_MAX;
    if (!table_counter_add(work->table[i], work->row[i], counter, 1))
        analysis->memory_refused++;
}

/* A packet of a class that has no counter, or whose counter came to 0 or 1. */
static __attribute__((noinline)) void count_class(struct analysis *analysis,
                                                  const struct work *work, unsigned i)
{
    struct source *source = work->source[i];
    unsigned class = work->batch->class[i];
    if (class < VIEW_CLASSES_ && !source->counters[COUNTER_SCAN + class])
        carry(analysis, work, i, COUNTER_SCAN + class);
    if (source->seen & (1U << class))
        return;
    source->seen = (source->seen | 1U << class) & 7U;
    struct address address = table_address(work->table[i], work->row[i]);
    hll_add(analysis->class_sketch[class], HLL_LARGE_BITS, source_hash(&address));
}

/* The first packet of a source in a minute, a late one, or one without a row: false. */
static __attribute__((noinline)) bool count_minute(struct analysis *analysis, struct work *work,
                                                   unsigned i)
{
    struct source *source = work->source[i];
    uint32_t at_s = work->prepared->columns.at_s[i];
    if (source == &work->nobody) {
        refuse(analysis, work, i);
        return false;
    }
    if ((int64_t)at_s - source->last_s > analysis->config.evidence_s && analysis->labels.plan)
        matching_expire(analysis, &work->matching, i);
    struct window *window = work->windows[i];
    if (source_seen_at(source, at_s, !window))
        window->counts[COUNT_sources]++;
    return true;
}

static inline void count_source(struct analysis *analysis, struct work *work, unsigned i)
{
    struct source *source = work->source[i];
    unsigned class = work->batch->class[i], candidate = work->prepared->columns.candidate[i];
    if (!source_seen_again(source, work->prepared->columns.at_s[i], work->minute_s,
                           work->minute_span_s) &&
        !count_minute(analysis, work, i))
        return;
    if (++source->counters[candidate] == 0)
        carry(analysis, work, i, candidate);
    if (class >= VIEW_CLASSES_ || ++source->counters[COUNTER_SCAN + class] <= 1)
        count_class(analysis, work, i);
}

/* Asks for what the packets of a stretch will touch: where the next key of a sketch goes,
 * blocks of keys that have to be searched or end there, and marks. */
static void look_at_blocks(const struct work *work, const struct looks *looks)
{
    enum { LINE_KEYS = 64 / sizeof(uint32_t) };
    for (unsigned k = 0; k < looks->sketches_n; k++) {
        unsigned i = looks->sketches[k];
        struct distinct set = source_destinations(work->source[i]);
        prefetch(distinct_sketch_place(&work->shard[i]->pool, set));
    }
    for (unsigned k = 0; k < looks->exact_n; k++) {
        unsigned i = looks->exact[k];
        struct distinct set = source_destinations(work->source[i]);
        if (!distinct_is_open_block(set))
            continue;
        const uint32_t *keys = pool_block(&work->shard[i]->pool, set.word);
        prefetch(keys + set.kind);
        if (work->prepared->is_new_destination[i])
            continue;
        for (unsigned at = 0; at < set.kind; at += LINE_KEYS)
            prefetch(keys + at);
    }
    for (unsigned k = 0; k < looks->ports_n; k++) {
        unsigned i = looks->ports[k];
        struct distinct set = source_ports(work->source[i]);
        if (distinct_is_open_block(set))
            prefetch(pool_block(&work->shard[i]->pool, set.word));
    }
    unsigned begin = looks->begin;
    uint64_t rows = match_lists_range(work->prepared->lists.any, begin, looks->end);
    for (; rows; rows &= rows - 1) {
        unsigned i = begin + (unsigned)__builtin_ctzll(rows);
        prefetch(pool_block(&work->shard[i]->evidence, work->source[i]->mark));
    }
}

/* Looks at the sets of the sources of rows [begin, end), which are counted. Compilers make
 * branches of && and ||, even of those that nobody can guess. */
static void look_at_sets(const struct work *work, unsigned begin, unsigned end,
                         struct looks *looks)
{
    const uint32_t *port = work->prepared->columns.port;
    unsigned sketches = 0, exact = 0, ports = 0;
    for (unsigned i = begin; i < end; i++) {
        const struct source *source = work->source[i];
        struct distinct set = source_destinations(source);
        bool sketch = distinct_is_open_block(set) & distinct_is_sketch(set);
        looks->sketches[sketches] = (uint8_t)i;
        looks->exact[exact] = (uint8_t)i;
        sketches += sketch;
        exact += !sketch;
        looks->ports[ports] = (uint8_t)i;
        ports += (port[i] != 0) &
                 !(distinct_is_only(source_ports(source), port[i]) & only_scans(source));
    }
    looks->begin = begin;
    looks->end = end;
    looks->sketches_n = sketches;
    looks->exact_n = exact;
    looks->ports_n = ports;
    look_at_blocks(work, looks);
}

/* Rows [begin, end), whose sources have theirs. */
static void count_rows(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    for (unsigned i = begin; i < end; i++) {
        count_source(analysis, work, i);
        work->tally[i]->packets++;
    }
    work->matching.counted = end;
    look_at_sets(work, begin, end, &work->looks[1]);
}

static void step_finish(struct analysis *analysis, struct work *work, struct looks *looks)
{
    if (looks->begin == looks->end)
        return;
    matching_prefetch(&work->matching, looks->begin, looks->end);
    sets_take(analysis, work, looks);
    matching_note(analysis, &work->matching, looks->end);
    tallies_take(analysis, work, looks);
}

/* The stretch before, and rows [begin, end) of this one, as if a stretch ended there. */
static void finish_before(struct analysis *analysis, struct work *work, unsigned begin,
                          unsigned end)
{
    step_finish(analysis, work, &work->looks[0]);
    count_rows(analysis, work, begin, end);
    step_finish(analysis, work, &work->looks[1]);
    work->looks[0].begin = work->looks[0].end = end;
}

/* The rows of a shard have moved together: what was guessed of any is not worth keeping. */
static void forget_guesses(struct work *work, unsigned begin)
{
    for (unsigned i = begin; i < work->guessed; i++)
        work->row[i] = TABLE_NO_ROW;
    point(work, begin, work->guessed);
}

/* Row i, of which nothing was guessed, or wrongly: finds or inserts its source. Returns where
 * the rows begin that are not counted: `begin`, or i when its shard was full. */
static __attribute__((noinline)) unsigned find(struct analysis *analysis, struct work *work,
                                               unsigned begin, unsigned i)
{
    const struct prepared *prepared = work->prepared;
    work->row[i] = table_find(work->table[i], prepared->hash[i], prepared->columns.source[i],
                              &work->batch->src6[i]);
    point(work, i, i + 1);
    if (work->row[i] == TABLE_NO_ROW)
        insert(analysis, work, i);
    if (work->row[i] != TABLE_NO_ROW)
        return begin;
    finish_before(analysis, work, begin, i);
    locate_inserted(analysis, work);
    if (shard_evict(analysis, work->shard[i])) {
        forget_guesses(work, i);
        insert(analysis, work, i);
    }
    return i;
}

static void step_count(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    const struct prepared *prepared = work->prepared;
    for (unsigned i = begin; i < end; i++) {
        bool right = work->source[i]->key == prepared->columns.source[i] && !prepared->is6[i] &&
                     work->row[i] != TABLE_NO_ROW;
        if (__builtin_expect(!right, 0))
            begin = find(analysis, work, begin, i);
    }
    count_rows(analysis, work, begin, end);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void count_batch(struct analysis *analysis, struct work *work)
{
    unsigned n = work->batch->n;
    work->looks[0].begin = work->looks[0].end = 0;
    step_slots(analysis, work, 0, least(2 * STRETCH, n));
    step_guess(work, 0, least(STRETCH, n));
    for (unsigned begin = 0; begin < n; begin += STRETCH) {
        unsigned end = least(begin + STRETCH, n), next = least(end + STRETCH, n);
        step_slots(analysis, work, next, least(next + STRETCH, n));
        step_guess(work, end, next);
        step_count(analysis, work, begin, end);
        step_finish(analysis, work, &work->looks[0]);
        work->looks[0] = work->looks[1];
    }
    step_finish(analysis, work, &work->looks[0]);
    locate_inserted(analysis, work);
}

static void add_to_steps(struct analysis *analysis, const struct work *work)
{
    const struct prepared *prepared = work->prepared;
    const struct labels *labels = &analysis->labels;
    static const uint64_t none[BATCH_WORDS];
    bool any = !match_lists_empty(&prepared->lists);
    const uint64_t *iot = any ? work->matching.iot : none;
    for (unsigned i = 0; any && i < labels->touched_n; i++)
        steps_note_label(analysis, work->windows, labels->touched[i],
                         labels->rows[labels->touched[i]], iot);
    steps_add(analysis, &(struct step_rows){work->batch, work->windows, prepared->hash,
                                            prepared->columns.source, work->row,
                                            prepared->shard, prepared->is6, iot});
    steps_close(analysis);
}

void analysis_count(struct analysis *analysis, const struct prepared *prepared)
{
    const struct batch *batch = prepared->batch;
    struct work work;
    work.batch = batch;
    work.prepared = prepared;
    work.no_tally = (struct port_tally){0};
    work.nobody =
        (struct source){.ports_kind = DISTINCT_FROZEN, .destinations_kind = DISTINCT_FROZEN};
    work.guessed = work.inserted_n = 0;
    work.minute_s = work.minute_span_s = 0;
    bool one_window =
        tally_batch(analysis, batch, &prepared->columns, &prepared->sums, work.windows);
    if (one_window && analysis->config.evidence_s >= 60) {
        work.minute_s = prepared->columns.at_s[0] / 60 * 60;
        work.minute_span_s = 60;
    }
    if (analysis->feed)
        feed_start(analysis->feed);
    if (analysis->events)
        events_start(analysis->events, batch->n);
    const struct matching_sources sources = {&prepared->columns, work.shard,  work.table,
                                             work.row,           work.source, work.windows,
                                             one_window};
    matching_start(&work.matching, analysis, batch, prepared->matches, &prepared->lists,
                   &sources);
    count_batch(analysis, &work);
    if (analysis->feed)
        feed_add(analysis->feed, batch);
    if (analysis->events)
        events_add(analysis->events, prepared);
    if (analysis->steps)
        add_to_steps(analysis, &work);
}

void analysis_add(struct analysis *analysis, const struct batch *batch,
                  const struct matches *matches)
{
    struct prepared prepared;
    analysis_prepare(analysis, batch, matches, &prepared);
    analysis_count(analysis, &prepared);
}
