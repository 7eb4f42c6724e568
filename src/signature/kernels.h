/* The loops over columns, as one table an instruction set. Columns have BATCH_CAP elements and
 * need no alignment; masks have BATCH_WORDS words. */
#pragma once

#include <nightscope/batch.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "ast.h"

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
