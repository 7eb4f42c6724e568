/* The loops over columns, compiled once for each instruction set: KERNELS names the table.
 *
 * GCC's vector types do the arithmetic; only comparing two vectors to bits is written out for
 * each set. On other machines that is a loop over the lanes.
 *
 * Masks are stored as one vector: whoever loads one soon after as a vector would have to wait
 * for four stores of words to reach the cache. */
#include "kernels.h"

#include <assert.h>
#include <string.h>

#if defined(__AVX512BW__) && defined(__AVX512DQ__)
#define ISA   "avx512"
#define WIDTH 64
#elif defined(__AVX2__)
#define ISA   "avx2"
#define WIDTH 32
#else
#define ISA   "baseline"
#define WIDTH 16
#endif

typedef uint8_t vec8 __attribute__((vector_size(WIDTH)));
typedef uint16_t vec16 __attribute__((vector_size(WIDTH)));
typedef uint32_t vec32 __attribute__((vector_size(WIDTH)));
typedef uint64_t vec64 __attribute__((vector_size(WIDTH)));

/* eq8(v, w) and so on: the lanes where v == w; v <= w; v < w. */
#if defined(__AVX512BW__) && defined(__AVX512DQ__)
#define COMPARES(n)                                                                            \
    static inline uint64_t eq##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return _mm512_cmpeq_epu##n##_mask((__m512i)v, (__m512i)w);                             \
    }                                                                                          \
    static inline uint64_t le##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return _mm512_cmple_epu##n##_mask((__m512i)v, (__m512i)w);                             \
    }                                                                                          \
    static inline uint64_t lt##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return _mm512_cmplt_epu##n##_mask((__m512i)v, (__m512i)w);                             \
    }
#else
/* One bit a lane: its top bit. */
#if defined(__AVX2__)
static inline uint64_t bits8(vec8 v)
{
    return (uint32_t)_mm256_movemask_epi8((__m256i)v);
}
static inline uint64_t bits16(vec16 v)
{
    __m128i packed = _mm_packs_epi16(_mm256_castsi256_si128((__m256i)v),
                                     _mm256_extracti128_si256((__m256i)v, 1));
    return (uint32_t)_mm_movemask_epi8(packed);
}
static inline uint64_t bits32(vec32 v)
{
    return (uint32_t)_mm256_movemask_ps((__m256)v);
}
static inline uint64_t bits64(vec64 v)
{
    return (uint32_t)_mm256_movemask_pd((__m256d)v);
}
#elif defined(__SSE2__)
static inline uint64_t bits8(vec8 v)
{
    return (uint32_t)_mm_movemask_epi8((__m128i)v);
}
static inline uint64_t bits16(vec16 v)
{
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16((__m128i)v, _mm_setzero_si128()));
}
static inline uint64_t bits32(vec32 v)
{
    return (uint32_t)_mm_movemask_ps((__m128)v);
}
static inline uint64_t bits64(vec64 v)
{
    return (uint32_t)_mm_movemask_pd((__m128d)v);
}
#else
#define LANES(n)                                                                               \
    static inline uint64_t bits##n(vec##n v)                                                   \
    {                                                                                          \
        uint64_t bits = 0;                                                                     \
        for (unsigned i = 0; i < WIDTH * 8 / n; i++)                                           \
            bits |= (uint64_t)(v[i] & 1) << i;                                                 \
        return bits;                                                                           \
    }
LANES(8)
LANES(16)
LANES(32)
LANES(64)
#endif
#define COMPARES(n)                                                                            \
    static inline uint64_t eq##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return bits##n((vec##n)(v == w));                                                      \
    }                                                                                          \
    static inline uint64_t le##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return bits##n((vec##n)(v <= w));                                                      \
    }                                                                                          \
    static inline uint64_t lt##n(vec##n v, vec##n w)                                           \
    {                                                                                          \
        return bits##n((vec##n)(v < w));                                                       \
    }
#endif
COMPARES(8)
COMPARES(16)
COMPARES(32)
COMPARES(64)

/* Comparison `bits` of the vector v at each place of a column, to a mask. */
#define TO_MASK(n, column, bits)                                                               \
    uint64_t words[BATCH_WORDS];                                                               \
    for (unsigned word = 0; word < BATCH_WORDS; word++) {                                      \
        words[word] = 0;                                                                       \
        for (unsigned i = 0; i < 64; i += WIDTH * 8 / n) {                                     \
            vec##n v;                                                                          \
            memcpy(&v, (const uint8_t *)(column) + (size_t)(64 * word + i) * (n / 8),          \
                   sizeof v);                                                                  \
            words[word] |= (uint64_t)(bits) << i;                                              \
        }                                                                                      \
    }                                                                                          \
    MASK(ret) = (mask_value){words[0], words[1], words[2], words[3]};
static_assert(BATCH_WORDS == 4, "words of a mask");

#define COLUMN_KERNELS(n)                                                                      \
    static void test##n(const void *column, uint32_t mask, uint32_t value, uint64_t *ret)      \
    {                                                                                          \
        vec##n m = (vec##n){0} + (uint##n##_t)mask, c = (vec##n){0} + (uint##n##_t)value;      \
        TO_MASK(n, column, eq##n(v &m, c))                                                     \
    }                                                                                          \
    static void range##n(const void *column, uint32_t lo, uint32_t span, uint64_t *ret)        \
    {                                                                                          \
        vec##n l = (vec##n){0} + (uint##n##_t)lo, s = (vec##n){0} + (uint##n##_t)span;         \
        TO_MASK(n, column, le##n(v - l, s))                                                    \
    }                                                                                          \
    static void load##n(uint32_t *restrict ret, const void *restrict column, unsigned shift,   \
                        uint32_t mask)                                                         \
    {                                                                                          \
        const uint8_t *at = column;                                                            \
        for (unsigned i = 0; i < BATCH_CAP; i++) {                                             \
            uint##n##_t v;                                                                     \
            memcpy(&v, at + (size_t)i * sizeof v, sizeof v);                                   \
            ret[i] = ((uint32_t)v >> shift) & mask;                                            \
        }                                                                                      \
    }
COLUMN_KERNELS(8)
COLUMN_KERNELS(16)
COLUMN_KERNELS(32)

static void widen(uint64_t *restrict ret, const uint32_t *restrict from)
{
    for (unsigned i = 0; i < BATCH_CAP; i++)
        ret[i] = from[i];
}

#define EACH(expression)                                                                       \
    for (unsigned i = 0; i < BATCH_CAP; i++)                                                   \
        a[i] = (expression);                                                                   \
    return

#define NUMBER_KERNELS(n)                                                                      \
    static void fill##n(uint##n##_t *ret, uint##n##_t value)                                   \
    {                                                                                          \
        for (unsigned i = 0; i < BATCH_CAP; i++)                                               \
            ret[i] = value;                                                                    \
    }                                                                                          \
    static void calculate##n(enum node_op op, uint##n##_t *restrict a,                         \
                             const uint##n##_t *restrict b)                                    \
    {                                                                                          \
        unsigned shift = (unsigned)b[0] & 63;                                                  \
        switch ((unsigned)op) {                                                                \
        case OP_ADD:                                                                           \
            EACH(a[i] + b[i]);                                                                 \
        case OP_SUB:                                                                           \
            EACH(a[i] - b[i]);                                                                 \
        case OP_MUL:                                                                           \
            EACH(a[i] * b[i]);                                                                 \
        case OP_AND:                                                                           \
            EACH(a[i] & b[i]);                                                                 \
        case OP_OR:                                                                            \
            EACH(a[i] | b[i]);                                                                 \
        case OP_XOR:                                                                           \
            EACH(a[i] ^ b[i]);                                                                 \
        case OP_SHL:                                                                           \
            if (shift >= n)                                                                    \
                memset(a, 0, BATCH_CAP * sizeof *a);                                           \
            if (shift >= n)                                                                    \
                return;                                                                        \
            EACH(a[i] << shift);                                                               \
        case OP_SHR:                                                                           \
            if (shift >= n)                                                                    \
                memset(a, 0, BATCH_CAP * sizeof *a);                                           \
            if (shift >= n)                                                                    \
                return;                                                                        \
            EACH(a[i] >> shift);                                                               \
        case OP_COMPLEMENT:                                                                    \
            EACH(~a[i]);                                                                       \
        case OP_BSWAP16:                                                                       \
            EACH((a[i] & 0xff) << 8 | (a[i] >> 8 & 0xff));                                     \
        case OP_BSWAP32:                                                                       \
            EACH(__builtin_bswap32((uint32_t)a[i]));                                           \
        default: /* OP_ABSDIFF */                                                              \
            EACH(a[i] > b[i] ? a[i] - b[i] : b[i] - a[i]);                                     \
        }                                                                                      \
    }                                                                                          \
    static void compare##n(enum node_op op, const uint##n##_t *a, const uint##n##_t *b,        \
                           uint64_t *ret)                                                      \
    {                                                                                          \
        vec##n w;                                                                              \
        if (op == OP_EQ) {                                                                     \
            TO_MASK(n, a, (memcpy(&w, b + 64 * word + i, sizeof w), eq##n(v, w)))              \
        } else if (op == OP_LT) {                                                              \
            TO_MASK(n, a, (memcpy(&w, b + 64 * word + i, sizeof w), lt##n(v, w)))              \
        } else {                                                                               \
            TO_MASK(n, a, (memcpy(&w, b + 64 * word + i, sizeof w), le##n(v, w)))              \
        }                                                                                      \
    }
NUMBER_KERNELS(32)
NUMBER_KERNELS(64)

static unsigned list(const uint64_t *mask, uint8_t ret_rows[static ROW_LIST_CAP])
{
    return mask_list(mask, ret_rows);
}

/* Places where the first and the last byte agree are compared in full. */
static bool find(const uint8_t *at, size_t len, const uint8_t *bytes, size_t size)
{
    size_t places = len - size + 1;
    if (size == 0 || places < WIDTH)
        return memmem(at, len, bytes, size) != NULL;
    vec8 first = (vec8){0} + bytes[0], last = (vec8){0} + bytes[size - 1];
    for (size_t from = 0;; from += WIDTH) {
        if (from + WIDTH > places) /* the last ones once more */
            from = places - WIDTH;
        vec8 v, w;
        memcpy(&v, at + from, sizeof v);
        memcpy(&w, at + from + size - 1, sizeof w);
        for (uint64_t bits = eq8(v, first) & eq8(w, last); bits; bits &= bits - 1)
            if (memcmp(at + from + __builtin_ctzll(bits), bytes, size) == 0)
                return true;
        if (from + WIDTH == places)
            return false;
    }
}

extern const struct kernels KERNELS;
const struct kernels KERNELS = {
    ISA,         test8,     test16,    test32, range8, range16, range32,
    load8,       load16,    load32,    widen,  fill32, fill64,  calculate32,
    calculate64, compare32, compare64, list,   find,   MATCH,
};
