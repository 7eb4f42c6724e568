/* Nanoseconds a packet of the matcher, for 30, 300 and 3,000 signatures on each instruction
 * set, over batches that look like a darknet's: mostly SYNs to a few busy ports and many rare
 * ones, random identification and sequence numbers. Not run by the tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../harness.h"
#include "signature/plan.h"

enum { BATCHES = 64, ROUNDS = 60 };

static struct batch batches[BATCHES];
static uint8_t bytes[BATCHES][BATCH_CAP][96];

static void make_row(struct random *random, unsigned at, unsigned row)
{
    static const uint16_t BUSY[] = {23, 22, 80, 443, 445, 2323, 8080, 3389, 5555, 37215};
    static const uint8_t LINUX[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
                                    3, 4, 0, 0,    0, 0, 1, 3,  3, 7};
    struct batch *batch = &batches[at];
    uint8_t *packet = bytes[at][row];
    bool udp = random_below(random, 8) == 0;
    batch->ip[row] = packet;
    batch->transport[row] = 20;
    batch->ip_hdr_len[row] = 20;
    batch->src[row] = (uint32_t)random_next(random);
    batch->dst[row] = 0x0a620000 + (uint32_t)random_below(random, 65536);
    batch->ip_id[row] = (uint16_t)random_next(random);
    batch->ip_ttl[row] = (uint8_t)(40 + random_below(random, 200));
    batch->ip_frag[row] = random_below(random, 2) ? 0x4000 : 0;
    batch->srcport[row] = (uint16_t)random_next(random);
    batch->dstport[row] = random_below(random, 3) ? BUSY[random_below(random, 10)]
                                                  : (uint16_t)random_next(random);
    mask_set(batch->has[HAS_IP], row);
    mask_set(batch->has[HAS_PAYLOAD], row);
    if (udp) {
        mask_set(batch->has[HAS_UDP], row);
        batch->payload[row] = 28;
        batch->payload_len[row] = batch->payload_caplen[row] = 48;
        return;
    }
    mask_set(batch->has[HAS_TCP], row);
    mask_set(batch->has[HAS_OPTIONS], row);
    batch->tcp_flags[row] = random_below(random, 10) ? 2 : 0x12;
    batch->tcp_seq[row] =
        random_below(random, 5) ? (uint32_t)random_next(random) : batch->dst[row];
    batch->tcp_window[row] = random_below(random, 2) ? 65535 : (uint16_t)random_next(random);
    batch->tcp_hdr_len[row] = random_below(random, 2) ? 20 : random_below(random, 2) ? 24 : 40;
    memcpy(packet + 40, LINUX, sizeof LINUX);
    batch->payload[row] = (uint16_t)(20 + batch->tcp_hdr_len[row]);
}

/* Three atoms or so each; one in ten is arithmetic, options or payload. */
static void make_match(struct random *random, char *text, size_t cap)
{
    unsigned id = (unsigned)random_below(random, 65536),
             port = (unsigned)random_below(random, 65536);
    switch (random_below(random, 20)) {
    case 0:
        (void)snprintf(text, cap, "tcp.syn and tcp.options == 0204%04x and tcp.window == %u",
                       id, port);
        return;
    case 1:
        (void)snprintf(text, cap, "udp.dstport == %u and payload starts %08x", port,
                       id + 0x10000000);
        return;
    case 2:
        (void)snprintf(
            text, cap,
            "tcp.syn and ip.ttl > %u and ip.id == (ip.dst ^ tcp.dport ^ tcp.seq ^ %u) & 0xffff",
            id % 200, id % 4);
        return;
    case 3:
    case 4:
    case 5:
        (void)snprintf(text, cap, "tcp.syn and tcp.dstport in {%u, %u} and tcp.seq == ip.dst",
                       port, id);
        return;
    case 6:
    case 7:
        (void)snprintf(text, cap,
                       "tcp.syn and tcp.window == %u and not ip.df and tcp.hdr_len == 20", id);
        return;
    default:
        (void)snprintf(text, cap, "tcp.syn and ip.id == %u and tcp.window == %u", id, port);
    }
}

static double measure(const struct signature_set *set, const struct kernels *kernels,
                      unsigned long *ret_hits)
{
    struct matcher *matcher = matcher_new_on(set, kernels);
    struct matches *matches = matches_new(set);
    if (!matcher || !matches)
        exit(1);
    double best = 1e9;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct timespec begin, end;
        *ret_hits = 0;
        (void)clock_gettime(CLOCK_MONOTONIC, &begin);
        for (unsigned i = 0; i < BATCHES; i++) {
            matcher_run(matcher, &batches[i], matches);
            *ret_hits += matches->hits_n;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &end);
        double ns =
            (double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec);
        best = ns < best ? ns : best;
    }
    matcher_free(matcher);
    matches_free(matches);
    return best / (BATCHES * BATCH_CAP);
}

int main(void)
{
    static const unsigned COUNTS[] = {30, 300, 3000};
    static struct signature_errors errors;
    struct random random = {1};
    for (unsigned at = 0; at < BATCHES; at++) {
        batches[at].n = BATCH_CAP;
        for (unsigned row = 0; row < BATCH_CAP; row++)
            make_row(&random, at, row);
    }
    for (unsigned c = 0; c < 3; c++) {
        struct signature_set *set = signature_set_new();
        for (unsigned i = 0; i < COUNTS[c]; i++) {
            char match[256], text[512];
            make_match(&random, match, sizeof match);
            int n = snprintf(text, sizeof text,
                             "signature s%u\n title t\n origin tool\n chance 1\n match %s\n", i,
                             match);
            if (signature_set_parse(set, "bench", text, (size_t)n, &errors) < 0)
                return 1;
        }
        for (unsigned isa = 0; kernels_at(isa); isa++) {
            unsigned long hits;
            double ns = measure(set, kernels_at(isa), &hits);
            printf("%5u signatures  %-8s  %7.2f ns a packet  (%.1f signatures hit a batch)\n",
                   COUNTS[c], kernels_at(isa)->name, ns, (double)hits / BATCHES);
        }
        signature_set_free(set);
    }
    return 0;
}
