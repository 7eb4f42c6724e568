/* The open steps of profiles, by time, and those that wait.
 *
 *   n steps | n profiles { length | profile_save() }
 *   step     number since the one before | 64 x { n rows of IPv4 | n rows of IPv6 }
 *            | of each view: of each dimension { others n rows } | packets of sources that went
 *            | packets | sketches | n runs that have ended
 *   row      address | AS country port | of each view { packets, run }
 *   tally    key packets, sources where the dimension has them */
#include "state/checkpoint.h"
#include "state/profile_tables.h"
#include "state/step.h"

#include <stdlib.h>

enum { STEPS_MAX = 256, PROFILES_MAX = 4096, ROW_MIN = 11 };
static const int64_t STEP_MAX = INT64_MAX / PROFILE_STEP_S / 2;

static void put_row(struct bytes_out *out, const struct step_table *table, uint32_t row)
{
    const struct step_source *source = &table->rows[row];
    struct address address = step_table_address(table, row);
    checkpoint_put_address(out, &address);
    bytes_put_u64(out, source->asn);
    bytes_put_u64(out, source->cc);
    bytes_put_u64(out, source->port);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        bytes_put_u64(out, source->packets[view]);
        bytes_put_u64(out, source->run[view]);
    }
}

static void put_tallies(struct bytes_out *out, const struct step *step,
                        const struct tallies *tallies, enum profile_dimension dimension)
{
    bytes_put_u64(out, tallies->others);
    bytes_put_u64(out, tallies->n);
    for (uint32_t row = 0; row < tallies->n; row++) {
        bytes_put_u64(out, tallies->rows[row].key);
        bytes_put_u64(out, tallies->rows[row].packets);
        if (profile_has_sets(dimension))
            checkpoint_put_set(out, &step->pool, tally_set(&tallies->rows[row]));
    }
}

static void put_step(struct bytes_out *out, const struct step *step)
{
    for (unsigned i = 0; i < SHARD_COUNT * 2; i++) {
        const struct step_table *table = &step->sources[i / 2][i % 2];
        bytes_put_u64(out, table->n);
        for (uint32_t row = 0; row < table->n; row++)
            put_row(out, table, row);
    }
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            put_tallies(out, step, &step->tallies[view][dimension], dimension);
    checkpoint_put_numbers(out, step->source_others, PROFILE_VIEW_COUNT_);
    checkpoint_put_numbers(out, step->packets, PROFILE_SKETCH_COUNT_);
    for (unsigned i = 0; i < PROFILE_SKETCH_COUNT_; i++)
        checkpoint_put_registers(out, step->sketches[i], HLL_LARGE);
    bytes_put_u64(out, step->runs_n);
    for (unsigned i = 0; i < step->runs_n; i++) {
        const struct step_run *run = &step->runs[i];
        bytes_put_le(out, run->source_key, 4);
        bytes_put_u64(out, run->port);
        bytes_put_u64(out, run->cc);
        for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
            bytes_put_u64(out, run->packets[view]);
    }
}

static const struct step *next_after(const struct step *list, int64_t number)
{
    const struct step *next = NULL;
    for (; list; list = list->next)
        if (list->start_s / PROFILE_STEP_S > number && (!next || list->start_s < next->start_s))
            next = list;
    return next;
}

static void put_profiles(struct bytes_out *out, const struct profile *list)
{
    for (; list; list = list->next) {
        size_t n = 0;
        uint8_t *bytes = profile_save(list, &n);
        if (!bytes)
            out->failed = true;
        bytes_put_u64(out, n);
        bytes_put(out, bytes, n);
        free(bytes);
    }
}

static uint64_t count_profiles(const struct profile *list)
{
    uint64_t n = 0;
    for (; list; list = list->next)
        n++;
    return n;
}

void checkpoint_put_steps(struct bytes_out *out, const struct analysis *analysis)
{
    const struct steps *steps = analysis->steps;
    uint64_t n = 0, profiles = 0;
    for (const struct step *step = steps ? steps->open : NULL; step; step = step->next)
        n++;
    if (steps)
        profiles = count_profiles(steps->closed) + count_profiles(steps->waiting);
    if (n > STEPS_MAX || profiles > PROFILES_MAX)
        out->failed = true;
    bytes_put_u64(out, n);
    int64_t before = -1;
    for (uint64_t i = 0; i < n && !out->failed; i++) {
        const struct step *step = next_after(steps->open, before);
        bytes_put_u64(out, (uint64_t)(step->start_s / PROFILE_STEP_S - before));
        before = step->start_s / PROFILE_STEP_S;
        put_step(out, step);
    }
    bytes_put_u64(out, profiles);
    if (steps) {
        put_profiles(out, steps->closed);
        put_profiles(out, steps->waiting);
    }
}

/* A step that is read, in every target; `scratch` where none are kept. */
struct place_for {
    int64_t start_s;
    struct step *scratch;
};

/* NULL: memory. */
static struct step *step_in(struct checkpoint_in *in, const struct place_for *where,
                            struct analysis *target)
{
    struct step *step = where->scratch ? where->scratch : steps_open(target, where->start_s);
    if (!step)
        checkpoint_no_memory(in);
    return step;
}

/* Adds a source to a step that has or has not seen it. */
static void add_source(struct checkpoint_in *in, struct step *step, unsigned shard,
                       const struct address *address, const struct step_source *taken,
                       const uint64_t key[static 2])
{
    uint64_t hash = address->is6 ? hash_ip6(address->v6, key)
                                 : table_hash4(hash_u64(address->v4, HASH_FIXED), key);
    struct step_source *source =
        step_table_find(&step->sources[shard][address->is6], hash, taken->key, &address->v6);
    if (source) { /* in two parts, of which one run goes on */
        struct step_source ended = *taken;
        step_end_run(step, &ended);
        for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
            source->packets[view] += ended.packets[view];
        return;
    }
    source = step_insert(step, shard, hash, address, (struct place){0});
    if (source)
        *source = *taken;
    else
        checkpoint_no_memory(in);
}

static void take_row(struct checkpoint_in *in, const struct place_for *where, unsigned shard,
                     unsigned family)
{
    struct address address = checkpoint_take_address(in, family);
    struct step_source source = {.key = source_key_of(&address)};
    source.asn = (uint32_t)bytes_take_u64(in->bytes, UINT32_MAX);
    source.cc = bytes_take_u64(in->bytes, CC_COUNT_ - 1) & 1023U;
    source.port = bytes_take_u64(in->bytes, STEP_NO_PORT) & ((1U << 18) - 1);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        source.packets[view] = bytes_take_u64(in->bytes, UINT64_MAX >> 8);
        source.run[view] = (uint16_t)bytes_take_u64(in->bytes, UINT16_MAX);
    }
    in->bytes->failed |= (address.is6 ? shard_of6(address.v6) : shard_of4(address.v4)) != shard;
    if (in->bytes->failed)
        return;
    struct analysis *target = checkpoint_owner(in, &address);
    struct step *step = step_in(in, where, target);
    if (step)
        add_source(in, step, shard, &address, &source,
                   where->scratch ? in->targets[0]->config.table_key
                                  : target->config.table_key);
}

static void take_tally(struct checkpoint_in *in, struct step *step, struct tallies *tallies,
                       enum profile_dimension dimension)
{
    uint32_t key = (uint32_t)bytes_take_u64(in->bytes, profile_key_max(dimension));
    uint64_t packets = bytes_take_u64(in->bytes, UINT64_MAX >> 8);
    struct distinct set = {0};
    if (profile_has_sets(dimension))
        set = checkpoint_take_set(in, &in->scratch.pool);
    if (dimension == PROFILE_LABEL) {
        in->bytes->failed |= key >= in->names.labels_n;
        key = in->bytes->failed ? CHECKPOINT_NONE : in->names.labels[key];
    }
    bool gone = dimension == PROFILE_LABEL && key == CHECKPOINT_NONE;
    uint32_t row = in->bytes->failed || gone ? TALLIES_NO_ROW : tallies_row(tallies, key);
    if (row == TALLIES_NO_ROW) {
        tallies->others += packets;
    } else {
        struct tally *tally = &tallies->rows[row];
        struct distinct into = tally_set(tally);
        tally_count(tally, packets);
        (void)distinct_merge(&step->pool, &into, &in->scratch.pool, &set);
        tally->set_word = into.word;
        tally->set_kind = into.kind;
    }
    distinct_clear(&in->scratch.pool, &set);
}

static void take_tallies(struct checkpoint_in *in, struct step *step)
{
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++) {
            struct tallies *tallies = &step->tallies[view][dimension];
            tallies->others += bytes_take_u64(in->bytes, UINT64_MAX);
            uint64_t n = bytes_take_u64(in->bytes, 2 * PROFILE_ROWS_MAX);
            for (uint64_t i = 0; i < n && !in->bytes->failed; i++)
                take_tally(in, step, tallies, dimension);
        }
    }
}

static void take_runs(struct checkpoint_in *in, struct step *step)
{
    uint64_t n = bytes_take_u64(in->bytes, STEP_RUNS_MAX);
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        struct step_run run = {.source_key = (uint32_t)bytes_take_le(in->bytes, 4)};
        run.port = (uint32_t)bytes_take_u64(in->bytes, STEP_NO_PORT - 1);
        run.cc = (uint32_t)bytes_take_u64(in->bytes, profile_key_max(PROFILE_CC));
        for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
            run.packets[view] = (uint32_t)bytes_take_u64(in->bytes, UINT16_MAX);
        if (step->runs_n == STEP_RUNS_MAX)
            step_enter_runs(step);
        step->runs[step->runs_n++] = run;
    }
}

static void take_step(struct checkpoint_in *in, const struct place_for *where)
{
    for (unsigned i = 0; i < SHARD_COUNT * 2; i++) {
        uint64_t n = bytes_take_u64(in->bytes, STEP_SHARD_SOURCES_MAX);
        in->bytes->failed |= n > bytes_left(in->bytes) / ROW_MIN;
        for (uint64_t row = 0; row < n && !in->bytes->failed; row++)
            take_row(in, where, i / 2, i % 2);
    }
    struct step *step = step_in(in, where, in->targets[0]);
    if (!step)
        return;
    take_tallies(in, step);
    uint64_t numbers[PROFILE_SKETCH_COUNT_];
    checkpoint_take_numbers(in, numbers, PROFILE_VIEW_COUNT_);
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++)
        step->source_others[view] += numbers[view];
    checkpoint_take_numbers(in, numbers, PROFILE_SKETCH_COUNT_);
    for (unsigned i = 0; i < PROFILE_SKETCH_COUNT_; i++) {
        uint8_t registers[HLL_LARGE];
        step->packets[i] += numbers[i];
        checkpoint_take_registers(in, TEXT_SKETCH_RANK_MAX, HLL_LARGE, registers);
        hll_merge(step->sketches[i], registers, HLL_LARGE_BITS);
    }
    take_runs(in, step);
}

static void take_profile(struct checkpoint_in *in)
{
    uint64_t n = bytes_take_u64(in->bytes, UINT64_MAX);
    const uint8_t *bytes = bytes_take(in->bytes, n);
    struct profile *profile = bytes ? profile_load(bytes, n) : NULL;
    if (!profile || profile->span_s != PROFILE_STEP_S || profile->start_s < 0 ||
        profile->start_s % PROFILE_STEP_S || profile->start_s / PROFILE_STEP_S > STEP_MAX) {
        in->bytes->failed = true;
        profile_free(profile);
        return;
    }
    if (!profile_relabel(profile, in->names.labels, in->names.labels_n))
        in->bytes->failed = true;
    if (in->targets[0]->steps)
        steps_receive(in->targets[0], profile);
    else
        profile_free(profile);
}

void checkpoint_take_steps(struct checkpoint_in *in)
{
    struct analysis *first = in->targets[0];
    uint64_t n = bytes_take_u64(in->bytes, STEPS_MAX);
    int64_t before = -1;
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++) {
        uint64_t more = bytes_take_u64(in->bytes, (uint64_t)(STEP_MAX - before));
        before += (int64_t)more;
        in->bytes->failed |= !more;
        struct place_for where = {.start_s = before * PROFILE_STEP_S};
        if (!first->steps) {
            where.scratch = step_new(NULL, first->config.table_key);
            if (!where.scratch)
                checkpoint_no_memory(in);
        }
        if (!in->bytes->failed)
            take_step(in, &where);
        step_free(where.scratch);
    }
    n = bytes_take_u64(in->bytes, PROFILES_MAX);
    for (uint64_t i = 0; i < n && !in->bytes->failed; i++)
        take_profile(in);
}
