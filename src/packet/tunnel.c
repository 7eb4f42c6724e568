/* GRE (RFC 2784, 2890), IP in IP (RFC 2003, 2473, 4213) and VXLAN (RFC 7348), from and to the
 * tunnel ends of the configuration alone: elsewhere they are somebody's probe of a protocol. */
#include "packet/tunnel.h"

#include "packet/link.h"

enum { PROTO_IPV4 = 4, PROTO_UDP = 17, PROTO_IPV6 = 41, PROTO_GRE = 47, VXLAN_PORT = 4789 };

static bool is_end(const struct prefix_set *ends, const struct network *network)
{
    const uint8_t *ip = network->ip;
    if (!ends)
        return false;
    if (network->version == 4)
        return prefix_set_has4(ends, read_be32(ip + 12)) ||
               prefix_set_has4(ends, read_be32(ip + 16));
    return prefix_set_has6(ends, read_ip6(ip + 8)) || prefix_set_has6(ends, read_ip6(ip + 24));
}

/* Past the GRE header; what it carries is an EtherType. */
static bool open_gre(struct cursor *inner, unsigned *depth, unsigned *ret_version)
{
    enum { CHECKSUM = 0x8000, ROUTING = 0x4000, KEY = 0x2000, SEQUENCE = 0x1000, VERSION = 7 };
    const uint8_t *header = cursor_take(inner, 4);
    unsigned flags = read_be16(header), type = read_be16(header + 2);
    if (inner->failed || flags & (ROUTING | VERSION))
        return false;
    unsigned options = !!(flags & CHECKSUM) + !!(flags & KEY) + !!(flags & SEQUENCE);
    cursor_skip(inner, 4 * options);
    if (inner->failed)
        return false;
    switch (type) {
    case 0x0800:
        *ret_version = 4;
        return true;
    case 0x86dd:
        *ret_version = 6;
        return true;
    case 0x6558: /* transparent Ethernet bridging */
        *ret_version = link_open(LINK_ETHERNET, inner, depth);
        return true;
    default:
        return false;
    }
}

static bool open_vxlan(struct cursor *inner, unsigned *depth, unsigned *ret_version)
{
    enum { VNI_VALID = 0x08 };
    const uint8_t *udp = cursor_take(inner, 8), *vxlan = cursor_take(inner, 8);
    if (inner->failed || read_be16(udp + 2) != VXLAN_PORT || !(vxlan[0] & VNI_VALID))
        return false;
    *ret_version = link_open(LINK_ETHERNET, inner, depth);
    return true;
}

bool tunnel_open(const struct decode_config *config, const struct network *outer,
                 unsigned *depth, struct cursor *ret_inner, unsigned *ret_version)
{
    if (outer->transport == 0 || outer->transport > outer->wire || outer->fragment)
        return false;
    struct cursor inner = {
        .at = outer->ip + outer->transport,
        .cap = outer->cap - outer->transport,
        .wire = outer->wire - outer->transport,
    };
    unsigned inner_depth = *depth, version = 0;
    bool opened = false;
    if (outer->proto == PROTO_GRE && config->tunnels & TUNNEL_GRE)
        opened = is_end(config->tunnel_ends, outer) && open_gre(&inner, &inner_depth, &version);
    else if (outer->proto == PROTO_UDP && config->tunnels & TUNNEL_VXLAN)
        opened =
            is_end(config->tunnel_ends, outer) && open_vxlan(&inner, &inner_depth, &version);
    else if ((outer->proto == PROTO_IPV4 || outer->proto == PROTO_IPV6) &&
             config->tunnels & TUNNEL_IPIP) {
        version = outer->proto == PROTO_IPV4 ? 4 : 6;
        opened = is_end(config->tunnel_ends, outer);
    }
    if (!opened)
        return false;
    *depth = inner_depth;
    *ret_inner = inner;
    *ret_version = version;
    return true;
}
