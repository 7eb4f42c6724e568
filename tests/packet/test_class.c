/* Class rules: every ICMP type and TCP flag that matters, and UDP answers against questions. */
#include "frames.h"

#include "packet/class.h"

static const struct {
    uint8_t flags;
    enum class class;
} tcp[] = {
    {0x02, CLASS_SCAN},        /* SYN */
    {0xc2, CLASS_SCAN},        /* SYN with ECN */
    {0x03, CLASS_SCAN},        /* SYN FIN */
    {0x00, CLASS_SCAN},        /* none */
    {0x01, CLASS_SCAN},        /* FIN */
    {0x29, CLASS_SCAN},        /* FIN PSH URG */
    {0x12, CLASS_BACKSCATTER}, /* SYN ACK */
    {0x52, CLASS_BACKSCATTER}, /* SYN ACK ECE */
    {0x04, CLASS_BACKSCATTER}, /* RST */
    {0x14, CLASS_BACKSCATTER}, /* RST ACK */
    {0x06, CLASS_BACKSCATTER}, /* RST SYN */
    {0x10, CLASS_OTHER},       /* ACK */
    {0x11, CLASS_OTHER},       /* FIN ACK */
    {0x18, CLASS_OTHER},       /* PSH ACK */
    {0x20, CLASS_OTHER},       /* URG */
    {0x40, CLASS_OTHER},       /* ECE */
};

START_TEST(tcp_flags_decide)
{
    ck_assert_int_eq(class_of_tcp(tcp[_i].flags), tcp[_i].class);
}
END_TEST

START_TEST(icmp_types_decide)
{
    static const char icmp[] = "b..bbb..s..bbsbsbsb";
    for (unsigned type = 0; type < 256; type++) {
        char c = type < sizeof icmp - 1 ? icmp[type] : '.';
        enum class want = c == 'b' ? CLASS_BACKSCATTER : c == 's' ? CLASS_SCAN : CLASS_OTHER;
        ck_assert_msg(class_of_icmp((uint8_t)type) == want, "type %u", type);
        want = type == 128                  ? CLASS_SCAN
               : type == 129 || type <= 127 ? CLASS_BACKSCATTER
                                            : CLASS_OTHER;
        ck_assert_msg(class_of_icmp6((uint8_t)type) == want, "ICMPv6 type %u", type);
    }
}
END_TEST

START_TEST(sctp_chunks_decide)
{
    ck_assert_int_eq(class_of_sctp(1), CLASS_SCAN);
    ck_assert_int_eq(class_of_sctp(2), CLASS_BACKSCATTER);
    ck_assert_int_eq(class_of_sctp(6), CLASS_BACKSCATTER);
    ck_assert_int_eq(class_of_sctp(0), CLASS_OTHER);
    ck_assert_int_eq(class_of_sctp(14), CLASS_OTHER);
}
END_TEST

static const struct {
    const char *name;
    uint16_t port;
    enum class class;
    const char *payload;
} udp[] = {
    {"dns response", 53, CLASS_BACKSCATTER, "12 34 81 80 00 01 00 01 00 00 00 00"},
    {"dns query", 53, CLASS_SCAN, "12 34 01 00 00 01 00 00 00 00 00 00"},
    {"dns, cut header", 53, CLASS_SCAN, "12 34 81 80 00 01 00 01 00 00 00"},
    {"dns response from elsewhere", 54, CLASS_SCAN, "12 34 81 80 00 01 00 01 00 00 00 00"},
    {"mdns response", 5353, CLASS_BACKSCATTER, "00 00 84 00 00 00 00 01 00 00 00 00"},
    {"mdns query", 5353, CLASS_SCAN, "00 00 00 00 00 01 00 00 00 00 00 00"},
    {"ntp server", 123, CLASS_BACKSCATTER, "24 01 00 e9"},
    {"ntp client", 123, CLASS_SCAN, "23 00 00 00"},
    {"ntp control response", 123, CLASS_BACKSCATTER, "16 82 00 01 00 00"},
    {"ntp control request", 123, CLASS_SCAN, "16 02 00 01 00 00"},
    {"ntp monlist response", 123, CLASS_BACKSCATTER, "d7 00 03 2a"},
    {"ntp monlist request", 123, CLASS_SCAN, "17 00 03 2a"},
    {"ntp, nothing", 123, CLASS_SCAN, ""},
    {"sip response", 5060, CLASS_BACKSCATTER, "53 49 50 2f 32 2e 30 20 34 30 34"},
    {"sip request", 5060, CLASS_SCAN, "4f 50 54 49 4f 4e 53 20 73 69 70 3a"},
    {"ssdp response", 1900, CLASS_BACKSCATTER, "48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b"},
    {"ssdp search", 1900, CLASS_SCAN, "4d 2d 53 45 41 52 43 48 20 2a"},
    {"ssdp, cut", 1900, CLASS_SCAN, "48 54 54 50 2f 31 2e 31 20 32 30"},
    {"cldap entry", 389, CLASS_BACKSCATTER, "30 84 00 00 00 a2 02 01 01 64 84 00 00 00 99"},
    {"cldap done", 389, CLASS_BACKSCATTER, "30 0c 02 01 07 65 07 0a 01 00 04 00 04 00"},
    {"cldap search", 389, CLASS_SCAN, "30 25 02 01 01 63 20 04 00 0a 01 00 0a 01 00"},
    {"cldap, length of 5 bytes", 389, CLASS_SCAN, "30 85 00 00 00 00 a2 02 01 01 64"},
    {"memcached stat", 11211, CLASS_BACKSCATTER, "00 00 00 00 00 01 00 00 53 54 41 54 20 70"},
    {"memcached end", 11211, CLASS_BACKSCATTER, "00 01 00 00 00 01 00 00 45 4e 44 0d 0a"},
    {"memcached second datagram", 11211, CLASS_BACKSCATTER, "00 01 00 01 00 02 00 00 61 61 61"},
    {"memcached binary response", 11211, CLASS_BACKSCATTER, "00 01 00 00 00 01 00 00 81 10"},
    {"memcached request", 11211, CLASS_SCAN, "00 01 00 00 00 01 00 00 73 74 61 74 73 0d 0a"},
    {"memcached, header cut", 11211, CLASS_SCAN, "00 01 00 01 00 02 00"},
};

START_TEST(udp_answers_are_told_from_questions)
{
    uint32_t n;
    uint8_t *bytes = hex_bytes(udp[_i].payload, &n);
    uint8_t *exact = exact_copy(bytes, n);
    ck_assert_msg(class_of_udp(udp[_i].port, exact, n) == udp[_i].class, "%s", udp[_i].name);
    exact_free(exact, n);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("class");
    TCase *tests = tcase_create("class");
    tcase_add_loop_test(tests, tcp_flags_decide, 0, sizeof tcp / sizeof *tcp);
    tcase_add_test(tests, icmp_types_decide);
    tcase_add_test(tests, sctp_chunks_decide);
    tcase_add_loop_test(tests, udp_answers_are_told_from_questions, 0,
                        sizeof udp / sizeof *udp);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
