/* A batch: up to 256 counted packets as columns.
 *
 *      frames (rows)                     batch (columns)
 *      [ts|bytes|caplen|...]   decode    src    [ . . . . . . ... ]
 *      [ts|bytes|caplen|...]  ------->   dst    [ . . . . . . ... ]
 *      [ts|bytes|caplen|...]             dport  [ . . . . . . ... ]   and a short list of
 * refusals
 *
 * Columns make matching cheap: `ip.id == 54321` is one vectorised loop over ip_id[] that yields
 * a bit mask. Row i of every column is one packet. A column whose has[] bit is not set for a
 * row holds 0 there and must not be read as data. All numbers are host order, IPv4 addresses
 * too. Names are Wireshark's with a dot turned into an underscore. */
#pragma once

#include <nightscope/packet.h>

#include <stddef.h>

enum {
    BATCH_CAP = 256,
    BATCH_WORDS = BATCH_CAP / 64, /* a bit mask over the rows of a batch */
};

/* Properties a packet has or not: one bit mask over the batch each. */
enum has {
    HAS_IP,        /* IPv4 */
    HAS_IPV6,      /* IPv6: src6, dst6 are valid and src, dst are 0 */
    HAS_TCP,       /* the fixed 20 bytes of TCP are there, and it is not a later fragment */
    HAS_UDP,       /* 8 bytes of UDP, same condition */
    HAS_ICMP,      /* 8 bytes of ICMP over IPv4 */
    HAS_ICMP6,     /* 8 bytes of ICMPv6 over IPv6 */
    HAS_SCTP,      /* 12 bytes of SCTP and 4 of its first chunk */
    HAS_SCTP_INIT, /* ... whose first chunk is INIT or INIT-ACK with its tag: sctp_initiate_tag
                    */
    HAS_OPTIONS,   /* TCP options (perhaps none) are all there */
    HAS_PAYLOAD, /* the transport header ended inside the capture: payload columns are valid */
    HAS_INNER,   /* ICMP error with a quoted IP header: inner_* valid */
    HAS_INNER_PORTS,  /* ... with 4 bytes of TCP, UDP or SCTP after it: inner ports valid */
    HAS_FRAGMENT,     /* part of a fragmented packet (first or later) */
    HAS_CUT,          /* fewer bytes captured than on the wire, or than the IP length says */
    HAS_LATE,         /* FRAME_LATE */
    HAS_FROM_DARK,    /* the source is in the dark space */
    HAS_DECAPSULATED, /* counted from inside a tunnel */
    HAS_COUNT_,
};

struct refusal {
    int64_t ts_ns; /* 0 for REASON_TIME and REASON_CLOCK */
    enum reason reason;
    bool late; /* FRAME_LATE: counts in the totals, in no window */
};

struct batch {
    unsigned n;         /* rows */
    unsigned refused_n; /* rows of refused[]; n + refused_n = frames decoded */
    uint64_t cleared;   /* decoding: what it cleared here before; begins as 0 */
    uint64_t has[HAS_COUNT_][BATCH_WORDS];
    uint64_t bad_checksum[CHECKSUM_COUNT_][BATCH_WORDS]; /* verified, and wrong */

    int64_t ts_ns[BATCH_CAP];
    uint32_t now_min[BATCH_CAP];   /* frame.now_min */
    const uint8_t *ip[BATCH_CAP];  /* the IP header that counts; borrowed from the frame */
    uint32_t ip_caplen[BATCH_CAP]; /* captured bytes from there on, at most to the IP length */

    uint8_t protocol[BATCH_CAP]; /* enum protocol */
    uint8_t class[BATCH_CAP];    /* enum class */

    uint32_t src[BATCH_CAP], dst[BATCH_CAP];
    struct ip6 src6[BATCH_CAP], dst6[BATCH_CAP];
    uint32_t ip_len[BATCH_CAP];    /* IPv4 total length; IPv6 40 + payload length */
    uint16_t ip_id[BATCH_CAP];     /* IPv4 only */
    uint16_t ip_frag[BATCH_CAP];   /* IPv4: the 16 bits of flags and offset as on the wire */
    uint8_t ip_ttl[BATCH_CAP];     /* or hop limit */
    uint8_t ip_tos[BATCH_CAP];     /* or traffic class */
    uint8_t ip_hdr_len[BATCH_CAP]; /* bytes, IPv4: 20..60; IPv6: 40 */
    uint8_t ip_proto[BATCH_CAP];   /* protocol number, after IPv6 extension headers */
    uint32_t ipv6_flow[BATCH_CAP];

    uint16_t srcport[BATCH_CAP], dstport[BATCH_CAP]; /* TCP, UDP, SCTP */

    uint32_t tcp_seq[BATCH_CAP], tcp_ack[BATCH_CAP];
    uint16_t tcp_window[BATCH_CAP], tcp_urgent[BATCH_CAP];
    uint8_t tcp_flags[BATCH_CAP];    /* CWR ECE URG ACK PSH RST SYN FIN, FIN is bit 0 */
    uint8_t tcp_reserved[BATCH_CAP]; /* the 4 bits before CWR */
    uint8_t tcp_hdr_len[BATCH_CAP];  /* bytes, 0..60; with HAS_OPTIONS, which are at transport
                                      * + 20, not below 20 */

    uint16_t udp_length[BATCH_CAP], udp_checksum[BATCH_CAP];

    uint8_t icmp_type[BATCH_CAP], icmp_code[BATCH_CAP];  /* ICMP and ICMPv6 */
    uint16_t icmp_ident[BATCH_CAP], icmp_seq[BATCH_CAP]; /* bytes 4-5 and 6-7 of any type */

    uint8_t inner_version[BATCH_CAP], inner_proto[BATCH_CAP]; /* the quoted packet */
    uint32_t inner_src[BATCH_CAP], inner_dst[BATCH_CAP];      /* IPv4 */
    uint16_t inner_srcport[BATCH_CAP], inner_dstport[BATCH_CAP];

    uint8_t sctp_chunk_type[BATCH_CAP];
    uint32_t sctp_verification_tag[BATCH_CAP], sctp_initiate_tag[BATCH_CAP];

    uint16_t transport[BATCH_CAP];      /* offset of the transport header from ip[] */
    uint16_t payload[BATCH_CAP];        /* offset of its payload from ip[] */
    uint16_t payload_len[BATCH_CAP];    /* bytes on the wire, by the IP length */
    uint16_t payload_caplen[BATCH_CAP]; /* bytes captured, <= payload_len */

    struct refusal refused[BATCH_CAP];
};

static inline bool mask_test(const uint64_t mask[static BATCH_WORDS], unsigned row)
{
    return (mask[row / 64] >> (row % 64)) & 1;
}

static inline void mask_set(uint64_t mask[static BATCH_WORDS], unsigned row)
{
    mask[row / 64] |= (uint64_t)1 << (row % 64);
}

/* Rows of a mask; written out, as not every x86-64 can count bits. */
static inline unsigned mask_count(const uint64_t mask[static BATCH_WORDS])
{
    unsigned n = 0;
    for (unsigned i = 0; i < BATCH_WORDS; i++) {
        uint64_t word = mask[i];
        word -= word >> 1 & 0x5555555555555555U;
        word = (word & 0x3333333333333333U) + (word >> 2 & 0x3333333333333333U);
        word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fU;
        n += (unsigned)(word * 0x0101010101010101U >> 56);
    }
    return n;
}
