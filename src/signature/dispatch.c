/* Look-ups of column values: which steps of equality hold for the value of each row. Built
 * once; run first for every batch. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

/* The number of values of a step that a dispatch can look up; 0: it cannot. */
static unsigned dispatch_values(const struct matcher *matcher, const struct step *step)
{
    uint64_t n = 0;
    if (step->how == HOW_TEST)
        return step->mask == column_ones(8U * step->size);
    if ((step->how != HOW_RANGES && step->how != HOW_SET) || step->op != OP_IN)
        return 0;
    const struct field *field = node_column(ast_at(&matcher->set->ast, step->a));
    if (!field || !field_is_whole(field))
        return 0;
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    const struct range *ranges = blob->bytes;
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++) {
        n += ranges[i].hi - ranges[i].lo + 1;
        if (n > DISPATCH_SET_MAX)
            return 0;
    }
    return (unsigned)n;
}

/* A value and a step that it wakes. */
struct wake {
    uint32_t value, step;
};

static int wake_order(const void *a, const void *b)
{
    const struct wake *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->step < y->step ? -1 : x->step > y->step;
}

static unsigned step_wakes(const struct matcher *matcher, uint32_t index, struct wake *ret)
{
    const struct step *step = &matcher->steps[index];
    unsigned n = 0;
    if (step->how == HOW_TEST) {
        ret[n++] = (struct wake){step->value, index};
        return n;
    }
    const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
    const struct range *ranges = blob->bytes;
    for (size_t i = 0; i < blob->size / sizeof *ranges; i++)
        for (uint64_t value = ranges[i].lo; value <= ranges[i].hi; value++)
            ret[n++] = (struct wake){(uint32_t)value, index};
    return n;
}

static unsigned log2_above(unsigned n)
{
    unsigned bits = 0;
    while ((1U << bits) < n)
        bits++;
    return bits;
}

static int dispatch_fill(struct matcher *matcher, struct dispatch *dispatch,
                         const struct wake *wakes, unsigned n)
{
    unsigned bits = log2_above(16 * n);
    bits = bits < 10 ? 10 : bits > 16 ? 16 : bits;
    dispatch->shift = 32 - bits;
    dispatch->index =
        arena_alloc(&matcher->arena, ((size_t)1 << bits) * sizeof *dispatch->index);
    dispatch->slots = arena_alloc(&matcher->arena, (n + 1U) * sizeof *dispatch->slots);
    dispatch->steps = arena_alloc(&matcher->arena, n * sizeof *dispatch->steps);
    if (!dispatch->index || !dispatch->slots || !dispatch->steps)
        return -1;
    unsigned slots = 0;
    for (unsigned i = 0; i < n; i++) {
        uint32_t value = wakes[i].value;
        if (i == 0 || wakes[i - 1].value != value) {
            uint16_t *bucket = &dispatch->index[dispatch_hash(value) >> dispatch->shift];
            dispatch->slots[++slots] =
                (struct dispatch_slot){.value = value, .first = i, .next = *bucket};
            *bucket = (uint16_t)slots;
        }
        dispatch->slots[slots].n++;
        dispatch->steps[i] = wakes[i].step;
    }
    return 0;
}

int dispatches_new(struct matcher *matcher)
{
    unsigned total = 0;
    for (uint32_t i = 0; i < matcher->steps_n; i++)
        total += dispatch_values(matcher, &matcher->steps[i]);
    struct wake *wakes = malloc((total ? total : 1) * sizeof *wakes);
    matcher->dispatches = arena_alloc(&matcher->arena, FIELD_COUNT_ * sizeof(struct dispatch));
    int result = wakes && matcher->dispatches ? 0 : -1;
    uint32_t seen[FIELD_COUNT_];
    unsigned seen_n = 0;
    for (unsigned f = 0; result == 0 && f < FIELD_COUNT_; f++) {
        bool known = FIELDS[f].kind != KIND_COLUMN;
        for (unsigned k = 0; k < seen_n; k++)
            known |= seen[k] == FIELDS[f].column;
        if (known)
            continue;
        seen[seen_n++] = FIELDS[f].column;
        unsigned n = 0;
        for (uint32_t i = 0; i < matcher->steps_n; i++)
            if (matcher->steps[i].column == FIELDS[f].column ||
                matcher->steps[i].how == HOW_SET) {
                const struct step *step = &matcher->steps[i];
                bool same = step->how != HOW_SET;
                if (!same) {
                    const struct field *of = node_column(ast_at(&matcher->set->ast, step->a));
                    same = of && of->column == FIELDS[f].column;
                }
                if (same && dispatch_values(matcher, step))
                    n += step_wakes(matcher, i, wakes + n);
            }
        if (n < DISPATCH_MIN || n > DISPATCH_SLOTS_MAX)
            continue;
        qsort(wakes, n, sizeof *wakes, wake_order);
        struct dispatch *dispatch = &matcher->dispatches[matcher->dispatches_n++];
        dispatch->column = FIELDS[f].column;
        dispatch->size = FIELDS[f].size;
        result = dispatch_fill(matcher, dispatch, wakes, n);
        for (unsigned i = 0; i < n; i++) {
            matcher->steps[wakes[i].step].how = HOW_DISPATCH;
            matcher->steps[wakes[i].step].whole = true;
        }
    }
    free(wakes);
    return result;
}

static uint32_t value_at(const void *column, unsigned size, unsigned row)
{
    const uint8_t *at = (const uint8_t *)column + (size_t)row * size;
    uint16_t two;
    uint32_t four;
    switch (size) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return two;
    default:
        memcpy(&four, at, sizeof four);
        return four;
    }
}

/* A row, and the first slot of its bucket. */
struct candidate_slot {
    uint16_t row, slot;
};

/* Rows whose bucket is not empty. Without branches: they would go either way at random. */
#define CANDIDATES(type)                                                                       \
    for (unsigned row = 0; row < n; row++) {                                                   \
        type value;                                                                            \
        memcpy(&value, (const uint8_t *)column + (size_t)row * sizeof value, sizeof value);    \
        uint16_t slot = index[dispatch_hash(value) >> shift];                                  \
        ret[found] = (struct candidate_slot){(uint16_t)row, slot};                             \
        found += slot != 0;                                                                    \
    }

static unsigned candidates(const struct dispatch *dispatch, const void *column, unsigned n,
                           struct candidate_slot ret[static BATCH_CAP])
{
    const uint16_t *index = dispatch->index;
    unsigned shift = dispatch->shift, found = 0;
    if (dispatch->size == 1)
        CANDIDATES(uint8_t)
    else if (dispatch->size == 2)
        CANDIDATES(uint16_t)
    else
        CANDIDATES(uint32_t)
    return found;
}

/* The rows with the value of a slot: one is known, more are found by a loop over the column. */
static void slot_rows(const struct matcher *matcher, const struct dispatch *dispatch,
                      const struct dispatch_slot *slot, unsigned row, const void *column,
                      uint64_t ret[static BATCH_WORDS])
{
    if (slot->rows == 1) {
        memset(ret, 0, BATCH_WORDS * sizeof *ret);
        mask_set(ret, row);
    } else if (dispatch->size == 1) {
        matcher->kernels->test8(column, UINT32_MAX, slot->value, ret);
    } else if (dispatch->size == 2) {
        matcher->kernels->test16(column, UINT32_MAX, slot->value, ret);
    } else {
        matcher->kernels->test32(column, UINT32_MAX, slot->value, ret);
    }
}

/* Adds the rows of a value to the steps it wakes. */
static void slot_wake(struct matcher *matcher, const struct dispatch *dispatch,
                      const struct dispatch_slot *slot, const uint64_t rows[static BATCH_WORDS],
                      unsigned *woken_n)
{
    for (uint32_t k = 0; k < slot->n; k++) {
        uint32_t index = dispatch->steps[slot->first + k];
        struct memo *memo = &matcher->memos[index];
        if (memo->epoch != matcher->epoch) {
            memset(memo->t, 0, sizeof memo->t);
            memo->epoch = matcher->epoch;
            matcher->woken[(*woken_n)++] = index;
        }
        for (unsigned w = 0; w < BATCH_WORDS; w++)
            memo->t[w] |= rows[w];
    }
}

void dispatch_run(struct matcher *matcher, const struct batch *batch,
                  const struct dispatch *dispatch, unsigned *woken_n)
{
    const void *column = (const uint8_t *)batch + dispatch->column;
    struct candidate_slot found[BATCH_CAP], distinct[BATCH_CAP];
    unsigned distinct_n = 0, found_n = candidates(dispatch, column, batch->n, found);
    for (unsigned i = 0; i < found_n; i++) {
        uint32_t value = value_at(column, dispatch->size, found[i].row);
        unsigned at = found[i].slot;
        while (at && dispatch->slots[at].value != value)
            at = dispatch->slots[at].next;
        if (!at)
            continue;
        struct dispatch_slot *slot = &dispatch->slots[at];
        if (slot->epoch != matcher->epoch) {
            slot->epoch = matcher->epoch;
            slot->rows = 0;
            distinct[distinct_n++] = (struct candidate_slot){found[i].row, (uint16_t)at};
        }
        slot->rows++;
    }
    for (unsigned i = 0; i < distinct_n; i++) {
        const struct dispatch_slot *slot = &dispatch->slots[distinct[i].slot];
        uint64_t rows[BATCH_WORDS];
        slot_rows(matcher, dispatch, slot, distinct[i].row, column, rows);
        slot_wake(matcher, dispatch, slot, rows, woken_n);
    }
}
