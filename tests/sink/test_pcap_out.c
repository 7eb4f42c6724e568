/* Capture files in a row: when a new one begins, and what it is called. */
#include "harness.h"
#include "sink/pcap_out.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS ((int64_t)1000000000)
#define BEGIN_NS  (INT64_C(1795305600) * SECOND_NS) /* 2026-11-22T00:00:00Z */

enum { HEADER = 24, RECORD = 16, FRAME = 84 };

static char folder[] = "/tmp/nightscope-pcap-out-XXXXXX";
static char path[128];

static struct pcap_out *open_out(uint64_t rotate_bytes, int64_t rotate_s)
{
    (void)snprintf(path, sizeof path, "%s/x.pcap", folder);
    struct pcap_out_config config = {.path = path,
                                     .linktype = 1,
                                     .snaplen = 128,
                                     .rotate_bytes = rotate_bytes,
                                     .rotate_ns = rotate_s * SECOND_NS};
    struct err err;
    struct pcap_out *out = pcap_out_new(&config, &err);
    ck_assert_ptr_nonnull(out);
    return out;
}

static void add(struct pcap_out *out, int64_t second)
{
    static const uint8_t bytes[FRAME];
    struct frame frame = {.bytes = bytes,
                          .ts_ns = BEGIN_NS + second * SECOND_NS,
                          .caplen = FRAME,
                          .wirelen = FRAME};
    pcap_out_add(out, &frame, 1);
}

/* Closes it; each file in turn must have so many frames, and is removed. */
static void expect_files(struct pcap_out *out, unsigned n, const char *const *names,
                         const unsigned *frames)
{
    ck_assert_uint_eq(pcap_out_status(out).lost, 0);
    pcap_out_free(out);
    for (unsigned i = 0; i < n; i++) {
        char name[256];
        struct stat status;
        (void)snprintf(name, sizeof name, "%s%s", path, names[i]);
        ck_assert_msg(stat(name, &status) == 0, "%s", name);
        ck_assert_int_eq(status.st_size, HEADER + (off_t)frames[i] * (RECORD + FRAME));
        ck_assert_int_eq(unlink(name), 0);
    }
    ck_assert_int_eq(rmdir(folder), 0); /* there were no others */
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}

START_TEST(without_rotation_it_is_the_file_that_was_named)
{
    struct pcap_out *out = open_out(0, 0);
    for (int i = 0; i < 5; i++)
        add(out, i * 86400);
    expect_files(out, 1, (const char *const[]){""}, (const unsigned[]){5});
}
END_TEST

START_TEST(no_file_is_larger_and_those_of_a_second_are_numbered)
{
    struct pcap_out *out = open_out(HEADER + 3 * (RECORD + FRAME), 0);
    for (int i = 0; i < 7; i++)
        add(out, 5);
    expect_files(out, 3,
                 (const char *const[]){".20261122T000005Z", ".20261122T000005Z.1",
                                       ".20261122T000005Z.2"},
                 (const unsigned[]){3, 3, 1});
}
END_TEST

START_TEST(a_file_ends_when_it_is_old)
{
    static const int SECONDS[] = {0, 59, 30, 60, 61, 119, 300};
    struct pcap_out *out = open_out(0, 60);
    for (unsigned i = 0; i < sizeof SECONDS / sizeof *SECONDS; i++)
        add(out, SECONDS[i]);
    expect_files(
        out, 3,
        (const char *const[]){".20261122T000000Z", ".20261122T000100Z", ".20261122T000500Z"},
        (const unsigned[]){3, 3, 1});
}
END_TEST

START_TEST(a_clock_that_is_set_back_ends_it_too)
{
    static const int SECONDS[] = {7200, 7201, 3600, 3601, 3659};
    struct pcap_out *out = open_out(0, 60);
    for (unsigned i = 0; i < sizeof SECONDS / sizeof *SECONDS; i++)
        add(out, SECONDS[i]);
    expect_files(out, 2, (const char *const[]){".20261122T020000Z", ".20261122T010000Z"},
                 (const unsigned[]){2, 3});
}
END_TEST

START_TEST(a_full_disk_costs_frames_that_are_counted_and_no_record_is_cut)
{
    enum { FRAMES = 40000, ROOM = 2500000 };
    const struct rlimit room = {ROOM, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    struct pcap_out *out = open_out(0, 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &room), 0);
    for (int i = 0; i < FRAMES; i++)
        add(out, i);
    pcap_out_flush(out);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    struct pcap_out_status told = pcap_out_status(out);
    struct stat status;
    ck_assert_uint_gt(told.lost, 0);
    ck_assert_uint_eq(told.frames + told.lost, FRAMES);
    ck_assert_str_eq(told.error.origin, path);
    pcap_out_free(out);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_size, HEADER + (off_t)told.frames * (RECORD + FRAME));
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Frames from second `from` on, one a second; as many bytes a file as a disk has room for. */
static void add_with_room(struct pcap_out *out, int from, int n, rlim_t room)
{
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){room, RLIM_INFINITY}), 0);
    for (int i = from; i < from + n; i++) {
        add(out, i);
        pcap_out_flush(out);
    }
}

static off_t size_of(const char *suffix)
{
    char name[256];
    struct stat status;
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    ck_assert_msg(stat(name, &status) == 0, "%s", name);
    ck_assert_int_eq(unlink(name), 0);
    return status.st_size;
}

START_TEST(a_file_goes_on_when_there_is_room_again)
{
    enum { ROOM = HEADER + 10 * (RECORD + FRAME) + 50 };
    struct pcap_out *out = open_out(0, 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    add_with_room(out, 0, 70,
                  ROOM); /* 10 are written; second 70 is 60 s after the first loss */
    struct pcap_out_status told = pcap_out_status(out);
    ck_assert_uint_eq(told.frames, 10);
    ck_assert_uint_eq(told.lost, 60);
    ck_assert(told.failing);
    add_with_room(out, 70, 30, RLIM_INFINITY);
    told = pcap_out_status(out);
    ck_assert_uint_eq(told.frames, 40);
    ck_assert_uint_eq(told.lost, 60);
    ck_assert(!told.failing);
    pcap_out_free(out);
    ck_assert_int_eq(size_of(""), HEADER + 40 * (RECORD + FRAME));
}
END_TEST

START_TEST(files_of_a_size_go_on_when_there_is_room_again)
{
    enum { ROOM = HEADER + 3 * (RECORD + FRAME), EACH = HEADER + 5 * (RECORD + FRAME) };
    struct pcap_out *out = open_out(EACH, 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    add_with_room(out, 0, 63, ROOM); /* 3, and 60 that are lost */
    add_with_room(out, 63, 5, RLIM_INFINITY);
    struct pcap_out_status told = pcap_out_status(out);
    ck_assert_uint_eq(told.frames, 8);
    ck_assert_uint_eq(told.lost, 60);
    ck_assert(!told.failing);
    pcap_out_free(out);
    ck_assert_int_eq(size_of(".20261122T000000Z"), EACH);
    ck_assert_int_eq(size_of(".20261122T000105Z"), HEADER + 3 * (RECORD + FRAME));
}
END_TEST

START_TEST(a_file_without_a_header_is_not_left)
{
    struct pcap_out *out = open_out(0, 3600);
    (void)signal(SIGXFSZ, SIG_IGN);
    add_with_room(out, 0, 1, 10);
    ck_assert_str_eq(pcap_out_status(out).error.origin + strlen(path), ".20261122T000000Z");
    add_with_room(out, 3600, 2, RLIM_INFINITY);
    ck_assert_uint_eq(pcap_out_status(out).lost, 1);
    pcap_out_free(out);
    ck_assert_int_eq(size_of(".20261122T010000Z"), HEADER + 2 * (RECORD + FRAME));
    ck_assert_int_eq(rmdir(folder), 0); /* there were no others */
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

int main(void)
{
    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    Suite *suite = suite_create("pcap_out");
    TCase *tests = tcase_create("pcap_out");
    tcase_add_test(tests, without_rotation_it_is_the_file_that_was_named);
    tcase_add_test(tests, no_file_is_larger_and_those_of_a_second_are_numbered);
    tcase_add_test(tests, a_file_ends_when_it_is_old);
    tcase_add_test(tests, a_clock_that_is_set_back_ends_it_too);
    tcase_add_test(tests, a_full_disk_costs_frames_that_are_counted_and_no_record_is_cut);
    tcase_add_test(tests, a_file_goes_on_when_there_is_room_again);
    tcase_add_test(tests, files_of_a_size_go_on_when_there_is_room_again);
    tcase_add_test(tests, a_file_without_a_header_is_not_left);
    suite_add_tcase(suite, tests);
    int status = harness_run(suite);
    (void)rmdir(folder);
    return status;
}
