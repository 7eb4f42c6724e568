/* Writes one frame: link, IP and transport headers with lengths and checksums as they should
 * be.
 *
 *     frame_ip4() or frame_ip6()      headers whose lengths and checksums are still 0
 *     frame_tcp(), frame_udp(), ...   the transport header, then any frame_bytes()
 *     frame_finish()                  fills lengths and checksums in
 *
 * The caller keeps within FRAME_CAP: everything here is of a known, small size. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { FRAME_CAP = 2048 };

enum frame_link { LINK_ETHERNET, LINK_RAW };

enum {
    IPPROTO_NUMBER_ICMP = 1,
    IPPROTO_NUMBER_TCP = 6,
    IPPROTO_NUMBER_UDP = 17,
    IPPROTO_NUMBER_ESP = 50,
    IPPROTO_NUMBER_ICMP6 = 58,
    IPPROTO_NUMBER_SCTP = 132,
};

enum {
    TCP_FIN = 1,
    TCP_SYN = 2,
    TCP_RST = 4,
    TCP_PSH = 8,
    TCP_ACK = 16,
    TCP_URG = 32,
};

enum {
    IP_DF = 0x4000,
    IP_MF = 0x2000,
};

struct frame {
    uint8_t bytes[FRAME_CAP];
    unsigned ip, transport, len; /* offsets of the headers; bytes so far */
    bool ip6;
    uint8_t proto;
    uint16_t frag;
    bool udp_no_checksum;
};

struct ip4 {
    uint32_t src, dst;
    uint16_t id, frag;
    uint8_t ttl, tos, proto;
};

struct ip6_header {
    uint64_t src[2], dst[2];
    uint32_t flow;
    uint8_t hops, proto;
};

struct tcp {
    uint16_t srcport, dstport, window;
    uint32_t seq, ack;
    uint8_t flags;
    const uint8_t *options;
    unsigned options_len; /* a multiple of 4 */
};

void frame_ip4(struct frame *frame, enum frame_link link, const struct ip4 *ip);
void frame_ip6(struct frame *frame, enum frame_link link, const struct ip6_header *ip);
void frame_tcp(struct frame *frame, const struct tcp *tcp);
void frame_udp(struct frame *frame, uint16_t srcport, uint16_t dstport);
void frame_icmp(struct frame *frame, uint8_t type, uint8_t code, uint16_t ident, uint16_t seq);
/* One INIT chunk (RFC 9260 section 3.3.2). */
void frame_sctp_init(struct frame *frame, uint16_t srcport, uint16_t dstport, uint32_t tag);
/* A frame of another EtherType, zeros after it; Ethernet only. */
void frame_ethertype(struct frame *frame, uint16_t type, unsigned len);
void frame_bytes(struct frame *frame, const void *bytes, unsigned n);
void frame_zeros(struct frame *frame, unsigned n);

/* Length of the IP packet, whatever follows it in the frame. */
unsigned frame_ip_len(const struct frame *frame);
void frame_finish(struct frame *frame);
/* Turns the checksum of the IP header, or of the transport, into a wrong one. */
void frame_spoil_ip(struct frame *frame);
void frame_spoil_transport(struct frame *frame);
