/* What every unit test shares: running a suite, and random numbers whose seed is printed, so
 * that a failure can be repeated: NIGHTSCOPE_SEED=N. */
#pragma once

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* libcheck writes to a file that each assertion which holds was reached, to have a last place
 * to name after a crash: most of the time of a test with a million of them. The name of the
 * test, and a sanitizer's or debugger's trace, say as much. */
#define _mark_point(file, line) ((void)0)

/* splitmix64 (Steele, Lea, Flood 2014) */
struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = (random->state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* 0 <= number < bound */
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return random_next(random) % bound;
}

/* A fresh seed, or NIGHTSCOPE_SEED; printed. */
static inline struct random random_seeded(const char *what)
{
    const char *given = getenv("NIGHTSCOPE_SEED");
    struct random random = {0};
    if (given)
        random.state = strtoull(given, NULL, 0);
    else if (getrandom(&random.state, sizeof random.state, 0) != sizeof random.state)
        random.state = 1;
    printf("%s: NIGHTSCOPE_SEED=0x%llx\n", what, (unsigned long long)random.state);
    (void)fflush(stdout); /* before check forks */
    return random;
}

static inline int harness_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
