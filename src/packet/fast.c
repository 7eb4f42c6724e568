/* Plain packets, nearly all that a telescope sees: Ethernet without tags or raw IP, IPv4 whole
 * and without options, a TCP, UDP or ICMP header all captured, no tunnel, a dark destination.
 *
 * Whether a packet is plain is settled before its row is begun. Its words then go to where
 * columns.h splits them, many packets at a time, and the row is in the end the one that the
 * general way writes. */
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

/* A packet on its way to a row. */
struct plain {
    const uint8_t *ip;
    uint32_t cap; /* captured, at most to the IP length */
    uint32_t len; /* by the IP length */
    uint8_t proto;
};

/* As it lies there. */
static inline uint32_t load32(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
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
    return sum_add(read_be64(plain->ip + 12), plain->proto + length);
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
    if (__builtin_expect(plain->proto == PROTO_TCP, 1)) {
        if (plain->cap < IPV4_HEADER + TCP_HEADER)
            return false;
        uint32_t header = (plain->ip[IPV4_HEADER + 12] >> 4) * 4U;
        return header >= TCP_HEADER && IPV4_HEADER + header <= plain->cap;
    }
    if (plain->proto == PROTO_UDP)
        return !(config->tunnels & TUNNEL_VXLAN);
    return plain->proto == PROTO_ICMP;
}

static inline bool open_plain(const struct decode_config *config, const struct frame *frame,
                              struct plain *ret_plain)
{
    const uint8_t version_4_header_20 = 0x45;
    const uint16_t fragment = 0x3fff; /* "more fragments", and the offset */
    uint32_t offset;
    if (frame->flags & FRAME_BAD_TIME || !open_link(frame, &offset))
        return false;
    const uint8_t *ip = frame->bytes + offset;
    uint32_t cap = frame->caplen - offset;
    ret_plain->ip = ip;
    ret_plain->len = read_be16(ip + 2);
    ret_plain->cap = cap < ret_plain->len ? cap : ret_plain->len;
    ret_plain->proto = ip[9];
    if (ip[0] != version_4_header_20 || read_be16(ip + 6) & fragment ||
        ret_plain->cap < PLAIN_MIN || !has_header(config, ret_plain))
        return false;
    return !config->dark || prefix_set_has4(config->dark, read_be32(ip + 16));
}

/* What lies behind the fixed header of TCP, as words->rest_sum. Mostly that is none or some
 * options: of the 24 bytes that the packet ends in, those behind the header. No branch depends
 * on how many there are, for that is not to be guessed. */
static inline uint32_t sum_options(const struct plain *plain)
{
    enum { TAIL = 24, BYTE = BYTE_ORDER == LITTLE_ENDIAN ? 256 : 1 };
#define ONES 255, 255, 255, 255, 255, 255, 255, 255
    static const uint8_t KEEP[2 * TAIL] = {[TAIL] = ONES, ONES, ONES};
#undef ONES
    uint32_t n = plain->len - IPV4_HEADER - TCP_HEADER;
    if (n > TAIL || n % 2)
        return (uint32_t)(sum_rest(0, plain->ip + IPV4_HEADER, TCP_HEADER,
                                   plain->len - IPV4_HEADER) %
                          0xffff);
    const uint8_t *tail = plain->ip + plain->len - TAIL, *keep = KEEP + n;
    uint64_t sum = read_native64(tail) & read_native64(keep);
    sum = sum_add(sum, read_native64(tail + 8) & read_native64(keep + 8));
    sum = sum_add(sum, read_native64(tail + 16) & read_native64(keep + 16));
    sum = (sum >> 32) + (uint32_t)sum;
    /* a byte to the left modulo 2^16 - 1 swaps the bytes of the 16-bit sum */
    return (uint32_t)((sum >> 16) + (sum & 0xffff)) * BYTE;
}

static inline void take_tcp(const struct plain *plain, struct words *words, struct batch *batch,
                            unsigned row)
{
    const uint8_t *tcp = plain->ip + IPV4_HEADER;
    mask_set(batch->has[HAS_TCP], row);
    batch->protocol[row] = PROTOCOL_TCP;
    batch->tcp_seq[row] = load32(tcp + 4);
    batch->tcp_ack[row] = load32(tcp + 8);
    words->ports[row] = load32(tcp);
    words->tcp12[row] = load32(tcp + 12);
    words->tcp16[row] = load32(tcp + 16);
    words->udp4[row] = 0;
    words->rest_sum[row] = plain->cap == plain->len ? sum_options(plain) : 0;
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

static inline void take_udp(const struct plain *plain, struct words *words, struct batch *batch,
                            unsigned row)
{
    const uint8_t *udp = plain->ip + IPV4_HEADER;
    uint64_t word0 = read_be64(udp);
    if (is_bad_udp(plain, udp, word0))
        mask_set(batch->bad_checksum[CHECKSUM_UDP], row);
    mask_set(batch->has[HAS_UDP], row);
    batch->protocol[row] = PROTOCOL_UDP;
    batch->class[row] =
        class_of_udp((uint16_t)(word0 >> 48), udp + UDP_HEADER, plain->cap - PLAIN_MIN);
    words->ports[row] = load32(udp);
    words->udp4[row] = load32(udp + 4);
}

static inline void take_icmp(const struct plain *plain, struct words *words,
                             struct batch *batch, unsigned row)
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
    words->ports[row] = 0;
    words->udp4[row] = 0;
    if (quote_is_in_icmp(type))
        quote_store4(icmp + ICMP_HEADER, plain->cap - PLAIN_MIN, batch, row);
}

static inline void clear_tcp(struct words *words, struct batch *batch, unsigned row)
{
    batch->tcp_seq[row] = 0;
    batch->tcp_ack[row] = 0;
    words->tcp12[row] = 0;
    words->tcp16[row] = 0;
    words->rest_sum[row] = 0;
}

static inline void take_ip(const struct plain *plain, struct words *words, struct batch *batch,
                           unsigned row)
{
    mask_set(batch->has[HAS_IP], row);
    batch->ip[row] = plain->ip;
    batch->ip_caplen[row] = plain->cap;
    words->ip0[row] = load32(plain->ip);
    words->ip4[row] = load32(plain->ip + 4);
    words->ip8[row] = load32(plain->ip + 8);
    batch->src[row] = load32(plain->ip + 12);
    batch->dst[row] = load32(plain->ip + 16);
}

static inline void take_frame(const struct decode_config *config, const struct frame *frame,
                              const struct plain *plain, struct batch *batch, unsigned row)
{
    batch->ts_ns[row] = frame->ts_ns;
    batch->now_min[row] = frame->now_min;
    if (frame->caplen < frame->wirelen || plain->cap < plain->len)
        mask_set(batch->has[HAS_CUT], row);
    if (frame->flags & FRAME_LATE)
        mask_set(batch->has[HAS_LATE], row);
    if (config->dark && prefix_set_has4(config->dark, read_be32(plain->ip + 12)))
        mask_set(batch->has[HAS_FROM_DARK], row);
}

static inline void take_plain(const struct decode_config *config, const struct frame *frame,
                              const struct plain *plain, struct words *words,
                              struct batch *batch, unsigned row)
{
    take_frame(config, frame, plain, batch, row);
    take_ip(plain, words, batch, row);
    if (__builtin_expect(plain->proto == PROTO_TCP, 1)) {
        take_tcp(plain, words, batch, row);
        return;
    }
    clear_tcp(words, batch, row);
    if (plain->proto == PROTO_UDP)
        take_udp(plain, words, batch, row);
    else
        take_icmp(plain, words, batch, row);
}

/* Sets bits of rows `row` and on. */
static inline void mask_set_bits(uint64_t mask[static BATCH_WORDS], unsigned row, uint16_t bits)
{
    unsigned at = row % 64;
    mask[row / 64] |= (uint64_t)bits << at;
    if (at > 64 - WIDE_FRAMES)
        mask[row / 64 + 1] |= (uint64_t)bits >> (64 - at);
}

/* Of n rows that were taken together: those from the dark space. Returns how many there are
 * before the first that is sent elsewhere. */
static unsigned look_dark(const struct decode_config *config, const struct batch *batch,
                          unsigned row, unsigned n, uint16_t *ret_from_dark)
{
    *ret_from_dark = 0;
    if (!config->dark)
        return n;
    for (unsigned i = 0; i < n; i++) {
        if (!prefix_set_has4(config->dark, be32toh(batch->dst[row + i])))
            return i;
        *ret_from_dark |=
            (uint16_t)(prefix_set_has4(config->dark, be32toh(batch->src[row + i])) << i);
    }
    return n;
}

/* What is not done for many at a time: of UDP, ICMP and long segments of TCP. */
static void take_rest(unsigned bits, struct words *words, struct batch *batch, unsigned row)
{
    for (; bits; bits &= bits - 1) {
        unsigned i = row + (unsigned)__builtin_ctz(bits);
        struct plain plain = {
            .ip = batch->ip[i],
            .cap = batch->ip_caplen[i],
            .len = read_be16(batch->ip[i] + 2),
            .proto = batch->ip[i][9],
        };
        if (plain.proto == PROTO_TCP)
            words->rest_sum[i] = sum_options(&plain);
        else if (plain.proto == PROTO_UDP)
            take_udp(&plain, words, batch, i);
        else
            take_icmp(&plain, words, batch, i);
    }
}

/* Up to n frames together; returns how many. */
static unsigned take_wide(wide_function *function, const struct decode_config *config,
                          const struct frame *frames, unsigned n, struct words *words,
                          struct batch *batch, unsigned row)
{
    struct wide wide;
    uint16_t from_dark;
    unsigned taken =
        function(frames, n < WIDE_FRAMES ? n : WIDE_FRAMES, row, words, batch, &wide);
    if (taken == 0)
        return 0;
    if (wide.udp && config->tunnels & TUNNEL_VXLAN) {
        unsigned tcp = (unsigned)__builtin_ctz(wide.udp);
        taken = tcp < taken ? tcp : taken;
    }
    taken = look_dark(config, batch, row, taken, &from_dark);
    uint16_t rows = (uint16_t)((1U << taken) - 1);
    mask_set_bits(batch->has[HAS_IP], row, rows);
    mask_set_bits(batch->has[HAS_TCP], row, wide.tcp & rows);
    mask_set_bits(batch->has[HAS_CUT], row, wide.cut & rows);
    mask_set_bits(batch->has[HAS_LATE], row, wide.late & rows);
    mask_set_bits(batch->has[HAS_FROM_DARK], row, from_dark & rows);
    take_rest((wide.long_tcp | wide.udp | wide.icmp) & rows, words, batch, row);
    return taken;
}

unsigned fast_take(const struct decode_config *config, wide_function *function,
                   const struct frame *frames, unsigned n, struct words *words,
                   struct batch *batch)
{
    unsigned done = 0, first = batch->n;
    while (done < n) {
        unsigned row = first + done, taken = 0;
        struct plain plain;
        if (function && row + WIDE_FRAMES <= BATCH_CAP)
            taken = take_wide(function, config, frames + done, n - done, words, batch, row);
        done += taken;
        if (taken)
            continue;
        if (!open_plain(config, &frames[done], &plain))
            break;
        take_plain(config, &frames[done], &plain, words, batch, row);
        done++;
    }
    batch->n = first + done;
    return done;
}

void fast_pass(struct words *words, struct batch *batch, unsigned row)
{
    clear_tcp(words, batch, row);
    words->ip0[row] = words->ip4[row] = words->ip8[row] = 0;
    words->ports[row] = words->udp4[row] = 0;
    batch->src[row] = batch->dst[row] = 0;
    batch->protocol[row] = PROTOCOL_OTHER;
}

void fast_finish(const struct words *words, struct batch *batch)
{
    for (unsigned i = 0; i < BATCH_WORDS; i++) {
        batch->has[HAS_OPTIONS][i] = batch->has[HAS_TCP][i];
        batch->has[HAS_PAYLOAD][i] = batch->has[HAS_IP][i];
    }
    columns_split(words, batch->n, batch);
}
