/* Trimmed profiles: the first of every ranking are as they were, the rest are others. */
#include "stream.h"

#include <nightscope/profile.h>

enum { MEMBERS = 25 };

static struct profile *make(struct random *random)
{
    struct stream stream = stream_random(random, 5000, 400, 60);
    struct run run = {.workers = 1, .rows = 256};
    struct analysis *analysis = analysis_new(&(struct analysis_config){
        .sources_max = 1 << 16,
        .lateness_ns = stream.lateness_ns,
        .locator = &TEST_LOCATOR,
        .profiles = true,
    });
    run_worker(&stream, &run, 0, analysis);
    analysis_finish(analysis);
    struct profile *all = profile_new(0, 86400), *steps = analysis_take_profiles(analysis);
    while (steps) {
        struct profile *next = steps->next;
        ck_assert_int_eq(profile_merge(all, steps), 0);
        profile_free(steps);
        steps = next;
    }
    analysis_free(analysis);
    free(stream.packets);
    return all;
}

static bool has_sources(enum profile_dimension dimension)
{
    return dimension == PROFILE_TCP || dimension == PROFILE_UDP || dimension == PROFILE_CC;
}

START_TEST(the_first_of_every_ranking_stay)
{
    struct random random = random_seeded("trim");
    struct profile *whole = make(&random), *trimmed = profile_new(0, 86400);
    ck_assert_int_eq(profile_merge(trimmed, whole), 0);
    ck_assert(profile_trim(trimmed, MEMBERS));
    ck_assert_uint_gt(profile_count(whole, PROFILE_ALL, PROFILE_SRC), 2 * MEMBERS);
    ck_assert_uint_lt(profile_bytes(trimmed), profile_bytes(whole));
    for (unsigned i = 0; i < PROFILE_DIMENSION_COUNT_ * 2; i++) {
        enum profile_dimension dimension = (enum profile_dimension)(i / 2);
        enum profile_order order = (enum profile_order)(i % 2);
        struct profile_row rows[2][MEMBERS];
        uint64_t others[2];
        if (order == PROFILE_BY_SOURCES && !has_sources(dimension))
            continue;
        size_t n =
            profile_top(whole, PROFILE_ALL, dimension, order, rows[0], MEMBERS, &others[0]);
        ck_assert_uint_eq(
            profile_top(trimmed, PROFILE_ALL, dimension, order, rows[1], MEMBERS, &others[1]),
            n);
        ck_assert_uint_eq(others[1], others[0]);
        ck_assert_uint_le(profile_count(trimmed, PROFILE_ALL, dimension),
                          MEMBERS * (has_sources(dimension) ? 2 : 1));
        for (size_t row = 0; row < n; row++) {
            ck_assert_uint_eq(rows[1][row].key, rows[0][row].key);
            ck_assert_uint_eq(rows[1][row].packets, rows[0][row].packets);
            ck_assert_uint_eq(rows[1][row].sources, rows[0][row].sources);
            ck_assert_int_eq(address_compare(&rows[1][row].address, &rows[0][row].address), 0);
        }
    }
    for (unsigned sketch = 0; sketch < PROFILE_SKETCH_COUNT_; sketch++)
        ck_assert_mem_eq(profile_sketch(trimmed, (enum profile_sketch)sketch),
                         profile_sketch(whole, (enum profile_sketch)sketch),
                         PROFILE_SKETCH_REGISTERS);
    profile_free(whole);
    profile_free(trimmed);
}
END_TEST

START_TEST(a_small_profile_is_not_changed)
{
    struct random random = random_seeded("trim small");
    struct profile *profile = make(&random);
    size_t n, again_n;
    uint8_t *bytes = profile_save(profile, &n);
    ck_assert(profile_trim(profile, 100000));
    uint8_t *again = profile_save(profile, &again_n);
    ck_assert_uint_eq(again_n, n);
    ck_assert_mem_eq(again, bytes, n);
    free(bytes);
    free(again);
    profile_free(profile);
    struct profile *empty = profile_new(0, 60);
    ck_assert(profile_trim(empty, 1));
    profile_free(empty);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("profile_trim");
    TCase *tests = tcase_create("profile_trim");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, the_first_of_every_ranking_stay);
    tcase_add_test(tests, a_small_profile_is_not_changed);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
