/* A frame as it was captured, and the words every layer shares: addresses, protocols, classes,
 * reasons for not counting. A frame is at most one packet: it is counted once, or refused for
 * one reason of enum reason. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    CAPLEN_MAX = 262144, /* longest captured frame accepted (libpcap's MAXIMUM_SNAPLEN) */
    SHARD_COUNT = 64,    /* state is partitioned by source address into this many shards */
};

/* Link layers, independent of the numbering of the container (LINKTYPE_ or DLT_). */
enum link {
    LINK_ETHERNET,
    LINK_RAW,        /* IPv4 or IPv6, told apart by the version nibble */
    LINK_NULL,       /* 4-byte address family in the byte order of the capturing host */
    LINK_LOOP,       /* the same in network byte order; both orders are accepted for both */
    LINK_LINUX_SLL,  /* Linux "cooked" v1 */
    LINK_LINUX_SLL2, /* Linux "cooked" v2 */
    LINK_PPP,        /* with or without HDLC address and control bytes */
    LINK_PPP_ETHER,  /* PPPoE session frames */
    LINK_CHDLC,      /* Cisco HDLC */
    LINK_NFLOG,      /* Linux netfilter log */
    LINK_UNKNOWN,    /* every frame is refused: REASON_LINK */
    LINK_COUNT_,
};

/* The link layer of a LINKTYPE_ number (https://www.tcpdump.org/linktypes.html) or of a DLT_
 * number that differs from it on some system; LINK_UNKNOWN for all others. */
enum link link_from_linktype(uint32_t linktype);

enum {
    FRAME_LATE = 1,     /* its minute was closed when it was read */
    FRAME_BAD_TIME = 2, /* its time stamp is not between 1970 and 2106; ts_ns is 0 */
    FRAME_OFF_CLOCK =
        4, /* with FRAME_BAD_TIME: it is far off the clock of the sensor instead */
};

/* One captured frame. Borrowed: bytes are valid until the chunk that holds them is released. */
struct frame {
    const uint8_t *bytes;
    int64_t ts_ns;    /* ns since 1970-01-01 UTC, 0 <= ts_ns < 2^32 s */
    uint32_t caplen;  /* bytes there are; bounds every read */
    uint32_t wirelen; /* bytes there were on the wire; data, never a bound; >= caplen */
    uint8_t link;     /* enum link */
    uint8_t shard;    /* 0..SHARD_COUNT-1; set by replay when there are several workers */
    uint8_t flags;    /* FRAME_* */
    uint8_t unused;
    uint32_t now_min; /* packet time when it was read, in minutes since 1970; 0 for BAD_TIME */
};
_Static_assert(sizeof(struct frame) == 32, "two frames a cache line");

/* Why a frame is not counted. Names are those of "not_counted" in the report. */
#define REASONS(X)                                                                             \
    X(TRUNCATED, truncated, "the IP addresses lie beyond the snap length")                     \
    X(MALFORMED, malformed, "a header contradicts itself")                                     \
    X(NOT_IP, not_ip, "neither IPv4 nor IPv6 (ARP, LLDP, ...)")                                \
    X(OUTSIDE, outside, "the destination is not in the dark space (--dark)")                   \
    X(LINK, link, "a link layer nightscope does not know")                                     \
    X(DEPTH, depth, "more nested tags, labels or tunnels than any network uses")               \
    X(TIME, time, "a time stamp before 1970 or after 2106")                                    \
    X(CLOCK, clock, "captured live with a time stamp more than an hour off the clock")
enum reason {
    REASON_NONE,
#define X(id, name, text) REASON_##id,
    REASONS(X)
#undef X
        REASON_COUNT_,
};

/* "protocols" of the report; ICMP is of IPv4 alone and ICMP6 of IPv6 alone. */
#define PROTOCOLS(X)                                                                           \
    X(TCP, tcp) X(UDP, udp) X(ICMP, icmp) X(ICMP6, icmp6) X(SCTP, sctp) X(OTHER, other)
enum protocol {
#define X(id, name) PROTOCOL_##id,
    PROTOCOLS(X)
#undef X
        PROTOCOL_COUNT_,
};

/* What a packet is, from itself alone: the rules stand in src/packet/class.h. */
#define CLASSES(X) X(SCAN, scan) X(BACKSCATTER, backscatter) X(OTHER, other)
enum class {
#define X(id, name) CLASS_##id,
    CLASSES(X)
#undef X
        CLASS_COUNT_,
};

/* Checksums are verified where all the bytes are there; a bad one is a property, not a refusal.
 */
#define CHECKSUMS(X)                                                                           \
    X(IP, ip) X(TCP, tcp) X(UDP, udp) X(ICMP, icmp) X(ICMP6, icmp6) X(SCTP, sctp)
enum checksum {
#define X(id, name) CHECKSUM_##id,
    CHECKSUMS(X)
#undef X
        CHECKSUM_COUNT_,
};

/* An IPv6 address as two host-order numbers: hi is its first 64 bits. */
struct ip6 {
    uint64_t hi, lo;
};

/* An address of either family. IPv4: v4 in host order, v6 zero. */
struct address {
    bool is6;
    uint32_t v4;
    struct ip6 v6;
};

/* Text form (RFC 5952 for IPv6); returns buf. */
enum { ADDRESS_TEXT_CAP = 46 };
const char *address_format(const struct address *address, char buf[static ADDRESS_TEXT_CAP]);
/* 0, or -1 when text is not exactly one address. */
int address_parse(const char *text, struct address *ret_address);
/* Order of tables: IPv4 before IPv6, then by number. <0, 0, >0. */
int address_compare(const struct address *a, const struct address *b);

/* The shard of a source; the same in every run and on every machine. */
unsigned shard_of4(uint32_t src);
unsigned shard_of6(struct ip6 src);
