/* Compiles expressions into steps: comparisons of columns, of numbers and of bytes, one step
 * for many literals, and what joins them. */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

static void step_test(struct step *step, const struct field *field, uint64_t mask,
                      uint64_t value)
{
    step->how = HOW_TEST;
    step->size = field->size;
    step->column = field->column;
    step->mask = (uint32_t)mask << field->shift;
    step->value = (uint32_t)value << field->shift;
}

/* FIELD == CONST and (FIELD & CONST) == CONST. */
static bool compile_test(const struct compiler *compiler, const struct node *node,
                         struct step *step)
{
    const struct node *a = ast_at(compiler->ast, node->a), *b = ast_at(compiler->ast, node->b);
    uint64_t mask = UINT64_MAX;
    if (node->op != OP_EQ || b->op != OP_CONST)
        return false;
    uint64_t value = b->value;
    if (a->op == OP_AND && ast_at(compiler->ast, a->b)->op == OP_CONST) {
        mask = ast_at(compiler->ast, a->b)->value;
        a = ast_at(compiler->ast, a->a);
    }
    const struct field *field = node_column(a);
    if (a->op == OP_FIELD && a->a == FIELD_TCP_OPTIONS_LEN && mask == UINT64_MAX &&
        value <= 40) { /* the header has 20 bytes more */
        field = &FIELDS[FIELD_TCP_HDR_LEN];
        value += 20;
    }
    if (!field || value > column_ones(field->bits) || value & ~mask)
        return false;
    step_test(step, field, mask & column_ones(field->bits), value);
    return true;
}

/* FIELD in one range, as offset and span in mask and value; more ranges in blob b. */
static bool compile_ranges(const struct compiler *compiler, const struct node *node,
                           struct step *step)
{
    const struct node *a = ast_at(compiler->ast, node->a);
    uint64_t lo = 0, hi;
    if (node->op == OP_IN) {
        const struct blob *blob = ast_blob_at(compiler->ast, node->b);
        const struct field *field = node_column(a);
        if (!field || !field_is_whole(field) || blob->size / sizeof(struct range) > RANGES_MAX)
            return false;
        step->how = HOW_RANGES;
        step->size = field->size;
        step->column = field->column;
        step->b = node->b;
        return true;
    }
    const struct node *b = ast_at(compiler->ast, node->b);
    const struct field *field = node_column(a->op == OP_CONST ? b : a);
    if (node->op == OP_EQ || !field || !field_is_whole(field))
        return false;
    hi = column_ones(field->bits);
    if (a->op == OP_CONST)
        lo = a->value + (node->op == OP_LT);
    else if (b->op == OP_CONST && !(node->op == OP_LT && b->value == 0))
        hi = b->value - (node->op == OP_LT);
    else
        return false;
    if (lo > hi || hi > column_ones(field->bits))
        return false;
    step->how = HOW_RANGES;
    step->size = field->size;
    step->column = field->column;
    step->mask = (uint32_t)lo;
    step->value = (uint32_t)(hi - lo);
    return true;
}

static void compile_compare(const struct compiler *compiler, const struct node *node,
                            struct step *step)
{
    step->has = node->has;
    step->a = node->a;
    step->b = node->b;
    if (compile_test(compiler, node, step))
        return;
    step->b = 0;
    if (compile_ranges(compiler, node, step))
        return;
    step->b = node->b;
    if (node->op == OP_IN) {
        step->how = HOW_SET;
        return;
    }
    const struct node *a = ast_at(compiler->ast, node->a), *b = ast_at(compiler->ast, node->b);
    bool narrow = a->bits <= 32 && b->bits <= 32 && number_fits32(compiler->ast, node->a) &&
                  number_fits32(compiler->ast, node->b);
    step->how = narrow ? HOW_COMPARE32 : HOW_COMPARE64;
}

static void compile_true(const struct field *field, struct step *step)
{
    step->has = field->has;
    switch (field->kind) {
    case KIND_COLUMN:
        step_test(step, field, 1, 1);
        return;
    case KIND_TEST:
        step_test(step, field, field->mask, field->value);
        return;
    case KIND_PRESENT:
        step->how = HOW_PRESENT;
        step->has = 0;
        step->value = (uint32_t)__builtin_ctz(field->has);
        return;
    case KIND_COMPUTED:
    case KIND_BYTES:
    case KIND_ADDRESS:
        step->how = HOW_TRUE;
        return;
    }
}

/* What an expression of ors has below: literals of the payload, and the rest. */
struct leaves {
    unsigned literals_n, rest_n;
    uint32_t rest; /* one of the rest */
    uint32_t literals[LITERALS_MAX];
};

static void leaves_add(const struct ast *ast, uint32_t id, struct leaves *leaves)
{
    const struct node *node = ast_at(ast, id);
    if (node->op == OP_ANY) {
        leaves_add(ast, node->a, leaves);
        leaves_add(ast, node->b, leaves);
    } else if ((node->op == OP_EQUALS || node->op == OP_STARTS) && node->a == FIELD_PAYLOAD &&
               ast_blob_at(ast, node->b)->size > 0 && leaves->literals_n < LITERALS_MAX) {
        leaves->literals[leaves->literals_n++] = id;
    } else {
        leaves->rest_n++;
        leaves->rest = id;
    }
}

static uint8_t first_byte(const struct ast *ast, uint32_t id)
{
    return *(const uint8_t *)ast_blob_at(ast, ast_at(ast, id)->b)->bytes;
}

static uint32_t step_add(struct compiler *compiler, const struct step *step)
{
    compiler->matcher->steps[compiler->matcher->steps_n] = *step;
    return compiler->matcher->steps_n++;
}

static uint32_t compile_literals(struct compiler *compiler, const struct leaves *leaves)
{
    const struct ast *ast = compiler->ast;
    struct literals *literals = &compiler->matcher->literals[compiler->literals_n];
    struct step step = {.how = HOW_LITERALS,
                        .op = OP_ANY,
                        .a = FIELD_PAYLOAD,
                        .b = compiler->literals_n++,
                        .has = FIELDS[FIELD_PAYLOAD].has,
                        .cost = 500};
    literals->items =
        arena_alloc(&compiler->matcher->arena, leaves->literals_n * sizeof *literals->items);
    if (!literals->items) {
        compiler->failed = true;
        return step_add(compiler, &step);
    }
    for (unsigned i = 0; i < leaves->literals_n; i++)
        literals->first[first_byte(ast, leaves->literals[i]) + 1]++;
    for (unsigned byte = 0; byte < 256; byte++)
        literals->first[byte + 1] =
            (uint16_t)(literals->first[byte + 1] + literals->first[byte]);
    uint16_t next[256];
    memcpy(next, literals->first, sizeof next);
    for (unsigned i = 0; i < leaves->literals_n; i++) {
        const struct node *node = ast_at(ast, leaves->literals[i]);
        literals->items[next[first_byte(ast, leaves->literals[i])]++] =
            (struct literal){node->b, node->op, head_of(ast_blob_at(ast, node->b))};
    }
    return step_add(compiler, &step);
}

/* One step for many literals, where at most one alternative is something else. */
static bool compile_any(struct compiler *compiler, uint32_t id, uint32_t *ret_step)
{
    struct leaves leaves = {0};
    leaves_add(compiler->ast, id, &leaves);
    if (leaves.literals_n < LITERALS_MIN || leaves.rest_n > 1)
        return false;
    uint32_t literals = compile_literals(compiler, &leaves);
    *ret_step = literals;
    if (leaves.rest_n == 0)
        return true;
    struct step step = {.how = HOW_ANY, .op = OP_ANY, .b = literals};
    step.a = step_compile(compiler, leaves.rest);
    step.cost = compiler->matcher->steps[step.a].cost + compiler->matcher->steps[literals].cost;
    *ret_step = step_add(compiler, &step);
    return true;
}

/* Numbers made of columns by two operations and more are kept: masscan's cookie is one. */
static uint8_t keep_number(struct compiler *compiler, uint32_t id)
{
    struct matcher *matcher = compiler->matcher;
    const struct node *node = ast_at(compiler->ast, id);
    if (node->computed || node->weight < 5)
        return 0;
    for (unsigned i = 0; i < matcher->kept_n; i++)
        if (matcher->kept[i].id == id)
            return (uint8_t)(i + 1);
    if (matcher->kept_n == KEPT_NUMBERS_MAX)
        return 0;
    matcher->kept[matcher->kept_n].id = id;
    return (uint8_t)++matcher->kept_n;
}

/* Steps that read columns alone are cheaper for all rows once than for some rows at a time. A
 * comparison of numbers is several loops: it is worth that when it is asked for, but not as a
 * part of something that may be decided without it. */
static bool is_whole(const struct compiler *compiler, const struct step *step)
{
    const struct step *steps = compiler->matcher->steps;
    switch ((enum how)step->how) {
    case HOW_TEST:
    case HOW_RANGES:
    case HOW_DISPATCH:
    case HOW_PRESENT:
        return true;
    case HOW_COMPARE32:
    case HOW_COMPARE64:
        return !ast_at(compiler->ast, step->a)->computed &&
               !ast_at(compiler->ast, step->b)->computed;
    case HOW_ALL:
    case HOW_ANY:
        return step_is_mask(&steps[step->a]) && step_is_mask(&steps[step->b]);
    case HOW_NOT:
        return steps[step->a].whole;
    case HOW_TRUE:
    case HOW_SET:
    case HOW_OPTIONS:
    case HOW_BYTES:
    case HOW_LITERALS:
    case HOW_ADDRESS:
        return false;
    }
    return false;
}

uint32_t step_compile(struct compiler *compiler, uint32_t id)
{
    if (compiler->step_of[id] != UINT32_MAX)
        return compiler->step_of[id];
    const struct node *node = ast_at(compiler->ast, id);
    struct step step = {.op = node->op, .a = node->a, .b = node->b};
    switch ((unsigned)node->op) {
    case OP_TRUE:
        compile_true(&FIELDS[node->a], &step);
        break;
    case OP_EQ:
    case OP_LT:
    case OP_LE:
    case OP_IN:
        compile_compare(compiler, node, &step);
        break;
    case OP_EQUALS:
    case OP_STARTS:
    case OP_CONTAINS:
    case OP_AT: {
        const struct blob *blob = ast_blob_at(compiler->ast, node->b);
        bool options = node->op == OP_EQUALS && node->a == FIELD_TCP_OPTIONS;
        step.how = options ? HOW_OPTIONS : HOW_BYTES;
        step.has = FIELDS[node->a].has;
        step.offset = (uint32_t)node->value;
        step.head = head_of(blob);
        break;
    }
    case OP_IN6:
        step.how = HOW_ADDRESS;
        step.has = FIELDS[node->a].has;
        break;
    default:
        if (node->op == OP_ANY && compile_any(compiler, id, &compiler->step_of[id]))
            return compiler->step_of[id];
        step.how = node->op == OP_ALL ? HOW_ALL : node->op == OP_ANY ? HOW_ANY : HOW_NOT;
        step.a = step_compile(compiler, node->a);
        step.b = node->op == OP_NOT ? 0 : step_compile(compiler, node->b);
    }
    if (step.how == HOW_COMPARE32) {
        step.kept[0] = keep_number(compiler, step.a);
        step.kept[1] = keep_number(compiler, step.b);
    }
    step.cost = cost_of(compiler->ast, id);
    step.whole = is_whole(compiler, &step);
    compiler->step_of[id] = step_add(compiler, &step);
    return compiler->step_of[id];
}
