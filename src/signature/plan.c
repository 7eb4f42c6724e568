/* Compiles a set of signatures for one thread: steps, conjuncts, dispatches. All memory that
 * matching needs is taken here. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* ---- steps ---- */

struct compiler {
    struct matcher *matcher;
    const struct ast *ast;
    uint32_t *step_of; /* of a node; UINT32_MAX: none yet */
    uint32_t literals_n;
    bool failed; /* out of memory */
};

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

/* ---- alternatives of literals ---- */

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

static uint32_t compile(struct compiler *compiler, uint32_t id);

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
    step.a = compile(compiler, leaves.rest);
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

static uint32_t compile(struct compiler *compiler, uint32_t id)
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
        step.a = compile(compiler, node->a);
        step.b = node->op == OP_NOT ? 0 : compile(compiler, node->b);
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

/* ---- signatures ---- */

static void conjuncts_add(struct compiler *compiler, uint32_t id, uint32_t *n)
{
    const struct node *node = ast_at(compiler->ast, id);
    if (node->op == OP_ALL) {
        conjuncts_add(compiler, node->a, n);
        conjuncts_add(compiler, node->b, n);
    } else {
        compiler->matcher->conjuncts[(*n)++] = compile(compiler, id);
    }
}

static uint32_t conjuncts_count(const struct ast *ast, uint32_t id)
{
    const struct node *node = ast_at(ast, id);
    return node->op == OP_ALL ? conjuncts_count(ast, node->a) + conjuncts_count(ast, node->b)
                              : 1;
}

/* How rare the value of a dispatched step is: the fewer the values of the wider column. Ports
 * are less evenly spread than other fields. */
static double rarity(const struct matcher *matcher, const struct step *step)
{
    double bits = 8.0 * step->size;
    if (step->column == offsetof(struct batch, dstport))
        bits -= 6;
    if (step->op == OP_IN)
        bits -= 3;
    (void)matcher;
    return bits;
}

/* Orders the conjuncts of a signature: what wakes it, then by cost. */
static bool conjuncts_order(struct matcher *matcher, uint32_t *list, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        uint32_t step = list[i], k = i;
        for (; k > 0 && matcher->steps[list[k - 1]].cost > matcher->steps[step].cost; k--)
            list[k] = list[k - 1];
        list[k] = step;
    }
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++)
        if (matcher->steps[list[i]].how == HOW_DISPATCH &&
            (best == n || rarity(matcher, &matcher->steps[list[i]]) >
                              rarity(matcher, &matcher->steps[list[best]])))
            best = i;
    if (best == n)
        return false;
    uint32_t step = list[best];
    memmove(list + 1, list, best * sizeof *list);
    list[0] = step;
    return true;
}

static int compile_signatures(struct compiler *compiler)
{
    struct matcher *matcher = compiler->matcher;
    const struct signature_set *set = matcher->set;
    uint32_t total = 0, n = 0;
    for (unsigned i = 0; i < set->n; i++)
        total += conjuncts_count(compiler->ast, set->signatures[i].match);
    matcher->conjuncts = arena_alloc(&matcher->arena, total * sizeof *matcher->conjuncts);
    matcher->wakes = arena_alloc(&matcher->arena, set->n * sizeof *matcher->wakes);
    if (!matcher->conjuncts || !matcher->wakes)
        return -1;
    for (unsigned i = 0; i < set->n; i++) {
        struct plan_signature *signature = &matcher->signatures[i];
        signature->first = n;
        conjuncts_add(compiler, set->signatures[i].match, &n);
        signature->n = n - signature->first;
        signature->iot = set->signatures[i].origin == ORIGIN_IOT;
    }
    if (dispatches_new(matcher) < 0)
        return -1;
    matcher->wakes_first =
        arena_alloc(&matcher->arena, (matcher->steps_n + 1U) * sizeof *matcher->wakes_first);
    if (!matcher->wakes_first)
        return -1;
    for (unsigned i = 0; i < set->n; i++) {
        uint32_t *list = matcher->conjuncts + matcher->signatures[i].first;
        if (conjuncts_order(matcher, list, matcher->signatures[i].n))
            matcher->wakes_first[list[0] + 1]++;
        else
            matcher->always[i / 64] |= (uint64_t)1 << (i % 64);
    }
    for (uint32_t i = 0; i < matcher->steps_n; i++)
        matcher->wakes_first[i + 1] += matcher->wakes_first[i];
    uint32_t *next = calloc(matcher->steps_n + 1U, sizeof *next);
    if (!next)
        return -1;
    memcpy(next, matcher->wakes_first, matcher->steps_n * sizeof *next);
    for (unsigned i = 0; i < set->n; i++)
        if (!(matcher->always[i / 64] >> (i % 64) & 1))
            matcher->wakes[next[matcher->conjuncts[matcher->signatures[i].first]]++] = i;
    free(next);
    return 0;
}

/* Numbers the literals that options are compared with. */
static bool number_options(struct matcher *matcher)
{
    struct option_literals *literals = &matcher->option_literals;
    uint32_t n = 0, cap = 2, id = 0;
    for (uint32_t i = 0; i < matcher->steps_n; i++)
        n += matcher->steps[i].how == HOW_OPTIONS;
    while (cap < 8 * n) /* most options are none of them, and should find a free place */
        cap *= 2;
    literals->mask = cap - 1;
    literals->table = arena_alloc(&matcher->arena, cap * sizeof *literals->table);
    if (!literals->table || n > UINT16_MAX)
        return false;
    for (uint32_t i = 0; i < matcher->steps_n; i++) {
        struct step *step = &matcher->steps[i];
        if (step->how != HOW_OPTIONS)
            continue;
        const struct blob *blob = ast_blob_at(&matcher->set->ast, step->b);
        struct options_key key = options_key(blob->bytes, (uint32_t)blob->size);
        uint32_t at = key.hash & literals->mask;
        while (literals->table[at].blob)
            at = (at + 1) & literals->mask;
        step->id = ++id;
        literals->table[at] = (struct option_literal){key, step->b, (uint16_t)id};
    }
    return true;
}

/* ---- memory ---- */

/* Slots for numbers: what the deepest comparison holds. */
static unsigned slots_needed(const struct ast *ast)
{
    unsigned most = 2;
    for (uint32_t id = 1; id < ast->nodes_n; id++)
        if (ast->nodes[id].hold + 1U > most)
            most = ast->nodes[id].hold + 1U;
    return most;
}

/* Alternatives that could be literals: ors that hold enough of them. */
static size_t anys_count(const struct ast *ast)
{
    size_t n = 0;
    for (uint32_t id = 1; id < ast->nodes_n; id++)
        n += ast->nodes[id].op == OP_ANY;
    return n;
}

struct matcher *matcher_new_on(const struct signature_set *set, const struct kernels *kernels)
{
    struct matcher *matcher = calloc(1, sizeof *matcher);
    struct compiler compiler = {.matcher = matcher, .ast = &set->ast};
    if (!matcher)
        return NULL;
    struct arena *arena = &matcher->arena;
    uint32_t nodes = set->ast.nodes_n;
    matcher->set = set;
    matcher->kernels = kernels;
    matcher->words = set->n / 64 + 1;
    matcher->steps = arena_alloc(arena, 2 * (size_t)nodes * sizeof *matcher->steps);
    matcher->literals =
        arena_alloc(arena, (anys_count(&set->ast) + 1) * sizeof(struct literals));
    matcher->signatures = arena_alloc(arena, (set->n + 1U) * sizeof *matcher->signatures);
    matcher->always = arena_alloc(arena, matcher->words * sizeof(uint64_t));
    matcher->awake = arena_alloc(arena, matcher->words * sizeof(uint64_t));
    matcher->numbers = arena_alloc(arena, (size_t)slots_needed(&set->ast) * BATCH_CAP * 8);
    matcher->kept = arena_alloc(arena, KEPT_NUMBERS_MAX * sizeof *matcher->kept);
    compiler.step_of = malloc(nodes * sizeof *compiler.step_of);
    bool good = matcher->steps && matcher->signatures && matcher->always && matcher->awake &&
                matcher->numbers && matcher->literals && matcher->kept && compiler.step_of;
    if (good) {
        memset(compiler.step_of, 0xff, nodes * sizeof *compiler.step_of);
        good = compile_signatures(&compiler) == 0 && !compiler.failed;
    }
    if (good) {
        matcher->memos = arena_alloc(arena, (matcher->steps_n + 1U) * sizeof *matcher->memos);
        if (matcher->memos) /* one has been asked for too many: room to begin with a line */
            matcher->memos =
                (struct memo *)(void *)(((uintptr_t)matcher->memos + 63) & ~(uintptr_t)63);
        matcher->woken = arena_alloc(arena, (matcher->steps_n + 1U) * sizeof *matcher->woken);
        good = matcher->memos && matcher->woken && number_options(matcher);
    }
    free(compiler.step_of);
    if (good)
        return matcher;
    matcher_free(matcher);
    return NULL;
}

struct matcher *matcher_new(const struct signature_set *set)
{
    return matcher_new_on(set, kernels_at(0));
}

void matcher_free(struct matcher *matcher)
{
    if (!matcher)
        return;
    arena_fini(&matcher->arena);
    free(matcher);
}

const char *matcher_isa(const struct matcher *matcher)
{
    return matcher->kernels->name;
}

struct matches *matches_new(const struct signature_set *set)
{
    struct matches *matches = calloc(1, sizeof *matches);
    if (!matches)
        return NULL;
    matches->count = set->n;
    matches->kernels = kernels_at(0);
    matches->hits = calloc(set->n + 1U, sizeof *matches->hits);
    matches->mask = calloc(set->n + 1U, sizeof *matches->mask);
    if (matches->hits && matches->mask)
        return matches;
    matches_free(matches);
    return NULL;
}

unsigned matches_rows(const struct matches *matches, unsigned index,
                      uint8_t ret_rows[static MATCHES_ROWS_CAP])
{
    return matches->kernels->list(matches->mask[index], ret_rows);
}

void matches_free(struct matches *matches)
{
    if (!matches)
        return;
    free(matches->hits);
    free(matches->mask);
    free(matches);
}
