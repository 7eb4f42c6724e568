/* pcapng: clocks, sections, interfaces, kinds of blocks; known answers. */
#include "build.h"

#define END_NS 4294967296000000000 /* the first time out of range */

static const struct {
    int resolution;
    int64_t offset_s;
    uint64_t units;
    int64_t ns; /* -1: bad */
} clocks[] = {
    {-1, 0, 1700000000123456, 1700000000123456000},
    {6, 0, 1700000000123456, 1700000000123456000},
    {0, 0, 1700000000, 1700000000000000000},
    {0, 0, 4294967295, 4294967295000000000},
    {0, 0, 4294967296, -1},
    {3, 0, 1700000000123, 1700000000123000000},
    {9, 0, 1700000000123456789, 1700000000123456789},
    {9, 0, 4294967295999999999, 4294967295999999999},
    {9, 0, END_NS, -1},
    {9, 0, UINT64_MAX, -1},
    {12, 0, 1234567890123456789, 1234567890123456},
    {19, 0, UINT64_MAX, 1844674407},
    {28, 0, UINT64_MAX, 1},
    {29, 0, UINT64_MAX, 0},
    {127, 0, UINT64_MAX, 0},
    {0x80, 0, 1700000000, 1700000000000000000},
    {0x80 | 1, 0, 3, 1500000000},
    {0x80 | 20, 0, 3145728 + 1, 3000000953},
    {0x80 | 32, 0, UINT64_MAX, 4294967295999999999},
    {0x80 | 31, 0, UINT64_MAX, -1},
    {0x80 | 64, 0, UINT64_MAX, 999999999},
    {0x80 | 127, 0, UINT64_MAX, 0},
    {6, 1700000000, 5, 1700000000000005000},
    {6, -1700000000, 1700000003000000, 3000000000},
    {6, -1700000000, 1699999999999999, -1},
    {6, INT64_MIN, UINT64_MAX, -1},
    {0, INT64_MAX, UINT64_MAX, -1},
    {0, -9000000000000000000, 9000000000000000007, 7000000000},
};

START_TEST(clocks_are_exact)
{
    for (int big = 0; big < 2; big++) {
        struct buf buf = {0};
        ng_section(&buf, big);
        ng_interface(&buf, big, 1, 0, clocks[_i].resolution, clocks[_i].offset_s);
        ng_packet(&buf, big, 0, clocks[_i].units, "hello", 5, 60);
        struct result result = replay_buf(&buf);
        ck_assert_str_eq(result.files[0].error.text, "");
        ck_assert_uint_eq(result.n, 1);
        bool bad = clocks[_i].ns < 0;
        ck_assert_int_eq(result.seen[0].ts_ns, bad ? 0 : clocks[_i].ns);
        ck_assert_uint_eq(result.seen[0].flags, bad ? FRAME_BAD_TIME : 0);
        ck_assert_uint_eq(result.seen[0].wirelen, 60);
        ck_assert_uint_eq(result.seen[0].digest, digest((const uint8_t *)"hello", 5));
        result_free(&result);
        buf_free(&buf);
    }
}
END_TEST

START_TEST(sections_have_their_own_byte_order_and_interfaces)
{
    struct buf buf = {0};
    ng_section(&buf, _i & 1);
    ng_interface(&buf, _i & 1, 1, 0, 6, 0);
    ng_interface(&buf, _i & 1, 101, 0, 9, 0);
    ng_packet(&buf, _i & 1, 1, 2000000000, "raw", 3, 3);
    ng_packet(&buf, _i & 1, 0, 3000000, "ether", 5, 5);
    ng_section(&buf, _i & 2);
    ng_interface(&buf, _i & 2, 113, 0, 0, 0);
    ng_packet(&buf, _i & 2, 0, 4, "cooked", 6, 6);
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 3);
    static const struct {
        int64_t ns;
        uint8_t link;
    } expected[] = {
        {2000000000, LINK_RAW}, {3000000000, LINK_ETHERNET}, {4000000000, LINK_LINUX_SLL}};
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(result.seen[i].ts_ns, expected[i].ns);
        ck_assert_uint_eq(result.seen[i].link, expected[i].link);
    }
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(simple_packets_take_snap_length_and_the_last_time)
{
    struct buf buf = {0};
    ng_section(&buf, _i);
    ng_interface(&buf, _i, 1, 4, 6, 0);
    ng_simple_packet(&buf, _i, "firs", 4, 100);
    ng_packet(&buf, _i, 0, 7000000, "x", 1, 1);
    ng_simple_packet(&buf, _i, "four", 4, 1500);
    ng_simple_packet(&buf, _i, "abc", 3, 3);
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 4);
    ck_assert_uint_eq(result.seen[0].flags, 0);
    ck_assert_int_eq(result.seen[0].ts_ns, 0); /* no time before it */
    ck_assert_uint_eq(result.seen[2].flags, 0);
    ck_assert_int_eq(result.seen[2].ts_ns, 7000000000);
    ck_assert_uint_eq(result.seen[2].caplen, 4);
    ck_assert_uint_eq(result.seen[2].wirelen, 1500);
    ck_assert_uint_eq(result.seen[2].digest, digest((const uint8_t *)"four", 4));
    ck_assert_uint_eq(result.seen[3].caplen, 3);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

/* Appendix A: interface and drops are 16 bits each. */
START_TEST(obsolete_packets_are_read)
{
    struct buf buf = {0}, body = {0};
    ng_section(&buf, _i);
    ng_interface(&buf, _i, 1, 0, 6, 0);
    ng_interface(&buf, _i, 101, 0, 6, 0);
    put_uint(&body, 1, 2, _i);
    put_uint(&body, 99, 2, _i);
    put_uint(&body, 0, 4, _i);
    put_uint(&body, 8000001, 4, _i);
    put_uint(&body, 3, 4, _i);
    put_uint(&body, 50, 4, _i);
    put(&body, "old", 3);
    ng_block(&buf, _i, 2, &body);
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 1);
    ck_assert_int_eq(result.seen[0].ts_ns, 8000001000);
    ck_assert_uint_eq(result.seen[0].link, LINK_RAW);
    ck_assert_uint_eq(result.seen[0].wirelen, 50);
    ck_assert_uint_eq(result.seen[0].digest, digest((const uint8_t *)"old", 3));
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(unknown_blocks_are_skipped_whatever_their_length)
{
    static const size_t lengths[] = {0, 4, 65536, 262144 - 12, 5000000};
    struct buf buf = {0};
    ng_section(&buf, false);
    ng_interface(&buf, false, 1, 0, 0, 0);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct buf body = {0};
        for (size_t n = 0; n < lengths[i]; n += 4)
            put(&body, "\6\0\0\0", 4); /* looks like packet blocks */
        ng_block(&buf, false, 0x40000bad, &body);
        ng_packet(&buf, false, 0, i + 1, &i, sizeof i, sizeof i);
    }
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, sizeof lengths / sizeof *lengths);
    for (unsigned i = 0; i < result.n; i++) {
        ck_assert_int_eq(result.seen[i].ts_ns, (i + 1) * SECOND_NS);
        ck_assert_uint_eq(result.seen[i].digest, digest((const uint8_t *)&i, sizeof i));
    }
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(last_statistics_of_each_interface_add_up)
{
    struct buf buf = {0};
    for (int big = 0; big < 2; big++) {
        ng_section(&buf, big);
        ng_interface(&buf, big, 1, 0, 6, 0);
        ng_interface(&buf, big, 1, 0, 6, 0);
        ng_statistics(&buf, big, 0, 10, 1);
        ng_statistics(&buf, big, 1, 200, 0);
        ng_statistics(&buf, big, 7, 1000, 0); /* of none: says nothing of what follows */
        ng_statistics(&buf, big, 0, 30, 4);
        ng_packet(&buf, big, 1, 1, "x", 1, 1);
    }
    struct result result = replay_buf(&buf);
    ck_assert_str_eq(result.files[0].error.text, "");
    ck_assert_uint_eq(result.n, 2);
    ck_assert_uint_eq(result.files[0].dropped, 2 * (30 + 4 + 200));
    result_free(&result);
    buf_free(&buf);
}
END_TEST

START_TEST(interfaces_are_bounded)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buf buf = {0};
        ng_section(&buf, false);
        for (unsigned i = 0; i < 65536 + extra; i++)
            ng_interface(&buf, false, 1, 0, -1, 0);
        ng_packet(&buf, false, 65535, 1, "x", 1, 1);
        struct result result = replay_buf(&buf);
        ck_assert_int_eq(result.files[0].failed, extra != 0);
        ck_assert_uint_eq(result.n, 1 - extra);
        result_free(&result);
        buf_free(&buf);
    }
}
END_TEST

/* One 32-bit number of a good capture changed: a good packet (at byte 48, of 36 bytes), then
 * one to change (at byte 84). */
static const struct {
    unsigned at;
    uint32_t value;
    const char *text;
} lies[] = {
    {84 + 4, 40, "damaged at byte 84: a block with two different lengths"},
    {84 + 32, 40, "damaged at byte 84: a block with two different lengths"},
    {84 + 4, 35, "damaged at byte 84: a block of impossible length"},
    {84 + 4, 8, "damaged at byte 84: a block of impossible length"},
    {84 + 4, 28, "damaged at byte 84: a block shorter than its fields"},
    {84 + 4, 0x40000000,
     "damaged at byte 84: a block of 1073741824 bytes, expected at most 1048576"},
    {84 + 8, 1, "damaged at byte 84: a packet of interface 1 of 1"},
    {84 + 20, 5, "damaged at byte 84: a packet longer than its block"},
    {84 + 20, 0xffffffff,
     "damaged at byte 84: a packet of 4294967295 bytes, expected at most 262144"},
};

START_TEST(lengths_that_contradict_each_other_end_the_file)
{
    struct buf buf = {0};
    ng_section(&buf, false);
    ng_interface(&buf, false, 1, 0, -1, 0);
    ck_assert_uint_eq(buf.n, 48);
    for (unsigned i = 0; i < 3; i++)
        ng_packet(&buf, false, 0, 1, "four", 4, 4);
    for (unsigned i = 0; i < 4; i++)
        buf.data[lies[_i].at + i] = (uint8_t)(lies[_i].value >> (8 * i));
    struct result result = replay_buf(&buf);
    ck_assert_uint_eq(result.n, 1);
    ck_assert(result.files[0].failed && !result.files[0].cut);
    ck_assert_str_eq(result.files[0].error.text, lies[_i].text);
    result_free(&result);
    buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pcapng");
    TCase *tests = tcase_create("pcapng");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, clocks_are_exact, 0, sizeof clocks / sizeof *clocks);
    tcase_add_loop_test(tests, sections_have_their_own_byte_order_and_interfaces, 0, 4);
    tcase_add_loop_test(tests, simple_packets_take_snap_length_and_the_last_time, 0, 2);
    tcase_add_loop_test(tests, obsolete_packets_are_read, 0, 2);
    tcase_add_test(tests, unknown_blocks_are_skipped_whatever_their_length);
    tcase_add_test(tests, last_statistics_of_each_interface_add_up);
    tcase_add_test(tests, interfaces_are_bounded);
    tcase_add_loop_test(tests, lengths_that_contradict_each_other_end_the_file, 0,
                        sizeof lies / sizeof *lies);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
