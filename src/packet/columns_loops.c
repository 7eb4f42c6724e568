/* The loops of columns.h, compiled once for each instruction set: COLUMNS names the function.
 * Each is 64 rows at a time, so that the compiler knows how often it runs, and may run past the
 * last row: columns have room, and what a row without the header gets is of no meaning. */
#include "packet/columns.h"

#include "packet/class.h"

#include <endian.h>
#include <string.h>

enum {
    STEP = 64,
    IP_HEADER = 20,
    TCP_HEADER = 20,
    SHORT_HEADER = 8, /* of UDP and ICMP */
    PROTO_TCP = 6,
};

/* Both 16-bit words. */
static inline uint32_t halves(uint32_t word)
{
    return (word >> 16) + (word & 0xffff);
}

/* RFC 1071: is a sum below 2^31 of 16-bit words all ones when folded? */
static inline bool is_wrong(uint32_t sum)
{
    return halves(halves(sum)) != 0xffff;
}

/* One bit a byte that is 0 or 1. */
static uint64_t bits_of(const uint8_t bytes[static STEP])
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < STEP; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, sizeof eight);
        bits |= (le64toh(eight) * 0x0102040810204080 >> 56) << i;
    }
    return bits;
}

/* The IP header; sums: of its addresses. */
static void split_ip(const struct words *restrict words, size_t at,
                     struct batch *restrict batch, uint32_t sums[restrict static STEP])
{
    uint8_t wrong[STEP];
    for (size_t i = 0; i < STEP; i++) {
        uint32_t word0 = be32toh(words->ip0[at + i]), word4 = be32toh(words->ip4[at + i]);
        uint32_t word8 = be32toh(words->ip8[at + i]);
        uint32_t src = be32toh(batch->src[at + i]), dst = be32toh(batch->dst[at + i]);
        batch->src[at + i] = src;
        batch->dst[at + i] = dst;
        batch->ip_len[at + i] = word0 & 0xffff;
        batch->ip_tos[at + i] = (uint8_t)(word0 >> 16);
        batch->ip_id[at + i] = (uint16_t)(word4 >> 16);
        batch->ip_frag[at + i] = (uint16_t)word4;
        batch->ip_ttl[at + i] = (uint8_t)(word8 >> 24);
        batch->ip_proto[at + i] = (uint8_t)(word8 >> 16);
        batch->ip_hdr_len[at + i] = IP_HEADER;
        sums[i] = halves(src) + halves(dst);
        wrong[i] = is_wrong(sums[i] + halves(word0) + halves(word4) + halves(word8));
    }
    batch->bad_checksum[CHECKSUM_IP][at / STEP] =
        bits_of(wrong) & batch->has[HAS_IP][at / STEP];
}

/* sums: of the IP addresses. */
static void split_tcp(const struct words *restrict words, size_t at,
                      struct batch *restrict batch, const uint32_t sums[restrict static STEP])
{
    uint8_t wrong[STEP];
    for (size_t i = 0; i < STEP; i++) {
        uint32_t word12 = be32toh(words->tcp12[at + i]), word16 = be32toh(words->tcp16[at + i]);
        uint32_t seq = be32toh(batch->tcp_seq[at + i]), ack = be32toh(batch->tcp_ack[at + i]);
        uint32_t pseudo = sums[i] + PROTO_TCP + batch->ip_len[at + i] - IP_HEADER;
        bool whole = batch->ip_caplen[at + i] == batch->ip_len[at + i];
        batch->tcp_seq[at + i] = seq;
        batch->tcp_ack[at + i] = ack;
        batch->tcp_hdr_len[at + i] = (uint8_t)(word12 >> 28 << 2);
        batch->tcp_reserved[at + i] = word12 >> 24 & 15;
        batch->tcp_flags[at + i] = (uint8_t)(word12 >> 16);
        batch->tcp_window[at + i] = (uint16_t)word12;
        batch->tcp_urgent[at + i] = (uint16_t)word16;
        wrong[i] = whole & is_wrong(pseudo + halves(be32toh(words->ports[at + i])) +
                                    halves(seq) + halves(ack) + halves(word12) +
                                    halves(word16) + words->rest_sum[at + i]);
    }
    batch->bad_checksum[CHECKSUM_TCP][at / STEP] =
        bits_of(wrong) & batch->has[HAS_TCP][at / STEP];
}

static void split_ports(const struct words *restrict words, size_t at,
                        struct batch *restrict batch)
{
    for (size_t i = 0; i < STEP; i++) {
        uint32_t ports = be32toh(words->ports[at + i]), udp4 = be32toh(words->udp4[at + i]);
        batch->srcport[at + i] = (uint16_t)(ports >> 16);
        batch->dstport[at + i] = (uint16_t)ports;
        batch->udp_length[at + i] = (uint16_t)(udp4 >> 16);
        batch->udp_checksum[at + i] = (uint16_t)udp4;
    }
}

static void find_payload(size_t at, struct batch *restrict batch)
{
    for (size_t i = 0; i < STEP; i++) {
        bool tcp = batch->protocol[at + i] == PROTOCOL_TCP;
        uint16_t header = tcp ? batch->tcp_hdr_len[at + i] : SHORT_HEADER;
        uint16_t payload = (uint16_t)(IP_HEADER + header);
        batch->transport[at + i] = IP_HEADER;
        batch->payload[at + i] = payload;
        batch->payload_len[at + i] = (uint16_t)(batch->ip_len[at + i] - payload);
        batch->payload_caplen[at + i] = (uint16_t)(batch->ip_caplen[at + i] - payload);
    }
}

static void classify_tcp(size_t at, struct batch *restrict batch)
{
    for (size_t i = 0; i < STEP; i++) {
        uint8_t class = class_of_tcp(batch->tcp_flags[at + i]);
        bool tcp = batch->protocol[at + i] == PROTOCOL_TCP;
        batch->class[at + i] = tcp ? class : batch->class[at + i];
    }
}

void COLUMNS(const struct words *restrict words, unsigned rows, struct batch *restrict batch)
{
    for (size_t at = 0; at < rows; at += STEP) {
        uint32_t sums[STEP];
        split_ip(words, at, batch, sums);
        split_tcp(words, at, batch, sums);
        split_ports(words, at, batch);
        find_payload(at, batch);
        classify_tcp(at, batch);
    }
}
