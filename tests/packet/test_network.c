/* IPv4 and IPv6 headers: lengths that lie, options, extension headers, fragments, cuts. */
#include "frames.h"

/* An IPv6 header: payload length and next header; then chains of extension headers. */
#define IP6(length, next)                                                                      \
    "60 a1 23 45" length next "39 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"             \
    "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 02"
#define PADN                                                                                   \
    "00 01 04 00 00 00 00" /* after the next header: 8 bytes of options, all padding           \
                            */
#define TCP6      "9c 40 00 17 c6 33 64 02 00 00 00 00 50 02 39 08 54 d7 00 00"
#define TCP4      "9c 40 00 17 c6 33 64 02 00 00 00 00 50 02 39 08 c4 15 00 00"
#define ADDRESSES "c0 00 02 01 c6 33 64 02"
#define TOLD4(proto, len, hdr, frag)                                                           \
    "192.0.2.1 > 198.51.100.2 proto " proto " len " len " tos 0 ttl 64 hdr " hdr " id 1234"    \
    " frag " frag
#define TOLD6(proto, len)                                                                      \
    "2001:db8::1 > 2001:db8:1::2 proto " proto " len " len " tos 10 ttl 57 hdr 40 flow 12345"
#define SYN(offset, payload)                                                                   \
    " | 40000 > 23 at " offset " seq c6336402 ack 0 flags 02 win 14600 urg 0 res 0 hdr 20"     \
    " options payload 0/0 at " payload

static const struct {
    const char *name;
    const char *hex;
    uint32_t caplen, wirelen;
    const char *told;
} packets[] = {
    {"ipv4", SYN4, 0, 0, SYN4_TOLD},
    {"ipv4, router alert option",
     "46 00 00 2c 12 34 00 00 40 06 e7 5c" ADDRESSES "94 04 00 00" TCP4, 0, 0,
     "tcp scan " TOLD4("6", "44/44", "24", "0") SYN("24", "44")},
    {"ipv4, header checksum wrong", "45 00 00 28 12 34 00 00 40 06 7c 66" ADDRESSES TCP4, 0, 0,
     SYN4_TOLD " bad-ip"},
    {"ipv4, header length below 20", "44 00 00 28 12 34 00 00 40 06 7c 65" ADDRESSES TCP4, 0, 0,
     "refused malformed"},
    {"ipv4, total length 0", "45 00 00 00 12 34 00 00 40 06 7c 65" ADDRESSES TCP4, 0, 0,
     "refused malformed"},
    {"ipv4, total length below the header",
     "45 00 00 13 12 34 00 00 40 06 7c 7a" ADDRESSES TCP4, 0, 0, "refused malformed"},
    {"ipv4, total length is the header", "45 00 00 14 12 34 00 00 40 06 7c 79" ADDRESSES TCP4,
     0, 0, "tcp other " TOLD4("6", "20/20", "20", "0")},
    {"ipv4, total length cuts the transport header",
     "45 00 00 1e 12 34 00 00 40 06 7c 6f" ADDRESSES TCP4, 0, 0,
     "tcp other " TOLD4("6", "30/30", "20", "0")},
    {"ipv4, total length beyond the wire", "45 00 00 3c 12 34 00 00 40 06 7c 51" ADDRESSES TCP4,
     0, 0,
     "tcp scan " TOLD4("6", "40/60", "20",
                       "0") " | 40000 > 23 at 20 seq c6336402 ack 0 flags 02"
                            " win 14600 urg 0 res 0 hdr 20 options payload 0/20 at 40 cut"},
    {"ipv4, options end beyond the packet",
     "4f 00 00 3c 12 34 00 00 40 06 72 51" ADDRESSES TCP4, 0, 0,
     "tcp other " TOLD4("6", "40/60", "60", "0") " cut"},
    {"ipv4, wire shorter than a header", "45 00 00 28 12 34 00 00 40 06 7c 65 c0 00 02 01", 0,
     0, "refused malformed"},
    {"ipv4, addresses not captured", SYN4, 19, 0, "refused truncated"},
    {"ipv4, addresses captured", SYN4, 20, 0,
     "tcp other " TOLD4("6", "20/40", "20", "0") " cut"},
    {"ipv4, transport header cut", SYN4, 39, 0,
     "tcp other " TOLD4("6", "39/40", "20", "0") " cut"},
    {"ipv4, only trailing bytes cut", SYN4, 0, 46, SYN4_TOLD " cut"},
    {"ipv4, first fragment", "45 00 00 28 12 34 20 00 40 06 5c 65" ADDRESSES TCP4, 0, 0,
     "tcp scan " TOLD4("6", "40/40", "20", "2000") SYN("20", "40") " fragment"},
    {"ipv4, later fragment", "45 00 00 28 12 34 00 03 40 06 7c 62" ADDRESSES TCP4, 0, 0,
     "tcp other " TOLD4("6", "40/40", "20", "3") " fragment"},
    {"ipv4, do not fragment is no fragment",
     "45 00 00 28 12 34 40 00 40 06 3c 65" ADDRESSES TCP4, 0, 0,
     "tcp scan " TOLD4("6", "40/40", "20", "4000") SYN("20", "40")},
    {"ipv4, icmpv6 is other",
     "45 00 00 1c 12 34 00 00 40 3a 7c 3d" ADDRESSES "80 00 7f fc 00 01 00 02", 0, 0,
     "other other " TOLD4("58", "28/28", "20", "0")},
    {"ipv4, gre is other", "45 00 00 18 12 34 00 00 40 2f 7c 4c" ADDRESSES "00 00 08 00", 0, 0,
     "other other " TOLD4("47", "24/24", "20", "0")},

    {"ipv6", SYN6, 0, 0, SYN6_TOLD},
    {"ipv6, wire shorter than a header", "60 a1 23 45 00 14 06 39", 0, 0, "refused malformed"},
    {"ipv6, addresses not captured", SYN6, 39, 0, "refused truncated"},
    {"ipv6, addresses captured", SYN6, 40, 0, "tcp other " TOLD6("6", "40/60") " cut"},
    {"ipv6, no next header", IP6("00 00", "3b"), 0, 0, "other other " TOLD6("59", "40/40")},
    {"ipv6, payload length beyond the wire", IP6("00 15", "06") TCP6, 0, 0,
     "tcp scan " TOLD6("6", "60/61") " | 40000 > 23 at 40 seq c6336402 ack 0 flags 02 win 14600"
                                     " urg 0 res 0 hdr 20 options payload 0/1 at 60 cut"},
    {"ipv6, icmp is other", IP6("00 08", "01") "08 00 f7 fc 00 01 00 02", 0, 0,
     "other other " TOLD6("1", "48/48")},
    {"ipv6, hop-by-hop, destination, routing, authentication",
     IP6("00 44",
         "00") "3c" PADN "2b" PADN "33 00 00 00 00 00 00 00"
               "06 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00" TCP6,
     0, 0, "tcp scan " TOLD6("6", "108/108") SYN("88", "108")},
    {"ipv6, mobility, hip, shim6", IP6("00 2c", "87") "8b" PADN "8c" PADN "06" PADN TCP6, 0, 0,
     "tcp scan " TOLD6("6", "84/84") SYN("64", "84")},
    {"ipv6, 8 extension headers",
     IP6("00 54", "3c") "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN
                        "06" PADN TCP6,
     0, 0, "tcp scan " TOLD6("6", "124/124") SYN("104", "124")},
    {"ipv6, 9 extension headers",
     IP6("00 5c", "3c") "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN "3c" PADN
                        "3c" PADN "06" PADN TCP6,
     0, 0, "other other " TOLD6("60", "132/132")},
    {"ipv6, extension header cut by the capture: its next header is known",
     IP6("00 1c", "3c") "06" PADN TCP6, 42, 0, "tcp other " TOLD6("6", "42/68") " cut"},
    {"ipv6, extension header cut before its length", IP6("00 1c", "3c") "06" PADN TCP6, 41, 0,
     "other other " TOLD6("60", "41/68") " cut"},
    {"ipv6, extension header longer than the packet",
     IP6("00 1c", "3c") "06 04 01 04 00 00 00 00" TCP6, 0, 0, "tcp other " TOLD6("6", "68/68")},
    {"ipv6, first fragment", IP6("00 1c", "2c") "06 00 00 01 00 00 00 63" TCP6, 0, 0,
     "tcp scan " TOLD6("6", "68/68") SYN("48", "68") " fragment"},
    {"ipv6, later fragment", IP6("00 1c", "2c") "06 00 00 50 00 00 00 63" TCP6, 0, 0,
     "tcp other " TOLD6("6", "68/68") " fragment"},
    {"ipv6, atomic fragment is a whole packet",
     IP6("00 1c", "2c") "06 00 00 00 00 00 00 63" TCP6, 0, 0,
     "tcp scan " TOLD6("6", "68/68") SYN("48", "68")},
    {"ipv6, source route under way: another destination is in the checksum",
     IP6("00 1c", "2b") "06 00 00 01 00 00 00 00"
                        "9c 40 00 17 c6 33 64 02 00 00 00 00 50 02 39 08 54 d8 00 00",
     0, 0, "tcp scan " TOLD6("6", "68/68") SYN("48", "68")},
    {"ipv6, jumbogram: as long as the wire", IP6("00 00", "00") "06 00 c2 04 00 00 00 14" TCP6,
     0, 0, "tcp scan " TOLD6("6", "68/68") SYN("48", "68")},
    {"ipv6, payload length 0 without the jumbo option", IP6("00 00", "00") "06" PADN TCP6, 0, 0,
     "other other " TOLD6("0", "40/40")},
};

START_TEST(network_headers_become_columns)
{
    static const struct decode_config config;
    struct text text;
    tell_frame(&text, &config, LINK_RAW, packets[_i].hex, packets[_i].caplen,
               packets[_i].wirelen);
    ck_assert_msg(strcmp(text.buf, packets[_i].told) == 0, "%s:\n  got  %s\n  want %s",
                  packets[_i].name, text.buf, packets[_i].told);
}
END_TEST

/* --dark: where a packet goes decides, where it comes from is noted. */
static const struct {
    const char *dark;
    const char *hex;
    const char *told;
} dark_cases[] = {
    {"198.51.100.0/24", SYN4, SYN4_TOLD},
    {"198.51.100.0/24,!198.51.100.2", SYN4, "refused outside"},
    {"192.0.2.0/24", SYN4, "refused outside"},
    {"2001:db8::/32", SYN4, "refused outside"},
    {"0.0.0.0/0", SYN4, SYN4_TOLD " from-dark"},
    {"0.0.0.0/0", SYN6, "refused outside"},
    {"2001:db8:1::/48", SYN6, SYN6_TOLD},
    {"2001:db8::/32", SYN6, SYN6_TOLD " from-dark"},
};

START_TEST(the_dark_space_decides_what_is_outside)
{
    struct text text;
    struct prefix_set *dark = prefix_set_parse(dark_cases[_i].dark, "--dark", NULL);
    struct decode_config config = {.dark = dark};
    ck_assert_ptr_nonnull(dark);
    tell_frame(&text, &config, LINK_RAW, dark_cases[_i].hex, 0, 0);
    ck_assert_str_eq(text.buf, dark_cases[_i].told);
    prefix_set_free(dark);
}
END_TEST

START_TEST(flags_of_the_reader_are_kept)
{
    static struct batch batch;
    static const struct decode_config config;
    uint32_t n;
    uint8_t *bytes = hex_bytes(SYN4, &n);
    struct frame frames[] = {
        {.bytes = bytes,
         .caplen = n,
         .wirelen = n,
         .link = LINK_RAW,
         .ts_ns = 5,
         .now_min = 7,
         .flags = FRAME_LATE},
        {.bytes = bytes, .caplen = n, .wirelen = n, .link = LINK_RAW, .flags = FRAME_BAD_TIME},
        {.bytes = bytes, .caplen = 1, .wirelen = n, .link = LINK_RAW, .ts_ns = 9},
        {.bytes = bytes,
         .caplen = n,
         .wirelen = n,
         .link = LINK_RAW,
         .flags = FRAME_BAD_TIME | FRAME_OFF_CLOCK},
    };
    decode_batch(&config, frames, 4, &batch);
    ck_assert_uint_eq(batch.n, 1);
    ck_assert_uint_eq(batch.refused_n, 3);
    ck_assert(mask_test(batch.has[HAS_LATE], 0));
    ck_assert_int_eq(batch.ts_ns[0], 5);
    ck_assert_uint_eq(batch.now_min[0], 7);
    ck_assert_int_eq(batch.refused[0].reason, REASON_TIME);
    ck_assert_int_eq(batch.refused[0].ts_ns, 0);
    ck_assert_int_eq(batch.refused[1].reason, REASON_TRUNCATED);
    ck_assert_int_eq(batch.refused[1].ts_ns, 9);
    ck_assert_int_eq(batch.refused[2].reason, REASON_CLOCK);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network");
    TCase *tests = tcase_create("network");
    tcase_add_loop_test(tests, network_headers_become_columns, 0,
                        sizeof packets / sizeof *packets);
    tcase_add_loop_test(tests, the_dark_space_decides_what_is_outside, 0,
                        sizeof dark_cases / sizeof *dark_cases);
    tcase_add_test(tests, flags_of_the_reader_are_kept);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
