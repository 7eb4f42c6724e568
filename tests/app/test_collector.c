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
    struct report_refused refused;
    struct report_minute *rows = collector_series(collector, &n, &refused);
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(refused.minutes, 0);
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

START_TEST(quiet_minutes_are_rows_with_their_seconds)
{
    struct collector *collector = collector_new(2, NULL);
    collector_run_on(collector, 100);
    collector_note_captured(collector, 0, 20100);
    collector_note_captured(collector, 60, 30000);
    collector_note_captured(collector, 60, 30000);
    collector_note_captured(collector, 60, 10);
    collector_note_captured(collector, 120, 1);
    collector_deliver(collector, 0, part(0, 5, 23), 120);
    collector_deliver(collector, 1, part(0, 6, 24), 120);
    struct collector_closed closed;
    collector_take(collector, &closed);
    ck_assert_uint_eq(closed.minutes_n, 2);
    ck_assert_int_eq(closed.closed_until_s, 120);
    ck_assert_uint_eq(closed.minutes[0].seconds, 21);
    ck_assert_uint_eq(closed.minutes[0].window->counts[COUNT_packets], 11);
    ck_assert_uint_eq(closed.minutes[1].seconds, 60);
    ck_assert_uint_eq(closed.minutes[1].window->counts[COUNT_packets], 0);
    for (size_t i = 0; i < closed.minutes_n; i++)
        window_free(closed.minutes[i].window);
    free(closed.minutes);
    collector_note_captured(collector, 60, 1000); /* is closed */
    collector_deliver(collector, 0, NULL, INT64_MAX);
    collector_deliver(collector, 1, NULL, INT64_MAX);
    size_t n;
    struct report_refused refused;
    struct report_minute *rows = collector_series(collector, &n, &refused);
    static const uint32_t seconds[] = {21, 60, 1};
    ck_assert_uint_eq(n, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(rows[i].start_s, 60 * (int64_t)i);
        ck_assert_uint_eq(rows[i].seconds, seconds[i]);
    }
    free(rows);
    collector_free(collector); /* with a minute that nobody took */
}
END_TEST

START_TEST(a_series_that_runs_on_keeps_its_last_rows)
{
    enum { ROWS_MAX = 64, MINUTES = 1000 };
    struct collector *collector = collector_new(1, NULL);
    collector_run_on(collector, ROWS_MAX);
    for (int64_t i = 0; i < MINUTES; i++) {
        collector_deliver(collector, 0, part(60 * i, 1, 1), 60 * i + 60);
        struct collector_closed closed;
        collector_take(collector, &closed);
        ck_assert_uint_eq(closed.minutes_n, 1);
        window_free(closed.minutes[0].window);
        free(closed.minutes);
    }
    size_t n;
    struct report_refused refused;
    struct report_minute *rows = collector_series(collector, &n, &refused);
    ck_assert_uint_le(n, ROWS_MAX);
    ck_assert_uint_gt(n, ROWS_MAX / 2);
    ck_assert_uint_eq(n + refused.minutes, MINUTES);
    ck_assert_int_eq(rows[n - 1].start_s, 60 * (MINUTES - 1));
    free(rows);
    collector_free(collector);
}
END_TEST

/* What a sensor has captured in all outlives the rows that say when, and restarts. */
START_TEST(seconds_of_minutes_that_are_gone_still_count)
{
    enum { ROWS_MAX = 64, MINUTES = 500, COPIED = 10 };
    struct collector *collector = collector_new(1, NULL);
    struct report_refused refused;
    uint64_t captured = 0;
    collector_run_on(collector, ROWS_MAX);
    for (int64_t i = 0; i < MINUTES; i++) {
        uint32_t seconds = i % 7 ? 60 : 13;
        captured += seconds;
        collector_note_captured(collector, 60 * i, seconds * 1000);
        collector_deliver(collector, 0, part(60 * i, 1, 1), 60 * i + 60);
    }
    for (unsigned restarts = 0; restarts < 3; restarts++) {
        size_t n;
        uint64_t sum = 0;
        struct report_minute *rows = collector_copy_series(collector, COPIED, &n, &refused);
        ck_assert_uint_eq(n, COPIED);
        ck_assert_uint_eq(n + refused.minutes, MINUTES);
        for (size_t i = 0; i < n; i++)
            sum += rows[i].seconds;
        ck_assert_uint_eq(sum + refused.seconds, captured);
        free(rows);
        struct bytes_out out = {0};
        collector_save(collector, &out);
        collector_free(collector);
        collector = collector_new(2, NULL);
        collector_run_on(collector, ROWS_MAX);
        struct bytes_in in = {out.bytes, out.bytes + out.n, false};
        ck_assert_int_eq(collector_load(collector, &in, true), 0);
        free(out.bytes);
    }
    collector_free(collector);
}
END_TEST

/* Two workers, one of them behind; then another collector, of three, goes on. */
START_TEST(a_minute_in_parts_goes_on_after_a_restart)
{
    struct collector *before = collector_new(2, NULL), *after = collector_new(3, NULL);
    struct bytes_out out = {0};
    collector_run_on(before, 100);
    collector_run_on(after, 100);
    collector_note_captured(before, 0, 60000);
    collector_note_captured(before, 60, 20000);
    collector_deliver(before, 0, part(0, 5, 23), 120);
    collector_deliver(before, 1, part(0, 2, 24), 60);
    collector_deliver(before, 0, part(60, 3, 23), 120);
    collector_save(before, &out);
    struct window *pending = collector_take_pending(before);
    collector_free(before);

    struct bytes_in in = {out.bytes, out.bytes + out.n, false};
    ck_assert_int_eq(collector_load(after, &in, true), 0);
    ck_assert_ptr_eq(in.at, in.end);
    ck_assert_int_eq(collector_closed_until(after), 60);
    ck_assert_uint_eq(collector_seconds(after, 0), 60);
    ck_assert_uint_eq(collector_seconds(after, 60), 0);
    collector_deliver(after, 0, pending, 60);
    collector_note_captured(after, 60, 10000);
    for (unsigned worker = 0; worker < 3; worker++)
        collector_deliver(after, worker, worker ? part(60, 10, 80) : NULL, 120);
    size_t n;
    struct report_refused refused;
    struct report_minute *rows = collector_series(after, &n, &refused);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(rows[0].counts[COUNT_packets], 7);
    ck_assert_uint_eq(rows[0].seconds, 60);
    ck_assert_uint_eq(rows[1].counts[COUNT_packets], 23);
    ck_assert_uint_eq(rows[1].dports, 2);
    ck_assert_uint_eq(rows[1].seconds, 30);
    free(rows);
    collector_free(after);

    for (size_t cut = 0; cut < out.n; cut++) { /* whatever is missing, it says so */
        struct collector *other = collector_new(1, NULL);
        collector_run_on(other, 100);
        in = (struct bytes_in){out.bytes, out.bytes + cut, false};
        ck_assert_int_eq(collector_load(other, &in, true), -1);
        collector_free(other);
    }
    free(out.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("collector");
    TCase *tests = tcase_create("collector");
    tcase_add_test(tests, parts_of_a_minute_are_one_row);
    tcase_add_test(tests, undelivered_windows_are_freed);
    tcase_add_test(tests, quiet_minutes_are_rows_with_their_seconds);
    tcase_add_test(tests, a_minute_in_parts_goes_on_after_a_restart);
    tcase_add_test(tests, a_series_that_runs_on_keeps_its_last_rows);
    tcase_add_test(tests, seconds_of_minutes_that_are_gone_still_count);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
