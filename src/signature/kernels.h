/* The loops over columns, as one table an instruction set. Columns have BATCH_CAP elements and
 * need no alignment; masks have BATCH_WORDS words. */
#pragma once

#include <nightscope/batch.h>

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
void MATCH(struct matcher *matcher, const struct batch *batch, struct matches *ret_matches);
#endif

/* The tables this processor can run, best first; NULL past the last. */
const struct kernels *kernels_at(unsigned index);
