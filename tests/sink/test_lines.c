/* Lines of scan events and minutes, the files they are written to, and hourly files. */
#include "golden.h"
#include "harness.h"

#include <nightscope/lines.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/nightscope-lines-XXXXXX";

static void set_up(void)
{
    (void)strcpy(strrchr(folder, '-') + 1, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void clear_folder(const char *path)
{
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char child[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (unlink(child) != 0) {
            clear_folder(child);
            (void)rmdir(child);
        }
    }
    if (dir)
        (void)closedir(dir);
}

static void tear_down(void)
{
    clear_folder(folder);
    ck_assert_int_eq(rmdir(folder), 0);
}

static const char *in_folder(const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Everything of a file, decompressed if need be. */
static const char *content(const char *name)
{
    static char text[1 << 16];
    gzFile file = gzopen(in_folder(name), "rb");
    ck_assert_msg(file != NULL, "%s", name);
    int n = gzread(file, text, sizeof text - 1);
    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(gzclose(file), Z_OK);
    text[n] = '\0';
    return text;
}

static unsigned files_in_folder(void)
{
    unsigned n = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    return n;
}

static struct place locate(void *context, const struct address *address)
{
    (void)context;
    return address->is6 ? (struct place){.cc = ""} : (struct place){.cc = "NL", .asn = 64500};
}

static void as_name(void *context, const struct address *address, char *buf, size_t cap)
{
    (void)context;
    (void)address;
    (void)snprintf(buf, cap, "=Bad \"Net\", Inc.");
}

static void city(void *context, const struct address *address, char *buf, size_t cap)
{
    (void)context;
    (void)snprintf(buf, cap, "%s", address->is6 ? "" : "Exampleton");
}

static const struct locator LOCATOR = {.locate = locate, .as_name = as_name, .city = city};
static const char *const LABELS[] = {"mirai", "zmap", "masscan"};
static const struct event_names NAMES = {LABELS, 3, &LOCATOR}, NOWHERE = {LABELS, 3, NULL};

enum { HOUR_S = 1795305600 }; /* 2026-11-22T00:00:00Z */

static const struct event SCAN = {
    .source = {.v4 = 0xc6336407},
    .first_ns = HOUR_S * 1000000000LL + 1234567,
    .last_ns = HOUR_S * 1000000000LL + 5999999999,
    .packets = 12,
    .bytes = 480,
    .destinations = 11,
    .networks = 10,
    .networks_estimated = true,
    .protocol = PROTOCOL_TCP,
    .class = CLASS_SCAN,
    .end = EVENT_IDLE,
    .has_port = true,
    .port = 23,
    .ended_min = HOUR_S / 60 + 11,
    .labels_n = 2,
    .labels = {{12, 0, true}, {1, 2, false}},
    .samples_n = 1,
    .samples = {{HOUR_S * 1000000000LL + 1234567, 40000, 65535, 40, 50, 2}},
};
static const struct event PING = {
    .source = {.is6 = true, .v6 = {0x20010db800000000, 5}},
    .first_ns = HOUR_S * 1000000000LL,
    .last_ns = HOUR_S * 1000000000LL,
    .packets = 1,
    .bytes = 48,
    .destinations = 1,
    .networks = 1,
    .protocol = PROTOCOL_ICMP6,
    .class = CLASS_SCAN,
    .end = EVENT_RUN,
    .ended_min = UINT32_MAX,
    .samples_n = 1,
    .samples = {{HOUR_S * 1000000000LL, 0, 0, 48, 64, 0}},
};

static char *lines(bool csv)
{
    char *text = NULL;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    if (csv)
        sink_event_csv_header(out);
    for (unsigned i = 0; i < 2; i++) {
        const struct event *event = i ? &PING : &SCAN;
        const struct event_names *names = i ? &NOWHERE : &NAMES;
        if (csv)
            sink_event_csv(out, event, names);
        else
            sink_event_json(out, event, names);
    }
    ck_assert_int_eq(fclose(out), 0);
    return text;
}

START_TEST(events_have_the_names_they_are_known_by)
{
    char *text = lines(false);
    golden_check("events.ndjson", text);
    json_error_t error;
    json_t *first = json_loads(text, JSON_DISABLE_EOF_CHECK, &error);
    ck_assert_msg(first != NULL, "%s", error.text);
    static const char *const MERIT[] = {
        "SourceIP", "Port",        "Traffic",       "First",   "Last",   "Packets",
        "Bytes",    "UniqueDests", "UniqueDest24s", "Country", "City",   "ASN",
        "Org",      "Zmap",        "Masscan",       "Mirai",   "Samples"};
    for (unsigned i = 0; i < sizeof MERIT / sizeof *MERIT; i++)
        ck_assert_msg(json_object_get(first, MERIT[i]), "%s", MERIT[i]);
    ck_assert(json_is_true(json_object_get(first, "Mirai")));
    ck_assert(json_is_false(json_object_get(first, "Masscan"))); /* a match is no label */
    ck_assert_str_eq(json_string_value(json_object_get(first, "City")), "Exampleton");
    json_decref(first);
    free(text);
}
END_TEST

START_TEST(csv_has_as_many_cells_in_every_row)
{
    char *text = lines(true);
    golden_check("events.csv", text);
    free(text);
}
END_TEST

START_TEST(a_file_takes_its_place_when_it_is_complete)
{
    static const char *const FILES[] = {"plain.ndjson", "packed.ndjson.gz"};
    const char *name = FILES[_i];
    struct err err;
    struct out_file *file = out_file_open(in_folder(name), &err);
    ck_assert_ptr_nonnull(file);
    for (unsigned i = 0; i < 3000; i++)
        (void)fprintf(out_file_stream(file), "line %u\n", i);
    ck_assert_int_ne(access(in_folder(name), F_OK), 0);
    ck_assert_uint_eq(files_in_folder(), 1); /* the temporary one */
    ck_assert_int_eq(out_file_close(file, &err), 0);
    ck_assert_uint_eq(files_in_folder(), 1);
    const char *text = content(name);
    ck_assert_ptr_eq(strstr(text, "line 0\nline 1\n"), text);
    ck_assert_ptr_nonnull(strstr(text, "line 2999\n"));
    struct stat status;
    ck_assert_int_eq(stat(in_folder(name), &status), 0);
    ck_assert((status.st_size < 20000) == (_i == 1));
}
END_TEST

START_TEST(what_is_abandoned_leaves_nothing)
{
    struct err err;
    struct out_file *file = out_file_open(in_folder("x.gz"), &err);
    ck_assert_ptr_nonnull(file);
    (void)fputs("half", out_file_stream(file));
    out_file_abandon(file);
    ck_assert_uint_eq(files_in_folder(), 0);
    out_file_abandon(NULL);
}
END_TEST

START_TEST(a_file_has_one_writer)
{
    struct err err;
    struct out_file *file = out_file_open(in_folder("x.ndjson"), &err);
    ck_assert_ptr_nonnull(file);
    (void)fputs("mine\n", out_file_stream(file));
    out_file_push(file);
    ck_assert_ptr_null(out_file_open(in_folder("x.ndjson"), &err));
    ck_assert_str_eq(err.text, "cannot be written: another process is writing it");
    ck_assert_int_eq(out_file_close(file, &err), 0);
    ck_assert_str_eq(content("x.ndjson"), "mine\n");
    ck_assert_uint_eq(files_in_folder(), 1);
}
END_TEST

START_TEST(files_that_cannot_be_written_say_so)
{
    struct err err;
    ck_assert_ptr_null(out_file_open(in_folder("no/such/folder"), &err));
    ck_assert_ptr_nonnull(strstr(err.origin, "no/such/folder"));
    struct out_file *full = out_file_open("/dev/full", &err);
    ck_assert_ptr_nonnull(full);
    for (unsigned i = 0; i < 100000; i++)
        (void)fputs("a line of the file\n", out_file_stream(full));
    ck_assert_int_eq(out_file_error(full), ENOSPC);
    ck_assert_int_eq(out_file_close(full, &err), -1);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    ck_assert_int_eq(access("/dev/.full.tmp", F_OK), -1);
    struct out_file *null = out_file_open("/dev/null", &err);
    ck_assert_ptr_nonnull(null);
    ck_assert_int_eq(out_file_close(null, &err), 0);
    struct stat status;
    ck_assert_int_eq(stat("/dev/null", &status), 0);
    ck_assert(S_ISCHR(status.st_mode));
}
END_TEST

static struct hourly *open_hourly(bool csv)
{
    struct hourly_config config = {.path = folder,
                                   .ndjson = true,
                                   .csv = csv,
                                   .windows = true,
                                   .events = true,
                                   .push = true,
                                   .names = NOWHERE};
    struct err err;
    struct hourly *hourly = hourly_new(&config, &err);
    ck_assert_ptr_nonnull(hourly);
    return hourly;
}

static void add_minute(struct hourly *hourly, unsigned minute)
{
    struct err err;
    struct report_minute row = {.start_s = HOUR_S + 60 * (int64_t)minute, .seconds = 60};
    row.counts[COUNT_packets] = minute;
    ck_assert_int_eq(hourly_minute(hourly, &row, &err), 0);
}

START_TEST(minutes_and_events_lie_in_the_file_of_their_hour)
{
    struct err err;
    struct hourly *hourly = open_hourly(true);
    add_minute(hourly, 0);
    add_minute(hourly, 59);
    ck_assert_int_eq(hourly_event(hourly, &SCAN, &err), 0);
    ck_assert_int_ne(access(in_folder("windows-20261122T00.csv.gz"), F_OK), 0);
    add_minute(hourly, 60);
    ck_assert_int_eq(access(in_folder("windows-20261122T00.csv.gz"), F_OK), 0);
    ck_assert_int_ne(access(in_folder("events-20261122T00.csv.gz"), F_OK), 0);
    ck_assert_int_eq(hourly_events_until(hourly, HOUR_S + 3599, &err), 0);
    ck_assert_int_ne(access(in_folder("events-20261122T00.ndjson.gz"), F_OK), 0);
    ck_assert_int_eq(hourly_events_until(hourly, HOUR_S + 3600, &err), 0);
    ck_assert_int_eq(access(in_folder("events-20261122T00.ndjson.gz"), F_OK), 0);
    ck_assert_int_eq(hourly_event(hourly, &PING, &err), 0); /* in the hour that is open */
    uint64_t files, lost;
    hourly_totals(hourly, &files, &lost);
    ck_assert_uint_eq(files, 4);
    ck_assert_uint_eq(lost, 0);
    ck_assert_int_eq(hourly_close(hourly, &err), 0);
    ck_assert_uint_eq(files_in_folder(), 8);
    const char *text = content("windows-20261122T00.ndjson.gz");
    ck_assert_ptr_nonnull(strstr(text, "{\"t\":\"2026-11-22T00:00:00Z\",\"seconds\":60,"));
    ck_assert_ptr_nonnull(
        strstr(text, "\"2026-11-22T00:59:00Z\",\"seconds\":60,\"packets\":59"));
    ck_assert_ptr_null(strstr(text, "T01:"));
    text = content("windows-20261122T01.csv.gz");
    ck_assert_ptr_eq(strstr(text, "t,seconds,packets,bytes"), text);
    ck_assert_ptr_nonnull(strstr(text, "\n2026-11-22T01:00:00Z,60,60,0"));
    ck_assert_ptr_nonnull(strstr(content("events-20261122T00.ndjson.gz"), "\"198.51.100.7\""));
    ck_assert_ptr_nonnull(strstr(content("events-20261122T01.csv.gz"), "2001:db8::5,"));
}
END_TEST

START_TEST(another_run_in_the_same_hour_keeps_the_files_of_the_first)
{
    struct err err;
    struct hourly *first = open_hourly(false);
    add_minute(first, 1);
    ck_assert_int_eq(hourly_close(first, &err), 0);
    /* A run that was killed left a file behind. */
    int left =
        open(in_folder(".windows-20261122T00.1.ndjson.gz.tmp"), O_CREAT | O_WRONLY, 0600);
    ck_assert_int_ge(left, 0);
    ck_assert_int_eq(close(left), 0);
    struct hourly *second = open_hourly(false);
    add_minute(second, 2);
    ck_assert_int_eq(hourly_close(second, &err), 0);
    ck_assert_ptr_nonnull(strstr(content("windows-20261122T00.ndjson.gz"), "T00:01:00Z"));
    ck_assert_ptr_nonnull(strstr(content("windows-20261122T00.2.ndjson.gz"), "T00:02:00Z"));
}
END_TEST

/* A run that is killed after three minutes and an event. */
static void run_and_die(void)
{
    struct err err;
    int status;
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct hourly *hourly = open_hourly(true);
        for (unsigned minute = 0; minute < 3; minute++)
            add_minute(hourly, minute);
        if (hourly_event(hourly, &SCAN, &err) != 0 ||
            hourly_events_until(hourly, HOUR_S + 180, &err) != 0)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(what_a_run_that_was_killed_left_is_completed)
{
    struct err err;
    struct lines_rest rest;
    run_and_die();
    ck_assert_uint_eq(files_in_folder(), 4);
    struct hourly *second = open_hourly(true); /* runs beside it, and is left alone */
    add_minute(second, 4);
    ck_assert_int_eq(hourly_recover(folder, &rest, &err), 0);
    ck_assert_uint_eq(rest.files, 4);
    ck_assert_uint_eq(rest.lines, 2 * 3 + 2 * 1);
    ck_assert_int_eq(hourly_recover(folder, &rest, &err), 0);
    ck_assert_uint_eq(rest.files, 0);
    ck_assert_int_eq(hourly_close(second, &err), 0);
    ck_assert_uint_eq(files_in_folder(), 4 + 2);
    const char *text = content("windows-20261122T00.2.ndjson.gz");
    for (unsigned minute = 0; minute < 3; minute++) {
        char start[32];
        (void)snprintf(start, sizeof start, "T00:0%u:00Z", minute);
        ck_assert_ptr_nonnull(strstr(text, start));
    }
    text = content("windows-20261122T00.2.csv.gz");
    ck_assert_ptr_eq(strstr(text, "t,seconds,packets,bytes"), text);
    ck_assert_ptr_nonnull(strstr(text, "\n2026-11-22T00:02:00Z,60,2,"));
    ck_assert_ptr_nonnull(
        strstr(content("events-20261122T00.1.ndjson.gz"), "\"198.51.100.7\""));
    ck_assert_ptr_nonnull(strstr(content("windows-20261122T00.1.ndjson.gz"), "T00:04:00Z"));
}
END_TEST

static void leave(const char *name, const void *bytes, size_t n)
{
    int fd = open(in_folder(name), O_CREAT | O_WRONLY | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    ck_assert_int_eq(close(fd), 0);
}

START_TEST(of_damaged_files_whole_lines_are_kept)
{
    struct err err;
    struct lines_rest rest;
    uint8_t bytes[4096];
    run_and_die();
    int fd = open(in_folder(".windows-20261122T00.ndjson.gz.tmp"), O_RDWR);
    ck_assert_int_ge(fd, 0);
    ssize_t n = read(fd, bytes, sizeof bytes);
    ck_assert_int_gt(n, 100);
    ck_assert_int_eq(close(fd), 0);
    for (ssize_t cut = 0; cut < n; cut++) { /* anywhere */
        clear_folder(folder);
        leave(".windows-20261122T00.ndjson.gz.tmp", bytes, (size_t)cut);
        ck_assert_int_eq(hourly_recover(folder, &rest, &err), 0);
        ck_assert_uint_eq(rest.files, 1);
        ck_assert_uint_le(rest.lines, 3);
        ck_assert_uint_eq(files_in_folder(), rest.lines > 0);
    }
    clear_folder(folder);
    leave(".windows-20261122T01.csv.gz.tmp", "no gzip\nat all\n", 15);
    leave(".windows-20261122T01.csv.gz.tmp.old", "not ours", 8);
    leave(".events-2026T1.csv.gz.tmp", "not ours", 8);
    ck_assert_int_eq(symlink("/dev/null", in_folder(".windows-20261122T02.csv.gz.tmp")), 0);
    ck_assert_int_eq(hourly_recover(folder, &rest, &err), 0);
    ck_assert_uint_eq(rest.files, 1);
    ck_assert_uint_eq(rest.lines, 0);
    ck_assert_uint_eq(files_in_folder(), 3);
    ck_assert_int_eq(hourly_recover("/nowhere", &rest, &err), 0);
}
END_TEST

static void expect_free_name(const char *name, const char *expected)
{
    char wanted[512];
    (void)strcpy(wanted, in_folder(expected));
    char *found = out_file_free_name(in_folder(name));
    ck_assert_ptr_nonnull(found);
    ck_assert_str_eq(found, wanted);
    free(found);
}

START_TEST(a_file_that_is_there_is_not_written_over)
{
    static const char *const names[][3] = {
        {"e.ndjson", "e.1.ndjson", "e.2.ndjson"},
        {"e.b.csv.gz", "e.b.1.csv.gz", "e.b.2.csv.gz"},
        {"events", "events.1", "events.2"},
        {".hidden", ".hidden.1", ".hidden.2"},
        {"e.gz", "e.1.gz", "e.2.gz"},
    };
    expect_free_name(names[_i][0], names[_i][0]);
    leave(names[_i][0], "", 0);
    expect_free_name(names[_i][0], names[_i][1]);
    char half[64];
    (void)snprintf(half, sizeof half, ".%s.tmp", names[_i][1]);
    leave(half, "", 0); /* somebody is writing it */
    expect_free_name(names[_i][0], names[_i][2]);
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    expect_free_name("pipe", "pipe");
    char *here = out_file_free_name("no-such-file.csv"); /* in the folder it is run in */
    ck_assert_str_eq(here, "no-such-file.csv");
    free(here);
    here = out_file_free_name("/no-such-file.csv");
    ck_assert_str_eq(here, "/no-such-file.csv");
    free(here);
}
END_TEST

START_TEST(what_is_left_of_one_file_is_completed)
{
    struct err err;
    struct lines_rest rest;
    leave("e.csv", "old\n", 4);
    leave(".e.csv.tmp", "a,b\n1,2\n3,4\n5", 13);
    ck_assert_int_eq(out_file_recover(in_folder("e.csv"), &rest, &err), 0);
    ck_assert_uint_eq(rest.files, 1);
    ck_assert_uint_eq(rest.lines, 2);
    ck_assert_str_eq(content("e.1.csv"), "a,b\n1,2\n3,4\n");
    ck_assert_str_eq(content("e.csv"), "old\n");
    leave(".e.ndjson.tmp", "{}\n{}\n", 6);
    ck_assert_int_eq(out_file_recover(in_folder("e.ndjson"), &rest, &err), 0);
    ck_assert_uint_eq(rest.lines, 2);
    ck_assert_str_eq(content("e.1.ndjson"), "{}\n{}\n");
    leave(".e.ndjson.gz.tmp", "{}\n{}\n", 6); /* no gzip */
    ck_assert_int_eq(out_file_recover(in_folder("e.ndjson.gz"), &rest, &err), 0);
    ck_assert_uint_eq(rest.lines, 0);
    struct out_file *file = out_file_open(in_folder("x.ndjson"), &err);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(out_file_recover(in_folder("x.ndjson"), &rest, &err), 0);
    ck_assert_uint_eq(rest.files, 0); /* somebody writes it */
    ck_assert_int_eq(out_file_close(file, &err), 0);
    ck_assert_uint_eq(files_in_folder(), 4);
    ck_assert_int_eq(out_file_recover("/nowhere/e.csv", &rest, &err), 0);
}
END_TEST

START_TEST(a_folder_that_goes_away_costs_its_hour_and_is_told)
{
    struct err err;
    struct hourly *hourly = open_hourly(false);
    ck_assert_int_eq(rmdir(folder), 0);
    struct report_minute row = {.start_s = HOUR_S};
    ck_assert_int_eq(hourly_minute(hourly, &row, &err), -1);
    row.start_s += 60;
    ck_assert_int_eq(hourly_minute(hourly, &row, &err), 0);
    uint64_t files, lost;
    hourly_totals(hourly, &files, &lost);
    ck_assert_uint_eq(lost, 2);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    add_minute(hourly, 60);
    ck_assert_int_eq(hourly_close(hourly, &err), -1);
    ck_assert_str_eq(err.text, "2 lines could not be written and are missing there");
    ck_assert_ptr_nonnull(strstr(content("windows-20261122T01.ndjson.gz"), "T01:00:00Z"));
    struct hourly_config config = {.path = "/dev/null/x", .ndjson = true, .windows = true};
    ck_assert_ptr_null(hourly_new(&config, &err));
    ck_assert_str_eq(err.origin, "/dev/null/x");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lines");
    TCase *tests = tcase_create("lines");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, events_have_the_names_they_are_known_by);
    tcase_add_test(tests, csv_has_as_many_cells_in_every_row);
    tcase_add_loop_test(tests, a_file_takes_its_place_when_it_is_complete, 0, 2);
    tcase_add_test(tests, what_is_abandoned_leaves_nothing);
    tcase_add_test(tests, a_file_has_one_writer);
    tcase_add_test(tests, files_that_cannot_be_written_say_so);
    tcase_add_test(tests, minutes_and_events_lie_in_the_file_of_their_hour);
    tcase_add_test(tests, another_run_in_the_same_hour_keeps_the_files_of_the_first);
    tcase_add_test(tests, what_a_run_that_was_killed_left_is_completed);
    tcase_add_test(tests, of_damaged_files_whole_lines_are_kept);
    tcase_add_loop_test(tests, a_file_that_is_there_is_not_written_over, 0, 5);
    tcase_add_test(tests, what_is_left_of_one_file_is_completed);
    tcase_add_test(tests, a_folder_that_goes_away_costs_its_hour_and_is_told);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
