/* Profiles with known rows: the tables are filled by hand, as a profile keeps them. */
#include "sample.h"
#include "state/profile_tables.h"

#include <string.h>

enum { SET_MAX = 20, COUNTRIES_N = 30 };

/* "AA", "AB", ...; 0 is unknown. */
static uint32_t country(uint64_t i)
{
    return i == 0 ? 0 : (uint32_t)('A' + i / 26) << 8 | (uint32_t)('A' + i % 26);
}

/* The i-th of n ascending keys. */
static uint32_t key_of(struct random *random, enum profile_dimension dimension, uint64_t i,
                       uint64_t n)
{
    switch (dimension) {
    case PROFILE_TCP:
    case PROFILE_UDP:
        return (uint32_t)(i * (65536 / n) + random_below(random, 65536 / n));
    case PROFILE_CC:
        return country(i);
    case PROFILE_ASN:
        return (uint32_t)(i * 7);
    case PROFILE_SRC:
        return (uint32_t)(i * 70001 + random_below(random, 70001));
    case PROFILE_LABEL:
        return (uint32_t)i;
    case PROFILE_CC_TCP:
        return country(i % n * COUNTRIES_N / n) << 16 | (uint32_t)(i & 0xffff);
    case PROFILE_DIMENSION_COUNT_:
        break;
    }
    return 0;
}

static uint64_t rows_of(enum profile_view view, enum profile_dimension dimension, uint64_t rows)
{
    switch (dimension) {
    case PROFILE_CC:
        return rows < COUNTRIES_N ? rows : COUNTRIES_N;
    case PROFILE_LABEL:
        return SAMPLE_LABELS_N;
    case PROFILE_CC_TCP:
        return view == PROFILE_IOT            ? 0
               : rows * 10 < PROFILE_ROWS_MAX ? rows * 10
                                              : PROFILE_ROWS_MAX;
    case PROFILE_TCP:
    case PROFILE_UDP:
    case PROFILE_ASN:
    case PROFILE_SRC:
    case PROFILE_DIMENSION_COUNT_:
        break;
    }
    return rows;
}

/* Few with many packets, many with few, and equal ones. */
static uint64_t packets_of(struct random *random)
{
    uint64_t bound = (uint64_t)1 << random_below(random, 20);
    return 1 + random_below(random, bound);
}

/* Of a register: as addresses make them, and now and then any. */
static uint8_t rank_of(struct random *random)
{
    if (random_below(random, 100) == 0)
        return (uint8_t)random_below(random, 52);
    return (uint8_t)(1 + __builtin_ctzll(random_next(random) | (uint64_t)1 << 50));
}

static void fill(struct random *random, struct profile_table *table,
                 enum profile_dimension dimension, uint64_t n)
{
    if (!profile_table_reserve(table, n))
        exit(1);
    if (table->has_sets)
        table->words = sample_alloc(n * (1 + SET_MAX), sizeof *table->words);
    for (uint64_t i = 0; i < n; i++) {
        if (table->is6)
            table->keys6[i] = (struct ip6){0x20010db800000000U, i << 8 | 1};
        else
            table->keys[i] = key_of(random, dimension, i, n);
        table->packets[i] = packets_of(random);
        table->n++;
        if (!table->has_sets)
            continue;
        uint64_t most = table->packets[i] < SET_MAX ? table->packets[i] : SET_MAX;
        uint32_t sources = 1 + (uint32_t)random_below(random, most);
        table->sets[i] = (uint32_t)table->words_n;
        table->words[table->words_n++] = sources;
        for (uint32_t k = 0; k < sources; k++)
            table->words[table->words_n++] = k + 1;
    }
    table->others = random_below(random, 2) ? random_below(random, 100000) : 0;
}

struct profile *sample_profile(struct random *random, int64_t start_s, uint32_t span_s,
                               uint64_t rows)
{
    struct profile *profile = profile_new(start_s, span_s);
    if (!profile)
        exit(1);
    struct profile_tables *tables = profile->tables;
    for (unsigned view = 0; view < PROFILE_VIEW_COUNT_; view++) {
        for (unsigned dimension = 0; dimension < PROFILE_DIMENSION_COUNT_; dimension++)
            fill(random, &tables->tables[view][dimension], dimension,
                 rows_of(view, dimension, rows));
        fill(random, &tables->sources6[view], PROFILE_SRC, rows / 10);
        tables->sources6[view].others = 0;
    }
    /* one day in four has no IoT match: no key then */
    bool quiet = random_below(random, 4) == 0;
    if (rows < SAMPLE_SKETCHED)
        return profile;
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++) {
        if (sketch == PROFILE_IOT_SOURCES && quiet)
            continue;
        tables->packets[sketch] = UINT32_MAX;
        for (unsigned i = 0; i < PROFILE_SKETCH_REGISTERS; i++)
            tables->sketches[sketch][i] = rank_of(random);
    }
    return profile;
}
