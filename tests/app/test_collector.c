/* The collector: parts of a minute become one row, whatever the order workers deliver in. */
#include "app/collector.h"
#include "harness.h"

static struct window *part(int64_t start_s, uint64_t packets, unsigned port)
{
    struct window *window = calloc(1, sizeof *window);
    ck_assert_ptr_nonnull(window);
    window->start_s = start_s;
    window->span_s = 60;
    window->counts[COUNT_packets] = packets;
    window->dports.bits[0][port / 64] |= (uint64_t)1 << (port % 64);
    return window;
}

START_TEST(parts_of_a_minute_are_one_row)
{
    struct collector *collector = collector_new(3, NULL);
    struct window *two = part(0, 5, 23);
    two->next = part(120, 7, 80);
    collector_deliver(collector, 1, two, 180);
    collector_deliver(collector, 0, part(60, 1, 22), 120);
    collector_deliver(collector, 2, NULL, 60);
    collector_deliver(collector, 2, part(120, 2, 81), INT64_MAX);
    collector_deliver(collector, 0, part(120, 1, 80), INT64_MAX);
    collector_deliver(collector, 1, NULL, INT64_MAX);
    size_t n;
    uint64_t refused;
    struct report_minute *rows = collector_series(collector, &n, &refused);
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(refused, 0);
    static const struct {
        int64_t start_s;
        uint64_t packets, dports;
    } EXPECTED[] = {{0, 5, 1}, {60, 1, 1}, {120, 10, 2}};
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(rows[i].start_s, EXPECTED[i].start_s);
        ck_assert_uint_eq(rows[i].counts[COUNT_packets], EXPECTED[i].packets);
        ck_assert_uint_eq(rows[i].dports, EXPECTED[i].dports);
    }
    free(rows);
    collector_free(collector);
}
END_TEST

START_TEST(undelivered_windows_are_freed)
{
    struct collector *collector = collector_new(2, NULL);
    collector_deliver(collector, 0, part(0, 1, 1), INT64_MAX);
    collector_free(collector); /* the leak checker judges */
    collector_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collector");
    TCase *tests = tcase_create("collector");
    tcase_add_test(tests, parts_of_a_minute_are_one_row);
    tcase_add_test(tests, undelivered_windows_are_freed);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
