/* Reports read back: what was written comes back byte for byte, what is hostile is refused, and
 * reports of several sensors add up. */
#include "fixture.h"

#include <string.h>

static char *render(const struct report *report, const struct sink_files *files)
{
    char *text = NULL;
    size_t size = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(sink_json(out, report, files, &err), 0);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static char *page(const struct report *report, const struct sink_files *files)
{
    char *text = NULL;
    size_t size = 0;
    struct err err = {0};
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    struct sink_text_options options = {.width = 100};
    ck_assert_int_eq(sink_text(out, report, files, &options, &err), 0);
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

static struct sink_read *read_text(const char *text)
{
    struct err err = {0};
    struct sink_read *read = sink_read(text, strlen(text), "test", &err);
    ck_assert_msg(read != NULL, "%s", err.text);
    return read;
}

static char *render_read(const struct sink_read *read)
{
    return render(sink_read_report(read), sink_read_files(read));
}

static void (*const FIXTURES[])(struct fixture *) = {fixture_fixed, fixture_empty};

START_TEST(what_was_written_comes_back)
{
    struct fixture fixture;
    FIXTURES[_i](&fixture);
    char *text = render(&fixture.report, &fixture.files);
    struct sink_read *read = read_text(text);
    char *again = render_read(read);
    ck_assert_str_eq(again, text);
    free(again);
    free(text);
    sink_read_free(read);
    fixture_fini(&fixture);
}
END_TEST

/* The page is of the same numbers; texts that are no UTF-8 went through JSON. */
START_TEST(the_page_is_the_same)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    strcpy(fixture.report.scan.asns.rows[3].name, "plain");
    fixture.status[2].name = "plain.pcap";
    (void)err_set(&fixture.status[3].error, "-bad.pcap", 0, 0, "not a capture file");
    char *text = render(&fixture.report, &fixture.files);
    struct sink_read *read = read_text(text);
    char *made = page(&fixture.report, &fixture.files);
    char *from_read = page(sink_read_report(read), sink_read_files(read));
    ck_assert_str_eq(from_read, made);
    free(made);
    free(from_read);
    free(text);
    sink_read_free(read);
    fixture_fini(&fixture);
}
END_TEST

/* Numbers past 2^63 are not read: they are cut to 18 digits. */
static void shorten_numbers(char *text)
{
    char *to = text;
    for (unsigned digits = 0; *text; text++) {
        digits = *text >= '0' && *text <= '9' ? digits + 1 : 0;
        if (digits <= 18)
            *to++ = *text;
    }
    *to = '\0';
}

START_TEST(random_reports_come_back)
{
    struct random random = random_seeded("random_reports_come_back");
    for (unsigned i = 0; i < 100; i++) {
        struct fixture fixture;
        fixture_random(&fixture, &random);
        char *text = render(&fixture.report, &fixture.files);
        shorten_numbers(text); /* estimates may now be above their bound: once more */
        struct sink_read *read = read_text(text);
        char *once = render_read(read);
        struct sink_read *read_again = read_text(once);
        char *twice = render_read(read_again);
        ck_assert_str_eq(twice, once);
        free(page(sink_read_report(read), sink_read_files(read)));
        free(once);
        free(twice);
        free(text);
        sink_read_free(read);
        sink_read_free(read_again);
        fixture_fini(&fixture);
    }
}
END_TEST

#define REPORT(more) "{\"schema\":\"nightscope.report/1\"" more "}"

static const struct {
    const char *text, *says;
} REFUSED[] = {
    {"", "not JSON"},
    {"[]", "not an object"},
    {"{}", "no schema"},
    {"{\"schema\":1}", "no schema"},
    {"{\"schema\":\"nightscope.report/0\"}", "no schema"},
    {"{\"schema\":\"nightscope.report/2\"}", "newer"},
    {"{\"schema\":\"nightscope.report/1\"", "not JSON"},
    {REPORT(",\"packets\":-1"), "\"packets\""},
    {REPORT(",\"packets\":1.5"), "\"packets\""},
    {REPORT(",\"packets\":\"1\""), "\"packets\""},
    {REPORT(",\"packets\":18446744073709551616"), "not JSON"},
    {REPORT(",\"packets\":1,\"packets\":2"), "not JSON"},
    {REPORT(",\"first\":\"2026-02-30T00:00:00.000000Z\""), "\"first\""},
    {REPORT(",\"first\":\"2026-02-03T00:00:00Z\""), "\"first\""},
    {REPORT(",\"first\":1"), "\"first\""},
    {REPORT(
         ",\"first\":\"2026-02-03T00:00:01.000000Z\",\"last\":\"2026-02-03T00:00:00.000000Z\""),
     "before"},
    {REPORT(",\"protocols\":[]"), "\"protocols\""},
    {REPORT(",\"ports\":{}"), "\"ports\""},
    {REPORT(",\"ports\":[1]"), "\"ports\""},
    {REPORT(",\"ports\":[{\"port\":65536}]"), "\"port\" in row 1 of \"ports\""},
    {REPORT(",\"ports\":[{},{\"proto\":\"gre\"}]"), "\"proto\" in row 2"},
    {REPORT(",\"countries\":[{\"cc\":\"\\u001bc\"}]"), "\"cc\""},
    {REPORT(",\"countries\":[{\"cc\":\"ABC\"}]"), "\"cc\""},
    {REPORT(",\"countries\":[{\"cc\":\"\\u0000A\"}]"), "not JSON"},
    {REPORT(",\"asns\":[{\"asn\":4294967296}]"), "\"asn\""},
    {REPORT(",\"asns\":[{\"name\":null}]"), "\"name\""},
    {REPORT(",\"top_sources\":[{\"ip\":\"1.2.3\"}]"), "\"ip\""},
    {REPORT(",\"top_sources\":[{\"first\":\"2150-01-01T00:00:00Z\"}]"), "\"first\""},
    {REPORT(",\"top_sources\":[{\"labels\":[1]}]"), "\"labels\""},
    {REPORT(",\"top_sources\":[{\"labels\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}]"),
     "\"labels\""},
    {REPORT(",\"labels\":{\"a\":1}"), "\"labels\""},
    {REPORT(",\"files\":[{}]"), "\"name\""},
    {REPORT(",\"files\":[{\"name\":null}]"), "\"name\""},
    {REPORT(",\"files\":[{\"name\":\"\",\"cut\":1}]"), "\"cut\""},
    {REPORT(",\"series\":[{\"t\":\"2026-02-03T00:00:30Z\"}]"), "\"series\""},
    {REPORT(",\"series\":[{\"t\":\"2026-02-03T00:01:00Z\"},{\"t\":\"2026-02-03T00:00:00Z\"}]"),
     "\"series\""},
    {REPORT(",\"series\":[{\"t\":\"2026-02-03T00:01:00Z\"},{\"t\":\"2026-02-03T00:01:00Z\"}]"),
     "\"series\""},
};

START_TEST(hostile_reports_are_refused)
{
    struct err err = {0};
    struct sink_read *read =
        sink_read(REFUSED[_i].text, strlen(REFUSED[_i].text), "ns:{s}:report", &err);
    ck_assert_msg(read == NULL, "%s", REFUSED[_i].text);
    ck_assert_msg(strstr(err.text, REFUSED[_i].says) != NULL, "%s says %s", REFUSED[_i].text,
                  err.text);
    ck_assert_str_eq(err.origin, "ns:{s}:report");
}
END_TEST

START_TEST(fields_nobody_knows_are_left_alone)
{
    struct sink_read *read =
        read_text(REPORT(",\"later\":{\"packets\":[1]},\"packets\":7,\"iot\":{\"new\":1}"));
    ck_assert_uint_eq(sink_read_report(read)->counts[COUNT_packets], 7);
    free(page(sink_read_report(read), sink_read_files(read)));
    sink_read_free(read);
}
END_TEST

/* Merging, on numbers worked out by hand. */

static const char ONE[] = REPORT(
    ",\"files\":[{\"name\":\"a\",\"frames\":5}],\"first\":\"2026-02-03T00:00:05.000000Z\","
    "\"last\":\"2026-02-03T00:01:05.000000Z\",\"frames\":100,\"packets\":90,"
    "\"classes\":{\"scan\":80,\"backscatter\":10},\"class_sources\":{\"scan\":7,"
    "\"backscatter\":2},\"sources\":9,\"destinations\":50,"
    "\"ports\":[{\"proto\":\"tcp\",\"port\":23,\"packets\":50,\"sources\":4},"
    "{\"proto\":\"tcp\",\"port\":22,\"packets\":20,\"sources\":1},"
    "{\"proto\":\"udp\",\"port\":23,\"packets\":10,\"sources\":3}],\"ports_total\":9,"
    "\"labels\":{\"mirai\":{\"packets\":40,\"sources\":3,\"labelled\":2},"
    "\"zmap\":{\"packets\":0,\"sources\":0,\"labelled\":0}},"
    "\"top_sources\":[{\"ip\":\"192.0.2.9\",\"packets\":30,\"ports\":1,\"destinations\":30,"
    "\"labels\":[\"mirai\"],\"first\":\"2026-02-03T00:00:05Z\","
    "\"last\":\"2026-02-03T00:00:06Z\",\"cc\":\"??\",\"asn\":0}],"
    "\"series\":[{\"t\":\"2026-02-03T00:00:00Z\",\"seconds\":55,\"packets\":60,\"sources\":5,"
    "\"dports\":4},"
    "{\"t\":\"2026-02-03T00:01:00Z\",\"seconds\":6,\"packets\":30,\"sources\":4}]");

static const char OTHER[] = REPORT(
    ",\"files\":[],\"first\":\"2026-02-02T00:00:00.000000Z\","
    "\"last\":\"2026-02-03T00:00:30.000000Z\",\"frames\":10,\"packets\":10,"
    "\"classes\":{\"scan\":10},\"class_sources\":{\"scan\":2},\"sources\":2,"
    "\"destinations\":5,\"thresholds\":\"off: --dark not given\","
    "\"ports\":[{\"proto\":\"tcp\",\"port\":22,\"packets\":40,\"sources\":2},"
    "{\"proto\":\"tcp\",\"port\":80,\"packets\":10,\"sources\":1}],\"ports_total\":2,"
    "\"labels\":{\"masscan\":{\"packets\":1,\"sources\":1,\"labelled\":0},"
    "\"mirai\":{\"packets\":2,\"sources\":1,\"labelled\":1}},"
    "\"top_sources\":[{\"ip\":\"192.0.2.9\",\"packets\":3,\"ports\":2,\"destinations\":3,"
    "\"labels\":[\"aaa\",\"mirai\"],\"first\":\"2026-02-02T00:00:05Z\","
    "\"last\":\"2026-02-02T00:00:06Z\",\"cc\":\"JP\",\"asn\":64496}],"
    "\"series\":[{\"t\":\"2026-02-02T00:00:00Z\",\"seconds\":60,\"packets\":3,\"sources\":1},"
    "{\"t\":\"2026-02-03T00:00:00Z\",\"seconds\":31,\"packets\":7,\"sources\":1,"
    "\"dports\":2}]");

static const char MERGED[] =
    "\"first\":\"2026-02-02T00:00:00.000000Z\",\"last\":\"2026-02-03T00:01:05.000000Z\","
    "\"frames\":110,\"packets\":100,|"
    "\"classes\":{\"scan\":90,\"backscatter\":10,\"other\":0},|"
    "\"class_sources\":{\"scan\":9,\"backscatter\":2,\"other\":0},"
    "\"class_sources_estimated\":true,\"sources\":11,\"sources_estimated\":true,"
    "\"destinations\":55,\"destinations_estimated\":true|"
    "\"labels\":{\"masscan\":{\"packets\":1,\"sources\":1,\"labelled\":0},"
    "\"mirai\":{\"packets\":42,\"sources\":4,\"sources_estimated\":true,\"labelled\":3,"
    "\"labelled_estimated\":true},\"zmap\":{\"packets\":0,\"sources\":0,\"labelled\":0}}|"
    "\"thresholds\"|"
    "\"ports\":[{\"proto\":\"tcp\",\"port\":22,\"packets\":60,\"sources\":3,"
    "\"sources_estimated\":true},{\"proto\":\"tcp\",\"port\":23,\"packets\":50,\"sources\":4},"
    "{\"proto\":\"tcp\",\"port\":80,\"packets\":10,\"packets_estimated\":true,\"sources\":1,"
    "\"sources_estimated\":true}," /* which ONE may have cut off */
    "{\"proto\":\"udp\",\"port\":23,\"packets\":10,\"sources\":3}],\"ports_total\":9|"
    "{\"ip\":\"192.0.2.9\",\"packets\":33,\"ports\":3,\"ports_estimated\":true,"
    "\"destinations\":33,\"destinations_estimated\":true,\"labels\":[\"aaa\",\"mirai\"],"
    "\"first\":\"2026-02-02T00:00:05Z\",\"last\":\"2026-02-03T00:00:06Z\",\"cc\":\"JP\","
    "\"asn\":64496}|"
    "{\"t\":\"2026-02-02T00:00:00Z\",\"seconds\":60,\"packets\":3,|"
    "{\"t\":\"2026-02-03T00:00:00Z\",\"seconds\":55,\"packets\":67,|"
    "\"sources\":6,\"sources_estimated\":true,\"dports\":6,\"dports_estimated\":true|"
    "{\"t\":\"2026-02-03T00:01:00Z\",\"seconds\":6,\"packets\":30,";

START_TEST(reports_of_sensors_add_up)
{
    struct sink_read *a = read_text(_i ? OTHER : ONE), *b = read_text(_i ? ONE : OTHER);
    ck_assert_int_eq(sink_merge(sink_read_report(a), sink_read_report(b)), 0);
    char *text = render_read(a), *parts = strdup(MERGED), *rest = NULL;
    for (char *part = strtok_r(parts, "|", &rest); part; part = strtok_r(NULL, "|", &rest))
        ck_assert_msg(strstr(text, part) != NULL, "%s\nis not in\n%s", part, text);
    struct sink_read *again = read_text(text); /* what was merged can be read */
    free(page(sink_read_report(a), sink_read_files(a)));
    sink_read_free(again);
    free(parts);
    free(text);
    sink_read_free(a);
    sink_read_free(b);
}
END_TEST

START_TEST(merging_with_nothing_changes_nothing)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture.report, &fixture.files);
    struct sink_read *read = read_text(text), *empty = read_text(REPORT(""));
    ck_assert_int_eq(sink_merge(sink_read_report(read), sink_read_report(empty)), 0);
    char *merged = render_read(read);
    ck_assert_str_eq(merged, text);
    free(merged);
    sink_read_free(read);
    read = read_text(text);
    ck_assert_int_eq(sink_merge(sink_read_report(empty), sink_read_report(read)), 0);
    merged = render(sink_read_report(empty), sink_read_files(read));
    ck_assert_str_eq(merged, text);
    free(merged);
    free(text);
    sink_read_free(read);
    sink_read_free(empty);
    fixture_fini(&fixture);
}
END_TEST

/* Ports of three sensors, of which the first and the last had cut theirs. Worked out by hand:
 * what is not in a table that was cut may have been in it. */
static const char *const CUT_PARTS[] = {
    REPORT(",\"frames\":19,\"packets\":19,\"classes\":{\"scan\":19},"
           "\"ports\":[{\"proto\":\"tcp\",\"port\":1,\"packets\":9,\"sources\":1},"
           "{\"proto\":\"tcp\",\"port\":2,\"packets\":7,\"sources\":1}],\"ports_total\":3"),
    REPORT(",\"ports\":[{\"proto\":\"tcp\",\"port\":3,\"packets\":8,\"sources\":1},"
           "{\"proto\":\"tcp\",\"port\":4,\"packets\":1,\"sources\":1}],\"ports_total\":2"),
    REPORT(",\"ports\":[{\"proto\":\"tcp\",\"port\":1,\"packets\":5,\"sources\":1}],"
           "\"ports_total\":2"),
};
static const char CUT_MERGED[] =
    "\"ports\":[{\"proto\":\"tcp\",\"port\":1,\"packets\":14,\"sources\":2,"
    "\"sources_estimated\":true},"
    "{\"proto\":\"tcp\",\"port\":3,\"packets\":8,\"packets_estimated\":true,\"sources\":1,"
    "\"sources_estimated\":true},"
    "{\"proto\":\"tcp\",\"port\":2,\"packets\":7,\"packets_estimated\":true,\"sources\":1,"
    "\"sources_estimated\":true},"
    "{\"proto\":\"tcp\",\"port\":4,\"packets\":1,\"packets_estimated\":true,\"sources\":1,"
    "\"sources_estimated\":true}],\"ports_total\":4";

static void merge_into(struct sink_read *into, struct sink_read *from)
{
    ck_assert_int_eq(sink_merge(sink_read_report(into), sink_read_report(from)), 0);
    sink_read_free(from);
}

START_TEST(rows_that_a_part_may_have_cut_off_are_marked)
{
    static const unsigned ORDERS[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (unsigned right = 0; right < 2; right++) {
        struct sink_read *part[3];
        for (unsigned i = 0; i < 3; i++)
            part[i] = read_text(CUT_PARTS[ORDERS[_i][i]]);
        if (right) {
            merge_into(part[1], part[2]);
            merge_into(part[0], part[1]);
        } else {
            merge_into(part[0], part[1]);
            merge_into(part[0], part[2]);
        }
        char *text = render_read(part[0]);
        ck_assert_msg(strstr(text, CUT_MERGED) != NULL, "%s\nis not in\n%s", CUT_MERGED, text);
        struct sink_read *again = read_text(text);
        char *same = render_read(again),
             *shown = page(sink_read_report(again), sink_read_files(again));
        ck_assert_str_eq(same, text);
        ck_assert_msg(strstr(shown, " ~8 ") != NULL, "%s", shown);
        ck_assert_msg(strstr(shown, " 14 ") != NULL, "%s", shown);
        free(shown);
        free(same);
        free(text);
        sink_read_free(again);
        sink_read_free(part[0]);
    }
}
END_TEST

START_TEST(cutting_keeps_totals_and_the_series)
{
    struct sink_read *read = read_text(ONE);
    struct report *report = sink_read_report(read);
    sink_cut(report, 0);
    ck_assert_uint_eq(report->scan.ports.n, 3);
    sink_cut(report, 1);
    ck_assert_uint_eq(report->scan.ports.n, 1);
    ck_assert_uint_eq(report->scan.ports.total, 9);
    ck_assert_uint_eq(report->series.n, 2);
    ck_assert_uint_eq(report->labels.n, 2);
    sink_read_free(read);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("read");
    TCase *tests = tcase_create("read");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, what_was_written_comes_back, 0, 2);
    tcase_add_test(tests, the_page_is_the_same);
    tcase_add_test(tests, random_reports_come_back);
    tcase_add_loop_test(tests, hostile_reports_are_refused, 0,
                        sizeof REFUSED / sizeof *REFUSED);
    tcase_add_test(tests, fields_nobody_knows_are_left_alone);
    tcase_add_loop_test(tests, reports_of_sensors_add_up, 0, 2);
    tcase_add_test(tests, merging_with_nothing_changes_nothing);
    tcase_add_loop_test(tests, rows_that_a_part_may_have_cut_off_are_marked, 0, 6);
    tcase_add_test(tests, cutting_keeps_totals_and_the_series);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
