/* Link layers and what lies between them and IP: VLAN tags, MPLS labels, PPPoE, LLC/SNAP.
 *
 * All of them lead to an EtherType (or a PPP protocol, which is turned into one), and
 * open_ethertype() follows EtherTypes until IP or something else. */
#include "packet/link.h"

#include <nightscope/decode.h>

enum {
    ETHERTYPE_LLC_MAX = 0x05ff, /* IEEE 802.3: below 0x0600 it is a length, and LLC follows */
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_CTAG = 0x8100, /* 802.1Q */
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847,
    ETHERTYPE_MPLS_MULTICAST = 0x8848,
    ETHERTYPE_PPPOE_SESSION = 0x8864,
    ETHERTYPE_STAG = 0x88a8,      /* 802.1ad */
    ETHERTYPE_STAG_9100 = 0x9100, /* the same before it was a standard */
    ETHERTYPE_STAG_9200 = 0x9200,

    NFLOG_ATTRIBUTES_MAX = 64,
    NFLOG_PAYLOAD = 9, /* NFULA_PAYLOAD */
    ARPHRD_NETLINK = 824,
};

static unsigned refuse(struct cursor *cursor, enum reason reason)
{
    cursor_fail(cursor, reason);
    return 0;
}

/* IP told apart by its version nibble; anything else is refused as `otherwise`. */
static unsigned open_ip(struct cursor *cursor, enum reason otherwise)
{
    unsigned version = cursor_peek(cursor, 1)[0] >> 4;
    return version == 4 || version == 6 ? version : refuse(cursor, otherwise);
}

/* RFC 3032: 4 bytes a label, bit 8 marks the bottom of the stack. What follows is known to the
 * routers alone; IP by its nibble, as in RFC 4928 section 2. */
static unsigned open_mpls(struct cursor *cursor, unsigned *depth)
{
    uint32_t label;
    do {
        if (++*depth > DECODE_NESTING_MAX)
            return refuse(cursor, REASON_DEPTH);
        label = read_be32(cursor_take(cursor, 4));
    } while (!(label & 0x100) && !cursor->failed);
    return open_ip(cursor, REASON_NOT_IP);
}

/* RFC 1661 section 2 and 6.5: a protocol field of one byte when its low bit is set. */
static unsigned open_ppp_protocol(struct cursor *cursor, unsigned *depth)
{
    unsigned protocol = cursor_take(cursor, 1)[0];
    if (!(protocol & 1))
        protocol = protocol << 8 | cursor_take(cursor, 1)[0];
    if (cursor->failed)
        return 0;
    switch (protocol) {
    case 0x0021:
        return 4;
    case 0x0057:
        return 6;
    case 0x0281: /* MPLS unicast and multicast, RFC 3032 section 4.2 */
    case 0x0283:
        return open_mpls(cursor, depth);
    default:
        return refuse(cursor, REASON_NOT_IP);
    }
}

/* RFC 2516 section 4: version and type 1, code 0 is data. */
static unsigned open_pppoe(struct cursor *cursor, unsigned *depth)
{
    if (++*depth > DECODE_NESTING_MAX)
        return refuse(cursor, REASON_DEPTH);
    const uint8_t *header = cursor_take(cursor, 6);
    if (cursor->failed)
        return 0;
    if (header[0] != 0x11 || header[1] != 0)
        return refuse(cursor, REASON_NOT_IP);
    return open_ppp_protocol(cursor, depth);
}

/* Follows VLAN tags; returns the EtherType after them. */
static unsigned skip_tags(struct cursor *cursor, unsigned type, unsigned *depth)
{
    while (type == ETHERTYPE_CTAG || type == ETHERTYPE_STAG || type == ETHERTYPE_STAG_9100 ||
           type == ETHERTYPE_STAG_9200) {
        if (++*depth > DECODE_NESTING_MAX)
            return refuse(cursor, REASON_DEPTH);
        type = read_be16(cursor_take(cursor, 4) + 2);
    }
    return type;
}

/* IEEE 802.2 LLC: SNAP with an EtherType (RFC 1042), or IP's own service access point. Returns
 * an EtherType, 0 for anything else. */
static unsigned open_llc(struct cursor *cursor)
{
    const uint8_t *llc = cursor_take(cursor, 3);
    if (llc[0] == 0x06 && llc[1] == 0x06 && llc[2] == 0x03)
        return ETHERTYPE_IPV4;
    if (llc[0] != 0xaa || llc[1] != 0xaa || llc[2] != 0x03)
        return 0;
    const uint8_t *snap = cursor_take(cursor, 5);
    bool is_ethertype = snap[0] == 0 && snap[1] == 0 && (snap[2] == 0 || snap[2] == 0xf8);
    return is_ethertype ? read_be16(snap + 3) : 0;
}

static unsigned open_ethertype(struct cursor *cursor, unsigned type, unsigned *depth)
{
    type = skip_tags(cursor, type, depth);
    if (type <= ETHERTYPE_LLC_MAX && !cursor->failed)
        type = skip_tags(cursor, open_llc(cursor), depth);
    if (cursor->failed)
        return 0;
    switch (type) {
    case ETHERTYPE_IPV4:
        return 4;
    case ETHERTYPE_IPV6:
        return 6;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
        return open_mpls(cursor, depth);
    case ETHERTYPE_PPPOE_SESSION:
        return open_pppoe(cursor, depth);
    default:
        return refuse(cursor, REASON_NOT_IP);
    }
}

/* BSD loopback: an address family in the byte order of the capturing host. IPv6 is 10 on Linux,
 * 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS. */
static unsigned open_null(struct cursor *cursor)
{
    uint32_t family = read_be32(cursor_take(cursor, 4));
    if (family & 0xffff0000)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:
        return 4;
    case 10:
    case 24:
    case 28:
    case 30:
        return 6;
    default:
        return refuse(cursor, REASON_NOT_IP);
    }
}

/* "Cooked" captures carry ETH_P_802_2 (4) instead of a length, and small numbers of their own
 * for what is not Ethernet. */
static unsigned open_cooked(struct cursor *cursor, unsigned hardware, unsigned protocol,
                            unsigned *depth)
{
    enum { ETH_P_802_2 = 4 };
    if (cursor->failed)
        return 0;
    if (hardware == ARPHRD_NETLINK ||
        (protocol <= ETHERTYPE_LLC_MAX && protocol != ETH_P_802_2))
        return refuse(cursor, REASON_NOT_IP);
    return open_ethertype(cursor, protocol, depth);
}

static unsigned open_sll(struct cursor *cursor, unsigned *depth)
{
    const uint8_t *header = cursor_take(cursor, 16);
    return open_cooked(cursor, read_be16(header + 2), read_be16(header + 14), depth);
}

static unsigned open_sll2(struct cursor *cursor, unsigned *depth)
{
    const uint8_t *header = cursor_take(cursor, 20);
    return open_cooked(cursor, read_be16(header + 8), read_be16(header), depth);
}

static unsigned open_chdlc(struct cursor *cursor, unsigned *depth)
{
    unsigned type = read_be16(cursor_take(cursor, 4) + 2);
    if (!cursor->failed && type <= ETHERTYPE_LLC_MAX)
        return refuse(cursor, REASON_NOT_IP);
    return open_ethertype(cursor, type, depth);
}

/* PPP in HDLC-like framing (RFC 1662) or bare. pppd's captures have a direction, 0 or 1, in the
 * place of the address byte; links told to be PPP may carry Cisco HDLC (0x0f or 0x8f, 0). */
static unsigned open_ppp(struct cursor *cursor, unsigned *depth)
{
    const uint8_t *start = cursor_peek(cursor, 2);
    if (cursor->failed)
        return 0;
    if ((start[0] == 0xff || start[0] <= 1) && start[1] == 0x03)
        cursor_skip(cursor, 2);
    else if ((start[0] == 0x0f || start[0] == 0x8f) && start[1] == 0)
        return open_chdlc(cursor, depth);
    return open_ppp_protocol(cursor, depth);
}

/* Netfilter log: a header, then attributes (length, type, value padded to 4 bytes) in the byte
 * order of the capturing host; one of them is the packet. Types are below 256, so the byte of
 * the first type that is 0 tells the order. */
static unsigned open_nflog(struct cursor *cursor)
{
    unsigned family = cursor_take(cursor, 4)[0];
    bool little = cursor_peek(cursor, 4)[3] == 0;
    for (unsigned i = 0; !cursor->failed; i++) {
        if (i == NFLOG_ATTRIBUTES_MAX)
            return refuse(cursor, REASON_DEPTH);
        if (cursor->wire == 0)
            return refuse(cursor, REASON_NOT_IP); /* a log entry without a packet */
        const uint8_t *head = cursor_take(cursor, 4);
        unsigned length = little ? (unsigned)(head[1] << 8 | head[0]) : read_be16(head);
        unsigned type = little ? (unsigned)(head[3] << 8 | head[2]) : read_be16(head + 2);
        if (cursor->failed)
            break;
        if (length < 4)
            return refuse(cursor, REASON_MALFORMED);
        length -= 4;
        if ((type & 0x3fff) != NFLOG_PAYLOAD) { /* the two high bits are flags */
            uint32_t padded = (length + 3) & ~3U;
            cursor_skip(cursor, padded < cursor->wire ? padded : cursor->wire);
            continue;
        }
        if (length > cursor->wire)
            return refuse(cursor, REASON_MALFORMED);
        cursor->wire = length;
        if (cursor->cap > length)
            cursor->cap = length;
        if (family == 2)
            return 4;
        return family == 10 ? 6 : open_ip(cursor, REASON_NOT_IP);
    }
    return 0;
}

unsigned link_open(enum link link, struct cursor *cursor, unsigned *depth)
{
    switch (link) {
    case LINK_ETHERNET: {
        unsigned type = read_be16(cursor_take(cursor, 14) + 12);
        return type == ETHERTYPE_IPV4 ? 4 : open_ethertype(cursor, type, depth);
    }
    case LINK_RAW:
        return open_ip(cursor, REASON_MALFORMED);
    case LINK_NULL:
    case LINK_LOOP:
        return open_null(cursor);
    case LINK_LINUX_SLL:
        return open_sll(cursor, depth);
    case LINK_LINUX_SLL2:
        return open_sll2(cursor, depth);
    case LINK_PPP:
        return open_ppp(cursor, depth);
    case LINK_PPP_ETHER:
        return open_pppoe(cursor, depth);
    case LINK_CHDLC:
        return open_chdlc(cursor, depth);
    case LINK_NFLOG:
        return open_nflog(cursor);
    case LINK_UNKNOWN:
    case LINK_COUNT_:
        break;
    }
    return refuse(cursor, REASON_LINK);
}
