/* Random numbers that are the same on every machine: splitmix64 (Steele, Lea, Flood 2014).
 * Integer arithmetic alone, so that a seed gives the same capture byte for byte. */
#pragma once

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static inline uint64_t random_next(struct random *random)
{
    return random_mix(random->state += 0x9e3779b97f4a7c15U);
}

static inline uint16_t random_u16(struct random *random)
{
    return (uint16_t)(random_next(random) >> 48);
}

static inline uint32_t random_u32(struct random *random)
{
    return (uint32_t)(random_next(random) >> 32);
}

/* 0 <= number < bound, bound < 2^32 */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}
