/* Every link layer and what may lie between it and IP leads to the same packet, or to the right
 * refusal. */
#include "frames.h"

#define TAG                 "81 00 20 05" /* 802.1Q: priority 1, VLAN 5 */
#define TAG4                TAG TAG TAG TAG
#define TAG16               TAG4 TAG4 TAG4 TAG4
#define LABEL               "00 01 00 40" /* MPLS: label 16, not the last, TTL 64 */
#define BOTTOM              "00 01 01 40" /* the last label */
#define SLL                 "00 00 00 01 00 06 02 00 00 00 00 01 00 00" /* to us, Ethernet, 6-byte address */
#define SLL2_AFTER_PROTOCOL "00 00 00 00 00 02 00 01 00 06 02 00 00 00 00 01 00 00"

static const struct {
    const char *name;
    enum link link;
    const char *hex;
    const char *told;
} frames[] = {
    {"ethernet", LINK_ETHERNET, MACS "08 00" SYN4, SYN4_TOLD},
    {"ethernet, ipv6", LINK_ETHERNET, MACS "86 dd" SYN6, SYN6_TOLD},
    {"padding is not part of the packet", LINK_ETHERNET, MACS "08 00" SYN4 "00 00 00 00 00 00",
     SYN4_TOLD},
    {"802.1Q", LINK_ETHERNET, MACS TAG "08 00" SYN4, SYN4_TOLD},
    {"802.1ad", LINK_ETHERNET, MACS "88 a8 00 07" TAG "86 dd" SYN6, SYN6_TOLD},
    {"old QinQ", LINK_ETHERNET, MACS "91 00 00 07 92 00 00 08 08 00" SYN4, SYN4_TOLD},
    {"16 tags", LINK_ETHERNET, MACS TAG16 "08 00" SYN4, SYN4_TOLD},
    {"17 tags", LINK_ETHERNET, MACS TAG16 TAG "08 00" SYN4, "refused depth"},
    {"mpls", LINK_ETHERNET, MACS "88 47" BOTTOM SYN4, SYN4_TOLD},
    {"mpls multicast, 3 labels, ipv6", LINK_ETHERNET, MACS "88 48" LABEL LABEL BOTTOM SYN6,
     SYN6_TOLD},
    {"vlan, mpls", LINK_ETHERNET, MACS TAG "88 47" LABEL BOTTOM SYN4, SYN4_TOLD},
    {"mpls, 16 tags before", LINK_ETHERNET, MACS TAG16 "88 47" BOTTOM SYN4, "refused depth"},
    {"mpls, a pseudowire", LINK_ETHERNET, MACS "88 47" BOTTOM "00 00 00 00" MACS,
     "refused not_ip"},
    {"pppoe", LINK_ETHERNET, MACS "88 64 11 00 00 01 00 2a 00 21" SYN4, SYN4_TOLD},
    {"pppoe, ipv6", LINK_ETHERNET, MACS "88 64 11 00 00 01 00 3e 00 57" SYN6, SYN6_TOLD},
    {"pppoe, lcp", LINK_ETHERNET, MACS "88 64 11 00 00 01 00 04 c0 21 09 01 00 04",
     "refused not_ip"},
    {"pppoe discovery", LINK_ETHERNET, MACS "88 63 11 09 00 00 00 04 01 01 00 00",
     "refused not_ip"},
    {"llc/snap", LINK_ETHERNET, MACS "00 30 aa aa 03 00 00 00 08 00" SYN4, SYN4_TOLD},
    {"llc/snap, another organisation", LINK_ETHERNET, MACS "00 30 aa aa 03 00 00 0c 20 00" SYN4,
     "refused not_ip"},
    {"llc, ip", LINK_ETHERNET, MACS "00 2b 06 06 03" SYN4, SYN4_TOLD},
    {"llc, spanning tree", LINK_ETHERNET, MACS "00 26 42 42 03 00 00 00 00 00 80 00",
     "refused not_ip"},
    {"arp", LINK_ETHERNET, MACS "08 06 00 01 08 00 06 04 00 01", "refused not_ip"},
    {"ethernet header cut on the wire", LINK_ETHERNET, MACS "08", "refused malformed"},
    {"nothing", LINK_ETHERNET, "", "refused malformed"},
    {"ethertype and version differ", LINK_ETHERNET, MACS "86 dd" SYN4, "refused malformed"},

    {"raw", LINK_RAW, SYN4, SYN4_TOLD},
    {"raw, ipv6", LINK_RAW, SYN6, SYN6_TOLD},
    {"raw, neither", LINK_RAW, "55" SYN4, "refused malformed"},
    {"raw, nothing", LINK_RAW, "", "refused malformed"},

    {"null, little-endian", LINK_NULL, "02 00 00 00" SYN4, SYN4_TOLD},
    {"null, big-endian", LINK_NULL, "00 00 00 02" SYN4, SYN4_TOLD},
    {"null, linux", LINK_NULL, "0a 00 00 00" SYN6, SYN6_TOLD},
    {"null, openbsd", LINK_NULL, "00 00 00 18" SYN6, SYN6_TOLD},
    {"null, freebsd", LINK_NULL, "1c 00 00 00" SYN6, SYN6_TOLD},
    {"null, macos", LINK_NULL, "1e 00 00 00" SYN6, SYN6_TOLD},
    {"null, appletalk", LINK_NULL, "10 00 00 00" SYN4, "refused not_ip"},
    {"loop", LINK_LOOP, "00 00 00 02" SYN4, SYN4_TOLD},
    {"loop, little-endian, ipv6", LINK_LOOP, "18 00 00 00" SYN6, SYN6_TOLD},
    {"null, header cut", LINK_NULL, "02 00 00", "refused malformed"},

    {"cooked", LINK_LINUX_SLL, SLL "08 00" SYN4, SYN4_TOLD},
    {"cooked, ipv6", LINK_LINUX_SLL, SLL "86 dd" SYN6, SYN6_TOLD},
    {"cooked, vlan", LINK_LINUX_SLL, SLL TAG "08 00" SYN4, SYN4_TOLD},
    {"cooked, llc/snap", LINK_LINUX_SLL, SLL "00 04 aa aa 03 00 00 00 08 00" SYN4, SYN4_TOLD},
    {"cooked, arp", LINK_LINUX_SLL, SLL "08 06 00 01 08 00", "refused not_ip"},
    {"cooked, can", LINK_LINUX_SLL, SLL "00 0c 00 01 08 00", "refused not_ip"},
    {"cooked, netlink", LINK_LINUX_SLL,
     "00 04 03 38 00 00 00 00 00 00 00 00 00 00 00 04 06 06 03" SYN4, "refused not_ip"},
    {"cooked 2", LINK_LINUX_SLL2, "08 00" SLL2_AFTER_PROTOCOL SYN4, SYN4_TOLD},
    {"cooked 2, ipv6", LINK_LINUX_SLL2, "86 dd" SLL2_AFTER_PROTOCOL SYN6, SYN6_TOLD},
    {"cooked 2, vlan", LINK_LINUX_SLL2, "81 00" SLL2_AFTER_PROTOCOL "00 05 08 00" SYN4,
     SYN4_TOLD},
    {"cooked 2, arp", LINK_LINUX_SLL2, "08 06" SLL2_AFTER_PROTOCOL "00 01", "refused not_ip"},

    {"ppp", LINK_PPP, "ff 03 00 21" SYN4, SYN4_TOLD},
    {"ppp, address compressed", LINK_PPP, "00 21" SYN4, SYN4_TOLD},
    {"ppp, both compressed", LINK_PPP, "21" SYN4, SYN4_TOLD},
    {"ppp, protocol compressed", LINK_PPP, "ff 03 57" SYN6, SYN6_TOLD},
    {"ppp, from pppd", LINK_PPP, "01 03 00 57" SYN6, SYN6_TOLD},
    {"ppp, mpls", LINK_PPP, "ff 03 02 81" LABEL BOTTOM SYN4, SYN4_TOLD},
    {"ppp, cisco hdlc", LINK_PPP, "0f 00 08 00" SYN4, SYN4_TOLD},
    {"ppp, van jacobson", LINK_PPP, "ff 03 00 2d" SYN4, "refused not_ip"},
    {"ppp, header cut", LINK_PPP, "ff", "refused malformed"},
    {"pppoe alone", LINK_PPP_ETHER, "11 00 00 01 00 2a 00 21" SYN4, SYN4_TOLD},
    {"pppoe alone, not data", LINK_PPP_ETHER, "11 a7 00 01 00 2a 00 21" SYN4, "refused not_ip"},

    {"hdlc", LINK_CHDLC, "0f 00 08 00" SYN4, SYN4_TOLD},
    {"hdlc, multicast, ipv6", LINK_CHDLC, "8f 00 86 dd" SYN6, SYN6_TOLD},
    {"hdlc, mpls", LINK_CHDLC, "0f 00 88 47" BOTTOM SYN4, SYN4_TOLD},
    {"hdlc, slarp", LINK_CHDLC, "8f 00 80 35 00 00 00 02", "refused not_ip"},

    {"nflog", LINK_NFLOG, /* packet header, prefix of 2 bytes and padding, payload */
     "02 00 00 05  08 00 01 00 08 00 01 03  06 00 0a 00 61 00 00 00  2c 00 09 00" SYN4,
     SYN4_TOLD},
    {"nflog, big-endian, ipv6", LINK_NFLOG,
     "0a 00 00 05  00 08 00 01 86 dd 01 03  00 40 00 09" SYN6, SYN6_TOLD},
    {"nflog, payload first, netdev family", LINK_NFLOG, "05 00 00 05 2c 00 09 00" SYN4,
     SYN4_TOLD},
    {"nflog, arp", LINK_NFLOG, "03 00 00 05 0c 00 09 00 00 01 08 00 06 04 00 01",
     "refused not_ip"},
    {"nflog, no payload", LINK_NFLOG, "02 00 00 05  08 00 01 00 08 00 01 03", "refused not_ip"},
    {"nflog, length below its own header", LINK_NFLOG, "02 00 00 05  03 00 01 00 08 00 01 03",
     "refused malformed"},
    {"nflog, payload beyond the frame", LINK_NFLOG, "02 00 00 05  2d 00 09 00" SYN4,
     "refused malformed"},

    {"unknown", LINK_UNKNOWN, SYN4, "refused link"},
    {"no link layer at all", (enum link)200, SYN4, "refused link"},
};

enum { FRAMES = sizeof frames / sizeof *frames };

START_TEST(every_link_layer_leads_to_the_packet)
{
    static const struct decode_config config;
    struct text text;
    for (size_t i = 0; i < FRAMES; i++) {
        tell_frame(&text, &config, frames[i].link, frames[i].hex, 0, 0);
        ck_assert_msg(strcmp(text.buf, frames[i].told) == 0, "%s:\n  got  %s\n  want %s",
                      frames[i].name, text.buf, frames[i].told);
    }
}
END_TEST

/* Where the packet begins: its version, length and identifier. */
static uint32_t find_syn4(const char *hex, uint32_t *ret_n)
{
    uint8_t *bytes = hex_bytes(hex, ret_n);
    uint32_t at = 0;
    while (memcmp(bytes + at, "\x45\x00\x00\x28\x12\x34", 6) != 0)
        at++;
    free(bytes);
    return at;
}

/* Cut in the capture, anywhere before the end of the addresses: truncated, not malformed. */
START_TEST(frames_cut_before_the_addresses_are_truncated)
{
    static const struct decode_config config;
    struct text text;
    for (size_t i = 0; i < FRAMES; i++) {
        if (strcmp(frames[i].told, SYN4_TOLD) != 0)
            continue;
        uint32_t n, ip = find_syn4(frames[i].hex, &n);
        for (uint32_t caplen = 1; caplen < n; caplen++) {
            tell_frame(&text, &config, frames[i].link, frames[i].hex, caplen, 0);
            bool counted = strncmp(text.buf, "tcp ", 4) == 0 && strstr(text.buf, " cut");
            bool truncated = strcmp(text.buf, "refused truncated") == 0;
            ck_assert_msg(caplen < ip + 20 ? truncated : counted, "%s, %u bytes: %s",
                          frames[i].name, caplen, text.buf);
        }
    }
}
END_TEST

static const struct {
    uint32_t linktype;
    enum link link;
} linktypes[] = {
    {0, LINK_NULL},
    {1, LINK_ETHERNET},
    {9, LINK_PPP},
    {12, LINK_RAW},
    {14, LINK_RAW},
    {50, LINK_PPP},
    {51, LINK_PPP_ETHER},
    {101, LINK_RAW},
    {104, LINK_CHDLC},
    {108, LINK_LOOP},
    {113, LINK_LINUX_SLL},
    {166, LINK_PPP},
    {228, LINK_RAW},
    {229, LINK_RAW},
    {239, LINK_NFLOG},
    {276, LINK_LINUX_SLL2},
    {105, LINK_UNKNOWN},
    {147, LINK_UNKNOWN},
    {UINT32_MAX, LINK_UNKNOWN},
};

START_TEST(linktype_numbers_are_those_of_capture_files)
{
    for (size_t i = 0; i < sizeof linktypes / sizeof *linktypes; i++)
        ck_assert_int_eq(link_from_linktype(linktypes[i].linktype), linktypes[i].link);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("link");
    TCase *tests = tcase_create("link");
    tcase_add_test(tests, every_link_layer_leads_to_the_packet);
    tcase_add_test(tests, frames_cut_before_the_addresses_are_truncated);
    tcase_add_test(tests, linktype_numbers_are_those_of_capture_files);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
