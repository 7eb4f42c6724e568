/* What must hold for every frame, however damaged; broken: a message and abort(). Shared by the
 * property tests and the fuzzer. */
#pragma once

#include <nightscope/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/decode.h"

#define HOLDS(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            (void)fprintf(stderr, "%s:%d: %s does not hold\n", __func__, __LINE__,             \
                          #condition);                                                         \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

static inline bool row_has(const struct batch *batch, enum has has)
{
    return mask_test(batch->has[has], 0);
}

/* The row's views lie inside the frame, and each other. */
static inline void check_bounds(const struct frame *frame, const struct batch *batch)
{
    const uint8_t *ip = batch->ip[0];
    HOLDS(ip >= frame->bytes && ip < frame->bytes + frame->caplen);
    HOLDS(batch->ip_caplen[0] >= 20);
    HOLDS(batch->ip_caplen[0] <= (size_t)(frame->bytes + frame->caplen - ip));
    HOLDS(batch->ip_caplen[0] <= batch->ip_len[0]);
    HOLDS(row_has(batch, HAS_CUT) ==
          (frame->caplen < frame->wirelen || batch->ip_caplen[0] < batch->ip_len[0]));
    if (row_has(batch, HAS_PAYLOAD)) {
        HOLDS(batch->payload_caplen[0] <= batch->payload_len[0]);
        HOLDS((uint32_t)batch->payload[0] + batch->payload_caplen[0] <= batch->ip_caplen[0]);
        HOLDS(batch->transport[0] < batch->payload[0]);
    }
    if (row_has(batch, HAS_OPTIONS))
        HOLDS(batch->transport[0] + batch->tcp_hdr_len[0] == batch->payload[0]);
}

/* Columns of what is not there are 0; at most one transport; class other without one. */
static inline void check_presence(const struct batch *batch)
{
    bool tcp = row_has(batch, HAS_TCP), udp = row_has(batch, HAS_UDP);
    bool icmp = row_has(batch, HAS_ICMP), icmp6 = row_has(batch, HAS_ICMP6);
    bool sctp = row_has(batch, HAS_SCTP), is6 = row_has(batch, HAS_IPV6);
    static const enum protocol protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP,
                                              PROTOCOL_ICMP6, PROTOCOL_SCTP};
    const bool has[] = {tcp, udp, icmp, icmp6, sctp};
    HOLDS(row_has(batch, HAS_IP) != is6);
    HOLDS(tcp + udp + icmp + icmp6 + sctp <= 1);
    for (size_t i = 0; i < 5; i++)
        HOLDS(!has[i] || batch->protocol[0] == protocols[i]);
    HOLDS(tcp || udp || icmp || icmp6 || sctp ||
          (batch->class[0] == CLASS_OTHER && batch->transport[0] == 0));
    HOLDS(!is6 || (batch->src[0] | batch->dst[0] | batch->ip_id[0] | batch->ip_frag[0]) == 0);
    HOLDS(is6 || (batch->src6[0].hi | batch->src6[0].lo | batch->dst6[0].hi |
                  batch->dst6[0].lo | batch->ipv6_flow[0]) == 0);
    HOLDS(tcp || udp || sctp || (batch->srcport[0] | batch->dstport[0]) == 0);
    HOLDS(tcp ||
          (batch->tcp_seq[0] | batch->tcp_ack[0] | batch->tcp_window[0] | batch->tcp_urgent[0] |
           batch->tcp_flags[0] | batch->tcp_reserved[0] | batch->tcp_hdr_len[0]) == 0);
    HOLDS(udp || (batch->udp_length[0] | batch->udp_checksum[0]) == 0);
    HOLDS(icmp || icmp6 ||
          (batch->icmp_type[0] | batch->icmp_code[0] | batch->icmp_ident[0] |
           batch->icmp_seq[0]) == 0);
    HOLDS(row_has(batch, HAS_INNER) || (batch->inner_version[0] | batch->inner_proto[0] |
                                        batch->inner_src[0] | batch->inner_dst[0]) == 0);
    HOLDS(row_has(batch, HAS_INNER_PORTS) ||
          (batch->inner_srcport[0] | batch->inner_dstport[0]) == 0);
    HOLDS(sctp || (batch->sctp_chunk_type[0] | batch->sctp_verification_tag[0]) == 0);
    HOLDS(row_has(batch, HAS_SCTP_INIT) || batch->sctp_initiate_tag[0] == 0);
    HOLDS(row_has(batch, HAS_PAYLOAD) ||
          (batch->payload[0] | batch->payload_len[0] | batch->payload_caplen[0]) == 0);
}

static inline unsigned row_shard(const struct batch *batch)
{
    return row_has(batch, HAS_IPV6) ? shard_of6(batch->src6[0]) : shard_of4(batch->src[0]);
}

/* A frame captured shorter tells less, and nothing else. */
static inline void check_shorter(const struct batch *whole, const struct batch *cut)
{
    if (cut->refused_n) {
        enum reason reason = cut->refused[0].reason;
        HOLDS(reason == REASON_TRUNCATED ||
              (whole->refused_n && whole->refused[0].reason == reason));
        return;
    }
    HOLDS(whole->n == 1);
    HOLDS(whole->src[0] == cut->src[0] && whole->dst[0] == cut->dst[0]);
    HOLDS(whole->src6[0].lo == cut->src6[0].lo && whole->dst6[0].lo == cut->dst6[0].lo);
    HOLDS(row_has(cut, HAS_CUT) && whole->ip_ttl[0] == cut->ip_ttl[0]);
    bool known = false;
    for (enum has has = HAS_TCP; has <= HAS_SCTP; has++) {
        HOLDS(!row_has(cut, has) || row_has(whole, has));
        known |= row_has(cut, has);
    }
    if (!known)
        return;
    HOLDS(whole->srcport[0] == cut->srcport[0] && whole->dstport[0] == cut->dstport[0]);
    HOLDS(whole->tcp_seq[0] == cut->tcp_seq[0] && whole->icmp_type[0] == cut->icmp_type[0]);
    HOLDS(whole->sctp_chunk_type[0] == cut->sctp_chunk_type[0]);
    HOLDS(whole->udp_length[0] == cut->udp_length[0]);
    bool enough =
        cut->payload_caplen[0] >= 28 || cut->payload_caplen[0] == whole->payload_caplen[0];
    HOLDS(whole->class[0] == cut->class[0] || (row_has(cut, HAS_UDP) && !enough));
}

/* The first n elements of a column; the rest, which have no meaning, are made 0. */
static inline void check_same(void *a, void *b, size_t n, size_t size, const char *column)
{
    if (memcmp(a, b, n * size) != 0) {
        (void)fprintf(stderr, "column %s differs between the two ways\n", column);
        abort();
    }
    memset((uint8_t *)a + n * size, 0, (BATCH_CAP - n) * size);
    memset((uint8_t *)b + n * size, 0, (BATCH_CAP - n) * size);
}

/* The short way has written the batch that the general way does: all of its rows, to the last
 * byte. What is behind these is made 0. */
static inline void check_columns(const struct decode_config *config, const struct frame *frames,
                                 unsigned n, struct batch *batch)
{
    static struct batch general;
    memset(&general, 0xc3, sizeof general);
    decode_general(config, frames, n, &general);
    HOLDS(batch->n == general.n && batch->refused_n == general.refused_n);
    HOLDS(memcmp(batch->has, general.has, sizeof general.has) == 0);
    HOLDS(memcmp(batch->bad_checksum, general.bad_checksum, sizeof general.bad_checksum) == 0);
#define SAME(column)                                                                           \
    check_same(batch->column, general.column, general.n, sizeof *general.column, #column)
    SAME(ts_ns), SAME(now_min), SAME(ip), SAME(ip_caplen), SAME(protocol), SAME(class);
    SAME(src), SAME(dst), SAME(src6), SAME(dst6), SAME(ip_len), SAME(ip_id), SAME(ip_frag);
    SAME(ip_ttl), SAME(ip_tos), SAME(ip_hdr_len), SAME(ip_proto), SAME(ipv6_flow);
    SAME(srcport), SAME(dstport), SAME(tcp_seq), SAME(tcp_ack), SAME(tcp_window);
    SAME(tcp_urgent), SAME(tcp_flags), SAME(tcp_reserved), SAME(tcp_hdr_len);
    SAME(udp_length), SAME(udp_checksum);
    SAME(icmp_type), SAME(icmp_code), SAME(icmp_ident), SAME(icmp_seq);
    SAME(inner_version), SAME(inner_proto), SAME(inner_src), SAME(inner_dst);
    SAME(inner_srcport), SAME(inner_dstport);
    SAME(sctp_chunk_type), SAME(sctp_verification_tag), SAME(sctp_initiate_tag);
    SAME(transport), SAME(payload), SAME(payload_len), SAME(payload_caplen);
#undef SAME
    HOLDS(memcmp(batch, &general, offsetof(struct batch, refused)) == 0); /* any new one */
    for (unsigned i = 0; i < general.refused_n; i++) {
        HOLDS(batch->refused[i].ts_ns == general.refused[i].ts_ns);
        HOLDS(batch->refused[i].reason == general.refused[i].reason);
        HOLDS(batch->refused[i].late == general.refused[i].late);
    }
}

/* A frame alone goes one of the short ways, which is the fuzzer's choice; several go both. */
static inline void check_ways(const struct decode_config *config, const struct frame *frames,
                              unsigned n)
{
    static struct batch batch;
    bool narrow = n == 1 && frames->caplen % 2;
    memset(&batch, 0xc3, sizeof batch);
    if (!narrow) {
        decode_batch(config, frames, n, &batch);
        check_columns(config, frames, n, &batch);
    }
    if (narrow || n > 1) {
        decode_narrow(config, frames, n, &batch);
        check_columns(config, frames, n, &batch);
    }
}

/* The frame as it is, and with only `shorter` of its bytes captured. */
static inline void check_frame(const struct decode_config *config, const struct frame *frame,
                               uint32_t shorter)
{
    static struct batch whole, cut;
    memset(&whole, 0xa5, sizeof whole);
    memset(&cut, 0x5a, sizeof cut);
    decode_batch(config, frame, 1, &whole);
    check_ways(config, frame, 1);
    HOLDS(whole.n + whole.refused_n == 1);
    unsigned shard = decode_shard(config, frame);
    HOLDS(shard < SHARD_COUNT);
    if (whole.n) {
        HOLDS(shard == row_shard(&whole));
        check_bounds(frame, &whole);
        check_presence(&whole);
    } else {
        enum reason reason = whole.refused[0].reason;
        HOLDS(reason > REASON_NONE && reason < REASON_COUNT_);
        HOLDS(reason == REASON_OUTSIDE || shard == 0);
        HOLDS((reason == REASON_TIME) == !!(frame->flags & FRAME_BAD_TIME));
    }
    if (shorter >= frame->caplen || config->tunnels)
        return; /* a tunnel whose header is cut is not opened */
    uint8_t *exact = malloc(shorter ? shorter : 1);
    HOLDS(exact);
    memcpy(exact, frame->bytes, shorter);
    struct frame less = *frame;
    less.bytes = exact;
    less.caplen = shorter;
    decode_batch(config, &less, 1, &cut);
    check_ways(config, &less, 1);
    check_shorter(&whole, &cut);
    free(exact);
}
