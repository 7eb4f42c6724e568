/* The page for a person: golden files at two widths, columns that fit, hostile names. */
#include "fixture.h"
#include "golden.h"

#include "sink/page.h"

#include <string.h>

static char *render(const struct fixture *fixture, unsigned width, bool colour)
{
    char *text = NULL;
    size_t size = 0;
    struct err err = {0};
    const struct sink_text_options options = {.colour = colour, .width = width};
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    ck_assert_int_eq(sink_text(out, &fixture->report, &fixture->files, &options, &err), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_uint_eq(strlen(text), size);
    return text;
}

static const struct {
    const char *golden;
    unsigned width;
    bool colour, located, is_signed;
} PAGES[] = {
    {"report80.txt", 80, false, true, true},
    {"report100.txt", 100, false, true, true},
    {"report110.txt", 110, false, true, true},
    {"report60.txt", 60, false, true, true},
    {"report80colour.txt", 80, true, true, true},
    {"report80unlocated.txt", 80, false, false, true},
    {"report80unsigned.txt", 80, false, true, false},
};

START_TEST(fixed_report_is_golden)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.located = PAGES[_i].located;
    fixture.report.has_signatures = PAGES[_i].is_signed;
    char *text = render(&fixture, PAGES[_i].width, PAGES[_i].colour);
    golden_check(PAGES[_i].golden, text);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(empty_report_is_golden)
{
    struct fixture fixture;
    fixture_empty(&fixture);
    char *text = render(&fixture, 80, false);
    golden_check("empty.txt", text);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* Lines fit, and hold nothing that drives a terminal: no control character but newlines, no
 * change of direction, only whole UTF-8 (which page_columns() counts, and is tested below). */
static void check_page(char *text, unsigned width)
{
    ck_assert_ptr_null(strstr(text, "\xe2\x80\xae"));
    const unsigned char *byte = (const unsigned char *)text;
    while (*byte == '\n' || (*byte >= 0x20 && *byte != 0x7f))
        byte++;
    ck_assert_msg(*byte == '\0', "0x%02x in: %s", *byte, text);
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (page_columns(line) > width)
            ck_abort_msg("%u columns: %s", page_columns(line), line);
}

START_TEST(fixed_report_fits)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    for (unsigned width = 60; width <= 110; width++) {
        char *text = render(&fixture, width, false);
        check_page(text, width);
        free(text);
    }
    fixture_fini(&fixture);
}
END_TEST

static size_t count_lines(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Whatever --top is: a page is read at a glance. Remarks add a line each, of which there are
 * few kinds. */
START_TEST(a_busy_report_is_one_page)
{
    struct fixture fixture;
    fixture_busy(&fixture);
    for (unsigned width = 60; width <= 110; width++) {
        char *text = render(&fixture, width, false);
        size_t lines = count_lines(text);
        ck_assert_msg(lines <= (width < 80 ? 98u : 92u), "%zu lines at %u", lines, width);
        check_page(text, width);
        free(text);
    }
    fixture_fini(&fixture);
}
END_TEST

/* The line of the page that starts with `start`, after blanks. */
static bool has_line(const char *text, const char *start)
{
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (strncmp(line + strspn(line, " "), start, strlen(start)) == 0)
            return true;
        line += length + (line[length] == '\n');
    }
    return false;
}

START_TEST(ports_stand_side_by_side_from_100_columns_on)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    for (unsigned width = 60; width <= 110; width++) {
        char *text = render(&fixture, width, false);
        ck_assert_msg(has_line(text, "Ports scanned"), "%u", width);
        ck_assert_msg(strstr(text, "Ports of IoT scans") != NULL, "%u", width);
        ck_assert_msg(has_line(text, "Ports of IoT scans") == (width < 100), "%u", width);
        free(text);
    }
    fixture_fini(&fixture);
}
END_TEST

static const char *const SAID[] = {
    "32,011      33,013", /* mirai: labelled, matching */
    "no label: 700,063 of the scans (",
    "packets   of all    labelled    matching", /* what the columns of tools are of */
    "signatures with thresholds are off",
    "10.1.2.3  mirai zmap",
    "\n  and labelled sources of any class\n", /* a row of scanners may be none */
    "none          12",                        /* a port of an IoT service without a mark */
    "\nScans a minute  peak 14,000 at 2026-11-22 00:40",
    "\nIoT scans a minute  peak 10,860 at 2026-11-22 01:10",
};

START_TEST(signatures_are_spoken_of)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture, 110, false);
    ck_assert_msg(strstr(text, SAID[_i]) != NULL, "%s", SAID[_i]);
    free(text);
    fixture.report.has_signatures = false;
    for (unsigned i = 0; i < fixture.report.scan.top_sources.n; i++)
        fixture.report.scan.top_sources.rows[i].labels_n = 0;
    text = render(&fixture, 110, false);
    ck_assert_msg(strstr(text, SAID[_i]) == NULL, "%s", SAID[_i]);
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(thresholds_are_not_spoken_of_when_they_are_on)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.dark_known = true;
    char *text = render(&fixture, 80, false);
    ck_assert_ptr_null(strstr(text, "thresholds"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(tools_are_sorted_by_packets_and_unseen_ones_left_out)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture, 80, false);
    const char *mirai = strstr(text, "  mirai "), *zmap = strstr(text, "  zmap ");
    const char *masscan = strstr(text, "  masscan "), *none = strstr(text, "  no label: ");
    ck_assert(mirai && zmap && masscan && none);
    ck_assert(mirai < zmap && zmap < masscan && masscan < none);
    ck_assert_ptr_null(strstr(text, "nmap"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* Tools are known by packets of other classes, too: by an unknown IP protocol, say. */
START_TEST(shares_of_tools_are_of_all_packets)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.counts[COUNT_packets] = 2 * fixture.report.labels.rows[1].packets;
    fixture.report.counts[COUNT_scan] = 73;
    fixture.report.unlabelled_packets = 0;
    char *text = render(&fixture, 80, false);
    const char *mirai = strstr(text, "  mirai ");
    ck_assert_ptr_nonnull(mirai);
    const char *share = strstr(mirai, "50.0 %");
    ck_assert(share && share < strchr(mirai, '\n'));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

/* A long address and its labels do not fit one narrow column: nothing of the address is cut. */
START_TEST(labels_of_long_addresses_have_a_line)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    struct report_source *source = &fixture.report.scan.top_sources.rows[3];
    source->ip.v6.hi = 0x20010db812345678;
    source->ip.v6.lo = 0x1234567812345678;
    source->labels[source->labels_n++] = "hajime-like";
    for (unsigned width = 60; width <= 110; width++) {
        char *text = render(&fixture, width, false);
        ck_assert_ptr_nonnull(strstr(text, "2001:db8:1234:5678:1234:5678:1234:5678"));
        ck_assert_ptr_nonnull(strstr(text, "hajime-like"));
        check_page(text, width); /* cuts the text into lines */
        free(text);
    }
    fixture_fini(&fixture);
}
END_TEST

START_TEST(estimates_do_not_exceed_their_packets)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    struct report *report = &fixture.report;
    report->scan.ports.rows[2].sources = 300999;
    report->iot_ports.rows[1].sources = 98999;
    report->scan.top_sources.rows[3].ports = 999;
    report->class_sources[CLASS_OTHER] = 17999;
    report->destinations = 2499999;
    char *text = render(&fixture, 80, false);
    ck_assert_ptr_null(strstr(text, "300,999"));
    ck_assert_ptr_null(strstr(text, "98,999"));
    ck_assert_ptr_null(strstr(text, "~999"));
    ck_assert_ptr_null(strstr(text, "17,999"));
    ck_assert_ptr_null(strstr(text, "2,499,999"));
    ck_assert_ptr_nonnull(strstr(text, "~300,127"));
    ck_assert_ptr_nonnull(strstr(text, "~98,002"));
    ck_assert_ptr_nonnull(strstr(text, "~555"));
    ck_assert_ptr_nonnull(strstr(text, "~17,835"));
    ck_assert_ptr_nonnull(strstr(text, "~2,491,019 destinations"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(titles_are_not_cut)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.located = false;
    char *text = render(&fixture, 60, false);
    ck_assert_ptr_nonnull(strstr(text, "\nCountries and networks\n"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(width_is_kept_between_60_and_110)
{
    static const unsigned WIDTHS[][2] = {{0, 60}, {59, 60}, {111, 110}, {UINT32_MAX, 110}};
    struct fixture fixture;
    fixture_fixed(&fixture);
    for (size_t i = 0; i < 4; i++) {
        char *text = render(&fixture, WIDTHS[i][0], false);
        char *same = render(&fixture, WIDTHS[i][1], false);
        ck_assert_str_eq(text, same);
        free(text);
        free(same);
    }
    fixture_fini(&fixture);
}
END_TEST

/* A number of 20 digits takes 26 columns and a mark, and a line has at most three that push it
 * over; everything else holds. */
START_TEST(random_reports_are_harmless)
{
    struct random random = random_seeded("random_reports_are_harmless");
    for (unsigned i = 0; i < 100; i++) {
        struct fixture fixture;
        fixture_random(&fixture, &random);
        unsigned width = 60 + (unsigned)random_below(&random, 51);
        char *text = render(&fixture, width, false);
        check_page(text, width + 3 * 27);
        free(text);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(colour_is_asked_for)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    char *text = render(&fixture, 80, true);
    ck_assert_ptr_nonnull(strstr(text, "\x1b[1m"));
    ck_assert_ptr_null(strstr(text, "\x1b[31m")); /* the one in a name */
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(refused_evidence_is_said)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    fixture.report.limits.evidence_refused = 1234;
    char *text = render(&fixture, 110, false);
    ck_assert_ptr_nonnull(strstr(text, "1,234  matches found no room"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(nothing_refused_is_said)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    memset(fixture.report.not_counted, 0, sizeof fixture.report.not_counted);
    char *text = render(&fixture, 80, false);
    ck_assert_ptr_nonnull(strstr(text, "nothing was refused"));
    free(text);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_full_disk_is_an_error)
{
    struct fixture fixture;
    struct err err = {0};
    const struct sink_text_options options = {.width = 80};
    fixture_fixed(&fixture);
    FILE *full = fopen("/dev/full", "w");
    ck_assert_ptr_nonnull(full);
    ck_assert_int_eq(sink_text(full, &fixture.report, &fixture.files, &options, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    (void)fclose(full); /* fails too */
    fixture_fini(&fixture);
}
END_TEST

static const struct {
    const char *text;
    unsigned columns;
} TEXTS[] = {
    {"", 0},
    {"abc", 3},
    {"\xc3\xa9", 1},                 /* e acute */
    {"e\xcc\x81", 1},                /* the same, combining */
    {"\xe6\x97\xa5\xe6\x9c\xac", 4}, /* two ideographs */
    {"\xf0\x9f\x8c\x90", 2},         /* a globe */
    {"\xff\xfe", 2},                 /* each replaced */
    {"\x1b[2J", 4},                  /* escape replaced */
    {"\xe2\x80\xae", 1},             /* right-to-left override, replaced */
    {"\xc2\x9b", 1},                 /* C1 control sequence introducer, replaced */
};

START_TEST(columns_are_those_of_a_terminal)
{
    ck_assert_uint_eq(page_columns(TEXTS[_i].text), TEXTS[_i].columns);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, fixed_report_is_golden, 0, sizeof PAGES / sizeof PAGES[0]);
    tcase_add_test(tests, empty_report_is_golden);
    tcase_add_test(tests, fixed_report_fits);
    tcase_add_test(tests, a_busy_report_is_one_page);
    tcase_add_test(tests, ports_stand_side_by_side_from_100_columns_on);
    tcase_add_loop_test(tests, signatures_are_spoken_of, 0, sizeof SAID / sizeof SAID[0]);
    tcase_add_test(tests, thresholds_are_not_spoken_of_when_they_are_on);
    tcase_add_test(tests, tools_are_sorted_by_packets_and_unseen_ones_left_out);
    tcase_add_test(tests, shares_of_tools_are_of_all_packets);
    tcase_add_test(tests, labels_of_long_addresses_have_a_line);
    tcase_add_test(tests, estimates_do_not_exceed_their_packets);
    tcase_add_test(tests, titles_are_not_cut);
    tcase_add_test(tests, width_is_kept_between_60_and_110);
    tcase_add_test(tests, random_reports_are_harmless);
    tcase_add_test(tests, colour_is_asked_for);
    tcase_add_test(tests, refused_evidence_is_said);
    tcase_add_test(tests, nothing_refused_is_said);
    tcase_add_test(tests, a_full_disk_is_an_error);
    tcase_add_loop_test(tests, columns_are_those_of_a_terminal, 0,
                        sizeof TEXTS / sizeof TEXTS[0]);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
