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
            if (estimated)
                ck_assert_mem_eq(pool_block(&left, a.word), pool_block(&right, whole.word),
                                 HLL_SMALL);
            pool_fini(&left);
            pool_fini(&right);
        }
    }
}
END_TEST

START_TEST(a_full_pool_freezes_sets_at_a_lower_bound)
{
    struct pool pool;
    pool_init(&pool, 8 + 16 + 48);
    struct distinct set = {0};
    unsigned refusals = 0;
    for (uint32_t key = 0; key < 100; key++)
        refusals += !distinct_add(&pool, &set, key);
    ck_assert_uint_eq(refusals, 1);
    bool estimated;
    ck_assert_uint_eq(distinct_count(&pool, &set, &estimated), 11);
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

int main(void)
{
    Suite *suite = suite_create("distinct");
    TCase *tests = tcase_create("distinct");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, counts_are_exact_to_127);
    tcase_add_test(tests, zero_is_a_key);
    tcase_add_test(tests, merging_equals_adding);
    tcase_add_test(tests, a_full_pool_freezes_sets_at_a_lower_bound);
    tcase_add_test(tests, the_error_of_sketches_is_as_published);
    tcase_add_test(tests, sketches_know_empty_and_full);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
