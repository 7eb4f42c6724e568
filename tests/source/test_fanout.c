/* The sum in C against the program for the kernel, run by libpcap's interpreter, which is
 * independent of both. */
#include "harness.h"

#include "source/fanout.h"

#include <nightscope/decode.h>
#include <pcap/pcap.h>
#include <string.h>

enum { TRIALS = 20000 };

static void put(uint8_t *at, uint64_t number, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(number >> (8 * (n - 1 - i)));
}

/* The kernel knows the type of a packet; an interpreter is told. */
static uint32_t by_program(uint32_t seed, unsigned tunnels, const uint8_t *packet, uint32_t n,
                           uint16_t type)
{
    struct fanout_program program;
    struct bpf_insn code[FANOUT_PROGRAM_MAX];
    fanout_program(seed, tunnels, &program);
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
        unsigned tunnels = _i ? TUNNEL_GRE | TUNNEL_IPIP | TUNNEL_VXLAN : 0;
        ck_assert_uint_eq(
            fanout_sum(seed, &source),
            by_program(seed, tunnels, packet, sizeof packet, source.is6 ? 0x86dd : 0x0800));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fanout");
    TCase *tests = tcase_create("fanout");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, the_sum_is_what_the_program_returns, 0, 2);
    suite_add_tcase(suite, tests);
    return harness_run(suite);
}
