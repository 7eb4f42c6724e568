/* Counting a batch that prepare.c has prepared. Its rows go through four steps, a stretch of
 * rows at a time, and each step asks for the memory that the next one will need:
 *
 *   slots     of the source in its index                   prefetch them, the tally of its port
 *   guess     look into the slots                          prefetch its row
 *   count     compare, or insert; all but sets and marks   prefetch where the packet goes in
 * the of the source, the tally of the port         source's sets, and its mark finish evidence;
 * add to the sets
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
#include "state/prepare.h"

/* What four steps ask for stays in the first cache. */
enum { STRETCH = 32, LINE_KEYS = 64 / sizeof(uint32_t) };
static_assert(BATCH_CAP % STRETCH == 0, "batches are whole stretches");

/* Rows of a stretch that are alike: bit k is row begin + k. */
typedef uint32_t rows;
static_assert(sizeof(rows) * 8 >= STRETCH, "a bit a row");

/* How the sets of the sources of a stretch take their packets: `count` to `finish`. */
struct looks {
    unsigned begin, end;     /* rows that are counted and not finished */
    rows sketches;           /* destinations that are estimated: */
    uint16_t entry[STRETCH]; /* what they take: sketch_entry() */
    rows exact;              /* destinations of the others */
    rows ports;              /* packets with a port that may be new to the source */
    rows fresh;              /* packets whose source may be new to the tally of the port */
};

/* The first of some rows, which is taken out of them. */
static inline unsigned rows_next(const struct looks *looks, rows *left)
{
    unsigned k = (unsigned)__builtin_ctz(*left);
    *left &= *left - 1;
    return looks->begin + k;
}

/* What the steps pass on, by row of the batch. */
struct work {
    const struct batch *batch;
    const struct prepared *prepared;
    struct window *windows[BATCH_CAP];
    struct table *table[BATCH_CAP];
    struct port_tally *tally[BATCH_CAP]; /* &no_tally: no port, or no view */
    uint32_t row[BATCH_CAP];             /* in the table, or TABLE_NO_ROW */
    struct looks looks[2]; /* of the stretch to be counted, and the one behind it */
    struct port_tally no_tally;
    struct source nobody; /* for rows without: its sets are frozen */
    struct matching matching;
};

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
        struct table *table = &analysis->shards[prepared->shard[i]].tables[prepared->is6[i]];
        work->table[i] = table;
        work->tally[i] = tallies[tally >> COLUMN_VIEW_SHIFT] +
                         (tally & (((uint32_t)1 << COLUMN_VIEW_SHIFT) - 1));
        prefetch(table->slots + table_slot(table, prepared->hash[i]));
        prefetch(work->tally[i]);
    }
}

static void step_guess(struct work *work, unsigned begin, unsigned end)
{
    for (unsigned i = begin; i < end; i++) {
        const struct table *table = work->table[i];
        work->row[i] = table_probable_row(table, work->prepared->hash[i]);
        prefetch(work->row[i] == TABLE_NO_ROW ? (const void *)work
                                              : table->rows + work->row[i]);
    }
}

static struct address source_address(const struct batch *batch, unsigned i, bool is6)
{
    return is6 ? (struct address){.is6 = true, .v6 = batch->src6[i]}
               : (struct address){.v4 = batch->src[i]};
}

static uint32_t insert(struct analysis *analysis, const struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->prepared->is6[i]);
    return shard_insert(analysis, &analysis->shards[work->prepared->shard[i]], &address,
                        work->prepared->hash[i], work->prepared->columns.at_s[i],
                        analysis->config.locator);
}

/* A source without a row: its packet counts in all but what is kept by source. */
static void refuse(struct analysis *analysis, const struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->prepared->is6[i]);
    analysis->sources_refused++;
    hll_add(analysis->class_sketch[work->batch->class[i]], HLL_LARGE_BITS,
            source_hash(&address));
}

/* While no row moves. */
static inline struct source *source_of(const struct work *work, unsigned i)
{
    return work->row[i] == TABLE_NO_ROW ? (struct source *)&work->nobody
                                        : work->table[i]->rows + work->row[i];
}

/* The counters of a source; carries are rare enough for a call. */
static inline void add_one(struct analysis *analysis, const struct work *work, unsigned i,
                           struct source *source, enum counter counter)
{
    uint32_t *value = &source->counters[counter];
    if (*value != UINT32_MAX)
        ++*value;
    else if (!table_counter_add(work->table[i], work->row[i], counter, 1))
        analysis->memory_refused++;
}

static inline void count_source(struct analysis *analysis, struct work *work, unsigned i,
                                struct source *source)
{
    unsigned class = work->batch->class[i];
    uint32_t at_s = work->prepared->columns.at_s[i];
    if ((int64_t)at_s - source->last_s > analysis->config.evidence_s && analysis->labels.plan)
        matching_expire(analysis, &work->matching, i);
    add_one(analysis, work, i, source, work->prepared->columns.candidate[i]);
    if (class < VIEW_CLASSES_)
        add_one(analysis, work, i, source, COUNTER_SCAN + class);
    if (!(source->seen & (1U << class))) {
        source->seen = (source->seen | 1U << class) & 7U;
        struct address address = table_address(work->table[i], work->row[i]);
        hll_add(analysis->class_sketch[class], HLL_LARGE_BITS, source_hash(&address));
    }
    struct window *window = work->windows[i];
    if (source_seen_at(source, at_s, !window))
        window->counts[COUNT_sources]++;
}

/* Is the source in the tally of a port it is known to have scanned? Every port of a source that
 * only scanned went into the tally of scans when it went into the set of the source. */
static bool only_scans(const struct source *source)
{
    return source->seen == 1U << CLASS_SCAN;
}

/* Asks for blocks of keys that have to be searched. */
static void look_at_keys(const struct analysis *analysis, const struct work *work,
                         const struct looks *looks)
{
    const struct prepared *prepared = work->prepared;
    for (rows exact = looks->exact; exact;) {
        unsigned i = rows_next(looks, &exact);
        struct distinct set = source_destinations(source_of(work, i));
        if (prepared->is_new_destination[i] | !distinct_is_open_block(set))
            continue;
        const uint32_t *keys = pool_block(&analysis->shards[prepared->shard[i]].pool, set.word);
        for (unsigned at = 0; at < set.kind; at += LINE_KEYS)
            prefetch(keys + at);
    }
}

/* All ones if it is so. Compilers make branches of conditions, even of those that nobody can
 * guess: what follows chooses by arithmetic. */
static inline uint32_t all_if(bool it)
{
    return -(uint32_t)it;
}

/* A byte of a block, or, if it is not wanted, of what lies first in the pool. */
static inline const void *byte_of(const struct pool *pool, uint32_t handle, uint32_t at,
                                  bool wanted)
{
    const uint8_t *block = pool_block(pool, handle & all_if(wanted));
    return block + at;
}

/* Rows [begin, end), whose sources have theirs: counts them, and looks at their sets.
 * Conditions are best made without && and ||, which are branches. */
static void count_rows(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    const struct prepared *prepared = work->prepared;
    struct looks *looks = &work->looks[1];
    const void *ahead[STRETCH][3];
    rows sketches = 0, exact = 0, ports = 0, fresh = 0;
    for (unsigned i = begin, k = 0; i < end; i++, k++) {
        struct source *source = source_of(work, i);
        const struct shard *shard = &analysis->shards[prepared->shard[i]];
        if (source != &work->nobody)
            count_source(analysis, work, i, source);
        else
            refuse(analysis, work, i);
        work->tally[i]->packets++;

        looks->entry[k] = sketch_entry(hash_u64(prepared->columns.destination[i], HASH_FIXED));
        struct distinct set = source_destinations(source);
        bool block = distinct_is_open_block(set), sketch = block & distinct_is_sketch(set);
        sketches |= (rows)sketch << k;
        exact |= (rows)!sketch << k;
        /* where the next key goes */
        uint32_t waiting = (uint32_t)offsetof(struct sketch, waiting) +
                           (set.kind - (unsigned)DISTINCT_SKETCH) * (uint32_t)sizeof(uint16_t);
        uint32_t at = (set.kind * (uint32_t)sizeof(uint32_t) & all_if(!sketch)) |
                      (waiting & all_if(sketch));
        ahead[k][0] = byte_of(&shard->pool, set.word, at & all_if(block), block);

        uint32_t port = prepared->columns.port[i];
        set = source_ports(source);
        bool only = distinct_is_only(set, port);
        ports |= (rows)(!only & (port != 0)) << k;
        ahead[k][1] = byte_of(&shard->pool, set.word, 0, !only & distinct_is_open_block(set));
        fresh |= (rows)(only & !only_scans(source) & (work->tally[i] != &work->no_tally)) << k;

        ahead[k][2] =
            byte_of(&shard->evidence, source->mark, 0, mask_test(prepared->lists.any, i));
    }
    prefetch_all(ahead[0], (end - begin) * 3);
    looks->begin = begin;
    looks->end = work->matching.counted = end;
    looks->sketches = sketches;
    looks->exact = exact;
    looks->ports = ports;
    looks->fresh = fresh;
    look_at_keys(analysis, work, looks);
}

static void add_to_sketches(struct analysis *analysis, const struct work *work,
                            const struct looks *looks)
{
    for (rows sketches = looks->sketches; sketches;) {
        unsigned i = rows_next(looks, &sketches);
        struct source *source = source_of(work, i);
        struct distinct set = source_destinations(source);
        set.kind = distinct_note_sketch(&analysis->shards[work->prepared->shard[i]].pool, set,
                                        looks->entry[i - looks->begin],
                                        work->prepared->columns.destination[i]);
        source_set_destinations(source, set);
    }
}

/* Finds what is fresh. Returns how many sets froze, as what follows does. */
static uint64_t add_ports(struct analysis *analysis, const struct work *work,
                          struct looks *looks)
{
    uint64_t frozen = 0;
    for (rows ports = looks->ports; ports;) {
        unsigned i = rows_next(looks, &ports);
        struct source *source = source_of(work, i);
        struct distinct set = source_ports(source);
        enum distinct_result result =
            distinct_note(&analysis->shards[work->prepared->shard[i]].pool, &set,
                          work->prepared->columns.port[i]);
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_ports(source, set);
        bool may_be_new = !((result == DISTINCT_KNOWN) & only_scans(source)) &
                          (work->tally[i] != &work->no_tally);
        looks->fresh |= (rows)may_be_new << (i - looks->begin);
    }
    return frozen;
}

static uint64_t add_destinations(struct analysis *analysis, const struct work *work,
                                 const struct looks *looks)
{
    uint64_t frozen = 0;
    for (rows exact = looks->exact; exact;) {
        unsigned i = rows_next(looks, &exact);
        struct source *source = source_of(work, i);
        struct distinct set = source_destinations(source);
        enum distinct_result result = distinct_note_new(
            &analysis->shards[work->prepared->shard[i]].pool, &set,
            work->prepared->columns.destination[i], work->prepared->is_new_destination[i]);
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_destinations(source, set);
    }
    return frozen;
}

static void look_at_tallies(const struct analysis *analysis, const struct work *work,
                            const struct looks *looks)
{
    for (rows fresh = looks->fresh; fresh;) {
        unsigned i = rows_next(looks, &fresh);
        struct distinct set = work->tally[i]->sources;
        if (distinct_is_open_block(set))
            prefetch(distinct_place(&analysis->ports_pool, set));
    }
}

static void step_finish(struct analysis *analysis, struct work *work, struct looks *looks)
{
    if (looks->begin == looks->end)
        return;
    matching_prefetch(&work->matching, analysis, looks->end);
    add_to_sketches(analysis, work, looks);
    uint64_t frozen = add_ports(analysis, work, looks);
    look_at_tallies(analysis, work, looks);
    frozen += add_destinations(analysis, work, looks);
    matching_note(analysis, &work->matching, looks->end);
    for (rows fresh = looks->fresh; fresh;) {
        unsigned i = rows_next(looks, &fresh);
        frozen += !distinct_add(&analysis->ports_pool, &work->tally[i]->sources,
                                work->prepared->columns.source[i]);
    }
    analysis->sets_frozen += frozen;
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

static void step_count(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    const struct batch *batch = work->batch;
    const struct prepared *prepared = work->prepared;
    for (unsigned i = begin; i < end; i++) {
        const struct table *table = work->table[i];
        /* Almost always the probable row is the one. An eviction may have moved it meanwhile,
         * but a key is in one row of its table alone. */
        if (!prepared->is6[i] & (work->row[i] < table->n) &&
            table->rows[work->row[i]].key == prepared->columns.source[i])
            continue;
        work->row[i] =
            table_find(table, prepared->hash[i], prepared->columns.source[i], &batch->src6[i]);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        work->row[i] = insert(analysis, work, i);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        finish_before(analysis, work, begin, i);
        begin = i;
        if (shard_evict(analysis, &analysis->shards[prepared->shard[i]]))
            work->row[i] = insert(analysis, work, i);
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
    tally_batch(analysis, batch, &prepared->columns, &prepared->sums, work.windows);
    if (analysis->feed)
        feed_start(analysis->feed);
    if (analysis->events)
        events_start(analysis->events, batch->n);
    const struct matching_sources sources = {&prepared->columns, prepared->shard, work.table,
                                             work.row, work.windows};
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
