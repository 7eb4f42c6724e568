/* From a step to a profile: everything its sources still owe, then tables sorted by key. */
#include "state/profile_tables.h"
#include "state/sort.h"
#include "state/step.h"

#include <stdlib.h>
#include <string.h>

/* Members of a view that have an address of IPv6. */
struct member6 {
    struct ip6 key;
    uint64_t packets;
};

static int compare6(const void *left, const void *right)
{
    const struct member6 *a = left, *b = right;
    if (a->key.hi != b->key.hi)
        return a->key.hi < b->key.hi ? -1 : 1;
    return (a->key.lo > b->key.lo) - (a->key.lo < b->key.lo);
}

/* How many rows of a family are in the view. */
static size_t count_members(const struct step *step, enum profile_view view, unsigned is6,
                            uint64_t *ret_packets)
{
    size_t n = 0;
    uint64_t packets = 0;
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++) {
        const struct step_table *table = &step->sources[shard][is6];
        for (uint32_t row = 0; row < table->n; row++) {
            n += table->rows[row].packets[view] != 0;
            packets += table->rows[row].packets[view];
        }
    }
    *ret_packets = packets;
    return n;
}

static bool build4(const struct step *step, enum profile_view view, size_t n,
                   struct profile_table *table)
{
    uint64_t *order = malloc(n * sizeof *order);
    size_t at = 0;
    for (unsigned shard = 0; order && shard < SHARD_COUNT; shard++) {
        const struct step_table *sources = &step->sources[shard][0];
        for (uint32_t row = 0; row < sources->n; row++)
            if (sources->rows[row].packets[view])
                order[at++] =
                    (uint64_t)sources->rows[row].key << 32 | shard << STEP_INDEX_BITS | row;
    }
    bool done = order && sort_by_high(order, n) && profile_table_reserve(table, n);
    for (size_t i = 0; done && i < n; i++) {
        unsigned shard = (uint32_t)order[i] >> STEP_INDEX_BITS;
        uint32_t row = (uint32_t)order[i] & ((1U << STEP_INDEX_BITS) - 1);
        table->keys[i] = (uint32_t)(order[i] >> 32);
        table->packets[i] = step->sources[shard][0].rows[row].packets[view];
    }
    table->n = done ? (uint32_t)n : 0;
    free(order);
    return done;
}

static bool build6(const struct step *step, enum profile_view view, size_t n,
                   struct profile_table *table)
{
    struct member6 *members = malloc(n * sizeof *members);
    size_t at = 0;
    for (unsigned shard = 0; members && shard < SHARD_COUNT; shard++) {
        const struct step_table *sources = &step->sources[shard][1];
        for (uint32_t row = 0; row < sources->n; row++)
            if (sources->rows[row].packets[view])
                members[at++] =
                    (struct member6){sources->keys[row], sources->rows[row].packets[view]};
    }
    bool done = members && profile_table_reserve(table, n);
    if (done)
        qsort(members, n, sizeof *members, compare6);
    for (size_t i = 0; done && i < n; i++) {
        table->keys6[i] = members[i].key;
        table->packets[i] = members[i].packets;
    }
    table->n = done ? (uint32_t)n : 0;
    free(members);
    return done;
}

static void build_sources(const struct step *step, enum profile_view view,
                          struct profile *profile)
{
    struct profile_table *tables[2] = {&profile->tables->tables[view][PROFILE_SRC],
                                       &profile->tables->sources6[view]};
    tables[0]->others = step->source_others[view];
    profile->refused += step->source_others[view];
    for (unsigned is6 = 0; is6 < 2; is6++) {
        uint64_t packets;
        size_t n = count_members(step, view, is6, &packets);
        if (!n || (is6 ? build6 : build4)(step, view, n, tables[is6]))
            continue;
        tables[is6]->others += packets;
        profile->refused += packets;
    }
}

struct profile *step_build(struct step *step)
{
    struct profile *profile = profile_new(step->start_s, PROFILE_STEP_S);
    if (!profile)
        return NULL;
    for (unsigned shard = 0; shard < SHARD_COUNT; shard++) {
        for (unsigned is6 = 0; is6 < 2; is6++) {
            struct step_table *table = &step->sources[shard][is6];
            for (uint32_t row = 0; row < table->n; row++) {
                struct address address = step_table_address(table, row);
                step_settle(step, &table->rows[row], &address);
            }
        }
    }
    step_enter_runs(step);
    struct profile_tables *tables = profile->tables;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++) {
            struct profile_table *table = &tables->tables[view][dimension];
            if (dimension == PROFILE_SRC)
                continue;
            (void)tallies_table(&step->tallies[view][dimension], &step->pool, table);
            profile->refused += table->others; /* a failure is in others, too */
        }
        build_sources(step, view, profile);
    }
    memcpy(tables->packets, step->packets, sizeof tables->packets);
    memcpy(tables->sketches, step->sketches, sizeof tables->sketches);
    return profile;
}
