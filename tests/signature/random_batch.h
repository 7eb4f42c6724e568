/* A batch of random packets: small ranges of values, so that random signatures match some of
 * them, with consistent lengths, cut payloads and options that are right, wrong or noise. */
#pragma once

#include "harness.h"

#include <nightscope/batch.h>
#include <string.h>

enum { RANDOM_PACKET_CAP = 128 };

struct random_batch {
    struct batch batch;
    uint8_t bytes[BATCH_CAP][RANDOM_PACKET_CAP];
};

static inline bool random_one_in(struct random *random, unsigned n)
{
    return random_below(random, n) == 0;
}

/* Mostly 0..3 and the greatest, sometimes anything. */
static inline uint64_t random_small(struct random *random, unsigned bits)
{
    uint64_t most = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    switch (random_below(random, 6)) {
    case 0:
        return random_next(random) & most;
    case 1:
        return most - (random_below(random, 2) & most);
    default:
        return random_below(random, 4) & most;
    }
}

/* Options of len bytes, most of them well-formed. */
static inline void random_options(struct random *random, uint8_t *at, unsigned len)
{
    static const uint8_t KNOWN[][10] = {{4, 2, 4, 5, 0xb4},
                                        {1, 1},
                                        {3, 3, 3, 7},
                                        {2, 4, 2},
                                        {10, 8, 10, 0, 0, 0, 1, 0, 0, 2},
                                        {1, 0}};
    unsigned used = 0;
    while (used < len && !random_one_in(random, 12)) {
        const uint8_t *option = KNOWN[random_below(random, 6)];
        for (unsigned i = 0; i < option[0] && used < len; i++)
            at[used++] = option[1 + (i < 9 ? i : 8)];
    }
    while (used < len)
        at[used++] = (uint8_t)(random_one_in(random, 3) ? random_next(random) : 0);
}

static inline void random_row(struct random *random, struct random_batch *out, unsigned row)
{
    struct batch *batch = &out->batch;
    uint8_t *bytes = out->bytes[row];
    unsigned transport = 20 + 4 * (unsigned)random_below(random, 3);
    unsigned kind = (unsigned)random_below(random, 8);
    bool six = random_one_in(random, 4);
#define SET(bit) mask_set(batch->has[bit], row)
    for (unsigned i = 0; i < RANDOM_PACKET_CAP; i++)
        bytes[i] = (uint8_t)random_small(random, 8);
    batch->ts_ns[row] = (int64_t)random_small(random, 32) * 1000000000 + 999;
    batch->ip[row] = bytes;
    batch->transport[row] = (uint16_t)transport;
    batch->class[row] = (uint8_t)random_below(random, CLASS_COUNT_);
    batch->ip_len[row] = (uint32_t)random_small(random, 16);
    batch->ip_ttl[row] = (uint8_t)random_small(random, 8);
    batch->ip_tos[row] = (uint8_t)random_small(random, 8);
    static const uint8_t PROTO[] = {6, 6, 6, 6, 17, 132};
    uint8_t icmp = six ? 58 : 1;
    batch->ip_proto[row] = (uint8_t)random_small(random, 8);
    if (kind < 7)
        batch->ip_proto[row] = kind < 6 ? PROTO[kind] : icmp;
    if (six) {
        SET(HAS_IPV6);
        batch->src6[row] = (struct ip6){random_small(random, 2), random_small(random, 64)};
        batch->dst6[row] = (struct ip6){random_small(random, 2), random_small(random, 64)};
        batch->ipv6_flow[row] = (uint32_t)random_small(random, 20);
        batch->ip_hdr_len[row] = 40;
    } else {
        SET(HAS_IP);
        batch->src[row] = (uint32_t)random_small(random, 32);
        batch->dst[row] = (uint32_t)random_small(random, 32);
        batch->ip_id[row] = (uint16_t)random_small(random, 16);
        batch->ip_frag[row] =
            (uint16_t)(random_below(random, 8) << 13 | random_small(random, 13));
        batch->ip_hdr_len[row] = (uint8_t)transport;
    }
    if (random_one_in(random, 5))
        SET(HAS_FRAGMENT);
    unsigned header = 8;
    if (kind < 6) {
        batch->srcport[row] = (uint16_t)random_small(random, 16);
        batch->dstport[row] = (uint16_t)random_small(random, 16);
    }
    if (kind < 4) {
        SET(HAS_TCP);
        batch->tcp_seq[row] = (uint32_t)random_small(random, 32);
        batch->tcp_ack[row] = (uint32_t)random_small(random, 32);
        batch->tcp_window[row] = (uint16_t)random_small(random, 16);
        batch->tcp_urgent[row] = (uint16_t)random_small(random, 16);
        batch->tcp_flags[row] = (uint8_t)random_small(random, 8);
        batch->tcp_reserved[row] = (uint8_t)random_small(random, 4);
        header = 20 + 4 * (unsigned)random_below(random, 11);
        batch->tcp_hdr_len[row] = (uint8_t)header;
        random_options(random, bytes + transport + 20, header - 20);
        if (!random_one_in(random, 8))
            SET(HAS_OPTIONS);
    } else if (kind == 4) {
        SET(HAS_UDP);
        batch->udp_length[row] = (uint16_t)random_small(random, 16);
        batch->udp_checksum[row] = (uint16_t)random_small(random, 16);
    } else if (kind == 5) {
        SET(HAS_SCTP);
        header = 12;
        batch->sctp_chunk_type[row] = (uint8_t)random_small(random, 8);
        batch->sctp_verification_tag[row] = (uint32_t)random_small(random, 32);
        if (random_one_in(random, 2)) {
            SET(HAS_SCTP_INIT);
            batch->sctp_initiate_tag[row] = (uint32_t)random_small(random, 32);
        }
    } else if (kind == 6) {
        SET(six ? HAS_ICMP6 : HAS_ICMP);
        batch->icmp_type[row] = (uint8_t)random_small(random, 8);
        batch->icmp_code[row] = (uint8_t)random_small(random, 8);
        batch->icmp_ident[row] = (uint16_t)random_small(random, 16);
        batch->icmp_seq[row] = (uint16_t)random_small(random, 16);
        if (random_one_in(random, 2)) {
            SET(HAS_INNER);
            batch->inner_version[row] = random_one_in(random, 3) ? 6 : 4;
            batch->inner_proto[row] = (uint8_t)random_small(random, 8);
            if (batch->inner_version[row] == 4) {
                batch->inner_src[row] = (uint32_t)random_small(random, 32);
                batch->inner_dst[row] = (uint32_t)random_small(random, 32);
            }
            if (random_one_in(random, 2)) {
                SET(HAS_INNER_PORTS);
                batch->inner_srcport[row] = (uint16_t)random_small(random, 16);
                batch->inner_dstport[row] = (uint16_t)random_small(random, 16);
            }
        }
    }
    if (kind < 7 && !random_one_in(random, 8)) {
        unsigned caplen = (unsigned)random_below(random, 24);
        SET(HAS_PAYLOAD);
        batch->payload[row] = (uint16_t)(transport + header);
        batch->payload_caplen[row] = (uint16_t)caplen;
        batch->payload_len[row] =
            (uint16_t)(caplen + (random_one_in(random, 3) ? random_below(random, 12) : 0));
    }
#undef SET
}

static inline void random_batch_fill(struct random *random, struct random_batch *ret,
                                     unsigned n)
{
    memset(&ret->batch, 0, sizeof ret->batch);
    ret->batch.n = n;
    for (unsigned row = 0; row < n; row++)
        random_row(random, ret, row);
    /* what lies past the last row must not matter */
    for (unsigned row = n; row < BATCH_CAP; row++)
        for (unsigned bit = 0; bit < HAS_COUNT_; bit++)
            if (random_one_in(random, 2))
                mask_set(ret->batch.has[bit], row);
}
