/* Counting a batch that prepare.c has prepared. The hot loop goes over the rows several times,
 * so that the memory a step needs was asked for a step before: a batch covers many cache misses
 * at a time.
 *
 *   slots     of the source in its index         prefetch them, the tally of its port
 *   guess     look into the slots                prefetch its row
 *   resolve   compare, or insert
 *   look      at the kind of its sets            prefetch where the packet goes in them
 *   count     the source, its evidence, the port
 *   add       to the sets                        prefetch the set of the port, if it is new
 *
 * Rows whose sets are of one kind are dealt with together: a loop that does the same for every
 * row has no branch to mispredict.
 *
 * Insertion may evict, and eviction must see all that rows before this one did: `look` and
 * what follows are then done for them first. So a result never depends on where a batch ends.
 */
#include "state/prepare.h"

/* Rows that go through the steps together: enough to cover cache misses, few enough for what
 * was asked for to be in the first cache still when it is used. */
enum { STRETCH = 128 };
static_assert(STRETCH % 64 == 0, "whole words of masks");

enum {
    LINE_KEYS = 64 / sizeof(uint32_t),
    AHEAD_MAX = 2 + (DISTINCT_EXACT_MAX + 1) / LINE_KEYS, /* of a row, in one step */
};

/* What the steps pass on, by row of the batch. */
struct work {
    const struct batch *batch;
    const struct prepared *prepared;
    struct window *windows[BATCH_CAP];
    struct table *table[BATCH_CAP];
    struct source *source[BATCH_CAP];       /* while no row moves */
    struct port_tally *tally[BATCH_CAP];    /* &no_tally: no port, or no view */
    const void *ahead[STRETCH * AHEAD_MAX]; /* addresses a later step will look at */
    uint32_t row[BATCH_CAP];                /* in the table, or TABLE_NO_ROW */
    bool has_only_port[BATCH_CAP];          /* the source has no other port */
    struct port_tally no_tally;
    struct source nobody; /* for rows without: its sets are frozen */
    struct matching matching;
};

/* Rows of a batch that are alike. */
struct rows {
    unsigned n;
    uint8_t row[BATCH_CAP + 1]; /* room for one that is not added */
};
static_assert(BATCH_CAP <= 256, "a row is 8 bits");

/* `if_this` is best made without && and ||, which are branches. */
static inline void rows_add(struct rows *rows, unsigned row, bool if_this)
{
    rows->row[rows->n] = (uint8_t)row; /* overwritten by the next, if not */
    rows->n += if_this;
}

static void step_find_slots(struct analysis *analysis, struct work *work, unsigned begin,
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
                        work->prepared->hash[i], work->prepared->columns.at_s[i]);
}

/* A source without a row: its packet counts in all but what is kept by source. */
static void refuse(struct analysis *analysis, const struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->prepared->is6[i]);
    analysis->sources_refused++;
    hll_add(analysis->class_sketch[work->batch->class[i]], HLL_LARGE_BITS,
            source_hash(&address));
}

/* How the sets of the sources of rows [begin, end) take their packets. */
struct looks {
    struct rows sketches; /* destinations that are estimated: */
    uint8_t *reg[BATCH_CAP];
    uint8_t rank[BATCH_CAP];
    struct rows blocks; /* destinations in blocks of keys */
    struct rows few;    /* those of sets without a block */
    struct rows ports;  /* packets with a port that may be new to the source */
    struct rows fresh;  /* packets whose source may be new to the tally of the port */
};

static void step_look(struct analysis *analysis, struct work *work, unsigned begin,
                      unsigned end, struct looks *ret_looks)
{
    const struct columns *columns = &work->prepared->columns;
    struct looks *looks = ret_looks;
    looks->sketches.n = looks->blocks.n = looks->few.n = looks->ports.n = looks->fresh.n = 0;
    unsigned n = 0;
    for (unsigned i = begin; i < end; i++) {
        struct source *row = work->table[i]->rows + work->row[i];
        struct source *source = work->row[i] == TABLE_NO_ROW ? &work->nobody : row;
        work->source[i] = source;
        struct distinct set = source_destinations(source);
        bool block = distinct_is_open_block(set), sketch = block & distinct_is_sketch(set);
        rows_add(&looks->sketches, i, sketch);
        rows_add(&looks->blocks, i, block ^ sketch);
        rows_add(&looks->few, i, !block);
        const struct pool *pool = &analysis->shards[work->prepared->shard[i]].pool;
        uint32_t port = columns->port[i];
        set = source_ports(source);
        bool only = distinct_is_only(set, port);
        work->has_only_port[i] = only;
        rows_add(&looks->ports, i, !only & (port != 0));
        work->ahead[n] = pool_block(pool, set.word);
        n += !only & distinct_is_open_block(set);
    }
    for (unsigned k = 0; k < looks->sketches.n; k++) {
        unsigned i = looks->sketches.row[k];
        const struct pool *pool = &analysis->shards[work->prepared->shard[i]].pool;
        uint64_t hash = hash_u64(columns->destination[i], HASH_FIXED);
        looks->reg[k] = (uint8_t *)pool_block(pool, work->source[i]->destinations) +
                        hll_register(HLL_SMALL_BITS, hash);
        looks->rank[k] = hll_rank(HLL_SMALL_BITS, hash);
        work->ahead[n++] = looks->reg[k];
    }
    for (unsigned k = 0; k < looks->blocks.n; k++) {
        unsigned i = looks->blocks.row[k];
        const struct pool *pool = &analysis->shards[work->prepared->shard[i]].pool;
        struct distinct set = source_destinations(work->source[i]);
        const uint32_t *keys = pool_block(pool, set.word);
        work->ahead[n++] = keys + set.kind; /* where the next one goes */
        for (unsigned at = 0; !work->prepared->is_new_destination[i] && at < set.kind;
             at += LINE_KEYS)
            work->ahead[n++] = keys + at;
    }
    prefetch_all(work->ahead, n);
}

/* The counters of a source; carries are rare enough for a call. */
static inline void count(struct analysis *analysis, const struct work *work, unsigned i,
                         enum counter counter)
{
    uint32_t *value = &work->source[i]->counters[counter];
    if (*value != UINT32_MAX)
        ++*value;
    else if (!table_counter_add(work->table[i], work->row[i], counter, 1))
        analysis->memory_refused++;
}

static inline void count_source(struct analysis *analysis, struct work *work, unsigned i)
{
    struct source *source = work->source[i];
    unsigned class = work->batch->class[i];
    uint32_t at_s = work->prepared->columns.at_s[i];
    if ((int64_t)at_s - source->last_s > analysis->config.evidence_s && analysis->labels.plan)
        matching_expire(analysis, &work->matching, i);
    count(analysis, work, i, work->prepared->columns.candidate[i]);
    if (class < VIEW_CLASSES_)
        count(analysis, work, i, COUNTER_SCAN + class);
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

static void step_count(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end, struct looks *looks)
{
    for (unsigned i = begin; i < end; i++) {
        if (work->row[i] != TABLE_NO_ROW)
            count_source(analysis, work, i);
        else
            refuse(analysis, work, i);
        work->tally[i]->packets++;
        rows_add(&looks->fresh, i,
                 work->has_only_port[i] & !only_scans(work->source[i]) &
                     (work->tally[i] != &work->no_tally));
    }
}

/* Lists the packets whose source may be new to the tally of the port. */
static uint64_t add_ports(struct analysis *analysis, const struct work *work,
                          struct looks *looks)
{
    uint64_t frozen = 0;
    for (unsigned k = 0; k < looks->ports.n; k++) {
        unsigned i = looks->ports.row[k];
        struct source *source = work->source[i];
        struct distinct set = source_ports(source);
        enum distinct_result result =
            distinct_note(&analysis->shards[work->prepared->shard[i]].pool, &set,
                          work->prepared->columns.port[i]);
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_ports(source, set);
        rows_add(&looks->fresh, i,
                 !((result == DISTINCT_KNOWN) & only_scans(source)) &
                     (work->tally[i] != &work->no_tally));
    }
    return frozen;
}

static uint64_t add_destinations(struct analysis *analysis, const struct work *work,
                                 const struct rows *rows)
{
    uint64_t frozen = 0;
    for (unsigned k = 0; k < rows->n; k++) {
        unsigned i = rows->row[k];
        struct source *source = work->source[i];
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

static void look_at_tallies(const struct analysis *analysis, struct work *work,
                            const struct rows *fresh)
{
    unsigned n = 0;
    for (unsigned k = 0; k < fresh->n; k++) {
        unsigned i = fresh->row[k];
        struct distinct set = work->tally[i]->sources;
        work->ahead[n] =
            distinct_place(&analysis->ports_pool, set, work->prepared->columns.source[i]);
        n += distinct_is_open_block(set);
    }
    prefetch_all(work->ahead, n);
}

static void step_add(struct analysis *analysis, struct work *work, struct looks *looks)
{
    /* First, while no block has moved: adding to the others may make a pool grow. */
    for (unsigned k = 0; k < looks->sketches.n; k++)
        *looks->reg[k] = *looks->reg[k] > looks->rank[k] ? *looks->reg[k] : looks->rank[k];
    uint64_t frozen = add_ports(analysis, work, looks);
    look_at_tallies(analysis, work, &looks->fresh);
    frozen += add_destinations(analysis, work, &looks->blocks);
    frozen += add_destinations(analysis, work, &looks->few);
    for (unsigned k = 0; k < looks->fresh.n; k++) {
        unsigned i = looks->fresh.row[k];
        frozen += !distinct_add(&analysis->ports_pool, &work->tally[i]->sources,
                                work->prepared->columns.source[i]);
    }
    analysis->sets_frozen += frozen;
}

/* Rows [begin, end), whose sources have theirs. */
static void count_rows(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    struct looks looks;
    step_look(analysis, work, begin, end, &looks);
    matching_prefetch(&work->matching, analysis, begin, end);
    step_count(analysis, work, begin, end, &looks);
    matching_note(analysis, &work->matching, end);
    step_add(analysis, work, &looks);
}

static void step_resolve(struct analysis *analysis, struct work *work, unsigned begin,
                         unsigned end)
{
    const struct batch *batch = work->batch;
    unsigned done = begin;
    for (unsigned i = begin; i < end; i++) {
        const struct table *table = work->table[i];
        /* Almost always the probable row is the one. An eviction may have moved it meanwhile,
         * but a key is in one row of its table alone. */
        if (!work->prepared->is6[i] && work->row[i] < table->n &&
            table->rows[work->row[i]].key == work->prepared->columns.source[i])
            continue;
        work->row[i] = table_find(table, work->prepared->hash[i],
                                  work->prepared->columns.source[i], &batch->src6[i]);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        work->row[i] = insert(analysis, work, i);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        count_rows(analysis, work, done, i);
        done = i;
        if (shard_evict(analysis, &analysis->shards[work->prepared->shard[i]]))
            work->row[i] = insert(analysis, work, i);
    }
    count_rows(analysis, work, done, end);
}

static void add_to_steps(struct analysis *analysis, const struct work *work)
{
    const struct prepared *prepared = work->prepared;
    const struct labels *labels = &analysis->labels;
    static const uint64_t none[BATCH_WORDS];
    const uint64_t *iot = prepared->lists.n ? work->matching.iot : none;
    for (unsigned i = 0; prepared->lists.n && i < labels->touched_n; i++)
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
    tally_batch(analysis, batch, &prepared->columns, work.windows);
    if (analysis->feed)
        feed_start(analysis->feed);
    const struct matching_sources sources = {prepared->shard, prepared->is6, work.row,
                                             prepared->columns.candidate, work.windows};
    matching_start(&work.matching, analysis, batch, prepared->matches, &prepared->lists,
                   &sources);
    for (unsigned begin = 0; begin < batch->n; begin += STRETCH) {
        unsigned end = begin + STRETCH < batch->n ? begin + STRETCH : batch->n;
        step_find_slots(analysis, &work, begin, end);
        step_guess(&work, begin, end);
        step_resolve(analysis, &work, begin, end);
    }
    if (analysis->feed)
        feed_add(analysis->feed, batch);
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
