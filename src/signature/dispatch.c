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
    unsigned filter_bits = log2_above(32 * n), table_bits = log2_above(2 * n);
    filter_bits = filter_bits < 10 ? 10 : filter_bits > 16 ? 16 : filter_bits;
    dispatch->filter_shift = 32 - filter_bits;
    dispatch->table_mask = (1U << table_bits) - 1;
    dispatch->filter = arena_alloc(&matcher->arena, (1U << filter_bits) / 8);
    dispatch->table =
        arena_alloc(&matcher->arena, ((size_t)1 << table_bits) * sizeof *dispatch->table);
    dispatch->found =
        arena_alloc(&matcher->arena, ((size_t)1 << table_bits) * sizeof *dispatch->found);
    dispatch->steps = arena_alloc(&matcher->arena, n * sizeof *dispatch->steps);
    if (!dispatch->filter || !dispatch->table || !dispatch->found || !dispatch->steps)
        return -1;
    struct dispatch_slot *slot = NULL;
    for (unsigned i = 0; i < n; i++) {
        uint32_t value = wakes[i].value, hash = dispatch_hash(value);
        if (i == 0 || wakes[i - 1].value != value) {
            uint32_t at = (hash >> 8) & dispatch->table_mask;
            while (dispatch->table[at].n)
                at = (at + 1) & dispatch->table_mask;
            slot = &dispatch->table[at];
            *slot = (struct dispatch_slot){value, i, 0};
            uint32_t bit = hash >> dispatch->filter_shift;
            dispatch->filter[bit / 64] |= (uint64_t)1 << (bit % 64);
        }
        slot->n++;
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
        if (n < DISPATCH_MIN)
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

/* Rows whose value may be in the table: the filter has no false negatives. */
#define FILTER(type)                                                                           \
    for (unsigned row = 0; row < n; row++) {                                                   \
        type value;                                                                            \
        memcpy(&value, (const uint8_t *)column + (size_t)row * sizeof value, sizeof value);    \
        uint32_t bit = dispatch_hash(value) >> shift;                                          \
        rows[found] = (uint16_t)row;                                                           \
        found += (unsigned)(filter[bit / 64] >> (bit % 64)) & 1;                               \
    }

static unsigned filter_rows(const struct dispatch *dispatch, const void *column, unsigned n,
                            uint16_t rows[static BATCH_CAP])
{
    const uint64_t *filter = dispatch->filter;
    unsigned shift = dispatch->filter_shift, found = 0;
    if (dispatch->size == 1)
        FILTER(uint8_t)
    else if (dispatch->size == 2)
        FILTER(uint16_t)
    else
        FILTER(uint32_t)
    return found;
}

/* Adds the rows of a value to the steps it wakes. */
static void slot_wake(struct matcher *matcher, const struct dispatch *dispatch, uint32_t at,
                      unsigned *woken_n)
{
    const struct dispatch_slot *slot = &dispatch->table[at];
    for (uint32_t k = 0; k < slot->n; k++) {
        uint32_t index = dispatch->steps[slot->first + k];
        struct memo *memo = &matcher->memos[index];
        if (memo->epoch != matcher->epoch) {
            memset(memo, 0, sizeof *memo);
            memo->epoch = matcher->epoch;
            matcher->woken[(*woken_n)++] = index;
        }
        for (unsigned w = 0; w < BATCH_WORDS; w++)
            memo->t[w] |= dispatch->found[at].rows[w];
    }
}

void dispatch_run(struct matcher *matcher, const struct batch *batch,
                  const struct dispatch *dispatch, unsigned *woken_n)
{
    const void *column = (const uint8_t *)batch + dispatch->column;
    uint16_t rows[BATCH_CAP];
    uint32_t slots[BATCH_CAP]; /* with a row */
    unsigned slots_n = 0, rows_n = filter_rows(dispatch, column, batch->n, rows);
    for (unsigned i = 0; i < rows_n; i++) {
        uint32_t value = value_at(column, dispatch->size, rows[i]);
        uint32_t at = (dispatch_hash(value) >> 8) & dispatch->table_mask;
        while (dispatch->table[at].n && dispatch->table[at].value != value)
            at = (at + 1) & dispatch->table_mask;
        if (!dispatch->table[at].n)
            continue;
        struct dispatch_found *found = &dispatch->found[at];
        if (found->epoch != matcher->epoch) {
            memset(found->rows, 0, sizeof found->rows);
            found->epoch = matcher->epoch;
            slots[slots_n++] = at;
        }
        mask_set(found->rows, rows[i]);
    }
    for (unsigned i = 0; i < slots_n; i++)
        slot_wake(matcher, dispatch, slots[i], woken_n);
}
