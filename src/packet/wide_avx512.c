/* Sixteen frames at a time with AVX-512: packets are loaded up to 64 bytes of each, and
 * transposed to words of sixteen packets, which are tested and stored together. */
#include "packet/wide.h"

#include <assert.h>
#include <immintrin.h>
#include <string.h>

static_assert(WIDE_FRAMES == 16, "one lane a frame");

enum {
    ETHERNET_HEADER = 14,
    IPV4_HEADER = 20,
    TCP_HEADER = 20,
    PLAIN_MIN = IPV4_HEADER + 8,
    LOADED = 64, /* bytes of a packet that are looked at */
    WORDS = LOADED / 4,
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
};

/* What the frames say beside their bytes, a lane each. */
struct lanes {
    unsigned n;
    uint32_t caplen[WIDE_FRAMES], wirelen[WIDE_FRAMES]; /* from the IP header on */
    uint32_t late;
};

static inline bool may_be_plain(const struct frame *frame)
{
    const uint16_t ethertype_ipv4 = 0x0008; /* as it lies there */
    uint16_t ethertype;
    if ((frame->link ^ LINK_ETHERNET) | (frame->flags & FRAME_BAD_TIME) |
        (frame->caplen < ETHERNET_HEADER + PLAIN_MIN))
        return false;
    memcpy(&ethertype, frame->bytes + ETHERNET_HEADER - sizeof ethertype, sizeof ethertype);
    return ethertype == ethertype_ipv4;
}

/* Loads the first bytes of each packet, zeros where there are fewer, and writes the columns
 * that come from the frames; up to the first frame that is not plain for sure. */
static inline void load(const struct frame *frames, unsigned n, unsigned row,
                        struct batch *batch, __m512i ret_words[static WORDS],
                        struct lanes *ret_lanes)
{
    unsigned i = 0;
    ret_lanes->late = 0;
    for (; i < n && may_be_plain(&frames[i]); i++) {
        const struct frame *frame = &frames[i];
        const uint8_t *ip = frame->bytes + ETHERNET_HEADER;
        unsigned cap = frame->caplen - ETHERNET_HEADER;
        ret_lanes->caplen[i] = cap;
        ret_lanes->wirelen[i] = frame->wirelen - ETHERNET_HEADER;
        ret_lanes->late |= (uint32_t)(frame->flags & FRAME_LATE) << i;
        unsigned missing = cap < LOADED ? LOADED - cap : 0;
        ret_words[i] = _mm512_maskz_loadu_epi8(UINT64_MAX >> missing, ip);
        batch->ts_ns[row + i] = frame->ts_ns;
        batch->now_min[row + i] = frame->now_min;
        batch->ip[row + i] = ip;
    }
    ret_lanes->n = i;
    for (; i < WIDE_FRAMES; i++) {
        ret_words[i] = _mm512_setzero_si512();
        ret_lanes->caplen[i] = ret_lanes->wirelen[i] = 0;
    }
}

/* Word i of packet k becomes word k of vector i. */
static inline void transpose(__m512i words[static WORDS])
{
    __m512i a[WORDS];
    for (unsigned i = 0; i < WORDS; i += 2) {
        a[i] = _mm512_unpacklo_epi32(words[i], words[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(words[i], words[i + 1]);
    }
    for (unsigned i = 0; i < WORDS; i += 4) { /* 4 packets: words 0 4 8 12, 1 5 9 13, ... */
        words[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        words[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        words[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        words[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (unsigned i = 0; i < 4; i++) { /* 8 packets: words 0 8 and 4 12, ... */
        a[i] = _mm512_shuffle_i32x4(words[i], words[i + 4], 0x88);
        a[i + 4] = _mm512_shuffle_i32x4(words[i], words[i + 4], 0xdd);
        a[i + 8] = _mm512_shuffle_i32x4(words[i + 8], words[i + 12], 0x88);
        a[i + 12] = _mm512_shuffle_i32x4(words[i + 8], words[i + 12], 0xdd);
    }
    for (unsigned i = 0; i < 4; i++) {
        words[i] = _mm512_shuffle_i32x4(a[i], a[i + 8], 0x88);
        words[i + 8] = _mm512_shuffle_i32x4(a[i], a[i + 8], 0xdd);
        words[i + 4] = _mm512_shuffle_i32x4(a[i + 4], a[i + 12], 0x88);
        words[i + 12] = _mm512_shuffle_i32x4(a[i + 4], a[i + 12], 0xdd);
    }
}

static inline __m512i swap_bytes(__m512i words)
{
    const __m128i order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    return _mm512_shuffle_epi8(words, _mm512_broadcast_i32x4(order));
}

/* What lies behind the fixed header of TCP up to the end of the packet, as words->rest_sum. */
static inline __m512i sum_rest(const __m512i words[static WORDS], __m512i len)
{
    const __m512i all = _mm512_set1_epi32(-1);
    __m512i sum = _mm512_setzero_si512();
    for (int i = (IPV4_HEADER + TCP_HEADER) / 4; i < WORDS; i++) {
        /* of the word's 32 bits, as a number, the first `len - 4 i` bytes count */
        __m512i missing =
            _mm512_sub_epi32(_mm512_set1_epi32(32 + 32 * i), _mm512_slli_epi32(len, 3));
        missing = _mm512_max_epi32(missing, _mm512_setzero_si512());
        __m512i word = _mm512_and_si512(swap_bytes(words[i]), _mm512_sllv_epi32(all, missing));
        sum = _mm512_add_epi32(sum, _mm512_srli_epi32(word, 16));
        sum = _mm512_add_epi32(sum, _mm512_and_si512(word, _mm512_set1_epi32(0xffff)));
    }
    return sum;
}

/* The rows of the columns of words. */
static inline void store(const __m512i words[static WORDS], __mmask16 tcp, __mmask16 udp,
                         unsigned row, struct words *to, struct batch *batch)
{
    _mm512_storeu_si512(to->ip0 + row, words[0]);
    _mm512_storeu_si512(to->ip4 + row, words[1]);
    _mm512_storeu_si512(to->ip8 + row, words[2]);
    _mm512_storeu_si512(batch->src + row, words[3]);
    _mm512_storeu_si512(batch->dst + row, words[4]);
    _mm512_storeu_si512(to->ports + row, _mm512_maskz_mov_epi32(tcp | udp, words[5]));
    _mm512_storeu_si512(to->udp4 + row, _mm512_maskz_mov_epi32(udp, words[6]));
    _mm512_storeu_si512(batch->tcp_seq + row, _mm512_maskz_mov_epi32(tcp, words[6]));
    _mm512_storeu_si512(batch->tcp_ack + row, _mm512_maskz_mov_epi32(tcp, words[7]));
    _mm512_storeu_si512(to->tcp12 + row, _mm512_maskz_mov_epi32(tcp, words[8]));
    _mm512_storeu_si512(to->tcp16 + row, _mm512_maskz_mov_epi32(tcp, words[9]));
}

unsigned wide_avx512(const struct frame *frames, unsigned n, unsigned row, struct words *words,
                     struct batch *batch, struct wide *ret_wide)
{
    const __m512i version_4_header_20 = _mm512_set1_epi32(0x45);
    const __m512i fragment = _mm512_set1_epi32(0x3fff); /* "more fragments", and the offset */
    const __m512i byte = _mm512_set1_epi32(0xff);
    __m512i w[WORDS];
    struct lanes lanes;
    load(frames, n, row, batch, w, &lanes);
    if (lanes.n == 0)
        return 0;
    transpose(w);
    __m512i word0 = swap_bytes(w[0]), len = _mm512_and_si512(word0, _mm512_set1_epi32(0xffff));
    __m512i caplen = _mm512_loadu_si512(lanes.caplen), cap = _mm512_min_epu32(caplen, len);
    __m512i proto = _mm512_and_si512(_mm512_srli_epi32(w[2], 8), byte);
    __mmask16 tcp = _mm512_cmpeq_epi32_mask(proto, _mm512_set1_epi32(PROTO_TCP));
    __mmask16 udp = _mm512_cmpeq_epi32_mask(proto, _mm512_set1_epi32(PROTO_UDP));
    __mmask16 icmp = _mm512_cmpeq_epi32_mask(proto, _mm512_set1_epi32(PROTO_ICMP));
    /* in bytes: the upper half of the first byte is in words of 4 */
    __m512i header = _mm512_and_si512(_mm512_srli_epi32(w[8], 2), _mm512_set1_epi32(0xf << 2));
    __mmask16 header_there =
        _mm512_cmpge_epu32_mask(header, _mm512_set1_epi32(TCP_HEADER)) &
        _mm512_cmple_epu32_mask(_mm512_add_epi32(header, _mm512_set1_epi32(IPV4_HEADER)), cap);
    __mmask16 plain =
        _mm512_cmpeq_epi32_mask(_mm512_and_si512(w[0], byte), version_4_header_20) &
        _mm512_testn_epi32_mask(swap_bytes(w[1]), fragment) &
        _mm512_cmpge_epu32_mask(cap, _mm512_set1_epi32(PLAIN_MIN)) &
        ((tcp & header_there) | udp | icmp);
    unsigned taken = (unsigned)__builtin_ctz(~(unsigned)plain);
    taken = taken < lanes.n ? taken : lanes.n;
    __mmask16 whole = _mm512_cmpeq_epi32_mask(cap, len);
    __mmask16 small = _mm512_cmple_epu32_mask(len, _mm512_set1_epi32(LOADED));
    store(w, tcp, udp, row, words, batch);
    _mm512_storeu_si512(words->rest_sum + row,
                        _mm512_maskz_mov_epi32(tcp & whole & small, sum_rest(w, len)));
    _mm512_storeu_si512(batch->ip_caplen + row, cap);
    _mm_storeu_si128((__m128i_u *)(batch->protocol + row), _mm_set1_epi8(PROTOCOL_TCP));
    *ret_wide = (struct wide){
        .tcp = tcp,
        .udp = udp,
        .icmp = icmp,
        .long_tcp = (uint16_t)(tcp & whole & ~small),
        .cut = (uint16_t)(_mm512_cmplt_epu32_mask(caplen, _mm512_loadu_si512(lanes.wirelen)) |
                          ~whole),
        .late = (uint16_t)lanes.late,
    };
    return taken;
}
