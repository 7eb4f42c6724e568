#include "harness.h"
#include "publish/keys.h"
#include "publish/series_fields.h"

#include <string.h>

static const struct {
    const char *text;
    bool is;
} SENSORS[] = {
    {"a", true},
    {"darknet-1.example_X", true},
    {"0123456789012345678901234567890123456789012345678901234567890123", true},
    {"01234567890123456789012345678901234567890123456789012345678901234", false},
    {"", false},
    {"a b", false},
    {"a}", false},
    {"{a", false},
    {"a*", false},
    {"a:b", false},
    {"\xc3\xa4", false},
    {"a\n", false},
};

START_TEST(names_of_sensors_are_plain)
{
    ck_assert_msg(keys_is_sensor(SENSORS[_i].text) == SENSORS[_i].is, "\"%s\"",
                  SENSORS[_i].text);
}
END_TEST

static const struct {
    const char *text;
    bool is;
} INCARNATIONS[] = {
    {"1795305600123-a", true},
    {"0000000000000-0Zz9", true},
    {"1795305600123-0123456789012345678901234567890123456789012345678901", false},
    {"1795305600123-01234567890123456789012345678901234567890123456789", true},
    {"1795305600123-", false},
    {"1795305600123", false},
    {"179530560012-a", false},
    {"17953056001234-a", false},
    {"1795305600123-a:b", false},
    {"1795305600123-a}", false},
    {"1795305600123-a ", false},
    {"", false},
    {"zzz", false},
};

START_TEST(incarnations_sort_by_time)
{
    ck_assert_msg(keys_is_incarnation(INCARNATIONS[_i].text) == INCARNATIONS[_i].is, "\"%s\"",
                  INCARNATIONS[_i].text);
}
END_TEST

START_TEST(the_longest_names_fit)
{
    struct keys keys;
    const char *sensor = SENSORS[2].text, *incarnation = INCARNATIONS[3].text;
    ck_assert_uint_eq(strlen(incarnation), INCARNATION_MAX);
    keys_init(&keys, sensor, incarnation);
    char expected[KEY_CAP];
    (void)snprintf(expected, sizeof expected, "ns:{%s}:", sensor);
    ck_assert_str_eq(keys.prefix, expected);
    ck_assert_uint_eq(keys.prefix_len, strlen(expected));
    (void)snprintf(expected, sizeof expected, "ns:{%s}:stage:%s:", sensor, incarnation);
    ck_assert_str_eq(keys.stage, expected);
    (void)snprintf(expected, sizeof expected, "ns:{%s}:owner", sensor);
    ck_assert_str_eq(keys.owner, expected);
}
END_TEST

START_TEST(names_hold_any_byte_and_have_an_order)
{
    const struct name ORDER[] = {
        {(char[]){""}, 0},     {(char[]){"\0"}, 1}, {(char[]){"a"}, 1},    {(char[]){"a\0"}, 2},
        {(char[]){"a\0b"}, 3}, {(char[]){"ab"}, 2}, {(char[]){"\xff"}, 1},
    };
    enum { N = sizeof ORDER / sizeof ORDER[0] };
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++) {
            int order = name_compare(&ORDER[i], &ORDER[k]);
            ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
        }
    struct names names = {0};
    for (unsigned i = 0; i < 1000; i++)
        ck_assert(names_add(&names, "a\0b", i % 4));
    ck_assert_uint_eq(names.n, 1000);
    ck_assert_mem_eq(names.items[999].text, "a\0b", 4);
    names_fini(&names);
}
END_TEST

START_TEST(fields_of_the_series_are_those_of_the_contract)
{
    static const char CONTRACT[] =
        "seconds packets bytes tcp udp icmp icmp6 sctp other scan backscatter class_other "
        "sources dports iot_matched iot_matched_sources mirai zmap masscan nmap not_counted "
        "dropped late ";
    char fields[512] = "";
    struct series_values values = {.seconds = 1000, .dports = 1001};
    for (unsigned i = 0; i < COUNT_COUNT_; i++)
        values.counts[i] = i;
    for (unsigned i = 0; i < SERIES_FIELD_COUNT_; i++) {
        strcat(fields, SERIES_FIELDS[i]);
        strcat(fields, " ");
    }
    ck_assert_str_eq(fields, CONTRACT);
    ck_assert_uint_eq(series_value(&values, 0), 1000);
    ck_assert_uint_eq(series_value(&values, 1), COUNT_packets);
    ck_assert_uint_eq(series_value(&values, 12), COUNT_sources);
    ck_assert_uint_eq(series_value(&values, 13), 1001);
    ck_assert_uint_eq(series_value(&values, 14), COUNT_iot_matched);
    ck_assert_uint_eq(series_value(&values, 22), COUNT_late);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("publish keys");
    TCase *tcase = tcase_create("keys");
    tcase_add_loop_test(tcase, names_of_sensors_are_plain, 0,
                        (int)(sizeof SENSORS / sizeof SENSORS[0]));
    tcase_add_loop_test(tcase, incarnations_sort_by_time, 0,
                        (int)(sizeof INCARNATIONS / sizeof INCARNATIONS[0]));
    tcase_add_test(tcase, the_longest_names_fit);
    tcase_add_test(tcase, names_hold_any_byte_and_have_an_order);
    tcase_add_test(tcase, fields_of_the_series_are_those_of_the_contract);
    suite_add_tcase(suite, tcase);
    return harness_run(suite);
}
