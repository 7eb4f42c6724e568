/* Counting a batch. The hot loop goes over the rows several times, so that the memory a step
 * needs was asked for a step before: a batch covers many cache misses at a time.
 *
 *   1 hash the source               prefetch its index slot, the port's tally
 *   2 look into the slot            prefetch the row, the destination's bit
 *   3 find or insert                prefetch the sets of the source
 *   4 count
 *   5 add to the sets               prefetch the set of the port, if it may be new there
 *
 * Insertion may evict, and eviction must see all that rows before this one did: steps 4 and 5
 * are then done for them first. So a result never depends on where a batch ends. */
#include "state/matching.h"

#include <stdlib.h>
#include <string.h>

struct analysis *analysis_new(const struct analysis_config *config)
{
    struct analysis *analysis = calloc(1, sizeof *analysis);
    if (!analysis)
        return NULL;
    analysis->config = *config;
    analysis->memory = memory_new();
    if (!analysis->memory) {
        free(analysis);
        return NULL;
    }
    uint64_t shard_max = config->sources_max / SHARD_COUNT;
    shard_max += config->sources_max % SHARD_COUNT != 0 || !shard_max;
    analysis->shard_max = shard_max < TABLE_ROWS_MAX ? (uint32_t)shard_max : TABLE_ROWS_MAX;
    analysis->windows.lateness_ns = config->lateness_ns;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        shard_init(&analysis->shards[i], analysis->shard_max, analysis->memory);
    pool_init(&analysis->ports_pool, SIZE_MAX);
    pool_use(&analysis->ports_pool, analysis->memory);
    bool ready = destinations_init(&analysis->destinations, analysis->memory);
    ready &= labels_init(&analysis->labels, config->evidence);
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        ready &= ports_init(&analysis->ports[view], analysis->memory);
    if (!ready) {
        analysis_free(analysis);
        return NULL;
    }
    return analysis;
}

void analysis_free(struct analysis *analysis)
{
    if (!analysis)
        return;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        shard_fini(&analysis->shards[i]);
    for (unsigned view = 0; view < VIEW_COUNT_; view++)
        ports_fini(&analysis->ports[view]);
    pool_fini(&analysis->ports_pool);
    destinations_fini(&analysis->destinations);
    windows_fini(&analysis->windows);
    places_fini(&analysis->evicted_places);
    labels_fini(&analysis->labels);
    memory_drop(analysis->memory);
    free(analysis);
}

size_t analysis_bytes(const struct analysis *analysis)
{
    size_t bytes = sizeof *analysis + analysis->ports_pool.cap_bytes;
    for (unsigned i = 0; i < SHARD_COUNT; i++)
        bytes += table_bytes(&analysis->shards[i].tables[0]) +
                 table_bytes(&analysis->shards[i].tables[1]) +
                 analysis->shards[i].pool.cap_bytes;
    return bytes;
}

/* What the steps pass on, by row of the batch. */
struct work {
    const struct batch *batch;
    struct window *windows[BATCH_CAP];
    uint64_t hash[BATCH_CAP];            /* in the table */
    uint32_t key[BATCH_CAP];             /* source_key_of() */
    uint32_t row[BATCH_CAP];             /* in the table, or TABLE_NO_ROW */
    struct port_tally *tally[BATCH_CAP]; /* NULL: no port, or no view */
    const void *ahead[BATCH_CAP * 4];    /* addresses the next step will look at */
    uint8_t shard[BATCH_CAP];
    uint8_t candidate[BATCH_CAP];
    uint8_t is6[BATCH_CAP];
    struct matching matching;
};

/* A loop of nothing else: a prefetch whose page is not in the TLB holds up what follows it, so
 * that only prefetches next to each other overlap. */
PREFETCHER prefetch_all(const void *const *addresses, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(addresses[i] ? addresses[i] : addresses, 1);
}

static bool has_port(const struct batch *batch, unsigned i)
{
    return ((batch->has[HAS_TCP][i / 64] | batch->has[HAS_UDP][i / 64] |
             batch->has[HAS_SCTP][i / 64]) >>
            (i % 64)) &
           1;
}

static void set_candidates(const struct batch *batch, uint8_t candidate[static BATCH_CAP])
{
    enum { FLAG_SYN = 0x02, FLAG_ACK = 0x10 };
    for (unsigned i = 0; i < batch->n; i++) {
        unsigned word = i / 64, bit = i % 64;
        unsigned tcp = (batch->has[HAS_TCP][word] >> bit) & 1;
        unsigned udp = (batch->has[HAS_UDP][word] >> bit) & 1;
        unsigned icmp = ((batch->has[HAS_ICMP][word] | batch->has[HAS_ICMP6][word]) >> bit) & 1;
        unsigned sctp = (batch->has[HAS_SCTP][word] >> bit) & 1;
        bool syn = (batch->tcp_flags[i] & (FLAG_SYN | FLAG_ACK)) == FLAG_SYN;
        if (tcp)
            candidate[i] = syn ? CANDIDATE_SYN : CANDIDATE_TCP;
        else
            candidate[i] = udp    ? CANDIDATE_UDP
                           : icmp ? CANDIDATE_ICMP
                           : sctp ? CANDIDATE_SCTP
                                  : CANDIDATE_OTHER;
    }
}

/* The tally of the port a packet counts under: scans by destination, backscatter by source. */
static struct port_tally *port_tally(struct analysis *analysis, const struct batch *batch,
                                     unsigned i, uint8_t candidate)
{
    unsigned class = batch->class[i];
    bool udp = candidate == CANDIDATE_UDP;
    if (class >= VIEW_CLASSES_ || candidate > CANDIDATE_UDP)
        return NULL;
    unsigned port = class == CLASS_SCAN ? batch->dstport[i] : batch->srcport[i];
    return &analysis->ports[class].rows[(unsigned)udp << 16 | port];
}

static void step_hash(struct analysis *analysis, struct work *work)
{
    const struct batch *batch = work->batch;
    const uint64_t *key = analysis->config.table_key;
    for (unsigned i = 0; i < batch->n; i++) {
        uint64_t fixed;
        bool is6 = mask_test(batch->has[HAS_IPV6], i);
        if (is6) {
            fixed = hash_ip6(batch->src6[i], HASH_FIXED);
            work->hash[i] = hash_ip6(batch->src6[i], key);
            work->key[i] = (uint32_t)fixed;
        } else {
            fixed = hash_u64(batch->src[i], HASH_FIXED);
            work->hash[i] = table_hash4(fixed, key);
            work->key[i] = batch->src[i];
        }
        work->is6[i] = is6;
        work->shard[i] = (uint8_t)(fixed >> 58); /* shard_of4(), shard_of6() */
        const struct table *table = &analysis->shards[work->shard[i]].tables[is6];
        work->tally[i] = port_tally(analysis, batch, i, work->candidate[i]);
        work->ahead[2 * i] = table->slots + table_slot(table, work->hash[i]);
        work->ahead[2 * i + 1] = work->tally[i];
    }
    prefetch_all(work->ahead, 2 * batch->n);
}

static void step_rows(const struct analysis *analysis, struct work *work)
{
    const struct batch *batch = work->batch;
    for (unsigned i = 0; i < batch->n; i++) {
        bool is6 = work->is6[i];
        const struct table *table = &analysis->shards[work->shard[i]].tables[is6];
        work->row[i] = table_probable_row(table, work->hash[i]);
        work->ahead[2 * i] = work->row[i] == TABLE_NO_ROW ? NULL : table->rows + work->row[i];
        work->ahead[2 * i + 1] =
            is6 ? NULL : destinations_word(&analysis->destinations, batch->dst[i]);
    }
    prefetch_all(work->ahead, 2 * batch->n);
}

static uint32_t destination_key(const struct batch *batch, unsigned i, bool is6)
{
    return is6 ? (uint32_t)hash_ip6(batch->dst6[i], HASH_FIXED) : batch->dst[i];
}

/* Is the source of a row in the tally of its port already? Every port of a source that only
 * scanned went into the tally of scans when it went into the set of the source. */
static bool is_tallied(const struct source *source, enum distinct_result result)
{
    return result == DISTINCT_KNOWN && source->seen == 1U << CLASS_SCAN;
}

/* The ports of the source; lists the rows whose source may be new to the tally of its port. */
static unsigned add_ports(struct analysis *analysis, struct work *work, unsigned begin,
                          unsigned end, uint64_t *frozen, uint16_t ret_fresh[static BATCH_CAP])
{
    const struct batch *batch = work->batch;
    unsigned fresh_n = 0;
    for (unsigned i = begin; i < end; i++) {
        struct port_tally *tally = work->tally[i];
        if (work->row[i] != TABLE_NO_ROW && has_port(batch, i)) {
            struct shard *shard = &analysis->shards[work->shard[i]];
            struct source *source = &shard->tables[work->is6[i]].rows[work->row[i]];
            struct distinct set = source_ports(source);
            uint32_t port = (uint32_t)batch->ip_proto[i] << 16 | batch->dstport[i];
            enum distinct_result result = distinct_note(&shard->pool, &set, port);
            *frozen += result == DISTINCT_FROZE;
            if (result != DISTINCT_KNOWN)
                source_set_ports(source, set);
            if (is_tallied(source, result))
                continue;
        }
        if (!tally)
            continue;
        ret_fresh[fresh_n++] = (uint16_t)i;
    }
    return fresh_n;
}

/* Step 5 for rows [begin, end). */
static void step_sets(struct analysis *analysis, struct work *work, unsigned begin,
                      unsigned end)
{
    const struct batch *batch = work->batch;
    uint64_t frozen = 0;
    uint16_t fresh[BATCH_CAP];
    unsigned fresh_n = add_ports(analysis, work, begin, end, &frozen, fresh);
    for (unsigned k = 0; k < fresh_n; k++)
        distinct_lines(&analysis->ports_pool, work->tally[fresh[k]]->sources,
                       work->key[fresh[k]], work->ahead + 2 * k);
    prefetch_all(work->ahead, 2 * fresh_n);
    for (unsigned i = begin; i < end; i++) {
        bool is6 = work->is6[i];
        if (is6)
            destinations_add6(&analysis->destinations, batch->dst6[i],
                              analysis->config.table_key);
        else
            destinations_add4(&analysis->destinations, batch->dst[i]);
        if (work->row[i] == TABLE_NO_ROW)
            continue;
        struct shard *shard = &analysis->shards[work->shard[i]];
        struct source *source = &shard->tables[is6].rows[work->row[i]];
        struct distinct set = source_destinations(source);
        enum distinct_result result =
            distinct_note(&shard->pool, &set, destination_key(batch, i, is6));
        frozen += result == DISTINCT_FROZE;
        if (result != DISTINCT_KNOWN)
            source_set_destinations(source, set);
    }
    for (unsigned k = 0; k < fresh_n; k++) {
        unsigned i = fresh[k];
        frozen += !distinct_add(&analysis->ports_pool, &work->tally[i]->sources, work->key[i]);
    }
    analysis->sets_frozen += frozen;
}

static struct address source_address(const struct batch *batch, unsigned i, bool is6)
{
    return is6 ? (struct address){.is6 = true, .v6 = batch->src6[i]}
               : (struct address){.v4 = batch->src[i]};
}

static uint32_t insert(struct analysis *analysis, const struct work *work, unsigned i)
{
    const struct batch *batch = work->batch;
    struct address address = source_address(batch, i, work->is6[i]);
    uint32_t at_s = (uint32_t)((uint64_t)batch->ts_ns[i] / 1000000000);
    return shard_insert(analysis, &analysis->shards[work->shard[i]], &address, work->hash[i],
                        at_s);
}

/* A source without a row: its packet counts in all but what is kept by source. */
static void refuse(struct analysis *analysis, const struct work *work, unsigned i)
{
    struct address address = source_address(work->batch, i, work->is6[i]);
    analysis->sources_refused++;
    hll_add(analysis->class_sketch[work->batch->class[i]], HLL_LARGE_BITS,
            source_hash(&address));
}

/* The counters of a source; carries are rare enough for a call. */
static void count(struct analysis *analysis, struct table *table, uint32_t row,
                  enum counter counter)
{
    uint32_t *value = &table->rows[row].counters[counter];
    if (*value != UINT32_MAX)
        ++*value;
    else if (!table_counter_add(table, row, counter, 1))
        analysis->memory_refused++;
}

static void count_row(struct analysis *analysis, const struct work *work, unsigned i)
{
    const struct batch *batch = work->batch;
    struct shard *shard = &analysis->shards[work->shard[i]];
    struct table *table = &shard->tables[work->is6[i]];
    uint32_t row = work->row[i];
    struct source *source = &table->rows[row];
    unsigned class = batch->class[i];

    uint32_t at_s = (uint32_t)((uint64_t)batch->ts_ns[i] / 1000000000);
    if (analysis->labels.plan && at_s > source->last_s &&
        at_s - source->last_s > analysis->config.evidence_s)
        matching_expire(analysis, shard, work->is6[i], row, at_s);
    count(analysis, table, row, work->candidate[i]);
    if (class < VIEW_CLASSES_)
        count(analysis, table, row, COUNTER_SCAN + class);
    if (!(source->seen & (1U << class))) {
        source->seen = (source->seen | 1U << class) & 7U;
        struct address address = table_address(table, row);
        hll_add(analysis->class_sketch[class], HLL_LARGE_BITS, source_hash(&address));
    }
    struct window *window = work->windows[i];
    if (source_seen_at(source, at_s, !window))
        window->counts[COUNT_sources]++;
}

/* The marks of rows that match, then the records the marks lead to. */
static void prefetch_evidence(const struct analysis *analysis, struct work *work,
                              unsigned begin, unsigned end)
{
    unsigned rows[BATCH_CAP], n = 0;
    for (unsigned i = begin; work->matching.matches && i < end; i++) {
        if (work->matching.rows[i].n == 0 || work->row[i] == TABLE_NO_ROW)
            continue;
        const struct shard *shard = &analysis->shards[work->shard[i]];
        work->ahead[n] = shard_mark(shard, work->is6[i], work->row[i]);
        rows[n] = i;
        n += work->ahead[n] != NULL;
    }
    prefetch_all(work->ahead, n);
    unsigned records = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct mark *mark = work->ahead[i];
        const struct shard *shard = &analysis->shards[work->shard[rows[i]]];
        if (mark->head)
            work->ahead[records++] = pool_block(&shard->evidence, mark->head);
    }
    prefetch_all(work->ahead, records);
}

/* Steps 4 and 5 for rows [begin, end). */
static void count_rows(struct analysis *analysis, struct work *work, unsigned begin,
                       unsigned end)
{
    const struct batch *batch = work->batch;
    unsigned n = 0;
    for (unsigned i = begin; i < end; i++) {
        if (work->row[i] == TABLE_NO_ROW)
            continue;
        const struct shard *shard = &analysis->shards[work->shard[i]];
        const struct source *source = &shard->tables[work->is6[i]].rows[work->row[i]];
        uint32_t port = (uint32_t)batch->ip_proto[i] << 16 | batch->dstport[i];
        distinct_lines(&shard->pool, source_destinations(source),
                       destination_key(batch, i, work->is6[i]), work->ahead + n);
        distinct_lines(&shard->pool, source_ports(source), port, work->ahead + n + 2);
        n += 4;
    }
    prefetch_all(work->ahead, n);
    prefetch_evidence(analysis, work, begin, end);
    for (unsigned i = begin; i < end; i++) {
        if (work->row[i] != TABLE_NO_ROW)
            count_row(analysis, work, i);
        else
            refuse(analysis, work, i);
        if (matching_has(&work->matching, i))
            matching_note(analysis, &work->matching, batch, i,
                          &analysis->shards[work->shard[i]], work->is6[i], work->row[i],
                          work->windows[i]);
        if (work->tally[i])
            work->tally[i]->packets++;
    }
    step_sets(analysis, work, begin, end);
}

static void step_count(struct analysis *analysis, struct work *work)
{
    const struct batch *batch = work->batch;
    unsigned done = 0;
    for (unsigned i = 0; i < batch->n; i++) {
        struct shard *shard = &analysis->shards[work->shard[i]];
        const struct table *table = &shard->tables[work->is6[i]];
        /* Almost always the probable row is the one. An eviction may have moved it meanwhile,
         * but a key is in one row of its table alone. */
        if (!work->is6[i] && work->row[i] < table->n &&
            table->rows[work->row[i]].key == work->key[i])
            continue;
        work->row[i] = table_find(table, work->hash[i], work->key[i], &batch->src6[i]);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        work->row[i] = insert(analysis, work, i);
        if (work->row[i] != TABLE_NO_ROW)
            continue;
        count_rows(analysis, work, done, i);
        done = i;
        if (shard_evict(analysis, shard))
            work->row[i] = insert(analysis, work, i);
    }
    count_rows(analysis, work, done, batch->n);
}

void analysis_add(struct analysis *analysis, const struct batch *batch,
                  const struct matches *matches)
{
    struct work work;
    work.batch = batch;
    tally_batch(analysis, batch, work.windows);
    matching_start(&work.matching, &analysis->labels, batch, matches);
    set_candidates(batch, work.candidate);
    step_hash(analysis, &work);
    step_rows(analysis, &work);
    step_count(analysis, &work);
}

void analysis_advance(struct analysis *analysis, int64_t packet_time_ns)
{
    windows_close_until(&analysis->windows, packet_time_ns);
}

void analysis_finish(struct analysis *analysis)
{
    windows_close_all(&analysis->windows);
}

struct window *analysis_take_closed(struct analysis *analysis)
{
    return windows_take_closed(&analysis->windows);
}
