/* Builds the look-ups of column values: which steps of equality hold for a value. They are run
 * by match_dispatch.c. */
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
    dispatch->seen = arena_alloc(&matcher->arena, (n + 1U) * sizeof *dispatch->seen);
    dispatch->steps = arena_alloc(&matcher->arena, n * sizeof *dispatch->steps);
    if (!dispatch->index || !dispatch->slots || !dispatch->seen || !dispatch->steps)
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
    dispatch->slots_n = slots;
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
