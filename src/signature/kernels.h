/* The loops over columns, as one table an instruction set. Columns have BATCH_CAP elements and
 * need no alignment; masks have BATCH_WORDS words. */
#pragma once

#include <nightscope/batch.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "ast.h"

enum { ROW_LIST_CAP = MATCHES_ROWS_CAP }; /* 64 rows are written at a time */

struct kernels {
    const char *name;
    /* (column & mask) == value */
    void (*test8)(const void *column, uint32_t mask, uint32_t value, uint64_t *ret);
    void (*test16)(const void *column, uint32_t mask, uint32_t value, uint64_t *ret);
    void (*test32)(const void *column, uint32_t mask, uint32_t value, uint64_t *ret);
    /* column - lo <= span, modulo the width of the column */
    void (*range8)(const void *column, uint32_t lo, uint32_t span, uint64_t *ret);
    void (*range16)(const void *column, uint32_t lo, uint32_t span, uint64_t *ret);
    void (*range32)(const void *column, uint32_t lo, uint32_t span, uint64_t *ret);
    /* (column >> shift) & mask */
    void (*load8)(uint32_t *ret, const void *column, unsigned shift, uint32_t mask);
    void (*load16)(uint32_t *ret, const void *column, unsigned shift, uint32_t mask);
    void (*load32)(uint32_t *ret, const void *column, unsigned shift, uint32_t mask);
    void (*widen)(uint64_t *ret, const uint32_t *from);
    void (*fill32)(uint32_t *ret, uint32_t value);
    void (*fill64)(uint64_t *ret, uint64_t value);
    /* a = a OP b */
    void (*calculate32)(enum node_op op, uint32_t *a, const uint32_t *b);
    void (*calculate64)(enum node_op op, uint64_t *a, const uint64_t *b);
    /* a OP b; OP_EQ, OP_LT, OP_LE */
    void (*compare32)(enum node_op op, const uint32_t *a, const uint32_t *b, uint64_t *ret);
    void (*compare64)(enum node_op op, const uint64_t *a, const uint64_t *b, uint64_t *ret);
    /* Rows of a mask, ascending; returns how many. */
    unsigned (*list)(const uint64_t *mask, uint8_t ret_rows[static ROW_LIST_CAP]);
    /* Are these bytes among those? size <= len. */
    bool (*find)(const uint8_t *at, size_t len, const uint8_t *bytes, size_t size);
    /* matcher_run() */
    void (*match)(struct matcher *matcher, const struct batch *batch,
                  struct matches *ret_matches);
};

#ifdef KERNELS /* the name of the table a file is compiled for, and of its matcher */
#define KERNELS_PASTE(a, b)  a##b
#define KERNELS_SUFFIX(a, b) KERNELS_PASTE(a, b)
#define MATCH                KERNELS_SUFFIX(KERNELS, _match)
#define DISPATCH             KERNELS_SUFFIX(KERNELS, _dispatch)
void MATCH(struct matcher *matcher, const struct batch *batch, struct matches *ret_matches);
/* Fills the rows of the memos of dispatched steps that hold for some row; returns how many of
 * these there are in matcher->woken. */
unsigned DISPATCH(struct matcher *matcher, const struct batch *batch);

/* A mask as one value, for arithmetic without loops. */
typedef uint64_t mask_value
    __attribute__((vector_size(BATCH_WORDS * 8), aligned(8), may_alias));
#define MASK(words) (*(mask_value *)(words))
#define GET(words)  (*(const mask_value *)(words))

/* kernels.list. A loop over the bits ends at another place each time, which is not to be
 * guessed, and does so for each word: where it can, the processor sorts the numbers of the
 * rows. */
static inline unsigned mask_list(const uint64_t mask[static BATCH_WORDS],
                                 uint8_t ret_rows[static ROW_LIST_CAP])
{
    unsigned n = 0;
#if defined(__AVX512VBMI2__)
    const __m512i first = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42,
        41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20,
        19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    for (unsigned w = 0; w < BATCH_WORDS; w++) {
        __m512i rows = _mm512_add_epi8(first, _mm512_set1_epi8((char)(64 * w)));
        _mm512_storeu_si512(ret_rows + n, _mm512_maskz_compress_epi8(mask[w], rows));
        n += (unsigned)__builtin_popcountll(mask[w]);
    }
#else
    for (unsigned w = 0; w < BATCH_WORDS; w++)
        for (uint64_t bits = mask[w]; bits; bits &= bits - 1)
            ret_rows[n++] = (uint8_t)(64 * w + (unsigned)__builtin_ctzll(bits));
#endif
    return n;
}

static inline bool mask_is_empty(const uint64_t mask[static BATCH_WORDS])
{
#if defined(__AVX2__)
    __m256i all = _mm256_loadu_si256((const __m256i_u *)mask);
    return _mm256_testz_si256(all, all);
#else
    uint64_t any = 0;
    for (unsigned w = 0; w < BATCH_WORDS; w++)
        any |= mask[w];
    return any == 0;
#endif
}
#endif

/* The tables this processor can run, best first; NULL past the last. */
const struct kernels *kernels_at(unsigned index);
