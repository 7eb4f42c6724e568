/* The sum in C against the program for the kernel, run by libpcap's interpreter, which is
 * independent of both; and the source that the program finds against the decoder's. */
#include "harness.h"

#include "source/fanout.h"

#include <nightscope/decode.h>
#include <pcap/pcap.h>
#include <string.h>

enum { TRIALS = 20000, PACKET_MAX = 256, ETHERNET = 14 };

static void put(uint8_t *at, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(number >> (8 * (n - 1 - i)));
}

/* The kernel knows the type of a packet; an interpreter is told. */
static uint32_t by_program(uint32_t seed, const struct decode_config *decode,
                           const uint8_t *packet, uint32_t n, uint16_t type)
{
    struct fanout_program program;
    struct bpf_insn code[FANOUT_PROGRAM_MAX];
    ck_assert_int_eq(fanout_program(seed, decode, &program), 0);
    for (unsigned i = 0; i < program.n; i++)
        code[i] = (struct bpf_insn){.code = program.code[i].code,
                                    .jt = program.code[i].jt,
                                    .jf = program.code[i].jf,
                                    .k = program.code[i].k};
    ck_assert_uint_eq(code[1].k, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL));
    code[1] = (struct bpf_insn){.code = BPF_LD | BPF_IMM, .k = type};
    return bpf_filter(code, packet, n, n);
}

START_TEST(the_sum_is_what_the_program_returns)
{
    struct random random = random_seeded("fanout");
    struct err err = {0};
    struct prefix_set *ends = prefix_set_parse("192.0.2.1", "ends", &err);
    struct decode_config decode = {.tunnels = _i ? TUNNEL_GRE | TUNNEL_IPIP | TUNNEL_VXLAN : 0,
                                   .tunnel_ends = ends};
    for (unsigned i = 0; i < TRIALS; i++) {
        uint8_t packet[60] = {0};
        uint32_t seed = (uint32_t)random_next(&random);
        struct address source = {.is6 = random_below(&random, 2)};
        if (source.is6) {
            source.v6 = (struct ip6){random_next(&random), random_next(&random)};
            packet[0] = 0x60;
            packet[6] = 6;
            put(packet + 8, source.v6.hi, 8);
            put(packet + 16, source.v6.lo, 8);
        } else {
            source.v4 = (uint32_t)random_next(&random);
            packet[0] = 0x45;
            packet[9] = 6;
            put(packet + 12, source.v4, 4);
        }
        ck_assert_uint_eq(
            fanout_sum(seed, &source),
            by_program(seed, &decode, packet, sizeof packet, source.is6 ? 0x86dd : 0x0800));
    }
    prefix_set_free(ends);
}
END_TEST

/* A packet as it is put together: bytes so far, and where the next header goes. */
struct packet {
    struct random *random;
    uint8_t bytes[PACKET_MAX];
    unsigned n;
};

static uint8_t *add(struct packet *packet, unsigned n)
{
    uint8_t *at = packet->bytes + packet->n;
    packet->n += n;
    ck_assert_uint_le(packet->n, PACKET_MAX);
    return at;
}

static bool chance(struct packet *packet, unsigned one_in)
{
    return random_below(packet->random, one_in) == 0;
}

/* Of the ends, or beside them. */
static uint32_t address4(struct packet *packet)
{
    static const uint32_t near[] = {0xc0000201, 0xc0000200, 0xc0000202, 0xc633640f,
                                    0xc6336410, 0xc63363ff, 0xc6336405, 0xffffffff};
    return near[random_below(packet->random, sizeof near / sizeof *near)];
}

static void put_address6(struct packet *packet, uint8_t *at)
{
    static const uint64_t near[][2] = {
        {0x20010db800000000, 1}, {0x20010db800000000, 0}, {0x20010db800000000, 2},
        {0x20010db900000000, 5}, {0x20010db900000001, 0}, {0x20010db8ffffffff, UINT64_MAX},
        {UINT64_MAX, UINT64_MAX}};
    unsigned i = (unsigned)random_below(packet->random, sizeof near / sizeof *near);
    put(at, near[i][0], 8);
    put(at + 8, near[i][1], 8);
}

static void add_ip4(struct packet *packet, uint8_t proto, bool outer)
{
    unsigned words = chance(packet, 4) ? 5 + (unsigned)random_below(packet->random, 11) : 5;
    uint8_t *ip = add(packet, 4 * words);
    ip[0] = (uint8_t)(0x40 | words);
    ip[9] = proto;
    put(ip + 2, PACKET_MAX, 2); /* more than there is: damage that a packet survives */
    if (outer && chance(packet, 8))
        put(ip + 6, random_next(packet->random) & 0xffff, 2);
    put(ip + 12, outer ? address4(packet) : random_next(packet->random) & 0xffffffff, 4);
    put(ip + 16, outer ? address4(packet) : random_next(packet->random) & 0xffffffff, 4);
}

static void add_ip6(struct packet *packet, uint8_t proto, bool outer)
{
    uint8_t *ip = add(packet, 40), *next = ip + 6;
    ip[0] = 0x60;
    put(ip + 4, PACKET_MAX, 2);
    if (outer) {
        put_address6(packet, ip + 8);
        put_address6(packet, ip + 24);
    } else {
        put(ip + 8, random_next(packet->random), 8);
        put(ip + 16, random_next(packet->random), 8);
    }
    for (unsigned i = 0; outer && i < 2 && chance(packet, 3); i++) {
        *next = chance(packet, 2) ? 0 : 60;
        unsigned units = (unsigned)random_below(packet->random, 2);
        next = add(packet, 8 + 8 * units);
        next[1] = (uint8_t)units;
    }
    *next = proto;
}

/* A header of the link layer, as the kernel's packets and those in Ethernet tunnels have it. */
static void add_type(struct packet *packet, bool is6)
{
    put(add(packet, 2), is6 ? 0x86dd : 0x0800, 2);
}

static void add_inner_ethernet(struct packet *packet, bool is6)
{
    (void)add(packet, 12);
    if (chance(packet, 3))
        put(add(packet, 4), 0x81000007, 4);
    add_type(packet, is6);
}

static void add_gre(struct packet *packet, bool is6)
{
    static const uint16_t types[] = {0x0800, 0x86dd, 0x6558, 0x8847, 0x88be};
    uint8_t *gre = add(packet, 4);
    uint16_t flags = chance(packet, 2) ? 0 : (uint16_t)random_next(packet->random) & 0xb000;
    flags |= chance(packet, 10) ? 0x4000 : 0;
    flags |= chance(packet, 10) ? 1 : 0;
    uint16_t type =
        chance(packet, 2) ? (is6 ? 0x86dd : 0x0800) : types[random_below(packet->random, 5)];
    put(gre, flags, 2);
    put(gre + 2, type, 2);
    (void)add(packet, 4 * (unsigned)__builtin_popcount(flags & 0xb000));
    if (type == 0x6558)
        add_inner_ethernet(packet, is6);
}

static void add_vxlan(struct packet *packet, bool is6)
{
    uint8_t *udp = add(packet, 16);
    put(udp + 2, chance(packet, 8) ? 4788 : 4789, 2);
    udp[8] = chance(packet, 8) ? 0 : 0x08;
    add_inner_ethernet(packet, is6);
}

static void make(struct packet *packet)
{
    bool outer6 = random_below(packet->random, 2), inner6 = random_below(packet->random, 2);
    static const uint8_t protos[] = {47, 4, 41, 17, 6};
    uint8_t proto = protos[random_below(packet->random, 5)];
    packet->n = 0;
    memset(packet->bytes, 0, sizeof packet->bytes);
    (void)add(packet, 12);
    add_type(packet, outer6);
    (outer6 ? add_ip6 : add_ip4)(packet, proto, true);
    if (proto == 47)
        add_gre(packet, inner6);
    else if (proto == 17)
        add_vxlan(packet, inner6);
    (inner6 ? add_ip6 : add_ip4)(packet, 6, false);
    (void)add(packet, 20);
}

START_TEST(the_program_finds_the_source_that_counts)
{
    struct random random = random_seeded("fanout, tunnels");
    struct packet packet = {.random = &random};
    struct err err = {0};
    static struct batch batch;
    struct prefix_set *ends =
        prefix_set_parse("192.0.2.1,198.51.100.0/28,2001:db8::1,2001:db9::/64", "ends", &err);
    ck_assert_ptr_nonnull(ends);
    unsigned counted = 0, opened = 0;
    for (unsigned i = 0; i < TRIALS; i++) {
        struct decode_config decode = {.tunnels = (unsigned)random_below(&random, 8),
                                       .tunnel_ends = ends};
        make(&packet);
        struct frame frame = {.bytes = packet.bytes,
                              .caplen = PACKET_MAX,
                              .wirelen = PACKET_MAX,
                              .link = LINK_ETHERNET};
        memset(&batch, 0, sizeof batch);
        decode_batch(&decode, &frame, 1, &batch);
        if (!batch.n)
            continue; /* refused: whoever gets it says so */
        struct address source = {.is6 = mask_test(batch.has[HAS_IPV6], 0)};
        source.v4 = batch.src[0];
        if (source.is6)
            source.v6 = batch.src6[0];
        uint32_t seed = (uint32_t)random_next(&random);
        uint16_t type = (uint16_t)(packet.bytes[12] << 8 | packet.bytes[13]);
        counted++;
        opened += mask_test(batch.has[HAS_DECAPSULATED], 0);
        ck_assert_msg(by_program(seed, &decode, packet.bytes + ETHERNET, PACKET_MAX - ETHERNET,
                                 type) == fanout_sum(seed, &source),
                      "packet %u, tunnels %u, ip protocol %u", i, decode.tunnels,
                      packet.bytes[type == 0x0800 ? 23 : 20]);
    }
    ck_assert_uint_gt(counted, TRIALS / 2);
    ck_assert_uint_gt(opened, TRIALS / 20);
    prefix_set_free(ends);
}
END_TEST

/* As many ends as a program takes, and one more. */
START_TEST(too_many_ends_are_refused)
{
    static const unsigned most[] = {16, 8};
    struct fanout_program program;
    struct err err = {0};
    for (unsigned more = 0; more < 2; more++) {
        char text[1024];
        int n = 0;
        for (unsigned i = 0; i < most[_i] + more; i++) {
            const char *comma = i ? "," : "";
            n += _i ? snprintf(text + n, sizeof text - (size_t)n, "%s2001:db8:%x::/48", comma,
                               2 * i)
                    : snprintf(text + n, sizeof text - (size_t)n, "%s10.0.%u.0/24", comma,
                               2 * i);
        }
        struct prefix_set *ends = prefix_set_parse(text, "ends", &err);
        ck_assert_ptr_nonnull(ends);
        struct decode_config decode = {.tunnels = TUNNEL_GRE | TUNNEL_IPIP | TUNNEL_VXLAN,
                                       .tunnel_ends = ends};
        ck_assert_int_eq(fanout_program(1, &decode, &program), more ? -1 : 0);
        if (!more)
            ck_assert_int_ne(bpf_validate((struct bpf_insn *)program.code, (int)program.n), 0);
        prefix_set_free(ends);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fanout");
    TCase *tests = tcase_create("fanout");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, the_sum_is_what_the_program_returns, 0, 2);
    tcase_add_test(tests, the_program_finds_the_source_that_counts);
    tcase_add_loop_test(tests, too_many_ends_are_refused, 0, 2);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
