/* The sources: who they are, how they behave, and whose turn it is.
 *
 * Every behaviour owns a run of sources[], in the order in which they first send:
 *
 *     sources   [ mirai ......... | zmap-old .. | ... ]
 *                 ^first  ^born: those before it have sent
 *
 * One of each behaviour begins; later births are spread evenly. Of those born, the one of rank
 * r sends about 1/r as often as the first (Zipf), or all send equally. */
#pragma once

#include "options.h"
#include "random.h"

struct source {
    uint64_t slots;   /* bit i: it has scanned its i-th port */
    uint32_t address; /* IPv4; or what its IPv6 address is made of */
    uint32_t key;     /* secrets and habits of its tool */
    uint32_t packets;
    uint32_t minute; /* of its last packet, from 1; 0: none */
    uint8_t behaviour, variant, hops, classes;
};

struct population {
    struct source *sources;
    uint8_t *order; /* behaviour of each source in order of birth */
    uint32_t n, births, first[BEHAVIOUR_COUNT_], born[BEHAVIOUR_COUNT_], turn[BEHAVIOUR_COUNT_];
    uint32_t weights[BEHAVIOUR_COUNT_], weight;
    uint32_t pioneers;      /* the first of each behaviour: they send the first packets */
    uint64_t debt, packets; /* later births are spread over these by Bresenham's rule */
    bool even;
    struct random random;
};

/* -1: no memory. */
int population_init(struct population *population, const struct options *options);
void population_fini(struct population *population);
/* The sender of the next packet; NULL: a frame that is refused. */
struct source *population_next(struct population *population);
