/* Frames written as hexadecimal text, decoded alone and told as one line of text, so that
 * tables of frames and their known answers read side by side. Bytes live in an allocation of
 * exactly their number: the address sanitizer sees a read past the capture. */
#pragma once

#include "harness.h"

#include <ctype.h>
#include <nightscope/decode.h>
#include <stdarg.h>
#include <string.h>

static inline unsigned hex_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

/* The bytes of text such as "45 00 0028"; the caller frees them. */
static inline uint8_t *hex_bytes(const char *text, uint32_t *ret_n)
{
    uint8_t *bytes = malloc(strlen(text) / 2 + 1);
    uint32_t n = 0, digits = 0;
    ck_assert_ptr_nonnull(bytes);
    for (; *text; text++) {
        if (isspace((unsigned char)*text))
            continue;
        ck_assert_msg(isxdigit((unsigned char)*text), "not hexadecimal: %s", text);
        unsigned digit = hex_digit(*text);
        if (digits++ % 2 == 0)
            bytes[n] = (uint8_t)(digit << 4);
        else
            bytes[n++] |= (uint8_t)digit;
    }
    ck_assert_msg(digits % 2 == 0, "half a byte");
    *ret_n = n;
    return bytes;
}

/* A copy of n bytes in an allocation of exactly n. */
static inline uint8_t *exact_copy(const uint8_t *bytes, uint32_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n);
    return n ? copy : copy + 1; /* nothing to be read at all */
}

static inline void exact_free(uint8_t *copy, uint32_t n)
{
    free(n ? copy : copy - 1);
}

struct text {
    char buf[1024];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static inline void say(struct text *text,
                                                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->buf + text->used, sizeof text->buf - text->used, format, args);
    va_end(args);
    ck_assert_int_ge(n, 0);
    text->used += (size_t)n;
    ck_assert_uint_lt(text->used, sizeof text->buf);
}

static inline struct address batch_address(const struct batch *batch, unsigned row, bool dst)
{
    struct address address = {.is6 = mask_test(batch->has[HAS_IPV6], row)};
    address.v4 = dst ? batch->dst[row] : batch->src[row];
    address.v6 = dst ? batch->dst6[row] : batch->src6[row];
    return address;
}

static inline void say_network(struct text *text, const struct batch *b, unsigned i)
{
    char src_text[ADDRESS_TEXT_CAP], dst_text[ADDRESS_TEXT_CAP];
    struct address src = batch_address(b, i, false), dst = batch_address(b, i, true);
    say(text, "%s > %s proto %u len %u/%u tos %u ttl %u hdr %u", address_format(&src, src_text),
        address_format(&dst, dst_text), b->ip_proto[i], b->ip_caplen[i], b->ip_len[i],
        b->ip_tos[i], b->ip_ttl[i], b->ip_hdr_len[i]);
    if (src.is6)
        say(text, " flow %x", b->ipv6_flow[i]);
    else
        say(text, " id %x frag %x", b->ip_id[i], b->ip_frag[i]);
}

static inline void say_transport(struct text *text, const struct batch *b, unsigned i)
{
    bool tcp = mask_test(b->has[HAS_TCP], i), udp = mask_test(b->has[HAS_UDP], i);
    bool sctp = mask_test(b->has[HAS_SCTP], i);
    bool icmp = mask_test(b->has[HAS_ICMP], i) || mask_test(b->has[HAS_ICMP6], i);
    if (tcp || udp || sctp)
        say(text, " | %u > %u at %u", b->srcport[i], b->dstport[i], b->transport[i]);
    if (tcp)
        say(text, " seq %x ack %x flags %02x win %u urg %u res %u hdr %u%s", b->tcp_seq[i],
            b->tcp_ack[i], b->tcp_flags[i], b->tcp_window[i], b->tcp_urgent[i],
            b->tcp_reserved[i], b->tcp_hdr_len[i],
            mask_test(b->has[HAS_OPTIONS], i) ? " options" : "");
    if (udp)
        say(text, " length %u sum %x", b->udp_length[i], b->udp_checksum[i]);
    if (sctp)
        say(text, " tag %x chunk %u", b->sctp_verification_tag[i], b->sctp_chunk_type[i]);
    if (mask_test(b->has[HAS_SCTP_INIT], i))
        say(text, " init %x", b->sctp_initiate_tag[i]);
    if (icmp)
        say(text, " | type %u code %u at %u id %x seq %x", b->icmp_type[i], b->icmp_code[i],
            b->transport[i], b->icmp_ident[i], b->icmp_seq[i]);
    if (mask_test(b->has[HAS_INNER], i))
        say(text, " inner v%u proto %u %x > %x", b->inner_version[i], b->inner_proto[i],
            b->inner_src[i], b->inner_dst[i]);
    if (mask_test(b->has[HAS_INNER_PORTS], i))
        say(text, " ports %u > %u", b->inner_srcport[i], b->inner_dstport[i]);
    if (mask_test(b->has[HAS_PAYLOAD], i))
        say(text, " payload %u/%u at %u", b->payload_caplen[i], b->payload_len[i],
            b->payload[i]);
}

/* What became of a batch of one frame. */
static inline void tell(struct text *text, const struct batch *batch)
{
#define X(id, name, words) #name,
    static const char *const reasons[] = {"none", REASONS(X)};
#undef X
#define X(id, name) #name,
    static const char *const protocols[] = {PROTOCOLS(X)};
    static const char *const classes[] = {CLASSES(X)};
    static const char *const checksums[] = {CHECKSUMS(X)};
#undef X
    static const struct {
        enum has has;
        const char *name;
    } marks[] = {{HAS_FRAGMENT, "fragment"},
                 {HAS_CUT, "cut"},
                 {HAS_LATE, "late"},
                 {HAS_FROM_DARK, "from-dark"},
                 {HAS_DECAPSULATED, "decapsulated"}};
    *text = (struct text){0};
    ck_assert_uint_eq(batch->n + batch->refused_n, 1);
    if (batch->refused_n) {
        say(text, "refused %s", reasons[batch->refused[0].reason]);
        return;
    }
    say(text, "%s %s ", protocols[batch->protocol[0]], classes[batch->class[0]]);
    say_network(text, batch, 0);
    say_transport(text, batch, 0);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (mask_test(batch->has[marks[i].has], 0))
            say(text, " %s", marks[i].name);
    for (unsigned i = 0; i < CHECKSUM_COUNT_; i++)
        if (mask_test(batch->bad_checksum[i], 0))
            say(text, " bad-%s", checksums[i]);
}

/* Decodes the first caplen bytes of text (0: all), of wirelen on the wire (0: as many as in
 * text), and tells what became of them. */
static inline void tell_frame(struct text *text, const struct decode_config *config,
                              enum link link, const char *hex, uint32_t caplen,
                              uint32_t wirelen)
{
    static struct batch batch;
    uint32_t n;
    uint8_t *bytes = hex_bytes(hex, &n);
    uint32_t used = caplen ? caplen : n;
    ck_assert_uint_le(used, n);
    uint8_t *exact = exact_copy(bytes, used);
    struct frame frame = {.bytes = exact,
                          .caplen = used,
                          .wirelen = wirelen ? wirelen : n,
                          .link = (uint8_t)link};
    memset(&batch, 0xa5, sizeof batch); /* what is not written shows */
    decode_batch(config, &frame, 1, &batch);
    tell(text, &batch);
    exact_free(exact, used);
    free(bytes);
}

/* One packet: a Mirai-like SYN of 40 bytes, used wherever only the way to it matters. */
#define SYN4                                                                                   \
    "45 00 00 28 12 34 00 00 40 06 7c 65 c0 00 02 01 c6 33 64 02"                              \
    "9c 40 00 17 c6 33 64 02 00 00 00 00 50 02 39 08 c4 15 00 00"
#define SYN4_TOLD                                                                              \
    "tcp scan 192.0.2.1 > 198.51.100.2 proto 6 len 40/40 tos 0 ttl 64 hdr 20 id 1234 frag 0"   \
    " | 40000 > 23 at 20 seq c6336402 ack 0 flags 02 win 14600 urg 0 res 0 hdr 20 options"     \
    " payload 0/0 at 40"
/* The same over IPv6. */
#define SYN6                                                                                   \
    "60 a1 23 45 00 14 06 39 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"                  \
    "20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 02"                                          \
    "9c 40 00 17 c6 33 64 02 00 00 00 00 50 02 39 08 54 d7 00 00"
#define SYN6_TOLD                                                                              \
    "tcp scan 2001:db8::1 > 2001:db8:1::2 proto 6 len 60/60 tos 10 ttl 57 hdr 40 flow 12345"   \
    " | 40000 > 23 at 40 seq c6336402 ack 0 flags 02 win 14600 urg 0 res 0 hdr 20 options"     \
    " payload 0/0 at 60"
#define MACS "02 00 00 00 00 02 02 00 00 00 00 01"
