/* Quoted packets: what a router or a victim's host gives back of the packet that upset it. Its
 * lengths are those of the original packet, so only what was captured bounds it. */
#include "packet/quote.h"

#include "packet/network.h"

static void store_ports(unsigned version, const uint8_t *transport, uint32_t n,
                        struct batch *batch, unsigned row)
{
    enum protocol protocol = network_protocol(version, batch->inner_proto[row]);
    if (n < 4 ||
        (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP && protocol != PROTOCOL_SCTP))
        return;
    mask_set(batch->has[HAS_INNER_PORTS], row);
    batch->inner_srcport[row] = read_be16(transport);
    batch->inner_dstport[row] = read_be16(transport + 2);
}

void quote_store4(const uint8_t *quote, uint32_t n, struct batch *batch, unsigned row)
{
    if (n < 20 || quote[0] >> 4 != 4 || (quote[0] & 15) < 5)
        return;
    mask_set(batch->has[HAS_INNER], row);
    batch->inner_version[row] = 4;
    batch->inner_proto[row] = quote[9];
    batch->inner_src[row] = read_be32(quote + 12);
    batch->inner_dst[row] = read_be32(quote + 16);
    uint32_t header = (quote[0] & 15) * 4U;
    bool later_fragment = read_be16(quote + 6) & 0x1fff;
    if (!later_fragment && header < n)
        store_ports(4, quote + header, n - header, batch, row);
}

void quote_store6(const uint8_t *quote, uint32_t n, struct batch *batch, unsigned row)
{
    if (n < 40 || quote[0] >> 4 != 6)
        return;
    struct network_chain chain = network_follow(quote, n, quote[6]);
    mask_set(batch->has[HAS_INNER], row);
    batch->inner_version[row] = 6;
    batch->inner_proto[row] = chain.proto;
    if (chain.offset != 0)
        store_ports(6, quote + chain.offset, n - chain.offset, batch, row);
}
