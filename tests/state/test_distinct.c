/* Sets that turn into sketches, and how good the sketches are. */
#include "harness.h"

#include "state/distinct.h"

#include <math.h>
#include <string.h>

static struct distinct filled(struct pool *pool, uint32_t from, uint32_t to)
{
    struct distinct set = {0};
    for (uint32_t key = from; key < to; key++) {
        ck_assert(distinct_add(pool, &set, key));
        ck_assert(distinct_add(pool, &set, key)); /* again: nothing new */
    }
    return set;
}

START_TEST(counts_are_exact_to_127)
{
    static const unsigned sizes[] = {0,  1,  2,  3,  4,  7,  8,  9,   11,  12,  31,
                                     32, 33, 63, 64, 65, 95, 96, 126, 127, 128, 129};
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pool pool;
        pool_init(&pool, 1 << 20);
        struct distinct set = filled(&pool, 1000, 1000 + sizes[i]);
        bool estimated;
        uint64_t count = distinct_count(&pool, &set, &estimated);
        ck_assert_int_eq(estimated, sizes[i] > 127);
        if (!estimated)
            ck_assert_uint_eq(count, sizes[i]);
        else
            ck_assert_double_le(fabs((double)count - sizes[i]), 0.1 * sizes[i]);
        pool_fini(&pool);
    }
}
END_TEST

/* The key 0 is a key like any other. */
START_TEST(zero_is_a_key)
{
    struct pool pool;
    pool_init(&pool, 1 << 20);
    struct distinct set = filled(&pool, 0, 5);
    bool estimated;
    ck_assert_uint_eq(distinct_count(&pool, &set, &estimated), 5);
    pool_fini(&pool);
}
END_TEST

/* Keys at random, in sets of every size at a time, against a list of what each holds. */
START_TEST(sets_hold_what_was_added)
{
    enum { SETS = 40, KEYS = 140, ROUNDS = 12000 };
    struct random random = random_seeded("sets");
    struct pool pool;
    pool_init(&pool, 1 << 20);
    static struct distinct sets[SETS];
    static uint32_t keys[SETS][KEYS];
    static unsigned n[SETS];
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned at = (unsigned)random_below(&random, SETS);
        uint32_t key = (uint32_t)random_below(&random, KEYS) << (at % 3 * 8);
        if (random_below(&random, 2000) == 0) {
            distinct_clear(&pool, &sets[at]);
            n[at] = 0;
        }
        bool known = false;
        for (unsigned i = 0; i < n[at]; i++)
            known |= keys[at][i] == key;
        bool exact = n[at] <= DISTINCT_EXACT_MAX;
        if (!known)
            keys[at][n[at]++] = key;
        ck_assert_int_eq(distinct_note(&pool, &sets[at], key),
                         known && exact ? DISTINCT_KNOWN : DISTINCT_ADDED);
        bool estimated;
        uint64_t count = distinct_count(&pool, &sets[at], &estimated);
        ck_assert_int_eq(estimated, n[at] > DISTINCT_EXACT_MAX);
        if (!estimated)
            ck_assert_uint_eq(count, n[at]);
    }
    pool_fini(&pool);
}
END_TEST

/* Blocks of small sizes are within a line, larger ones begin one; gaps are used. */
START_TEST(blocks_do_not_straddle_lines)
{
    struct random random = random_seeded("blocks");
    struct pool pool;
    pool_init(&pool, 1 << 20);
    size_t bytes = 0;
    for (unsigned i = 0; i < 1000; i++) {
        enum pool_size size = (enum pool_size)random_below(&random, POOL_2048);
        uintptr_t at = (uintptr_t)pool_block(&pool, pool_alloc(&pool, size));
        bytes += POOL_BYTES[size];
        if (POOL_BYTES[size] <= 64)
            ck_assert_uint_eq(at / 64, (at + POOL_BYTES[size] - 1) / 64);
        else
            ck_assert_uint_eq(at % 64, 0);
    }
    for (uint32_t gap = pool.free[POOL_16]; gap;
         memcpy(&gap, pool_block(&pool, gap), sizeof gap))
        bytes += 16;
    ck_assert_uint_eq(pool.used_bytes, bytes + 16);
    pool_fini(&pool);
}
END_TEST

START_TEST(merging_equals_adding)
{
    static const unsigned sizes[] = {0, 1, 2, 5, 40, 127, 128, 3000};
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 8; j++) {
            struct pool left, right;
            pool_init(&left, 1 << 20);
            pool_init(&right, 1 << 20);
            struct distinct a = filled(&left, 0, sizes[i]);
            struct distinct b = filled(&right, 50, 50 + sizes[j]); /* they overlap */
            ck_assert(distinct_merge(&left, &a, &right, &b));
            struct distinct whole = filled(&right, 0, sizes[i]);
            for (uint32_t key = 50; key < 50 + sizes[j]; key++)
                (void)distinct_add(&right, &whole, key);
            bool estimated, expected;
            uint64_t count = distinct_count(&left, &a, &estimated);
            ck_assert_uint_eq(count, distinct_count(&right, &whole, &expected));
            ck_assert_int_eq(estimated, expected);
            uint8_t registers[2][HLL_SMALL];
            ck_assert_int_eq(distinct_registers(&left, &a, registers[0]), estimated);
            ck_assert_int_eq(distinct_registers(&right, &whole, registers[1]), estimated);
            if (estimated)
                ck_assert_mem_eq(registers[0], registers[1], HLL_SMALL);
            pool_fini(&left);
            pool_fini(&right);
        }
    }
}
END_TEST

START_TEST(a_full_pool_freezes_sets_at_a_lower_bound)
{
    struct pool pool;
    pool_init(&pool, 16 + 16 + 32 + 64);
    struct distinct set = {0};
    unsigned refusals = 0;
    for (uint32_t key = 0; key < 100; key++)
        refusals += !distinct_add(&pool, &set, key);
    ck_assert_uint_eq(refusals, 1);
    bool estimated;
    ck_assert_uint_eq(distinct_count(&pool, &set, &estimated), 16);
    ck_assert(estimated);
    distinct_clear(&pool, &set);
    ck_assert_uint_eq(distinct_count(&pool, &set, &estimated), 0);
    pool_fini(&pool);
}
END_TEST

/* Over many seeds the mean error is about 0, and the root mean square about 1.04 / sqrt(m). */
static void check_error(unsigned bits, uint64_t n, struct random *random)
{
    enum { ROUNDS = 120 };
    double bound = 1.04 / sqrt((double)(1U << bits)), sum = 0, squares = 0;
    uint8_t *registers = malloc((size_t)1 << bits);
    for (unsigned round = 0; round < ROUNDS; round++) {
        memset(registers, 0, (size_t)1 << bits);
        uint64_t base = random_next(random);
        for (uint64_t i = 0; i < n; i++)
            hll_add(registers, bits, hash_u64(base + i, HASH_FIXED));
        double error = (double)hll_estimate(registers, bits) / (double)n - 1;
        ck_assert_double_le(fabs(error), 5 * bound);
        sum += error;
        squares += error * error;
    }
    free(registers);
    ck_assert_double_le(fabs(sum / ROUNDS), 5 * bound / sqrt(ROUNDS));
    ck_assert_double_le(sqrt(squares / ROUNDS), 1.35 * bound);
}

START_TEST(the_error_of_sketches_is_as_published)
{
    struct random random = random_seeded("hll");
    static const uint64_t counts[] = {130, 1000, 5000, 20000, 100000};
    for (unsigned i = 0; i < 5; i++)
        check_error(HLL_SMALL_BITS, counts[i], &random);
    check_error(HLL_LARGE_BITS, 50000, &random);
}
END_TEST

START_TEST(sketches_know_empty_and_full)
{
    uint8_t registers[HLL_SMALL] = {0};
    ck_assert_uint_eq(hll_estimate(registers, HLL_SMALL_BITS), 0);
    hll_add(registers, HLL_SMALL_BITS, 0); /* the longest run of zeros there is */
    ck_assert_uint_eq(registers[0], 64 - HLL_SMALL_BITS + 1);
    ck_assert_uint_eq(hll_estimate(registers, HLL_SMALL_BITS), 1);
}
END_TEST

/* Against registers that take every key at once: also keys whose rank has no room in an entry.
 */
START_TEST(keys_that_wait_count_as_the_others)
{
    struct random random = random_seeded("sketch");
    struct pool pool;
    pool_init(&pool, 1 << 20);
    uint32_t sketch = sketch_new(&pool);
    static uint8_t expected[HLL_SMALL], registers[HLL_SMALL];
    unsigned waiting = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t hash = random_next(&random);
        if (i % 7 == 0)
            hash &= UINT64_MAX << random_below(&random, 64);
        if (i % 501 == 0)
            hash = hash >> 53 << 53 | random_below(&random, 4);
        waiting = sketch_add(&pool, sketch, waiting, hash);
        ck_assert_uint_lt(waiting, SKETCH_WAITING_MAX);
        hll_add(expected, HLL_SMALL_BITS, hash);
        if (i % 100 == 0 || i < 300) {
            sketch_copy_registers(&pool, sketch, waiting, registers);
            ck_assert_mem_eq(registers, expected, HLL_SMALL);
        }
    }
    ck_assert_uint_gt(waiting, 0);
    pool_fini(&pool);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("distinct");
    TCase *tests = tcase_create("distinct");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, counts_are_exact_to_127);
    tcase_add_test(tests, zero_is_a_key);
    tcase_add_test(tests, sets_hold_what_was_added);
    tcase_add_test(tests, blocks_do_not_straddle_lines);
    tcase_add_test(tests, merging_equals_adding);
    tcase_add_test(tests, a_full_pool_freezes_sets_at_a_lower_bound);
    tcase_add_test(tests, the_error_of_sketches_is_as_published);
    tcase_add_test(tests, sketches_know_empty_and_full);
    tcase_add_test(tests, keys_that_wait_count_as_the_others);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
