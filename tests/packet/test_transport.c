/* TCP, UDP, ICMP, ICMPv6 and SCTP: columns, checksums, quoted packets, cuts. */
#include "frames.h"

#define ADDRESSES               "c0 00 02 01 c6 33 64 02"
#define IP4(length, proto, sum) "45 00" length "12 34 00 00 40" proto sum ADDRESSES
#define IP6(length, next)                                                                      \
    "60 a1 23 45" length next "39 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"             \
    "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 02"
#define TOLD4(proto, len)                                                                      \
    "192.0.2.1 > 198.51.100.2 proto " proto " len " len " tos 0 ttl 64 hdr 20 id 1234 frag 0"
#define TOLD6(proto, len)                                                                      \
    "2001:db8::1 > 2001:db8:1::2 proto " proto " len " len " tos 10 ttl 57 hdr 40 flow 12345"

static const struct {
    const char *name;
    const char *hex;
    uint32_t caplen;
    const char *told;
} packets[] = {
    {"tcp, every field", /* all flags and two reserved bits, an option, three bytes of data */
     IP4("00 2f", "06", "7c 5e") "01 bb c3 50 01 02 03 04 05 06 07 08 6b ff ff ff 2f 32 12 34"
                                 "02 04 05 b4 68 69 21",
     0,
     "tcp backscatter " TOLD4(
         "6", "47/47") " | 443 > 50000 at 20 seq 1020304 ack 5060708"
                       " flags ff win 65535 urg 4660 res 11 hdr 24 options payload 3/3 at 44"},
    {"tcp, checksum wrong",
     IP4("00 2f", "06", "7c 5e") "01 bb c3 50 01 02 03 04 05 06 07 08 6b ff ff ff 2f 33 12 34"
                                 "02 04 05 b4 68 69 21",
     0,
     "tcp backscatter " TOLD4("6", "47/47") " | 443 > 50000 at 20 seq 1020304 ack 5060708"
                                            " flags ff win 65535 urg 4660 res 11 hdr 24 "
                                            "options payload 3/3 at 44 bad-tcp"},
    {"tcp, options cut: no checksum either",
     IP4("00 2f", "06", "7c 5e") "01 bb c3 50 01 02 03 04 05 06 07 08 6b ff ff ff 2f 33 12 34"
                                 "02 04 05 b4 68 69 21",
     42,
     "tcp backscatter " TOLD4("6", "42/47") " | 443 > 50000 at 20 seq 1020304 ack 5060708"
                                            " flags ff win 65535 urg 4660 res 11 hdr 24 cut"},
    {"tcp, data cut",
     IP4("00 2f", "06", "7c 5e") "01 bb c3 50 01 02 03 04 05 06 07 08 6b ff ff ff 2f 32 12 34"
                                 "02 04 05 b4 68 69 21",
     45,
     "tcp backscatter " TOLD4(
         "6",
         "45/47") " | 443 > 50000 at 20 seq 1020304 ack 5060708"
                  " flags ff win 65535 urg 4660 res 11 hdr 24 options payload 1/3 at 44 cut"},
    {"tcp, data offset below 5",
     IP4("00 28", "06", "7c 65") "9c 40 00 17 c6 33 64 02 00 00 00 00 40 02 39 08 d4 15 00 00",
     0,
     "tcp scan " TOLD4("6", "40/40") " | 40000 > 23 at 20 seq c6336402 ack 0 flags 02 win 14600"
                                     " urg 0 res 0 hdr 16"},
    {"udp", IP4("00 20", "11", "7c 62") "9c 40 00 35 00 0c 98 58 70 69 6e 67", 0,
     "udp scan " TOLD4("17",
                       "32/32") " | 40000 > 53 at 20 length 12 sum 9858 payload 4/4 at 28"},
    {"udp, checksum wrong", IP4("00 20", "11", "7c 62") "9c 40 00 35 00 0c 98 58 70 69 6e 68",
     0,
     "udp scan " TOLD4("17", "32/32") " | 40000 > 53 at 20 length 12 sum 9858 payload 4/4 at 28"
                                      " bad-udp"},
    {"udp, loose source route under way: what its checksum covers is at its end",
     "47 00 00 28 12 34 00 00 40 11 ef 16 c0 00 02 01 c6 33 64 02"
     " 83 07 04 cb 00 71 03 00 9c 40 00 35 00 0c 86 8a 70 69 6e 67",
     0,
     "udp scan 192.0.2.1 > 198.51.100.2 proto 17 len 40/40 tos 0 ttl 64 hdr 28 id 1234 frag 0"
     " | 40000 > 53 at 28 length 12 sum 868a payload 4/4 at 36"},
    {"udp, strict source route under way",
     "47 00 00 28 12 34 00 00 40 11 35 c9 c0 00 02 01 c6 33 64 02"
     " 01 89 07 04 cb 00 71 03 9c 40 00 35 00 0c 86 8a 70 69 6e 67",
     0,
     "udp scan 192.0.2.1 > 198.51.100.2 proto 17 len 40/40 tos 0 ttl 64 hdr 28 id 1234 frag 0"
     " | 40000 > 53 at 28 length 12 sum 868a payload 4/4 at 36"},
    {"udp, loose source route at its end",
     "47 00 00 28 12 34 00 00 40 11 35 cb c0 00 02 01 c6 33 64 02"
     " 01 83 07 08 cb 00 71 03 9c 40 00 35 00 0c 98 58 70 69 6e 67",
     0,
     "udp scan 192.0.2.1 > 198.51.100.2 proto 17 len 40/40 tos 0 ttl 64 hdr 28 id 1234 frag 0"
     " | 40000 > 53 at 28 length 12 sum 9858 payload 4/4 at 36"},
    {"udp, loose source route at its end, checksum wrong",
     "47 00 00 28 12 34 00 00 40 11 35 cb c0 00 02 01 c6 33 64 02"
     " 01 83 07 08 cb 00 71 03 9c 40 00 35 00 0c 86 8a 70 69 6e 67",
     0,
     "udp scan 192.0.2.1 > 198.51.100.2 proto 17 len 40/40 tos 0 ttl 64 hdr 28 id 1234 frag 0"
     " | 40000 > 53 at 28 length 12 sum 868a payload 4/4 at 36 bad-udp"},
    {"udp, header cut", IP4("00 20", "11", "7c 62") "9c 40 00 35 00 0c 98 58 70 69 6e 67", 27,
     "udp other " TOLD4("17", "27/32") " cut"},
    {"udp, no checksum", IP4("00 1d", "11", "7c 65") "00 01 00 02 00 09 00 00 61", 0,
     "udp scan " TOLD4("17", "29/29") " | 1 > 2 at 20 length 9 sum 0 payload 1/1 at 28"},
    {"udp, checksum covers the udp length",
     IP4("00 22", "11", "7c 60") "9c 40 00 35 00 0a 15 cb 61 62 54 41 49 4c", 0,
     "udp scan " TOLD4("17",
                       "34/34") " | 40000 > 53 at 20 length 10 sum 15cb payload 6/6 at 28"},
    {"udp, length beyond the packet: nothing to verify",
     IP4("00 1d", "11", "7c 65") "00 01 00 02 00 0a 12 34 61", 0,
     "udp scan " TOLD4("17", "29/29") " | 1 > 2 at 20 length 10 sum 1234 payload 1/1 at 28"},
    {"udp over ipv6, odd length", IP6("00 0b", "11") "9c 40 00 35 00 0b 43 8a 61 62 63", 0,
     "udp scan " TOLD6("17",
                       "51/51") " | 40000 > 53 at 40 length 11 sum 438a payload 3/3 at 48"},
    {"udp over ipv6 has a checksum", IP6("00 09", "11") "00 01 00 02 00 09 00 00 61", 0,
     "udp scan " TOLD6("17",
                       "49/49") " | 1 > 2 at 40 length 9 sum 0 payload 1/1 at 48 bad-udp"},
    {"icmp echo", IP4("00 20", "01", "7c 72") "08 00 0d 08 12 34 00 01 64 61 74 61", 0,
     "icmp scan " TOLD4("1", "32/32") " | type 8 code 0 at 20 id 1234 seq 1 payload 4/4 at 28"},
    {"icmp, checksum wrong", IP4("00 20", "01", "7c 72") "08 00 0d 09 12 34 00 01 64 61 74 61",
     0,
     "icmp scan " TOLD4("1", "32/32") " | type 8 code 0 at 20 id 1234 seq 1 payload 4/4 at 28"
                                      " bad-icmp"},
    {"icmp, header cut", IP4("00 20", "01", "7c 72") "08 00 0d 08 12 34 00 01 64 61 74 61", 27,
     "icmp other " TOLD4("1", "27/32") " cut"},
    {"icmpv6 echo", IP6("00 0c", "3a") "80 00 39 4b 12 34 00 01 64 61 74 61", 0,
     "icmp6 scan " TOLD6("58", "52/52") " | type 128 code 0 at 40 id 1234 seq 1"
                                        " payload 4/4 at 48"},
    {"icmpv6, checksum wrong", IP6("00 0c", "3a") "80 00 39 4b 12 34 00 01 64 61 74 62", 0,
     "icmp6 scan " TOLD6("58", "52/52") " | type 128 code 0 at 40 id 1234 seq 1"
                                        " payload 4/4 at 48 bad-icmp6"},
    {"port unreachable", /* quotes UDP 198.51.100.2:5000 > 192.0.2.1:161 */
     IP4("00 3a", "01", "7c 58") "03 03 e9 4f 00 00 00 00"
                                 "45 00 00 1e 12 34 00 00 40 11 7c 64 c6 33 64 02 c0 00 02 01 "
                                 "13 88 00 a1 00 0a 87 00 78 79",
     0,
     "icmp backscatter " TOLD4("1", "58/58") " | type 3 code 3 at 20 id 0 seq 0"
                                             " inner v4 proto 17 c6336402 > c0000201 ports "
                                             "5000 > 161 payload 30/30 at 28"},
    {"time exceeded, quoted options, 8 bytes of tcp",
     IP4("00 3c", "01",
         "7c 56") "0b 00 c6 79 00 00 00 00"
                  "46 00 00 2c 12 34 00 00 40 06 e7 5c c6 33 64 02 c0 00 02 01 94 04 00 00"
                  "00 50 04 00 c6 33 64 02",
     0,
     "icmp backscatter " TOLD4(
         "1",
         "60/60") " | type 11 code 0 at 20 id 0 seq 0"
                  " inner v4 proto 6 c6336402 > c0000201 ports 80 > 1024 payload 32/32 at 28"},
    {"unreachable, quoted later fragment has no ports",
     IP4("00 38", "01", "7c 5a") "03 01 6b 69 00 00 00 00"
                                 "45 00 00 1c 12 34 00 05 40 11 7c 61 c6 33 64 02 c0 00 02 01 "
                                 "61 62 63 64 65 66 67 68",
     0,
     "icmp backscatter " TOLD4(
         "1", "56/56") " | type 3 code 1 at 20 id 0 seq 0"
                       " inner v4 proto 17 c6336402 > c0000201 payload 28/28 at 28"},
    {"unreachable, quoted icmp has no ports",
     IP4("00 38", "01", "7c 5a") "03 01 fc fe 00 00 00 00"
                                 "45 00 00 1c 12 34 00 00 40 01 7c 76 c6 33 64 02 c0 00 02 01 "
                                 "08 00 f7 fc 00 01 00 02",
     0,
     "icmp backscatter " TOLD4(
         "1", "56/56") " | type 3 code 1 at 20 id 0 seq 0"
                       " inner v4 proto 1 c6336402 > c0000201 payload 28/28 at 28"},
    {"unreachable, quoted header cut",
     IP4("00 2f", "01", "7c 63") "03 01 91 04 00 00 00 00"
                                 "46 00 00 2c 12 34 00 00 40 06 e7 5c c6 33 64 02 c0 00 02",
     0,
     "icmp backscatter " TOLD4("1", "47/47") " | type 3 code 1 at 20 id 0 seq 0"
                                             " payload 19/19 at 28"},
    {"icmpv6 time exceeded, quoted options", /* destination options, then UDP 5000 > 161 */
     IP6("00 42", "3a") "03 00 ce f2 00 00 00 00" IP6(
         "00 12", "3c") "11 00 01 04 00 00 00 00 13 88 00 a1 00 0a 17 c2 78 79",
     0,
     "icmp6 backscatter " TOLD6(
         "58", "106/106") " | type 3 code 0 at 40 id 0 seq 0"
                          " inner v6 proto 17 0 > 0 ports 5000 > 161 payload 58/58 at 48"},
    {"sctp init",
     IP4("00 34", "84", "7b db") "9c 40 0b 59 00 00 00 00 45 f4 23 7f"
                                 "01 00 00 14 de ad be ef 00 00 ff ff 00 0a 00 0a 00 00 00 07",
     0,
     "sctp scan " TOLD4("132", "52/52") " | 40000 > 2905 at 20 tag 0 chunk 1 init deadbeef"
                                        " payload 20/20 at 32"},
    {"sctp, checksum wrong",
     IP4("00 34", "84", "7b db") "9c 40 0b 59 00 00 00 00 45 f4 23 7f"
                                 "01 00 00 14 de ad be ef 00 00 ff ff 00 0a 00 0a 00 00 00 08",
     0,
     "sctp scan " TOLD4("132", "52/52") " | 40000 > 2905 at 20 tag 0 chunk 1 init deadbeef"
                                        " payload 20/20 at 32 bad-sctp"},
    {"sctp init, tag cut",
     IP4("00 34", "84", "7b db") "9c 40 0b 59 00 00 00 00 45 f4 23 7f"
                                 "01 00 00 14 de ad be ef 00 00 ff ff 00 0a 00 0a 00 00 00 07",
     39,
     "sctp scan " TOLD4("132", "39/52") " | 40000 > 2905 at 20 tag 0 chunk 1 payload 7/20 at 32"
                                        " cut"},
    {"sctp, chunk cut",
     IP4("00 34", "84", "7b db") "9c 40 0b 59 00 00 00 00 45 f4 23 7f"
                                 "01 00 00 14 de ad be ef 00 00 ff ff 00 0a 00 0a 00 00 00 07",
     35, "sctp other " TOLD4("132", "35/52") " cut"},
    {"sctp init-ack",
     IP4("00 34", "84", "7b db") "9c 40 0b 59 11 22 33 44 3e 3b 11 cf"
                                 "02 00 00 14 de ad be ef 00 00 ff ff 00 0a 00 0a 00 00 00 07",
     0,
     "sctp backscatter " TOLD4("132", "52/52") " | 40000 > 2905 at 20 tag 11223344 chunk 2"
                                               " init deadbeef payload 20/20 at 32"},
    {"sctp abort",
     IP4("00 24", "84", "7b eb") "9c 40 0b 59 00 00 00 07 d4 8c c1 12 06 00 00 04", 0,
     "sctp backscatter " TOLD4("132", "36/36") " | 40000 > 2905 at 20 tag 7 chunk 6"
                                               " payload 4/4 at 32"},
    {"sctp data, odd length",
     IP4("00 33", "84", "7b dc") "9c 40 0b 59 00 00 00 07 57 64 f4 5b"
                                 "00 03 00 13 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e",
     0,
     "sctp other " TOLD4("132", "51/51") " | 40000 > 2905 at 20 tag 7 chunk 0"
                                         " payload 19/19 at 32"},
};

START_TEST(transport_headers_become_columns)
{
    static const struct decode_config config;
    struct text text;
    tell_frame(&text, &config, LINK_RAW, packets[_i].hex, packets[_i].caplen, 0);
    ck_assert_msg(strcmp(text.buf, packets[_i].told) == 0, "%s:\n  got  %s\n  want %s",
                  packets[_i].name, text.buf, packets[_i].told);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *tests = tcase_create("transport");
    tcase_add_loop_test(tests, transport_headers_become_columns, 0,
                        sizeof packets / sizeof *packets);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
