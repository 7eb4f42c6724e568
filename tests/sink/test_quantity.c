/* Numbers, shares and times as text, against known answers and libc. */
#include "harness.h"

#include "sink/calendar.h"
#include "sink/quantity.h"
#include "sink/service.h"

#include <string.h>
#include <time.h>

static const struct {
    uint64_t number;
    const char *count, *shorter, *bytes;
} NUMBERS[] = {
    {0, "0", "0", "0 B"},
    {999, "999", "999", "999 B"},
    {1000, "1,000", "1.0 k", "1.0 kB"},
    {1049, "1,049", "1.0 k", "1.0 kB"},
    {1050, "1,050", "1.1 k", "1.1 kB"},
    {999949, "999,949", "999.9 k", "999.9 kB"},
    {999950, "999,950", "1.0 M", "1.0 MB"},
    {123456789, "123,456,789", "123.5 M", "123.5 MB"},
    {UINT64_MAX, "18,446,744,073,709,551,615", "18.4 E", "18.4 EB"},
};

START_TEST(numbers_are_readable)
{
    char buf[QUANTITY_CAP];
    ck_assert_str_eq(quantity_count(NUMBERS[_i].number, false, buf), NUMBERS[_i].count);
    ck_assert_str_eq(quantity_short(NUMBERS[_i].number, buf), NUMBERS[_i].shorter);
    ck_assert_str_eq(quantity_bytes(NUMBERS[_i].number, buf), NUMBERS[_i].bytes);
    ck_assert_int_eq(quantity_count(NUMBERS[_i].number, true, buf)[0], '~');
    ck_assert_str_eq(buf + 1, NUMBERS[_i].count);
}
END_TEST

static const struct {
    int64_t ns;
    const char *text;
} DURATIONS[] = {
    {-1, "0 ms"},
    {0, "0 ms"},
    {12345678, "12 ms"},
    {999999999, "999 ms"},
    {1000000000, "1.0 s"},
    {59999999999, "59.9 s"},
    {60000000000, "1 min 0 s"},
    {3599000000000, "59 min 59 s"},
    {5369000000000, "1 h 29 min"},
    {86400000000000, "1 d 0 h"},
    {INT64_MAX, "106751 d 23 h"},
};

START_TEST(durations_have_two_units)
{
    char buf[QUANTITY_CAP];
    ck_assert_str_eq(quantity_duration(DURATIONS[_i].ns, buf), DURATIONS[_i].text);
}
END_TEST

START_TEST(shares_are_rounded)
{
    char buf[QUANTITY_CAP];
    ck_assert_uint_eq(quantity_permille(1, 3), 333);
    ck_assert_uint_eq(quantity_permille(2, 3), 667);
    ck_assert_uint_eq(quantity_permille(5, 0), 0);
    ck_assert_uint_eq(quantity_permille(UINT64_MAX, UINT64_MAX), 1000);
    ck_assert_str_eq(quantity_share(0, 0, buf), "0.0 %");
    ck_assert_str_eq(quantity_share(0, 1, buf), "<0.1 %");
    ck_assert_str_eq(quantity_share(1000, 7, buf), "100.0 %");
    ck_assert_str_eq(quantity_share(57, 7, buf), "5.7 %");
}
END_TEST

START_TEST(shares_of_a_whole_sum_to_it)
{
    static const uint64_t THIRDS[3] = {1, 1, 1}, NONE[3] = {0};
    struct random random = random_seeded("shares_of_a_whole");
    unsigned permilles[QUANTITY_PARTS_MAX];
    quantity_permilles(THIRDS, 3, permilles);
    ck_assert_uint_eq(permilles[0], 334);
    ck_assert_uint_eq(permilles[1], 333);
    ck_assert_uint_eq(permilles[2], 333);
    quantity_permilles(NONE, 3, permilles);
    ck_assert_uint_eq(permilles[0] + permilles[1] + permilles[2], 0);
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t parts[QUANTITY_PARTS_MAX];
        size_t n = 1 + random_below(&random, QUANTITY_PARTS_MAX);
        bool any = false;
        for (size_t part = 0; part < n; part++) {
            parts[part] = random_next(&random) >> random_below(&random, 64);
            any = any || parts[part] > 0;
        }
        unsigned sum = 0;
        quantity_permilles(parts, n, permilles);
        for (size_t part = 0; part < n; part++) {
            sum += permilles[part];
            ck_assert(parts[part] > 0 || permilles[part] == 0);
        }
        ck_assert_uint_eq(sum, any ? 1000 : 0);
    }
}
END_TEST

START_TEST(calendar_agrees_with_libc)
{
    struct random random = random_seeded("calendar");
    for (unsigned i = 0; i < 100000; i++) {
        /* every day boundary of 1970 to 2106 in steps, and anything in between */
        int64_t at = i < 49710
                         ? (int64_t)i * 86400 - (i & 1)
                         : (int64_t)random_below(&random, (uint64_t)1 << 33) - (1LL << 32);
        time_t unix_s = (time_t)at;
        struct tm tm;
        char text[CALENDAR_CAP], expected[CALENDAR_CAP];
        if (!gmtime_r(&unix_s, &tm) ||
            strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
            strcmp(calendar_format_s(at, text), expected) != 0)
            ck_abort_msg("%s is not %s", text, expected);
    }
}
END_TEST

START_TEST(microseconds_are_cut_not_rounded)
{
    char text[CALENDAR_CAP];
    ck_assert_str_eq(calendar_format_us(999999999, text), "1970-01-01T00:00:00.999999Z");
    ck_assert_str_eq(calendar_format_us(4294967295999999999, text),
                     "2106-02-07T06:28:15.999999Z");
    ck_assert_str_eq(calendar_format_us(-1, text), "1969-12-31T23:59:59.999999Z");
}
END_TEST

START_TEST(services_depend_on_the_protocol)
{
    ck_assert_str_eq(service_name(PROTOCOL_TCP, 23), "telnet");
    ck_assert_str_eq(service_name(PROTOCOL_UDP, 23), "");
    ck_assert_str_eq(service_name(PROTOCOL_UDP, 53), "dns");
    ck_assert_str_eq(service_name(PROTOCOL_TCP, 443), "https");
    ck_assert_str_eq(service_name(PROTOCOL_UDP, 443), "quic");
    ck_assert_str_eq(service_name(PROTOCOL_ICMP, 7), "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quantity");
    TCase *tests = tcase_create("quantity");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, numbers_are_readable, 0, sizeof NUMBERS / sizeof NUMBERS[0]);
    tcase_add_loop_test(tests, durations_have_two_units, 0,
                        sizeof DURATIONS / sizeof DURATIONS[0]);
    tcase_add_test(tests, shares_are_rounded);
    tcase_add_test(tests, shares_of_a_whole_sum_to_it);
    tcase_add_test(tests, calendar_agrees_with_libc);
    tcase_add_test(tests, microseconds_are_cut_not_rounded);
    tcase_add_test(tests, services_depend_on_the_protocol);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
