/* Compiles a set of signatures for one thread: the conjuncts of each, in the order they are
 * asked, and which are asked at all (dispatch.c). All memory that matching needs is taken here.
 */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "compile.h"

static void conjuncts_add(struct compiler *compiler, uint32_t id, uint32_t *n)
{
    const struct node *node = ast_at(compiler->ast, id);
    if (node->op == OP_ALL) {
        conjuncts_add(compiler, node->a, n);
        conjuncts_add(compiler, node->b, n);
    } else {
        compiler->matcher->conjuncts[(*n)++] = step_compile(compiler, id);
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
static double rarity(const struct step *step)
{
    double bits = 8.0 * step->size;
    if (step->column == offsetof(struct batch, dstport))
        bits -= 6;
    if (step->op == OP_IN)
        bits -= 3;
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
            (best == n ||
             rarity(&matcher->steps[list[i]]) > rarity(&matcher->steps[list[best]])))
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
