/* The same packets give the same report: whatever the workers, batches, keys and merges. */
#include "stream.h"

static const struct run BASE = {
    .workers = 1, .rows = 256, .table_key = {1, 2}, .sources_max = 1 << 20, .top = 7};

static void check_variants(const struct stream *stream, struct run base)
{
    static const unsigned workers[] = {1, 2, 3, 7};
    static const unsigned rows[] = {1, 17, 255, 256};
    struct report *expected = run_report(stream, &base);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned j = 0; j < 4; j++) {
            struct run run = base;
            run.workers = workers[i];
            run.rows = rows[j];
            run.table_key[0] = 77 * j + 5;
            run.table_key[1] = ~(uint64_t)i;
            run.advance = j % 2;
            run.backward = i % 2;
            struct report *report = run_report(stream, &run);
            same_report(expected, report);
            report_free(report);
        }
    }
    report_free(expected);
}

START_TEST(workers_batches_keys_and_order_change_nothing)
{
    struct random random = random_seeded("invariance");
    struct stream stream = stream_random(&random, 6000, 300, 60);
    check_variants(&stream, BASE);
    free(stream.packets);
}
END_TEST

START_TEST(evictions_change_nothing_either)
{
    struct random random = random_seeded("evictions");
    struct stream stream = stream_random(&random, 6000, 1500, 30);
    struct run run = BASE;
    run.sources_max = 64 * 9;
    check_variants(&stream, run);
    struct report *report = run_report(&stream, &run);
    ck_assert_uint_gt(report->limits.sources_evicted, 0);
    ck_assert(report->sources_estimated);
    report_free(report);
    free(stream.packets);
}
END_TEST

/* A source in several analyses: packets dealt out regardless of shard. */
START_TEST(split_sources_merge_in_any_grouping)
{
    struct random random = random_seeded("split");
    struct stream stream = stream_random(&random, 3000, 100, 60);
    struct analysis_config config = {
        .sources_max = 1 << 16, .lateness_ns = stream.lateness_ns, .locator = &TEST_LOCATOR};
    struct report *reports[3];
    for (unsigned grouping = 0; grouping < 3; grouping++) {
        struct analysis *parts[3];
        struct batch *batch = calloc(1, sizeof *batch);
        for (unsigned part = 0; part < 3; part++) {
            parts[part] = analysis_new(&config);
            for (unsigned i = part; i < stream.n; i += 3) {
                batch_clear(batch);
                batch_put(batch, &stream.packets[i]);
                analysis_add(parts[part], batch, NULL);
            }
        }
        free(batch);
        static const unsigned first[3][2] = {{0, 1}, {1, 2}, {2, 0}};
        unsigned into = first[grouping][0], from = first[grouping][1];
        ck_assert_int_eq(analysis_merge(parts[into], parts[from]), 0);
        ck_assert_int_eq(analysis_merge(parts[3 - into - from], parts[into]), 0);
        struct analysis *all = parts[3 - into - from];
        analysis_finish(all);
        size_t minutes_n;
        struct report_minute *minutes = minutes_of(analysis_take_closed(all), &minutes_n);
        struct report_input input = {
            .minutes = minutes, .minutes_n = minutes_n, .locator = &TEST_LOCATOR};
        reports[grouping] = report_new(all, &input);
        free(minutes);
        for (unsigned part = 0; part < 3; part++)
            analysis_free(parts[part]);
    }
    same_report(reports[0], reports[1]);
    same_report(reports[0], reports[2]);
    struct run run = BASE;
    run.top = 0;
    struct report *whole = run_report(&stream, &run);
    same_view(&whole->scan, &reports[0]->scan); /* as if they had never been split */
    same_view(&whole->backscatter, &reports[0]->backscatter);
    ck_assert_uint_eq(whole->destinations, reports[0]->destinations);
    report_free(whole);
    for (unsigned i = 0; i < 3; i++)
        report_free(reports[i]);
    free(stream.packets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("invariance");
    TCase *tests = tcase_create("invariance");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, workers_batches_keys_and_order_change_nothing);
    tcase_add_test(tests, evictions_change_nothing_either);
    tcase_add_test(tests, split_sources_merge_in_any_grouping);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
