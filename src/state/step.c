/* Counting within a step: runs, sources that have to go, what each source adds. */
#include "state/step.h"

#include "state/places.h"

#include <stdlib.h>
#include <string.h>

struct step *step_new(struct memory *memory, const uint64_t hash_key[static 2])
{
    struct step *step = calloc(1, sizeof *step);
    if (!step)
        return NULL;
    step->memory = memory_hold(memory);
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        for (unsigned is6 = 0; is6 < 2; is6++)
            step_table_init(&step->sources[shard][is6], is6, memory, hash_key);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            tallies_init(&step->tallies[view][dimension], PROFILE_ROWS_MAX, memory, hash_key);
    pool_init(&step->pool, SIZE_MAX);
    pool_use(&step->pool, memory);
    return step;
}

void step_free(struct step *step)
{
    if (!step)
        return;
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        for (unsigned is6 = 0; is6 < 2; is6++)
            step_table_fini(&step->sources[shard][is6]);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            tallies_fini(&step->tallies[view][dimension]);
    pool_fini(&step->pool);
    memory_drop(step->memory);
    free(step);
}

void step_clear(struct step *step)
{
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++)
        for (unsigned is6 = 0; is6 < 2; is6++)
            step_table_clear(&step->sources[shard][is6]);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            tallies_clear(&step->tallies[view][dimension]);
    pool_fini(&step->pool);
    pool_init(&step->pool, SIZE_MAX);
    pool_use(&step->pool, step->memory);
    memset(step->source_others, 0, sizeof step->source_others);
    memset(step->packets, 0, sizeof step->packets);
    memset(step->sketches, 0, sizeof step->sketches);
    step->runs_n = 0;
}

static enum profile_dimension protocol_of(const struct step_run *run)
{
    return run->port >> 16 ? PROFILE_UDP : PROFILE_TCP;
}

static uint32_t cc_tcp_key(const struct step_run *run)
{
    return run->cc << 16 | (run->port & UINT16_MAX);
}

/* The ended runs enter the ports of a view. Ports never reach a limit, so rows stay. */
static void enter_ports(struct step *step, enum profile_view view)
{
    struct tallies *tallies = step->tallies[view];
    const void *ahead[STEP_RUNS_MAX];
    uint32_t rows[STEP_RUNS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        if (!run->packets[view])
            continue;
        struct tallies *ports = &tallies[protocol_of(run)];
        rows[i] = tallies_row(ports, run->port & UINT16_MAX);
        if (rows[i] == TALLIES_NO_ROW)
            continue;
        struct distinct set = tally_set(&ports->rows[rows[i]]);
        ahead[n] = distinct_place(&step->pool, set);
        n += distinct_is_open_block(set);
    }
    prefetch_all(ahead, n);
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        if (!run->packets[view])
            continue;
        struct tallies *ports = &tallies[protocol_of(run)];
        if (rows[i] == TALLIES_NO_ROW) {
            ports->others += run->packets[view];
            continue;
        }
        tally_count(&ports->rows[rows[i]], run->packets[view]);
        tally_add_source(&step->pool, &ports->rows[rows[i]], run->source_key);
    }
}

/* Asks for the slots, then for the rows of the tables of view ALL, which the IoT view's are
 * small beside. */
static void prefetch_rows(const struct step *step)
{
    const struct tallies *tallies = step->tallies[PROFILE_ALL];
    const struct tallies *pairs = &tallies[PROFILE_CC_TCP];
    const void *ahead[2 * STEP_RUNS_MAX];
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        ahead[2 * i] = tallies_slot(&tallies[protocol_of(run)], run->port & UINT16_MAX);
        ahead[2 * i + 1] = tallies_slot(pairs, cc_tcp_key(run));
    }
    prefetch_all(ahead, 2 * step->runs_n);
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        ahead[2 * i] = tallies_probable(&tallies[protocol_of(run)], run->port & UINT16_MAX);
        ahead[2 * i + 1] = tallies_probable(pairs, cc_tcp_key(run));
    }
    prefetch_all(ahead, 2 * step->runs_n);
}

void step_enter_runs(struct step *step)
{
    struct tallies *pairs = &step->tallies[PROFILE_ALL][PROFILE_CC_TCP];
    prefetch_rows(step);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        enter_ports(step, view);
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        if (protocol_of(run) == PROFILE_TCP && run->packets[PROFILE_ALL])
            tallies_add(pairs, cc_tcp_key(run), run->packets[PROFILE_ALL]);
    }
    step->runs_n = 0;
}

/* From the packed form to a key of PROFILE_CC. */
static uint32_t cc_key(unsigned cc)
{
    char text[3];
    cc_text(cc, text);
    return cc == CC_UNKNOWN ? 0 : (uint32_t)(uint8_t)text[0] << 8 | (uint8_t)text[1];
}

void step_end_run(struct step *step, struct step_source *source)
{
    if (!source->run[PROFILE_ALL] && !source->run[PROFILE_IOT])
        return;
    if (source->port != STEP_NO_PORT) {
        if (step->runs_n == STEP_RUNS_MAX)
            step_enter_runs(step);
        step->runs[step->runs_n++] = (struct step_run){
            .source_key = source->key,
            .port = source->port,
            .cc = cc_key(source->cc),
            .packets = {source->run[PROFILE_ALL], source->run[PROFILE_IOT]},
        };
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        source->packets[view] += source->run[view];
        source->run[view] = 0;
    }
}

void step_settle(struct step *step, struct step_source *source, const struct address *address)
{
    uint64_t hash = text_sketch_hash(address);
    step_end_run(step, source);
    text_sketch_add(step->sketches[PROFILE_SOURCES], hash);
    if (source->packets[PROFILE_ALL])
        text_sketch_add(step->sketches[PROFILE_SCAN_SOURCES], hash);
    if (source->packets[PROFILE_IOT])
        text_sketch_add(step->sketches[PROFILE_IOT_SOURCES], hash);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        uint64_t packets = source->packets[view];
        if (!packets)
            continue;
        tallies_add(&step->tallies[view][PROFILE_ASN], source->asn, packets);
        struct tallies *countries = &step->tallies[view][PROFILE_CC];
        uint32_t row = tallies_row(countries, cc_key(source->cc));
        if (row == TALLIES_NO_ROW) {
            countries->others += packets;
            continue;
        }
        tally_count(&countries->rows[row], packets);
        tally_add_source(&step->pool, &countries->rows[row], source->key);
    }
}

/* The rows of both families of a shard as one list. */
static struct step_source *shard_row(struct step_table *tables, size_t i)
{
    return i < tables[0].n ? &tables[0].rows[i] : &tables[1].rows[i - tables[0].n];
}

static uint64_t shard_value(const void *context, size_t i)
{
    struct step_table *tables = (struct step_table *)context;
    return step_source_packets(shard_row(tables, i));
}

static void evict(struct step *step, struct step_table *tables)
{
    size_t n = tables[0].n + tables[1].n, equal;
    uint64_t most = select_smallest(shard_value, tables, n, n / 2, &equal);
    for (size_t i = 0; i < n; i++) {
        struct step_source *source = shard_row(tables, i);
        uint64_t packets = step_source_packets(source);
        if (packets > most || (packets == most && equal == 0))
            continue;
        equal -= packets == most;
        bool is6 = i >= tables[0].n;
        struct address address =
            step_table_address(&tables[is6], (uint32_t)(source - tables[is6].rows));
        step_settle(step, source, &address);
        for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
            step->source_others[view] += source->packets[view];
        source->drop = 1;
    }
    step_table_compact(&tables[0]);
    step_table_compact(&tables[1]);
}

static void set_place(struct step_source *source, struct place place)
{
    source->cc = cc_pack(place.cc) & 1023U;
    source->asn = place.asn;
}

struct step_source *step_insert(struct step *step, unsigned shard, uint64_t hash,
                                const struct address *address, struct place place)
{
    struct step_table *tables = step->sources[shard];
    if (tables[0].n + tables[1].n == STEP_SHARD_SOURCES_MAX)
        evict(step, tables);
    uint32_t key = address->is6 ? (uint32_t)hash_ip6(address->v6, HASH_FIXED) : address->v4;
    struct step_source *source =
        step_table_insert(&tables[address->is6], hash, key, &address->v6);
    if (source)
        set_place(source, place);
    return source;
}

void step_count_alone(struct step *step, const struct address *address, struct place place,
                      uint32_t port, const bool in[static PROFILE_VIEW_COUNT_])
{
    struct step_source source = {
        .key = address->is6 ? (uint32_t)hash_ip6(address->v6, HASH_FIXED) : address->v4};
    set_place(&source, place);
    step_count(step, &source, port, in[PROFILE_ALL], in[PROFILE_IOT]);
    step_settle(step, &source, address);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        step->source_others[view] += in[view];
}
