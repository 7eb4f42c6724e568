/* Bytes of a frame; see frame.h. */
#include "frame.h"

#include <string.h>

static void put8(struct frame *frame, unsigned value)
{
    frame->bytes[frame->len++] = (uint8_t)value;
}

static void put16(struct frame *frame, unsigned value)
{
    put8(frame, value >> 8);
    put8(frame, value);
}

static void put32(struct frame *frame, uint32_t value)
{
    put16(frame, value >> 16);
    put16(frame, value);
}

static void put64(struct frame *frame, uint64_t value)
{
    put32(frame, (uint32_t)(value >> 32));
    put32(frame, (uint32_t)value);
}

static void set16(struct frame *frame, unsigned at, unsigned value)
{
    frame->bytes[at] = (uint8_t)(value >> 8);
    frame->bytes[at + 1] = (uint8_t)value;
}

void frame_bytes(struct frame *frame, const void *bytes, unsigned n)
{
    memcpy(frame->bytes + frame->len, bytes, n);
    frame->len += n;
}

void frame_zeros(struct frame *frame, unsigned n)
{
    memset(frame->bytes + frame->len, 0, n);
    frame->len += n;
}

static void ethernet(struct frame *frame, uint16_t type)
{
    static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    frame_bytes(frame, addresses, sizeof addresses);
    put16(frame, type);
}

static void start(struct frame *frame, enum frame_link link, uint16_t type)
{
    frame->len = 0;
    if (link == LINK_ETHERNET)
        ethernet(frame, type);
    frame->ip = frame->len;
    frame->udp_no_checksum = false;
}

void frame_ip4(struct frame *frame, enum frame_link link, const struct ip4 *ip)
{
    start(frame, link, 0x0800);
    frame->ip6 = false;
    frame->proto = ip->proto;
    frame->frag = ip->frag;
    put8(frame, 0x45);
    put8(frame, ip->tos);
    put16(frame, 0);
    put16(frame, ip->id);
    put16(frame, ip->frag);
    put8(frame, ip->ttl);
    put8(frame, ip->proto);
    put16(frame, 0);
    put32(frame, ip->src);
    put32(frame, ip->dst);
    frame->transport = frame->len;
}

void frame_ip6(struct frame *frame, enum frame_link link, const struct ip6_header *ip)
{
    start(frame, link, 0x86dd);
    frame->ip6 = true;
    frame->proto = ip->proto;
    frame->frag = 0;
    put32(frame, 0x60000000U | (ip->flow & 0xfffff));
    put16(frame, 0);
    put8(frame, ip->proto);
    put8(frame, ip->hops);
    put64(frame, ip->src[0]);
    put64(frame, ip->src[1]);
    put64(frame, ip->dst[0]);
    put64(frame, ip->dst[1]);
    frame->transport = frame->len;
}

void frame_tcp(struct frame *frame, const struct tcp *tcp)
{
    put16(frame, tcp->srcport);
    put16(frame, tcp->dstport);
    put32(frame, tcp->seq);
    put32(frame, tcp->ack);
    put8(frame, (20 + tcp->options_len) / 4 << 4);
    put8(frame, tcp->flags);
    put16(frame, tcp->window);
    put32(frame, 0);
    if (tcp->options_len > 0)
        frame_bytes(frame, tcp->options, tcp->options_len);
}

void frame_udp(struct frame *frame, uint16_t srcport, uint16_t dstport)
{
    put16(frame, srcport);
    put16(frame, dstport);
    put32(frame, 0);
}

void frame_icmp(struct frame *frame, uint8_t type, uint8_t code, uint16_t ident, uint16_t seq)
{
    put8(frame, type);
    put8(frame, code);
    put16(frame, 0);
    put16(frame, ident);
    put16(frame, seq);
}

void frame_sctp_init(struct frame *frame, uint16_t srcport, uint16_t dstport, uint32_t tag)
{
    put16(frame, srcport);
    put16(frame, dstport);
    put32(frame, 0); /* verification tag: 0 in an INIT */
    put32(frame, 0);
    put16(frame, 0x0100);
    put16(frame, 20);
    put32(frame, tag);
    put32(frame, 32768);
    put16(frame, 10);
    put16(frame, 2048);
    put32(frame, tag ^ 0x5bd1e995);
}

void frame_ethertype(struct frame *frame, uint16_t type, unsigned len)
{
    start(frame, LINK_ETHERNET, type);
    frame->ip6 = false;
    frame_zeros(frame, len - frame->len);
}

unsigned frame_ip_len(const struct frame *frame)
{
    const uint8_t *ip = frame->bytes + frame->ip;
    if (frame->ip6)
        return 40U + ((unsigned)ip[4] << 8 | ip[5]);
    return (unsigned)ip[2] << 8 | ip[3];
}

/* Internet checksum (RFC 1071), before the complement. */
static uint32_t sum(uint32_t total, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i + 1 < n; i += 2)
        total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    if (n & 1)
        total += (uint32_t)bytes[n - 1] << 8;
    return total;
}

static unsigned fold(uint32_t total)
{
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return ~total & 0xffff;
}

/* CRC32c (RFC 9260 appendix A), bit by bit: SCTP is rare here. Least significant byte first. */
static void sctp_checksum(struct frame *frame)
{
    uint32_t crc = 0xffffffff;
    for (unsigned i = frame->transport; i < frame->len; i++) {
        crc ^= frame->bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78U & (0U - (crc & 1)));
    }
    crc = ~crc;
    for (unsigned i = 0; i < 4; i++)
        frame->bytes[frame->transport + 8 + i] = (uint8_t)(crc >> (8 * i));
}

static unsigned pseudo_checksum(const struct frame *frame, unsigned n)
{
    const uint8_t *ip = frame->bytes + frame->ip;
    uint32_t total = n + frame->proto;
    total = frame->ip6 ? sum(total, ip + 8, 32) : sum(total, ip + 12, 8);
    return fold(sum(total, frame->bytes + frame->transport, n));
}

/* Offset of the 16-bit checksum in the transport header; 0: the protocol has none we know. */
static unsigned checksum_at(const struct frame *frame)
{
    switch (frame->proto) {
    case IPPROTO_NUMBER_TCP:
        return 16;
    case IPPROTO_NUMBER_UDP:
        return 6;
    case IPPROTO_NUMBER_ICMP:
    case IPPROTO_NUMBER_ICMP6:
        return 2;
    case IPPROTO_NUMBER_SCTP:
        return 8;
    default:
        return 0;
    }
}

static void transport_finish(struct frame *frame)
{
    unsigned n = frame->len - frame->transport, at = frame->transport + checksum_at(frame);
    if (frame->proto == IPPROTO_NUMBER_TCP || frame->proto == IPPROTO_NUMBER_ICMP6) {
        set16(frame, at, pseudo_checksum(frame, n));
    } else if (frame->proto == IPPROTO_NUMBER_UDP) {
        set16(frame, frame->transport + 4, n);
        unsigned checksum = pseudo_checksum(frame, n);
        if (!frame->udp_no_checksum)
            set16(frame, at, checksum ? checksum : 0xffff);
    } else if (frame->proto == IPPROTO_NUMBER_ICMP) {
        set16(frame, at, fold(sum(0, frame->bytes + frame->transport, n)));
    } else if (frame->proto == IPPROTO_NUMBER_SCTP) {
        sctp_checksum(frame);
    }
}

void frame_finish(struct frame *frame)
{
    if (frame->frag == 0 || frame->frag == IP_DF)
        transport_finish(frame);
    if (frame->ip6) {
        set16(frame, frame->ip + 4, frame->len - frame->ip - 40);
        return;
    }
    set16(frame, frame->ip + 2, frame->len - frame->ip);
    set16(frame, frame->ip + 10, fold(sum(0, frame->bytes + frame->ip, 20)));
}

void frame_spoil_ip(struct frame *frame)
{
    frame->bytes[frame->ip + 10] ^= 0x55;
    frame->bytes[frame->ip + 11] ^= 0x55;
}

void frame_spoil_transport(struct frame *frame)
{
    unsigned at = frame->transport + checksum_at(frame);
    frame->bytes[at] ^= 0x55;
    frame->bytes[at + 1] ^= 0x55;
    /* UDP: 0 would mean that there is none (RFC 768). */
    if (frame->bytes[at] == 0 && frame->bytes[at + 1] == 0)
        frame->bytes[at] = 0x33;
}
