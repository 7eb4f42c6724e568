/* Look-ups of column values, run first for every batch: which steps of equality hold for the
 * value of some row. Compiled once for each instruction set. */
#include "plan.h"

/* So many values are compared with a column in less time than its rows are looked up. */
enum { SLOTS_FEW = 24 };

/* Lists the buckets that values of the column fall into, each once. Every row does the same: a
 * stamp that is already there is no branch. */
#define BUCKETS_SEEN(type)                                                                     \
    for (unsigned row = 0; row < n; row++) {                                                   \
        type value;                                                                            \
        memcpy(&value, (const uint8_t *)column + (size_t)row * sizeof value, sizeof value);    \
        uint16_t bucket = index[dispatch_hash(value) >> shift];                                \
        ret[found] = bucket;                                                                   \
        found += seen[bucket] != epoch;                                                        \
        seen[bucket] = epoch;                                                                  \
    }

static unsigned buckets_seen(const struct dispatch *dispatch, const void *column, unsigned n,
                             uint64_t epoch, uint16_t ret[static BATCH_CAP])
{
    const uint16_t *index = dispatch->index;
    uint64_t *seen = dispatch->seen;
    unsigned shift = dispatch->shift, found = 0;
    seen[0] = epoch; /* no value falls into these */
    if (dispatch->size == 1)
        BUCKETS_SEEN(uint8_t)
    else if (dispatch->size == 2)
        BUCKETS_SEEN(uint16_t)
    else
        BUCKETS_SEEN(uint32_t)
    return found;
}

/* Adds the rows of a value to the steps it wakes. */
static void slot_wake(struct matcher *matcher, const struct dispatch *dispatch,
                      const struct dispatch_slot *slot, mask_value rows, unsigned *woken_n)
{
    for (uint32_t k = 0; k < slot->n; k++) {
        uint32_t index = dispatch->steps[slot->first + k];
        struct memo *memo = &matcher->memos[index];
        if (memo->epoch != matcher->epoch) {
            memo->epoch = matcher->epoch;
            MASK(memo->t) = rows;
            matcher->woken[(*woken_n)++] = index;
        } else {
            MASK(memo->t) |= rows;
        }
    }
}

static void slot_run(struct matcher *matcher, const struct dispatch *dispatch,
                     const struct dispatch_slot *slot, const void *column, unsigned *woken_n)
{
    uint64_t rows[BATCH_WORDS];
    if (dispatch->size == 1)
        matcher->kernels->test8(column, UINT32_MAX, slot->value, rows);
    else if (dispatch->size == 2)
        matcher->kernels->test16(column, UINT32_MAX, slot->value, rows);
    else
        matcher->kernels->test32(column, UINT32_MAX, slot->value, rows);
    MASK(rows) &= GET(matcher->rows);
    if (!mask_is_empty(rows))
        slot_wake(matcher, dispatch, slot, GET(rows), woken_n);
}

unsigned DISPATCH(struct matcher *matcher, const struct batch *batch)
{
    unsigned woken_n = 0;
    for (unsigned i = 0; i < matcher->dispatches_n; i++) {
        const struct dispatch *dispatch = &matcher->dispatches[i];
        const void *column = (const uint8_t *)batch + dispatch->column;
        if (dispatch->slots_n <= SLOTS_FEW) {
            for (unsigned slot = 1; slot <= dispatch->slots_n; slot++)
                slot_run(matcher, dispatch, &dispatch->slots[slot], column, &woken_n);
            continue;
        }
        uint16_t found[BATCH_CAP];
        unsigned n = buckets_seen(dispatch, column, batch->n, matcher->epoch, found);
        for (unsigned k = 0; k < n; k++)
            for (unsigned slot = found[k]; slot; slot = dispatch->slots[slot].next)
                slot_run(matcher, dispatch, &dispatch->slots[slot], column, &woken_n);
    }
    return woken_n;
}
