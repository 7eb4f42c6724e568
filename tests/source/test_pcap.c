/* Classic pcap: known answers for each variant and each oddity. */
#include "build.h"

static const struct {
    uint32_t magic;
    bool big;
    uint32_t fraction;
    int64_t ns;
} variants[] = {
    {0xa1b2c3d4, false, 123456, 1700000000123456000},
    {0xa1b2c3d4, true, 123456, 1700000000123456000},
    {0xa1b23c4d, false, 123456789, 1700000000123456789},
    {0xa1b23c4d, true, 123456789, 1700000000123456789},
    {0xa1b2c3d4, false, 2500000, 1700000002500000000}, /* a fraction above a second */
    {0xa1b23c4d, true, 2500000000, 1700000002500000000},
};

START_TEST(variants_give_the_same_frame)
{
    struct buf buf = {0};
    pcap_header(&buf, variants[_i].magic, variants[_i].big, 1);
    pcap_record(&buf, variants[_i].big, 1700000000, variants[_i].fraction, "hello", 5, 60);
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 1);
    ck_assert_int_eq(result.seen[0].ts_ns, variants[_i].ns);
    ck_assert_uint_eq(result.seen[0].caplen, 5);
    ck_assert_uint_eq(result.seen[0].wirelen, 60);
    ck_assert_uint_eq(result.seen[0].digest, digest((const uint8_t *)"hello", 5));
    ck_assert_uint_eq(result.seen[0].link, LINK_ETHERNET);
    ck_assert_uint_eq(result.seen[0].flags, 0);
    ck_assert_uint_eq(result.seen[0].now_min, (uint32_t)(variants[_i].ns / MINUTE_NS));
    result_free(&result);
    buf_free(&buf);
}
END_TEST

/* 16 bytes of record header, then 8 of the patch. */
START_TEST(patched_record_header_is_24_bytes)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2cd34, _i, 1);
    for (unsigned i = 0; i < 3; i++) {
        pcap_record(&buf, _i, 100 + i, 7, NULL, 0, 60);
        buf.data[buf.n - (_i ? 5 : 8)] = 4; /* caplen */
        put(&buf, "\1\0\0\0\0\10\0\0abcd", 12);
    }
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 3);
    ck_assert_int_eq(result.seen[2].ts_ns, 102000007000);
    ck_assert_uint_eq(result.seen[2].digest, digest((const uint8_t *)"abcd", 4));
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(checksum_bits_are_no_part_of_the_link_type)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 0x24000001);
    pcap_record(&buf, false, 1, 0, "x", 1, 1);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 1);
    ck_assert_uint_eq(result.seen[0].link, LINK_ETHERNET);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(wire_length_is_at_least_the_captured_length)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    pcap_record(&buf, false, 1, 0, "four", 4, 0);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.seen[0].wirelen, 4);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

/* Before version 2.4, the length on the wire may come first. */
START_TEST(old_versions_have_their_lengths_in_either_order)
{
    bool big = _i % 2, wire_first = _i / 2 % 2;
    uint8_t minor = (uint8_t)(_i / 4);
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, big, 101);
    buf.data[big ? 7 : 6] = minor;
    for (uint32_t i = 0; i < 3; i++) {
        put_uint(&buf, i, 4, big);
        put_uint(&buf, 0, 4, big);
        put_uint(&buf, wire_first ? 60 + i : 20 + i, 4, big);
        put_uint(&buf, wire_first ? 20 + i : 60 + i, 4, big);
        put(&buf, "0123456789012345678901", 20 + i);
    }
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ck_assert_int_eq(result.seen[i].ts_ns, (int64_t)i * 1000000000);
        ck_assert_uint_eq(result.seen[i].caplen, 20 + i);
        ck_assert_uint_eq(result.seen[i].wirelen, 60 + i);
    }
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(time_beyond_2106_is_bad_and_does_not_move_packet_time)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    pcap_record(&buf, false, 600, 0, "a", 1, 1);
    pcap_record(&buf, false, UINT32_MAX, 1000000, "b", 1, 1);
    pcap_record(&buf, false, 601, 0, "c", 1, 1);
    pcap_record(&buf, false, UINT32_MAX, 999999, "d", 1, 1);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 4);
    ck_assert_uint_eq(result.seen[1].flags, FRAME_BAD_TIME);
    ck_assert_int_eq(result.seen[1].ts_ns, 0);
    ck_assert_uint_eq(result.seen[1].now_min, 0);
    ck_assert_uint_eq(result.seen[2].flags, 0);
    ck_assert_uint_eq(result.seen[2].now_min, 10);
    ck_assert_uint_eq(result.seen[3].flags, 0);
    ck_assert_int_eq(result.seen[3].ts_ns, 4294967295999999000);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(longest_frame_passes_and_one_more_byte_fails)
{
    static const uint8_t bytes[CAPLEN_MAX + 1];
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, false, 1);
    pcap_record(&buf, false, 1, 0, "small", 5, 5);
    pcap_record(&buf, false, 2, 0, bytes, CAPLEN_MAX, CAPLEN_MAX);
    pcap_record(&buf, false, 3, 0, bytes, CAPLEN_MAX + 1, CAPLEN_MAX + 1);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 2);
    ck_assert_uint_eq(result.seen[1].caplen, CAPLEN_MAX);
    ck_assert(result.files[0].failed && !result.files[0].cut);
    ck_assert_str_eq(
        result.files[0].error.text,
        "damaged at byte 262205: a record of 262145 bytes, expected at most 262144");
    result_free(&result);
    buf_free(&buf);
}
END_TEST

/* Captures that were joined with cat: the second header is no packet of the year 2055. An empty
 * packet of that time is one. */
START_TEST(another_file_behind_the_last_record_is_no_packet)
{
    static const uint32_t magics[] = {0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34};
    bool big = _i / 3 % 2, first_big = _i / 6;
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, first_big, 1);
    pcap_record(&buf, first_big, 1, 0, "abc", 3, 60);
    pcap_record(&buf, first_big, 2, 0, "", 0, 0);
    pcap_record(&buf, first_big, 0xa1b2c3d4, 4, "", 0, 0);
    pcap_header(&buf, magics[_i % 3], big, 1);
    pcap_record(&buf, big, 3, 0, "abc", 3, 60);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 3);
    ck_assert(result.files[0].failed && !result.files[0].cut);
    ck_assert_str_eq(result.files[0].error.text,
                     "another pcap file begins at byte 75, and is not read: give captures one "
                     "by one, or join them with mergecap(1)");
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(no_packets_is_fine)
{
    struct buf buf = {0};
    pcap_header(&buf, 0xa1b2c3d4, true, 1);
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 0);
    ck_assert_str_eq(result.files[0].error.text, "");
    result_free(&result);
    buf_free(&buf);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    const char *end; /* of the message */
} others[] = {
    {"", 0, "; it is empty"},
    {"#!", 2, "; it starts with 23 21"},
    {"#!/bin/sh\n", 10, "; it starts with 23 21 2f 62"},
};

START_TEST(other_files_are_not_captures)
{
    struct buf buf = {0};
    put(&buf, others[_i].bytes, others[_i].n);
    struct result result = replay_buf(&buf);
    ck_assert(result.files[0].failed);
    char text[256];
    (void)snprintf(text, sizeof text,
                   "not a capture file: expected pcap, pcapng, or either compressed with gzip "
                   "or zstd%s",
                   others[_i].end);
    ck_assert_str_eq(result.files[0].error.text, text);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
    /* The first page of this process is not mapped: a file that opens and does not read. */
    const char *names[] = {"/", "/nonexistent/file", "/proc/self/mem"};
    struct result result = replay_all(names, 3, 1, 0);
    ck_assert(result.files[0].failed && result.files[1].failed);
    ck_assert_str_eq(result.files[0].error.text, "a folder: give the files in it");
    ck_assert_str_eq(result.files[0].error.origin, "/");
    ck_assert_str_eq(result.files[1].error.text, "No such file or directory");
    ck_assert(result.files[2].failed);
    ck_assert_str_eq(result.files[2].error.text,
                     "cannot be read at byte 0: Input/output error");
    result_free(&result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pcap");
    TCase *tests = tcase_create("pcap");
    tcase_add_loop_test(tests, variants_give_the_same_frame, 0,
                        sizeof variants / sizeof *variants);
    tcase_add_loop_test(tests, patched_record_header_is_24_bytes, 0, 2);
    tcase_add_test(tests, checksum_bits_are_no_part_of_the_link_type);
    tcase_add_test(tests, wire_length_is_at_least_the_captured_length);
    tcase_add_test(tests, time_beyond_2106_is_bad_and_does_not_move_packet_time);
    tcase_add_test(tests, longest_frame_passes_and_one_more_byte_fails);
    tcase_add_loop_test(tests, old_versions_have_their_lengths_in_either_order, 0, 16);
    tcase_add_loop_test(tests, another_file_behind_the_last_record_is_no_packet, 0, 12);
    tcase_add_test(tests, no_packets_is_fine);
    tcase_add_loop_test(tests, other_files_are_not_captures, 0, sizeof others / sizeof *others);
    tcase_add_test(tests, what_cannot_be_read_says_why);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
