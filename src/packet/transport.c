/* Transport headers. One that is cut, by the capture or by the IP length, leaves its columns at
 * 0 and the packet in class other. */
#include "packet/transport.h"

#include "packet/checksum.h"
#include "packet/class.h"
#include "packet/quote.h"

/* The transport header and what of it and its payload was captured. */
struct segment {
    const uint8_t *bytes;
    uint32_t cap;
    uint32_t len; /* by the IP length */
    bool whole;   /* captured to its end, not a fragment: checksums can be verified */
};

static uint16_t saturate_u16(uint32_t value)
{
    return value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
}

/* The payload begins `header` bytes into the segment, all of them captured. */
static void store_payload(const struct network *network, const struct segment *segment,
                          uint32_t header, struct batch *batch, unsigned row)
{
    mask_set(batch->has[HAS_PAYLOAD], row);
    batch->payload[row] = saturate_u16(network->transport + header);
    batch->payload_len[row] = saturate_u16(segment->len - header);
    batch->payload_caplen[row] = saturate_u16(segment->cap - header);
}

/* Is the checksum over `length` bytes and a pseudo-header wrong? */
static bool is_bad_sum(const struct network *network, const struct segment *segment,
                       uint32_t length)
{
    if (!segment->whole || network->rerouted)
        return false;
    uint64_t pseudo = network->version == 4
                          ? checksum_pseudo(network->ip + 12, 8, network->proto, length)
                          : checksum_pseudo(network->ip + 8, 32, network->proto, length);
    return !checksum_ok(segment->bytes, length, pseudo);
}

static void store_ports(const struct segment *segment, struct batch *batch, unsigned row)
{
    batch->transport[row] = (uint16_t)(segment->bytes - batch->ip[row]);
    batch->srcport[row] = read_be16(segment->bytes);
    batch->dstport[row] = read_be16(segment->bytes + 2);
}

static uint8_t store_tcp(const struct network *network, const struct segment *segment,
                         struct batch *batch, unsigned row)
{
    const uint8_t *tcp = segment->bytes;
    if (segment->cap < 20)
        return CLASS_OTHER;
    mask_set(batch->has[HAS_TCP], row);
    store_ports(segment, batch, row);
    uint32_t header = (tcp[12] >> 4) * 4U;
    batch->tcp_seq[row] = read_be32(tcp + 4);
    batch->tcp_ack[row] = read_be32(tcp + 8);
    batch->tcp_hdr_len[row] = (uint8_t)header;
    batch->tcp_reserved[row] = tcp[12] & 15;
    batch->tcp_flags[row] = tcp[13];
    batch->tcp_window[row] = read_be16(tcp + 14);
    batch->tcp_urgent[row] = read_be16(tcp + 18);
    if (header >= 20 && header <= segment->cap) {
        mask_set(batch->has[HAS_OPTIONS], row);
        store_payload(network, segment, header, batch, row);
    }
    if (is_bad_sum(network, segment, segment->len))
        mask_set(batch->bad_checksum[CHECKSUM_TCP], row);
    return class_of_tcp(tcp[13]);
}

/* The checksum covers what the UDP length says; 0 is "none" over IPv4 (RFC 768) and an error
 * over IPv6 (RFC 8200 section 8.1). */
static bool is_bad_udp(const struct network *network, const struct segment *segment)
{
    uint32_t length = read_be16(segment->bytes + 4);
    if (length < 8 || length > segment->len || !segment->whole)
        return false;
    if (read_be16(segment->bytes + 6) == 0)
        return network->version == 6;
    return is_bad_sum(network, segment, length);
}

static uint8_t store_udp(const struct network *network, const struct segment *segment,
                         struct batch *batch, unsigned row)
{
    const uint8_t *udp = segment->bytes;
    if (segment->cap < 8)
        return CLASS_OTHER;
    mask_set(batch->has[HAS_UDP], row);
    store_ports(segment, batch, row);
    batch->udp_length[row] = read_be16(udp + 4);
    batch->udp_checksum[row] = read_be16(udp + 6);
    store_payload(network, segment, 8, batch, row);
    if (is_bad_udp(network, segment))
        mask_set(batch->bad_checksum[CHECKSUM_UDP], row);
    return class_of_udp(read_be16(udp), udp + 8, segment->cap - 8);
}

/* Both ICMPs begin with type, code, checksum and, for most types, two numbers. */
static void store_icmp(const struct network *network, const struct segment *segment,
                       struct batch *batch, unsigned row)
{
    const uint8_t *icmp = segment->bytes;
    batch->transport[row] = (uint16_t)network->transport;
    batch->icmp_type[row] = icmp[0];
    batch->icmp_code[row] = icmp[1];
    batch->icmp_ident[row] = read_be16(icmp + 4);
    batch->icmp_seq[row] = read_be16(icmp + 6);
    store_payload(network, segment, 8, batch, row);
}

static uint8_t store_icmp4(const struct network *network, const struct segment *segment,
                           struct batch *batch, unsigned row)
{
    const uint8_t *icmp = segment->bytes;
    if (segment->cap < 8)
        return CLASS_OTHER;
    mask_set(batch->has[HAS_ICMP], row);
    store_icmp(network, segment, batch, row);
    if (quote_is_in_icmp(icmp[0]))
        quote_store4(icmp + 8, segment->cap - 8, batch, row);
    if (segment->whole && !checksum_ok(icmp, segment->len, 0))
        mask_set(batch->bad_checksum[CHECKSUM_ICMP], row);
    return class_of_icmp(icmp[0]);
}

static uint8_t store_icmp6(const struct network *network, const struct segment *segment,
                           struct batch *batch, unsigned row)
{
    const uint8_t *icmp = segment->bytes;
    if (segment->cap < 8)
        return CLASS_OTHER;
    mask_set(batch->has[HAS_ICMP6], row);
    store_icmp(network, segment, batch, row);
    if (icmp[0] >= 1 && icmp[0] <= 4) /* RFC 4443 section 3 */
        quote_store6(icmp + 8, segment->cap - 8, batch, row);
    if (is_bad_sum(network, segment, segment->len))
        mask_set(batch->bad_checksum[CHECKSUM_ICMP6], row);
    return class_of_icmp6(icmp[0]);
}

static uint8_t store_sctp(const struct network *network, const struct segment *segment,
                          struct batch *batch, unsigned row)
{
    enum { INIT = 1, INIT_ACK = 2 };
    const uint8_t *sctp = segment->bytes;
    if (segment->cap < 16)
        return CLASS_OTHER;
    mask_set(batch->has[HAS_SCTP], row);
    store_ports(segment, batch, row);
    batch->sctp_verification_tag[row] = read_be32(sctp + 4);
    batch->sctp_chunk_type[row] = sctp[12];
    if ((sctp[12] == INIT || sctp[12] == INIT_ACK) && segment->cap >= 20) {
        mask_set(batch->has[HAS_SCTP_INIT], row);
        batch->sctp_initiate_tag[row] = read_be32(sctp + 16);
    }
    store_payload(network, segment, 12, batch, row);
    if (segment->whole && !checksum_sctp_ok(sctp, segment->len))
        mask_set(batch->bad_checksum[CHECKSUM_SCTP], row);
    return class_of_sctp(sctp[12]);
}

static uint8_t store(const struct network *network, struct batch *batch, unsigned row)
{
    if (network->transport == 0)
        return CLASS_OTHER;
    struct segment segment = {
        .bytes = network->ip + network->transport,
        .cap = network->cap - network->transport,
        .len = network->len - network->transport,
        .whole = network->cap == network->len && !network->fragment,
    };
    switch ((enum protocol)batch->protocol[row]) {
    case PROTOCOL_TCP:
        return store_tcp(network, &segment, batch, row);
    case PROTOCOL_UDP:
        return store_udp(network, &segment, batch, row);
    case PROTOCOL_ICMP:
        return store_icmp4(network, &segment, batch, row);
    case PROTOCOL_ICMP6:
        return store_icmp6(network, &segment, batch, row);
    case PROTOCOL_SCTP:
        return store_sctp(network, &segment, batch, row);
    case PROTOCOL_OTHER:
    case PROTOCOL_COUNT_:
        break;
    }
    return CLASS_OTHER;
}

void transport_store(const struct network *network, struct batch *batch, unsigned row)
{
    batch->class[row] = store(network, batch, row);
}
