/* The CSV directory: golden files, quoting, cells a spreadsheet would run, failures. */
#include "fixture.h"
#include "golden.h"

#include "sink/csv_out.h"
#include "sink/utf8.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_CAP = 1 << 16 };

static char scratch[64]; /* a directory of each test's own */

static void enter(void)
{
    (void)snprintf(scratch, sizeof scratch, "/tmp/nightscope-test-csv-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(scratch));
}

static void leave(void)
{
    struct dirent *entry;
    DIR *dir = opendir(scratch);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)))
        (void)unlinkat(dirfd(dir), entry->d_name, 0); /* "." and ".." stay */
    (void)closedir(dir);
    ck_assert_int_eq(rmdir(scratch), 0);
}

static const char *path_of(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static const char *read_file(const char *name)
{
    static char text[TEXT_CAP];
    FILE *file = fopen(path_of(name), "rb");
    ck_assert_msg(file != NULL, "%s", name);
    size_t size = fread(text, 1, sizeof text - 1, file);
    ck_assert_int_eq(fclose(file), 0);
    text[size] = '\0';
    return text;
}

static const char *const FILES[] = {
    "summary.csv",          "files.csv",
    "series.csv",           "ports.csv",
    "countries.csv",        "asns.csv",
    "top_sources.csv",      "backscatter_ports.csv",
    "backscatter_asns.csv", "backscatter_countries.csv",
    "iot_ports.csv",        "backscatter_top_sources.csv",
    "iot_top_sources.csv",  "iot_countries.csv",
    "iot_asns.csv",         "iot_services.csv",
    "signatures.csv",       "labels.csv",
};

START_TEST(fixed_report_is_golden)
{
    struct fixture fixture;
    struct err err = {0};
    fixture_fixed(&fixture);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, &err), 0);
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        golden_check(FILES[i], read_file(FILES[i]));
    fixture_fini(&fixture);
}
END_TEST

START_TEST(nothing_else_is_left_in_the_directory)
{
    struct fixture fixture;
    fixture_fixed(&fixture);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, NULL), 0);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, NULL), 0); /* again */
    unsigned n = 0;
    struct dirent *entry;
    DIR *dir = opendir(scratch);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)))
        n++;
    (void)closedir(dir);
    ck_assert_uint_eq(n, 2 + sizeof FILES / sizeof FILES[0]); /* "." and ".." */
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_missing_directory_is_made)
{
    struct fixture fixture;
    char path[128];
    struct stat status;
    fixture_empty(&fixture);
    ck_assert_int_eq(rmdir(scratch), 0);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, NULL), 0);
    ck_assert_int_eq(stat(path_of("summary.csv"), &status), 0);
    struct err err = {0};
    (void)snprintf(path, sizeof path, "%s/no/such", scratch);
    ck_assert_int_eq(sink_csv(path, &fixture.report, &fixture.files, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.origin, "/no/such"));
    ck_assert_ptr_nonnull(strstr(err.text, "create the directory"));
    ck_assert_int_eq(sink_csv("/dev/null", &fixture.report, &fixture.files, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.text, "give another directory"));
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_directory_in_the_way_is_named)
{
    struct fixture fixture;
    struct err err = {0};
    fixture_empty(&fixture);
    ck_assert_int_eq(mkdir(path_of("ports.csv"), 0700), 0);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.origin, "/ports.csv"));
    ck_assert_ptr_nonnull(strstr(err.text, "in the way"));
    ck_assert_int_eq(rmdir(path_of("ports.csv")), 0);
    ck_assert_int_ne(access(path_of(".ports.csv.tmp"), F_OK), 0);
    fixture_fini(&fixture);
}
END_TEST

/* The temporary name of a table leads to a device that is always full. */
START_TEST(a_full_disk_leaves_the_old_file)
{
    struct csv_out csv;
    struct err err = {0};
    int dir = open(scratch, O_RDONLY | O_DIRECTORY);
    ck_assert_int_ge(dir, 0);
    ck_assert_int_eq(csv_out_open(&csv, dir, scratch, "t.csv", &err), 0);
    csv_out_text(&csv, "old");
    csv_out_end_row(&csv);
    ck_assert_int_eq(csv_out_close(&csv, &err), 0);
    ck_assert_int_eq(csv_out_open(&csv, dir, scratch, "t.csv", &err), 0);
    csv.out = freopen("/dev/full", "w", csv.out);
    ck_assert_ptr_nonnull(csv.out);
    csv_out_text(&csv, "new");
    csv_out_end_row(&csv);
    ck_assert_int_eq(csv_out_close(&csv, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.origin, "t.csv"));
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    ck_assert_ptr_nonnull(strstr(err.text, "free some space"));
    ck_assert_str_eq(read_file("t.csv"), "old\n");
    ck_assert_int_eq(close(dir), 0);
}
END_TEST

START_TEST(a_link_at_the_temporary_name_is_not_followed)
{
    struct fixture fixture;
    struct err err = {0};
    fixture_empty(&fixture);
    ck_assert_int_eq(symlink("/dev/null", path_of(".ports.csv.tmp")), 0);
    ck_assert_int_eq(sink_csv(scratch, &fixture.report, &fixture.files, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.origin, "/ports.csv"));
    fixture_fini(&fixture);
}
END_TEST

static const struct {
    const char *text, *cell;
} CELLS[] = {
    {"plain", "plain"},
    {"", ""},
    {"a,b", "\"a,b\""},
    {"say \"x\"", "\"say \"\"x\"\"\""},
    {"two\nlines", "two" UTF8_REPLACEMENT "lines"},
    {"\x1b]0;title\x07", UTF8_REPLACEMENT "]0;title" UTF8_REPLACEMENT},
    {"\xc2\x9b"
     "2J",
     UTF8_REPLACEMENT "2J"}, /* CSI in one character */
    {"a\xe2\x80\xae"
     "b",
     "a" UTF8_REPLACEMENT "b"}, /* right to left */
    {"=1+1", "'=1+1"},
    {"+1", "'+1"},
    {"-bad.pcap", "'-bad.pcap"},
    {"@SUM(A1)", "'@SUM(A1)"},
    {"\t=1", UTF8_REPLACEMENT "=1"},
    {"\r=1", UTF8_REPLACEMENT "=1"},
    {"\xef\xbc\x9d"
     "1",
     "'\xef\xbc\x9d"
     "1"}, /* a wide = */
    {"=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""},
    {"a=b", "a=b"},
    {" =1", "' =1"},
    {"  a=1", "  a=1"},
    {"\xff", "\xef\xbf\xbd"},
    {"\xc3\xa9", "\xc3\xa9"},
};

START_TEST(cells_are_quoted_and_harmless)
{
    struct csv_out csv;
    char expected[128];
    int dir = open(scratch, O_RDONLY | O_DIRECTORY);
    ck_assert_int_eq(csv_out_open(&csv, dir, scratch, "t.csv", NULL), 0);
    csv_out_text(&csv, CELLS[_i].text);
    csv_out_number(&csv, 0);
    csv_out_number(&csv, UINT64_MAX);
    csv_out_end_row(&csv);
    ck_assert_int_eq(csv_out_close(&csv, NULL), 0);
    (void)snprintf(expected, sizeof expected, "%s,0,18446744073709551615\n", CELLS[_i].cell);
    ck_assert_str_eq(read_file("t.csv"), expected);
    ck_assert_int_eq(close(dir), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *tests = tcase_create("csv");
    tcase_add_checked_fixture(tests, enter, leave);
    tcase_add_test(tests, fixed_report_is_golden);
    tcase_add_test(tests, nothing_else_is_left_in_the_directory);
    tcase_add_test(tests, a_missing_directory_is_made);
    tcase_add_test(tests, a_directory_in_the_way_is_named);
    tcase_add_test(tests, a_full_disk_leaves_the_old_file);
    tcase_add_test(tests, a_link_at_the_temporary_name_is_not_followed);
    tcase_add_loop_test(tests, cells_are_quoted_and_harmless, 0,
                        sizeof CELLS / sizeof CELLS[0]);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
