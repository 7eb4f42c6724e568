/* IPv4 (RFC 791) and IPv6 (RFC 8200) headers: lengths, extension headers, fragments.
 *
 * The IP length bounds a packet (a short frame is padded), and what was captured bounds reads.
 * A length beyond the end of the frame is damage the packet survives: it is only cut. */
#include "packet/network.h"

#include "packet/checksum.h"

#include <nightscope/decode.h>

enum {
    IPV4_HEADER = 20,
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_LSRR = 131,
    OPTION_SSRR = 137,
    IPV6_HEADER = 40,
    EXT_HOP_BY_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_AUTHENTICATION = 51,
    EXT_DESTINATION = 60,
    EXT_MOBILITY = 135,
    EXT_HIP = 139,
    EXT_SHIM6 = 140,
    OPTION_JUMBO = 0xc2,
};

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool is_extension(uint8_t proto)
{
    switch (proto) {
    case EXT_HOP_BY_HOP:
    case EXT_ROUTING:
    case EXT_FRAGMENT:
    case EXT_AUTHENTICATION:
    case EXT_DESTINATION:
    case EXT_MOBILITY:
    case EXT_HIP:
    case EXT_SHIM6:
        return true;
    default:
        return false;
    }
}

struct network_chain network_follow(const uint8_t *ip, uint32_t cap, uint8_t next)
{
    struct network_chain chain = {.offset = IPV6_HEADER, .proto = next};
    for (unsigned n = 0; is_extension(chain.proto); n++) {
        if (n == DECODE_IPV6_EXT_MAX || chain.offset + 2 > cap) {
            chain.offset = 0;
            return chain;
        }
        const uint8_t *header = ip + chain.offset;
        uint32_t left = cap - chain.offset;
        uint32_t length = 8 + 8U * header[1];
        if (chain.proto == EXT_AUTHENTICATION)
            length = 8 + 4U * header[1]; /* RFC 4302 section 2.2: 32-bit words, less 2 */
        else if (chain.proto == EXT_FRAGMENT) {
            length = 8;
            uint16_t offset_flags = left >= 4 ? read_be16(header + 2) : 0;
            bool later = offset_flags & 0xfff8;
            /* RFC 6946: an "atomic" fragment is a whole packet */
            chain.fragment |= later || (offset_flags & 1);
            if (later || left < 4) {
                chain.offset = 0;
                chain.proto = header[0];
                return chain;
            }
        } else if (chain.proto == EXT_ROUTING)
            chain.rerouted |= left < 4 || header[3] != 0; /* segments left */
        chain.proto = header[0];
        if (length > left) {
            chain.offset = 0;
            return chain;
        }
        chain.offset += length;
    }
    return chain;
}

/* Does a hop-by-hop header with the jumbo payload option follow (RFC 2675)? */
static bool has_jumbo_option(const uint8_t *ip, uint32_t cap)
{
    if (ip[6] != EXT_HOP_BY_HOP || cap < IPV6_HEADER + 8)
        return false;
    uint32_t end = min_u32(cap, IPV6_HEADER + 8 + 8U * ip[IPV6_HEADER + 1]);
    for (uint32_t at = IPV6_HEADER + 2; at + 2 <= end;) {
        if (ip[at] == OPTION_JUMBO)
            return true;
        at += ip[at] == 0 ? 1 : 2U + ip[at + 1]; /* Pad1 is a byte alone */
    }
    return false;
}

/* Is a loose or strict source route under way (RFC 791 section 3.1), with addresses left in it?
 * The last of these is the destination then, and what checksums cover. */
static bool has_source_route(const uint8_t *ip, uint32_t end)
{
    for (uint32_t at = IPV4_HEADER; at + 3 <= end && ip[at] != OPTION_END;) {
        if (ip[at] == OPTION_NOP) {
            at++;
            continue;
        }
        if (ip[at] == OPTION_LSRR || ip[at] == OPTION_SSRR)
            return ip[at + 2] <= ip[at + 1];
        at += ip[at + 1] < 2 ? 2U : ip[at + 1];
    }
    return false;
}

static enum reason parse_ipv4(const struct cursor *cursor, struct network *ret_network)
{
    const uint8_t *ip = cursor->at;
    if (cursor->wire < 20)
        return REASON_MALFORMED;
    if (cursor->cap == 0)
        return REASON_TRUNCATED;
    uint32_t header = (ip[0] & 15) * 4U;
    if (ip[0] >> 4 != 4 || header < 20)
        return REASON_MALFORMED;
    if (cursor->cap < 20)
        return REASON_TRUNCATED;
    uint32_t len = read_be16(ip + 2);
    if (len < header)
        return REASON_MALFORMED;
    uint16_t frag = read_be16(ip + 6);
    uint32_t cap = min_u32(cursor->cap, len);
    ret_network->ip = ip;
    ret_network->cap = cap;
    ret_network->len = len;
    ret_network->wire = min_u32(cursor->wire, len);
    ret_network->transport = (frag & 0x1fff) || header > cap ? 0 : header;
    ret_network->version = 4;
    ret_network->proto = ip[9];
    ret_network->hdr_len = (uint8_t)header;
    ret_network->fragment = frag & 0x3fff;
    ret_network->rerouted = has_source_route(ip, min_u32(header, cap));
    return REASON_NONE;
}

static enum reason parse_ipv6(const struct cursor *cursor, struct network *ret_network)
{
    const uint8_t *ip = cursor->at;
    if (cursor->wire < IPV6_HEADER)
        return REASON_MALFORMED;
    if (cursor->cap == 0)
        return REASON_TRUNCATED;
    if (ip[0] >> 4 != 6)
        return REASON_MALFORMED;
    if (cursor->cap < IPV6_HEADER)
        return REASON_TRUNCATED;
    uint32_t len = IPV6_HEADER + (uint32_t)read_be16(ip + 4);
    if (len == IPV6_HEADER && has_jumbo_option(ip, cursor->cap))
        len = cursor->wire; /* the option's own length may claim 4 GiB */
    uint32_t cap = min_u32(cursor->cap, len);
    struct network_chain chain = network_follow(ip, cap, ip[6]);
    ret_network->ip = ip;
    ret_network->cap = cap;
    ret_network->len = len;
    ret_network->wire = min_u32(cursor->wire, len);
    ret_network->transport = chain.offset;
    ret_network->version = 6;
    ret_network->proto = chain.proto;
    ret_network->hdr_len = IPV6_HEADER;
    ret_network->fragment = chain.fragment;
    ret_network->rerouted = chain.rerouted;
    return REASON_NONE;
}

enum reason network_parse(unsigned version, const struct cursor *cursor,
                          struct network *ret_network)
{
    return version == 4 ? parse_ipv4(cursor, ret_network) : parse_ipv6(cursor, ret_network);
}

enum protocol network_protocol(unsigned version, uint8_t proto)
{
    switch (proto) {
    case 6:
        return PROTOCOL_TCP;
    case 17:
        return PROTOCOL_UDP;
    case 1:
        return version == 4 ? PROTOCOL_ICMP : PROTOCOL_OTHER;
    case 58:
        return version == 6 ? PROTOCOL_ICMP6 : PROTOCOL_OTHER;
    case 132:
        return PROTOCOL_SCTP;
    default:
        return PROTOCOL_OTHER;
    }
}

void network_store(const struct network *network, struct batch *batch, unsigned row)
{
    const uint8_t *ip = network->ip;
    batch->ip[row] = ip;
    batch->ip_caplen[row] = network->cap;
    batch->ip_len[row] = network->len;
    batch->ip_hdr_len[row] = network->hdr_len;
    batch->ip_proto[row] = network->proto;
    batch->protocol[row] = (uint8_t)network_protocol(network->version, network->proto);
    if (network->fragment)
        mask_set(batch->has[HAS_FRAGMENT], row);
    if (network->version == 4) {
        mask_set(batch->has[HAS_IP], row);
        batch->src[row] = read_be32(ip + 12);
        batch->dst[row] = read_be32(ip + 16);
        batch->ip_id[row] = read_be16(ip + 4);
        batch->ip_frag[row] = read_be16(ip + 6);
        batch->ip_ttl[row] = ip[8];
        batch->ip_tos[row] = ip[1];
        if (network->hdr_len <= network->cap && !checksum_ok(ip, network->hdr_len, 0))
            mask_set(batch->bad_checksum[CHECKSUM_IP], row);
        return;
    }
    uint32_t word = read_be32(ip);
    mask_set(batch->has[HAS_IPV6], row);
    batch->src6[row] = read_ip6(ip + 8);
    batch->dst6[row] = read_ip6(ip + 24);
    batch->ipv6_flow[row] = word & 0xfffff;
    batch->ip_tos[row] = (uint8_t)(word >> 20);
    batch->ip_ttl[row] = ip[7];
}
