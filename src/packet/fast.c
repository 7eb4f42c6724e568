/* Plain packets, nearly all that a telescope sees: Ethernet without tags or raw IP, IPv4 whole
 * and without options, a TCP, UDP or ICMP header all captured, no tunnel, a dark destination.
 *
 * Headers are read once, as big-endian words; columns are shifts of these words and checksums
 * are their sum. Whether a packet is plain is settled before the first column is written, and
 * the row is then the one that the general way writes. */
#include "packet/fast.h"

#include <endian.h>

#include "packet/class.h"
#include "packet/cursor.h"
#include "packet/quote.h"

enum {
    ETHERNET_HEADER = 14,
    ETHERTYPE_IPV4 = 0x0800,
    IPV4_HEADER = 20,
    TCP_HEADER = 20,
    UDP_HEADER = 8,
    ICMP_HEADER = 8,
    PLAIN_MIN = IPV4_HEADER + UDP_HEADER,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
};

/* A packet on its way to a row. Words hold the IPv4 header's bytes from the number on. */
struct plain {
    const uint8_t *ip;
    uint32_t cap; /* captured, at most to the IP length */
    uint32_t len; /* by the IP length */
    uint64_t word0;
    uint32_t word8;
    uint64_t word12; /* both addresses */
};

static inline uint8_t plain_proto(const struct plain *plain)
{
    return (uint8_t)(plain->word8 >> 16);
}

static inline uint32_t plain_src(const struct plain *plain)
{
    return (uint32_t)(plain->word12 >> 32);
}

static inline uint32_t plain_dst(const struct plain *plain)
{
    return (uint32_t)plain->word12;
}

/* Ones' complement sums of 64-bit words: a carry comes in again below. */
static inline uint64_t sum_add(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

/* RFC 1071: is the sum of 16-bit words all ones? Wider words have the same sum, for 2^16 is 1
 * modulo 2^16 - 1; as a number it is a multiple of this, and not 0. */
static inline bool is_sound(uint64_t sum)
{
    return sum % 0xffff == 0 && sum != 0;
}

static inline uint64_t read_native64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Adds the bytes from `at`, a multiple of 8, to n >= 8. Whole words are summed in the order of
 * the host, and their sum is swapped once (RFC 1071 section 2(B)). */
static inline uint64_t sum_rest(uint64_t sum, const uint8_t *bytes, uint32_t at, uint32_t n)
{
    uint64_t native = 0;
    for (; at + 16 <= n; at += 16)
        native =
            sum_add(sum_add(native, read_native64(bytes + at)), read_native64(bytes + at + 8));
    if (at + 8 <= n) {
        native = sum_add(native, read_native64(bytes + at));
        at += 8;
    }
    if (at < n) /* the last word again, without what was in the sum already */
        sum = sum_add(sum, read_be64(bytes + n - 8) << (64 - 8 * (n - at)));
    return sum_add(sum, be64toh(native));
}

/* The pseudo-header (RFC 9293 section 3.1). */
static inline uint64_t sum_pseudo(const struct plain *plain, uint32_t length)
{
    return sum_add(plain->word12, plain_proto(plain) + length);
}

static inline bool open_link(const struct frame *frame, uint32_t *ret_offset)
{
    if (__builtin_expect(frame->link == LINK_ETHERNET, 1)) {
        *ret_offset = ETHERNET_HEADER;
        return frame->caplen >= ETHERNET_HEADER + PLAIN_MIN &&
               read_be16(frame->bytes + 12) == ETHERTYPE_IPV4;
    }
    *ret_offset = 0;
    return frame->link == LINK_RAW && frame->caplen >= PLAIN_MIN;
}

static inline bool has_header(const struct decode_config *config, const struct plain *plain)
{
    if (__builtin_expect(plain_proto(plain) == PROTO_TCP, 1)) {
        if (plain->cap < IPV4_HEADER + TCP_HEADER)
            return false;
        uint32_t header = (plain->ip[IPV4_HEADER + 12] >> 4) * 4U;
        return header >= TCP_HEADER && IPV4_HEADER + header <= plain->cap;
    }
    if (plain_proto(plain) == PROTO_UDP)
        return !(config->tunnels & TUNNEL_VXLAN);
    return plain_proto(plain) == PROTO_ICMP;
}

static inline bool open_plain(const struct decode_config *config, const struct frame *frame,
                              struct plain *ret_plain)
{
    /* version 4, header length 5; "more fragments" and the fragment offset */
    const uint64_t shape_mask = 0xff00000000003fff, shape = 0x4500000000000000;
    uint32_t offset;
    if (frame->flags & FRAME_BAD_TIME || !open_link(frame, &offset))
        return false;
    const uint8_t *ip = frame->bytes + offset;
    uint32_t cap = frame->caplen - offset;
    ret_plain->ip = ip;
    ret_plain->word0 = read_be64(ip);
    ret_plain->word8 = read_be32(ip + 8);
    ret_plain->word12 = read_be64(ip + 12);
    ret_plain->len = (uint16_t)(ret_plain->word0 >> 32);
    ret_plain->cap = cap < ret_plain->len ? cap : ret_plain->len;
    if ((ret_plain->word0 & shape_mask) != shape || ret_plain->cap < PLAIN_MIN ||
        !has_header(config, ret_plain))
        return false;
    return !config->dark || prefix_set_has4(config->dark, plain_dst(ret_plain));
}

static inline void store_payload(const struct plain *plain, uint32_t offset,
                                 struct batch *batch, unsigned row)
{
    mask_set(batch->has[HAS_PAYLOAD], row);
    batch->transport[row] = IPV4_HEADER;
    batch->payload[row] = (uint16_t)offset;
    batch->payload_len[row] = (uint16_t)(plain->len - offset);
    batch->payload_caplen[row] = (uint16_t)(plain->cap - offset);
}

static inline void store_tcp(const struct plain *plain, struct batch *batch, unsigned row)
{
    const uint8_t *tcp = plain->ip + IPV4_HEADER;
    uint64_t word0 = read_be64(tcp), word8 = read_be64(tcp + 8);
    uint16_t urgent = read_be16(tcp + 18);
    uint32_t header = (uint32_t)(word8 >> 28 & 15) * 4, length = plain->len - IPV4_HEADER;
    mask_set(batch->has[HAS_TCP], row);
    mask_set(batch->has[HAS_OPTIONS], row);
    batch->protocol[row] = PROTOCOL_TCP;
    batch->class[row] = class_of_tcp((uint8_t)(word8 >> 16));
    batch->srcport[row] = (uint16_t)(word0 >> 48);
    batch->dstport[row] = (uint16_t)(word0 >> 32);
    batch->tcp_seq[row] = (uint32_t)word0;
    batch->tcp_ack[row] = (uint32_t)(word8 >> 32);
    batch->tcp_hdr_len[row] = (uint8_t)header;
    batch->tcp_reserved[row] = word8 >> 24 & 15;
    batch->tcp_flags[row] = (uint8_t)(word8 >> 16);
    batch->tcp_window[row] = (uint16_t)word8;
    batch->tcp_urgent[row] = urgent;
    store_payload(plain, IPV4_HEADER + header, batch, row);
    if (plain->cap == plain->len &&
        !is_sound(sum_rest(sum_add(sum_add(sum_pseudo(plain, length), word0), word8), tcp, 16,
                           length)))
        mask_set(batch->bad_checksum[CHECKSUM_TCP], row);
}

/* RFC 768: the checksum covers the UDP length, and 0 is none. */
static inline bool is_bad_udp(const struct plain *plain, const uint8_t *udp, uint64_t word0)
{
    uint32_t length = (uint16_t)(word0 >> 16);
    if (plain->cap != plain->len || length < UDP_HEADER || length > plain->len - IPV4_HEADER ||
        (uint16_t)word0 == 0)
        return false;
    return !is_sound(sum_rest(sum_add(sum_pseudo(plain, length), word0), udp, 8, length));
}

static inline void store_udp(const struct plain *plain, struct batch *batch, unsigned row)
{
    const uint8_t *udp = plain->ip + IPV4_HEADER;
    uint64_t word0 = read_be64(udp);
    if (is_bad_udp(plain, udp, word0))
        mask_set(batch->bad_checksum[CHECKSUM_UDP], row);
    mask_set(batch->has[HAS_UDP], row);
    batch->protocol[row] = PROTOCOL_UDP;
    batch->class[row] =
        class_of_udp((uint16_t)(word0 >> 48), udp + UDP_HEADER, plain->cap - PLAIN_MIN);
    batch->srcport[row] = (uint16_t)(word0 >> 48);
    batch->dstport[row] = (uint16_t)(word0 >> 32);
    batch->udp_length[row] = (uint16_t)(word0 >> 16);
    batch->udp_checksum[row] = (uint16_t)word0;
    store_payload(plain, IPV4_HEADER + UDP_HEADER, batch, row);
}

static inline void store_icmp(const struct plain *plain, struct batch *batch, unsigned row)
{
    const uint8_t *icmp = plain->ip + IPV4_HEADER;
    uint64_t word0 = read_be64(icmp);
    uint8_t type = (uint8_t)(word0 >> 56);
    if (plain->cap == plain->len &&
        !is_sound(sum_rest(word0, icmp, 8, plain->len - IPV4_HEADER)))
        mask_set(batch->bad_checksum[CHECKSUM_ICMP], row);
    mask_set(batch->has[HAS_ICMP], row);
    batch->protocol[row] = PROTOCOL_ICMP;
    batch->class[row] = class_of_icmp(type);
    batch->icmp_type[row] = type;
    batch->icmp_code[row] = (uint8_t)(word0 >> 48);
    batch->icmp_ident[row] = (uint16_t)(word0 >> 16);
    batch->icmp_seq[row] = (uint16_t)word0;
    store_payload(plain, IPV4_HEADER + ICMP_HEADER, batch, row);
    if (quote_is_in_icmp(type))
        quote_store4(icmp + ICMP_HEADER, plain->cap - PLAIN_MIN, batch, row);
}

static inline void store_ip(const struct plain *plain, struct batch *batch, unsigned row)
{
    mask_set(batch->has[HAS_IP], row);
    if (!is_sound(sum_add(sum_add(plain->word0, plain->word8), plain->word12)))
        mask_set(batch->bad_checksum[CHECKSUM_IP], row);
    batch->ip[row] = plain->ip;
    batch->ip_caplen[row] = plain->cap;
    batch->src[row] = plain_src(plain);
    batch->dst[row] = plain_dst(plain);
    batch->ip_len[row] = plain->len;
    batch->ip_id[row] = (uint16_t)(plain->word0 >> 16);
    batch->ip_frag[row] = (uint16_t)plain->word0;
    batch->ip_ttl[row] = (uint8_t)(plain->word8 >> 24);
    batch->ip_tos[row] = (uint8_t)(plain->word0 >> 48);
    batch->ip_hdr_len[row] = IPV4_HEADER;
    batch->ip_proto[row] = plain_proto(plain);
}

static inline void store_frame(const struct decode_config *config, const struct frame *frame,
                               const struct plain *plain, struct batch *batch, unsigned row)
{
    batch->ts_ns[row] = frame->ts_ns;
    batch->now_min[row] = frame->now_min;
    if (frame->caplen < frame->wirelen || plain->cap < plain->len)
        mask_set(batch->has[HAS_CUT], row);
    if (frame->flags & FRAME_LATE)
        mask_set(batch->has[HAS_LATE], row);
    if (config->dark && prefix_set_has4(config->dark, plain_src(plain)))
        mask_set(batch->has[HAS_FROM_DARK], row);
}

unsigned fast_decode(const struct decode_config *config, const struct frame *frames, unsigned n,
                     struct batch *batch)
{
    unsigned done = 0, row = batch->n;
    for (; done < n; done++, row++) {
        struct plain plain;
        if (!open_plain(config, &frames[done], &plain))
            break;
        store_frame(config, &frames[done], &plain, batch, row);
        store_ip(&plain, batch, row);
        if (__builtin_expect(plain_proto(&plain) == PROTO_TCP, 1))
            store_tcp(&plain, batch, row);
        else if (plain_proto(&plain) == PROTO_UDP)
            store_udp(&plain, batch, row);
        else
            store_icmp(&plain, batch, row);
    }
    batch->n = row;
    return done;
}
