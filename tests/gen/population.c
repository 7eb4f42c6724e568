/* Addresses without duplicates, births, and a heavy-tailed choice in integers alone. */
#include "population.h"

#include <stdlib.h>

/* A permutation of 32-bit numbers: four Feistel rounds. */
static uint32_t permute(uint32_t value, uint64_t key)
{
    uint32_t left = value >> 16, right = value & 0xffff;
    for (unsigned round = 0; round < 4; round++) {
        uint32_t mixed = random_mix(key ^ (uint64_t)right << 32 ^ round) & 0xffff;
        uint32_t next = left ^ mixed;
        left = right;
        right = next;
    }
    return left << 16 | right;
}

/* Neither special (RFC 6890) nor multicast, nor the address of a network or of its broadcast.
 */
static bool is_public(uint32_t address)
{
    static const struct {
        uint32_t prefix;
        unsigned bits;
    } special[] = {
        {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},
        {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24},
        {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24},
        {0xe0000000, 3},
    };
    for (unsigned i = 0; i < sizeof special / sizeof special[0]; i++)
        if ((address ^ special[i].prefix) >> (32 - special[i].bits) == 0)
            return false;
    return (address & 0xff) != 0 && (address & 0xff) != 0xff;
}

static void share(const struct options *options, uint32_t n, uint32_t counts[BEHAVIOUR_COUNT_])
{
    uint64_t total = 0;
    uint32_t left = n, largest = 0;
    for (unsigned i = 0; i < BEHAVIOUR_COUNT_; i++)
        total += (uint64_t)options->weights[i] * behaviour_crowds[i];
    for (unsigned i = 0; i < BEHAVIOUR_COUNT_; i++) {
        uint64_t part = (uint64_t)options->weights[i] * behaviour_crowds[i];
        uint32_t count = (uint32_t)((unsigned __int128)n * part / total);
        if (part > 0 && count == 0 && left > 0)
            count = 1;
        counts[i] = count < left ? count : left;
        left -= counts[i];
        if (counts[i] > counts[largest])
            largest = i;
    }
    counts[largest] += left;
}

/* One of each behaviour first, so that all have somebody to send; then in random order. */
static void shuffle_order(struct population *population,
                          const uint32_t counts[BEHAVIOUR_COUNT_])
{
    uint32_t at = 0;
    for (unsigned i = 0; i < BEHAVIOUR_COUNT_; i++)
        if (counts[i] > 0)
            population->order[at++] = (uint8_t)i;
    population->pioneers = at;
    uint8_t *rest = population->order + at;
    for (unsigned i = 0; i < BEHAVIOUR_COUNT_; i++)
        for (uint32_t j = 1; j < counts[i]; j++)
            population->order[at++] = (uint8_t)i;
    for (uint32_t n = population->n - population->pioneers; n > 1; n--) {
        uint32_t j = random_below(&population->random, n);
        uint8_t kept = rest[n - 1];
        rest[n - 1] = rest[j];
        rest[j] = kept;
    }
}

int population_init(struct population *population, const struct options *options)
{
    *population = (struct population){
        .n = options->sources,
        .even = options->even,
        .random = {options->seed},
    };
    population->sources = calloc(population->n, sizeof *population->sources);
    population->order = malloc(population->n);
    if (!population->sources || !population->order) {
        population_fini(population);
        return -1;
    }
    uint32_t counts[BEHAVIOUR_COUNT_], at = 0, number = 0;
    share(options, population->n, counts);
    for (unsigned i = 0; i < BEHAVIOUR_COUNT_; i++) {
        population->first[i] = at;
        at += counts[i];
        population->weights[i] = options->weights[i];
        population->weight += options->weights[i];
    }
    shuffle_order(population, counts);
    population->packets = options->packets - population->pioneers;
    population->debt = population->packets - 1;
    uint64_t address_key = random_next(&population->random);
    for (uint32_t i = 0; i < population->n; i++) {
        struct source *source = &population->sources[i];
        do
            source->address = permute(number++, address_key);
        while (!is_public(source->address) ||
               (source->address ^ options->dark) >> (32 - options->dark_bits) == 0);
        source->key = random_u32(&population->random);
        source->variant = (uint8_t)random_below(&population->random, 100);
        source->hops = (uint8_t)(5 + random_below(&population->random, 20));
    }
    return 0;
}

void population_fini(struct population *population)
{
    free(population->sources);
    free(population->order);
    population->sources = NULL;
    population->order = NULL;
}

static unsigned pick_behaviour(struct population *population)
{
    uint32_t at = random_below(&population->random, population->weight);
    unsigned behaviour = 0;
    while (at >= population->weights[behaviour])
        at -= population->weights[behaviour++];
    return behaviour;
}

/* Rank 0..n-1 with a chance that falls like 1/(rank + 1): first the power of two, evenly, then
 * the rank within it. */
static uint32_t pick_rank(struct random *random, uint32_t n)
{
    unsigned powers = 32 - (unsigned)__builtin_clz(n);
    for (;;) {
        uint32_t base = 1U << random_below(random, powers);
        uint32_t rank = base - 1 + random_below(random, base);
        if (rank < n)
            return rank;
    }
}

static struct source *give_birth(struct population *population)
{
    unsigned behaviour = population->order[population->births++];
    uint32_t i = population->first[behaviour] + population->born[behaviour]++;
    population->sources[i].behaviour = (uint8_t)behaviour;
    return &population->sources[i];
}

struct source *population_next(struct population *population)
{
    if (population->births < population->pioneers)
        return give_birth(population);
    population->debt += population->n - population->pioneers;
    if (population->debt >= population->packets) {
        population->debt -= population->packets;
        return give_birth(population);
    }
    unsigned behaviour = pick_behaviour(population);
    if (behaviour == BEHAVIOUR_REFUSED)
        return NULL;
    if (population->born[behaviour] == 0) /* fewer sources than behaviours */
        behaviour = population->order[0];
    uint32_t born = population->born[behaviour];
    uint32_t rank = population->even ? population->turn[behaviour]++ % born
                                     : pick_rank(&population->random, born);
    return &population->sources[population->first[behaviour] + rank];
}
