/* Tunnels: what is opened, between whom, and what counts when one is not. Outer addresses are
 * 10.0.0.1 > 10.0.0.2. */
#include "frames.h"

#define OUTER            "0a 00 00 01 0a 00 00 02"
#define GRE(length, sum) "45 00 00" length "12 34 00 00 40 2f" sum OUTER
#define ETHERNET         MACS "08 00"
#define VXLAN                                                                                  \
    "45 00 00 5a 12 34 00 00 40 11 54 5d" OUTER                                                \
    "15 b3 12 b5 00 46 00 00 08 00 00 00 00 00 01 00"
#define OUTER6(length, next)                                                                   \
    "60 a1 23 45 00" length next "39 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"          \
    "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 02"
#define IPIP(length, sum) "45 00 00" length "12 34 00 00 40 04" sum OUTER

static const char gre[] = GRE("40", "54 59") "00 00 08 00" SYN4;
#define IPIP_SYN4 IPIP("3c", "54 88") SYN4
static const char ipip[] = IPIP_SYN4;
static const char vxlan[] = VXLAN ETHERNET SYN4;
#define OUTER_TOLD(protocol, class, proto, len)                                                \
    protocol " " class " 10.0.0.1 > 10.0.0.2 proto " proto " len " len                         \
                       " tos 0 ttl 64 hdr 20 id 1234 frag 0"

static const struct {
    const char *name;
    const char *hex;
    unsigned tunnels;
    const char *ends;
    uint32_t caplen;
    const char *told;
} packets[] = {
    {"gre", gre, TUNNEL_GRE, "10.0.0.2", 0, SYN4_TOLD " decapsulated"},
    {"gre, from the end", gre, TUNNEL_GRE, "10.0.0.1", 0, SYN4_TOLD " decapsulated"},
    {"gre, other ends", gre, TUNNEL_GRE, "10.0.0.3", 0,
     OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, no ends", gre, TUNNEL_GRE, NULL, 0, OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, not told to", gre, TUNNEL_IPIP | TUNNEL_VXLAN, "10.0.0.2", 0,
     OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, checksum, key, sequence number, ipv6",
     GRE("60", "54 39") "b0 00 86 dd 00 00 00 00 00 00 00 00 00 00 00 00" SYN6, TUNNEL_GRE,
     "10.0.0.2", 0, SYN6_TOLD " decapsulated"},
    {"gre, key, ethernet",
     GRE("56", "54 43") "20 00 65 58 00 00 00 ff" MACS "81 00 00 05 08 00" SYN4, TUNNEL_GRE,
     "10.0.0.2", 0, SYN4_TOLD " decapsulated"},
    {"gre, version 1", GRE("40", "54 59") "00 01 08 00" SYN4, TUNNEL_GRE, "10.0.0.2", 0,
     OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, source route", GRE("40", "54 59") "40 00 08 00" SYN4, TUNNEL_GRE, "10.0.0.2", 0,
     OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, erspan", GRE("40", "54 59") "00 00 88 be" SYN4, TUNNEL_GRE, "10.0.0.2", 0,
     OUTER_TOLD("other", "other", "47", "64/64")},
    {"gre, header cut", gre, TUNNEL_GRE, "10.0.0.2", 23,
     OUTER_TOLD("other", "other", "47", "23/64") " cut"},
    {"gre, inner addresses cut", gre, TUNNEL_GRE, "10.0.0.2", 43, "refused truncated"},
    {"gre, a fragment", "45 00 00 40 12 34 20 00 40 2f 34 59" OUTER "00 00 08 00" SYN4,
     TUNNEL_GRE, "10.0.0.2", 0,
     "other other 10.0.0.1 > 10.0.0.2 proto 47 len 64/64 tos 0 ttl 64 hdr 20 id 1234 frag 2000"
     " fragment"},
    {"gre, inner packet malformed",
     GRE("2c", "54 6d") "00 00 08 00 45 00 00 10 12 34 00 00 40 06 00 00" OUTER, TUNNEL_GRE,
     "10.0.0.2", 0, "refused malformed"},
    {"ip in ip", ipip, TUNNEL_IPIP, "10.0.0.0/24", 0, SYN4_TOLD " decapsulated"},
    {"ip in ip, not told to", ipip, TUNNEL_GRE, "10.0.0.0/24", 0,
     OUTER_TOLD("other", "other", "4", "60/60")},
    {"ipv6 in ipv4", "45 00 00 50 12 34 00 00 40 29 54 4f" OUTER SYN6, TUNNEL_IPIP, "10.0.0.2",
     0, SYN6_TOLD " decapsulated"},
    {"ipv4 in ipv6", OUTER6("28", "04") SYN4, TUNNEL_IPIP, "2001:db8:1::2", 0,
     SYN4_TOLD " decapsulated"},
    {"ipv6 in ipv6", OUTER6("3c", "29") SYN6, TUNNEL_IPIP, "2001:db8::1", 0,
     SYN6_TOLD " decapsulated"},
    {"4 tunnels", IPIP("78", "54 4c") IPIP("64", "54 60") IPIP("50", "54 74") IPIP_SYN4,
     TUNNEL_IPIP, "10.0.0.2", 0, SYN4_TOLD " decapsulated"},
    {"5 tunnels: the fifth stays closed",
     IPIP("8c", "54 38") IPIP("78", "54 4c") IPIP("64", "54 60") IPIP("50", "54 74") IPIP_SYN4,
     TUNNEL_IPIP, "10.0.0.2", 0, OUTER_TOLD("other", "other", "4", "60/60") " decapsulated"},
    {"vxlan", vxlan, TUNNEL_VXLAN, "10.0.0.2", 0, SYN4_TOLD " decapsulated"},
    {"vxlan, arp inside",
     "45 00 00 3a 12 34 00 00 40 11 54 7d" OUTER
     "15 b3 12 b5 00 26 00 00 08 00 00 00 00 00 01 00" MACS "08 06 00 00 00 00 00 00 00 00",
     TUNNEL_VXLAN, "10.0.0.2", 0, "refused not_ip"},
    {"vxlan, no network identifier",
     "45 00 00 24 12 34 00 00 40 11 54 93" OUTER
     "15 b3 12 b5 00 10 00 00 00 00 00 00 00 00 01 00",
     TUNNEL_VXLAN, "10.0.0.2", 0,
     OUTER_TOLD("udp", "scan", "17", "36/36") " | 5555 > 4789 at 20 length 16 sum 0"
                                              " payload 8/8 at 28"},
    {"vxlan, header cut", vxlan, TUNNEL_VXLAN, "10.0.0.2", 35,
     OUTER_TOLD("udp", "scan", "17", "35/90") " | 5555 > 4789 at 20 length 70 sum 0"
                                              " payload 7/62 at 28 cut"},
};

START_TEST(tunnels_are_opened_between_their_ends_alone)
{
    struct text text;
    struct prefix_set *ends = NULL;
    if (packets[_i].ends) {
        ends = prefix_set_parse(packets[_i].ends, "ends", NULL);
        ck_assert_ptr_nonnull(ends);
    }
    struct decode_config config = {.tunnels = packets[_i].tunnels, .tunnel_ends = ends};
    tell_frame(&text, &config, LINK_RAW, packets[_i].hex, packets[_i].caplen, 0);
    ck_assert_msg(strcmp(text.buf, packets[_i].told) == 0, "%s:\n  got  %s\n  want %s",
                  packets[_i].name, text.buf, packets[_i].told);
    prefix_set_free(ends);
}
END_TEST

START_TEST(the_inner_destination_must_be_dark)
{
    struct text text;
    struct prefix_set *ends = prefix_set_parse("10.0.0.2", "ends", NULL);
    struct prefix_set *dark = prefix_set_parse("198.51.100.0/24", "--dark", NULL);
    struct decode_config config = {.dark = dark, .tunnels = TUNNEL_GRE, .tunnel_ends = ends};
    tell_frame(&text, &config, LINK_RAW, gre, 0, 0);
    ck_assert_str_eq(text.buf, SYN4_TOLD " decapsulated");
    config.tunnels = 0;
    tell_frame(&text, &config, LINK_RAW, gre, 0, 0);
    ck_assert_str_eq(text.buf, "refused outside");
    prefix_set_free(ends);
    prefix_set_free(dark);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tunnel");
    TCase *tests = tcase_create("tunnel");
    tcase_add_loop_test(tests, tunnels_are_opened_between_their_ends_alone, 0,
                        sizeof packets / sizeof *packets);
    tcase_add_test(tests, the_inner_destination_must_be_dark);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
